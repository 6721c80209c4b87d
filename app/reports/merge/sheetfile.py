"""Writing large tables as .xlsx, a column at a time.

openpyxl makes an object of every cell: for a hundred thousand rows it takes minutes. Here polars builds the XML of a
whole column at once.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from app.reports.merge.grid import Fault, Value, column_letter
from app.reports.sheets import COLOURS, DARK, LINE, TEXT, clean

SHEET_ROWS = 1_000_000
"""Rows of one sheet; a longer table goes on in another (Excel ends at 1,048,576)."""
MAX_TEXT = 32_767
"""Signs of one cell, by Excel's limit."""

_SLICE = 20_000
_STYLES = ("text", "head", "date", "time", "moment", "number", "quoted", "span", "PASS", "FAIL", "RETEST", "REWORK")
_FORMULA = r"^[=+\-@\t\r]"
_STRANGE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\u{fffe}\u{ffff}]|_x[0-9A-Fa-f]{4}_"
_DAY_0 = date(1899, 12, 30)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to write: columns of one type each, as polars series, or of any values, as lists."""

    title: str
    columns: Sequence[tuple[str, pl.Series | list[Value]]]
    rows: int


class Workbook:
    """An .xlsx file that is written sheet by sheet."""

    def __init__(self, path: Path, title: str) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._title = title
        self._titles: list[str] = []

    def __enter__(self) -> Workbook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._zip.close()

    def write(self, sheet: Sheet, step: Callable[[float], None]) -> None:
        """Adds a table; `step` is told how much of it is written (0..1), and what it raises ends the work."""
        for number, start in enumerate(range(0, max(sheet.rows, 1), SHEET_ROWS), 1):
            title = sheet.title if number == 1 else f"{sheet.title} {number}"
            self._titles.append(title)
            end = min(start + SHEET_ROWS, sheet.rows)
            name = f"xl/worksheets/sheet{len(self._titles)}.xml"
            with self._zip.open(name, "w", force_zip64=True) as stream:
                stream.write(_beginning(sheet, start, end).encode())
                for first in range(start, end, _SLICE):
                    step(first / max(sheet.rows, 1))
                    last = min(first + _SLICE, end)
                    stream.write(_rows(sheet, first, last, 2 + first - start).encode("utf-8", "replace"))
                reference = f"A1:{column_letter(max(len(sheet.columns) - 1, 0))}{end - start + 1}"
                stream.write(f'</sheetData><autoFilter ref="{reference}"/></worksheet>'.encode())

    def _finish(self) -> None:
        sheets = "".join(
            f'<sheet name={quoteattr(title)} sheetId="{number}" r:id="rId{number}"/>'
            for number, title in enumerate(self._titles, 1)
        )
        names = range(1, len(self._titles) + 1)
        self._part(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><bookViews><workbookView/></bookViews>'
            f"<sheets>{sheets}</sheets></workbook>",
        )
        relations = "".join(
            f'<Relationship Id="rId{number}" Type="{_REL}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            for number in names
        )
        self._part(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}<Relationship Id="rId{len(names) + 1}" '
            f'Type="{_REL}/styles" Target="styles.xml"/></Relationships>',
        )
        self._part("xl/styles.xml", _styles())
        self._part(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_REL}/officeDocument" '
            f'Target="xl/workbook.xml"/><Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" '
            f'Target="docProps/core.xml"/></Relationships>',
        )
        self._part(
            "docProps/core.xml",
            f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(self._title)}</dc:title>'
            "<dc:creator>Linesight</dc:creator></cp:coreProperties>",
        )
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_OFFICE}.worksheet+xml"/>'
            for number in names
        )
        self._part(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
            'ContentType="application/xml"/><Override PartName="/docProps/core.xml" '
            'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/><Override '
            f'PartName="/xl/workbook.xml" ContentType="{_OFFICE}.sheet.main+xml"/><Override '
            f'PartName="/xl/styles.xml" ContentType="{_OFFICE}.styles+xml"/>{overrides}</Types>',
        )

    def _part(self, name: str, xml: str) -> None:
        self._zip.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{xml}')


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _styles() -> str:
    colours = [TEXT, "FFFFFF", *(COLOURS[verdict] for verdict in COLOURS if str(verdict) in {"PASS", "FAIL", "RETEST"})]
    fonts = "".join(
        f'<font>{"<b/>" if number else ""}<sz val="10"/><color rgb="FF{colour}"/><name val="Calibri"/></font>'
        for number, colour in enumerate(colours)
    )
    formats = {"date": "yyyy-mm-dd", "time": "hh:mm:ss", "moment": "yyyy-mm-dd hh:mm:ss", "span": "[h]:mm:ss"}
    codes = {name: 164 + number for number, name in enumerate(formats)}
    font = {"head": 1, "PASS": 2, "FAIL": 3, "RETEST": 4, "REWORK": 4}
    xfs = "".join(
        f'<xf numFmtId="{codes.get(name, 0)}" fontId="{font.get(name, 0)}" fillId="{2 if name == "head" else 0}" '
        f'borderId="{0 if name == "head" else 1}" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" '
        f'applyBorder="1"{" quotePrefix=" + chr(34) + "1" + chr(34) if name == "quoted" else ""}/>'
        for name in _STYLES
    )
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="{len(formats)}">'
        + "".join(f'<numFmt numFmtId="{codes[name]}" formatCode="{code}"/>' for name, code in formats.items())
        + f'</numFmts><fonts count="{len(colours)}">{fonts}</fonts><fills count="3"><fill><patternFill patternType="none"/>'
        '</fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid">'
        f'<fgColor rgb="FF{DARK}"/></patternFill></fill></fills><borders count="2"><border><left/><right/><top/><bottom/>'
        f'<diagonal/></border><border><left/><right/><top/><bottom style="thin"><color rgb="FF{LINE}"/></bottom><diagonal/>'
        '</border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(_STYLES)}">{xfs}</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" '
        'builtinId="0"/></cellStyles></styleSheet>'
    )


def _style(name: str) -> int:
    return _STYLES.index(name)


def _beginning(sheet: Sheet, start: int, end: int) -> str:
    widths = "".join(
        f'<col min="{number}" max="{number}" width="{_width(title, values, start, end)}" customWidth="1"/>'
        for number, (title, values) in enumerate(sheet.columns, 1)
    )
    heads = "".join(
        _text(f"{column_letter(index)}1", title, _style("head")) for index, (title, _) in enumerate(sheet.columns)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{_MAIN}"><sheetViews><sheetView '
        'showGridLines="0" workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f'</sheetView></sheetViews><cols>{widths}</cols><sheetData><row r="1">{heads}</row>'
    )


def _width(title: str, values: pl.Series | list[Value], start: int, end: int) -> int:
    first = values[start : min(end, start + 200)]
    longest = max((len(str(value)) for value in first if value is not None), default=0)
    return min(max(longest, len(title), 6) + 3, 60)


def _text(place: str, text: str, style: int) -> str:
    shown = escape(clean(text[:MAX_TEXT]))
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'


def _rows(sheet: Sheet, first: int, last: int, number: int) -> str:
    count = last - first
    numbers = pl.int_range(number, number + count, eager=True).cast(pl.String)
    cells = []
    for index, (_, values) in enumerate(sheet.columns):
        letter = column_letter(index)
        part = values[first:last]
        if isinstance(part, pl.Series):
            cells.append(_series_cells(part, letter, numbers).alias(str(index)))
        else:
            made = [_any_cell(value, f"{letter}{number + at}") for at, value in enumerate(part)]
            cells.append(pl.Series(str(index), made, dtype=pl.String))
    frame = pl.DataFrame([numbers.alias("n"), *cells])
    rows = frame.select(
        pl.concat_str(pl.lit('<row r="'), pl.col("n"), pl.lit('">'), pl.exclude("n"), pl.lit("</row>"))
    ).to_series()
    return "".join(rows.to_list())


def _series_cells(values: pl.Series, letter: str, numbers: pl.Series) -> pl.Series:
    frame = pl.DataFrame([values.alias("v"), numbers.alias("n")])
    value = pl.col("v")
    place = pl.concat_str(pl.lit(f'<c r="{letter}'), pl.col("n"), pl.lit('" s="'))
    if values.dtype == pl.String:
        strange = values.str.contains(_STRANGE).fill_null(False)
        if strange.any() or (values.str.len_chars().max() or 0) > MAX_TEXT:  # type: ignore[operator]
            frame = frame.with_columns(
                pl.Series("v", [None if each is None else clean(each[:MAX_TEXT]) for each in values])
            )
        verdicts = {name: str(_style(name)) for name in ("PASS", "FAIL", "RETEST", "REWORK")}
        style = pl.when(value.str.contains(_FORMULA)).then(pl.lit(str(_style("quoted"))))
        plain = value.replace_strict(verdicts, default=str(_style("text")), return_dtype=pl.String)
        escaped = (
            value.str.replace_all("&", "&amp;", literal=True)
            .str.replace_all("<", "&lt;", literal=True)
            .str.replace_all(">", "&gt;", literal=True)
        )
        cell = pl.concat_str(
            place,
            style.otherwise(plain),
            pl.lit('" t="inlineStr"><is><t xml:space="preserve">'),
            escaped,
            pl.lit("</t></is></c>"),
        )
    else:
        if values.dtype == pl.Date:
            kind, number = "date", (value - pl.lit(_DAY_0)).dt.total_days().cast(pl.String)
        elif values.dtype == pl.Time:
            kind, number = "time", (value.cast(pl.Int64) / 86_400e9).cast(pl.String)
        elif values.dtype.is_float():
            kind = "number"
            number = (
                pl.when(value.is_finite() & (value == value.round()) & (value.abs() < 1e15))
                .then(value.cast(pl.Int64, strict=False).cast(pl.String))
                .otherwise(pl.when(value.is_finite()).then(value.cast(pl.String)))
            )
        else:
            kind, number = "number", value.cast(pl.String)
        cell = pl.concat_str(place, pl.lit(f'{_style(kind)}"><v>'), number, pl.lit("</v></c>"))
    return frame.select(cell.fill_null("")).to_series()


def _any_cell(value: Value, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Fault):
        value = str(value)
    if isinstance(value, str):
        return _text(place, value, _style("quoted" if re.match(_FORMULA, value) else "text"))
    if isinstance(value, bool):
        return f'<c r="{place}" s="{_style("text")}" t="b"><v>{int(value)}</v></c>'
    kind, number = _number(value)
    if number is None:
        return _text(place, str(value), _style("text"))
    return f'<c r="{place}" s="{_style(kind)}"><v>{number!r}</v></c>'


def _number(value: Any) -> tuple[str, float | None]:
    if isinstance(value, datetime):
        return "moment", (value.replace(tzinfo=None) - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001
    if isinstance(value, date):
        days = (value - _DAY_0).days
        return "date", days if days >= 61 else None
    if isinstance(value, time):
        return "time", (value.hour * 3600 + value.minute * 60 + value.second) / 86400
    if isinstance(value, timedelta):
        return "span", value / timedelta(days=1)
    finite = value == value and abs(value) != float("inf")
    return "number", value if finite else None
