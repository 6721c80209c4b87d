"""Looking closer at a picture: where it lies, and the hands that change it.

`Zoom` is numbers only, in shares of the picture: what one widget shows stays in the same place of the next part, at
another size of the window, and in the device pixels of whoever prepares the picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QHideEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QTouchEvent
from PySide6.QtWidgets import QPushButton, QWidget

from ui.shared.fingers import At
from ui.shared.pointed import Pointed
from ui.shared.widgets import Button
from ui.theme import current
from ui.theme.theme import font

MOST = 16.0
"""Largest zoom; 1 is the whole picture, and the smallest."""
NEAR = 4.0
"""Where a double tap on the whole picture goes."""
PIXELS_FROM = 3.0
"""From so many device pixels a pixel of the picture on, pixels are shown as squares."""
_STEP = 1.5
"""One press of + or -."""
_NEARLY = 1.05
_TWICE = 0.4
"""Seconds between the two taps of a double one."""
_STILL = 12.0
"""Pixels that a finger may slip during a tap."""
_TOGETHER = 32.0
"""Pixels between the two taps of a double one: a glove's fingertip."""
_GAP = 8
_WHOLE_WORDS = "Whole picture"
_PASSED_ON = frozenset({QEvent.Type.Wheel, QEvent.Type.TabletPress, QEvent.Type.TabletMove, QEvent.Type.TabletRelease})


@dataclass(frozen=True, slots=True)
class Zoom:
    """How close, and where.

    `whole` is everywhere the rectangle of the whole picture without zoom, `room` the one it is shown in.

    Attributes:
        factor: 1 to `MOST`.
        x, y: the point of the picture in the middle of the room, in shares of its width and height.
    """

    factor: float = 1.0
    x: float = 0.5
    y: float = 0.5

    @property
    def near(self) -> bool:
        return self.factor > 1.0

    def place(self, whole: QRectF, room: QRectF) -> QRectF:
        """Where the whole picture lies: mostly beyond the room when near. It never leaves the room's edge free where
        it is larger than the room, and stands in its middle where it is smaller."""
        if not self.near or whole.isEmpty():
            return whole
        width, height = whole.width() * self.factor, whole.height() * self.factor
        left = _held(room.left(), room.width(), width, self.x)
        return QRectF(left, _held(room.top(), room.height(), height, self.y), width, height)

    def visible(self, whole: QRectF, room: QRectF) -> QRectF:
        """What can be seen, in shares of the picture; empty without one."""
        place = self.place(whole, room)
        if place.isEmpty():
            return QRectF()
        seen = place.intersected(room)
        return QRectF(
            (seen.x() - place.x()) / place.width(),
            (seen.y() - place.y()) / place.height(),
            seen.width() / place.width(),
            seen.height() / place.height(),
        )

    def zoomed(self, factor: float, at: QPointF, whole: QRectF, room: QRectF) -> Zoom:
        """Closer or further away; what lies at `at` stays there as far as the picture's edges allow."""
        before = self.place(whole, room)
        closer = min(max(self.factor * factor, 1.0), MOST)
        if before.isEmpty() or closer == 1.0:
            return Zoom()
        share_x, share_y = (at.x() - before.x()) / before.width(), (at.y() - before.y()) / before.height()
        left, top = at.x() - share_x * whole.width() * closer, at.y() - share_y * whole.height() * closer
        return Zoom(closer)._at(QPointF(left, top), whole, room)

    def moved(self, by: QPointF, whole: QRectF, room: QRectF) -> Zoom:
        """The picture follows a finger by so many pixels."""
        if not self.near or whole.isEmpty():
            return self
        return self._at(self.place(whole, room).topLeft() + by, whole, room)

    def _at(self, corner: QPointF, whole: QRectF, room: QRectF) -> Zoom:
        def middles(corner: QPointF) -> Zoom:
            x = (room.center().x() - corner.x()) / (whole.width() * self.factor)
            y = (room.center().y() - corner.y()) / (whole.height() * self.factor)
            return Zoom(self.factor, x, y)

        # What the edges hold back must not be stored up: the next movement would begin with a dead way.
        return middles(middles(corner).place(whole, room).topLeft())


