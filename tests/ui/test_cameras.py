"""Several cameras on Live and in Set-up, by touch, through a real station."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.beside import FIRST
from app.domain.errors import SourceError
from app.domain.verdict import Verdict
from app.station import Station
from app.status import ModelEntry, Phase
from tests.inspection.fakes import FAIL, PASS, RETEST, FakeSource, picture, wait_for
from tests.inspection.stations import Stations, camera, inspecting
from tests.ui.conftest import Tap
from tests.ui.test_layout import check
from ui.live.cameras import CameraTile
from ui.window import Window


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def first() -> FakeSource:
    return camera()


@pytest.fixture
def others(stations: Stations) -> dict[str, FakeSource]:
    made = {f"usb:{number}": FakeSource(address=f"usb:{number}") for number in range(1, 8)}
    for address, source in made.items():
        stations.sources[address] = lambda source=source: source
    return made


@pytest.fixture
def station(stations: Stations, first: FakeSource, others: dict[str, FakeSource]) -> Station:
    return inspecting(stations, first)


def beside(station: Station, **sources: str) -> None:
    for name, source in sources.items():
        station.beside.add(name, source)
    wait_for(lambda: all(view.line.state().phase is Phase.INSPECTING for view in station.beside.views()))


def tile(window: Window, name: str) -> CameraTile:
    return next(one for one in window.live.grid.tiles if one.name == name)


def shows(qtbot: QtBot, window: Window, name: str, verdict: Verdict) -> None:
    one = tile(window, name)
    qtbot.waitUntil(lambda: one.verdict.text() == verdict.value and one.picture.painted_picture is not None)


def test_one_camera_alone_has_no_grid(qtbot: QtBot, window: Window, first: FakeSource) -> None:
    first.push(picture(PASS))
    qtbot.waitUntil(lambda: window.live.shown.picture is not None)
    assert not window.live.all_button.isVisible()
    assert window.live.part.text().startswith("Part ")


def test_all_side_by_side_and_one_large(
    qtbot: QtBot, window: Window, station: Station, first: FakeSource, others: dict[str, FakeSource], tap: Tap
) -> None:
    beside(station, Left="usb:1", Right="usb:2")
    live = window.live
    qtbot.waitUntil(live.all_button.isVisible)
    tap(live.all_button)
    assert live.stage.currentWidget() is live.grid
    assert [one.name for one in live.grid.tiles] == [FIRST, "Left", "Right"]
    for source, score, name, verdict in (
        (first, PASS, FIRST, Verdict.PASS),
        (others["usb:1"], FAIL, "Left", Verdict.FAIL),
        (others["usb:2"], RETEST, "Right", Verdict.RETEST),
    ):
        source.push(picture(score))
        shows(qtbot, window, name, verdict)
    qtbot.waitUntil(lambda: live.shown.verdict == first.given[-1].id)
    assert live.part.text().startswith(f"{FIRST}: Part ")

    tap(tile(window, "Left"))
    qtbot.waitUntil(lambda: live.shown.verdict == others["usb:1"].given[-1].id)
    assert live.part.text().startswith("Left: Part ") and live.stage.currentWidget() is live.grid
    check(window, "three cameras")
    tap(tile(window, "Left"))  # the one that is marked already: large
    assert live.stage.currentWidget() is live.picture
    qtbot.waitUntil(lambda: live.shown.picture == others["usb:1"].given[-1].id)
    first.push(picture(FAIL, noise=2))  # what another camera sees does not take the picture's place
    others["usb:1"].push(picture(PASS, noise=3))
    qtbot.waitUntil(lambda: len(others["usb:1"].given) == 2 and live.shown.verdict == others["usb:1"].given[-1].id)
    tap(live.all_button)
    shows(qtbot, window, FIRST, Verdict.FAIL)
    qtbot.waitUntil(lambda: live._figures["defect"].text() == "2")  # of all cameras together


def test_a_lost_or_removed_camera_says_so_in_its_place(
    qtbot: QtBot, window: Window, station: Station, others: dict[str, FakeSource], tap: Tap
) -> None:
    beside(station, Left="usb:1")
    live = window.live
    qtbot.waitUntil(live.all_button.isVisible)
    tap(live.all_button)
    others["usb:1"].push(picture(PASS))
    shows(qtbot, window, "Left", Verdict.PASS)
    tap(tile(window, "Left"))
    others["usb:1"].opening = [SourceError("The cable is out.")] * 100
    others["usb:1"].push(SourceError("The cable is out."))
    one = tile(window, "Left")
    qtbot.waitUntil(lambda: one.stage.currentWidget() is one.nothing and "cable is out" in one.nothing.text())
    assert one.verdict.text() == "", "an old verdict does not stand over a dead camera"
    qtbot.waitUntil(lambda: "NO CAMERA" in live.tile.accessibleName())
    station.beside.remove("Left")
    qtbot.waitUntil(lambda: not live.all_button.isVisible())
    assert live.stage.currentWidget() is not live.grid and live.grid.current == FIRST


@pytest.mark.parametrize("number", [2, 5, 8])
def test_any_number_has_room(qtbot: QtBot, window: Window, station: Station, number: int) -> None:
    beside(station, **{f"Camera at the place {place}": f"usb:{place - 1}" for place in range(2, number + 1)})
    live = window.live
    qtbot.waitUntil(lambda: len(live.grid.tiles) == number)
    live.show_all(True)
    for size in ((1024, 700), (1280, 800), (1920, 1080)):
        window.resize(*size)
        check(window, f"{number} cameras at {size}")
        assert len({one.size().width() // 4 for one in live.grid.tiles}) == 1, "all are as large as each other"


def test_a_camera_is_added_and_removed_in_set_up(
    qtbot: QtBot, window: Window, station: Station, tmp_path: Path, tap: Tap
) -> None:
    trained = ModelEntry("plate", 1, tmp_path / "plate-1.model", datetime.now(UTC), 20, "base")
    station.models = lambda: [trained]  # type: ignore[method-assign]
    window.go("setup")
    page = window.spaces.setup.source
    card = page.cameras
    page.kind.button("folder").click()
    page.folder.setText(str(tmp_path / "parts"))
    (tmp_path / "parts").mkdir()
    qtbot.waitUntil(lambda: page.model.currentData() == "plate@1")
    tap(card.add)
    assert "name" in card.words.text()
    card.name.setText("Left side")
    tap(card.add)
    qtbot.waitUntil(lambda: "Left side is inspected too" in card.words.text())
    (one,) = station.settings.cameras
    assert (one.name, one.source, one.model, one.product) == (
        "Left side",
        f"folder:{tmp_path / 'parts'}",
        "plate@1",
        "plate",
    )
    qtbot.waitUntil(lambda: "Left side" in card.states and "with plate@1" in card.states["Left side"].text())
    check(window, "a camera in set-up")
    card.name.setText("Other side")
    page._edited()
    tap(card.add)
    qtbot.waitUntil(lambda: "watched already, by Left side" in card.words.text())
    (remove,) = (one for one in card.findChildren(QPushButton) if one.accessibleName() == "Remove Left side")
    tap(remove)
    qtbot.waitUntil(lambda: station.beside.views() == ())
    qtbot.waitUntil(lambda: card.states == {})


def test_all_look_at_one_part_and_make_one_verdict(
    qtbot: QtBot, window: Window, station: Station, first: FakeSource, others: dict[str, FakeSource], tap: Tap
) -> None:
    beside(station, Left="usb:1", Right="usb:2")
    window.go("setup")
    card = window.spaces.setup.source.cameras
    qtbot.waitUntil(lambda: set(card.states) == {"Left", "Right"})
    tap(card.together.button("part"))
    qtbot.waitUntil(card.rule.isVisible)
    tap(card.failing.button("2"))
    qtbot.waitUntil(lambda: station.settings.views_failing == 2 and card.failing.value() == "2")
    tap(card.failing.button("1"))
    qtbot.waitUntil(lambda: station.settings.views_failing == 1)
    check(window, "views of one part in set-up")
    wait_for(lambda: [view.line.state().phase for view in station.beside.views()] == [Phase.INSPECTING] * 2)

    window.go("live")
    live = window.live
    qtbot.waitUntil(lambda: live.stage.currentWidget() is live.grid)
    views = [view.line.trigger for view in station.beside.views()]
    first.push(picture(PASS))
    qtbot.waitUntil(lambda: all(trigger.busy for trigger in views))
    others["usb:1"].push(picture(PASS, noise=2))
    others["usb:2"].push(picture(FAIL, noise=3))
    qtbot.waitUntil(lambda: live.shown.verdict == first.given[-1].id)
    assert live.prepared is not None and live.prepared.outcome.verdict is Verdict.FAIL
    assert live.reason.text() == "Right: 0.90"
    for name, verdict in ((FIRST, Verdict.PASS), ("Left", Verdict.PASS), ("Right", Verdict.FAIL)):
        shows(qtbot, window, name, verdict)
    assert live._figures["defect"].text() == "1" and live._figures["good"].text() == "0"
    check(window, "three views of one part")

    tap(live.strip.tiles[0])
    sheet = live.sheet
    qtbot.waitUntil(lambda: sheet.isVisible() and sheet.picture.has_picture)
    assert sheet.views.choice is not None and sheet.views.choice.value() == "2"  # the one that decided
    tap(sheet.views.choice.button("0"))
    qtbot.waitUntil(lambda: sheet.picture.has_picture)
    assert sheet.picture._inspection is not None and sheet.picture._inspection.verdict is Verdict.PASS
    check(window, "one of three views of a part")
    tap(sheet.all)
    page = window.spaces.part
    qtbot.waitUntil(lambda: page.file is not None and page.views.isVisible(), timeout=10_000)
    assert page.views.choice is not None
    tap(page.views.choice.button("1"))
    qtbot.waitUntil(lambda: page._view is not None and page._view.verdict is Verdict.PASS and page._image is not None)
    check(window, "views of a part on record")
    station.save_settings(views="apart")
    window.go("live")
    qtbot.waitUntil(lambda: live.stage.currentWidget() is not live.grid)
