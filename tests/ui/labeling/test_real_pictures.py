"""The workspace with real pictures: Lookout's own getting-started set, and sixty magnetic tiles labelled by a scripted
user through real mouse, key and touch events. Skipped where the sample data sets are not beside the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEventPoint, QPointingDevice, QTouchEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.datasets import read_dataset
from app.domain.labelling import LabelState, Query
from tests.ui.fake_station import FakeStation
from tests.ui.labeling.test_page import LEFT, drop, page, tap  # noqa: F401 - fixtures
from ui.labeling.page import LabelPage

SHIFT = Qt.KeyboardModifier.ShiftModifier


def state_of(desk) -> dict[str, tuple[object, ...]]:  # type: ignore[no-untyped-def]
    """What a library says, whatever its own numbers are."""
    names = {each.id: each.name for each in desk.types()}
    found = {}
    for each in desk.pictures(desk.find(Query())):
        plane = desk.mask(each.id)
        drawn = {names[n]: (plane == n).tobytes() for n in np.unique(plane) if n} if plane is not None else {}
        found[each.digest] = (each.state.label, each.state.types, each.state.split, drawn)
    return found


def test_lookouts_own_set_comes_in_is_edited_goes_out_and_comes_in_again(
    qtbot: QtBot,
    page: LabelPage,  # noqa: F811
    station: FakeStation,
    shared_data: Path,
    tmp_path: Path,
) -> None:
    desk = station.labelling
    drop(page, shared_data / "cookies" / "template.manifest")
    gallery = page.browse.gallery
    qtbot.waitUntil(lambda: len(gallery.ids) == 63 and not page.browse.job.busy, timeout=60_000)
    counts = desk.counts()
    assert (counts.normal, counts.anomaly, counts.masked) == (31, 32, 32)
    page.browse.filters.row("labels", "anomaly").click()
    qtbot.waitUntil(lambda: len(gallery.ids) == 32)
    number = gallery.ids[0]
    page.draw(number)
    editor = page.drawing.editor
    qtbot.waitUntil(lambda: editor.canvas.work is not None, timeout=20_000)
    assert editor.canvas.work is not None and editor.canvas.work.plane.any()  # shown with its mask
    before = desk.mask(number)
    middle = editor.canvas.rect().center()
    qtbot.mousePress(editor.canvas, LEFT, pos=middle)
    qtbot.mouseMove(editor.canvas, middle + QPoint(40, 40))
    qtbot.mouseRelease(editor.canvas, LEFT, pos=middle + QPoint(40, 40))
    qtbot.waitUntil(lambda: not np.array_equal(desk.mask(number), before))
    said = state_of(desk)
    out = tmp_path / "out"
    assert desk.export("lookout", out).result(120) == ()
    text = next(out.rglob("*.manifest")).read_text()
    assert '"BACKGROUND"' in text and "#ffffff" in text.lower() and "GMT" not in text
    desk.make("again")
    assert desk.add_from([out]).result(120).refused == []
    assert state_of(desk) == said


def touch(page: LabelPage, place: int, device: QPointingDevice) -> None:  # noqa: F811
    """A finger on a thumbnail. Sent to the viewport itself: QTest's own touches get lost after the first here."""
    gallery = page.browse.gallery
    viewport = gallery.viewport()
    at = QPointF(gallery.rect_of(place).center())
    where = viewport.mapToGlobal(at)
    for kind, state in (
        (QEvent.Type.TouchBegin, QEventPoint.State.Pressed),
        (QEvent.Type.TouchEnd, QEventPoint.State.Released),
    ):
        point = QEventPoint(place, state, where, where)
        event = QTouchEvent(kind, device, Qt.KeyboardModifier.NoModifier, [point])
        QApplication.sendEvent(viewport, event)
        assert event.isAccepted()  # Qt makes no mouse event of it


@pytest.mark.slow
def test_sixty_tiles_are_labelled_by_key_mouse_and_finger(
    qtbot: QtBot,
    page: LabelPage,  # noqa: F811
    station: FakeStation,
    shared_data: Path,
) -> None:
    desk, gallery = station.labelling, page.browse.gallery
    items = [item for item in read_dataset(shared_data / "magnetic-tile").items if item.label]
    chosen = [items[int(i)] for i in np.random.default_rng(1).permutation(len(items))[:60]]
    page.take_in([str(item.path) for item in chosen])
    qtbot.waitUntil(lambda: not page.browse.job.busy and len(gallery.ids) > 50, timeout=60_000)
    names = {each.id: each.name for each in desk.pictures(desk.find(Query()))}
    truth = {item.path.name: item for item in chosen}
    right = [truth[names[number]] for number in gallery.ids]
    kinds = sorted({item.type for item in right if item.type})
    for kind in kinds:
        desk.add_type(kind).result(5)
    qtbot.waitUntil(lambda: len(page.browse._types) == len(kinds))
    order = [each.name for each in desk.types()]

    def key_of(place: int) -> str:
        item = right[place]
        return str(order.index(item.type) + 1) if item.type else "N"

    # A third by keys alone.
    gallery.setFocus()
    qtbot.keyClick(gallery, Qt.Key.Key_Home)
    for place in range(20):
        qtbot.keyClicks(gallery, key_of(place))
    # A third by mouse: a range, the odd ones out by Ctrl, one button.
    tap(qtbot, page, 20)
    tap(qtbot, page, 39, SHIFT)
    for place in range(20, 40):
        if right[place].type:
            gallery.go_to(gallery.ids[place])
            tap(qtbot, page, place, Qt.KeyboardModifier.ControlModifier)
    qtbot.mouseClick(page.browse.good, LEFT)
    for place in range(20, 40):
        if right[place].type:
            gallery.choose([gallery.ids[place]])
            qtbot.keyClicks(gallery, key_of(place))
    # The rest by finger, one kind after the other.
    device = QTest.createTouchDevice()
    qtbot.mouseClick(page.browse.pick, LEFT)
    for kind in ["", *kinds]:
        gallery.choose_nothing()
        places = [place for place in range(40, len(right)) if right[place].type == kind]
        for place in places:
            gallery.go_to(gallery.ids[place])
            touch(page, place, device)
        if places:
            assert gallery.chosen == {gallery.ids[place] for place in places}
            page.browse.classify("anomaly" if kind else "normal", kind)

    def labelled() -> bool:
        states = [each.state for each in desk.pictures(gallery.ids)]
        wanted = [LabelState("anomaly", (item.type,)) if item.type else LabelState("normal") for item in right]
        return states == wanted

    qtbot.waitUntil(labelled, timeout=20_000)