def _held(start: float, room: float, length: float, middle: float) -> float:
    if length <= room:
        return start + (room - length) / 2
    return min(max(start + room / 2 - middle * length, start + room - length), start)


class ZoomView(Pointed):
    """A picture that can be looked at closer. Two fingers zoom about their middle and move, one finger or the mouse
    moves, the wheel zooms at the pointer, + and - zoom, 0 and a double tap show the whole picture again (a double tap
    on the whole picture goes near). While near, a button says "Whole picture" and the factor stands beside it.

    Whoever inherits says by `whole_place` where the whole picture lies, and paints at `place`.

    `zoomed` after every change of what is shown.

    Attributes:
        view: how close, and where.
        zooms: whether hands do anything here; if not, events pass through to whatever lies behind.
    """

    zoomed = Signal()
    zooms = False  # also while Qt makes the widget, which sends events already

    def __init__(self, *, zooms: bool = True, button: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self.view = Zoom()
        self.zooms = zooms
        self._last: QPointF | None = None  # where the pointer was, while it moves the picture
        self._began = QPointF()
        self._slipped = False
        self._tap: tuple[float, QPointF] | None = None
        self.whole_button: QPushButton | None = None
        if not zooms:
            self.setMouseTracking(False)
            for attribute in (Qt.WidgetAttribute.WA_AcceptTouchEvents, Qt.WidgetAttribute.WA_TabletTracking):
                self.setAttribute(attribute, False)
            self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            return
        if button:
            self.whole_button = Button(_WHOLE_WORDS, icon_name="fit-to-page-outline", on=self.whole)
            self.whole_button.setAccessibleName(_WHOLE_WORDS)
            self.whole_button.setParent(self)
            self.whole_button.hide()
            current().changed.connect(self._put_button)

    # -- where the picture lies
    def whole_place(self) -> QRectF:
        """Where the whole picture lies without zoom; empty without a picture."""
        raise NotImplementedError

    def room(self) -> QRectF:
        """Where the picture is shown."""
        return QRectF(self.rect())

    def place(self) -> QRectF:
        """Where the whole picture lies in this widget, also while only a part of it is in sight."""
        return self.view.place(self.whole_place(), self.room())

    def frame_at(self, at: QPointF) -> tuple[QRectF, QRectF]:
        """The whole picture's place and the room under a point; one alone unless somebody shows several."""
        return self.whole_place(), self.room()

    # -- zooming
    def set_view(self, view: Zoom) -> None:
        if view != self.view:
            self.view = view
            self._changed()

    def whole(self) -> None:
        """The whole picture."""
        self.set_view(Zoom())

    def zoom_by(self, factor: float, at: QPointF) -> None:
        """Nearer or farther about a point of this widget."""
        whole, room = self.frame_at(at)
        if not whole.isEmpty():
            self.set_view(self.view.zoomed(factor, at, whole, room))

    def move_by(self, by: QPointF) -> None:
        whole, room = self.frame_at(self._began)
        if not whole.isEmpty():
            self.set_view(self.view.moved(by, whole, room))

    def near_or_whole(self, at: QPointF) -> None:
        """What a double tap does."""
        if self.view.near:
            self.whole()
        else:
            self.zoom_by(NEAR, at)

    def press_key(self, event: QKeyEvent) -> bool:
        """A key that the page got and had no other use for (a pedal's goes first); whether it meant something here."""
        if not self.zooms or event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        ):
            return False
        key, middle = event.key(), self.room().center()
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):  # + without Shift on most keyboards
            self.zoom_by(_STEP, middle)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            self.zoom_by(1 / _STEP, middle)
        elif key == Qt.Key.Key_0:
            self.whole()
        else:
            return False
        return True

    def _changed(self) -> None:
        self._put_button()
        self.show_cursor()
        self.update()
        self.zoomed.emit()

    def _put_button(self) -> None:
        button = self.whole_button
        if button is None:
            return
        near = self.view.near and not self.whole_place().isEmpty()
        if near:
            button.setText(_WHOLE_WORDS)
            if button.sizeHint().width() > self.width() - 2 * _GAP:
                button.setText("")  # a narrow picture: the icon alone
            button.resize(button.sizeHint())
            button.move(self.width() - button.width() - _GAP, max(0, self.height() - button.height() - _GAP))
        button.setVisible(near)

    def paint_factor(self, painter: QPainter, words: str = "") -> None:
        """The factor, and words about what is out of sight, beside the button; nothing at the whole picture."""
        if not self.view.near:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(16, QFont.Weight.DemiBold))
        metrics, room, button = painter.fontMetrics(), self.room(), self.whole_button
        high = metrics.height() + 8
        row = float(button.height()) if button is not None else high
        bottom = room.bottom() - _GAP
        for line, middle in (
            (f"{self.view.factor:.1f}\u00d7", bottom - row / 2),
            (words, bottom - row - _GAP - high / 2),
        ):
            if not line:
                continue
            line = metrics.elidedText(line, Qt.TextElideMode.ElideRight, round(room.width()) - 2 * _GAP - 16)
            tag = QRectF(room.left() + _GAP, middle - high / 2, metrics.horizontalAdvance(line) + 16, high)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(current().colour("raised"))
            painter.drawRoundedRect(tag, 4, 4)
            painter.setPen(current().colour("text"))
            painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, line)

    # -- one pointer, be it a finger, the mouse or a stylus (`Pointed` calls these)
    def press(self, at: At, erase: bool = False) -> None:
        self._began = QPointF(*at)
        self._last, self._slipped = (None if erase else self._began), erase
        self.show_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._not_a_mouse(event):
            return
        super().mouseDoubleClickEvent(event)
        self._slipped, self._tap = True, None  # its release is no tap
        self.near_or_whole(event.position())

    def move(self, at: At) -> None:
        if self._last is None:
            return
        here = QPointF(*at)
        self._slipped = self._slipped or _far(here, self._began) > _STILL
        self.move_by(here - self._last)
        self._last = here

    def hover(self, at: At) -> None:
        pass

    def release(self, at: At) -> None:
        self._last = None
        self.show_cursor()
        if self._slipped:
            self._tap = None
            return
        here, now, before = QPointF(*at), self._clock(), self._tap
        self._tap = now, here
        if before is not None and now - before[0] < _TWICE and _far(here, before[1]) < _TOGETHER:
            self._tap = None
            self.near_or_whole(here)

    def cancel(self) -> None:
        self._last, self._tap = None, None

    def pinch(self, factor: float, about: At, by: At) -> None:
        self._tap = None
        self._began = QPointF(*about)
        whole, room = self.frame_at(self._began)
        if not whole.isEmpty():
            closer = self.view.zoomed(factor, self._began, whole, room)
            self.set_view(closer.moved(QPointF(*by), whole, room))

    def zoom(self, factor: float, at: At | None = None) -> None:
        self.zoom_by(factor, self.room().center() if at is None else QPointF(*at))

    def place_cursor(self, at: At | None) -> None:
        pass

    def show_cursor(self) -> None:
        if not self.zooms:
            return
        if not self.view.near:
            self.unsetCursor()
        else:
            held = self._last is not None or self.panning
            self.setCursor(Qt.CursorShape.ClosedHandCursor if held else Qt.CursorShape.OpenHandCursor)

    def event(self, event: QEvent) -> bool:
        if not self.zooms:
            if event.type() in _PASSED_ON:
                event.ignore()
                return False
            return QWidget.event(self, event)
        if event.type() == QEvent.Type.TouchBegin and isinstance(event, QTouchEvent):
            at = event.points()[0].position().toPoint()
            if self.childAt(at) is not None:
                event.ignore()  # a finger on the button: Qt makes a press of it
                return False
        taken = super().event(event)
        if event.type() == QEvent.Type.TouchEnd and 1.0 < self.view.factor < _NEARLY:
            self.whole()  # fingers that meant all of it seldom end exactly there
        return taken

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._put_button()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._last, self._tap = None, None


def _far(one: QPointF, other: QPointF) -> float:
    by = one - other
    return float(max(abs(by.x()), abs(by.y())))
