"""The signals to the line: who triggers, the ways to it, what it sees now, and a trigger to try it with."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.domain.errors import LinesightError
from app.signalling import BROKER, WEBHOOK
from app.signals.handshake import Signals
from ui.bridge import Bridge
from ui.setup.challenge import ChallengeCard
from ui.setup.line_ways import KEPT, HttpCard, OpcUaCard, SerialCard, editor, secret
from ui.setup.triggers import TriggerCard
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, Choice, Notice, Picks, field, label, row, set_kind

_EXPLAINED = (
    "The station is a Modbus TCP server; the PLC connects to it. A broker and a webhook get every result that is on "
    "record. Help, Line has registers, topics and the order of the signals. Whoever reaches the Modbus port can "
    "trigger: keep it in the machine's own network."
)
_RECIPES = "One a line: the PLC's number and the product, such as 7 Bracket. A trigger for another one is refused."
_WAYS = [("off", "Off"), ("on", "On")]
_WAYS_WORDS = "On: each trigger of a PLC or a serial port is one part, beside what else may trigger."
_OUTPUTS = [
    ("modbus", "Modbus TCP"),
    ("opcua", "OPC UA"),
    ("http", "HTTP"),
    ("mqtt", "MQTT"),
    ("webhook", "Webhook"),
    ("light", "Stack light"),
]
_OUTPUTS_WORDS = "Those with an address that are not chosen rest. A recipe keeps which ones its product uses."
_ROW_WORDS = "So many raise an alarm; 0: as the alarm rules say. A recipe keeps it."
_THEN = [("tell", "An alarm"), ("hold", "An alarm, and the line waits")]
_THEN_WORDS = "The line waits: no trigger is taken (Error 16) until somebody acknowledges the alarm."
_SIGNALS = ("Trigger Ready", "Busy", "Result Ready", "OK", "NG", "Retest", "Error")
_EVERY = 300  # ms


class LinePage(QWidget):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.signalling
        settings = bridge.station.settings
        self.trigger = Choice(_WAYS, "on" if settings.line_trigger else "off")
        self.listen = editor(settings.modbus_listen, "none; 0.0.0.0:1502")
        self.broker = editor(settings.line_broker, "none; mqtt://user@host")
        self.topic = editor(settings.line_topic, "linesight/line")
        self.password = secret()
        self.webhook = editor(settings.line_webhook, "none; https://...")
        self.key = secret()
        self.timeout = number_field(settings.line_timeout, "Answer within")
        self.debounce = number_field(settings.line_debounce, "Debounce")
        self.recipes = QPlainTextEdit("\n".join(settings.line_recipes))
        self.recipes.setPlaceholderText("7 Bracket")
        self.recipes.setMaximumHeight(140)
        self.outputs = Picks(_OUTPUTS, settings.line_outputs, columns=3)
        self.in_a_row = number_field(settings.fails_in_a_row, "FAILs in a row")
        self.hold = Choice(_THEN, "hold" if settings.fails_hold else "tell")
        self.primary = Button("Save", "primary", on=self._save)
        self.primary.setMinimumWidth(160)
        self.words = Notice()
        self.state = label("", "strong", wrap=True)
        self.lamps = {name: label(name, "quiet") for name in _SIGNALS}
        self.answer = label("", wrap=True)
        self.counts = label("", "quiet", wrap=True)
        self.test = Button("Trigger one part", icon_name="target", on=lambda: self._try(self._desk.test_trigger))
        self.ack = Button("Acknowledge", icon_name="check", on=lambda: self._try(self._desk.test_acknowledge))
        self.said = Notice()
        self.opcua, self.serial = OpcUaCard(bridge, settings), SerialCard(bridge, settings)
        self.http = HttpCard(bridge, settings)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        asked = Card("What the line does")
        asked.body.addWidget(label(_EXPLAINED, "note", wrap=True))
        asked.body.addWidget(field("The line triggers", self.trigger, _WAYS_WORDS))
        fields = [
            field("Modbus TCP, address and port", self.listen),
            field("Topic of the broker", self.topic),
            field("MQTT broker", self.broker),
            field("Its password", self.password, KEPT),
            field("Webhook", self.webhook),
            field("Its key", self.key, KEPT),
        ]
        grid = QGridLayout()
        grid.setSpacing(16)
        for place, each in enumerate(fields):
            grid.addWidget(each, place // 2, place % 2, Qt.AlignmentFlag.AlignTop)
        asked.body.addLayout(grid)
        times = QGridLayout()
        times.setSpacing(8)
        for line, (words, number) in enumerate((("Answer within", self.timeout), ("Debounce", self.debounce))):
            times.addWidget(label(words, "strong"), line, 0)
            times.addWidget(number, line, 1)
            times.addWidget(label("s", "note"), line, 2)
        times.setColumnStretch(3, 1)
        asked.body.addLayout(times)
        asked.body.addWidget(field("Outputs that are used", self.outputs, _OUTPUTS_WORDS))
        asked.body.addWidget(field("FAILs in a row", self.in_a_row, _ROW_WORDS))
        asked.body.addWidget(field("Then", self.hold, _THEN_WORDS))
        asked.body.addWidget(field("Numbers of products", self.recipes, _RECIPES))
        asked.body.addStretch(1)

        now = Card("What the line sees")
        now.body.addWidget(self.state)
        lamps = QGridLayout()
        lamps.setSpacing(8)
        for place, lamp in enumerate(self.lamps.values()):
            lamps.addWidget(lamp, place // 2, place % 2, Qt.AlignmentFlag.AlignLeft)
        now.body.addLayout(lamps)
        now.body.addWidget(self.answer)
        now.body.addWidget(self.counts)
        now.body.addWidget(label("Without a PLC, the same by hand:", "note", wrap=True))
        now.body.addLayout(row(self.test, self.ack, 1))
        now.body.addWidget(self.said)
        now.body.addStretch(1)

        cards = QHBoxLayout()
        cards.setSpacing(24)
        cards.addWidget(asked, 3)
        cards.addWidget(now, 2)
        ways = QHBoxLayout()
        ways.setSpacing(24)
        servers = QVBoxLayout()
        servers.setSpacing(16)
        servers.addWidget(self.opcua)
        servers.addWidget(self.http, 1)
        ways.addLayout(servers, 1)
        ways.addWidget(self.serial, 1)
        foot = row(self.primary, spacing=16)
        foot.addWidget(self.words, 4)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        self.ways = TriggerCard(self._bridge)
        self.ways.saved.connect(self.saved)
        layout.addWidget(self.ways)
        layout.addLayout(cards)
        layout.addLayout(ways)
        layout.addLayout(foot)
        self.check = ChallengeCard(self._bridge)
        self.check.saved.connect(self.saved)
        layout.addWidget(self.check)
        layout.addStretch(1)

    # -- what the line sees
    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def refresh(self) -> None:
        """Shows the signals as they are now; from memory."""
        outputs = self._desk.outputs()
        self.state.setText(
            "\n".join(f"{each.name}: {each.words}" for each in outputs) or "No output to the line is switched on."
        )
        signals = self._desk.signals
        for name, on in zip(_SIGNALS, _bits(signals), strict=True):
            lamp = self.lamps[name]
            lamp.setText(f"{'●' if on else '○'} {name}")
            lamp.setAccessibleName(f"{name}: {'on' if on else 'off'}")
            set_kind(lamp, "strong" if on else "quiet")
        self.answer.setText(_answer_words(signals))
        counts = signals.counts
        self.counts.setText(
            f"Triggers: {counts.taken:,} taken, {counts.busy:,} while busy, {counts.debounced:,} bounced, "
            f"{counts.missed:,} without a verdict, {counts.late:,} too late. Results nobody read: {counts.unread:,}."
        )

    def _try(self, do: Any) -> None:
        self.said.tell("")
        self._bridge.run(do, lambda _none: self.refresh(), lambda words: self.said.tell(words, "bad"))

    # -- saving
    def changes(self) -> dict[str, Any]:
        """The settings as the fields have them; LinesightError naming a field that is no number."""
        return {
            "line_trigger": self.trigger.value() == "on",
            "modbus_listen": self.listen.text().strip(),
            "line_broker": self.broker.text().strip(),
            "line_topic": self.topic.text().strip(),
            "line_webhook": self.webhook.text().strip(),
            "line_timeout": number_of(self.timeout, "Answer within"),
            "line_debounce": number_of(self.debounce, "Debounce"),
            "line_outputs": self.outputs.values(),
            "fails_in_a_row": int(_whole(number_of(self.in_a_row, "FAILs in a row"))),
            "fails_hold": self.hold.value() == "hold",
            "line_recipes": [line.strip() for line in self.recipes.toPlainText().splitlines() if line.strip()],
            **self.opcua.changes(),
            **self.http.changes(),
            **self.serial.changes(),
        }

    def _save(self) -> None:
        try:
            changes = self.changes()
        except LinesightError as error:
            self.words.tell(str(error), "bad")
            return
        self.primary.setEnabled(False)
        secrets = {
            BROKER: self.password.text(),
            WEBHOOK: self.key.text(),
            **self.opcua.secrets(),
            **self.http.secrets(),
        }

        def work() -> None:
            for name, typed in secrets.items():
                if typed:
                    self._desk.keep_secret(name, typed)
            self._bridge.station.save_settings(**changes)

        self._bridge.run(work, lambda _none: self._saved(), self._refused)

    def _saved(self) -> None:
        self.primary.setEnabled(True)
        self.password.clear()  # they lie in the keyring now, and nowhere on the screen
        self.key.clear()
        self.opcua.saved()
        self.http.saved()
        self.words.tell("Saved.", "good")
        self.saved.emit()

    def _refused(self, words: str) -> None:
        self.primary.setEnabled(True)
        self.words.tell(words, "bad")

    def close_page(self) -> None:
        self._timer.stop()
        self.ways.close_page()


def _whole(number: float) -> float:
    if number != int(number):
        raise LinesightError("FAILs in a row is a whole number, such as 3.")
    return number


def _bits(now: Signals) -> tuple[bool, ...]:
    return now.trigger_ready, now.busy, now.result_ready, now.ok, now.ng, now.retest, now.error


def _answer_words(now: Signals) -> str:
    if now.error:
        return f"Error {int(now.code)}: {now.code.words}"
    if now.result_ready and now.answer is not None:
        return f"Result {now.answer.number}: part {now.answer.part_id}. It stays until it is acknowledged."
    return "Ready for a trigger." if now.trigger_ready else ""
