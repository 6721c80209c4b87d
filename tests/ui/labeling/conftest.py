"""A mask editor whose owner keeps its types in a list, with real workers behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.errors import StoreError
from app.domain.labelling import TYPE_COLOURS, DefectType
from tests.ui.fake_station import FakeStation
from ui.app import application
from ui.bridge import Bridge
from ui.labeling.canvas import MaskEditor, Subject
from ui.labeling.canvas.canvas import MaskCanvas
from ui.labeling.canvas.layers import pyramid
from ui.theme import current

SIZE = (800, 600)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Owner:
    """Types in memory, slow work on the bridge's workers; work can be held back to see what happens meanwhile."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.kinds = [DefectType(id, name, TYPE_COLOURS[id - 1]) for id, name in ((1, "scratch"), (2, "dent"))]
        self.full = False
        self.hold = False
        self.held: list[Callable[[], None]] = []

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Any = None) -> None:
        if self.hold:
            self.held.append(lambda: self._bridge.run(work, done, failed))
        else:
            self._bridge.run(work, done, failed)

    def let_go(self) -> None:
        self.hold = False
        held, self.held = self.held, []
        for begin in held:
            begin()

    def types(self) -> tuple[DefectType, ...]:
        return tuple(self.kinds)

    def add_type(self, name: str, done: Callable[[DefectType], None], failed: Callable[[str], None]) -> None:
        def work() -> DefectType:
            if self.full:
                raise StoreError("The library can't be written: its disk is full. Free some room and try again.")
            made = DefectType(max((each.id for each in self.kinds), default=0) + 1, name, TYPE_COLOURS[len(self.kinds)])
            self.kinds.append(made)
            return made

        self._bridge.run(work, done, failed)

    def rename_type(self, type_id: int, name: str, done: Callable[[], None], failed: Callable[[str], None]) -> None:
        self.kinds = [DefectType(each.id, name, each.colour) if each.id == type_id else each for each in self.kinds]
        done()

    def merge_types(self, source: int, into: int, done: Callable[[], None], failed: Callable[[str], None]) -> None:
        self.kinds = [each for each in self.kinds if each.id != source]
        done()


def drawn_picture(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A pale surface with a dark disc of 60 pixels in its middle, and no grain: the same on every machine."""
    picture = np.full((size[1], size[0], 3), (190, 185, 180), np.uint8)
    cv2.circle(picture, (size[0] // 2, size[1] // 2), 60, (40, 50, 60), -1)
    picture[:40] = (120, 120, 90)
    return picture


@pytest.fixture
def owner(station: FakeStation, qtbot: QtBot) -> Iterator[Owner]:
    application(station)
    bridge = Bridge(station)
    yield Owner(bridge)
    bridge.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def canvas(qtbot: QtBot, owner: Owner, clock: Clock) -> Iterator[MaskCanvas]:
    """A canvas of 840 x 630 with the picture at its own size, so that a widget's pixel is one of the picture."""
    made = MaskCanvas(owner.run, clock)
    made.resize(824, 624)
    current().dress(made)
    made.set_types(owner.types())
    made.show()
    qtbot.waitExposed(made)
    made.open(pyramid(drawn_picture()), np.zeros((SIZE[1], SIZE[0]), np.uint8))
    assert made.view.scale == 1.0
    yield made
    made.shut()
    made.hide()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def editor(qtbot: QtBot, owner: Owner, clock: Clock) -> Iterator[MaskEditor]:
    made = MaskEditor(owner, clock)
    made.resize(1280, 800)
    current().dress(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close_page()
    made.hide()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def opened(qtbot: QtBot, editor: MaskEditor, subject: Subject) -> None:
    """Opens a picture and waits until it can be drawn on."""
    editor.open(subject)
    qtbot.waitUntil(lambda: editor.canvas.work is not None)
