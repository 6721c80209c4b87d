"""The lines of a round's checklist by touch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from app.domain.plan import FindingKind, PlanCheckpoint, PlanComponent, TickState
from app.station import Station
from tests.inspection.fakes import PASS
from tests.round_days import plan
from tests.test_round_ticks import Checking
from tests.ui.test_layout import check
from tests.ui.test_plans import EVENING, MORNING, Clock, Tap, clock, file, page, station, tap, window
from ui.plans import PlansPage
from ui.theme import current
from ui.window import Window

__all__ = ["clock", "page", "station", "tap", "window"]

DAY = MORNING.date()
EYES = PlanComponent("B", "Belt", "", (PlanCheckpoint("not torn"), PlanCheckpoint("tight")))
BOLTED = PlanComponent("F", "Flange", "plate@1", (PlanCheckpoint("bolt there", "bolt 1"), PlanCheckpoint("clean")))


@pytest.fixture
def opened(qtbot: QtBot, station: Station, page: PlansPage, clock: Clock) -> PlansPage:
    """The page on the first step of a round of two components."""
    clock.now = MORNING
    station.rounds.save_plan(replace(plan(EYES, BOLTED)))
    page.open_round(station.rounds.rounds(DAY)[0])
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.step)
    return page


def test_lines_are_answered_and_the_step_is_done_without_a_picture(
    qtbot: QtBot, window: Window, opened: PlansPage, station: Station, tap: Tap
) -> None:
    step = opened.step
    tap(step.lines.buttons["not torn", TickState.GOOD])
    qtbot.waitUntil(lambda: step.lines.buttons["not torn", TickState.GOOD].isChecked())
    assert step.lines.said["not torn"].startswith("Good at ")
    tap(step.lines.buttons["tight", TickState.NOT_APPLICABLE])
    assert step.asks.isVisible() and step.asks.text() == "Why can't tight be looked at?"
    tap(step.chips[0])
    qtbot.waitUntil(lambda: step.lines.buttons["tight", TickState.NOT_APPLICABLE].isChecked())
    assert step.chips[0].text() in step.lines.said["tight"]
    assert step.next.property("kind") == "primary" and step.take.property("kind") == "plain"
    check(window, "ticked")
    each = station.rounds.rounds(DAY)[0]
    assert [one.key for one in each.open] == ["F"]
    tap(step.next)
    assert step.component is not None and step.component.key == "F"


def test_a_models_line_is_overruled_with_a_reason(
    qtbot: QtBot, window: Window, opened: PlansPage, station: Station, clock: Clock, tmp_path: Path, tap: Tap,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    step = opened.step
    step.go(1)
    assert step.lines.said["bolt there"] == "The model answers."
    step.take_file(file(tmp_path / "f.png", PASS, 1))
    qtbot.waitUntil(lambda: not step.bar.busy and bool(station.rounds.rounds(DAY)[0].answers))
    monkeypatch.setattr(station.shelf, "load", lambda name: Checking())
    clock.now = EVENING
    station.rounds.judge(DAY).result(20)
    step.go(1)
    qtbot.waitUntil(lambda: step.lines.said["bolt there"] == "The model: missing.")
    tap(step.lines.buttons["bolt there", TickState.GOOD])
    assert step.asks.text() == "Why is the model wrong about bolt there?" and not step.chips[0].isVisible()
    tap(step.say)
    qtbot.waitUntil(lambda: "Say why the model is wrong" in step.notice.text())
    qtbot.keyClicks(step.reason, "under the paint")
    check(window, "overrule")
    tap(step.say)
    qtbot.waitUntil(lambda: "under the paint" in step.lines.said["bolt there"])
    found = {each.component.key: each.kind for each in station.rounds.result(DAY).findings if each.round.begun_at}
    assert found["F"] is FindingKind.GOOD


@pytest.mark.parametrize(("size", "pixels_per_mm"), [((1024, 700), 0.0), ((1280, 800), 1280 / 217)])
def test_the_lines_find_room(
    qtbot: QtBot, window: Window, opened: PlansPage, station: Station, size: tuple[int, int], pixels_per_mm: float
) -> None:
    station.save_settings(pixels_per_mm=pixels_per_mm)
    window.spaces.setup.settings_changed.emit()
    window.resize(*size)
    opened.step.go(0)
    check(window, "lines")
    chips = list(opened.step.lines.buttons.values())
    assert min(each.height() for each in chips) >= current().metrics.touch
    for each in opened.step.findChildren(QAbstractButton):
        if each.isVisible() and each.text():
            assert each.width() >= each.fontMetrics().horizontalAdvance(each.text()), each.text()
    assert any(each.text() == "not torn" for each in opened.step.findChildren(QLabel))
