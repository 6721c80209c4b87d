"""A figure over the weeks with its limits, directly labelled."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.domain.review import Level, Trend
from ui.theme import current
from ui.theme.theme import font

_HEIGHT = 112
_LEFT, _RIGHT, _TOP, _FOOT = 8.0, 64.0, 8.0, 24.0


class TrendChart(QWidget):
    """One line; the band between its limits is shaded, what lies outside or has moved is marked."""

    def __init__(self, trend: Trend) -> None:
        super().__init__()
        self.trend = trend
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        told = ", ".join(f"week of {each.week}: {self._text(each.value)}" for each in trend.weeks)
        self.setAccessibleName(f"{trend.name}: {trend.level}. {told or 'no week yet'}")

    def sizeHint(self) -> QSize:
        return QSize(320, _HEIGHT)

    def _text(self, value: float | None) -> str:
        if value is None:
            return "\u2013"
        return f"{100 * value:.0f} %" if self.trend.unit == "%" else f"{value:.2f}"

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        painter.setFont(font(14))
        weeks = [each for each in self.trend.weeks if each.value is not None]
        base = self.height() - _FOOT
        if not weeks:
            painter.setPen(theme.colour("quiet"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, "No week yet")
            painter.end()
            return
        values = [value for each in weeks for value in (each.value, each.low, each.high) if value is not None]
        low, high = min(values), max(values)
        room = (high - low) or max(abs(high), 1.0) * 0.2
        low, high = low - 0.1 * room, high + 0.1 * room
        step = (self.width() - _LEFT - _RIGHT) / max(len(weeks) - 1, 1)

        def at(place: int, value: float) -> QPointF:
            x = _LEFT + (place * step if len(weeks) > 1 else (self.width() - _LEFT - _RIGHT) / 2)
            return QPointF(x, base - (value - low) / (high - low) * (base - _TOP))

        limited = [(place, each) for place, each in enumerate(weeks) if each.low is not None or each.high is not None]
        ends: list[float] = []
        if limited:
            upper = [at(place, high if each.high is None else each.high) for place, each in limited]
            lower = [at(place, low if each.low is None else each.low) for place, each in limited]
            if len(limited) == 1:
                upper = [upper[0] - QPointF(12, 0), upper[0] + QPointF(12, 0)]
                lower = [lower[0] - QPointF(12, 0), lower[0] + QPointF(12, 0)]
            band = QColor(theme.colour("line"))
            band.setAlpha(110)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(band)
            painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
            painter.setPen(theme.colour("quiet"))
            newest = limited[-1][1]
            if newest.high is not None:
                ends.append(upper[-1].y())
                self._beside(painter, upper[-1].y(), self._text(newest.high))
            if newest.low is not None and all(abs(y - lower[-1].y()) > 20 for y in ends):
                ends.append(lower[-1].y())
                self._beside(painter, lower[-1].y(), self._text(newest.low))
        points = [at(place, each.value) for place, each in enumerate(weeks)]  # type: ignore[arg-type]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.drawPolyline(QPolygonF(points))
        for point, each in zip(points, weeks, strict=True):
            moved = {Level.DRIFTED: "failed", Level.MOVING: "retest"}.get(each.level, "text")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(moved))
            side = 6.0 if moved != "text" else 4.0
            if each.level is Level.DRIFTED:
                painter.drawRect(QRectF(point.x() - side, point.y() - side, 2 * side, 2 * side))
            else:
                painter.drawEllipse(point, side, side)
        painter.setPen(theme.colour("text"))
        painter.setFont(font(16))
        if all(abs(points[-1].y() - y) > 18 for y in ends):
            self._beside(painter, points[-1].y(), self._text(weeks[-1].value))
        else:  # beside a limit's number there is no room: above or below the point there is
            box = QRectF(points[-1].x() - 76, points[-1].y() - 26, 72, 22)
            painter.drawText(
                box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._text(weeks[-1].value)
            )
        painter.setFont(font(14))
        painter.setPen(theme.colour("quiet"))
        first = weeks[0].week
        painter.drawText(QRectF(0, base + 2, 120, 22), Qt.AlignmentFlag.AlignVCenter, f"{first.day} {first:%b}")
        if len(weeks) > 1:
            last = weeks[-1].week
            right = QRectF(self.width() - _RIGHT - 112, base + 2, 120, 22)
            painter.drawText(
                right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{last.day} {last:%b}"
            )
        painter.end()

    def _beside(self, painter: QPainter, y: float, words: str) -> None:
        top = min(max(y - 11, 0.0), self.height() - _FOOT - 20)
        place = QRectF(self.width() - _RIGHT + 10, top, _RIGHT - 10, 22)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, words)
