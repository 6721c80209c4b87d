"""People at the screen: signing in by touch and badge, locking, rights, and codes told from typing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.domain.person import Role
from app.people import pins
from tests.ui.fake_station import FakeStation
from ui.app import application
from ui.people.places import may_go
from ui.rail import PLACES
from ui.shared.pad import LetterPad
from ui.shared.wedge import GAP
from ui.window import Window


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "_MEMORY", 256)
    monkeypatch.setattr(pins, "_BADGE_COST", 10)


@pytest.fixture
def clock(station: FakeStation) -> Clock:
    made = Clock()
    station.people._clock = made
    return made


@pytest.fixture
def peopled(station: FakeStation) -> FakeStation:
    """Erik is the engineer, Olga an operator with a badge; nobody is signed in."""
    station.people.add("Erik", Role.ENGINEER, pin="2580")
    station.people.sign_in("Erik", "2580")
    station.people.add("Olga", Role.OPERATOR, pin="1470", badge="BADGE-0077")
    station.people.sign_out()
    return station


@pytest.fixture
def window(qtbot: QtBot, station: FakeStation, clock: Clock) -> Iterator[Window]:
    application(station)
    made = Window(station, clock)
    made.resize(1280, 800)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    yield made
    made.close_window()
    made.hide()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def click(qtbot: QtBot, widget: QWidget) -> None:
    """A click; what has to be scrolled to is scrolled to."""
    QApplication.processEvents()  # what has just been shown is laid out
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget)
        above = above.parentWidget()
    QApplication.processEvents()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def press(qtbot: QtBot, window: Window, clock: Clock, text: str, gap: float = 0.01, enter: bool = True) -> None:
    """Keys that come `gap` seconds apart at whatever has the focus, as from the system."""
    for letter in text:
        clock.now += gap
        qtbot.keyClick(QApplication.focusWidget() or window, letter)
    if enter:
        clock.now += gap
        qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Return)


def sign_in(qtbot: QtBot, window: Window, name: str, pin: str) -> None:
    click(qtbot, window.top.person)
    sheet = window.guard.sheet
    qtbot.waitUntil(lambda: name in sheet.names)
    click(qtbot, sheet.names[name])
    for digit in pin:
        click(qtbot, sheet.pad.keys[digit])
    click(qtbot, sheet.pad.done)


def places(window: Window) -> list[str]:
    return [place.key for place in PLACES if not window.rail.buttons[place.key].isHidden()]


def test_a_station_without_people_is_open(window: Window) -> None:
    assert window.top.person.isHidden() and window.top.nobody.isVisible()
    assert places(window) == [place.key for place in PLACES]


def test_signing_in_by_touch_and_out_again(qtbot: QtBot, peopled: FakeStation, window: Window) -> None:
    assert window.top.person.text() == "Sign in"
    assert places(window) == ["live", "alarms", "help"]
    sign_in(qtbot, window, "Erik", "1111")
    sheet = window.guard.sheet
    qtbot.waitUntil(lambda: "do not belong together" in sheet.why.text())
    assert not window.guard.toast.isVisible()  # a wrong PIN is said once, at the pad
    for digit in "25":
        click(qtbot, sheet.pad.keys[digit])
    assert sheet.pad.shown.text() == "\u25cf\u25cf" and not sheet.pad.done.isEnabled()
    click(qtbot, sheet.pad.keys["erase"])
    for digit in "580":
        click(qtbot, sheet.pad.keys[digit])
    click(qtbot, sheet.pad.done)
    qtbot.waitUntil(lambda: window.top.person.text() == "Erik")
    assert not sheet.isVisible() and places(window) == [place.key for place in PLACES]
    click(qtbot, window.top.person)
    qtbot.waitUntil(lambda: window.top.person.text() == "Sign in")


def test_an_operator_sees_live_and_alarms(qtbot: QtBot, peopled: FakeStation, window: Window) -> None:
    sign_in(qtbot, window, "Olga", "1470")
    qtbot.waitUntil(lambda: window.top.person.text() == "Olga")
    assert places(window) == ["live", "alarms", "help"]
    assert not window.live.export_button.isVisible()
    window.go("reports")  # by its key
    assert window.place == "live"
    assert window.guard.toast.isVisible() and "Olga (operator) may not do this" in window.guard.toast.words.text()
    assert window.guard.toast.action.text() == "Sign in as another"


def test_what_is_refused_asks_to_sign_in(qtbot: QtBot, peopled: FakeStation, window: Window) -> None:
    peopled.inspect(0.9)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    click(qtbot, window.alarm_strip.button)
    toast = window.guard.toast
    qtbot.waitUntil(toast.isVisible)
    assert "Nobody is signed in: acknowledge needs" in toast.words.text()
    assert len(peopled.active_alarms()) == 1
    click(qtbot, toast.action)
    qtbot.waitUntil(lambda: "Olga" in window.guard.sheet.names)
    assert "acknowledge" in window.guard.sheet.why.text() and not toast.isVisible()
    click(qtbot, window.guard.sheet.names["Olga"])
    for digit in "1470":
        click(qtbot, window.guard.sheet.pad.keys[digit])
    click(qtbot, window.guard.sheet.pad.done)
    qtbot.waitUntil(lambda: window.top.person.text() == "Olga")
    click(qtbot, window.alarm_strip.button)
    qtbot.waitUntil(lambda: not peopled.active_alarms())


def test_a_slow_call_that_is_refused_asks_too(qtbot: QtBot, peopled: FakeStation, window: Window) -> None:
    window.bridge.run(lambda: peopled.keeping.plan_retention(), lambda _job: None)
    qtbot.waitUntil(window.guard.toast.isVisible)
    assert "retention needs" in window.guard.toast.words.text()


def test_nobody_is_signed_in_after_a_while_and_the_line_goes_on(
    qtbot: QtBot, peopled: FakeStation, window: Window, clock: Clock
) -> None:
    peopled.save_settings(lock_after_minutes=1)
    peopled.people.sign_in("Erik", "2580")
    window.guard.look()
    window.go("setup")
    clock.now += 59
    click(qtbot, window.spaces.setup.choice.button("about"))  # a touch
    clock.now += 59
    window.guard.look()
    assert window.top.person.text() == "Erik" and window.place == "setup"
    clock.now += 2
    window.guard.look()
    assert window.top.person.text() == "Sign in" and window.place == "live"
    frame = peopled.inspect(0.9).frame.id
    qtbot.waitUntil(lambda: window.live.shown.picture == frame)


def test_a_badge_signs_in_from_any_place(qtbot: QtBot, peopled: FakeStation, window: Window, clock: Clock) -> None:
    window.go("alarms")
    press(qtbot, window, clock, "BADGE-0077")
    qtbot.waitUntil(lambda: window.top.person.text() == "Olga")
    assert window.place == "alarms" and peopled.next_serial.code == ""


def test_a_wrong_badge_at_the_names_is_a_wrong_try(
    qtbot: QtBot, peopled: FakeStation, window: Window, clock: Clock
) -> None:
    click(qtbot, window.top.person)
    sheet = window.guard.sheet
    qtbot.waitUntil(lambda: "Olga" in sheet.names)
    press(qtbot, window, clock, "BADGE-0001")
    qtbot.waitUntil(lambda: "nobody's here" in sheet.why.text())
    assert peopled.store.audit_entries(1)[0].action == "sign-in refused" and peopled.next_serial.code == ""
    press(qtbot, window, clock, "BADGE-0077")
    qtbot.waitUntil(lambda: window.top.person.text() == "Olga" and not sheet.isVisible())


def test_a_scan_on_live_names_the_next_part_and_presses_nothing(
    qtbot: QtBot, station: FakeStation, window: Window, clock: Clock
) -> None:
    station.inspect(0.9)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    window.live.setFocus()
    press(qtbot, window, clock, "SN-A17A")  # an A acknowledges, when a person types it
    qtbot.waitUntil(lambda: station.next_serial.code == "SN-A17A")
    assert len(station.active_alarms()) == 1
    assert window.live.toast.isVisible() and "SN-A17A" in window.live.toast.words.text()
    click(qtbot, window.live.toast.action)
    assert station.next_serial.code == ""


def test_a_person_who_types_is_no_scanner(qtbot: QtBot, station: FakeStation, window: Window, clock: Clock) -> None:
    station.inspect(0.9)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    window.live.setFocus()
    press(qtbot, window, clock, "HALLO", gap=GAP * 2)
    assert station.next_serial.code == ""
    press(qtbot, window, clock, "A", enter=False)
    qtbot.waitUntil(lambda: not station.active_alarms())  # held back for a moment, then done


def test_a_prefix_tells_a_slow_scanner(qtbot: QtBot, station: FakeStation, window: Window, clock: Clock) -> None:
    station.save_settings(scan_prefix="~")
    window.live.setFocus()
    press(qtbot, window, clock, "SN-1111")  # quick, without the prefix
    press(qtbot, window, clock, "~SN-2222", gap=4 * GAP)
    qtbot.waitUntil(lambda: station.next_serial.code == "SN-2222")


def test_the_trigger_is_not_held_back(qtbot: QtBot, window: Window) -> None:
    heard = []
    window.live.keyPressEvent = lambda event: heard.append(event.key())  # type: ignore[method-assign]
    window.live.setFocus()
    qtbot.keyClick(window.live, Qt.Key.Key_Space)
    assert heard == [Qt.Key.Key_Space]


def test_what_is_scanned_into_a_field_goes_there(
    qtbot: QtBot, station: FakeStation, window: Window, clock: Clock
) -> None:
    window.go("setup")
    window.spaces.setup.open("station")
    field = window.spaces.setup.station.name
    field.clear()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    press(qtbot, window, clock, "Bench 12")
    assert field.text() == "Bench 12" and station.next_serial.code == ""


def test_the_first_person_is_one_who_may_add_others(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    window.go("setup")
    window.spaces.setup.open("people")
    page = window.spaces.setup.people
    qtbot.waitUntil(page.empty.isVisible)
    assert not page.role.button("operator").isEnabled() and page.role.button("manager").isEnabled()
    click(qtbot, page.keys)
    for letter in "erik":
        click(qtbot, page.letters.key(letter))
    click(qtbot, page.letter_sheet.close_button)
    assert page.name.text() == "erik" and not page.primary.isEnabled()
    click(qtbot, page.set_pin)
    for pin in ("2580", "2581"):
        for digit in pin:
            click(qtbot, page.pad.keys[digit])
        click(qtbot, page.pad.done)
    assert "different" in page.pin_sheet.words.text()
    for _ in range(2):
        for digit in "2580":
            click(qtbot, page.pad.keys[digit])
        click(qtbot, page.pad.done)
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: window.top.person.text() == "erik")  # and is signed in at once
    assert window.place == "setup" and not station.people.open


def test_a_badge_is_learnt_a_role_changed_and_somebody_leaves(
    qtbot: QtBot, peopled: FakeStation, window: Window, clock: Clock
) -> None:
    peopled.people.sign_in("Erik", "2580")
    window.guard.look()
    window.go("setup")
    window.spaces.setup.open("people")
    page = window.spaces.setup.people
    qtbot.waitUntil(lambda: page.list.count() == 2)
    page._edit(page._people[1])
    click(qtbot, page.badge)
    press(qtbot, window, clock, "BADGE-9999")
    qtbot.waitUntil(lambda: page.badge_words.text() == "A badge was read.")
    click(qtbot, page.role.button("inspector"))
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: "changed" in page.words.text())
    found = peopled.people.scan("BADGE-9999")
    assert (found.name, found.role) == ("Olga", Role.INSPECTOR)
    peopled.people.sign_in("Erik", "2580")
    window.guard.look()
    click(qtbot, page.active)
    qtbot.waitUntil(lambda: [one.name for one in peopled.people.everybody()] == ["Erik"])


def test_a_manager_is_offered_people_and_storage_only(qtbot: QtBot, peopled: FakeStation, window: Window) -> None:
    peopled.people.sign_in("Erik", "2580")
    peopled.people.add("Marta", Role.MANAGER, pin="9512")
    peopled.people.sign_in("Marta", "9512")
    window.guard.look()
    assert places(window) == ["live", "bench", "review", "label", "plans", "alarms", "reports", "setup", "help"]
    window.go("setup")
    shown = [
        key
        for key in ("source", "station", "people", "storage", "audit", "about")
        if not window.spaces.setup.choice.button(key).isHidden()
    ]
    assert shown == ["people", "storage", "audit", "about"] and window.spaces.setup.choice.value() == "people"


def test_every_place_of_the_rail_has_its_rule(peopled: FakeStation) -> None:
    assert [place.key for place in PLACES if may_go(peopled.people, place.key)] == ["live", "alarms", "help"]


def test_the_letter_pad_writes_capitals_once(qtbot: QtBot) -> None:
    field = QLineEdit()
    pad = LetterPad(field)
    qtbot.addWidget(field)
    qtbot.addWidget(pad)
    click(qtbot, pad.shift)
    for letter in "bo":
        click(qtbot, pad.key(letter))
    assert field.text() == "Bo"


def test_held_keys_still_repeat(qtbot: QtBot, window: Window) -> None:
    """A key that is held down is a person's: it is never kept back."""
    heard = []
    window.live.keyPressEvent = lambda event: heard.append(event.text())  # type: ignore[method-assign]
    window.live.setFocus()
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_X, Qt.KeyboardModifier.NoModifier, "x", True, 1)
    QApplication.sendEvent(window.live, event)
    assert heard == ["x"]
