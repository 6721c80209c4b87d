"""The side sheet of the reports' set-up: shifts, plan, and reports that are made by themselves."""

from __future__ import annotations

from datetime import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from ui.bridge import Bridge
from ui.reports.ticks import Ticks
from ui.shared.widgets import Button, Combo, Notice, clock, field, label, row, scrolled

WIDTH = 480
FORMATS = [("xlsx", "Excel"), ("pdf", "PDF"), ("csv", "CSV"), ("parquet", "Parquet")]


class ScheduleSheet(QFrame):
    """Lies over the right side of its parent until it is closed. `saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.setProperty("kind", "sheet")
        self.close_button = Button("Close", on=self.hide)
        self.each = Ticks([("shift", "Each shift"), ("day", "Each day")], ())
        self.at = Combo()
        for half in range(48):
            self.at.addItem(f"{half // 2:02}:{half % 2 * 30:02}", time(half // 2, half % 2 * 30))
        self.formats = Ticks(FORMATS, ("xlsx", "pdf"), least=1)
        self.folder = QLineEdit()
        self.choose = Button("Choose", icon_name="folder-open-outline", on=self._choose)
        self.shifts = QLineEdit()
        self.planned, self.minutes = QLineEdit(), QLineEdit()
        self.words = Notice()
        self.state = label("", "note", wrap=True)
        self.primary = Button("Save", "primary", on=self._save)
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(label("Reports by themselves", "heading"), 1)
        top.addWidget(self.close_button)
        content = QWidget()
        lines = QVBoxLayout(content)
        lines.setContentsMargins(0, 0, 8, 0)
        lines.setSpacing(16)
        place = QWidget()
        place.setLayout(row(self.folder, self.choose))
        self.folder.setPlaceholderText("The data folder's own")
        self.shifts.setPlaceholderText("06:00 Early, 14:00 Late, 22:00 Night")
        for each in (
            self.state,
            field("Make a report of", self.each),
            field("That of a day, at", self.at, "On the station's clock. That of a shift follows its end."),
            field("As", self.formats),
            field("Into the folder", place),
            field("Shifts", self.shifts, "When each begins and its name. A night shift belongs to the day it began."),
            field("Planned share of failed parts, %", self.planned, "For the sheet Plan. Empty where none is planned."),
            field("Minutes to put one failed part right", self.minutes, "For the forecast. Empty where not known."),
        ):
            lines.addWidget(each)
        lines.addStretch(1)
        area = scrolled(content)
        for each in (content, area.viewport()):  # the sheet's own ground shows through
            each.setProperty("kind", "")
            each.setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(top)
        layout.addWidget(area, 1)
        layout.addWidget(self.words)
        layout.addWidget(self.primary)

    def open(self) -> None:
        """Shows what is set, and how it stands."""
        settings = self._bridge.station.settings
        self.each.set_value(settings.report_each)
        if self.at.findText(f"{settings.report_at:%H:%M}") < 0:
            self.at.addItem(f"{settings.report_at:%H:%M}", settings.report_at)
        self.at.setCurrentIndex(self.at.findText(f"{settings.report_at:%H:%M}"))
        self.formats.set_value(settings.report_formats)
        self.folder.setText(settings.report_folder)
        self.shifts.setText(", ".join(settings.shifts))
        self.planned.setText(_words(settings.planned_fail_percent))
        self.minutes.setText(_words(settings.rework_minutes))
        self.words.tell("")
        self._ask()
        self.fit()
        self.show()
        self.raise_()

    def _ask(self) -> None:
        def told(schedule) -> None:  # type: ignore[no-untyped-def]
            zone = self._bridge.station.reporting.zone
            parts = []
            if schedule.last_at is not None:
                parts.append(f"Last: {schedule.last}, {clock(schedule.last_at, zone, day=True)}.")
            if schedule.next_at is not None:
                parts.append(f"Next: {clock(schedule.next_at, zone, day=True)}.")
            if schedule.trouble:
                parts.append(f"Not written yet: {schedule.trouble}")
            self.state.setText(" ".join(parts) or "None is asked for: choose what to make a report of.")

        self._bridge.run(self._bridge.station.reporting.schedule, told, self._refused)

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the reports", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _save(self) -> None:
        try:
            planned, minutes = _number(self.planned.text(), "share"), _number(self.minutes.text(), "minutes")
        except ValueError as error:
            self._refused(str(error))
            return
        changes = {
            "report_each": self.each.value(),
            "report_at": self.at.currentData(),
            "report_formats": self.formats.value(),
            "report_folder": self.folder.text().strip(),
            "shifts": [each.strip() for each in self.shifts.text().split(",") if each.strip()],
            "planned_fail_percent": planned,
            "rework_minutes": minutes,
        }
        self.primary.setEnabled(False)
        self._bridge.run(lambda: self._bridge.station.save_settings(**changes), self._kept, self._refused)

    def _kept(self, _none: None) -> None:
        self.primary.setEnabled(True)
        self.words.tell("Saved.", "good")
        self._ask()
        self.saved.emit()

    def _refused(self, words: str) -> None:
        self.primary.setEnabled(True)
        self.words.tell(words, "bad")

    def fit(self) -> None:
        """Its place over the parent, which calls this when it is resized."""
        parent = self.parentWidget()
        width = min(WIDTH, parent.width())
        self.setGeometry(parent.width() - width, 0, width, parent.height())

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)


def _words(value: float) -> str:
    return f"{value:g}" if value else ""


def _number(text: str, name: str) -> float:
    try:
        return float(text.strip().replace(",", ".") or 0)
    except ValueError:
        raise ValueError(f"The {name} {text!r} is no number: write it like 2.5, or leave it empty.") from None
