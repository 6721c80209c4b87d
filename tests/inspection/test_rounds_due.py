"""When rounds are due, across changes of the clock and for a night shift."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.plan import Plan, PlanComponent, RoundState
from app.domain.recurrence import Frequency
from app.inspection.rounds.occurrences import due_on, moments, newest

BERLIN = ZoneInfo("Europe/Berlin")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def plan(rule: str = "FREQ=DAILY", *times: str, **changes: object) -> Plan:
    at = tuple(time.fromisoformat(each) for each in times)
    made = Plan("a" * 32, 1, "Bolts", (PlanComponent("A", "A"),), Frequency(rule, date(2026, 1, 1), at), LONG_AGO)
    return replace(made, **changes)  # type: ignore[arg-type]


def times_of(rule: str, first: datetime, last: datetime, *times: str) -> list[datetime]:
    return moments(plan(rule, *times).frequency, first, last, BERLIN)


@pytest.mark.parametrize(
    ("time", "first", "expected"),
    [
        # 29 March 2026: 02:00 becomes 03:00. What is skipped is read with the offset from before (RFC 5545).
        ("01:30", utc(3, 27, 12), [utc(3, 28, 0, 30), utc(3, 29, 0, 30), utc(3, 29, 23, 30)]),
        ("02:30", utc(3, 27, 12), [utc(3, 28, 1, 30), utc(3, 29, 1, 30), utc(3, 30, 0, 30)]),
        ("03:30", utc(3, 27, 12), [utc(3, 28, 2, 30), utc(3, 29, 1, 30), utc(3, 30, 1, 30)]),
        ("08:00", utc(3, 27, 12), [utc(3, 28, 7), utc(3, 29, 6), utc(3, 30, 6)]),
        # 25 October 2026: 03:00 becomes 02:00. What happens twice counts the first time.
        ("01:30", utc(10, 23, 12), [utc(10, 23, 23, 30), utc(10, 24, 23, 30), utc(10, 26, 0, 30)]),
        ("02:30", utc(10, 23, 12), [utc(10, 24, 0, 30), utc(10, 25, 0, 30), utc(10, 26, 1, 30)]),
        ("08:00", utc(10, 23, 12), [utc(10, 24, 6), utc(10, 25, 7), utc(10, 26, 7)]),
    ],
)
def test_times_on_the_wall_across_changes_of_the_clock(time: str, first: datetime, expected: list[datetime]) -> None:
    assert times_of("FREQ=DAILY", first, first + timedelta(days=3), time) == expected


def test_two_times_that_the_clocks_make_one_are_one_round() -> None:
    night = times_of("FREQ=DAILY", utc(3, 28, 23), utc(3, 29, 22), "02:30", "03:30")
    assert night == [utc(3, 29, 1, 30)]


def test_every_hour_is_every_hour_of_the_clock_on_the_wall() -> None:
    spring = times_of("FREQ=HOURLY", utc(3, 28, 23), utc(3, 29, 22))
    assert spring == [utc(3, 28, 23) + timedelta(hours=number) for number in range(23)]  # a day of 23 hours
    autumn = times_of("FREQ=HOURLY", utc(10, 24, 22), utc(10, 25, 23))
    second = utc(10, 25, 1)  # 02:00 for the second time
    assert autumn == [each for number in range(25) if (each := utc(10, 24, 22) + timedelta(hours=number)) != second]


def test_a_round_of_the_night_shift_belongs_to_the_day_the_shift_began() -> None:
    night = [plan("FREQ=DAILY", "02:00", "06:00", "22:00")]
    rounds = due_on(night, date(2026, 11, 26), BERLIN, time(6))
    assert [each.due_at for each in rounds] == [utc(11, 26, 5), utc(11, 26, 21), utc(11, 27, 1)]
    assert {each.day for each in rounds} == {date(2026, 11, 26)}


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)])
@pytest.mark.parametrize("starts", [time(0), time(2, 30), time(6), time(22)])
def test_each_round_lies_in_exactly_one_day(day: date, starts: time) -> None:
    plans = [plan("FREQ=HOURLY")]
    days = [due_on(plans, day + timedelta(days=number), BERLIN, starts) for number in (-1, 0, 1)]
    ids = [each.id for rounds in days for each in rounds]
    assert len(ids) == len(set(ids))
    first, last = days[0][0].due_at, days[2][-1].due_at
    assert [each.due_at for rounds in days for each in rounds] == moments(
        plans[0].frequency, first, last + timedelta(seconds=1), BERLIN
    )


def test_a_version_holds_from_when_it_was_made() -> None:
    first = plan("FREQ=DAILY", "08:00", "16:00")
    second = replace(first, version=2, frequency=Frequency("FREQ=DAILY", date(2026, 1, 1), (time(12), time(18))))
    second = replace(second, made_at=utc(11, 26, 10))
    rounds = due_on([second, first], date(2026, 11, 26), BERLIN, time(0))
    assert [(each.plan.version, each.due_at.hour) for each in rounds] == [(1, 7), (2, 11), (2, 17)]
    away = replace(second, version=3, active=False, made_at=utc(11, 26, 13))
    assert [each.due_at.hour for each in due_on([first, second, away], date(2026, 11, 26), BERLIN, time(0))] == [7, 11]
    assert newest([first, second]) == [second] and newest([first, second, away]) == []


def test_a_plan_asks_for_no_round_before_it_was_made() -> None:
    made = plan("FREQ=DAILY", "08:00", "16:00", made_at=utc(11, 26, 9))
    assert [each.due_at.hour for each in due_on([made], date(2026, 11, 26), BERLIN, time(0))] == [15]


def test_states_of_a_round() -> None:
    round = due_on([plan("FREQ=DAILY", "08:00")], date(2026, 11, 26), BERLIN, time(0))[0]
    states = [
        round.state(round.due_at + timedelta(minutes=minutes), day_over=over)
        for minutes, over in ((-1, False), (0, False), (59, False), (60, False), (60, True))
    ]
    kinds = RoundState
    assert states == [kinds.COMING, kinds.DUE, kinds.DUE, kinds.LATE, kinds.MISSED]
    assert replace(round, planned=False).state(utc(11, 26, 20), day_over=False) is RoundState.DUE
