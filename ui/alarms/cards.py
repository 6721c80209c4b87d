"""Alarms as cards one below the other, of which one is chosen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.alarm import Alarm, Ticket
from ui.alarm_strip import AlarmPicture
from ui.alarm_words import count_words, since_words, state_words, title_words
from ui.shared.elided import Elided
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import Button, Card, clear, label, scrolled
from ui.theme import current

Offer = tuple[str, str, Callable[[Alarm], None]]
"""Words, icon and act of the button on a card."""


class AlarmCard(Card):
    """One alarm: picture, what, where, since when, how often, where it stands. A tap chooses it."""

    def __init__(
        self,
        alarm: Alarm,
        ticket: Ticket | None,
        thumbs: Thumbs,
        zone: tzinfo | None,
        offer: Offer | None,
        choose: Callable[[Alarm], None],
    ) -> None:
        super().__init__(padding=8)
        self._choose = choose
        self._chosen = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._picture = AlarmPicture(thumbs, QSize(128, 80))
        self.title, self._where = Elided("", "heading"), Elided("", "note")
        self.state = Elided("", "strong" if alarm.waits else "note")
        self._ticket = Elided("", "quiet")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addStretch(1)
        words.addWidget(self.title)
        words.addWidget(self._where)
        words.addWidget(self.state)
        if ticket is not None:
            words.addWidget(self._ticket)
        words.addStretch(1)
        line = QHBoxLayout()
        line.setContentsMargins(8, 0, 8, 0)
        line.setSpacing(16)
        line.addWidget(self._picture)
        line.addLayout(words, 1)
        self.button: Button | None = None
        if offer is not None:
            text, icon_name, act = offer
            self.button = Button(text, icon_name=icon_name, on=lambda: act(self.alarm))
            self.button.setAccessibleName(f"{text}: {alarm.title}")
            line.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.body.addLayout(line)
        self.show_alarm(alarm, ticket, zone)

    def show_alarm(self, alarm: Alarm, ticket: Ticket | None, zone: tzinfo | None) -> None:
        """The same alarm as it stands now: a finger that is on the button stays on it."""
        self.alarm = alarm
        self.setAccessibleName(f"{alarm.title}, {state_words(alarm, zone)}")
        self._picture.show_alarm(alarm)
        self.title.setText(title_words(alarm), count_words(alarm))
        self._where.setText(f"{alarm.priority.words}, {source_words(alarm.source)}, {since_words(alarm, zone)}")
        self.state.setText(state_words(alarm, zone))
        if ticket is not None:
            to = f", given to {ticket.assigned_to}" if ticket.assigned_to else ""
            self._ticket.setText(f"Ticket {ticket.number}{to}")

    def set_chosen(self, chosen: bool) -> None:
        self._chosen = chosen
        self.update()

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self._choose(self.alarm)

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self.alarm)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().paintEvent(event)
        painter = QPainter(self)
        theme = current()
        if self.alarm.waits:
            painter.fillRect(0, 8, 6, self.height() - 16, theme.colour("failed"))
        if self._chosen or self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.colour("text" if self._chosen else "action"), 2))
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -2, -2), 6, 6)
        painter.end()


def _shape(alarm: Alarm, ticket: Ticket | None) -> tuple[str, bool, bool]:
    """What a card is built by; all else changes in place."""
    return alarm.id, alarm.waits, ticket is not None


class CardList(QWidget):
    """`chosen` carries an alarm's id, "" where the chosen one is gone. `empty` says what the list is for."""

    chosen = Signal(str)

    def __init__(self, thumbs: Thumbs, empty: str) -> None:
        super().__init__()
        self._thumbs = thumbs
        self._shown: list[tuple[Alarm, Ticket | None]] = []
        self._key = ""
        content = QWidget()
        self._cards = QVBoxLayout(content)
        self._cards.setContentsMargins(0, 0, 0, 0)
        self._cards.setSpacing(8)
        self.empty = label(empty, "note", wrap=True)
        self.area = scrolled(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.empty)
        layout.addWidget(self.area, 1)
        layout.addStretch(0)

    @property
    def cards(self) -> list[AlarmCard]:
        """What is on show, from the top."""
        found = []
        for index in range(self._cards.count()):
            item = self._cards.itemAt(index)
            widget = item.widget() if item is not None else None
            if isinstance(widget, AlarmCard):
                found.append(widget)
        return found

    def show_alarms(
        self,
        rows: list[tuple[Alarm, Ticket | None]],
        zone: tzinfo | None,
        offer: Callable[[Alarm], Offer | None] = lambda _alarm: None,
    ) -> None:
        """Shows these. Where the same ones stand, nothing moves under a finger."""
        cards = self.cards
        if [_shape(*each) for each in rows] == [_shape(*each) for each in self._shown] and len(cards) == len(rows):
            for card, (alarm, ticket) in zip(cards, rows, strict=True):
                card.show_alarm(alarm, ticket, zone)
            self._shown = list(rows)
        else:
            self._shown = list(rows)
            place = self.area.verticalScrollBar().value()
            clear(self._cards)
            for alarm, ticket in rows:
                card = AlarmCard(alarm, ticket, self._thumbs, zone, offer(alarm), lambda one: self.choose(one.id))
                self._cards.addWidget(card)
            self._cards.addStretch(1)
            self.area.verticalScrollBar().setValue(place)
        self.empty.setVisible(not rows)
        self.area.setVisible(bool(rows))
        if self._key and self._key not in {alarm.id for alarm, _ in rows}:
            self.choose("")
        self._mark()

    def forget(self) -> None:
        """Draws anew at the next showing: the clock's zone has changed."""
        self._shown = []

    def choose(self, id: str) -> None:
        self._key = id
        self._mark()
        self.chosen.emit(id)

    def _mark(self) -> None:
        for card in self.cards:
            card.set_chosen(card.alarm.id == self._key)
