"""The rounds desk: a day from the plan to its closing, through a real station."""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.cli.entry import main
from app.domain.errors import PictureError, PlanError, SourceError, StoreError
from app.domain.person import Role
from app.domain.plan import FindingKind, PlanComponent, RoundState
from app.people.desk import NotAllowed
from app.rounds import Trouble
from app.station import Station
from tests.inspection.fakes import FAIL, PASS, Fault, picture
from tests.inspection.stations import Stations, camera, inspecting
from tests.round_days import (
    DAY,
    EVENING,
    MORNING,
    Clock,
    answered,
    file,
    morning_round,
    opened,
    plan,
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


def test_a_day_from_the_plan_to_its_closing(station: Station, clock: Clock, tmp_path: Path) -> None:
    desk = station.rounds
    each = answered(station, tmp_path, PASS, FAIL)
    assert [desk.state(one) for one in desk.rounds()] == [RoundState.COMING, RoundState.COMING]
    each = desk.not_applicable(each, "C", "  Covered  ")
    assert each.done and desk.state(each) is RoundState.DONE
    clock.now = EVENING
    steps: list[str] = []
    job = desk.judge()
    job.listen(lambda running: steps.append(running.progress.words))
    result = job.result(20)
    assert [(one.kind, one.component.key) for one in result.findings] == [
        (FindingKind.DEFECT, "B"),
        *((FindingKind.MISSING, key) for key in "ABC"),
        (FindingKind.NOT_APPLICABLE, "C"),
        (FindingKind.GOOD, "A"),
    ]
    assert result.findings[1].words == "The round of 14:00 was not begun." and result.findings[4].words == "Covered"
    closed = desk.close_day()
    assert closed.closed and closed.mark is not None and closed.mark.at == EVENING and closed.mark.person == "operator"
    assert desk.result().closed
    with pytest.raises(StoreError, match="was closed by operator and takes no more answers"):
        desk.not_applicable(desk.rounds()[1], "A", "late")
    with pytest.raises(StoreError, match="takes no more answers"):
        desk.take_file(desk.rounds()[1], "A", file(tmp_path, "x", PASS)).result(10)
    with pytest.raises(StoreError, match="closed already"):
        desk.close_day()
    assert not desk.reopen_day(DAY).closed
    assert desk.not_applicable(desk.rounds()[1], "A", "after all").answer("A") is not None
    told = [(row.action, row.subject) for row in station.store.audit_entries()]
    assert ("reopen", f"day {DAY}") in told and ("round", f"day {DAY}") in told and ("plan", "Bolts") in told


def test_a_round_that_was_interrupted_goes_on_where_it_was_left(
    stations: Stations, clock: Clock, tmp_path: Path
) -> None:
    station = opened(stations, clock)
    each = answered(station, tmp_path, PASS)
    assert [one.key for one in each.open] == ["B", "C"]
    stations.close()
    again = opened(stations, clock)
    found = again.rounds.rounds(DAY)[0]
    assert found.id == each.id and [one.key for one in again.rounds.begin_round(found).open] == ["B", "C"]
    assert found.begun_at == MORNING


def test_a_round_keeps_the_version_it_was_begun_with(station: Station, clock: Clock, tmp_path: Path) -> None:
    each = answered(station, tmp_path, PASS)
    clock.now = MORNING + timedelta(minutes=5)
    kept = station.rounds.plans()[0]
    changed = station.rounds.save_plan(replace(kept, components=(PlanComponent("Z", "New"),)))
    assert changed.version == 2
    assert [(one.plan.version, len(one.plan.components)) for one in station.rounds.rounds(DAY)] == [(1, 3), (2, 1)]
    assert station.rounds.not_applicable(each, "B", "gone").plan.version == 1
    # What was not changed makes no version, and who saved an older one is refused.
    assert station.rounds.save_plan(changed) == changed
    with pytest.raises(StoreError, match="has changed the plan Bolts meanwhile"):
        station.rounds.save_plan(replace(kept, responsible="Somebody"))
    with pytest.raises(PlanError, match="called bolts already"):
        station.rounds.save_plan(plan(name="bolts"))


def test_late_and_missed_rounds_raise_one_alarm_each(stations: Stations, station: Station, clock: Clock) -> None:
    morning_round(station, responsible="Shift 2")
    for minutes, count in ((0, 0), (89, 0), (90, 1), (91, 1), (449, 1), (451, 2)):
        clock.now = MORNING + timedelta(minutes=minutes)
        station.rounds.tick()
        alarms = [each for each in station.active_alarms() if each.kind == "round"]
        assert sum(each.count for each in alarms) == count, minutes
    assert alarms[0].title == "Round late: Bolts" and alarms[0].source == "Plan Bolts"
    assert "0 of 3 components answered. Make it now. Responsible: Shift 2." in alarms[0].detail
    station.acknowledge(alarms[0].id)
    station.jobs.close()
    stations.close()
    clock.now = MORNING + timedelta(days=2)  # the station was off for a day and a half
    again = opened(stations, clock)
    again.rounds.tick()
    again.rounds.tick()
    missed = [each for each in again.active_alarms() if each.kind == "round"]
    assert [(each.title, each.count) for each in missed] == [("Round missed: Bolts", 2)]  # both of the 27th


def test_a_round_in_time_or_out_of_turn_raises_none(station: Station, clock: Clock, tmp_path: Path) -> None:
    each = answered(station, tmp_path, PASS, PASS, PASS)
    extra = station.rounds.begin_now(station.rounds.plans()[0])
    assert not extra.planned and each.done
    clock.now = MORNING + timedelta(hours=5)
    station.rounds.tick()
    assert not station.active_alarms() and station.rounds.state(extra) is RoundState.DUE
    # Begun and not finished, it is on the day's list all the same.
    assert {one.round.id for one in station.rounds.result().of(FindingKind.MISSING)} == {extra.id}


def test_the_clock_thread_finds_a_late_round_and_ends_with_the_station(stations: Stations, clock: Clock) -> None:
    station = opened(stations, clock)
    morning_round(station)
    clock.now = EVENING
    found = threading.Event()
    station.subscribe(lambda change: found.set() if station.active_alarms() else None)
    station.rounds.begin()
    assert found.wait(10)


def test_a_full_disk_leaves_the_step_open_and_nothing_behind(station: Station, tmp_path: Path) -> None:
    each = morning_round(station)
    fault = Fault(station.store)
    fault.pictures = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StoreError, match=r"could not be kept \(No space left on device\), so the step stays open"):
        station.rounds.take_file(each, "A", file(tmp_path, "a", PASS)).result(10)
    assert len(station.rounds.rounds(DAY)[0].open) == 3
    fault.pictures = None
    add = station.store.rounds.add_answers

    def full(*_: object) -> None:
        raise StoreError("There is no room for a row.")

    station.store.rounds.add_answers = full  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="no room"):
        station.rounds.take_file(each, "A", file(tmp_path, "a", PASS)).result(10)
    assert not list(station.data.images.rglob("*.*"))  # a picture without an answer is in nobody's way
    station.store.rounds.add_answers = add  # type: ignore[method-assign]
    assert station.rounds.take_file(each, "A", file(tmp_path, "a", PASS)).result(10).answer("A") is not None


