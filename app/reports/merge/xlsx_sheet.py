"""The cells of one sheet of an .xlsx file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from app.reports.merge.grid import MAX_CELLS, Fault, Row, SheetError, Value, clock, tidy
from app.reports.merge.package import Package

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.IGNORECASE)
_TRUE = frozenset({"1", "true", "on"})

Merge = tuple[int, int, int, int]


def unescape(text: str) -> str:
    """Text without Excel's escapes for control characters ("_x000D_")."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def from_day_number(number: float, kind: str, epoch_1904: bool) -> Value:
    """A day number of Excel's as a date, a time of day, or both; the number itself where it is none."""
    if not 0 <= number < 2_958_466:
        return number
    if kind == "span" or (kind == "time" and number < 1):
        span = timedelta(seconds=round(number * 86400))
        return clock(span) if span < timedelta(days=1) else span
    if epoch_1904:
        start = datetime(1904, 1, 1)  # noqa: DTZ001 - spreadsheets know no zones
    else:  # 1900 counts as a leap year, as Lotus 1-2-3 had it
        start = datetime(1899, 12, 30) if number >= 60 else datetime(1899, 12, 31)  # noqa: DTZ001
    moment = start + timedelta(seconds=round(number * 86400))
    if kind == "date" and number < 1:
        return moment.time()
    return moment if moment.time() != time(0) else moment.date()


def read_sheet(
    package: Package, part: str, texts: Sequence[str | None], dates: Sequence[str], epoch_1904: bool
) -> tuple[list[Row], list[Merge]]:
    """The rows with content and the merged cells.

    Args:
        texts: the workbook's shared strings. dates: what numbers of each cell style are (see `_date_styles`).

    Raises:
        SheetError: damaged, or more cells than fit into memory.
    """
    rows: list[Row] = []
    merges: list[Merge] = []
    pieces: list[str] = []
    cells: dict[int, Value] = {}
    number, column, count = 0, -1, 0
    row_hidden, all_hidden = False, "0"
    kind, style = "n", ""
    formula: str | None = None
    wanted = has_value = phonetic = False
    styles = {str(index): name for index, name in enumerate(dates) if name}
    known_columns = _COLUMNS

    # Called for every cell of the sheet: local names instead of an object, the commonest tag first.
    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal number, column, row_hidden, all_hidden, kind, style, formula, wanted, has_value, phonetic, cells
        if tag == "c":
            place = attributes.get("r")
            found = known_columns.get(place.rstrip("0123456789")) if place else None
            if found is None:
                found = _column(place) if place else None
            column = column + 1 if found is None else found
            kind = attributes.get("t", "n")
            style = styles.get(attributes.get("s", ""), "")
            pieces.clear()
            formula, has_value = None, False
        elif tag == "v":
            wanted = has_value = True
        elif tag == "t":
            wanted = not phonetic
        elif tag == "row":
            row_number = attributes.get("r", "")
            number = int(row_number) if row_number.isdecimal() else number + 1
            row_hidden = attributes.get("hidden", all_hidden) in _TRUE
            cells, column = {}, -1
        elif tag == "f":
            formula, wanted = "", True
            pieces.clear()
        elif tag == "rPh":  # how it is pronounced, not what it says
            phonetic = True
        elif tag == "mergeCell":
            place_range = cell_range(attributes.get("ref", ""))
            if place_range:
                merges.append(place_range)
        elif tag == "sheetFormatPr":
            all_hidden = attributes.get("zeroHeight", "0")

    def end(tag: str) -> None:
        nonlocal wanted, formula, phonetic, count
        if tag == "c":
            if formula is not None and (not has_value or (kind == "n" and not pieces)):
                cells[column] = Fault(f"={formula}", formula=True)
            elif pieces and column < 16_384:
                value = _value("".join(pieces), kind, style, texts, epoch_1904)
                if value is not None:
                    cells[column] = value
        elif tag in {"v", "t"}:
            wanted = False
        elif tag == "row":
            if cells:
                rows.append(Row(number, [cells.get(index) for index in range(max(cells) + 1)], row_hidden))
                count += len(cells)
                if count > MAX_CELLS:
                    raise SheetError(f"{package.path} has more than {MAX_CELLS:,} filled cells. Split it.")
        elif tag == "f":
            formula, wanted = "".join(pieces), False
            pieces.clear()
        elif tag == "rPh":
            phonetic = False

    def text(part_text: str) -> None:
        if wanted:
            pieces.append(part_text)

    package.parse(part, start, end, text)
    if any(later.number <= earlier.number for earlier, later in pairwise(rows)):
        rows.sort(key=lambda row: row.number)
    return rows, merges


def _value(text: str, kind: str, style: str, texts: Sequence[str | None], epoch_1904: bool) -> Value:
    if kind == "s":
        index = int(text) if text.isdecimal() else -1
        return texts[index] if 0 <= index < len(texts) else None
    if kind in {"str", "inlineStr"}:
        return tidy(unescape(text))
    text = text.strip()
    if not text:
        return None
    if kind == "e":
        return Fault(text)
    if kind == "b":
        return text in _TRUE
    if kind == "d":
        return _iso(text)
    try:
        number = float(text)
    except ValueError:
        return tidy(text)
    if style:
        return from_day_number(number, style, epoch_1904)
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _iso(text: str) -> Value:
    parse: Callable[[str], Value]
    for parse in (
        date.fromisoformat,
        lambda text: datetime.fromisoformat(text).replace(tzinfo=None),
        time.fromisoformat,
    ):
        try:
            return parse(text.strip())
        except ValueError:
            continue
    return tidy(text)


_COLUMNS: dict[str, int] = {}


def _column(place: str) -> int | None:
    letters = place.rstrip("0123456789")
    known = _COLUMNS.get(letters)
    if known is None:
        if not re.fullmatch("[A-Za-z]{1,3}", letters):
            return None
        known = 0
        for letter in letters.upper():
            known = known * 26 + ord(letter) - 64
        known -= 1
        _COLUMNS[letters] = known
    return known


def cell_range(text: str) -> tuple[int, int, int, int] | None:
    """(first row, first column, last row, last column) of "B2:C7", rows from 1, columns from 0."""
    found = _CELL.findall(text.replace("$", ""))
    if not found:
        return None
    (letters, number), (last_letters, last_number) = found[0], found[-1]
    first, last = _column(letters), _column(last_letters)
    return None if first is None or last is None else (int(number), first, int(last_number), last)
