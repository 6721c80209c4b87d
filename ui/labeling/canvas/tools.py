"""The tools: what a press, a movement and a release do with each, what they draw over the picture, what to do next."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.masking import Area, Patch, Plane, Point, Rect, box_area, polygon_area, snap_area, snap_outline, wand_area
from ui.labeling.canvas.fingers import At

if TYPE_CHECKING:
    from ui.labeling.canvas.canvas import MaskCanvas


class Tool(StrEnum):
    """What the pointer does."""

    BRUSH = "brush"
    ERASER = "eraser"
    POLYGON = "polygon"
    WAND = "wand"
    BOX = "box"
    HEAT = "heat map"


HINTS = {
    Tool.BRUSH: "Paint over the defect. [ and ] change the size.",
    Tool.ERASER: "Paint over what is not a defect.",
    Tool.POLYGON: "Tap the corners; tap the first again to close.",
    Tool.WAND: "Tap a spot: what is joined to it and alike is taken.",
    Tool.BOX: "Draw a box around the defect, with a little room.",
    Tool.HEAT: "Move the slider until the defect is covered, then take it.",
}
"""What to do next, in a line."""

_CLOSE = 16.0
"""Pixels of the screen within which a tap means the first corner."""
_SNAP = 12.0
"""Pixels of the screen that an outline moves at most to an edge."""
_SNAP_MOST = 60.0
"""The same in pixels of the picture: far away from it edges are anywhere."""


class Pencil:
    """One tool at work on a canvas. Places are in the widget's pixels."""

    def __init__(self, canvas: MaskCanvas) -> None:
        self.canvas = canvas

    @property
    def active(self) -> bool:
        """Whether something is begun that Escape would end."""
        return False

    def press(self, at: At) -> None: ...
    def move(self, at: At) -> None: ...
    def release(self, at: At) -> None: ...
    def cancel(self) -> None: ...
    def close(self) -> None:
        """Enter: what was begun is done."""

    def back(self) -> None:
        """Backspace: the last part of what was begun goes."""

    def paint(self, painter: QPainter) -> None: ...


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


class WandPencil(Pencil):
    """Takes what is joined and alike. Moving the tolerance afterwards takes it anew."""

    def __init__(self, canvas: MaskCanvas) -> None:
        super().__init__(canvas)
        self._seed: tuple[int, int] | None = None
        self._patch: Patch | None = None

    def release(self, at: At) -> None:
        canvas, work = self.canvas, self.canvas.work
        if work is None:
            return
        x, y = canvas.view.to_picture(at)
        picture, seed = work.picture, (math.floor(x), math.floor(y))
        tolerance, type_id = canvas.tolerance, canvas.type_id

        def take(area: Area | None) -> None:
            self._seed, self._patch = seed, work.put(area, type_id, "wand")

        canvas.slow.start("Looking for what is alike", lambda: wand_area(picture, seed, tolerance), take)

    def retune(self) -> None:
        """The tolerance was moved: the last step is done anew if it was this wand's."""
        canvas, work, seed, patch = self.canvas, self.canvas.work, self._seed, self._patch
        if work is None or seed is None or patch is None:
            return
        last = work.history.last
        if last is None or last.patch is not patch:
            return
        picture, tolerance, type_id = work.picture, canvas.tolerance, canvas.type_id

        def take(area: Area | None) -> None:
            self._patch = work.put_instead(self._patch, area, type_id, "wand") if self._patch is not None else None

        canvas.slow.newest("Looking for what is alike", lambda: wand_area(picture, seed, tolerance), take)


class BoxPencil(Pencil):
    """A box becomes the mask of what stands out within."""

    def __init__(self, canvas: MaskCanvas) -> None:
        super().__init__(canvas)
        self._from: At | None = None
        self._to: At = (0.0, 0.0)

    @property
    def active(self) -> bool:
        return self._from is not None

    def press(self, at: At) -> None:
        self._from, self._to = self.canvas.view.to_picture(at), self.canvas.view.to_picture(at)

    def move(self, at: At) -> None:
        if self._from is not None:
            self._to = self.canvas.view.to_picture(at)
            self.canvas.update()

    def cancel(self) -> None:
        if self._from is not None:
            self._from = None
            self.canvas.update()

    def release(self, at: At) -> None:
        canvas, work = self.canvas, self.canvas.work
        if work is None or self._from is None:
            return
        self.move(at)
        (x0, x1), (y0, y1) = (sorted((self._from[axis], self._to[axis])) for axis in (0, 1))
        self.cancel()
        box = Rect(math.floor(x0), math.floor(y0), math.ceil(x1 - x0), math.ceil(y1 - y0))
        picture, type_id = work.picture, canvas.type_id
        inside = box.clipped(work.size)
        if inside.width < 4 or inside.height < 4:
            canvas.told.emit("Draw the box a little larger: from one corner to the opposite one.")
            return

        def take(area: Area | None) -> None:
            if area is None:
                canvas.told.emit("Nothing stands out in this box. Draw it closer, or use the brush.")
            work.put(area, type_id, "box")

        canvas.slow.start("Cutting out", lambda: box_area(picture, box), take)

    def paint(self, painter: QPainter) -> None:
        if self._from is None:
            return
        corner, opposite = (QPointF(*self.canvas.view.to_widget(each)) for each in (self._from, self._to))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in outlined(self.canvas.colour):
            painter.setPen(pen)
            painter.drawRect(QRectF(corner, opposite).normalized())


def pencils(canvas: MaskCanvas) -> dict[Tool, Pencil]:
    """One of each."""
    return {
        Tool.BRUSH: BrushPencil(canvas, erase=False),
        Tool.ERASER: BrushPencil(canvas, erase=True),
        Tool.POLYGON: PolygonPencil(canvas),
        Tool.WAND: WandPencil(canvas),
        Tool.BOX: BoxPencil(canvas),
        Tool.HEAT: Pencil(canvas),
    }


def outlined(colour: QColor) -> tuple[QPen, QPen]:
    """A dark line and a coloured one on it: seen on any part."""
    return QPen(QColor(0, 0, 0, 170), 4), QPen(colour, 2)


def snap_reach(canvas: MaskCanvas) -> float:
    """How far an outline may move, in pixels of the picture: as far as a hand is off at this zoom."""
    return min(max(_SNAP / canvas.view.scale, 3.0), _SNAP_MOST)


def preview_plane(area: Area | None, size: tuple[int, int]) -> Plane | None:
    """An area as a plane of 0 and 1."""
    if area is None:
        return None
    plane = np.zeros((size[1], size[0]), np.uint8)
    plane[area.rect.slices] = area.pixels
    return plane
