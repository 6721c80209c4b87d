"""A day chosen by typing or from a calendar whose cells a finger can hit."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QTextCharFormat
from PySide6.QtWidgets import QCalendarWidget, QDateEdit, QToolButton

from ui.shared.widgets import icon, paint_chevron
from ui.theme import current

_DAYS, _LINES = 7, 8  # a week; the names of the days, six weeks and the line with month and year


class DateField(QDateEdit):
    """One day as 2026-11-22, with a calendar."""

    def __init__(self, name: str, day: date) -> None:
        super().__init__(QDate(day.year, day.month, day.day))
        self.setCalendarPopup(True)
        self.setDisplayFormat("yyyy-MM-dd")
        self.setAccessibleName(name)
        self.setMinimumWidth(176)
        calendar = QCalendarWidget()
        calendar.setVerticalHeaderFormat(QCalendarWidget.VerticalHeaderFormat.NoVerticalHeader)
        calendar.setFirstDayOfWeek(Qt.DayOfWeek.Monday)
        self.setCalendarWidget(calendar)
        current().changed.connect(self._dress)
        self._dress()

    def day(self) -> date:
        """The day that is chosen."""
        chosen = self.date()
        return date(chosen.year(), chosen.month(), chosen.day())

    def _dress(self) -> None:
        calendar, touch = self.calendarWidget(), current().metrics.touch
        self.setFixedHeight(touch)
        calendar.setMinimumSize(QSize(_DAYS * touch, _LINES * touch))
        plain = QTextCharFormat()  # Qt writes weekends red, and red means act
        plain.setForeground(QColor(current().tokens.text))
        for number in range(1, 8):
            calendar.setWeekdayTextFormat(Qt.DayOfWeek(number), plain)
        for name, mark in (("prevmonth", "chevron-left"), ("nextmonth", "chevron-right")):
            button = calendar.findChild(QToolButton, f"qt_calendar_{name}")
            if isinstance(button, QToolButton):
                button.setIcon(icon(mark, "text"))
                button.setIconSize(QSize(24, 24))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        paint_chevron(self)

    def wheelEvent(self, event):  # type: ignore[no-untyped-def]
        event.ignore()  # scrolling the page must not change what is chosen
