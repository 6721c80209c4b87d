"""Small things that are painted over picture and mask."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from ui.labeling.canvas.view import View
from ui.theme import current

_SMALLEST_RING = 5.0
_LARGEST_KEPT = 1200.0


def draw_cursor(painter: QPainter, at: tuple[float, float], diameter: float) -> None:
    """The brush's true size as a ring that is seen on bright and dark; a cross where it is too small for one."""
    x, y = at
    if diameter > _LARGEST_KEPT:
        _draw_ring(painter, QPointF(x, y), diameter)
        return
    ratio = painter.device().devicePixelRatioF()
    half = _half(diameter)
    painter.drawImage(QPointF(x - half, y - half), _ring(round(diameter * 2) / 2, ratio))


@lru_cache(maxsize=8)
def _ring(diameter: float, ratio: float) -> QImage:
    """The ring as a picture: stroking it anew with each movement takes longer than all else."""
    half = _half(diameter)
    side = max(1, round(2 * half * ratio))
    made = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    made.setDevicePixelRatio(ratio)
    made.fill(0)
    painter = QPainter(made)
    _draw_ring(painter, QPointF(half, half), diameter)
    painter.end()
    return made


def _half(diameter: float) -> int:
    return math.ceil(max(diameter / 2, 4.0)) + 3


def _draw_ring(painter: QPainter, middle: QPointF, diameter: float) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    x, y = middle.x(), middle.y()
    for colour, width in ((QColor(0, 0, 0, 170), 3.0), (QColor(255, 255, 255), 1.25)):
        painter.setPen(QPen(colour, width))
        if diameter >= _SMALLEST_RING:
            painter.drawEllipse(middle, diameter / 2, diameter / 2)
        else:
            painter.drawLines([QLineF(x - 4, y, x + 4, y), QLineF(x, y - 4, x, y + 4)])


def draw_grid(painter: QPainter, view: View, size: tuple[int, int], dirty: QRect) -> None:
    """Lines between the pixels of the picture, within what is painted."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(QColor(128, 128, 128, 90), 0))
    left, top = view.to_picture((dirty.left(), dirty.top()))
    right, bottom = view.to_picture((dirty.right() + 1, dirty.bottom() + 1))
    x0, x1 = max(math.floor(left), 0), min(math.ceil(right), size[0])
    y0, y1 = max(math.floor(top), 0), min(math.ceil(bottom), size[1])
    (start_x, start_y), (end_x, end_y) = view.to_widget((x0, y0)), view.to_widget((x1, y1))
    lines = [QLineF((x - view.x) * view.scale, start_y, (x - view.x) * view.scale, end_y) for x in range(x0, x1 + 1)]
    lines += [QLineF(start_x, (y - view.y) * view.scale, end_x, (y - view.y) * view.scale) for y in range(y0, y1 + 1)]
    painter.drawLines(lines)


def draw_words(painter: QPainter, room: QRect, words: str) -> None:
    """Words in the place of a picture."""
    painter.setPen(current().colour("quiet"))
    inner = QRectF(room.adjusted(24, 16, -24, -16))
    painter.drawText(inner, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words)
