"""Judging a day: each picture once, whatever is missing, full or killed."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.errors import Cancelled, ModelError, PlanError, StoreError
from app.domain.plan import FindingKind, PlanCheckpoint, PlanComponent
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.pictures import read_picture
from app.station import Station
from tests.inspection.fakes import FAIL, PASS, RETEST, FakeDetector, Fault
from tests.inspection.stations import Stations
from tests.round_days import (
    DAY,
    EVENING,
    MORNING,
    Clock,
    answered,
    desk_answers,
    file,
    inspections,
    morning_round,
    opened,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def station(stations: Stations, clock: Clock) -> Station:
    return opened(stations, clock)


def test_every_picture_is_an_inspection_with_who_when_and_which_round(
    station: Station, clock: Clock, tmp_path: Path
) -> None:
    answered(station, tmp_path, PASS, FAIL)
    taken = desk_answers(station)
    clock.now = EVENING
    station.rounds.judge().result(20)
    rows = {row.part_id: row for row in inspections(station)}
    assert set(rows) == {"Bolts / A / 2026-11-26 08:00", "Bolts / B / 2026-11-26 08:00"}
    good, bad = (rows[f"Bolts / {key} / 2026-11-26 08:00"] for key in "AB")
    assert (good.verdict, bad.verdict) == (Verdict.PASS, Verdict.FAIL) and bad.regions
    assert good.judged_at == EVENING and good.captured_at == taken["A"].taken_at <= MORNING
    assert (good.source, good.product, good.recipe, str(good.model)) == ("round:Bolts", "plate", "Bolts@1", "plate@1")
    assert [alarm.kind for alarm in station.active_alarms()] == ["defect"]
    assert station.counts_today().total == 2
    for key, row in (("A", good), ("B", bad)):
        assert row.id == taken[key].id
        assert station.rounds.picture(taken[key]) is not None  # that of the inspection: the other one is gone
        assert not station.store.image_file(taken[key].image_path).exists()


def test_a_disk_that_fills_while_judging_loses_no_picture(station: Station, clock: Clock, tmp_path: Path) -> None:
    answered(station, tmp_path, PASS, FAIL)
    clock.now = EVENING
    fault = Fault(station.store)
    fault.rows = StoreError("There is no room for a row.")
    result = station.rounds.judge().result(20)
    assert result.waiting == 2 and not inspections(station)
    assert "Not on record" in result.of(FindingKind.UNJUDGED)[0].words
    fault.rows, fault.pictures = None, OSError(errno.ENOSPC, "No space left on device")
    assert station.rounds.judge().result(20).waiting == 0
    # The record has no room for a second picture, so the one that was taken stays.
    assert all(station.rounds.picture(each) is not None for each in desk_answers(station).values())


def test_a_missing_model_stops_nothing_else(stations: Stations, station: Station, clock: Clock, tmp_path: Path) -> None:
    def load(text: str) -> FakeDetector:
        if text == "gone@1":
            raise ModelError("This station has no model gone@1 (it has plate@1).")
        return stations.detector

    station.shelf.load = load  # type: ignore[assignment, method-assign]
    components = (
        PlanComponent("A", "A", "gone@1"),
        PlanComponent("B", "B", "plate@1"),
        PlanComponent("C", "C", "Unknown product"),
        PlanComponent("D", "D"),
    )
    each = morning_round(station, components=components)
    for key in "ABCD":
        each = station.rounds.take_file(each, key, file(tmp_path, key, PASS)).result(10)
    with pytest.raises(PlanError, match="3 pictures of 2026-11-26 are not judged yet"):
        station.rounds.close_day()
    clock.now = EVENING
    result = station.rounds.judge().result(20)
    words = {one.component.key: one.words for one in result.of(FindingKind.UNJUDGED)}
    assert words["A"] == "This station has no model gone@1 (it has plate@1)."
    assert "no model of Unknown product" in words["C"] and "names no model" in words["D"]
    assert [one.component.key for one in result.of(FindingKind.GOOD)] == ["B"]
    assert station.rounds.close_day().closed  # it was tried, and the list says why not


def test_doubtful_ones_are_listed_with_why(station: Station, clock: Clock, tmp_path: Path) -> None:
    components = (
        PlanComponent("A", "A", "plate@1"),
        PlanComponent("B", "B", "plate@1", (PlanCheckpoint("Bolt there", "bolt 7"),)),
    )
    each = morning_round(station, components=components)
    each = station.rounds.take_file(each, "A", file(tmp_path, "a", RETEST)).result(10)
    each = station.rounds.take_file(each, "B", file(tmp_path, "b", PASS)).result(10)
    clock.now = EVENING
    doubtful = station.rounds.judge().result(20).of(FindingKind.DOUBTFUL)
    assert [one.component.key for one in doubtful] == ["A", "B"]
    assert doubtful[1].words == "the model plate@1 has no checkpoint bolt 7 for 'Bolt there'"
    # Taken again, only the new picture is judged; the first verdict stays on record.
    station.rounds.take_file(each, "A", file(tmp_path, "c", PASS)).result(10)
    again = station.rounds.judge().result(20)
    assert [one.component.key for one in again.of(FindingKind.GOOD)] == ["A"]
    assert len(inspections(station)) == 3


def test_a_picture_that_was_damaged_meanwhile_is_listed(station: Station, clock: Clock, tmp_path: Path) -> None:
    answered(station, tmp_path, PASS, PASS)
    answers = desk_answers(station)
    station.store.image_file(answers["A"].image_path).write_bytes(b"\x89PNG\r\n\x1a\n half")
    clock.now = EVENING
    result = station.rounds.judge().result(20)
    assert "truncated" in result.of(FindingKind.UNJUDGED)[0].words
    assert len(result.of(FindingKind.GOOD)) == 1


def test_judging_can_be_stopped_and_goes_on(stations: Stations, station: Station, clock: Clock, tmp_path: Path) -> None:
    answered(station, tmp_path, PASS, PASS, PASS)
    stations.detector.gate.clear()
    job = station.rounds.judge(DAY)
    with pytest.raises(PlanError, match="is being judged"):
        station.rounds.judge(DAY)
    with pytest.raises(PlanError, match="Judge the day first"):
        station.rounds.close_day(DAY)
    job.cancel()
    stations.detector.gate.set()
    with pytest.raises(Cancelled):
        job.result(20)
    before = len(inspections(station))
    assert before < 3
    assert len(station.rounds.judge(DAY).result(20).of(FindingKind.GOOD)) == 3
    assert len(inspections(station)) == 3


_JUDGE = """
import sys, time
from datetime import UTC, date, datetime
from pathlib import Path
from app.paths import DataFolder
from app.rounds import Trouble
from app.station import Station
from tests.inspection.fakes import FakeDetector

