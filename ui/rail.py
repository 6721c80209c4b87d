"""The rail: icon and word for each place. The current one is marked by a bar, its filled icon and its
weight, not by colour alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QMenu, QVBoxLayout

from ui.shared.widgets import icon
from ui.theme import current
from ui.theme.metrics import RAIL
from ui.theme.theme import font


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace as an action: key, word, icons, shortcut."""

    key: str
    word: str
    icon: str
    icon_current: str
    shortcut: str


PLACES = (
    Place("live", "Live", "eye-outline", "eye", "Ctrl+1"),
    Place("bench", "Bench", "tray-full", "tray-full", "Ctrl+2"),
    Place("review", "Review", "eye-check-outline", "eye-check", "Ctrl+3"),
    Place("label", "Label", "tag-outline", "tag", "Ctrl+4"),
    Place("train", "Train", "school-outline", "school", "Ctrl+5"),
    Place("plans", "Plans", "clipboard-check-outline", "clipboard-check", "Ctrl+6"),
    Place("alarms", "Alarms", "bell-outline", "bell", "Ctrl+7"),
    Place("reports", "Reports", "file-chart-outline", "file-chart", "Ctrl+8"),
    Place("setup", "Set-up", "cog-outline", "cog", "Ctrl+9"),
    Place("help", "Help", "help-circle-outline", "help-circle", "F1"),
)
PLACE_KEYS = tuple(place.key for place in PLACES)


class RailButton(QAbstractButton):
    """One place."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        self._count = 0
        self.setCheckable(True)
        self.setText(place.word)
        self.setAccessibleName(place.word)
        self.setToolTip(f"{place.word} ({place.shortcut})")
        self.setFixedSize(QSize(RAIL - 1, max(72, current().metrics.touch + 16)))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    @property
    def count(self) -> int:
        """The number beside the icon."""
        return self._count

    def set_count(self, count: int) -> None:
        """A number beside the icon, 0 for none."""
        if count != self._count:
            self._count = count
            self.update()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Space:  # kept for the trigger
            event.ignore()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        chosen = self.isChecked()
        if chosen:
            painter.fillRect(self.rect(), theme.colour("ground"))
            painter.fillRect(QRect(0, 0, 4, self.height()), theme.colour("text"))
        elif self.isDown():
            painter.fillRect(self.rect(), theme.colour("raised"))
        ink = "text" if chosen else "quiet"
        top = self.height() // 2 - 26
        name = self._place.icon_current if chosen else self._place.icon
        icon(name, ink).paint(painter, (self.width() - 28) // 2, top, 28, 28)
        painter.setPen(theme.colour(ink))
        painter.setFont(font(14, QFont.Weight.Bold if chosen else QFont.Weight.Medium))
        painter.drawText(QRect(0, top + 30, self.width(), 22), Qt.AlignmentFlag.AlignCenter, self.text())
        if self._count:
            words = str(min(self._count, 99))
            badge = QRectF(self.width() / 2 + 6, top - 4, 22, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("failed"))
            painter.drawRoundedRect(badge, 10, 10)
            painter.setPen(theme.colour("on_fill"))
            painter.setFont(font(14, QFont.Weight.DemiBold))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, words)
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("action"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(5, 3, -3, -3), 6, 6)
        painter.end()


MORE = Place("more", "More", "dots-horizontal", "dots-horizontal", "")


class Rail(QFrame):
    """`chosen` carries the key of the place. Where not all places find room (a 10-inch screen), the last ones are
    behind More."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "rail")
        self.setFixedWidth(RAIL)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 8, 0, 8)
        self._layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self.buttons: dict[str, RailButton] = {}
        for place in PLACES:
            button = RailButton(place)
            button.clicked.connect(lambda _checked=False, key=place.key: self.chosen.emit(key))
            self._group.addButton(button)
            if place.key == "help":
                self._layout.addStretch(1)
            self._layout.addWidget(button)
            self.buttons[place.key] = button
        self.more = RailButton(MORE)
        self.more.setToolTip("The other places")
        self.more.clicked.connect(self._show_more)
        self._group.addButton(self.more)
        self._layout.addWidget(self.more)
        self._behind: list[Place] = []
        self._offered = list(PLACES)
        self._here = ""
        self._arrange()
        current().changed.connect(self._redraw)

    def offer(self, keys: Collection[str]) -> None:
        """Shows these places only: what a person may not open is not offered."""
        self._offered = [place for place in PLACES if place.key in keys]
        self._arrange()

    def mark(self, key: str) -> None:
        self._here = key
        behind = key in {place.key for place in self._behind}
        (self.more if behind else self.buttons[key]).setChecked(True)

    def minimumSizeHint(self) -> QSize:
        return QSize(RAIL, 4 * self.more.height() + 16)

    def resizeEvent(self, _event: object) -> None:
        self._arrange()

    def set_count(self, key: str, count: int) -> None:
        """A number beside a place, 0 for none; where the place is behind More, More shows it."""
        self.buttons[key].set_count(count)
        self._count_behind()

    def _count_behind(self) -> None:
        self.more.set_count(sum(self.buttons[place.key].count for place in self._behind))

    def _arrange(self) -> None:
        touch = current().metrics.touch
        roomy, close = max(72, touch + 16), max(60, touch + 2)  # closer together before anything goes behind More
        side = roomy if len(self._offered) * roomy + 16 <= self.height() else close
        for button in (*self.buttons.values(), self.more):
            button.setFixedHeight(side)
        room = max(2, (self.height() - 16) // side)
        offered = self._offered
        fitting = len(offered) if len(offered) <= room else room - 1
        self._behind = offered[fitting:]
        for place in PLACES:
            self.buttons[place.key].setVisible(place in offered[:fitting])
        self.more.setVisible(bool(self._behind))
        self._count_behind()
        if self._here:
            self.mark(self._here)

    def _show_more(self) -> None:
        self.mark(self._here)  # opening the list goes nowhere yet
        menu = QMenu(self)
        for place in self._behind:
            menu.addAction(icon(place.icon), place.word, lambda key=place.key: self.chosen.emit(key))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.more.mapToGlobal(QPoint(self.more.width(), 0)))

    def _redraw(self) -> None:
        self._arrange()
        for button in (*self.buttons.values(), self.more):
            button.update()
