"""Signing in by touch: tap a name, type the PIN. A badge held to the scanner does both at once."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.person import Person
from ui.bridge import Bridge
from ui.shared.pad import NumberPad
from ui.shared.widgets import Button, Notice, clear, label, scrolled

WIDTH = 440


class SignInSheet(QFrame):
    """Lies at the right of the screen: the picture stays visible. `entered` when somebody has signed in."""

    entered = Signal()
    closed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sheet")
        self._bridge = bridge
        self._name = ""
        self.title = label("Who are you?", "heading")
        self.close_button = Button("Close", icon_name="close", on=self.shut)
        head = QHBoxLayout()
        self.other = Button("", icon_name="arrow-left", on=self._names)
        self.other.setAccessibleName("Somebody else")
        self.other.setToolTip("Somebody else")
        head.addWidget(self.other)
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        self.why = Notice()
        self.names: dict[str, Button] = {}
        tiles = QWidget()
        self._grid = QGridLayout(tiles)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)
        self.pad = NumberPad()
        self.pad.entered.connect(self._try)
        pin = QWidget()
        inner = QVBoxLayout(pin)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        inner.addWidget(self.pad)
        inner.addStretch(1)
        self.stack = QStackedWidget()
        self._tiles, self._pin = scrolled(tiles), pin
        tiles.setProperty("kind", "plain")  # the sheet's own ground
        self._tiles.viewport().setAutoFillBackground(False)
        self.stack.addWidget(self._tiles)
        self.stack.addWidget(pin)
        self.hint = label("Or hold your badge to the scanner.", "quiet", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.why)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.hint)
        self.hide()

    def open(self, why: str = "") -> None:
        """Shows the names; `why` says what asked for it."""
        self.why.tell(why)
        self._names()
        self._bridge.run(self._bridge.station.people.everybody, self._show, lambda words: self.why.tell(words, "bad"))
        self.show()
        self.raise_()

    def shut(self) -> None:
        self.pad.clear()
        self.hide()
        self.closed.emit()

    def _show(self, people: list[Person]) -> None:
        clear(self._grid)
        self.names.clear()
        for index, person in enumerate(people):
            tile = Button(person.name, on=lambda person=person: self._choose(person))
            tile.setAccessibleName(f"{person.name}, {person.role.value}")
            self.names[person.name] = tile
            self._grid.addWidget(tile, index // 2, index % 2)
        self._grid.setRowStretch(len(people) // 2 + 1, 1)

    def _choose(self, person: Person) -> None:
        self.why.tell("" if person.has_pin else f"{person.name} signs in by badge only.", "mention")
        self._name = person.name
        self.title.setText(person.name)
        self.other.show()
        self.hint.setVisible(person.has_badge)
        self.pad.clear()
        self.pad.set_busy(not person.has_pin)
        self.stack.setCurrentWidget(self._pin)
        self.pad.setFocus(Qt.FocusReason.OtherFocusReason)

    def _names(self) -> None:
        self.title.setText("Who are you?")
        self.other.hide()
        self.hint.show()
        self.pad.clear()
        self.pad.set_busy(False)
        self.stack.setCurrentWidget(self._tiles)

    def _try(self, pin: str) -> None:
        name, people = self._name, self._bridge.station.people
        self.pad.set_busy(True)
        self.why.tell("Looking at the PIN")
        self._bridge.run(lambda: people.sign_in(name, pin), lambda _person: self.done(), self._refused, quiet=True)

    def _refused(self, words: str) -> None:
        self.pad.set_busy(False)
        self.pad.setFocus(Qt.FocusReason.OtherFocusReason)
        self.why.tell(words, "bad")

    def done(self) -> None:
        """Somebody has signed in."""
        self.pad.set_busy(False)
        self.shut()
        self.entered.emit()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.shut()
        else:
            super().keyPressEvent(event)
