"""What a workbook would make, before it is made; and every cell that is wrong."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.rounds import PlanImport
from ui.bridge import Bridge
from ui.plans.words import counted, plan_words
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Notice, finger_scroll, icon, row
from ui.shared.work import Follower, JobBar
from ui.theme import current

_WHAT = {"new": ("plus-circle-outline", "New"), "changed": ("pencil-outline", "New version")}


class ImportView(QWidget):
    """`left` when it is over, imported or not; `other_wanted` asks for another file."""

    left = Signal()
    other_wanted = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.rounds
        self._follower = Follower(self)
        self.path: Path | None = None
        self.found: PlanImport | None = None
        self.title, self.words = Elided("", "heading"), Elided("", "note")
        self.notice = Notice()
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setIconSize(QSize(28, 28))
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        finger_scroll(self.list)
        self.bar = JobBar(self._follower)
        self.back = Button("Back", icon_name="chevron-left", on=self.left.emit)
        self.other = Button("Another file", icon_name="folder-open-outline", on=self.other_wanted.emit)
        self.primary = Button("Import", "primary", on=self._go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.title)
        layout.addWidget(self.words)
        layout.addWidget(self.notice)
        layout.addWidget(self.list, 1)
        bottom = row(self.back, self.other, self.bar, self.primary, spacing=16)
        bottom.insertStretch(2, 1)
        bottom.setStretch(3, 2)
        layout.addLayout(bottom)

    def open(self, path: Path) -> None:
        self.path, self.found = path, None
        self.title.setText(f"Import {path.name}")
        self.words.setText("")
        self.notice.tell("")
        self.list.clear()
        self.primary.setEnabled(False)
        self.primary.setText("Import")
        self.bar.run(lambda: self._desk.read_workbook(path), self._show, self._failed)

    def _show(self, found: PlanImport) -> None:
        self.found = found
        self.list.clear()
        for trouble in found.troubles:
            self._add(
                "alert-circle-outline", "failed", f"{trouble.place}\n{trouble.words[:1].upper()}{trouble.words[1:]}"
            )
        for note in found.notes:
            self._add("information-outline", "quiet", note)
        for each in found.proposed:
            mark, what = _WHAT.get(each.what, ("equal", "Unchanged"))
            self._add(mark, "text", f"{what}: {each.plan.name}\n{plan_words(each.plan)}")
        makes = len(found.makes)
        if found.troubles:
            self.words.setText(
                f"{counted(len(found.troubles), 'error')}. Nothing is imported until they are corrected."
            )
            self.primary.setText("Read it again")
            self.primary.setEnabled(True)
        else:
            self.words.setText("This will be made. Nothing is imported yet." if makes else "All of it is here already.")
            self.primary.setText(f"Import {counted(makes, 'plan')}" if makes else "Import")
            self.primary.setEnabled(bool(makes))

    def _add(self, mark: str, colour: str, words: str) -> None:
        item = QListWidgetItem(icon(mark, colour), words)
        item.setSizeHint(QSize(64, max(current().metrics.touch, 72)))
        self.list.addItem(item)

    def _go(self) -> None:
        found = self.found
        if found is None or found.troubles:
            if self.path is not None:
                self.open(self.path)
            return
        self.primary.setEnabled(False)
        self._bridge.run(lambda: self._desk.import_plans(found), lambda _made: self.left.emit(), self._failed)

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")
        self.primary.setText("Read it again")
        self.primary.setEnabled(True)
        self.found = None

    def close_view(self) -> None:
        self._follower.close()
