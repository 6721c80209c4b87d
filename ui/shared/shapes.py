"""The verdicts' shapes: they say the verdict without colour, from a doorway or in a thumbnail."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.domain.verdict import Verdict
from ui.theme import current


def draw_verdict(painter: QPainter, verdict: Verdict, box: QRectF, colour: QColor) -> None:
    """Draws the verdict's shape in the square `box`: PASS a circled tick, FAIL an octagon with a
    cross, RETEST a triangle with a turning arrow, ERROR a diamond with an exclamation stroke."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(box.topLeft())
    painter.scale(box.width() / 100, box.height() / 100)
    pen = QPen(colour, 9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    {
        Verdict.PASS: _draw_pass,
        Verdict.FAIL: _draw_fail,
        Verdict.RETEST: _draw_retest,
        Verdict.ERROR: _draw_error,
    }[verdict](painter, colour)
    painter.restore()


def _draw_pass(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QPointF(50, 50), 43, 43)
    painter.drawPolyline(QPolygonF([QPointF(29, 52), QPointF(44, 67), QPointF(71, 36)]))


def _draw_fail(painter: QPainter, colour: QColor) -> None:
    corners = [
        QPointF(50 + 46 * math.cos(math.radians(22.5 + 45 * i)), 50 + 46 * math.sin(math.radians(22.5 + 45 * i)))
        for i in range(8)
    ]
    painter.drawPolygon(QPolygonF(corners))
    painter.drawLine(QPointF(34, 34), QPointF(66, 66))
    painter.drawLine(QPointF(66, 34), QPointF(34, 66))


def _draw_retest(painter: QPainter, colour: QColor) -> None:
    painter.drawPolygon(QPolygonF([QPointF(50, 7), QPointF(95, 89), QPointF(5, 89)]))
    pen = QPen(painter.pen())
    pen.setWidthF(6.5)
    painter.setPen(pen)
    centre, radius = QPointF(50, 62), 15.0
    arc = QPainterPath()
    box = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
    arc.arcMoveTo(box, 40)
    arc.arcTo(box, 40, 280)
    painter.drawPath(arc)
    tip = QPointF(centre.x() + radius * math.cos(math.radians(40)), centre.y() - radius * math.sin(math.radians(40)))
    painter.setBrush(colour)
    painter.setPen(QPen(colour, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.drawPolygon(QPolygonF([tip + QPointF(4.5, -9.5), tip + QPointF(5.5, 6.5), tip + QPointF(-9.5, 2.5)]))


def _draw_error(painter: QPainter, colour: QColor) -> None:
    painter.drawPolygon(QPolygonF([QPointF(50, 5), QPointF(95, 50), QPointF(50, 95), QPointF(5, 50)]))
    painter.drawLine(QPointF(50, 30), QPointF(50, 54))
    painter.setBrush(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(QPointF(50, 70), 5.5, 5.5)


class VerdictShape(QWidget):
    """A verdict's shape in its colour, `side` pixels square."""

    def __init__(self, side: int, verdict: Verdict | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdict = verdict
        self.setAccessibleName(verdict.value if verdict else "")
        self.setFixedSize(QSize(side, side))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_verdict(self, verdict: Verdict | None) -> None:
        if verdict is self._verdict:
            return  # beside a live picture it is told many times a second
        self._verdict = verdict
        self.setAccessibleName(verdict.value if verdict else "")
        self.update()

    def paintEvent(self, _event: object) -> None:
        if self._verdict is None:
            return
        painter = QPainter(self)
        colour = QColor(current().tokens.of(self._verdict))
        draw_verdict(painter, self._verdict, QRectF(self.rect()).adjusted(1, 1, -1, -1), colour)
        painter.end()
