"""Triggers: who says which frame is a part.

While a trigger is armed, frames without it are shown and not recorded. A trigger takes the next frame that was captured
after it out of the slot and owns it until the verdict is on record; another one meanwhile is refused and counted. An
enumerated source gives its next picture for each trigger and otherwise waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto

from app.domain.frame import Frame


class Fired(StrEnum):
    """What became of a trigger."""

    TAKEN = auto()
    BUSY = auto()  # the part before has no verdict yet
    BOUNCED = auto()  # too soon after the one before to be meant
    OFF = auto()  # nothing is armed


@dataclass(frozen=True, slots=True)
class TriggerCounts:
    """Since the start of the program.

    Attributes:
        missed: taken, and no frame came for it in time.
    """

    taken: int = 0
    busy: int = 0
    bounced: int = 0
    missed: int = 0


class Trigger:
    """One port for the space bar, a pedal, a button, a serial line or a PLC. Any thread may fire.

    Args:
        debounce: seconds after a trigger in which another one is a bouncing contact.
        patience: seconds after which a trigger that got no frame is given up: a camera may have gone.
        changed: called when a trigger was taken, refused or is through; must return quickly.
    """

    def __init__(
        self,
        *,
        debounce: float = 0.15,
        patience: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._debounce, self._patience, self._clock, self._changed = debounce, patience, clock, changed
        self._state = threading.Condition()
        self._armed: set[str] = set()  # who wants that parts are triggered
        self._fired: float | None = None  # waits for its frame since
        self._owned: int | None = None  # id of the frame it took
        self._by = ""  # who fired what waits or is owned
        self._last: float | None = None
        self._taken = self._busy = self._bounced = self._missed = 0

    # -- who fires
    def fire(self, by: str = "", *, bounces: bool = True) -> Fired:
        """Asks for the next frame as a part.

        Args:
            by: who asks; `owner` says it again until the verdict is on record.
            bounces: False where whoever fires has left out bouncing contacts already.
        """
        with self._state:
            now = self._clock()
            fired = self._decide(now, bounces)
            if fired is Fired.TAKEN:
                self._fired = self._last = now
                self._by = by
                self._taken += 1
                self._state.notify_all()
        self._changed()
        return fired

    def refuse(self) -> None:
        """Counts a trigger that comes while the part before is still being dealt with elsewhere."""
        with self._state:
            self._busy += 1

    def withdraw(self, by: str) -> bool:
        """Takes a trigger back that has got no frame yet; whether that was so."""
        with self._state:
            waits = self._fired is not None and self._by == by
            if waits:
                self._fired = None
                self._missed += 1
        if waits:
            self._changed()
        return waits

    def _decide(self, now: float, bounces: bool) -> Fired:
        if not self._armed:
            return Fired.OFF
        if bounces and self._last is not None and now - self._last < self._debounce:
            self._bounced += 1
            return Fired.BOUNCED
        if self._given_up(now):
            self._fired = None
            self._missed += 1
        if self.busy:
            self._busy += 1
            return Fired.BUSY
        return Fired.TAKEN

    @property
    def busy(self) -> bool:
        """Whether a part has no verdict yet."""
        waits = self._fired is not None and not self._given_up(self._clock())
        return waits or self._owned is not None

    def _given_up(self, now: float) -> bool:
        fired = self._fired
        return fired is not None and now - fired > self._patience

    @property
    def owned(self) -> int | None:
        """Id of the frame that a trigger took and that has no verdict on record yet."""
        return self._owned

    @property
    def owner(self) -> str | None:
        """Who fired the trigger whose frame is owned now; None where none is."""
        with self._state:
            return self._by if self._owned is not None else None

    @property
    def counts(self) -> TriggerCounts:
        with self._state:
            return TriggerCounts(self._taken, self._busy, self._bounced, self._missed)

    # -- who decides that parts are triggered
    @property
    def armed(self) -> bool:
        return bool(self._armed)

    def arm(self, armed: bool = True, *, by: str = "") -> None:
        """From now on only triggered frames are parts; or, once all who armed it have let go, as the source says."""
        with self._state:
            if armed:
                self._armed.add(by)
            else:
                self._armed.discard(by)
            if not self._armed:
                self._fired = None
            self._state.notify_all()
        self._changed()

    # -- the pipeline's side
    def wait(self, timeout: float) -> bool:
        """Before an enumerated source is asked for a picture: whether it is wanted now; waits up to so many seconds."""
        with self._state:
            return self._state.wait_for(lambda: not self._armed or self._fired is not None, timeout)

    def claim(self, frame: Frame, *, live: bool) -> bool:
        """Whether this frame is the triggered part; a live one must have been captured after the trigger."""
        with self._state:
            if not self._armed or self._fired is None or (live and frame.monotonic < self._fired):
                return False
            if live and self._given_up(self._clock()):  # who pressed has gone on; a folder's next picture is the part
                self._fired = None
                self._missed += 1
                return False
            self._fired, self._owned = None, frame.id
            return True

    def take(self, frame: Frame) -> bool:
        """Takes a frame that a gate has found to be a part; False while the part before has no verdict yet."""
        with self._state:
            if not self._armed or self.busy:
                return False
            self._owned, self._by = frame.id, ""
            self._last = self._clock()
            self._taken += 1
        self._changed()
        return True

    def release(self, frame_id: int | None = None) -> None:
        """The verdict is on record, or there will be none; None for whatever is under way: the line has ended."""
        with self._state:
            if frame_id is None:
                self._fired = self._owned = None
            elif self._owned == frame_id:
                self._owned = None
            else:
                return
            self._state.notify_all()
        self._changed()
