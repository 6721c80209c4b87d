"""The scores of the newest parts, each as the shape of its verdict, with the threshold of its time."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QSize

from app.domain.trend import TrendPoint
from app.domain.verdict import Verdict
from ui.shared.plots import Plot, line
from ui.theme import current

_SHAPES = {Verdict.PASS: "o", Verdict.RETEST: "t", Verdict.FAIL: "x"}  # told by shape, not by colour alone
_ROOM = 1.15


class TrendPlot(Plot):
    """The newest part stands at the right."""

    def __init__(self) -> None:
        self._points: tuple[TrendPoint, ...] = ()
        super().__init__("Scores of the newest parts, with the threshold", "Parts, the newest right", "Score")
        self.setMinimumHeight(128)

    def sizeHint(self) -> QSize:
        return QSize(480, 220)

    def show_points(self, points: tuple[TrendPoint, ...]) -> None:
        self._points = points
        self.draw_data()

    def draw_data(self) -> None:
        self.clear()
        told = [
            (place - len(self._points) + 1, point)
            for place, point in enumerate(self._points)
            if point.score is not None
        ]
        if not told:
            return
        theme = current()
        limits = [(x, point.threshold) for x, point in told if point.threshold is not None]
        if limits:
            self.addItem(line([x for x, _ in limits], [y for _, y in limits], theme.colour("text"), 1))
        for verdict, shape in _SHAPES.items():
            here = [(x, point.score) for x, point in told if point.verdict is verdict]
            if here:
                colour = theme.colour(
                    {Verdict.PASS: "quiet", Verdict.RETEST: "retest", Verdict.FAIL: "failed"}[verdict]
                )
                self.addItem(
                    pg.ScatterPlotItem(
                        [x for x, _ in here],
                        [y for _, y in here],
                        symbol=shape,
                        size=9 if verdict is Verdict.PASS else 12,
                        pen=pg.mkPen(colour, width=2),
                        brush=pg.mkBrush(None if verdict is Verdict.FAIL else colour),
                    )
                )
        top = max(*(point.score or 0.0 for _, point in told), *(y for _, y in limits), 1e-9)
        self.setYRange(0.0, _ROOM * top, padding=0)
        self.setXRange(min(-19, told[0][0]) - 1, 1, padding=0)


__all__ = ["TrendPlot"]
