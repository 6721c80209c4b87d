"""The first sheets of the workbook: what happened, in one page, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from typing import Any

from app.domain.calendar import zone_words
from app.domain.counts import Counts
from app.domain.periods import Period, Shift
from app.domain.verdict import Verdict
from app.reports.charts import pareto, put, verdict_columns, yield_line
from app.reports.figures import NO_TARGETS, Figures, HourCounts, LabelFigures, Spread, Targets
from app.reports.sheets import Canvas, Value, prepare

_COLUMNS = 12
HEADS = ("Inspected", "PASS", "FAIL", "RETEST", "ERROR", "Yield")
_CHART_ROWS = 16
_ONE_PAGE_ROWS = 70
_LABELS_SHOWN = 10  # bars of the chart; the table below has all


@dataclass(frozen=True, slots=True)
class Heading:
    """What a report is about.

    Attributes:
        station: its name.
        period: of the record.
        zone, day_starts_at, shifts: of the station.
        made_at: when the report was made, UTC.
        targets: what is planned.
    """

    station: str
    period: Period
    zone: tzinfo
    day_starts_at: time
    made_at: datetime
    shifts: tuple[Shift, ...] = ()
    targets: Targets = NO_TARGETS

    @property
    def several_days(self) -> bool:
        return self.period.first != self.period.last

    @property
    def footer(self) -> str:
        return f"{self.station}, {self.period.short}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the numbers."""
        made = self.made_at.astimezone(self.zone)
        return (
            "Yield is PASS / (PASS + FAIL): parts with RETEST or ERROR are looked at again and count then.",
            f"Times are in {zone_words(self.zone, self.period.start)}; a day begins at {self.day_starts_at:%H:%M}. "
            f"Made {made:%Y-%m-%d %H:%M} by Linesight.",
        )


def headline(figures: Figures) -> str:
    """The period in one or two sentences."""
    counts = figures.counts
    if not counts.total:
        return "No part was inspected in this period."
    text = f"{counts.total:,} {'part' if counts.total == 1 else 'parts'} inspected"
    if counts.yield_ is not None:
        text += f", yield {counts.yield_:.1%}"
    text += f": {counts.passed:,} passed, {counts.failed:,} failed"
    if counts.retest:
        text += f", {counts.retest:,} to be tested again"
    text += "."
    if counts.error:
        text += (
            f" {counts.error:,} got no answer (ERROR) and {'counts' if counts.error == 1 else 'count'} as not passed."
        )
    if figures.by_label:
        top = figures.by_label[0]
        worst = max(figures.by_hour, key=lambda row: row.counts.failed)
        text += f" Most frequent defect: {label_words(top.label)} ({top.parts:,} of {counts.failed:,})."
        if counts.failed > 1:
            hours = f"between {worst.hour:02}:00 and {(worst.hour + 1) % 24:02}:00"
            text += f" Most failures {hours} ({worst.counts.failed:,})."
    return text


def label_words(label: str) -> str:
    """A defect type's name; failed parts may have no place on the picture."""
    return label or "no place found"


def hour_words(row: HourCounts) -> str:
    """The hour by its beginning."""
    return f"{row.hour:02}:00"


def write_summary(sheet: Any, figures: Figures, heading: Heading, trend: tuple[Any, int]) -> None:
    """Fills the sheet.

    Args:
        sheet: empty.
        figures: of the period.
        heading: what it is about.
        trend: the sheet whose columns A (names) and C..F (verdicts) are charted over time, and its
            last row; row 1 has the heads.
    """
    canvas = Canvas()
    _title(canvas, heading)
    canvas.put(5, 2, headline(figures), "Headline", _COLUMNS)
    canvas.heights[5] = 36
    _tiles(canvas, figures.counts)
    row = 10
    labels_at = None
    if figures.counts.total:
        row += _CHART_ROWS + 1
        if figures.by_label:
            labels_at = row
            row = _labels(canvas, row, figures)
        row = _spreads(canvas, row, figures)
    for note in heading.notes:
        canvas.put(row, 2, note, "Note", _COLUMNS)
        row += 1
    # One page as long as that can be read.
    prepare(sheet, [2.5, *[11.5] * _COLUMNS], heading.footer, pages_high=int(row < _ONE_PAGE_ROWS))
    canvas.write(sheet)
    if figures.counts.total:
        _charts(sheet, figures, trend, labels_at)


def _title(canvas: Canvas, heading: Heading) -> None:
    for row, text, style, height in (
        (1, "Inspection report", "Title", 34.0),
        (2, f"{heading.station}   |   {heading.period.words}", "Subtitle", 20.0),
        (3, None, "Subtitle", 6.0),
    ):
        canvas.put(row, 1, None, style)
        canvas.put(row, 2, text, style, _COLUMNS)
        canvas.heights[row] = height


def _tiles(canvas: Canvas, counts: Counts) -> None:
    tiles: list[tuple[str, Value, str, str]] = [("Inspected", counts.total, "Tile", "Tile name")]
    for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.RETEST, Verdict.ERROR):
        # No colour for none.
        styles = (f"Tile {verdict}", f"Tile name {verdict}") if counts.of(verdict) else ("Tile", "Tile name")
        tiles.append((verdict.value, counts.of(verdict), *styles))
    tiles.append(("Yield", counts.yield_ if counts.yield_ is not None else "\u2013", "Tile percent", "Tile name"))
    for number, (name, value, style, name_style) in enumerate(tiles):
        canvas.put(7, 2 + 2 * number, value, style, 2)
        canvas.put(8, 2 + 2 * number, name, name_style, 2)
    canvas.heights |= {7: 40, 8: 18}


