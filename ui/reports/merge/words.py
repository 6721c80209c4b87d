"""What the merge says of its fields and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.merging import Findings, RowFound

EXTRA = "extra"

FIELDS = {
    "part": "Part number",
    "serial": "Serial number",
    "product": "Product",
    "batch": "Batch",
    "order": "Order",
    "date": "Date",
    "time": "Time",
    "shift": "Shift",
    "inspector": "Inspector",
    "station": "Station or line",
    "checkpoint": "Checkpoint",
    "verdict": "Verdict",
    "defect": "Defect",
    "place": "Place on the part",
    "measure": "Measured value",
    "unit": "Unit",
    "quantity": "Quantity",
    "remark": "Remark",
    EXTRA: "Kept under its own name",
}
"""Fields of the merged table, in its order, as people call them; what is none of them comes last."""

SEVERAL = frozenset({"verdict", "defect", "place", "remark"})
"""Fields that several columns of one table may have."""


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 row", "2 rows"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sum_words(findings: Findings, kept: int) -> str:
    """Where every row went; the two sides are always equal.

    Args:
        kept: duplicates that stay after all.
    """
    duplicates = len(findings.duplicates) - kept
    return (
        f"{counted(findings.rows_in, 'row')} read = {findings.rows_out + kept:,} merged + "
        f"{counted(duplicates, 'duplicate')} + {len(findings.aside):,} set aside"
    )


def columns_words(findings: Findings) -> str:
    """How many columns there are, and how many of them are no field."""
    columns = [column for table in findings.tables for column in table.columns]
    other = sum(column.field == EXTRA for column in columns)
    words = f"{counted(len(columns), 'column')}: {len(columns) - other:,} known"
    return words + (f", {other:,} kept under {'its own name' if other == 1 else 'their own names'}" if other else "")


def row_title(row: RowFound) -> str:
    """What was inspected, when, and how it came out."""
    parts = [row.part, " ".join(each for each in (row.date, row.time) if each)]
    parts.append(", ".join(each for each in (row.verdict, row.defect) if each))
    return "  ·  ".join(each for each in parts if each)


def row_source(row: RowFound) -> str:
    """Where a row stands, and who wrote it."""
    return ", ".join(each for each in (place(row.file, row.sheet, row.row), row.inspector, row.remark) if each)


def place(file: str, sheet: str, row: int) -> str:
    """A sheet that is called as its file, as of a CSV, is not named twice."""
    same = file.rpartition(".")[0] == sheet
    return f"{file}, row {row}" if same else f"{file}, {sheet}, row {row}"
