"""The Review workspace by finger and by keys, on a real record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.domain.person import Role
from app.domain.review import Answer, Candidate, CandidateTest, Case, Why
from app.domain.verdict import Verdict
from app.reviewing import ReviewDesk
from tests.reviews import NOW, record, tiles
from tests.ui.fake_station import FakeStation
from ui.live.picture import Mode
from ui.live.strip import HOLD_MS
from ui.review.page import ReviewPage
from ui.theme import current
from ui.window import Window

Shown = Callable[[], None]


@pytest.fixture
def page(qtbot: QtBot, station: FakeStation, window: Window, shared_data: Path) -> ReviewPage:
    """Three parts wait: the clock stands at the day they were captured."""
    station.reviewing._now = lambda: NOW
    for file in tiles(shared_data, 1, 2):
        record(station.store, file)
    window.go("review")
    shown(qtbot, window.spaces.review)
    return window.spaces.review


def shown(qtbot: QtBot, page: ReviewPage, *, part: bool = True) -> None:
    qtbot.waitUntil(lambda: not page.parts.busy and (page.parts.look is not None) == part, timeout=5000)


def reviews(station: FakeStation) -> list[tuple[Verdict, str]]:
    rows = [row for _, found in station.store.reviewing.reviewed() for row in found]
    return [(row.verdict, row.label) for row in sorted(rows, key=lambda row: row.seq)]


def test_two_taps_say_what_it_is(qtbot: QtBot, page: ReviewPage, station: FakeStation) -> None:
    assert page.parts.progress.text() == "1 of 3 today"
    first = page.parts.look
    assert first is not None and first.waiting.why is Why.RETEST
    QTest.mouseClick(page.parts.bar.buttons[Answer.TRUE_DEFECT], Qt.MouseButton.LeftButton)
    chips = page.parts.bar.chips
    assert chips[0].accessibleName() == "crack" and chips[0].property("kind") == "primary"
    QTest.mouseClick(chips[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.parts.look not in (None, first), timeout=5000)
    assert reviews(station) == [(Verdict.FAIL, "crack")]
    (row,) = station.store.reviews(first.inspection.id)
    assert row.mask  # the proposed mask was taken with it
    assert page.parts.progress.text() == "2 of 3 today"


def test_the_keys_alone(qtbot: QtBot, page: ReviewPage, station: FakeStation) -> None:
    for key in (Qt.Key.Key_2, Qt.Key.Key_3):
        before = page.parts.look
        QTest.keyClick(page, key)
        qtbot.waitUntil(lambda before=before: page.parts.look not in (None, before), timeout=5000)
    QTest.keyClick(page, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: page.parts.bar.asks)  # keys act a moment later: they may be a scanner's
    QTest.keyClick(page, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.parts.bar.asks)
    QTest.keyClick(page, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: page.parts.bar.asks)
    QTest.keyClick(page, Qt.Key.Key_Return)
    shown(qtbot, page, part=False)
    assert reviews(station) == [(Verdict.PASS, ""), (Verdict.RETEST, ""), (Verdict.FAIL, "crack")]
    assert page.parts.title.text() == "Nothing to review"


def test_taking_back_brings_the_same_part_again(qtbot: QtBot, page: ReviewPage, station: FakeStation) -> None:
    first = page.parts.look
    QTest.keyClick(page, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: page.parts.look not in (None, first), timeout=5000)
    QTest.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert first is not None
    qtbot.waitUntil(
        lambda: page.parts.look is not None and page.parts.look.inspection.id == first.inspection.id, timeout=5000
    )
    assert station.store.reviews(first.inspection.id) == []
    assert len(station.store.reviewing.rows(first.inspection.id)) == 2


def test_a_new_type_by_keyboard_and_no_mask(qtbot: QtBot, page: ReviewPage, station: FakeStation) -> None:
    first = page.parts.look
    assert first is not None
    QTest.keyClick(page, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: page.parts.bar.asks)
    page.parts.bar.mask.click()
    QTest.keyClicks(page.parts.bar.new_type, "dent 2")
    QTest.keyClick(page.parts.bar.new_type, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.parts.look not in (None, first), timeout=5000)
    (row,) = station.store.reviews(first.inspection.id)
    assert (row.label, row.mask) == ("dent 2", "")


def test_somebody_elses_answer_is_said_and_the_next_part_comes(
    qtbot: QtBot, page: ReviewPage, station: FakeStation
) -> None:
    first = page.parts.look
    assert first is not None
    other = ReviewDesk(station, lambda: None, improver=station.reviewing.improver, now=lambda: NOW)
    other.answer(first.waiting, Answer.FALSE_ALARM)
    QTest.keyClick(page, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: page.parts.look not in (None, first), timeout=5000)
    assert "Somebody else" in page.parts.notice.text()
    assert reviews(station) == [(Verdict.PASS, "")]


def test_whoever_goes_elsewhere_keeps_no_part(
    qtbot: QtBot, page: ReviewPage, window: Window, station: FakeStation
) -> None:
    first = page.parts.look
    assert first is not None
    other = ReviewDesk(station, lambda: None, improver=station.reviewing.improver, now=lambda: NOW)
    look = other.next()
    assert look is not None and look.inspection.id != first.inspection.id
    window.go("live")
    qtbot.waitUntil(
        lambda: (found := other.next()) is not None and found.inspection.id == first.inspection.id, timeout=5000
    )


def test_both_pictures_zoom_together(qtbot: QtBot, page: ReviewPage, station: FakeStation) -> None:
    view = page.parts.view
    assert view.mode is Mode.OUTLINE
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 4, view.height() // 2))
    assert view.view.factor == 4.0
    shown_part = view.prepared
    assert shown_part is not None and shown_part.picture is not None
    part = view.placed(good=False)
    assert part.width() > view.pane(good=False).width()
    page.parts.fit.click()
    assert view.view.factor == 1.0 and not page.parts.fit.isEnabled()
    QTest.keyClick(page, Qt.Key.Key_Plus)
    qtbot.waitUntil(lambda: view.view.factor == 1.5)
    assert view.placed(good=False).width() == 1.5 * view.fitted(good=False).width()
    QTest.keyClick(page, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: view.view.factor == 1.0)
    for mode in ("Picture", "Heat", "Outline"):
        QTest.keyClick(page, Qt.Key.Key_M)
        qtbot.waitUntil(lambda mode=mode: page.parts.mode.text() == mode)


def test_a_blind_opinion_shows_neither_verdict_nor_answer(
    qtbot: QtBot, page: ReviewPage, window: Window, station: FakeStation
) -> None:
    desk = station.reviewing
    first = page.parts.look
    assert first is not None
    window.go("live")
    station.save_settings(review_second_rate=1.0)
    desk.answer(first.waiting, Answer.TRUE_DEFECT, kind="crack")
    for each in desk.waiting():
        desk.answer(each, Answer.FALSE_ALARM)
    station.people.add("Kim", Role.ENGINEER, pin="2846")
    station.people.sign_in("Kim", "2846")
    window.go("review")
    shown(qtbot, page)
    look = page.parts.look
    assert look is not None and look.waiting.why is Why.SECOND
    words = [each.text() for each in (page.parts.reason, page.parts.said, page.parts.title, page.parts.why)]
    assert not any("crack" in word or "≥" in word or "operator" in word for word in words)
    assert page.parts.shape.isHidden() and page.parts.view.blind and not page.parts.mode.isEnabled()


def test_a_long_press_in_live_sends_a_part_and_a_tap_opens_it(
    qtbot: QtBot, window: Window, station: FakeStation, shared_data: Path
) -> None:
    part = record(station.store, tiles(shared_data, 1)[0], Verdict.PASS)
    station.reviewing._now = lambda: NOW
    window.live.strip.show_parts([part], None)
    tile = window.live.strip.tiles[0]
    QTest.mousePress(tile, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: station.store.reviewing.asked() != {}, timeout=HOLD_MS + 3000)
    QTest.mouseRelease(tile, Qt.MouseButton.LeftButton)
    assert window.live.sheet.isHidden()
    station.reviewing.forget()
    assert [each.why for each in station.reviewing.waiting()] == [Why.ASKED]
    QTest.mouseClick(tile, Qt.MouseButton.LeftButton)
    assert window.live.sheet.isVisible()


def test_figures_and_the_case(qtbot: QtBot, page: ReviewPage) -> None:
    page.show_view("figures")
    figures = page.figures
    qtbot.waitUntil(lambda: figures.case is not None, timeout=5000)
    assert figures.agreement.text() == "No part has had a second opinion yet."
    assert not figures.primary.isEnabled() and "Label" in figures.notice.text()
    ready = Case(
        "Plate", 0, 0, 0, 40, 30, 10, (), (), "",
        Candidate("Plate@2", 30, 0.9, "1.snapshot", CandidateTest(8, 4, (3, 1), (0, 1))), "ready", "Plate@2 is ready.",
    )  # fmt: skip
    figures.show_case(ready)
    assert figures.primary.text() == "Release Plate@2" and figures.primary.isEnabled()
    assert "3 now, 1 with it" in figures.result.text() and figures.second.isVisibleTo(figures)


@pytest.mark.parametrize("pixels_per_mm", [0.0, 5.9])
def test_it_fits_and_is_large_enough_for_a_finger(qtbot: QtBot, page: ReviewPage, pixels_per_mm: float) -> None:
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    current().apply(app, "dark", pixels_per_mm)
    touch = current().metrics.touch
    qtbot.waitUntil(lambda: page.parts.bar.height() >= touch, timeout=2000)
    for button in (*page.parts.bar.buttons.values(), page.parts.mode, page.parts.undo_button):
        assert button.height() >= touch
    assert page.parts.view.height() > 200
    page.parts.bar.choose(Answer.TRUE_DEFECT)
    assert all(chip.sizeHint().height() >= touch for chip in page.parts.bar.chips)
