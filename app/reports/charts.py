"""The workbook's charts: native, in the colours of the verdicts, drawn from cells of the workbook."""

from __future__ import annotations

from typing import Any

from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties, RichTextProperties

from app.domain.verdict import Verdict
from app.reports.sheets import COLOURS, LINE, QUIET, TEXT

ACTION = "1A5FD0"
_FILLS = COLOURS | {Verdict.RETEST: "F5A524"}  # nothing is written on it, and beside red brown is lost


def verdict_columns(sheet: Any, title: str, names: int, first: int, top: int, bottom: int) -> Any:
    """Stacked columns of the four verdicts.

    Args:
        sheet: where the numbers stand.
        title: of the chart.
        names: column of the categories.
        first: column of PASS; FAIL, RETEST, ERROR follow.
        top, bottom: row of the heads, last row.
    """
    chart = BarChart()
    chart.type, chart.grouping, chart.overlap, chart.gapWidth = "col", "stacked", 100, 40
    chart.add_data(
        Reference(sheet, min_col=first, max_col=first + 3, min_row=top, max_row=bottom), titles_from_data=True
    )
    chart.set_categories(Reference(sheet, min_col=names, min_row=top + 1, max_row=bottom))
    for series, verdict in zip(chart.series, (Verdict.PASS, Verdict.FAIL, Verdict.RETEST, Verdict.ERROR), strict=True):
        _fill(series, _FILLS[verdict])
    chart.legend.position = "b"
    return _finish(chart, title)


def label_bars(sheet: Any, title: str, names: int, values: int, top: int, bottom: int) -> Any:
    """Horizontal bars, the first row on top, each with its number."""
    chart = BarChart()
    chart.type, chart.gapWidth = "bar", 50
    chart.add_data(Reference(sheet, min_col=values, min_row=top, max_row=bottom), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=names, min_row=top + 1, max_row=bottom))
    _fill(chart.series[0], COLOURS[Verdict.FAIL])
    chart.dataLabels = DataLabelList(
        showVal=True, showSerName=False, showCatName=False, showLegendKey=False, showPercent=False
    )
    chart.legend = None
    _finish(chart, title)
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.delete = True  # the numbers stand on the bars
    chart.y_axis.majorGridlines = None
    chart.y_axis.scaling.min = 0
    return chart


def pareto(sheet: Any, title: str, names: int, parts: int, summed: int, top: int, bottom: int) -> Any:
    """Columns of parts, most first, and the line of what they add up to (0..100 %) over them.

    Args:
        names, parts, summed: columns of the names, the parts and the cumulative share.
        top, bottom: row of the heads, last row.
    """
    chart = BarChart()
    chart.type, chart.gapWidth = "col", 40
    chart.add_data(Reference(sheet, min_col=parts, min_row=top, max_row=bottom), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=names, min_row=top + 1, max_row=bottom))
    _fill(chart.series[0], COLOURS[Verdict.FAIL])
    chart.dataLabels = DataLabelList(
        showVal=True, showSerName=False, showCatName=False, showLegendKey=False, showPercent=False
    )
    chart.legend = None
    _finish(chart, title)
    chart.y_axis.scaling.min = 0
    chart.y_axis.majorGridlines = None
    line = LineChart()
    line.add_data(Reference(sheet, min_col=summed, min_row=top, max_row=bottom), titles_from_data=True)
    _line(line.series[0], ACTION, marker=True)
    line.y_axis.axId = 200
    line.y_axis.crosses = "max"
    line.y_axis.scaling.min, line.y_axis.scaling.max, line.y_axis.majorUnit = 0, 1, 0.2
    line.legend = None
    _axis(line.y_axis)
    line.y_axis.number_format = "0%"
    line.y_axis.majorGridlines = None
    line.y_axis.majorTickMark = "none"
    chart += line
    return chart


