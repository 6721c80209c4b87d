"""The media plane of Kinesis Video Streams on the loopback, as strict as the real one is documented to be.

PutMedia checks the signature and the limits of the service, parses what comes and acknowledges it while it comes.
GetMedia, GetClip and ListFragments serve what PutMedia got. It can cut, refuse, delay, damage and keep silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import random
import ssl
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import av
from aiohttp import web

from app.cloud.video import mkv
from app.cloud.video.mkvreader import Block, Cluster, Damage, MkvReader, Opened, Tags, Tracks
from tests.cloud.signature import signature_fault

_NUMBER = 91343852333181432392682062607743920146264508352


@dataclass
class Stored:
    """A fragment as it came; `whole` once something followed it."""

    number: str
    timecode: int
    track: mkv.Track
    at: float
    frames: list[Block] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    ended: bool = False

    @property
    def size(self) -> int:
        return sum(len(frame.data) for frame in self.frames)

    @property
    def stamps(self) -> list[int]:
        return [frame.timecode + frame.offset for frame in self.frames]


@dataclass
class Faults:
    """What goes wrong; changed from any thread.

    Attributes:
        down: every connection is cut at once.
        refusals: (status, code, message) for the next requests of PutMedia.
        cut_after: bytes of a PutMedia body after which its connection is cut, for the next ones.
        lost_acks: fragments that are stored without a word, from now on.
        silent: nothing is acknowledged.
        crumbs: acknowledgements come byte by byte.
        late: seconds before PERSISTED.
        error_at: (nth fragment of a connection, ErrorId), once.
        damage: of what GetMedia gives.
        get_limit: fragments after which GetMedia ends.
    """

    down: bool = False
    refusals: deque[tuple[int, str, str]] = field(default_factory=deque)
    cut_after: deque[int] = field(default_factory=deque)
    lost_acks: int = 0
    silent: bool = False
    crumbs: bool = False
    late: float = 0.0
    error_at: tuple[int, int] | None = None
    damage: Callable[[bytes], bytes] | None = None
    get_limit: int | None = None


class _Violation(Exception):
    def __init__(self, error: int, why: str) -> None:
        super().__init__(why)
        self.error = error


class MediaPlane:
    """A real server on a thread of its own; a context manager."""

    def __init__(self, *, keeps: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self.faults = Faults()
        self.stored: list[Stored] = []  # whole fragments, in order
        self.violations: list[str] = []
        self.requests: list[tuple[str, Any]] = []
        self.connections = 0
        self.url = ""
        self._keeps, self._tls = keeps, tls
        self._live: list[Stored] = []  # also those under way
        self._putting: list[web.Request] = []
        self._getting: list[web.Request] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Condition()
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._count = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="media plane")

    def __enter__(self) -> MediaPlane:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None and self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def cut(self, *, putting: bool = True, getting: bool = False) -> int:
        """Cuts the connections of now; how many."""
        done: list[int] = []
        happened = threading.Event()

        def work() -> None:
            chosen = [*(self._putting if putting else ()), *(self._getting if getting else ())]
            for request in chosen:
                if request.transport is not None:
                    request.transport.abort()
            done.append(len(chosen))
            happened.set()

        assert self._loop is not None
        self._loop.call_soon_threadsafe(work)
        assert happened.wait(10)
        return done[0]

    def timecodes(self) -> list[int]:
        return [one.timecode for one in list(self.stored)]

    # -- the server
    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/putMedia", self._put_media)
        app.router.add_post("/getMedia", self._get_media)
        app.router.add_post("/getClip", self._get_clip)
        app.router.add_post("/listFragments", self._list_fragments)
        runner = web.AppRunner(app, shutdown_timeout=0.5, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        for request in [*self._putting, *self._getting]:
            if request.transport is not None:
                request.transport.abort()
        await runner.cleanup()

    async def _check(self, request: web.Request, *, body: bytes | None) -> web.Response | None:
        if self.faults.down:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        why = signature_fault(request, body)
        if why:
            self.violations.append(why)
            return _error(403, "SignatureDoesNotMatch", why)
        return None

    # -- PutMedia
    async def _put_media(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        fault = await self._check(request, body=None)
        if fault is not None:
            return fault
        if self.faults.refusals:
            return _error(*self.faults.refusals.popleft())
        for name, value in (
            ("x-amzn-fragment-timecode-type", "ABSOLUTE"),
            ("x-amzn-fragment-acknowledgment-required", "1"),
            ("transfer-encoding", "chunked"),
        ):
            if request.headers.get(name) != value:
                return _error(400, "InvalidArgumentException", f"{name} is {request.headers.get(name)}")
        float(request.headers["x-amzn-producer-start-timestamp"])
        self.requests.append(("putMedia", dict(request.headers)))
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        self._putting.append(request)
        put = _Put(self, response)
        try:
            cut_after = self.faults.cut_after.popleft() if self.faults.cut_after else None
            got = 0
            async for data, _ in request.content.iter_chunks():
                got += len(data)
                if cut_after is not None and got > cut_after:
                    assert request.transport is not None
                    request.transport.abort()
                    break
                await put.take(data)
            else:
                await put.end()
        except _Violation as violation:
            self.violations.append(str(violation))
            await put.acknowledge("ERROR", put.current, violation.error)
        finally:
            self._putting[:] = [one for one in self._putting if one is not request]
            await put.abandon()
        return response

    async def begin(self, timecode: int, track: mkv.Track) -> Stored:
        self._count += 1
        fragment = Stored(str(_NUMBER + self._count), timecode, track, time.time())
        self._live.append(fragment)
        return fragment

    async def tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    # -- GetMedia
    async def _get_media(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = await self._check(request, body=body)
        if fault is not None:
            return fault
        asked = json.loads(body)
        self.requests.append(("getMedia", asked))
        selector = asked["StartSelector"]
        kind = selector["StartSelectorType"]
        if kind == "NOW":
            at = len(self._live)
        elif kind == "EARLIEST":
            at = 0
        elif kind == "CONTINUATION_TOKEN":
            numbers = [one.number for one in self._live]
            if selector["ContinuationToken"] not in numbers:
                return _error(400, "InvalidArgumentException", "the token is not valid")
            at = numbers.index(selector["ContinuationToken"]) + 1
        else:
            return _error(400, "InvalidArgumentException", kind)
        response = web.StreamResponse(headers={"Content-Type": "video/webm"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._getting.append(request)
        try:
            sent = 0
            async for data in self._chunks(at):
                await response.write(self.faults.damage(data) if self.faults.damage else data)
                sent += data[:4] == b"\x1a\x45\xdf\xa3"
                if self.faults.get_limit is not None and sent > self.faults.get_limit:
                    break
        except (ConnectionResetError, OSError):
            pass
        finally:
            self._getting[:] = [one for one in self._getting if one is not request]
        return response

    async def _chunks(self, at: int) -> AsyncIterator[bytes]:
        while True:
            async with self._news:
                while len(self._live) <= at:
                    await self._news.wait()
            fragment = self._live[at]
            at += 1
            yield (
                mkv.header(fragment.track)
                + mkv.tags(
                    {
                        "AWS_KINESISVIDEO_FRAGMENT_NUMBER": fragment.number,
                        "AWS_KINESISVIDEO_SERVER_TIMESTAMP": f"{fragment.at:.3f}",
                        "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP": f"{fragment.timecode / 1000:.3f}",
                    }
                )
                + mkv.cluster(fragment.timecode)
            )
            done = 0
            while True:
                async with self._news:
                    while len(fragment.frames) <= done and not fragment.ended:
                        await self._news.wait()
                blocks = fragment.frames[done:]
                done += len(blocks)
                if blocks:
                    yield b"".join(mkv.block(one.offset, one.data, key=one.key) for one in blocks)
                if fragment.ended and len(fragment.frames) <= done:
                    break
            behind = self._live[-1].timecode - fragment.timecode
            yield mkv.tags(
                {
                    "AWS_KINESISVIDEO_CONTINUATION_TOKEN": fragment.number,
                    "AWS_KINESISVIDEO_MILLIS_BEHIND_NOW": str(max(0, behind)),
                    **fragment.tags,
                }
            )

    # -- archived media
    def _between(self, asked: dict[str, Any]) -> list[Stored]:
        selector = asked.get("ClipFragmentSelector") or asked["FragmentSelector"]
        assert selector["FragmentSelectorType"] == "PRODUCER_TIMESTAMP", selector
        span = selector["TimestampRange"]
        begin, end = (_moment(span[name]) for name in ("StartTimestamp", "EndTimestamp"))
        return [one for one in self.stored if begin <= one.timecode <= end or (one.timecode < begin < one.stamps[-1])]

    async def _get_clip(self, request: web.Request) -> web.Response:
        body = await request.read()
        fault = await self._check(request, body=body)
        if fault is not None:
            return fault
        asked = json.loads(body)
        self.requests.append(("getClip", asked))
        found = self._between(asked)
        if not found:
            return _error(404, "ResourceNotFoundException", "no fragments in this range")
        parts = [mkv.header(found[0].track)]
        for one in found:
            parts.append(mkv.cluster(one.timecode - found[0].timecode))
            parts += [mkv.block(frame.offset, frame.data, key=frame.key) for frame in one.frames]
        out = io.BytesIO()
        with av.open(io.BytesIO(b"".join(parts))) as source, av.open(out, "w", format="mp4") as target:
            copy = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
        return web.Response(body=out.getvalue(), content_type="video/mp4")

    async def _list_fragments(self, request: web.Request) -> web.Response:
        body = await request.read()
        fault = await self._check(request, body=body)
        if fault is not None:
            return fault
        asked = json.loads(body)
        self.requests.append(("listFragments", asked))
        found = [
            {
                "FragmentNumber": one.number,
                "FragmentSizeInBytes": one.size + 100,
                "ProducerTimestamp": one.timecode / 1000,
                "ServerTimestamp": one.at,
                "FragmentLengthInMilliseconds": one.stamps[-1] - one.timecode,
            }
            for one in self._between(asked)
        ]
        return web.json_response({"Fragments": found})


class _Put:
    """One PutMedia connection, with the rules of the service."""

    def __init__(self, plane: MediaPlane, response: web.StreamResponse) -> None:
        self._plane, self._response = plane, response
        self._reader = MkvReader()
        self._track: mkv.Track | None = None
        self._opened = 0
        self._starts: deque[float] = deque(maxlen=6)
        self._last = -1
        self._fragments = 0
        self._late: list[asyncio.Task[None]] = []
        self.current: Stored | None = None

    async def take(self, data: bytes) -> None:
        for event in self._reader.feed(data):
            await self._event(event)
        await self._plane.tell()

    async def _event(self, event: object) -> None:
        if isinstance(event, Damage):
            raise _Violation(4006, "bytes that are no Matroska")
        if isinstance(event, Opened):
            self._opened += 1
            if self._opened > 1:
                raise _Violation(4006, "a second head")
        elif isinstance(event, Tracks):
            self._track = self._checked(event)
        elif isinstance(event, Cluster):
            await self._whole()
            await self._begin(event.timecode)
        elif isinstance(event, Tags):
            if self.current is None:
                raise _Violation(4006, "tags before the first cluster")
            self.current.tags |= event.values
            await self._whole()
        elif isinstance(event, Block):
            self._frame(event)

    @staticmethod
    def _checked(event: Tracks) -> mkv.Track:
        if len(event.tracks) != 1:
            raise _Violation(4005, "not one track")
        (track,) = event.tracks
        if track.codec != "V_MPEG4/ISO/AVC" or track.private[:1] != b"\x01" or track.private[4:6] != b"\xff\xe1":
            raise _Violation(4012, f"no AVCC head: {track.codec} {track.private[:8].hex()}")
        return track

    async def _begin(self, timecode: int) -> None:
        if self._track is None:
            raise _Violation(4006, "a cluster before its track")
        if timecode <= self._last:
            raise _Violation(4004, f"the cluster at {timecode} does not come after {self._last}")
        self._fragments += 1
        fault = self._plane.faults.error_at
        self.current = await self._plane.begin(timecode, self._track)
        if fault is not None and self._fragments == fault[0]:
            self._plane.faults.error_at = None
            raise _Violation(fault[1], "as asked for")
        await self.acknowledge("BUFFERING", self.current)

    def _frame(self, block: Block) -> None:
        current = self.current
        if current is None or current.whole:
            raise _Violation(4006, "a frame outside a cluster")
        if not current.frames and not block.key:
            raise _Violation(4006, "a fragment that does not begin with a key frame")
        if block.timecode + block.offset <= self._last:
            raise _Violation(4004, "frames whose times do not rise")
        if block.offset > 10_000:
            raise _Violation(4002, "a fragment longer than 10 s")
        at = 0
        while at < len(block.data):  # length before each NAL unit
            at += 4 + int.from_bytes(block.data[at : at + 4], "big")
        if at != len(block.data):
            raise _Violation(4006, "no AVCC frame")
        self._last = block.timecode + block.offset
        current.frames.append(block)

    async def _whole(self) -> None:
        current = self.current
        if current is None or current.whole:
            return
        if not current.frames:
            raise _Violation(4011, "a fragment without frames")
        current.whole = current.ended = True
        self._plane.stored.append(current)
        if self._plane.faults.lost_acks > 0:
            self._plane.faults.lost_acks -= 1
            return
        await self.acknowledge("RECEIVED", current)
        if self._plane._keeps:
            self._late.append(asyncio.ensure_future(self._persisted(current)))

    async def _persisted(self, fragment: Stored) -> None:
        await asyncio.sleep(self._plane.faults.late)
        with contextlib.suppress(ConnectionResetError, OSError):
            await self.acknowledge("PERSISTED", fragment)

    async def end(self) -> None:
        await self._whole()
        await self._plane.tell()
        await asyncio.gather(*self._late)

    async def abandon(self) -> None:
        for task in self._late:
            task.cancel()
        if self.current is not None and not self.current.whole:
            self.current.ended = True  # cut off: it is not kept
        await self._plane.tell()

    async def acknowledge(self, kind: str, fragment: Stored | None, error: int = 0) -> None:
        if self._plane.faults.silent:
            return
        told: dict[str, Any] = {"EventType": kind}
        if fragment is not None:
            told |= {"FragmentTimecode": fragment.timecode, "FragmentNumber": fragment.number}
        if error:
            told |= {"ErrorId": error, "ErrorCode": "AS_TOLD"}
        data = json.dumps(told).encode() + b"\r\n"
        for piece in (data[at : at + 1] for at in range(len(data))) if self._plane.faults.crumbs else (data,):
            await self._response.write(piece)


def flips(seed: int, one_in: int) -> Callable[[bytes], bytes]:
    """Damage: each byte is another one with the chance 1 / one_in."""
    chance = random.Random(seed)

    def damage(data: bytes) -> bytes:
        spoilt = bytearray(data)
        for _ in range(sum(chance.random() < 1 / one_in for _ in range(len(data)))):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        return bytes(spoilt)

    return damage


def _moment(value: Any) -> float:
    """Milliseconds of a time as boto3 writes it."""
    if isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC).timestamp() * 1000
    return float(value) * 1000


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status, headers={"x-amzn-ErrorType": f"{code}:"})
