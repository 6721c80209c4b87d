"""The control chart of the share of failed parts, with its words beside the lines."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.reports.control import ControlChart, ControlPoint
from ui.theme import current
from ui.theme.theme import font

_LEFT, _RIGHT, _FOOT, _HEAD = 56.0, 120.0, 28.0, 24.0
_NAME = 64.0  # pixels that a name below needs
_TOLD = 6


class ControlView(QWidget):
    """Blue: each hour or day. Amber: its limits. Red: outside of them, with the share."""

    def __init__(self) -> None:
        super().__init__()
        self._chart: ControlChart | None = None
        self.setMinimumHeight(112)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_chart(self, chart: ControlChart | None) -> None:
        self._chart = chart
        self.setAccessibleName(f"Control chart: {chart.words if chart else 'nothing was judged'}")
        self.update()

    def paintEvent(self, _event: object) -> None:
        chart = self._chart
        if chart is None or not chart.points:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(14))
        theme = current()
        wide, room = self.width() - _LEFT - _RIGHT, self.height() - _FOOT - _HEAD
        slot = wide / len(chart.points)
        top = 1.1 * max([chart.centre, *(max(each.share or 0, each.high or 0) for each in chart.points)]) or 0.01

        def at(share: float) -> float:
            return _HEAD + room * (1 - min(share / top, 1.0))

        for part in (0.0, 0.5, 1.0):
            y = at(part * top)
            painter.setPen(QPen(theme.colour("line"), 1))
            painter.drawLine(QPointF(_LEFT, y), QPointF(_LEFT + wide, y))
            painter.setPen(theme.colour("quiet"))
            painter.drawText(
                QRectF(0, y - 11, _LEFT - 8, 22),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                f"{100 * part * top:.1f} %",
            )
        painter.setPen(QPen(theme.colour("quiet"), 1))
        painter.drawLine(QPointF(_LEFT, at(chart.centre)), QPointF(_LEFT + wide, at(chart.centre)))
        every = max(1, -(-int(_NAME) // max(int(slot), 1)))
        for number, point in enumerate(chart.points):
            x = _LEFT + (number + 0.5) * slot
            if number % every == 0:
                name = point.name[5:] if chart.what == "day" else point.name
                painter.setPen(theme.colour("quiet"))
                painter.drawText(QRectF(x - 48, self.height() - 24, 96, 22), Qt.AlignmentFlag.AlignCenter, name)
            painter.setPen(QPen(theme.colour("retest"), 2))
            for limit in (point.low, point.high):
                if limit is not None:
                    painter.drawLine(QPointF(x - slot / 2, at(limit)), QPointF(x + slot / 2, at(limit)))
        self._line(painter, chart, slot, at)
        self._words(painter, chart, _LEFT + wide + 8, at)
        painter.end()

    def _line(self, painter: QPainter, chart: ControlChart, slot: float, at) -> None:  # type: ignore[no-untyped-def]
        theme = current()
        run: list[QPointF] = []
        painter.setPen(QPen(theme.colour("action"), 2))
        for number, point in enumerate([*chart.points, None]):
            if point is None or point.share is None:
                painter.drawPolyline(QPolygonF(run))
                run = []
            else:
                run.append(QPointF(_LEFT + (number + 0.5) * slot, at(point.share)))
        for number, point in enumerate(chart.points):
            if point.share is None:
                continue
            x, y = _LEFT + (number + 0.5) * slot, at(point.share)
            colour = theme.colour("failed" if point.out else "action")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            size = 6.0 if point.out else 3.0
            painter.drawEllipse(QPointF(x, y), size, size)
            if point.out and len(chart.out) <= _TOLD:
                painter.setPen(theme.colour("text"))
                painter.drawText(QRectF(x - 60, y - 28, 120, 20), Qt.AlignmentFlag.AlignCenter, f"{point.share:.1%}")

    def _words(self, painter: QPainter, chart: ControlChart, x: float, at) -> None:  # type: ignore[no-untyped-def]
        """What each line is, beside its end; a word that would lie on another is left out."""
        last: ControlPoint | None = next((each for each in reversed(chart.points) if each.share is not None), None)
        if last is None or last.low is None or last.high is None:
            return
        taken: list[float] = []
        painter.setPen(current().colour("text"))
        for share, words in (
            (chart.centre, f"mean {chart.centre:.1%}"),
            (last.high, "upper limit"),
            (last.low, "lower limit"),
        ):
            y = at(share)
            if all(abs(y - other) > 18 for other in taken):
                painter.drawText(QRectF(x, y - 11, _RIGHT - 8, 22), Qt.AlignmentFlag.AlignVCenter, words)
                taken.append(y)
