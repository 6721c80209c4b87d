"""The ways to the line that answer at once: Modbus TCP, OPC UA, HTTP and serial ports, each kept as the settings say.

One that can't be started holds up none of the others. Broker and webhook, which follow the record, are the desk's.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from app.alarms.notices import secrets
from app.domain.errors import LinesightError
from app.domain.light import LIGHT_TABLE, read_light_table
from app.signals.handshake import Handshake, Signals
from app.signals.http import HttpOutput
from app.signals.kept import Kept, Output, OutputState
from app.signals.modbus import ModbusOutput
from app.signals.opcua import OpcUaOutput
from app.signals.opcua_identity import Identity
from app.signals.serial_line import By, SerialScanner, SerialTrigger, StackLight, ports_here

MODBUS, OPCUA, HTTP = "Modbus TCP", "OPC UA", "HTTP"
TRIGGER, SCANNER, LIGHT = "Serial trigger", "Serial scanner", "Stack light"
OPCUA_SECRET = "line-opcua"
"""Name in the keyring of the password of OPC UA's user."""
HTTP_SECRET = "line-http"
"""Name in the keyring of the key that HTTP asks for."""


class Wanted(Protocol):
    """What is asked for; `app.settings.Settings` is one."""

    @property
    def line_outputs(self) -> Sequence[str]: ...
    @property
    def modbus_listen(self) -> str: ...
    @property
    def opcua_listen(self) -> str: ...
    @property
    def opcua_user(self) -> str: ...
    @property
    def http_listen(self) -> str: ...
    @property
    def http_keyed(self) -> bool: ...
    @property
    def serial_trigger(self) -> str: ...
    @property
    def serial_trigger_by(self) -> By: ...
    @property
    def serial_scanner(self) -> str: ...
    @property
    def serial_light(self) -> str: ...
    @property
    def serial_light_table(self) -> Sequence[str]: ...


