"""What is asked before an alarm is shelved, given to somebody, commented or closed: small forms beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from ui.shared.widgets import Button, Choice, Combo, field, label, row

REASONS = ("Known, is being worked on", "Part or fixture is being changed", "Cleaning or maintenance", "False alarm")
ENDS = (("15", "15 min"), ("60", "1 h"), ("240", "4 h"), ("shift", "End of shift"))


class Form(QWidget):
    """A heading, editors, and two buttons; `act` is called by the first, `leave` by both."""

    def __init__(self, heading: str, button: str, leave: Callable[[], None]) -> None:
        super().__init__()
        self._leave = leave
        self.primary = Button(button, "primary", on=self._act)
        self.back = Button("Back", on=leave)
        self.act: Callable[[], None] = lambda: None
        self.body = QVBoxLayout()
        self.body.setSpacing(16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(label(heading, "heading"))
        layout.addLayout(self.body)
        layout.addLayout(row(self.primary, self.back, 1))
        layout.addStretch(1)

    def _act(self) -> None:
        self.act()


class ShelveForm(Form):
    """Why, and until when."""

    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__("Shelve this alarm", "Shelve", leave)
        self.body.addWidget(
            label(
                "It is not shown, heard or told until then, and comes back by itself. It is counted on.",
                "note",
                wrap=True,
            )
        )
        self.reason = Combo()
        self.reason.setEditable(True)
        self.reason.addItems(REASONS)
        self.reason.setCurrentText("")
        self.until = Choice(list(ENDS), "15")
        self.body.addWidget(field("Why", self.reason))
        self.body.addWidget(field("Until", self.until))

    def clear(self) -> None:
        self.reason.setCurrentText("")
        self.until.set_value("15")

    def end(self, end_of_shift: datetime) -> datetime:
        """The moment that is chosen, UTC."""
        value = self.until.value()
        return end_of_shift if value == "shift" else datetime.now(UTC) + timedelta(minutes=int(value))


class AssignForm(Form):
    """Somebody of the station, or any other name."""

    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__("Give the ticket to somebody", "Assign", leave)
        self.name = Combo()
        self.name.setEditable(True)
        self.body.addWidget(field("Who", self.name, "A person of this station, or any other name."))

    def offer(self, names: list[str], current: str) -> None:
        self.name.clear()
        self.name.addItems(names)
        self.name.setCurrentText(current)


class CommentForm(Form):
    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__("Add a comment", "Add", leave)
        self.words = QPlainTextEdit()
        self.words.setTabChangesFocus(True)
        self.words.setMinimumHeight(120)
        self.body.addWidget(field("Comment", self.words, "It stands in the history with your name and the time."))


class CloseForm(Form):
    """Cause and action: what the next one who sees such an alarm wants to know."""

    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__("Close the ticket", "Close the ticket", leave)
        self.cause, self.action = QLineEdit(), QLineEdit()
        self.cause.setPlaceholderText("e.g. Gripper had lost its pad")
        self.action.setPlaceholderText("e.g. Pad replaced, 20 parts looked at again")
        self.body.addWidget(field("Cause", self.cause))
        self.body.addWidget(field("Action", self.action))
        self.body.addWidget(
            label("This acknowledges the alarm too. A closed ticket stays as it is.", "quiet", wrap=True)
        )

    def clear(self) -> None:
        self.cause.clear()
        self.action.clear()
