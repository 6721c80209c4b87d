"""The report of one day over all stations of a fleet as an Excel workbook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.domain.counts import Counts
from app.domain.verdict import Verdict
from app.reports.placing import replaced
from app.reports.sheets import Canvas, Column, Table, new_workbook, prepare
from app.reports.summary import count_cells, label_words

_COLUMNS = 12
_HEADS = ("Inspected", "PASS", "FAIL", "RETEST", "ERROR", "Yield")


@dataclass(frozen=True, slots=True)
class StationCounts:
    """One product at one station.

    Attributes:
        first, last: its first and last part of the day, in the report's zone, without one written down.
        milliseconds: of the detector, mean; None without any.
    """

    site: str
    station: str
    product: str
    counts: Counts
    first: datetime
    last: datetime
    milliseconds: float | None


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """How many failed parts of a site show a defect type; "" for those without a place."""

    site: str
    label: str
    parts: int


def fleet_headline(day: date, rows: Sequence[StationCounts]) -> str:
    """The day in one or two sentences."""
    counts = sum((row.counts for row in rows), Counts())
    if not counts.total:
        return f"No station recorded a part on {day}."
    sites, stations = len({row.site for row in rows}), len({(row.site, row.station) for row in rows})
    text = f"{counts.total:,} parts inspected by {stations:,} {'station' if stations == 1 else 'stations'}"
    text += f" of {sites:,} {'site' if sites == 1 else 'sites'}"
    if counts.yield_ is not None:
        text += f", yield {counts.yield_:.1%}"
    text += f": {counts.passed:,} passed, {counts.failed:,} failed."
    if counts.error:
        text += f" {counts.error:,} got no answer (ERROR) and count as not passed."
    return text


def write_fleet(
    day: date, rows: Sequence[StationCounts], labels: Sequence[LabelCounts], out: Path, *, zone: str, made_at: datetime
) -> Path:
    """Writes the report of a day to `out`; sheets: Summary, Stations, Defects.

    Args:
        zone: the name of the zone that times are in.
        made_at: in that zone.

    Raises:
        LinesightError: the place can't be written.
    """
    footer = f"All sites, {day}"
    with replaced(out) as part:
        book = new_workbook(f"Fleet report {day}")
        _summary(book.create_sheet("Summary"), day, rows, footer, zone, made_at)
        stations = Table(book, "Stations", _stations(), footer)
        for row in rows:
            stations.add(row)
        stations.close("" if rows else "No station recorded a part on this day.")
        defects = Table(book, "Defects", _defects(), footer)
        for label in labels:
            defects.add(label)
        defects.close("" if labels else "No part failed on this day.")
        book.save(part)
    return out


def _stations() -> list[Column[StationCounts]]:
    def count(verdict: Verdict) -> Callable[[StationCounts], int]:
        return lambda row: row.counts.of(verdict)

    return [
        Column("Site", 20, "Text", lambda row: row.site),
        Column("Station", 24, "Text", lambda row: row.station),
        Column("Product", 24, "Text", lambda row: row.product),
        Column("Inspected", 11, "Count", lambda row: row.counts.total),
        *(Column(verdict.value, 11, "Count", count(verdict)) for verdict in Verdict),
        Column("Yield", 10, "Percent", lambda row: row.counts.yield_),
        Column("First part", 20, "Moment", lambda row: row.first),
        Column("Last part", 20, "Moment", lambda row: row.last),
        Column("Detector, ms", 12, "Time", lambda row: row.milliseconds),
    ]


def _defects() -> list[Column[LabelCounts]]:
    return [
        Column("Site", 20, "Text", lambda row: row.site),
        Column("Type", 30, "Text", lambda row: label_words(row.label)),
        Column("Parts", 11, "Count", lambda row: row.parts),
    ]


def _summary(sheet: Any, day: date, rows: Sequence[StationCounts], footer: str, zone: str, made_at: datetime) -> None:
    canvas = Canvas()
    for row, text, style, height in (
        (1, "Fleet report", "Title", 34.0),
        (2, f"All sites   |   {day:%A} {day}", "Subtitle", 20.0),
        (4, fleet_headline(day, rows), "Headline", 36.0),
    ):
        canvas.put(row, 1, None, style)
        canvas.put(row, 2, text, style, _COLUMNS)
        canvas.heights[row] = height
    at = 6
    for title, key in (("By site", lambda row: row.site), ("By product", lambda row: row.product)):
        at = _grouped(canvas, at, title, _sums(rows, key))
    note = "Yield is PASS / (PASS + FAIL). Days are the stations' own; "
    note += f"times are in {zone}. Made {made_at:%Y-%m-%d %H:%M}."
    canvas.put(at, 2, note, "Note", _COLUMNS)
    prepare(sheet, [2.5, *[11.5] * _COLUMNS], footer)
    canvas.write(sheet)


def _sums(rows: Sequence[StationCounts], key: Callable[[StationCounts], str]) -> list[tuple[str, Counts]]:
    sums: dict[str, Counts] = {}
    for row in rows:
        sums[key(row)] = sums.get(key(row), Counts()) + row.counts
    return sorted(sums.items(), key=lambda each: (-each[1].total, each[0]))


def _grouped(canvas: Canvas, row: int, title: str, sums: Sequence[tuple[str, Counts]]) -> int:
    if not sums:
        return row
    canvas.put(row, 2, title, "Section", 4)
    canvas.heights[row] = 24
    canvas.put(row + 1, 2, title.removeprefix("By ").capitalize(), "Head", 4)
    for number, head in enumerate(_HEADS):
        canvas.put(row + 1, 6 + number, head, "Head number")
    row += 2
    for name, counts in sums:
        canvas.put(row, 2, name or "none", "Text", 4)
        for number, (value, style) in enumerate(count_cells(counts)):
            canvas.put(row, 6 + number, value, style)
        row += 1
    return row + 1
