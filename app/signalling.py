"""The desk of the signals to the line: follows the settings and the line, and lets neither wait for a PLC.

Ways in and out that the settings switch on: `app/signals/ways.py`.
"""

from __future__ import annotations

import json
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from app.alarms.notices import secrets
from app.alarms.notices.webhook import post
from app.domain.errors import LinesightError
from app.domain.inspection import Inspection, Outcome
from app.domain.lot import LotState
from app.domain.person import Action
from app.inspection.triggers import Fired, Trigger
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings, read_recipes
from app.signals.codes import ErrorCode
from app.signals.courier import Courier
from app.signals.handshake import Handshake, SignalCounts, Signals
from app.signals.kept import AGAIN, OutputState
from app.signals.mqtt import MqttOutput
from app.signals.result import result_json
from app.signals.ways import HTTP_SECRET as HTTP_SECRET
from app.signals.ways import MODBUS as MODBUS
from app.signals.ways import OPCUA_SECRET as OPCUA_SECRET
from app.signals.ways import Ways
from app.status import Change, Health, Phase, State
from app.store import Store

log = logging.getLogger(__name__)

_TICK = 0.05
_WAITING_NOTES = 10_000
_BY = "line"
_KNOWN_NUMBERS = 1000
_LONGEST_CODE = 80
BROKER, WEBHOOK = "line-broker", "line-webhook"
"""Names of the secrets in the keyring: the broker's password, the key that results are signed with."""


class LinePort(Protocol):
    """What the desk needs of the line; `app.line.Line` is one."""

    trigger: Trigger

    def state(self) -> State: ...
    def health(self) -> Health: ...


class LotPort(Protocol):
    def current(self) -> LotState | None: ...
    def scan(self, serial: str) -> None: ...


class SerialPort(Protocol):
    @property
    def code(self) -> str: ...
    def expect(self, code: str) -> None: ...


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    store: Store
    people: PeopleDesk

    @property
    def next_serial(self) -> SerialPort: ...
    @property
    def line(self) -> LinePort: ...
    @property
    def lots(self) -> LotPort: ...
    @property
    def settings(self) -> Settings: ...
    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


