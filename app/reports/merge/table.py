"""A table of a sheet: its columns, its rows of data, and what the others say."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.reports.merge.grid import Grid, Row, Value


@dataclass(frozen=True, slots=True)
class Column:
    """Args:
    index: from 0.
    name: the heading, unique within the table; "Column C" where there is none.
    unit: the one its heading gives.
    """

    index: int
    name: str
    unit: str = ""
    named: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something the sheet says that is no row of data: a title, a remark below the table, a comment."""

    row: int
    text: str


@dataclass(slots=True)
class Table:
    """Attributes:
    rows: the data, each with what the section it stands in says ({field: value}).
    aside: rows that are no inspections, with the reason.
    context: what stands above the table ({field: value}), for columns it does not have.
    header_row: 0 where there is none.
    """

    grid: Grid
    columns: list[Column]
    header_row: int
    rows: list[Row] = field(default_factory=list)
    sections: list[dict[str, Value]] = field(default_factory=list)
    aside: list[tuple[Row, str]] = field(default_factory=list)
    context: dict[str, Value] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
