"""What is prepared for the screen, and what is skipped, when verdicts come faster than pictures can be painted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.domain.frame import Frame
from app.domain.inspection import Outcome
from app.domain.verdict import Verdict
from ui.live import prepare as module
from ui.live.picture import PictureView
from ui.live.prepare import Prepared, Preparer
from ui.shared.zoom import Zoom
from ui.theme import current

BOX = (64, 48)
_number = count(1)


def outcome(source: str = "demo:") -> Outcome:
    image = np.full((48, 64, 3), 90, np.uint8)
    return Outcome(Frame(image, source, part_id=str(next(_number))), Verdict.PASS, None, None)


class Held:
    """The worker prepares nothing until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.begun, self._prepare = threading.Event(), threading.Semaphore(0), module.prepare
        self.now = 100.0
        monkeypatch.setattr(module, "prepare", self._held)

    def _held(self, outcome: Outcome, box: tuple[int, int], view: Zoom) -> Prepared:
        self.begun.release()
        assert self.go.wait(10)
        return self._prepare(outcome, box, view)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


@pytest.fixture
def preparer(qtbot: QtBot, held: Held) -> Iterator[Preparer]:
    made = Preparer(clock=lambda: held.now)
    yield made
    held.go.set()
    made.close()


def taken(qtbot: QtBot, preparer: Preparer, number: int) -> list[Outcome]:
    """The next so many, each taken when `ready` has said that there is one."""
    found: list[Outcome] = []

    def take() -> None:
        while (made := preparer.take()) is not None:
            found.append(made.outcome)

    preparer.ready.connect(take)
    qtbot.waitUntil(lambda: len(found) >= number, timeout=10_000)
    return found


def test_two_verdicts_at_nearly_the_same_moment_are_both_shown(qtbot: QtBot, preparer: Preparer, held: Held) -> None:
    first, second, third = outcome(), outcome(), outcome()
    preparer.want(first, BOX)
    assert held.begun.acquire(timeout=10)
    held.now += 0.02
    preparer.want(second, BOX)
    held.now += 0.02
    preparer.want(third, BOX)
    held.go.set()
    assert held.begun.acquire(timeout=10) and held.begun.acquire(timeout=10)
    assert taken(qtbot, preparer, 2)[-2:] == [second, third]


def test_a_screen_that_is_behind_shows_the_newest(qtbot: QtBot, preparer: Preparer, held: Held) -> None:
    first, late, newest = outcome(), outcome(), outcome()
    preparer.want(first, BOX)
    assert held.begun.acquire(timeout=10)
    preparer.want(late, BOX)
    held.now += 0.2  # the screen is busy
    preparer.want(newest, BOX)
    held.go.set()
    found = taken(qtbot, preparer, 1)
    qtbot.waitUntil(lambda: newest in found, timeout=10_000)
    assert late not in found


def test_the_same_verdict_for_another_place_replaces_what_waited(qtbot: QtBot, preparer: Preparer, held: Held) -> None:
    first, second = outcome(), outcome()
    preparer.want(first, BOX)
    assert held.begun.acquire(timeout=10)
    preparer.want(second, BOX)
    preparer.want(second, (32, 24))
    preparer.want(second, (32, 24))
    held.go.set()
    sizes = []
    preparer.ready.connect(
        lambda: sizes.extend([made.picture.width()] if (made := preparer.take()) is not None else [])
    )
    qtbot.waitUntil(lambda: 32 in sizes, timeout=10_000)
    assert sizes == [64, 32]
    assert held.begun.acquire(timeout=0) and not held.begun.acquire(timeout=0)  # prepared once for its new place


def test_what_waits_of_a_camera_that_was_left_is_not_shown(qtbot: QtBot, preparer: Preparer, held: Held) -> None:
    begun, waits, newest = outcome("usb:0"), outcome("usb:0"), outcome("usb:1")
    preparer.want(begun, BOX)
    assert held.begun.acquire(timeout=10)
    preparer.want(waits, BOX)
    preparer.want(newest, BOX)
    held.go.set()
    assert taken(qtbot, preparer, 1) == [newest]


def test_what_is_wanted_can_be_told_by_any_thread(qtbot: QtBot, preparer: Preparer, held: Held) -> None:
    held.go.set()
    shown = outcome()
    teller = threading.Thread(target=preparer.want, args=(shown, BOX))
    teller.start()
    teller.join()
    assert taken(qtbot, preparer, 1) == [shown]


class Behind(QWidget):
    """What a picture lies on, which counts how often it is painted."""

    def __init__(self) -> None:
        super().__init__()
        self.painted = 0

    def paintEvent(self, _event: object) -> None:
        self.painted += 1


def test_a_new_picture_leaves_what_lies_behind_it_alone(qtbot: QtBot) -> None:
    behind = Behind()
    qtbot.addWidget(behind)
    behind.resize(400, 300)
    view = PictureView()
    view.setParent(behind)
    view.setGeometry(20, 20, 300, 200)
    behind.show()
    qtbot.waitExposed(behind)
    qtbot.waitUntil(lambda: behind.painted > 0)
    prepared = module.prepare(outcome(), view.box())
    before = behind.painted
    view.show_prepared(prepared)
    qtbot.waitUntil(lambda: view.painted_picture == prepared.frame_id)
    assert behind.painted == before
    corner = behind.grab().toImage().pixelColor(20, 20)
    assert corner == current().colour("ground")  # outside its round corner
