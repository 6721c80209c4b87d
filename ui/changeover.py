"""Change-over by tap: the recipes as large buttons beside the picture, the one that ran before first."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.person import Action
from app.recipe import Recipe
from ui.bridge import Bridge
from ui.shared.widgets import Button, Notice, clear, label, scrolled

WIDTH = 440


class ChangeOverSheet(QFrame):
    """Lies at the left below the product. `told` carries what was done; `set_up` asks for the page of recipes."""

    told = Signal(str)
    set_up = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sheet")
        self._bridge, self._desk = bridge, bridge.station.recipes
        self.title = label("Change over to", "heading")
        self.close_button = Button("Close", icon_name="close", on=self.hide)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        self.why = Notice()
        self.buttons: dict[str, Button] = {}
        self.nothing = label("There is no recipe yet. Keep what the station does now as the first one.", wrap=True)
        self.edit = Button("Recipes in Set-up", icon_name="cog-outline", on=self._edit)
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(8)
        area = scrolled(inner)
        inner.setProperty("kind", "plain")  # the sheet's own ground
        area.viewport().setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.why)
        layout.addWidget(self.nothing)
        layout.addWidget(area, 1)
        layout.addWidget(self.edit)
        self.hide()

    def open(self) -> None:
        """Shows what is there; from memory."""
        self.why.tell("")
        running, before = self._desk.running(), self._desk.before()
        clear(self._list)
        self.buttons = {}
        found = self._desk.all()
        if before is not None:
            found = [before, *(each for each in found if each.name != before.name)]
        for each in found:
            self._list.addWidget(self._button(each, running, before))
        self._list.addStretch(1)
        self.nothing.setVisible(not found)
        self.edit.setVisible(self._bridge.station.people.may(Action.SETTINGS))
        self.show()
        self.raise_()

    def _button(self, recipe: Recipe, running: Recipe | None, before: Recipe | None) -> Button:
        name = recipe.name
        runs = running is not None and running.name == name
        back = before is not None and before.name == name and not runs
        made = Button(f"{name} runs now" if runs else f"Back to {name}" if back else name, on=lambda: self.use(name))
        made.setEnabled(not runs)
        if back:
            made.set_role("primary")
        self.buttons[name] = made
        return made

    def use(self, name: str) -> None:
        """Changes over; what can't be is said here."""
        for button in self.buttons.values():
            button.setEnabled(False)

        def done(recipe: Recipe) -> None:
            self.hide()
            self.told.emit(f"{recipe.name} runs now.")

        def failed(words: str) -> None:
            self.open()
            self.why.tell(words, "bad")

        self._bridge.run(lambda: self._desk.use(name), done, failed)

    def _edit(self) -> None:
        self.hide()
        self.set_up.emit()
