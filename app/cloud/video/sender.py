"""Sends a camera to a Kinesis video stream, and keeps at it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from ssl import SSLContext
from typing import TYPE_CHECKING

from app.cloud.session import CloudError, CloudSession
from app.cloud.video.feed import EncodedFrame, Feed
from app.cloud.video.fragments import STATION_TAG, Fragment, FragmentBuffer, Waiting
from app.cloud.video.putmedia import Limits, PutMedia, Told
from app.cloud.video.streams import Streams

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

_RECENT = 900  # frames whose delay is remembered


class Sending(StrEnum):
    """What a sender is doing."""

    OFF = "off"
    WAITING = "waiting"  # for the first frame
    CONNECTING = "connecting"
    SENDING = "sending"
    LOST = "lost"  # tried again by itself


@dataclass(frozen=True, slots=True)
class SenderState:
    """How sending goes.

    Attributes:
        words: for a person; names the way out where it is lost.
        waiting: fragments not confirmed yet, and those given up.
        sent_frames: handed to the network, repetitions counted anew.
        persisted: fragments the cloud has confirmed to keep.
        passed_over: frames that newer ones replaced because the encoder was behind.
        reconnects: how often a connection was lost after it had worked.
        delay_ms: from capture to the network, 95th percentile of the newest frames; None before the first.
    """

    doing: Sending
    words: str
    waiting: Waiting
    sent_frames: int
    persisted: int
    passed_over: int
    reconnects: int
    delay_ms: float | None


@dataclass(frozen=True, slots=True)
class Retry:
    """Seconds before another try: doubled each time up to `most`, each shortened by up to half at random, so that a
    hall of stations does not come back at the same moment."""

    first: float = 0.5
    most: float = 30.0
    chance: Callable[[], float] = field(default=random.random)

    def seconds(self, tries: int) -> float:
        return min(self.most, self.first * 2.0 ** min(tries, 16)) * (1 - self.chance() / 2)


class VideoSender:
    """Puts what a feed encodes into a stream. `start`, `stop` and `state` from any thread; started once.

    A fragment stays in the buffer until the service says that it is kept, also over lost connections; what may have
    arrived with a confirmation that was lost is looked up before it is sent again, where the permission for it is
    given (kinesisvideo:ListFragments).

    Args:
        feed: started and stopped by whoever made it.
        station: becomes a tag of each fragment; "" for none.
        images: whether fragments ask to become pictures in S3.
    """

    def __init__(
        self,
        session: CloudSession,
        stream: str,
        feed: Feed,
        *,
        station: str = "",
        images: bool = False,
        most_bytes: int = 64 << 20,
        most_seconds: float = 120.0,
        limits: Limits | None = None,
        retry: Retry | None = None,
        streams: Streams | None = None,
        handed: Callable[[EncodedFrame], None] = lambda frame: None,
    ) -> None:
        self.stream = stream
        self.buffer = FragmentBuffer(most_bytes, most_seconds, self._wake)
        self._session, self._feed, self._images = session, feed, images
        self._stamp = {STATION_TAG: station} if station else {}
        self._limits, self._retry = limits or Limits(), retry or Retry()
        self._streams = streams or Streams(session)
        self._on_handed = handed
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None
        self._connection: PutMedia | None = None
        self._give_up: asyncio.Event | None = None
        self._hurry: asyncio.Event | None = None
        self._ending = False
        self._keeps: bool | None = None
        self._doubtful: dict[int, Fragment] = {}
        self._doing, self._words = Sending.OFF, "No video is sent."
        self._sent_frames = self._persisted = self._reconnects = 0
        self._delays: deque[float] = deque(maxlen=_RECENT)

    # -- any thread
    def start(self) -> None:
        if self._thread is not None:
            return
        self._say(Sending.WAITING, f"Waiting for the first picture for {self.stream}.")
        self._thread = threading.Thread(target=self._run, name=f"send {self.stream}", daemon=True)
        self._thread.start()
        self._feed.add_sink(self.buffer)

    def stop(self, patience: float = 5.0) -> bool:
        """Ends sending; what waits still gets `patience` seconds. True where the cloud has confirmed everything."""
        thread = self._thread
        if thread is None:
            return True
        self._feed.remove_sink(self.buffer)
        self._ending = True
        self.buffer.pause()
        loop, give_up, hurry = self._loop, self._give_up, self._hurry
        if loop is not None and hurry is not None:
            _call(loop, hurry.set)
        thread.join(patience)
        if thread.is_alive() and loop is not None and give_up is not None:
            _call(loop, give_up.set)
            thread.join(2.0)
        self._say(Sending.OFF, "No video is sent.")
        return not self.buffer.waiting().fragments

    def state(self) -> SenderState:
        delays = sorted(self._delays.copy())
        connection = self._connection
        now = 0 if connection is None else connection.told.persisted
        late = delays[int(0.95 * (len(delays) - 1))] if delays else None
        return SenderState(
            self._doing,
            self._feed.trouble or self._words,
            self.buffer.waiting(),
            self._sent_frames,
            self._persisted + now,
            self._feed.passed_over,
            self._reconnects,
            late,
        )

    def _wake(self) -> None:
        loop, changed = self._loop, self._changed
        if loop is not None and changed is not None:
            _call(loop, self._poke)

    def _say(self, doing: Sending, words: str) -> None:
        self._doing, self._words = doing, words

    # -- the sender's own thread
    def _poke(self) -> None:
        assert self._changed is not None
        self._changed.set()
        if self._connection is not None:
            self._connection.changed.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception:
            log.exception("sending to %s has ended", self.stream)
            self._say(Sending.LOST, f"Sending to {self.stream} has ended unexpectedly. The log has the details.")
        finally:
            self._loop = None

    async def _main(self) -> None:
        import aiohttp

        self._changed, self._give_up, self._hurry = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(trust_env=True, auto_decompress=False) as client:
            sending = asyncio.ensure_future(self._keep_sending(client))
            enough = asyncio.ensure_future(self._give_up.wait())
            await asyncio.wait((sending, enough), return_when=asyncio.FIRST_COMPLETED)
            for task in (sending, enough):
                task.cancel()
            result = await asyncio.gather(sending, return_exceptions=True)
            if isinstance(result[0], Exception):
                raise result[0]

    async def _keep_sending(self, client: aiohttp.ClientSession) -> None:
        assert self._changed is not None
        tries, renew = 0, False
        while True:
            first = self.buffer.after(0)
            if first is None:
                if self._ending:
                    return
                await self._changed.wait()
                self._changed.clear()
                continue
            told = await self._connect(client, first, renew)
            if told is not None and self._doing is not Sending.LOST and (told.persisted or told.acks == 0):
                continue  # it ended in order
            tries = 0 if told is not None and told.persisted else tries
            renew = tries >= 1
            await self._pause(self._retry.seconds(tries))
            tries += 1

    async def _pause(self, seconds: float) -> None:
        """Before another try; whoever waits for the end waits for no long pause."""
        assert self._hurry is not None
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, self._retry.first))
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _connect(self, client: aiohttp.ClientSession, first: Fragment, renew: bool) -> Told | None:
        """One connection; what was heard on it, None where there was none. `_doing` tells how it ended."""
        import aiohttp

        connection: PutMedia | None = None
        if self._doing is not Sending.LOST:  # which names its reason until something is heard again
            self._say(Sending.CONNECTING, f"Connecting to {self.stream}.")
        try:
            await self._settle_doubts()
            oldest = self.buffer.after(0)
            if oldest is None:
                self._say(Sending.SENDING, f"Sending to {self.stream}.")
                return Told()
            first = oldest
            url, headers, trust = await asyncio.to_thread(self._request, first, renew)
            connection = self._connection = PutMedia(
                self.buffer,
                stamp=self._stamp,
                images=self._images,
                keeps=self._keeps,
                limits=self._limits,
                handed=self._handed,
                ending=lambda: self._ending,
                heard=self._heard,
            )
            await connection.run(client, url, headers, trust, first)
            self._say(Sending.SENDING, f"Sending to {self.stream}.")
        except CloudError as error:
            self._lost(str(error))
        except TimeoutError:
            self._lost(f"AWS has not answered for {self._limits.silence:g} s. Check the network.")
        except aiohttp.ClientSSLError as error:
            log.info("%s", error)
            self._lost("The connection to AWS is not trusted. Check the computer's clock and proxy (AWS_CA_BUNDLE).")
        except (OSError, aiohttp.ClientError) as error:
            log.info("the connection to %s was lost: %s", self.stream, str(error) or type(error).__name__)
            if connection is not None and self.buffer.after(0) is None:
                # The service ends connections on which nothing comes; with the next picture there is a new one.
                self._say(Sending.WAITING, f"Waiting for the next picture for {self.stream}.")
            else:
                self._lost("The connection to AWS was lost. Check the network.")
        finally:
            if connection is not None:
                self._connection, self._persisted = None, self._persisted + connection.told.persisted
        if connection is None:
            return None
        self._keeps = connection.keeps
        if self._doing is Sending.LOST:
            self._reconnects += connection.told.acks > 0
        self._doubtful.update(connection.told.whole)
        return connection.told

    def _request(self, first: Fragment, renew: bool) -> tuple[str, dict[str, str], SSLContext]:
        """Slow: where to, with which signed headers, and whom to trust."""
        if self._keeps is None:
            try:
                self._keeps = self._streams.describe(self.stream).retention_hours > 0
            except CloudError as error:
                if error.code == "ResourceNotFoundException":
                    raise
                log.info("%s is taken for a stream that keeps video: %s", self.stream, error)
        place = self._streams.endpoint(self.stream, "PUT_MEDIA", renew=renew).rstrip("/")
        headers = {
            "x-amzn-stream-name": self.stream,
            "x-amzn-fragment-timecode-type": "ABSOLUTE",
            "x-amzn-producer-start-timestamp": f"{first.timecode / 1000:.3f}",
            "x-amzn-fragment-acknowledgment-required": "1",
        }
        url = f"{place}/putMedia"
        return url, self._session.signed("POST", url, "kinesisvideo", headers), self._session.trust()

    async def _settle_doubts(self) -> None:
        """Fragments that were sent whole and not confirmed: those that arrived are not sent again."""
        doubtful = [one for one in self._doubtful.values() if any(one is kept for kept in self.buffer)]
        if not doubtful or self._keeps is False:
            return
        try:
            there = await asyncio.to_thread(self._listed, doubtful)
        except CloudError as error:
            log.info("what arrived in %s can't be looked up: %s", self.stream, error)
            return
        for fragment in doubtful:
            # A fragment that was cut off is there as well, but smaller.
            if there.get(fragment.timecode, 0) >= fragment.size:
                self._persisted += self.buffer.confirm(fragment)
        self._doubtful = {}

    def _listed(self, fragments: list[Fragment]) -> dict[int, int]:
        """Slow: producer's time in ms and size in bytes of what the cloud keeps of that time."""
        from botocore.exceptions import BotoCoreError, ClientError

        from app.cloud.session import in_words

        first, last = min(one.timecode for one in fragments), max(one.timecode for one in fragments)
        place = self._streams.endpoint(self.stream, "LIST_FRAGMENTS")
        client = self._session.client("kinesis-video-archived-media", place)
        selector = {
            "FragmentSelectorType": "PRODUCER_TIMESTAMP",
            "TimestampRange": {"StartTimestamp": _moment(first - 1000), "EndTimestamp": _moment(last + 1000)},
        }
        found: dict[int, int] = {}
        try:
            for page in client.get_paginator("list_fragments").paginate(
                StreamName=self.stream, FragmentSelector=selector
            ):
                for one in page.get("Fragments", ()):
                    at = round(one["ProducerTimestamp"].timestamp() * 1000)
                    found[at] = max(found.get(at, 0), int(one["FragmentSizeInBytes"]))
        except (BotoCoreError, ClientError) as error:
            what = f"The fragments of {self.stream} can't be listed"
            raise in_words(error, what, "kinesisvideo:ListFragments") from error
        return found

    def _handed(self, frame: EncodedFrame) -> None:
        self._sent_frames += 1
        self._delays.append(1000 * (time.monotonic() - frame.monotonic))
        self._on_handed(frame)

    def _heard(self) -> None:
        if self._doing is not Sending.SENDING:
            self._say(Sending.SENDING, f"Sending to {self.stream}.")

    def _lost(self, words: str) -> None:
        if self._words != words:
            log.warning("%s: %s", self.stream, words)
        self._say(Sending.LOST, words)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:  # the loop has just been closed
        log.debug("the sender has ended already")
