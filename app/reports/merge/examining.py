"""From spreadsheets to records that are compared: everything of a merge but the writing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from app.domain.errors import LinesightError
from app.reports.merge import words
from app.reports.merge.building import as_text, build
from app.reports.merge.dating import date_all
from app.reports.merge.grid import Book, SheetError
from app.reports.merge.keys import with_keys
from app.reports.merge.mapfile import MappingFile
from app.reports.merge.mapping import Proposal, propose
from app.reports.merge.people import spelled_alike
from app.reports.merge.reading import read_book
from app.reports.merge.records import COLUMNS, SOURCE, Aside, Record, frame_of
from app.reports.merge.relations import Relations, relate
from app.reports.merge.tables import Note, Table, find_tables

Step = Callable[[float, str], None]


def no_step(fraction: float, words: str) -> None:
    pass


class NothingRead(LinesightError):
    """No file of a merge could be read; `errors` has (path, why) of each."""

    def __init__(self, words: str, errors: list[tuple[str, str]]) -> None:
        super().__init__(words)
        self.errors = errors


@dataclass(slots=True)
class Found:
    """What spreadsheets hold, and which rows of theirs belong together. Nobody changes it once it is complete.

    Attributes:
        names: of the books, as the result has them.
        tables: (number of its book, table, columns) of each.
        errors: (path, why) of files that could not be read.
        notes: (file, sheet, row, text).
        rows: read from each book.
        frame: the records with what they are compared by. extras: names of all further columns, in order.
    """

    books: list[Book] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    tables: list[tuple[int, Table, Proposal]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str, int | None, str]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    frame: pl.DataFrame = field(default_factory=pl.DataFrame)
    extras: list[str] = field(default_factory=list)
    relations: Relations = field(default_factory=Relations)


def examine(
    paths: Sequence[Path],
    told: MappingFile | None = None,
    step: Step = no_step,
    read: Callable[[Path], Book] = read_book,
) -> Found:
    """Reads spreadsheets, sorts their rows and compares them.

    Args:
        told: what a person has said of the columns.
        step: told how far it is (0..0.6) and what it does; what it raises ends the work.
        read: gives a file's sheets; raises SheetError for one that can't be read. Books are not changed here.

    Raises:
        NothingRead: no file could be read.
    """
    found = Found()
    _read(paths, found, told, step, read)
    if not found.books:
        raise NothingRead("None of the files could be read. " + " ".join(why for _, why in found.errors), found.errors)
    _build(found, step)
    step(0.5, "Finding duplicates")
    found.frame, found.extras = _framed(found.records)
    found.relations = relate(found.frame, lambda: step(0.55, "Finding duplicates"))
    found.notes += [("", "", None, note) for note in found.relations.notes]
    return found


def _read(
    paths: Sequence[Path], found: Found, told: MappingFile | None, step: Step, read: Callable[[Path], Book]
) -> None:
    for number, path in enumerate(paths):
        step(0.35 * number / max(len(paths), 1), f"Reading {path.name}")
        try:
            book = read(path)
        except SheetError as error:
            found.errors.append((str(path), str(error)))
            continue
        except MemoryError:
            found.errors.append((str(path), f"{path} is too large for the memory of this machine."))
            continue
        file = len(found.books)
        found.books.append(book)
        found.names.append(_source_name(path, paths))
        found.notes += [(found.names[file], "", None, note) for note in book.notes]
        count = 0
        for grid in book.grids:
            tables, notes = find_tables(grid, told.named(path, grid.name) if told else frozenset())
            _note_sheet(found, file, grid.name, grid.hidden, bool(grid.rows), notes)
            for table in tables:
                proposal = propose(table)
                if told is not None:
                    proposal = told.apply(path, table, proposal)
                found.tables.append((file, table, proposal))
                found.notes += [(found.names[file], grid.name, note.row, note.text) for note in table.notes]
                found.notes += [(found.names[file], grid.name, None, note) for note in proposal.notes]
                count += len(table.rows) + len(table.aside)
        found.rows.append(count)


def _source_name(path: Path, paths: Sequence[Path]) -> str:
    """The bare name, or the path as given where two files have the same one."""
    same = {os.path.abspath(other) for other in paths if other.name == path.name}
    name = path.name if len(same) == 1 else str(path)
    return name.encode("utf-8", "replace").decode()  # a name that is no valid text must not stop the rest


def _note_sheet(found: Found, file: int, sheet: str, hidden: bool, filled: bool, notes: Sequence[Note]) -> None:
    name = found.names[file]
    if hidden and filled:
        found.notes.append((name, sheet, None, "the sheet is hidden; it was read all the same"))
    if not filled:
        found.notes.append((name, sheet, None, "the sheet is empty"))
    found.notes += [(name, sheet, note.row, note.text) for note in notes]


def _build(found: Found, step: Step) -> None:
    datings, notes = date_all(
        [(file, found.books[file].path, table, proposal) for file, table, proposal in found.tables]
    )
    found.notes += [("", "", None, note) for note in notes]
    for number, (file, table, proposal) in enumerate(found.tables):
        step(0.35 + 0.15 * number / len(found.tables), f"Sorting {found.names[file]}")
        built = build(table, proposal, datings[number], found.names[file], number)
        found.records += built.records
        found.aside += built.aside
        found.notes += [(found.names[file], table.grid.name, None, note) for note in built.notes]
    same = spelled_alike([record.inspector for record in found.records])
    for record in found.records:
        if record.inspector:
            record.inspector = same.get(record.inspector, record.inspector)
    for written, person in sorted(same.items()):
        if written != person:
            found.notes.append(("", "", None, f"inspector {written!r} was taken for {person!r}"))


def _framed(records: list[Record]) -> tuple[pl.DataFrame, list[str]]:
    """The records with what they are compared by, and the names of all extra columns in order."""
    names: dict[str, str] = {}
    taken = {*COLUMNS, *SOURCE}
    for record in records:
        for name in record.extras:
            if name not in names:
                names[name] = _own_name(name, names, taken)
    for record in records:
        if any(names[name] != name for name in record.extras):
            record.extras = {names[name]: value for name, value in record.extras.items()}
    texts = [_extras_text(record) for record in records]
    return with_keys(frame_of(records), texts), list(dict.fromkeys(names.values()))


def _extras_text(record: Record) -> str:
    """What the other columns hold, but for those that only count rows."""
    told = (f"{name}={as_text(value)}" for name, value in record.extras.items() if name not in record.counters)
    return "|".join(sorted(told))


def _own_name(name: str, names: dict[str, str], taken: set[str]) -> str:
    """Columns alike but for case and spaces share one; none takes the name of a field."""
    form = words.fold(name)
    shared = next((shown for other, shown in names.items() if words.fold(other) == form), name) if form else name
    return f"{shared} (extra)" if shared.casefold() in taken else shared
