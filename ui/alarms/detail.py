"""One alarm beside the list: its picture, what happened to it, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import tzinfo
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.alarm import AlarmEvent, AlarmRow, AlarmState
from app.domain.errors import LinesightError
from app.domain.inspection import Inspection
from ui.alarm_strip import AlarmPicture
from ui.alarm_words import state_words, title_words
from ui.alarms.clips import ClipSection
from ui.alarms.forms import AssignForm, CloseForm, CommentForm, Form, ShelveForm
from ui.bridge import Bridge
from ui.live.sheet import StoredPicture
from ui.shared.film import FilmView
from ui.shared.images import Still
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import Button, Card, Notice, clear, clock, column, label, row, scrolled, set_kind


class AlarmDetail(Card):
    """`changed` after something was done."""

    changed = Signal()

    def __init__(self, bridge: Bridge, thumbs: Thumbs, zone: tzinfo | None) -> None:
        super().__init__(padding=16)
        self._bridge, self._desk, self._zone = bridge, bridge.station.watching, zone
        self.row: AlarmRow | None = None
        self._id = ""
        self._names: list[str] = []
        self.shelve_form = ShelveForm(self._leave)
        self.assign_form = AssignForm(self._leave)
        self.comment_form = CommentForm(self._leave)
        self.close_form = CloseForm(self._leave)
        self.clips = ClipSection(bridge)
        self.clips.wanted.connect(self._play)
        self.film = FilmView()
        self.said = Notice()
        self.stack = QStackedWidget()
        self.view = self._build(thumbs)
        self.empty = label(
            "Tap an alarm to see what happened to it, and to shelve, assign or close it.", "note", wrap=True
        )
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        for page in (self.empty, self.view):
            self.stack.addWidget(page)
        for form in (self.shelve_form, self.assign_form, self.comment_form, self.close_form):
            self.stack.addWidget(scrolled(form))
        self.film_page = QWidget()
        film = QVBoxLayout(self.film_page)
        film.setContentsMargins(0, 0, 0, 0)
        film.setSpacing(8)
        film.addWidget(self.film, 1)
        film.addWidget(Button("Back to the alarm", icon_name="arrow-left", on=self._leave))
        self.stack.addWidget(self.film_page)
        self.large = StoredPicture(zooms=True)
        self.large_page = QWidget()
        large = QVBoxLayout(self.large_page)
        large.setContentsMargins(0, 0, 0, 0)
        large.setSpacing(8)
        large.addWidget(self.large, 1)
        large.addWidget(Button("Back to the alarm", icon_name="arrow-left", on=self._leave))
        self.stack.addWidget(self.large_page)
        self.stack.currentChanged.connect(self._turned)
        self.body.setSpacing(8)
        self.body.addWidget(self.said)
        self.body.addWidget(self.stack, 1)
        self.shelve_form.act = self._shelve
        self.assign_form.act = self._assign
        self.comment_form.act = self._comment
        self.close_form.act = self._close

    def _build(self, thumbs: Thumbs) -> QWidget:
        view = QWidget()
        self.title = label("", "heading", wrap=True)
        self.detail = label("", "note", wrap=True)
        self.where = label("", "quiet", wrap=True)
        self.state = label("", "strong", wrap=True)
        self.ticket = label("", wrap=True)
        self.picture = AlarmPicture(thumbs, QSize(160, 104))
        self.look = Button("Look closer", icon_name="magnify-plus-outline", on=self._look_closer)
        self.acknowledge = Button("Acknowledge", "primary", "check", on=self._acknowledge)
        self.shelve = Button("Shelve", icon_name="bell-sleep-outline", on=self._open_shelf)
        self.assign = Button("Assign", on=lambda: self._open(self.assign_form))
        self.comment = Button("Comment", on=lambda: self._open(self.comment_form))
        self.close_button = Button("Close", on=lambda: self._open(self.close_form))
        for button in (self.acknowledge, self.shelve, self.assign, self.comment, self.close_button):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        buttons = column(spacing=8)
        buttons.addLayout(row(self.acknowledge, self.shelve))
        buttons.addLayout(row(self.assign, self.comment, self.close_button))
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        inner.addWidget(self.title)
        inner.addWidget(self.state)
        self.picture.tapped.connect(self._look_closer)
        beside = QHBoxLayout()
        beside.setSpacing(16)
        beside.addLayout(column(self.picture, self.look, 1, spacing=8))
        beside.addLayout(column(self.detail, self.where, self.ticket, 1), 1)
        inner.addLayout(beside)
        inner.addWidget(self.clips)
        inner.addWidget(label("What happened", "strong"))
        self._events = QVBoxLayout()
        self._events.setSpacing(4)
        inner.addLayout(self._events)
        inner.addStretch(1)
        area = scrolled(content)
        content.setAutoFillBackground(False)  # it lies on the card, not on the ground
        set_kind(content, "")
        layout = QVBoxLayout(view)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(area, 1)
        layout.addLayout(buttons)
        return view

    # -- what is shown
    def show_alarm(self, id: str) -> None:
        """Shows one alarm, "" for none."""
        if id != self._id:
            self.said.tell("")
            self.stack.setCurrentWidget(self.empty)
        self._id = id
        if not id:
            self.row = None
            self.stack.setCurrentWidget(self.empty)
            return
        desk = self._desk
        self._bridge.run(lambda: (desk.row(id), desk.events(id), desk.names()), self._show, self._failed)

    def refresh(self) -> None:
        self.show_alarm(self._id)

    def set_zone(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def _show(self, found: tuple[AlarmRow | None, list[AlarmEvent], list[str]]) -> None:
        shown, events, self._names = found
        if shown is None or shown.alarm.id != self._id:
            return
        self.row = shown
        alarm, ticket = shown.alarm, shown.ticket
        self.title.setText(title_words(alarm))
        self.detail.setText(alarm.detail)
        newest = f", newest {clock(alarm.last_at, self._zone)}" if alarm.count > 1 else ""
        since = clock(alarm.raised_at, self._zone, day=True)
        self.where.setText(f"{alarm.priority.words} priority, {source_words(alarm.source)}, since {since}{newest}")
        words = state_words(alarm, self._zone)
        self.state.setText(f"Over: {words}" if alarm.state is AlarmState.NORMAL else words)
        self.picture.show_alarm(alarm)
        for widget in (self.picture, self.look):
            widget.setVisible(bool(alarm.image_path))
        self.ticket.setVisible(ticket is not None)
        if ticket is not None:
            to = f", given to {ticket.assigned_to}" if ticket.assigned_to else ", given to nobody yet"
            shut = (
                ""
                if ticket.open
                else f"\nClosed by {ticket.closed_by}. Cause: {ticket.cause}. Action: {ticket.action}."
            )
            self.ticket.setText(f"Ticket {ticket.number}{to}{shut}")
        self.clips.show_alarm(alarm, self._zone)
        clear(self._events)
        for event in events:
            who = f", {event.person}" if event.person else ""
            said = f": {event.words}" if event.words and event.what != "raised" else ""
            at = clock(event.at, self._zone, day=True)
            self._events.addWidget(label(f"{at}  {event.what}{who}{said}", "quiet", wrap=True))
        open_ticket = ticket is None or ticket.open
        over = alarm.state is AlarmState.NORMAL
        self.acknowledge.setVisible(alarm.waits)
        self.shelve.setVisible(not over)
        shelved = alarm.state is AlarmState.SHELVED
        self.shelve.setText("Take off the shelf" if shelved else "Shelve")
        for button in (self.assign, self.comment, self.close_button):
            button.setEnabled(open_ticket)
        if self.stack.currentWidget() is self.empty:
            self.stack.setCurrentWidget(self.view)

    # -- its picture
    def _look_closer(self) -> None:
        if self.row is None or not self.row.alarm.image_path:
            return
        alarm, station = self.row.alarm, self._bridge.station

        def load() -> tuple[Still | None, Inspection | None]:
            picture = station.picture(alarm.image_path)
            part: Inspection | None = None
            if picture is not None and alarm.inspection_id:
                with suppress(LinesightError):  # a picture without its outlines is better than none
                    part = station.searching.part(alarm.inspection_id).inspection
            return (Still(picture) if picture is not None else None), part

        self.said.tell("")
        self.large.show_words("Loading the picture")
        self.stack.setCurrentWidget(self.large_page)
        self._bridge.run(load, lambda found: self._loaded(alarm.id, *found), self.large.show_words)

    def _loaded(self, id: str, picture: Still | None, part: Inspection | None) -> None:
        if id != self._id:
            return  # another alarm was opened meanwhile
        if picture is None:
            self.large.show_words("The picture of this part is no longer in the data folder.")
        else:
            self.large.show_picture(picture, part)

    # -- its videos
    def _play(self, path: Path) -> None:
        self.said.tell("")
        self.stack.setCurrentWidget(self.film_page)
        self.film.open(path)

    def _turned(self, _index: int) -> None:
        if self.stack.currentWidget() is not self.film_page:
            self.film.leave()
        if self.stack.currentWidget() is not self.large_page:
            self.large.show_words("")

    def take_key(self, event: QKeyEvent) -> bool:
        """Whether a key looked closer at the picture."""
        return self.stack.currentWidget() is self.large_page and self.large.press_key(event)

    def close_page(self) -> None:
        """Ends what works for it."""
        self.film.close_film()
        self.clips.close_section()

    # -- what is done
    def _acknowledge(self) -> None:
        self._do(lambda: self._desk.acknowledge(self._id), "Acknowledged.")

    def _open_shelf(self) -> None:
        if self.row is not None and self.row.alarm.state is AlarmState.SHELVED:
            id = self._id
            self._do(lambda: self._desk.unshelve(id), "It is back in the list.")
            return
        self.shelve_form.clear()
        self._open(self.shelve_form)

    def _shelve(self) -> None:
        id, reason, until = (
            self._id,
            self.shelve_form.reason.currentText(),
            self.shelve_form.end(self._desk.end_of_shift()),
        )
        words = f"Shelved until {clock(until, self._zone, day=True)}."
        self._do(lambda: self._desk.shelve(id, reason, until), words)

    def _assign(self) -> None:
        id, name = self._id, self.assign_form.name.currentText()
        self._do(lambda: self._desk.assign(id, name), f"Given to {name.strip()}.")

    def _comment(self) -> None:
        id, words = self._id, self.comment_form.words.toPlainText()
        self._do(lambda: self._desk.comment(id, words), "Added.")

    def _close(self) -> None:
        id, cause, action = self._id, self.close_form.cause.text(), self.close_form.action.text()
        self._do(lambda: self._desk.close_ticket(id, cause, action), "The ticket is closed.")

    def _open(self, form: Form) -> None:
        self.said.tell("")
        if form is self.assign_form:
            ticket = self.row.ticket if self.row is not None else None
            self.assign_form.offer(self._names, ticket.assigned_to if ticket else "")
        elif form is self.comment_form:
            self.comment_form.words.clear()
        elif form is self.close_form:
            self.close_form.clear()
        for index in range(self.stack.count()):
            page = self.stack.widget(index)
            if page is not None and page.isAncestorOf(form):
                self.stack.setCurrentWidget(page)

    def _leave(self) -> None:
        self.said.tell("")
        self.stack.setCurrentWidget(self.view if self._id else self.empty)

    def _do(self, work: Callable[[], Any], words: str) -> None:
        def done(_result: object) -> None:
            self.stack.setCurrentWidget(self.view if self._id else self.empty)
            self.said.tell(words, "good")
            self.refresh()
            self.changed.emit()

        self._bridge.run(work, done, self._failed)

    def _failed(self, words: str) -> None:
        self.said.tell(words, "bad")