def table_head(canvas: Canvas, row: int, title: str, name: str, heads: Sequence[str]) -> int:
    """A table's title and heads, names in B..E and numbers from F on; returns the row of its first line."""
    canvas.put(row, 2, title, "Section", 4)
    canvas.heights[row] = 24
    canvas.put(row + 1, 2, name, "Head", 4)
    for number, head in enumerate(heads):
        canvas.put(row + 1, 6 + number, head, "Head number")
    return row + 2


def summed(found: Sequence[LabelFigures]) -> list[float]:
    """Pareto: what the rows add up to, as shares of all of them."""
    total = sum(each.parts for each in found)
    shares, so_far = [], 0
    for each in found:
        so_far += each.parts
        shares.append(so_far / total)
    return shares


def _labels(canvas: Canvas, row: int, figures: Figures) -> int:
    row = table_head(canvas, row, "Defects by type", "Type", ("Parts", "Of all FAIL", "Adds up to", "Places"))
    for found, so_far in zip(figures.by_label, summed(figures.by_label), strict=True):
        canvas.put(row, 2, label_words(found.label), "Text", 4)
        canvas.put(row, 6, found.parts, "Count")
        canvas.put(row, 7, found.parts / figures.counts.failed, "Percent")
        canvas.put(row, 8, so_far, "Percent")
        canvas.put(row, 9, found.regions, "Count")
        row += 1
    return row + 1


def _spreads(canvas: Canvas, row: int, figures: Figures) -> int:
    if figures.scores is None and figures.milliseconds is None:
        return row
    row = table_head(canvas, row, "Measured", "Value", ("Parts", "Least", "Median", "Mean", "95 % below", "Greatest"))
    shown: tuple[tuple[str, Spread | None, str], ...] = (
        ("Score (a FAIL from the threshold up)", figures.scores, "Score"),
        ("Detector, milliseconds a part", figures.milliseconds, "Time"),
    )
    for name, spread, style in shown:
        if spread is None:
            continue
        canvas.put(row, 2, name, "Text", 4)
        canvas.put(row, 6, spread.number, "Count")
        for number, value in enumerate((spread.least, spread.median, spread.mean, spread.p95, spread.greatest)):
            canvas.put(row, 7 + number, value, style)
        row += 1
    return row + 1


def count_cells(counts: Counts, style: str = "") -> list[tuple[Value, str]]:
    """(value, style) of the six cells in the order of the heads; `style` is put before their names."""
    numbers: list[Value] = [counts.total, counts.passed, counts.failed, counts.retest, counts.error]
    return [(number, f"{style}Count") for number in numbers] + [(counts.yield_, f"{style}Percent")]


def _charts(sheet: Any, figures: Figures, trend: tuple[Any, int], labels_at: int | None) -> None:
    source, bottom = trend
    days = len(figures.by_day) > 1
    chart = verdict_columns(source, "Inspections by day" if days else "Inspections by hour", 1, 3, 1, bottom)
    put(sheet, chart, (10, 2), (9 + _CHART_ROWS, 13 if labels_at is None else 7))
    if labels_at is not None:
        last = labels_at + 1 + min(len(figures.by_label), _LABELS_SHOWN)
        bars = pareto(sheet, "Failed parts by defect type", 2, 6, 8, labels_at + 1, last)
        put(sheet, bars, (10, 8), (9 + _CHART_ROWS, 13))


def write_times(
    sheet: Any, names: Sequence[Value], counts: Sequence[Counts], total: Counts, heading: Heading, *, days: bool
) -> int:
    """Fills a sheet "By hour" or "By day": names in A, the counts in B..G, a total, charts beside it.
    Returns the last row before the total."""
    prepare(sheet, [16, *[11] * 6, 3, *[10] * 8], heading.footer)
    sheet.freeze_panes = "B2"
    sheet.print_title_rows = "1:1"
    canvas = Canvas()
    for number, head in enumerate(("Day" if days else "Hour from", *HEADS), 1):
        canvas.put(1, number, head, "Head" if number == 1 else "Head number")
    canvas.heights[1] = 24
    for row, (name, found) in enumerate(zip(names, counts, strict=True), 2):
        canvas.put(row, 1, name, "Date" if days else "Text")
        for number, (value, style) in enumerate(count_cells(found), 2):
            canvas.put(row, number, value, style)
    last = 1 + len(names)
    canvas.put(last + 1, 1, "Total", "Total")
    for number, (value, style) in enumerate(count_cells(total, "Total "), 2):
        canvas.put(last + 1, number, value, style)
    canvas.write(sheet)
    if total.total:
        chart = verdict_columns(sheet, "Inspections by day" if days else "Inspections by hour", 1, 3, 1, last)
        put(sheet, chart, (2, 9), (14, 16))
        line = yield_line(sheet, "Yield by day" if days else "Yield by hour", 1, 7, 1, last)
        put(sheet, line, (16, 9), (26, 16))
    return last