def test_pictures_of_the_running_camera_and_of_another_source(stations: Stations, clock: Clock, tmp_path: Path) -> None:
    source = camera()
    station = inspecting(stations, source, now=clock)
    station.save_settings(zone="Europe/Berlin", source="usb:0")
    each = morning_round(station)
    other = tmp_path / "other"
    other.mkdir()
    file(other, "one", PASS)
    folder = f"folder:{other}"
    found = station.rounds.take(each, "B", folder).result(20).answer("B")
    assert found is not None and found.source.startswith("folder:") and found.taken_at == MORNING
    with pytest.raises(SourceError):
        station.rounds.take(each, "C", f"folder:{tmp_path / 'nothing'}").result(20)
    source.push(picture(PASS))
    shown = threading.Event()
    station.subscribe(lambda change: shown.set() if station.latest() else None)
    if station.latest() is None:
        assert shown.wait(10)
    outcome = station.latest()
    assert outcome is not None
    answer = station.rounds.take(each, "A").result(20).answer("A")
    assert answer is not None and answer.source == "usb:0" and answer.taken_at == outcome.frame.captured_at
    station.line._latest = replace(outcome, frame=replace(outcome.frame, monotonic=outcome.frame.monotonic - 60))
    with pytest.raises(SourceError, match=r"seconds old\. Wait for the next one"):
        station.rounds.take(each, "C").result(20)


def test_a_file_that_is_no_picture_and_a_component_that_is_none(station: Station, tmp_path: Path) -> None:
    each = morning_round(station)
    (tmp_path / "a.jpg").write_text("hello")
    with pytest.raises(PictureError, match="not a picture"):
        station.rounds.take_file(each, "A", tmp_path / "a.jpg").result(10)
    with pytest.raises(PlanError, match="has no component X"):
        station.rounds.take_file(each, "X", file(tmp_path, "x", PASS)).result(10)
    with pytest.raises(PlanError, match="Say why"):
        station.rounds.not_applicable(each, "A", "   ")
    assert not station.rounds.rounds(DAY)[0].answers


