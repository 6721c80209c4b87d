"""The pictures of a library: filters, gallery and what can be said about a selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from app.domain.labelling import DefectType, Done, Label, LibraryCounts, Query
from app.jobs import Job
from app.labelling import LabellingDesk
from ui.bridge import Bridge
from ui.labeling.filters import Filters
from ui.labeling.gallery import Gallery
from ui.labeling.history import HistorySheet
from ui.labeling.stock import Stock
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Combo, label
from ui.shared.work import Follower, JobBar
from ui.theme import current

_SETTLE_MS = 200
_CHIPS = 4
_ORDERS = (
    ("name", "By name", False),
    ("added", "Newest first", True),
    ("score", "Most anomalous first", True),
    ("doubt", "Most doubtful first", True),
    ("taken", "By time taken", False),
)
_SIDES = (("112", "Small"), ("160", "Medium"), ("224", "Large"))


class Browse(QWidget):
    """`draw` carries the id of a picture to draw on; `said` what happened, in words ("bad" or "mention" beside)."""

    draw = Signal(int)
    said = Signal(str, str)
    add_wanted = Signal()

    def __init__(self, bridge: Bridge, desk: LabellingDesk, follower: Follower) -> None:
        super().__init__()
        self._bridge, self._desk, self._follower = bridge, desk, follower
        self._counts: LibraryCounts | None = None
        self._types: tuple[DefectType, ...] = ()
        self._turn = 0
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.search_now)
        self._build()
        self._update()

    def _build(self) -> None:
        self.stock = Stock(self._bridge, self._desk, self)
        self.gallery = Gallery(self.stock)
        self.filters = Filters()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search names")
        self.search.setAccessibleName("Search names")
        self.search.setClearButtonEnabled(True)
        self.order = Combo()
        self.order.setAccessibleName("Order")
        for key, words, _ in _ORDERS:
            self.order.addItem(words, key)
        self.side = Combo()
        self.side.setAccessibleName("Size")
        for key, words in _SIDES:
            self.side.addItem(words, key)
        self.side.setCurrentIndex(1)
        self.pick = Button("Select", "chip", "checkbox-multiple-marked-outline")
        self.pick.setCheckable(True)
        self.pick.setToolTip("Each tap adds a picture to the selection")
        self.all = Button("This page", on=lambda: self.gallery.choose(self.gallery.page()))
        self.all.setToolTip("Select every picture on show")
        self.order.setFixedWidth(240)
        self.count = label("", "note")
        self.job = JobBar(self._follower)
        self.chosen = Elided("", "strong")
        self.good = Button("Good", icon_name="check-circle-outline", on=lambda: self.classify("normal"))
        self.bad = Button("Defect", icon_name="close-octagon-outline", on=lambda: self.classify("anomaly"))
        self.good.setToolTip("Good (N)")
        self.bad.setToolTip("Defect, type still open (A)")
        self.chips = [Button("", "plain") for _ in range(_CHIPS)]
        for place, chip in enumerate(self.chips):
            chip.clicked.connect(lambda _on=False, place=place: self.classify("anomaly", self._types[place].name))
        self.more = Button("More", icon_name="dots-horizontal", on=self._more)
        self.open = Button("Label next", "primary", on=self._open)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.search, 1)
        for each in (self.order, self.side, self.pick, self.all):
            bar.addWidget(each)
        self.selection = QWidget()
        below = QHBoxLayout(self.selection)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(8)
        below.addWidget(self.chosen, 1)
        for each in (self.good, self.bad, *self.chips, self.more, self.open):
            below.addWidget(each)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(12)
        right.addLayout(bar)
        right.addWidget(self.gallery, 1)
        right.addWidget(self.job)
        right.addWidget(self.selection)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.filters)
        layout.addLayout(right, 1)
        self.history = HistorySheet(self)
        self.filters.changed.connect(self.search_now)
        self.search.textChanged.connect(lambda _text: self._settle.start())
        self.order.currentIndexChanged.connect(lambda _index: self.search_now())
        self.side.currentIndexChanged.connect(lambda _index: self.gallery.set_side(int(self.side.currentData())))
        self.pick.toggled.connect(self.gallery.set_picking)
        self.gallery.selection_changed.connect(self._update)
        self.gallery.opened.connect(self.draw)
        self.gallery.key.connect(self._key)
        escape = QShortcut("Escape", self.search)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self.gallery.setFocus)
        self.search.returnPressed.connect(self.gallery.setFocus)

    # -- showing
    @property
    def query(self) -> Query:
        key, _, descending = _ORDERS[max(0, self.order.currentIndex())]
        since, until = self._desk.days(*self.filters.days) if self.filters.days else ("", "")
        text = self.search.text().strip()
        return replace(self.filters.query, text=text, order=key, descending=descending, since=since, until=until)

    def set_order(self, key: str) -> None:
        self.order.setCurrentIndex([each[0] for each in _ORDERS].index(key))

    def library_changed(self) -> None:
        """Another library is open."""
        self.stock.forget()
        self.history.hide()
        self.filters.set_query(Query())
        self.gallery.choose_nothing()
        self.gallery.show_ids([], "")
        self.refresh()

    def refresh(self) -> None:
        """The library has changed: counts, types, and what is shown."""
        if self._desk.place is None:
            return
        self._turn += 1
        turn, query = self._turn, self.query

        def read() -> tuple[LibraryCounts, tuple[DefectType, ...], list[int]]:
            return self._desk.counts(), self._desk.types(), self._desk.find(query)

        def come(found: tuple[LibraryCounts, tuple[DefectType, ...], list[int]]) -> None:
            if turn != self._turn:
                return
            self._counts, self._types, ids = found
            self.filters.show_counts(self._counts, self._types)
            self.gallery.show_types(self._types)
            # A picture that was just labelled stays where it is until the filter is used again: otherwise every key
            # would pull the next one away from under the finger.
            self.gallery.show_ids(ids, self._nothing())
            self._update()

        self._bridge.run(read, come, lambda words: self.said.emit(words, "bad"))

    def search_now(self) -> None:
        self._settle.stop()
        self.refresh()

    def _nothing(self) -> str:
        if self._counts is not None and self._counts.total + self._counts.aside == 0:
            return "No pictures yet. Press “Add pictures”, or drop pictures, folders, a video or a zip archive here."
        return "No picture is like that. Change the filters at the left, or the search."

    def changed(self, ids: tuple[int, ...]) -> None:
        """These pictures were changed."""
        self.stock.refresh(ids)

    # -- saying what pictures are
    def classify(self, what: Label | None, kind: str = "") -> None:
        ids = self.gallery.selection
        if not ids:
            return
        seen = {number: fact.revision for number in ids if (fact := self.stock.fact(number)) is not None}
        self.act(lambda: self._desk.classify(ids, what, kind, seen))
        self.gallery.advance()

    def act(self, begin: Callable[[], Job[Done]] | Callable[[], Job[Done | None]]) -> None:
        """An edit, whose end is told."""
        self._follower.follow(begin, self._done, lambda words: self.said.emit(words, "bad"))  # type: ignore[arg-type]

    def _done(self, done: Done | None) -> None:
        if done is None:
            self.said.emit("There is nothing left to undo or do again.", "mention")
            return
        self.changed((*done.pictures, *done.refused))
        words = done.words + "."
        if done.refused:
            words += f" {len(done.refused)} were changed by somebody else meanwhile and stay as they are: look at them."
        self.said.emit(words, "bad" if done.refused else "mention")

    def undo(self) -> None:
        self.act(self._desk.undo)

    def redo(self) -> None:
        self.act(self._desk.redo)

    def _key(self, word: str) -> None:
        if word.isdigit():
            place = int(word) - 1
            if place < len(self._types):
                self.classify("anomaly", self._types[place].name)
            else:
                self.said.emit(
                    f"There is no defect type number {word} yet. Types are made where defects are drawn.", "mention"
                )
            return
        actions: dict[str, Callable[[], object]] = {
            "N": lambda: self.classify("normal"),
            "A": lambda: self.classify("anomaly"),
            "U": lambda: self.classify(None),
            "X": self._aside,
            "T": lambda: self.act(lambda: self._desk.set_split(self.gallery.selection, "test")),
            "P": lambda: self.gallery.choose(self.gallery.page()),
            "/": self.search.setFocus,
            "Ctrl+Z": self.undo,
            "Ctrl+Y": self.redo,
        }
        actions[word]()

    def _aside(self) -> None:
        ids = self.gallery.selection
        facts = [fact for number in ids if (fact := self.stock.fact(number)) is not None]
        out = not all(fact.state.aside for fact in facts)
        self.act(lambda: self._desk.set_aside(ids, "left out by hand" if out else ""))

    def _more(self) -> None:
        menu = QMenu(self)
        ids = self.gallery.selection
        for each in self._types[_CHIPS:]:
            menu.addAction(each.name, lambda name=each.name: self.classify("anomaly", name))
        if len(self._types) > _CHIPS:
            menu.addSeparator()
        menu.addAction("Not labelled  (U)", lambda: self.classify(None))
        menu.addAction("Leave out, or take in again  (X)", self._aside)
        menu.addSeparator()
        menu.addAction("History of this picture", self._show_history)
        for each in self._types:
            if self._counts is not None and not self._counts.types.get(each.name):
                name = each.name
                menu.addAction(f"Remove {name}, which no picture has", lambda name=name: self.act(
                    lambda: self._desk.remove_type(name)))  # fmt: skip
        menu.addSeparator()
        menu.addAction("For training", lambda: self.act(lambda: self._desk.set_split(ids, "train")))
        menu.addAction("For testing  (T)", lambda: self.act(lambda: self._desk.set_split(ids, "test")))
        menu.addAction("Either set", lambda: self.act(lambda: self._desk.set_split(ids, None)))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.more.mapToGlobal(QPoint(0, -menu.sizeHint().height())))  # upwards: the bar is at the bottom

    def _show_history(self) -> None:
        number = self.gallery.current
        if number is None:
            return
        desk = self._desk
        self._bridge.run(
            lambda: (desk.pictures([number])[0].name, desk.history(number)),
            lambda found: self.history.show_history(*found),
            lambda words: self.said.emit(words, "bad"),
        )

    def _open(self) -> None:
        if self._counts is not None and self._counts.total + self._counts.aside == 0:
            self.add_wanted.emit()
            return
        if len(self.gallery.chosen) == 1 and self.gallery.current is not None:
            self.draw.emit(self.gallery.current)
            return
        ids = list(self.gallery.ids)
        desk = self._desk

        def first() -> int | None:
            free = set(desk.find(Query(labels=frozenset({"none"}))))
            return next((number for number in ids if number in free), ids[0] if ids else None)

        self._bridge.run(first, lambda number: self.draw.emit(number) if number is not None else None)

    # -- look
    def _update(self) -> None:
        chosen = self.gallery.chosen
        some = bool(self.gallery.selection)
        shown = len(self.gallery.ids)
        empty = self._counts is not None and self._counts.total + self._counts.aside == 0
        if chosen:
            self.chosen.setText(f"{len(chosen)} chosen")
        else:
            self.chosen.setText(f"{shown:,} pictures".replace(",", "\u202f") if shown != 1 else "1 picture")
        for each in (self.good, self.bad, self.more):
            each.setEnabled(some)
        room = _CHIPS if self.width() > 1250 else 2 if self.width() > 1000 else 1
        for place, chip in enumerate(self.chips):
            there = place < min(room, len(self._types))
            chip.setVisible(there)
            chip.setEnabled(some)
            if there:
                chip.setText(self._types[place].name)
                chip.setToolTip(f"{self._types[place].name} ({place + 1})")
        self.open.setText("Add pictures" if empty else "Draw defects" if len(chosen) == 1 else "Label next")
        self.open.setEnabled(empty or some)

    def resizeEvent(self, _event: object) -> None:
        self.history.fit()
        self.side.setFixedWidth(104 + current().metrics.touch)  # the word and its arrow
        self._update()

    def close_view(self) -> None:
        self._settle.stop()
