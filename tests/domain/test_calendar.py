"""Days of the station: in its zone, with its beginning, on the days the clocks change too."""

from __future__ import annotations

import os
import time as clock
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar import ComputerZone, day_bounds, day_of, station_zone, zone_words
from app.domain.errors import LinesightError

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def _utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_a_plain_day_and_a_plain_week() -> None:
    assert day_bounds(date(2026, 11, 22), date(2026, 11, 22), BERLIN) == (
        _utc(2026, 11, 21, 23),
        _utc(2026, 11, 22, 23),
    )
    start, end = day_bounds(date(2026, 11, 16), date(2026, 11, 22), BERLIN, time(6))
    assert (start, end) == (_utc(2026, 11, 16, 5), _utc(2026, 11, 23, 5))
    assert start.tzinfo is UTC and end.tzinfo is UTC


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)]
)  # fmt: skip
def test_days_the_clocks_change(day: date, hours: int) -> None:
    start, end = day_bounds(day, day, BERLIN)
    assert end - start == hours * HOUR


def test_a_day_may_begin_in_the_hour_that_is_skipped_or_repeated() -> None:
    start, end = day_bounds(date(2026, 3, 29), date(2026, 3, 29), BERLIN, time(2, 30))
    assert (start, end) == (_utc(2026, 3, 29, 1, 30), _utc(2026, 3, 30, 0, 30))
    start, end = day_bounds(date(2026, 10, 25), date(2026, 10, 25), BERLIN, time(2, 30))
    assert (start, end) == (_utc(2026, 10, 25, 0, 30), _utc(2026, 10, 26, 1, 30))
    # The second 02:10 of that night comes after the day has begun.
    assert day_of(_utc(2026, 10, 25, 1, 10), BERLIN, time(2, 30)) == date(2026, 10, 25)


def test_a_night_shift_belongs_to_the_day_it_began() -> None:
    six = time(6)
    assert day_of(_utc(2026, 11, 22, 21), BERLIN, six) == date(2026, 11, 22)
    assert day_of(_utc(2026, 11, 23, 4, 59), BERLIN, six) == date(2026, 11, 22)
    assert day_of(_utc(2026, 11, 23, 5), BERLIN, six) == date(2026, 11, 23)


@given(
    moment=st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
    ),
    begins=st.times().map(lambda found: found.replace(second=0, microsecond=0)),
)
def test_every_moment_lies_in_the_day_it_belongs_to(moment: datetime, zone: str, begins: time) -> None:
    moment = moment.replace(tzinfo=UTC)
    day = day_of(moment, ZoneInfo(zone), begins)
    start, end = day_bounds(day, day, ZoneInfo(zone), begins)
    assert start <= moment < end
    assert day_bounds(day - timedelta(days=1), day - timedelta(days=1), ZoneInfo(zone), begins)[1] == start


def test_a_period_the_wrong_way_round_says_so() -> None:
    with pytest.raises(LinesightError, match=r"ends \(2026-11-21\) before it begins \(2026-11-22\)"):
        day_bounds(date(2026, 11, 22), date(2026, 11, 21), BERLIN)


@pytest.mark.parametrize(
    ("zone", "day"),
    [(BERLIN, date.max), (BERLIN, date.min), (ZoneInfo("America/New_York"), date.max), (ComputerZone(), date.max)],
)
def test_the_ends_of_the_calendar_say_so(zone: tzinfo, day: date) -> None:
    with pytest.raises(LinesightError, match="outside the calendar"):
        day_bounds(day, day, zone)


@pytest.mark.parametrize("name", ["Nowhere/Land", "../../etc/passwd", "Europe", "/etc/localtime", "a\x00b"])
def test_an_unknown_zone_says_so(name: str) -> None:
    with pytest.raises(LinesightError, match="no time zone"):
        station_zone(name)


def test_a_zone_by_name() -> None:
    assert station_zone("Europe/Berlin") == BERLIN
    assert zone_words(BERLIN, _utc(2026, 7, 1)) == "Europe/Berlin (UTC+02:00)"
    assert zone_words(ZoneInfo("America/St_Johns"), _utc(2026, 1, 1)) == "America/St_Johns (UTC-03:30)"
    assert zone_words(UTC, _utc(2026, 7, 1)) == "UTC"
    assert zone_words(timezone(HOUR, "works time"), _utc(2026, 7, 1)) == "works time (UTC+01:00)"


@pytest.fixture
def computer_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    if not hasattr(clock, "tzset"):
        pytest.skip("this system's zone can't be changed for one process")
    before = os.environ.get("TZ")

    def change(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        clock.tzset()

    yield change
    if before is None:
        monkeypatch.delenv("TZ", raising=False)
    else:
        monkeypatch.setenv("TZ", before)
    clock.tzset()


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_the_computers_zone_is_like_the_named_one(computer_in: Callable[[str], None], name: str) -> None:
    computer_in(name)
    here, named = station_zone(""), ZoneInfo(name)
    for quarter in range(0, 366 * 96, 7):
        moment = _utc(2026, 1, 1) + quarter * HOUR / 4
        there = moment.astimezone(here)
        assert there.replace(tzinfo=None) == moment.astimezone(named).replace(tzinfo=None)
        assert there.astimezone(UTC) == moment
    for day in (date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 4), date(2026, 10, 25)):
        assert day_bounds(day, day, here, time(2, 15)) == day_bounds(day, day, named, time(2, 15))
