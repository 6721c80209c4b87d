"""The side sheet for a decision with class and reason: on a part, or on the whole lot."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.domain.lot import Choice, Grade, LotState, Part
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Notice, field, finger_scroll, label, row
from ui.shared.widgets import Choice as Chips

PART_CHOICES = [("approve", "Approve"), ("reject", "Reject"), ("rework", "Rework"), ("concession", "Concession")]
LOT_CHOICES = [
    ("approve", "Accept"),
    ("reject", "Reject"),
    ("rework", "Rework, sort all"),
    ("concession", "Concession"),
]
PART_REASONS = ("Wrong verdict", "Dirt, not a defect", "Can be reworked", "Agreed with engineering")
LOT_REASONS = ("Needed at once, agreed", "Sort all parts", "Wrong material", "Agreed with engineering")


class DecisionSheet(QFrame):
    """`decided` carries (serial or "" for the lot, choice, class or None, reason)."""

    decided = Signal(str, object, object, str)
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sheet")
        self.serial = ""
        self.title = Elided("", "heading")
        self.close_button = Button("Close", icon_name="close", on=self.shut)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        finger_scroll(self._area)
        self.notice = Notice()
        self.confirm = Button("", "primary", on=self._confirm)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        head = row(self.title, self.close_button)
        head.setStretch(0, 1)
        layout.addLayout(head)
        layout.addWidget(self._area, 1)
        layout.addWidget(self.notice)
        layout.addWidget(self.confirm)
        self.choices, self.grades, self.reason = Chips(PART_CHOICES, ""), Chips(PART_CHOICES, ""), QLineEdit()
        self.hide()

    def ask_part(self, part: Part, choice: Choice | None, grade: Grade, counted: tuple[Grade, ...]) -> None:
        """A part, decided or not; `grade` is what the limits make of it, `counted` what the lot counts."""
        told = part.last.reason or part.last.error
        before = f" Decided so far: {part.decision.choice.value}." if part.decision else ""
        chips = Chips([(each.value, each.value.capitalize()) for each in counted], grade.value)
        self._ask(part.serial, f"{part.last.verdict.value}: {told}.{before}", PART_CHOICES, choice, PART_REASONS, chips)
        self.title.setText(f"Part {part.serial}")

    def ask_lot(self, state: LotState, choice: Choice | None) -> None:
        """The lot itself."""
        self._ask("", state.words, LOT_CHOICES, choice or state.proposed, LOT_REASONS, None)
        self.title.setText(f"Lot {state.lot.order.number}")
        self.choices.button("approve").setEnabled(state.proposed is Choice.APPROVE)

    def _ask(
        self,
        serial: str,
        words: str,
        choices: list[tuple[str, str]],
        choice: Choice | None,
        reasons: tuple[str, ...],
        grades: Chips | None,
    ) -> None:
        self.serial = serial
        self.choices = Chips(choices, choice.value if choice else "", columns=2)
        self.choices.chosen.connect(lambda _key: self._name())
        self.reason = QLineEdit()
        self.reason.setMaxLength(300)
        self.reason.returnPressed.connect(self._confirm)
        offered = Chips([(each, each) for each in reasons], "", columns=1)
        offered.chosen.connect(self.reason.setText)
        body = QWidget()
        inner = QVBoxLayout(body)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(12)
        inner.addWidget(label(words, "note", wrap=True))
        inner.addWidget(field("Decision", self.choices))
        if grades is not None:
            self.grades = grades
            inner.addWidget(field("A bad part counts as", grades))
        inner.addWidget(field("Reason", self.reason))
        inner.addWidget(offered)
        inner.addStretch(1)
        self._area.setWidget(body)
        body.setAutoFillBackground(False)  # the sheet's own colour
        self.notice.tell("")
        self._name()
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _name(self) -> None:
        chosen = self.choices.value()
        words = dict(PART_CHOICES if self.serial else LOT_CHOICES)
        about = f"part {self.serial}" if self.serial else "the lot"
        self.confirm.setText(f"{words[chosen].partition(',')[0]} {about}" if chosen else "Choose a decision")
        self.confirm.setEnabled(bool(chosen))

    def _confirm(self) -> None:
        if chosen := self.choices.value():
            grade = Grade(self.grades.value()) if self.serial else None
            self.decided.emit(self.serial, Choice(chosen), grade, self.reason.text().strip())

    def shut(self) -> None:
        self.hide()
        self.closed.emit()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.shut()
        else:
            event.accept()  # a pedal pressed meanwhile decides nothing behind the sheet
