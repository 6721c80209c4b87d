"""Brush, eraser and polygon: what a hand draws as it is, or follows the edges near it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.masking import Area, Patch, Point, polygon_area, snap_area, snap_outline
from ui.labeling.canvas.pencil import Pencil, outlined, snap_reach
from ui.shared.fingers import At

if TYPE_CHECKING:
    from ui.labeling.canvas.canvas import MaskCanvas

_CLOSE = 16.0
"""Pixels of the screen within which a tap means the first corner."""


class BrushPencil(Pencil):
    """Paints or erases where it goes."""

    def __init__(self, canvas: MaskCanvas, erase: bool) -> None:
        super().__init__(canvas)
        self._erase = erase

    @property
    def active(self) -> bool:
        return self.canvas.work is not None and self.canvas.work.stroking

    def _how(self) -> tuple[float, int, int | None]:
        canvas = self.canvas
        if not self._erase:
            return canvas.diameter, canvas.type_id, None
        return canvas.diameter, 0, canvas.type_id if canvas.erase_current_only else None

    def press(self, at: At) -> None:
        if self.canvas.work is not None:
            self.canvas.work.begin(self.canvas.view.to_picture(at), *self._how())

    def move(self, at: At) -> None:
        if self.canvas.work is not None:
            self.canvas.work.draw_to(self.canvas.view.to_picture(at), *self._how())

    def release(self, at: At) -> None:
        work = self.canvas.work
        if work is None or not work.stroking:
            return
        self.move(at)
        type_id = self.canvas.type_id
        patch = work.finish("eraser" if self._erase else "brush")
        if patch is not None and self.canvas.snap and not self._erase:
            self._snap(patch, type_id)

    def cancel(self) -> None:
        if self.canvas.work is not None:
            self.canvas.work.cancel()

    def _snap(self, patch: Patch, type_id: int) -> None:
        """The stroke stands at once; its outline follows when the edges are found, unless more was done meanwhile."""
        canvas, work, reach = self.canvas, self.canvas.work, snap_reach(self.canvas)
        assert work is not None
        picture, area = work.picture, Area(patch.rect, patch.mask())
        canvas.slow.start(
            "Finding the edges",
            lambda: snap_area(picture, area, reach),
            lambda found: work.put_instead(patch, found, type_id, "brush"),
        )


class PolygonPencil(Pencil):
    """Corners one by one; closed by a tap on the first, or Enter."""

    def __init__(self, canvas: MaskCanvas) -> None:
        super().__init__(canvas)
        self.corners: list[Point] = []
        self._hover: At | None = None

    @property
    def active(self) -> bool:
        return bool(self.corners)

    def press(self, at: At) -> None:
        self.move(at)

    def move(self, at: At) -> None:
        self._hover = at
        if self.corners:
            self.canvas.update()

    def release(self, at: At) -> None:
        if len(self.corners) >= 3 and self._near_first(at):
            self.close()
            return
        self.corners.append(self.canvas.view.to_picture(at))
        self.canvas.update()

    def _near_first(self, at: At) -> bool:
        x, y = self.canvas.view.to_widget(self.corners[0])
        return math.hypot(x - at[0], y - at[1]) <= _CLOSE

    def back(self) -> None:
        if self.corners:
            self.corners.pop()
            self.canvas.update()

    def cancel(self) -> None:
        self._hover = None
        if self.corners:
            self.corners.clear()
            self.canvas.update()

    def close(self) -> None:
        canvas, work = self.canvas, self.canvas.work
        if work is None or len(self.corners) < 3:
            return
        corners, type_id = list(self.corners), canvas.type_id
        self.cancel()
        patch = work.put(polygon_area(corners, work.size), type_id, "polygon")
        if patch is None or not canvas.snap:
            return
        picture, reach, size = work.picture, snap_reach(canvas), work.size

        def snapped() -> Area | None:
            return polygon_area(snap_outline(picture, np.array(corners), reach).tolist(), size)

        canvas.slow.start("Finding the edges", snapped, lambda area: work.put_instead(patch, area, type_id, "polygon"))

    def paint(self, painter: QPainter) -> None:
        if not self.corners:
            return
        places = [QPointF(*self.canvas.view.to_widget(corner)) for corner in self.corners]
        way = QPolygonF(places)
        closing = len(places) >= 3 and self._hover is not None and self._near_first(self._hover)
        if self._hover is not None:
            way.append(places[0] if closing else QPointF(*self._hover))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pen in outlined(self.canvas.colour):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(way)
        painter.setPen(QPen(QColor(0, 0, 0, 190), 2))
        for index, place in enumerate(places):
            first = index == 0 and len(places) >= 3
            painter.setBrush(QColor(255, 255, 255) if first else self.canvas.colour)
            radius = (10 if closing else 8) if first else 5
            painter.drawEllipse(place, radius, radius)
