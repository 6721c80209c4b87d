"""Kiosk mode: the window stays until somebody who may end it does, and whoever ends the process is asked nothing."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.person import Role
from tests.ui.fake_station import FakeStation
from tests.ui.test_layout import check
from ui import app as app_module
from ui.window import Window


@pytest.fixture
def closed(window: Window) -> list[bool]:
    """What was told of the window's closing."""
    told: list[bool] = []
    window.closing.connect(lambda: told.append(True))
    window.begin_kiosk()
    return told


def test_it_covers_the_screen_and_comes_back(qtbot: QtBot, window: Window, closed: list[bool]) -> None:
    qtbot.waitUntil(window.isFullScreen)
    flags = window.windowFlags()
    assert flags & Qt.WindowType.FramelessWindowHint and flags & Qt.WindowType.WindowStaysOnTopHint
    for leave in (window.showNormal, window.showMaximized):
        leave()
        qtbot.waitUntil(window.isFullScreen)
    assert not closed


def test_without_pins_it_asks_once(qtbot: QtBot, window: Window, closed: list[bool]) -> None:
    window.close()
    assert window.isVisible() and not closed
    toast = window.guard.toast
    qtbot.waitUntil(toast.isVisible)
    assert "kiosk" in toast.words.text()
    qtbot.mouseClick(toast.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(closed))


def test_with_pins_only_who_may_change_settings_ends_it(
    qtbot: QtBot, window: Window, station: FakeStation, closed: list[bool]
) -> None:
    people = station.people
    people.add("Ada", Role.ENGINEER, pin="4711")
    people.sign_in("Ada", "4711")
    people.add("Olli", Role.OPERATOR, pin="2233")
    people.sign_out()
    for _ in range(3):
        window.close()
        assert not closed
    toast = window.guard.toast
    assert "Sign in" in toast.action.text()
    window.kiosk.end()  # type: ignore[union-attr]
    assert not closed
    people.sign_in("Olli", "2233")
    window.close()
    assert not closed and "Sign in" in toast.action.text()
    people.sign_out()
    people.sign_in("Ada", "4711")
    window.close()
    assert not closed and toast.action.text() == "End the program"
    qtbot.mouseClick(toast.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(closed))


def test_keys_do_not_leave_it(qtbot: QtBot, window: Window, closed: list[bool]) -> None:
    for key, held in (
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_F11, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier),
    ):
        qtbot.keyClick(window, key, held)
    assert window.isVisible() and window.isFullScreen() and not closed


def test_the_set_up_keeps_it_and_ends_the_program(
    qtbot: QtBot, window: Window, station: FakeStation, closed: list[bool]
) -> None:
    window.go("setup")
    window.spaces.setup.open("station")
    page = window.spaces.setup.station
    page.kiosk.button("on").click()
    qtbot.mouseClick(page.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: station.settings.kiosk)
    check(window, "station, kiosk")
    page.end.click()
    qtbot.waitUntil(window.guard.toast.isVisible)
    assert not closed


def test_who_ends_the_process_is_asked_nothing(qtbot: QtBot, station: FakeStation) -> None:
    ending = threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGTERM))
    ending.start()
    try:
        assert app_module.run_window(station, kiosk=True) == 0
    finally:
        ending.cancel()
    assert station.closed and QApplication.instance() is not None
