"""The other sites and stations: which of them send, their parts, yield and alarms, worst first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from app.domain.calendar import station_zone
from app.domain.fleet import Fleet, FleetStation, StationSign
from app.domain.words import percent
from ui.bridge import Bridge
from ui.shared.widgets import Button, Choice, Notice, clock, finger_scroll, label, row
from ui.shared.work import Follower, JobBar
from ui.theme import current

_COLUMNS = ("Station", "Site", "State", "Parts", "Yield", "Defect", "No answer", "Most frequent defect", "Open alarms")
_PERIODS = [("today", "Today"), ("week", "7 days")]
_READ_EVERY_MS = 5 * 60_000
_NUMBERS = {3, 4, 5, 6, 8}
_OFF = (
    "Here stand the other stations' state, yield and alarms once this station reads the fleet's bucket. An engineer "
    "sets fleet_bucket in the settings file; Help, Reports, tells more."
)


def worst_first(station: FleetStation) -> tuple[int, float, str, str]:
    """Open alarms that nobody answered first, then the lowest yield, then by name."""
    waiting = sum(not alarm.acknowledged for alarm in station.alarms)
    rate = station.counts.yield_
    return -waiting, 2.0 if rate is None else rate, station.site, station.station


class FleetView(QWidget):
    """Reads when it is opened, when asked, and every five minutes while it is on show."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.fleet
        self._follower = Follower(self)
        self.fleet: Fleet | None = None
        self.period = Choice(_PERIODS, "today")
        self.again = Button("Read again", "primary", on=self.read)
        self.bar = JobBar(self._follower)
        self.notice = Notice()
        self.headline = label("", "heading")
        self.said = label("", "quiet", wrap=True)
        self.table = QTableWidget(0, len(_COLUMNS))
        self._dress()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row(self.period, 1, self.again, spacing=16))
        layout.addWidget(self.bar)
        layout.addWidget(self.notice)
        layout.addWidget(self.headline)
        layout.addWidget(self.said)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)
        self.period.chosen.connect(lambda _key: self.refresh())
        self._timer = QTimer(self)
        self._timer.setInterval(_READ_EVERY_MS)
        self._timer.timeout.connect(lambda: self.read() if self.isVisible() else None)
        self._timer.start()

    def _dress(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(_COLUMNS)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(56)  # read, not tapped
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(7, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        finger_scroll(table)

    def days(self) -> tuple[date, date]:
        """First and last day on show."""
        today = self._bridge.station.today()
        return today - timedelta(days=6 if self.period.value() == "week" else 0), today

    def refresh(self) -> None:
        """Shows at once what was read before, then reads."""
        on = self._desk.on
        for each in (self.period, self.again, self.headline):
            each.setVisible(on)
        if not on:
            self.said.setText(_OFF)
            self.table.hide()
            return
        days = self.days()
        self._bridge.run(lambda: self._desk.known(*days), self._known)
        self.read()

    def read(self) -> None:
        """Asks the account."""
        if not self._desk.on or not self.bar.isHidden():
            return
        days = self.days()
        self.notice.tell("")
        self.bar.run(lambda: self._desk.read(*days), self._read, lambda words: self.notice.tell(words, "bad"))

    def _known(self, found: Fleet | None) -> None:
        if found is not None:
            self._show(found)

    def _read(self, found: Fleet) -> None:
        self._show(found)
        if (found.first, found.last) != self.days():
            self.read()  # other days were chosen meanwhile

    def _show(self, found: Fleet) -> None:
        if (found.first, found.last) != self.days():
            return
        self.fleet = found
        zone, now = station_zone(self._bridge.station.settings.zone), datetime.now(UTC)
        stations = sorted(found.stations, key=worst_first)
        counts, sites = found.counts, len({each.site for each in stations})
        self.headline.setText(
            f"{counts.total:,} parts, yield {percent(counts.yield_)}, {_many(len(stations), 'station')}, "
            f"{_many(sites, 'site')}"
            if stations
            else "No station sent a part on these days."
        )
        read = f"Read {clock(found.read_at, zone, day=True)}." if found.read_at is not None else ""
        self.said.setText(read)
        if found.words:
            self.notice.tell(found.words, "mention")
        self.table.setVisible(bool(stations))
        self.table.setRowCount(len(stations))
        for line, each in enumerate(stations):
            for column, words in enumerate(_cells(each, zone, now)):
                item = QTableWidgetItem(words)
                if column in _NUMBERS:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if column == 8 and any(not alarm.acknowledged for alarm in each.alarms):
                    item.setForeground(current().colour("failed"))
                    item.setToolTip("\n".join(alarm.title for alarm in each.alarms))
                self.table.setItem(line, column, item)

    def close_page(self) -> None:
        self._timer.stop()
        self._follower.close()


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _cells(station: FleetStation, zone: tzinfo | None, now: datetime) -> tuple[str, ...]:
    counts = station.counts
    kind, number = station.labels[0] if station.labels else ("", 0)
    return (
        station.station,
        station.site,
        sign_words(station, zone, now),
        f"{counts.total:,}",
        percent(counts.yield_),
        f"{counts.failed:,}",
        f"{counts.error:,}",
        f"{kind or 'without a place'}, {number:,}" if number else "\u2013",
        str(len(station.alarms)),
    )


def sign_words(station: FleetStation, zone: tzinfo | None, now: datetime) -> str:
    """Whether it sends, and when it last did."""
    moment = station.sent_at or station.newest
    if moment is None:
        return "Nothing sent"
    sending = station.sign(now) is StationSign.SENDING
    return f"{'Sends' if sending else 'Silent since'}{',' if sending else ''} {clock(moment, zone, day=True)}"
