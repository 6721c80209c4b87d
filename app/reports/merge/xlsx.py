"""Reading .xlsx as a stream of cells.

openpyxl and calamine are not used here: neither tells a formula that was never computed from an empty cell,
the one keeps every cell as an object, the other drops error cells, merged ranges and hidden rows.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from app.reports.merge.grid import MAX_CELLS, Book, Fault, Grid, Row, SheetError, Value, clock, tidy
from app.reports.merge.package import Package

_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_NOT_LETTERS = re.compile(r'"[^"]*"|\[(?![hms]+\])[^\]]*\]|\\.|_.|\*.', re.IGNORECASE)
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.IGNORECASE)


def read_xlsx(path: Path) -> Book:
    """All sheets with cells, hidden ones too.

    Raises:
        SheetError: damaged, protected, or no workbook.
    """
    with Package(path) as package:
        workbook = _main_part(package)
        relations = _relations(package, workbook)
        sheets, epoch_1904 = _sheets(package, workbook)
        texts = _shared_strings(package, relations)
        dates = _date_styles(package, relations)
        grids = []
        for name, relation, hidden in sheets:
            kind, part = relations.get(relation, ("", ""))
            if kind == "worksheet" and package.has(part):
                grids.append(_Reader(package, part, name, hidden, texts, dates, epoch_1904).grid())
    return Book(path, grids)


def _main_part(package: Package) -> str:
    if package.has("_rels/.rels"):
        for kind, part in _relations(package, "").values():
            if kind == "officeDocument" and package.has(part):
                return part
    if package.has("xl/workbook.xml"):
        return "xl/workbook.xml"
    raise SheetError(f"{package.path} is no .xlsx workbook. Save it as .xlsx, .ods or .csv.")


def _relations(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """{id: (last word of the type, part)} of what a part refers to."""
    folder, name = posixpath.split(part)
    place = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], whole)

    if package.has(place):
        package.parse(place, start, lambda tag: None)
    return found


def _sheets(package: Package, workbook: str) -> tuple[list[tuple[str, str, bool]], bool]:
    """(name, relation, hidden) of every sheet, and whether days count from 1904."""
    sheets: list[tuple[str, str, bool]] = []
    old_mac = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal old_mac
        if tag == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith("\nid")), "")
            sheets.append(
                (attributes.get("name", ""), relation, attributes.get("state", "visible") in {"hidden", "veryHidden"})
            )
        elif tag == "workbookPr":
            old_mac = attributes.get("date1904", "0") in {"1", "true", "on"}

    package.parse(workbook, start, lambda tag: None)
    return sheets, old_mac


def _part_of(relations: dict[str, tuple[str, str]], kind: str) -> str:
    return next((part for found, part in relations.values() if found == kind), "")


def _shared_strings(package: Package, relations: dict[str, tuple[str, str]]) -> list[str | None]:
    part = _part_of(relations, "sharedStrings")
    texts: list[str | None] = []
    if not part or not package.has(part):
        return texts
    pieces: list[str] = []
    state = {"text": False, "phonetic": False}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "si":
            pieces.clear()
        elif tag == "rPh":  # how it is pronounced, not what it says
            state["phonetic"] = True
        elif tag == "t":
            state["text"] = not state["phonetic"]

    def end(tag: str) -> None:
        if tag == "t":
            state["text"] = False
        elif tag == "rPh":
            state["phonetic"] = False
        elif tag == "si":
            texts.append(tidy(_unescape("".join(pieces))))

    package.parse(part, start, end, lambda text: pieces.append(text) if state["text"] else None)
    return texts


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _date_styles(package: Package, relations: dict[str, tuple[str, str]]) -> list[str]:
    """What numbers of each cell style are: "" a number, "date", "time" (a time of day) or "span" ([h]:mm)."""
    part = _part_of(relations, "styles")
    formats: dict[int, str] = {}
    styles: list[str] = []
    inside = {"cellXfs": False}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt":
            formats[_int(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif tag == "cellXfs":
            inside[tag] = True
        elif tag == "xf" and inside["cellXfs"]:
            styles.append(_kind(_int(attributes.get("numFmtId")), formats))

    def end(tag: str) -> None:
        if tag == "cellXfs":
            inside[tag] = False

    if part and package.has(part):
        package.parse(part, start, end)
    return styles


def _kind(number: int, formats: dict[int, str]) -> str:
    code = formats.get(number)
    if code is None:
        if number in {18, 19, 20, 21, 45, 47}:
            return "time"
        return "span" if number == 46 else "date" if number in _BUILT_IN_DATES else ""
    letters = _NOT_LETTERS.sub("", code.split(";")[0]).lower()
    if "general" in letters:
        return ""
    if re.search("[dy]", letters):
        return "date"
    if re.search(r"\[[hms]+\]", letters):
        return "span"
    if re.search("[hs]", letters):
        return "time"
    return "date" if "m" in letters else ""


def _int(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


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


@dataclass
class _Reader:
    package: Package
    part: str
    name: str
    hidden: bool
    texts: list[str | None]
    dates: list[str]
    epoch_1904: bool
    rows: list[Row] = field(default_factory=list)

    def grid(self) -> Grid:
        merges: list[tuple[int, int, int, int]] = []
        self._pieces: list[str] = []
        self._wanted = False
        self._cells: dict[int, Value] = {}
        self._number, self._column, self._count = 0, -1, 0
        self._row_hidden, self._all_hidden = False, False
        self._formula: str | None = None
        self._has_value = False
        self._kind, self._style = "n", ""
        self._phonetic = False

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "c":
                self._begin_cell(attributes)
            elif tag in {"v", "t"}:
                self._wanted = not self._phonetic
                self._has_value = self._has_value or tag == "v"
            elif tag == "f":
                self._formula = ""
                self._wanted = True
                self._pieces.clear()
            elif tag == "row":
                self._begin_row(attributes)
            elif tag == "rPh":
                self._phonetic = True
            elif tag == "mergeCell":
                found = _range(attributes.get("ref", ""))
                if found:
                    merges.append(found)
            elif tag == "sheetFormatPr":
                self._all_hidden = attributes.get("zeroHeight", "0") in {"1", "true"}

        def end(tag: str) -> None:
            if tag in {"v", "t"}:
                self._wanted = False
            elif tag == "f":
                self._formula = "".join(self._pieces)
                self._pieces.clear()
                self._wanted = False
            elif tag == "c":
                self._end_cell()
            elif tag == "row":
                self._end_row()
            elif tag == "rPh":
                self._phonetic = False

        self.package.parse(self.part, start, end, lambda text: self._pieces.append(text) if self._wanted else None)
        numbers = [row.number for row in self.rows]
        if numbers != sorted(numbers):
            self.rows.sort(key=lambda row: row.number)
        return Grid(self.name, self.rows, self.hidden, merges, self._comments(), epoch_1904=self.epoch_1904)

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r")
        self._number = _int(number) if number else self._number + 1
        self._row_hidden = attributes.get("hidden", "1" if self._all_hidden else "0") in {"1", "true"}
        self._cells = {}
        self._column = -1

    def _end_row(self) -> None:
        if not self._cells:
            return
        last = max(self._cells)
        cells = [self._cells.get(column) for column in range(last + 1)]
        self.rows.append(Row(self._number, cells, self._row_hidden))
        self._count += len(self._cells)
        if self._count > MAX_CELLS:
            raise SheetError(f"{self.package.path} has more than {MAX_CELLS:,} filled cells. Split it.")
        self._cells = {}

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        column = _column(place) if place else None
        self._column = self._column + 1 if column is None else column
        self._kind = attributes.get("t", "n")
        style = _int(attributes.get("s"))
        self._style = self.dates[style] if style < len(self.dates) else ""
        self._pieces.clear()
        self._formula, self._has_value = None, False

    def _end_cell(self) -> None:
        text = "".join(self._pieces)
        value: Value
        if self._formula is not None and (not self._has_value or (text == "" and self._kind == "n")):
            value = Fault(f"={self._formula}", formula=True)
        else:
            value = self._value(text)
        if value is not None and self._column < 16_384:
            self._cells[self._column] = value

    def _value(self, text: str) -> Value:
        kind = self._kind
        if kind == "s":
            number = _int(text) if text else -1
            return self.texts[number] if 0 <= number < len(self.texts) else None
        if kind in {"str", "inlineStr"}:
            return tidy(_unescape(text))
        if not text.strip():
            return None
        if kind == "e":
            return Fault(text)
        if kind == "b":
            return text.strip() in {"1", "true"}
        if kind == "d":
            return _iso(text)
        try:
            number_ = float(text)
        except ValueError:
            return tidy(text)
        if self._style:
            return from_day_number(number_, self._style, self.epoch_1904)
        return int(number_) if number_.is_integer() and abs(number_) < 1e15 else number_

    def _comments(self) -> dict[tuple[int, int], str]:
        part = _part_of(_relations(self.package, self.part), "comments")
        found: dict[tuple[int, int], str] = {}
        if not part or not self.package.has(part):
            return found
        pieces: list[str] = []
        place: list[tuple[int, int]] = []
        state = {"t": False}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "comment":
                spot = _range(attributes.get("ref", ""))
                place[:] = [spot[:2]] if spot else []
                pieces.clear()
            elif tag == "t":
                state["t"] = True

        def end(tag: str) -> None:
            if tag == "t":
                state["t"] = False
            elif tag == "comment" and place and (text := tidy("".join(pieces))):
                found[place[0]] = text

        self.package.parse(part, start, end, lambda text: pieces.append(text) if state["t"] else None)
        return found


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


def _range(text: str) -> tuple[int, int, int, int] | None:
    found = _CELL.findall(text.replace("$", ""))
    if not found:
        return None
    (letters, number), (last_letters, last_number) = found[0], found[-1]
    first, last = _column(letters), _column(last_letters)
    return None if first is None or last is None else (int(number), first, int(last_number), last)
