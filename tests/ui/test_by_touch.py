"""A station made by one finger from nothing: model, folder camera, presence trigger, two outputs, recipe. It runs."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.station import Station
from app.status import Phase
from tests.alarms.receivers import MOSQUITTO, WebServer, broker
from tests.inspection.stations import age
from tests.test_signalling_results import Listener
from tests.ui.conftest import Tap
from ui.rail import RailButton
from ui.shared.keyboard import Keyboard, TouchTyping
from ui.window import Window

pytestmark = [pytest.mark.slow, pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")]

_WATCH = TouchTyping.watch
_TAUGHT, _DEFECTS = 40, 12


@pytest.fixture(autouse=True)
def keys_on_the_screen(no_keys_on_the_screen: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the finger types as well."""
    monkeypatch.setattr(TouchTyping, "watch", _WATCH)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a name that is soon typed."""
    made = Path(tempfile.mkdtemp(prefix="a", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(DataFolder(tmp_path / "station"))
    made.save_settings(source="usb:9")  # not the demo line, which would train a model of its own first
    made.begin()
    yield made
    made.close()


class Finger:
    """Types on the screen's keys, nothing else."""

    def __init__(self, qtbot: QtBot, window: Window, tap: Tap) -> None:
        self._qtbot, self._tap = qtbot, tap
        self.keyboard: Keyboard = window.typing.keyboard

    def writes(self, field: QLineEdit, text: str) -> None:
        keyboard = self.keyboard
        self._tap(field)
        self._qtbot.waitUntil(lambda: keyboard.isVisible() and keyboard.target is field)
        for _ in field.text():
            self._tap(keyboard.keys["erase"])
        for sign in text:
            self._key(sign)
        assert field.text() == text
        self._tap(keyboard.end)
        self._qtbot.waitUntil(lambda: not keyboard.isVisible())

    def _key(self, sign: str) -> None:
        keyboard = self.keyboard
        if sign == " ":
            self._tap(keyboard.keys["space"])
            return
        if sign.isupper():
            self._tap(keyboard.shift)
        shown = [each for each in keyboard.keys.values() if each.text() == sign and each.isVisible()]
        if not shown:
            self._tap(keyboard.signs)  # letters and signs take turns
            shown = [each for each in keyboard.keys.values() if each.text() == sign and each.isVisible()]
        self._tap(shown[0])


def test_a_recipe_for_the_aliens_is_made_by_touch_alone_and_runs(
    qtbot: QtBot, window: Window, station: Station, tap: Tap, place: Path, shared_data: Path, tmp_path: Path
) -> None:
    good, bad = (sorted((shared_data / "aliens" / kind).iterdir()) for kind in ("normal", "anomaly"))
    for kind, pictures in (("normal", good[:_TAUGHT]), ("anomaly", bad[:_DEFECTS])):
        (place / "set" / kind).mkdir(parents=True)
        for picture in pictures:
            shutil.copy(picture, place / "set" / kind)
    (place / "in").mkdir()
    finger = Finger(qtbot, window, tap)
    window.resize(1920, 1080)  # all places stand on the rail
    rail = {button.text(): button for button in window.rail.findChildren(RailButton)}

    tap(rail["Train"])
    page = window.spaces.train
    finger.writes(page.set.product, "Aliens")
    finger.writes(page.set.folder, str(place / "set"))
    qtbot.waitUntil(page.set.train.isEnabled, timeout=20_000)
    tap(page.set.train)
    qtbot.waitUntil(lambda: page.versions.list.count() == 1, timeout=180_000)
    qtbot.waitUntil(lambda: page.results_card.isVisible() and page.results.primary.isEnabled(), timeout=60_000)
    while not station.improving.history("Aliens"):
        tap(page.results.primary)  # the checks of the release, then the release itself
        qtbot.waitUntil(
            lambda: page.results.primary.isEnabled() or bool(station.improving.history("Aliens")), timeout=60_000
        )
    qtbot.waitUntil(lambda: page.results.version.released and page.results.isVisible(), timeout=20_000)
    page.results.show_tab("result")
    qtbot.waitUntil(lambda: page.results.inspect.isVisible() and page.results.inspect.isEnabled())
    tap(page.results.inspect)
    qtbot.waitUntil(lambda: window.place == "setup")

    setup = window.spaces.setup
    qtbot.waitUntil(lambda: bool(setup.source.model.currentData()), timeout=20_000)
    tap(setup.source.kind.button("folder"))
    finger.writes(setup.source.folder, str(place / "in"))
    tap(setup.source.primary)
    qtbot.waitUntil(lambda: window.place == "live" and station.state().phase is Phase.INSPECTING, timeout=30_000)

    with broker(tmp_path) as port, Listener(port) as other, WebServer() as web:
        tap(rail["Set-up"])
        tap(setup.choice.button("line"))
        tap(setup.line.ways.way.button("presence"))
        tap(setup.line.ways.save)
        qtbot.waitUntil(lambda: setup.line.ways.words.text() == "Saved.", timeout=20_000)
        assert station.settings.trigger == "presence"
        finger.writes(setup.line.broker, f"mqtt://127.0.0.1:{port}")
        finger.writes(setup.line.topic, "plant")
        finger.writes(setup.line.webhook, web.url)
        tap(setup.line.primary)
        qtbot.waitUntil(lambda: setup.line.words.text() == "Saved.", timeout=20_000)
        assert station.settings.line_webhook == web.url

        tap(setup.choice.button("recipes"))
        finger.writes(setup.recipes.name, "Aliens")
        finger.writes(setup.recipes.number, "7")
        tap(setup.recipes.keep)
        qtbot.waitUntil(lambda: setup.recipes.words.text().startswith("Aliens is kept"), timeout=20_000)
        qtbot.waitUntil(lambda: window.top.product.text() == "Aliens")
        tap(rail["Live"])

        wanted = [(good[-1], Verdict.PASS), (bad[-1], Verdict.FAIL)]
        for number, (picture, _) in enumerate(wanted, 1):
            arrived = place / "in" / f"part-{number}{picture.suffix}"
            shutil.copy(picture, arrived)
            age(arrived)
            qtbot.waitUntil(lambda number=number: station.session_counts().total == number, timeout=30_000)
        newest = station.recent(2)[::-1]
        assert [(each.part_id, each.verdict) for each in newest] == [
            ("part-1", Verdict.PASS), ("part-2", Verdict.FAIL),
        ]  # fmt: skip
        assert {each.recipe for each in newest} == {"Aliens@1"}
        assert [other.hears("result", part_id=each.part_id)["verdict"] for each in newest] == ["PASS", "FAIL"]
        qtbot.waitUntil(lambda: len(web.posts) == 2, timeout=20_000)
        assert [json.loads(body)["recipe"] for _, body in web.posts] == ["Aliens@1"] * 2
        qtbot.waitUntil(lambda: window.live.tile.accessibleName().find("FAIL") >= 0)
