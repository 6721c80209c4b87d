"""Nothing is cut off, nothing overlaps, at any size of the window and on any screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QLabel,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.ui.conftest import Inspect, area
from tests.ui.fake_station import FakeStation
from ui.ports import Phase
from ui.rail import PLACE_KEYS
from ui.shared.elided import Elided
from ui.window import Window

SIZES = [(1024, 700), (1280, 800), (1920, 1200)]


def shown(root: QWidget) -> Iterator[QWidget]:
    """Every visible widget that a layout has placed, without what a list or a drop-down keeps inside."""
    for child in root.children():
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
            yield child
            if isinstance(child, QScrollArea):
                inner = child.widget()
                if inner is not None:
                    yield from shown(inner)
            elif not isinstance(child, QAbstractScrollArea) and not child.inherits("QComboBox"):
                yield from shown(child)


def faults(window: Window) -> Iterator[str]:
    """What is cut off, stands over its parent's edge, or lies over its neighbour."""
    live = window.live
    over = (live.sheet, live.trend, live.toast, window.changing)  # these lie over the page on purpose
    for widget in shown(window):
        parent = widget.parentWidget()
        assert parent is not None
        if widget in over or isinstance(parent, QAbstractScrollArea | QLineEdit) or parent.inherits("QComboBox"):
            continue
        name = f"{type(widget).__name__} {widget.accessibleName()!r} {widget.geometry().getRect()}"
        if not parent.rect().contains(widget.geometry()) and not isinstance(parent.parent(), QScrollArea):
            yield f"{name} stands over {parent.rect().getRect()}"
        if isinstance(widget, QLabel) and not isinstance(widget, Elided):
            wanted = widget.heightForWidth(widget.width()) if widget.wordWrap() else widget.sizeHint().height()
            if widget.height() < wanted:
                yield f"{name}: {widget.text()!r} needs a height of {wanted}"
            if not widget.wordWrap() and widget.width() < widget.sizeHint().width():
                yield f"{name}: {widget.text()!r} is cut off"
        if isinstance(widget, QAbstractButton) and widget.text() and widget.width() < widget.minimumSizeHint().width():
            yield f"{name}: {widget.text()!r} is cut off"
        if isinstance(parent, QStackedWidget):
            continue
        for other in parent.children():
            if not isinstance(other, QWidget) or other is widget or not other.isVisible() or other.isWindow():
                continue
            if other not in over and other.geometry().intersects(widget.geometry()):
                yield f"{name} lies over {type(other).__name__} {other.geometry().getRect()}"


def check(window: Window, told: str) -> None:
    for _ in range(3):  # a label that wraps asks for its height only when it knows its width
        QApplication.processEvents()
    found = list(faults(window))
    for _ in range(5):
        if not found:
            return
        QApplication.processEvents()  # an answer of a worker may just have come, and is not laid out yet
        found = list(faults(window))
    raise AssertionError("\n".join([told, *found]))


def visit(window: Window, told: str) -> None:
    for key in PLACE_KEYS:
        window.go(key)
        QApplication.processEvents()
        if key == "setup":
            for kind in ("demo", "usb", "industrial", "rtsp", "kvs", "video", "folder"):
                window.spaces.setup.source.kind.button(kind).click()
                check(window, f"{told} source {kind}")
            for chip in ("station", "about"):
                window.spaces.setup.open(chip)
                check(window, f"{told} {chip}")
            window.spaces.setup.open("source")
        elif key == "reports":
            for period in ("today", "yesterday", "week", "own"):
                window.spaces.reports.period.button(period).click()
                check(window, f"{told} reports {period}")
            window.spaces.reports.view.button("merge").click()
            check(window, f"{told} merge")
            window.spaces.reports.view.button("figures").click()
        else:
            check(window, f"{told} {key}")


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off_or_overlaps(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect, size: tuple[int, int]
) -> None:
    window.resize(*size)
    assert (window.width(), window.height()) == size
    visit(window, f"{size} empty")
    window.go("live")
    inspect(0.9)
    inspect(0.9)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    visit(window, f"{size} with alarms")
    window.go("live")
    for phase in (Phase.IDLE, Phase.TRAINING, Phase.WAITING, Phase.STOPPED, Phase.FAULT):
        station.set_state(phase, "rtsp://192.168.1.20:554/stream1 gives no answer. Check its power and its cable.")
        qtbot.waitUntil(lambda phase=phase: window.live.panel.phase is phase)
        check(window, f"{size} {phase}")


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1200)])
def test_a_ten_inch_screen_has_a_higher_top_bar_and_everything_in_it(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect, size: tuple[int, int]
) -> None:
    assert window.top.height() == 56
    station.save_settings(pixels_per_mm=size[0] / 217)  # 217 x 136 mm
    window.spaces.setup.settings_changed.emit()
    window.resize(*size)
    inspect(0.9)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    assert (window.width(), window.height()) == size and window.top.height() == 88
    assert window.live.export_button.height() >= 15 * size[0] / 217
    assert window.live.tile.height() / window.live.height() < 0.45
    visit(window, f"ten inches {size}")


def test_a_window_that_does_not_fit_is_maximised_only_on_a_real_screen(window: Window) -> None:
    window.hide()
    window.show_fitting()
    assert window.isVisible() and not window.isMaximized()
    assert area(window.live, window).intersected(QRect(QPoint(0, 0), window.size())) == area(window.live, window)
