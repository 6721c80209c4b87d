"""A window on the fake station, closed behind each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QPointingDevice
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.station import Station
from tests.ui.fake_station import FakeStation
from ui.app import application
from ui.shared.keyboard import TouchTyping
from ui.theme import current
from ui.window import Window

Inspect = Callable[[float], int]
Tap = Callable[[QWidget], None]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[FakeStation]:
    fake = FakeStation(tmp_path / "data")
    yield fake
    fake.close()


@pytest.fixture
def window(qtbot: QtBot, station: FakeStation) -> Iterator[Window]:
    """On the station of the test's file, which may be a real one."""
    application(station)
    made = Window(station)
    made.resize(1280, 800)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close_window()
    made.hide()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def no_keys_on_the_screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's finger presses no Done before it goes on below the keyboard, which has tests of its own."""
    if not request.module.__name__.endswith("test_keyboard"):
        monkeypatch.setattr(TouchTyping, "watch", lambda self: None)


@pytest.fixture
def tap(window: Window) -> Tap:
    """A finger on something: large enough, in sight, and really there."""
    screen = QTest.createTouchDevice(QPointingDevice.DeviceType.TouchScreen)

    def touch(widget: QWidget) -> None:
        QApplication.processEvents()
        above = widget.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(widget)
            QApplication.processEvents()
        assert widget.isVisible() and widget.isEnabled(), widget.accessibleName() or getattr(widget, "text", str)()
        assert widget.height() >= current().metrics.touch
        where = widget.mapTo(window, widget.rect().center())
        assert window.rect().contains(where)
        sequence = QTest.touchEvent(window, screen)
        sequence.press(1, where, window)
        sequence.commit()
        sequence.release(1, where, window)
        sequence.commit()
        QApplication.processEvents()

    return touch


@pytest.fixture
def inspect(qtbot: QtBot, station: FakeStation, window: Window) -> Inspect:
    """Lets one part with a score through and waits until it is painted; gives the frame's id."""

    def one(score: float) -> int:
        frame = station.inspect(score).frame.id
        qtbot.waitUntil(lambda: window.live.shown.picture == window.live.shown.verdict == frame, timeout=3000)
        return frame

    return one


def area(widget: QWidget, window: QWidget) -> QRect:
    """Where a widget lies in the window."""
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.fixture
def shown(qtbot: QtBot, real: Station, request: pytest.FixtureRequest) -> Iterator[Window]:
    """The window of the module's `real` station; of a screen with so many pixels a millimetre where a test says so."""
    real.save_settings(pixels_per_mm=getattr(request, "param", 0))
    application(real)
    window = Window(real)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close_window()
    window.hide()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def click(qtbot: QtBot, widget: QWidget) -> None:
    qtbot.waitUntil(lambda: widget.isVisible() and widget.isEnabled(), timeout=10_000)
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
