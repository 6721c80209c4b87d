"""The top bar: what is inspected, where, who, when; and health that is silent while all is well."""

from __future__ import annotations

from datetime import datetime, tzinfo

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.person import Person
from ui.ports import Health, Phase, State
from ui.shared.elided import Elided
from ui.shared.widgets import Button, icon, label
from ui.theme import current
from ui.theme.theme import font

OPERATOR = "operator"


class HealthChip(QWidget):
    """An icon and its name in grey while fine; filled amber or red with words when not."""

    def __init__(self, name: str, icon_name: str) -> None:
        super().__init__()
        self._name, self._icon_name = name, icon_name
        self.words = ""
        self.severity = ""
        self.setFixedHeight(40)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.tell("", "")

    def tell(self, severity: str, words: str) -> None:
        """`severity` is "" (fine), "retest" (amber) or "failed" (red)."""
        words = words if severity else ""
        if (severity, words) == (self.severity, self.words) and self.accessibleName():
            return
        self.severity, self.words = severity, words
        self.setAccessibleName(f"{self._name}: {words or 'fine'}")
        self.setToolTip(self.accessibleName())
        self.updateGeometry()
        self.update()

    def _text(self) -> str:
        return self.words or self._name

    def sizeHint(self) -> QSize:
        weight = QFont.Weight.DemiBold if self.severity else QFont.Weight.Normal
        width = QFontMetrics(font(14, weight)).horizontalAdvance(self._text())
        return QSize(min(width, 320) + 12 + 20 + 8 + 12, 40)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self.sizeHint().width(), 176), 40)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        ink = "quiet"
        if self.severity:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(getattr(theme.tokens, self.severity)))
            painter.drawRoundedRect(self.rect(), 8, 8)
            ink = "on_fill"
        icon(self._icon_name, ink).paint(painter, 12, 10, 20, 20)
        painter.setPen(theme.colour(ink))
        painter.setFont(font(14, QFont.Weight.DemiBold if self.severity else QFont.Weight.Normal))
        room = self.rect().adjusted(40, 0, -8, 0)
        words = painter.fontMetrics().elidedText(self._text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()


class TopBar(QFrame):
    """Product and model, station and source, health chips, person, clock."""

    person_tapped = Signal()
    product_tapped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "bar")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 0, 24, 0)
        layout.setSpacing(8)
        self.product, self.model = Elided("", "strong"), Elided("", "quiet")
        self.station, self.source = Elided("", "strong"), Elided("", "quiet")
        for words in (self.product, self.model, self.station, self.source):
            words.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            words.setMaximumWidth(280)
        self.change = Button("", "person", "swap-horizontal", on=self.product_tapped.emit)
        self.change.setAccessibleName("Change over to another product")
        self.change.setToolTip("Change over")
        layout.addWidget(self.change)
        layout.addLayout(_pair(self.product, self.model))
        layout.addSpacing(32)
        layout.addLayout(_pair(self.station, self.source))
        layout.addStretch(1)
        self.camera = HealthChip("Camera", "video-outline")
        self.detector = HealthChip("Model", "brain")
        self.disk = HealthChip("Disk", "harddisk")
        for chip in (self.camera, self.detector, self.disk):
            layout.addWidget(chip)
        layout.addSpacing(24)
        self.person = Button(OPERATOR, "person", "account-outline", on=self.person_tapped.emit)
        self.person.setAccessibleName("Sign in or out")
        self.nobody = label(OPERATOR, "quiet")
        self.day = label("", "quiet")
        self.time = label("", "strong")
        self.time.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.day.setAlignment(Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.person)
        layout.addWidget(self.nobody)
        self.show_person(None, open_to_all=True)
        layout.addSpacing(24)
        layout.addLayout(_pair(self.time, self.day))
        current().changed.connect(self._resize)
        self._resize()

    def _resize(self) -> None:
        self.setFixedHeight(current().metrics.top_bar)
        self.change.setFixedSize(current().metrics.touch, current().metrics.top_bar)
        self.update()

    def show_person(self, person: Person | None, *, open_to_all: bool) -> None:
        """Who is signed in; a station without people has nobody to sign in."""
        self.nobody.setVisible(open_to_all)
        self.person.setVisible(not open_to_all)
        self.person.setText(person.name if person else "Sign in")
        self.person.setToolTip(f"{person.name}, {person.role.value}: tap to sign out" if person else "Tap to sign in")
        self.person.set_icon("account-check-outline" if person else "account-outline")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The product's words are a way to the change-over, too."""
        if event.position().x() < self.model.geometry().right():
            self.product_tapped.emit()

    def show_state(self, state: State, station: str, recipe: str = "") -> None:
        self.product.setText(recipe or state.product)
        self.model.setText(f"model {state.model}" if state.model else "no model yet")
        self.station.setText(station)
        self.source.setText(source_words(state.source))
        if state.phase == Phase.FAULT:
            self.detector.tell("failed", "Not inspecting")
        elif state.phase == Phase.IDLE and state.model is None:
            self.detector.tell("retest", "No model trained")
        else:
            self.detector.tell("", "")

    def show_health(self, health: Health, state: State) -> None:
        if state.phase == Phase.WAITING or (state.phase == Phase.INSPECTING and not health.connected):
            self.camera.tell("failed", health.words or "No picture")
        else:
            self.camera.tell("", "")
        if health.disk_words:
            self.disk.tell("failed" if health.pictures_lost else "retest", health.disk_words)
        else:
            self.disk.tell("", "")

    def show_time(self, now: datetime, zone: tzinfo | None) -> None:
        local = now.astimezone(zone)
        self.time.setText(f"{local:%H:%M:%S}")
        self.day.setText(f"{local:%a} {local.day} {local:%b}")


def _pair(upper: QWidget, lower: QWidget) -> QVBoxLayout:
    box = QVBoxLayout()
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(0)
    box.addStretch(1)
    box.addWidget(upper)
    box.addWidget(lower)
    box.addStretch(1)
    return box
