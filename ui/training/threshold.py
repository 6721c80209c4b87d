"""Scores of good and defect parts with a threshold to drag, and what it does to a day of the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QDoubleValidator, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.versions import Consequences, Histogram, LineFigures, Measure, Metrics
from app.domain.words import number
from ui.shared.plots import Plot, bars, faded
from ui.shared.widgets import Button, Notice, field, label
from ui.theme import current
from ui.theme.theme import font
from ui.training.words import amount, between

_ROOM = 1.18  # of the highest bar, so that words stand above it
_STEPS = 200  # of the arrow keys over the whole chart


class ScorePlot(Plot):
    """Good parts upwards, defects downwards; `moved` carries the threshold while it is dragged or moved by keys."""

    moved = Signal(float)

    def __init__(self) -> None:
        self._histogram: Histogram | None = None
        self.threshold = self.own = 1.0
        self._band = 1.0  # where the RETEST band begins, as a share of the threshold
        self._counts = (0, 0)
        self._grip: float | None = None
        super().__init__("Scores of good and defect parts, with the threshold", "Score")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setMinimumHeight(80)

    def sizeHint(self) -> QSize:
        return QSize(480, 260)

    def show_metrics(self, metrics: Metrics) -> None:
        self._histogram, self.own = metrics.histogram, metrics.threshold
        self._band = metrics.retest_from / metrics.threshold
        self._counts = (metrics.normals, metrics.anomalies)
        self.threshold = metrics.threshold
        self.draw_data()

    def set_threshold(self, value: float) -> None:
        """Moves the line, within the chart."""
        low, high = self.bounds()
        value = min(max(value, low), high)
        if value != self.threshold:
            self.threshold = value
            self.viewport().update()
            self.moved.emit(value)

    def bounds(self) -> tuple[float, float]:
        """Lowest and highest threshold that can be reached."""
        if self._histogram is None:
            return 1e-6, 1.0
        low, high = self._histogram.edges[0], self._histogram.edges[-1]
        low, high = min(low, self.own), max(high, self.own)
        return max(low, 1e-6), high + 0.02 * (high - low)

    def draw_data(self) -> None:
        self.clear()
        found = self._histogram
        if found is None:
            return
        theme = current()
        good, bad = theme.colour("quiet"), theme.colour("failed")
        # Each kind fills its half: of a hundred good parts and five defects the five must be seen as well.
        up, down = max(found.good, default=0) or 1, max(found.defect, default=0) or 1
        self.addItem(bars(found.edges, [count / up for count in found.good], good))
        self.addItem(bars(found.edges, [-count / down for count in found.defect], bad))
        low, high = self.bounds()
        self.setXRange(low - 0.02 * (high - low), high, padding=0)
        self.setYRange(-_ROOM if self._counts[1] else 0.0, _ROOM, padding=0)

    def handle(self) -> QRectF:
        """Where the line is taken hold of, at least 15 mm wide; in the widget's pixels."""
        side = float(current().metrics.touch)
        box = self._box()
        at = self.at(self.threshold, 0.0)
        return QRectF(at.x() - side / 2, min(max(at.y() - side / 2, 0.0), box.bottom() - side), side, side)

    def _box(self) -> QRectF:
        low, high = self.getPlotItem().getViewBox().viewRange()[1]
        return QRectF(QPointF(0.0, self.at(0.0, high).y()), QPointF(float(self.width()), self.at(0.0, low).y()))

    def paint_over(self, painter: QPainter) -> None:
        if self._histogram is None:
            return
        theme = current()
        box, x = self._box(), self.at(self.threshold, 0.0).x()
        band = self.at(self.threshold * self._band, 0.0).x()
        painter.fillRect(QRectF(band, box.top(), x - band, box.height()), faded(theme.colour("retest"), 50))
        painter.setPen(QPen(theme.colour("line"), 1))
        base = self.at(0.0, 0.0).y()
        painter.drawLine(QPointF(0.0, base), QPointF(float(self.width()), base))
        own = self.at(self.own, 0.0).x()
        if self.threshold != self.own:
            painter.setPen(QPen(theme.colour("quiet"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(own, box.top()), QPointF(own, box.bottom()))
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        handle = self.handle()
        side = min(handle.width() * 0.62, box.height() * 0.6)
        knob = QRectF(0, 0, side, side)
        knob.moveCenter(handle.center())
        painter.setBrush(theme.colour("raised"))
        painter.setPen(QPen(theme.colour("action" if self.hasFocus() else "text"), 3 if self.hasFocus() else 2))
        painter.drawEllipse(knob)
        centre, reach = knob.center(), knob.width() * 0.24
        painter.setPen(QPen(theme.colour("text"), 2))
        for turn in (-1, 1):
            tip = QPointF(centre.x() + turn * reach, centre.y())
            painter.drawLine(tip, tip + QPointF(-turn * 6, -6))
            painter.drawLine(tip, tip + QPointF(-turn * 6, 6))
        # Words: each kind beside its half, and the sides of the line.
        painter.setFont(font(14, QFont.Weight.DemiBold))
        good, bad = self._counts
        fails = f"fails from {number(self.threshold)}"
        wide = QFontMetricsF(painter.font()).horizontalAdvance(fails)
        right = x + 8 + wide < self.width()
        painter.setPen(theme.colour("text"))
        painter.drawText(QPointF(x + 8 if right else x - 8 - wide, box.top() + 16), fails)
        names = [(f"{good} good parts", "quiet", base - 8)]
        if bad:
            names.append((f"{bad} defects", "failed", base + 20))
        for words, ink, y in names:
            wide = QFontMetricsF(painter.font()).horizontalAdvance(words)
            painter.setPen(theme.colour(ink))
            painter.drawText(QPointF(self.width() - wide - 8 if ink == "quiet" else 8, y), words)

    # -- the finger
    def mousePressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.button() != Qt.MouseButton.LeftButton or self._histogram is None:
            return
        x = event.position().x()
        line = self.at(self.threshold, 0.0).x()
        near = abs(x - line) <= current().metrics.touch / 2
        self._grip = line - x if near else 0.0  # taken by its handle it must not jump under the finger
        if not near:
            self.set_threshold(self.x_at(x))
        event.accept()

    def mouseMoveEvent(self, event):  # type: ignore[no-untyped-def]
        if self._grip is not None:
            self.set_threshold(self.x_at(event.position().x() + self._grip))
        event.accept()

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        self._grip = None
        event.accept()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        low, high = self.bounds()
        step = (high - low) / _STEPS
        by = {
            Qt.Key.Key_Left: -step,
            Qt.Key.Key_Right: step,
            Qt.Key.Key_PageDown: -10 * step,
            Qt.Key.Key_PageUp: 10 * step,
        }.get(event.key())
        if by is not None:
            self.set_threshold(self.threshold + by)
        elif event.key() == Qt.Key.Key_Home:
            self.set_threshold(self.own)
        else:
            event.ignore()


class Figure(QWidget):
    """A figure with its name above and its interval below."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = label(name, "quiet")
        self.value = label("\u2013", "figure")
        self.span = label("", "quiet")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for each in (self.name, self.value, self.span):
            layout.addWidget(each)

    def tell(self, value: str, span: str) -> None:
        self.value.setText(value)
        self.span.setText(span)
        self.setAccessibleName(f"{self.name.text()} {value}, {span}")


class ThresholdView(QWidget):
    """`figures_changed` carries new `LineFigures`; `backtest` the threshold that is to be tried."""

    figures_changed = Signal(object)
    backtest = Signal(float)

    def __init__(self, ask: Callable[[float], Consequences]) -> None:
        """`ask` gives the consequences of a threshold at once."""
        super().__init__()
        self._ask = ask
        self._line = LineFigures()
        self.plot = ScorePlot()
        self.plot.moved.connect(lambda _value: self._tell())
        self.small = Notice()
        self.escapes = Figure("Defects that pass, a day")
        self.rejects = Figure("Good parts rejected, a day")
        self.money = Figure("Costs a day")
        self.of = label("", "quiet", wrap=True)
        self.change = Button("Change", on=self._edit)
        self.change.setToolTip("Parts a day, share of defective ones and costs")
        self.own = Button("Back", on=lambda: self.plot.set_threshold(self.plot.own))
        self.try_it = Button("Backtest it", on=lambda: self.backtest.emit(self.plot.threshold))
        self.parts, self.share, self.escape, self.reject = (QLineEdit() for _ in range(4))
        figures = QHBoxLayout()
        figures.setSpacing(16)
        for each in (self.escapes, self.rejects, self.money):
            figures.addWidget(each, 1)
        words = QHBoxLayout()
        words.setSpacing(8)
        words.addWidget(self.of, 1)
        for button in (self.change, self.own, self.try_it):
            words.addWidget(button)
        self.edit = QWidget()
        inner = QHBoxLayout(self.edit)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        for name, editor, top in (
            ("Parts a day", self.parts, 1e9),
            ("Defective, %", self.share, 100.0),
            ("Cost: escape", self.escape, 1e9),
            ("Cost: reject", self.reject, 1e9),
        ):
            editor.setValidator(QDoubleValidator(0.0, top, 3))
            editor.editingFinished.connect(self._edited)
            inner.addWidget(field(name, editor))
        self.edit.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.small)
        layout.addWidget(self.plot, 1)
        layout.addLayout(figures)
        layout.addLayout(words)
        layout.addWidget(self.edit)

    def show_metrics(self, metrics: Metrics, line: LineFigures) -> None:
        self._line = line
        self.plot.show_metrics(metrics)
        self.small.tell(metrics.words)
        for editor, value in (
            (self.parts, line.parts_a_day),
            (self.share, 100 * line.defect_share),
            (self.escape, line.escape_cost),
            (self.reject, line.reject_cost),
        ):
            editor.setText("" if value is None else f"{value:.6g}")
        self._tell()

    @property
    def line(self) -> LineFigures:
        return self._line

    def _tell(self) -> None:
        told = self._ask(self.plot.threshold)
        self.escapes.tell(amount(told.escapes.value), _span(told.escapes))
        self.rejects.tell(amount(told.false_rejects.value), _span(told.false_rejects))
        self.money.setVisible(told.money.value is not None)
        self.money.tell(f"{amount(told.money.value)} {self._line.currency}", _span(told.money))
        self.of.setText(
            f"Of {self._line.parts_a_day:,.0f} parts a day, {100 * self._line.defect_share:.3g} % defective."
        )
        moved = self.plot.threshold != self.plot.own
        self.own.setVisible(moved)
        self.own.setText(f"Back to {number(self.plot.own)}")
        self.try_it.setVisible(moved)
        self.try_it.setText(f"Backtest {number(self.plot.threshold)}")

    def _edit(self) -> None:
        self.edit.setVisible(self.edit.isHidden())
        editing = not self.edit.isHidden()
        self.change.setText("Done" if editing else "Change")
        self.plot.setVisible(not (editing and current().metrics.tight))  # a 10-inch screen has no room for both

    def _edited(self) -> None:
        costs = [_number(each.text()) for each in (self.escape, self.reject)]
        made = replace(
            self._line,
            parts_a_day=_number(self.parts.text()) or 0.0,
            defect_share=min(1.0, (_number(self.share.text()) or 0.0) / 100),
            escape_cost=costs[0],
            reject_cost=costs[1],
        )
        if made != self._line:
            self._line = made
            self.figures_changed.emit(made)
            self._tell()


def _number(text: str) -> float | None:
    """What was typed, with a point or a comma; None for nothing."""
    try:
        return max(0.0, float(text.strip().replace(",", ".")))
    except ValueError:
        return None


def _span(each: Measure) -> str:
    told = between(each, amount)
    return f"95 %: {told}" if told else "no such parts in the test set"
