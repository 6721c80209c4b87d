"""Scores, yield and hours over the live picture."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.domain.calendar import day_bounds
from app.domain.verdict import Verdict
from app.inspection.tally import Tally
from app.store import Store
from tests.store.samples import inspection
from tests.ui.conftest import click
from tests.ui.fake_station import FakeStation
from tests.ui.test_layout import check
from ui.window import Window


@pytest.mark.parametrize("mm", [0, 5.9], ids=["mouse", "10 inch"])
def test_scores_and_hours_open_over_the_picture_and_follow_the_line(
    qtbot: QtBot, window: Window, station: FakeStation, mm: float
) -> None:
    station.save_settings(pixels_per_mm=mm)
    window._settings_changed()
    live = window.live
    click(qtbot, live.trend.opener)
    qtbot.waitUntil(lambda: live.trend.isVisible() and "Nothing was inspected" in live.trend.words.text())
    check(window, "no trend yet")
    for score in (0.2, 0.58, 0.9):
        station.inspect(score)
    qtbot.waitUntil(lambda: live.trend.plot is not None and live.trend.plot.isVisible(), timeout=10_000)
    assert live.trend.plot is not None and len(live.trend.plot._points) == 3
    assert "yield 50" in live.trend.hours.accessibleName()
    assert "crosses failed" in live.trend.words.text()
    check(window, "trend")
    qtbot.keyClick(live.trend, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not live.trend.isVisible())
    click(qtbot, live.trend.opener)
    window.resize(1100, 720)  # what stands over the picture would have lost its place
    qtbot.waitUntil(lambda: not live.trend.isVisible())


def test_hours_are_those_of_the_stations_day_that_have_parts(tmp_path: Path) -> None:
    now = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
    with Store.open(tmp_path / "linesight.db", tmp_path / "images") as store:
        tally = Tally(store, UTC, time(6), newest=20, now=lambda: now)
        start, _ = day_bounds(tally.today(), tally.today(), UTC, time(6))
        for number, (hours, verdict) in enumerate(
            ((-0.5, Verdict.FAIL), (0.1, Verdict.PASS), (2.5, Verdict.FAIL), (2.9, Verdict.PASS), (8.2, Verdict.RETEST))
        ):
            at = start + timedelta(hours=hours)
            store.add_inspection(inspection(number, captured_at=at, verdict=verdict))
        trend = tally.trend(3, 12)
    assert [(hour, counts.total) for hour, counts in trend.hours] == [(6, 1), (8, 2), (14, 1)]
    assert [point.verdict for point in trend.points] == [Verdict.FAIL, Verdict.PASS, Verdict.RETEST]
