"""A recorded clip, looked at picture by picture: played, halted and scrubbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import av.error

from app.cameras.video import to_bgr
from app.domain.errors import LinesightError
from app.domain.frame import Image

_FAR = 2.0  # seconds from which on jumping to a key frame is quicker than decoding all that lies between


class Film:
    """One video file; for one thread. Times are seconds from its beginning.

    Attributes:
        length: in seconds.

    Raises:
        LinesightError: it is gone, or no video.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._container = av.open(str(path))
        except (av.error.FFmpegError, OSError) as error:
            raise self._broken(error) from error
        if not self._container.streams.video:
            self._container.close()
            raise LinesightError(f"{path.name} holds no video.")
        self._stream = self._container.streams.video[0]
        self._begin = float((self._stream.start_time or 0) * (self._stream.time_base or 0))
        self.length = (self._container.duration or 0) / av.time_base
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._shown: av.VideoFrame | None = None
        self._next: av.VideoFrame | None = None

    def picture(self, at: float) -> tuple[float, Image]:
        """The picture on show at a time, with the time it begins at; (H, W, 3) uint8 BGR. The first before the
        beginning, the last after the end.

        Raises:
            LinesightError: it can't be decoded.
        """
        try:
            shown = self._at(max(0.0, at))
        except (av.error.FFmpegError, OSError) as error:
            raise self._broken(error) from error
        if shown is None:
            raise LinesightError(f"{self._path.name} has no picture that can be shown.")
        return self._time(shown), to_bgr(shown)

    def close(self) -> None:
        self._container.close()

    def _at(self, at: float) -> av.VideoFrame | None:
        shown = self._shown
        if shown is None or not self._time(shown) <= at < self._time(shown) + _FAR:
            base = float(self._stream.time_base or 1)
            self._container.seek(int((at + self._begin) / base), stream=self._stream)
            self._frames = self._container.decode(self._stream)
            self._shown, self._next = next(self._frames, None), next(self._frames, None)
        while self._next is not None and self._time(self._next) <= at + 1e-6:
            self._shown, self._next = self._next, next(self._frames, None)
        return self._shown

    def _time(self, frame: av.VideoFrame) -> float:
        return max(0.0, (frame.time or 0.0) - self._begin)

    def _broken(self, error: Exception) -> LinesightError:
        return LinesightError(
            f"{self._path.name} can't be shown ({error.__class__.__name__}). It may have made room for newer clips."
        )
