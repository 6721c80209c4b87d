"""What is to be sent: whole GOPs, kept until the cloud says it has them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.cloud.video import mkv
from app.cloud.video.feed import EncodedFrame

PART_TAG = "LINESIGHT_PART"
STATION_TAG = "LINESIGHT_STATION"


class Fragment:
    """One GOP, growing until the next begins. Frames are only ever added.

    Attributes:
        number: rises from one fragment to the next.
        frames: at least one; the first is a key frame.
        size: bytes of its frames.
        closed: nothing will be added.
    """

    __slots__ = ("closed", "frames", "number", "parts", "size")

    def __init__(self, number: int, first: EncodedFrame) -> None:
        self.number = number
        self.frames: list[EncodedFrame] = []
        self.size = 0
        self.closed = False
        self.parts: dict[str, None] = {}
        self.add(first)

    def add(self, frame: EncodedFrame) -> None:
        self.frames.append(frame)
        self.size += len(frame.data)
        if frame.part_id:
            self.parts[frame.part_id] = None

    @property
    def track(self) -> mkv.Track:
        return self.frames[0].track

    @property
    def timeline(self) -> int:
        return self.frames[0].timeline

    @property
    def timecode(self) -> int:
        """Milliseconds since 1970 of its first frame."""
        return self.frames[0].stamp

    @property
    def last(self) -> int:
        """Milliseconds since 1970 of its newest frame."""
        return self.frames[-1].stamp

    def continues(self, frame: EncodedFrame) -> bool:
        return not (self.closed or frame.key) and frame.track is self.track and frame.timeline == self.timeline


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the buffer holds: fragments, bytes and seconds of video not confirmed yet; what it gave up."""

    fragments: int
    bytes: int
    seconds: float
    dropped: int
    dropped_frames: int


class FragmentBuffer:
    """Fragments in order, bounded in bytes and seconds. Any thread. A `Sink` of a feed.

    Where an outage outlasts it, the oldest whole fragments go, and are counted; never the one that is being sent nor
    the newest, of which half would be left.

    Args:
        on_change: called when there is more to send, on the encoder's thread.
    """

    def __init__(
        self, most_bytes: int = 64 << 20, most_seconds: float = 120.0, on_change: Callable[[], None] = lambda: None
    ) -> None:
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._on_change = on_change
        self._lock = threading.Lock()
        self._fragments: dict[int, Fragment] = {}
        self._given_up: dict[int, int] = {}  # number: frames; of those not confirmed after all
        self._size = 0
        self._seconds = 0.0  # of closed fragments
        self._accepted = self._dropped = self._dropped_frames = 0
        self._open: Fragment | None = None
        self._pinned = -1

    # -- the encoder's side
    def add(self, frame: EncodedFrame) -> None:
        with self._lock:
            current = self._open
            if current is not None and current.continues(frame):
                current.add(frame)
            elif not frame.key:
                return  # until a GOP begins
            else:
                self._close_open()
                self._accepted += 1
                current = self._open = Fragment(self._accepted, frame)
                self._fragments[current.number] = current
            self._size += len(frame.data)
            self._keep_within_bounds()
        self._on_change()

    def pause(self) -> None:
        """The open fragment is at its end."""
        with self._lock:
            self._close_open()
        self._on_change()

    # -- the sender's side
    def after(self, number: int) -> Fragment | None:
        """The oldest fragment behind this number."""
        with self._lock:
            return next((one for at, one in self._fragments.items() if at > number), None)

    def pin(self, fragment: Fragment | None) -> None:
        """The fragment that is on its way, half sent: it stays."""
        with self._lock:
            self._pinned = -1 if fragment is None else fragment.number

    def confirm(self, fragment: Fragment) -> bool:
        """The cloud has it; False where that was known."""
        with self._lock:
            kept = self._fragments.get(fragment.number)
            if kept is not None:
                self._remove(kept)
                return True
            frames = self._given_up.pop(fragment.number, None)
            if frames is None:
                return False
            # It had been sent before it was given up, and has arrived.
            self._dropped -= 1
            self._dropped_frames -= frames
            return True

    def give_up(self, fragment: Fragment) -> None:
        """The cloud will not take it."""
        with self._lock:
            if fragment.number in self._fragments:
                self._drop(fragment)

    @property
    def accepted(self) -> int:
        """Fragments that were begun."""
        return self._accepted

    def waiting(self) -> Waiting:
        with self._lock:
            seconds = self._seconds + (_length(self._open) if self._open else 0.0)
            return Waiting(len(self._fragments), self._size, seconds, self._dropped, self._dropped_frames)

    def __iter__(self) -> Iterator[Fragment]:
        with self._lock:
            return iter(list(self._fragments.values()))

    # -- inside, with the lock
    def _close_open(self) -> None:
        if self._open is not None:
            self._open.closed = True
            if self._open.number in self._fragments:
                self._seconds += _length(self._open)
            self._open = None

    def _keep_within_bounds(self) -> None:
        while self._size > self._most_bytes or self._seconds > self._most_seconds:
            oldest = next((one for one in self._fragments.values() if one.closed and one.number != self._pinned), None)
            if oldest is None:
                return
            self._drop(oldest)

    def _drop(self, fragment: Fragment) -> None:
        self._remove(fragment)
        self._dropped += 1
        self._dropped_frames += len(fragment.frames)
        self._given_up[fragment.number] = len(fragment.frames)
        while len(self._given_up) > 1000:
            del self._given_up[next(iter(self._given_up))]

    def _remove(self, fragment: Fragment) -> None:
        del self._fragments[fragment.number]
        self._size -= fragment.size
        if fragment.closed:
            self._seconds -= _length(fragment)
        else:
            self._open = None
            fragment.closed = True


def _length(fragment: Fragment) -> float:
    """Seconds from its first frame to the end of its last, taken as long as the others."""
    frames = max(1, len(fragment.frames) - 1)
    return (fragment.last - fragment.timecode) / 1000 * (frames + 1) / frames
