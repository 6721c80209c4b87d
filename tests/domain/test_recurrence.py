"""How often: rules checked and told in words."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import PlanError
from app.domain.recurrence import Frequency, normal_rule

EIGHT = (time(8),)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@pytest.mark.parametrize(
    ("rule", "times", "words"),
    [
        ("RRULE:FREQ=DAILY", EIGHT, "every day at 08:00"),
        ("freq=weekly; byday=mo,tu,we,th,fr", (time(14), time(8)), "every working day at 08:00 and 14:00"),
        ("FREQ=WEEKLY;BYDAY=MO,TH", EIGHT, "every Monday and Thursday at 08:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", EIGHT, "every 2 weeks on Friday at 08:00"),
        ("FREQ=MONTHLY;BYDAY=1MO", EIGHT, "every month on the first Monday at 08:00"),
        ("FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20271231", EIGHT, "every month on the last Friday, until 2027-12-31 at 08:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1", EIGHT, "every month on day 1 and the last day at 08:00"),
        ("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=31", EIGHT, "every year on day 31 in March at 08:00"),
        ("FREQ=DAILY;COUNT=10", EIGHT, "every day, 10 times at 08:00"),
        ("FREQ=HOURLY;INTERVAL=2", (), "every 2 hours"),
        ("FREQ=DAILY;BYHOUR=6,14,22", (), "every day at 06:00, 14:00 and 22:00"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", EIGHT, "every year on Monday, BYWEEKNO=20 at 08:00"),
    ],
)
def test_a_rule_is_told_in_words(rule: str, times: tuple[time, ...], words: str) -> None:
    assert Frequency(rule, date(2026, 1, 1), times).words == words


@pytest.mark.parametrize(
    ("rule", "times", "words"),
    [
        ("", EIGHT, "no part of a recurrence"),
        ("every day", EIGHT, "no part of a recurrence"),
        ("FREQ=SECONDLY", (), "FREQ must be one of"),
        ("FREQ=MINUTELY;INTERVAL=5", (), "FREQ must be one of"),
        ("FREQ=DAILY;FREQ=WEEKLY", EIGHT, "comes twice"),
        ("FREQ=DAILY;BYEASTER=1", EIGHT, "BYEASTER is not used here"),
        ("FREQ=DAILY;INTERVAL=0", EIGHT, "INTERVAL=0"),
        ("FREQ=DAILY;INTERVAL=-1", EIGHT, "INTERVAL=-1"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", EIGHT, "keep one of them"),
        ("FREQ=DAILY;UNTIL=tomorrow", EIGHT, "UNTIL=TOMORROW must be a day"),
        ("FREQ=DAILY;UNTIL=20270101T080000Z", EIGHT, "must be a day of the station"),
        ("FREQ=DAILY;UNTIL=20271399", EIGHT, "RFC 5545"),
        ("FREQ=DAILY;UNTIL=20250101", EIGHT, "never comes true"),
        ("FREQ=WEEKLY;BYDAY=MONDAY", EIGHT, "must name days as MO"),
        ("FREQ=WEEKLY;BYDAY=1MO", EIGHT, "counts days of a month"),
        ("FREQ=YEARLY;BYMONTH=13", EIGHT, "never comes true"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", EIGHT, "never comes true"),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", (), "never comes true"),
        ("FREQ=DAILY", (), "needs a time of day"),
        ("FREQ=HOURLY", EIGHT, "says hours itself"),
        ("FREQ=DAILY;BYHOUR=6", EIGHT, "says hours itself"),
        ("FREQ=DAILY", tuple(time(hour, 30 * half) for hour in range(13) for half in (0, 1)), "too many"),
    ],
)
def test_what_is_no_frequency_is_refused_with_the_way_out(rule: str, times: tuple[time, ...], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        Frequency(rule, date(2026, 1, 1), times)


def midnight(year: int, month: int = 1) -> datetime:
    """On the wall: no zone."""
    return datetime.combine(date(year, month, 1), time(0))


def test_29_february_comes_true_in_some_years() -> None:
    leap = Frequency("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", date(2026, 1, 1), EIGHT)
    found = leap.local(midnight(2026), midnight(2033))
    assert [each.isoformat() for each in found] == ["2028-02-29T08:00:00", "2032-02-29T08:00:00"]


def test_until_a_day_includes_its_evening() -> None:
    until = Frequency("FREQ=DAILY;UNTIL=20260103", date(2026, 1, 1), (time(22),))
    assert [at.day for at in until.local(midnight(2026), midnight(2026, 2))] == [1, 2, 3]


@given(
    begins=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    days=st.sets(st.integers(0, 6), min_size=1),
    interval=st.integers(1, 4),
    times=st.sets(st.times().map(lambda at: at.replace(second=0, microsecond=0)), min_size=1, max_size=3),
)
def test_a_weekly_rule_is_what_walking_through_the_days_gives(
    begins: date, days: set[int], interval: int, times: set[time]
) -> None:
    rule = f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={','.join(DAYS[day] for day in sorted(days))}"
    monday = begins - timedelta(days=begins.weekday())
    expected = [
        datetime.combine(day, at)
        for number in range(60)
        if (day := begins + timedelta(days=number)).weekday() in days and (day - monday).days // 7 % interval == 0
        for at in sorted(times)
    ]
    first = datetime.combine(begins, time(0))
    found = Frequency(rule, begins, tuple(times)).local(first, first + timedelta(days=60) - timedelta(seconds=1))
    assert found == expected


def test_a_rule_is_kept_in_one_way_of_writing() -> None:
    assert normal_rule(" RRULE: freq=daily ; interval=2 ; ") == "FREQ=DAILY;INTERVAL=2"
