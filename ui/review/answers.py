"""The three answers, and after "True defect" the types: two taps in all."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QSizePolicy, QStackedWidget, QWidget

from app.reviewing import Answer
from ui.shared.widgets import Button, clear, finger_scroll, row
from ui.theme import current

BUTTONS = (
    (Answer.TRUE_DEFECT, "True defect", "1", "close-octagon-outline"),
    (Answer.FALSE_ALARM, "False alarm: the part is good", "2", "check-circle-outline"),
    (Answer.UNSURE, "Unsure", "3", "help-circle-outline"),
)
NO_TYPE = "No type"


class AnswerBar(QStackedWidget):
    """`answered` carries an `Answer`, a type ("" for none) and whether the mask was accepted; `asking` says that the
    types are shown, or no longer; `mask_wanted` whether the proposed mask is."""

    answered = Signal(object, str, bool)
    asking = Signal(bool)
    mask_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._types: tuple[str, ...] = ()
        self._proposed = ""
        self._has_mask = False
        self.buttons: dict[Answer, Button] = {}
        for answer, words, key, icon_name in BUTTONS:
            button = Button(f"{words}  ({key})", icon_name=icon_name, on=lambda answer=answer: self.choose(answer))
            button.setAccessibleName(words)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
            self.buttons[answer] = button
        first = QWidget()
        layout = row(*self.buttons.values())
        for place in range(3):
            layout.setStretch(place, 1)
        first.setLayout(layout)
        self.back = Button("Back", icon_name="arrow-left", on=self.leave)
        self.mask = Button("With the mask", "chip", "vector-polygon")
        self.mask.setCheckable(True)
        self.mask.toggled.connect(self._mask_turned)
        self.new_type = QLineEdit()
        self.new_type.setPlaceholderText("New type")
        self.new_type.setAccessibleName("New type of defect")
        self.new_type.setMaxLength(60)
        self.new_type.setMinimumWidth(120)
        self.new_type.setMaximumWidth(200)
        self.new_type.returnPressed.connect(self._take_new)
        inner = QWidget()
        inner.setProperty("kind", "ground")
        self._chips = QHBoxLayout(inner)
        self._chips.setContentsMargins(0, 0, 0, 0)
        self._chips.setSpacing(8)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(inner)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        finger_scroll(self._area)
        second = QWidget()
        types = row(self.back, self._area, self.new_type, self.mask)
        types.setStretch(1, 1)
        second.setLayout(types)
        self.addWidget(first)
        self.addWidget(second)
        self._size()
        current().changed.connect(self._size)

    def _size(self) -> None:
        self.setFixedHeight(current().metrics.touch + 16)

    @property
    def asks(self) -> bool:
        """Whether the types are shown."""
        return self.currentIndex() == 1

    @property
    def chips(self) -> list[Button]:
        items = (self._chips.itemAt(place) for place in range(self._chips.count()))
        return [chip for item in items if item is not None and isinstance(chip := item.widget(), Button)]

    def begin(self, types: tuple[str, ...], proposed: str, *, has_mask: bool) -> None:
        """For another part."""
        self._types, self._proposed, self._has_mask = types, proposed, has_mask
        self.setCurrentIndex(0)

    def set_enabled(self, on: bool) -> None:
        for button in self.buttons.values():
            button.setEnabled(on)

    def choose(self, answer: Answer) -> None:
        if answer is not Answer.TRUE_DEFECT:
            self.answered.emit(answer, "", False)
            return
        clear(self._chips)
        # What Enter takes stands first: the model's type, or none where it named none.
        names = (*self._types, "") if self._proposed else ("", *self._types)
        for place, name in enumerate(names):
            key = f"  ({place + 1})" if place < 9 else ""
            chip = Button(f"{name or NO_TYPE}{key}", on=lambda name=name: self._take(name))
            chip.setAccessibleName(name or NO_TYPE)
            if name == self._proposed:
                chip.set_role("primary")
            self._chips.addWidget(chip)
        self._chips.addStretch(1)
        self.new_type.clear()
        self.mask.setVisible(self._has_mask)
        self.mask.setChecked(self._has_mask)
        self._mask_turned(self._has_mask)
        self.setCurrentIndex(1)
        self.asking.emit(True)

    def leave(self) -> None:
        """Back to the three answers."""
        if self.asks:
            self.setCurrentIndex(0)
            self.asking.emit(False)

    def key(self, number: int) -> bool:
        """A digit; whether it meant something."""
        if not self.asks:
            if 1 <= number <= len(BUTTONS) and self.buttons[BUTTONS[number - 1][0]].isEnabled():
                self.choose(BUTTONS[number - 1][0])
                return True
            return False
        chips = self.chips
        if 1 <= number <= len(chips):
            chips[number - 1].click()
            return True
        return False

    def take_proposed(self) -> None:
        """Enter: what the model proposes."""
        if self.asks:
            self._take(self._proposed)

    def _take(self, name: str) -> None:
        self.answered.emit(Answer.TRUE_DEFECT, name, self._has_mask and self.mask.isChecked())

    def _take_new(self) -> None:
        name = " ".join(self.new_type.text().split())
        if name:
            self._take(name)

    def _mask_turned(self, on: bool) -> None:
        self.mask.setText("With the mask" if on else "Without the mask")
        self.mask_wanted.emit(on)
