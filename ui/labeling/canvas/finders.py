"""Wand, box and heat map: tools that find an area by themselves, on a worker."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.masking import Area, HeatMap, Patch, Rect, blank, box_area, heat_area, wand_area
from ui.labeling.canvas.pencil import Pencil, outlined
from ui.labeling.canvas.tools import Tool
from ui.labeling.canvas.work import Work
from ui.shared.fingers import At

if TYPE_CHECKING:
    from ui.labeling.canvas.canvas import MaskCanvas


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


class HeatPencil(Pencil):
    """The model's heat map as a mask: shown while its limit is chosen, then taken.

    Attributes:
        map: None where no model has looked at the picture.
        threshold: in the map's units.
        area: what is shown of it.
    """

    def __init__(self, canvas: MaskCanvas) -> None:
        super().__init__(canvas)
        self.map: HeatMap | None = None
        self.threshold = 0.0
        self.area: Area | None = None

    @property
    def active(self) -> bool:
        return self.area is not None

    def show_map(self, heat: HeatMap | None) -> None:
        """Another picture is open."""
        self.map, self.area = heat, None
        self.threshold = heat.limit if heat is not None else 0.0

    def set_threshold(self, threshold: float) -> None:
        """Shows what would be taken."""
        self.threshold = threshold
        work = self.canvas.work
        if self.map is not None and work is not None and self.canvas.tool is Tool.HEAT:
            self.canvas.slow.newest("Reading the heat map", self._reading(self.map, work), self._show)

    def close(self) -> None:
        """What the limit covers becomes a mask of the chosen type; what was drawn before stays."""
        canvas, work, type_id = self.canvas, self.canvas.work, self.canvas.type_id
        if self.map is None or work is None or canvas.tool is not Tool.HEAT or not canvas.may_draw():
            return

        def take(area: Area | None) -> None:
            if area is None:
                canvas.told.emit("The heat map reaches this limit nowhere. Move the slider to the left.")
                return
            if canvas.tool is Tool.HEAT:
                canvas.choose(Tool.BRUSH)
            work.put(area, type_id, "heat map", only=0)

        canvas.slow.start("Taking the heat map", self._reading(self.map, work), take)

    def cancel(self) -> None:
        if self.area is not None:
            self._change(None)

    def _reading(self, heat: HeatMap, work: Work) -> Callable[[], Area | None]:
        size, threshold = work.size, self.threshold
        least = max(4, size[0] * size[1] // 200_000)
        return lambda: heat_area(heat, size, threshold, least)

    def _show(self, area: Area | None) -> None:
        if self.canvas.tool is Tool.HEAT:
            self._change(area)

    def _change(self, area: Area | None) -> None:
        work = self.canvas.work
        if work is None:
            return
        before, self.area = self.area, area
        plane = None
        if area is not None:
            plane = blank(work.size)
            plane[area.rect.slices] = area.pixels
        self.canvas.layers.set_preview(plane)
        for each in (before, area):
            if each is not None:
                self.canvas.bring_up(each.rect)
