"""What every frame source keeps, whatever lies behind it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.cameras import FrameSource, make_source
from app.cameras.usb import UsbCamera
from app.domain.errors import SourceError

Make = Callable[[], FrameSource]
STOP_WITHIN = 0.5


@pytest.fixture(params=["demo", "folder", "folder-once", "video", "usb", "basler", "genicam", "rtsp", "kvs"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a source of each kind that gives at least three frames and then, where it can, pauses or ends."""
    kind = request.param
    if kind == "demo":
        return lambda: make_source("demo", seed=1, part_interval=0.05)
    if kind == "usb":
        make_capture = request.getfixturevalue("make_capture")
        return lambda: UsbCamera(0, lambda index, backend: make_capture())
    if kind == "basler":
        serials = itertools.cycle(request.getfixturevalue("pylon_emulator"))  # a camera serves one at a time
        return lambda: make_source(f"basler:{next(serials)}")
    if kind == "genicam":
        driver, numbers = request.getfixturevalue("gentl_driver"), itertools.cycle("012")
        return lambda: make_source(f"genicam:{driver}#{next(numbers)}")
    if kind == "rtsp":
        server = request.getfixturevalue("rtsp_server")
        return lambda: make_source(server.url)
    if kind == "kvs":
        return request.getfixturevalue("make_watched")
    kit = request.getfixturevalue("kit")
    if kind == "video":
        clip = kit.clip(tmp_path / "clip.mp4", frames=8)
        return lambda: make_source(f"video:{clip}")
    for number in range(4):
        kit.picture(tmp_path / "parts" / f"part-{number}.png", 60 + number)
    return lambda: make_source(f"folder:{tmp_path / 'parts'}", watch=kind == "folder")


@pytest.fixture
def source(make: Make) -> Iterator[FrameSource]:
    source = make()
    yield source
    source.close()


def read_after_stop(source: FrameSource) -> tuple[bool, float]:
    """Reads in another thread for a while, stops it; (it ended with None, seconds from stop to end)."""
    reading = threading.Event()
    ended: list[float] = []

    def read_on() -> None:
        while source.read() is not None:
            reading.set()
        ended.append(time.monotonic())

    thread = threading.Thread(target=read_on)
    thread.start()
    assert reading.wait(10)
    stopped = time.monotonic()
    source.stop()
    thread.join(5)
    return bool(ended), (ended[0] if ended else time.monotonic()) - stopped


def test_frames_are_pictures_with_an_identity(source: FrameSource) -> None:
    source.open()
    before = datetime.now(UTC)
    frames = [source.read() for _ in range(3)]
    for frame in frames:
        assert frame is not None
        assert frame.image.dtype == np.uint8
        assert frame.image.ndim == 3 and frame.image.shape[2] == 3
        assert frame.image.flags.c_contiguous
        assert frame.source == source.address
        assert frame.captured_at.tzinfo is UTC
        assert (frame.captured_at - before).total_seconds() > -10
        assert frame.age() >= 0
        assert (frame.part_id is not None) == source.traits.parts
    ids = [frame.id for frame in frames if frame]
    assert ids == sorted(set(ids))
    times = [frame.monotonic for frame in frames if frame]
    assert times == sorted(times)


def test_stop_ends_a_read_soon_and_for_good(source: FrameSource) -> None:
    source.open()
    ended, seconds = read_after_stop(source)
    assert ended
    assert seconds < STOP_WITHIN
    assert source.read() is None


def test_a_source_stopped_before_it_opens_gives_nothing(source: FrameSource) -> None:
    source.stop()
    source.open()
    assert source.read() is None


def test_reading_without_opening_says_so(source: FrameSource) -> None:
    with pytest.raises(SourceError, match="not open"):
        source.read()


def test_closing_twice_is_safe_and_a_closed_source_opens_again(source: FrameSource) -> None:
    source.close()
    source.open()
    assert source.read() is not None
    source.stop()
    source.close()
    source.close()
    source.open()
    assert source.read() is not None


def test_only_finite_sources_end(source: FrameSource) -> None:
    source.open()
    if source.traits.endless:
        assert [source.read() for _ in range(4)].count(None) == 0
        return
    for _ in range(100):
        if source.read() is None:
            break
    else:
        pytest.fail("a finite source never ended")
    assert source.read() is None


def test_only_enumerated_sources_keep_every_frame_in_order(make: Make) -> None:
    source = make()
    if source.traits.live:
        assert not source.address.startswith("folder:")
        return
    source.open()
    names = [frame.path_in_folder for frame in (source.read() for _ in range(4)) if frame]
    source.close()
    assert names == [f"part-{number}.png" for number in range(4)]


def test_no_two_sources_share_a_state(make: Make) -> None:
    first, second = make(), make()
    first.open()
    second.open()
    first.stop()
    try:
        assert first.read() is None
        assert second.read() is not None
    finally:
        first.close()
        second.close()
