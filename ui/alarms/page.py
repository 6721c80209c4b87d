"""Open alarms as cards with one button each; the history as a table."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.domain.alarm import Alarm
from ui.alarm_strip import AlarmPicture
from ui.bridge import Bridge, attempt
from ui.shared.elided import Elided
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import Button, clear, clock, finger_scroll, label, scrolled
from ui.topbar import source_words

_HISTORY = 200
_COLUMNS = ("Raised", "What", "Newest cause", "Where", "Times", "Acknowledged")


class AlarmCard(QFrame):
    """One open alarm."""

    def __init__(self, alarm: Alarm, thumbs: Thumbs, zone: tzinfo | None, acknowledge) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.setProperty("kind", "card")
        self.alarm = alarm
        outer = QHBoxLayout(self)
        outer.setContentsMargins(16, 8, 16, 8)
        outer.setSpacing(16)
        picture = AlarmPicture(thumbs, QSize(128, 80))
        picture.show_alarm(alarm)
        words = QVBoxLayout()
        words.setSpacing(4)
        times = f"  \u00d7 {alarm.count}" if alarm.count > 1 else ""
        words.addStretch(1)
        words.addWidget(Elided(alarm.title + times, "heading"))
        words.addWidget(Elided(alarm.detail, "note"))
        since = f"{source_words(alarm.source)}, since {clock(alarm.raised_at, zone)}"
        if alarm.count > 1:
            since += f", newest {clock(alarm.last_at, zone)}"
        words.addWidget(Elided(since, "quiet"))
        words.addStretch(1)
        self.button = Button("Acknowledge", icon_name="check", on=lambda: acknowledge(alarm.id))
        self.button.setAccessibleName(f"Acknowledge: {alarm.title}")
        outer.addWidget(picture)
        outer.addLayout(words, 1)
        outer.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)


class AlarmsPage(QWidget):
    """Above what is open, below what was."""

    def __init__(self, bridge: Bridge, thumbs: Thumbs, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge, self._thumbs, self._zone = bridge, thumbs, zone
        self._shown: list[Alarm] = []
        self.setProperty("kind", "ground")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(16)
        self.heading = label("Open alarms", "heading")
        layout.addWidget(self.heading)
        content = QWidget()
        self._cards = QVBoxLayout(content)
        self._cards.setContentsMargins(0, 0, 0, 0)
        self._cards.setSpacing(8)
        self.empty = label(
            "Nothing is open. An alarm comes here when a part fails, a camera is lost, or the disk is full. "
            "It stays until somebody has acknowledged it.",
            "note",
            wrap=True,
        )
        layout.addWidget(self.empty)
        self._open = scrolled(content)
        layout.addWidget(self._open, 1)
        layout.addSpacing(8)
        layout.addWidget(label("History", "heading"))
        self.history = QTableWidget(0, len(_COLUMNS))
        self.history.setHorizontalHeaderLabels(_COLUMNS)
        self.history.verticalHeader().hide()
        self.history.verticalHeader().setDefaultSectionSize(56)
        self.history.setShowGrid(False)
        self.history.setWordWrap(False)
        self.history.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.history.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.history.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.history.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.history.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        finger_scroll(self.history)
        layout.addWidget(self.history, 1)
        bridge.alarms.connect(self._changed)

    @property
    def cards(self) -> list[AlarmCard]:
        """What is on show, newest first."""
        return [card for i in range(self._cards.count()) if isinstance(card := self._widget(i), AlarmCard)]

    def _widget(self, index: int) -> QWidget | None:
        item = self._cards.itemAt(index)
        return item.widget() if item is not None else None

    def _changed(self) -> None:
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Reads the alarms again."""
        alarms = self._bridge.station.active_alarms()
        if alarms != self._shown or not self.cards:
            self._shown = alarms
            clear(self._cards)
            for alarm in alarms:
                self._cards.addWidget(AlarmCard(alarm, self._thumbs, self._zone, self._acknowledge))
            self._cards.addStretch(1)
        self.empty.setVisible(not alarms)
        self._open.setVisible(bool(alarms))
        self.heading.setText(f"Open alarms ({len(alarms)})" if alarms else "Open alarms")
        self._bridge.run(lambda: self._bridge.station.alarm_history(_HISTORY), self._show_history)

    def _show_history(self, alarms: list[Alarm]) -> None:
        self.history.setRowCount(len(alarms))
        for line, alarm in enumerate(alarms):
            if alarm.acknowledged_at is not None:
                end = f"{alarm.acknowledged_by}, {clock(alarm.acknowledged_at, self._zone)}"
            else:
                end = "open"
            cells = (
                clock(alarm.raised_at, self._zone, day=True),
                alarm.title,
                alarm.detail,
                source_words(alarm.source),
                str(alarm.count),
                end,
            )
            for index, words in enumerate(cells):
                item = QTableWidgetItem(words)
                item.setToolTip(words)
                if index == 4:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.history.setItem(line, index, item)

    def _acknowledge(self, alarm_id: str) -> None:
        attempt(lambda: self._bridge.station.acknowledge(alarm_id))

    def set_zone(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._shown = []
        self._changed()
