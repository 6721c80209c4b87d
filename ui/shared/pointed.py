"""Mouse, touchpad, stylus and fingers on a widget, brought down to one pointer that presses, moves and releases."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import (
    QEventPoint,
    QMouseEvent,
    QNativeGestureEvent,
    QPointingDevice,
    QTabletEvent,
    QTouchEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from ui.shared.fingers import At, Fingers

_WHEEL = 1.25
"""Zoom of one notch of the wheel."""
_DRAWING = Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton


class Pointed(QWidget):
    """Calls press, move, release and cancel for one pointer at a time, hover for one that is not pressed, pinch and
    zoom for the view; places are in the widget's pixels. No pointer is heard twice.

    Attributes:
        space: the space bar is held, so that the left button moves the picture.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.space = False
        self._clock = clock
        self._fingers = Fingers(self)
        self._pan: QPointF | None = None
        self._down = self._stylus = False
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_TabletTracking)

    @property
    def panning(self) -> bool:
        """Whether the mouse is moving the picture."""
        return self._pan is not None

    # -- what they mean, by whoever inherits
    def press(self, at: At, erase: bool = False) -> None:
        raise NotImplementedError

    def move(self, at: At) -> None:
        raise NotImplementedError

    def hover(self, at: At) -> None:
        raise NotImplementedError

    def release(self, at: At) -> None:
        raise NotImplementedError

    def cancel(self) -> None:
        raise NotImplementedError

    def pinch(self, factor: float, about: At, by: At) -> None:
        raise NotImplementedError

    def zoom(self, factor: float, at: At | None = None) -> None:
        raise NotImplementedError

    def place_cursor(self, at: At | None) -> None:
        raise NotImplementedError

    def show_cursor(self) -> None:
        raise NotImplementedError

    # -- mouse
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._not_a_mouse(event):
            return
        button, at = event.button(), event.position()
        if button == Qt.MouseButton.MiddleButton or (button == Qt.MouseButton.LeftButton and self.space):
            self._pan = at
            self.show_cursor()
        elif button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton) and not self._down:
            self._down = True
            self.press((at.x(), at.y()), erase=button == Qt.MouseButton.RightButton)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)  # two quick dabs are two dabs

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._not_a_mouse(event):
            return
        at = event.position()
        if self._pan is not None:
            by = at - self._pan
            self._pan = at
            self.pinch(1.0, (at.x(), at.y()), (by.x(), by.y()))
            return
        if event.buttons() & _DRAWING:
            self.move((at.x(), at.y()))
        else:
            self.hover((at.x(), at.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._not_a_mouse(event):
            return
        if self._pan is not None:
            self._pan = None
            self.show_cursor()
        elif self._down and not event.buttons() & _DRAWING:
            self._down = False
            self.release((event.position().x(), event.position().y()))

    def _not_a_mouse(self, event: QMouseEvent) -> bool:
        """Whether a finger or stylus that was heard already, or is being heard, made this event."""
        made = event.source() != Qt.MouseEventSource.MouseEventNotSynthesized
        return made or self._stylus or self._fingers.down

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if notches:
            at = event.position()
            self.zoom(_WHEEL**notches, (at.x(), at.y()))
        event.accept()

    def leaveEvent(self, _event: QEvent) -> None:
        self.place_cursor(None)

    # -- stylus
    def tabletEvent(self, event: QTabletEvent) -> None:
        """One event, one action: it is accepted, so that no mouse event is made of it. How hard it is pressed does
        not matter; a device without pressure says 0."""
        event.accept()
        at = event.position().x(), event.position().y()
        kind = event.type()
        if kind == QEvent.Type.TabletPress:
            self._fingers.lost()  # the hand that rests on the screen
            self._stylus = True
            eraser = event.pointerType() == QPointingDevice.PointerType.Eraser
            self.press(at, erase=eraser or event.button() == Qt.MouseButton.RightButton)
        elif kind == QEvent.Type.TabletMove:
            (self.move if self._stylus else self.hover)(at)
        elif kind == QEvent.Type.TabletRelease:
            self._stylus = False
            self.release(at)

    # -- fingers
    def event(self, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.TouchBegin, QEvent.Type.TouchUpdate, QEvent.Type.TouchEnd):
            assert isinstance(event, QTouchEvent)
            event.accept()
            if not self._stylus:
                self._touch(event)
            return True
        if kind == QEvent.Type.TouchCancel:
            self._fingers.lost()
            return True
        if kind == QEvent.Type.NativeGesture and isinstance(event, QNativeGestureEvent):  # two fingers on a touchpad
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                at = event.position()
                self.pinch(1.0 + event.value(), (at.x(), at.y()), (0.0, 0.0))
            return True
        return super().event(event)

    def _touch(self, event: QTouchEvent) -> None:
        points = {
            point.id(): self._fingers.at(point.id(), (point.position().x(), point.position().y()))
            if point.state() == QEventPoint.State.Stationary  # some systems tell no place of a finger that rests
            else (point.position().x(), point.position().y())
            for point in event.points()
            if point.state() != QEventPoint.State.Released and event.type() != QEvent.Type.TouchEnd
        }
        self._fingers.update(points, self._clock())
        if not points:
            self.place_cursor(None)
