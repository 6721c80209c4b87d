"""Name, time, look and sound of this station."""

from __future__ import annotations

import zoneinfo
from datetime import time

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.domain.words import number
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Choice, Combo, Notice, field, label, row
from ui.theme import current
from ui.theme.metrics import pixels_per_mm

BAR_MM = 50
_STEP = 0.02
_OWN_ZONE = "As this computer"


class RulerBar(QWidget):
    """A bar that is 50 mm long when the scale is right."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels_per_mm = 4.0
        self.setFixedHeight(48)
        self.setAccessibleName("Bar of 50 mm")

    def set_scale(self, scale: float) -> None:
        self.pixels_per_mm = scale
        self.setMinimumWidth(round(BAR_MM * scale) + 4)
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        length = BAR_MM * self.pixels_per_mm
        painter.fillRect(QRectF(1, 8, length, 16), theme.colour("text"))
        painter.setPen(QPen(theme.colour("quiet"), 1))
        for mm in range(0, BAR_MM + 1, 10):
            x = 1 + mm * self.pixels_per_mm
            painter.drawLine(int(x), 28, int(x), 36 if mm % 50 else 44)
        painter.end()


class StationPage(QWidget):
    """`saved` after the settings were written; `end_wanted` when the program is to end."""

    saved = Signal()
    end_wanted = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        settings = bridge.station.settings
        self.name = QLineEdit(settings.station)
        self.name.setMaxLength(60)
        self.zone = Combo()
        self.zone.setEditable(True)
        self.zone.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.zone.addItem(_OWN_ZONE)
        self.zone.addItems(sorted(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC"))
        if (completer := self.zone.completer()) is not None:
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            current().dress(completer.popup())  # a window of its own
        self.zone.setCurrentText(settings.zone or _OWN_ZONE)
        self.day = Combo()
        starts = {time(half // 2, half % 2 * 30) for half in range(48)} | {settings.day_starts_at}
        for moment in sorted(starts):
            self.day.addItem(f"{moment:%H:%M}", moment)
        self.day.setCurrentIndex(self.day.findText(f"{settings.day_starts_at:%H:%M}"))
        self.folder = QLineEdit(str(bridge.station.data.root))
        self.folder.setReadOnly(True)
        self.theme = Choice([("dark", "Dark"), ("light", "Light")], settings.theme)
        self.sound = Choice([("on", "On"), ("off", "Off")], "on" if settings.sound else "off")
        self.kiosk = Choice([("off", "Window"), ("on", "Kiosk")], "on" if settings.kiosk else "off")
        self.keyboard = Choice(
            [("auto", "For a finger"), ("always", "Always"), ("never", "Never")], settings.screen_keyboard
        )
        self.end = Button("End the program", icon_name="power", on=self.end_wanted.emit)
        self.hear = Button("Test sound", icon_name="volume-high", on=QApplication.beep)
        self.codes = Choice([("off", "Off"), ("on", "On")], "on" if settings.read_codes else "off")
        self.prefix = QLineEdit(settings.scan_prefix)
        self.prefix.setMaxLength(8)
        self.prefix.setPlaceholderText("None")
        self.scale = settings.pixels_per_mm
        self.bar = RulerBar()
        self.shorter = Button("Shorter", icon_name="minus", on=lambda: self._change_scale(-1))
        self.longer = Button("Longer", icon_name="plus", on=lambda: self._change_scale(1))
        self.automatic = Button("Automatic", on=self._automatic_scale)
        for button in (self.shorter, self.longer):
            button.setAutoRepeat(True)
        self.scale_words = label("", "quiet")
        self.primary = Button("Save", "primary", on=self._save)
        self.primary.setMinimumWidth(200)
        self.words = Notice()
        self._lay_out()
        self._show_scale()

    def _lay_out(self) -> None:
        names = Card("This station")
        names.body.addWidget(field("Name", self.name, "On every record and report."))
        times = QHBoxLayout()
        times.setSpacing(16)
        times.addWidget(field("Time zone", self.zone), 2)
        times.addWidget(field("The day begins at", self.day), 1)
        names.body.addLayout(times)
        names.body.addWidget(
            field("Data folder", self.folder, "Moved with --data-dir or LINESIGHT_DATA_DIR when the program starts.")
        )
        serials = QHBoxLayout()
        serials.setSpacing(16)
        serials.addWidget(
            field("Read serials from pictures", self.codes, "Bar and matrix codes, where none was scanned."), 1
        )
        serials.addWidget(
            field("Scanner prefix", self.prefix, "What the scanner types first. None: told by its speed."), 1
        )
        names.body.addLayout(serials)
        names.body.addStretch(1)
        looks = Card("Screen and sound")
        choices = QGridLayout()
        choices.setHorizontalSpacing(16)
        choices.setVerticalSpacing(16)
        choices.addWidget(field("Theme", self.theme), 0, 0)
        sound = QWidget()
        sound.setLayout(row(self.sound, self.hear, 1))
        choices.addWidget(field("Sound at an alarm", sound), 0, 1)
        starts = QWidget()
        starts.setLayout(row(self.kiosk, self.end, 1))
        choices.addWidget(
            field("The program starts as", starts, "A kiosk covers the screen; whoever may change settings ends it."),
            1,
            0,
            1,
            2,
        )
        choices.addWidget(field("Keys on the screen when a field is tapped", self.keyboard), 2, 0, 1, 2)
        choices.setColumnStretch(1, 1)
        looks.body.addLayout(choices)
        scale = QWidget()
        scale_layout = QVBoxLayout(scale)
        scale_layout.setContentsMargins(0, 0, 0, 0)
        scale_layout.addWidget(self.bar)
        scale_layout.addLayout(row(self.shorter, self.longer, self.automatic, 1))
        scale_layout.addWidget(self.scale_words)
        looks.body.addWidget(field("Size of this screen: hold a ruler to the bar and make it 50 mm long", scale))
        looks.body.addStretch(1)
        cards = QHBoxLayout()
        cards.setSpacing(24)
        cards.addWidget(names, 1)
        cards.addWidget(looks, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(cards)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.primary)
        foot.addWidget(self.words, 4)
        foot.addStretch(1)
        layout.addLayout(foot)
        layout.addStretch(1)

    def _effective_scale(self) -> float:
        return pixels_per_mm(self.scale, self.screen())

    def _change_scale(self, direction: int) -> None:
        self.scale = min(max(round(self._effective_scale() + direction * _STEP, 3), 1.0), 20.0)
        self._show_scale()

    def _automatic_scale(self) -> None:
        self.scale = 0.0
        self._show_scale()

    def _show_scale(self) -> None:
        scale = self._effective_scale()
        self.bar.set_scale(scale)
        origin = "as the screen says" if self.scale == 0 else "measured"
        self.scale_words.setText(f"{number(scale)} pixels a millimetre, {origin}")

    def _save(self) -> None:
        zone = self.zone.currentText().strip()
        changes = {
            "station": self.name.text().strip(),
            "zone": "" if zone == _OWN_ZONE else zone,
            "day_starts_at": self.day.currentData(),
            "theme": self.theme.value(),
            "sound": self.sound.value() == "on",
            "kiosk": self.kiosk.value() == "on",
            "screen_keyboard": self.keyboard.value(),
            "pixels_per_mm": self.scale,
            "read_codes": self.codes.value() == "on",
            "scan_prefix": self.prefix.text(),
        }
        self.primary.setEnabled(False)
        self._bridge.run(
            lambda: self._bridge.station.save_settings(**changes), lambda _none: self._saved(), self._refused
        )

    def _saved(self) -> None:
        self.primary.setEnabled(True)
        self.words.tell("Saved.", "good")
        self.saved.emit()

    def _refused(self, words: str) -> None:
        self.primary.setEnabled(True)
        self.words.tell(words, "bad")
