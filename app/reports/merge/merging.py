"""Several inspectors' spreadsheets into one table, with nothing lost on the way."""

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
from app.reports.merge.explaining import conflict_groups, reason_for
from app.reports.merge.grid import Book, SheetError
from app.reports.merge.keys import with_keys
from app.reports.merge.mapfile import MappingFile, read_mapping, write_mapping
from app.reports.merge.mapping import EXTRA, Proposal, propose
from app.reports.merge.people import spelled_alike
from app.reports.merge.reading import read_book
from app.reports.merge.records import COLUMNS, SOURCE, Aside, Record, frame_of
from app.reports.merge.relations import Relations, relate
from app.reports.merge.tables import Note, Table, find_tables
from app.reports.merge.workbook import Contents, write_merged
from app.reports.placing import replaced
from app.reports.plan import plan_lines

Step = Callable[[float, str], None]


def _no_step(fraction: float, words: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file. `mapping`: {sheet: {column: field, or "extra"}}."""

    path: str
    sheets: list[str]
    rows: int
    mapping: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Every row read is in exactly one place: rows_in = rows_out + duplicates + set_aside.

    Attributes:
        conflicts: rows of Merged that contradict another one of them.
        errors: (path, why) of files that could not be read.
    """

    out: Path
    rows_in: int
    rows_out: int
    duplicates: int
    set_aside: int
    conflicts: int
    files: list[FileReport]
    errors: list[tuple[str, str]]
    notes: list[str]


@dataclass(slots=True)
class _Found:
    """The state of a merge between its stages."""

    books: list[Book] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    tables: list[tuple[int, Table, Proposal]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str, int | None, str]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


def merge_files(
    paths: Sequence[Path],
    out: Path,
    *,
    mapping: Path | None = None,
    keep: Sequence[str] = (),
    minutes_per_rework: float | None = None,
    step: Step = _no_step,
) -> MergeReport:
    """Merges spreadsheets (.xlsx, .ods, .csv) into the workbook `out`.

    Sheets: Merged (every row with source_file, source_sheet, source_row), Duplicates (reason, kept row), Conflicts
    (rows of Merged that contradict each other), Set aside (rows that are no usable inspection, with the reason),
    Plan (what it means, see `plan_lines`), Mapping, Notes. A file that can't be read is reported, and the others go on.

    Args:
        mapping: a TOML file that says which column is which field; where there is none yet, the proposed one is
            written there.
        keep: "FILE:SHEET:ROW" of rows that stay in Merged although they were found to be duplicates; FILE as it
            was given or its bare name, SHEET of a .csv file its name without the ending, or empty.
        minutes_per_rework: turns the forecast of failed parts into hours.
        step: told how far it is (0..1) and what it does; what it raises ends the work.

    Raises:
        LinesightError: no file could be read, the mapping or a `keep` does not fit, `out` can't be written.
    """
    _check_out(paths, out, mapping)
    told = read_mapping(mapping) if mapping is not None and mapping.exists() else None
    found = _Found()
    _read(paths, found, told, step)
    if not found.books:
        raise NothingRead("None of the files could be read. " + " ".join(why for _, why in found.errors), found.errors)
    _build(found, step)
    step(0.5, "Finding duplicates")
    frame, extras = _framed(found.records)
    relations = relate(frame, lambda: step(0.55, "Finding duplicates"))
    found.notes += [("", "", None, note) for note in relations.notes]
    _keep(keep, found, relations)
    frame = frame.with_columns(pl.Series("merge_note", [each.merge_note for each in found.records], dtype=pl.String))
    contents = _contents(found, frame, relations, extras)
    contents.plan = plan_lines(frame[list(contents.merged)], _looks(frame), minutes_per_rework=minutes_per_rework)
    with replaced(out) as part:
        step(0.6, "Writing")
        write_merged(part, contents, lambda fraction, doing: step(0.6 + 0.4 * fraction, doing))
    if mapping is not None and told is None:
        write_mapping(mapping, [(found.books[file].path, table, proposal) for file, table, proposal in found.tables])
    step(1.0, "Done")
    return _report(out, found, contents)


class NothingRead(LinesightError):
    """No file of a merge could be read; `errors` has (path, why) of each."""

    def __init__(self, words: str, errors: list[tuple[str, str]]) -> None:
        super().__init__(words)
        self.errors = errors


def _check_out(paths: Sequence[Path], out: Path, mapping: Path | None) -> None:
    for path in paths:
        for place in (out, mapping):
            if place is not None and place.exists() and path.exists() and os.path.samefile(place, path):
                raise LinesightError(f"{place} is one of the files to be merged and would be replaced. Name another.")
    if mapping is not None and (mapping.is_dir() or os.path.abspath(mapping) == os.path.abspath(out)):
        raise LinesightError(f"The mapping can't be {mapping}: name a file of its own, such as mapping.toml.")


# -- reading


def _read(paths: Sequence[Path], found: _Found, told: MappingFile | None, step: Step) -> None:
    for number, path in enumerate(paths):
        step(0.35 * number / max(len(paths), 1), f"Reading {path.name}")
        try:
            book = read_book(path)
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
    if told is not None:
        found.notes += [("", "", None, note) for note in told.unused()]


def _source_name(path: Path, paths: Sequence[Path]) -> str:
    """The bare name, or the path as given where two files have the same one."""
    same = {os.path.abspath(other) for other in paths if other.name == path.name}
    name = path.name if len(same) == 1 else str(path)
    return name.encode("utf-8", "replace").decode()  # a name that is no valid text must not stop the rest


def _note_sheet(found: _Found, file: int, sheet: str, hidden: bool, filled: bool, notes: Sequence[Note]) -> None:
    name = found.names[file]
    if hidden and filled:
        found.notes.append((name, sheet, None, "the sheet is hidden; it was read all the same"))
    if not filled:
        found.notes.append((name, sheet, None, "the sheet is empty"))
    found.notes += [(name, sheet, note.row, note.text) for note in notes]


def _build(found: _Found, step: Step) -> None:
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


# -- duplicates


def _keep(keep: Sequence[str], found: _Found, relations: Relations) -> None:
    """Undoes what was asked for.

    Raises:
        LinesightError: no such row, or one that can't be kept; the message names what exists.
    """
    if not keep:
        return
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
        duplicates = [row for row in rows if row in relations.kept]
        if not duplicates:
            found.notes.append(("", "", None, f"--keep {wanted}: the row is no duplicate and stays in any case"))
        for row in duplicates:
            record = found.records[row]
            other = found.records[relations.kept.pop(row)]
            note = f"kept by --keep, though like {other.source_file}:{other.source_sheet}:{other.source_row}"
            record.merge_note = "; ".join(part for part in (record.merge_note, note) if part)


def _names_of(file: str, sheet: str, found: _Found) -> set[str]:
    """How FILE:SHEET may be written for a source."""
    book = found.books[found.names.index(file)]
    files = {file, book.path.name, str(book.path)}
    sheets = {sheet}
    if len(book.grids) == 1 and book.grids[0].text_only:
        sheets |= {""}
        return {f"{name}:{each}" for name in files for each in sheets} | files
    return {f"{name}:{each}" for name in files for each in sheets}


def _what_exists(sheet: str, found: _Found) -> str:
    counts: dict[tuple[str, str], list[int]] = {}
    for record in found.records:
        counts.setdefault((record.source_file, record.source_sheet), []).append(record.source_row)
    for (file, name), rows in counts.items():
        if sheet in _names_of(file, name, found):
            return f"The rows of {file}:{name} are {min(rows)} to {max(rows)}."
    shown = [f"{file}:{name}" for file, name in counts][:20]
    return f"There are {', '.join(shown)}." if shown else "No row could be merged."


# -- the result


def _contents(found: _Found, frame: pl.DataFrame, relations: Relations, extras: list[str]) -> Contents:
    merged = [row for row in range(len(found.records)) if row not in relations.kept]
    duplicates = [
        (row, reason_for(found.records[row], found.records[kept], relations.how[row]), kept)
        for row, kept in sorted(relations.kept.items())
    ]
    mapping = [
        (found.names[file], table.grid.name, table.header_row, column.name, proposal.fields.get(column.index, EXTRA))
        for file, table, proposal in found.tables
        for column in table.columns
    ]
    conflicts = conflict_groups(found.records, relations.conflicts)
    return Contents(frame, found.records, extras, merged, duplicates, conflicts, found.aside, mapping, found.notes)


def _looks(frame: pl.DataFrame) -> pl.DataFrame:
    """All rows that tell of one part at one minute have the same number."""
    look = pl.struct("part_key", "date", "minute").rank("dense").alias("look")
    return frame.filter(pl.col("minute").is_not_null()).select(look, "inspector", "verdict")


def _report(out: Path, found: _Found, contents: Contents) -> MergeReport:
    files = []
    for number, book in enumerate(found.books):
        mapping: dict[str, dict[str, str]] = {}
        for file, table, proposal in found.tables:
            if file == number:
                columns = mapping.setdefault(table.grid.name, {})
                columns.update({each.name: proposal.fields.get(each.index, EXTRA) for each in table.columns})
        files.append(FileReport(str(book.path), [grid.name for grid in book.grids], found.rows[number], mapping))
    return MergeReport(
        out,
        sum(found.rows),
        len(contents.merged),
        len(contents.duplicates),
        len(contents.aside),
        len(contents.conflicts),
        files,
        found.errors,
        [_words(note) for note in found.notes],
    )


def _words(note: tuple[str, str, int | None, str]) -> str:
    file, sheet, row, text = note
    where = ", ".join(part for part in (file, f"sheet {sheet}" if sheet else "", f"row {row}" if row else "") if part)
    return f"{where}: {text}" if where else text
