"""The mask editor: tools, picture, types and regions around one canvas. It owns no library; see `port.py`."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.errors import MaskError
from app.domain.labelling import Label
from app.masking import MaskRegion, Plane, blank, list_regions, size_of
from ui.labeling.canvas.canvas import MaskCanvas
from ui.labeling.canvas.header import Header
from ui.labeling.canvas.keys import act_on
from ui.labeling.canvas.layers import Pyramid, pyramid
from ui.labeling.canvas.options import Options
from ui.labeling.canvas.port import MaskPort, Subject
from ui.labeling.canvas.rows import Row, SwatchList
from ui.labeling.canvas.slow import Slow
from ui.labeling.canvas.tidy import delete_region
from ui.labeling.canvas.toolbar import TEN_INCH, ToolBar
from ui.labeling.canvas.tools import HINTS, Tool
from ui.labeling.canvas.types_panel import TypeForm, TypesPanel
from ui.shared.elided import Elided
from ui.shared.slider import TouchSlider
from ui.shared.widgets import Button, Card, column, label, row
from ui.theme import current

_RIGHT, _RIGHT_TOUCH = 304, 336
"""Width of the lists beside the picture."""
_LISTED = 100
"""Regions that are shown as lines."""


class MaskEditor(QWidget):
    """One picture at a time. What the owner hears:

    `changed`: after each finished action, a read-only copy of the plane and what was done; to be saved.
    `label_wanted`: "normal", "anomaly" or None. `done`: this picture is finished, the next one please.
    `next_wanted`, `previous_wanted`: another picture. `copy_wanted`: a copy of the plane; open the next picture, then
    `paste` it. `undo_beyond`, `redo_beyond`: nothing is left
    to undo or do again here; the owner has the rest of the history.
    """

    changed = Signal(object, str)
    label_wanted = Signal(object)
    done = Signal()
    next_wanted = Signal()
    previous_wanted = Signal()
    copy_wanted = Signal(object)
    undo_beyond = Signal()
    redo_beyond = Signal()

    def __init__(self, port: MaskPort, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._port = port
        self._subject: Subject | None = None
        self._regions: tuple[MaskRegion, ...] = ()
        self._touch: bool | None = None
        self._more_to_redo = False
        self.canvas = MaskCanvas(port.run, clock)
        self._opener = Slow(port.run, self)
        self._lister = Slow(port.run, self)
        self._build()
        self._connect()
        self.refresh_types()
        self._show_hint()
        self.show_nothing()

    # -- building
    def _build(self) -> None:
        self.setProperty("kind", "ground")
        self.header = Header()
        self.tools = ToolBar()
        self.tools.mark(self.canvas.tool)
        self.options = Options(self.canvas)
        self.hint = Elided("", "note")
        self.busy = label("", "strong")
        self.types = TypesPanel()
        self.form = TypeForm(self._port)
        self.regions = SwatchList("Regions of the mask", removable=True)
        self.regions_title = Elided("Mask", "strong")
        self.no_regions = label("Nothing is drawn yet.", "note", wrap=True)
        self.opacity = TouchSlider(10, 100, round(100 * self.canvas.opacity), "Overlay")
        self.copy = Button("Copy to next", on=self._copy)
        self.finish = Button("Done, next", "primary", on=self.done.emit)
        lists = column(self.types, self.regions_title, self.no_regions, self.regions)
        lists.setStretch(0, 4)
        lists.setStretch(3, 5)
        listed = QWidget()
        listed.setLayout(lists)
        self.stack = QStackedWidget()
        self.stack.addWidget(listed)
        self.stack.addWidget(self.form)
        self.right = Card(padding=16)
        self.right.body.setSpacing(8)
        self.right.body.addWidget(self.stack, 1)
        self.right.body.addWidget(self.opacity)
        self.right.body.addLayout(row(self.copy, self.finish))
        self.fit = Button("Fit", icon_name="fit-to-screen-outline", on=self.canvas.fit)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(self.hint, 1)
        line.addWidget(self.busy)
        middle = QVBoxLayout()
        middle.setSpacing(8)
        middle.addLayout(line)
        middle.addWidget(self.canvas, 1)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.options, 1)
        below.addWidget(self.fit)
        middle.addLayout(below)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(16, 16, 16, 16)
        self._grid.setSpacing(12)
        self._grid.setColumnStretch(1, 1)
        self._grid.setRowStretch(1, 1)
        self._grid.addWidget(self.header, 0, 0, 1, 2)
        self._grid.addLayout(middle, 1, 1)
        self._grid.addWidget(self.right, 0, 2, 3, 1)
        self._grid.addWidget(self.tools, 1, 0)
        self.setFocusProxy(self.canvas)
        self._lay()

    def _connect(self) -> None:
        canvas = self.canvas
        self.tools.chosen.connect(self._choose_tool)
        self.tools.acted.connect(self._act)
        canvas.tool_changed.connect(lambda tool: (self.tools.mark(tool), self._show_hint()))
        canvas.changed.connect(self._changed)
        canvas.undo_beyond.connect(self.undo_beyond)
        canvas.redo_beyond.connect(self.redo_beyond)
        canvas.next_wanted.connect(self.next_wanted)
        canvas.previous_wanted.connect(self.previous_wanted)
        canvas.told.connect(self.tell)
        canvas.slow.busy.connect(self.busy.setText)
        canvas.type_changed.connect(self.types.list.choose)
        canvas.type_wanted.connect(lambda _none: self._ask("add"))
        self.types.chosen.connect(canvas.choose_type)
        self.types.asked.connect(self._ask)
        self.form.merged.connect(self.types_merged)
        self.form.ended.connect(self._form_ended)
        self.regions.picked.connect(self._fly)
        self.regions.removed.connect(self._delete)
        self.opacity.valueChanged.connect(lambda value: canvas.set_opacity(value / 100))
        self.header.label_wanted.connect(self.label_wanted)
        self.header.next_wanted.connect(self.next_wanted)
        self.header.previous_wanted.connect(self.previous_wanted)
        self._opener.busy.connect(self.busy.setText)
        self._opener.told.connect(self.tell)
        current().changed.connect(self._lay)

    # -- what the owner does
    def open(self, subject: Subject) -> None:
        """Shows a picture; the one before is left as it was last `changed`. Ready at `canvas.work`."""
        plane = subject.plane if subject.plane is not None else blank(size_of(subject.picture))
        if size_of(plane) != size_of(subject.picture):
            raise MaskError(
                f"The mask of {subject.name} is {size_of(plane)[0]} x {size_of(plane)[1]} pixels, but its picture is "
                f"{size_of(subject.picture)[0]} x {size_of(subject.picture)[1]}."
            )
        self.show_nothing("")
        self._subject = subject
        self.header.show_subject(subject)
        self._opener.start(
            f"Opening {subject.name}", lambda: pyramid(subject.picture), lambda made: self._opened(made, plane)
        )

    def show_nothing(self, words: str = "No picture is open.") -> None:
        """Closes the picture; what is under way for it is dropped."""
        self._opener.drop()
        self._lister.drop()
        self.canvas.shut(words)
        self._subject = None
        self._show_regions(())
        self.header.show_subject(None)
        self._enable()

    def refresh_types(self) -> None:
        """The owner's types have changed."""
        types = tuple(self._port.types())
        self.canvas.set_types(types)
        self.types.show_types(types, self.canvas.type_id)
        self._show_regions(self._regions)

    def types_merged(self, source: int, into: int) -> None:
        """The owner merged two types somewhere else: picture and undo follow, the list is read again."""
        self.canvas.relabel(source, into)
        self.refresh_types()
        if self.canvas.work is not None:
            self._list(self.canvas.work.copy())

    def set_label(self, value: Label | None) -> None:
        """The picture's label has changed."""
        self.header.show_label(value)

    def paste(self, plane: Plane) -> bool:
        """Lays another picture's mask over this one; says why where it does not fit. Whether anything changed."""
        try:
            return self.canvas.paste(plane, self._subject.name if self._subject else "this picture")
        except MaskError as error:
            self.tell(str(error))
            return False

    def set_touch(self, touch: bool | None) -> None:
        """Tools under the thumb or beside the picture; None: as the screen's targets suggest."""
        self._touch = touch
        self._lay()

    def lead(self, widget: QWidget) -> None:
        """A widget of the owner's before the picture's name: the way back."""
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.header.lead(widget)

    def forget_steps(self) -> None:
        """The owner did something that is not drawing: what undo takes back next is that."""
        if self.canvas.work is not None:
            self.canvas.work.history.clear()
        self._enable()

    def set_more_to_redo(self, more: bool) -> None:
        """Whether the owner could do something again beyond what is kept here."""
        self._more_to_redo = more
        self._enable()

    def tell(self, words: str) -> None:
        """Words in the place of the hint, until something is done."""
        self.hint.setText(words)

    def close_page(self) -> None:
        """Ends what is under way."""
        self.show_nothing()

    @property
    def subject(self) -> Subject | None:
        return self._subject

    # -- inside
    def _opened(self, made: Pyramid, plane: Plane) -> None:
        if self._subject is None:
            return
        self.canvas.open(made, plane, self._subject.heat)
        self.options.show_heat()
        self._show_hint()
        self._enable()
        self._list(self.canvas.work.copy() if self.canvas.work else plane)
        if self.stack.currentWidget() is not self.form:
            self.canvas.setFocus()

    def _enable(self) -> None:
        here = self.canvas.work is not None
        self.tools.setEnabled(here)
        self.options.setEnabled(here)
        self.copy.setEnabled(here and self._subject is not None and self._subject.position < self._subject.total)
        self.finish.setEnabled(here)
        history = self.canvas.work.history if self.canvas.work is not None else None
        self.tools.buttons["redo"].setEnabled(history is not None and (history.can_redo or self._more_to_redo))

    def _choose_tool(self, tool: str) -> None:
        self.canvas.choose(Tool(tool))
        self.tools.mark(self.canvas.tool)
        self.canvas.setFocus()

    def _act(self, act: str) -> None:
        {"undo": self.canvas.undo, "redo": self.canvas.redo, "fit": self.canvas.fit}[act]()

    def _changed(self, plane: Plane, words: str) -> None:
        self._show_hint()
        self._enable()
        self._list(plane)
        self.changed.emit(plane, words)

    def _show_hint(self) -> None:
        self.hint.setText(HINTS[self.canvas.tool])

    def _copy(self) -> None:
        if self.canvas.work is not None:
            self.copy_wanted.emit(self.canvas.work.copy())

    # -- types
    def _ask(self, act: str) -> None:
        types = self.canvas.types
        about = next((each for each in types if each.id == self.canvas.type_id), None)
        self.stack.setCurrentWidget(self.form)
        if act == "merge" and about is not None:
            self.form.ask_target(types, about)
        else:
            self.form.ask_name(types, about if act == "rename" else None)

    def _form_ended(self) -> None:
        self.stack.setCurrentIndex(0)
        self.canvas.setFocus()
        before = {each.id for each in self.canvas.types}
        self.refresh_types()
        added = [each.id for each in self.canvas.types if each.id not in before]
        if added:
            self.canvas.choose_type(added[-1])
            self._show_hint()

    # -- regions
    def _list(self, plane: Plane) -> None:
        self._lister.newest("regions", lambda: list_regions(plane), self._show_regions)

    def _show_regions(self, regions: tuple[MaskRegion, ...]) -> None:
        self._regions = regions
        names = {each.id: each for each in self.canvas.types}
        rows = []
        for index, region in enumerate(regions[:_LISTED]):
            kind = names.get(region.type_id)
            words = kind.name if kind else f"type {region.type_id}"
            rows.append(Row(index, kind.colour if kind else "#888888", words, f"{region.area:,} px"))
        self.regions.show_rows(rows)
        count = len(regions)
        more = f", the largest {_LISTED} shown" if count > _LISTED else ""
        self.regions_title.setText(f"Mask: {count} region{'' if count == 1 else 's'}{more}" if count else "Mask")
        self.no_regions.setVisible(not regions)
        self.regions.setVisible(bool(regions))

    def _fly(self, index: int) -> None:
        if index < len(self._regions):
            self.canvas.fly_to(self._regions[index].box)

    def _delete(self, index: int) -> None:
        if index < len(self._regions):
            delete_region(self.canvas, self._regions[index])

    # -- layout
    def _lay(self) -> None:
        """Tools beside the picture; below it on a touched screen, or where the column finds no room."""
        touch = self._touch if self._touch is not None else current().metrics.touch > TEN_INCH
        room = self.height() - self.header.sizeHint().height() - 48
        column_needs = len(self.tools.buttons) * (current().metrics.touch + 8)
        lying = touch or room < column_needs
        self.right.setFixedWidth(_RIGHT_TOUCH if touch else _RIGHT)
        self.fit.setVisible(lying)
        self.fit.setMinimumWidth(current().metrics.touch)
        if lying == self.tools.lying:
            return
        self._grid.removeWidget(self.tools)
        self.tools.lie(lying)
        if lying:
            self._grid.addWidget(self.tools, 2, 0, 1, 2)
        else:
            self._grid.addWidget(self.tools, 1, 0)

    def resizeEvent(self, _event: object) -> None:
        self._lay()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if not act_on(self.canvas, event):
            super().keyPressEvent(event)
