"""A scroll area that is scrolled by finger or mouse and that takes taps, from both alike."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QTouchEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QScroller, QScrollerProperties

_SLOP = 12  # pixels a finger may tremble during a tap


class TapArea(QAbstractScrollArea):
    """Calls `tapped` and `double_tapped`; everything else scrolls.

    QScroller is fed by hand: its own gesture on the left button holds presses back and swallows every second of some
    quick taps. Touches are taken as they come, since Qt's making of mouse events of them loses taps in the same way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.viewport().installEventFilter(_Touches(self))
        self._scroller = QScroller.scroller(self.viewport())
        properties = self._scroller.scrollerProperties()
        metric = QScrollerProperties.ScrollMetric
        never = QScrollerProperties.OvershootPolicy.OvershootAlwaysOff
        properties.setScrollMetric(metric.HorizontalOvershootPolicy, never)
        properties.setScrollMetric(metric.VerticalOvershootPolicy, never)
        self._scroller.setScrollerProperties(properties)
        self._from: QPointF | None = None
        self._moved = False
        self._double = False  # the touch is the second of two
        self._touched_at: tuple[QPointF, int] | None = None  # the touch before: another one soon makes two

    # -- for those who build on it
    def tapped(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        """A tap or click, in the viewport's pixels."""

    def double_tapped(self, point: QPoint) -> None:
        """The second of two quick taps in one place, after `tapped` was called for each."""

    # -- inside
    def _press(self, at: QPointF, time: int) -> None:
        # A press while it still rolls only stops it: that is no tap.
        self._moved = self._scroller.state() == QScroller.State.Scrolling
        self._from, self._double = at, False
        self._scroller.handleInput(QScroller.Input.InputPress, at, time)

    def _move(self, at: QPointF, time: int) -> None:
        if self._from is not None:
            self._moved = self._moved or (at - self._from).manhattanLength() > _SLOP
            self._scroller.handleInput(QScroller.Input.InputMove, at, time)

    def _release(self, at: QPointF, time: int, modifiers: Qt.KeyboardModifier) -> None:
        if self._from is None:
            return
        self._scroller.handleInput(QScroller.Input.InputRelease, at, time)
        self._from = None
        if self._moved:
            return
        self.tapped(at.toPoint(), modifiers)
        if self._double:
            self.double_tapped(at.toPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press(event.position(), event.timestamp())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = None  # its release is none of a tap
            self.tapped(event.position().toPoint(), event.modifiers())
            self.double_tapped(event.position().toPoint())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._move(event.position(), event.timestamp())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._release(event.position(), event.timestamp(), event.modifiers())

    def _touched(self, event: QTouchEvent) -> None:
        points = [self.viewport().mapFromGlobal(point.globalPosition()) for point in event.points()]
        if event.type() == QEvent.Type.TouchCancel or len(points) != 1:
            self._from = None  # a second finger: nothing here takes two
        elif event.type() == QEvent.Type.TouchBegin:
            at, time = points[0], event.timestamp()
            before, self._touched_at = self._touched_at, (at, time)
            self._press(at, time)
            soon = before is not None and time - before[1] < QApplication.doubleClickInterval()
            self._double = soon and (at - before[0]).manhattanLength() <= 2 * _SLOP
        elif event.type() == QEvent.Type.TouchUpdate:
            self._move(points[0], event.timestamp())
        else:
            self._release(points[0], event.timestamp(), event.modifiers())


class _Touches(QObject):
    """Takes the viewport's touches before the scroll area makes nothing of them."""

    def __init__(self, area: TapArea) -> None:
        super().__init__(area)
        self._area = area

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() not in _TOUCHES:
            return False
        self._area._touched(event)
        event.accept()
        return True


_TOUCHES = {QEvent.Type.TouchBegin, QEvent.Type.TouchUpdate, QEvent.Type.TouchEnd, QEvent.Type.TouchCancel}
