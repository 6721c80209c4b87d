"""What stands below the counts of a period: by whom and where, the control chart, what it means."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.words import percent
from app.reports.breakdown import breakdowns, failed_share
from app.reports.figures import Figures
from app.reports.plan_words import Line
from app.reports.summary import HEADS, label_words, summed
from ui.reports.control import ControlView
from ui.shared.bars import HourChart, NamedBars
from ui.shared.elided import Elided
from ui.shared.widgets import Card, clear, label, scrolled

_KINDS = 8
_ROWS = 20


class Overview(QWidget):
    """Parts by hour and the Pareto of defect types."""

    def __init__(self) -> None:
        super().__init__()
        hours = Card("Parts by hour", padding=16)
        self.chart = HourChart()
        hours.body.addWidget(self.chart, 1)
        hours.body.addWidget(label("Grey: good. Red: defect or no answer. Amber: retest.", "quiet", wrap=True))
        defects = Card("Defects", padding=16)
        self.bars = NamedBars()
        self.no_defects = label("No defect in this period.", "note", wrap=True)
        self.sums = label("", "quiet", wrap=True)
        defects.body.addWidget(self.no_defects)
        defects.body.addWidget(self.bars)
        defects.body.addWidget(self.sums)
        defects.body.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(hours, 3)
        layout.addWidget(defects, 2)

    def show_figures(self, figures: Figures) -> None:
        self.chart.show_hours([(one.hour, one.counts) for one in figures.by_hour])
        rows = [(label_words(one.label), one.parts) for one in figures.by_label[:_KINDS]]
        self.bars.show_rows(rows)
        self.no_defects.setVisible(not rows)
        shares = summed(figures.by_label)
        few = min(2, len(shares))
        more = len(shares) > 2
        self.sums.setText(f"The first {few} make {percent(shares[few - 1])} of what was found." if more else "")
        self.sums.setVisible(more)


class Breakdown(QWidget):
    """A table for each of line, product, inspector, camera, shift and model."""

    def __init__(self) -> None:
        super().__init__()
        content = QWidget()
        self._cards = QVBoxLayout(content)
        self._cards.setContentsMargins(0, 0, 0, 0)
        self._cards.setSpacing(16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(content))
        self.tables: dict[str, list[list[str]]] = {}
        self._shown: object = None

    def show_figures(self, figures: Figures) -> None:
        found = breakdowns(figures)
        if found == self._shown:
            return
        self._shown = found
        self.tables = {}
        clear(self._cards)
        for name, nameless, rows in found:
            table = [
                [row.name or nameless, *map(str, _numbers(row.counts)), percent(row.counts.yield_)]
                for row in rows[:_ROWS]
            ]
            self.tables[name] = table
            shares = [failed_share(row.counts) for row in rows[:_ROWS]]
            self._cards.addWidget(self._card(name, table, shares))
        if not figures.counts.total:
            self._cards.addWidget(label("No part was inspected in this period.", "note", wrap=True))
        self._cards.addStretch(1)

    def _card(self, name: str, table: Sequence[Sequence[str]], shares: Sequence[float | None]) -> Card:
        card = Card(padding=16)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        heads = (f"By {name.lower()}", *HEADS)
        for column, words in enumerate(heads):
            head = label(words, "strong" if column == 0 else "quiet")
            grid.addWidget(head, 0, column, _side(column))
        most = max([share for share in shares if share is not None], default=0)
        for number, (row, share) in enumerate(zip(table, shares, strict=True), 1):
            for column, text in enumerate(row):
                if column == 0:
                    grid.addWidget(Elided(text), number, 0)
                    continue
                # The highest share of failed parts stands out by weight, not by colour alone.
                strong = column == 3 and share is not None and share == most and most > 0 and len(table) > 1
                grid.addWidget(label(text, "strong" if strong else ""), number, column, _side(column))
        grid.setColumnStretch(0, 1)
        card.body.addLayout(grid)
        return card


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight


def _numbers(counts) -> tuple[int, ...]:  # type: ignore[no-untyped-def]
    return counts.total, counts.passed, counts.failed, counts.retest, counts.error


class Control(Card):
    """The control chart and what it shows, in words."""

    def __init__(self) -> None:
        super().__init__(padding=16)
        self.body.setSpacing(8)
        self.chart = ControlView()
        self.words = label("", "note", wrap=True)
        self.body.addWidget(self.chart, 1)
        self.body.addWidget(self.words)

    def show_figures(self, figures: Figures) -> None:
        self.chart.show_chart(figures.chart)
        self.words.setText(figures.chart.words if figures.chart else "No part got a PASS or FAIL in this period.")


class PlanView(QWidget):
    """The lines of the plan, each with the figures it came from."""

    def __init__(self) -> None:
        super().__init__()
        content = QWidget()
        self._lines = QVBoxLayout(content)
        self._lines.setContentsMargins(0, 0, 8, 0)
        self._lines.setSpacing(16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(content))
        self.shown: list[Line] | None = None

    def show_lines(self, lines: list[Line]) -> None:
        if lines == self.shown:
            return
        self.shown = lines
        clear(self._lines)
        cards: dict[str, Card] = {}
        for line in lines:
            card = cards.get(line.topic)
            if card is None:
                card = cards[line.topic] = Card(line.topic, padding=16)
                card.body.setSpacing(8)
                self._lines.addWidget(card)
            top = QHBoxLayout()
            top.setSpacing(16)
            top.addWidget(label(line.what, wrap=True), 1)
            top.addWidget(label(value_words(line), "strong"))
            card.body.addLayout(top)
            card.body.addWidget(label(line.basis, "quiet", wrap=True))
        if not lines:
            self._lines.addWidget(label("No part was inspected in this period.", "note", wrap=True))
        self._lines.addStretch(1)


def value_words(line: Line) -> str:
    """The value with its interval and unit; "" without one."""
    if line.value is None:
        return ""
    text = f"{line.value:,g}"
    if line.low is not None and line.high is not None:
        text += f" ({line.low:,g} to {line.high:,g})"
    return f"{text} {line.unit}".strip()
