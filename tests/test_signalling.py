"""A station with a PLC at its line: camera, record and a real Modbus client."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from app.domain.errors import SourceError
from app.inspection import capture
from app.signals.codes import ErrorCode
from app.station import Station
from app.status import Phase
from tests.alarms.receivers import free_port
from tests.inspection.fakes import FAIL, PASS, FakeSource, picture, wait_for
from tests.inspection.stations import CAMERA, Stations, camera, inspecting, reaches, rows

PLCS: list[Plc] = []
READY, BUSY, RESULT, OK, NG, RETEST, ERROR = range(7)


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    for plc in PLCS:
        plc.client.close()
    PLCS.clear()
    stations.close()


class Plc:
    """A PLC that waits as one does: it polls."""

    def __init__(self, port: int) -> None:
        self.client = ModbusTcpClient("127.0.0.1", port=port, timeout=3, retries=0)
        PLCS.append(self)
        wait_for(self.client.connect, what="the Modbus server")

    def bit(self, place: int) -> bool:
        return bool(self.client.read_discrete_inputs(0, count=8).bits[place])

    def code(self) -> int:
        return int(self.client.read_input_registers(1).registers[0])

    def waits_for(self, place: int) -> None:
        wait_for(lambda: self.bit(place), what=f"bit {place}")

    def pulse(self, coil: int) -> None:
        self.client.write_coil(coil, True)
        self.client.write_coil(coil, False)


def at_the_line(stations: Stations, source: FakeSource, **settings: object) -> tuple[Station, Plc]:
    port = free_port()
    stations.sources[CAMERA] = lambda: source
    station = inspecting(stations, source)
    station.save_settings(line_trigger=True, modbus_listen=f"127.0.0.1:{port}", line_debounce=0, **settings)
    station.signalling.begin()
    return station, Plc(port)


def test_a_plc_takes_part_after_part(stations: Stations) -> None:
    source = camera()
    station, plc = at_the_line(stations, source, line_recipes=["7 Demo plate"])
    plc.waits_for(READY)
    for number, (score, bit) in enumerate([(PASS, OK), (FAIL, NG), (PASS, OK)], 1):
        plc.client.write_registers(1, [7, *struct.unpack(">3H", f"A-{number:03}\0".encode())])
        plc.pulse(0)
        plc.waits_for(BUSY)
        assert not plc.bit(OK)
        source.push(picture(score, noise=number))
        plc.waits_for(RESULT)
        assert plc.bit(bit) and not plc.bit(ERROR)
        plc.pulse(1)
        plc.waits_for(READY)
    wait_for(lambda: all(row["outputs"] for row in rows(stations.folder / "station")))
    kept = rows(stations.folder / "station")
    assert [(row["verdict"], row["serial"]) for row in kept] == [
        ("PASS", "A-001"),
        ("FAIL", "A-002"),
        ("PASS", "A-003"),
    ]
    assert [json.loads(row["outputs"])["modbus"]["number"] for row in kept] == [1, 2, 3]
    assert station.signalling.counts.taken == 3


def test_frames_without_a_trigger_are_shown_and_no_parts(stations: Stations) -> None:
    source = camera()
    station, plc = at_the_line(stations, source)
    plc.waits_for(READY)
    source.push(picture(PASS))
    wait_for(lambda: station.latest() is not None)
    assert plc.bit(READY) and not plc.bit(RESULT) and rows(stations.folder / "station") == []


def test_a_camera_that_is_pulled_gives_an_error_and_the_line_goes_on_after_it(stations: Stations) -> None:
    source = camera()
    station, plc = at_the_line(stations, source, line_timeout=0.3)
    plc.waits_for(READY)
    plc.pulse(0)
    plc.waits_for(RESULT)
    assert plc.bit(ERROR) and not plc.bit(OK) and plc.code() == ErrorCode.TIMEOUT
    plc.pulse(1)
    plc.waits_for(READY)
    source.opening = [SourceError("The cable is out.")] * 1000
    source.push(SourceError("The cable is out."))
    plc.waits_for(ERROR)
    assert plc.code() == ErrorCode.NO_CAMERA and not plc.bit(READY)
    source.opening = []
    source.push(picture(PASS))  # it counts as back with its first picture
    plc.waits_for(READY)
    assert rows(stations.folder / "station") == [] and station.signalling.counts.missed == 1


def test_a_detector_that_fails_is_an_error(stations: Stations) -> None:
    source = camera()

    def fails(image: object) -> None:
        raise RuntimeError("no memory")

    stations.detector.fails = fails
    _station, plc = at_the_line(stations, source)
    plc.waits_for(READY)
    plc.pulse(0)
    source.push(picture(PASS))
    plc.waits_for(RESULT)
    assert plc.bit(ERROR) and not plc.bit(OK) and plc.code() == ErrorCode.NO_ANSWER


def test_a_wrong_recipe_takes_no_part(stations: Stations) -> None:
    station, plc = at_the_line(stations, camera(), line_recipes=["7 Demo plate", "8 Bracket"])
    plc.waits_for(READY)
    for recipe, code in ((8, ErrorCode.WRONG_RECIPE), (9, ErrorCode.UNKNOWN_RECIPE)):
        plc.client.write_register(1, recipe)
        plc.pulse(0)
        plc.waits_for(RESULT)
        assert plc.code() == code and not plc.bit(OK)
        plc.pulse(1)
        plc.waits_for(READY)
    assert station.line.trigger.counts.taken == 0


def test_a_trigger_storm_records_each_part_once(stations: Stations) -> None:
    source = camera()
    station, plc = at_the_line(stations, source)
    plc.waits_for(READY)
    begun = time.monotonic()
    for _ in range(1000):
        station.signalling.handshake.trigger()
    assert time.monotonic() - begun < 1  # a storm of a thousand a second is kept up with
    source.push(picture(PASS))
    plc.waits_for(RESULT)
    counts = station.signalling.counts
    assert counts.taken == 1 and counts.busy == 999
    wait_for(lambda: len(rows(stations.folder / "station")) == 1)


def test_a_plc_that_went_away_finds_the_result_when_it_is_back(stations: Stations) -> None:
    source = camera()
    station, plc = at_the_line(stations, source)
    plc.waits_for(READY)
    plc.pulse(0)
    plc.client.close()
    source.push(picture(FAIL))
    wait_for(lambda: station.signalling.signals.result_ready)
    assert plc.client.connect()
    assert plc.bit(NG)
    plc.pulse(1)
    plc.waits_for(READY)
    assert len(rows(stations.folder / "station")) == 1


def test_fails_in_a_row_hold_the_line_until_somebody_acknowledges(stations: Stations) -> None:
    source = camera()
    station, plc = at_the_line(stations, source, fails_in_a_row=2, fails_hold=True)

    def part(score: float, noise: int) -> None:
        plc.waits_for(READY)
        plc.pulse(0)
        source.push(picture(score, noise=noise))
        plc.waits_for(RESULT)
        assert plc.bit(NG if score == FAIL else OK)
        plc.pulse(1)

    part(FAIL, 1)
    plc.waits_for(READY)
    part(FAIL, 2)
    wait_for(lambda: plc.code() == ErrorCode.FAILS_IN_A_ROW)
    assert not plc.bit(READY)
    (alarm,) = [each for each in station.active_alarms() if each.kind == "in_a_row"]
    assert alarm.title == "2 FAILs in a row"
    plc.pulse(0)
    plc.waits_for(RESULT)
    assert plc.bit(ERROR) and plc.code() == ErrorCode.FAILS_IN_A_ROW
    plc.pulse(1)
    station.acknowledge(alarm.id)
    part(PASS, 3)
    plc.waits_for(READY)
    kept = [row["verdict"] for row in rows(stations.folder / "station")]
    assert kept == ["FAIL", "FAIL", "PASS"], "the refused trigger took no part"
    station.save_settings(fails_in_a_row=0)
    part(FAIL, 4)
    part(FAIL, 5)
    plc.waits_for(READY)
    assert [each for each in station.active_alarms() if each.kind == "in_a_row"] == [], "3 are the station's own number"


def test_a_line_that_is_stopped_says_so(stations: Stations) -> None:
    station, plc = at_the_line(stations, camera())
    plc.waits_for(READY)
    station.stop()
    reaches(station, Phase.STOPPED)
    plc.waits_for(ERROR)
    assert plc.code() == ErrorCode.NOT_RUNNING and not plc.bit(READY)


def test_without_triggers_every_part_is_told(stations: Stations) -> None:
    source = camera()
    station, plc = at_the_line(stations, source)
    station.save_settings(line_trigger=False)
    wait_for(lambda: not station.line.trigger.armed)
    source.push(picture(FAIL))
    plc.waits_for(NG)
    assert not plc.bit(READY) and not plc.bit(ERROR)


def test_a_port_that_is_taken_is_said_and_freed_ports_are_taken(stations: Stations) -> None:
    station, plc = at_the_line(stations, camera())
    wait_for(lambda: plc.bit(READY) and station.signalling.outputs()[0].connected)
    plc.client.close()
    other = stations.open("other")
    other.save_settings(modbus_listen=station.settings.modbus_listen)
    other.signalling.begin()
    wait_for(lambda: "another port" in other.signalling.outputs()[0].words)
    other.save_settings(modbus_listen="")
    wait_for(lambda: other.signalling.outputs() == [])


def test_a_plc_that_goes_is_missed_and_one_that_never_came_is_not(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.signals.modbus.QUIET", 0.5)
    source, port = camera(), free_port()
    stations.sources[CAMERA] = lambda: source
    station = inspecting(stations, source)
    station.save_settings(modbus_listen=f"127.0.0.1:{port}")
    station.signalling.begin()
    wait_for(lambda: [each.connected for each in station.signalling.outputs()] == [False], what="the server")
    assert station.signalling.lost() == {}
    plc = Plc(port)
    wait_for(lambda: plc.code() >= 0 and station.signalling.outputs()[0].connected, what="the PLC")
    plc.client.close()
    wait_for(lambda: "Modbus TCP" in station.signalling.lost(), what="that the PLC is missed")
    again = Plc(port)
    wait_for(lambda: again.code() >= 0 and station.signalling.lost() == {}, what="that it is back")
    station.save_settings(modbus_listen="")
    wait_for(lambda: station.signalling.outputs() == [])
    assert station.signalling.lost() == {}, "what is switched off is not missed"


def test_a_fault_of_the_program_leaves_room_in_the_log(
    stations: Stations, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    station, plc = at_the_line(stations, camera())
    plc.waits_for(READY)
    ticks = []

    def broken() -> None:
        ticks.append(time.monotonic())
        raise RuntimeError("a fault of the program")

    with monkeypatch.context() as patch:
        patch.setattr(station.signalling.handshake, "tick", broken)
        wait_for(lambda: len(ticks) >= 4, what="four ticks")
    said = [each for each in caplog.records if "stumbled" in each.message]
    assert len(said) == 1 or ticks[-1] - ticks[0] >= 4.0  # on a machine that slow it is said again
    assert said[0].exc_info
    plc.waits_for(READY)  # it goes on as if nothing had been
