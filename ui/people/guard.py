"""Watches who is there: touches keep a person signed in, badges sign in, what is refused asks to sign in."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from app.domain.person import Person
from app.people import NotAllowed
from ui.bridge import Bridge, error_words, refusals
from ui.people.places import check_go
from ui.people.signin import WIDTH, SignInSheet
from ui.shared.toast import Toast
from ui.shared.wedge import Wedge
from ui.theme import current
from ui.theme.metrics import RAIL

_EVERY = 1.0  # seconds between two touches that are told


class Guard(QObject):
    """`changed` when somebody signed in or out, or was locked out.

    A page may have `learn_badge(code)` and `take_code(code)`: both say whether they had a use for what was scanned.
    """

    changed = Signal()

    def __init__(
        self,
        window: QWidget,
        bridge: Bridge,
        shown: Callable[[], QWidget | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(window)
        self._window, self._bridge, self._shown, self._clock = window, bridge, shown, clock
        self._people = bridge.station.people
        self._told = -_EVERY
        self._before = self._now()
        self.sheet = SignInSheet(bridge, window)
        self.sheet.entered.connect(self.look)
        self.toast = Toast(window)
        self.wedge = Wedge(window, lambda: bridge.station.settings.scan_prefix, clock, self._at_once, self._touched)
        self.wedge.scanned.connect(self.scanned)
        refusals().heard.connect(self._refused)

    def _now(self) -> tuple[Person | None, bool]:
        return self._people.current, self._people.open

    # -- who is there
    def look(self) -> None:
        """Tells where somebody else is there now; called at every tick of the window too."""
        now = self._now()
        if now != self._before:
            self._before = now
            if now[0] is not None:
                self.toast.hide()
            self.changed.emit()

    def _touched(self) -> None:
        if self._clock() - self._told >= _EVERY:
            self._told = self._clock()
            self._people.touch()

    def tapped(self) -> None:
        """The person in the top bar was tapped: signs out, or asks who is there."""
        if self._people.current is not None:
            self._bridge.run(self._people.sign_out, lambda _none: self.look())
        elif self.sheet.isVisible():
            self.sheet.shut()
        else:
            self.ask()

    def ask(self, why: str = "") -> None:
        """Opens the names."""
        self.toast.hide()
        self._place()
        self.sheet.open(why)

    def may_go(self, key: str) -> bool:
        """Whether a place may be shown; where not, says so with a way to sign in."""
        try:
            check_go(self._people, key)
        except NotAllowed as error:
            error_words(error)
            return False
        return True

    def _refused(self, words: str) -> None:
        if self._people.open or self.sheet.isVisible():
            return
        word = "Sign in" if self._people.current is None else "Sign in as another"
        self.tell(words, word, lambda: self.ask(words))

    def tell(self, words: str, action: str = "", on: Callable[[], None] | None = None) -> None:
        """Shows a line at the bottom of the window."""
        height = current().metrics.touch + 16
        place = QRect(RAIL + 16, self._window.height() - height - 16, self._window.width() - RAIL - 32, height)
        self.toast.tell(words, place, action, on, "account-outline")

    def _place(self) -> None:
        top = current().metrics.top_bar
        width = min(max(WIDTH, 4 * current().metrics.touch + 64), self._window.width() - RAIL)
        self.sheet.setGeometry(self._window.width() - width, top, width, self._window.height() - top)

    def resized(self) -> None:
        self.toast.hide()
        if self.sheet.isVisible():
            self._place()

    # -- codes
    def _at_once(self, event: QKeyEvent) -> bool:
        """The space bar triggers, and so do the keys a page names in `takes_at_once(event)`."""
        takes = getattr(self._shown(), "takes_at_once", None)
        return event.key() == Qt.Key.Key_Space or (takes is not None and bool(takes(event)))

    def scanned(self, code: str) -> None:
        """A scanner has read something: a badge, unless the page on show is just learning one; else a part, which the
        page may look for, or which comes next on the line."""
        if self.sheet.isVisible():  # now it can only be meant as a badge, and a wrong one counts as a wrong try
            self._bridge.run(
                lambda: self._people.scan(code),
                lambda person: self._badge(code, person),
                lambda words: self.sheet.why.tell(f"{words} Tap your name instead.", "bad"),
                quiet=True,
            )
            return
        learn = getattr(self._shown(), "learn_badge", None)
        if learn is not None and learn(code):
            return
        self._bridge.run(lambda: self._people.scan_any(code), lambda person: self._badge(code, person))

    def _badge(self, code: str, person: Person | None) -> None:
        if person is not None:
            if self.sheet.isVisible():
                self.sheet.done()
            self.look()
        else:
            take = getattr(self._shown(), "take_code", None)
            if take is None or not take(code):
                self.tell(f"{code} is nobody's badge. Scan parts on Live, or in Reports under Records.")

    def close(self) -> None:
        """Hears nothing more."""
        self.wedge.close()
        refusals().heard.disconnect(self._refused)
