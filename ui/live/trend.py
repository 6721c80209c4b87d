"""The sheet over the live picture with the scores of the newest parts and what each hour of the day has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.domain.trend import Trend
from ui.bridge import Bridge
from ui.shared.bars import HourChart
from ui.shared.widgets import Button, label, row

if TYPE_CHECKING:
    from ui.live.trend_plot import TrendPlot

_EVERY = 2000  # ms
_NOTHING = "Nothing was inspected yet today. Scores and hours appear here as parts come."


class TrendSheet(QFrame):
    """Follows the line while it is open.

    Args:
        over: the widget of `parent` that it covers.

    Attributes:
        opener: the button that opens it.
    """

    def __init__(self, bridge: Bridge, parent: QWidget, over: QWidget) -> None:
        super().__init__(parent)
        self._over = over
        self.opener = Button("", icon_name="chart-box-outline", on=self.open)
        self.opener.setAccessibleName("Scores and hours")
        self.opener.setToolTip("Scores of the newest parts, yield and parts by hour")
        self.setProperty("kind", "sheet")
        self._bridge = bridge
        self._reading = False
        self.plot: TrendPlot | None = None  # charts take their time to be imported: with the first opening
        self.title = label("Scores of the newest parts", "heading")
        self.close_button = Button("Close", icon_name="close", on=self.hide)
        self.words = label("", "quiet", wrap=True)
        self.hours_title = label("Yield and parts by hour", "heading")
        self.hours = HourChart()
        self.hours.setMinimumHeight(112)
        head = row(self.title, 1, self.close_button)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(16, 16, 16, 16)
        self._layout.setSpacing(8)
        self._layout.addLayout(head)
        self._layout.addWidget(self.words)
        self._layout.addWidget(self.hours_title)
        self._layout.addWidget(self.hours, 2)
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.refresh)
        self.hide()

    def open(self) -> None:
        if self.plot is None:
            from ui.live.trend_plot import TrendPlot

            self.plot = TrendPlot()
            self._layout.insertWidget(1, self.plot, 3)
        self._place()
        self.show()
        self._place()  # what was waiting to be laid out is now
        self.raise_()
        self.close_button.setFocus()
        self.refresh()

    def _place(self) -> None:
        place = QRect(self._over.mapTo(self.parentWidget(), QPoint(0, 0)), self._over.size())
        # On a low screen with large buttons it goes on over what stands below the picture.
        room = self.parentWidget().height() - place.y() - 16
        place.setHeight(max(place.height(), min(room, self.minimumSizeHint().height())))
        self.setGeometry(place)

    def refresh(self) -> None:
        """Reads the record off the screen's thread."""
        if self.isVisible() and not self._reading:
            self._reading = True
            self._bridge.run(self._bridge.station.trend, self._show, self._failed)

    def _show(self, trend: Trend) -> None:
        self._reading = False
        if self.plot is None:
            return
        self.plot.setVisible(bool(trend.points))
        self.plot.show_points(trend.points)
        self.hours.show_hours(list(trend.hours), yields=True)
        for each in (self.hours_title, self.hours):
            each.setVisible(bool(trend.hours))
        self._place()
        missing = sum(point.score is None for point in trend.points)
        told = "Circles passed, crosses failed, triangles are for retest; the line is the threshold."
        if missing:
            told += f" {missing} without an answer are left out."
        self.words.setText(told if trend.points else _NOTHING)

    def _failed(self, words: str) -> None:
        self._reading = False
        self.words.setText(words)

    def showEvent(self, _event: object) -> None:
        self._timer.start()

    def hideEvent(self, _event: object) -> None:
        self._timer.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
