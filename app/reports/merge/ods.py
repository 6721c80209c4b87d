"""Reading .ods (OpenDocument spreadsheets) as a stream of cells, with merged cells and hidden rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from app.reports.merge.grid import MAX_CELLS, Book, Fault, Grid, Row, SheetError, Value, clock, is_error, tidy
from app.reports.merge.package import Package, attribute

_SPAN = re.compile(r"(-)?P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d+))?S)?")
_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 16_384


def read_ods(path: Path) -> Book:
    """All sheets with cells, hidden ones too.

    Raises:
        SheetError: damaged, protected, or no spreadsheet.
    """
    with Package(path) as package:
        _check_open(package)
        reader = _Reader(path)
        package.parse("content.xml", reader.start, reader.end, reader.text)
    return Book(path, reader.grids)


def _check_open(package: Package) -> None:
    protected: list[str] = []
    if package.has("META-INF/manifest.xml"):
        package.parse(
            "META-INF/manifest.xml",
            lambda tag, attributes: protected.append(tag) if tag == "encryption-data" else None,
            lambda tag: None,
        )
    if protected:
        raise SheetError(f"{package.path} is protected by a password. Save a copy without one.")
    if not package.has("content.xml"):
        raise SheetError(f"{package.path} is no .ods spreadsheet. Save it as .xlsx, .ods or .csv.")


@dataclass
class _Reader:
    path: Path
    grids: list[Grid] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._hidden_styles: set[str] = set()
        self._style = ""
        self._grid: Grid | None = None
        self._merges: list[tuple[int, int, int, int]] = []
        self._depth = 0  # tables inside cells are not sheets
        self._number = 0
        self._repeat_row, self._row_hidden = 1, False
        self._cells: dict[int, Value] = {}
        self._column = 0
        self._cell: dict[str, str] = {}
        self._covered = False
        self._paragraphs: list[str] = []
        self._notes: list[str] = []
        self._in_note, self._in_cell = False, False
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "style":
            self._style = attribute(attributes, "name") or ""
        elif tag == "table-properties":
            if attribute(attributes, "display") == "false":
                self._hidden_styles.add(self._style)
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                hidden = (attribute(attributes, "style-name") or "") in self._hidden_styles
                self._grid = Grid(attribute(attributes, "name") or f"Sheet {len(self.grids) + 1}", [], hidden)
                self._merges, self._number = [], 0
        elif self._depth != 1:
            return
        elif tag == "table-row":
            self._repeat_row = _count(attribute(attributes, "number-rows-repeated"), _MAX_ROWS)
            self._row_hidden = attribute(attributes, "visibility") in {"collapse", "filter"}
            self._number += 1
            self._cells, self._column = {}, 0
        elif tag in {"table-cell", "covered-table-cell"}:
            self._cell = attributes
            self._covered = tag == "covered-table-cell"
            self._paragraphs, self._notes = [], []
            self._in_cell = True
        elif tag == "annotation":
            self._in_note = True
        elif tag == "p" and self._in_cell:
            (self._notes if self._in_note else self._paragraphs).append("")
        elif self._in_cell and tag in {"s", "tab", "line-break"}:
            spaces = (
                " " * _count(attribute(attributes, "c"), 1000) if tag == "s" else "\n" if tag == "line-break" else " "
            )
            self.text(spaces)

    def text(self, text: str) -> None:
        lines = self._notes if self._in_note else self._paragraphs
        if self._in_cell and self._depth == 1 and lines:
            lines[-1] += text

    def end(self, tag: str) -> None:
        if tag == "table":
            self._depth -= 1
            if self._depth == 0 and self._grid is not None:
                self._grid.merges = self._merges
                self.grids.append(self._grid)
                self._grid = None
        elif self._depth != 1:
            return
        elif tag in {"table-cell", "covered-table-cell"}:
            self._end_cell()
        elif tag == "annotation":
            self._in_note = False
        elif tag == "table-row":
            self._end_row()

    def _end_cell(self) -> None:
        self._in_cell = False
        repeat = _count(attribute(self._cell, "number-columns-repeated"), _MAX_COLUMNS)
        value = None if self._covered else self._value()
        if value is not None:
            for column in range(self._column, min(self._column + repeat, _MAX_COLUMNS)):
                self._cells[column] = value
        note = tidy("\n".join(line for line in self._notes if line))
        if note and self._grid is not None:
            self._grid.comments[self._number, self._column] = note
        down = _count(attribute(self._cell, "number-rows-spanned"), _MAX_ROWS)
        across = _count(attribute(self._cell, "number-columns-spanned"), _MAX_COLUMNS)
        if down > 1 or across > 1:
            self._merges.append((self._number, self._column, self._number + down - 1, self._column + across - 1))
        self._column += repeat

    def _end_row(self) -> None:
        if self._cells and self._grid is not None:
            last = max(self._cells)
            cells = [self._cells.get(column) for column in range(last + 1)]
            for offset in range(self._repeat_row):
                self._grid.rows.append(Row(self._number + offset, list(cells), self._row_hidden))
                self._count += len(self._cells)
                if self._count > MAX_CELLS:
                    raise SheetError(f"{self.path} has more than {MAX_CELLS:,} filled cells. Split it.")
        self._number += self._repeat_row - 1

    def _value(self) -> Value:
        kind = attribute(self._cell, "value-type")
        text = tidy("\n".join(self._paragraphs))
        formula = attribute(self._cell, "formula")
        if kind is None or kind == "string":
            if text is None and kind == "string":
                text = tidy(attribute(self._cell, "string-value") or "")
            if text is None:
                return Fault(formula.partition(":")[2] or formula, formula=True) if formula and kind is None else None
            return Fault(text) if formula and is_error(text) else text
        if formula and text and is_error(text):
            return Fault(text)
        if kind == "date":
            return _moment(attribute(self._cell, "date-value") or "") or text
        if kind == "time":
            return _span(attribute(self._cell, "time-value") or "") or text
        if kind == "boolean":
            return attribute(self._cell, "boolean-value") == "true"
        try:
            number = float(attribute(self._cell, "value") or "")
        except ValueError:
            return text
        return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _count(text: str | None, most: int) -> int:
    return min(max(int(text), 1), most) if text and text.isdecimal() else 1


def _moment(text: str) -> Value:
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
    if "T" not in text or moment.time() == time(0):
        return date(moment.year, moment.month, moment.day)
    return moment.replace(microsecond=0)


def _span(text: str) -> Value:
    found = _SPAN.fullmatch(text)
    if not found or found[1]:
        return None
    days, hours, minutes, seconds = (int(found[group] or 0) for group in (2, 3, 4, 5))
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return clock(span) if span < timedelta(days=1) else span