station = Station(DataFolder(Path(sys.argv[1])), now=lambda: datetime(2026, 11, 26, 17, tzinfo=UTC))
station.shelf.load = lambda text: FakeDetector()
station.rounds._recorded = lambda inspection: print(inspection.id, flush=True)
station.rounds.judge(date(2026, 11, 26)).result()
print("done", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_run_that_is_killed_goes_on_and_judges_nothing_twice(
    stations: Stations, clock: Clock, tmp_path: Path, project_root: Path
) -> None:
    station = opened(stations, clock)
    components = tuple(PlanComponent(f"C{number}", f"C{number}", "plate@1") for number in range(40))
    each = morning_round(station, components=components)
    (tmp_path / "tablet").mkdir()
    for number, component in enumerate(components):
        file(tmp_path / "tablet", component.key, FAIL if number % 2 else PASS, number)
    matched = station.rounds.look_at_folder(each, tmp_path / "tablet").result(20)
    photographs = {one.component: one for one in matched.photographs}
    station.rounds.take_photographs(each, photographs).result(20)
    taken = {one.id for one in station.rounds.rounds(DAY)[0].answers}
    folder = station.data.root
    stations.close()
    with subprocess.Popen(
        [sys.executable, "-c", _JUDGE, str(folder)], cwd=project_root, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            told = [process.stdout.readline().strip() for _ in range(7)]
        finally:
            process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert "done" not in told and set(told) <= taken
    clock.now = EVENING
    again = opened(stations, clock)
    before = inspections(again)
    assert {row.id for row in before} >= set(told) and len(before) < 40
    result = again.rounds.judge(DAY).result(30)
    after = inspections(again)
    assert len(after) == 40 and {row.id for row in after} == taken
    kept = {row.id: row for row in after}
    assert all(kept[row.id] == row for row in before)  # not judged again
    assert (len(result.of(FindingKind.GOOD)), len(result.of(FindingKind.DEFECT))) == (20, 20)
    assert all(again.picture(row.image_path) is not None for row in after)


@pytest.mark.slow
def test_real_pictures_with_a_trained_model(shared_data: Path, tmp_path: Path, clock: Clock) -> None:
    aliens = shared_data / "aliens"
    station = Station(DataFolder(tmp_path / "data"), now=clock)
    try:
        station.save_settings(zone="Europe/Berlin")
        station.train(aliens, "Alien").result(110)
        components = tuple(PlanComponent(key, key, "Alien") for key in ("N1", "N2", "D1", "D2"))
        each = morning_round(station, components=components)
        tablet = tmp_path / "tablet"
        tablet.mkdir()
        for key, name in (("N1", "normal/1"), ("N2", "normal/10"), ("D1", "anomaly/1"), ("D2", "anomaly/10")):
            shutil.copyfile(aliens / f"{name}.png", tablet / f"IMG_{key}.png")
        matched = station.rounds.look_at_folder(each, tablet).result(20)
        station.rounds.take_photographs(each, {one.component: one for one in matched.photographs}).result(20)
        clock.now = EVENING
        result = station.rounds.judge().result(60)
        assert {one.component.key for one in result.of(FindingKind.DEFECT)} == {"D1", "D2"}
        assert {one.component.key for one in result.of(FindingKind.GOOD)} == {"N1", "N2"}
        detector = station.shelf.load("Alien@1")
        for one in result.of(FindingKind.GOOD):
            score = detector.score(read_picture(tablet / f"IMG_{one.component.key}.png"))
            assert one.inspection is not None and one.inspection.score is not None
            assert abs(one.inspection.score - score) <= 1e-4 * max(1.0, abs(score))  # one path
    finally:
        station.close()
