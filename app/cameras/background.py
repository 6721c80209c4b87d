"""Reading a device that may hang: its calls run in a thread of their own, so that waiting can end."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from app.cameras.base import SourceTraits
from app.cameras.slot import LatestFrameSlot
from app.domain.addresses import without_credentials
from app.domain.errors import SourceError
from app.domain.frame import Frame, Image

log = logging.getLogger(__name__)


class Device(Protocol):
    """A connected camera. All calls come from one thread and may block."""

    def grab(self) -> Image | Frame | None:
        """The next picture, (H, W, 3) uint8 BGR, as a frame where the device knows when it was taken; None while
        there is none yet, where the device can wait a moment at a time; SourceError when the camera is lost."""

    def release(self) -> None: ...


class BackgroundCapture:
    """Keeps a device's newest picture at hand and gives up on one that hangs.

    `open`, `read` and `close` belong to one thread, `stop` to any. A device call that never returns
    keeps only its own (daemon) thread, which lets go of the device when the call comes back.

    Args:
        address: of the source, without credentials.
        connect: makes the device; runs in the background thread; SourceError when it can't.
        open_timeout, read_timeout: seconds `open` and `read` wait at most.
    """

    def __init__(
        self, address: str, connect: Callable[[], Device], *, open_timeout: float, read_timeout: float
    ) -> None:
        self._address = address
        self._connect = connect
        self._open_timeout = open_timeout
        self._read_timeout = read_timeout
        self._stopped = threading.Event()
        self._session: _Session | None = None
        self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """Pictures the device gave that were never read, since this object was made."""
        session = self._session
        return self._dropped_before + (session.slot.dropped if session else 0)

    def open(self) -> None:
        self._end_session()
        if self._stopped.is_set():
            return
        session = self._session = _Session(self._address, self._connect)
        if self._stopped.is_set():  # stop() came before it could see the session
            session.abandon()
        session.start()
        if not session.ready.wait(self._open_timeout):
            session.abandon()
            raise SourceError(
                f"{self._address} does not answer within {self._open_timeout:g} s. "
                "Check that the camera has power and that its cable or network is plugged in."
            )
        if session.error is not None and not self._stopped.is_set():
            raise session.error

    def read(self) -> Frame | None:
        session = self._session
        if self._stopped.is_set():
            return None
        if session is None:
            raise SourceError(f"{self._address} is not open.")
        frame = session.slot.take(self._read_timeout)
        if self._stopped.is_set():
            return None
        if frame is not None:
            return frame
        if session.error is not None:
            raise session.error
        raise SourceError(
            f"{self._address} has sent no picture for {self._read_timeout:g} s. "
            "Check the camera and its cable or network; it is tried again by itself."
        )

    def stop(self) -> None:
        self._stopped.set()
        session = self._session
        if session is not None:
            session.abandon()

    def close(self) -> None:
        self._end_session()
        self._stopped.clear()

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.abandon()
            if session.is_alive():
                session.join(0.5)
            self._dropped_before += session.slot.dropped


class _Session(threading.Thread):
    """One connection: from connect to release. Shares nothing with the one before or after it."""

    def __init__(self, address: str, connect: Callable[[], Device]) -> None:
        super().__init__(name=f"capture {address}", daemon=True)
        self.slot = LatestFrameSlot()
        self.ready = threading.Event()
        self.error: SourceError | None = None
        self._address = address
        self._connect = connect
        self._abandoned = threading.Event()

    def abandon(self) -> None:
        self._abandoned.set()
        self.ready.set()
        self.slot.close()

    def run(self) -> None:
        device: Device | None = None
        try:
            device = self._connect()
            self.ready.set()
            while not self._abandoned.is_set():
                taken = device.grab()
                if taken is None:
                    continue
                self.slot.put(taken if isinstance(taken, Frame) else Frame(taken, self._address))
        except SourceError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a driver's surprise must reach the reader, not die with this thread
            trace = without_credentials("".join(traceback.format_exception(error)))
            log.error("%s failed unexpectedly\n%s", self._address, trace)
            self.error = SourceError(f"{self._address} failed: {type(error).__name__}. It is tried again by itself.")
        finally:
            if device is not None:
                device.release()
            self.slot.close()
            self.ready.set()


class BackgroundSource:
    """A camera that is watched all the time and read in the background; see `FrameSource` in app/cameras/base.py.

    Args:
        address, connect, open_timeout, read_timeout: as of `BackgroundCapture`.
    """

    traits = SourceTraits(live=True, parts=False, endless=True)

    def __init__(
        self, address: str, connect: Callable[[], Device], *, open_timeout: float, read_timeout: float
    ) -> None:
        self._address = address
        self._capture = BackgroundCapture(address, connect, open_timeout=open_timeout, read_timeout=read_timeout)

    @property
    def address(self) -> str:
        return self._address

    @property
    def dropped(self) -> int:
        """Pictures replaced by newer ones before they were read."""
        return self._capture.dropped

    def open(self) -> None:
        self._capture.open()

    def read(self) -> Frame | None:
        return self._capture.read()

    def stop(self) -> None:
        self._capture.stop()

    def close(self) -> None:
        self._capture.close()
