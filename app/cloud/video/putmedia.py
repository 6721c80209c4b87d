"""One PutMedia connection: sends fragments as they grow and reads what the service says of them meanwhile.

aiohttp sends and receives at once; requests, httpx and urllib3 give the answer only when the body has ended.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import TYPE_CHECKING

from app.cloud.session import CloudError, refused
from app.cloud.video import mkv
from app.cloud.video.acks import Ack, AckReader
from app.cloud.video.feed import EncodedFrame
from app.cloud.video.fragments import PART_TAG, Fragment, FragmentBuffer

if TYPE_CHECKING:
    import aiohttp

PERMISSION = "kinesisvideo:PutMedia"
_KEEPS_NOTHING = 10  # fragments received, and none of them persisted, after which a stream is known to keep nothing
_LAST_ACKS = 10.0  # seconds to wait for what the service says after the last byte


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one connection, in seconds.

    Attributes:
        silence: without a word on what was sent, after which it counts as dead.
        longest: after which the next fragment goes over a new one. Session credentials are good for ten minutes at
            least when they sign, and the service ends a connection when they run out.
        connect: to be connected.
    """

    silence: float = 20.0
    longest: float = 600.0
    connect: float = 10.0


@dataclass
class Told:
    """What was heard and done on a connection."""

    acks: int = 0
    persisted: int = 0
    errors: list[Ack] = field(default_factory=list)
    whole: dict[int, Fragment] = field(default_factory=dict)  # timecode: sent to its end, not confirmed


