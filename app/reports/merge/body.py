"""Which rows below the headings are data, and which say something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from app.reports.merge import naming
from app.reports.merge.context import section_of
from app.reports.merge.dates import NOTHING, parse_text
from app.reports.merge.grid import Row, Value
from app.reports.merge.headings import repeats, says_total
from app.reports.merge.table import Note, Table
from app.reports.merge.verdicts import word_of

_RULE = re.compile(r"[-=_*~.·•–—#+|/\s]+")


def fill(table: Table, body: Sequence[Row], head: Sequence[Row]) -> None:
    names = {column.index: column.hint for column in table.columns}
    wanted = {column.index for column in table.columns}
    guess = {
        column.index: (naming.likely(column.hint) or (naming.Match("", 0, ""),))[0].field for column in table.columns
    }
    part = next((index for index, name in guess.items() if name == "part"), None)
    section: dict[str, Value] = {}
    before = head[-1].number if head else 0
    whole = len(wanted) >= max((len(row.cells) for row in body), default=0)
    if head and table.grid.text_only:
        body = _of_one_length(table, body, guess, max(row.width for row in head))
    for row in body:
        if not whole:
            row = Row(
                row.number,
                [value if column in wanted else None for column, value in enumerate(row.cells)],
                row.hidden,
                row.filled & wanted,
            )
        own = row.own()
        if not own:
            continue
        gap = row.number - before > 1
        before = row.number
        if _is_rule(own) or (head and repeats(row, names)):
            continue
        if _is_total(own, guess, part, row):
            table.aside.append((row, "a row of totals, no inspection"))
        elif not row.filled and _is_words(own, guess, part, gap, bool(head), len(wanted)):
            text = " | ".join(str(value) for _, value in own)
            table.notes.append(Note(row.number, text))
            section = section_of(own, section)
        else:
            table.rows.append(row)
            table.sections.append(section)


def _of_one_length(table: Table, body: Sequence[Row], guess: dict[int, str], width: int) -> list[Row]:
    """The rows of a CSV file, those with too many cells repaired or set aside.

    A decimal comma without quotation marks cuts a number in two and moves everything behind it: what can't be put
    together again must not be taken for what stands above it. Where most rows are longer, it is a heading that lacks.
    """
    long = [row for row in body if row.width > width]
    repaired = {row.number: fixed for row in long if (fixed := _put_together(row, width, guess)) is not None}
    unclear = sum(len(row.cells) > width and row.number not in repaired for row in long)
    if not long or unclear > 0.3 * len(body):
        return list(body)
    rows = []
    for row in body:
        if row.number in repaired:
            rows.append(repaired[row.number])
            table.notes.append(Note(row.number, "a number with a decimal comma was put together again"))
        elif len(row.cells) > width:
            table.aside.append((row, f"it has {len(row.cells)} cells below {width} headings"))
        else:
            rows.append(row)
    table.columns = [column for column in table.columns if column.index < width]
    return rows


def _put_together(row: Row, width: int, guess: dict[int, str]) -> Row | None:
    numbers = [column for column, name in guess.items() if name in {"measure", "limits"} and column < width]
    if row.width - width != 1 or len(numbers) != 1:
        return None
    at = numbers[0]
    whole, rest = row.value(at), row.value(at + 1)
    if not (isinstance(whole, str) and isinstance(rest, str)):
        return None
    if not (whole.lstrip("-").isdecimal() and rest[:1].isdecimal()):
        return None
    fixed = Row(row.number, [*row.cells[:at], f"{whole},{rest}", *row.cells[at + 2 :]], row.hidden, width=width)
    verdict = next((column for column, name in guess.items() if name == "verdict" and column > at), None)
    if verdict is not None and not (word_of(fixed.value(verdict)) and not word_of(row.value(verdict))):
        return None
    return fixed if verdict is not None or len(row.cells) > width else None


def _is_rule(own: Sequence[tuple[int, Value]]) -> bool:
    """A line drawn with signs."""
    return all(isinstance(value, str) and _RULE.fullmatch(value) and len(value) > 2 for _, value in own)


def _is_total(own: Sequence[tuple[int, Value]], guess: dict[int, str], part: int | None, row: Row) -> bool:
    first, begins = own[0]
    if isinstance(begins, str) and says_total(begins) and guess.get(first) in {"date", "time", "counter", "shift"}:
        return True
    filled = row.value(part) if part is not None and part not in row.filled else None
    if part is not None and filled is not None:
        return isinstance(filled, str) and says_total(filled)
    return any(
        isinstance(value, str) and guess.get(column) not in {"remark", "defect", "verdict"} and says_total(value)
        for column, value in own
    )


def _is_words(
    own: Sequence[tuple[int, Value]], guess: dict[int, str], part: int | None, gap: bool, headed: bool, width: int
) -> bool:
    """A heading of a section, a note, a signature: no row of data."""
    if len(own) == 1:
        column, value = own[0]
        if isinstance(value, date | datetime):
            return guess.get(column) != "date" or width > 3
        if not isinstance(value, str):
            return False
        if column == part and _code(value):
            return False
        # Under a heading of its own, a lone word is what is left of a row; in the first column it is a heading.
        if headed and not gap and column > min(guess) and len(value) <= 60:
            return False
        return headed or width > 1 or " " in value
    if len(own) <= 3 and isinstance(own[0][1], str):
        label = own[0][1].rstrip()
        if label.endswith((":", "：")):
            return True
        if gap and len(own) == 2 and all(isinstance(value, str) for _, value in own):
            return bool(naming.exact(label)) or len(label) > 30
    return False


def _code(text: str) -> bool:
    first = text.split()[0]
    if first != text and naming.exact(first):  # "Line 2", "Shift 3"
        return False
    return any(sign.isdecimal() for sign in text) and text.count(" ") < 2 and parse_text(text) is NOTHING
