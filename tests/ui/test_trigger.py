"""How parts come, on the screen: the card in Set-up, the bar on Live, the space bar and the pedal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.station import Station
from tests.inspection.fakes import FAIL, VIEWING, FakeSource
from tests.inspection.stations import Stations, camera, inspecting
from tests.test_triggering import Stage, part
from tests.ui.conftest import click
from tests.ui.test_layout import check
from ui.window import Window


@pytest.fixture
def source() -> FakeSource:
    return camera(VIEWING)


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: FakeSource) -> Iterator[Station]:
    stations = Stations(tmp_path, monkeypatch)
    station = inspecting(stations, source)
    station.triggering.begin()
    yield station
    stations.close()


def choose(qtbot: QtBot, window: Window, way: str, **fields: str) -> None:
    """In Set-up, as a person does."""
    window.go("setup")
    window.spaces.setup.open("line")
    card = window.spaces.setup.line.ways
    click(qtbot, card.way.button(way))
    for name, text in fields.items():
        getattr(card, name).setText(text)
    click(qtbot, card.save)
    qtbot.waitUntil(lambda: card.words.text() == "Saved.")
    check(window, f"set-up, {way}")


def pressed(qtbot: QtBot, window: Window, station: Station, key: Qt.Key, number: int) -> bool:
    """Presses where so many parts are not on record yet; one too soon after the last is a bounce and does nothing."""
    if station.session_counts().total < number and not station.line.trigger.busy:
        qtbot.keyClick(window, key)
    assert station.session_counts().total <= number
    return station.session_counts().total == number


def test_by_themselves_nothing_is_in_the_way(qtbot: QtBot, shown: Window) -> None:
    assert not shown.spaces.live.trigger.isVisible()


@pytest.mark.parametrize("shown", [0, 5.9], indirect=True)
def test_parts_are_inspected_by_button_space_bar_and_pedal(
    qtbot: QtBot, shown: Window, real: Station, source: FakeSource
) -> None:
    choose(qtbot, shown, "hand")
    real.save_settings(pedal_key="F7")
    shown.go("live")
    live = shown.spaces.live
    with Stage(source) as stage:
        stage.now = part(FAIL)
        click(qtbot, live.trigger.inspect)
        qtbot.waitUntil(lambda: real.session_counts().total == 1, timeout=10_000)
        check(shown, "live, by hand")
        assert not real.line.trigger.busy
        for number, key in ((2, Qt.Key.Key_Space), (3, Qt.Key.Key_F7)):
            qtbot.waitUntil(lambda key=key, number=number: pressed(qtbot, shown, real, key, number), timeout=10_000)  # type: ignore[misc]
        qtbot.waitUntil(lambda: live.trigger.note.text().startswith("3 triggered"), timeout=5_000)
        qtbot.waitUntil(lambda: live.tile.words in ("FAIL", "READY"))


def test_the_empty_place_is_taught_and_parts_are_seen(
    qtbot: QtBot, shown: Window, real: Station, source: FakeSource
) -> None:
    with Stage(source) as stage:
        choose(qtbot, shown, "presence", still="0.05", percent="1,5")
        assert real.settings.presence_percent == 1.5 and real.settings.presence_still == 0.05
        shown.go("live")
        live = shown.spaces.live
        qtbot.waitUntil(lambda: "Clear the place" in live.trigger.words.text(), timeout=5_000)
        check(shown, "live, not taught")
        click(qtbot, live.trigger.teach)
        qtbot.waitUntil(lambda: live.trigger.words.text() == "Ready for a part", timeout=10_000)
        qtbot.waitUntil(lambda: live.tile.words == "READY" and live.reason.text() == "Ready for a part")
        stage.now = part(FAIL)
        qtbot.waitUntil(lambda: real.session_counts().failed == 1, timeout=10_000)
        qtbot.waitUntil(lambda: live.tile.words == "FAIL")
        qtbot.waitUntil(lambda: live.trigger.words.text() == "Take the part away", timeout=5_000)
        check(shown, "live, a part lies there")
        choose(qtbot, shown, "presence")
        card = shown.spaces.setup.line.ways
        assert card.teach.isVisible()
        click(qtbot, card.teach)
        qtbot.waitUntil(lambda: card.words.text().startswith("Learned"), timeout=10_000)


def test_a_wrong_number_is_named(qtbot: QtBot, shown: Window, real: Station) -> None:
    shown.go("setup")
    shown.spaces.setup.open("line")
    card = shown.spaces.setup.line.ways
    card.way.button("timer").click()
    for text, words in (("soon", "not a number"), ("0", "trigger_seconds")):
        card.seconds.setText(text)
        click(qtbot, card.save)
        qtbot.waitUntil(lambda words=words: words in card.words.text())  # type: ignore[misc]
    assert real.settings.trigger == "source"


def test_by_code_the_bar_says_what_to_do(qtbot: QtBot, shown: Window, real: Station) -> None:
    choose(qtbot, shown, "code")
    shown.go("live")
    bar = shown.spaces.live.trigger
    qtbot.waitUntil(lambda: bar.isVisible() and bar.words.text() == "Hold the part's code before the camera")
