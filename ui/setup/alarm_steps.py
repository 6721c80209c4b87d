"""The escalation: after so many minutes without an acknowledgement, who is told as well. And what was not told."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.domain.notice import EscalationStep, Notice, NoticeState, Recipient
from ui.bridge import Bridge
from ui.shared.elided import Elided
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, clear, clock, label, row


class StepsCard(Card):
    def __init__(self) -> None:
        super().__init__("When nobody answers", padding=16)
        self._people: list[Recipient] = []
        self._steps: list[tuple[QLineEdit, dict[str, Button]]] = []
        self.empty = label("There is no step: an alarm waits on the screen until somebody comes.", "note", wrap=True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.add = Button("Add a step", icon_name="plus", on=self._add)
        self.body.setSpacing(8)
        self.body.addWidget(self.empty)
        self.body.addLayout(self._rows)
        self.body.addLayout(row(self.add, 1))

    def show_steps(self, steps: list[EscalationStep], people: list[Recipient]) -> None:
        """`people` are those who can be told."""
        self._people = list(people)
        self._steps = []
        clear(self._rows)
        for step in steps:
            self._show(step)
        self.empty.setVisible(not steps)
        self.add.setEnabled(bool(people))
        self.add.setToolTip("" if people else "Add somebody who is told first.")

    def steps(self) -> tuple[EscalationStep, ...]:
        """As they are set, by rising minutes; LinesightError in words where one is none."""
        found = []
        for number, (minutes, chips) in enumerate(self._steps, 1):
            told = tuple(id for id, chip in chips.items() if chip.isChecked())
            found.append(EscalationStep(number_of(minutes, f"Step {number}"), told))
        return tuple(sorted(found, key=lambda step: step.minutes))

    def people_changed(self, people: list[Recipient]) -> None:
        """Keeps what is set for those who are still there."""
        known = {one.id for one in people}
        kept = []
        for minutes, chips in self._steps:
            told = tuple(id for id, chip in chips.items() if chip.isChecked() and id in known)
            kept.append(EscalationStep(number_of(minutes, "A step"), told))
        self.show_steps(kept, people)

    def _show(self, step: EscalationStep) -> None:
        minutes = number_field(step.minutes, "Minutes")
        chips: dict[str, Button] = {}
        for one in self._people:
            chip = Button(one.name, "chip")
            chip.setCheckable(True)
            chip.setChecked(one.id in step.recipients)
            chips[one.id] = chip
        entry = (minutes, chips)
        remove = Button("Remove", on=lambda: self._remove(entry))
        line = QWidget()
        line.setLayout(row(label("after"), minutes, label("min tell"), *chips.values(), 1, remove))
        self._rows.addWidget(line)
        self._steps.append(entry)

    def _add(self) -> None:
        before = self.steps()
        minutes = before[-1].minutes * 2 if before else 15.0
        self.show_steps([*before, EscalationStep(min(minutes, 10_080.0))], self._people)

    def _remove(self, entry: tuple[QLineEdit, dict[str, Button]]) -> None:
        self._steps.remove(entry)
        self.show_steps(list(self.steps()), self._people)


class NoticesCard(Card):
    """The newest notices; what was given up first, with a way to send it again."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("What was told", padding=16)
        self._bridge, self._desk = bridge, bridge.station.watching
        self.empty = label("Nothing was told yet.", "note")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.body.setSpacing(8)
        self.body.addWidget(self.empty)
        self.body.addLayout(self._rows)

    def refresh(self) -> None:
        self._bridge.run(lambda: self._desk.notices(10), self._show)

    def _show(self, notices: list[Notice]) -> None:
        clear(self._rows)
        self.empty.setVisible(not notices)
        names = {one.id: one.name for one in self._desk.config.recipients}
        for notice in notices[:10]:
            name = names.get(notice.recipient) or notice.recipient.replace("-", " ").capitalize()
            line = QWidget()
            inner = row(Elided(f"{clock(notice.created_at, None, day=True)}  {name}: {_state(notice)}", "note"))
            if notice.state is NoticeState.DEAD:
                inner.addWidget(Button("Send again", on=lambda id=notice.id: self._again(id)))
            line.setLayout(inner)
            self._rows.addWidget(line)

    def _again(self, id: str) -> None:
        self._bridge.run(lambda: self._desk.send_again(id), lambda _none: self.refresh())


def _state(notice: Notice) -> str:
    match notice.state:
        case NoticeState.SENT:
            return "sent" if notice.attempts <= 1 else f"sent at the {notice.attempts}. try"
        case NoticeState.DEAD:
            return f"given up. {notice.error}"
    return f"waits. {notice.error}" if notice.error else "waits"
