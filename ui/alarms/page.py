"""The Alarms workspace: a list at the left, the chosen alarm at the right."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.alarm import Alarm, AlarmQuery, AlarmRow
from ui.alarms.cards import AlarmCard, CardList, Offer
from ui.alarms.detail import AlarmDetail
from ui.alarms.figures import AlarmFiguresView
from ui.alarms.history import AlarmHistory
from ui.bridge import Bridge
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import Choice, Notice, scrolled

_VIEWS = [
    ("active", "Active"),
    ("shelved", "Shelved"),
    ("tickets", "Open tickets"),
    ("history", "History"),
    ("figures", "Figures"),
]
_TICKETS = 500
_SOON_MS = 200


class AlarmsPage(QWidget):
    def __init__(self, bridge: Bridge, thumbs: Thumbs, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge, self._desk, self._zone = bridge, bridge.station.watching, zone
        self.setProperty("kind", "ground")
        self.view = Choice(_VIEWS, "active")
        self.said = Notice()
        self.active = CardList(
            thumbs,
            "Nothing is wrong. An alarm comes here when a part fails, several fail in a row, a camera is lost or the "
            "disk is low. Rules, and who is told: Set-up, Alarms.",
        )
        self.shelved = CardList(
            thumbs, "Nothing is shelved. Shelve an alarm whose cause is known, with a reason and an end."
        )
        self.tickets = CardList(
            thumbs, "No ticket is open. Assign an alarm, or comment it, and it stays here until its cause is mended."
        )
        self.history = AlarmHistory(bridge, zone)
        self.figures = AlarmFiguresView(bridge)
        self.detail = AlarmDetail(bridge, thumbs, zone)
        self.stack = QStackedWidget()
        self._places: dict[str, QWidget] = {
            "active": self.active,
            "shelved": self.shelved,
            "tickets": self.tickets,
            "history": self.history,
            "figures": scrolled(self.figures),
        }
        for page in self._places.values():
            self.stack.addWidget(page)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.stack, 3)
        middle.addWidget(self.detail, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(16)
        layout.addWidget(self.view)
        layout.addWidget(self.said)
        layout.addLayout(middle, 1)
        self.view.chosen.connect(self.open)
        for one in (self.active, self.shelved, self.tickets, self.history):
            one.chosen.connect(self.detail.show_alarm)
        self.history.chosen.connect(lambda _id: self.detail.show())
        self.detail.changed.connect(self.refresh)
        # A thousand causes in a minute must not make the screen read the record a thousand times.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._read)
        bridge.alarms.connect(self._changed)

    @property
    def cards(self) -> list[AlarmCard]:
        """Active alarms on show, the most urgent first."""
        return self.active.cards

    def take_key(self, event: QKeyEvent) -> bool:
        """Whether a key that nobody else wanted meant something here."""
        return self.detail.isVisible() and self.detail.take_key(event)

    def open(self, key: str) -> None:
        """Shows one of the views."""
        self.view.set_value(key)
        self.stack.setCurrentWidget(self._places[key])
        self.detail.setVisible(key not in ("figures", "history"))  # the history's table takes the room until a tap
        self.detail.show_alarm("")
        for cards in (self.active, self.shelved, self.tickets):
            cards.choose("")
        self.refresh()

    def refresh(self) -> None:
        """Reads what is on show again."""
        active, shelved = self._desk.active(), self._desk.shelved()
        self.active.show_alarms([(one, self._desk.ticket(one.id)) for one in active], self._zone, self._offer)
        self.shelved.show_alarms([(one, self._desk.ticket(one.id)) for one in shelved], self._zone, self._offer_back)
        for key, words, count in (("active", "Active", len(active)), ("shelved", "Shelved", len(shelved))):
            self.view.button(key).setText(f"{words} ({count})" if count else words)
        self._bridge.run(lambda: self._desk.history(AlarmQuery(tickets=True), _TICKETS), self._show_tickets)
        if self.view.value() == "history":
            self.history.refresh()
        elif self.view.value() == "figures":
            self.figures.refresh()

    def set_zone(self, zone: tzinfo | None) -> None:
        self._zone = zone
        for cards in (self.active, self.shelved, self.tickets):
            cards.forget()
        self.history.set_zone(zone)
        self.detail.set_zone(zone)
        self._changed()

    def close_page(self) -> None:
        self._soon.stop()
        self.detail.close_page()

    def _changed(self) -> None:
        if self.isVisible() and not self._soon.isActive():
            self._soon.start()

    def _read(self) -> None:
        if self.isVisible():
            self.refresh()
            self.detail.refresh()

    def _show_tickets(self, rows: list[AlarmRow]) -> None:
        self.tickets.show_alarms([(row.alarm, row.ticket) for row in rows], self._zone)
        self.view.button("tickets").setText(f"Open tickets ({len(rows)})" if rows else "Open tickets")

    def _offer(self, alarm: Alarm) -> Offer | None:
        return ("Acknowledge", "check", self._acknowledge) if alarm.waits else None

    def _offer_back(self, _alarm: Alarm) -> Offer:
        return ("Take back", "bell-outline", self._take_back)

    def _acknowledge(self, alarm: Alarm) -> None:
        self._bridge.run(
            lambda: self._bridge.station.acknowledge(alarm.id), lambda _none: self.said.tell(""), self._bad
        )

    def _take_back(self, alarm: Alarm) -> None:
        self._bridge.run(lambda: self._desk.unshelve(alarm.id), lambda _none: self.said.tell(""), self._bad)

    def _bad(self, words: str) -> None:
        self.said.tell(words, "bad")
