"""Decoding with PyAV, and video files: at their own speed, or picture by picture as fast as they are taken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer

from app.cameras.base import SourceTraits
from app.cameras.facts import Facts
from app.domain.errors import SourceError
from app.domain.frame import Frame, Image

log = logging.getLogger(__name__)

FAST = "video-fast"
"""The kind of address of a video that is played as fast as its pictures are judged."""

_LATE = 0.25
"""Seconds behind its time after which a picture is skipped."""
_ONE_THREAD = 1920 * 1088
"""Pixels up to which a picture is decoded by one thread: several take 60 % more of the processor for it, which the
detector needs."""

_JUMP = 10.0
"""A gap in the time stamps beyond this many seconds is an error in the file, not a pause."""
_CONTAINERS = (b"ftyp", b"moov", b"mdat", b"RIFF", b"\x1aE\xdf\xa3", b"OggS", b"FLV", b"\x00\x00\x01\xba", b"0&\xb2u")
"""How files of the usual video formats begin (MP4/MOV at byte 4)."""


def to_bgr(frame: av.VideoFrame) -> Image:
    """(H, W, 3) uint8 BGR, upright: phones film lying and note the turn beside the picture."""
    image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    turn = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}.get(
        round(frame.rotation) % 360
    )
    if turn is not None:
        image = np.asarray(cv2.rotate(image, turn), np.uint8)
    return np.ascontiguousarray(image)


class VideoFile:
    """A recording, played once.

    Args:
        path: the file; any format FFmpeg reads.
        fast: every picture as soon as the one before was taken, and none left out; else at the speed it was recorded
            at, as a camera would show it.
    """

    def __init__(self, path: Path, *, fast: bool = False) -> None:
        self._path, self._fast = path, fast
        self.traits = SourceTraits(live=not fast, parts=False, endless=False)
        self.facts: Facts = {}
        """What the file said of itself when it was last opened."""
        self._container: InputContainer | None = None
        self._pictures: Iterator[av.VideoFrame] = iter(())
        self._shown_any = False
        self._ended = False
        self._skipped = 0
        # The clock: `time.monotonic()` at which the time stamp 0 would be due.
        self._zero: float | None = None
        self._last_stamp = 0.0
        self._last_shown = 0.0
        self._stopped = threading.Event()

    @property
    def address(self) -> str:
        return f"{FAST if self._fast else 'video'}:{self._path}"

    @property
    def dropped(self) -> int:
        """Pictures skipped because they came too late for the recording's own speed."""
        return self._skipped

    def open(self) -> None:
        """From the beginning; SourceError for a missing file and for one that is no video."""
        self._let_go()
        self._shown_any = self._ended = False
        self._zero = None
        self._check_file()
        try:
            container = av.open(str(self._path), "r")
        except av.error.FFmpegError as error:
            raise SourceError(self._unreadable(error)) from None
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self.address} holds no pictures (sound only): choose a video.")
        stream = container.streams.video[0]
        self.facts = {"width": stream.width, "height": stream.height, "codec": stream.codec_context.name}
        if stream.average_rate:
            self.facts["fps"] = round(float(stream.average_rate), 3)
        self._container = container
        self._pictures = self._decode(container)

    def read(self) -> Frame | None:
        if self._stopped.is_set() or self._ended:
            return None
        if self._container is None:
            raise SourceError(f"{self.address} is not open.")
        for picture in self._pictures:
            if self._stopped.is_set():
                return None
            if self._wait_for(picture):
                self._shown_any = True
                return None if self._stopped.is_set() else Frame(to_bgr(picture), self.address)
            self._skipped += 1
        self._ended = True
        if not self._shown_any:
            raise SourceError(f"{self.address} is damaged: none of its pictures can be decoded. Copy it again.")
        return None

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._let_go()
        self._stopped.clear()

    def _let_go(self) -> None:
        container, self._container = self._container, None
        self._pictures = iter(())
        if container is not None:
            container.close()

    def _check_file(self) -> None:
        path = self._path
        try:
            if path.is_dir():
                raise SourceError(f"{self.address} is a folder. For the pictures in it, use folder:{path}.")
            with path.open("rb") as file:
                if not file.read(1):
                    raise SourceError(f"{self.address} is empty (0 bytes): copy it again from its origin.")
        except FileNotFoundError:
            raise SourceError(f"{self.address} does not exist: check the path.") from None
        except PermissionError:
            raise SourceError(f"{self.address} may not be read by this user: check its permissions.") from None
        except OSError as error:
            raise SourceError(f"{self.address} can't be read: {error.strerror or error}.") from error

    def _unreadable(self, error: av.error.FFmpegError) -> str:
        with self._path.open("rb") as file:
            head = file.read(16)
        if any(head.startswith(mark) or head[4:8] == mark for mark in _CONTAINERS):
            return (
                f"{self.address} is damaged or its end is missing ({error.strerror}). "
                "Copy it again from its origin, after the recording has ended."
            )
        return f"{self.address} is not a video this station can read: choose an MP4, MOV, AVI or MKV file."

    def _decode(self, container: InputContainer) -> Iterator[av.VideoFrame]:
        """Every picture that can be decoded; damaged ones are left out."""
        stream = container.streams.video[0]
        if stream.width * stream.height <= _ONE_THREAD:
            stream.codec_context.thread_count = 1
        else:
            stream.thread_type = "AUTO"
        damaged = 0
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                break
            except av.error.InvalidDataError:
                damaged += 1
                break
            except OSError as error:
                raise SourceError(
                    f"{self.address} can't be read any more: {error.strerror or error}. Check the drive it lies on."
                ) from None
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                damaged += 1
        if damaged:
            log.warning("%s: %d damaged packets were left out", self.address, damaged)

    def _wait_for(self, picture: av.VideoFrame) -> bool:
        """Waits until the picture is due; False when it is too late to be shown."""
        if self._fast:
            return True
        now = time.monotonic()
        stamp = self._last_stamp if picture.pts is None else float(picture.time)
        if self._zero is None or not 0 <= stamp - self._last_stamp <= _JUMP:
            self._zero, self._last_shown = now - stamp, now
        self._last_stamp = stamp
        early = self._zero + stamp - now
        if early >= -_LATE:
            self._stopped.wait(max(early, 0))
        elif now - self._last_shown < _LATE:
            return False
        else:
            # This computer is too slow for the file: show one now and then, in slow motion.
            self._zero = now - stamp
        self._last_shown = time.monotonic()
        return True
