"""Rows of a table written as XML by hand: openpyxl's way takes four times as long, which 100,000 rows do not forgive.

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
_KEEPS_SPACE = re.compile(r"^\s|\s$|\n")

Cell = tuple[Any, int]
"""A value that XML can carry (text cleaned already), and the number of its style."""


class RowWriter:
    """Writes rows of a write-only sheet, in turn with those that are appended the usual way."""

    def __init__(self, sheet: Any, width: int) -> None:
        """`sheet` has not been written to yet, and gets at most `width` columns."""
        sheet._get_writer()
        self._sheet = sheet
        self._letters = [get_column_letter(number) for number in range(1, width + 1)]
        self._usual: Callable[..., None] = sheet._writer.write_row
        self._pending: str | None = None
        sheet._writer.write_row = self._write

    def add(self, number: int, cells: Sequence[Cell | None], height: float | None) -> None:
        """Row `number` (from 1, the next one), `height` in points."""
        tall = "" if height is None else f' customHeight="1" ht="{height:g}"'
        found = [f'<row r="{number}"{tall}>']
        for letter, cell in zip(self._letters, cells, strict=True):
            if cell is not None:
                found.append(_cell(f'<c r="{letter}{number}" s="{cell[1]}"', cell[0]))
        found.append("</row>")
        self._pending = "".join(found)
        self._sheet.append(())

    def _write(self, xf: Any, row: Any, number: int) -> None:
        text, self._pending = self._pending, None
        if text is None:
            self._usual(xf, row, number)
        else:
            xf._file(text)  # the start of what it stands in is written already


def _cell(start: str, value: Any) -> str:
    if value is None or value == "":
        return f"{start}/>"
    if isinstance(value, str):
        space = ' xml:space="preserve"' if _KEEPS_SPACE.search(value) else ""
        return f'{start} t="inlineStr"><is><t{space}>{escape(value[:_LONGEST])}</t></is></c>'
    if isinstance(value, datetime):
        value = (value - _EPOCH) / _DAY
    elif isinstance(value, timedelta):
        value /= _DAY
    return f'{start} t="n"><v>{value!r}</v></c>'
