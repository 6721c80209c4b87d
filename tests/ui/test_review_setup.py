"""Set-up, Review: the rates and when a retraining is proposed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.fake_station import FakeStation
from tests.ui.test_layout import check
from ui.setup.review import ReviewSetup
from ui.theme import current
from ui.window import Window


@pytest.fixture
def page(window: Window) -> ReviewSetup:
    window.go("setup")
    window.spaces.setup.open("review")
    return window.spaces.setup.review


def save(qtbot: QtBot, page: ReviewSetup) -> None:
    qtbot.mouseClick(page.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.words.text()) and page.primary.isEnabled())


def test_rates_are_shown_in_percent_and_saved_as_shares(qtbot: QtBot, page: ReviewSetup, station: FakeStation) -> None:
    assert page.editors["review_pass_rate"].text() == "2" and page.editors["retrain_below_agreement"].text() == "90"
    page.editors["review_pass_rate"].setText("7,5")
    page.editors["retrain_after_labels"].setText("50")
    save(qtbot, page)
    assert page.words.kind == "good"
    assert station.settings.review_pass_rate == 0.075 and station.settings.retrain_after_labels == 50


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("review_fail_rate", "often", "often is not a number"),
        ("review_fail_rate", "120", "give 0 to 100"),
        ("retrain_after_labels", "3", "retrain_after_labels"),
        ("review_days", "1.5", "not a whole number"),
    ],
)
def test_what_can_not_be_is_named_and_nothing_is_saved(
    qtbot: QtBot, page: ReviewSetup, station: FakeStation, key: str, text: str, words: str
) -> None:
    before = station.settings
    page.editors[key].setText(text)
    save(qtbot, page)
    assert page.words.kind == "bad" and words in page.words.text()
    assert station.settings == before and page.editors[key].text() == text


@pytest.mark.parametrize("pixels_per_mm", [0.0, 5.9])
def test_it_fits(qtbot: QtBot, window: Window, page: ReviewSetup, pixels_per_mm: float) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    current().apply(app, "dark", pixels_per_mm)
    check(window, "review")
    assert min(each.height() for each in page.editors.values()) >= current().metrics.touch
    current().apply(app, "dark", 0.0)
