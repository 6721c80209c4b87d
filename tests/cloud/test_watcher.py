"""Watching a stream as a camera: what one station sends, another sees, with the producer's times."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.cloud.session import CloudSession
from app.cloud.video.feed import Encoder
from app.cloud.video.fragments import FragmentBuffer
from app.cloud.video.streams import Streams
from app.cloud.video.watcher import KinesisCamera, StreamFrame
from app.domain.errors import SourceError
from app.domain.frame import Frame
from tests.cloud.conftest import STREAM, Camera, number_of, until
from tests.cloud.media_plane import MediaPlane, Stored, flips
from tests.cloud.test_sender import Sent


class Produced:
    """Fragments that a producer has put there, without a network."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane, self.camera, self._encoder = plane, Camera(), Encoder()

    def gops(self, count: int, *, open_end: bool = False) -> None:
        from app.cloud.video.mkvreader import Block

        buffer = FragmentBuffer()
        for _ in range(10 * count):
            buffer.add(self._encoder.encode(self.camera.take()))
        for one in list(buffer):
            self.plane._count += 1
            blocks = [Block(1, one.timecode, each.stamp - one.timecode, each.key, each.data) for each in one.frames]
            stored = Stored(
                str(10**46 + self.plane._count), one.timecode, one.track, one.timecode / 1000, blocks, {"LINE": "7"}
            )
            stored.whole = stored.ended = True
            self.plane.stored.append(stored)
            self.plane._live.append(stored)
        self._tell()

    def _tell(self) -> None:
        import asyncio

        assert self.plane._loop is not None
        asyncio.run_coroutine_threadsafe(self.plane.tell(), self.plane._loop).result(5)


@pytest.fixture
def produced(plane: MediaPlane) -> Produced:
    return Produced(plane)


@pytest.fixture
def watch(session: CloudSession) -> Iterator[Callable[..., KinesisCamera]]:
    made: list[KinesisCamera] = []

    def watch(name: str = STREAM, **options: Any) -> KinesisCamera:
        made.append(KinesisCamera(session, name, **({"silent": 5.0} | options)))
        return made[-1]

    yield watch
    for one in made:
        one.stop()
        one.close()


class Reader:
    """Opens a camera and reads it on a thread, as the capture thread does; again after a loss."""

    def __init__(self, camera: KinesisCamera) -> None:
        self.frames: list[Frame] = []
        self.errors: list[str] = []
        self._camera = camera
        self._ended = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._camera.open()
                while (frame := self._camera.read()) is not None:
                    self.frames.append(frame)
            except SourceError as error:
                self.errors.append(str(error))
                self._camera.close()

    def end(self) -> None:
        self._ended.set()
        self._camera.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()
        self._camera.close()

    def seen(self) -> dict[int, int]:
        return {round(one.captured_at.timestamp() * 1000): number_of(one.image) for one in list(self.frames)}


def watched(plane: MediaPlane, count: int = 1) -> None:
    until(lambda: len(plane._getting) >= count)


def test_the_picture_and_its_time_are_the_senders(
    plane: MediaPlane, session: CloudSession, watch: Callable[..., KinesisCamera]
) -> None:
    camera = watch(clock=lambda: Camera().at.timestamp() + 10)
    reader = Reader(camera)
    sent = Sent(session)
    sent.sender.start()
    try:
        watched(plane)
        for number in range(25):  # one after the other: the newest frame would win otherwise
            sent.sender.buffer.add(sent._encoder.encode(sent.camera.take()))
            until(lambda number=number: len(reader.frames) == number + 1)
    finally:
        sent.sender.stop(5)
        reader.end()
    assert reader.seen() == sent.camera.taken
    frame = reader.frames[-1]
    assert isinstance(frame, StreamFrame) and frame.fragment == plane._live[-1].number
    assert frame.source == "kvs:line-1" and 0 <= frame.age() < 10
    state = camera.state()
    assert state.producer_at == frame.captured_at and state.fragments == 3
    assert state.lag_ms == pytest.approx(10_000 - 2400) and state.damaged == 0


def test_after_a_loss_it_goes_on_where_it_was(
    plane: MediaPlane, produced: Produced, watch: Callable[..., KinesisCamera]
) -> None:
    reader = Reader(watch())
    watched(plane)
    produced.gops(1)
    until(lambda: reader.frames)
    until(lambda: reader._camera._token)
    plane.cut(putting=False, getting=True)
    until(lambda: reader.errors)
    produced.gops(1)
    watched(plane)
    until(lambda: len({one.fragment for one in reader.frames if isinstance(one, StreamFrame)}) == 2)
    reader.end()
    kinds = [asked["StartSelector"]["StartSelectorType"] for kind, asked in plane.requests if kind == "getMedia"]
    assert kinds[0] == "NOW" and "CONTINUATION_TOKEN" in kinds[1:]
    assert "lost" in reader.errors[0] or "ended" in reader.errors[0]


