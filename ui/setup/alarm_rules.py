"""Rules of the alarms as rows: on or off, their numbers, their priority."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.alarm import Priority
from app.domain.alarm_rule import NUMBERS, WORDS, AlarmRule, Number, RuleKind
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Choice, Combo, label
from ui.theme import current

_A_LINE = 2  # numbers beside each other, so that it fits a 10-inch screen


class RuleRow(QWidget):
    """One rule."""

    def __init__(self, rule: AlarmRule) -> None:
        super().__init__()
        self._rule, self.kind = rule, rule.kind
        self.on = Choice([("on", "On"), ("off", "Off")], "on" if rule.on else "off")
        self.priority = Combo()
        self.priority.setAccessibleName(f"Priority: {WORDS[rule.kind]}")
        for priority in reversed(Priority):
            self.priority.addItem(priority.words, priority)
        self.priority.setCurrentIndex(self.priority.findData(rule.priority))
        self.priority.setFixedWidth(112 + current().metrics.touch)
        self.editors: dict[str, QLineEdit] = {}
        self.label = QLineEdit(rule.label)
        self.label.setPlaceholderText("defect type")
        self.label.setAccessibleName("Defect type")
        self.label.setMaximumWidth(160)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(label(WORDS[rule.kind], "strong"))
        if rule.kind is RuleKind.TYPE_RATE:
            words.addWidget(self.label)
        for first in range(0, len(NUMBERS[rule.kind]), _A_LINE):
            line = QHBoxLayout()
            line.setSpacing(8)
            for number in NUMBERS[rule.kind][first : first + _A_LINE]:
                self._add(line, number)
            line.addStretch(1)
            words.addLayout(line)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(16)
        line.addWidget(self.on, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addLayout(words, 1)
        line.addWidget(self.priority, 0, Qt.AlignmentFlag.AlignVCenter)

    def _add(self, layout: QHBoxLayout, number: Number) -> None:
        editor = number_field(getattr(self._rule, number.name), f"{WORDS[self._rule.kind]}: {number.words}")
        self.editors[number.name] = editor
        first = number.name == "n" and self._rule.kind is not RuleKind.BACKLOG
        if not first:
            layout.addWidget(label(number.words, "note"))
        layout.addWidget(editor)
        after = number.words if first else number.unit
        if after:
            layout.addWidget(label(after, "note"))

    def rule(self) -> AlarmRule:
        """The rule as it is set; LinesightError in words where it is none."""
        values: dict[str, Any] = {}
        for number in NUMBERS[self._rule.kind]:
            words = f"{WORDS[self._rule.kind]}, {number.words}"
            values[number.name] = number_of(self.editors[number.name], words, whole=number.whole)
        on = self.on.value() == "on"
        return replace(
            self._rule, on=on, priority=self.priority.currentData(), label=self.label.text().strip(), **values
        )
