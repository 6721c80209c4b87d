"""The reports' page over a real station: what it shows is what the database holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.paths import DataFolder
from app.station import Station
from tests.reports import history
from ui.bridge import Bridge
from ui.reports import ReportsPage
from ui.theme import current

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)  # 21:00 in Berlin, in the late shift


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    data = DataFolder(tmp_path / "data").prepare()
    history.make(data.root, each_day=12)
    station = Station(data, now=lambda: NOW)
    station.save_settings(
        station="Press hall",
        zone="Europe/Berlin",
        day_starts_at="06:00",
        shifts=["06:00 Early", "14:00 Late", "22:00 Night"],
        planned_fail_percent=4,
    )
    yield station
    station.close()


@pytest.fixture
def page(qtbot: QtBot, station: Station) -> Iterator[ReportsPage]:
    bridge = Bridge(station)
    page = ReportsPage(bridge)
    qtbot.addWidget(page)
    page.resize(1180, 700)
    current().dress(page)
    page.show()
    page.refresh()
    yield page
    bridge.close()
    page.close_page()


def click(qtbot: QtBot, button: QWidget) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def _counted(station: Station, column: str, first: datetime, last: datetime) -> dict[str, list[str]]:
    query = (
        f"SELECT {column}, COUNT(*), SUM(verdict = 'PASS'), SUM(verdict = 'FAIL'), SUM(verdict = 'RETEST'), "
        "SUM(verdict = 'ERROR') FROM inspection WHERE captured_at >= ? AND captured_at < ? GROUP BY 1"
    )
    moments = [int(each.timestamp() * 1e6) for each in (first, last)]
    with closing(sqlite3.connect(station.data.database)) as connection:
        return {row[0]: [str(number) for number in row[1:]] for row in connection.execute(query, moments)}


def test_the_screen_shows_what_the_database_holds(qtbot: QtBot, page: ReportsPage, station: Station) -> None:
    page.first.setDate(QDate(2026, 10, 1))
    page.last.setDate(QDate(2026, 10, 31))
    click(qtbot, page.period.button("own"))
    # From six in the morning to six, in summer time and in winter time.
    span = datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC)
    total = _counted(station, "''", *span)[""]
    qtbot.waitUntil(lambda: page.values["total"].text() == total[0], timeout=10_000)
    assert [page.values[key].text() for key in ("passed", "failed", "retest", "error")] == total[1:]
    judged = int(total[1]) + int(total[2])
    assert page.values["yield"].text() == f"{100 * int(total[1]) / judged:.1f} %"
    click(qtbot, page.part.button("breakdown"))
    for name, column, nameless in (
        ("Line", "station", ""),
        ("Product", "product", ""),
        ("Inspector", "operator", "nobody signed in"),
        ("Camera", "source", ""),
    ):
        shown = {row[0]: row[1:6] for row in page.breakdown.tables[name]}
        assert shown == {key or nameless: row for key, row in _counted(station, column, *span).items()}, name
    click(qtbot, page.part.button("control"))
    assert "days" in page.control.words.text() and "2026" not in page.control.words.text()
    click(qtbot, page.part.button("plan"))
    qtbot.waitUntil(lambda: bool(page.plan.shown), timeout=10_000)
    lines = {(line.topic, line.what): line for line in page.plan.shown or []}
    planned = next(line for (topic, what), line in lines.items() if what.startswith("all parts"))
    assert planned.basis.startswith(f"{total[2]} of {judged} parts failed")


def test_shifts_are_gone_through_one_by_one(qtbot: QtBot, page: ReportsPage, station: Station) -> None:
    click(qtbot, page.period.button("shift"))
    qtbot.waitUntil(lambda: page.title.text() == "Sun 22 Nov 2026, Late", timeout=10_000)
    assert not page.later.isEnabled()
    click(qtbot, page.earlier)
    qtbot.waitUntil(lambda: page.title.text() == "Sun 22 Nov 2026, Early", timeout=10_000)
    click(qtbot, page.earlier)
    qtbot.waitUntil(lambda: page.title.text() == "Sat 21 Nov 2026, Night", timeout=10_000)
    span = datetime(2026, 11, 21, 21, tzinfo=UTC), datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert page.values["total"].text() == _counted(station, "''", *span).get("", ["0"])[0]
    click(qtbot, page.formats.button("csv"))
    click(qtbot, page.formats.button("xlsx"))
    assert page.formats.value() == ["csv"]
    click(qtbot, page.formats.button("csv"))
    assert page.formats.value() == ["csv"]  # one format stays chosen
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: page.files.count() == 2, timeout=10_000)
    assert (station.data.reports / "press-hall-2026-11-21-night.csv").is_file()


def test_reports_by_themselves_are_set_up_in_the_sheet(qtbot: QtBot, page: ReportsPage, station: Station) -> None:
    click(qtbot, page.schedule)
    sheet = page.sheet
    qtbot.waitUntil(lambda: "None is asked for" in sheet.state.text(), timeout=10_000)
    assert sheet.shifts.text() == "06:00 Early, 14:00 Late, 22:00 Night" and sheet.planned.text() == "4"
    _tick(sheet.each.button("day"))
    _tick(sheet.formats.button("csv"))
    sheet.minutes.setText("12,5")
    sheet.shifts.setText("06:00 Early, 18 Night")
    click(qtbot, sheet.primary)
    qtbot.waitUntil(lambda: "06:00 Early" in sheet.words.text() and sheet.words.kind == "bad", timeout=10_000)
    assert station.settings.report_each == []
    sheet.shifts.setText("06:00 Early, 18:00 Night")
    sheet.planned.setText("four")
    click(qtbot, sheet.primary)
    assert "'four' is no number" in sheet.words.text()
    sheet.planned.setText("")
    click(qtbot, sheet.primary)
    qtbot.waitUntil(lambda: sheet.words.text() == "Saved.", timeout=10_000)
    settings = station.settings
    assert settings.report_each == ["day"] and settings.report_formats == ["xlsx", "pdf", "csv"]
    assert settings.rework_minutes == 12.5 and settings.planned_fail_percent == 0
    assert settings.shifts == ["06:00 Early", "18:00 Night"]
    assert "06:00 Early" in (station.data.settings).read_text("utf-8")
    click(qtbot, sheet.close_button)
    assert not sheet.isVisible()


def test_a_station_without_shifts_asks_for_them(qtbot: QtBot, page: ReportsPage, station: Station) -> None:
    station.save_settings(shifts=[])
    click(qtbot, page.period.button("shift"))
    assert page.sheet.isVisible() and "No shifts are known" in page.words.text()
    assert page.chosen_period() is None


def _tick(button: QWidget) -> None:
    button.click()  # type: ignore[attr-defined]  # it may lie below the edge of the scroll area


def test_the_day_after_the_clocks_change_is_one_day(station: Station) -> None:
    period = station.reporting.days(date(2026, 10, 24), date(2026, 10, 24))
    assert (period.end - period.start).total_seconds() == 25 * 3600
    chart = station.reporting.figures(period).chart
    assert chart is None or [point.name for point in chart.points].count("02:00 again") == 1
