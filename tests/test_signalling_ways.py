"""A station with OPC UA, HTTP and serial ports at its line: camera, record and real counterparts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from app.domain.errors import LinesightError
from app.inspection import capture
from app.signals import serial_line
from app.signals.ways import HTTP, HTTP_SECRET, LIGHT, MODBUS, OPCUA, SCANNER, TRIGGER
from app.station import Station
from app.status import Phase
from tests.alarms.receivers import free_port
from tests.inspection.fakes import FAIL, PASS, picture, wait_for
from tests.inspection.stations import CAMERA, Stations, camera, inspecting, reaches, rows
from tests.signals.opcua_client import UaClient
from tests.signals.test_serial_line import Device


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    monkeypatch.setattr(serial_line, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(serial_line, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(serial_line, "SHOWN", 0.05)
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    begun = time.monotonic()
    stations.close()
    assert time.monotonic() - begun < 5
    left = {thread.name for thread in threading.enumerate()}
    assert not {"opcua", "http"} & left and not any(name.startswith("serial ") for name in left)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path / "ttyUSB0")
    device.plug()
    yield device
    device.unplug()


def state(station: Station, name: str) -> tuple[bool, str]:
    """(connected, words) of an output, (False, "") where it is switched off."""
    found = [each for each in station.signalling.outputs() if each.name == name]
    return (found[0].connected, found[0].words) if found else (False, "")


def test_a_plc_takes_part_after_part_over_opcua_while_modbus_has_no_port(stations: Stations) -> None:
    source, port = camera(), free_port()
    station = inspecting(stations, source)
    station.save_settings(
        line_trigger=True,
        line_debounce=0,
        line_recipes=["7 Demo plate"],
        opcua_listen=f"127.0.0.1:{port}",
        modbus_listen=f"127.0.0.1:{port}",  # whichever is second can't have it
    )
    station.signalling.begin()
    wait_for(lambda: "another port" in state(station, OPCUA)[1], 20)
    assert "No PLC" in state(station, MODBUS)[1]
    with pytest.raises(LinesightError, match="another port"):
        station.signalling.test_opcua()
    port = free_port()
    station.save_settings(opcua_listen=f"127.0.0.1:{port}")
    wait_for(lambda: "No client" in state(station, OPCUA)[1], 20)
    assert station.signalling.lost() == {}, "a server waits for its client"
    assert "not encrypted" in station.signalling.test_opcua()
    plc = UaClient(port)
    try:
        for number, (score, bit) in enumerate([(PASS, "OK"), (FAIL, "NG")], 1):
            wait_for(lambda: plc.read("TriggerReady") == [True])
            plc.write(("RecipeId", 7), ("PartId", f"A-{number:03}"), ("Trigger", True))
            assert plc.read("Busy", "OK") == [True, False]
            source.push(picture(score, noise=number))
            wait_for(lambda: plc.read("ResultReady") == [True])
            assert plc.read(bit, "Error") == [True, False]
            told = json.loads(plc.read("Result.Json")[0])
            assert (told["serial"], told["recipe_id"], told["number"]) == (f"A-{number:03}", 7, number)
            plc.write(("Trigger", False), ("ResultAck", True))
            plc.write(("ResultAck", False))
        wait_for(lambda: all("opcua" in (row["outputs"] or "") for row in rows(stations.folder / "station")))
        kept = rows(stations.folder / "station")
        assert [(row["verdict"], row["serial"]) for row in kept] == [("PASS", "A-001"), ("FAIL", "A-002")]
        assert [json.loads(row["outputs"])["opcua"]["number"] for row in kept] == [1, 2]
        wait_for(lambda: state(station, OPCUA)[0])
        plc.pulled()
        wait_for(lambda: OPCUA in station.signalling.lost(), what="that the client is missed")
        station.stop()
        reaches(station, Phase.STOPPED)
    finally:
        plc.close()


def test_a_user_without_a_password_is_said(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.alarms.notices.secrets.read", lambda name: "")
    station = stations.open()
    station.save_settings(opcua_listen=f"127.0.0.1:{free_port()}", opcua_user="plc")
    station.signalling.begin()
    wait_for(lambda: "no password for plc" in state(station, OPCUA)[1])
    wait_for(lambda: OPCUA in station.signalling.lost())


def test_a_computer_of_the_line_asks_over_http_and_gets_the_verdict_of_its_part(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.alarms.notices.secrets.read", lambda name: "")
    source, port = camera(), free_port()
    station = inspecting(stations, source)
    with pytest.raises(LinesightError, match="switched off"):
        station.signalling.test_http()
    station.save_settings(line_trigger=True, line_debounce=0, http_listen=f"127.0.0.1:{port}", http_keyed=True)
    station.signalling.begin()
    wait_for(lambda: "HTTP has no key" in state(station, HTTP)[1])
    monkeypatch.setattr("app.alarms.notices.secrets.read", {HTTP_SECRET: "a secret word"}.__getitem__)
    monkeypatch.setattr("app.alarms.notices.secrets.keep", lambda name, secret: None)
    station.signalling.keep_secret(HTTP_SECRET, "a secret word")
    wait_for(lambda: "Nobody has asked" in state(station, HTTP)[1])
    wait_for(lambda: "with its key: it takes a trigger" in station.signalling.test_http())
    line = requests.Session()
    line.headers["Authorization"] = "Bearer a secret word"
    at = f"http://127.0.0.1:{port}"
    with ThreadPoolExecutor() as pool:
        for number, (score, verdict) in enumerate([(PASS, "PASS"), (FAIL, "FAIL")], 1):
            asked = pool.submit(line.post, f"{at}/trigger?wait=20", json={"part_id": f"A-{number:03}"}, timeout=30)
            wait_for(lambda: station.line.trigger.busy)
            source.push(picture(score, noise=number))
            told = asked.result(20).json()
            assert (told["serial"], told["verdict"], told["number"]) == (f"A-{number:03}", verdict, number)
            assert line.post(f"{at}/ack", timeout=5).json()["trigger_ready"]
    wait_for(lambda: all("http" in (row["outputs"] or "") for row in rows(stations.folder / "station")))
    kept = rows(stations.folder / "station")
    assert [(row["verdict"], row["serial"]) for row in kept] == [("PASS", "A-001"), ("FAIL", "A-002")]
    assert state(station, HTTP) == (True, "The line asks.")


def test_a_scanner_names_the_part_that_a_serial_trigger_takes(
    stations: Stations, device: Device, tmp_path: Path
) -> None:
    source, scanner = camera(), Device(tmp_path / "ttyUSB1")
    scanner.plug()
    stations.sources[CAMERA] = lambda: source
    station = inspecting(stations, source)
    station.save_settings(
        line_trigger=True, line_debounce=0, serial_trigger=str(device.name), serial_scanner=f"{scanner.name}:19200"
    )
    station.signalling.begin()
    wait_for(lambda: state(station, TRIGGER)[0] and state(station, SCANNER)[0], what="the ports")
    wait_for(lambda: station.signalling.signals.trigger_ready)
    try:
        for number, score in enumerate((PASS, FAIL), 1):
            scanner.says(f"B-{number}\r".encode())
            wait_for(lambda code=f"B-{number}": station.next_serial.code == code)  # type: ignore[misc]
            device.says(b"T\r\n")
            wait_for(lambda: station.signalling.signals.busy)
            source.push(picture(score, noise=number))
            wait_for(lambda: station.signalling.signals.result_ready)
        kept = rows(stations.folder / "station")
        assert [(row["serial"], row["verdict"]) for row in kept] == [("B-1", "PASS"), ("B-2", "FAIL")]
        scanner.unplug()
        wait_for(lambda: SCANNER in station.signalling.lost(), what="that the scanner is missed")
        wait_for(lambda: "There is no port" in state(station, SCANNER)[1])
        with pytest.raises(LinesightError, match="There is no port"):
            station.signalling.test_serial()
        scanner.plug()
        wait_for(lambda: station.signalling.lost() == {}, what="that it is back")
    finally:
        station.save_settings(serial_scanner="")
        scanner.unplug()


def test_a_badge_at_the_serial_scanner_names_no_part(
    stations: Stations, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = stations.open()
    asked: list[str] = []

    class Ada:
        name = "Ada"

    monkeypatch.setattr(station.people, "scan_any", lambda code: asked.append(code) or Ada())
    station.save_settings(serial_scanner=str(device.name))
    station.signalling.begin()
    wait_for(lambda: state(station, SCANNER)[0])
    device.says(b"BADGE-1\r")
    wait_for(lambda: "Ada signed in" in state(station, SCANNER)[1])
    assert asked == ["BADGE-1"] and station.next_serial.code == ""


def test_the_light_follows_the_station(stations: Stations, device: Device) -> None:
    source = camera()
    station = inspecting(stations, source)
    station.save_settings(serial_light=str(device.name), serial_light_table=[])
    station.signalling.begin()
    device.hears(b"O\r\n")
    source.push(picture(PASS))
    device.hears(b"G\r\n")
    source.push(picture(FAIL))
    device.hears(b"R\r\n")
    table = [r"PASS \x01", r"FAIL \x02", r"RETEST \x03", r"ERROR \x04", r"ALARM \x05", r"IDLE \x06"]
    station.save_settings(serial_light_table=table)
    device.hears(b"\x02")
    with pytest.raises(LinesightError, match="nothing is sent for IDLE"):
        station.save_settings(serial_light_table=table[:5])
    wait_for(lambda: "It shows FAIL" in state(station, LIGHT)[1], what="the light with its new table")
    assert "It shows FAIL" in station.signalling.test_serial()
    device.hears(b"\x01\x02")
    station.save_settings(serial_light="")
    device.hears(b"\x06")
    wait_for(lambda: state(station, LIGHT) == (False, ""))
