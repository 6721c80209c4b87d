"""The register map, through a real Modbus client."""

from __future__ import annotations

import math
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from pymodbus.client import ModbusTcpClient

from app.domain.errors import LinesightError
from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from app.signals.modbus import MIRROR, STATUS, ModbusOutput
from tests.alarms.receivers import free_port
from tests.signals.lines import Bench

READY, BUSY, RESULT, OK, NG, RETEST, ERROR, HEARTBEAT = range(8)


class Plc:
    """A bench whose signals go to a PLC."""

    def __init__(self) -> None:
        self.bench = Bench(debounce=0.0)
        self.port = free_port()
        hand = self.bench.handshake
        self.output = ModbusOutput("127.0.0.1", self.port, hand.trigger, hand.acknowledge, clock=lambda: self.bench.now)
        hand._show = self.output.show
        hand.tick()
        self.output.show(hand.signals)
        self.output.start()

    @contextmanager
    def client(self) -> Iterator[ModbusTcpClient]:
        with closing(ModbusTcpClient("127.0.0.1", port=self.port, timeout=3, retries=0)) as client:
            assert client.connect()
            yield client


@pytest.fixture
def plc() -> Iterator[Plc]:
    plc = Plc()
    yield plc
    plc.output.stop()
    assert "modbus" not in {thread.name for thread in threading.enumerate()}


def bits(client: ModbusTcpClient) -> list[bool]:
    return list(client.read_discrete_inputs(0, count=8).bits[:8])


def status(client: ModbusTcpClient) -> list[int]:
    return list(client.read_input_registers(0, count=STATUS).registers)


def test_a_plc_goes_through_the_handshake_by_coils(plc: Plc) -> None:
    with plc.client() as client:
        assert bits(client) == [True, *[False] * 7]
        client.write_registers(1, [7, *struct.unpack(">3H", b"A-17\0\0")])
        client.write_coil(0, True)
        assert plc.bench.fired == [("line:1", "A-17")]
        assert bits(client)[:4] == [False, True, False, False]
        plc.bench.judged(Verdict.FAIL)
        assert bits(client)[:7] == [False, False, True, False, True, False, False]
        registers = status(client)
        assert registers[1:3] == [0, 7]
        assert registers[4:6] == [0, 1]
        score, threshold = struct.unpack(">2f", struct.pack(">4H", *registers[6:10]))
        assert (score, threshold) == (0.75, 0.5)
        assert registers[10:15] == [1, 10, 20, 30, 40]
        assert struct.pack(">16H", *registers[16:32]).rstrip(b"\0") == b"000001"
        client.write_coil(1, True)
        assert bits(client)[:7] == [True, *[False] * 6]
        client.write_coil(0, True)  # still up: no edge
        assert len(plc.bench.fired) == 1
        client.write_coils(0, [False, False])
        client.write_coil(0, True)
        assert len(plc.bench.fired) == 2


def test_a_plc_that_knows_only_holding_registers_can_do_all_of_it(plc: Plc) -> None:
    with plc.client() as client:
        client.write_registers(0, [1, 0])
        assert plc.bench.signals.busy
        plc.bench.judged()
        held = client.read_holding_registers(MIRROR, count=STATUS).registers
        assert held[0] >> OK & 1 and held[0] >> RESULT & 1 and not held[0] >> ERROR & 1
        assert held == status(client)
        client.write_register(0, 2)
        assert plc.bench.signals.trigger_ready


def test_without_a_score_the_registers_hold_no_number(plc: Plc) -> None:
    with plc.client() as client:
        client.write_register(1, 9)
        client.write_coil(0, True)
        registers = status(client)
        assert registers[0] >> ERROR & 1 and registers[0] >> RESULT & 1 and not registers[0] >> OK & 1
        assert registers[1] == ErrorCode.UNKNOWN_RECIPE == 31
        assert math.isnan(struct.unpack(">f", struct.pack(">2H", *registers[6:8]))[0])


def test_what_the_plc_may_not_write_is_refused(plc: Plc) -> None:
    with plc.client() as client:
        assert client.write_register(MIRROR, 8).isError()  # OK can't be forged
        assert client.write_register(60, 1).isError()
        assert client.read_input_registers(40, count=20).isError()
        assert not client.read_input_registers(0, count=STATUS).isError()


def test_a_plc_that_went_away_finds_the_result_where_it_left_it(plc: Plc) -> None:
    assert not plc.output.connected() and "No PLC" in plc.output.words()
    with plc.client() as client:
        client.write_coil(0, True)
        assert plc.output.connected()
    plc.bench.judged()
    plc.bench.passes(4)
    assert not plc.output.connected() and "gone" in plc.output.words()
    with plc.client() as client:
        assert bits(client)[RESULT] and bits(client)[OK]
        client.write_coil(1, True)
        assert plc.bench.signals.trigger_ready
    assert plc.bench.signals.counts.taken == 1 and len(plc.bench.answers) == 1


def test_a_port_that_is_taken_is_named(plc: Plc) -> None:
    second = ModbusOutput("127.0.0.1", plc.port, lambda recipe, part: None, lambda: None)
    with pytest.raises(LinesightError, match=rf"port {plc.port}.*another port"):
        second.start()
