"""Who is told of alarms: a list with a form for each, and a test that says in words what happened."""

from __future__ import annotations

import uuid
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.errors import LinesightError
from app.domain.notice import Recipient
from ui.bridge import Bridge
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, Choice, Combo, Notice, clear, field, label, row
from ui.shared.work import Follower

CHANNEL_WORDS = {"email": "E-mail", "webhook": "Webhook", "mqtt": "MQTT", "sns": "Amazon SNS"}
_SECURITY = {"email": ("starttls", "tls", "none"), "mqtt": ("none", "tls")}
_FIELDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "email": (
        ("to", "To", "name@company.com, several with commas"),
        ("host", "Mail server", "mail.company.com"),
        ("port", "Port", "587"),
        ("user", "User", "none"),
        ("from", "From", "as the user"),
    ),
    "webhook": (("url", "Address", "https://..."),),
    "mqtt": (
        ("host", "Broker", "broker.company.com"),
        ("port", "Port", "1883"),
        ("topic", "Topic", "plant/line1/alarms"),
        ("user", "User", "none"),
    ),
    "sns": (
        ("topic", "Topic", "arn:aws:sns:eu-central-1:123456789012:defects"),
        ("site", "Site, for filters", "none"),
    ),
}
_SECRETS = {"email": "Password", "webhook": "Secret for the signature", "mqtt": "Password"}
_PRIORITIES = [("1", "All"), ("2", "Medium and high"), ("3", "High only")]


