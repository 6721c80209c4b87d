"""Reports that are made by themselves: each shift, each day, once, made up later, tried again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.reporting import ReportDesk
from app.station import Station
from tests.store.samples import inspection

BEGIN = datetime(2026, 11, 20, 7, tzinfo=UTC)  # a Friday, 08:00 in Berlin
SETTINGS = {
    "station": "Press 4",
    "zone": "Europe/Berlin",
    "shifts": ["06:00 Early", "14:00 Late", "22:00 Night"],
    "report_formats": ["xlsx", "csv"],
}


class Clock:
    def __init__(self) -> None:
        self.moment = BEGIN

    def __call__(self) -> datetime:
        return self.moment

    def pass_(self, **time: float) -> None:
        self.moment += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def station(tmp_path: Path, clock: Clock) -> Iterator[Station]:
    station = Station(DataFolder(tmp_path / "data"), now=clock)
    station.save_settings(**SETTINGS)
    for hour in range(0, 72, 3):
        moment = BEGIN + timedelta(hours=hour)
        if moment.astimezone(station.zone).date() != date(2026, 11, 22):
            station.store.add_inspection(inspection(verdict=Verdict.FAIL, captured_at=moment, part_id=str(hour)))
    yield station
    station.close()


def _run(station: Station) -> list[str]:
    """What one look makes, by name."""
    before = _names(station)
    job = station.reporting.tick()
    if job is not None:
        job.result(60)
    return [name for name in _names(station) if name not in before]


def _names(station: Station) -> list[str]:
    return sorted(path.name for path in station.data.reports.iterdir())


def _alarms(station: Station) -> list[str]:
    return [alarm.detail for alarm in station.active_alarms() if alarm.source == "reports"]


def test_nothing_is_made_unasked(station: Station, clock: Clock) -> None:
    clock.pass_(days=2)
    assert _run(station) == [] and station.reporting.schedule().next_at is None


def test_each_shift_and_day_once_in_each_format(station: Station, clock: Clock) -> None:
    station.save_settings(report_each=["shift", "day"])
    assert _run(station) == []  # the early shift still runs
    assert station.reporting.schedule().next_at == datetime(2026, 11, 20, 13, 2, tzinfo=UTC)
    clock.pass_(hours=6, minutes=1)
    assert _run(station) == []  # its last part may not be on record yet
    clock.pass_(minutes=1)
    early = ["press-4-2026-11-20-early-figures.csv", "press-4-2026-11-20-early.csv", "press-4-2026-11-20-early.xlsx"]
    assert _run(station) == early
    assert _run(station) == []
    clock.moment = datetime(2026, 11, 21, 5, 1, tzinfo=UTC)  # 06:01: the day's at 06:00, the night's at 06:02
    made = _run(station)
    assert "press-4-2026-11-20.xlsx" in made and "press-4-2026-11-20-late.xlsx" in made
    assert not any("night" in name for name in made)
    clock.pass_(minutes=1)
    assert "press-4-2026-11-20-night.xlsx" in _run(station)
    told = station.reporting.schedule()
    assert told.last == "press-4-2026-11-20-night.xlsx" and told.last_at == clock.moment and not told.trouble
    book = openpyxl.load_workbook(station.data.reports / "press-4-2026-11-20-night.xlsx", read_only=True)
    assert "Friday 2026-11-20, Night" in str(list(book["Summary"].iter_rows(values_only=True))[1])
    assert sum(1 for _ in book["Inspections"].rows) - 1 == 3  # at 23:00, 02:00 and 05:00
    book.close()
    entries = [entry for entry in station.store.audit_entries() if entry.action == "export"]
    assert len(entries) == 8 and {entry.person for entry in entries} == {""}


def test_what_was_missed_is_made_up_after_a_restart_and_empty_days_are_left_out(
    station: Station, clock: Clock, tmp_path: Path
) -> None:
    station.save_settings(report_each=["day"], report_formats=["pdf"])
    _run(station)
    station.close()
    clock.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    again = Station(DataFolder(tmp_path / "data"), now=clock)
    try:
        assert _run(again) == [f"press-4-2026-11-{day}.pdf" for day in (20, 21, 23)]  # nothing was made on Sunday
        assert _run(again) == []
    finally:
        again.close()
    third = Station(DataFolder(tmp_path / "data"), now=clock)
    try:
        assert _run(third) == []  # nor after one more restart
    finally:
        third.close()


def test_a_failed_one_is_told_and_tried_again(station: Station, clock: Clock, tmp_path: Path) -> None:
    blocked = tmp_path / "share"
    blocked.write_bytes(b"a file where the folder should be")
    station.save_settings(report_each=["day"], report_formats=["csv"], report_folder=str(blocked))
    _run(station)
    clock.moment = datetime(2026, 11, 21, 6, tzinfo=UTC)
    _run(station)
    assert len(_alarms(station)) == 1 and str(blocked) in _alarms(station)[0] and "in 5 minutes" in _alarms(station)[0]
    assert str(blocked) in station.reporting.schedule().trouble
    clock.pass_(minutes=4)
    assert station.reporting.tick() is None
    clock.pass_(minutes=1)
    _run(station)
    assert "in 10 minutes" in _alarms(station)[0]
    blocked.unlink()
    clock.pass_(minutes=10)
    _run(station)
    assert sorted(path.name for path in blocked.iterdir()) == [
        "press-4-2026-11-20-figures.csv",
        "press-4-2026-11-20.csv",
    ]
    assert not station.reporting.schedule().trouble
    assert station.reporting.tick() is None


def test_only_what_ended_after_it_was_asked_for(station: Station, clock: Clock) -> None:
    clock.moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    station.save_settings(report_each=["day"])
    assert _run(station) == []  # not those of Friday and Saturday
    clock.moment = datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert [name for name in _run(station) if name.endswith(".xlsx")] == ["press-4-2026-11-23.xlsx"]


def test_a_shift_with_another_name_is_not_reported_again(station: Station, clock: Clock) -> None:
    station.save_settings(report_each=["shift"], report_formats=["csv"])
    _run(station)
    clock.moment = datetime(2026, 11, 21, 6, tzinfo=UTC)
    assert len(_run(station)) == 6  # three shifts, each with its figures
    assert _run(station) == []
    station.save_settings(shifts=["06:00 First", "14:00 Second", "22:00 Third"])
    assert _run(station) == []
    clock.moment = datetime(2026, 11, 21, 14, tzinfo=UTC)
    assert [name for name in _run(station) if "figures" not in name] == ["press-4-2026-11-21-first.csv"]


def test_a_damaged_memory_makes_nothing_twice_from_the_past(station: Station, clock: Clock) -> None:
    station.save_settings(report_each=["day"], report_formats=["csv"])
    _run(station)
    clock.moment = datetime(2026, 11, 21, 6, tzinfo=UTC)
    _run(station)
    (station.data.root / "reports-made.json").write_text("{ no json")
    desk = ReportDesk(station, clock)
    assert desk.tick() is None
    clock.moment = datetime(2026, 11, 22, 6, tzinfo=UTC)
    job = desk.tick()
    assert job is not None
    job.result(60)
    told = json.loads((station.data.root / "reports-made.json").read_text("utf-8"))
    assert list(told["made"]) == ["day 2026-11-21"]


def test_a_person_without_the_right_exports_nothing(station: Station) -> None:
    from app.domain.person import Role
    from app.people.desk import NotAllowed

    station.people.add("Engineer", Role.ENGINEER, pin="482915")
    job = station.reporting.export(station.reporting.days(date(2026, 11, 20), date(2026, 11, 20)), (".csv",))
    with pytest.raises(NotAllowed):
        job.result(60)
    assert _names(station) == []


def test_one_tap_writes_every_format(station: Station) -> None:
    period = station.reporting.days(date(2026, 11, 20), date(2026, 11, 21))
    files = station.reporting.export(period, (".xlsx", ".pdf", ".csv", ".parquet")).result(60)
    assert [path.suffix for path in files] == [".xlsx", ".pdf", ".csv", ".parquet"]
    assert all(path.stat().st_size > 500 for path in files)
    assert len(_names(station)) == 6  # the flat files have their figures beside them


def test_the_newest_shifts(station: Station, clock: Clock) -> None:
    found = station.reporting.latest_shifts(4)
    assert [(each.first.day, each.shift) for each in found] == [
        (20, "Early"),
        (19, "Night"),
        (19, "Late"),
        (19, "Early"),
    ]
