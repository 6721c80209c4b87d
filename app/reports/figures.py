"""The numbers of a period. Screen, workbook, PDF and the flat files all show these and count nothing themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from app.domain.alarm import Alarm
from app.domain.counts import Counts
from app.domain.inspection import Inspection, ModelRef
from app.domain.plan import Round
from app.domain.records import PassedBefore, RecordQuery, Reviewed
from app.domain.verdict import Verdict
from app.reports.control import ControlChart

DEFECTS_KEPT = 2000
"""How many of the newest FAIL inspections `Figures.defects` holds; `Figures.counts` knows all."""


class Questions(Protocol):
    """What else reports ask of the record; `app.store.reporting.ReportQueries` is one."""

    def reviewed(self, start: datetime, end: datetime) -> list[Reviewed]:
        """Every review of the parts captured in [start, end), in the order they were made."""

    def passed_before(self, start: datetime, end: datetime) -> list[PassedBefore]:
        """Of the failed parts in [start, end) with a serial, how many each other station had passed before."""


class RoundsOnRecord(Protocol):
    """`app.store.rounds.RoundRecords` is one."""

    def between(self, start: datetime, end: datetime) -> list[Round]:
        """Those that were due in [start, end), by time."""


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

    def small_file(self, image_path: str) -> Path:
        """The small JPEG beside it; often missing."""

    def save_small(self, image_path: str, data: bytes) -> None:
        """Puts one there; OSError where there is no room."""

    def search(self, query: RecordQuery, limit: int = 50) -> list[Inspection]:
        """The newest inspections that `query` asks for, newest first."""

    def inspection(self, inspection_id: str, /) -> Inspection | None:
        """One by its id."""

    @property
    def reporting(self) -> Questions: ...
    @property
    def rounds(self) -> RoundsOnRecord: ...


@dataclass(frozen=True, slots=True)
class NamedCounts:
    """The counts of one line, product, inspector, camera, model, shift, hour or day."""

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
    """How often a defect type, or a place on the picture, was found on FAIL parts.

    Attributes:
        label: the defect type or place; "" for FAIL parts without a region.
        parts: FAIL inspections with at least one region of it.
        regions: its regions on those parts.
    """

    label: str
    parts: int
    regions: int


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A model and the limits it judged by.

    Attributes:
        first, last: when the first and last of its parts were captured, UTC.
    """

    model: ModelRef
    threshold: float | None
    retest_from: float | None
    first: datetime
    last: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """What people said of the period's parts afterwards; of several reviews of a part the last one counts.

    Attributes:
        reviews: rows, in the order they were made.
        parts: reviewed ones.
        moved: {(first verdict, last review): parts}.
        waiting: parts with RETEST or ERROR that nobody has reviewed.
    """

    reviews: tuple[Reviewed, ...]
    parts: int
    moved: Mapping[tuple[Verdict, Verdict], int]
    waiting: int

    @property
    def false_rejects(self) -> int:
        """FAIL parts that a person found good."""
        return self.moved.get((Verdict.FAIL, Verdict.PASS), 0)

    @property
    def escapes(self) -> int:
        """PASS parts that a person found bad."""
        return self.moved.get((Verdict.PASS, Verdict.FAIL), 0)

    @property
    def confirmed(self) -> int:
        """FAIL parts that a person found bad too."""
        return self.moved.get((Verdict.FAIL, Verdict.FAIL), 0)


class PlanRow(NamedTuple):
    """Inspections that are alike to the plan, and how many: `labels` of a FAIL part sorted, "; " between, `place` of
    its first region."""

    day: date
    shift: str
    operator: str
    verdict: Verdict
    labels: str
    place: str
    station: str
    product: str
    number: int


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
        by_place: of the regions on FAIL parts, most parts first.
        by_station, by_product, by_operator, by_source, by_model: most inspections first; operator "" where nobody was
            signed in, model "" where none judged.
        by_shift: in the order of the day; empty at a station without shifts.
        models: with hash and limits, the oldest first.
        chart: of the hours in order in a period up to a day and an hour, else of the days; None where nothing was
            judged.
        reviews: of its parts.
        passed_before: where another station had passed what failed.
        defects: the newest FAIL inspections, newest first, at most `DEFECTS_KEPT`, or as many as were asked for.
        scores: of the inspections with a score; None without any.
        milliseconds: of the detector, from decoded picture to result; None without any.
        rows: all inspections, as the plan is made from them.
    """

    start: datetime
    end: datetime
    counts: Counts
    by_hour: tuple[HourCounts, ...]
    by_day: tuple[DayCounts, ...]
    by_label: tuple[LabelFigures, ...]
    by_place: tuple[LabelFigures, ...]
    by_station: tuple[NamedCounts, ...]
    by_operator: tuple[NamedCounts, ...]
    by_shift: tuple[NamedCounts, ...]
    by_product: tuple[NamedCounts, ...]
    by_source: tuple[NamedCounts, ...]
    by_model: tuple[NamedCounts, ...]
    models: tuple[ModelUse, ...]
    chart: ControlChart | None
    reviews: ReviewFigures
    passed_before: tuple[PassedBefore, ...]
    defects: tuple[Inspection, ...]
    scores: Spread | None
    milliseconds: Spread | None
    rows: tuple[PlanRow, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is planned; each None where the station's settings do not say.

    Attributes:
        failed: share of failed parts that was planned for, 0..1.
        minutes: that putting one failed part right takes.
    """

    failed: float | None = None
    minutes: float | None = None


NO_TARGETS = Targets()
