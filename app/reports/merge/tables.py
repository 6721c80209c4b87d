"""Finding the tables of a sheet, from top to bottom and left to right."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import time

from app.reports.merge import naming, words
from app.reports.merge.body import fill
from app.reports.merge.context import learn, preamble
from app.reports.merge.dates import read_date
from app.reports.merge.grid import Grid, Row, column_letter
from app.reports.merge.headings import Head, find_heads
from app.reports.merge.table import Column, Note, Table
from app.reports.merge.verdicts import word_of

__all__ = ["Column", "Note", "Table", "find_tables"]


def find_tables(grid: Grid, named: Set[str] = frozenset()) -> tuple[list[Table], list[Note]]:
    """The tables of a sheet from top to bottom and left to right, and what stands above the first one.

    A sheet without recognisable headings is given as one table without a header row.

    Args:
        named: headings, folded, that a person has named.
    """
    heads = list(find_heads(grid, named))
    if not heads:
        return ([_headless(grid)] if grid.rows else []), []
    tables: list[Table] = []
    above = grid.rows[: heads[0].first]
    lost = [row for row in above if _looks_like_data(row)]
    context, titles, notes = preamble([row for row in above if row not in lost])
    for position, head in enumerate(heads):
        end = heads[position + 1].first if position + 1 < len(heads) else len(grid.rows)
        body = grid.rows[head.last + 1 : end]
        for columns in _side_by_side(_columns(grid, head, body)):
            table = Table(grid, columns, grid.rows[head.last].number, context=dict(context), titles=list(titles))
            fill(table, body, grid.rows[head.first : head.last + 1])
            tables.append(table)
            for note in table.notes:
                learn(note.text, context)
    tables[0].aside += [(row, "it stands above the headings") for row in lost]
    return tables, notes


def _looks_like_data(row: Row) -> bool:
    """Whether a row above the headings is rather an inspection than a title or a label with its value."""
    own = [value for _, value in row.own()]
    labels = any(isinstance(value, str) and (value.endswith((":", "：")) or _is_name(value)) for value in own)
    dated = any(read_date(value).any is not None or isinstance(value, time) for value in own)
    return len(own) >= 3 and not labels and dated and any(bool(word_of(value)) for value in own)


def _is_name(text: str) -> bool:
    found = naming.exact(text)
    return bool(found) and found[0].score == 1


def _headless(grid: Grid) -> Table:
    columns = sorted({column for row in grid.rows for column, value in enumerate(row.cells) if value is not None})
    table = Table(grid, [Column(index, f"Column {column_letter(index)}", named=False) for index in columns], 0)
    fill(table, grid.rows, [])
    return table


def _columns(grid: Grid, head: Head, body: Sequence[Row]) -> list[Column]:
    used = {column for row in body for column, value in enumerate(row.cells) if value is not None}
    names: dict[str, int] = {}
    columns = []
    for index in sorted(used | set(head.names)):
        heading = head.names.get(index, "")
        name = heading or f"Column {column_letter(index)}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        columns.append(Column(index, name, naming.unit_in(heading), bool(heading), heading))
    return columns


def _side_by_side(columns: list[Column]) -> list[list[Column]]:
    """One list of columns for each table that shares these rows."""
    pieces: list[list[Column]] = []
    for column in columns:
        if pieces and column.index == pieces[-1][-1].index + 1:
            pieces[-1].append(column)
        else:
            pieces.append([column])
    if len(pieces) > 1 and all(map(_stands_alone, pieces)):
        return pieces
    forms = [words.fold(column.hint) for column in columns]
    for count in (2, 3, 4):
        size, rest = divmod(len(columns), count)
        if rest or size < 2:
            continue
        chunks = [forms[start : start + size] for start in range(0, len(forms), size)]
        if all(chunk == chunks[0] for chunk in chunks) and len(set(chunks[0])) == size:
            return [columns[start : start + size] for start in range(0, len(columns), size)]
    return [columns]


def _stands_alone(columns: Sequence[Column]) -> bool:
    """Whether columns name a part and say something of it; a list of codes beside a table does not."""
    best = {match.field for column in columns for match in naming.likely(column.hint)[:1] if match.score >= 0.7}
    return "part" in best and bool(best & {"date", "time", "verdict", "defect", "measure"})
