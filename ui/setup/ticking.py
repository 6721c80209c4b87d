"""A card whose words follow what happens, as long as it is on the screen."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent

from ui.shared.widgets import Card

_EVERY = 1000  # milliseconds


class TickingCard(Card):
    """`tick` is called when it appears and every second while it is visible."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.tick)

    def tick(self) -> None:
        """Reads what is known at once; waits for nothing."""

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.tick()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
