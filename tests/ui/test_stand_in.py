"""Where the cloud gave no verdict in time, Live says whose verdict it is, whole, at every size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.cloud.judging import Asker, SecondJudge
from app.domain.inspection import Detection
from tests.inspection.fakes import PASS, FakeDetector, picture
from tests.ui.conftest import Inspect
from tests.ui.fake_station import FakeStation
from tests.ui.test_layout import check
from ui.theme import current
from ui.window import Window

LONG = "The endpoint plates-2 can't be asked: AWS can't be reached. Check the network and the region eu-central-1."


class Gone:
    """A judge elsewhere that gives no answer."""

    ref = FakeDetector().ref

    def detect(self, image: Any) -> Detection:
        from app.cloud.session import CloudError

        raise CloudError(LONG)


@pytest.fixture
def no_answer() -> Iterator[str]:
    """What a real judge adds to the local reason."""
    asker = Asker(Gone(), 5)
    local = FakeDetector()
    yield (
        SecondJudge(local, asker, decides=True)
        .detect(picture(PASS))
        .reason.removeprefix(local.detect(picture(PASS)).reason)
    )
    asker.end()


@pytest.mark.parametrize(
    ("size", "pixels_per_mm"),
    [((1024, 700), 0.0), ((1280, 800), 0.0), ((1280, 800), 5.9), ((1920, 1200), 8.85), ((1920, 1080), 0.0)],
)
def test_the_words_of_a_stand_in_are_not_cut_off(
    qtbot: QtBot,
    window: Window,
    station: FakeStation,
    inspect: Inspect,
    no_answer: str,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    pixels_per_mm: float,
) -> None:
    judged = station._detect

    def stand_in(*given: Any) -> Detection:
        found = judged(*given)
        return replace(found, reason=f"{found.reason}{no_answer}")

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    current().apply(app, "dark", pixels_per_mm)
    try:
        window.resize(*size)
        inspect(0.2)
        live = window.live
        assert live.tile.note == "" and live.tile.note_at.isEmpty()
        monkeypatch.setattr(station, "_detect", stand_in)
        for score in (0.2, 0.58, 0.9):
            inspect(score)
            check(window, f"{size} {score}")
            tile = live.tile
            assert tile.note == "Cloud slow: local verdict stands" and tile.note in tile.accessibleName()
            drawn = tile.note_at
            assert drawn.height() >= 16 and QRectF(tile.rect()).adjusted(8, 8, -8, -4).contains(drawn)
            assert "Local verdict" not in live.reason.text() and "0." in live.reason.text()
            assert "can't be reached" in live.reason.toolTip()
        qtbot.waitUntil(window.alarm_strip.button.isVisible)
        check(window, f"{size} with an alarm")
        monkeypatch.undo()
        inspect(0.2)
        assert live.tile.note == "" and live.tile.note_at.isEmpty() and not live.reason.toolTip()
    finally:
        current().apply(app, "dark", 0.0)
