"""Every alarm that was: who saw it and when, by day and kind."""

from __future__ import annotations

from datetime import timedelta, tzinfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.alarm import AlarmQuery, AlarmRow
from ui.alarm_words import end_words, kind_words
from ui.bridge import Bridge
from ui.shared.dates import DateField
from ui.shared.widgets import Choice, Combo, clock, finger_scroll, label, row
from ui.theme import current

MOST = 500
_COLUMNS = ("Raised", "What", "Where", "Times", "Acknowledged", "Ticket")
_PERIODS = [("today", "Today"), ("week", "7 days"), ("all", "All"), ("own", "Own dates")]


class AlarmHistory(QWidget):
    """`chosen` carries the id of the line that was tapped."""

    chosen = Signal(str)

    def __init__(self, bridge: Bridge, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge, self._desk, self._zone = bridge, bridge.station.watching, zone
        self._rows: list[AlarmRow] = []
        self.period = Choice(_PERIODS, "week")
        today = bridge.station.today()
        self.first, self.last = DateField("From", today), DateField("To", today)
        self.own = QWidget()
        self.own.setLayout(row(self.first, label("to"), self.last))
        self.own.hide()
        self.kind = Combo()
        self.kind.setAccessibleName("Kind")
        self.kind.setMinimumWidth(240)
        self.kind.addItem("All kinds", "")
        self.count = label("", "quiet")
        self.table = QTableWidget(0, len(_COLUMNS))
        self._dress()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row(self.period, self.kind, spacing=16))
        layout.addWidget(self.own)
        layout.addWidget(self.count)
        layout.addWidget(self.table, 1)
        self.period.chosen.connect(lambda _key: self.refresh())
        self.kind.currentIndexChanged.connect(lambda _index: self.refresh())
        for editor in (self.first, self.last):
            editor.dateChanged.connect(lambda _date: self.refresh())
        self.table.cellClicked.connect(lambda line, _column: self.chosen.emit(self._rows[line].alarm.id))

    def _dress(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(_COLUMNS)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(max(56, current().metrics.touch))
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        finger_scroll(table)

    def query(self) -> AlarmQuery:
        """What is asked for."""
        period, today = self.period.value(), self._bridge.station.today()
        kind = str(self.kind.currentData() or "")
        if period == "all":
            return AlarmQuery(kind=kind)
        if period == "own":
            first, last = sorted((self.first.day(), self.last.day()))
        else:
            first, last = today - timedelta(days=6 if period == "week" else 0), today
        start, end = self._desk.days(first, last)
        return AlarmQuery(start, end, kind)

    def refresh(self) -> None:
        """Reads the lines again."""
        self.own.setVisible(self.period.value() == "own")
        asked = self.query()
        self._bridge.run(lambda: (asked, self._desk.history(asked, MOST), self._desk.kinds()), self._show)

    def set_zone(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def _show(self, found: tuple[AlarmQuery, list[AlarmRow], list[str]]) -> None:
        asked, rows, kinds = found
        if asked.kind != str(self.kind.currentData() or ""):
            return  # another kind was chosen meanwhile
        if [self.kind.itemData(index) for index in range(1, self.kind.count())] != kinds:
            self.kind.blockSignals(True)
            self.kind.clear()
            self.kind.addItem("All kinds", "")
            for kind in kinds:
                self.kind.addItem(kind_words(kind), kind)
            self.kind.setCurrentIndex(max(0, self.kind.findData(asked.kind)))
            self.kind.blockSignals(False)
        self._rows = rows
        many = f"The newest {MOST} alarms; choose fewer days to see the others." if len(rows) == MOST else ""
        self.count.setText(many or (f"{len(rows)} alarms" if rows else "There was no alarm in this period."))
        self.table.setVisible(bool(rows))
        self.table.setRowCount(len(rows))
        for line, one in enumerate(rows):
            alarm, ticket = one.alarm, one.ticket
            cells = (
                clock(alarm.raised_at, self._zone, day=True),
                alarm.title,
                source_words(alarm.source),
                str(alarm.count),
                end_words(alarm, self._zone),
                "" if ticket is None else f"{ticket.number}, {'open' if ticket.open else 'closed'}",
            )
            for index, words in enumerate(cells):
                item = QTableWidgetItem(words)
                item.setToolTip(words)
                if index == 3:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.table.setItem(line, index, item)