class Ways:
    """`follow`, `renew` and `end` on one thread, the rest on any.

    Args:
        folder: where OPC UA's certificate lies.
        scanned: told of a code from a serial scanner; says what became of it. Slow.
        alarmed: whether an alarm stands; from memory.
        leaving: whether the program ends; what is just being started is given up then.
    """

    def __init__(
        self,
        handshake: Handshake,
        folder: Path,
        scanned: Callable[[str], str],
        alarmed: Callable[[], bool],
        leaving: Callable[[], bool],
    ) -> None:
        self._hand, self._folder, self._leaving = handshake, folder, leaving
        self._modbus: Kept[str] = Kept(MODBUS, self._make_modbus, waits=True)
        self._opcua: Kept[tuple[str, str]] = Kept(OPCUA, self._make_opcua, waits=True)
        self._http: Kept[tuple[str, bool]] = Kept(HTTP, self._make_http, waits=True)
        self._trigger: Kept[tuple[str, By]] = Kept(
            TRIGGER,
            lambda wanted: SerialTrigger(*wanted, lambda number: self._hand.trigger(after=number)),
            waits=False,
        )
        self._scanner: Kept[str] = Kept(SCANNER, lambda wanted: SerialScanner(wanted, scanned), waits=False)
        self._light: Kept[tuple[str, tuple[str, ...]]] = Kept(
            LIGHT, lambda wanted: StackLight(wanted[0], read_light_table(wanted[1]), alarmed), waits=False
        )
        self._all: tuple[Kept[Any], ...] = (
            *(self._modbus, self._http, self._opcua),
            *(self._trigger, self._scanner, self._light),
        )

    def follow(self, settings: Wanted) -> None:
        """Slow where something changes."""
        for each, wanted in self._asked(settings):
            each.follow(wanted, lambda: self._hand.signals)

    def _asked(self, settings: Wanted) -> list[tuple[Kept[Any], Any]]:
        """What each is to be made from, None for those that are switched off."""
        s, used = settings, settings.line_outputs
        table = tuple(s.serial_light_table) or LIGHT_TABLE
        return [
            (self._modbus, s.modbus_listen if s.modbus_listen and "modbus" in used else None),
            (self._http, (s.http_listen, s.http_keyed) if s.http_listen and "http" in used else None),
            (self._trigger, (s.serial_trigger, s.serial_trigger_by) if s.serial_trigger else None),
            (self._scanner, s.serial_scanner or None),
            (self._light, (s.serial_light, table) if s.serial_light and "light" in used else None),
            (
                self._opcua,
                (s.opcua_listen, s.opcua_user) if s.opcua_listen and "opcua" in used else None,
            ),  # last: it takes seconds
        ]

    def renew(self) -> None:
        """A secret has changed."""
        self._opcua.again()
        self._http.again()

    def end(self) -> None:
        """Slow: ends all of them."""
        for each in self._all:
            each.end()

    def show(self, signals: Signals) -> None:
        """Returns at once."""
        for each in self._all:
            each.show(signals)

    def states(self, settings: Wanted) -> list[OutputState]:
        """Of those that are switched on."""
        return [each.state() for each, wanted in self._asked(settings) if wanted is not None]

    def servers(self) -> list[str]:
        """The names under which the record keeps what was told over the servers that run."""
        named: tuple[tuple[str, Kept[Any]], ...] = (
            ("modbus", self._modbus),
            ("opcua", self._opcua),
            ("http", self._http),
        )
        return [name for name, each in named if each.output is not None]

    def waits(self, name: str) -> bool:
        """Whether it is a server that runs, or starts, and waits for somebody."""
        return any(each.name == name and each.waits and not each.fault for each in self._all)

    # -- to try them
    def test_opcua(self, listen: str) -> str:
        """Slow: asks the server for its endpoints as a client does; in words.

        Raises:
            LinesightError: it is switched off, not up, or does not answer.
        """
        output, here, port = _running(self._opcua, listen, "0.0.0.0:4840")
        url = f"opc.tcp://{here}:{port}/linesight/"
        begun = time.monotonic()
        try:
            offered = asyncio.run(_endpoints(url))
        except Exception as error:  # a client of asyncua raises what it likes
            raise LinesightError(
                f"The OPC UA server does not answer at {url} ({str(error) or type(error).__name__})."
            ) from error
        took = 1000 * (time.monotonic() - begun)
        how = "encrypted, for its user" if all(offered) else "not encrypted, for everybody"
        return f"It answers at {url} after {took:.0f} ms: {how}. {output.words()}"

    def test_http(self, listen: str, keyed: bool) -> str:
        """Slow: asks the server for the signals as the line does; in words.

        Raises:
            LinesightError: it is switched off, not up, or does not answer.
        """
        _output, here, port = _running(self._http, listen, "0.0.0.0:8090")
        key = secrets.read(HTTP_SECRET) if keyed else ""
        begun = time.monotonic()
        asked = http.client.HTTPConnection(here, int(port), timeout=3)
        try:
            asked.request("GET", "/signals", headers={"Authorization": f"Bearer {key}"} if key else {})
            found = json.loads(asked.getresponse().read())
            ready = "it takes a trigger" if found["trigger_ready"] else "it takes no trigger now"
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise LinesightError(f"The HTTP server does not answer at {here}:{port} ({error}).") from error
        finally:
            asked.close()
        took = 1000 * (time.monotonic() - begun)
        who = "with its key" if keyed else "for everybody"
        return f"It answers at http://{here}:{port}/signals after {took:.0f} ms, {who}: {ready}."

    def test_serial(self, settings: Wanted) -> str:
        """Slow: how the serial ports go, and which this computer has; the light shows all its states.

        Raises:
            LinesightError: the same words, where a port is not open.
        """
        states = [one for one in self.states(settings) if one.name in (TRIGGER, SCANNER, LIGHT)]
        found = [f"{one.name}: {one.words}" for one in states]
        light = self._light.output
        if isinstance(light, StackLight) and light.connected():
            found.append(light.try_all())
        here = ports_here()
        found.append(f"Ports of this computer: {', '.join(here)}." if here else "This computer has no serial port.")
        if not all(one.connected for one in states):
            raise LinesightError("\n".join(found))
        return "\n".join(found)

    # -- making them
    def _make_modbus(self, listen: str) -> ModbusOutput:
        host, _, port = listen.rpartition(":")
        hand = self._hand
        return ModbusOutput(
            host, int(port), lambda recipe, part: hand.trigger(recipe, part), lambda: hand.acknowledge()
        )

    def _make_http(self, wanted: tuple[str, bool]) -> HttpOutput:
        listen, keyed = wanted
        host, _, port = listen.rpartition(":")
        hand, key = self._hand, secrets.read(HTTP_SECRET) if keyed else ""
        if keyed and not key:
            raise LinesightError("HTTP has no key. Give one under Set-up, Line, and save.")
        return HttpOutput(
            host,
            int(port),
            lambda recipe, part: hand.trigger(recipe, part),
            lambda number: hand.acknowledge(number),
            key=key,
        )

    def _make_opcua(self, wanted: tuple[str, str]) -> OpcUaOutput:
        listen, user = wanted
        host, _, port = listen.rpartition(":")
        hand, identity = self._hand, None
        if user:
            password = secrets.read(OPCUA_SECRET)
            if not password:
                raise LinesightError(f"OPC UA has no password for {user}. Give one under Set-up, Line, and save.")
            identity = Identity(user, password, self._folder / "opcua")
        return OpcUaOutput(
            host,
            int(port),
            lambda recipe, part, bad: hand.trigger(recipe, part, bad=bad),
            lambda: hand.acknowledge(),
            identity=identity,
            leaving=self._leaving,
        )


def _running(kept: Kept[Any], listen: str, example: str) -> tuple[Output, str, str]:
    """(a server that runs, host and port at which this computer itself reaches it); LinesightError where none does."""
    if not listen:
        raise LinesightError(f"{kept.name} is switched off. Give it an address such as {example}, and save.")
    if kept.output is None:
        raise LinesightError(kept.fault or f"The {kept.name} server is starting. Try it again in some seconds.")
    host, _, port = listen.rpartition(":")
    return kept.output, host if host not in ("", "0.0.0.0", "::") else "127.0.0.1", port


async def _endpoints(url: str) -> list[bool]:
    """Of each that is offered, whether it is encrypted."""
    from asyncua import Client, ua

    found = await Client(url, timeout=3).connect_and_get_server_endpoints()
    return [each.SecurityMode == ua.MessageSecurityMode.SignAndEncrypt for each in found]
