"""Recipes on the screen: kept in Set-up, changed over to from the top bar, by a scanned code, and back with one tap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.station import Station
from app.status import Phase
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting
from tests.ui.conftest import click
from tests.ui.test_layout import check
from ui.window import Window


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    stations = Stations(tmp_path, monkeypatch)
    stations.sources["usb:1"] = camera
    station = inspecting(stations, camera())
    station.save_settings(source=CAMERA, model=MODEL, product="Bracket")
    yield station
    stations.close()


def keep(qtbot: QtBot, window: Window, name: str, **fields: str) -> None:
    window.go("setup")
    window.spaces.setup.open("recipes")
    page = window.spaces.setup.recipes
    page.name.setText(name)
    for key, text in fields.items():
        getattr(page, key).setText(text)
    click(qtbot, page.keep)
    qtbot.waitUntil(lambda: page.words.text().startswith(f"{name} is kept"), timeout=10_000)


@pytest.mark.parametrize("shown", [0, 5.9], indirect=True, ids=["mouse", "10 inch"])
def test_two_recipes_are_kept_and_changed_over_to_and_back(qtbot: QtBot, shown: Window, real: Station) -> None:
    sheet = shown.changing
    click(qtbot, shown.top.change)
    assert sheet.isVisible() and sheet.nothing.isVisible()
    check(shown, "no recipe yet")
    click(qtbot, sheet.edit)
    qtbot.waitUntil(lambda: shown.place == "setup" and not sheet.isVisible())
    keep(qtbot, shown, "Bracket", number="7", code="R-7", limits="scratch=10mm2")
    real.save_settings(source="usb:1", product="Plate", trigger="hand")
    keep(qtbot, shown, "Plate", number="8", code="R-8", limits="")
    check(shown, "recipes")
    page = shown.spaces.setup.recipes
    assert list(page.rows) == ["Bracket", "Plate"] and not page.rows["Plate"].use.isEnabled()
    qtbot.waitUntil(lambda: shown.top.product.text() == "Plate")

    click(qtbot, shown.top.change)
    shown.go("alarms")
    assert not sheet.isVisible()  # whoever goes elsewhere has left it
    click(qtbot, shown.top.change)
    check(shown, "change-over")
    click(qtbot, sheet.buttons["Bracket"])
    qtbot.waitUntil(lambda: real.state().product == "Bracket" and not sheet.isVisible(), timeout=10_000)
    qtbot.waitUntil(lambda: shown.place == "live" and shown.top.product.text() == "Bracket")
    click(qtbot, shown.top.change)
    back = sheet.buttons["Plate"]
    assert back.text() == "Back to Plate" and back.property("kind") == "primary"
    click(qtbot, back)
    qtbot.waitUntil(lambda: real.state().product == "Plate" and real.settings.trigger == "hand", timeout=10_000)
    shown.guard.scanned("R-7")
    qtbot.waitUntil(lambda: real.state().product == "Bracket", timeout=10_000)


def test_what_can_not_be_is_said_where_it_was_asked(qtbot: QtBot, shown: Window, real: Station, tmp_path: Path) -> None:
    keep(qtbot, shown, "Bracket", number="7")
    page = shown.spaces.setup.recipes
    page.name.setText("Other")
    for fields, words in (
        ({"number": "seven"}, "not a number"),
        ({"number": "7.5"}, "whole"),
        ({"number": "7"}, "Bracket's"),
        ({"number": "9", "limits": "a lot"}, "corrosion=12.5mm2"),
    ):
        for key, text in fields.items():
            getattr(page, key).setText(text)
        click(qtbot, page.keep)
        qtbot.waitUntil(lambda words=words: words in page.words.text(), timeout=10_000)  # type: ignore[misc]
    (tmp_path / "no.recipe").write_text("nothing")
    page.take_from(tmp_path / "no.recipe")
    qtbot.waitUntil(lambda: "no recipe that this program can read" in page.words.text(), timeout=10_000)
    page.changes.button("on").click()
    qtbot.waitUntil(lambda: real.settings.line_changes, timeout=10_000)


def test_removing_asks_once(qtbot: QtBot, shown: Window, real: Station) -> None:
    keep(qtbot, shown, "Bracket")
    page = shown.spaces.setup.recipes
    click(qtbot, page.rows["Bracket"].remove)
    assert page.yes.isVisible() and "Bracket" in page.asked.text()
    check(shown, "removing")
    click(qtbot, page.no)
    assert not page.yes.isVisible() and real.recipes.all()
    click(qtbot, page.rows["Bracket"].remove)
    click(qtbot, page.yes)
    qtbot.waitUntil(lambda: not real.recipes.all() and page.nothing.isVisible(), timeout=10_000)


def test_a_fault_of_the_new_recipe_shows_and_the_old_one_is_one_tap_away(
    qtbot: QtBot, shown: Window, real: Station
) -> None:
    keep(qtbot, shown, "Bracket")
    real.save_settings(source="video:/nowhere/at/all.mp4", product="Film")
    keep(qtbot, shown, "Film")
    real.recipes.use("Film")
    qtbot.waitUntil(lambda: real.state().phase in (Phase.WAITING, Phase.FAULT), timeout=10_000)
    click(qtbot, shown.top.change)
    click(qtbot, shown.changing.buttons["Bracket"])
    qtbot.waitUntil(lambda: real.state().phase is Phase.INSPECTING, timeout=10_000)
