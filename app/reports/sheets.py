"""How the workbook looks: colours, styles, and cells that stay what they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from app.domain.verdict import Verdict
from app.reports.rowxml import RowWriter, clean, text_cell, value_cell

Value = str | int | float | datetime | timedelta | None

TEXT, QUIET, LINE, GROUND, DARK = "1A2025", "56616B", "D3DAE1", "F3F5F7", "262B31"
COLOURS = {Verdict.PASS: "1B7F52", Verdict.FAIL: "C62F2C", Verdict.RETEST: "9A6200", Verdict.ERROR: "56616B"}
_TINTS = {Verdict.PASS: "E3F3EB", Verdict.FAIL: "FBE5E4", Verdict.RETEST: "FBF0DC", Verdict.ERROR: "E7EAED"}

_NUMBERS = {
    "Moment": "yyyy-mm-dd hh:mm:ss",
    "Date": "ddd yyyy-mm-dd",
    "Count": '#,##0;-#,##0;"\u2013"',  # a dash for none: what is there stands out
    "Score": "0.000",
    "Percent": "0.0%",
    "Time": "0.0",
    "Duration": "[h]:mm:ss",
    "Part": "0",
    "Part link": "0",
    "Amount": "General",
}
"""Styles of table cells by name, with their number format; "Text" and "Long text" besides."""


def new_workbook(title: str) -> Workbook:
    """An empty workbook that is written row by row, with the styles in it."""
    book = Workbook(write_only=True)
    book.properties.title = title
    book.properties.creator = "Linesight"
    for style in _styles():
        book.add_named_style(style)
    return book


def _styles() -> list[NamedStyle]:
    rule = Border(bottom=Side(style="thin", color=LINE))
    plain = {"vertical": "center", "horizontal": "left"}  # Excel indents only what is aligned

    def style(
        name: str, font: Font | None = None, fill: str = "", number: str = "General", **alignment: Any
    ) -> NamedStyle:
        return NamedStyle(
            name=name,
            font=font or Font(name="Calibri", size=10, color=TEXT),
            fill=PatternFill("solid", fgColor=fill) if fill else PatternFill(),
            border=Border() if name in _BARE else rule,
            alignment=Alignment(**(plain | alignment)),
            number_format=number,
        )

    def font(size: float, colour: str = TEXT, bold: bool = False) -> Font:
        return Font(name="Calibri", size=size, color=colour, bold=bold)

    found = [
        style("Title", font(20, "FFFFFF", True), DARK),
        style("Subtitle", font(11, "D3DAE1"), DARK),
        style("Headline", font(12), wrap_text=True),
        style("Section", font(13, TEXT, True)),
        style("Note", font(9, QUIET), wrap_text=True, vertical="top"),
        style("Remark", font(10, QUIET), indent=1),
        style("Head", font(10, "FFFFFF", True), DARK, wrap_text=True, indent=1),
        style("Head number", font(10, "FFFFFF", True), DARK, wrap_text=True, horizontal="right"),
        style("Text", indent=1),
        style("Long text", wrap_text=True, indent=1),
        style("Total", font(10, TEXT, True), GROUND, indent=1),
        style("Total Count", font(10, TEXT, True), GROUND, "#,##0", horizontal="right"),
        style("Total Percent", font(10, TEXT, True), GROUND, _NUMBERS["Percent"], horizontal="right"),
        style("Tile", font(24, TEXT, True), GROUND, "#,##0", horizontal="center"),
        style("Tile percent", font(24, TEXT, True), GROUND, _NUMBERS["Percent"], horizontal="center"),
        style("Tile name", font(10, QUIET, True), GROUND, horizontal="center"),
    ]
    for name, number in _NUMBERS.items():
        left = name in {"Moment", "Date", "Part", "Part link"}
        pen = font(10, "1A5FD0") if name == "Part link" else None
        found.append(style(name, pen, number=number, horizontal="left" if left else "right", indent=int(left)))
    for verdict, colour in COLOURS.items():
        found.append(style(verdict.value, font(10, colour, True), _TINTS[verdict], horizontal="center"))
        found.append(style(f"Tile {verdict}", font(24, "FFFFFF", True), colour, "#,##0", horizontal="center"))
        found.append(style(f"Tile name {verdict}", font(10, "FFFFFF", True), colour, horizontal="center"))
    return found


_BARE = (
    {"Title", "Subtitle", "Headline", "Section", "Note", "Remark"}
    | {f"{kind}{verdict}" for kind in ("Tile ", "Tile name ") for verdict in Verdict}
    | {"Tile", "Tile percent", "Tile name"}
)


class Pen:
    """Makes styled cells of one sheet."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._styles: dict[str, Any] = {}
        self._numbers: dict[tuple[str, bool], int] = {}

    def number(self, style: str, *, quoted: bool = False) -> int:
        """The number of a style in this workbook; `quoted`: text that would be a formula if a person edited it."""
        known = self._numbers.get((style, quoted))
        if known is None:
            made = WriteOnlyCell(self._sheet)
            made.style = style
            if quoted:
                made.quotePrefix = True
            known = self._numbers[style, quoted] = int(made.style_id)
        return known

    def cell(self, value: Value, style: str) -> Any:
        """A cell. Text stays text: "=1+1" is shown as it is and never computed."""
        made = WriteOnlyCell(self._sheet)
        known = self._styles.get(style)
        if known is None:
            made.style = style
            self._styles[style] = made._style
        else:  # looking a style up by its name takes longer than writing the cell
            made._style = known
        if not isinstance(value, str):
            made.value = value
            return made
        made.value = clean(value)
        made.data_type = "s"  # otherwise "=..." is a formula and "#N/A" an error value
        if value.startswith(_STARTS_A_FORMULA):
            made._style = copy(made._style)
            made.quotePrefix = True  # so that it stays text when a person edits the cell
        return made


