"""The station: orders from people, the demo line's training, and what is kept and counted."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import line as line_module
from app.domain.counts import Counts
from app.domain.errors import Cancelled, LinesightError
from app.domain.inspection import ModelRef
from app.domain.training import TrainedModel
from app.domain.verdict import Verdict
from app.inspection import capture
from app.paths import DataFolder
from app.station import Station
from app.status import Change, Phase
from tests.inspection.fakes import (
    ENUMERATED,
    FAIL,
    PASS,
    VIEWING,
    FakeDetector,
    FakeSource,
    Ticking,
    picture,
    wait_for,
)
from tests.inspection.stations import (
    CAMERA,
    MODEL,
    WAITING_PARTS,
    Stations,
    camera,
    inspecting,
    reaches,
    rows,
    shows,
)


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    stations.close()


# -- orders


def test_resuming_goes_on_with_what_was_last_asked_for(stations: Stations) -> None:
    stations.sources["usb:1"] = lambda: FakeSource(VIEWING, address="usb:1")
    station = stations.open(source=CAMERA, model=MODEL)  # what the program was started with
    stations.sources[CAMERA] = lambda: FakeSource(VIEWING, address=CAMERA)
    station.begin()
    reaches(station, Phase.INSPECTING)
    station.inspect_source("usb:1", MODEL)
    wait_for(lambda: station.state().source == "usb:1" and station.state().phase is Phase.INSPECTING)
    station.stop()
    reaches(station, Phase.STOPPED)
    assert "not inspected" in station.state().words
    station.resume()
    reaches(station, Phase.INSPECTING)
    assert station.state().source == "usb:1"


def test_orders_from_many_threads_leave_the_newest_and_nothing_else(stations: Stations) -> None:
    made: dict[str, list[Ticking]] = {}

    def maker(address: str) -> Callable[[], Ticking]:
        def make() -> Ticking:
            source = Ticking(0.005, (picture(PASS) for _ in itertools.count()))
            source.address = address
            made.setdefault(address, []).append(source)
            return source

        return make

    for number in range(4):
        stations.sources[f"usb:{number}"] = maker(f"usb:{number}")
    station = stations.open()

    def give_orders(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            order = chance.randrange(4)
            if order == 0:
                station.stop()
            elif order == 1:
                station.resume()
            else:
                station.inspect_source(f"usb:{chance.randrange(3)}", MODEL, remember=False)

    givers = [threading.Thread(target=give_orders, args=[seed]) for seed in range(4)]
    for giver in givers:
        giver.start()
    for giver in givers:
        giver.join(20)
        assert not giver.is_alive()
    station.inspect_source("usb:3", MODEL, remember=False)
    wait_for(lambda: station.state().source == "usb:3" and station.health().inspected > 2, 20)
    assert station.state().phase is Phase.INSPECTING
    latest = station.latest()
    assert latest is not None and latest.frame.source == "usb:3"
    # Of all lines that were started only one runs.
    assert len(made["usb:3"]) == 1
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("capture") == names.count("detection") == names.count("recording") == 1
    station.stop()
    reaches(station, Phase.STOPPED, 20)
    assert "capture" not in [thread.name for thread in threading.enumerate()]
    assert station.store.counts(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)) == (
        station.session_counts()
    )


def test_an_older_stop_does_not_end_a_newer_line(stations: Stations) -> None:
    """Orders are numbered when given and may come to the worker the other way round."""
    stations.sources[CAMERA] = lambda: FakeSource(VIEWING, address=CAMERA)
    station = stations.open()
    order, late = station.jobs.order, []

    def holding_back(name: str, work: Any) -> Any:
        if name == "Stop":
            late.append(work)
            return None
        return order(name, work)

    station.jobs.order = holding_back  # type: ignore[method-assign]
    station.stop()
    station.inspect_source(CAMERA, MODEL)
    reaches(station, Phase.INSPECTING)
    order("Stop", late[0]).result(10)
    assert station.state().phase is Phase.INSPECTING
    assert station.health().connected


def test_orders_after_the_close_do_nothing(stations: Stations) -> None:
    station = inspecting(stations, camera())
    station.close()
    for order in (station.stop, station.resume, station.begin, lambda: station.inspect_source(CAMERA, MODEL)):
        order()
    station.acknowledge("nothing")
    assert isinstance(station.check_source(CAMERA).error, Cancelled)
    station.close()


def test_a_test_picture_leaves_the_line_alone_and_can_be_given_up(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    source.push(picture(FAIL))
    shows(station, 1)
    assert station.check_source(CAMERA).result(10) is source.given[0].image
    silent = FakeSource(VIEWING, address="usb:5")
    stations.sources["usb:5"] = lambda: silent
    job = station.check_source("usb:5")
    wait_for(lambda: silent.opened)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(5)
    assert silent.closed == 1
    assert station.state().phase is Phase.INSPECTING


# -- the demo line's training


def _slow_training(steps: list[str]) -> Callable[..., TrainedModel]:
    def train(shelf: object, product: str, seed: int, step: Callable[[float, str], None]) -> TrainedModel:
        steps.append(product)
        for number in range(10_000 if len(steps) == 1 else 3):
            step(number / 10_000, "Taking pictures of good parts")
            threading.Event().wait(0.002)
        return TrainedModel(ModelRef("Demo plate", 1, "ab" * 32, "fake"), Path("x"), 40, 0.6, 1.0, ())

    return train


def test_training_that_is_stopped_says_so_and_can_be_started_again(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(line_module, "train_on_demo", _slow_training(steps))
    stations.sources["demo"] = lambda: FakeSource(address="demo")
    station = stations.open()
    station.begin()
    reaches(station, Phase.TRAINING)
    wait_for(lambda: (job := station.state().job) is not None and job.progress.fraction)
    job = station.state().job
    assert job is not None
    job.cancel()
    reaches(station, Phase.IDLE)
    assert "Training was stopped" in station.state().words and station.state().job is None
    station.inspect_source("demo")
    reaches(station, Phase.INSPECTING)
    assert len(steps) == 2


@pytest.mark.parametrize("order", ["stop", "close", "other"])
def test_an_order_gives_up_a_training_that_runs(
    stations: Stations, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(line_module, "train_on_demo", _slow_training([]))
    stations.sources[CAMERA] = lambda: FakeSource(VIEWING, address=CAMERA)
    station = stations.open()
    station.begin()
    reaches(station, Phase.TRAINING)
    began = time.monotonic()
    if order == "stop":
        station.stop()
        reaches(station, Phase.STOPPED)
    elif order == "close":
        station.close()
    else:
        station.inspect_source(CAMERA, MODEL)
        reaches(station, Phase.INSPECTING)
    assert time.monotonic() - began < 5
    assert station.state().job is None


@pytest.mark.slow
def test_the_real_demo_line_learns_and_inspects_after_a_stopped_training(tmp_path: Path) -> None:
    station = Station(DataFolder(tmp_path / "demo"), demo_seed=7)
    try:
        station.begin()
        wait_for(lambda: (job := station.state().job) is not None and job.progress.fraction, 20)
        job = station.state().job
        assert job is not None
        job.cancel()
        reaches(station, Phase.IDLE, 20)
        assert station.models() == []
        station.resume()
        wait_for(lambda: station.session_counts().total >= 2, 60, f"{station.state()}")
        assert [str(station.state().model)] == [f"{entry.name}@{entry.version}" for entry in station.models()]
        assert all(row.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.RETEST) for row in station.recent())
    finally:
        station.close()
    assert station.settings.model == "Demo plate@1"


# -- counts, records, settings


def test_counts_and_newest_rows_are_those_of_the_record_after_a_restart(stations: Stations) -> None:
    source = camera(WAITING_PARTS)
    station = inspecting(stations, source)
    source.push(*(picture(score, noise=number) for number, score in enumerate([PASS, FAIL, PASS, 0.58] * 6)))
    shows(station, 24)
    counts, newest = station.counts_today(), station.recent()
    assert counts == Counts(passed=12, failed=6, retest=6)
    assert len(newest) == 20
    station.close()
    again = stations.open()
    assert again.counts_today() == counts == again.figures(again.today(), again.today()).counts
    assert again.recent() == newest
    assert again.session_counts() == Counts()
    assert again.recent(3) == newest[:3]


def test_counts_begin_anew_at_the_stations_midnight(stations: Stations) -> None:
    clock = [datetime.now(UTC)]
    source = camera(WAITING_PARTS)
    station = inspecting(stations, source, now=lambda: clock[0])
    station.save_settings(zone="UTC")
    source.push(picture(PASS), picture(FAIL))
    shows(station, 2)
    assert station.counts_today() == Counts(passed=1, failed=1)
    day = station.today()
    clock[0] += timedelta(days=1)
    assert station.today() == day + timedelta(days=1)
    assert station.counts_today() == Counts()
    assert station.figures(day, day).counts == Counts(passed=1, failed=1)


def test_settings_saved_from_many_threads_lose_nothing(stations: Stations) -> None:
    station = stations.open()
    changes = [{"sound": False}, {"station": "Bench 4"}, {"theme": "light"}, {"record_every_seconds": 3.0}]
    savers = [threading.Thread(target=lambda change=change: station.save_settings(**change)) for change in changes]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join(10)
    saved = station.settings
    assert (saved.sound, saved.station, saved.theme, saved.record_every_seconds) == (False, "Bench 4", "light", 3.0)
    station.close()
    assert stations.open().settings == saved


def test_a_wrong_setting_is_refused_in_words(stations: Stations) -> None:
    station = stations.open()
    with pytest.raises(LinesightError, match="zone: 'Mars' is not a time zone"):
        station.save_settings(zone="Mars")
    with pytest.raises(LinesightError, match="colour: there is no such setting"):
        station.save_settings(colour="blue")
    assert station.settings.zone == ""


def test_a_detector_that_fails_raises_an_alarm_and_is_not_called_unrecorded(stations: Stations) -> None:
    def fails(image: object) -> None:
        raise RuntimeError("the device is lost")

    stations.detector = FakeDetector(fails=fails)
    source = camera(VIEWING)
    station = inspecting(stations, source)
    for number in range(1, 4):
        source.push(picture())
        wait_for(lambda number=number: station.health().inspected == number)
    wait_for(station.active_alarms)
    latest = station.latest()
    assert latest is not None and latest.verdict is Verdict.ERROR and "device is lost" in latest.error
    (alarm,) = station.active_alarms()
    assert (alarm.title, alarm.count) == ("No verdict", 1)
    assert station.unrecorded() == 0
    assert station.counts_today() == Counts(error=1)


def test_a_listener_that_fails_and_one_that_left_disturb_nobody(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    heard: list[Change] = []

    def broken(change: Change) -> None:
        raise RuntimeError("a broken view")

    station.subscribe(broken)
    leave = station.subscribe(heard.append)
    source.push(picture(FAIL))
    shows(station, 1)
    wait_for(lambda: Change.OUTCOME in heard and Change.ALARMS in heard)
    leave()
    leave()
    before = len(heard)
    source.push(picture(PASS))
    shows(station, 2)
    assert len(heard) == before


def test_two_stations_side_by_side_know_nothing_of_each_other(stations: Stations) -> None:
    sources = [FakeSource(ENUMERATED, address=f"usb:{number}") for number in range(2)]
    both = []
    for number, source in enumerate(sources):
        stations.sources[source.address] = lambda source=source: source
        station = stations.open(f"station-{number}")
        station.save_settings(station=f"Bench {number}")
        station.inspect_source(source.address, MODEL)
        both.append(station)
    for number, source in enumerate(sources):
        source.push(*(picture(FAIL if number else PASS, noise=one) for one in range(3 + number)))
    shows(both[0], 3)
    shows(both[1], 4)
    assert [station.counts_today() for station in both] == [Counts(passed=3), Counts(failed=4)]
    assert both[0].active_alarms() == []
    alarms = {alarm.kind: alarm for alarm in both[1].active_alarms()}
    assert {kind: alarm.count for kind, alarm in alarms.items()} == {"defect": 4, "in_a_row": 2}
    for number, station in enumerate(both):
        station.close()
        kept = rows(station.data.root)
        assert {row["part_id"] for row in kept} == {f"{part:06d}" for part in range(1, 4 + number)}


def test_the_report_holds_what_the_record_holds(stations: Stations) -> None:
    from openpyxl import load_workbook

    source = camera(WAITING_PARTS)
    station = inspecting(stations, source)
    source.push(picture(PASS), picture(FAIL))
    shows(station, 2)
    path = station.export_report(station.today(), station.today()).result(30)
    assert path.parent == station.data.reports
    assert len(list(load_workbook(path)["Inspections"].iter_rows())) >= 3
    with pytest.raises(LinesightError, match=r"ends .* before it begins"):
        station.export_report(date(2026, 2, 1), date(2026, 1, 1)).result(10)
