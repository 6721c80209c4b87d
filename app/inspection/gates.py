"""Gates: what stands between camera and detector where parts are triggered, and says of each frame whether it is one.

A frame that is no part is shown and not judged: what the detector thinks of an empty place helps nobody. After a part
its verdict stays on the screen for a moment, or until the part is taken away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.domain.frame import Frame, Image
from app.inspection.presence import EmptyPlace, Place, Presence, Small, small, stands_still
from app.inspection.serials import read_code


@dataclass(frozen=True, slots=True)
class Look:
    """What a gate says of one frame.

    Attributes:
        part: it should be inspected.
        words: what is waited for, one short line for whoever stands before the station.
        hold: nothing new is shown: the part that was inspected still lies there.
        code: what was read in the picture and names the part; "" for nothing.
    """

    part: bool
    words: str = ""
    hold: bool = False
    code: str = ""


class Gate(Protocol):
    """Used from the detection thread only.

    Attributes:
        searches: it finds parts in the frames; False where they are asked for elsewhere.
    """

    searches: bool

    @property
    def words(self) -> str:
        """What is waited for now; any thread."""

    def look(self, frame: Frame, *, single: bool) -> Look:
        """
        Args:
            single: each frame is a picture of its own (a folder, the demo line), not one of a moving scene.
        """

    def taken(self, frame: Frame) -> None:
        """The frame is being inspected: `look` had said that it is a part."""


class ClosedGate:
    """No frame is a part by itself: somebody presses, a clock strikes, a scanner reads."""

    searches = False

    def __init__(self, words: Callable[[], str]) -> None:
        self._words = words

    @property
    def words(self) -> str:
        return self._words()

    def look(self, frame: Frame, *, single: bool) -> Look:
        return Look(False, self.words)

    def taken(self, frame: Frame) -> None:
        """Nothing follows from it."""


_PLACES = {
    Place.UNKNOWN: "Clear the place, then teach how it looks empty.",
    Place.EMPTY: "Ready for a part",
    Place.ARRIVING: "Let the part lie still",
    Place.SETTLING: "Inspecting",
    Place.TAKEN: "Take the part away",
}


class Lesson:
    """Pictures of the empty place on their way from the detection thread to whoever teaches it."""

    def __init__(self, count: int = 12) -> None:
        self._count, self._pictures = count, list[Image]()
        self._whole = threading.Event()

    def add(self, image: Image) -> bool:
        """Whether it was the last one that is wanted."""
        if len(self._pictures) < self._count:
            self._pictures.append(image)
        if len(self._pictures) == self._count:
            self._whole.set()
        return self._whole.is_set()

    def wait(self, seconds: float) -> bool:
        return self._whole.wait(seconds)

    def learned(self) -> EmptyPlace:
        """LinesightError where the pictures don't agree."""
        return EmptyPlace.of(self._pictures)


class PresenceGate:
    """A part is what has come, stands still and has not been inspected yet."""

    searches = True

    def __init__(self, presence: Presence) -> None:
        self.presence = presence
        self._lesson: Lesson | None = None

    @property
    def words(self) -> str:
        return _PLACES[self.presence.place]

    def teach(self, lesson: Lesson | None) -> None:
        """Any thread: the next frames show the empty place; None for no more."""
        self._lesson = lesson

    def look(self, frame: Frame, *, single: bool) -> Look:
        lesson = self._lesson
        if lesson is not None and not single:
            if lesson.add(frame.image):
                self._lesson = None
            return Look(False, "Learning how the empty place looks")
        if single:
            # Pictures of parts one by one: only those of the empty place are none.
            part = not self.presence.taught or self.presence.covered(frame.image) >= self.presence.limits.smallest
            return Look(part, _PLACES[Place.EMPTY])
        part = self.presence.look(frame.image, frame.monotonic)
        return Look(part, self.words, hold=self.presence.place is Place.TAKEN)

    def taken(self, frame: Frame) -> None:
        self.presence.taken()


class CodeGate:
    """A part is what shows a code that has not been inspected yet, and stands still; the code is its serial.

    The same code counts again once it has been out of sight for `away` seconds: a part that is inspected anew.

    Args:
        every: seconds between two searches of a picture for codes.
        patience: seconds after which a part that does not come to rest, held by hand, is inspected all the same.
    """

    searches = True

    def __init__(self, *, every: float = 0.2, away: float = 2.0, patience: float = 2.0) -> None:
        self._every, self._away, self._patience = every, away, patience
        self._looked: float | None = None
        self._code, self._seen = "", 0.0  # inspected, and when it was last in sight
        self._found, self._since = "", 0.0  # in sight now, and since when
        self._before: Small | None = None

    @property
    def words(self) -> str:
        if self._found and self._found != self._code:
            return "Let the part lie still"
        return "Take the part away" if self._code else "Hold the part's code before the camera"

    def look(self, frame: Frame, *, single: bool) -> Look:
        now = frame.monotonic
        if single:
            self._found = read_code(frame.image)
            return Look(bool(self._found), self.words, code=self._found)
        seen = small(frame.image)
        still, self._before = stands_still(seen, self._before), seen
        if self._looked is not None and 0 <= now - self._looked < self._every:
            return Look(False, self.words, hold=bool(self._code))
        self._looked = now
        found = read_code(frame.image)
        if found != self._found:
            self._found, self._since = found, now
        if found and found == self._code:
            self._seen = now
        elif self._code and now - self._seen >= self._away:
            self._code = ""
        if not found or found == self._code:
            return Look(False, self.words, hold=bool(self._code))
        # A code can be read while its part still comes; the part is whole in the picture once it has stopped.
        part = still or now - self._since >= self._patience
        return Look(part, self.words, code=found)

    def taken(self, frame: Frame) -> None:
        self._code, self._seen = self._found, frame.monotonic