def test_rights_of_the_people(station: Station, clock: Clock) -> None:
    each = morning_round(station)
    people = station.people
    people.add("Erik", Role.ENGINEER, pin="2580")
    people.sign_in("Erik", "2580")
    people.add("Ines", Role.INSPECTOR, pin="1470")
    people.add("Olga", Role.OPERATOR, pin="3690")
    people.sign_in("Olga", "3690")
    with pytest.raises(NotAllowed, match="round needs a person"):
        station.rounds.begin_round(each)
    people.sign_in("Ines", "1470")
    assert station.rounds.begin_round(each).begun_by == "Ines"
    answer = station.rounds.not_applicable(each, "A", "covered").answer("A")
    assert answer is not None and answer.person == "Ines"
    with pytest.raises(NotAllowed, match="plan needs a person who is manager or engineer"):
        station.rounds.save_plan(plan(name="Another"))
    closed = station.rounds.close_day()
    assert closed.mark is not None and closed.mark.person == "Ines"
    with pytest.raises(NotAllowed, match="reopen needs"):
        station.rounds.reopen_day(DAY)
    people.sign_in("Erik", "2580")
    assert not station.rounds.reopen_day(DAY).closed


def test_an_import_makes_all_or_nothing(station: Station, tmp_path: Path) -> None:
    desk = station.rounds
    out = desk.write_template(tmp_path / "template").result(10)
    assert out.name == "template.xlsx"
    found = desk.read_workbook(out).result(10)
    assert desk.plans() == [] and desk.import_plans(found) == 1
    assert [each.name for each in desk.plans()] == ["Gearbox bolts"]
    exported = desk.export_plans(tmp_path / "all.xlsx").result(10)
    same = desk.read_workbook(exported).result(10)
    assert [each.what for each in same.proposed] == ["unchanged"] and desk.import_plans(same) == 0
    broken = replace(same, troubles=(Trouble("Plans", 2, "B", "wrong"),))
    with pytest.raises(PlanError, match="has 1 errors"):
        desk.import_plans(broken)
    # Somebody else's version came first: nothing of the workbook is made.
    stale = replace(found, proposed=(replace(found.proposed[0], plan=replace(found.proposed[0].plan, name="Other")),))
    with pytest.raises(StoreError, match="meanwhile"):
        desk.import_plans(stale)
    assert [each.version for each in desk.plans()] == [1]


def test_a_plan_put_away_asks_for_nothing_more(station: Station, clock: Clock) -> None:
    morning_round(station)
    clock.now = MORNING + timedelta(hours=2)
    station.rounds.put_away(station.rounds.plans()[0])
    assert station.rounds.plans() == []
    assert [each.due_at.hour for each in station.rounds.rounds(DAY)] == [7]
    assert station.rounds.save_plan(plan()).version == 1  # its name is free again


def test_from_the_command_line(
    stations: Stations, clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = opened(stations, clock)
    out = station.rounds.write_template(tmp_path / "plans.xlsx").result(10)
    folder = str(station.data.root)
    stations.close()

    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        code = main(["rounds", *arguments, "--json", "--data-dir", folder], lambda options: 99)
        return code, json.loads(capsys.readouterr().out)

    assert run("import", str(out))[1]["imported"] == 1
    code, listed = run("list", "--day", "2030-01-02")
    rounds = listed["rounds"]
    assert code == 0 and isinstance(rounds, list)
    assert [each["due_at"] for each in rounds] == ["2030-01-02T07:00:00+00:00", "2030-01-02T13:00:00+00:00"]
    assert run("judge", "--day", "2030-01-02")[0] == 0
    (tmp_path / "bad.xlsx").write_text("no")
    code, told = run("import", str(tmp_path / "bad.xlsx"))
    assert code == 1 and "is no .xlsx workbook" in str(told["error"])


def test_a_plan_that_is_damaged_on_record_leaves_the_others(station: Station) -> None:
    morning_round(station)
    with closing(sqlite3.connect(station.data.database)) as connection:
        for number, content in enumerate(("{", "[]", '{"name": "Oil"}')):
            row = (f"{number:032x}", 1, content, 0, "")
            connection.execute("INSERT INTO plan (id, version, content, made_at, made_by) VALUES (?, ?, ?, ?, ?)", row)
        connection.commit()
    assert [each.name for each in station.rounds.plans()] == ["Bolts"]
    assert len(station.rounds.rounds(DAY)) == 2
