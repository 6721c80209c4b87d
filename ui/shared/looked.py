"""Where is looked, on any picture: the rest dimmed, thin outlines in grey. Grey, since it is no verdict."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QRegion

from app.domain.look import IGNORE, LOOK, Kind, LookOutline

Shape = tuple[Kind, QPolygonF]
_DIM = QColor(10, 12, 14, 130)
_EDGE = QColor(0, 0, 0, 120)
_LINE = QColor(225, 230, 234, 170)


def draw_look(painter: QPainter, outlines: Sequence[LookOutline], place: QRectF, size: tuple[int, int]) -> None:
    """Dims what is not looked at, and outlines the regions, on a picture of `size` pixels that is shown at `place`."""
    if not outlines:
        return
    across, down = place.width() / size[0], place.height() / size[1]
    shapes = [
        (each.kind, QPolygonF([QPointF(place.x() + x * across, place.y() + y * down) for x, y in each.corners]))
        for each in outlines
    ]
    draw_shapes(painter, shapes, place)


def draw_shapes(painter: QPainter, shapes: Sequence[Shape], place: QRectF) -> None:
    """The same for regions in the painter's own pixels."""
    whole = QRegion(place.toAlignedRect())
    looked = QRegion() if any(kind == LOOK for kind, _ in shapes) else whole
    for kind, shape in shapes:
        if kind == LOOK:
            looked = looked.united(QRegion(shape.toPolygon()))
    for kind, shape in shapes:
        if kind == IGNORE:
            looked = looked.subtracted(QRegion(shape.toPolygon()))
    painter.save()
    painter.setClipRegion(whole.subtracted(looked), Qt.ClipOperation.IntersectClip)
    painter.fillRect(place, _DIM)
    painter.restore()
    painter.save()
    painter.setClipRect(place, Qt.ClipOperation.IntersectClip)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for kind, shape in shapes:
        painter.setPen(QPen(_EDGE, 2))
        painter.drawPolygon(shape)
        painter.setPen(QPen(_LINE, 1, Qt.PenStyle.DashLine if kind == IGNORE else Qt.PenStyle.SolidLine))
        painter.drawPolygon(shape)
    painter.restore()
