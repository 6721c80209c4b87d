"""Counts a period's inspections, one by one: the one query layer of screen, workbook, PDF and flat files."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple, TypeVar

import numpy as np

from app.domain.calendar import day_of
from app.domain.counts import Counts
from app.domain.inspection import Inspection, ModelRef
from app.domain.periods import Period, Shift, shift_at
from app.domain.records import PassedBefore, Reviewed
from app.domain.region import place_words
from app.domain.verdict import Verdict
from app.reports.control import ControlChart, p_chart
from app.reports.figures import (
    DEFECTS_KEPT,
    DayCounts,
    Figures,
    HourCounts,
    LabelFigures,
    ModelUse,
    NamedCounts,
    PlanRow,
    Records,
    ReviewFigures,
    Spread,
)

_LONG_PERIOD = timedelta(days=400)
_ONE_DAY = timedelta(hours=25)  # when the clocks go back
_HOUR = timedelta(hours=1)
_QUARTER = 900  # seconds

K = TypeVar("K", bound=Hashable)


def day_figures(
    records: Records,
    start: datetime,
    end: datetime,
    zone: tzinfo,
    day_starts_at: time = time(0),
    shifts: Sequence[Shift] = (),
    check: Callable[[], None] = lambda: None,
    defects: int = DEFECTS_KEPT,
) -> Figures:
    """The figures of the inspections captured in [start, end) UTC (see `day_bounds`); slow for long periods.

    Args:
        check: called now and then; what it raises ends the work.
        defects: how many of the newest FAIL inspections are kept whole; a kilobyte or ten each.
    """
    tally = Tally(start, end, zone, day_starts_at, shifts, defects)
    for number, inspection in enumerate(records.inspections(start, end)):
        if number % 200 == 0:
            check()
        tally.add(inspection)
    return tally.figures_of(records)


def period_figures(
    records: Records,
    period: Period,
    zone: tzinfo,
    day_starts_at: time = time(0),
    shifts: Sequence[Shift] = (),
    check: Callable[[], None] = lambda: None,
    defects: int = DEFECTS_KEPT,
) -> Figures:
    """The figures of a period; slow for long ones. See `day_figures`."""
    return day_figures(records, period.start, period.end, zone, day_starts_at, shifts, check, defects)


@dataclass(frozen=True, slots=True)
class _When:
    """Where a moment lies: hour of the clock, hour of the period, station's day, shift."""

    hour: int
    span: int
    day: date
    shift: str


class _Kind(NamedTuple):
    """What inspections have in common that are counted together."""

    when: _When
    verdict: Verdict
    station: str
    product: str
    operator: str
    source: str
    model: ModelRef | None
    threshold: float | None
    retest_from: float | None
    labels: str
    place: str


class _Times:
    """How often a kind was seen, first and last."""

    __slots__ = ("first", "last", "number")

    def __init__(self, moment: datetime) -> None:
        self.number, self.first, self.last = 1, moment, moment