class PutMedia:
    """Runs once, on one event loop.

    Args:
        buffer: what to send; begins with the oldest it holds.
        stamp: tags of every fragment.
        images: whether fragments ask to become pictures in S3.
        keeps: the stream stores what it gets, so PERSISTED counts; with False RECEIVED is all there will be; None
            where it is not known, and found out.
        handed: called for each frame when its bytes are with the system's socket.
        ending: True once nothing will be added.
    """

    def __init__(
        self,
        buffer: FragmentBuffer,
        *,
        stamp: Mapping[str, str],
        images: bool,
        keeps: bool | None,
        limits: Limits,
        handed: Callable[[EncodedFrame], None],
        ending: Callable[[], bool],
        heard: Callable[[], None],
    ) -> None:
        self._buffer = buffer
        self.changed = asyncio.Event()  # of this connection alone: one that was lost may still wait for its own
        self._stamp, self._images, self._limits = dict(stamp), images, limits
        self.keeps = keeps
        self._received: dict[int, Fragment] = {}
        self._handed, self._ending, self._heard = handed, ending, heard
        self.told = Told()
        self._sent: dict[int, Fragment] = {}
        self._deadline: asyncio.Timeout | None = None
        self._body_ended = False
        self._clock = time.monotonic

    async def run(
        self, client: aiohttp.ClientSession, url: str, headers: Mapping[str, str], trust: SSLContext, first: Fragment
    ) -> None:
        """Until the body has ended and the service has answered.

        Raises:
            CloudError: refused; words and code say why.
            OSError, aiohttp.ClientError, TimeoutError: the connection is lost.
        """
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect, connect=self._limits.connect)
        try:
            async with asyncio.timeout(self._limits.silence) as self._deadline:
                async with client.post(
                    url, data=self._body(first), headers=headers, timeout=timeout, ssl=trust
                ) as response:
                    if response.status != 200:
                        raise await _refusal(response)
                    reader = AckReader()
                    async for data in response.content.iter_any():
                        for ack in reader.feed(data):
                            self._take(ack)
            if not self._body_ended:
                raise ConnectionResetError("the service ended the connection")
        finally:
            self._buffer.pin(None)

    # -- what is sent
    async def _body(self, first: Fragment) -> AsyncIterator[bytes]:
        began = self._clock()
        oldest = self._buffer.after(0)  # while the connection was made, the first may have been given up
        if oldest is not None and oldest.track is first.track and oldest.timeline == first.timeline:
            first = oldest
        head = mkv.header(first.track)
        fragment: Fragment | None = first
        while fragment is not None:
            self._sent[fragment.timecode] = fragment
            self._watch()
            async for data, frame in self._fragment(fragment):
                yield head + data
                head = b""
                if frame is not None:
                    self._handed(frame)
            self.told.whole[fragment.timecode] = fragment
            self._buffer.pin(None)
            fragment = await self._next(fragment, began)
        self._body_ended = True
        if self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + _LAST_ACKS)

    async def _fragment(self, fragment: Fragment) -> AsyncIterator[tuple[bytes, EncodedFrame | None]]:
        self._buffer.pin(fragment)
        head, at = mkv.cluster(fragment.timecode), 0
        while True:
            closed = fragment.closed  # asked first: what was added before it was closed is seen below
            frames = fragment.frames
            while at < len(frames):
                frame = frames[at]
                at += 1
                yield head + mkv.block(frame.stamp - fragment.timecode, frame.data, key=frame.key), frame
                head = b""
            if closed:
                break
            await self._change()
        yield self._tags(fragment), None

    async def _next(self, before: Fragment, began: float) -> Fragment | None:
        """The fragment to follow; None where the body is to end: another kind of video, or the connection is old."""
        while True:
            following = self._buffer.after(before.number)
            if following is not None:
                same = following.track is before.track and following.timeline == before.timeline
                return following if same and self._clock() - began < self._limits.longest else None
            if self._ending():
                return None
            await self._change()

    async def _change(self) -> None:
        await self.changed.wait()
        self.changed.clear()

    def _tags(self, fragment: Fragment) -> bytes:
        values = dict(self._stamp)
        if fragment.parts:
            values[PART_TAG] = ",".join(fragment.parts)
        if self._images:
            values[mkv.IMAGE_TAG] = ""
        # A fragment is complete once something follows it, so there is always a word behind it.
        return mkv.tags(values) or mkv.tags({"LINESIGHT_END": "1"})

    # -- what is heard
    def _take(self, ack: Ack) -> None:
        self.told.acks += 1
        fragment = None if ack.timecode is None else self._sent.get(ack.timecode)
        if ack.kind == "ERROR":
            self.told.errors.append(ack)
            if fragment is not None and ack.blames_fragment:
                self._buffer.give_up(fragment)
            raise CloudError(f"AWS refused the video because {ack.words}.", f"ack-{ack.error}")
        if fragment is not None and ack.kind == "PERSISTED":
            self.keeps = True
            self._confirm(fragment)
        elif fragment is not None and ack.kind == "RECEIVED" and self.keeps is not True:
            self._received[fragment.timecode] = fragment
            if self.keeps is None and len(self._received) >= _KEEPS_NOTHING:
                self.keeps = False
            if self.keeps is False:
                for one in self._received.values():
                    self._confirm(one)
                self._received = {}
        self._watch()
        self._heard()

    def _confirm(self, fragment: Fragment) -> None:
        self._sent.pop(fragment.timecode, None)
        self.told.whole.pop(fragment.timecode, None)
        self.told.persisted += self._buffer.confirm(fragment)

    def _watch(self) -> None:
        """Silence counts only while an answer is owed."""
        if self._deadline is None or self._body_ended or self._deadline.expired():
            return
        now = asyncio.get_running_loop().time()
        self._deadline.reschedule(now + self._limits.silence if self._sent else None)


async def _refusal(response: aiohttp.ClientResponse) -> CloudError:
    code = response.headers.get("x-amzn-ErrorType", "").partition(":")[0]
    message = ""
    try:
        told = json.loads((await response.content.read(65536)).decode("utf-8", "replace"))
        message = str(told.get("message") or told.get("Message") or "") if isinstance(told, dict) else ""
    except ValueError:
        pass
    return refused(code, message or f"AWS answers {response.status}", "The video can't be sent", PERMISSION)
