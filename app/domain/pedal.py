"""A foot pedal: short and long presses of one contact, past its bouncing."""

from __future__ import annotations

from enum import StrEnum, auto


class Press(StrEnum):
    """What a foot did."""

    SHORT = auto()
    LONG = auto()


class Pedal:
    """Tells short from long presses of a key, past a bouncing contact. Times are seconds on any rising clock.

    Args:
        hold: a press that lasts so long is a long one; it is told while the foot is still down.
        bounce: what follows the contact within this is no press and no release.
    """

    def __init__(self, *, hold: float = 0.6, bounce: float = 0.05) -> None:
        self.hold, self._bounce = hold, bounce
        self._down: float | None = None
        self._up = float("-inf")
        self._told = False
        self.bounced = 0

    def down(self, at: float) -> None:
        """The contact closed."""
        if self._down is not None or at - self._up < self._bounce:
            self.bounced += 1
            return
        self._down, self._told = at, False

    def held(self, at: float) -> Press | None:
        """LONG once, when the foot has been down long enough."""
        if self._down is None or self._told or at - self._down < self.hold:
            return None
        self._told = True
        return Press.LONG

    def up(self, at: float) -> Press | None:
        """The contact opened: what it was, None for a bounce or a long press that was told already."""
        if self._down is None:
            return None
        if at - self._down < self._bounce and not self._told:
            self.bounced += 1
            return None
        press = self.held(at) or (None if self._told else Press.SHORT)
        self._down, self._up = None, at
        return press