_STARTS_A_FORMULA = tuple("=+-@\t\r")


def part_number(part_id: str) -> str | int:
    """Whole numbers as numbers, so that they sort; anything else ("0012") as the text it is."""
    return int(part_id) if _WHOLE.fullmatch(part_id) else part_id


_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}")


T = TypeVar("T")

_TOGETHER = 200
"""Rows that are written at once."""

_NUMBERS_ALONE = {int, float}
_NONE = type(None)

_TEXTS_KNOWN = 2000
"""Texts of a column whose cells are kept ready."""


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a table: its head, width in characters, style, how a row's value is found, and
    whether it goes on paper (the columns that do come first)."""

    title: str
    width: float
    style: str
    value: Callable[[T], Value]
    printed: bool = True


class Table(Generic[T]):
    """A sheet that is one table: head frozen, filtered and repeated on paper."""

    def __init__(
        self, book: Workbook, title: str, columns: Sequence[Column[T]], footer: str, at: int | None = None
    ) -> None:
        self.sheet = book.create_sheet(title, at)
        self.rows = 1
        self._columns = columns
        prepare(self.sheet, [column.width for column in columns], footer)
        self.sheet.freeze_panes = "A2"
        self.sheet.print_title_rows = "1:1"
        self.sheet.row_dimensions[1].height = 30
        self._pen = Pen(self.sheet)
        self._rows = RowWriter(self.sheet, len(columns))
        self._known: dict[str, dict[Value, str]] = {column.title: {} for column in columns}
        self._waiting: list[T] = []
        self._heights: list[float | None] = []
        self.sheet.append([self._pen.cell(column.title, _head(column.style)) for column in columns])

    def add(self, item: T, height: float | None = None) -> int:
        """Appends one row, `height` in points; returns its number."""
        self._waiting.append(item)
        self._heights.append(height)
        self.rows += 1
        if len(self._waiting) == _TOGETHER:
            self._flush()
        return self.rows

    def _flush(self) -> None:
        """Writes the rows that wait: column by column takes half as long as row by row."""
        if self._waiting:
            cells = [self._cells([column.value(item) for item in self._waiting], column) for column in self._columns]
            self._rows.add(self.rows + 1 - len(self._waiting), cells, self._heights)
            self._waiting, self._heights = [], []

    def _cells(self, values: list[Value], column: Column[T]) -> list[str]:
        kinds = set(map(type, values))
        if str in kinds or _NONE in kinds:
            known = self._known[column.title]  # the same few texts stand in most rows
            if len(known) > _TEXTS_KNOWN:
                known.clear()
            for value in {*values} - known.keys():
                known[value] = self._cell(value, column)
            return [known[value] for value in values]
        number = self._pen.number(column.style)
        if kinds <= _NUMBERS_ALONE:
            begun = f' s="{number}" t="n"><v>'
            return [f"{begun}{value!r}</v></c>" for value in values]
        return [value_cell(value, number) for value in values]

    def link(self, row: int, column: int, *, file: str = "", place: str = "", tip: str = "") -> None:
        """Makes a cell (both numbers from 1) open `file`, or go to `place` in this workbook ("'Sheet'!A5")."""
        ref = f"{get_column_letter(column)}{row}"
        self.sheet._hyperlinks.append(
            Hyperlink(ref=ref, target=file or None, location=place or None, tooltip=tip or None)
        )

    def _cell(self, value: Value, column: Column[T]) -> str:
        if not value and isinstance(value, str | None):
            # None at all where it is not printed: every one costs time and room.
            return value_cell(None, self._pen.number(column.style)) if column.printed else ""
        if not isinstance(value, str):
            return value_cell(value, self._pen.number(column.style))
        style = value if column.style == "Verdict" else column.style
        return text_cell(value, self._pen.number(style, quoted=value.startswith(_STARTS_A_FORMULA)))

    def close(self, note: str = "") -> None:
        """Sets the filter over what was added, and a line of text below it."""
        self._flush()
        self.sheet.auto_filter.ref = f"A1:{get_column_letter(len(self._columns))}{self.rows}"
        printed = sum(column.printed for column in self._columns)
        self.sheet.print_area = f"A1:{get_column_letter(printed)}{self.rows + (2 if note else 0)}"
        if note:
            self.sheet.append([])
            self.sheet.append([self._pen.cell(note, "Remark")])


def _head(style: str) -> str:
    return "Head number" if style in {"Count", "Score", "Percent", "Time", "Duration", "Amount"} else "Head"


def prepare(sheet: Any, widths: Sequence[float], footer: str, *, pages_high: int = 0) -> None:
    """Column widths, and the print set-up: landscape, as wide as the page, numbered; `pages_high` 0 for
    as many pages as it takes."""
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = Worksheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = pages_high
    sheet.print_options.horizontalCentered = True
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top, sheet.page_margins.bottom, sheet.page_margins.footer = 0.5, 0.75, 0.35
    sheet.oddFooter.left.text = clean(footer).replace("&", "&&")
    sheet.oddFooter.right.text = "Page &P of &N"


@dataclass
class Canvas:
    """A sheet that is laid out freely: cells are put anywhere, then written from top to bottom."""

    cells: dict[tuple[int, int], tuple[Value, str]] = field(default_factory=dict)
    merged: list[tuple[int, int, int]] = field(default_factory=list)
    heights: dict[int, float] = field(default_factory=dict)

    def put(self, row: int, column: int, value: Value, style: str, span: int = 1) -> None:
        """A value at (row, column), both from 1, over `span` columns of that row."""
        for offset in range(span):
            self.cells[row, column + offset] = (value if offset == 0 else None, style)
        if span > 1:
            self.merged.append((row, column, column + span - 1))

    def write(self, sheet: Any) -> None:
        last = max((row for row, _ in self.cells), default=0)
        width = max((column for _, column in self.cells), default=0)
        for row, height in self.heights.items():
            sheet.row_dimensions[row].height = height
        pen = Pen(sheet)
        for row in range(1, last + 1):
            found = [self.cells.get((row, column)) for column in range(1, width + 1)]
            sheet.append([None if item is None else pen.cell(*item) for item in found])
        for row, first, end in self.merged:
            sheet.merged_cells.add(f"{get_column_letter(first)}{row}:{get_column_letter(end)}{row}")
