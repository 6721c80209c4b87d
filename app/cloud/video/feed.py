"""A camera's frames as H.264, encoded once for all who want them (a stream in the cloud, clips)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import av.error
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType

from app.cameras.slot import LatestFrameSlot
from app.cloud.session import CloudError
from app.cloud.video import mkv
from app.domain.frame import Frame, Image

log = logging.getLogger(__name__)

GOP_MS = 1000
"""Milliseconds of video that begin with one key frame."""
_PAUSE = 2.0  # seconds without a frame after which a GOP is at its end: a fragment may last ten
_SMALL_STEP_MS = 500  # a clock that goes back further begins a new timeline
_TRIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFrame:
    """One frame on its way out.

    Attributes:
        track: it is decoded by; another object after a change of size.
        timeline: rises when the clock was put back: times are comparable within one only.
        stamp: the producer's time, milliseconds since 1970; rises strictly within a timeline.
        key: it begins a GOP.
        data: H.264, each NAL unit with its length before it.
        monotonic: `time.monotonic()` at capture.
        part_id: of the part on it, "" where the line told none.
    """

    track: mkv.Track
    timeline: int
    stamp: int
    key: bool
    data: bytes
    monotonic: float
    part_id: str = ""


class Sink(Protocol):
    """Who takes encoded frames, on the encoder's thread; must return quickly."""

    def add(self, frame: EncodedFrame) -> None: ...

    def pause(self) -> None:
        """No frame comes for the time being; the next one begins a GOP."""


class Encoder:
    """x264 without look-ahead: each picture in gives one out. One thread at a time.

    Args:
        kbit: thousands of bits a second that are not exceeded over a second.
    """

    def __init__(self, kbit: int = 6000) -> None:
        self._kbit = kbit
        self._context: av.VideoCodecContext | None = None
        self._track: mkv.Track | None = None
        self._timeline = 0
        self._last = self._gop = -1
        self._pts = 0
        self._cut = True

    def cut(self) -> None:
        """The next frame begins a GOP."""
        self._cut = True

    def encode(self, frame: Frame) -> EncodedFrame:
        """Raises CloudError where this computer can't encode H.264."""
        image = _even(frame.image)
        height, width = image.shape[:2]
        if self._track is None or (self._track.width, self._track.height) != (width, height):
            self._open(width, height)
        stamp = self._stamp(round(frame.captured_at.timestamp() * 1000))
        key = self._cut or stamp - self._gop >= GOP_MS
        if key:
            self._gop, self._cut = stamp, False
        data = self._compress(image, key)
        assert self._track is not None
        return EncodedFrame(self._track, self._timeline, stamp, key, data, frame.monotonic, frame.part_id or "")

    def _stamp(self, stamp: int) -> int:
        before = self._last
        if self._last - stamp > _SMALL_STEP_MS:  # the clock was put back
            self._timeline += 1
            self._cut = True
        else:
            stamp = max(stamp, self._last + 1)
        self._last = stamp
        # x264 wants rising times, also where a timeline begins anew or the line paused.
        self._pts += min(max(stamp - before, 1), GOP_MS)
        return stamp

    def _open(self, width: int, height: int) -> None:
        try:
            context = av.CodecContext.create("libx264", "w")
            assert isinstance(context, av.VideoCodecContext)
            context.width, context.height, context.pix_fmt = width, height, "yuv420p"
            context.time_base, context.framerate = Fraction(1, 1000), Fraction(30)
            context.flags |= Flags.global_header  # parameter sets go into CodecPrivate
            context.thread_count = 1  # threads would gain little at this preset and take from the detector
            context.options = {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "crf": "23",
                "maxrate": f"{self._kbit}k",
                "bufsize": f"{self._kbit}k",
                "forced-idr": "1",
                "x264-params": "keyint=infinite:scenecut=0:range=tv:colormatrix=smpte170m",  # as cv2 converts
            }
            context.open()
            private = mkv.avc_private(context.extradata or b"")
        except (av.error.FFmpegError, ValueError) as error:
            raise CloudError(f"This computer can't encode H.264 at {width} x {height} ({error}).") from error
        self._context = context
        self._track = mkv.Track(mkv.H264, private, width, height)
        self._cut = True

    def _compress(self, image: Image, key: bool) -> bytes:
        assert self._context is not None
        planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts, picture.time_base = self._pts, Fraction(1, 1000)
        picture.pict_type = PictureType.I if key else PictureType.NONE
        data = b"".join(bytes(packet) for packet in self._context.encode(picture))
        if not data:
            raise CloudError("The H.264 encoder gave no picture.")
        return mkv.avcc(data)


class Feed:
    """Takes frames from a live line without ever making it wait, and encodes them on a thread of its own.

    The newest frame wins where the encoder is behind; what was passed over is counted. A fault of the encoder
    costs its frames and is tried again with the next.
    """

    def __init__(self, name: str, encoder: Encoder | None = None) -> None:
        self.name = name
        self._encoder = encoder or Encoder()
        self._slot = LatestFrameSlot()
        self._lock = threading.Lock()
        self._sinks: tuple[Sink, ...] = ()
        self._thread: threading.Thread | None = None
        self._encoded = 0
        self._trouble = ""

    def offer(self, frame: Frame) -> None:
        """Any thread; returns at once."""
        self._slot.put(frame)

    def add_sink(self, sink: Sink) -> None:
        """It begins with the next key frame, which comes at once."""
        with self._lock:
            self._sinks = (*self._sinks, sink)
        self._encoder.cut()

    def remove_sink(self, sink: Sink) -> None:
        with self._lock:
            self._sinks = tuple(one for one in self._sinks if one is not sink)

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"encode {self.name}", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """The frame that is being encoded still reaches the sinks."""
        self._slot.close()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def passed_over(self) -> int:
        """Frames that newer ones replaced because the encoder was behind."""
        return self._slot.dropped

    @property
    def encoded(self) -> int:
        return self._encoded

    @property
    def trouble(self) -> str:
        """Why nothing is encoded, in words; "" while all is well."""
        return self._trouble

    def _run(self) -> None:
        failures = 0
        while not self._slot.closed:
            frame = self._slot.take(_PAUSE)
            if frame is None:
                self._encoder.cut()
                self._tell(lambda sink: sink.pause())
                continue
            try:
                encoded = self._encoder.encode(frame)
            except Exception as error:  # a picture no encoder takes must not end the thread
                failures += 1
                self._encoder.cut()  # what follows must not build on a picture that nobody got
                self._trouble = str(error) or type(error).__name__
                if failures <= _TRIES:
                    log.exception("a frame of %s could not be encoded", self.name)
                continue
            failures, self._trouble = 0, ""
            self._encoded += 1
            self._tell(lambda sink, encoded=encoded: sink.add(encoded))  # type: ignore[misc]

    def _tell(self, call: Callable[[Sink], None]) -> None:
        with self._lock:
            sinks = self._sinks
        for sink in sinks:
            try:
                call(sink)
            except Exception:
                log.exception("encoded video of %s was not taken", self.name)


def _even(image: Image) -> Image:
    """With an even number of rows and columns, as half-size colour planes want; the last ones are doubled."""
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
