"""The page: parts, or figures."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from ui.bridge import Bridge
from ui.review.figures import FiguresView
from ui.review.parts import PartsView
from ui.shared.widgets import Choice, row


class ReviewPage(QWidget):
    """The place where people look at parts again."""

    def __init__(self, bridge: Bridge, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.reviewing
        self.setProperty("kind", "ground")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.view = Choice([("parts", "Parts"), ("figures", "Figures and retraining")], "parts")
        self.view.chosen.connect(self.show_view)
        self.parts = PartsView(bridge, self._desk, zone)
        self.figures = FiguresView(bridge, self._desk)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.parts)
        self.stack.addWidget(self.figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        top = row(self.view, self.parts.controls, spacing=16)
        top.setStretch(1, 1)
        layout.addLayout(top)
        layout.addWidget(self.stack, 1)
        bridge.reviews.connect(self._changed)

    def show_view(self, key: str) -> None:
        """One of "parts", "figures"."""
        self.view.set_value(key)
        self.stack.setCurrentIndex(1 if key == "figures" else 0)
        self.parts.controls.setVisible(key == "parts")
        self.refresh()
        self.setFocus()

    def refresh(self) -> None:
        """Reads what is on show again."""
        if self.stack.currentWidget() is self.figures:
            self.figures.refresh()
        else:
            self.parts.refresh()

    def _changed(self) -> None:
        if self.isVisible():
            self.refresh()

    def set_zone(self, zone: tzinfo | None) -> None:
        self.parts.zone = zone

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        on_parts = self.stack.currentWidget() is self.parts
        if on_parts and self.parts.press(event):
            event.accept()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, _event: object) -> None:
        """Whoever goes elsewhere keeps no part from the others."""
        self.parts.leave()

    def close_page(self) -> None:
        self.figures.close_view()
