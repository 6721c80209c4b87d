"""Inspectors' working spreadsheets merged into one table. `merge_files` in `merging.py` has the stages in order."""

from app.reports.merge.merging import FileReport, MergeReport, NothingRead, merge_files

__all__ = ["FileReport", "MergeReport", "NothingRead", "merge_files"]
