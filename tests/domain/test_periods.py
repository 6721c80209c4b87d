"""Shifts: a night shift belongs to the day it began, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.domain.errors import LinesightError
from app.domain.periods import days_period, read_shift, read_shifts, shift_at, shift_periods

ZONE = ZoneInfo("Europe/Berlin")
SHIFTS = read_shifts(["22:00 Night", "6:00 Early", "14:00 Late"])


@pytest.mark.parametrize("begins", [time(0), time(6), time(22)])
def test_the_shifts_of_many_days_meet_and_leave_nothing_out(begins: time) -> None:
    day, found = date(2026, 10, 20), []
    for number in range(12):
        periods = shift_periods(day + timedelta(days=number), SHIFTS, ZONE, begins)
        assert [each.first for each in periods] == [day + timedelta(days=number)] * 3
        found += periods
    assert all(before.end == after.start for before, after in pairwise(found))
    for each in found:
        for moment in (each.start, each.end - timedelta(microseconds=1)):
            assert shift_at(moment, SHIFTS, ZONE) == each.shift


def test_a_night_shift_belongs_to_the_day_it_began_and_is_longer_in_autumn() -> None:
    early, late, night = shift_periods(date(2026, 10, 24), SHIFTS, ZONE, time(6))
    assert [early.shift, late.shift, night.shift] == ["Early", "Late", "Night"]
    assert night.start == datetime(2026, 10, 24, 20, tzinfo=UTC)
    assert night.end - night.start == timedelta(hours=9)  # the clocks go back at three
    assert night.words == "Saturday 2026-10-24, Night" and night.file_words == "2026-10-24-Night"


def test_days_say_what_they_are() -> None:
    week = days_period(date(2026, 11, 16), date(2026, 11, 22), ZONE)
    assert week.words == "2026-11-16 to 2026-11-22 (7 days)" and week.short == "2026-11-16 to 2026-11-22"
    assert days_period(date(2026, 11, 16), date(2026, 11, 16), ZONE).words == "Monday 2026-11-16"


def test_a_station_without_shifts_has_none() -> None:
    assert shift_periods(date(2026, 11, 16), (), ZONE) == []
    assert shift_at(datetime(2026, 11, 16, tzinfo=UTC), (), ZONE) == ""


@pytest.mark.parametrize("text", ["", "Early", "25:00 Early", "06:60 Early", "06:00", "6 Early"])
def test_what_is_no_shift_says_how_one_looks(text: str) -> None:
    with pytest.raises(LinesightError, match="06:00 Early"):
        read_shift(text)


def test_two_shifts_of_one_name_or_time_are_refused() -> None:
    with pytest.raises(LinesightError, match="same name"):
        read_shifts(["06:00 A", "14:00 A"])
    with pytest.raises(LinesightError, match="same time"):
        read_shifts(["06:00 A", "06:00 B"])
