"""The third step: what was found twice, what contradicts, what was set aside; and keeping rows after all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from ui.reports.merge.entries import Entry, EntryList
from ui.reports.merge.words import counted, place, row_source, row_title
from ui.shared.widgets import Card, Choice, label

if TYPE_CHECKING:
    from app.merging import Findings

_VIEWS = {"duplicates": "Duplicates", "conflicts": "Conflicts", "aside": "Set aside", "notes": "Notes"}
_INTRO = {
    "duplicates": "Beside each stands the row that is merged in its place. Tap one to keep it after all, again to "
    "leave it out.",
    "conflicts": "All of these are merged, and the workbook lists them too. Ask the inspectors which one is right.",
    "aside": "No usable inspections. The workbook lists them with their reasons, so that none is lost.",
    "notes": "What else was noticed while reading. The workbook has these lines too.",
}
_NONE = {
    "duplicates": "No inspection stands twice.",
    "conflicts": "No two rows contradict each other.",
    "aside": "Every row could be used.",
    "notes": "Nothing else was noticed.",
}


class FindingsStep(QWidget):
    """`toggled` carries the number of a duplicate that was tapped."""

    toggled = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._findings: Findings | None = None
        self._late = False
        self.view = Choice(list(_VIEWS.items()), "duplicates")
        self.intro = label("", "quiet", wrap=True)
        self.list = EntryList()
        self.none = label("", "note", wrap=True)
        self.none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.list)
        self.stack.addWidget(self.none)
        card = Card(padding=1)
        card.body.addWidget(self.stack)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(self.view)
        top.addWidget(self.intro, 1)
        layout.addLayout(top)
        layout.addWidget(card, 1)
        self.view.chosen.connect(lambda _key: self._show())
        self.list.tapped_entry.connect(self.toggled)

    def show_findings(self, findings: Findings, kept: Collection[int]) -> None:
        self._findings = findings
        self.keep(kept)
        self._late = not self.isVisible()  # thousands of entries are made ready only where they are looked at
        if not self._late:
            self._show()

    def showEvent(self, _event: object) -> None:
        if self._late:
            self._late = False
            self._show()

    def keep(self, kept: Collection[int]) -> None:
        """`kept`: numbers of the duplicates that stay."""
        assert self._findings is not None
        found = self._findings
        counts = {
            "duplicates": len(found.duplicates) - len(kept),
            "conflicts": len(found.conflicts),
            "aside": len(found.aside),
            "notes": len(found.notes),
        }
        for key, count in counts.items():
            extra = f", {len(kept):,} kept" if key == "duplicates" and kept else ""
            self.view.button(key).setText(f"{_VIEWS[key]}  {count:,}{extra}")
        self.list.mark(frozenset(kept))

    def _show(self) -> None:
        if self._findings is None:
            return
        key = self.view.value()
        entries = {
            "duplicates": _duplicates,
            "conflicts": _conflicts,
            "aside": _aside,
            "notes": _notes,
        }[key](self._findings)
        self.intro.setText(_INTRO[key])
        self.intro.setVisible(bool(entries))
        self.none.setText(_NONE[key])
        self.list.show_entries(entries, ("Keep", "Kept") if key == "duplicates" else None)
        self.stack.setCurrentIndex(0 if entries else 1)


def _duplicates(found: Findings) -> Sequence[Entry]:
    return [
        Entry(
            each.row.number,
            "",
            (
                (row_title(each.row), row_source(each.row)),
                (row_title(each.kept), f"merged: {row_source(each.kept)}"),
            ),
            each.reason,
        )
        for each in found.duplicates
    ]


def _conflicts(found: Findings) -> Sequence[Entry]:
    return [
        Entry(
            number,
            f"{each.differs}   ({counted(len(each.rows), 'row')})",
            tuple((row_title(row), row_source(row)) for row in each.rows),
        )
        for number, each in enumerate(found.conflicts)
    ]


def _aside(found: Findings) -> Sequence[Entry]:
    return [
        Entry(
            number,
            each.reason[:1].upper() + each.reason[1:],
            (),
            f"{place(each.file, each.sheet, each.row)}: {each.text}",
        )
        for number, each in enumerate(found.aside)
    ]


def _notes(found: Findings) -> Sequence[Entry]:
    return [Entry(number, "", (), note) for number, note in enumerate(found.notes)]
