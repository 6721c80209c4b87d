"""Drawing on the pictures of a library, one after the other: the mask editor with the library behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.frame import Image
from app.domain.labelling import DefectType, Done, Label, LibraryPicture
from app.jobs import Job
from app.labelling import LabellingDesk
from app.masking import HeatMap, Plane
from ui.bridge import Bridge
from ui.labeling.canvas import MaskEditor, Subject
from ui.shared.widgets import Button, Notice
from ui.shared.work import Follower
from ui.theme import current

Opened = tuple[LibraryPicture, Image, "Plane | None", "HeatMap | None"]


class _Types:
    """The editor's port: defect types of the desk, slow work on the bridge's workers."""

    def __init__(self, bridge: Bridge, desk: LabellingDesk, follower: Follower) -> None:
        self._desk, self._follower = desk, follower
        self.run: Callable[..., None] = bridge.run
        self.known: tuple[DefectType, ...] = ()

    def types(self) -> Sequence[DefectType]:
        return self.known

    def add_type(self, name: str, done: Callable[[DefectType], None], failed: Callable[[str], None]) -> None:
        def made(kind: DefectType) -> None:
            self.known = (*(each for each in self.known if each.id != kind.id), kind)
            done(kind)

        self._follower.follow(lambda: self._desk.add_type(name), made, failed)

    def rename_type(self, type_id: int, name: str, done: Callable[[], None], failed: Callable[[str], None]) -> None:
        self._turn(lambda: self._desk.rename_type(self._name(type_id), name), done, failed)

    def merge_types(self, source: int, into: int, done: Callable[[], None], failed: Callable[[str], None]) -> None:
        self._turn(lambda: self._desk.merge_types(self._name(source), self._name(into)), done, failed)

    def _turn(self, begin: Callable[[], Job[Done]], done: Callable[[], None], failed: Callable[[str], None]) -> None:
        def turned(_done: Done) -> None:
            self.run(self._desk.types, lambda types: self._come(types, done), failed)

        self._follower.follow(begin, turned, failed)

    def _come(self, types: tuple[DefectType, ...], done: Callable[[], None]) -> None:
        self.known = types
        done()

    def _name(self, type_id: int) -> str:
        return next(each.name for each in self.known if each.id == type_id)


class Drawing(QWidget):
    """`closed`: back to the pictures. `said` carries words and the kind of notice."""

    closed = Signal()
    said = Signal(str, str)

    def __init__(self, bridge: Bridge, desk: LabellingDesk, follower: Follower) -> None:
        super().__init__()
        self._bridge, self._desk, self._follower = bridge, desk, follower
        self._ids: list[int] = []
        self._at = 0
        self._turn = 0
        self._shown = -1  # the turn whose picture the editor has
        self._picture: LibraryPicture | None = None
        self._ahead: dict[int, Opened] = {}
        self._paste: Plane | None = None
        self._mine: Plane | None = None  # what was drawn here while somebody else changed the picture
        self._port = _Types(bridge, desk, follower)
        self.editor = MaskEditor(self._port)
        self.back = Button("Pictures", icon_name="arrow-left", on=self.leave)
        self.back.setAccessibleName("Back to the pictures")
        self.conflict = Notice()
        self.keep_mine = Button("Keep what I drew", on=self._keep_mine)
        self.keep_theirs = Button("Show theirs", on=self._keep_theirs)
        self.editor.lead(self.back)
        self.trouble = QWidget()
        line = QHBoxLayout(self.trouble)
        line.setContentsMargins(0, 0, 0, 8)
        line.setSpacing(8)
        line.addWidget(self.conflict, 1)
        line.addWidget(self.keep_theirs)
        line.addWidget(self.keep_mine)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.trouble)
        layout.addWidget(self.editor, 1)
        self._connect()
        self._settle("")

    def _connect(self) -> None:
        editor = self.editor
        editor.changed.connect(self._draw)
        editor.label_wanted.connect(self._label)
        editor.done.connect(lambda: self._step(1))
        editor.next_wanted.connect(lambda: self._step(1))
        editor.previous_wanted.connect(lambda: self._step(-1))
        editor.copy_wanted.connect(self._copy)
        editor.undo_beyond.connect(lambda: self._history(self._desk.undo))
        editor.redo_beyond.connect(lambda: self._history(self._desk.redo))
        editor.canvas.view_changed.connect(self._pasted)

    # -- coming and going
    def open(self, ids: Sequence[int], number: int) -> None:
        """Shows the picture `number`; the others of `ids` follow and precede it."""
        self._ids = list(ids)
        self._ahead.clear()
        self._at = self._ids.index(number) if number in self._ids else 0
        self._show()

    def leave(self) -> None:
        """Back to the pictures; everything is kept already."""
        self._turn += 1
        self._ahead.clear()
        self.editor.show_nothing()
        self.closed.emit()

    @property
    def number(self) -> int | None:
        """The picture that is open."""
        return self._ids[self._at] if self._ids else None

    def _step(self, by: int) -> None:
        target = self._at + by
        if not 0 <= target < len(self._ids):
            self.said.emit(
                "That was the last picture of this selection." if by > 0 else "This is the first one.", "mention"
            )
            if by > 0:
                self.leave()
            return
        self._at = target
        self._show()

    def _show(self) -> None:
        self._turn += 1
        self._settle("")
        turn, number = self._turn, self.number
        if number is None:
            return
        kept = self._ahead.pop(number, None)
        desk, port = self._desk, self._port

        def read() -> tuple[Opened, tuple[DefectType, ...]]:
            found = kept or self._read(number)
            if kept is not None:
                picture = desk.pictures([number])[0]
                if picture.revision != kept[0].revision:
                    found = self._read(number)
            return found, desk.types()

        def come(result: tuple[Opened, tuple[DefectType, ...]]) -> None:
            if turn != self._turn:
                return
            found, port.known = result
            self.editor.refresh_types()
            self._opened(found)
            self._look_ahead(turn)

        def failed(words: str) -> None:
            if turn == self._turn:
                self.editor.show_nothing(f"{words} Go on with the next picture.")
                self.said.emit(words, "bad")

        self._bridge.run(read, come, failed)

    def _read(self, number: int) -> Opened:
        """On a worker."""
        picture, image, plane = self._desk.begin_drawing(number)
        heat = self._desk.heat(number)
        return picture, image, plane, HeatMap(*heat) if heat is not None else None

    def _opened(self, found: Opened) -> None:
        picture, image, plane, heat = found
        self._picture, self._shown = picture, self._turn
        self._desk.looked_at(picture)
        self.editor.open(
            Subject(
                picture.name.rsplit("/", 1)[-1], image, plane, picture.state.label, self._at + 1, len(self._ids), heat
            )
        )

    def _look_ahead(self, turn: int) -> None:
        """The next picture is read while this one is worked on."""
        if self._at + 1 >= len(self._ids):
            return
        number = self._ids[self._at + 1]

        def come(found: Opened) -> None:
            if turn == self._turn:
                self._ahead = {number: found}

        self._bridge.run(lambda: self._read(number), come, lambda _words: None)

    # -- keeping
    def _draw(self, plane: Plane, words: str) -> None:
        number, turn = self.number, self._turn
        if number is None:
            return

        def done(what: Done) -> None:
            if turn != self._turn:
                return
            if what.refused:
                self._mine = plane
                self._settle("Somebody else changed this picture meanwhile. Nothing of theirs was overwritten.")
            else:
                self._refresh_label()

        self._follower.follow(lambda: self._desk.draw(number, plane, words), done, self._fail)

    def _settle(self, words: str) -> None:
        self.conflict.tell(words, "bad")
        self.trouble.setVisible(bool(words))
        if not words:
            self._mine = None

    def _keep_mine(self) -> None:
        number, plane = self.number, self._mine
        if number is None or plane is None:
            return
        self._follower.follow(
            lambda: self._desk.draw(number, plane, "Mask", over=True), lambda _done: self._refresh_label(), self._fail
        )
        self._settle("")

    def _keep_theirs(self) -> None:
        self._show()

    def _label(self, value: Label | None) -> None:
        number, turn = self.number, self._turn
        if number is None:
            return

        def done(what: Done) -> None:
            if turn != self._turn:
                return
            had_mask = self._picture is not None and bool(self._picture.state.mask)
            self.editor.forget_steps()
            if had_mask and value != "anomaly":
                self._show()
            else:
                self._refresh_label()
            self.said.emit(what.words + ".", "mention")

        self._follower.follow(lambda: self._desk.classify([number], value), done, self._fail)

    def _refresh_label(self) -> None:
        """What the library says of this picture now."""
        number, turn = self.number, self._turn
        if number is None:
            return

        def come(found: tuple[list[LibraryPicture], tuple[str, str]]) -> None:
            pictures, (_, again) = found
            if turn == self._turn and pictures:
                self._picture = pictures[0]
                self.editor.set_label(pictures[0].state.label)
                self.editor.set_more_to_redo(bool(again))

        self._bridge.run(lambda: (self._desk.pictures([number]), self._desk.undoable()), come)

    def _history(self, begin: Callable[[], Job[Any]]) -> None:
        """Undo and redo beyond the steps on this picture: of labels, and of other pictures, which are shown then."""

        def done(what: Done | None) -> None:
            if what is None:
                self.said.emit("There is nothing left to undo or do again.", "mention")
                return
            self.said.emit(what.words + ".", "mention")
            changed = (*what.pictures, *what.refused)
            if len(changed) == 1 and changed[0] in self._ids:
                self._at = self._ids.index(changed[0])
            self._ahead.clear()
            self._show()

        self._follower.follow(begin, done, self._fail)

    def _copy(self, plane: Plane) -> None:
        if self._at + 1 < len(self._ids):
            self._paste = plane
            self._step(1)

    def _pasted(self) -> None:
        """The next picture is open: the copied mask is laid over it."""
        plane, self._paste = self._paste, None
        if plane is None:
            return
        if self.editor.canvas.work is None or self._shown != self._turn:
            self._paste = plane  # the picture before is still on the screen
        else:
            self.editor.paste(plane)

    def _fail(self, words: str) -> None:
        self.said.emit(words, "bad")

    def resizeEvent(self, _event: object) -> None:
        # On a 10-inch screen the picture's name needs the room more than the word.
        self.back.setText("" if current().metrics.touch > 72 else "Pictures")

    def close_view(self) -> None:
        self._turn += 1
        self.editor.close_page()
