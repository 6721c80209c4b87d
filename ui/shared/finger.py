"""Scrolling by finger for widgets that also take taps: the scroller is fed by hand, so that no press is held back."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QAbstractScrollArea, QScroller, QScrollerProperties

_SLOP = 12  # pixels a finger may tremble during a tap


class FingerScroll:
    """Turns presses, moves and releases on a scroll area's viewport into scrolling; tells whether it was a tap.

    QScroller's own gesture on the left button holds presses back and, in a widget that takes quick taps one after the
    other, swallows every second one.
    """

    def __init__(self, area: QAbstractScrollArea) -> None:
        self._scroller = QScroller.scroller(area.viewport())
        properties = self._scroller.scrollerProperties()
        metric = QScrollerProperties.ScrollMetric
        never = QScrollerProperties.OvershootPolicy.OvershootAlwaysOff
        properties.setScrollMetric(metric.HorizontalOvershootPolicy, never)
        properties.setScrollMetric(metric.VerticalOvershootPolicy, never)
        self._scroller.setScrollerProperties(properties)
        self._from: QPointF | None = None
        self._moved = False

    def press(self, event: QMouseEvent) -> None:
        """A press while it still rolls only stops it: that is no tap."""
        self._from = event.position()
        self._moved = self._scroller.state() == QScroller.State.Scrolling
        self._scroller.handleInput(QScroller.Input.InputPress, event.position(), event.timestamp())

    def move(self, event: QMouseEvent) -> None:
        if self._from is None:
            return
        if (event.position() - self._from).manhattanLength() > _SLOP:
            self._moved = True
        self._scroller.handleInput(QScroller.Input.InputMove, event.position(), event.timestamp())

    def release(self, event: QMouseEvent) -> bool:
        """Whether it was a tap."""
        if self._from is None:
            return False
        self._scroller.handleInput(QScroller.Input.InputRelease, event.position(), event.timestamp())
        self._from = None
        return not self._moved
