"""How the alarms of a period were answered."""

from __future__ import annotations

from datetime import timedelta

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.domain.words import number
from app.watching import AlarmFigures
from ui.alarm_words import length_words
from ui.bridge import Bridge
from ui.shared.widgets import Card, Choice, clear, label

_PERIODS = [("today", "Today"), ("week", "7 days"), ("month", "30 days")]
_DAYS = {"today": 1, "week": 7, "month": 30}


class AlarmFiguresView(QWidget):
    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.watching
        self.period = Choice(_PERIODS, "week")
        self.period.chosen.connect(lambda _key: self.refresh())
        self.values = {key: label("\u2013", "figure") for key in ("alarms", "shift", "waiting", "tickets")}
        self.times = {
            key: label("\u2013", "figure") for key in ("seen_median", "seen_mean", "fixed_median", "fixed_mean")
        }
        self.notes = {key: label("", "quiet", wrap=True) for key in ("alarms", "seen", "fixed")}
        self.often = QGridLayout()
        self.often.setHorizontalSpacing(16)
        self.often.setVerticalSpacing(8)
        counts = Card("Alarms", padding=16)
        counts.body.addLayout(_grid([("Raised", self.values["alarms"]), ("A shift", self.values["shift"])]))
        counts.body.addLayout(
            _grid([("Not acknowledged", self.values["waiting"]), ("Open tickets", self.values["tickets"])])
        )
        counts.body.addWidget(self.notes["alarms"])
        counts.body.addStretch(1)
        seen = Card("Until somebody acknowledged", padding=16)
        seen.body.addLayout(_grid([("Median", self.times["seen_median"]), ("Mean", self.times["seen_mean"])]))
        seen.body.addWidget(self.notes["seen"])
        fixed = Card("Until the ticket was closed", padding=16)
        fixed.body.addLayout(_grid([("Median", self.times["fixed_median"]), ("Mean", self.times["fixed_mean"])]))
        fixed.body.addWidget(self.notes["fixed"])
        often = Card("Most often", padding=16)
        often.body.addLayout(self.often)
        often.body.addStretch(1)
        cards = QGridLayout()
        cards.setSpacing(16)
        cards.addWidget(counts, 0, 0, 2, 1)
        cards.addWidget(seen, 0, 1)
        cards.addWidget(fixed, 1, 1)
        cards.addWidget(often, 2, 0, 1, 2)
        cards.setColumnStretch(0, 1)
        cards.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.period)
        layout.addLayout(cards)
        layout.addStretch(1)

    def refresh(self) -> None:
        """Reads the figures again."""
        last = self._bridge.station.today()
        first = last - timedelta(days=_DAYS[self.period.value()] - 1)
        self._bridge.run(lambda: self._desk.figures(first, last), self._show)

    def _show(self, found: AlarmFigures) -> None:
        self.values["alarms"].setText(str(found.alarms))
        self.values["shift"].setText(number(found.a_shift, 1))
        self.values["waiting"].setText(str(found.waiting))
        self.values["tickets"].setText(str(found.open_tickets))
        for key, times, words in (
            ("seen", found.acknowledge, "acknowledged"),
            ("fixed", found.fix, "closed with cause and action"),
        ):
            self.times[f"{key}_median"].setText(length_words(times.median))
            self.times[f"{key}_mean"].setText(length_words(times.mean))
            self.notes[key].setText(f"Of {times.count} that were {words}." if times.count else f"None was {words} yet.")
        causes = f"{found.causes} causes were counted on them, in {found.shifts} shifts."
        self.notes["alarms"].setText(causes if found.alarms else "There was no alarm in this period.")
        clear(self.often)
        for line, (title, times_it_came) in enumerate(found.often):
            count = label(str(times_it_came), "strong")
            self.often.addWidget(count, line, 0)
            self.often.addWidget(label(title), line, 1)
        self.often.setColumnStretch(1, 1)


def _grid(items: list[tuple[str, QWidget]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setVerticalSpacing(0)
    for column, (words, value) in enumerate(items):
        grid.addWidget(label(words, "quiet"), 0, column)
        grid.addWidget(value, 1, column)
        grid.setColumnStretch(column, 1)
    return grid
