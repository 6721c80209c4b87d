"""Set-up, Source: USB and industrial cameras with the settings that are held fast."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests.ui.fake_station import FakeStation
from ui.setup.source import SourcePage
from ui.window import Window


def click(qtbot: QtBot, widget: QWidget) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


@pytest.fixture
def page(qtbot: QtBot, window: Window) -> SourcePage:
    window.go("setup")
    window.spaces.setup.open("source")
    return window.spaces.setup.source


def test_a_usb_camera_tells_its_sizes_and_holds_what_is_entered(qtbot: QtBot, page: SourcePage) -> None:
    click(qtbot, page.kind.button("usb"))
    qtbot.waitUntil(lambda: "640x480, 1280x720, 1920x1080" in page.usb_words.text())
    assert page.source() == "usb:0"
    qtbot.keyClicks(page.usb_held.editors["size"], "1920x1080")
    qtbot.keyClicks(page.usb_held.editors["focus"], "30")
    assert page.source() == "usb:0?size=1920x1080&focus=30"


def test_industrial_cameras_are_offered_and_what_is_missing_is_said(
    qtbot: QtBot, page: SourcePage, station: FakeStation
) -> None:
    click(qtbot, page.kind.button("industrial"))
    fields = page.industrial
    qtbot.waitUntil(lambda: fields.camera.count() == 2)
    assert page.source() == "basler:40012345"
    assert "bootstrap.py setup --extra genicam" in fields.words.text()
    fields.camera.setCurrentIndex(1)
    fields.camera.activated.emit(1)
    qtbot.keyClicks(fields.held.editors["exposure"], "5000")
    assert page.source() == "basler:40054321?exposure=5000"
    click(qtbot, page.test)
    qtbot.waitUntil(lambda: ("check_source", "basler:40054321?exposure=5000") in station.calls)
    qtbot.waitUntil(lambda: page.test.isEnabled())


def test_a_drivers_file_brings_its_cameras(qtbot: QtBot, page: SourcePage, station: FakeStation) -> None:
    click(qtbot, page.kind.button("industrial"))
    fields = page.industrial
    qtbot.waitUntil(lambda: fields.camera.isEnabled())
    fields.driver.setText("/opt/maker/tl.cti")
    fields.driver.editingFinished.emit()
    qtbot.waitUntil(lambda: page.source() == "genicam:/opt/maker/tl.cti#7")
    assert ("industrial_cameras", "/opt/maker/tl.cti") in station.calls


def test_the_stations_camera_stays_chosen_while_it_is_not_there(qtbot: QtBot, page: SourcePage) -> None:
    page._take("basler:99999999?gain=2")
    qtbot.waitUntil(lambda: page.industrial.camera.count() == 3)
    assert page.kind.value() == "industrial"
    assert "99999999 (not found now)" in page.industrial.camera.currentText()
    assert page.source() == "basler:99999999?gain=2"


def test_a_film_is_played_at_its_own_speed_or_picture_by_picture(qtbot: QtBot, page: SourcePage) -> None:
    click(qtbot, page.kind.button("video"))
    page.video.setText("/films/plates.mp4")
    assert page.source() == "video:/films/plates.mp4"
    click(qtbot, page.pace.button("video-fast"))
    assert page.source() == "video-fast:/films/plates.mp4"
    page._take("video:/films/other.mp4")
    assert page.source() == "video:/films/other.mp4"
    page._take("video-fast:/films/plates.mp4")
    assert page.kind.value() == "video" and page.source() == "video-fast:/films/plates.mp4"