class Tally:
    """Counts inspections one by one, so that a long period needs hardly more memory than a short one."""

    def __init__(
        self,
        start: datetime,
        end: datetime,
        zone: tzinfo,
        day_starts_at: time = time(0),
        shifts: Sequence[Shift] = (),
        defects: int = DEFECTS_KEPT,
    ) -> None:
        self._start, self._end = start, end
        self._zone, self._day_starts_at, self._shifts = zone, day_starts_at, tuple(shifts)
        begins = (self._day_starts_at, *(shift.starts_at for shift in self._shifts))
        self._even = not (
            any(each.minute % 15 or each.second or each.microsecond for each in begins) or start.timestamp() % _QUARTER
        )
        self._when: dict[int, _When] = {}
        self._kinds: dict[_Kind, _Times] = {}
        self._labels: dict[str, list[int]] = {}
        self._places: dict[str, list[int]] = {}
        self._defects: deque[Inspection] = deque(maxlen=defects)
        self._scores = array("d")
        self._milliseconds = array("d")
        self._newest: datetime | None = None

    def add(self, inspection: Inspection) -> None:
        """Counts one inspection; they come oldest first."""
        verdict, moment = inspection.verdict, inspection.captured_at
        self._newest = moment
        if inspection.score is not None:
            self._scores.append(inspection.score)
        if inspection.milliseconds is not None:
            self._milliseconds.append(inspection.milliseconds)
        labels = place = ""
        if verdict is Verdict.FAIL:
            self._defects.append(inspection)
            size = inspection.width, inspection.height
            places = [place_words(region, size) for region in inspection.regions]
            names = [region.label for region in inspection.regions]
            _count_found(self._labels, names)
            _count_found(self._places, places)
            labels, place = "; ".join(sorted(set(names))), places[0] if places else ""
        kind = _Kind(
            self._place(moment),
            verdict,
            inspection.station,
            inspection.product,
            inspection.operator,
            inspection.source,
            inspection.model,
            inspection.threshold,
            inspection.retest_from,
            labels,
            place,
        )
        times = self._kinds.get(kind)
        if times is None:
            self._kinds[kind] = _Times(moment)
        else:
            times.number += 1
            times.last = moment

    def figures_of(self, records: Records) -> Figures:
        """The figures of what was added, with what people said of it afterwards."""
        asked = records.reporting
        return self.figures(asked.reviewed(self._start, self._end), asked.passed_before(self._start, self._end))

    def figures(self, reviewed: Iterable[Reviewed] = (), passed_before: Iterable[PassedBefore] = ()) -> Figures:
        """The figures of what was added. Reviews of parts that are newer than those are left out."""
        first_hour = self._day_starts_at.hour
        counts = self._by(lambda kind: None).get(None, Counts())
        known = [each for each in reviewed if self._newest is not None and each.captured_at <= self._newest]
        hours, by_day = self._by(lambda kind: kind.when.hour), self._by(lambda kind: kind.when.day)
        days = tuple(DayCounts(day, by_day.get(day, Counts())) for day in self._all_days(by_day))
        order = {shift.name: number for number, shift in enumerate(self._shifts)}
        return Figures(
            start=self._start,
            end=self._end,
            counts=counts,
            by_hour=tuple(
                HourCounts(hour % 24, hours.get(hour % 24, Counts())) for hour in range(first_hour, first_hour + 24)
            ),
            by_day=days,
            by_label=_found(self._labels),
            by_place=_found(self._places),
            by_station=_named(self._by(lambda kind: kind.station)),
            by_product=_named(self._by(lambda kind: kind.product)),
            by_operator=_named(self._by(lambda kind: kind.operator)),
            by_source=_named(self._by(lambda kind: kind.source)),
            by_model=_named(self._by(lambda kind: str(kind.model) if kind.model else "")),
            by_shift=tuple(
                sorted(_named(self._by(lambda kind: kind.when.shift)), key=lambda row: order[row.name]) if order else ()
            ),
            models=self._models(),
            chart=self._chart(days),
            reviews=_reviews(known, counts),
            passed_before=tuple(passed_before),
            defects=tuple(reversed(self._defects)),
            scores=_spread(self._scores),
            milliseconds=_spread(self._milliseconds),
            rows=tuple(
                PlanRow(
                    kind.when.day,
                    kind.when.shift,
                    kind.operator,
                    kind.verdict,
                    kind.labels,
                    kind.place,
                    kind.station,
                    kind.product,
                    times.number,
                )
                for kind, times in self._kinds.items()
            ),
        )

    def _by(self, key: Callable[[_Kind], K]) -> dict[K, Counts]:
        found: dict[K, dict[Verdict, int]] = {}
        for kind, times in self._kinds.items():
            numbers = found.setdefault(key(kind), {})
            numbers[kind.verdict] = numbers.get(kind.verdict, 0) + times.number
        return {name: _counts(numbers) for name, numbers in found.items()}

    def _models(self) -> tuple[ModelUse, ...]:
        found = self._by(lambda kind: (kind.model, kind.threshold, kind.retest_from))
        moments: dict[tuple[ModelRef | None, float | None, float | None], tuple[datetime, datetime]] = {}
        for kind, times in self._kinds.items():
            key = kind.model, kind.threshold, kind.retest_from
            first, last = moments.get(key, (times.first, times.last))
            moments[key] = min(first, times.first), max(last, times.last)
        uses = (
            ModelUse(model, threshold, retest_from, *moments[model, threshold, retest_from], counts)
            for (model, threshold, retest_from), counts in found.items()
            if model is not None
        )
        return tuple(sorted(uses, key=lambda use: (use.first, str(use.model))))

    def _chart(self, days: Sequence[DayCounts]) -> ControlChart | None:
        if self._end - self._start > _ONE_DAY:
            return p_chart([(str(row.day), row.counts.failed, row.counts.judged) for row in days], "day")
        spans = self._by(lambda kind: kind.when.span)
        groups: list[tuple[str, int, int]] = []
        for number in range(-(-(self._end - self._start) // _HOUR)):
            found = spans.get(number, Counts())
            local = (self._start + number * _HOUR).astimezone(self._zone)
            name = f"{local:%H:%M}"
            if any(name == known for known, _, _ in groups):
                name += " again"  # the hour that happens twice when the clocks go back
            groups.append((name, found.failed, found.judged))
        return p_chart(groups, "hour")

    def _place(self, moment: datetime) -> _When:
        """All moments of one quarter of an hour share it, since no offset in use today and no usual start of a day is
        finer; others are asked one by one."""
        quarter = int(moment.timestamp()) // _QUARTER
        found = self._when.get(quarter)
        if found is None:
            asked = datetime.fromtimestamp(quarter * _QUARTER, UTC) if self._even else moment
            found = _When(
                asked.astimezone(self._zone).hour,
                (asked - self._start) // _HOUR,
                day_of(asked, self._zone, self._day_starts_at),
                shift_at(asked, self._shifts, self._zone),
            )
            if self._even:
                self._when[quarter] = found
        return found

    def _all_days(self, known: Iterable[date]) -> list[date]:
        if self._end <= self._start:
            return []
        first = day_of(self._start, self._zone, self._day_starts_at)
        last = day_of(self._end - timedelta(microseconds=1), self._zone, self._day_starts_at)
        if last - first > _LONG_PERIOD:
            return sorted(known)
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _count_found(table: dict[str, list[int]], names: Sequence[str]) -> None:
    """Parts and regions of each name on one part; "" for a part without regions."""
    for name, regions in (Counter(names) if names else {"": 0}).items():
        numbers = table.setdefault(name, [0, 0])
        numbers[0] += 1
        numbers[1] += regions


def _found(table: dict[str, list[int]]) -> tuple[LabelFigures, ...]:
    rows = (LabelFigures(name, *numbers) for name, numbers in table.items())
    return tuple(sorted(rows, key=lambda row: (-row.parts, row.label)))


def _counts(numbers: dict[Verdict, int]) -> Counts:
    return Counts(*(numbers.get(verdict, 0) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.RETEST, Verdict.ERROR)))


def _named(table: dict[str, Counts]) -> tuple[NamedCounts, ...]:
    found = [NamedCounts(name, counts) for name, counts in table.items()]
    return tuple(sorted(found, key=lambda row: (-row.counts.total, row.name)))


def _reviews(reviewed: Sequence[Reviewed], counts: Counts) -> ReviewFigures:
    last = {each.review.inspection_id: each for each in reviewed}
    moved = Counter((each.verdict, each.review.verdict) for each in last.values())
    seen = sum(each.verdict in (Verdict.RETEST, Verdict.ERROR) for each in last.values())
    return ReviewFigures(tuple(reviewed), len(last), dict(moved), counts.retest + counts.error - seen)


def _spread(values: array[float]) -> Spread | None:
    if not values:
        return None
    numbers = np.frombuffer(values, np.float64)
    median, p95 = np.percentile(numbers, [50, 95])
    return Spread(
        len(values), float(numbers.min()), float(median), float(numbers.mean()), float(p95), float(numbers.max())
    )
