"""Lines of a checklist by touch and by keys: by hand, and against a model; also on a 10-inch screen."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.domain.plan import FindingKind, TickState
from app.station import Station
from tests.inspection.fakes import FAIL, PASS
from tests.inspection.test_rounds_workbooks import GOOD, write
from tests.ui.conftest import Tap
from tests.ui.test_layout import check
from tests.ui.test_plans import (  # noqa: F401 - fixtures
    EVENING,
    MORNING,
    Clock,
    begin,
    clock,
    file,
    page,
    station,
)
from ui.plans import PlansPage
from ui.theme import current
from ui.window import Window

DAY = date(2026, 11, 26)


@pytest.fixture
def planned(qtbot: QtBot, station: Station, page: PlansPage, clock: Clock, tmp_path: Path) -> PlansPage:  # noqa: F811
    """A plan with a hood that people judge by two lines, and a motor that a model judges."""
    clock.now = MORNING.replace(hour=5)
    path = write(
        tmp_path / "plans.xlsx",
        {**GOOD, "times": "08:00", "component": "H-1", "name": "Hood", "checkpoint": "Belt not torn"},
        {"checkpoint": "Guard closed and its four screws tight"},
        {"component": "M-1", "name": "Motor", "model": "plate@1", "checkpoint": "No dent"},
    )
    station.rounds.import_plans(station.rounds.read_workbook(path).result(10))
    clock.now = MORNING
    page.refresh()
    qtbot.waitUntil(lambda: len(page.rounds.cards) == 1)
    return page


def states(page: PlansPage) -> list[TickState | None]:  # noqa: F811
    return [one.line.state for one in page.step.checklist.rows]


def shows(qtbot: QtBot, page: PlansPage, *wanted: TickState | None) -> None:  # noqa: F811
    qtbot.waitUntil(lambda: page.step.middle.currentIndex() == 0 and states(page) == list(wanted))


def test_lines_by_touch_and_by_keys(
    qtbot: QtBot, window: Window, planned: PlansPage, station: Station, clock: Clock, tap: Tap, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    page, step = planned, planned.step  # noqa: F811
    good, bad, not_there = TickState.GOOD, TickState.NOT_GOOD, TickState.NOT_APPLICABLE
    begin(qtbot, page, tap)
    shows(qtbot, page, None, None)
    assert step.take.property("kind") == "plain", "the lines are what is asked for"
    check(window, "lines")
    tap(step.checklist.rows[0].buttons[good])
    shows(qtbot, page, good, None)
    assert "1 line to tick here" in step.place.text() and step.next.property("kind") == "plain"
    tap(step.back)
    qtbot.waitUntil(lambda: page.rounds.cards[0].open.text() == "Go on")
    begin(qtbot, page, tap)
    shows(qtbot, page, good, None)  # goes on where it was left
    # Keys: the first open line is the one they answer.
    qtbot.keyClick(step, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: step.middle.currentWidget() is step.reasons)  # keys wait until they are no scanner's
    assert "Guard closed" in step.reasons.title.text()
    check(window, "why a line")
    tap(step.chips[0])
    shows(qtbot, page, good, not_there)
    assert step.taken.words == "No picture needed" and step.next.property("kind") == "primary"
    qtbot.keyClick(step, Qt.Key.Key_Up)
    qtbot.keyClick(step, Qt.Key.Key_2)  # not good asks for nothing
    shows(qtbot, page, bad, not_there)
    tap(step.next)
    qtbot.waitUntil(lambda: step.title.text() == "M-1  Motor")
    shows(qtbot, page, None)
    step.take_file(file(tmp_path / "a" / "m.png", FAIL, 1))
    qtbot.waitUntil(lambda: not step.round.open)
    clock.now = EVENING
    tap(step.back)
    tap(page.primary)
    result = page.result
    qtbot.waitUntil(lambda: result.result is not None and not result.busy and result.result.waiting == 0)
    assert [one.component.key for one in result.result.of(FindingKind.DEFECT)] == ["H-1", "M-1"]
    qtbot.waitUntil(lambda: "Belt not torn: not good" in result.about.text())
    check(window, "list with lines")
    # The motor's model is overruled, with a reason.
    page.open_round(station.rounds.rounds()[0], "M-1")
    qtbot.waitUntil(lambda: page.stack.currentWidget() is step)
    shows(qtbot, page, bad)
    assert "The model: not good" in step.checklist.rows[0].said.text()
    tap(step.checklist.rows[0].buttons[good])
    assert "whatever the model says" in step.reasons.title.text() and states(page) == [bad]
    tap(step.chips[0])
    shows(qtbot, page, good)
    assert "the model said not good" in step.checklist.rows[0].said.text()
    check(window, "overruled")
    station.rounds.close_day(DAY)
    page.refresh()
    qtbot.waitUntil(lambda: page._result is not None and page._result.closed)
    page.open_round(station.rounds.rounds()[0], "H-1")
    shows(qtbot, page, bad, not_there)
    assert not step.checklist.rows[0].buttons[good].isEnabled()
    qtbot.keyClick(step, Qt.Key.Key_1)
    assert station.rounds.lines(station.rounds.rounds()[0], "H-1")[0].state is bad


@pytest.mark.parametrize(
    ("size", "pixels_per_mm"), [((1024, 700), 0.0), ((1920, 1080), 0.0), ((1280, 800), 1280 / 217)]
)
def test_lines_find_room(
    qtbot: QtBot, window: Window, planned: PlansPage, station: Station, clock: Clock, tmp_path: Path,  # noqa: F811
    size: tuple[int, int], pixels_per_mm: float,
) -> None:  # fmt: skip
    page = planned  # noqa: F811
    station.save_settings(pixels_per_mm=pixels_per_mm)
    window.spaces.setup.settings_changed.emit()
    window.resize(*size)
    each = station.rounds.rounds()[0]
    each = station.rounds.take_file(each, "M-1", file(tmp_path / "m.png", PASS, 1)).result(10)
    station.rounds.judge(DAY).result(10)
    station.rounds.answer_line(each, "M-1", "No dent", TickState.NOT_GOOD, "there is one on the back that it can't see")
    for component in ("H-1", "M-1"):
        page.open_round(station.rounds.rounds()[0], component)
        qtbot.waitUntil(lambda component=component: page.step.isVisible() and page.step.component.key == component)
        qtbot.waitUntil(lambda: bool(page.step.checklist.rows))
        check(window, component)
        for row in page.step.checklist.rows:
            for button in row.buttons.values():
                assert min(button.width(), button.height()) >= current().metrics.touch
