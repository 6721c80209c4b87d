"""Rows of a table written as XML by hand: openpyxl's way takes six times as long, which 100,000 rows do not forgive.

openpyxl still writes everything else of the sheet (views, columns, filter, pictures) and knows the styles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - what Excel counts days from, on the station's wall clock
_DAY = timedelta(days=1)
_LONGEST = 32_767  # characters of a cell in Excel
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_ODD = re.compile("[\x00-\x1f&<>\ud800-\udfff\ufffe\uffff]|_x|^\\s|\\s$")
"""What most texts have nothing of: then they stand as they are."""

_KEEPS_SPACE = re.compile(r"^\s|\s$|\n")


class RowWriter:
    """Writes rows of a write-only sheet, in turn with those that are appended the usual way."""

    def __init__(self, sheet: Any, width: int) -> None:
        """`sheet` has not been written to yet, and gets at most `width` columns."""
        sheet._get_writer()
        self._sheet = sheet
        self._starts = [f'<c r="{get_column_letter(number)}' for number in range(1, width + 1)]
        self._usual: Callable[..., None] = sheet._writer.write_row
        self._waiting = ""
        self._rows = self._ahead = 0  # that wait; that openpyxl does not know of
        sheet._writer.write_row = self._write

    def add(self, first: int, columns: Sequence[Sequence[str]], heights: Sequence[float | None]) -> None:
        """Rows from number `first` (from 1, the next one) on, of `heights` in points; `columns` hold each row's cell
        from `text_cell` and `value_cell`, "" for none."""
        numbers = range(first, first + len(heights))
        shown = [
            [f'{start}{number}"{cell}' if cell else "" for number, cell in zip(numbers, cells, strict=True)]
            for start, cells in zip(self._starts, columns, strict=True)
        ]
        begun = [
            f'<row r="{number}">' if height is None else f'<row r="{number}" customHeight="1" ht="{height:g}">'
            for number, height in zip(numbers, heights, strict=True)
        ]
        self._waiting = "".join(["".join(row) + "</row>" for row in zip(begun, *shown, strict=True)])
        self._rows = len(heights)
        self._sheet.append(())

    def _write(self, xf: Any, row: Any, number: int) -> None:
        if self._rows:
            xf._file(self._waiting)  # the start of what it stands in is written already
            self._ahead += self._rows - 1  # openpyxl has counted one row
            self._waiting, self._rows = "", 0
        else:
            self._usual(xf, map(self._moved, row), number + self._ahead)

    def _moved(self, cell: Any) -> Any:
        cell.row += self._ahead
        return cell


def text_cell(text: str, style: int) -> str:
    """A cell of text, from behind its place on."""
    if not text:
        return f' s="{style}"/>'
    if _ODD.search(text) or len(text) > _LONGEST:
        space = ' xml:space="preserve"' if _KEEPS_SPACE.search(text) else ""
        return f' s="{style}" t="inlineStr"><is><t{space}>{escape(clean(text)[:_LONGEST])}</t></is></c>'
    return f' s="{style}" t="inlineStr"><is><t>{text}</t></is></c>'


def value_cell(value: Any, style: int) -> str:
    """A cell of a number, a moment without a zone, a duration or nothing."""
    if value is None:
        return f' s="{style}"/>'
    if isinstance(value, datetime):
        value -= _EPOCH
    if isinstance(value, timedelta):
        value /= _DAY
    return f' s="{style}" t="n"><v>{value!r}</v></c>'


def clean(text: str) -> str:
    """As XML can carry it: control characters become their visible pictures, other characters that
    are none become the replacement character; what Excel would take for its own escapes is escaped."""
    text = _FORBIDDEN.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] < " " else "\ufffd", text)
    return _ESCAPE.sub("_x005F_", text)
