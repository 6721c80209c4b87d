"""A period for machines: one row an inspection, and the figures as a long table, as CSV or Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.calendar import day_of
from app.domain.inspection import Inspection
from app.domain.periods import shift_at
from app.domain.records import Reviewed
from app.domain.region import place_words
from app.reports.breakdown import breakdowns, failed_share
from app.reports.counting import Tally
from app.reports.figures import Figures, NamedCounts, Records
from app.reports.placing import replaced
from app.reports.plan_words import Line
from app.reports.summary import Heading, headline, summed

if TYPE_CHECKING:
    import polars as pl

_BATCH = 20_000
_STAMP = "%Y-%m-%dT%H:%M:%S%.6fZ"

COLUMNS: dict[str, tuple[str, str]] = {
    "id": ("text", "of the inspection, unique everywhere"),
    "part_id": ("text", "number of the part"),
    "captured_at": ("moment", "when the picture was taken, UTC"),
    "judged_at": ("moment", "when the verdict was there, UTC"),
    "day": ("date", "the station's day: a night shift belongs to the day it began"),
    "shift": ("text", "the shift that ran then; empty at a station without shifts"),
    "line": ("text", "name of the station"),
    "source": ("text", "camera, folder or file the picture came from"),
    "product": ("text", "what the part is"),
    "inspector": ("text", "who was signed in; empty for nobody"),
    "verdict": ("text", "PASS, FAIL, RETEST or ERROR: the first one, never changed"),
    "score": ("number", "of the detector; empty for ERROR"),
    "threshold": ("number", "FAIL from this score up"),
    "retest_from": ("number", "RETEST from this score up"),
    "confidence": ("number", "of the verdict, 0..1; empty where the model is not calibrated"),
    "reason": ("text", "the verdict in words, or what went wrong"),
    "defects": ("text", "defect types, each once, sorted, '; ' between"),
    "places": ("text", "their places on the picture, each once, sorted, '; ' between"),
    "regions": ("count", "places of defects found"),
    "area_px": ("count", "their areas added up, pixels of the original"),
    "area_mm2": ("number", "the same in square millimetres; empty without a scale"),
    "model": ("text", "NAME@VERSION that judged"),
    "model_sha256": ("text", "of the model's file"),
    "detector_ms": ("number", "milliseconds from decoded picture to result"),
    "serial": ("text", "of the part, as scanned"),
    "lot": ("text", "the part belongs to"),
    "recipe": ("text", "NAME@VERSION of the recipe"),
    "width": ("count", "of the picture, pixels"),
    "height": ("count", "of the picture, pixels"),
    "picture": ("text", "its file, below the data folder; empty where none was kept"),
    "picture_sha256": ("text", "of the picture's file"),
    "reviews": ("count", "how many people's reviews the part has"),
    "review_verdict": ("text", "of the last review; empty without"),
    "review_type": ("text", "the defect type it names"),
    "reviewed_by": ("text", "who made it"),
    "reviewed_at": ("moment", "when, UTC"),
}
"""Name of each column: (kind, meaning). Kinds: text, moment, date, number, count."""


def figures_file(out: Path) -> Path:
    """Where the figures of the flat file `out` are written: beside it."""
    return out.with_name(f"{out.stem}-figures{out.suffix}")


def write_flat(
    records: Records,
    heading: Heading,
    out: Path,
    step: Callable[[float, str], None],
    plan: Callable[[Figures], list[Line]],
) -> Figures:
    """Writes the inspections of a period to `out`, by its ending .csv or .parquet, and the figures beside them.

    CSV is UTF-8 with a head, moments as 2026-11-22T12:00:00.000000Z. Both files are replaced whole or not at all.

    Returns:
        the figures that were counted on the way.

    Raises:
        LinesightError: a place can't be written.
        StoreError: the record can't be read.
    """
    import polars as pl

    period = heading.period
    tally = Tally(period.start, period.end, heading.zone, heading.day_starts_at, heading.shifts)
    reviews: dict[str, list[Reviewed]] = {}
    for each in records.reporting.reviewed(period.start, period.end):
        reviews.setdefault(each.review.inspection_id, []).append(each)
    total = max(records.counts(period.start, period.end).total, 1)
    csv = out.suffix.lower() == ".csv"
    kept: list[pl.DataFrame] = []
    with replaced(out) as part, replaced(figures_file(out)) as beside, part.open("wb") as file:
        written = 0

        def put(rows: list[tuple[Any, ...]]) -> None:
            nonlocal written
            frame = pl.DataFrame(rows, schema=_schema(), orient="row")
            if csv:
                frame.write_csv(file, include_header=not written, datetime_format=_STAMP)
            else:
                kept.append(frame)
            written += 1

        rows: list[tuple[Any, ...]] = []
        for number, inspection in enumerate(records.inspections(period.start, period.end)):
            if number % 200 == 0:
                step(0.9 * min(number / total, 1.0), f"Inspection {number:,} of {total:,}")
            tally.add(inspection)
            rows.append(_row(inspection, heading, reviews.get(inspection.id, [])))
            if len(rows) == _BATCH:
                put(rows)
                rows = []
        put(rows)
        figures = tally.figures_of(records)
        step(0.92, "Writing the file")
        if not csv:
            pl.concat(kept).write_parquet(file)
        file.flush()
        os.fsync(file.fileno())
        table = figures_table(figures, heading, plan(figures))
        if csv:
            table.write_csv(beside)
        else:
            table.write_parquet(beside)
    step(1.0, "Done")
    return figures


def _schema() -> dict[str, pl.DataType | type[pl.DataType]]:
    import polars as pl

    kinds: dict[str, pl.DataType | type[pl.DataType]] = {
        "text": pl.String,
        "moment": pl.Datetime("us", "UTC"),
        "date": pl.Date,
        "number": pl.Float64,
        "count": pl.Int64,
    }
    return {name: kinds[kind] for name, (kind, _) in COLUMNS.items()}


def _row(row: Inspection, heading: Heading, reviews: list[Reviewed]) -> tuple[Any, ...]:
    size = row.width, row.height
    areas = [region.area_mm2 for region in row.regions]
    last = reviews[-1].review if reviews else None
    return (
        row.id,
        row.part_id,
        row.captured_at,
        row.judged_at,
        day_of(row.captured_at, heading.zone, heading.day_starts_at),
        shift_at(row.captured_at, heading.shifts, heading.zone),
        row.station,
        row.source,
        row.product,
        row.operator,
        row.verdict.value,
        row.score,
        row.threshold,
        row.retest_from,
        row.confidence,
        row.error or row.reason,
        "; ".join(sorted({region.label for region in row.regions})),
        "; ".join(sorted({place_words(region, size) for region in row.regions})),
        len(row.regions),
        sum(region.area for region in row.regions),
        sum(area for area in areas if area is not None) if areas and None not in areas else None,
        str(row.model) if row.model else "",
        row.model.sha256 if row.model else "",
        row.milliseconds,
        row.serial,
        row.lot,
        row.recipe,
        row.width,
        row.height,
        row.image_path,
        row.image_sha256,
        len(reviews),
        last.verdict.value if last else "",
        last.label if last else "",
        last.person if last else "",
        last.at if last else None,
    )


FIGURE_COLUMNS = ("section", "name", "measure", "value", "words")


def figures_table(figures: Figures, heading: Heading, plan: list[Line]) -> pl.DataFrame:
    """Every figure of the report as rows of section, name, measure, value and words; the value is null where there is
    none, the words are empty where the value says it all."""
    import polars as pl

    schema = dict(zip(FIGURE_COLUMNS, (pl.String, pl.String, pl.String, pl.Float64, pl.String), strict=True))
    return pl.DataFrame(list(_figures(figures, heading, plan)), schema=schema, orient="row")


_Row = tuple[str, str, str, float | None, str]


def _figures(figures: Figures, heading: Heading, plan: list[Line]) -> Iterator[_Row]:
    yield "Summary", "", "station", None, heading.station
    yield "Summary", "", "period", None, heading.period.words
    yield "Summary", "", "from", None, heading.period.start.isoformat()
    yield "Summary", "", "to", None, heading.period.end.isoformat()
    yield "Summary", "", "headline", None, headline(figures)
    yield from _counted("Summary", [NamedCounts("", figures.counts)])
    yield from _counted("By hour", [NamedCounts(f"{row.hour:02}:00", row.counts) for row in figures.by_hour])
    yield from _counted("By day", [NamedCounts(str(row.day), row.counts) for row in figures.by_day])
    for name, _, found in breakdowns(figures):
        yield from _counted(f"By {name.lower()}", found)
    for each, so_far in zip(figures.by_label, summed(figures.by_label), strict=True):
        yield "Defects by type", each.label, "parts", each.parts, ""
        yield "Defects by type", each.label, "places", each.regions, ""
        yield "Defects by type", each.label, "adds up to", so_far, ""
    for each in figures.by_place:
        yield "Defects by place", each.label, "parts", each.parts, ""
        yield "Defects by place", each.label, "places", each.regions, ""
    for name, spread in (("score", figures.scores), ("detector ms", figures.milliseconds)):
        if spread is not None:
            for measure in ("number", "least", "median", "mean", "p95", "greatest"):
                yield "Measured", name, measure, float(getattr(spread, measure)), ""
    if figures.chart is not None:
        chart = figures.chart
        yield "Control chart", "", "mean", chart.centre, chart.words
        yield "Control chart", "", "scatter", chart.sigma_z, "Laney's limits" if chart.laney else "Shewhart's limits"
        for point in chart.points:
            yield "Control chart", point.name, "failed share", point.share, "outside" if point.out else ""
            yield "Control chart", point.name, "lower limit", point.low, ""
            yield "Control chart", point.name, "upper limit", point.high, ""
    reviews = figures.reviews
    yield "Reviews", "", "reviews", len(reviews.reviews), ""
    yield "Reviews", "", "parts reviewed", reviews.parts, ""
    yield "Reviews", "", "waiting", reviews.waiting, "RETEST and ERROR parts without a review"
    for (first, last), parts in sorted(reviews.moved.items()):
        yield "Reviews", f"{first} to {last}", "parts", parts, ""
    for use in figures.models:
        name = str(use.model)
        yield "Models", name, "threshold", use.threshold, use.model.sha256
        yield "Models", name, "retest from", use.retest_from, use.model.sha256
        yield "Models", name, "inspected", use.counts.total, use.model.sha256
    for line in plan:
        yield "Plan", f"{line.topic}: {line.what}", "value", line.value, f"{line.unit}; {line.basis}".lstrip("; ")
        for measure, value in (("at least", line.low), ("at most", line.high)):
            if value is not None:
                yield "Plan", f"{line.topic}: {line.what}", measure, value, line.unit


def _counted(section: str, found: Sequence[NamedCounts]) -> Iterator[_Row]:
    for row in found:
        counts = row.counts
        for measure, number in (
            ("inspected", counts.total),
            ("PASS", counts.passed),
            ("FAIL", counts.failed),
            ("RETEST", counts.retest),
            ("ERROR", counts.error),
        ):
            yield section, row.name, measure, float(number), ""
        yield section, row.name, "yield", counts.yield_, ""
        yield section, row.name, "failed share", failed_share(counts), ""
