"""The numbers of a period. The screen and the workbook both show these and count nothing themselves."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from app.domain.alarm import Alarm
from app.domain.calendar import day_of
from app.domain.counts import Counts
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict

DEFECTS_KEPT = 2000
"""How many of the newest FAIL inspections `Figures.defects` holds; `Figures.counts` knows all."""

_LONG_PERIOD = timedelta(days=400)


class Records(Protocol):
    """What reports need of the record; `app.store.Store` is one."""

    def inspections(self, start: datetime, end: datetime) -> Iterator[Inspection]:
        """Those captured in [start, end) UTC, oldest first."""

    def counts(self, start: datetime, end: datetime) -> Counts:
        """How many those are; quick, for progress alone."""

    def alarms(self, start: datetime, end: datetime) -> list[Alarm]:
        """Those with a cause in [start, end), newest first."""

    def image_file(self, image_path: str) -> Path:
        """The file of a stored picture; it may be missing."""


@dataclass(frozen=True, slots=True)
class NamedCounts:
    """The counts of one product, source or model."""

    name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class HourCounts:
    """The counts of one hour of the clock (0..23 in the station's zone), summed over the days."""

    hour: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class DayCounts:
    """The counts of one of the station's days."""

    day: date
    counts: Counts


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """How often a defect type was found on FAIL parts.

    Attributes:
        label: the defect type; "" for FAIL parts without a region.
        parts: FAIL inspections with at least one region of it.
        regions: its regions on those parts.
    """

    label: str
    parts: int
    regions: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `number` values: least, median, mean, 95th percentile (linear interpolation), greatest."""

    number: int
    least: float
    median: float
    mean: float
    p95: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything counted over one period.

    Attributes:
        start, end: the period [start, end), UTC.
        counts: of all inspections.
        by_hour: all 24 hours of the clock in the station's zone, from the hour the day starts in.
        by_day: every one of the station's days in the period, oldest first; in a period over
            `_LONG_PERIOD` only the days with inspections.
        by_label: most parts first.
        by_product, by_source, by_model: most inspections first; model "" where none judged.
        defects: the newest FAIL inspections, newest first, at most `DEFECTS_KEPT`.
        scores: of the inspections with a score; None without any.
        milliseconds: of the detector, from decoded picture to result; None without any.
    """

    start: datetime
    end: datetime
    counts: Counts
    by_hour: tuple[HourCounts, ...]
    by_day: tuple[DayCounts, ...]
    by_label: tuple[LabelFigures, ...]
    by_product: tuple[NamedCounts, ...]
    by_source: tuple[NamedCounts, ...]
    by_model: tuple[NamedCounts, ...]
    defects: tuple[Inspection, ...]
    scores: Spread | None
    milliseconds: Spread | None


def day_figures(
    records: Records, start: datetime, end: datetime, zone: tzinfo, day_starts_at: time = time(0)
) -> Figures:
    """The figures of the inspections captured in [start, end) UTC (see `day_bounds`); slow for long periods."""
    tally = Tally(start, end, zone, day_starts_at)
    for inspection in records.inspections(start, end):
        tally.add(inspection)
    return tally.figures()


K = TypeVar("K", bound=Hashable)


class Tally:
    """Counts inspections one by one, so that a long period needs no more memory than a short one."""

    def __init__(self, start: datetime, end: datetime, zone: tzinfo, day_starts_at: time = time(0)) -> None:
        self._start, self._end = start, end
        self._zone, self._day_starts_at = zone, day_starts_at
        self._counts: dict[Verdict, int] = {}
        self._hours: dict[int, dict[Verdict, int]] = {}
        self._days: dict[date, dict[Verdict, int]] = {}
        self._products: dict[str, dict[Verdict, int]] = {}
        self._sources: dict[str, dict[Verdict, int]] = {}
        self._models: dict[str, dict[Verdict, int]] = {}
        self._labels: dict[str, list[int]] = {}
        self._defects: deque[Inspection] = deque(maxlen=DEFECTS_KEPT)
        self._scores = array("d")
        self._milliseconds = array("d")
        self._hour_of: dict[datetime, tuple[int, date]] = {}

    def add(self, inspection: Inspection) -> None:
        """Counts one inspection; they come oldest first."""
        verdict = inspection.verdict
        hour, day = self._place(inspection.captured_at)
        self._counts[verdict] = self._counts.get(verdict, 0) + 1
        for table, key in (
            (self._products, inspection.product),
            (self._sources, inspection.source),
            (self._models, str(inspection.model) if inspection.model else ""),
        ):
            _count(table, key, verdict)
        _count(self._hours, hour, verdict)
        _count(self._days, day, verdict)
        if inspection.score is not None:
            self._scores.append(inspection.score)
        if inspection.milliseconds is not None:
            self._milliseconds.append(inspection.milliseconds)
        if verdict is Verdict.FAIL:
            self._defects.append(inspection)
            labels = [region.label for region in inspection.regions] or [""]
            for label in set(labels):
                numbers = self._labels.setdefault(label, [0, 0])
                numbers[0] += 1
                numbers[1] += labels.count(label) if inspection.regions else 0

    def figures(self) -> Figures:
        """The figures of what was added."""
        first_hour = self._day_starts_at.hour
        return Figures(
            start=self._start,
            end=self._end,
            counts=_counts(self._counts),
            by_hour=tuple(
                HourCounts(hour % 24, _counts(self._hours.get(hour % 24, {})))
                for hour in range(first_hour, first_hour + 24)
            ),
            by_day=tuple(DayCounts(day, _counts(self._days.get(day, {}))) for day in self._all_days()),
            by_label=tuple(
                sorted(
                    (LabelFigures(label, *numbers) for label, numbers in self._labels.items()),
                    key=lambda row: (-row.parts, row.label),
                )
            ),
            by_product=_named(self._products),
            by_source=_named(self._sources),
            by_model=_named(self._models),
            defects=tuple(reversed(self._defects)),
            scores=_spread(self._scores),
            milliseconds=_spread(self._milliseconds),
        )

    def _place(self, moment: datetime) -> tuple[int, date]:
        """The hour of the clock and the station's day. All moments of one quarter of an hour share
        them, since no offset in use today and no usual start of a day is finer; others are asked one by one."""
        if self._day_starts_at.minute % 15 or self._day_starts_at.second or self._day_starts_at.microsecond:
            return moment.astimezone(self._zone).hour, day_of(moment, self._zone, self._day_starts_at)
        moment = moment.astimezone(UTC)
        quarter = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
        found = self._hour_of.get(quarter)
        if found is None:
            found = quarter.astimezone(self._zone).hour, day_of(quarter, self._zone, self._day_starts_at)
            self._hour_of[quarter] = found
        return found

    def _all_days(self) -> list[date]:
        if self._end <= self._start:
            return []
        first = day_of(self._start, self._zone, self._day_starts_at)
        last = day_of(self._end - timedelta(microseconds=1), self._zone, self._day_starts_at)
        if last - first > _LONG_PERIOD:
            return sorted(self._days)
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _count(table: dict[K, dict[Verdict, int]], key: K, verdict: Verdict) -> None:
    numbers = table.setdefault(key, {})
    numbers[verdict] = numbers.get(verdict, 0) + 1


def _counts(numbers: dict[Verdict, int]) -> Counts:
    return Counts(*(numbers.get(verdict, 0) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.RETEST, Verdict.ERROR)))


def _named(table: dict[str, dict[Verdict, int]]) -> tuple[NamedCounts, ...]:
    found = [NamedCounts(name, _counts(numbers)) for name, numbers in table.items()]
    return tuple(sorted(found, key=lambda row: (-row.counts.total, row.name)))


def _spread(values: array[float]) -> Spread | None:
    if not values:
        return None
    numbers = np.frombuffer(values, np.float64)
    median, p95 = np.percentile(numbers, [50, 95])
    return Spread(
        len(values), float(numbers.min()), float(median), float(numbers.mean()), float(p95), float(numbers.max())
    )
