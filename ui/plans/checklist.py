"""The lines of a component's checklist, each with what was said of it and three buttons to say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.domain.plan import PlanComponent, Tick, TickState
from ui.shared.widgets import Button, clear, label, row

_WORDS = {TickState.GOOD: "Good", TickState.NOT_GOOD: "Not good", TickState.NOT_APPLICABLE: "N/A"}


class Checklist(QWidget):
    """`asked` carries a line's name and the TickState that was tapped."""

    asked = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[tuple[str, TickState], Button] = {}
        self.said: dict[str, str] = {}
        """What stands below each line: who answered it, or what the model says."""
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.addLayout(self._lines)
        layout.addStretch(1)

    def show_lines(
        self,
        component: PlanComponent,
        ticks: Mapping[str, Tick],
        of_model: Mapping[str, str],
        zone: tzinfo,
        *,
        enabled: bool,
    ) -> None:
        """Shows a component's lines.

        Args:
            of_model: what the model said of a line, by the line's name.
        """
        clear(self._lines)
        self.buttons, self.said = {}, {}
        for point in component.checkpoints:
            self._lines.addWidget(label(point.name, "strong", wrap=True))
            tick = ticks.get(point.name)
            words = _tick_words(tick, zone) if tick is not None else ""
            if point.name in of_model:
                words = " ".join(part for part in (f"The model: {of_model[point.name]}.", words) if part)
            elif not words and component.model:
                words = "The model answers." if point.of_model else "The picture's verdict answers."
            if words:
                self._lines.addWidget(label(words, "quiet", wrap=True))
            self.said[point.name] = words
            chips = []
            for state, text in _WORDS.items():
                chip = Button(text, "chip")
                chip.setCheckable(True)
                chip.setChecked(tick is not None and tick.state is state)
                chip.setEnabled(enabled)
                chip.setAccessibleName(f"{point.name}: {text}")
                chip.clicked.connect(lambda _checked=False, of=(point.name, state): self._tapped(*of))
                self.buttons[point.name, state] = chip
                chips.append(chip)
            self._lines.addLayout(row(*chips, 1))
        if not component.checkpoints:
            self._lines.addWidget(label("The whole component as in the picture.", "note", wrap=True))
        self._ticks = dict(ticks)

    def _tapped(self, point: str, state: TickState) -> None:
        tick = self._ticks.get(point)
        self.buttons[point, state].setChecked(tick is not None and tick.state is state)  # until it is on record
        self.asked.emit(point, state)


def _tick_words(tick: Tick, zone: tzinfo) -> str:
    by = f" by {tick.person}" if tick.person else ""
    words = f"{_WORDS[tick.state]} at {tick.at.astimezone(zone):%H:%M}{by}"
    return f"{words}: {tick.reason}." if tick.reason else f"{words}."
