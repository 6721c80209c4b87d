"""Bars drawn by the painter, with their numbers beside them: nothing to hunt in a legend."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.domain.counts import Counts
from app.domain.words import percent
from ui.theme import current
from ui.theme.theme import font

_GREY = "quiet"


class HourChart(QWidget):
    """Parts by hour: defects, retests and good ones stacked; grey is normal, colour is what to look at."""

    def __init__(self) -> None:
        super().__init__()
        self._hours: list[tuple[int, Counts]] = []
        self._yields = False
        self.setMinimumHeight(96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_hours(self, hours: list[tuple[int, Counts]], *, yields: bool = False) -> None:
        """(hour of the clock, counts), in the order of the station's day; with `yields` each has its number of parts
        and its yield, where there is room for them: for a dozen hours at most."""
        self._hours, self._yields = hours, yields
        told = ", ".join(
            f"{hour}:00 {counts.total}" + (f", yield {percent(counts.yield_)}" if yields else "")
            for hour, counts in hours
            if counts.total
        )
        self.setAccessibleName(f"Parts by hour: {told or 'none'}")
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        painter.setFont(font(14))
        foot, head = 28.0, 44.0 if self._yields else 24.0
        base = self.height() - foot
        room = base - head
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(0, base), QPointF(self.width(), base))
        if not self._hours:
            painter.end()
            return
        top = max((counts.total for _, counts in self._hours), default=0)
        slot = self.width() / len(self._hours)
        peak_told = False
        for index, (hour, counts) in enumerate(self._hours):
            x = index * slot
            if index % 3 == 0 or self._yields:
                painter.setPen(theme.colour("quiet"))
                place = QRectF(x - 20, base + 4, slot + 40, 22)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{hour}:00" if self._yields else f"{hour}")
            if not counts.total:
                continue
            y = base
            width = min(slot - 4, 40.0)
            for number, colour in (
                (counts.failed, "failed"),
                (counts.error, "failed"),
                (counts.retest, "retest"),
                (counts.passed, _GREY),
            ):
                height = room * number / top
                fill = theme.colour(colour)
                if colour == _GREY:
                    fill.setAlpha(150)
                painter.fillRect(QRectF(x + (slot - width) / 2, y - height, width, height), fill)
                y -= height
            if self._yields:
                for lift, words, colour in ((8, percent(counts.yield_), "text"), (26, f"{counts.total:,}", "quiet")):
                    painter.setPen(theme.colour(colour))
                    place = QRectF(x - 20, y - lift - 14, slot + 40, 18)
                    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
            elif counts.total == top and not peak_told:
                peak_told = True
                painter.setPen(theme.colour("text"))
                words = str(counts.total)
                wide = painter.fontMetrics().horizontalAdvance(words)
                left = min(max(x + (slot - wide) / 2, 0.0), self.width() - wide)
                painter.drawText(QPointF(left, y - 8), words)
        painter.end()


class NamedBars(QWidget):
    """Name, bar, number: one line each."""

    _LINE = 32

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, int]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: list[tuple[str, int]]) -> None:
        self._rows = rows
        self.setAccessibleName(", ".join(f"{name} {number}" for name, number in rows))
        self.setFixedHeight(max(1, self._LINE * len(rows)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, max(1, self._LINE * len(self._rows)))

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        painter.setFont(font(16))
        most = max((number for _, number in self._rows), default=0)
        names = min(self.width() * 0.4, 200.0)
        for index, (name, number) in enumerate(self._rows):
            y = index * self._LINE
            painter.setPen(theme.colour("text"))
            words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(names) - 8)
            painter.drawText(QRectF(0, y, names, self._LINE), Qt.AlignmentFlag.AlignVCenter, words)
            length = (self.width() - names - 64) * number / most if most else 0
            painter.fillRect(QRectF(names, y + 8, max(length, 2), self._LINE - 16), theme.colour("failed"))
            painter.drawText(
                QRectF(names + max(length, 2) + 8, y, 56, self._LINE), Qt.AlignmentFlag.AlignVCenter, str(number)
            )
        painter.end()
