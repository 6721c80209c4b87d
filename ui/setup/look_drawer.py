"""A picture on which regions to look at and to ignore are drawn by mouse, finger, stylus or keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFont, QImage, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy

from app.domain.look import IGNORE, LOOK, MOST, Kind, LookRegion
from ui.setup.look_shapes import MOVE, At, Place, dragged, drawn, handle_at, handles, region_at
from ui.shared.images import fit
from ui.shared.looked import draw_shapes
from ui.shared.pointed import Pointed
from ui.theme import current
from ui.theme.theme import font

_STEP = 0.01  # of the picture, a press of an arrow key
_TAP = 10  # pixels that a finger may slip
_KNOB = 15.0  # pixels, radius of what is painted of a handle
_ARROWS = {
    Qt.Key.Key_Left: (-_STEP, 0.0),
    Qt.Key.Key_Right: (_STEP, 0.0),
    Qt.Key.Key_Up: (0.0, -_STEP),
    Qt.Key.Key_Down: (0.0, _STEP),
}
_NEW = LookRegion(x=0.35, y=0.35, width=0.3, height=0.3)


class LookDrawer(Pointed):
    """A drag draws a region, a tap chooses one, its handles move and resize it. Tab goes from region to region, arrows
    move the chosen one (with Shift its lower right corner), Insert makes one, Delete takes it away, Ctrl+Z takes back.

    `changed` after each change that is done; `chosen` when another region is the chosen one.

    Attributes:
        kind: of the region that is drawn next.
    """

    changed = Signal()
    chosen = Signal()
    full = Signal()

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self.kind: Kind = LOOK
        self._image: QImage | None = None
        self._size = (4, 3)
        self._words = ""
        self._regions: tuple[LookRegion, ...] = ()
        self._before: list[tuple[LookRegion, ...]] = []
        self._number: int | None = None  # the chosen one
        self._pressed: At | None = None
        self._at: At = (0.0, 0.0)
        self._handle = ""
        self._ring = False
        self._held: LookRegion | None = None  # as it was when its handle was taken
        self.setMinimumSize(QSize(280, 200))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Picture to draw where to look")
        current().changed.connect(self.update)

    # -- what is there
    @property
    def regions(self) -> tuple[LookRegion, ...]:
        return self._regions

    @property
    def number(self) -> int | None:
        """Of the chosen region."""
        return self._number

    @property
    def busy(self) -> bool:
        """Whether something is being drawn or dragged."""
        return self._pressed is not None

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    @property
    def has_picture(self) -> bool:
        return self._image is not None

    @property
    def words(self) -> str:
        """In the picture's place."""
        return "" if self.has_picture else self._words

    def show_picture(self, image: QImage | None, words: str = "") -> None:
        """A picture, or words in its place."""
        self._image, self._words = image, words
        if image is not None:
            self._size = (image.width(), image.height())
        self.update()

    def show_regions(self, regions: Sequence[LookRegion]) -> None:
        """Those of another camera, or changed elsewhere: what was done before can't be taken back any more."""
        self._regions, self._before, self._pressed = tuple(regions), [], None
        self.choose(None)
        self.update()

    def place(self) -> Place:
        """Where the picture lies in this widget."""
        width, height = fit(self._size, (self.width(), self.height()))
        return Place((self.width() - width) // 2, (self.height() - height) // 2, width, height)

    def handles(self) -> dict[str, At]:
        """Middles of the chosen region's handles, each a square of 15 mm."""
        if self._number is None:
            return {}
        room = (float(self.width()), float(self.height()))
        return handles(self._regions[self._number], self.place(), room, current().metrics.touch)

    # -- what is done
    def undo(self) -> None:
        """Takes back the last change."""
        if self._before and not self.busy:
            self._regions = self._before.pop()
            self.choose(None)
            self._done()

    def clear(self) -> None:
        if self._regions:
            self._put(())
            self.choose(None)

    def delete(self) -> None:
        """The chosen region."""
        if self._number is not None:
            number = self._number
            self.choose(None)
            self._put(self._regions[:number] + self._regions[number + 1 :])

    def turn_over(self) -> None:
        """What is looked at in the chosen region is ignored from now on, or the reverse."""
        if self._number is not None:
            region = self._regions[self._number]
            self._replace(region.model_copy(update={"kind": LOOK if region.kind == IGNORE else IGNORE}))

    def add(self, region: LookRegion) -> None:
        """One more, which is the chosen one then."""
        if len(self._regions) >= MOST:
            self.full.emit()
            return
        self._put((*self._regions, region))
        self.choose(len(self._regions) - 1)

    def _replace(self, region: LookRegion) -> None:
        assert self._number is not None
        if region != self._regions[self._number]:
            self._put((*self._regions[: self._number], region, *self._regions[self._number + 1 :]))

    def _put(self, regions: tuple[LookRegion, ...]) -> None:
        self._before.append(self._regions)
        self._regions = regions
        self._done()

    def _done(self) -> None:
        self.update()
        self.changed.emit()

    def choose(self, number: int | None) -> None:
        """The region that the knobs and keys are for, by its number."""
        self._number = number
        self.update()
        self.chosen.emit()

    # -- pointers
    def press(self, at: At, erase: bool = False) -> None:
        if self._image is None:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pressed = self._at = at
        self._handle = handle_at(self.handles(), at, current().metrics.touch)
        self._held = self._regions[self._number] if self._handle and self._number is not None else None
        self.update()

    def move(self, at: At) -> None:
        if self._pressed is not None:
            self._at = at
            self.update()

    def release(self, at: At) -> None:
        if self._pressed is None:
            return
        self._at = at
        region, held, tapped = self._in_hand(), self._held, self._still()
        begun = self.place().share(self._pressed)
        self._pressed = self._held = None
        if held is not None:
            if region is not None and not tapped:
                self._replace(region)
        elif tapped:
            self.choose(region_at(self._regions, begun))
        elif region is not None:
            self.add(region)
        self.update()

    def cancel(self) -> None:
        self._pressed = self._held = None
        self.update()

    def hover(self, at: At) -> None:
        """Nothing shows before a press."""

    def pinch(self, factor: float, about: At, by: At) -> None:
        """The picture stays as it is."""

    def zoom(self, factor: float, at: At | None = None) -> None:
        """The picture stays as it is."""

    def place_cursor(self, at: At | None) -> None:
        """The system's own is enough."""

    def show_cursor(self) -> None:
        """It stays a cross."""

    def _still(self) -> bool:
        assert self._pressed is not None
        return max(abs(self._at[0] - self._pressed[0]), abs(self._at[1] - self._pressed[1])) < _TAP

    def _in_hand(self) -> LookRegion | None:
        """The region as it is being drawn or dragged."""
        if self._pressed is None:
            return None
        place = self.place()
        if self._held is not None:
            by = (self._at[0] - self._pressed[0]) / place.width, (self._at[1] - self._pressed[1]) / place.height
            return dragged(self._held, self._handle, by)
        return drawn(place.share(self._pressed), place.share(self._at), self.kind)

    # -- keys
    def focusNextPrevChild(self, forward: bool) -> bool:
        count = len(self._regions)
        following = (0 if forward else count - 1) if self._number is None else self._number + (1 if forward else -1)
        if self.hasFocus() and 0 <= following < count:
            self.choose(following)
            return True
        return bool(super().focusNextPrevChild(forward))

    def focusInEvent(self, event: QFocusEvent) -> None:
        # A finger leaves no focus ring behind, keys do.
        self._ring = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = event.key(), event.modifiers()
        if key == Qt.Key.Key_Z and held & Qt.KeyboardModifier.ControlModifier:
            self.undo()
        elif key == Qt.Key.Key_Insert and self.has_picture:
            self.add(_NEW.model_copy(update={"kind": self.kind}))
        elif self._number is not None and key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete()
        elif self._number is not None and key == Qt.Key.Key_Escape:
            self.choose(None)
        elif self._number is not None and (by := _ARROWS.get(Qt.Key(key))) is not None:
            handle = "right bottom" if held & Qt.KeyboardModifier.ShiftModifier else MOVE
            self._replace(dragged(self._regions[self._number], handle, by))
        else:
            super().keyPressEvent(event)

    # -- painting
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._image is None:
            painter.setPen(theme.colour("line"))
            painter.setBrush(theme.colour("ground"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
            painter.setPen(theme.colour("quiet"))
            painter.setFont(font(16))
            room = self.rect().adjusted(24, 16, -24, -16)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._words)
            painter.end()
            return
        place = self.place()
        rect = QRectF(place.x, place.y, place.width, place.height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)  # a still picture
        painter.drawImage(rect, self._image)
        held, now = self._held, self._in_hand()
        regions = list(self._regions)
        if held is not None and now is not None and self._number is not None:
            regions[self._number] = now
        if held is None and now is not None and not self._still():
            regions.append(now)
        draw_shapes(painter, [(each.kind, QPolygonF(_rect(place, each))) for each in regions], rect)
        painter.setFont(font(16, QFont.Weight.DemiBold))
        for each in regions:
            _name(painter, each, _rect(place, each))
        if held is None and now is not None and not self._still():
            _mark(painter, _rect(place, now))
        elif self._number is not None and self._number < len(regions):
            _mark(painter, _rect(place, regions[self._number]))
            region, room = regions[self._number], (float(self.width()), float(self.height()))
            _paint_handles(painter, handles(region, place, room, theme.metrics.touch), _rect(place, region))
        if self._ring:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("action"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()


def _rect(place: Place, region: LookRegion) -> QRectF:
    return QRectF(*place.on_screen(region))


def _name(painter: QPainter, region: LookRegion, rect: QRectF) -> None:
    """What a region is for, where there is room for the word."""
    words = "Ignored" if region.kind == IGNORE else "Look here"
    metrics = painter.fontMetrics()
    if metrics.horizontalAdvance(words) + 16 > rect.width() or metrics.height() + 8 > rect.height():
        return
    at = QPointF(rect.left() + 8, rect.top() + 4 + metrics.ascent())
    painter.setPen(QColor(0, 0, 0, 200))
    painter.drawText(at + QPointF(1, 1), words)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(at, words)


def _mark(painter: QPainter, rect: QRectF) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((QColor(0, 0, 0, 150), 5), (current().colour("action"), 3)):
        painter.setPen(QPen(colour, width))
        painter.drawRect(rect)


def _paint_handles(painter: QPainter, found: dict[str, At], rect: QRectF) -> None:
    """A knob in the middle of each, with a line to its corner where it lies beside."""
    theme = current()
    corners = {"left": rect.left(), "right": rect.right(), "top": rect.top(), "bottom": rect.bottom()}
    for name, (x, y) in found.items():
        middle = QPointF(x, y)
        if name == MOVE:
            to = rect.center()
        else:
            side, other = name.split()
            to = QPointF(corners[side], corners[other])
        painter.setPen(QPen(theme.colour("action"), 2))
        painter.drawLine(middle, to)
        painter.setPen(QPen(QColor(0, 0, 0, 150), 2))
        painter.setBrush(theme.colour("action"))
        painter.drawEllipse(middle, _KNOB, _KNOB)
        painter.setPen(QPen(QColor(theme.tokens.on_fill), 2))
        if name == MOVE:
            painter.drawLine(middle - QPointF(8, 0), middle + QPointF(8, 0))
            painter.drawLine(middle - QPointF(0, 8), middle + QPointF(0, 8))
