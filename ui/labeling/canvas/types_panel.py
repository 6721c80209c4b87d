"""The defect types: chosen, added, renamed, merged. What is typed is checked before the owner is asked."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.domain.labelling import MAX_TYPES, DefectType
from ui.labeling.canvas.port import MaskPort
from ui.labeling.canvas.rows import Row, SwatchList
from ui.labeling.canvas.toolbar import TEN_INCH, SquareButton
from ui.shared.widgets import Button, Combo, Notice, label, row
from ui.theme import current

_KEYS = 9
_LONGEST = 60


class _Name(QLineEdit):
    """A field that Escape leaves."""

    left = Signal()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class TypeForm(QWidget):
    """A name to add or change, or a type to merge into. `ended` when it is done or left; `merged` carries the ids of
    the type that is gone and of the one it went into."""

    ended = Signal()
    merged = Signal(int, int)

    def __init__(self, port: MaskPort) -> None:
        super().__init__()
        self._port = port
        self._types: tuple[DefectType, ...] = ()
        self._about: DefectType | None = None
        self._turn = 0
        self.heading = label("", "strong", wrap=True)
        self.name = _Name()
        self.name.setMaxLength(_LONGEST)
        self.name.setAccessibleName("Name of the defect type")
        self.name.returnPressed.connect(self._accept)
        self.name.left.connect(self.leave)
        self.into = Combo()
        self.into.setAccessibleName("Merge into")
        self.note = label("", "quiet", wrap=True)
        self.error = Notice()
        self.accept = Button("", on=self._accept)
        self.cancel = Button("Cancel", on=self.leave)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.heading, self.name, self.into, self.note, self.error):
            layout.addWidget(widget)
        layout.addLayout(row(self.accept, self.cancel))
        layout.addStretch(1)

    @property
    def merging(self) -> bool:
        return self._about is not None and self.into.isVisibleTo(self)

    def ask_name(self, types: tuple[DefectType, ...], about: DefectType | None) -> None:
        """For a new type, or another name for one."""
        self._begin(types, about, merge=False)
        self.heading.setText(f"Rename \u201c{about.name}\u201d" if about else "New defect type")
        self.name.setPlaceholderText("for example: scratch")
        self.name.setText(about.name if about else "")
        self.note.setText("Masks and labels follow the new name." if about else "")
        self.note.setVisible(about is not None)
        self.accept.setText("Rename" if about else "Add")
        self.name.setFocus()
        self.name.selectAll()

    def ask_target(self, types: tuple[DefectType, ...], about: DefectType) -> None:
        """For merging one type into another."""
        self._begin(types, about, merge=True)
        self.heading.setText(f"Merge \u201c{about.name}\u201d into")
        self.into.clear()
        for each in types:
            if each.id != about.id:
                self.into.addItem(each.name, each.id)
        self.note.setText(
            f"Every \u201c{about.name}\u201d in all pictures becomes the other type. Nothing drawn is lost."
        )
        self.note.setVisible(True)
        self.accept.setText("Merge")

    def leave(self) -> None:
        """Ends without a change; an answer that is still to come changes nothing here."""
        self._turn += 1
        self.ended.emit()

    def _begin(self, types: tuple[DefectType, ...], about: DefectType | None, merge: bool) -> None:
        self._types, self._about = types, about
        self._turn += 1
        self.error.tell("")
        self.name.setVisible(not merge)
        self.into.setVisible(merge)
        self._wait(False)

    def _accept(self) -> None:
        if not self.accept.isEnabled():
            return
        if self.merging:
            target = self.into.currentData()
            if target is not None and self._about is not None:
                self._wait(True)
                self._merge(self._about.id, int(target))
            return
        name = " ".join(self.name.text().split())
        words = self._wrong(name)
        if words:
            self.error.tell(words, "bad")
            return
        if self._about is not None and name == self._about.name:
            self.leave()
            return
        self._wait(True)
        if self._about is None:
            self._port.add_type(name, self._mine(lambda _added: self._done()), self._mine(self._failed))
        else:
            self._port.rename_type(self._about.id, name, self._mine(self._done), self._mine(self._failed))

    def _merge(self, source: int, into: int) -> None:
        ended = self._mine(self._done)

        def done() -> None:
            self.merged.emit(source, into)  # even if the form was left meanwhile: it has happened
            ended()

        self._port.merge_types(source, into, done, self._mine(self._failed))

    def _mine(self, then: Callable[..., object]) -> Callable[..., None]:
        """Only while the form still asks what it asked then."""
        turn = self._turn

        def call(*given: object) -> None:
            if turn == self._turn:
                then(*given)

        return call

    def _wrong(self, name: str) -> str:
        if not name:
            return "Type a name for it."
        for each in self._types:
            if each.name.casefold() == name.casefold() and each != self._about:
                advice = " Merge them instead." if self._about is not None else " Choose it in the list."
                return f"\u201c{each.name}\u201d exists already.{advice}"
        if self._about is None and len(self._types) >= MAX_TYPES:
            return f"There can be {MAX_TYPES} types. Merge two of them first."
        return ""

    def _done(self) -> None:
        self._wait(False)
        self.ended.emit()

    def _failed(self, words: str) -> None:
        self._wait(False)
        self.error.tell(words, "bad")

    def _wait(self, waiting: bool) -> None:
        self.accept.setEnabled(not waiting)


class TypesPanel(QWidget):
    """The list with its three buttons. `chosen` carries a type's id; `asked` one of "add", "rename", "merge"."""

    chosen = Signal(int)
    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.list = SwatchList("Defect types")
        self.list.picked.connect(self.chosen)
        self.empty = label("No defect type yet. Add the first one to draw with it.", "note", wrap=True)
        self.add = self._button("Add a type", "plus", "add")
        self.rename = self._button("Rename the type", "pencil-outline", "rename")
        self.merge = self._button("Merge the type into another", "call-merge", "merge")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.heading = label("Types", "strong")
        layout.addLayout(row(self.heading, 1, self.add, self.rename, self.merge))
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)
        self.show_types((), 0)
        current().changed.connect(self._dress)
        self._dress()

    def _button(self, words: str, icon_name: str, act: str) -> SquareButton:
        return SquareButton(words, icon_name, on=lambda: self.asked.emit(act))

    def _dress(self) -> None:
        # On a 10-inch screen three targets of 15 mm take the whole line.
        self.heading.setVisible(current().metrics.touch <= TEN_INCH)

    def show_types(self, types: tuple[DefectType, ...], chosen: int) -> None:
        """Every type with its colour and key."""
        self.list.show_rows(
            [
                Row(each.id, each.colour, each.name, str(index + 1) if index < _KEYS else "", True)
                for index, each in enumerate(types)
            ]
        )
        self.list.choose(chosen)
        self.empty.setVisible(not types)
        self.list.setVisible(bool(types))
        self.rename.setEnabled(bool(types))
        self.merge.setEnabled(len(types) > 1)
