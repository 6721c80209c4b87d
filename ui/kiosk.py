"""Kiosk mode: the window covers the screen and stays open until somebody who may end it says so."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QMainWindow

from app.domain.person import Action
from app.people import PeopleDesk
from ui.people import Guard

_ASKS = "This station runs as a kiosk."
_NOBODY = "Whoever may change the settings can end it. Sign in first."


class Kiosk(QObject):
    """Watches over one window. Where nobody has a PIN there is nothing to guard the way out by: it only asks once.

    What the desktop itself does with its keys (another console, a key that locks the screen) no program can catch.
    """

    def __init__(self, window: QMainWindow, guard: Guard, people: PeopleDesk) -> None:
        super().__init__(window)
        self._window, self._guard, self._people = window, guard, people
        self._ended = False
        window.setWindowFlags(
            window.windowFlags() | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint
        )
        window.installEventFilter(self)

    def show(self) -> None:
        self._window.showFullScreen()

    def lets_close(self) -> bool:
        """Whether the window may be closed now; where not, asks for what is needed."""
        if self._ended:
            return True
        if self._people.open or self._people.may(Action.SETTINGS):
            self._guard.tell(f"{_ASKS} End it?", "End the program", self.end)
        else:
            self._guard.tell(f"{_ASKS} {_NOBODY}", "Sign in", lambda: self._guard.ask(_NOBODY))
        return False

    def end(self) -> None:
        """Closes the window, where whoever is there may; asks again where that has changed meanwhile."""
        if self._people.open or self._people.may(Action.SETTINGS):
            self._ended = True
        self._window.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowStateChange and not self._ended and not self._window.isFullScreen():
            QTimer.singleShot(0, self._again)  # not within the change that is being told
        return False

    def _again(self) -> None:
        if not self._ended and self._window.isVisible() and not self._window.isFullScreen():
            self._window.showFullScreen()
