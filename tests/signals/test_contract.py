"""What every transport of the handshake has to do alike: Modbus TCP, OPC UA and HTTP, each through a real client."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import requests
from pymodbus.client import ModbusTcpClient

from app.domain.errors import LinesightError
from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from app.signals.http import HttpOutput
from app.signals.modbus import ModbusOutput
from app.signals.opcua import OpcUaOutput
from tests.alarms.receivers import free_port
from tests.inspection.fakes import wait_for
from tests.signals.lines import Bench
from tests.signals.opcua_client import UaClient

NAMES = ("TriggerReady", "Busy", "ResultReady", "OK", "NG", "Retest", "Error")


class Plc(Protocol):
    def bits(self) -> set[str]: ...
    def code(self) -> int: ...
    def raise_(self, name: str) -> None: ...
    def lower(self, name: str) -> None: ...
    def asks(self, recipe: int, part: str) -> None: ...
    def storm(self, edges: int) -> None: ...
    def pull(self) -> None: ...
    def close(self) -> None: ...


class ModbusPlc:
    name = "modbus"

    def __init__(self, port: int) -> None:
        self.client = ModbusTcpClient("127.0.0.1", port=port, timeout=3, retries=0)
        wait_for(self.client.connect, what="the server")

    def bits(self) -> set[str]:
        found = self.client.read_discrete_inputs(0, count=8).bits[:7]
        return {name for name, on in zip(NAMES, found, strict=True) if on}

    def code(self) -> int:
        return int(self.client.read_input_registers(1).registers[0])

    def raise_(self, name: str) -> None:
        self.client.write_coil(("Trigger", "ResultAck").index(name), True)

    def lower(self, name: str) -> None:
        self.client.write_coil(("Trigger", "ResultAck").index(name), False)

    def asks(self, recipe: int, part: str) -> None:
        text = part.encode().ljust(32, b"\0")
        self.client.write_registers(1, [recipe, *struct.unpack(">16H", text)])

    def storm(self, edges: int) -> None:
        for _ in range(edges):
            self.raise_("Trigger")
            self.lower("Trigger")

    def pull(self) -> None:
        self.client.close()

    close = pull

    @staticmethod
    def server(port: int, bench: Callable[[], Bench]) -> ModbusOutput:
        return ModbusOutput(
            "127.0.0.1",
            port,
            lambda recipe, part: bench().handshake.trigger(recipe, part),
            lambda: bench().handshake.acknowledge(),
        )


class UaPlc:
    name = "opcua"

    def __init__(self, port: int) -> None:
        self.client = UaClient(port)

    def bits(self) -> set[str]:
        return {name for name, on in zip(NAMES, self.client.read(*NAMES), strict=True) if on}

    def code(self) -> int:
        return int(self.client.read("ErrorCode")[0])

    def raise_(self, name: str) -> None:
        self.client.write((name, True))

    def lower(self, name: str) -> None:
        self.client.write((name, False))

    def asks(self, recipe: int, part: str) -> None:
        self.client.write(("RecipeId", recipe), ("PartId", part))

    def storm(self, edges: int) -> None:
        for _ in range(edges // 50):
            self.client.write(*[("Trigger", True), ("Trigger", False)] * 50)

    def pull(self) -> None:
        self.client.pulled()

    def close(self) -> None:
        self.client.close()

    @staticmethod
    def server(port: int, bench: Callable[[], Bench]) -> OpcUaOutput:
        return OpcUaOutput(
            "127.0.0.1",
            port,
            lambda recipe, part, bad: bench().handshake.trigger(recipe, part, bad=bad),
            lambda: bench().handshake.acknowledge(),
        )


class HttpPlc:
    """A request is an edge: this client asks when its own signal rises, as a program of the line does."""

    name = "http"

    def __init__(self, port: int) -> None:
        self.session = requests.Session()
        self.at = f"http://127.0.0.1:{port}"
        self.up = set[str]()
        self.asked: dict[str, int | str] = {}
        wait_for(self._there, what="the server")

    def _there(self) -> bool:
        try:
            return self.session.get(f"{self.at}/signals", timeout=3).ok
        except requests.ConnectionError:
            return False

    def signals(self) -> dict[str, Any]:
        found: dict[str, Any] = self.session.get(f"{self.at}/signals", timeout=3).json()
        return found

    def bits(self) -> set[str]:
        found, keys = self.signals(), ("trigger_ready", "busy", "result_ready", "ok", "ng", "retest", "error")
        return {name for name, key in zip(NAMES, keys, strict=True) if found[key]}

    def code(self) -> int:
        return int(self.signals()["error_code"])

    def raise_(self, name: str) -> None:
        if name not in self.up:
            self.up.add(name)
            path, body = ("trigger", self.asked) if name == "Trigger" else ("ack", {})
            assert self.session.post(f"{self.at}/{path}", json=body, timeout=3).status_code in (200, 202, 409)

    def lower(self, name: str) -> None:
        self.up.discard(name)

    def asks(self, recipe: int, part: str) -> None:
        self.asked = {"recipe_id": recipe, "part_id": part}

    def storm(self, edges: int) -> None:
        for _ in range(edges):
            self.raise_("Trigger")
            self.lower("Trigger")

    def pull(self) -> None:
        self.session.close()

    close = pull

    @staticmethod
    def server(port: int, bench: Callable[[], Bench]) -> HttpOutput:
        return HttpOutput(
            "127.0.0.1",
            port,
            lambda recipe, part: bench().handshake.trigger(recipe, part),
            lambda number: bench().handshake.acknowledge(number),
        )


Kind = type[ModbusPlc] | type[UaPlc] | type[HttpPlc]


class Server:
    """One for all tests of a transport, since OPC UA's takes seconds to start; each test has a bench of its own."""

    def __init__(self, kind: Kind) -> None:
        self.kind, self.port = kind, free_port()
        self.bench = Bench(debounce=0.0)
        self.begin()

    def begin(self) -> None:
        self.output = self.kind.server(self.port, lambda: self.bench)
        self.output.show(self.bench.signals)
        self.output.start()

    def use(self, bench: Bench) -> None:
        self.bench = bench
        bench.handshake._show = self.output.show
        self.output.show(bench.signals)


