"""The capture thread: keeps a source open, whatever happens to it, and hands its frames on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.cameras.base import FrameSource
from app.cameras.slot import LatestFrameSlot
from app.domain.errors import PictureError, SourceError
from app.domain.frame import Frame
from app.inspection.meter import RateMeter

log = logging.getLogger(__name__)

BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try to open a lost source; the last one repeats."""


class Handover(Protocol):
    """Where the capture thread leaves frames and the detection thread takes them."""

    def put(self, frame: Frame) -> None: ...
    def take(self, timeout: float | None = None) -> Frame | None: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def dropped(self) -> int: ...


class WaitingSlot:
    """For enumerated sources: room for one frame, and who brings the next waits until it is taken."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._frame is None or self._closed)
            if not self._closed:
                self._frame = frame
                self._changed.notify_all()

    def take(self, timeout: float | None = None) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout)
            frame, self._frame = self._frame, None
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        """Lets both sides go on; a frame that lies there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def dropped(self) -> int:
        return 0


def slot_for(source: FrameSource) -> Handover:
    """The newest frame wins for live sources; enumerated ones wait and drop nothing."""
    return LatestFrameSlot() if source.traits.live else WaitingSlot()


@dataclass(frozen=True, slots=True)
class CaptureState:
    """How the source is: `words` name it and the way out where it is lost."""

    connected: bool
    words: str
    captured: int
    reconnects: int
    ended: bool


class CaptureThread:
    """Opens the source, reads, and opens again after a loss, until stopped or at its end.

    Args:
        on_change: called (on this thread) when the source is connected, lost or at its end.
        on_bad_picture: called with the error of a picture of an enumerated source that can't be read.
        wait: waits up to so many seconds for the stop; True once it came. For tests.
    """

    def __init__(
        self,
        source: FrameSource,
        slot: Handover,
        *,
        on_change: Callable[[CaptureState], None] = lambda state: None,
        on_bad_picture: Callable[[PictureError], None] = lambda error: None,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.source, self.slot = source, slot
        self.meter = RateMeter()
        self._on_change, self._on_bad_picture = on_change, on_bad_picture
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._state = CaptureState(False, f"Connecting to {source.address}", 0, 0, False)
        self._captured = self._reconnects = 0
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    @property
    def state(self) -> CaptureState:
        state = self._state
        return CaptureState(state.connected, state.words, self._captured, self._reconnects, state.ended)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Ends the thread; False where a driver keeps it (it ends with the driver's call)."""
        self._stopping.set()
        self.source.stop()
        self.slot.close()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Waits for the end of a finite source."""
        self._thread.join(timeout)

    def _tell(self, connected: bool, words: str, ended: bool = False) -> None:
        self._state = CaptureState(connected, words, self._captured, self._reconnects, ended)
        self._on_change(self._state)

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            try:
                self.source.open()
                self._tell(True, f"{self.source.address} is connected")
                before = self._captured
                self._read_all()
                if self._captured > before:
                    tries = 0
                if not self._stopping.is_set():
                    self._tell(True, f"{self.source.address} has ended", ended=True)
                self._close()
                break
            except SourceError as error:
                words = str(error)
            except Exception as error:  # a driver may raise anything; the line must come back by itself
                log.exception("%s failed", self.source.address)
                words = f"{self.source.address} failed unexpectedly ({error}). It is tried again."
            self._close()
            if self._stopping.is_set():
                break
            if self._captured and self._state.connected:
                tries = 0  # it has worked: the first new try comes quickly
            self._tell(False, words)
            log.warning("%s", words)
            if self._wait(BACKOFF[min(tries, len(BACKOFF) - 1)]):
                break
            tries += 1
            self._reconnects += 1
        self.slot.close()

    def _read_all(self) -> None:
        while not self._stopping.is_set():
            try:
                frame = self.source.read()
            except PictureError as error:
                log.warning("%s", error)
                self._on_bad_picture(error)
                continue
            if frame is None:
                return
            self._captured += 1
            self.meter.tick()
            self.slot.put(frame)

    def _close(self) -> None:
        try:
            self.source.close()
        except Exception:
            log.exception("%s did not close cleanly", self.source.address)
