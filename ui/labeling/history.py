"""The side sheet with what people did to one picture, newest first; nothing in it is ever taken out."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.labelling import Change
from ui.labeling.words import state_words
from ui.shared.elided import Elided
from ui.shared.widgets import Button, clear, label, scrolled

WIDTH = 400


class HistorySheet(QFrame):
    """Lies over the right side of its parent until it is closed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sheet")
        self.name = Elided("", "heading")
        self.close_button = Button("Close", on=self.hide)
        top = QHBoxLayout()
        top.addWidget(self.name, 1)
        top.addWidget(self.close_button)
        content = QWidget()
        self._lines = QVBoxLayout(content)
        self._lines.setContentsMargins(0, 0, 8, 0)
        self._lines.setSpacing(16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(top)
        area = scrolled(content)
        for each in (content, area.viewport()):  # the sheet's own ground shows through
            each.setProperty("kind", "")
            each.setAutoFillBackground(False)
        layout.addWidget(area, 1)
        self.hide()

    def show_history(self, name: str, changes: list[Change]) -> None:
        self.name.setText(name.rsplit("/", 1)[-1])
        clear(self._lines)
        for each in reversed(changes):
            line = QVBoxLayout()
            line.setSpacing(4)
            line.addWidget(label(each.action, "strong", wrap=True))
            line.addWidget(label(f"{state_words(each.before)} → {state_words(each.after)}", wrap=True))
            line.addWidget(label(f"{each.who}, {each.at.astimezone():%d %b %Y, %H:%M:%S}", "quiet", wrap=True))
            self._lines.addLayout(line)
        if not changes:
            self._lines.addWidget(label("Nobody has said anything about this picture yet.", "note", wrap=True))
        self._lines.addStretch(1)
        self.fit()
        self.show()
        self.raise_()

    def fit(self) -> None:
        """Its place over the parent, which calls this when it is resized."""
        parent = self.parentWidget()
        width = min(WIDTH, parent.width())
        self.setGeometry(parent.width() - width, 0, width, parent.height())

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
