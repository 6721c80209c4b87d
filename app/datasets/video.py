"""Pictures out of a recording: one every so many seconds, or one whenever what it shows has changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from app.datasets.exporting.names import Names
from app.domain.errors import SourceError
from app.domain.frame import Image
from app.pictures import encode_png
from app.whole_files import write_whole

CHANGE = 0.02
"""Share of the picture that has to have changed, unless told otherwise. Measured on drawn clips: a scene that stands
still stays within 0.010 with noise of 6 grey levels, light that varies by 8 % and strong compression (H.264, CRF 35);
a part that covers 3 % of the picture and appears makes 0.029, and moving the whole by 1/300 of its width 0.07."""

MOST = 10_000
"""Pictures taken out of one recording at most, unless told otherwise."""

_CELLS = (64, 48)
_VISIBLE = 12.0
_EARLY = 1.0


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was taken out.

    Attributes:
        files: the pictures, in order.
        seen: pictures of the recording that were looked at.
        error: why the recording was not used to its end, or which part of it was damaged; "" where all is well. What
            was taken out until then is there.
    """

    files: tuple[Path, ...]
    seen: int
    error: str


def extract(
    video: Path,
    folder: Path,
    *,
    every: float | None = None,
    change: float | None = None,
    most: int = MOST,
    step: Callable[[float, str], None] | None = None,
) -> Extracted:
    """Takes pictures out of a recording, upright and lossless (PNG), named by it and the time they show.

    The first picture is always taken.

    Args:
        folder: made where it is missing; nothing in it is overwritten.
        every: seconds between pictures; with `change` as well, the least time between two of them.
        change: share of the picture, 0..1, that has to differ from the last one taken (see `changed`).
        step: told of the progress; may raise Cancelled, after which the pictures so far are there.

    Raises:
        SourceError: missing, no video, or without a single picture that can be decoded.
    """
    if every is None and change is None:
        raise ValueError("an interval or a change is needed")
    _check(video)
    try:
        container = av.open(str(video), "r")
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(
            f"{video} can't be read as a video ({error.strerror}). Copy it again, or choose an MP4, MOV, AVI or MKV "
            "file."
        ) from None
    with container:
        if not container.streams.video:
            raise SourceError(f"{video} holds no pictures (sound only): choose a video.")
        return _Taking(video, folder, every, change, most, step or (lambda fraction, words: None)).all_of(container)


def signature(image: Image) -> NDArray[np.float32]:
    """(48, 64) float32 grey levels of a (H, W, 3) uint8 BGR picture: all that `changed` looks at."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, _CELLS, interpolation=cv2.INTER_AREA), np.float32)


def changed(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Share of the cells, 0..1, that differ by more than 12 grey levels once the change of the whole picture's light
    (the median of all differences) is taken away."""
    difference = other - one
    return float((np.abs(difference - np.median(difference)) > _VISIBLE).mean())


class _Taking:
    def __init__(
        self,
        video: Path,
        folder: Path,
        every: float | None,
        change: float | None,
        most: int,
        step: Callable[[float, str], None],
    ) -> None:
        self._video, self._folder, self._every, self._change = video, folder, every, change
        self._most, self._step = most, step
        self._files: list[Path] = []
        self._seen = self._damaged = 0
        self._last: NDArray[np.float32] | None = None
        self._due = 0.0
        self._time = 0.0
        self._error = ""
        # The time stands behind the name, which is cut where it is too long for a file.
        self._stem = Names().free(video.stem)

    def all_of(self, container: InputContainer) -> Extracted:
        duration = container.duration / av.time_base if container.duration else 0.0
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for seconds, frame in self._pictures(container):
                self._seen += 1
                self._time = seconds
                self._look(seconds, frame)
                fraction = min(seconds / duration, 1.0) if duration else 0.0
                self._step(fraction, f"Taking pictures out of {self._video.name}: {len(self._files)}")
                if len(self._files) >= self._most:
                    self._error = (
                        f"{self._video} was left at {_clock(seconds)}: {self._most:,} pictures are taken at most."
                    )
                    break
        except OSError as error:
            self._error = (
                f"The pictures of {self._video} can't be written to {self._folder} ({error.strerror or error}). "
                f"{len(self._files)} are there; make room and begin again."
            )
        if not self._seen:
            raise SourceError(
                self._error or f"{self._video} is damaged: none of its pictures can be decoded. Copy it again."
            )
        return Extracted(tuple(self._files), self._seen, self._error or self._damage(duration))

    def _damage(self, duration: float) -> str:
        if self._damaged:
            places = "one place" if self._damaged == 1 else f"{self._damaged} places"
            return f"{self._video} is damaged in {places}, where pictures are missing. Copy it again."
        if self._time < duration - max(_EARLY, 0.1 * duration):
            return (
                f"{self._video} ends at {_clock(self._time)}, but should last {_clock(duration)}: its end is missing. "
                "Copy it again."
            )
        return ""

    def _pictures(self, container: InputContainer) -> Iterator[tuple[float, av.VideoFrame]]:
        """Every picture that can be decoded, with its seconds since the first."""
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate or 25)
        packets = container.demux(stream)
        first: float | None = None
        last = 0.0
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except (av.error.FFmpegError, OSError):
                self._damaged += 1
                return
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._damaged += 1
                    continue
                stamp = last + 1 / rate if frame.pts is None or frame.time is None else float(frame.time)
                first = stamp if first is None else first
                last = stamp
                yield max(stamp - first, 0.0), frame

    def _look(self, seconds: float, frame: av.VideoFrame) -> None:
        """Keeps the picture if it is due and shows something new."""
        # Time stamps are rounded to the recording's clock.
        if self._files and self._every is not None and seconds < self._due - 1e-3:
            return
        image = _upright(frame)
        if self._change is not None:
            now = signature(image)
            if self._last is not None and changed(self._last, now) < self._change:
                return
            self._last = now
        self._keep(image, seconds)
        if self._every:
            # From the interval's own grid when only time counts: it does not drift.
            passed = math.floor(seconds / self._every + 1e-6) * self._every
            self._due = (passed if self._change is None else seconds) + self._every

    def _keep(self, image: Image, seconds: float) -> None:
        name = f"{self._stem}-{_clock(seconds).replace(':', '-')}"
        target, number = self._folder / f"{name}.png", 1
        while target.exists():
            number += 1
            target = self._folder / f"{name}-{number}.png"
        write_whole(target, encode_png(image), durable=False)
        self._files.append(target)


def _clock(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _upright(frame: av.VideoFrame) -> Image:
    """(H, W, 3) uint8 BGR: phones film lying and note the turn beside the picture."""
    image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns))


def _check(video: Path) -> None:
    try:
        if video.is_dir():
            raise SourceError(f"{video} is a folder, not a video.")
        if not video.stat().st_size:
            raise SourceError(f"{video} is empty (0 bytes): copy it again from its origin.")
    except FileNotFoundError:
        raise SourceError(f"{video} does not exist: check the path.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{str(video)!r} can't be read ({why}).") from error
