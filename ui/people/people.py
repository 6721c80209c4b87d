"""The set-up page of people: who may sign in, as what, and with which PIN or badge."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QWidget

from app.domain.person import RIGHTS, Action, Person, Role
from ui.bridge import Bridge
from ui.shared.pad import LetterPad, NumberPad, PadSheet
from ui.shared.widgets import Button, Card, Choice, Combo, Notice, column, field, finger_scroll, label, row, tall
from ui.theme import current

_ROLES = [(role.value, role.value.capitalize()) for role in Role]
_RIGHTS = {
    Role.OPERATOR: "Stops and starts the line, acknowledges alarms. Sees Live and Alarms.",
    Role.INSPECTOR: "Also reviews, labels and exports.",
    Role.MANAGER: "Also keeps people, storage and backups. Does not change how parts are judged.",
    Role.ENGINEER: "May do everything.",
}
_LOCKS = (0, 1, 2, 5, 10, 15, 30, 60)
_EMPTY = (
    "Nobody is entered yet, so this station asks nobody and everybody may do everything. "
    "Add the first person: a manager or an engineer, who can add the others."
)


class PeoplePage(QWidget):
    """`changed` after somebody was added or changed."""

    changed = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._people: list[Person] = []
        self._chosen: Person | None = None  # None: a new one
        self._pin = self._first_pin = self._badge = ""
        self._build()
        self._edit(None)

    def _build(self) -> None:
        listed = Card("People", padding=16)
        self.list = QListWidget()
        self.list.setAccessibleName("People")
        finger_scroll(self.list)
        self.list.itemClicked.connect(lambda item: self._edit(self._people[self.list.row(item)]))
        self.empty = label(_EMPTY, "note", wrap=True)
        self.new = Button("Add a person", icon_name="account-plus-outline", on=lambda: self._edit(None))
        self.lock = Combo()
        for minutes in _LOCKS:
            self.lock.addItem(f"After {minutes} minutes" if minutes else "Never", minutes)
        self.lock.activated.connect(lambda _index: self._set_lock())
        listed.body.addWidget(self.empty)
        listed.body.addWidget(self.list, 1)
        listed.body.addWidget(self.new)
        listed.body.addWidget(field("Sign out by itself without a touch", self.lock))
        self.editor = Card(padding=16)
        self.heading = label("", "heading")
        self.name = QLineEdit()
        self.name.setMaxLength(60)
        self.name.textChanged.connect(lambda _text: self._show())
        self.keys = Button("Keys", icon_name="keyboard-outline", on=self._type_name)
        self.keys.setAccessibleName("Keyboard on the screen")
        self.letters = LetterPad(self.name)
        self.letter_sheet = PadSheet(self.letters, self)
        name = QWidget()
        name.setLayout(row(self.name, self.keys))
        self.role = Choice(_ROLES, Role.ENGINEER.value)
        self.role.chosen.connect(lambda _key: self._show())
        self.rights = label("", "quiet", wrap=True)
        self.pad = NumberPad("Take")
        self.pad.entered.connect(self._pin_typed)
        self.pin_sheet = PadSheet(self.pad, self)
        self.set_pin = Button("Type a PIN", icon_name="dialpad", on=lambda: self._ask_pin())
        self.pin_words = label("", "quiet", wrap=True)
        self.badge = Button("Learn a badge", icon_name="badge-account-outline", on=self._learn)
        self.badge.setCheckable(True)
        self.no_badge = Button("Take the badge away", icon_name="close", on=self._forget_badge)
        self.badge_words = label("", "quiet", wrap=True)
        self.primary = Button("Add", "primary", on=self._save)
        self.active = Button("Deactivate", icon_name="account-off-outline", on=self._switch)
        self.words = Notice()
        top = row(self.heading, 1, self.active, self.primary)
        self.editor.body.addLayout(top)
        self.editor.body.addWidget(self.words)
        self.editor.body.addWidget(field("Name", name))
        self.editor.body.addWidget(field("Role", self.role))
        self.editor.body.addWidget(self.rights)
        secrets = QHBoxLayout()
        secrets.setSpacing(24)
        left = column(label("PIN", "strong"), self.pin_words, self.set_pin, 1)
        right = column(label("Badge", "strong"), self.badge_words, self.badge, self.no_badge, 1)
        secrets.addLayout(left, 1)
        secrets.addLayout(right, 1)
        self.editor.body.addLayout(secrets)
        self.editor.body.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(24)
        layout.addWidget(listed, 35)
        layout.addWidget(self.editor, 65)

    # -- showing
    def refresh(self) -> None:
        """Reads the people again."""
        minutes = self._bridge.station.settings.lock_after_minutes
        if self.lock.findData(minutes) < 0:
            self.lock.addItem(f"After {minutes:g} minutes", minutes)
        self.lock.setCurrentIndex(self.lock.findData(minutes))
        self.lock.setEnabled(self._bridge.station.people.may(Action.SETTINGS))
        self._bridge.run(self._bridge.station.people.all, self._listed, lambda words: self.words.tell(words, "bad"))

    def _listed(self, people: list[Person]) -> None:
        self._people = people
        self.empty.setVisible(not people)
        self.list.setVisible(bool(people))
        self.list.clear()
        for person in people:
            ways = " and ".join(way for way, has in (("PIN", person.has_pin), ("badge", person.has_badge)) if has)
            left = "" if person.active else ", not active"
            item = QListWidgetItem(f"{person.name}\n{person.role.value.capitalize()}, {ways}{left}")
            self.list.addItem(tall(item, max(64, current().metrics.touch)))
            if self._chosen is not None and person.name == self._chosen.name:
                self._chosen = person
                self.list.setCurrentItem(item)
        self._show()

    def _edit(self, person: Person | None) -> None:
        self._chosen = person
        self._pin = self._first_pin = self._badge = ""
        self.badge.setChecked(False)
        self.pad.clear()
        self.words.tell("")
        self.name.setText(person.name if person else "")
        first = self._bridge.station.people.open
        self.role.set_value((person.role if person else Role.ENGINEER if first else Role.OPERATOR).value)
        if person is None:
            self.list.setCurrentItem(None)
        self._show()

    def _show(self) -> None:
        person, first = self._chosen, self._bridge.station.people.open
        self.heading.setText(person.name if person else "The first person" if first else "A new person")
        self.name.setReadOnly(person is not None)  # it stands on what the person did
        self.keys.setVisible(person is None)
        for role in Role:
            self.role.button(role.value).setEnabled(not first or Action.PEOPLE in RIGHTS[role])
        self.rights.setText(_RIGHTS[Role(self.role.value())])
        had = person is not None and person.has_pin
        if self._pin:
            self.pin_words.setText("A new PIN is taken. It is not shown again.")
        else:
            self.pin_words.setText("Has a PIN." if had else "No PIN.")
        has_badge = person is not None and person.has_badge
        if self.badge.isChecked():
            self.badge_words.setText("Hold the badge to the scanner now.")
        elif self._badge:
            self.badge_words.setText("A badge was read.")
        else:
            self.badge_words.setText("Has a badge." if has_badge else "No badge.")
        self.no_badge.setVisible(has_badge and not self._badge and bool(person and person.has_pin))
        self.primary.setText("Save" if person else "Add")
        named = bool(self.name.text().strip())
        if person is None:
            self.primary.setEnabled(named and bool(self._pin or self._badge))
        else:
            changed = self._pin or self._badge or self.role.value() != person.role.value
            self.primary.setEnabled(bool(changed))
        self.active.setVisible(person is not None)
        self.active.setText("Deactivate" if person is None or person.active else "Let sign in again")

    # -- what is typed and scanned
    def _type_name(self) -> None:
        self.letter_sheet.open("Name")

    def _ask_pin(self, words: str = "4 to 12 digits.") -> None:
        self._first_pin = ""
        self.pad.clear()
        self.pin_sheet.open("PIN", words)

    def _pin_typed(self, pin: str) -> None:
        if not self._first_pin:
            self._first_pin = pin
            self.pin_sheet.open("PIN", "Type it once more, so that no slip locks the person out.")
        elif pin == self._first_pin:
            self._pin, self._first_pin = pin, ""
            self.pin_sheet.hide()
        else:
            self._ask_pin("These were two different PINs. Type it again.")
        self._show()

    def _learn(self) -> None:
        self.setFocus()  # not a field, which would take the code for itself
        self._show()

    def learn_badge(self, code: str) -> bool:
        """What is scanned is the badge of the person being edited, while one is being learnt."""
        if not self.badge.isChecked():
            return False
        self._badge = code
        self.badge.setChecked(False)
        self._show()
        return True

    def _forget_badge(self) -> None:
        if self._chosen is not None:
            name, people = self._chosen.name, self._bridge.station.people
            self._run(lambda: people.change(name, badge=""), f"{name} has no badge any more.")

    def _save(self) -> None:
        people, role = self._bridge.station.people, Role(self.role.value())
        pin, badge = self._pin, self._badge
        if self._chosen is None:
            name, first = self.name.text().strip(), people.open

            def add() -> None:
                people.add(name, role, pin=pin, badge=badge)
                if first:  # who has just typed the PIN twice need not type it again to go on
                    people.sign_in(name, pin) if pin else people.scan(badge)

            self._run(add, f"{name} may sign in now.", added=name)
            return
        person = self._chosen
        new_role = role if role is not person.role else None
        self._run(
            lambda: people.change(person.name, role=new_role, pin=pin or None, badge=badge or None),
            f"{person.name} is changed.",
        )

    def _switch(self) -> None:
        if self._chosen is None:
            return
        name, on, people = self._chosen.name, not self._chosen.active, self._bridge.station.people
        done = f"{name} may sign in again." if on else f"{name} can't sign in any more. The name stays on the record."
        self._run(lambda: people.change(name, active=on), done)

    def _set_lock(self) -> None:
        minutes, station = self.lock.currentData(), self._bridge.station
        self._bridge.run(
            lambda: station.save_settings(lock_after_minutes=minutes),
            lambda _none: self.words.tell("Saved.", "good"),
            lambda words: self.words.tell(words, "bad"),
        )

    def _run(self, work, done: str, added: str = "") -> None:  # type: ignore[no-untyped-def]
        self.primary.setEnabled(False)

        def ended(_result: object) -> None:
            if added:
                self._edit(None)
            self._pin = self._first_pin = self._badge = ""
            self.words.tell(done, "good")
            self.refresh()
            self.changed.emit()

        def failed(words: str) -> None:
            self.words.tell(words, "bad")
            self._show()

        self._bridge.run(work, ended, failed)

    def hideEvent(self, _event: object) -> None:
        self.letter_sheet.hide()
        self.pin_sheet.hide()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape and self.badge.isChecked():
            self.badge.setChecked(False)
            self._show()
        else:
            super().keyPressEvent(event)
