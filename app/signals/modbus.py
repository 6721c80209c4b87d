"""The handshake over Modbus TCP: the station is the server, the PLC reads and writes it.

What the PLC reads (discrete inputs; the same bits in the first word of the input registers, and of the holding
registers from 100 on):

    0 Trigger Ready, 1 Busy, 2 Result Ready, 3 OK, 4 NG, 5 Retest, 6 Error, 7 Heartbeat (changes once a second)

Input registers 0 to 47 (holding registers 100 to 147 are the same, for PLCs that read nothing else); 32-bit values have
the high word first, texts two ASCII signs a register:

    0 the bits above      1 error code          2 recipe that runs    3 heartbeat, counting
    4-5 result number     6-7 score (float)     8-9 threshold (float) 10 number of regions
    11-14 strongest region: x, y, width, height 15 milliseconds from trigger to result (65535: more, or no trigger)
    16-31 part id         32-33 triggers taken  34-35 busy            36-37 missed
    38-39 debounced       40-41 late            42-43 unread          44 version of this map   45-47 0

What the PLC writes: coil 0 Trigger, coil 1 Result Ack, on their rising edge; or the same as bits 0 and 1 of holding
register 0. Holding register 1: the recipe it expects (0: whichever runs). Holding registers 2 to 17: id of the next
part, 32 ASCII signs at most, 0 for none. Recipe and part id are written before the trigger, or in one request with it.

A request is answered from one moment: what is read in one request belongs together.
"""

from __future__ import annotations

import asyncio
import math
import struct
import time
from collections.abc import Callable
from typing import Any

from app.signals.handshake import Signals
from app.signals.listening import Listening

MAP_VERSION = 1
STATUS, MIRROR, COMMANDS, TEXT = 48, 100, 18, 16
"""Registers of the status, where its copy among the holding registers begins, registers of commands and of a text."""
QUIET = 3.0
"""Seconds without a request after which the PLC counts as gone."""
_TRIGGER, _ACK = 1, 2
_WAIT = 5.0


def status_registers(signals: Signals) -> list[int]:
    """The 48 registers of the status."""
    answer = signals.answer
    row = answer.inspection if answer is not None else None
    best = row.regions[0] if row is not None and row.regions else None
    took = answer.milliseconds if answer is not None else None
    counts = signals.counts
    registers = [
        sum(bit << place for place, bit in enumerate(status_bits(signals))),
        int(signals.code),
        signals.recipe & 0xFFFF,
        signals.heartbeat,
        *_long(answer.number if answer is not None else 0),
        *_float(row.score if row is not None else None),
        *_float(row.threshold if row is not None else None),
        min(len(row.regions), 0xFFFF) if row is not None else 0,
        *(min(each, 0xFFFF) for each in ((best.x, best.y, best.width, best.height) if best is not None else (0,) * 4)),
        0xFFFF if took is None else min(round(took), 0xFFFF),
        *_text(answer.part_id if answer is not None else ""),
    ]
    for count in (counts.taken, counts.busy, counts.missed, counts.debounced, counts.late, counts.unread):
        registers += _long(count)
    return [*registers, MAP_VERSION, 0, 0, 0]


def status_bits(signals: Signals) -> list[bool]:
    """The 8 discrete inputs."""
    return [
        signals.trigger_ready,
        signals.busy,
        signals.result_ready,
        signals.ok,
        signals.ng,
        signals.retest,
        signals.error,
        bool(signals.heartbeat & 1),
    ]


