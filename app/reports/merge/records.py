"""The typed rows of all tables, column by column, and what was set aside."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, time
from typing import Any

import polars as pl

from app.reports.merge.grid import Row, Value

COLUMNS: dict[str, Any] = {
    "part": pl.String,
    "serial": pl.String,
    "product": pl.String,
    "batch": pl.String,
    "order": pl.String,
    "date": pl.Date,
    "time": pl.Time,
    "shift": pl.String,
    "inspector": pl.String,
    "inspector_original": pl.String,
    "station": pl.String,
    "checkpoint": pl.String,
    "verdict": pl.String,
    "verdict_original": pl.String,
    "defect": pl.String,
    "defect_original": pl.String,
    "place": pl.String,
    "measure": pl.Float64,
    "unit": pl.String,
    "quantity": pl.Float64,
    "remark": pl.String,
    "merge_note": pl.String,
}
"""The merged table's columns before those of single files, and their types."""

SOURCE = ("source_file", "source_sheet", "source_row")


@dataclass(slots=True)
class Record:
    """One inspection as it was read."""

    part: str | None = None
    serial: str | None = None
    product: str | None = None
    batch: str | None = None
    order: str | None = None
    date: date | None = None
    time: time | None = None
    shift: str | None = None
    inspector: str | None = None
    inspector_original: str | None = None
    station: str | None = None
    checkpoint: str | None = None
    verdict: str | None = None
    verdict_original: str | None = None
    defect: str | None = None
    defect_original: str | None = None
    place: str | None = None
    measure: float | None = None
    unit: str | None = None
    quantity: float | None = None
    remark: str | None = None
    merge_note: str | None = None
    source_file: str = ""
    source_sheet: str = ""
    source_row: int = 0
    table: int = 0
    extras: dict[str, Value] = field(default_factory=dict)
    counters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Aside:
    """A row that is no usable inspection, with its cells as they are."""

    reason: str
    source_file: str
    source_sheet: str
    row: Row


_NAMES = tuple(each.name for each in fields(Record) if each.name not in {"extras", "counters"})


def frame_of(records: list[Record]) -> pl.DataFrame:
    """One row a record, with its number `row`, and `table`; extras stay with the records."""
    schema = {**COLUMNS, "source_file": pl.String, "source_sheet": pl.String, "source_row": pl.Int64, "table": pl.Int64}
    data = {name: [getattr(record, name) for record in records] for name in _NAMES}
    return pl.DataFrame(data, schema={name: schema[name] for name in _NAMES}).with_row_index("row")
