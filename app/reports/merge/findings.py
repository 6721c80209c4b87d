"""What spreadsheets hold, as plain data to be looked at before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.reports.merge.building import as_text, unusable
from app.reports.merge.examining import Found, NothingRead, Step, examine, no_step
from app.reports.merge.explaining import conflict_groups, reason_for
from app.reports.merge.grid import Book
from app.reports.merge.mapfile import MappingFile
from app.reports.merge.mapping import EXTRA, Proposal
from app.reports.merge.merging import note_words
from app.reports.merge.reading import read_book
from app.reports.merge.records import Record
from app.reports.merge.tables import Table

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class FileFound:
    """A file that could be read. `sheets`: (name, rows read from it) of each."""

    path: Path
    sheets: tuple[tuple[str, int], ...]
    rows: int


@dataclass(frozen=True, slots=True)
class ColumnFound:
    """`field`: one of the fields, or "extra". `examples`: different values from the top, as text."""

    name: str
    field: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableFound:
    """Attributes:
    row: of the headings, as a spreadsheet program shows it; 0 where there are none.
    rows: of data.
    problem: why none of them can be merged as the columns stand; "" where they can.
    """

    path: Path
    sheet: str
    row: int
    rows: int
    columns: tuple[ColumnFound, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class RowFound:
    """One inspection and where it stands. `number`: of the record, among all. Texts are "" where there is nothing."""

    number: int
    file: str
    sheet: str
    row: int
    part: str
    date: str
    time: str
    inspector: str
    verdict: str
    defect: str
    remark: str


@dataclass(frozen=True, slots=True)
class DuplicateFound:
    row: RowFound
    kept: RowFound
    reason: str


@dataclass(frozen=True, slots=True)
class ConflictFound:
    """Rows of the result that contradict each other, and in what."""

    differs: str
    rows: tuple[RowFound, ...]


@dataclass(frozen=True, slots=True)
class AsideFound:
    """A row that is no usable inspection. `text`: what its cells hold."""

    reason: str
    file: str
    sheet: str
    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Every row read is in exactly one place: rows_in = rows_out + duplicates + set aside.

    Attributes:
        errors: (path, why) of files that could not be read.
        found: what `write_found` writes.
    """

    files: tuple[FileFound, ...]
    errors: tuple[tuple[Path, str], ...]
    tables: tuple[TableFound, ...] = ()
    duplicates: tuple[DuplicateFound, ...] = ()
    conflicts: tuple[ConflictFound, ...] = ()
    aside: tuple[AsideFound, ...] = ()
    notes: tuple[str, ...] = ()
    rows_in: int = 0
    rows_out: int = 0
    found: Found = field(default_factory=Found, repr=False, compare=False)


def look_into(
    paths: Sequence[Path],
    told: MappingFile | None = None,
    step: Step = no_step,
    read: Callable[[Path], Book] = read_book,
) -> Findings:
    """Examines spreadsheets without writing anything; where none can be read, only `errors` is filled.

    Args: as for `examine`.
    """
    try:
        found = examine(paths, told, step, read)
    except NothingRead as error:
        return Findings((), tuple((Path(path), why) for path, why in error.errors))
    rows = [_row(number, record) for number, record in enumerate(found.records)]
    kept = found.relations.kept
    return Findings(
        files=tuple(_file(found, number) for number in range(len(found.books))),
        errors=tuple((Path(path), why) for path, why in found.errors),
        tables=tuple(_table(found.books[file].path, table, proposal) for file, table, proposal in found.tables),
        duplicates=tuple(
            DuplicateFound(
                rows[row],
                rows[other],
                reason_for(found.records[row], found.records[other], found.relations.how[row]),
            )
            for row, other in sorted(kept.items())
        ),
        conflicts=_conflicts(found, rows),
        aside=tuple(
            AsideFound(
                each.reason,
                each.source_file,
                each.source_sheet,
                each.row.number,
                " | ".join(as_text(value) or "" for _, value in each.row.own()),
            )
            for each in found.aside
        ),
        notes=tuple(note_words(note) for note in found.notes),
        rows_in=sum(found.rows),
        rows_out=len(found.records) - len(kept),
        found=found,
    )


def _file(found: Found, number: int) -> FileFound:
    rows = {grid.name: 0 for grid in found.books[number].grids}
    for file, table, _ in found.tables:
        if file == number:
            rows[table.grid.name] += len(table.rows) + len(table.aside)
    return FileFound(found.books[number].path, tuple(rows.items()), found.rows[number])


def _table(path: Path, table: Table, proposal: Proposal) -> TableFound:
    columns = tuple(
        ColumnFound(column.name, proposal.fields.get(column.index, EXTRA), _examples(table, column.index))
        for column in table.columns
    )
    problem = unusable(table, proposal) if table.rows else ""
    return TableFound(path, table.grid.name, table.header_row, len(table.rows), columns, problem)


def _examples(table: Table, column: int) -> tuple[str, ...]:
    texts: dict[str, None] = {}
    for row in table.rows:
        text = as_text(row.value(column))
        if text:
            texts[" ".join(text.split())] = None
            if len(texts) == _EXAMPLES:
                break
    return tuple(texts)


def _row(number: int, record: Record) -> RowFound:
    return RowFound(
        number,
        record.source_file,
        record.source_sheet,
        record.source_row,
        record.part or "",
        record.date.isoformat() if record.date else "",
        f"{record.time:%H:%M}" if record.time else "",
        record.inspector or "",
        record.verdict or "",
        record.defect or "",
        record.remark or "",
    )


def _conflicts(found: Found, rows: Sequence[RowFound]) -> tuple[ConflictFound, ...]:
    groups: dict[int, tuple[str, list[RowFound]]] = {}
    for row, number, words in conflict_groups(found.records, found.relations.conflicts):
        groups.setdefault(number, (words, []))[1].append(rows[row])
    return tuple(ConflictFound(words, tuple(members)) for words, members in groups.values())
