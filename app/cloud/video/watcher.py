"""A Kinesis video stream as a camera of the station: `kvs:NAME`."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

import av
import av.error

from app.cameras.background import BackgroundCapture
from app.cameras.base import SourceTraits
from app.cameras.video import to_bgr
from app.cloud.session import CloudError, CloudSession, in_words
from app.cloud.video import mkv
from app.cloud.video.mkvreader import Block, Cluster, Damage, MkvReader, Opened, Tags, Tracks
from app.cloud.video.streams import Streams
from app.domain.errors import SourceError
from app.domain.frame import Frame, Image

log = logging.getLogger(__name__)

_TAG = "AWS_KINESISVIDEO_"
_AT_ONCE = 1 << 16  # bytes
_TOKEN_AGE = 60.0  # seconds after which a stream is watched from now on, not from where it was lost
_OPEN, _SILENT = 30.0, 15.0  # seconds
_CODECS = {mkv.H264: "h264", "V_MPEGH/ISO/HEVC": "hevc", "V_MJPEG": "mjpeg"}
_DAMAGED_IN_A_ROW = 300
_REMEMBERED = 64  # fragments
_LAST_MS = 253_000_000_000_000  # milliseconds since 1970 until the year 9987


@dataclass(frozen=True, slots=True, eq=False)
class StreamFrame(Frame):
    """A frame of a stream; `captured_at` is the producer's time.

    Attributes:
        fragment: the number of the fragment it came in.
        tags: what the producer said of the fragment so far, such as LINESIGHT_PART.
    """

    fragment: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WatchState:
    """How watching goes.

    Attributes:
        fragment: number of the newest one.
        producer_at: when its producer took the newest picture, UTC; None before the first.
        lag_ms: from then until it was here; both clocks count.
        behind_ms: how far the service says this connection is behind the stream's newest fragment.
        fragments, damaged: fragments begun, and places where bytes were passed over or a picture was not decodable.
        handed_ms: from the arrival of its bytes to the picture, of the newest picture.
    """

    fragment: str = ""
    producer_at: datetime | None = None
    lag_ms: float | None = None
    behind_ms: int | None = None
    fragments: int = 0
    damaged: int = 0
    handed_ms: float | None = None


class KinesisCamera:
    """Watches a stream by GetMedia.

    Args:
        name: of the stream.
        clock: seconds since 1970, for the lag.
    """

    traits = SourceTraits(live=True, parts=False, endless=True)

    def __init__(
        self,
        session: CloudSession,
        name: str,
        *,
        streams: Streams | None = None,
        clock: Callable[[], float] = time.time,
        silent: float = _SILENT,
    ) -> None:
        if not name.strip():
            raise SourceError("kvs: names no stream: write kvs:NAME.")
        self.name = name.strip()
        self._session, self._streams, self._clock = session, streams or Streams(session), clock
        self._capture = BackgroundCapture(self.address, self._connect, open_timeout=_OPEN, read_timeout=silent)
        self._lock = threading.Lock()
        self._device: _Watching | None = None
        self._token, self._token_at = "", 0.0
        self._failed = False  # the last try to connect: the endpoint may be another one now
        self._opened = False
        self._state = WatchState()
        # Producer's time of a fragment: of its newest picture that was shown. One that comes twice, since it was sent
        # twice or watching was lost in the middle of it, is not shown twice.
        self._shown: dict[str, int] = {}

    @property
    def address(self) -> str:
        return f"kvs:{self.name}"

    @property
    def dropped(self) -> int:
        """Pictures replaced by newer ones before they were read."""
        return self._capture.dropped

    def state(self) -> WatchState:
        """Any thread."""
        return self._state

    @property
    def opened(self) -> bool:
        """Whether it is watched now, or about to be."""
        return self._opened

    def open(self) -> None:
        self._opened = True
        self._capture.open()

    def read(self) -> Frame | None:
        return self._capture.read()

    def stop(self) -> None:
        self._capture.stop()
        self._interrupt()

    def close(self) -> None:
        self._opened = False
        self._interrupt()
        self._capture.close()

    def _interrupt(self) -> None:
        """Wakes a read of the network that waits."""
        with self._lock:
            device, self._device = self._device, None
        if device is not None:
            device.interrupt()

    # -- in the background thread
    def _connect(self) -> _Watching:
        selector = {"StartSelectorType": "NOW"}
        if self._token and time.monotonic() - self._token_at < _TOKEN_AGE:
            selector = {"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": self._token}
        self._token = ""  # one that is not accepted is not tried again
        try:
            endpoint = self._streams.endpoint(self.name, "GET_MEDIA", renew=self._failed)
            self._failed = True
            try:
                payload = self._ask(endpoint, selector)
            except CloudError as error:
                if error.code != "InvalidArgumentException" or "ContinuationToken" not in selector:
                    raise
                payload = self._ask(endpoint, {"StartSelectorType": "NOW"})
        except CloudError as error:
            raise SourceError(f"{self.address}: {error}") from error
        self._failed = False
        device = _Watching(self, payload)
        with self._lock:
            self._device = device
        return device

    def _ask(self, endpoint: str, selector: dict[str, str]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self._session.client("kinesis-video-media", endpoint)
            return client.get_media(StreamName=self.name, StartSelector=selector)["Payload"]
        except (BotoCoreError, ClientError) as error:
            raise in_words(error, "It can't be watched", "kinesisvideo:GetMedia") from error

    def goes_on_from(self, token: str) -> None:
        self._token, self._token_at = token, time.monotonic()

    def is_new(self, producer: str, stamp: int) -> bool:
        """Whether this picture of a fragment was not shown yet; it counts as shown from now on."""
        if not producer:
            return True
        if stamp <= self._shown.get(producer, -1):
            return False
        self._shown[producer] = stamp
        while len(self._shown) > _REMEMBERED:
            del self._shown[next(iter(self._shown))]
        return True

    def now(self) -> float:
        return self._clock()

    def note(self, state: WatchState) -> None:
        self._state = state


class _Watching:
    """One connection; see `app.cameras.background.Device`."""

    def __init__(self, camera: KinesisCamera, payload: Any) -> None:
        self._camera, self._payload = camera, payload
        self._raw = payload._raw_stream  # StreamingBody.read(n) waits for n bytes; read1 gives what there is
        self._reader = MkvReader()
        self._ready: deque[StreamFrame] = deque()
        self._decoder: av.VideoCodecContext | None = None
        self._track: mkv.Track | None = None
        self._tags: dict[str, str] = {}
        self._fragment = ""
        self._start_ms = 0
        self._wanted = False  # False until a key frame of a fragment that is to be shown
        self._producer = ""
        self._stamps: dict[int, tuple[int, str, str, dict[str, str]]] = {}
        self._count = self._in_a_row = 0
        self._arrived = 0.0
        before = camera.state()
        self._fragments, self._damaged, self._behind = before.fragments, before.damaged, before.behind_ms

    def interrupt(self) -> None:
        """From another thread: the read that waits ends."""
        try:
            self._raw.shutdown()
        except (OSError, ValueError, RuntimeError, AttributeError) as error:
            log.debug("the connection of %s is gone already: %s", self._camera.address, error)

    def release(self) -> None:
        self._payload.close()

    def grab(self) -> Frame:
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        while not self._ready:
            try:
                data = self._raw.read1(_AT_ONCE)
            except (HTTPError, BotoCoreError, OSError, ValueError):
                self._lost("The connection to AWS was lost")
            self._arrived = time.monotonic()
            if not data:
                self._lost("AWS has ended the connection")
            for event in self._reader.feed(data):
                self._take(event)
        return self._ready.popleft()

    def _lost(self, what: str) -> NoReturn:
        raise SourceError(
            f"{self._camera.address}: {what}. Check the network and that something is being sent; "
            "it is tried again by itself."
        ) from None

    def _take(self, event: object) -> None:
        if isinstance(event, Block):
            self._block(event)
        elif isinstance(event, Cluster):
            self._begin(event)
        elif isinstance(event, Opened):
            self._tags = {}
        elif isinstance(event, Tags):
            self._tagged(event.values)
        elif isinstance(event, Tracks):
            self._tracks(event)
        elif isinstance(event, Damage):
            log.info("%s: %d bytes made no sense", self._camera.address, event.skipped)
            self._damaged += 1
            self._wanted = False
            self._tags = {}

    def _tracks(self, event: Tracks) -> None:
        track = next((one for one in event.tracks if one.codec in _CODECS), None)
        if track is None:
            names = ", ".join(one.codec for one in event.tracks) or "no video"
            raise SourceError(f"{self._camera.address} holds {names}, which this station can't decode. Send H.264.")
        if track == self._track:
            return
        decoder = av.CodecContext.create(_CODECS[track.codec], "r")
        assert isinstance(decoder, av.VideoCodecContext)
        decoder.extradata = track.private or None
        decoder.thread_count = 1  # frame threads would hold back one picture each
        decoder.options = {"flags": "low_delay"}
        self._decoder, self._track = decoder, track
        self._stamps.clear()

    def _tagged(self, values: dict[str, str]) -> None:
        if f"{_TAG}ERROR_CODE" in values or f"{_TAG}ERROR_ID" in values:
            code = values.get(f"{_TAG}ERROR_CODE", "") or values.get(f"{_TAG}ERROR_ID", "")
            self._lost(f"AWS has ended the stream with error {code}")
        self._tags |= values
        token = values.get(f"{_TAG}CONTINUATION_TOKEN")
        if token:
            self._camera.goes_on_from(token)
        behind = values.get(f"{_TAG}MILLIS_BEHIND_NOW", "")
        if behind.isdigit():
            self._behind = int(behind)

    def _begin(self, cluster: Cluster) -> None:
        producer = self._tags.get(f"{_TAG}PRODUCER_TIMESTAMP", "")
        try:
            self._start_ms = round(float(producer) * 1000)
        except (ValueError, OverflowError):
            self._start_ms = cluster.timecode
        self._fragment = self._tags.get(f"{_TAG}FRAGMENT_NUMBER", "")
        self._fragments += 1
        # A time no calendar has comes from damage.
        self._wanted = 0 <= self._start_ms < _LAST_MS
        self._producer = producer

    def _block(self, block: Block) -> None:
        if not self._wanted or self._decoder is None or self._track is None or block.track != self._track.number:
            return
        stamp = self._start_ms + block.offset
        self._count += 1
        own = {name: value for name, value in self._tags.items() if not name.startswith("AWS_")}
        self._stamps[self._count] = (stamp, self._producer, self._fragment, own)
        packet = av.Packet(block.data)
        packet.pts = packet.dts = self._count
        try:
            pictures = self._decoder.decode(packet)
        except av.error.FFmpegError:
            self._spoilt()
            return
        for picture in pictures:
            known = self._stamps.pop(picture.pts or 0, None)
            if picture.is_corrupt or known is None:
                self._damaged += picture.is_corrupt
                continue
            self._in_a_row = 0
            stamp, producer, fragment, tags = known
            if self._camera.is_new(producer, stamp):
                self._ready.append(self._frame(to_bgr(picture), stamp, fragment, tags))
        if len(self._stamps) > 64:  # of pictures that never came out
            del self._stamps[next(iter(self._stamps))]

    def _spoilt(self) -> None:
        """The rest of the fragment would be drawn on what is missing."""
        self._damaged += 1
        self._in_a_row += 1
        self._wanted = False
        if self._in_a_row > _DAMAGED_IN_A_ROW:
            self._lost("the stream holds only damaged pictures")

    def _frame(self, image: Image, stamp: int, fragment: str, tags: dict[str, str]) -> StreamFrame:
        at = datetime.fromtimestamp(stamp / 1000, UTC)
        handed = 1000 * (time.monotonic() - self._arrived)
        lag = 1000 * self._camera.now() - stamp
        self._camera.note(WatchState(fragment, at, lag, self._behind, self._fragments, self._damaged, handed))
        return StreamFrame(
            image, self._camera.address, captured_at=at, monotonic=self._arrived, fragment=fragment, tags=tags
        )
