"""Set-up, Recipes: what the station does now as a recipe; those that are there; files to and from other stations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.errors import LinesightError
from app.recipe import SUFFIX, Recipe
from ui.bridge import Bridge
from ui.shared.elided import Elided
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, Choice, Notice, clear, field, label, row

_FOR = (
    "A recipe keeps what the station does for one product: source and cameras, model, where to look, how parts come, "
    "limits, what the line may do and is told, which pictures stay. Set the station up on the other pages first, then "
    "keep it here under a name. Tap the product at the top of the screen to change over."
)
_TRIGGERS = {
    "source": "parts by themselves",
    "hand": "button",
    "timer": "timer",
    "presence": "parts seen in the picture",
    "code": "parts by code",
}
_LIMITS = "Such as scratch=10mm2, dent=5mm2, *=900px, or #=3 for three kinds of defects. So much of it fails the part."
_FILES = f"Recipes (*{SUFFIX})"


class RecipeRow(QFrame):
    """One recipe. `acted` carries what is wanted of it and its name."""

    acted = Signal(str, str)

    def __init__(self, recipe: Recipe, *, runs: bool) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        name = recipe.name
        told = [source_words(recipe.source), _TRIGGERS[recipe.trigger], recipe.model or "the released model"]
        told += [f"{len(recipe.cameras)} more cameras"] if recipe.cameras else []
        told += [f"{len(recipe.look_regions)} regions"] if recipe.look_regions else []
        told += [f"number {recipe.number}"] if recipe.number else []
        told += [f"code {recipe.code}"] if recipe.code else []
        told += [f"{recipe.fails_in_a_row} FAILs in a row"] if recipe.fails_in_a_row else []
        told += [", ".join(recipe.limits)] if recipe.limits else []
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Elided(f"{name}, version {recipe.version}" + (" \u2013 runs now" if runs else ""), "strong"))
        words.addWidget(Elided(f"{recipe.product}: {'; '.join(told)}", "quiet"))
        self.use = Button("Change over", on=lambda: self.acted.emit("use", name))
        self.use.setEnabled(not runs)
        self.export = Button("", icon_name="export", on=lambda: self.acted.emit("export", name))
        self.export.setAccessibleName(f"Export {name} as a file")
        self.export.setToolTip("As a file")
        self.remove = Button("", icon_name="delete-outline", on=lambda: self.acted.emit("delete", name))
        self.remove.setAccessibleName(f"Remove {name}")
        self.remove.setToolTip("Remove")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.setSpacing(8)
        layout.addLayout(words, 1)
        for button in (self.use, self.export, self.remove):
            layout.addWidget(button)


class RecipesPage(QWidget):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.recipes
        self._removing = ""
        self.name = QLineEdit()
        self.name.setPlaceholderText(bridge.station.settings.product)
        self.name.setMaxLength(60)
        self.number = number_field(0, "Number")
        self.code = QLineEdit()
        self.code.setPlaceholderText("none")
        self.limits = QLineEdit()
        self.limits.setPlaceholderText("the model's own")
        self.keep = Button("Keep what the station does now", "primary", icon_name="content-save-outline", on=self._keep)
        self.changes = Choice(
            [("off", "Refuse it"), ("on", "Change over")], "on" if bridge.station.settings.line_changes else "off"
        )
        self.changes.chosen.connect(self._allow)
        self.words = Notice()
        self.rows: dict[str, RecipeRow] = {}
        self.nothing = label("There is none yet. Keep the first one above.", "note", wrap=True)
        self.yes = Button("Remove it", on=self._remove)
        self.no = Button("Keep it", on=lambda: self._ask_removal(""))
        self.asked = label("", "strong", wrap=True)
        self.take = Button("Take one from a file", icon_name="import", on=self._choose_file)
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._lay_out()
        bridge.state.connect(self._told)
        self._shown: object = None
        self.refresh()

    def _lay_out(self) -> None:
        made = Card("Keep a recipe")
        made.body.addWidget(label(_FOR, "note", wrap=True))
        grid = QGridLayout()
        grid.setSpacing(16)
        fields = (
            field("Name", self.name, "The name of one that is there makes its next version."),
            field("Limits for wear", self.limits, _LIMITS),
            field("Code that changes over", self.code, "Scanned on Live, it changes over to this recipe."),
            field("Number for the line", self.number, "What the PLC knows it by; 0 for none."),
        )
        for place, each in enumerate(fields):
            grid.addWidget(each, place // 2, place % 2)
        made.body.addLayout(grid)
        made.body.addLayout(row(self.keep, 1))
        made.body.addWidget(self.words)
        there = Card("Recipes")
        there.body.addLayout(self._list)
        there.body.addWidget(self.nothing)
        there.body.addWidget(self.asked)
        there.body.addLayout(row(self.yes, self.no, self.take, 1))
        there.body.addWidget(field("The line triggers for another recipe than the one that runs", self.changes))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(made)
        layout.addWidget(there)
        layout.addStretch(1)
        self._ask_removal("")

    # -- what is there
    def _told(self) -> None:
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """From memory; rows are made anew only where something has changed."""
        running = self._desk.running()
        shown = (self._desk.all(), running)
        if shown == self._shown:
            return
        self._shown = shown
        clear(self._list)
        self.rows = {}
        for each in self._desk.all():
            made = RecipeRow(each, runs=running is not None and running.name == each.name)
            made.acted.connect(self._act)
            self.rows[each.name] = made
            self._list.addWidget(made)
        for words in self._desk.damaged():
            notice = Notice()
            notice.tell(words, "bad")
            self._list.addWidget(notice)
        self.nothing.setVisible(not self.rows)
        self.name.setPlaceholderText(self._bridge.station.settings.product)

    # -- what the user does
    def _act(self, what: str, name: str) -> None:
        if what == "use":
            self._do(lambda: self._desk.use(name), lambda _recipe: f"{name} runs.")
        elif what == "delete":
            self._ask_removal(name)
        else:
            self._export(name)

    def _ask_removal(self, name: str) -> None:
        self._removing = name
        self.asked.setText(f"Remove the recipe {name}? Its versions stay in the folder \u201cremoved\u201d.")
        for widget in (self.asked, self.yes, self.no):
            widget.setVisible(bool(name))
        self.take.setVisible(not name)

    def _remove(self) -> None:
        name = self._removing
        self._ask_removal("")
        self._do(lambda: self._desk.delete(name), lambda _none: f"{name} is removed.")

    def _keep(self) -> None:
        try:
            number = number_of(self.number, "Number for the line")
            if number != int(number):
                raise LinesightError("The number for the line is a whole one.")
        except LinesightError as error:
            self.words.tell(str(error), "bad")
            return
        name = self.name.text().strip() or self._bridge.station.settings.product
        code = self.code.text().strip()
        limits = [each.strip() for each in self.limits.text().split(",") if each.strip()]
        self._do(
            lambda: self._desk.save(name, number=int(number), code=code, limits=limits),
            lambda recipe: f"{recipe.name} is kept as version {recipe.version}.",
        )

    def _allow(self, key: str) -> None:
        self._do(lambda: self._bridge.station.save_settings(line_changes=key == "on"), lambda _none: "Saved.")

    def _export(self, name: str) -> None:
        dialog = QFileDialog(self, f"Export {name}", str(self._bridge.station.data.reports / f"{name}{SUFFIX}"), _FILES)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX)
        dialog.fileSelected.connect(lambda path: self.export_to(name, Path(path)))
        dialog.open()

    def export_to(self, name: str, path: Path) -> None:
        """Writes recipe and model to a file."""
        self._do(lambda: self._desk.export(name, path), lambda file: f"Written: {file}")

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, "Recipe to take over", str(Path.home()), f"{_FILES};;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.take_from(Path(path)))
        dialog.open()

    def take_from(self, path: Path) -> None:
        """Takes a recipe over from a file."""
        self._do(
            lambda: self._desk.import_file(path),
            lambda recipe: f"{recipe.name} is there now. Enter the passwords of its cameras, if they have any.",
        )

    def _do(self, work: Callable[[], object], words: Callable[..., str]) -> None:
        self.keep.setEnabled(False)

        def done(result: object) -> None:
            self.keep.setEnabled(True)
            self.words.tell(words(result), "good")
            self.refresh()
            self.saved.emit()

        def failed(why: str) -> None:
            self.keep.setEnabled(True)
            self.words.tell(why, "bad")

        self._bridge.run(work, done, failed)
