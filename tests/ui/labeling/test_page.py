"""The Label workspace on a real library: what a person does with mouse, keys and fingers, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.datasets.library import Library
from app.datasets.library.adding import Incoming
from app.datasets.library.intake import take_in
from app.domain.labelling import Query
from tests.ui.conftest import *  # noqa: F403 - the window's fixtures
from tests.ui.fake_station import FakeStation
from ui.labeling.page import LabelPage
from ui.window import Window

LEFT = Qt.MouseButton.LeftButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def png(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, 3), np.uint8)
    return cv2.imencode(".png", cv2.resize(small, (96, 72), interpolation=cv2.INTER_CUBIC))[1].tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "parts"
    place.mkdir()
    for number in range(1, 13):
        (place / f"part-{number}.png").write_bytes(png(number))
    return place


@pytest.fixture
def page(qtbot: QtBot, window: Window, station: FakeStation) -> LabelPage:
    """An empty library, made as a person makes it."""
    window.go("label")
    page = window.spaces.label
    qtbot.keyClicks(page.start.name, "Cover plate")
    qtbot.mouseClick(page.start.create, LEFT)
    qtbot.waitUntil(lambda: page.browse.isVisible() and station.labelling.place is not None)
    return page


def drop(page: LabelPage, *places: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(place)) for place in places])
    actions, buttons = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    page.dropEvent(QDropEvent(QPointF(5, 5), actions, mime, buttons, Qt.KeyboardModifier.NoModifier))


@pytest.fixture
def filled(qtbot: QtBot, page: LabelPage, folder: Path) -> LabelPage:
    drop(page, folder)
    gallery = page.browse.gallery
    qtbot.waitUntil(lambda: len(gallery.ids) == 12 and not page.browse.job.busy)
    qtbot.waitUntil(lambda: all(page.browse.stock.fact(number) for number in gallery.ids))
    return page


def labels(station: FakeStation) -> list[str]:
    desk = station.labelling
    return [", ".join(each.state.types) or each.state.label or "" for each in desk.pictures(desk.find(Query()))]


def tap(
    qtbot: QtBot, page: LabelPage, place: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    gallery = page.browse.gallery
    qtbot.mouseClick(gallery.viewport(), LEFT, modifier, gallery.rect_of(place).center())


def test_an_empty_library_says_what_to_do_and_takes_what_is_dropped(
    qtbot: QtBot, page: LabelPage, folder: Path
) -> None:
    qtbot.waitUntil(lambda: "drop pictures" in page.browse.gallery.words)
    assert page.browse.open.text() == "Add pictures"
    drop(page, folder)
    qtbot.waitUntil(lambda: len(page.browse.gallery.ids) == 12)
    qtbot.waitUntil(lambda: "12 pictures taken in" in page.said.text())
    assert page.browse.open.text() == "Label next"


def test_keys_label_all_the_way(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    gallery = filled.browse.gallery
    gallery.setFocus()
    station.labelling.add_type("scratch").result(5)
    qtbot.waitUntil(lambda: any(each.name == "scratch" for each in filled.browse._types))
    for key in (Qt.Key.Key_N, Qt.Key.Key_N, Qt.Key.Key_A, Qt.Key.Key_1):
        qtbot.keyClick(gallery, key)  # each goes on to the next picture
    qtbot.waitUntil(lambda: labels(station)[:5] == ["normal", "normal", "anomaly", "scratch", ""])
    assert gallery.current == gallery.ids[4]
    qtbot.keyClick(gallery, Qt.Key.Key_Z, CONTROL)
    qtbot.keyClick(gallery, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: labels(station)[:4] == ["normal", "normal", "", ""])
    qtbot.keyClick(gallery, Qt.Key.Key_Y, CONTROL)
    qtbot.waitUntil(lambda: labels(station)[:4] == ["normal", "normal", "anomaly", ""])
    qtbot.keyClick(gallery, Qt.Key.Key_Home)
    for _ in range(2):
        qtbot.keyClick(gallery, Qt.Key.Key_Right, SHIFT)
    assert gallery.chosen == set(gallery.ids[:3])
    qtbot.keyClick(gallery, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: labels(station)[:4] == ["", "", "", ""])


def test_the_mouse_picks_a_selection_and_one_button_labels_it(
    qtbot: QtBot, filled: LabelPage, station: FakeStation
) -> None:
    tap(qtbot, filled, 0)
    tap(qtbot, filled, 2, SHIFT)
    tap(qtbot, filled, 4, CONTROL)
    assert filled.browse.chosen.text() == "4 chosen"
    qtbot.mouseClick(filled.browse.good, LEFT)
    qtbot.waitUntil(lambda: labels(station)[:5] == ["normal", "normal", "normal", "", "normal"])
    qtbot.waitUntil(lambda: filled.said.text() == "4 pictures as good." and filled.undo.isEnabled())
    qtbot.mouseClick(filled.undo, LEFT)
    qtbot.waitUntil(lambda: labels(station) == [""] * 12)


def test_a_finger_picks_by_taps_alone(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    qtbot.mouseClick(filled.browse.pick, LEFT)
    for place in (1, 2, 3, 2):  # the second tap on one takes it out again
        tap(qtbot, filled, place)
    qtbot.mouseClick(filled.browse.bad, LEFT)
    qtbot.waitUntil(lambda: labels(station)[:4] == ["", "anomaly", "", "anomaly"])


def test_filters_count_and_narrow(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    ids = list(filled.browse.gallery.ids)
    station.labelling.classify(ids[:5], "normal").result(5)
    row = filled.browse.filters.row
    qtbot.waitUntil(lambda: row("labels", "normal").accessibleName() == "Good, 5")
    qtbot.mouseClick(row("labels", "normal"), LEFT)
    qtbot.waitUntil(lambda: filled.browse.gallery.ids == ids[:5])
    qtbot.mouseClick(row("labels", "none"), LEFT)
    qtbot.waitUntil(lambda: len(filled.browse.gallery.ids) == 12)
    qtbot.keyClicks(filled.browse.search, "PART-1")
    qtbot.waitUntil(lambda: len(filled.browse.gallery.ids) == 4)  # 1, 10, 11, 12
    filters = filled.browse.filters
    filters.by_day.click()
    assert filters.first_day.isVisibleTo(filters) and len(filled.browse.gallery.ids) == 4  # taken in today
    filters.last_day.setDate(filters.last_day.date().addDays(-3))
    qtbot.waitUntil(lambda: filled.browse.gallery.ids == [])
    filters.by_day.click()
    qtbot.waitUntil(lambda: len(filled.browse.gallery.ids) == 4)


def test_what_a_model_is_sure_of_is_confirmed_in_bulk(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    ids = list(filled.browse.gallery.ids)
    assert station.labelling.place is not None
    library = Library.open(station.labelling.place, "model")
    library.set_opinions({number: (0.1 * place, 0.75, 0.9 if place == 7 else 0.1) for place, number in enumerate(ids)})
    library.close()
    filled.browse.refresh()
    row = filled.browse.filters.row
    qtbot.waitUntil(lambda: row("only", "surely good").accessibleName() == "Model: surely good, 7")
    assert row("only", "doubtful").accessibleName() == "Model is doubtful, 1"
    qtbot.mouseClick(row("only", "surely good"), LEFT)
    qtbot.waitUntil(lambda: filled.browse.gallery.ids == ids[:7])
    qtbot.keyClick(filled.browse.gallery, Qt.Key.Key_P)
    qtbot.keyClick(filled.browse.gallery, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: labels(station)[:8] == ["normal"] * 7 + [""])


def test_letters_label_here_and_acknowledge_alarms_elsewhere(
    qtbot: QtBot, filled: LabelPage, window: Window, station: FakeStation
) -> None:
    station.inspect(0.9)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    filled.browse.gallery.setFocus()
    qtbot.keyClick(filled.browse.gallery, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: labels(station)[0] == "anomaly")
    assert window.alarm_strip.alarm is not None


def draw(qtbot: QtBot, page: LabelPage, station: FakeStation, place: int) -> int:
    """Opens a picture by double tap and draws a stroke across its middle."""
    gallery = page.browse.gallery
    number = gallery.ids[place]
    qtbot.mouseDClick(gallery.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, gallery.rect_of(place).center())
    canvas = page.drawing.editor.canvas
    qtbot.waitUntil(lambda: canvas.work is not None and page.drawing.number == number)
    stroke(qtbot, page)
    return number


RIGHT_DOWN, LEFT_DOWN = QPoint(60, 20), QPoint(-60, 30)


def stroke(qtbot: QtBot, page: LabelPage, by: QPoint = RIGHT_DOWN) -> None:
    canvas = page.drawing.editor.canvas
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, LEFT, pos=middle)
    qtbot.mouseMove(canvas, middle + by)
    qtbot.mouseRelease(canvas, LEFT, pos=middle + by)


def test_what_is_drawn_is_kept_at_once_and_undone_step_by_step(
    qtbot: QtBot, filled: LabelPage, station: FakeStation
) -> None:
    station.labelling.add_type("scratch").result(5)
    number = draw(qtbot, filled, station, 0)
    qtbot.waitUntil(lambda: station.labelling.pictures([number])[0].state.types == ("scratch",))
    one = station.labelling.mask(number)
    stroke(qtbot, filled, LEFT_DOWN)
    qtbot.waitUntil(lambda: not np.array_equal(station.labelling.mask(number), one))
    canvas = filled.drawing.editor.canvas
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: np.array_equal(station.labelling.mask(number), one))
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: station.labelling.mask(number) is None)
    assert station.labelling.pictures([number])[0].state.label is None
    assert station.labelling.undoable()[1] != ""
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: np.array_equal(station.labelling.mask(number), one))


def test_undo_goes_back_to_the_picture_before(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    station.labelling.add_type("scratch").result(5)
    first = draw(qtbot, filled, station, 0)
    qtbot.waitUntil(lambda: station.labelling.mask(first) is not None)
    editor = filled.drawing.editor
    qtbot.mouseClick(editor.finish, LEFT)
    qtbot.waitUntil(lambda: editor.subject is not None and editor.subject.position == 2)
    qtbot.waitUntil(lambda: editor.canvas.work is not None)  # the one before was closed when this one was opened
    qtbot.keyClick(editor.canvas, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: filled.drawing.number == first)
    qtbot.waitUntil(lambda: station.labelling.mask(first) is None)


def test_somebody_elses_work_is_never_overwritten(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    station.labelling.add_type("scratch").result(5)
    number = draw(qtbot, filled, station, 0)
    qtbot.waitUntil(lambda: station.labelling.mask(number) is not None)
    assert station.labelling.place is not None
    other = Library.open(station.labelling.place, "Susan, bench 2")
    theirs = np.full((72, 96), other.types.ensure("dent").id, np.uint8)
    other.set_mask(number, theirs)
    other.close()
    stroke(qtbot, filled, LEFT_DOWN)
    qtbot.waitUntil(filled.drawing.trouble.isVisible)
    assert np.array_equal(station.labelling.mask(number), theirs)
    qtbot.mouseClick(filled.drawing.keep_mine, LEFT)
    qtbot.waitUntil(lambda: not np.array_equal(station.labelling.mask(number), theirs))
    assert not filled.drawing.trouble.isVisible()
    assert [each.who for each in station.labelling.history(number)][1:] == ["Susan, bench 2", "operator, Station 1"]


def test_a_picture_that_is_gone_is_told_and_the_next_one_follows(
    qtbot: QtBot, filled: LabelPage, station: FakeStation
) -> None:
    first = filled.browse.gallery.ids[0]
    assert station.labelling.place is not None
    digest = station.labelling.pictures([first])[0].digest
    (station.labelling.place / "pictures" / digest[:2] / f"{digest}.png").unlink()
    filled.draw(first)
    qtbot.waitUntil(lambda: "does not exist" in filled.said.text())
    qtbot.mouseClick(filled.drawing.back, LEFT)
    qtbot.waitUntil(filled.browse.isVisible)


def test_checkpoints_are_drawn_once_and_tapped_in_a_grid(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    filled.view.button("checkpoints").click()
    view = filled.checkpoints
    qtbot.waitUntil(lambda: len(view._ids) == 12)
    qtbot.mouseClick(view.add, LEFT)
    qtbot.waitUntil(lambda: view.drawer._image is not None)
    middle = view.drawer.rect().center()
    qtbot.mousePress(view.drawer, LEFT, pos=middle - QPoint(60, 60))
    qtbot.mouseMove(view.drawer, middle + QPoint(60, 60))
    qtbot.mouseRelease(view.drawer, LEFT, pos=middle + QPoint(60, 60))
    qtbot.keyClicks(view.name, "bolt 1")
    qtbot.mouseClick(view.save, LEFT)
    qtbot.waitUntil(lambda: len(view.grid.unlabelled()) == 12, timeout=20_000)
    qtbot.mouseClick(view.grid.viewport(), LEFT, pos=view.grid.rect_of(2).center())
    qtbot.mouseClick(view.rest, LEFT)

    def words() -> list[str]:
        desk = station.labelling
        return [dict(each.state.crops).get("bolt 1", "") for each in desk.pictures(desk.find(Query()))]

    qtbot.waitUntil(lambda: words() == ["ok", "ok", "missing", *["ok"] * 9])
    assert view._proposed() == "bolt 2"
    qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: words() == ["", "", "missing", *[""] * 9])


def test_two_sessions_that_disagree_are_shown_side_by_side(
    qtbot: QtBot, filled: LabelPage, station: FakeStation, tmp_path: Path
) -> None:
    desk = station.labelling
    first = filled.browse.gallery.ids[0]
    desk.copy_for_session(tmp_path / "laptop").result(10)
    desk.classify([first], "normal").result(5)
    with_laptop = Library.open(tmp_path / "laptop", "Susan, laptop")
    with_laptop.classify([first], "anomaly", "dent")  # later
    with_laptop.close()
    desk.join(tmp_path / "laptop").result(10)
    qtbot.waitUntil(filled.view.button("disagreements").isVisible)
    filled.view.button("disagreements").click()
    view = filled.disagreements
    qtbot.waitUntil(lambda: len(view.waiting) == 1)
    qtbot.mouseClick(view.later, LEFT)
    qtbot.waitUntil(lambda: labels(station)[0] == "dent")
    qtbot.waitUntil(lambda: not filled.view.button("disagreements").isVisible())


def test_the_set_says_what_it_lacks_and_goes_to_training(
    qtbot: QtBot, filled: LabelPage, window: Window, station: FakeStation
) -> None:
    ids = filled.browse.gallery.ids
    station.labelling.classify(ids[:9], "normal").result(5)
    station.labelling.classify(ids[9:], "anomaly", "dent").result(5)
    filled.view.button("set").click()
    advice = filled.set._advice
    qtbot.waitUntil(lambda: advice.count() > 0)
    said = [advice.itemAt(i).widget().text() for i in range(advice.count())]
    assert "Add or label 11 more good parts: 9 of 20 are there." in said
    assert "Add 7 more of dent: 3 of 10 are there." in said
    qtbot.mouseClick(filled.set.split, LEFT)
    qtbot.waitUntil(lambda: station.labelling.counts().splits == {"test": 3, "train": 9})
    qtbot.mouseClick(filled.set.go, LEFT)
    qtbot.waitUntil(lambda: window.place == "train")
    assert (
        window.spaces.train.set.folder.text().endswith("1.snapshot")
        and window.spaces.train.set.product.text() == "Cover plate"
    )


def test_a_library_filled_elsewhere_opens_by_itself_when_it_is_the_only_one(
    qtbot: QtBot, window: Window, station: FakeStation
) -> None:
    library = Library.open(station.data.libraries / "Brackets", "Mike", make=True)
    take_in(library, [Incoming("one.png", data=png(1))])
    library.close()
    window.go("label")
    qtbot.waitUntil(lambda: len(window.spaces.label.browse.gallery.ids) == 1)
    assert window.spaces.label.library.text() == "Brackets"


def test_the_history_of_a_picture_tells_who_did_what(qtbot: QtBot, filled: LabelPage, station: FakeStation) -> None:
    tap(qtbot, filled, 0)
    station.labelling.classify(filled.browse.gallery.ids[:1], "anomaly", "dent").result(5)
    station.labelling.classify(filled.browse.gallery.ids[:1], "normal").result(5)
    filled.browse._show_history()
    sheet = filled.browse.history
    qtbot.waitUntil(sheet.isVisible)
    said = [each.text() for each in sheet.findChildren(QLabel)]
    assert said.index("1 picture as good") < said.index("1 picture as dent")
    assert "Not labelled → dent" in said and "dent → Good" in said
    assert any(each.startswith("operator, Station 1, ") for each in said)
    qtbot.mouseClick(sheet.close_button, LEFT)
    assert not sheet.isVisible()
