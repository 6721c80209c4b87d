"""Set-up, Line: what is saved, what the line sees, and a trigger by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.alarms.notices import secrets
from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from tests.signals.lines import inspection
from tests.ui.fake_station import FakeStation
from tests.ui.test_layout import check
from ui.setup.line import LinePage
from ui.theme import current
from ui.window import Window


@pytest.fixture
def page(window: Window) -> LinePage:
    window.go("setup")
    window.spaces.setup.open("line")
    return window.spaces.setup.line


def save(qtbot: QtBot, page: LinePage) -> None:
    qtbot.mouseClick(page.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.words.text()) and page.primary.isEnabled())


def test_what_the_line_does_is_saved(
    qtbot: QtBot, page: LinePage, station: FakeStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No output" in page.state.text()
    kept: dict[str, str] = {}
    monkeypatch.setattr(secrets, "keep", kept.__setitem__)
    page.broker.setText("mqtts://station@broker.plant:8884")
    page.password.setText("secret word")
    page.trigger.button("on").click()
    page.listen.setText("127.0.0.1:1502")
    page.timeout.setText("2,5")
    page.recipes.setPlainText("7 Bracket\n\n8 Demo plate\n")
    qtbot.mouseClick(page.outputs.button("webhook"), Qt.MouseButton.LeftButton)
    page.in_a_row.setText("4")
    page.hold.button("hold").click()
    save(qtbot, page)
    assert page.words.kind == "good"
    found = station.settings
    assert found.line_trigger and found.modbus_listen == "127.0.0.1:1502" and found.line_timeout == 2.5
    assert found.line_broker == "mqtts://station@broker.plant:8884" and kept == {"line-broker": "secret word"}
    assert page.password.text() == "" and "secret word" not in str(found.model_dump())
    assert found.line_recipes == ["7 Bracket", "8 Demo plate"]
    assert found.line_outputs == ["modbus", "opcua", "http", "mqtt", "light"]
    assert (found.fails_in_a_row, found.fails_hold) == (4, True)
    page.in_a_row.setText("1")
    save(qtbot, page)
    assert page.words.kind == "bad" and "one FAIL is no row" in page.words.text()


@pytest.mark.parametrize(
    ("listen", "recipes", "timeout", "words"),
    [
        ("everywhere", "", "5", "modbus_listen"),
        ("", "Bracket 7", "5", "followed by a product"),
        ("", "7 A\n7 B", "5", "given twice"),
        ("", "", "soon", "soon is not a number"),
    ],
)
def test_what_can_not_be_is_named_and_nothing_is_saved(
    qtbot: QtBot, page: LinePage, station: FakeStation, listen: str, recipes: str, timeout: str, words: str
) -> None:
    before = station.settings
    page.listen.setText(listen)
    page.recipes.setPlainText(recipes)
    page.timeout.setText(timeout)
    save(qtbot, page)
    assert page.words.kind == "bad" and words in page.words.text()
    assert station.settings == before


def test_the_signals_are_shown_and_tried_by_hand(qtbot: QtBot, page: LinePage, station: FakeStation) -> None:
    hand = station.signalling.handshake
    assert "Error 10" in page.answer.text() and page.lamps["Error"].accessibleName() == "Error: on"
    hand.condition(ErrorCode.TRIGGER_OFF)
    hand.outcome("", Verdict.FAIL, inspection(Verdict.FAIL))
    qtbot.waitUntil(lambda: page.lamps["NG"].accessibleName() == "NG: on")
    assert page.lamps["OK"].accessibleName() == "OK: off" and "part 000001" in page.answer.text()
    qtbot.mouseClick(page.ack, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.lamps["NG"].accessibleName() == "NG: off")
    qtbot.mouseClick(page.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Error 14" in page.answer.text())
    assert "1 taken" in page.counts.text() and "1 without a verdict" in page.counts.text()


def test_opcua_http_and_serial_ports_are_saved(
    qtbot: QtBot, page: LinePage, station: FakeStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(secrets, "keep", kept.__setitem__)
    page.opcua.listen.setText("0.0.0.0:4840")
    page.opcua.user.setText("plc")
    page.opcua.password.setText("secret word")
    page.http.listen.setText("0.0.0.0:8090")
    page.http.who.button("key").click()
    page.http.key.setText("another word")
    page.serial.trigger.setText("COM3:19200")
    page.serial.by.button("dcd").click()
    page.serial.light.setText("COM4")
    save(qtbot, page)
    found = station.settings
    assert (found.opcua_listen, found.opcua_user) == ("0.0.0.0:4840", "plc")
    assert (found.http_listen, found.http_keyed) == ("0.0.0.0:8090", True)
    assert kept == {"line-opcua": "secret word", "line-http": "another word"}
    assert page.opcua.password.text() == page.http.key.text() == "" and " word" not in str(found.model_dump())
    assert (found.serial_trigger, found.serial_trigger_by, found.serial_light) == ("COM3:19200", "dcd", "COM4")
    page.serial.table.setPlainText("PASS G")
    save(qtbot, page)
    assert page.words.kind == "bad" and "nothing is sent for FAIL" in page.words.text()
    assert station.settings.serial_light_table == []


def test_tests_say_how_it_goes(qtbot: QtBot, page: LinePage, station: FakeStation, tmp_path: Path) -> None:
    qtbot.mouseClick(page.opcua.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "switched off" in page.opcua.said.text() and page.opcua.said.kind == "bad")
    qtbot.mouseClick(page.http.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "switched off" in page.http.said.text() and page.http.said.kind == "bad")
    station.save_settings(serial_light=str(tmp_path / "ttyUSB9"))
    station.signalling.begin()
    qtbot.waitUntil(lambda: "There is no port" in page.state.text())
    qtbot.mouseClick(page.serial.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "ttyUSB9" in page.serial.said.text() and page.serial.said.kind == "bad")


@pytest.mark.parametrize("pixels_per_mm", [0.0, 5.9])
def test_it_fits(qtbot: QtBot, window: Window, page: LinePage, pixels_per_mm: float) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    current().apply(app, "dark", pixels_per_mm)
    for size in ((1024, 700), (1280, 800)):
        window.resize(*size)
        check(window, f"line {size} {pixels_per_mm}")
