"""Merging inspectors' spreadsheets in three steps: files, columns, duplicates."""

from ui.reports.merge.view import MergeView

__all__ = ["MergeView"]
