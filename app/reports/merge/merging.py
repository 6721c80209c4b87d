"""Several inspectors' spreadsheets into one table, with nothing lost on the way."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from app.domain.errors import LinesightError
from app.reports.merge.examining import Found, NothingRead, Step, examine, no_step
from app.reports.merge.explaining import conflict_groups, reason_for
from app.reports.merge.keeping import named_rows, with_kept
from app.reports.merge.mapfile import read_mapping, write_mapping
from app.reports.merge.mapping import EXTRA
from app.reports.merge.records import Record
from app.reports.merge.workbook import Contents, write_merged
from app.reports.placing import replaced
from app.reports.plan import plan_lines

__all__ = ["FileReport", "MergeReport", "NothingRead", "merge_files", "note_words", "write_found"]


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


def merge_files(
    paths: Sequence[Path],
    out: Path,
    *,
    mapping: Path | None = None,
    keep: Sequence[str] = (),
    minutes_per_rework: float | None = None,
    step: Step = no_step,
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
    found = examine(paths, told, step)
    if told is not None:
        found.notes += [("", "", None, note) for note in told.unused()]
    kept, notes = named_rows(keep, found)
    report = write_found(found, out, kept, notes=notes, minutes_per_rework=minutes_per_rework, step=step)
    if mapping is not None and told is None:
        write_mapping(mapping, [(found.books[file].path, table, proposal) for file, table, proposal in found.tables])
    return report


def write_found(
    found: Found,
    out: Path,
    kept: Collection[int] = (),
    *,
    how: str = "--keep",
    notes: Sequence[tuple[str, str, int | None, str]] = (),
    minutes_per_rework: float | None = None,
    step: Step = no_step,
) -> MergeReport:
    """Writes what was examined into the workbook `out`, which is replaced whole or not at all.

    Args:
        kept: numbers of records that stay in Merged although they were found to be duplicates; `how` says by what.
        notes: to be added to the sheet Notes.

    Raises:
        LinesightError: `out` can't be written.
    """
    records, duplicates = with_kept(found, kept, how)
    frame = found.frame.with_columns(pl.Series("merge_note", [each.merge_note for each in records], dtype=pl.String))
    contents = _contents(found, frame, records, duplicates, [*found.notes, *notes])
    contents.plan = plan_lines(frame[list(contents.merged)], _looks(frame), minutes_per_rework=minutes_per_rework)
    with replaced(out) as part:
        step(0.6, "Writing")
        write_merged(part, contents, lambda fraction, doing: step(0.6 + 0.4 * fraction, doing))
    step(1.0, "Done")
    return _report(out, found, contents)


def _check_out(paths: Sequence[Path], out: Path, mapping: Path | None) -> None:
    for path in paths:
        for place in (out, mapping):
            if place is not None and place.exists() and path.exists() and os.path.samefile(place, path):
                raise LinesightError(f"{place} is one of the files to be merged and would be replaced. Name another.")
    if mapping is not None and (mapping.is_dir() or os.path.abspath(mapping) == os.path.abspath(out)):
        raise LinesightError(f"The mapping can't be {mapping}: name a file of its own, such as mapping.toml.")


# -- the result


def _contents(
    found: Found,
    frame: pl.DataFrame,
    records: Sequence[Record],
    kept: Mapping[int, int],
    notes: Sequence[tuple[str, str, int | None, str]],
) -> Contents:
    merged = [row for row in range(len(records)) if row not in kept]
    duplicates = [
        (row, reason_for(records[row], records[other], found.relations.how[row]), other)
        for row, other in sorted(kept.items())
    ]
    mapping = [
        (found.names[file], table.grid.name, table.header_row, column.name, proposal.fields.get(column.index, EXTRA))
        for file, table, proposal in found.tables
        for column in table.columns
    ]
    conflicts = conflict_groups(records, found.relations.conflicts)
    return Contents(frame, records, found.extras, merged, duplicates, conflicts, found.aside, mapping, notes)


def _looks(frame: pl.DataFrame) -> pl.DataFrame:
    """All rows that tell of one part at one minute have the same number."""
    look = pl.struct("part_key", "date", "minute").rank("dense").alias("look")
    return frame.filter(pl.col("minute").is_not_null()).select(look, "inspector", "verdict")


def _report(out: Path, found: Found, contents: Contents) -> MergeReport:
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
        [note_words(note) for note in contents.notes],
    )


def note_words(note: tuple[str, str, int | None, str]) -> str:
    """A note with where it belongs to."""
    file, sheet, row, text = note
    where = ", ".join(part for part in (file, f"sheet {sheet}" if sheet else "", f"row {row}" if row else "") if part)
    return f"{where}: {text}" if where else text
