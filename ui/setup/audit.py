"""The set-up page of the audit log: who did what, and whether the log is whole."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from app.domain.calendar import station_zone
from app.domain.records import AuditCheck, AuditEntry
from app.domain.words import moment
from ui.bridge import Bridge
from ui.shared.widgets import Button, Notice, finger_scroll, label, row
from ui.shared.work import Follower

_COLUMNS = ("Number", "When", "Who", "What", "On what", "More")
_PAGE = 100


class AuditPage(QWidget):
    """The newest rows first; the older ones on request."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._follower = Follower(self)
        self._oldest: int | None = None
        self.verify = Button("Verify", "primary", "shield-check-outline", on=self._verify)
        self.words = Notice()
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setMinimumHeight(280)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(_COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        finger_scroll(self.table)
        self.older = Button("Older ones", icon_name="chevron-down", on=self._more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(12)
        layout.addWidget(
            label(
                "Every row carries the hash of the row before, so a changed, missing or added row breaks the chain. "
                "Verify walks it from the first row to the last.",
                "note",
                wrap=True,
            )
        )
        told = row(self.verify, self.words, 1, spacing=16)
        told.setStretch(1, 6)
        layout.addLayout(told)
        layout.addWidget(self.table, 1)
        layout.addLayout(row(self.older, 1))

    def refresh(self) -> None:
        """Reads the newest rows again."""
        self._bridge.run(lambda: self._bridge.station.searching.audit(_PAGE), self._begin, self._refuse)

    def _begin(self, entries: list[AuditEntry]) -> None:
        self.table.setRowCount(0)
        self._add(entries)

    def _more(self) -> None:
        before = self._oldest
        if before is not None:
            self._bridge.run(lambda: self._bridge.station.searching.audit(_PAGE, before), self._add, self._refuse)

    def _add(self, entries: list[AuditEntry]) -> None:
        zone = station_zone(self._bridge.station.settings.zone)
        for entry in entries:
            line = self.table.rowCount()
            self.table.insertRow(line)
            cells = (str(entry.seq), moment(entry.at, zone), entry.person, entry.action, entry.subject)
            for at, text in enumerate((*(_short(cell) for cell in cells), detail_words(entry.detail))):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(line, at, item)
        if entries:
            self._oldest = entries[-1].seq
        self.older.setVisible(len(entries) == _PAGE)

    def _verify(self) -> None:
        self.verify.setEnabled(False)
        self.words.tell("Walking the chain")
        self._follower.follow(self._bridge.station.keeping.verify_audit, self._verified, self._refuse)

    def _verified(self, check: AuditCheck) -> None:
        self.verify.setEnabled(True)
        if check.ok:
            self.words.tell(f"The audit log is whole: {check.rows:,} rows, none changed, missing or added.", "good")
        elif check.broken is None:
            self.words.tell(f"The audit log is whole but for a hole: {check.words}.", "bad")
        else:
            self.words.tell(f"The audit log is broken: {check.words}. Keep a backup, and ask who had access.", "bad")

    def _refuse(self, words: str) -> None:
        self.verify.setEnabled(True)
        self.words.tell(words, "bad")

    def close_page(self) -> None:
        self._follower.close()


def detail_words(detail: str) -> str:
    """JSON of a row as "name value, name value"."""
    try:
        told = json.loads(detail) if detail else {}
    except ValueError:
        return detail
    if not isinstance(told, dict):
        return detail
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in told.items() if value not in (None, ""))


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:18]}\u2026{text[-18:]}"
