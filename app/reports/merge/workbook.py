"""The merged workbook: Merged, Duplicates, Conflicts, Set aside, and how it came about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from app.reports.merge.grid import Value
from app.reports.merge.records import COLUMNS, SOURCE, Aside, Record
from app.reports.merge.sheetfile import Sheet, Workbook
from app.reports.plan import Line


@dataclass(slots=True)
class Contents:
    """What the workbook shows.

    Attributes:
        frame: all records, as `frame_of` makes it.
        merged: rows of the sheet Merged.
        duplicates: (row, reason, kept row).
        conflicts: (row, number of the group, what differs).
        mapping: (file, sheet, first row, column, field).
        notes: (file, sheet, row, text).
    """

    frame: pl.DataFrame
    records: Sequence[Record]
    extras: Sequence[str]
    merged: Sequence[int]
    duplicates: Sequence[tuple[int, str, int]] = ()
    conflicts: Sequence[tuple[int, int, str]] = ()
    aside: Sequence[Aside] = ()
    mapping: Sequence[tuple[str, str, int, str, str]] = ()
    notes: Sequence[tuple[str, str, int | None, str]] = ()
    plan: Sequence[Line] = ()


def write_merged(path: Path, contents: Contents, step: Callable[[float, str], None]) -> None:
    """Writes the workbook; `step` is told how far it is (0..1) and may end the work by raising."""
    sheets = [
        Sheet("Merged", _inspections(contents, contents.merged), len(contents.merged)),
        _duplicates(contents),
        _conflicts(contents),
        _aside(contents.aside),
        _plan(contents.plan),
        _list("Mapping", ("file", "sheet", "header_row", "column", "field"), contents.mapping),
        _list("Notes", ("file", "sheet", "row", "note"), contents.notes),
    ]
    total = sum(sheet.rows + 1 for sheet in sheets)
    done = 0
    with Workbook(path, "Merged inspections") as book:
        for sheet in sheets:

            def part_done(part: float, begun: int = done, sheet: Sheet = sheet) -> None:
                step((begun + part * sheet.rows) / total, f"Writing {sheet.title}")

            book.write(sheet, part_done)
            done += sheet.rows + 1


def _inspections(contents: Contents, rows: Sequence[int]) -> list[tuple[str, pl.Series | list[Value]]]:
    frame = contents.frame[list(rows)] if len(rows) else contents.frame.clear()
    columns: list[tuple[str, pl.Series | list[Value]]] = [(name, frame[name]) for name in COLUMNS]
    for name in contents.extras:
        columns.append((name, [contents.records[row].extras.get(name) for row in rows]))
    columns += [(name, frame[name]) for name in SOURCE]
    return columns


def _duplicates(contents: Contents) -> Sheet:
    rows = [row for row, _, _ in contents.duplicates]
    kept = [contents.records[other] for _, _, other in contents.duplicates]
    columns: list[tuple[str, pl.Series | list[Value]]] = [
        ("reason", [reason for _, reason, _ in contents.duplicates]),
        ("kept_file", [record.source_file for record in kept]),
        ("kept_sheet", [record.source_sheet for record in kept]),
        ("kept_row", [record.source_row for record in kept]),
    ]
    return Sheet("Duplicates", columns + _inspections(contents, rows), len(rows))


def _conflicts(contents: Contents) -> Sheet:
    rows = [row for row, _, _ in contents.conflicts]
    columns: list[tuple[str, pl.Series | list[Value]]] = [
        ("conflict", [group for _, group, _ in contents.conflicts]),
        ("what_differs", [words for _, _, words in contents.conflicts]),
    ]
    return Sheet("Conflicts", columns + _inspections(contents, rows), len(rows))


def _aside(aside: Sequence[Aside]) -> Sheet:
    width = max((len(each.row.cells) for each in aside), default=0)
    columns: list[tuple[str, pl.Series | list[Value]]] = [
        ("reason", [each.reason for each in aside]),
        ("source_file", [each.source_file for each in aside]),
        ("source_sheet", [each.source_sheet for each in aside]),
        ("source_row", [each.row.number for each in aside]),
    ]
    columns += [(f"cell_{index + 1}", [each.row.value(index) for each in aside]) for index in range(width)]
    return Sheet("Set aside", columns, len(aside))


def _plan(lines: Sequence[Line]) -> Sheet:
    names = ("topic", "what", "value", "low", "high", "unit", "basis")
    return Sheet("Plan", [(name, [getattr(line, name) for line in lines]) for name in names], len(lines))


def _list(title: str, names: Sequence[str], rows: Sequence[Sequence[str | int | None]]) -> Sheet:
    return Sheet(title, [(name, [row[index] for row in rows]) for index, name in enumerate(names)], len(rows))
