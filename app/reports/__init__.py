"""Figures and the reports: what the screen and every format say, from one place."""

from app.reports.counting import day_figures, period_figures
from app.reports.figures import Figures
from app.reports.workbook import write_workbook

__all__ = ["Figures", "day_figures", "period_figures", "write_workbook"]
