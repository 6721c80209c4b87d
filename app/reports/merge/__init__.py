"""Inspectors' working spreadsheets merged into one table. `merge_files` in `merging.py` has the stages in order."""

from app.reports.merge.findings import (
    AsideFound,
    ColumnFound,
    ConflictFound,
    DuplicateFound,
    FileFound,
    Findings,
    RowFound,
    TableFound,
    look_into,
)
from app.reports.merge.merging import FileReport, MergeReport, NothingRead, merge_files, write_found

__all__ = [
    "AsideFound",
    "ColumnFound",
    "ConflictFound",
    "DuplicateFound",
    "FileFound",
    "FileReport",
    "Findings",
    "MergeReport",
    "NothingRead",
    "RowFound",
    "TableFound",
    "look_into",
    "merge_files",
    "write_found",
]
