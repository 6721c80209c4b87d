"""The alarm strip: a place of its own below the top bar, so that nothing moves and nothing is covered
when an alarm comes."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QImage, QMouseEvent, QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.alarm import Alarm, AlarmState
from ui.alarm_words import ICONS, count_words, title_words
from ui.shared.elided import Elided
from ui.shared.images import fit
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import Button, clock, icon, label
from ui.theme import current
from ui.theme.theme import font


def _standing_words(alarm: Alarm, zone: tzinfo | None) -> str:
    match alarm.state:
        case AlarmState.ACKNOWLEDGED:
            return f"Acknowledged by {alarm.acknowledged_by}"
        case AlarmState.CLEARED:
            return f"cause gone since {clock(alarm.cleared_at or alarm.last_at, zone)}"
    if alarm.escalated:
        return f"No answer since {clock(alarm.waiting_since or alarm.raised_at, zone)}, step {alarm.escalated}"
    return f"since {clock(alarm.raised_at, zone)}"


class AlarmPicture(QWidget):
    """An alarm's picture, or the icon of its kind. `tapped` by finger or mouse."""

    tapped = Signal()

    def __init__(self, thumbs: Thumbs, size: QSize) -> None:
        super().__init__()
        self._thumbs = thumbs
        self._alarm: Alarm | None = None
        self.setFixedSize(size)
        thumbs.loaded.connect(self.update)

    def show_alarm(self, alarm: Alarm | None) -> None:
        self._alarm = alarm
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.rect().contains(event.position().toPoint()):
            self.tapped.emit()
        event.ignore()  # on a card it is a tap on the card

    def image(self) -> QImage | None:
        """The picture on show, None while it is loaded."""
        return self._thumbs.get(self._alarm.image_path) if self._alarm is not None else None

    def paintEvent(self, _event: object) -> None:
        if self._alarm is None:
            return
        painter = QPainter(self)
        image = self.image()
        if image is not None:
            width, height = fit((image.width(), image.height()), (self.width(), self.height()))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height), image)
        else:
            side = min(self.width(), self.height(), 40)
            picture = icon(ICONS.get(self._alarm.kind, "alert-outline"), "text")
            picture.paint(painter, (self.width() - side) // 2, (self.height() - side) // 2, side, side)
        painter.end()


class AlarmStrip(QFrame):
    """Shows the newest open alarm and how many there are. `acknowledged` carries its id."""

    acknowledged = Signal(str)
    list_wanted = Signal()

    def __init__(self, thumbs: Thumbs) -> None:
        super().__init__()
        self._alarms: list[Alarm] = []
        metrics = current().metrics
        self.setFixedHeight(metrics.strip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 8, 16, 8)
        layout.setSpacing(16)
        self.picture = AlarmPicture(thumbs, QSize(round(metrics.touch * 4 / 3), metrics.touch))
        self.title = Elided()
        self.title.setFont(font(20, QFont.Weight.DemiBold))
        self.title.setProperty("kind", "heading")
        self.detail = Elided()
        self.detail.setProperty("kind", "note")
        self.since = label("", "strong")
        self.since.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.count = label("", "quiet")
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight)
        words, times = QVBoxLayout(), QVBoxLayout()
        for box, upper, lower in ((words, self.title, self.detail), (times, self.since, self.count)):
            box.setSpacing(0)
            box.addStretch(1)
            box.addWidget(upper)
            box.addWidget(lower)
            box.addStretch(1)
        self.more = Button("", on=self.list_wanted.emit)
        self.button = Button("Acknowledge", icon_name="check", on=self.acknowledge)
        self.button.setMinimumWidth(200)
        self.none = label("No open alarms", "quiet")
        layout.addWidget(self.none)
        layout.addWidget(self.picture)
        layout.addLayout(words, 1)
        layout.addLayout(times)
        layout.addWidget(self.more)
        layout.addWidget(self.button)
        current().changed.connect(self._resize)
        self.show_alarms([], None)

    @property
    def alarm(self) -> Alarm | None:
        """The one on show."""
        return self._alarms[0] if self._alarms else None

    def show_alarms(self, alarms: list[Alarm], zone: tzinfo | None) -> None:
        """`alarms` are the active ones, those that wait for somebody first, then by newest cause."""
        self._alarms = list(alarms)
        alarm = self.alarm
        waits = alarm is not None and alarm.waits
        if not waits and self.button.hasFocus():
            self.button.clearFocus()  # Qt would hand it to whatever button comes next
        for widget in (self.picture, self.title, self.detail, self.since, self.count):
            widget.setVisible(alarm is not None)
        self.button.setVisible(waits)
        self.none.setVisible(alarm is None)
        self.more.setVisible(len(alarms) > 1)
        self.picture.show_alarm(alarm)
        if alarm is not None:
            self.title.setText(title_words(alarm), count_words(alarm))
            self.detail.setText(alarm.detail)
            self.since.setText(_standing_words(alarm, zone))
            newest = f"newest {clock(alarm.last_at, zone)}" if alarm.count > 1 else source_words(alarm.source)
            self.count.setText(newest)
            waiting = sum(one.waits for one in alarms)
            self.more.setText(
                f"All {len(alarms)} alarms" if waiting in (0, len(alarms)) else f"{waiting} of {len(alarms)} open"
            )
            self.button.setAccessibleName(f"Acknowledge: {alarm.title}")
        self.update()

    def acknowledge(self) -> None:
        """One tap: the alarm on show is acknowledged and the next one, if any, takes its place."""
        if (alarm := self.alarm) is not None and alarm.waits:
            self.acknowledged.emit(alarm.id)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        painter.fillRect(self.rect(), theme.colour("raised" if self._alarms else "ground"))
        if self._alarms:
            edge = "failed" if self._alarms[0].waits else "quiet"  # seen: still there, and nobody is called
            painter.fillRect(0, 0, 8, self.height(), theme.colour(edge))
            painter.fillRect(0, self.height() - 2, self.width(), 2, theme.colour(edge))
        else:
            painter.fillRect(0, self.height() - 1, self.width(), 1, theme.colour("line"))
        painter.end()

    def _resize(self) -> None:
        metrics = current().metrics
        self.setFixedHeight(metrics.strip)
        self.picture.setFixedSize(QSize(round(metrics.touch * 4 / 3), metrics.touch))
        self.update()