class ModbusOutput(Listening):
    """A server on a thread of its own; `show` returns at once and waits for nobody.

    Args:
        host, port: to listen on; host "" for every network of this computer.
        trigger: told of a rising edge with the recipe and the part's id that stand in the registers.
        acknowledge: told of a rising edge of Result Ack.
    """

    def __init__(
        self,
        host: str,
        port: int,
        trigger: Callable[[int, str], object],
        acknowledge: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("Modbus", "modbus", host, port, start=_WAIT, stop=_WAIT)
        self._clock = clock
        self._trigger, self._acknowledge = trigger, acknowledge
        self._signals = Signals()
        self._coils, self._word = 0, 0  # as last written: edges are looked for in each by itself
        self._commands = [0] * COMMANDS  # holding registers, as the PLC wrote them
        self._asked: float | None = None  # the PLC's newest request

    # -- the station's side
    def show(self, signals: Signals) -> None:
        """From now on requests are answered with this."""
        self._signals = signals

    def connected(self) -> bool:
        """Whether a PLC has asked within the last seconds."""
        return self._asked is not None and self._clock() - self._asked < QUIET

    def words(self) -> str:
        """How it goes."""
        if self._asked is None:
            return f"Listening on port {self._port}. No PLC has asked yet."
        ago = self._clock() - self._asked
        return "The PLC asks." if ago < QUIET else f"The PLC is gone: no request for {ago:.0f} s."

    # -- the server's thread
    async def _run(self, end: asyncio.Event) -> None:
        from pymodbus.server import ModbusTcpServer  # only where it is used
        from pymodbus.simulator import DataType, SimData, SimDevice

        registers, bits = DataType.REGISTERS, DataType.BITS
        device = SimDevice(
            0,  # whatever unit the PLC names
            (
                [SimData(0, values=[False] * 16, datatype=bits)],
                [SimData(0, values=[False] * 16, datatype=bits, readonly=True)],
                [
                    SimData(0, values=[0] * COMMANDS, datatype=registers),
                    SimData(MIRROR, values=[0] * STATUS, datatype=registers, readonly=True),
                ],
                [SimData(0, values=[0] * STATUS, datatype=registers, readonly=True)],
            ),
            action=self._asked_for,
        )
        server = ModbusTcpServer(device, address=(self._host, self._port))
        if not await server.listen():
            self._failed = "the port is taken, or not allowed"
            return
        self._up.set()
        ending = asyncio.ensure_future(end.wait())
        await asyncio.wait({ending, server.serving}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        await server.shutdown()  # type: ignore[no-untyped-call]

    async def _asked_for(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: list[Any] | None
    ) -> None:
        """pymodbus calls it before it answers a request; `registers` is the whole block and may be changed."""
        self._asked = self._clock()
        if values is None:
            self._fill(function, registers)
        elif function in (5, 15):
            before = self._coils
            for place, value in enumerate(values, address):
                self._coils = self._coils | 1 << place if value else self._coils & ~(1 << place)
            self._edges(self._coils & ~before)
        else:
            self._commands[address : address + len(values)] = values
            before, self._word = self._word, self._commands[0]
            self._edges(self._word & ~before)

    def _fill(self, function: int, registers: list[int]) -> None:
        status = status_registers(self._signals)
        if function == 2:
            registers[0] = status[0]
        elif function == 4:
            registers[:STATUS] = status
        elif function in (3, 23):
            registers[MIRROR : MIRROR + STATUS] = status

    def _edges(self, rising: int) -> None:
        if rising & _ACK:  # first: one request may acknowledge and trigger
            self._acknowledge()
        if rising & _TRIGGER:
            text = struct.pack(f">{TEXT}H", *self._commands[2:COMMANDS])
            part = text.partition(b"\0")[0].decode("ascii", "replace").strip()
            self._trigger(self._commands[1], part if part.isprintable() else "")


def _long(value: int) -> tuple[int, int]:
    return value >> 16 & 0xFFFF, value & 0xFFFF


def _float(value: float | None) -> tuple[int, int]:
    """IEEE 754 single precision; NaN where there is none."""
    high, low = struct.unpack(">HH", struct.pack(">f", math.nan if value is None else value))
    return high, low


def _text(text: str) -> tuple[int, ...]:
    return struct.unpack(f">{TEXT}H", text.encode("ascii", "replace")[: 2 * TEXT].ljust(2 * TEXT, b"\0"))
