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
_DAY = 86_400
_LONGEST = 32_767  # characters of a cell in Excel
_KEEPS_SPACE = re.compile(r"^\s|\s$|\n")


class RowWriter:
    """Writes rows of a write-only sheet, in turn with those that are appended the usual way."""

    def __init__(self, sheet: Any, width: int) -> None:
        """`sheet` has not been written to yet, and gets at most `width` columns."""
        sheet._get_writer()
        self._sheet = sheet
        self._starts = [f'<c r="{get_column_letter(number)}' for number in range(1, width + 1)]
        self._usual: Callable[..., None] = sheet._writer.write_row
        self._pending: str | None = None
        sheet._writer.write_row = self._write

    def add(self, number: int, cells: Sequence[str], height: float | None) -> None:
        """Row `number` (from 1, the next one), `height` in points; `cells` from `text_cell` and `value_cell`, "" for
        none."""
        tall = "" if height is None else f' customHeight="1" ht="{height:g}"'
        place = f'{number}"'
        found = "".join([f"{start}{place}{cell}" for start, cell in zip(self._starts, cells, strict=True) if cell])
        self._pending = f'<row r="{number}"{tall}>{found}</row>'
        self._sheet.append(())

    def _write(self, xf: Any, row: Any, number: int) -> None:
        text, self._pending = self._pending, None
        if text is None:
            self._usual(xf, row, number)
        else:
            xf._file(text)  # the start of what it stands in is written already


def text_cell(text: str, style: int) -> str:
    """A cell of text that XML can carry, from behind its place on."""
    if not text:
        return f' s="{style}"/>'
    space = ' xml:space="preserve"' if _KEEPS_SPACE.search(text) else ""
    return f' s="{style}" t="inlineStr"><is><t{space}>{escape(text[:_LONGEST])}</t></is></c>'


def value_cell(value: Any, style: int) -> str:
    """A cell of a number, a moment without a zone, a duration or nothing."""
    if value is None:
        return f' s="{style}"/>'
    if isinstance(value, datetime):
        passed = value - _EPOCH
        value = passed.days + (passed.seconds + passed.microseconds / 1e6) / _DAY
    elif isinstance(value, timedelta):
        value = value.total_seconds() / _DAY
    return f' s="{style}" t="n"><v>{value!r}</v></c>'
