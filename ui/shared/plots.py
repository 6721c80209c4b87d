"""Charts in the theme's colours: no menus, no zoom, no legend.

Imported when the first chart is shown and not with the window: pyqtgraph takes its time.
"""

from __future__ import annotations

import os

os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"  # it would take another binding where one is installed

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QFrame, QGraphicsView

from ui.theme import current
from ui.theme.theme import font


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """A chart that is looked at. `paint_over` is for words and marks in the widget's own pixels."""

    def __init__(self, name: str, x: str, y: str = "") -> None:
        super().__init__(background=None)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.x_words, self.y_words = x, y
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(x=False, y=False)
        item.getViewBox().setDefaultPadding(0)
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        if not y:
            item.hideAxis("left")
        self.take_colours()
        current().changed.connect(self.take_colours)

    def take_colours(self) -> None:
        """The theme's, for axes and whatever is drawn."""
        theme = current()
        self.setBackground(theme.colour("surface"))
        for side, words in (("left", self.y_words), ("bottom", self.x_words)):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(theme.colour("line")))
            axis.setTextPen(pg.mkPen(theme.colour("quiet")))
            axis.setStyle(tickFont=font(14), tickLength=-4)
            if words:
                axis.setLabel(words, color=theme.tokens.quiet, **{"font-size": "14px"})
        self.draw_data()
        self.viewport().update()

    def draw_data(self) -> None:
        """Draws everything anew in the colours of now."""

    def paint_over(self, painter: QPainter) -> None:
        """Over the drawn chart."""

    def at(self, x: float, y: float) -> QPointF:
        """Where a point of the chart lies in the widget's pixels."""
        scene = self.getPlotItem().getViewBox().mapViewToScene(QPointF(x, y))
        return QPointF(self.viewportTransform().map(scene))

    def x_at(self, pixel: float) -> float:
        """The chart's x under a pixel of the widget."""
        scene = self.viewportTransform().inverted()[0].map(QPointF(pixel, 0.0))
        return float(self.getPlotItem().getViewBox().mapSceneToView(scene).x())

    def paintEvent(self, event):  # type: ignore[no-untyped-def]
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(14))
        self.paint_over(painter)
        painter.end()

    # A chart is no map: nothing in it is dragged or zoomed unless a chart says so.
    def mousePressEvent(self, event):  # type: ignore[no-untyped-def]
        event.ignore()

    def mouseMoveEvent(self, event):  # type: ignore[no-untyped-def]
        event.ignore()

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        event.ignore()

    def mouseDoubleClickEvent(self, event):  # type: ignore[no-untyped-def]
        event.ignore()

    def wheelEvent(self, event):  # type: ignore[no-untyped-def]
        event.ignore()


def faded(colour: QColor, alpha: int) -> QColor:
    """The same, more transparent."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


def bars(edges: tuple[float, ...], counts: list[float], colour: QColor) -> pg.BarGraphItem:
    """A histogram's bars: `counts` (k) over `edges` (k + 1), downwards where they are negative."""
    gap = 0.06 * (edges[1] - edges[0]) if len(edges) > 1 else 0.0
    return pg.BarGraphItem(
        x0=[left + gap for left in edges[:-1]],
        x1=[right - gap for right in edges[1:]],
        y0=0,
        height=counts,
        brush=pg.mkBrush(colour),
        pen=pg.mkPen(None),
    )


def line(xs: list[float], ys: list[float], colour: QColor, width: int = 2) -> pg.PlotDataItem:
    return pg.PlotDataItem(xs, ys, pen=pg.mkPen(colour, width=width))
