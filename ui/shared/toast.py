"""A line that reports a finished action and what can be done next, then leaves by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRect, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from ui.shared.elided import Elided
from ui.shared.widgets import Button

STAYS_MS = 15_000


def open_folder(folder: Path) -> None:
    """Shows a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class Toast(QFrame):
    """Lies over the place it is given (never over picture or verdict)."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "toast")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.setSpacing(8)
        self.words = Elided(mode=Qt.TextElideMode.ElideMiddle)  # the file is at the end
        self.action = Button("Open folder", icon_name="folder-open-outline", on=self._act)
        self.dismiss = Button("Close", on=self.hide)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.action)
        layout.addWidget(self.dismiss)
        self._on_action: Callable[[], None] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def tell(
        self,
        words: str,
        place: QRect,
        action: str = "",
        on: Callable[[], None] | None = None,
        icon_name: str = "folder-open-outline",
    ) -> None:
        """Shows `words` over `place`, with one action if given."""
        self.action.set_icon(icon_name)
        self.words.setText(words)
        self._on_action = on
        self.action.setText(action)
        self.action.setVisible(on is not None)
        self.setGeometry(place)
        self.show()
        self.raise_()
        self._timer.start(STAYS_MS)

    def _act(self) -> None:
        if self._on_action is not None:
            self._on_action()
        self.hide()

    def hideEvent(self, _event: object) -> None:
        self._timer.stop()
