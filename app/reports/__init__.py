"""Figures and the workbook: what the screen and the report say, from one place."""

from app.reports.figures import Figures, day_figures
from app.reports.workbook import write_workbook

__all__ = ["Figures", "day_figures", "write_workbook"]