def test_a_fragment_that_was_cut_off_is_shown_to_its_end(
    plane: MediaPlane, produced: Produced, watch: Callable[..., KinesisCamera]
) -> None:
    reader = Reader(watch())
    watched(plane)
    produced.gops(1)
    until(lambda: reader._camera._token)
    whole = iter([True, False])
    # The head and frames of the second fragment come in one piece; half of them is cut off.
    plane.faults.damage = lambda data: data if next(whole, False) else data[: len(data) // 2]
    produced.gops(1)
    until(lambda: any(frame.captured_at >= Camera().at + timedelta(seconds=1) for frame in reader.frames))
    plane.faults.damage = None
    plane.cut(putting=False, getting=True)
    last = max(produced.camera.taken)
    until(lambda: last in reader.seen())
    reader.end()
    times = [frame.captured_at for frame in reader.frames]
    assert times == sorted(set(times))


def test_a_token_that_is_not_accepted_any_more_is_given_up(
    plane: MediaPlane, produced: Produced, watch: Callable[..., KinesisCamera]
) -> None:
    camera = watch()
    camera.goes_on_from("old")
    reader = Reader(camera)
    watched(plane)
    produced.gops(1)
    until(lambda: reader.frames)
    reader.end()
    assert reader.errors == []


def test_a_fragment_that_was_sent_twice_is_shown_once(
    plane: MediaPlane, produced: Produced, watch: Callable[..., KinesisCamera]
) -> None:
    camera = watch()
    reader = Reader(camera)
    watched(plane)
    produced.gops(1)
    until(lambda: camera.state().fragments == 1)
    plane._live.append(plane._live[-1])
    produced.gops(1)
    until(lambda: camera.state().fragments == 3)
    until(lambda: reader.frames and reader.frames[-1].captured_at > Camera().at + timedelta(seconds=1.85))
    reader.end()
    times = [frame.captured_at for frame in reader.frames]
    assert times == sorted(set(times))


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_stream_costs_pictures_and_no_more(
    plane: MediaPlane, produced: Produced, watch: Callable[..., KinesisCamera], seed: int
) -> None:
    camera = watch()
    reader = Reader(camera)
    watched(plane)
    plane.faults.damage = flips(seed, 200)
    produced.gops(20)
    # However the tokens were damaged: after a loss it goes on from now.
    plane.faults.damage = None

    def a_good_one() -> bool:
        produced.gops(1)
        known = produced.camera.taken
        return any(known.get(at) == number for at, number in list(reader.seen().items())[-3:])

    until(a_good_one)
    reader.end()
    assert all("kvs:line-1" in words for words in reader.errors)


def test_an_endpoint_that_is_no_more_is_asked_for_anew(
    plane: MediaPlane, produced: Produced, session: CloudSession, control_plane: str
) -> None:
    streams = Streams(session)
    streams._endpoints[STREAM, "GET_MEDIA"] = ("http://127.0.0.1:1", streams._clock())
    reader = Reader(KinesisCamera(session, STREAM, streams=streams))
    watched(plane)
    produced.gops(1)
    until(lambda: reader.frames)
    reader.end()
    assert "can't be reached" in reader.errors[0]


def test_an_error_inside_the_stream_is_told(
    plane: MediaPlane, produced: Produced, watch: Callable[..., KinesisCamera]
) -> None:
    from app.cloud.video import mkv

    reader = Reader(watch())
    watched(plane)
    plane.faults.damage = lambda data: data + mkv.tags({"AWS_KINESISVIDEO_ERROR_ID": "4501"})
    produced.gops(1)
    until(lambda: reader.errors)
    reader.end()
    assert "4501" in reader.errors[0]


def test_a_stream_that_is_silent_counts_as_lost(plane: MediaPlane, watch: Callable[..., KinesisCamera]) -> None:
    camera = watch(silent=0.2)
    camera.open()
    with pytest.raises(SourceError, match="sent no picture"):
        camera.read()


def test_a_stop_ends_a_read_of_a_silent_stream(plane: MediaPlane, watch: Callable[..., KinesisCamera]) -> None:
    reader = Reader(watch(silent=60))
    watched(plane)
    reader.end()
    until(lambda: not [one for one in threading.enumerate() if one.name == "capture kvs:line-1"], 3)
    assert reader.frames == [] and reader.errors == []


def test_no_such_stream(plane: MediaPlane, watch: Callable[..., KinesisCamera]) -> None:
    with pytest.raises(SourceError, match=r"kvs:nowhere.*not in this account"):
        watch("nowhere").open()


def test_a_name_is_needed(session: CloudSession) -> None:
    with pytest.raises(SourceError, match="write kvs:NAME"):
        KinesisCamera(session, " ", streams=Streams(session))
