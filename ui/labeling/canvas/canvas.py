"""The picture with its mask, under mouse, fingers, stylus and keys."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from app.domain.labelling import DefectType
from app.masking import (
    HeatMap,
    Plane,
    Rect,
    copied_to,
)
from ui.labeling.canvas.drawing import draw_cursor, draw_grid, draw_words
from ui.labeling.canvas.finders import BoxPencil, HeatPencil, WandPencil
from ui.labeling.canvas.keys import act_on, knows
from ui.labeling.canvas.layers import Layers, Pyramid
from ui.labeling.canvas.outlines import BrushPencil, PolygonPencil
from ui.labeling.canvas.pencil import Pencil
from ui.labeling.canvas.slow import Run, Slow
from ui.labeling.canvas.tools import Tool
from ui.labeling.canvas.view import GRID_FROM, View, around, fitted
from ui.labeling.canvas.work import Work
from ui.shared.fingers import At
from ui.shared.pointed import Pointed
from ui.theme import current

SIZES = (1, 512)
"""Smallest and largest brush, in pixels of the picture."""
_WHEEL = 1.25
"""Zoom of one notch of the wheel."""
_EMPTY = "No picture is open."


class MaskCanvas(Pointed):
    """Shows one picture and lets its mask be drawn.

    `changed` after each finished action: a read-only copy of the plane, and what was done ("brush", "undo brush").
    `undo_beyond`, `redo_beyond`: undo or redo was asked for and there is nothing left here. `tool_changed`,
    `type_changed`, `size_changed`: a key chose another. `told`: words for the user. `busy`: what is being worked on,
    "" when done.

    Attributes:
        work: plane and history of the open picture, None without one.
        diameter: of the brush, in pixels of the picture.
        tolerance: of the wand, in grey levels.
        snap: brush and polygon follow the edges near them.
        erase_current_only: the eraser leaves other types alone.
    """

    changed = Signal(object, str)
    undo_beyond = Signal()
    redo_beyond = Signal()
    next_wanted = Signal()
    previous_wanted = Signal()
    tool_changed = Signal(str)
    type_changed = Signal(int)
    size_changed = Signal(int)
    type_wanted = Signal(int)
    view_changed = Signal()
    told = Signal(str)

    def __init__(self, run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self.work: Work | None = None
        self.view = View(1.0, 0.0, 0.0)
        self.layers = Layers()
        self.slow = Slow(run, self)
        self.slow.told.connect(self.told)
        self.tool = Tool.BRUSH
        self.types: tuple[DefectType, ...] = ()
        self.type_id = 0
        self.diameter = 24
        self.tolerance = 24
        self.snap = False
        self.erase_current_only = False
        self.opacity = 0.5
        self.words = _EMPTY
        self.heat = HeatPencil(self)
        self._wand = WandPencil(self)
        self._polygon = PolygonPencil(self)
        self._pencils: dict[Tool, Pencil] = {
            Tool.BRUSH: BrushPencil(self, erase=False),
            Tool.ERASER: BrushPencil(self, erase=True),
            Tool.POLYGON: self._polygon,
            Tool.WAND: self._wand,
            Tool.BOX: BoxPencil(self),
            Tool.HEAT: self.heat,
        }
        self._pencil: Pencil | None = None
        self._held = False  # fitted until somebody zooms or moves
        self._cursor: At | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(240, 180))
        self.setAccessibleName("Picture and mask")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        current().changed.connect(self._dress)
        self._dress()

    # -- what is open
    def open(self, pictures: Pyramid, plane: Plane, heat: HeatMap | None = None) -> None:
        """Shows a picture and its plane, which is copied; history begins anew and work under way is dropped."""
        self.shut()
        self.work = Work(pictures.picture, plane)
        self.work.touched.connect(self.bring_up)
        self.work.changed.connect(self.changed)
        self.work.undo_beyond.connect(self.undo_beyond)
        self.work.redo_beyond.connect(self.redo_beyond)
        self.heat.show_map(heat)
        self.layers.show(pictures, self.work.plane)
        self.fit()
        if self.tool is Tool.HEAT:
            self.choose(Tool.HEAT if heat is not None else Tool.BRUSH)

    def shut(self, words: str = _EMPTY) -> None:
        """Shows nothing but words; results on their way are dropped."""
        self.escape()
        self.slow.drop()
        self.work, self.words = None, words
        self.heat.show_map(None)
        self.layers.show(None, None)
        self.update()

    @property
    def colour(self) -> QColor:
        """Of the chosen type."""
        return next((QColor(each.colour) for each in self.types if each.id == self.type_id), QColor("#888888"))

    # -- what is chosen
    def set_types(self, types: tuple[DefectType, ...]) -> None:
        """The types there are; the chosen one stays chosen where it still exists."""
        self.types = types
        if self.type_id not in {each.id for each in types}:
            self.type_id = types[0].id if types else 0
            self.type_changed.emit(self.type_id)
        self._dress()

    def choose_type(self, type_id: int) -> None:
        if type_id != self.type_id and any(each.id == type_id for each in self.types):
            self.type_id = type_id
            self.type_changed.emit(type_id)
            self._dress()

    def choose(self, tool: Tool) -> None:
        """Takes another tool; what was begun with the old one is ended."""
        if tool is Tool.HEAT and self.heat.map is None:
            self.told.emit("There is no heat map of this picture: no model has looked at it yet.")
            return
        self.escape()
        changed, self.tool = tool is not self.tool, tool
        if tool is Tool.HEAT:
            self.heat.set_threshold(self.heat.threshold)
        if changed:
            self.tool_changed.emit(tool.value)
        self.show_cursor()
        self.update()

    def set_diameter(self, pixels: int) -> None:
        pixels = min(max(pixels, SIZES[0]), SIZES[1])
        if pixels != self.diameter:
            self.diameter = pixels
            self.size_changed.emit(pixels)
            self.update()

    def set_tolerance(self, tolerance: int) -> None:
        self.tolerance = tolerance
        if self.tool is Tool.WAND:
            self._wand.retune()

    def set_opacity(self, opacity: float) -> None:
        self.opacity = opacity
        self._dress()

    # -- actions
    def may_draw(self) -> bool:
        """Whether there is a type to draw with; says what to do where there is none."""
        if self.type_id:
            return True
        self.told.emit("Add a defect type first: what kind of defect is it?")
        self.type_wanted.emit(0)
        return False

    def undo(self) -> None:
        """Takes back what is begun, or else the last step."""
        if self._polygon.active:
            self._polygon.back()
        elif self.work is not None:
            self.work.undo()

    def redo(self) -> None:
        if self.work is not None:
            self.work.redo()

    def stop(self) -> None:
        """Escape: ends what is going on without a mark, and puts the heat map away."""
        self.escape()
        if self.tool is Tool.HEAT:
            self.choose(Tool.BRUSH)

    def escape(self) -> None:
        """Ends what is going on without a mark."""
        for pencil in self._pencils.values():
            pencil.cancel()
        self._pencil = None

    def close_shape(self) -> None:
        """Enter: closes the polygon, takes the heat map."""
        self._pencils[self.tool].close()

    def step_back(self) -> None:
        """Backspace: the polygon's last corner goes."""
        self._pencils[self.tool].back()

    def paste(self, plane: Plane, name: str = "this picture") -> bool:
        """Lays another picture's mask over this one, as one step.

        Raises:
            MaskError: it has another size.
        """
        if self.work is None:
            return False
        return self.work.paste(copied_to(plane, self.work.size, name), "copied mask") is not None

    def relabel(self, source: int, into: int) -> None:
        """The owner merged two types everywhere. What is under way for either is dropped: it would bring one back."""
        self.slow.drop()
        if self.type_id == source:
            self.type_id = into
        if self.work is not None:
            self.work.relabel(source, into)

    # -- zoom and place
    def fit(self) -> None:
        """The whole picture."""
        self._held = False
        if self.work is not None:
            self._look(fitted(self.work.size, self._room()))

    def zoom(self, factor: float, at: At | None = None) -> None:
        """Closer or further away about a place, the middle where none is given."""
        if self.work is None:
            return
        room = self._room()
        at = at if at is not None else (room[0] / 2, room[1] / 2)
        self._held = True
        self._look(self.view.zoomed(factor, at, self._least()).held(self.work.size, room))

    def fly_to(self, rect: Rect) -> None:
        """Brings a part of the picture into the middle."""
        if self.work is not None:
            self._held = True
            self._look(around(rect, self.work.size, self._room()))

    def _room(self) -> tuple[float, float]:
        return float(self.width()), float(self.height())

    def _least(self) -> float:
        assert self.work is not None
        return min(fitted(self.work.size, self._room()).scale, 1.0) / 2

    def _look(self, view: View) -> None:
        self.view = view
        self.layers.look(view, self.width(), self.height(), self.devicePixelRatioF())
        self.update()
        self.view_changed.emit()

    def resizeEvent(self, _event: object) -> None:
        if self.work is None:
            return
        if self._held:
            self._look(self.view.held(self.work.size, self._room()))
        else:
            self.fit()

    def _dress(self) -> None:
        theme = current()
        colours = {each.id: QColor(each.colour) for each in self.types}
        self.layers.set_colours(colours, self.colour, self.opacity, theme.colour("surface"))
        if self.work is not None:
            self._look(self.view)
        self.update()

    # -- painting
    def bring_up(self, rect: Rect) -> None:
        """Shows what has changed in a rectangle of the picture."""
        dirty = self.layers.refresh(rect)
        if not dirty.isEmpty():
            self.update(dirty)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        dirty = event.rect()
        if self.work is None:
            painter.fillRect(dirty, current().colour("surface"))
            draw_words(painter, self.rect(), self.words)
            painter.end()
            return
        ratio = self.devicePixelRatioF()
        source = QRectF(dirty.x() * ratio, dirty.y() * ratio, dirty.width() * ratio, dirty.height() * ratio)
        painter.drawImage(QRectF(dirty), self.layers.picture, source)
        painter.drawImage(QRectF(dirty), self.layers.mask, source)
        if self.view.scale >= GRID_FROM:
            draw_grid(painter, self.view, self.work.size, dirty)
        self._pencils[self.tool].paint(painter)
        if self._cursor is not None and self._ring():
            draw_cursor(painter, self._cursor, self.diameter * self.view.scale)
        painter.end()

    def _ring(self) -> bool:
        return (
            self.work is not None
            and not self.panning
            and (self.tool in (Tool.BRUSH, Tool.ERASER) or self._pencil is self._pencils[Tool.ERASER])
        )

    def place_cursor(self, at: At | None) -> None:
        for each in (self._cursor, at):
            if each is not None and self._ring():
                reach = max(self.diameter * self.view.scale / 2, 4) + 5
                self.update(QRectF(each[0] - reach, each[1] - reach, 2 * reach, 2 * reach).toAlignedRect())
        self._cursor = at

    def show_cursor(self) -> None:
        if self.panning:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self.space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._ring():
            shape = Qt.CursorShape.BlankCursor
        else:
            shape = Qt.CursorShape.CrossCursor if self.tool is not Tool.HEAT else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)

    # -- one pointer, whatever it is
    def press(self, at: At, erase: bool = False) -> None:
        if self.work is None:
            return
        tool = Tool.ERASER if erase else self.tool
        if tool is not Tool.ERASER and not self.may_draw():
            return
        self._pencil = self._pencils[tool]
        self._pencil.press(at)
        self.place_cursor(at)

    def move(self, at: At) -> None:
        if self._pencil is not None:
            self._pencil.move(at)
        self.place_cursor(at)

    def release(self, at: At) -> None:
        pencil, self._pencil = self._pencil, None
        if pencil is not None:
            pencil.release(at)
            if not self._ring():
                self.update()  # the eraser's ring of a right button goes

    def cancel(self) -> None:
        """The press that is under way never was; corners set before it stay."""
        pencil, self._pencil = self._pencil, None
        if pencil is not None and pencil is not self._polygon:
            pencil.cancel()

    def pinch(self, factor: float, about: At, by: At) -> None:
        if self.work is None:
            return
        self._held = True
        self.place_cursor(None)
        moved = self.view.zoomed(factor, about, self._least()).moved(*by)
        self._look(moved.held(self.work.size, self._room()))

    def hover(self, at: At) -> None:
        """The pointer moves without being pressed: a polygon's line follows between two clicks."""
        if self.tool is Tool.POLYGON:
            self._polygon.move(at)
        self.place_cursor(at)

    # -- keys
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and knows(event):
            event.accept()  # a key of the canvas is no shortcut of the window
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.space = True
                self.show_cursor()
        elif not act_on(self, event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.space = False
            self.show_cursor()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, _event: object) -> None:
        self.space = False
        self.show_cursor()
