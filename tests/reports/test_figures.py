"""The figures, against a count of the raw rows done another way."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from app.domain.calendar import day_bounds
from app.domain.counts import Counts
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.reports import day_figures
from app.reports.figures import NamedCounts
from app.store import Store
from tests.reports.conftest import BEGINS, ZONE, Days
from tests.store.samples import NOON, inspection


def _counts(rows: list[Inspection]) -> Counts:
    found = Counter(row.verdict.name for row in rows)
    return Counts(found["PASS"], found["FAIL"], found["RETEST"], found["ERROR"])


def test_all_figures_of_a_period(days: Days) -> None:
    start, end = day_bounds(days.first, days.last, ZONE, BEGINS)
    assert (end - start) == timedelta(hours=73)
    rows = [row for row in days.rows if start <= row.captured_at < end]
    assert 0 < len(rows) < len(days.rows)
    found = day_figures(days.store, start, end, ZONE, BEGINS)

    assert (found.start, found.end) == (start, end)
    assert found.counts == _counts(rows) == days.store.counts(start, end)
    assert [row.hour for row in found.by_hour] == [*range(6, 24), *range(6)]
    for hour in found.by_hour:
        assert hour.counts == _counts([row for row in rows if row.captured_at.astimezone(ZONE).hour == hour.hour])
    assert [row.day for row in found.by_day] == [date(2026, 10, day) for day in (24, 25, 26)]
    for day in found.by_day:
        first, last = day_bounds(day.day, day.day, ZONE, BEGINS)
        assert day.counts == _counts([row for row in rows if first <= row.captured_at < last])

    keys: list[tuple[tuple[NamedCounts, ...], Callable[[Inspection], str]]] = [
        (found.by_product, lambda row: row.product),
        (found.by_source, lambda row: row.source),
        (found.by_model, lambda row: f"{row.model.name}@{row.model.version}" if row.model else ""),
    ]
    for table, key in keys:
        assert {row.name for row in table} == {key(row) for row in rows}
        for item in table:
            assert item.counts == _counts([row for row in rows if key(row) == item.name])
        totals = [item.counts.total for item in table]
        assert totals == sorted(totals, reverse=True)

    failed = [row for row in rows if row.verdict is Verdict.FAIL]
    for label in found.by_label:
        if label.label:
            with_it = [row for row in failed if any(region.label == label.label for region in row.regions)]
            places = sum(region.label == label.label for row in failed for region in row.regions)
        else:
            with_it, places = [row for row in failed if not row.regions], 0
        assert (label.parts, label.regions) == (len(with_it), places)
    assert {row.label for row in found.by_label} == {"scratch", "dent", "missing bolt", ""}
    assert list(found.defects) == sorted(failed, key=lambda row: row.captured_at, reverse=True)

    for spread, values in (
        (found.scores, [row.score for row in rows if row.score is not None]),
        (found.milliseconds, [row.milliseconds for row in rows if row.milliseconds is not None]),
    ):
        assert spread is not None
        assert spread.number == len(values)
        assert (spread.least, spread.greatest) == (min(values), max(values))
        assert spread.mean == pytest.approx(statistics.fmean(values))
        assert spread.median == pytest.approx(statistics.median(values))
        assert spread.p95 == pytest.approx(statistics.quantiles(values, n=20, method="inclusive")[-1])


def test_an_empty_period_has_figures(store: Store) -> None:
    start, end = day_bounds(date(2026, 11, 22), date(2026, 11, 22), ZONE)
    found = day_figures(store, start, end, ZONE)
    assert found.counts == Counts() and found.counts.yield_ is None
    assert len(found.by_hour) == 24 and {row.counts for row in found.by_hour} == {Counts()}
    assert [row.day for row in found.by_day] == [date(2026, 11, 22)]
    assert found.by_label == found.by_product == found.by_source == found.by_model == found.defects == ()
    assert found.scores is None and found.milliseconds is None


def test_a_day_that_begins_at_an_odd_minute(store: Store) -> None:
    begins = BEGINS.replace(minute=7)
    start, end = day_bounds(date(2026, 11, 22), date(2026, 11, 22), ZONE, begins)
    moments = [start, start + timedelta(minutes=52), start + timedelta(minutes=53), end - timedelta(seconds=1)]
    for number, moment in enumerate(moments):
        store.add_inspection(inspection(number, captured_at=moment))
    found = day_figures(store, start, end, ZONE, begins)
    assert {row.hour: row.counts.total for row in found.by_hour if row.counts.total} == {6: 3, 7: 1}
    assert [(row.day, row.counts.total) for row in found.by_day] == [(date(2026, 11, 22), 4)]


def test_only_as_many_of_the_newest_defects_are_held_as_were_asked_for(store: Store) -> None:
    for number in range(12):
        store.add_inspection(inspection(number, Verdict.FAIL))
    for kept in (5, 0):
        found = day_figures(store, NOON, NOON + timedelta(hours=1), ZONE, defects=kept)
        assert [row.frame_id for row in found.defects] == [11, 10, 9, 8, 7][:kept]
        assert found.counts.failed == 12


def test_a_very_long_period_lists_only_days_with_inspections(store: Store) -> None:
    store.add_inspection(inspection())
    start, end = day_bounds(date(1000, 1, 1), date(9000, 1, 1), ZONE)
    assert [row.day for row in day_figures(store, start, end, ZONE).by_day] == [date(2026, 11, 22)]
