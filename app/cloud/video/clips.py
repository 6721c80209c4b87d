"""Short videos around a moment: from what a camera has just shown, or from what a stream keeps."""

from __future__ import annotations

import io
import logging
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import av.error

from app.cloud.session import CloudError, CloudSession, in_words
from app.cloud.video import mkv
from app.cloud.video.feed import GOP_MS, EncodedFrame
from app.cloud.video.fragments import Fragment
from app.cloud.video.streams import Streams
from app.domain.errors import LinesightError
from app.whole_files import write_whole

log = logging.getLogger(__name__)

BEFORE = AFTER = timedelta(seconds=5)
ENDINGS = {".mp4": "mp4", ".mkv": "matroska"}


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip that lies on the disk; first and last frame's times, UTC."""

    path: Path
    begin: datetime
    end: datetime
    frames: int


class ClipRing:
    """The newest GOPs of a feed, in memory. A `Sink`; any thread.

    Args:
        seconds: how far it reaches back at least, once that much has passed.
        most_bytes: it never holds more, and then reaches back less.
    """

    def __init__(self, seconds: float = 30.0, most_bytes: int = 64 << 20) -> None:
        self._keep_ms, self._most_bytes = round(seconds * 1000), most_bytes
        self._changed = threading.Condition()
        self._fragments: deque[Fragment] = deque()
        self._size = self._begun = 0
        self._closed = False

    def add(self, frame: EncodedFrame) -> None:
        with self._changed:
            newest = self._fragments[-1] if self._fragments else None
            if newest is not None and newest.continues(frame):
                newest.add(frame)
            elif frame.key:
                self._begun += 1
                self._fragments.append(Fragment(self._begun, frame))
            else:
                return
            self._size += len(frame.data)
            self._forget()
            self._changed.notify_all()

    def pause(self) -> None:
        with self._changed:
            if self._fragments:
                self._fragments[-1].closed = True

    def close(self) -> None:
        """Whoever waits goes on with what there is."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_for(self, moment: datetime, timeout: float) -> bool:
        """Until a frame of this moment or later is there; False where none came in time, or none will."""
        stamp = _stamp(moment)

        def over() -> bool:
            return self._closed or self._reaches(stamp)

        with self._changed:
            self._changed.wait_for(over, timeout)
            return self._reaches(stamp)

    def frames(self, begin: datetime, end: datetime, around: datetime | None = None) -> list[EncodedFrame]:
        """Whole GOPs that cover the time, of one size of picture and one timeline: that of `around`, else the newest
        that has something of this time. Empty where there is nothing of it.

        A clip has to begin with a key frame, so it may begin up to a second earlier."""
        first, last = _stamp(begin), _stamp(end)
        with self._changed:
            found = [one for one in self._fragments if one.last >= first and one.timecode <= last]
            if not found:
                return []
            of = found[-1]
            if around is not None:
                moment = _stamp(around)
                of = next((one for one in reversed(found) if one.timecode <= moment <= one.last), of)
            same = [one for one in found if one.track is of.track and one.timeline == of.timeline]
            return [frame for one in same for frame in one.frames if frame.stamp <= last]

    def _reaches(self, stamp: int) -> bool:
        return bool(self._fragments) and self._fragments[-1].last >= stamp

    def _forget(self) -> None:
        newest = self._fragments[-1]
        while len(self._fragments) > 1:
            second = self._fragments[1]
            same = second.timeline == newest.timeline
            # The times of another timeline can't be compared: those go by their number of bytes, or of GOPs.
            old = (
                newest.last - second.timecode > self._keep_ms
                if same
                else len(self._fragments) * GOP_MS > 2 * self._keep_ms
            )
            if not old and self._size <= self._most_bytes:
                return
            self._size -= self._fragments.popleft().size


def write_clip(
    ring: ClipRing,
    moment: datetime,
    path: Path,
    *,
    before: timedelta = BEFORE,
    after: timedelta = AFTER,
    patience: float = 2.0,
) -> Clip:
    """Slow: waits until the time after the moment has passed, then writes the clip, whole or not at all.

    Args:
        path: its ending decides: .mp4 or .mkv.
        patience: seconds beyond `after` to wait for a camera that is behind.

    Raises:
        LinesightError: another ending, nothing is left of that time, or the disk refuses.
    """
    kind = ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise LinesightError(f"{path.name}: a clip is an .mp4 or .mkv file.")
    left = (moment + after - datetime.now(UTC)).total_seconds()
    ring.wait_for(moment + after, min(max(left, 0.0), after.total_seconds()) + patience)
    frames = ring.frames(moment - before, moment + after, moment)
    if not frames:
        raise LinesightError(f"There is no video of {moment:%Y-%m-%d %H:%M:%S} UTC left to make a clip of.")
    try:
        data = muxed(frames, kind)
    except av.error.FFmpegError as error:
        raise LinesightError(f"The clip {path.name} can't be put together ({error}).") from error
    _write(path, data)
    return Clip(path, _time(frames[0].stamp), _time(frames[-1].stamp), len(frames))


def muxed(frames: list[EncodedFrame], kind: str) -> bytes:
    """Frames of one track as a file, without encoding them anew; its time begins with 0.

    Args:
        kind: "mp4" or "matroska".
    """
    track, zero = frames[0].track, frames[0].stamp
    parts = [mkv.header(track)]
    begun = zero
    for frame in frames:
        if frame.key:
            begun = frame.stamp
            parts.append(mkv.cluster(begun - zero))
        parts.append(mkv.block(frame.stamp - begun, frame.data, key=frame.key))
    out = io.BytesIO()
    taken = _time(zero).isoformat()
    with (
        av.open(io.BytesIO(b"".join(parts)), "r", format="matroska") as source,
        av.open(out, "w", format=kind) as target,
    ):
        target.metadata["creation_time"] = taken
        copy = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    return out.getvalue()


def cloud_clip(
    session: CloudSession, streams: Streams, stream: str, begin: datetime, end: datetime, path: Path
) -> Path:
    """Slow: an .mp4 of what a stream keeps of a time (producer's clock; at most 200 fragments or 100 MB).

    Raises:
        CloudError: nothing is kept of that time, or it is not allowed; in words.
        LinesightError: the disk refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    what = f"A clip of {stream} can't be made"
    end += timedelta(microseconds=-end.microsecond % 1_000_000)  # boto3 writes whole seconds
    place = streams.endpoint(stream, "GET_CLIP")
    selector = {
        "FragmentSelectorType": "PRODUCER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": begin, "EndTimestamp": end},
    }
    try:
        client = session.client("kinesis-video-archived-media", place)
        data: bytes = client.get_clip(StreamName=stream, ClipFragmentSelector=selector)["Payload"].read()
    except (BotoCoreError, ClientError) as error:
        told = in_words(error, what, "kinesisvideo:GetClip")
        if told.code in ("ResourceNotFoundException", "NoDataRetentionException"):
            span = f"{begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
            words = f"{what}: it keeps no video of {span}. Check how long the stream keeps video."
            raise CloudError(words, told.code) from error
        raise told from error
    if not data:
        raise CloudError(f"{what}: AWS gave an empty file. It is worth another try.")
    _write(path, data)
    return path


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise LinesightError(
            f"The clip {path} can't be written ({error.strerror or error}). Free some space."
        ) from error


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)
