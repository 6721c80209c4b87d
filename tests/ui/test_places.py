"""Alarms, training, set-up, reports, help: each by mouse, keys or touch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QPointingDevice
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.domain.errors import LinesightError
from tests.ui.fake_station import FakeStation
from ui.bridge import error_words
from ui.help.page import pages
from ui.ports import Phase
from ui.setup.address import StreamFields, join_stream, split_stream
from ui.window import Window

Inspect = Callable[[float], int]


def click(qtbot: QtBot, widget) -> None:  # type: ignore[no-untyped-def]
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("way", ["mouse", "touch", "key A", "enter"])
def test_an_alarm_is_acknowledged_by_one_act(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect, way: str
) -> None:
    inspect(0.9)
    strip = window.alarm_strip
    qtbot.waitUntil(lambda: strip.alarm is not None and strip.picture.image() is not None)
    alarm = strip.alarm
    assert alarm is not None and alarm.title in strip.title.text()
    if way == "mouse":
        click(qtbot, strip.button)
    elif way == "touch":
        screen = QTest.createTouchDevice(QPointingDevice.DeviceType.TouchScreen)
        touch = QTest.touchEvent(window, screen)
        where = strip.button.mapTo(window, strip.button.rect().center())
        touch.press(1, where, window)
        touch.commit()
        touch.release(1, where, window)
        touch.commit()
    elif way == "key A":
        window.activateWindow()
        qtbot.keyClick(window, Qt.Key.Key_A)
    else:
        strip.button.setFocus()
        qtbot.keyClick(strip.button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: strip.alarm is None)
    assert [call for call in station.calls if call[0] == "acknowledge"] == [("acknowledge", alarm.id)]


def test_alarms_are_grouped_and_newest_first(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    for _ in range(3):
        inspect(0.9)
    qtbot.waitUntil(lambda: "\u00d7 3" in window.alarm_strip.title.text())
    assert not window.alarm_strip.more.isVisible()


def test_the_alarms_place_lists_open_ones_and_history(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    inspect(0.9)
    click(qtbot, window.rail.buttons["alarms"])
    qtbot.waitUntil(lambda: len(window.spaces.alarms.cards) == 1)
    click(qtbot, window.spaces.alarms.cards[0].button)
    qtbot.waitUntil(lambda: not window.spaces.alarms.cards and window.spaces.alarms.active.empty.isVisible())
    click(qtbot, window.spaces.alarms.view.button("history"))
    table = window.spaces.alarms.history.table
    qtbot.waitUntil(lambda: table.rowCount() == 1 and "operator" in table.item(0, 4).text())


def test_places_by_keys_and_space_presses_nothing(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    window.activateWindow()
    for key, place in (
        (Qt.Key.Key_2, "bench"),
        (Qt.Key.Key_3, "review"),
        (Qt.Key.Key_4, "label"),
        (Qt.Key.Key_5, "train"),
        (Qt.Key.Key_6, "plans"),
        (Qt.Key.Key_7, "alarms"),
        (Qt.Key.Key_8, "reports"),
        (Qt.Key.Key_9, "setup"),
        (Qt.Key.Key_1, "live"),
    ):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert window.place == place
        assert window.rail.buttons[place].isChecked()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert window.place == "help"
    window.go("live")
    window.live.export_button.setFocus()
    qtbot.keyClick(window.live.export_button, Qt.Key.Key_Space)
    assert not [call for call in station.calls if call[0] in ("export", "export_report")]


def test_a_folder_can_be_dropped(qtbot: QtBot, window: Window, tmp_path: Path) -> None:
    from PySide6.QtGui import QDropEvent

    window.go("train")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    drop = QDropEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.spaces.train.dropEvent(drop)
    assert window.spaces.train.set.folder.text() == str(tmp_path)
    assert window.spaces.train.set.product.text() == tmp_path.name


def test_a_source_is_tested_in_picture_or_words(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    window.go("setup")
    source = window.spaces.setup.source
    click(qtbot, source.test)
    qtbot.waitUntil(lambda: source.picture.has_picture)
    assert "854 x 480" in source.words.text()
    click(qtbot, source.kind.button("rtsp"))
    qtbot.keyClicks(source.address, "192.168.1.99/stream1")
    qtbot.keyClicks(source.user, "mike")
    qtbot.keyClicks(source.password, "p@ss/word")
    assert source.password.displayText() != "p@ss/word"
    click(qtbot, source.test)
    qtbot.waitUntil(lambda: "Nothing answers" in source.words.text())
    assert not source.picture.has_picture
    assert ("check_source", "rtsp://mike:p%40ss%2Fword@192.168.1.99/stream1") in station.calls
    click(qtbot, source.kind.button("usb"))
    qtbot.waitUntil(lambda: source.source() == "usb:0")


def test_stream_fields_round_trip() -> None:
    fields = StreamFields("rtsp://cam:554/a?b=1", "us:er", "p@/w%")
    assert split_stream(join_stream(fields)) == fields
    assert join_stream(StreamFields("cam/a")) == "rtsp://cam/a"
    assert join_stream(StreamFields("")) == ""


def test_the_stations_settings_are_saved_and_refusals_told(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    window.go("setup")
    window.spaces.setup.open("station")
    page = window.spaces.setup.station
    page.name.setText("Press 4")
    page.day.setCurrentText("06:00")
    click(qtbot, page.theme.button("light"))
    click(qtbot, page.longer)
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: page.words.text() == "Saved.")
    assert station.settings.station == "Press 4" and station.settings.day_starts_at.hour == 6
    assert station.settings.theme == "light" and station.settings.pixels_per_mm > 0
    assert window.top.station.text() == "Press 4"
    page.name.clear()
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: "needs a name" in page.words.text())
    click(qtbot, page.theme.button("dark"))


def test_reports_show_the_period_and_export_it(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    for score in (0.3, 0.3, 0.3, 0.9):
        inspect(score)
    click(qtbot, window.rail.buttons["reports"])
    page = window.spaces.reports
    qtbot.waitUntil(lambda: page.values["total"].text() == "4")
    assert page.values["failed"].text() == "1" and page.values["yield"].text() == "75.0 %"
    click(qtbot, page.period.button("yesterday"))
    qtbot.waitUntil(lambda: page.values["total"].text() == "0")
    click(qtbot, page.period.button("week"))
    qtbot.waitUntil(lambda: page.values["total"].text() == "4")
    first, last = page.dates()
    assert (last - first).days == 6
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: page.files.count() == 1 and ".xlsx" in page.words.text())
    period = page.chosen_period()
    assert period is not None and (period.first, period.last) == (first, last)
    assert ("export", period, (".xlsx",)) in station.calls


def test_help_has_its_pages_and_shows_them(window: Window) -> None:
    titles = [title for title, _ in pages()]
    assert titles[1] == "Inspect your own parts in five steps"
    assert "How many pictures, and how to read the result" in titles and len(set(titles)) == len(titles)
    window.go("help")
    for index, title in enumerate(titles):
        window.spaces.help.titles.setCurrentRow(index)
        assert window.spaces.help.text.toPlainText().startswith(title)


def test_health_is_silent_while_fine_and_speaks_when_not(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    inspect(0.3)
    chips = (window.top.camera, window.top.detector, window.top.disk)
    assert [chip.severity for chip in chips] == ["", "", ""]
    station.set_health(disk_words="Disk full: pictures are not kept", pictures_lost=2)
    qtbot.waitUntil(lambda: window.top.disk.words == "Disk full: pictures are not kept")
    station.set_health(connected=False, words="No picture for 5 s")
    station.set_state(Phase.WAITING, "The camera is gone. Check its cable.")
    qtbot.waitUntil(lambda: window.top.camera.words == "No picture for 5 s")
    assert window.top.camera.severity == "failed"


def test_the_first_step_of_an_empty_station_is_a_button(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    assert window.live.panel.first.text() == "Try the demo line"
    click(qtbot, window.live.panel.first)
    qtbot.waitUntil(lambda: ("inspect_source", "demo", "", "") in station.calls)
    station.set_state(Phase.IDLE, "Choose.")
    qtbot.waitUntil(window.live.panel.second.isVisible)
    click(qtbot, window.live.panel.second)
    assert window.place == "train"


def test_errors_keep_their_own_words() -> None:
    assert error_words(LinesightError("The folder is gone. Choose another.")) == "The folder is gone. Choose another."
    assert "ValueError" in error_words(ValueError("x"))


def test_closing_leaves_no_subscription(window: Window, station: FakeStation) -> None:
    before = station.listeners
    window.close_window()
    assert station.listeners == before - 1
    station.inspect(0.3)  # nobody listens, nothing breaks


def test_what_to_do_with_a_source_is_in_sight(qtbot: QtBot, window: Window) -> None:
    """No kind of source takes the room that another one needs."""
    window.go("setup")
    page = window.spaces.setup.source
    page.kind.button("industrial").click()
    assert page.industrial.isVisible() and not page.usb.isVisible()
    page.kind.button("demo").click()
    qtbot.waitUntil(lambda: page.primary.mapTo(window, QPoint(0, page.primary.height())).y() < window.height())
