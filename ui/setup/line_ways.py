"""Set-up, Line: the cards of OPC UA, HTTP and the serial ports, each with a test that says in words how it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from app.domain.light import LIGHT_TABLE
from app.settings import Settings
from app.signalling import HTTP_SECRET, OPCUA_SECRET
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Choice, Notice, field, label, row

KEPT = "In this computer's keyring, never in a file."
_OPCUA = (
    "The station is an OPC UA server with the same handshake; Help, Line lists its nodes. Without a user nothing is "
    "encrypted and whoever reaches the port can trigger: keep it in the machine's own network."
)
_USER = "With a user the channel is encrypted and the password asked for."
_HTTP = (
    "The same handshake for a computer of the line: GET /signals and /result, POST /trigger and /ack. Help, Line has "
    "the bodies. Nothing is encrypted: keep it in the machine's own network."
)
_WHO = [("all", "Whoever reaches it"), ("key", "Who has the key")]
_SERIAL = "Port and, where it is not 9600, baud: /dev/ttyUSB0:115200, COM3. Each needs a port of its own."
_BY = [("text", "A line of text"), ("cts", "CTS"), ("dsr", "DSR"), ("dcd", "DCD")]
_BY_WORDS = "A line that ends with CR or LF, or an input that goes on. Parts have to come on a trigger."
_SCANNER = "Its codes name the next part."
_TABLE = r"A state and what it is sent a line; \r, \n, \x01 stand for bytes. Empty: these defaults."


def editor(text: str, example: str) -> QLineEdit:
    """A line of text with an example."""
    made = QLineEdit(text)
    made.setPlaceholderText(example)
    made.setCursorPosition(0)
    return made


def secret() -> QLineEdit:
    """A line for a password; what is kept is never shown."""
    made = editor("", "as it is kept")
    made.setEchoMode(QLineEdit.EchoMode.Password)
    return made


class _Tried(Card):
    """A card whose test says how it went."""

    def __init__(self, title: str, bridge: Bridge, words: str, icon: str, test: Callable[[], str]) -> None:
        super().__init__(title)
        self._bridge, self._do = bridge, test
        self.test = Button(words, icon_name=icon, on=self._try)
        self.said = Notice()

    def _finish(self) -> None:
        self.body.addLayout(row(self.test, 1))
        self.body.addWidget(self.said)
        self.body.addStretch(1)

    def _try(self) -> None:
        self.said.tell("")
        self.test.setEnabled(False)
        self._bridge.run(self._do, lambda words: self._tried(words, "good"), lambda words: self._tried(words, "bad"))

    def _tried(self, words: str, kind: str) -> None:
        self.test.setEnabled(True)
        self.said.tell(words, kind)


class OpcUaCard(_Tried):
    """The OPC UA server."""

    def __init__(self, bridge: Bridge, settings: Settings) -> None:
        super().__init__("OPC UA", bridge, "Test OPC UA", "lan-connect", bridge.station.signalling.test_opcua)
        self.listen = editor(settings.opcua_listen, "none; 0.0.0.0:4840")
        self.user = editor(settings.opcua_user, "everybody, not encrypted")
        self.password = secret()
        self.body.addWidget(label(_OPCUA, "note", wrap=True))
        self.body.addWidget(field("OPC UA, address and port", self.listen))
        self.body.addWidget(field("User of OPC UA", self.user, _USER))
        self.body.addWidget(field("Password of the user", self.password, KEPT))
        self._finish()

    def changes(self) -> dict[str, Any]:
        """The settings as the fields have them."""
        return {"opcua_listen": self.listen.text().strip(), "opcua_user": self.user.text().strip()}

    def secrets(self) -> dict[str, str]:
        """What was typed, by its name in the keyring."""
        return {OPCUA_SECRET: self.password.text()}

    def saved(self) -> None:
        self.password.clear()


class HttpCard(_Tried):
    """The HTTP server for the line."""

    def __init__(self, bridge: Bridge, settings: Settings) -> None:
        super().__init__("HTTP", bridge, "Test HTTP", "lan-connect", bridge.station.signalling.test_http)
        self.listen = editor(settings.http_listen, "none; 0.0.0.0:8090")
        self.who = Choice(_WHO, "key" if settings.http_keyed else "all", columns=2)
        self.key = secret()
        self.body.addWidget(label(_HTTP, "note", wrap=True))
        self.body.addWidget(field("HTTP, address and port", self.listen))
        self.body.addWidget(field("Who may ask and trigger", self.who))
        self.body.addWidget(field("Key of HTTP", self.key, KEPT))
        self._finish()

    def changes(self) -> dict[str, Any]:
        """The settings as the fields have them."""
        return {"http_listen": self.listen.text().strip(), "http_keyed": self.who.value() == "key"}

    def secrets(self) -> dict[str, str]:
        """What was typed, by its name in the keyring."""
        return {HTTP_SECRET: self.key.text()}

    def saved(self) -> None:
        self.key.clear()


class SerialCard(_Tried):
    """Trigger, scanner and stack light at serial ports."""

    def __init__(self, bridge: Bridge, settings: Settings) -> None:
        super().__init__("Serial ports", bridge, "Test the ports", "serial-port", bridge.station.signalling.test_serial)
        self.trigger = editor(settings.serial_trigger, "none")
        self.by = Choice(_BY, settings.serial_trigger_by, columns=2)
        self.scanner = editor(settings.serial_scanner, "none")
        self.light = editor(settings.serial_light, "none")
        self.table = QPlainTextEdit("\n".join(settings.serial_light_table))
        self.table.setPlaceholderText("\n".join(LIGHT_TABLE))
        self.table.setMinimumHeight(150)
        self.table.setMaximumHeight(170)
        self.body.addWidget(label(_SERIAL, "note", wrap=True))
        self.body.addWidget(field("Serial trigger", self.trigger))
        self.body.addWidget(field("It triggers by", self.by, _BY_WORDS))
        self.body.addWidget(field("Serial scanner", self.scanner, _SCANNER))
        self.body.addWidget(field("Stack light", self.light))
        self.body.addWidget(field("What the light is sent", self.table, _TABLE))
        self._finish()

    def changes(self) -> dict[str, Any]:
        """The settings as the fields have them."""
        return {
            "serial_trigger": self.trigger.text().strip(),
            "serial_trigger_by": self.by.value(),
            "serial_scanner": self.scanner.text().strip(),
            "serial_light": self.light.text().strip(),
            "serial_light_table": [line.strip() for line in self.table.toPlainText().splitlines() if line.strip()],
        }
