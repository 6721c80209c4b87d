"""The sheets between the summary and the rows: by whom and where, the control chart, the plan, models."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from openpyxl.worksheet.pagebreak import Break

from app.domain.counts import Counts
from app.domain.verdict import Verdict
from app.reports.charts import control_chart, label_bars, put
from app.reports.columns import local
from app.reports.figures import Figures, LabelFigures, ModelUse, NamedCounts
from app.reports.plan_words import Line
from app.reports.sheets import Canvas, Column, Value, prepare
from app.reports.summary import HEADS, Heading, count_cells, label_words, table_head

_CHART_ROWS = 10
_FAILED_AT = 12
_BARS = 10
_PAGE_ROWS = 52


def breakdowns(figures: Figures) -> list[tuple[str, str, Sequence[NamedCounts]]]:
    """(what it is by, what stands for no name, rows) of each breakdown, in the order of every report."""
    return [
        ("Line", "none", figures.by_station),
        ("Product", "none", figures.by_product),
        ("Inspector", "nobody signed in", figures.by_operator),
        ("Camera", "none", figures.by_source),
        *([("Shift", "none", figures.by_shift)] if figures.by_shift else []),
        ("Model", "none", figures.by_model),
    ]


def failed_share(counts: Counts) -> float | None:
    """FAIL of all parts with a final verdict."""
    return counts.failed / counts.judged if counts.judged else None


def write_breakdown(sheet: Any, figures: Figures, heading: Heading) -> None:
    """Fills the sheet: a table for each breakdown with its bars beside it, then the places of the defects."""
    prepare(sheet, [2.5, *[11.5] * 11, 3, *[10] * 7], heading.footer)
    canvas = Canvas()
    charts: list[tuple[str, int, int, int]] = []
    row = page = 1
    for name, nameless, found in breakdowns(figures):
        page = _new_page(sheet, page, row, len(found))
        top = row
        row = table_head(canvas, row, f"By {name.lower()}", name, (*HEADS, "Failed"))
        for item in found:
            canvas.put(row, 2, item.name or nameless, "Text", 4)
            for number, (value, style) in enumerate(
                [*count_cells(item.counts), (failed_share(item.counts), "Percent")]
            ):
                canvas.put(row, 6 + number, value, style)
            row += 1
        if len(found) > 1:
            charts.append((f"Failed share by {name.lower()}", top, _FAILED_AT, min(len(found), _BARS)))
            row = max(row, top + _CHART_ROWS)
        row += 1
    if figures.by_place:
        _new_page(sheet, page, row, len(figures.by_place))
        top = row
        row = table_head(canvas, row, "Defects by place on the picture", "Place", ("Parts", "Of all FAIL", "Places"))
        row = _places(canvas, row, figures.by_place, figures.counts.failed)
        charts.append(("Failed parts by place", top, 6, min(len(figures.by_place), _BARS)))
        row = max(row, top + _CHART_ROWS)
    canvas.write(sheet)
    for title, top, column, number in charts:
        bars = label_bars(sheet, title, 2, column, top + 1, top + 1 + number)
        put(sheet, bars, (top, 14), (top + _CHART_ROWS - 1, 20))


def _new_page(sheet: Any, page: int, row: int, lines: int) -> int:
    """The row the page begins with, after a break where a table or its bars would be cut."""
    if row > page and row + max(lines + 2, _CHART_ROWS) - page > _PAGE_ROWS:
        sheet.row_breaks.append(Break(id=row - 1))
        return row
    return page


def _places(canvas: Canvas, row: int, found: Sequence[LabelFigures], failed: int) -> int:
    for each in found:
        canvas.put(row, 2, label_words(each.label), "Text", 4)
        cells: tuple[tuple[Value, str], ...] = (
            (each.parts, "Count"),
            (each.parts / failed, "Percent"),
            (each.regions, "Count"),
        )
        for number, (value, style) in enumerate(cells):
            canvas.put(row, 6 + number, value, style)
        row += 1
    return row


def write_control(sheet: Any, figures: Figures, heading: Heading) -> None:
    """Fills the sheet with the control chart and its points."""
    prepare(sheet, [18, *[11] * 7, 3, *[10] * 9], heading.footer)
    sheet.freeze_panes = "B2"
    sheet.print_title_rows = "1:1"
    chart = figures.chart
    canvas = Canvas()
    heads = ("Failed", "Judged", "Failed share", "Mean", "Lower limit", "Upper limit", "Outside")
    canvas.put(1, 1, "Hour" if chart is not None and chart.what == "hour" else "Day", "Head")
    for number, head in enumerate(heads, 2):
        canvas.put(1, number, head, "Head number")
    canvas.heights[1] = 30
    if chart is None:
        canvas.put(3, 1, "No part got a PASS or FAIL in this period.", "Remark", 8)
        canvas.write(sheet)
        return
    for row, point in enumerate(chart.points, 2):
        cells: list[tuple[Value, str]] = [
            (point.name, "Text"),
            (point.failed, "Count"),
            (point.judged, "Count"),
            (point.share, "Percent"),
            (chart.centre if point.share is not None else None, "Percent"),
            (point.low, "Percent"),
            (point.high, "Percent"),
            (point.share if point.out else None, "Percent"),
        ]
        for column, (value, style) in enumerate(cells, 1):
            canvas.put(row, column, value, style)
    last = 1 + len(chart.points)
    for row, words in enumerate(textwrap.wrap(chart.words, 84), 22):
        canvas.put(row, 10, words, "Note", 9)
    canvas.write(sheet)
    put(sheet, control_chart(sheet, f"Failed share by {chart.what}", 1, 4, 1, last), (3, 10), (20, 18))


def plan_columns() -> list[Column[Line]]:
    """Each line of the plan with the figures it came from."""
    return [
        Column("Topic", 20, "Long text", lambda row: row.topic),
        Column("What", 44, "Long text", lambda row: row.what),
        Column("Value", 11, "Amount", lambda row: row.value),
        Column("At least", 11, "Amount", lambda row: row.low),
        Column("At most", 11, "Amount", lambda row: row.high),
        Column("Unit", 9, "Text", lambda row: row.unit),
        Column("Where it comes from", 90, "Long text", lambda row: row.basis),
    ]


def plan_height(line: Line) -> float:
    """Points of a row whose words are wrapped."""
    lines = max(-(-len(line.basis) // 92), -(-len(line.what) // 44), -(-len(line.topic) // 19), 1)
    return 6 + 13.5 * lines


def model_columns(zone: tzinfo) -> list[Column[ModelUse]]:
    return [
        Column("Model", 22, "Text", lambda row: str(row.model)),
        Column("Feature extractor", 24, "Text", lambda row: row.model.backbone),
        Column("Threshold", 11, "Score", lambda row: row.threshold),
        Column("Retest from", 11, "Score", lambda row: row.retest_from),
        Column("First part", 19, "Moment", lambda row: local(row.first, zone)),
        Column("Last part", 19, "Moment", lambda row: local(row.last, zone)),
        Column("Inspected", 11, "Count", lambda row: row.counts.total),
        *[_verdict_count(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.RETEST, Verdict.ERROR)],
        Column("Yield", 9, "Percent", lambda row: row.counts.yield_),
        Column("SHA-256 of the model", 66, "Text", lambda row: row.model.sha256),
    ]


def _verdict_count(verdict: Verdict) -> Column[ModelUse]:
    return Column(verdict.value, 9, "Count", lambda row: row.counts.of(verdict))