def control_chart(sheet: Any, title: str, names: int, first: int, top: int, bottom: int) -> Any:
    """The share of failed parts with mean and limits.

    Args:
        names: column of the subgroups' names.
        first: column of the share; mean, lower limit, upper limit and the share of those outside follow.
        top, bottom: row of the heads, last row.
    """
    chart = LineChart()
    data = Reference(sheet, min_col=first, max_col=first + 4, min_row=top, max_row=bottom)
    chart.add_data(data, titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=names, min_row=top + 1, max_row=bottom))
    share, mean, low, high, out = chart.series
    _line(share, ACTION, marker=True)
    _line(mean, QUIET, width=15000)
    for limit in (low, high):
        _line(limit, _FILLS[Verdict.RETEST], width=19000, dash="dash")
    _line(out, COLOURS[Verdict.FAIL], marker=True)
    out.graphicalProperties.line.noFill = True
    out.graphicalProperties.line.solidFill = None
    out.marker.symbol, out.marker.size = "diamond", 11
    chart.dispBlanksAs = "gap"
    chart.legend.position = "b"
    _finish(chart, title)
    chart.y_axis.scaling.min = 0
    chart.y_axis.number_format = "0.0%"
    return chart


def _line(series: Any, colour: str, *, width: int = 28000, marker: bool = False, dash: str = "") -> None:
    series.smooth = False
    series.graphicalProperties.line.solidFill = colour
    series.graphicalProperties.line.width = width
    if dash:
        series.graphicalProperties.line.dashStyle = dash
    series.marker.symbol = "circle" if marker else "none"
    if marker:
        series.marker.size = 6
        series.marker.graphicalProperties = GraphicalProperties(solidFill=colour, ln=LineProperties(solidFill=colour))


def yield_line(sheet: Any, title: str, names: int, values: int, top: int, bottom: int) -> Any:
    """A line from 0 to 100 %, with gaps where there is no yield."""
    chart = LineChart()
    chart.add_data(Reference(sheet, min_col=values, min_row=top, max_row=bottom), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=names, min_row=top + 1, max_row=bottom))
    _line(chart.series[0], ACTION, marker=True)
    chart.legend = None
    chart.dispBlanksAs = "gap"
    _finish(chart, title)
    chart.y_axis.scaling.min, chart.y_axis.scaling.max, chart.y_axis.majorUnit = 0, 1, 0.2
    chart.y_axis.number_format = "0%"
    return chart


def put(sheet: Any, chart: Any, first: tuple[int, int], last: tuple[int, int]) -> None:
    """Puts the chart over the cells from `first` to `last`, both (row, column) from 1 and included.

    By cells and not by centimetres, since a column's width depends on the fonts of the computer.
    """
    chart.anchor = TwoCellAnchor(
        _from=AnchorMarker(row=first[0] - 1, col=first[1] - 1), to=AnchorMarker(row=last[0], col=last[1])
    )
    sheet.add_chart(chart)


def _fill(series: Any, colour: str) -> None:
    series.graphicalProperties.solidFill = colour
    series.graphicalProperties.line.noFill = True


def _finish(chart: Any, title: str) -> Any:
    chart.title = title
    heading = _font(1200, TEXT, bold=True)
    for paragraph in chart.title.tx.rich.p:
        paragraph.pPr = ParagraphProperties(defRPr=heading)
        for run in paragraph.r or ():
            run.rPr = heading
    chart.title.overlay = False
    chart.roundedCorners = False
    chart.graphical_properties = GraphicalProperties(ln=LineProperties(solidFill=LINE))
    for axis in (chart.x_axis, chart.y_axis):
        _axis(axis)
    chart.x_axis.majorTickMark = chart.y_axis.majorTickMark = "none"
    chart.y_axis.number_format = "#,##0"
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill=LINE))
    if chart.legend is not None:
        chart.layout = Layout(ManualLayout(xMode="edge", yMode="edge", x=0.06, y=0.15, w=0.91, h=0.64))
    return chart


def _axis(axis: Any) -> None:
    axis.delete = False  # left out, newer versions of Excel draw no axis
    axis.title = None
    axis.txPr = RichText(
        bodyPr=RichTextProperties(),
        p=[Paragraph(pPr=ParagraphProperties(defRPr=_font(900, QUIET)), endParaRPr=_font(900, QUIET))],
    )
    axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=LINE))


def _font(size: int, colour: str, bold: bool = False) -> CharacterProperties:
    return CharacterProperties(sz=size, b=bold, solidFill=colour)
