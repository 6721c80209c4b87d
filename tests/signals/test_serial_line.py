"""Serial ports through a pair of pseudo-terminals: the test is the device."""

from __future__ import annotations

import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from app.domain.errors import LinesightError
from app.domain.light import LIGHT_TABLE, LightState, read_light_table
from app.domain.verdict import Verdict
from app.signals import serial_line
from app.signals.codes import ErrorCode
from app.signals.handshake import Answer, Signals
from app.signals.serial_line import SerialOutput, SerialScanner, SerialTrigger, StackLight, light_state, split_address
from tests.inspection.fakes import wait_for
from tests.signals.lines import Bench

TABLE = read_light_table(LIGHT_TABLE)


class Device:
    """What is at the other end of a port that has one name through all pluggings."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self.master = self.slave = -1

    def plug(self) -> None:
        self.master, self.slave = os.openpty()  # kept open: without it the master can't be read before the port opens
        tty.setraw(self.slave)
        self.name.symlink_to(os.ttyname(self.slave))

    def unplug(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            os.close(self.slave)
            self.name.unlink()
            self.master = -1

    def says(self, data: bytes) -> None:
        os.write(self.master, data)

    def hears(self, until: bytes, timeout: float = 5.0) -> bytes:
        """All that comes until it ends so."""
        found = b""
        while not found.endswith(until):
            assert select([self.master], [], [], timeout)[0], f"only {found!r} came, not {until!r}"
            found += os.read(self.master, 1000)
        return found


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path / "ttyUSB0")
    device.plug()
    yield device
    device.unplug()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(serial_line, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(serial_line, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(serial_line, "SHOWN", 0.05)
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("serial ")]


@pytest.fixture
def started() -> Iterator[list[SerialOutput]]:
    outputs: list[SerialOutput] = []
    yield outputs
    for each in outputs:
        each.stop()


def opened(output: SerialOutput, started: list[SerialOutput]) -> None:
    started.append(output)
    output.start()
    wait_for(output.connected, what="that the port is open")


def trigger_of(bench: Bench, device: Device) -> SerialTrigger:
    return SerialTrigger(str(device.name), "text", lambda number: bench.handshake.trigger(after=number))


def test_a_line_of_text_triggers_and_acknowledges_its_own_part_before(
    device: Device, started: list[SerialOutput]
) -> None:
    bench = Bench(debounce=0.0)
    opened(trigger_of(bench, device), started)
    device.says(b"T")
    device.says(b"\r\n")
    wait_for(lambda: bench.fired == [("line:1", "")])
    device.says(b"T\r\n")
    wait_for(lambda: bench.signals.counts.busy == 1)  # the part before has no verdict yet
    bench.judged()
    assert bench.signals.ok
    device.says(b"T\r\n")
    wait_for(lambda: len(bench.fired) == 2)
    assert bench.signals.busy and not bench.signals.ok
    assert bench.signals.counts.taken == 2 and "3 triggers" in started[0].words()


def test_a_trigger_leaves_the_result_of_a_plc_alone(device: Device, started: list[SerialOutput]) -> None:
    bench = Bench(debounce=0.0)
    bench.handshake.trigger()
    bench.judged(Verdict.FAIL)
    opened(trigger_of(bench, device), started)
    device.says(b"T\n")
    wait_for(lambda: bench.signals.counts.busy == 1)
    assert bench.signals.ng


def test_a_port_that_is_unplugged_is_said_and_taken_again(device: Device, started: list[SerialOutput]) -> None:
    bench = Bench(debounce=0.0)
    opened(trigger_of(bench, device), started)
    device.unplug()
    wait_for(lambda: not started[0].connected(), what="that it is missed")
    wait_for(lambda: "There is no port" in started[0].words())
    device.plug()
    wait_for(started[0].connected, what="that it is back")
    device.says(b"T\n")
    wait_for(lambda: len(bench.fired) == 1)
    assert started[0].alive


def test_noise_and_half_lines_trigger_nothing(device: Device, started: list[SerialOutput]) -> None:
    bench = Bench(debounce=0.0)
    opened(trigger_of(bench, device), started)
    device.says(b"\r\n\r\n \n\xff\x01\xfe\n" + b"x" * 5000 + b"\n")
    wait_for(lambda: "baud rate" in started[0].words())
    device.says(b"T\n")
    wait_for(lambda: len(bench.fired) == 1)
    assert bench.signals.counts.taken == 1 and bench.signals.counts.busy == 0


class Inputs:
    """A port with modem inputs, which a pseudo-terminal has not."""

    def __init__(self) -> None:
        self.cts = self.dsr = self.cd = False
        self.looks = 0
        self.lost = False

    def __getattribute__(self, name: str) -> object:
        found = object.__getattribute__(self, name)
        if name in ("cts", "dsr", "cd"):
            if object.__getattribute__(self, "lost"):
                raise OSError(5, "Input/output error")
            self.looks += 1
        return found

    def looked(self) -> None:
        seen = self.looks
        wait_for(lambda: self.looks > seen + 1)

    def reset_input_buffer(self) -> None: ...
    def close(self) -> None: ...


@pytest.mark.parametrize(("by", "name"), [("cts", "cts"), ("dsr", "dsr"), ("dcd", "cd")])
def test_a_modem_input_that_goes_on_triggers_once(by: str, name: str, started: list[SerialOutput]) -> None:
    bench, inputs = Bench(debounce=0.0), Inputs()
    setattr(inputs, name, True)  # it is on already
    fire = bench.handshake.trigger
    trigger = SerialTrigger("COM3", by, lambda number: fire(after=number), opens=lambda port, baud: inputs)  # type: ignore[arg-type, return-value]
    opened(trigger, started)
    inputs.looked()
    assert bench.fired == []
    setattr(inputs, name, False)
    inputs.looked()
    setattr(inputs, name, True)
    wait_for(lambda: len(bench.fired) == 1)
    inputs.looked()
    assert bench.signals.counts.busy == 0, "it stays on: that is one part"
    inputs.lost = True
    wait_for(lambda: "unplugged" in trigger.words())
    inputs.lost = False
    wait_for(trigger.connected)
    inputs.looked()
    assert bench.signals.counts.busy == 0, "nor is it one to be plugged in again"


def test_a_scanner_gives_its_codes_and_says_what_became_of_them(device: Device, started: list[SerialOutput]) -> None:
    codes: list[str] = []

    def take(code: str) -> str:
        if code == "bad":
            raise LinesightError("This code is no serial.")
        codes.append(code)
        return f"The next part is {code}."

    opened(SerialScanner(f"{device.name}:115200", take), started)
    device.says(b"A-17\r")
    wait_for(lambda: codes == ["A-17"])
    wait_for(lambda: "next part is A-17" in started[0].words())
    device.says("Ä 18\r\nbad\r".encode())
    wait_for(lambda: "no serial" in started[0].words())
    assert codes == ["A-17", "Ä 18"]


def test_the_light_shows_what_stands_and_again_when_it_is_back(
    device: Device, started: list[SerialOutput], monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms: list[str] = []
    bench = Bench(debounce=0.0)
    light = StackLight(str(device.name), TABLE, lambda: bool(alarms))
    bench.handshake._show = light.show
    light.show(bench.signals)
    opened(light, started)
    assert device.hears(b"O\r\n") == b"O\r\n"
    bench.handshake.trigger()
    bench.judged()
    assert device.hears(b"G\r\n") == b"G\r\n"
    bench.handshake.acknowledge()
    assert device.hears(b"O\r\n") == b"O\r\n"
    alarms.append("FAIL")
    assert device.hears(b"YB\r\n") == b"YB\r\n"
    bench.handshake.trigger()
    bench.judged(Verdict.FAIL)
    assert device.hears(b"R\r\n") == b"R\r\n"
    device.unplug()
    wait_for(lambda: not light.connected())
    device.plug()
    assert device.hears(b"R\r\n") == b"R\r\n", "the state that stands"
    monkeypatch.setattr(serial_line, "AGAIN", 0.0)
    assert device.hears(b"R\r\nR\r\n"), "told again, since it may have been without power"
    light.stop()
    assert device.hears(b"O\r\n"), "a light that nobody looks after shows no verdict"


def test_the_light_is_tried(device: Device, started: list[SerialOutput]) -> None:
    light = StackLight(str(device.name), TABLE, lambda: False)
    with pytest.raises(LinesightError, match="Starting"):
        light.try_all()
    opened(light, started)
    device.hears(b"O\r\n")
    assert str(device.name) in light.try_all()
    assert device.hears(b"Y\r\n") == b"G\r\nR\r\nY\r\n"


def test_a_port_that_is_not_there_or_taken_is_named(
    tmp_path: Path, device: Device, started: list[SerialOutput]
) -> None:
    missing = SerialScanner(str(tmp_path / "ttyUSB9"), lambda code: code)
    started.append(missing)
    missing.start()
    wait_for(lambda: "There is no port" in missing.words() and "ttyUSB9" in missing.words())
    opened(SerialScanner(str(device.name), lambda code: code), started)
    second = SerialScanner(str(device.name), lambda code: code)
    started.append(second)
    second.start()
    wait_for(lambda: "in use" in second.words())
    assert started[1].connected()


def test_no_answer_never_shows_pass() -> None:
    error = Answer(1, Verdict.ERROR, ErrorCode.TIMEOUT)
    assert light_state(Signals(result_ready=True, answer=error), False) is LightState.ERROR
    passed = Answer(1, Verdict.PASS)
    assert light_state(Signals(answer=passed), False) is LightState.IDLE, "acknowledged: it stands no more"
    assert light_state(Signals(station=ErrorCode.NO_CAMERA), True) is LightState.ERROR
    assert light_state(Signals(result_ready=True, answer=passed), True) is LightState.PASS


def test_addresses_and_tables_are_read() -> None:
    assert split_address("COM3") == ("COM3", 9600)
    assert split_address("/dev/ttyUSB0:115200") == ("/dev/ttyUSB0", 115200)
    by_path = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"
    assert split_address(by_path) == (by_path, 9600)
    lines = [r"pass \x01\x02", r"FAIL \\R\0", "RETEST Y Y", r"ERROR E\t", "ALARM A", "IDLE I"]
    found = read_light_table(lines)
    assert found[LightState.PASS] == b"\x01\x02" and found[LightState.FAIL] == b"\\R\0"
    assert found[LightState.RETEST] == b"Y Y" and found[LightState.ERROR] == b"E\t"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("GREEN G", "begins with no state"),
        ("PASS", "nothing to send"),
        ("FAIL X", "given twice"),
        (r"PASS \q", r"none of"),
        (r"PASS \x1", r"none of"),
        ("PASS ü", "not ASCII"),
        (None, "for PASS"),
    ],
)
def test_a_wrong_table_is_named(line: str | None, words: str) -> None:
    rest = [f"{state} X" for state in LightState if state is not LightState.PASS]
    with pytest.raises(ValueError, match=words):
        read_light_table([*rest, line] if line is not None else rest)
