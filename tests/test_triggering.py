"""Who says what a part is: hand, timer, presence and code, at a station with a camera of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zxingcpp

from app.domain.errors import LinesightError, SourceError
from app.domain.frame import Image
from app.domain.lot import Order
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, VIEWING, FakeSource, wait_for
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting, reaches, rows, write_pictures


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def source() -> FakeSource:
    return camera(VIEWING)


@pytest.fixture
def station(stations: Stations, source: FakeSource) -> Station:
    station = inspecting(stations, source)
    station.triggering.begin()
    return station


class Stage:
    """What lies before the camera now; its picture comes again and again, with the noise of a camera."""

    def __init__(self, source: FakeSource) -> None:
        self._source, self._done = source, threading.Event()
        self.now: Image = empty()
        self._thread = threading.Thread(target=self._go_on)
        self._noise = np.random.default_rng(1)

    def _go_on(self) -> None:
        while not self._done.wait(0.01):
            noisy = self.now + self._noise.normal(0, 1.5, self.now.shape)
            self._source.push(np.clip(noisy, 0, 255).astype(np.uint8))

    def __enter__(self) -> Stage:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def empty() -> Image:
    return np.full((48, 64, 3), 100, np.uint8)


def part(score: float) -> Image:
    """A part of which the fake detector reads this score."""
    image = empty()
    image[12:36, 12:52] = round(score * 250)
    return image


def on_record(station: Station, number: int) -> None:
    wait_for(lambda: station.session_counts().total >= number, what=f"{number} parts on record")
    assert station.session_counts().total == number


@contextmanager
def taught(station: Station, source: FakeSource) -> Iterator[Stage]:
    station.save_settings(trigger="presence", presence_still=0.05)
    with Stage(source) as stage:
        assert station.triggering.state().untaught
        assert station.triggering.teach().result(20) < 3
        wait_for(lambda: station.triggering.state().words == "Ready for a part")
        yield stage


def test_parts_come_and_go_before_the_camera_and_each_is_recorded_once(station: Station, source: FakeSource) -> None:
    with taught(station, source) as stage:
        for number, score in enumerate((PASS, FAIL, PASS), 1):
            stage.now = part(score)
            on_record(station, number)
            wait_for(lambda: station.triggering.state().words == "Take the part away")
            stage.now = empty()
            wait_for(lambda: station.triggering.state().words == "Ready for a part")
    assert [row["verdict"] for row in rows(station.data.root)] == ["PASS", "FAIL", "PASS"]
    assert station.triggering.state().counts.taken == 3 and station.triggering.state().counts.missed == 0


def test_what_is_shown_meanwhile_is_not_judged(station: Station, source: FakeSource, stations: Stations) -> None:
    with taught(station, source):
        wait_for(lambda: (latest := station.latest()) is not None and latest.waiting == "Ready for a part")
        outcome = station.latest()
        assert outcome is not None and outcome.detection is None and outcome.inspection is None
        judged = len(stations.detector.begun)
        before = station.health().captured
        wait_for(lambda: station.health().captured > before + 10)
        assert len(stations.detector.begun) == judged and station.session_counts().total == 0


def test_what_was_taught_is_known_after_a_restart_and_for_this_camera_only(
    station: Station, source: FakeSource, stations: Stations
) -> None:
    with taught(station, source):
        pass
    station.close()
    again, other = camera(VIEWING), camera(VIEWING)
    other.address = "usb:1"
    stations.sources |= {CAMERA: lambda: again, "usb:1": lambda: other}
    second = stations.open()
    second.triggering.begin()
    second.inspect_source(CAMERA, MODEL)
    reaches(second, Phase.INSPECTING)
    wait_for(lambda: second.triggering.state().way == "presence")
    assert not second.triggering.state().untaught
    second.inspect_source("usb:1", MODEL)
    wait_for(lambda: second.triggering.state().untaught)


def test_nothing_can_be_taught_where_parts_are_not_looked_for(station: Station, source: FakeSource) -> None:
    with pytest.raises(LinesightError, match="not looked for"):
        station.triggering.teach().result(10)


def test_a_folders_pictures_are_parts_one_by_one(stations: Stations, tmp_path: Path) -> None:
    write_pictures(tmp_path / "parts", PASS, FAIL, PASS, PASS)
    station = stations.open()
    station.save_settings(trigger="presence")
    station.triggering.begin()
    station.inspect_source(f"folder:{tmp_path / 'parts'}", MODEL)
    on_record(station, 4)


def test_a_hand_triggers_one_part_each(station: Station, source: FakeSource) -> None:
    desk = station.triggering
    with pytest.raises(LinesightError, match="Set-up, Line"):
        desk.press()
    station.save_settings(trigger="hand")
    assert desk.state().pressable and desk.state().words == "Press to inspect"
    with Stage(source) as stage:
        stage.now = part(FAIL)
        for number in (1, 2):
            wait_for(lambda: not station.line.trigger.busy)
            wait_for(lambda: _pressed(desk), what="a press that is no bounce")
            on_record(station, number)
    assert desk.state().counts.taken == 2
    station.stop()
    reaches(station, Phase.STOPPED)
    with pytest.raises(LinesightError, match="Start the line"):
        desk.press()


def _pressed(desk: object) -> bool:
    before = desk.state().counts.taken  # type: ignore[attr-defined]
    desk.press()  # type: ignore[attr-defined]
    return bool(desk.state().counts.taken > before)  # type: ignore[attr-defined]


def test_a_folder_waits_for_the_hand(stations: Stations, tmp_path: Path) -> None:
    write_pictures(tmp_path / "parts", PASS, FAIL, PASS)
    station = stations.open()
    station.save_settings(trigger="hand")
    station.triggering.begin()
    station.inspect_source(f"folder:{tmp_path / 'parts'}", MODEL)
    reaches(station, Phase.INSPECTING)
    for number in (1, 2):
        wait_for(lambda: not station.line.trigger.busy and _pressed(station.triggering))
        on_record(station, number)


def test_a_timer_triggers_until_it_is_switched_off(station: Station, source: FakeSource) -> None:
    with Stage(source) as stage:
        stage.now = part(PASS)
        station.save_settings(trigger="timer", trigger_seconds=0.2)
        wait_for(lambda: station.session_counts().total >= 3)
        station.save_settings(trigger="hand")
        wait_for(lambda: not station.line.trigger.busy)
        counted = station.session_counts().total
        before = station.health().captured
        wait_for(lambda: station.health().captured > before + 40)
        assert station.session_counts().total == counted


def coded(code: str) -> Image:
    bars = np.array(zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode).to_image(scale=4))
    image = np.full((bars.shape[0] + 80, bars.shape[1] + 80, 3), 100, np.uint8)
    image[40:-40, 40:-40] = bars[..., None]
    return image


def test_a_code_in_the_picture_names_the_part_and_inspects_it_once(station: Station, source: FakeSource) -> None:
    station.save_settings(trigger="code")
    with Stage(source) as stage:
        stage.now = coded("A-17")
        on_record(station, 1)
        before = station.health().captured
        wait_for(lambda: station.health().captured > before + 60)
        on_record(station, 1)
        stage.now = coded("A-18")
        on_record(station, 2)
    assert [row["serial"] for row in rows(station.data.root)] == ["A-17", "A-18"]


def test_a_scanners_code_names_the_part_and_inspects_it(station: Station, source: FakeSource) -> None:
    with Stage(source):
        on_record(station, 1)  # watched all the time
        assert not station.triggering.code("B-1")  # it only names the next part, whenever that comes
        station.save_settings(trigger="code")
        assert station.triggering.code("B-2")
        on_record(station, 2)
    assert rows(station.data.root)[1]["serial"] == "B-2"


def test_while_a_lot_is_open_it_says_what_a_part_is(station: Station, source: FakeSource) -> None:
    with taught(station, source) as stage:
        station.lots.open(Order("L-1", "Iron", "Foundry", "Drawing 1", 20, "II"))
        assert station.triggering.gate() is None and station.triggering.state().way == "source"
        stage.now = part(FAIL)
        before = station.health().captured
        wait_for(lambda: station.health().captured > before + 40)
        assert station.session_counts().total == 0


def test_a_storm_of_triggers_inspects_one_part_at_a_time(station: Station, source: FakeSource) -> None:
    """A thousand presses within a second: each is taken, refused as busy, or a bounce; none is lost or doubled."""
    station.save_settings(trigger="hand")
    trigger = station.line.trigger
    with Stage(source) as stage:
        stage.now = part(PASS)
        for _ in range(1000):
            trigger.fire("", bounces=False)
        wait_for(lambda: not trigger.busy)
        wait_for(lambda: station.session_counts().total == trigger.counts.taken)
    counts = trigger.counts
    assert counts.taken + counts.busy == 1000 and counts.taken >= 1 and counts.missed == 0


def test_the_camera_is_lost_while_a_part_lies_there(station: Station, source: FakeSource) -> None:
    with taught(station, source) as stage:
        stage.now = part(FAIL)
        on_record(station, 1)
        source.push(SourceError("The camera was pulled."))
        wait_for(lambda: source.opened >= 2, what="the camera is opened again")
        before = station.health().captured
        wait_for(lambda: station.health().captured > before + 20)
        on_record(station, 1)  # the part still lies there: it is not inspected a second time


def test_settings_that_make_no_sense_are_refused(station: Station) -> None:
    for wrong in ({"trigger": "magic"}, {"trigger_seconds": 0.0}, {"presence_percent": 100.0}):
        with pytest.raises(LinesightError):
            station.save_settings(**wrong)


def test_a_scanner_at_a_serial_port_inspects_the_part_it_names(station: Station, source: FakeSource) -> None:
    with Stage(source):
        station.save_settings(trigger="code")
        wait_for(lambda: station.triggering.state().way == "code")
        assert station.signalling._scanned("C-3") == "Part C-3 is inspected."
        wait_for(lambda: any(row["serial"] == "C-3" for row in rows(station.data.root)))
