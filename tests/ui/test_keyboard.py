"""The keyboard on the screen: comes for a finger, types into any field, goes away, and never for a mouse alone."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import Tap
from tests.ui.fake_station import FakeStation
from ui.shared.keyboard import DIGITS, SIGNS, Keyboard
from ui.theme import current
from ui.window import Window


@pytest.fixture
def keyboard(window: Window) -> Keyboard:
    window.go("setup")
    window.spaces.setup.open("station")
    return window.typing.keyboard


def open_for(qtbot: QtBot, tap: Tap, keyboard: Keyboard, field: QWidget) -> None:
    tap(field)
    qtbot.waitUntil(lambda: keyboard.isVisible() and keyboard.target is field)


def typed(tap: Tap, keyboard: Keyboard, text: str) -> None:
    """By finger, key by key."""
    for sign in text:
        key = next(each for each in keyboard.keys.values() if each.text() == sign and each.isVisible())
        tap(key)


@pytest.mark.parametrize("mm", [0, 5.9], ids=["desk", "10 inch"])
def test_a_name_is_typed_by_finger_alone_and_saved(
    qtbot: QtBot, window: Window, station: FakeStation, keyboard: Keyboard, tap: Tap, mm: float
) -> None:
    station.save_settings(pixels_per_mm=mm)
    window._settings_changed()
    page = window.spaces.setup.station
    page.name.clear()
    open_for(qtbot, tap, keyboard, page.name)
    touch = current().metrics.touch
    shown = [each for each in keyboard.findChildren(type(keyboard.end)) if each.isVisible()]
    assert all(each.height() >= touch for each in shown) and window.rect().contains(keyboard.geometry())
    assert all(each.width() >= min(touch, 56) for each in shown)
    tap(keyboard.shift)
    typed(tap, keyboard, "L")
    typed(tap, keyboard, "ine")
    tap(keyboard.keys["space"])
    typed(tap, keyboard, "78")
    tap(keyboard.keys["erase"])
    assert page.name.text() == "Line 7" == keyboard.echo.text()
    tap(keyboard.signs)
    typed(tap, keyboard, "/")
    tap(keyboard.end)
    qtbot.waitUntil(lambda: not keyboard.isVisible())
    assert page.name.text() == "Line 7/"
    qtbot.mouseClick(page.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: station.settings.station == "Line 7/")


def test_a_tap_elsewhere_or_another_field_takes_it_away_or_along(
    qtbot: QtBot, window: Window, keyboard: Keyboard, tap: Tap
) -> None:
    open_for(qtbot, tap, keyboard, window.spaces.setup.station.name)
    window.spaces.setup.open("recipes")
    qtbot.waitUntil(lambda: not keyboard.isVisible())  # its field is out of sight, and has no focus any more
    open_for(qtbot, tap, keyboard, window.spaces.setup.recipes.name)
    tap(window.alarm_strip)
    qtbot.waitUntil(lambda: not keyboard.isVisible())


def test_what_is_secret_is_not_shown(qtbot: QtBot, window: Window, keyboard: Keyboard) -> None:
    field = QLineEdit(window)
    field.setEchoMode(QLineEdit.EchoMode.Password)
    field.show()
    keyboard.open(field)
    for sign in "s3":
        keyboard.press(sign)
    assert field.text() == "s3" and keyboard.echo.text() == "\u2022\u2022"


def test_a_field_that_takes_no_text_and_a_mouse_bring_none(
    qtbot: QtBot, window: Window, station: FakeStation, keyboard: Keyboard, tap: Tap
) -> None:
    page = window.spaces.setup.station
    tap(page.folder)  # read-only
    QTest.qWait(0)
    assert not keyboard.isVisible()
    station.save_settings(screen_keyboard="never")
    tap(page.name)
    QTest.qWait(0)
    assert not keyboard.isVisible()
    station.save_settings(screen_keyboard="auto")
    handle = window.windowHandle()
    at = page.name.mapTo(window, QPoint(20, 20))
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    QTest.qWait(0)
    assert page.name.hasFocus() and not keyboard.isVisible()
    station.save_settings(screen_keyboard="always")
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    qtbot.waitUntil(keyboard.isVisible)


def test_a_number_begins_with_signs(window: Window, keyboard: Keyboard) -> None:
    window.spaces.setup.open("line")
    keyboard.open(window.spaces.setup.line.timeout)
    assert keyboard.signs.isChecked()
    keyboard.press("3")
    keyboard.press(".")
    keyboard.press("5")
    assert window.spaces.setup.line.timeout.text().endswith("3.5")


def test_every_sign_is_typed_as_it_is_shown(window: Window, keyboard: Keyboard) -> None:
    field = QLineEdit(window)
    field.show()
    keyboard.open(field)
    keyboard.signs.click()
    shown = [each for each in keyboard.keys.values() if each.isVisible() and len(each.text().replace("&&", "&")) == 1]
    for key in shown:
        key.click()
    assert field.text() == "".join(each.text().replace("&&", "&") for each in shown) and "&" in field.text()
    assert not set(DIGITS + "".join(SIGNS)) - set(field.text())


def test_a_tapped_number_is_replaced_and_a_tapped_text_goes_on(
    qtbot: QtBot, window: Window, keyboard: Keyboard, tap: Tap
) -> None:
    window.spaces.setup.open("recipes")
    page = window.spaces.setup.recipes
    assert page.number.text() == "0"
    open_for(qtbot, tap, keyboard, page.number)
    typed(tap, keyboard, "7")
    assert page.number.text() == "7"
    tap(keyboard.end)
    page.limits.setText("dent=5")
    open_for(qtbot, tap, keyboard, page.limits)
    typed(tap, keyboard, "px")
    assert page.limits.text() == "dent=5px"