class RecipientForm(QWidget):
    """`done` carries the recipient as it is now; `left` without a change."""

    done = Signal(object)
    left = Signal()

    def __init__(self, bridge: Bridge, follower: Follower) -> None:
        super().__init__()
        self._bridge, self._desk, self._follower = bridge, bridge.station.watching, follower
        self._recipient: Recipient | None = None
        self.editors: dict[str, QLineEdit] = {}
        self._grid = QGridLayout()
        self._grid.setSpacing(16)
        self.heading = label("", "heading")
        self.said = Notice()
        self.take = Button("Keep", "primary", on=self._take)
        self.test = Button("Test", icon_name="send-outline", on=self._test)
        self.back = Button("Back", on=self.left.emit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.heading)
        layout.addLayout(self._grid)
        layout.addWidget(self.said)
        layout.addLayout(row(self.take, self.test, self.back, 1))

    def edit(self, recipient: Recipient) -> None:
        """Shows what a recipient has; its secret is never shown."""
        self._recipient = recipient
        channel = recipient.channel
        self.heading.setText(f"{CHANNEL_WORDS.get(channel, channel)}: {recipient.name}")
        clear(self._grid)
        self.name, self.lowest = QLineEdit(recipient.name), Combo()
        self.name.setMaxLength(60)
        for key, words in _PRIORITIES:
            self.lowest.addItem(words, int(key))
        self.lowest.setCurrentIndex(self.lowest.findData(recipient.lowest))
        self.first = Choice([("yes", "At once"), ("no", "By escalation only")], "yes" if recipient.first else "no")
        self.cleared = Choice([("no", "No"), ("yes", "Yes")], "yes" if recipient.cleared else "no")
        self.editors = {}
        fields = [field("Name", self.name)]
        for key, words, example in _FIELDS.get(channel, ()):
            editor = QLineEdit(recipient.options.get(key, ""))
            editor.setPlaceholderText(example)
            self.editors[key] = editor
            fields.append(field(words, editor))
        self.security = Combo()
        if channel in _SECURITY:
            self.security.addItems(_SECURITY[channel])
            self.security.setCurrentText(recipient.options.get("security", _SECURITY[channel][0]))
            fields.append(field("Encryption", self.security))
        self.secret = QLineEdit()
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.secret.setPlaceholderText("as it is kept")
        if channel in _SECRETS:
            fields.append(field(_SECRETS[channel], self.secret, "Kept in this computer's keyring."))
        fields += [
            field("Told of", self.lowest),
            field("When", self.first),
            field("Also when it is over", self.cleared),
        ]
        for place, widget in enumerate(fields):
            self._grid.addWidget(widget, place // 2, place % 2)
        self.said.tell("")

    def recipient(self) -> Recipient:
        """As it stands in the form; LinesightError in words where it is none."""
        assert self._recipient is not None
        options = {key: editor.text().strip() for key, editor in self.editors.items() if editor.text().strip()}
        if self._recipient.channel in _SECURITY:
            options["security"] = self.security.currentText()
        return replace(
            self._recipient,
            name=self.name.text().strip(),
            options=options,
            first=self.first.value() == "yes",
            lowest=int(self.lowest.currentData()),
            cleared=self.cleared.value() == "yes",
        )

    def _test(self) -> None:
        try:
            recipient = self.recipient()
        except LinesightError as error:
            self.said.tell(str(error), "bad")
            return
        self.said.tell(f"Sending to {recipient.name}")
        self.test.setEnabled(False)
        typed = self.secret.text() or None
        self._follower.follow(lambda: self._desk.test(recipient, typed), self._sent, self._not_sent)

    def _sent(self, words: str) -> None:
        self.test.setEnabled(True)
        self.said.tell(words, "good")

    def _not_sent(self, words: str) -> None:
        self.test.setEnabled(True)
        self.said.tell(words, "bad")

    def _take(self) -> None:
        try:
            recipient = self.recipient()
        except LinesightError as error:
            self.said.tell(str(error), "bad")
            return
        secret = self.secret.text()
        if not secret:
            self.done.emit(recipient)
            return
        self._bridge.run(
            lambda: self._desk.keep_secret(recipient.id, secret),
            lambda _none: self.done.emit(recipient),
            lambda words: self.said.tell(words, "bad"),
        )


class PeopleCard(Card):
    """`changed` when the list is another one; it is kept with the page's Save."""

    changed = Signal()

    def __init__(self, bridge: Bridge, follower: Follower) -> None:
        super().__init__("Who is told", padding=16)
        self.recipients: list[Recipient] = []
        self.empty = label(
            "Nobody is told yet: alarms are shown here only. Add somebody, and try it with Test.", "note", wrap=True
        )
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.form = RecipientForm(bridge, follower)
        self.form.hide()
        self.form.done.connect(self._keep)
        self.form.left.connect(self._close_form)
        self.adds = {}
        for channel in bridge.station.watching.channels():
            if channel in _FIELDS:
                words = CHANNEL_WORDS[channel]
                self.adds[channel] = Button(words, icon_name="plus", on=lambda channel=channel: self._add(channel))
        self.add_row = QWidget()
        self.add_row.setLayout(row(*self.adds.values(), 1))
        self.body.setSpacing(8)
        self.body.addWidget(self.empty)
        self.body.addLayout(self._rows)
        self.body.addWidget(self.add_row)
        self.body.addWidget(self.form)

    def show_recipients(self, recipients: list[Recipient]) -> None:
        self.recipients = list(recipients)
        clear(self._rows)
        for one in self.recipients:
            where = one.options.get("to") or one.options.get("url") or one.options.get("topic") or ""
            words = Elided(f"{one.name} \u00b7 {CHANNEL_WORDS.get(one.channel, one.channel)} {where}")
            on = Choice([("on", "On"), ("off", "Off")], "on" if one.on else "off")
            on.chosen.connect(lambda value, id=one.id: self._switch(id, value == "on"))
            edit = Button("Edit", on=lambda one=one: self._edit(one))
            edit.setAccessibleName(f"Edit {one.name}")
            edit.setEnabled(one.channel in _FIELDS)
            remove = Button("Remove", on=lambda id=one.id: self._remove(id))
            remove.setAccessibleName(f"Remove {one.name}")
            line = QWidget()
            inner = row(on, edit, remove)
            inner.insertWidget(1, words, 1)
            line.setLayout(inner)
            self._rows.addWidget(line)
        self.empty.setVisible(not self.recipients)

    def _add(self, channel: str) -> None:
        words = CHANNEL_WORDS[channel]
        self._edit(Recipient(f"{channel}-{uuid.uuid4().hex[:6]}", f"New {words}", channel))

    def _edit(self, recipient: Recipient) -> None:
        self.form.edit(recipient)
        self.form.show()
        self.add_row.hide()

    def _close_form(self) -> None:
        self.form.hide()
        self.add_row.show()

    def _keep(self, recipient: Recipient) -> None:
        known = [one.id for one in self.recipients]
        if recipient.id in known:
            self.recipients[known.index(recipient.id)] = recipient
        else:
            self.recipients.append(recipient)
        self._close_form()
        self._changed()

    def _switch(self, id: str, on: bool) -> None:
        self.recipients = [replace(one, on=on) if one.id == id else one for one in self.recipients]
        self.changed.emit()

    def _remove(self, id: str) -> None:
        self.recipients = [one for one in self.recipients if one.id != id]
        self._changed()

    def _changed(self) -> None:
        self.show_recipients(self.recipients)
        self.changed.emit()
