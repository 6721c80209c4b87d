"""The capture thread: keeps a source open, whatever happens to it, and hands its frames on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.cameras.base import FrameSource
from app.cameras.slot import LatestFrameSlot
from app.domain.addresses import without_credentials
from app.domain.errors import PictureError, SourceError
from app.domain.frame import Frame, Image
from app.inspection.meter import RateMeter

log = logging.getLogger(__name__)

BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try to open a lost source; the last one repeats."""


class Handover(Protocol):
    """Where the capture thread leaves frames and the detection thread takes them."""

    def put(self, frame: Frame) -> None: ...
    def take(self, timeout: float | None = None) -> Frame | None: ...
    def finish(self) -> None: ...
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

    def finish(self) -> None:
        """No more frames will come; one that lies there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Lets both sides go on; a frame that lies there can still be taken."""
        self.finish()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def dropped(self) -> int:
        return 0


def slot_for(source: FrameSource) -> Handover:
    """The newest frame wins for live sources; enumerated ones wait and drop nothing."""
    return LatestFrameSlot() if source.traits.live else WaitingSlot()


def one_picture(source: FrameSource) -> Image:
    """Opens a source, takes one picture, (H, W, 3) uint8 BGR, and closes it again.

    Raises:
        SourceError, PictureError: it gives none.
    """
    try:
        source.open()
        frame = source.read()
    finally:
        source.close()
    if frame is None:
        raise SourceError(f"{source.address} gave no picture.")
    return frame.image


@dataclass(frozen=True, slots=True)
class CaptureState:
    """How the source is.

    Attributes:
        connected: frames come, or may come.
        words: name the source, and the way out where it is lost.
        captured: frames read so far.
        reconnects: how often it came back after a loss.
        ended: a finite source has given its last frame.
    """

    connected: bool
    words: str
    captured: int
    reconnects: int
    ended: bool


class CaptureThread:
    """Opens the source, reads, and opens again after a loss, until stopped or at its end.

    Args:
        on_change: called (on this thread) when the source is connected, lost or at its end; not after `stop`.
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
        self._connected, self._words, self._ended = False, f"Connecting to {source.address}", False
        self._lost = False  # since the last loss no frame has come
        self._captured = self._reconnects = 0
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    @property
    def state(self) -> CaptureState:
        return CaptureState(self._connected, self._words, self._captured, self._reconnects, self._ended)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Ends the thread; False where a driver keeps it (it ends with the driver's call).

        What an enumerated source has already given goes to the detector first: nothing of it is dropped."""
        self._stopping.set()
        self.source.stop()
        if self.source.traits.live:
            self.slot.close()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self.slot.close()
        return not self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Waits for the end of a finite source."""
        self._thread.join(timeout)

    def _tell(self, connected: bool, words: str, ended: bool = False) -> None:
        self._connected, self._words, self._ended = connected, words, ended
        if self._stopping.is_set():
            return
        try:
            self._on_change(self.state)
        except Exception:  # a broken listener must not end the capture
            log.exception("a listener of %s failed", self.source.address)

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            before = self._captured
            try:
                self.source.open()
                # A camera that opens and then gives nothing has not come back.
                if not self._lost or not self.source.traits.live:
                    self._is_there()
                self._read_all()
                if not self._stopping.is_set():
                    self._tell(True, f"{self.source.address} has ended", ended=True)
                break
            except SourceError as error:
                words = str(error)
            except Exception as error:  # a driver may raise anything; the line must come back by itself
                log.exception("%s failed", self.source.address)
                cause = without_credentials(str(error)) or type(error).__name__
                words = f"{self.source.address} failed unexpectedly ({cause}). It is tried again."
            finally:
                self._close()
            if self._stopping.is_set():
                break
            if self._captured > before:
                tries = 0  # it has worked: the first new try comes quickly
            if not self._lost or words != self._words:
                log.warning("%s", words)
            self._lost = True
            self._tell(False, words)
            if self._wait(BACKOFF[min(tries, len(BACKOFF) - 1)]):
                break
            tries += 1
        self._close()  # once more for a stop that came first: the source may be opened again
        self.slot.finish()

    def _is_there(self) -> None:
        if self._lost:
            self._lost = False
            self._reconnects += 1
        self._tell(True, f"{self.source.address} is connected")

    def _read_all(self) -> None:
        while not self._stopping.is_set():
            try:
                frame = self.source.read()
            except PictureError as error:
                log.warning("%s", error)
                try:
                    self._on_bad_picture(error)
                except Exception:
                    log.exception("a listener of %s failed", self.source.address)
                continue
            if frame is None:
                return
            if self._lost:
                self._is_there()
            self._captured += 1
            self.meter.tick()
            self.slot.put(frame)

    def _close(self) -> None:
        try:
            self.source.close()
        except Exception:
            log.exception("%s did not close cleanly", self.source.address)
