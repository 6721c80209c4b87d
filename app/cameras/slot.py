"""The one place between a live source and the detector: it holds the newest frame and nothing else."""

from __future__ import annotations

import threading
import time

from app.domain.frame import Frame


class LatestFrameSlot:
    """Room for one frame. A newer frame replaces one that nobody took, and that is counted.

    Any number of threads may put and take.
    """

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Makes `frame` the newest. Never waits; does nothing after `close`."""
        with self._changed:
            if self._closed:
                return
            if self._frame is not None:
                self._dropped += 1
            self._frame = frame
            self._changed.notify()

    def take(self, timeout: float | None = None) -> Frame | None:
        """Takes the newest frame out; whoever gets it owns it.

        Waits up to `timeout` seconds (None: for ever) for one; None when none came or the slot is closed.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while self._frame is None and not self._closed:
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)
            frame, self._frame = self._frame, None
            return frame

    def finish(self) -> None:
        """No more frames will come: the last one can still be taken, then takers get None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Wakes every taker and lets go of the frame; the slot stays closed."""
        with self._changed:
            self._closed = True
            self._frame = None
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def dropped(self) -> int:
        """Frames that were replaced before anyone took them."""
        return self._dropped
