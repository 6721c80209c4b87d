"""The set-up of alarms: rules, who is told, escalation."""

from __future__ import annotations

from datetime import time

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.alarm_rule import AlarmConfig
from app.domain.errors import LinesightError
from ui.bridge import Bridge
from ui.setup.alarm_people import PeopleCard
from ui.setup.alarm_rules import RuleRow
from ui.setup.alarm_steps import NoticesCard, StepsCard
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, Choice, Notice, clear, field, label, row
from ui.shared.work import Follower


class AlarmsSetup(QWidget):
    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.watching
        self._follower = Follower(self)
        self._shown: AlarmConfig | None = None
        self.rows: dict[str, RuleRow] = {}
        self.rules = Card("What raises an alarm", padding=16)
        self.rules.body.addWidget(
            label("A part without a verdict and pictures that can't be kept always do.", "note", wrap=True)
        )
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.rules.body.addLayout(self._rows)
        self.people = PeopleCard(bridge, self._follower)
        self.steps = StepsCard()
        self.notices = NoticesCard(bridge)
        self.repeat = Choice([("no", "Once"), ("yes", "Until acknowledged")], "no")
        self.quiet = number_field(5, "Quiet time")
        self.shifts, self.link = QLineEdit(), QLineEdit()
        self.link.setPlaceholderText("none; e.g. https://mes.company.com/parts/{part}")
        self.others = self._others()
        self.primary = Button("Save", "primary", on=self._save)
        self.primary.setMinimumWidth(200)
        self.said = Notice()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        for card in (self.rules, self.people, self.steps, self.others, self.notices):
            layout.addWidget(card)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.primary)
        foot.addWidget(self.said, 4)
        foot.addStretch(1)
        layout.insertLayout(4, foot)
        layout.addStretch(1)
        self.people.changed.connect(self._people_changed)

    def _others(self) -> Card:
        card = Card("Sound, shifts and link", padding=16)
        quiet = QWidget()
        quiet.setLayout(row(self.quiet, label("min", "note"), 1))
        first = QHBoxLayout()
        first.setSpacing(16)
        first.addWidget(field("Sound at a new alarm", self.repeat, "Whether there is any: Set-up, Station."), 1)
        first.addWidget(field("The same cause is told once in", quiet), 1)
        second = QHBoxLayout()
        second.setSpacing(16)
        second.addWidget(field("Shifts begin at", self.shifts, "For the end of a shelf and the figures."), 1)
        second.addWidget(field("Link in a message", self.link, "With {part}, {inspection}, {alarm}, {station}."), 1)
        card.body.addLayout(first)
        card.body.addLayout(second)
        return card

    def refresh(self) -> None:
        """Shows what is set, unless somebody is changing it."""
        self.notices.refresh()
        config, offered = self._desk.config, self._desk.offered()
        if config == self._shown and {one.kind for one in self.rows.values()} == offered:
            return
        self._shown = config
        clear(self._rows)
        self.rows = {rule.id: RuleRow(rule) for rule in config.rules if rule.kind in offered}
        for one in self.rows.values():
            self._rows.addWidget(one)
        self.people.show_recipients(list(config.recipients))
        self.steps.show_steps(list(config.escalation), list(config.recipients))
        self.repeat.set_value("yes" if config.repeat_sound else "no")
        self.quiet.setText(f"{config.quiet_minutes:g}")
        self.shifts.setText(", ".join(f"{moment:%H:%M}" for moment in config.shifts))
        self.link.setText(config.link)

    def close_page(self) -> None:
        self._follower.close()

    def chosen(self) -> AlarmConfig:
        """What is set on the page; LinesightError in words where something is wrong."""
        return AlarmConfig(
            rules=tuple(
                self.rows[rule.id].rule() if rule.id in self.rows else rule for rule in self._desk.config.rules
            ),
            recipients=tuple(self.people.recipients),
            escalation=self.steps.steps(),
            repeat_sound=self.repeat.value() == "yes",
            quiet_minutes=number_of(self.quiet, "The quiet time"),
            link=self.link.text().strip(),
            shifts=_times(self.shifts.text()),
        )

    def _people_changed(self) -> None:
        try:
            self.steps.people_changed(self.people.recipients)
        except LinesightError as error:
            self.said.tell(str(error), "bad")
            return
        self.said.tell("Save to go by it.")

    def _save(self) -> None:
        try:
            config = self.chosen()
        except LinesightError as error:
            self.said.tell(str(error), "bad")
            return
        self.primary.setEnabled(False)
        self._bridge.run(lambda: self._desk.save_config(config), lambda _none: self._saved(), self._refused)

    def _saved(self) -> None:
        self.primary.setEnabled(True)
        self.said.tell("Saved. These rules hold from the next part on.", "good")
        self.refresh()

    def _refused(self, words: str) -> None:
        self.primary.setEnabled(True)
        self.said.tell(words, "bad")


def _times(text: str) -> tuple[time, ...]:
    found = []
    for each in text.replace(";", ",").split(","):
        try:
            found.append(time.fromisoformat(each.strip().zfill(5)))
        except ValueError as error:
            raise LinesightError(f"Shifts begin at times such as 06:00, not {each.strip() or 'nothing'}.") from error
    return tuple(sorted(set(found)))
