"""The numbers in memory are those of the record, over midnight and another calendar too."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.calendar import day_bounds
from app.domain.counts import Counts
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.inspection.tally import Tally
from app.store import Store
from tests.store.samples import inspection

BERLIN = ZoneInfo("Europe/Berlin")
LATE = datetime(2026, 11, 22, 22, 59, 50, tzinfo=UTC)  # ten seconds before midnight in Berlin


class Clock:
    def __init__(self) -> None:
        self.moment = LATE

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(store: Store, clock: Clock) -> Tally:
    return Tally(store, BERLIN, time(0), newest=5, now=clock)


def at(moment: datetime, verdict: Verdict = Verdict.PASS) -> Inspection:
    return inspection((moment - datetime(2026, 11, 22, 12, 0, tzinfo=UTC)).total_seconds(), verdict)


def commit(store: Store, row: Inspection) -> Inspection:
    store.add_inspection(row)
    return row


def stored(store: Store, tally: Tally, clock: Clock, day_starts_at: time = time(0)) -> Counts:
    day = tally.today()
    return store.counts(*day_bounds(day, day, BERLIN, day_starts_at))


def test_counts_begin_anew_at_midnight(store: Store, tally: Tally, clock: Clock) -> None:
    for verdict in (Verdict.PASS, Verdict.PASS, Verdict.FAIL):
        tally.add(commit(store, at(clock.moment, verdict)))
    assert tally.counts_today() == Counts(passed=2, failed=1)
    clock.moment += timedelta(seconds=20)
    assert tally.counts_today() == Counts()
    tally.add(commit(store, at(clock.moment, Verdict.RETEST)))
    tally.add(commit(store, at(clock.moment)))
    assert tally.counts_today() == Counts(passed=1, retest=1) == stored(store, tally, clock)
    assert tally.session() == Counts(passed=3, failed=1, retest=1)


def test_a_part_captured_before_midnight_and_recorded_after_belongs_to_yesterday(
    store: Store, tally: Tally, clock: Clock
) -> None:
    before = at(clock.moment)
    clock.moment += timedelta(seconds=20)
    tally.add(commit(store, before))
    assert tally.counts_today() == Counts() == stored(store, tally, clock)
    tally.add(commit(store, at(clock.moment)))
    tally.add(commit(store, before.__class__(**{**_fields(before), "id": "f" * 32})))
    assert tally.counts_today() == Counts(passed=1) == stored(store, tally, clock)


def _fields(row: Inspection) -> dict[str, object]:
    return {name: getattr(row, name) for name in Inspection.__dataclass_fields__}


def test_another_calendar_counts_anew_and_nothing_twice(store: Store, tally: Tally, clock: Clock) -> None:
    tally.add(commit(store, at(clock.moment)))
    clock.moment += timedelta(seconds=20)
    tally.add(commit(store, at(clock.moment)))
    assert tally.counts_today() == Counts(passed=1)
    committed = commit(store, at(clock.moment, Verdict.FAIL))  # on record, not yet told
    tally.change_days(BERLIN, time(6, 0))  # the night belongs to the day it began
    assert tally.counts_today() == Counts(passed=2, failed=1)
    tally.add(committed)
    assert tally.counts_today() == Counts(passed=2, failed=1) == stored(store, tally, clock, time(6, 0))
    tally.add(commit(store, at(clock.moment)))
    assert tally.counts_today() == Counts(passed=3, failed=1)


def test_after_a_restart_all_is_as_in_the_record(store: Store, tally: Tally, clock: Clock) -> None:
    rows = [commit(store, at(clock.moment + timedelta(seconds=number))) for number in range(7)]
    for row in rows:
        tally.add(row)
    again = Tally(store, BERLIN, time(0), newest=5, now=clock)
    assert again.counts_today() == tally.counts_today() == Counts(passed=7)
    assert again.recent(20) == tally.recent(20) == list(reversed(rows))[:5]
    assert again.recent(2) == list(reversed(rows))[:2]
    assert again.session() == Counts()
