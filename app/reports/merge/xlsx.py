"""Reading .xlsx as a stream of cells.

openpyxl and calamine are not used here: neither tells a formula that was never computed from an empty cell,
the one keeps every cell as an object, the other drops error cells, merged ranges and hidden rows.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from app.reports.merge.grid import Book, Grid, SheetError, tidy
from app.reports.merge.package import Package
from app.reports.merge.xlsx_sheet import cell_range, read_sheet, unescape

_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_NOT_LETTERS = re.compile(r'"[^"]*"|\[(?![hms]+\])[^\]]*\]|\\.|_.|\*.', re.IGNORECASE)


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
        grids: list[Grid] = []
        missing: list[str] = []
        for name, relation, hidden in sheets:
            kind, part = relations.get(relation, ("", ""))
            if not package.has(part):
                missing.append(f"the sheet {name} is missing from the file: it is damaged")
            elif kind == "worksheet" and package.has(part):
                rows, merges = read_sheet(package, part, texts, dates, epoch_1904)
                comments = _comments(package, part)
                grids.append(Grid(name, rows, hidden, merges, comments, epoch_1904=epoch_1904))
    return Book(path, grids, missing)


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
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
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
            texts.append(tidy(unescape("".join(pieces))))

    package.parse(part, start, end, lambda text: pieces.append(text) if state["text"] else None)
    return texts


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


def _comments(package: Package, sheet: str) -> dict[tuple[int, int], str]:
    part = _part_of(_relations(package, sheet), "comments")
    found: dict[tuple[int, int], str] = {}
    if not part or not package.has(part):
        return found
    pieces: list[str] = []
    place: list[tuple[int, int]] = []
    state = {"t": False}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "comment":
            spot = cell_range(attributes.get("ref", ""))
            place[:] = [spot[:2]] if spot else []
            pieces.clear()
        elif tag == "t":
            state["t"] = True

    def end(tag: str) -> None:
        if tag == "t":
            state["t"] = False
        elif tag == "comment" and place and (text := tidy("".join(pieces))):
            found[place[0]] = text

    package.parse(part, start, end, lambda text: pieces.append(text) if state["t"] else None)
    return found
