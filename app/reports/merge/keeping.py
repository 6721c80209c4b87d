"""Rows that a person keeps although they were found to be duplicates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from app.domain.errors import LinesightError
from app.reports.merge.examining import Found
from app.reports.merge.records import Record

Note = tuple[str, str, int | None, str]


def named_rows(keep: Sequence[str], found: Found) -> tuple[list[int], list[Note]]:
    """The numbers of rows named "FILE:SHEET:ROW", and what is to be noted of them.

    Raises:
        LinesightError: no such row, or one that can't be kept; the message names what exists.
    """
    rows_kept: list[int] = []
    notes: list[Note] = []
    if not keep:
        return rows_kept, notes
    places: dict[tuple[str, int], list[int]] = {}
    for index, record in enumerate(found.records):
        for name in _names_of(record.source_file, record.source_sheet, found):
            places.setdefault((name, record.source_row), []).append(index)
    aside = {
        (name, each.row.number): each.reason
        for each in found.aside
        for name in _names_of(each.source_file, each.source_sheet, found)
    }
    for wanted in keep:
        sheet, _, number = wanted.rpartition(":")
        place = (sheet, int(number) if number.isdecimal() else 0)
        rows = places.get(place)
        if rows is None:
            if place in aside:
                raise LinesightError(f"--keep {wanted}: this row is set aside ({aside[place]}); it can't be merged.")
            raise LinesightError(f"--keep {wanted}: there is no such row. {_what_exists(sheet, found)}")
        duplicates = [row for row in rows if row in found.relations.kept]
        if not duplicates:
            notes.append(("", "", None, f"--keep {wanted}: the row is no duplicate and stays in any case"))
        rows_kept += duplicates
    return rows_kept, notes


def with_kept(found: Found, rows: Collection[int], how: str) -> tuple[list[Record], dict[int, int]]:
    """The records, those that were kept noted as such, and {row of a duplicate: row that is kept} without them.

    Args:
        how: by which they were kept, in a word or two.
    """
    records, kept = list(found.records), dict(found.relations.kept)
    for row in rows:
        if row not in kept:
            continue
        record, other = records[row], records[kept.pop(row)]
        note = f"kept by {how}, though like {other.source_file}:{other.source_sheet}:{other.source_row}"
        records[row] = replace(record, merge_note="; ".join(part for part in (record.merge_note, note) if part))
    return records, kept


def _names_of(file: str, sheet: str, found: Found) -> set[str]:
    """How FILE:SHEET may be written for a source."""
    book = found.books[found.names.index(file)]
    files = {file, book.path.name, str(book.path)}
    sheets = {sheet}
    if len(book.grids) == 1 and book.grids[0].text_only:
        sheets |= {""}
        return {f"{name}:{each}" for name in files for each in sheets} | files
    return {f"{name}:{each}" for name in files for each in sheets}


def _what_exists(sheet: str, found: Found) -> str:
    counts: dict[tuple[str, str], list[int]] = {}
    for record in found.records:
        counts.setdefault((record.source_file, record.source_sheet), []).append(record.source_row)
    for (file, name), rows in counts.items():
        if sheet in _names_of(file, name, found):
            return f"The rows of {file}:{name} are {min(rows)} to {max(rows)}."
    shown = [f"{file}:{name}" for file, name in counts][:20]
    return f"There are {', '.join(shown)}." if shown else "No row could be merged."
