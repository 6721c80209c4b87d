"""Fingers and eyes: what a touch leaves behind, what stands where nothing is yet, what a finger can hit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QApplication, QTableView, QToolButton
from pytestqt.qtbot import QtBot

from tests.ui.conftest import Inspect
from tests.ui.fake_station import FakeStation
from ui.live.picture import smooth_outline
from ui.live.strip import HINT
from ui.ports import Phase
from ui.rail import PLACE_KEYS
from ui.theme import current
from ui.window import Window


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_finger_leaves_no_focus_ring_behind(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    window.activateWindow()
    inspect(0.9)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    for button in (window.live.mode_button, window.live.run_button, window.alarm_strip.button):
        click(qtbot, button)
        assert not button.hasFocus()
    qtbot.waitUntil(lambda: window.alarm_strip.alarm is None)
    for key in PLACE_KEYS:
        window.go(key)
        assert not isinstance(QApplication.focusWidget(), QAbstractButton), key


def test_acknowledging_by_key_leaves_no_other_button_ready_for_the_next_enter(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    window.activateWindow()
    inspect(0.9)
    button = window.alarm_strip.button
    qtbot.waitUntil(button.isVisible)
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.alarm_strip.alarm is None)
    assert not isinstance(QApplication.focusWidget(), QAbstractButton)


def test_the_empty_strip_says_what_it_is_for_and_failed_parts_are_marked(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    strip = window.live.strip
    assert strip.hint.text() == HINT and not any(tile.isVisible() for tile in strip.tiles)
    inspect(0.3)
    inspect(0.9)
    assert [tile.isVisible() for tile in strip.tiles[:3]] == [True, True, False]
    assert strip.hint.text() == HINT
    red = current().colour("failed")
    pictures = [tile.grab().copy(4, 4, 88, 62).toImage() for tile in strip.tiles[:2]]
    marked = [
        any(picture.pixelColor(x, y) == red for x in range(picture.width()) for y in range(picture.height()))
        for picture in pictures
    ]
    assert marked == [True, False]
    for _ in range(4):
        inspect(0.3)
    assert strip.hint.text() == ""


# The offscreen platform says this of every drop-down that opens.
@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
@pytest.mark.parametrize("pixels_per_mm", [0.0, 1280 / 217])
def test_every_day_of_the_calendar_is_large_enough_for_a_finger(
    qtbot: QtBot, window: Window, station: FakeStation, pixels_per_mm: float
) -> None:
    if pixels_per_mm:
        station.save_settings(pixels_per_mm=pixels_per_mm)
        window.spaces.setup.settings_changed.emit()
    window.go("reports")
    click(qtbot, window.spaces.reports.period.button("own"))
    calendar = window.spaces.reports.first.calendarWidget()
    field = window.spaces.reports.first
    QApplication.processEvents()
    qtbot.mousePress(field, Qt.MouseButton.LeftButton, pos=QPoint(field.width() - 20, field.height() // 2))
    qtbot.waitUntil(calendar.isVisible)
    QApplication.processEvents()
    touch = current().metrics.touch
    days = calendar.findChild(QTableView)
    assert isinstance(days, QTableView)
    assert min(days.columnWidth(column) for column in range(7)) >= touch - 1
    assert min(days.rowHeight(line) for line in range(1, 7)) >= touch - 1
    for button in calendar.findChildren(QToolButton):
        if button.isVisible():
            assert min(button.width(), button.height()) >= touch
    calendar.window().close()


def test_a_source_without_a_model_leads_to_training(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    station.known_models = False
    window.go("setup")
    source = window.spaces.setup.source
    click(qtbot, source.kind.button("folder"))
    qtbot.waitUntil(lambda: source.train.isVisible() and source.model.currentText() == "No model yet")
    assert source.need.isVisible() and not source.primary.isVisible()
    click(qtbot, source.train)
    assert window.place == "train"
    window.go("setup")
    click(qtbot, source.kind.button("demo"))
    assert source.primary.isVisible() and source.primary.isEnabled() and not source.train.isVisible()


def test_a_dropped_manifest_is_taken_itself(qtbot: QtBot, window: Window, tmp_path: Path) -> None:
    manifest = tmp_path / "plates.manifest"
    manifest.write_text("", "utf-8")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(manifest))])
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.spaces.train.dropEvent(QDropEvent(QPoint(5, 5), Qt.DropAction.CopyAction, mime, button, none))
    assert window.spaces.train.set.folder.text() == str(manifest)
    assert window.spaces.train.set.product.text() == "plates"


def test_problems_of_a_dataset_are_told_and_do_not_bar_the_way(
    qtbot: QtBot, window: Window, small_set: Path, tmp_path: Path
) -> None:
    said = {"class-name": "normal", "type": "groundtruth/image-classification"}
    names = [small_set / "normal" / f"{index}.png" for index in range(20)]
    names += [tmp_path / f"gone-{index}.png" for index in range(9)]
    lines = [{"source-ref": str(name), "label": 0, "label-metadata": said} for name in names]
    manifest = tmp_path / "plates.manifest"
    manifest.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    window.go("train")
    window.spaces.train.take_folder(manifest)
    qtbot.waitUntil(window.spaces.train.set.train.isEnabled)
    notes = window.spaces.train.set.notes
    assert [note for note in notes if "gone-3" in note] and not [note for note in notes if "gone-4" in note]
    assert "And 5 more like these." in notes


def test_the_next_step_is_the_one_primary_button(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    live = window.live
    for phase, primary in ((Phase.IDLE, live.panel.first), (Phase.STOPPED, live.panel.first)):
        station.set_state(phase, "Words.")
        qtbot.waitUntil(lambda phase=phase: live.panel.phase is phase)
        assert primary.property("kind") == "primary" and live.export_button.property("kind") == "plain"
    station.set_state(Phase.INSPECTING, "Inspecting")
    inspect(0.3)
    assert live.export_button.property("kind") == "primary"


def test_an_outline_loses_its_steps_and_keeps_its_place() -> None:
    steps = [(round(30 * math.cos(turn / 60)) * 4.0, round(30 * math.sin(turn / 60)) * 4.0) for turn in range(377)]
    smooth = smooth_outline(np.array(steps)).toList()
    radii = [math.hypot(point.x(), point.y()) for point in smooth]
    assert min(radii) > 116 and max(radii) < 124
    rough = [math.hypot(x, y) for x, y in steps]
    assert max(radii) - min(radii) < max(rough) - min(rough)
    box = [(0.0, 0.0), (40.0, 0.0), (40.0, 20.0), (0.0, 20.0)]
    assert smooth_outline(np.array(box)) == QPolygonF([QPointF(x, y) for x, y in box])


def test_a_long_source_is_shortened_and_the_health_stays(window: Window, station: FakeStation) -> None:
    before = window.top.camera.mapTo(window, QPoint(0, 0))
    state = replace(station.state(), source="folder:/" + "a-long-name/" * 30, product="P" * 60)
    window.top.show_state(state, "S" * 60)
    QApplication.processEvents()
    assert window.width() == 1280
    assert window.top.camera.mapTo(window, QPoint(0, 0)) == before
