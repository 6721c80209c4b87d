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
from xml.sax.saxutils import escape

import polars as pl

from app.domain.errors import LinesightError
from app.reports.merge.grid import Fault, Value, column_letter
from app.reports.merge.sheetparts import DECLARATION, MAIN, STYLES, frame_parts
from app.reports.rowxml import clean

SHEET_ROWS = 1_000_000
"""Rows of one sheet; a longer table goes on in another (Excel ends at 1,048,576)."""
MAX_TEXT = 32_767
"""Signs of one cell, by Excel's limit."""

_COLUMNS = 16_384
_SLICE = 20_000
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
        if len(sheet.columns) > _COLUMNS:
            raise LinesightError(
                f"The sheet {sheet.title} would have {len(sheet.columns):,} columns, and Excel knows {_COLUMNS:,}. "
                "Merge fewer files at once, or map more of their columns."
            )
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
                stream.write(f'</sheetData><autoFilter ref="{_reference(sheet, start, end)}"/></worksheet>'.encode())

    def _finish(self) -> None:
        for name, xml in frame_parts(self._title, self._titles).items():
            self._zip.writestr(name, f"{DECLARATION}{xml}")


def _style(name: str) -> int:
    return STYLES.index(name)


def _beginning(sheet: Sheet, start: int, end: int) -> str:
    widths = "".join(
        f'<col min="{number}" max="{number}" width="{_width(title, values, start, end)}" customWidth="1"/>'
        for number, (title, values) in enumerate(sheet.columns, 1)
    )
    heads = "".join(
        _text(f"{column_letter(index)}1", title, _style("head")) for index, (title, _) in enumerate(sheet.columns)
    )
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}"><dimension ref="{_reference(sheet, start, end)}"/>'
        '<sheetViews><sheetView showGridLines="0" workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f'</sheetView></sheetViews><cols>{widths}</cols><sheetData><row r="1">{heads}</row>'
    )


def _reference(sheet: Sheet, start: int, end: int) -> str:
    return f"A1:{column_letter(max(len(sheet.columns) - 1, 0))}{end - start + 1}"


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
