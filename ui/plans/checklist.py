"""The lines of a component's checklist with what the model said and what a person did; touch or keys answer them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QFrame, QLineEdit, QVBoxLayout, QWidget

from app.domain.checklist import Line
from app.domain.plan import TickState
from ui.plans.words import AGAINST, LINE_MARKS, REASONS
from ui.shared.widgets import Button, Card, clear, column, icon, label, row, scrolled, set_kind
from ui.theme import current

KEYS = {Qt.Key.Key_1: TickState.GOOD, Qt.Key.Key_2: TickState.NOT_GOOD, Qt.Key.Key_3: TickState.NOT_APPLICABLE}
_WORDS = {TickState.GOOD: "Good", TickState.NOT_GOOD: "Not good", TickState.NOT_APPLICABLE: "N/A"}


class LineRow(QFrame):
    """One line: its name, how it stands, and three buttons. `answered` carries a TickState."""

    answered = Signal(object)

    def __init__(self, line: Line, *, able: bool, wide: bool) -> None:
        super().__init__()
        self.line = line
        self.setProperty("kind", "line")
        self.mark = label("")
        name, colour = LINE_MARKS[line.state]
        self.mark.setPixmap(icon(name, colour).pixmap(QSize(24, 24)))
        self.mark.setFixedWidth(24)
        self.said = label(_said(line), "quiet", wrap=True)
        self.said.setVisible(bool(self.said.text()))
        self.name = label(line.name, "strong", wrap=True)
        head = row(self.mark, self.name)
        head.setStretch(1, 1)
        self.buttons = {state: Button(words, "chip") for state, words in _WORDS.items()}
        for state, button in self.buttons.items():
            button.setCheckable(True)
            button.setChecked(line.state is state)
            button.setEnabled(able)
            button.setMinimumWidth(current().metrics.touch)
            button.setAccessibleName(f"{line.name}: {state.value}")
            button.clicked.connect(lambda _checked=False, state=state: self._press(state))
        chips = row(*self.buttons.values())
        layout = QBoxLayout(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom, self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        told = QVBoxLayout()
        told.setSpacing(4)
        told.addLayout(head)
        told.addWidget(self.said)
        told.addStretch(1)
        layout.addLayout(told, 1)
        layout.addLayout(chips)

    def _press(self, state: TickState) -> None:
        for each, button in self.buttons.items():
            button.setChecked(self.line.state is each)  # it is marked once it is on record
        self.answered.emit(state)


class Checklist(Card):
    """`answered` carries (Line, TickState). The line that keys answer is framed: the first open one, or another."""

    answered = Signal(object, object)

    def __init__(self) -> None:
        super().__init__("Check", padding=16)
        self.rows: list[LineRow] = []
        self._at = 0
        self._able = True
        inside = QWidget()
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        whole = QVBoxLayout(inside)
        whole.setContentsMargins(0, 0, 8, 0)
        whole.addLayout(self._lines)
        whole.addStretch(1)
        self._area = scrolled(inside)
        self._area.setStyleSheet("QWidget[kind='ground'] { background: transparent; }")  # it stands on a card
        self._area.verticalScrollBar().rangeChanged.connect(self._in_sight)  # new rows have their place from then on
        self.body.addWidget(self._area, 1)

    def show_lines(self, lines: Sequence[Line], *, able: bool, wide: bool = False) -> None:
        """`able`: whether they can be answered now; `wide`: there is room for the buttons beside the name."""
        same = [one.line.name for one in self.rows] == [one.name for one in lines]
        at = self._at if same else 0
        clear(self._lines)
        self._able = able
        self.rows = [LineRow(line, able=able, wide=wide) for line in lines]
        for each in self.rows:
            each.answered.connect(lambda state, each=each: self.answered.emit(each.line, state))
            self._lines.addWidget(each)
        if not lines:
            self._lines.addWidget(label("The whole component as in the picture.", "note", wrap=True))
        open_ones = [number for number, one in enumerate(self.rows) if one.line.state is None]
        later = [number for number in open_ones if number >= at]
        self._go((later or open_ones or [at])[0])

    def press(self, key: int) -> bool:
        """Up and down choose a line, 1, 2 and 3 answer it; whether the key meant anything."""
        if not self.rows:
            return False
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._go(self._at + (1 if key == Qt.Key.Key_Down else -1))
            return True
        state = KEYS.get(Qt.Key(key))
        if state is None or not self._able:
            return False
        self.answered.emit(self.rows[self._at].line, state)
        return True

    def _go(self, at: int) -> None:
        self._at = max(0, min(at, len(self.rows) - 1))
        for number, each in enumerate(self.rows):
            set_kind(each, "line-now" if number == self._at else "line")
        self._in_sight()

    def _in_sight(self, *_range: int) -> None:
        if self.rows:
            self._area.ensureWidgetVisible(self.rows[self._at], 0, 8)


def _said(line: Line) -> str:
    if line.tick is not None:
        plain = not (line.tick.reason or line.tick.person or line.of_model)  # the mark and the button say it all
        return "" if plain else line.text
    if line.said is not None:
        return f"The model: {line.said}" + (f" ({line.words})" if line.words else "")
    if line.of_model:
        return (
            f"The model gives no answer: {line.words}" if line.words else "The model answers it when the day is judged"
        )
    return ""


class ReasonSheet(QFrame):
    """Asks why, by chips or in own words. `said` carries the reason."""

    said = Signal(str)
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "sheet")
        self.title = label("", "strong", wrap=True)
        self.reason = QLineEdit()
        self.reason.setMaxLength(200)
        self.reason.setPlaceholderText("Another reason")
        self.reason.setAccessibleName("Another reason")
        self.reason.returnPressed.connect(self._say)
        self.say = Button("Not applicable", on=self._say)
        self.chips: list[Button] = []
        self._chips = column()
        inside = QVBoxLayout(self)
        inside.setContentsMargins(16, 16, 16, 16)
        inside.setSpacing(8)
        inside.addWidget(self.title)
        inside.addLayout(self._chips)
        self.cancel = Button("Cancel", on=self.cancelled.emit)
        own = row(self.reason, self.say, self.cancel)
        own.setStretch(0, 1)
        inside.addLayout(own)
        inside.addStretch(1)

    def ask(self, title: str, state: TickState, *, against: bool = False) -> None:
        """Args:
        against: a model says otherwise.
        """
        self.title.setText(title)
        self.say.setText("Not applicable" if state is TickState.NOT_APPLICABLE else f"It is {state.value}")
        self.reason.clear()
        clear(self._chips)
        offered = AGAINST[state] if against and state in AGAINST else REASONS
        self.chips = [Button(words, "chip", on=lambda words=words: self.said.emit(words)) for words in offered]
        self._chips.addLayout(row(*self.chips, 1))

    def _say(self) -> None:
        self.said.emit(self.reason.text())
