"""The search: a code, and choices that the record itself offers."""

from __future__ import annotations

from datetime import timedelta

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.calendar import station_zone
from app.domain.inspection import Inspection
from app.domain.records import Offered, RecordQuery
from app.domain.verdict import Verdict
from app.searching import PAGE
from ui.bridge import Bridge
from ui.records.results import Results
from ui.shared.dates import DateField
from ui.shared.elided import Elided
from ui.shared.pad import LetterPad, PadSheet
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import Button, Choice, Combo, field, label, row, scrolled

_TYPING_MS = 250
_EMPTY = "No part is like this. Take a choice back, or choose a longer period."
_NEVER = "Every part that is inspected is kept here with its picture. Start the line, and look for it again."
_PERIODS = [("today", "Today"), ("week", "7 days"), ("month", "30 days"), ("all", "All"), ("own", "Own dates")]
_DAYS = {"today": 0, "week": 6, "month": 29}


class RecordsView(QWidget):
    """`opened` carries the id of a part."""

    opened = Signal(str)

    def __init__(self, bridge: Bridge, thumbs: Thumbs) -> None:
        super().__init__()
        self._bridge = bridge
        self._query = RecordQuery()
        self._asked = 0  # the newest search counts
        self._reading = self._whole = False
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.search)
        self.setProperty("kind", "ground")
        self._build(thumbs)

    def _build(self, thumbs: Thumbs) -> None:
        self.code = QLineEdit()
        self.code.setPlaceholderText("Scan or type a serial or part number")
        self.code.setAccessibleName("Serial or part number")
        self.code.setClearButtonEnabled(True)
        self.code.textChanged.connect(lambda _text: self._typing.start())
        self.code.returnPressed.connect(self.search)
        self.keys = Button("Keys", icon_name="keyboard-outline", on=self._type_code)
        self.keys.setAccessibleName("Keyboard on the screen")
        self.pad = LetterPad(self.code)
        self.sheet = PadSheet(self.pad, self)
        self.period = Choice(_PERIODS, "month")
        self.period.chosen.connect(lambda _key: self.search())
        today = self._bridge.station.today()
        self.first, self.last = DateField("From", today), DateField("To", today)
        for editor in (self.first, self.last):
            editor.dateChanged.connect(lambda _date: self.search())
        self.own = QWidget()
        self.own.setLayout(row(label("from"), self.first, label("to"), self.last, 1))
        self.own.hide()
        verdicts = [("", "Any verdict"), *((one.value, one.value) for one in Verdict)]
        self.verdict, self.product, self.type, self.inspector, self.lot = (Combo() for _ in range(5))
        for key, words in verdicts:
            self.verdict.addItem(words, key)
        self._fill(Offered())
        for combo in (self.verdict, self.product, self.type, self.inspector, self.lot):
            combo.currentIndexChanged.connect(lambda _index: self.search())
        self.clear = Button("Clear", icon_name="filter-off-outline", on=self._clear)
        filters = QWidget()
        side = QVBoxLayout(filters)
        side.setContentsMargins(0, 0, 8, 0)
        side.setSpacing(12)
        side.addWidget(field("Verdict", self.verdict))
        side.addWidget(field("Product", self.product))
        side.addWidget(field("Defect type", self.type))
        side.addWidget(field("Signed in", self.inspector))
        side.addWidget(field("Lot", self.lot))
        side.addWidget(self.clear)
        side.addStretch(1)
        panel = scrolled(filters)
        panel.setFixedWidth(264)
        self.count = Elided("", "quiet")
        self.results = Results(thumbs)
        self.results.opened.connect(self.opened)
        self.results.more_wanted.connect(self._more)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(row(self.code, self.keys))
        right.addWidget(self.period)
        right.addWidget(self.own)
        right.addWidget(self.count)
        right.addWidget(self.results, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        layout.addWidget(panel)
        layout.addLayout(right, 1)

    # -- asking
    def refresh(self) -> None:
        """Reads the choices and the newest parts again."""
        self._bridge.run(self._bridge.station.searching.offered, self._fill)
        self.search()

    def take_code(self, code: str) -> None:
        """A scanner has read something: that is what is looked for, in all of the record."""
        self.period.set_value("all")
        self.code.setText(code)
        self.search()

    def search(self) -> None:
        """Begins anew with what is chosen now."""
        self._typing.stop()
        self.own.setVisible(self.period.value() == "own")
        desk, query = self._bridge.station.searching, self.query()
        self._query, self._reading, self._whole = query, True, False
        self._asked += 1
        asked = self._asked
        self._bridge.run(
            lambda: desk.search(query), lambda parts: self._come(asked, parts), lambda words: self._failed(asked, words)
        )
        self.count.setText("")
        self._bridge.run(lambda: desk.count(query), lambda found: self._counted(asked, *found))

    def query(self) -> RecordQuery:
        """What is chosen now."""
        today, key = self._bridge.station.today(), self.period.value()
        first = last = None
        if key in _DAYS:
            first = today - timedelta(days=_DAYS[key])
        elif key == "own":
            first, last = sorted((self.first.day(), self.last.day()))
        return self._bridge.station.searching.query(
            self.code.text(),
            first,
            last,
            verdict=Verdict(self.verdict.currentData()) if self.verdict.currentData() else None,
            product=self.product.currentData() or "",
            label=self.type.currentData() or "",
            operator=self.inspector.currentData() or "",
            lot=self.lot.currentData() or "",
        )

    def _more(self) -> None:
        if self._reading or self._whole or not self.results.parts:
            return
        self._reading = True
        desk, query, asked = self._bridge.station.searching, self._query, self._asked
        before = self.results.parts[-1].id
        self._bridge.run(
            lambda: desk.search(query, before),
            lambda parts: self._come(asked, parts, further=True),
            lambda words: self._failed(asked, words),
        )

    def _come(self, asked: int, parts: list[Inspection], *, further: bool = False) -> None:
        if asked != self._asked:
            return  # something else was asked for meanwhile
        self._reading, self._whole = False, len(parts) < PAGE
        if further:
            self.results.add_parts(parts)
        else:
            zone = station_zone(self._bridge.station.settings.zone)
            self.results.show_parts(parts, zone, _NEVER if self._query == RecordQuery() else _EMPTY)

    def _failed(self, asked: int, words: str) -> None:
        if asked == self._asked:
            self._reading = False
            self.count.setText(words)

    def _counted(self, asked: int, found: int, all_of_them: bool) -> None:
        if asked == self._asked:
            words = f"{found:,}" if all_of_them else f"More than {found:,}"
            self.count.setText(f"{words} part{'' if found == 1 else 's'}, newest first")

    # -- choices
    def _fill(self, offered: Offered) -> None:
        for combo, none, words in (
            (self.product, "All products", offered.products),
            (self.type, "Any type or none", offered.labels),
            (self.inspector, "Everybody", offered.operators),
            (self.lot, "All lots", offered.lots),
        ):
            wanted = combo.currentData() or ""
            combo.blockSignals(True)
            combo.clear()
            combo.addItem(none, "")
            for word in words:
                combo.addItem(word, word)
            combo.setCurrentIndex(max(0, combo.findData(wanted)))
            combo.blockSignals(False)

    def _clear(self) -> None:
        for combo in (self.verdict, self.product, self.type, self.inspector, self.lot):
            combo.blockSignals(True)
            combo.setCurrentIndex(0)
            combo.blockSignals(False)
        self.code.blockSignals(True)
        self.code.clear()
        self.code.blockSignals(False)
        self.period.set_value("month")
        self.search()

    def _type_code(self) -> None:
        self.sheet.open("Serial or part number")

    def hideEvent(self, _event: object) -> None:
        self.sheet.hide()

    def close_view(self) -> None:
        self._typing.stop()
