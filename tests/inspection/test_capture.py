"""A camera that is missing, unplugged, and comes back; a driver that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from app.cameras.base import SourceTraits
from app.domain.errors import SourceError
from app.inspection.capture import CaptureState, CaptureThread, one_picture, slot_for
from app.inspection.meter import RateMeter
from tests.inspection.fakes import LIVE_PARTS, FakeSource, picture, wait_for


class Line:
    """A capture thread whose waits end when the test lets them."""

    def __init__(self, source: FakeSource) -> None:
        self.states: list[CaptureState] = []
        self.waits: list[float] = []
        self._go_on = threading.Semaphore(0)
        self._ending = threading.Event()
        self.slot = slot_for(source)
        self.thread = CaptureThread(source, self.slot, on_change=self.states.append, wait=self._wait)

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self._go_on.acquire()
        return self._ending.is_set()

    def let_pass(self, waits: int = 1) -> None:
        """The time of so many waits passes."""
        for _ in range(waits):
            before = len(self.waits)
            self._go_on.release()
            wait_for(lambda before=before: len(self.waits) > before, what="the next try")

    def come_back(self) -> None:
        self._go_on.release()

    def end(self) -> None:
        self._ending.set()
        self._go_on.release()
        assert self.thread.stop(5)


LineOf = Callable[[FakeSource], Line]


@pytest.fixture
def line_of() -> object:
    lines: list[Line] = []

    def make(source: FakeSource) -> Line:
        lines.append(Line(source))
        lines[-1].thread.start()
        return lines[-1]

    yield make
    for line in lines:
        line.end()


def lost(words: str = "usb:0 gives no pictures any more. Check its plug.") -> SourceError:
    return SourceError(words)


def test_a_missing_camera_is_tried_with_growing_pauses_and_named(line_of: LineOf) -> None:
    source = FakeSource()
    source.opening = [lost("usb:0 can't be opened. Check its plug.") for _ in range(8)]
    line = line_of(source)
    wait_for(lambda: line.waits)
    assert line.thread.state == CaptureState(False, "usb:0 can't be opened. Check its plug.", 0, 0, False)
    line.let_pass(7)
    assert line.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    assert not any(state.connected for state in line.states)
    line.come_back()
    source.push(picture())
    assert line.slot.take(5) is not None
    assert line.thread.state.connected
    assert line.thread.state.reconnects == 1
    assert source.closed == 8


def test_an_unplugged_camera_comes_back_after_a_minute(line_of: LineOf) -> None:
    source = FakeSource()
    line = line_of(source)
    source.push(picture())
    assert line.slot.take(5) is not None
    source.opening = [lost() for _ in range(11)]
    source.push(lost())
    wait_for(lambda: line.waits)
    assert not line.thread.state.connected
    line.let_pass(11)
    assert 60 <= sum(line.waits[:-1]) <= 65
    line.come_back()
    source.push(picture())
    frame = line.slot.take(5)
    assert frame is source.given[-1]
    # The next loss is tried quickly again.
    source.push(lost())
    wait_for(lambda: len(line.waits) == 13)
    assert line.waits[-1] == 0.5
    assert [state.connected for state in line.states if state.connected] == [True, True]
    assert line.thread.state.reconnects == 1


def test_a_camera_that_opens_and_gives_nothing_has_not_come_back(line_of: LineOf) -> None:
    source = FakeSource()
    line = line_of(source)
    source.push(picture())
    assert line.slot.take(5) is not None
    source.push(lost())
    wait_for(lambda: line.waits)
    for _ in range(4):
        source.push(lost())
        line.let_pass()
    assert line.waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert [state.connected for state in line.states] == [True, *[False] * 5]
    assert line.thread.state.reconnects == 0


def test_a_folder_that_is_back_says_so_before_its_next_picture(line_of: LineOf) -> None:
    source = FakeSource(SourceTraits(live=False, parts=True, endless=True))
    line = line_of(source)
    source.push(lost("folder:/mnt/parts is gone: plug the drive in."))
    wait_for(lambda: line.waits)
    line.come_back()
    wait_for(lambda: line.thread.state.connected)
    assert line.thread.state.reconnects == 1


def test_whatever_a_driver_raises_the_line_comes_back_without_showing_a_password(
    line_of: LineOf, caplog: pytest.LogCaptureFixture
) -> None:
    source = FakeSource()
    line = line_of(source)
    source.push(RuntimeError("cannot read rtsp://operator:s3cret@camera/1"))
    wait_for(lambda: line.waits)
    words = line.thread.state.words
    assert "s3cret" not in words and "operator" not in words
    assert "failed unexpectedly" in words and "rtsp://camera/1" in words
    line.come_back()
    source.push(picture())
    assert line.slot.take(5) is not None


def test_a_driver_that_hangs_does_not_hold_up_the_end() -> None:
    class Hanging(FakeSource):
        def stop(self) -> None:
            """Does not help."""

    source = Hanging()
    states: list[CaptureState] = []
    slot = slot_for(source)
    thread = CaptureThread(source, slot, on_change=states.append)
    thread.start()
    wait_for(lambda: states)
    began = time.monotonic()
    assert not thread.stop(0.2)
    assert time.monotonic() - began < 2
    assert slot.take(0) is None
    source.push(picture())  # the call comes back after all: nothing is said or given any more
    thread.join(5)
    assert len(states) == 1
    assert slot.take(0) is None
    assert source.closed


def test_a_listener_that_fails_does_not_end_the_capture() -> None:
    def broken(state: CaptureState) -> None:
        raise RuntimeError("a broken view")

    source = FakeSource(LIVE_PARTS)
    slot = slot_for(source)
    thread = CaptureThread(source, slot, on_change=broken, wait=lambda seconds: False)
    source.opening = [lost(), lost()]
    thread.start()
    source.push(picture())
    assert slot.take(5) is not None
    assert thread.stop(5)


def test_a_test_picture_closes_the_camera_again() -> None:
    source = FakeSource(items=[picture()])
    assert one_picture(source) is source.given[0].image
    assert source.closed == 1
    source.push(None)
    with pytest.raises(SourceError, match="fake gave no picture"):
        one_picture(source)
    source.opening = [lost()]
    with pytest.raises(SourceError, match="no pictures any more"):
        one_picture(source)
    assert source.closed == 3


def test_the_rate_is_of_what_happened_and_falls_when_it_ends() -> None:
    clock = [0.0]
    meter = RateMeter(window=4.0, clock=lambda: clock[0])
    assert meter.rate() == 0.0
    for tick in range(21):
        clock[0] = tick * 0.1
        meter.tick()
    assert meter.rate() == pytest.approx(10.0)
    clock[0] += 2.0
    assert meter.rate() < 6
    clock[0] += 10.0
    assert meter.rate() == 0.0
