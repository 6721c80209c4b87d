"""The Reports workspace: the figures of a period as they will be in the workbook, and the export."""

from ui.reports.page import ReportsPage

__all__ = ["ReportsPage"]
