"""A sheet as it was typed, before anybody knows what it means."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from app.domain.errors import LinesightError


class SheetError(LinesightError):
    """A spreadsheet that can't be read; the message names it and the way out."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell without a usable value: an error ("#REF!"), or a formula nobody has computed ("=A1+B1")."""

    text: str
    formula: bool = False

    def __str__(self) -> str:
        return self.text


Value = str | int | float | bool | datetime | date | time | timedelta | Fault | None


@dataclass(slots=True)
class Row:
    """Args:
    number: from 1, as a spreadsheet program shows it.
    cells: from column A on; trailing empty ones are left out.
    filled: columns whose value stands in a merged cell that begins above.
    width: cells of a CSV record, the empty ones at its end included.
    """

    number: int
    cells: list[Value]
    hidden: bool = False
    filled: frozenset[int] = frozenset()
    width: int = 0

    def value(self, column: int) -> Value:
        return self.cells[column] if column < len(self.cells) else None

    def own(self) -> list[tuple[int, Value]]:
        """(column, value) of what was typed into this row itself."""
        return [
            (column, value)
            for column, value in enumerate(self.cells)
            if value is not None and column not in self.filled
        ]


@dataclass(slots=True)
class Grid:
    """One sheet: its rows with content, in order.

    Attributes:
        merges: (first row, first column, last row, last column), rows from 1, columns from 0.
        comments: {(row, column): text}, counted like merges.
        epoch_1904: bare day numbers count from 1904, as old Macs did.
        text_only: numbers and dates are text here (CSV).
        delimiter: of a CSV file.
    """

    name: str
    rows: list[Row]
    hidden: bool = False
    merges: Sequence[tuple[int, int, int, int]] = ()
    comments: dict[tuple[int, int], str] = field(default_factory=dict)
    epoch_1904: bool = False
    text_only: bool = False
    delimiter: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Book:
    path: Path
    grids: list[Grid]
    notes: list[str] = field(default_factory=list)


MAX_CELLS = 20_000_000
"""Filled cells of one file; more would not fit into memory, and no inspector fills them by hand."""

_SPACES = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2007": " ", "\u200b": None, "\u200e": None, "\u200f": None, "\ufeff": None}
)


_ERROR = re.compile(
    r"#(?:REF|BEZUG|¡REF|RIF|REF|VALUE|WERT|VALEUR|¡VALOR|VALORE|DIV/0|¡DIV/0|NAME|NOM|¿NOMBRE|NOME|NUM|ZAHL|NOMBRE|NULL|NUL"
    r"|SPILL|CALC)[!?]|#(?:N/A|NV|N/D)|Err:\d{3}"
)


def is_error(text: str) -> bool:
    """Whether a text is what a spreadsheet program shows for an error, in one language or another."""
    return text[:1] in "#E" and _ERROR.fullmatch(text) is not None


def tidy(text: str) -> str | None:
    """Text without the spaces around it that nobody sees; None where nothing is left."""
    if not text.isascii():
        text = text.translate(_SPACES)
    return text.strip() or None


def clock(span: timedelta) -> time:
    """The time of day so long after midnight."""
    seconds = int(span.total_seconds())
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60)


def column_letter(column: int) -> str:
    """ "A" for 0, as a spreadsheet program names it."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def spread_merges(grid: Grid) -> None:
    """Writes the value of every merged cell into each row it covers, in its first column.

    Only rows that hold something of their own are looked at: a cell merged down to the sheet's end costs nothing.
    """
    by_number = {row.number: row for row in grid.rows}
    numbers = [row.number for row in grid.rows]
    for first, column, last, _ in grid.merges:
        if first == last or first not in by_number:
            continue
        value = by_number[first].value(column)
        if value is None:
            continue
        for number in _between(numbers, first + 1, last):
            row = by_number[number]
            if row.value(column) is None:
                row.cells.extend([None] * (column + 1 - len(row.cells)))
                row.cells[column] = value
                row.filled |= {column}


def _between(numbers: Sequence[int], first: int, last: int) -> Sequence[int]:
    return numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]