class SignalDesk:
    """Any thread. One thread of its own keeps the handshake's time and never waits for disk or network; another one
    starts and ends outputs and notes what was told.

    Args:
        withheld: why the station is not released, "" where it is; returns at once.
        alarmed: whether an alarm stands; returns at once. `failing`: whether one of FAILs in a row waits.
        triggers: told of a code that names the next part; whether it inspects the part at once.
        recipes: number of the one that runs, 0 for none, and names of all by number; from memory.
        wanted: told of the number that the line triggered for while another recipe runs; returns at once.
    """

    def __init__(
        self,
        host: Host,
        *,
        withheld: Callable[[], str] = lambda: "",
        alarmed: Callable[[], bool] = lambda: False,
        failing: Callable[[], bool] = lambda: False,
        triggers: Callable[[str], bool] = lambda code: False,
        recipes: Callable[[], tuple[int, dict[int, str]]] = lambda: (0, {}),
        wanted: Callable[[int], None] = lambda recipe: None,
    ) -> None:
        self._host, self._withheld, self._triggers, self._recipes = host, withheld, triggers, recipes
        self._failing = failing
        self._wake, self._closed = threading.Event(), threading.Event()
        self._armed, self._named = False, ""
        self._notes: queue.Queue[tuple[str, str, int | None, datetime]] = queue.Queue(_WAITING_NOTES)
        self._numbers: dict[str, int] = {}  # of the newest answers, by inspection
        self._recipe = 0
        self._mqtt: MqttOutput | None = None
        self._couriers: dict[str, Courier] = {}
        self._remote: tuple[str, ...] | None = None  # what the settings asked for when these were started
        self._renew = threading.Event()
        self._keyring: dict[str, str] = {}  # why a secret can't be read, by output
        self._met: set[str] = set()  # outputs that had somebody at the other end
        self._lost: dict[str, tuple[float, str]] = {}  # those that reach nobody: since when on this clock, and why
        settings = host.settings
        self.handshake = Handshake(
            self._fire,
            self._withdraw,
            self._show,
            debounce=settings.line_debounce,
            timeout=settings.line_timeout,
            wanted=wanted,
        )
        self.ways = Ways(self.handshake, host.data.outputs, self._scanned, alarmed, self._closed.is_set)
        self._thread = threading.Thread(target=self._keep_time, name="signals", daemon=True)
        self._keeper = threading.Thread(target=self._keep_outputs, name="outputs", daemon=True)
        self._no_more_changes: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Starts what the settings ask for; returns at once."""
        if self._thread.ident is None and not self._closed.is_set():
            self._no_more_changes = self._host.subscribe(lambda change: self._wake.set())
            self._thread.start()
            self._keeper.start()

    def close(self) -> None:
        """Slow: ends every output; what was told is noted on record before."""
        self._no_more_changes()
        self._closed.set()
        self._wake.set()
        for thread in (self._thread, self._keeper):
            if thread.ident is not None:
                thread.join(20)

    # -- what it says
    @property
    def signals(self) -> Signals:
        """What the line sees now."""
        return self.handshake.signals

    @property
    def counts(self) -> SignalCounts:
        return self.handshake.signals.counts

    def outputs(self) -> list[OutputState]:
        """Those that are switched on."""
        found, mqtt = self.ways.states(self._host.settings), self._mqtt
        if mqtt is not None:
            found.append(OutputState("MQTT", mqtt.connected(), mqtt.words()))
        found += [OutputState(name, False, words) for name, words in list(self._keyring.items())]
        webhook = self._couriers.get("webhook")
        if webhook is not None:
            words = webhook.fault or f"{webhook.count:,} results were taken."
            found.append(OutputState("Webhook", not webhook.fault, words))
        return found

    def lost(self) -> dict[str, tuple[float, str]]:
        """Outputs that are switched on and reach nobody: since how many seconds, and why. A server that no PLC has
        asked yet waits for it and is not lost."""
        now = time.monotonic()
        return {name: (now - since, words) for name, (since, words) in self._lost.items()}

    def keep_secret(self, name: str, secret: str) -> None:
        """Slow: puts the broker's password (`BROKER`), the webhook's key (`WEBHOOK`), the password of OPC UA's user
        (`OPCUA_SECRET`) or the key of HTTP (`HTTP_SECRET`) into the keyring.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: there is no keyring that can be used.
        """
        self._host.people.require(Action.SETTINGS)
        secrets.keep(name, secret)
        self._renew.set()
        self._wake.set()

    # -- what it is told
    def judged(self, outcome: Outcome, owner: str) -> None:
        """A part is on record, or was refused; called after the commit, on the recording thread."""
        row = outcome.inspection
        number = self.handshake.outcome(owner, outcome.verdict, row, outcome.error)
        if row is None:
            return
        if number:
            self._numbers[row.id] = number
            while len(self._numbers) > _KNOWN_NUMBERS:
                del self._numbers[next(iter(self._numbers))]
            for name in self.ways.servers():
                self._told(row, name, number)
        for courier in list(self._couriers.values()):
            courier.wake()

    def _told(self, row: Inspection, name: str, number: int | None = None) -> None:
        try:
            self._notes.put_nowait((row.id, name, number, datetime.now(UTC)))
        except queue.Full:
            log.warning("part %s was told to the line; the note of it is left out", row.part_id)

    def test_trigger(self) -> None:
        """Triggers as the line would; the answer waits for the line's acknowledgement, or `test_acknowledge`.

        Raises:
            NotAllowed: whoever is signed in may not.
        """
        self._host.people.require(Action.SETTINGS)
        self.handshake.trigger()

    def test_acknowledge(self) -> None:
        """Acknowledges as the line would; NotAllowed as above."""
        self._host.people.require(Action.SETTINGS)
        self.handshake.acknowledge()

    def test_opcua(self) -> str:
        """Slow: asks the OPC UA server as a client would; in words. NotAllowed, or LinesightError saying why not."""
        self._may_try("opcua", "OPC UA")
        return self.ways.test_opcua(self._host.settings.opcua_listen)

    def test_http(self) -> str:
        """Slow: asks the HTTP server as the line would; in words. NotAllowed, or LinesightError saying why not."""
        self._may_try("http", "HTTP")
        settings = self._host.settings
        return self.ways.test_http(settings.http_listen, settings.http_keyed)

    def test_serial(self) -> str:
        """Slow: how the serial ports go and which there are; lets the light show all it can. NotAllowed, or
        LinesightError where a port is not open."""
        self._host.people.require(Action.SETTINGS)
        return self.ways.test_serial(self._host.settings)

    def _may_try(self, output: str, words: str) -> None:
        self._host.people.require(Action.SETTINGS)
        if output not in self._host.settings.line_outputs:
            raise LinesightError(f"{words} rests: it is not among the outputs that are used. Choose it, and save.")

    # -- for a scanner at a serial port; slow
    def _scanned(self, code: str) -> str:
        """As where a scanner types: a badge signs in and never becomes the name of a part."""
        person = self._host.people.scan_any(code)
        if person is not None:
            return f"{person.name} signed in by badge."
        if self._host.lots.current() is not None:
            self._host.lots.scan(code)
        elif code.isprintable() and len(code) <= _LONGEST_CODE:
            self._host.next_serial.expect(code)
            if self._triggers(code):
                return f"Part {code} is inspected."
        else:
            raise LinesightError("This code is no serial: it has more than 80 characters, or unreadable ones.")
        return f"The next part is {code}."

    # -- for the handshake: with its lock held
    def _fire(self, name: str, part_id: str) -> ErrorCode:
        if self._host.lots.current() is not None:
            return ErrorCode.IN_USE
        serial = self._host.next_serial
        if part_id:
            serial.expect(part_id)
        self._named = part_id
        fired = self._host.line.trigger.fire(name, bounces=False)
        if fired is not Fired.TAKEN and part_id:
            serial.expect("")
        return _NOT_TAKEN[fired]

    def _withdraw(self, name: str) -> None:
        if self._host.line.trigger.withdraw(name) and self._named == self._host.next_serial.code:
            self._host.next_serial.expect("")  # it was for the part that never came

    def _show(self, signals: Signals) -> None:
        self.ways.show(signals)
        mqtt = self._mqtt
        if mqtt is not None:
            mqtt.show(signals)

    # -- the thread that keeps the time
    def _keep_time(self) -> None:
        said = -math.inf
        while not self._closed.is_set():
            try:
                self._arm()
                self.handshake.condition(*self._condition())
                self.handshake.tick()
            except Exception:  # the line must be answered whatever happens
                if time.monotonic() - said >= AGAIN:  # at every tick it would push all else out of the log
                    said = time.monotonic()
                    log.exception("the signals to the line stumbled")
            self._wake.wait(_TICK)
            self._wake.clear()
        self._host.line.trigger.arm(False, by=_BY)

    def _arm(self) -> None:
        settings = self._host.settings
        self.handshake.set_times(settings.line_debounce, settings.line_timeout)
        if settings.line_trigger != self._armed:
            self._host.line.trigger.arm(settings.line_trigger, by=_BY)
            self._armed = settings.line_trigger

    def _condition(self) -> tuple[ErrorCode, int, dict[int, str]]:
        settings, state = self._host.settings, self._host.line.state()
        products, (running, names) = read_recipes(settings.line_recipes), self._recipes()
        recipe = running or next((number for number, product in products.items() if product == state.product), 0)
        recipes = products | names
        if state.phase is Phase.WAITING:
            code = ErrorCode.NO_CAMERA
        elif state.phase is not Phase.INSPECTING:
            code = ErrorCode.NOT_RUNNING
        elif self._host.lots.current() is not None:
            code = ErrorCode.IN_USE
        elif self._withheld():
            code = ErrorCode.NOT_RELEASED
        elif settings.fails_hold and self._failing():
            code = ErrorCode.FAILS_IN_A_ROW
        else:
            code = ErrorCode.NONE if settings.line_trigger else ErrorCode.TRIGGER_OFF
        self._recipe = recipe
        return code, recipe, recipes

    # -- the thread that keeps the outputs
    def _keep_outputs(self) -> None:
        while not self._closed.wait(_TICK):
            try:
                self._follow()
                self._miss()
                self._note()
            except Exception:
                log.exception("the outputs to the line stumbled")
                self._closed.wait(AGAIN)
        self.ways.end()
        self._end_remote(())
        self._note()

    def _follow(self) -> None:
        settings = self._host.settings
        used = settings.line_outputs
        broker = settings.line_broker if "mqtt" in used else ""
        remote = (broker, settings.line_topic, settings.line_webhook if "webhook" in used else "")
        if remote != self._remote or self._renew.is_set():
            if self._renew.is_set():
                self.ways.renew()
            self._renew.clear()
            self._end_remote([name for name, on in (("mqtt", remote[0]), ("webhook", remote[2])) if not on])
            self._begin_remote(*remote)
            self._remote = remote
        self.ways.follow(settings)  # last: to start OPC UA takes seconds

    def _miss(self) -> None:
        lost = {}
        for each in self.outputs():
            if each.connected:
                self._met.add(each.name)
            elif each.name in self._met or not self.ways.waits(each.name):
                lost[each.name] = (self._lost.get(each.name, (time.monotonic(), ""))[0], each.words)
        self._lost = lost

    def _begin_remote(self, broker: str, topic: str, url: str) -> None:
        password = self._secret("MQTT", BROKER) if broker else None
        key = self._secret("Webhook", WEBHOOK) if url else None
        if password is not None:
            hand = self.handshake
            self._mqtt = mqtt = MqttOutput(
                broker,
                topic,
                password,
                lambda recipe, part, bad: hand.trigger(recipe, part, bad=bad),
                lambda number: hand.acknowledge(number),
            )
            mqtt.start()
            mqtt.show(hand.signals)
            self._follow_record("mqtt", lambda row: mqtt.send(row.id, self._json(row)))
        if key is not None:
            self._follow_record("webhook", lambda row: post(url, self._json(row), row.id, key, "The webhook"))

    def _secret(self, output: str, name: str) -> str | None:
        """None where it can't be read: nothing goes out unsigned that should be signed."""
        self._keyring.pop(output, None)
        try:
            return secrets.read(name)
        except LinesightError as error:
            log.error("%s: %s", output, error)
            self._keyring[output] = str(error)
            return None

    def _follow_record(self, name: str, send: Callable[[Inspection], object]) -> None:
        cursor = self._host.data.outputs / name
        courier = Courier(self._host.store.following, send, lambda row: self._told(row, name), cursor)
        courier.start()
        self._couriers[name] = courier

    def _json(self, row: Inspection) -> bytes:
        return result_json(row, self._numbers.get(row.id), self._recipe)

    def _end_remote(self, off: Sequence[str]) -> None:
        """`off`: those that are switched off; they begin with what is new when they are switched on again."""
        self._keyring = {}
        couriers, self._couriers = self._couriers, {}
        mqtt, self._mqtt = self._mqtt, None
        for name, courier in couriers.items():
            courier.stop(forget=name in off)
        if mqtt is not None:
            mqtt.stop()

    def _note(self) -> None:
        """Puts on record what was told to the line."""
        while True:
            try:
                id, name, number, at = self._notes.get_nowait()
            except queue.Empty:
                return
            try:
                row = self._host.store.inspection(id)
                told = json.loads(row.outputs) if row is not None and row.outputs else {}
                told[name] = {"at": at.isoformat()} | ({} if number is None else {"number": number})
                self._host.store.note_outputs(id, json.dumps(told))
            except (LinesightError, ValueError) as error:
                log.warning("what was told to the line of %s is not noted: %s", id, error)


_NOT_TAKEN = {
    Fired.TAKEN: ErrorCode.NONE,
    Fired.BUSY: ErrorCode.STILL_BUSY,
    Fired.BOUNCED: ErrorCode.STILL_BUSY,
    Fired.OFF: ErrorCode.NOT_RUNNING,
}