class Line:
    """A bench at a server, and as many PLCs as a test connects."""

    def __init__(self, server: Server) -> None:
        self.server, self.plcs = server, list[Plc]()
        self.bench = Bench(debounce=0.0)
        server.use(self.bench)

    @property
    def output(self) -> ModbusOutput | OpcUaOutput | HttpOutput:
        return self.server.output

    def begin(self) -> None:
        self.server.begin()
        self.server.use(self.bench)

    def connect(self) -> Plc:
        plc = self.server.kind(self.server.port)
        self.plcs.append(plc)
        return plc

    def judged(self, verdict: Verdict = Verdict.PASS) -> None:
        self.bench.judged(verdict)


@pytest.fixture(scope="module", params=[ModbusPlc, UaPlc, HttpPlc], ids=lambda kind: kind.name)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param)
    yield server
    begun = time.monotonic()
    server.output.stop()
    assert time.monotonic() - begun < 2
    assert not {"modbus", "opcua", "http"} & {thread.name for thread in threading.enumerate()}


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    line = Line(server)
    yield line
    rest = line.connect()
    rest.lower("Trigger")
    rest.lower("ResultAck")
    rest.asks(0, "")
    for plc in line.plcs:
        plc.close()


def sees(plc: Plc, *names: str) -> None:
    wait_for(lambda: plc.bits() == set(names), what=f"{names}")


@pytest.mark.parametrize(("verdict", "bit"), [(Verdict.PASS, "OK"), (Verdict.FAIL, "NG"), (Verdict.RETEST, "Retest")])
def test_the_whole_handshake(line: Line, verdict: Verdict, bit: str) -> None:
    plc = line.connect()
    assert plc.bits() == {"TriggerReady"}
    plc.asks(7, "A-17")
    plc.raise_("Trigger")
    assert plc.bits() == {"Busy"}, "whoever looks after the write was answered sees Busy"
    assert line.bench.fired == [("line:1", "A-17")]
    line.judged(verdict)
    sees(plc, "ResultReady", bit)
    plc.raise_("ResultAck")
    assert plc.bits() == {"TriggerReady"}
    plc.raise_("Trigger")  # still up: no edge
    assert plc.bits() == {"TriggerReady"} and len(line.bench.fired) == 1
    plc.lower("Trigger")
    plc.raise_("Trigger")
    assert plc.bits() == {"Busy"}


def test_no_answer_in_time_and_a_late_pass_is_never_ok(line: Line) -> None:
    plc = line.connect()
    plc.raise_("Trigger")
    line.bench.passes(5.1)
    sees(plc, "ResultReady", "Error")
    assert plc.code() == ErrorCode.TIMEOUT
    line.judged()
    line.bench.passes(0.1)
    assert plc.bits() == {"ResultReady", "Error"} and line.bench.signals.counts.late == 1


@pytest.mark.parametrize(("recipe", "code"), [(8, ErrorCode.WRONG_RECIPE), (9, ErrorCode.UNKNOWN_RECIPE)])
def test_a_wrong_recipe_takes_no_part(line: Line, recipe: int, code: ErrorCode) -> None:
    plc = line.connect()
    plc.asks(recipe, "")
    plc.raise_("Trigger")
    assert plc.bits() == {"ResultReady", "Error"} and plc.code() == code and line.bench.fired == []
    plc.raise_("ResultAck")
    assert plc.bits() == {"TriggerReady"} and plc.code() == 0


def test_a_storm_of_a_thousand_writes_records_one_part(line: Line) -> None:
    plc = line.connect()
    plc.storm(500)  # 1,000 writes
    assert plc.bits() == {"Busy"}
    counts = line.bench.signals.counts
    assert (counts.taken, counts.busy) == (1, 499) and len(line.bench.fired) == 1
    line.judged()
    sees(plc, "ResultReady", "OK")
    assert len(line.bench.answers) == 1


def test_a_plc_that_is_pulled_finds_its_result_once(line: Line) -> None:
    plc = line.connect()
    plc.raise_("Trigger")
    plc.pull()
    line.judged(Verdict.FAIL)
    again = line.connect()
    sees(again, "ResultReady", "NG")
    again.raise_("ResultAck")
    assert again.bits() == {"TriggerReady"}
    assert line.bench.signals.counts.taken == 1 and len(line.bench.answers) == 1


def test_a_server_that_is_started_again_shows_what_stands(line: Line) -> None:
    plc = line.connect()
    plc.raise_("Trigger")
    line.output.stop()
    line.judged(Verdict.FAIL)
    line.begin()
    assert not line.output.connected() and f"port {line.server.port}" in line.output.words()
    again = line.connect()
    sees(again, "ResultReady", "NG")
    wait_for(line.output.connected, what="that the client counts as there")
    assert line.bench.signals.counts.taken == 1 and len(line.bench.answers) == 1


def test_a_port_that_is_taken_is_named_and_no_thread_stays(line: Line) -> None:
    before = threading.active_count()
    second = line.server.kind.server(line.server.port, lambda: line.bench)
    with pytest.raises(LinesightError, match=rf"port {line.server.port}.*another port"):
        second.start()
    wait_for(lambda: threading.active_count() <= before, what="that the thread ends")
