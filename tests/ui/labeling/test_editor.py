"""The editor around the canvas: what its owner hears, what stands where, what fits on which screen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.domain.errors import MaskError
from app.masking import HeatMap, blank
from tests.ui.fake_station import FakeStation
from tests.ui.labeling.conftest import SIZE, Owner, drawn_picture, opened
from tests.ui.labeling.hands import drag
from ui.app import application
from ui.labeling.canvas import MaskEditor, Subject
from ui.labeling.canvas.rows import SwatchList
from ui.labeling.canvas.tools import HINTS, Tool
from ui.shared.elided import Elided
from ui.theme import current


def subject(name: str = "part-000123.png", position: int = 12, heat: HeatMap | None = None) -> Subject:
    plane = blank(SIZE)
    plane[100:140, 100:200] = 1
    plane[300:310, 500:520] = 2
    return Subject(name, drawn_picture(), plane, "anomaly", position, 200, heat)


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def tap_row(rows: SwatchList, index: int, on_bin: bool = False) -> None:
    box = rows.visualItemRect(rows.item(index))
    at = rows.bin_of(box).center() if on_bin else QPoint(box.left() + 60, box.center().y())
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_the_header_says_what_is_open_and_the_list_what_is_drawn(qtbot: QtBot, editor: MaskEditor) -> None:
    assert not editor.finish.isEnabled() and not editor.tools.isEnabled()
    opened(qtbot, editor, subject())
    qtbot.waitUntil(lambda: editor.regions.count() == 2)
    header = editor.header
    assert (header.name.text(), header.facts.text()) == ("part-000123.png", "800 x 600 pixels")
    assert header.position.text() == "12 of 200" and header.label.value() == "anomaly"
    assert [(row.words, row.end) for row in editor.regions.rows()] == [("scratch", "4,000 px"), ("dent", "200 px")]
    assert [(row.words, row.end) for row in editor.types.list.rows()] == [("scratch", "1"), ("dent", "2")]
    editor.set_label(None)
    assert header.label.value() == ""


def test_what_is_drawn_is_told_and_listed(qtbot: QtBot, editor: MaskEditor) -> None:
    opened(qtbot, editor, subject())
    with qtbot.waitSignal(editor.changed) as heard:
        drag(editor.canvas, (400, 400), (450, 400))
    plane, words = heard.args
    assert words == "brush" and plane[400, 420] == 1
    qtbot.waitUntil(lambda: editor.regions.count() == 3)
    click(qtbot, editor.tools.buttons["undo"])
    qtbot.waitUntil(lambda: editor.regions.count() == 2)
    assert editor.tools.buttons["redo"].isEnabled()
    with qtbot.waitSignal(editor.undo_beyond):
        click(qtbot, editor.tools.buttons["undo"])
    click(qtbot, editor.tools.buttons["redo"])
    qtbot.waitUntil(lambda: editor.regions.count() == 3)


def test_a_tap_on_a_region_flies_there_and_its_bin_deletes_it(qtbot: QtBot, editor: MaskEditor) -> None:
    opened(qtbot, editor, subject())
    qtbot.waitUntil(lambda: editor.regions.count() == 2)
    tap_row(editor.regions, 1)
    view = editor.canvas.view
    assert view.scale == 8.0
    middle = view.to_picture((editor.canvas.width() / 2, editor.canvas.height() / 2))
    assert middle == pytest.approx((510, 305), abs=1)
    with qtbot.waitSignal(editor.changed) as heard:
        tap_row(editor.regions, 1, on_bin=True)
    assert heard.args[1] == "delete" and not (heard.args[0] == 2).any() and (heard.args[0] == 1).sum() == 4000
    qtbot.waitUntil(lambda: editor.regions.count() == 1)


def test_every_tool_has_its_hint_and_its_options(qtbot: QtBot, editor: MaskEditor) -> None:
    opened(qtbot, editor, subject(heat=HeatMap(np.eye(6, 8, dtype=np.float32), 0.5)))
    options = editor.options
    for tool, shown in (
        (Tool.ERASER, options.only),
        (Tool.POLYGON, options.close_shape),
        (Tool.WAND, options.tolerance),
        (Tool.BOX, options.holes),
        (Tool.HEAT, options.limit),
        (Tool.BRUSH, options.size_slider),
    ):
        click(qtbot, editor.tools.buttons[tool])
        assert editor.canvas.tool is tool and editor.tools.buttons[tool].isChecked()
        assert editor.hint.text() == HINTS[tool] and shown.isVisible()
        assert options.take.isVisible() == (tool is Tool.HEAT)
    options.size_slider.setValue(150)
    assert editor.canvas.diameter == options.size_slider.pixels > 50
    QTest.keyClick(editor.canvas, Qt.Key.Key_BracketLeft)
    assert options.size_slider.pixels == editor.canvas.diameter


def test_the_heat_map_is_taken_at_the_limit_that_is_chosen(qtbot: QtBot, editor: MaskEditor) -> None:
    values = np.zeros((6, 8), np.float32)
    values[2:4, 3:5] = 0.6
    values[2, 3] = 1.0
    opened(qtbot, editor, subject(heat=HeatMap(values, 0.5)))
    click(qtbot, editor.tools.buttons[Tool.HEAT])
    assert editor.options.limit.limit() == pytest.approx(0.5)
    editor.options.limit.setValue(180)
    with qtbot.waitSignal(editor.changed) as heard:
        click(qtbot, editor.options.take)
    assert heard.args[0][250, 350] == 1 and heard.args[0][350, 450] == 0


def test_holes_are_filled_and_specks_removed(qtbot: QtBot, editor: MaskEditor) -> None:
    plane = blank(SIZE)
    plane[100:140, 100:140] = 1
    plane[110:120, 110:120] = 0
    plane[400, 400] = 1
    opened(qtbot, editor, Subject("a.png", drawn_picture(), plane))
    with qtbot.waitSignal(editor.changed) as heard:
        click(qtbot, editor.options.holes)
    assert heard.args[0][115, 115] == 1 and heard.args[1] == "fill holes"
    click(qtbot, editor.tools.buttons[Tool.ERASER])
    with qtbot.waitSignal(editor.changed) as heard:
        click(qtbot, editor.options.specks)
    assert heard.args[0][400, 400] == 0 and heard.args[0].sum() == 1600
    click(qtbot, editor.options.specks)
    qtbot.waitUntil(lambda: "No region" in editor.hint.text())


# -- types
def test_a_type_is_added_by_its_name_and_chosen(qtbot: QtBot, editor: MaskEditor, owner: Owner) -> None:
    opened(qtbot, editor, subject())
    click(qtbot, editor.types.add)
    form = editor.form
    for wrong, words in (("", "Type a name"), ("  Dent ", "exists already")):
        form.name.setText(wrong)
        click(qtbot, form.accept)
        assert words in form.error.text() and form.isVisible()
    form.name.setText("oil  stain")
    owner.full = True
    click(qtbot, form.accept)
    qtbot.waitUntil(lambda: "disk is full" in form.error.text())
    owner.full = False
    QTest.keyClick(form.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not form.isVisible())
    assert editor.canvas.type_id == 3 and editor.types.list.rows()[-1].words == "oil stain"
    drag(editor.canvas, (400, 400), (450, 400))
    assert editor.canvas.work is not None and editor.canvas.work.plane[400, 420] == 3


def test_renaming_and_merging_lose_nothing(qtbot: QtBot, editor: MaskEditor, owner: Owner) -> None:
    opened(qtbot, editor, subject())
    tap_row(editor.types.list, 1)
    assert editor.canvas.type_id == 2
    click(qtbot, editor.types.rename)
    editor.form.name.setText("dimple")
    click(qtbot, editor.form.accept)
    qtbot.waitUntil(lambda: [row.words for row in editor.regions.rows()] == ["scratch", "dimple"])
    drag(editor.canvas, (400, 400), (450, 400))
    assert editor.canvas.work is not None
    before = editor.canvas.work.plane.copy()
    click(qtbot, editor.types.merge)
    assert editor.form.into.currentText() == "scratch" and "dimple" in editor.form.note.text()
    click(qtbot, editor.form.accept)
    qtbot.waitUntil(lambda: {row.words for row in editor.regions.rows()} == {"scratch"})
    np.testing.assert_array_equal(editor.canvas.work.plane, (before > 0).astype(np.uint8))
    click(qtbot, editor.tools.buttons["undo"])
    assert (editor.canvas.work.plane == 2).sum() == 0 and editor.canvas.type_id == 1


def test_escape_leaves_the_form_and_keys_are_the_canvas_own_again(qtbot: QtBot, editor: MaskEditor) -> None:
    opened(qtbot, editor, subject())
    click(qtbot, editor.types.rename)
    QTest.keyClick(editor.form.name, Qt.Key.Key_E)
    assert editor.canvas.tool is Tool.BRUSH
    QTest.keyClick(editor.form.name, Qt.Key.Key_Escape)
    assert not editor.form.isVisible() and [row.words for row in editor.types.list.rows()] == ["scratch", "dent"]


def test_drawing_without_a_type_asks_for_one(qtbot: QtBot, editor: MaskEditor, owner: Owner) -> None:
    owner.kinds = []
    editor.refresh_types()
    opened(qtbot, editor, Subject("a.png", drawn_picture()))
    assert editor.types.empty.isVisible()
    drag(editor.canvas, (100, 100), (150, 100))
    assert editor.form.isVisible() and "Add a defect type" in editor.hint.text()


# -- from picture to picture
def test_what_the_page_is_asked_for(qtbot: QtBot, editor: MaskEditor) -> None:
    opened(qtbot, editor, subject())
    with qtbot.waitSignal(editor.done):
        click(qtbot, editor.finish)
    with qtbot.waitSignal(editor.next_wanted):
        click(qtbot, editor.header.next)
    with qtbot.waitSignal(editor.previous_wanted):
        QTest.keyClick(editor.canvas, Qt.Key.Key_M)
    with qtbot.waitSignal(editor.label_wanted) as heard:
        click(qtbot, editor.header.label.button("normal"))
    assert heard.args == ["normal"]
    with qtbot.waitSignal(editor.copy_wanted) as heard:
        click(qtbot, editor.copy)
    assert (heard.args[0] == 1).sum() == 4000
    plane = heard.args[0]
    opened(qtbot, editor, Subject("b.png", drawn_picture(), None, None, 200, 200))
    assert not editor.copy.isEnabled() and not editor.header.next.isEnabled()
    with qtbot.waitSignal(editor.changed) as heard:
        assert editor.paste(plane)
    np.testing.assert_array_equal(heard.args[0], plane)
    opened(qtbot, editor, Subject("c.png", drawn_picture((640, 480))))
    assert not editor.paste(plane)
    assert "800 x 600 pixels, but c.png is 640 x 480" in editor.hint.text()


def test_a_mask_of_another_size_is_refused_in_words(editor: MaskEditor) -> None:
    with pytest.raises(MaskError, match=r"mask of a\.png is 10 x 20 pixels, but its picture is 800 x 600"):
        editor.open(Subject("a.png", drawn_picture(), blank((10, 20))))


def test_opening_another_picture_meanwhile_shows_the_newer_one(qtbot: QtBot, editor: MaskEditor, owner: Owner) -> None:
    owner.hold = True
    editor.open(subject("slow.png"))
    editor.open(Subject("quick.png", drawn_picture((640, 480))))
    owner.let_go()
    qtbot.waitUntil(lambda: editor.canvas.work is not None)
    assert editor.canvas.work is not None and editor.canvas.work.size == (640, 480)
    assert editor.header.name.text() == "quick.png"


# -- layout
def shown(root: QWidget) -> Iterator[QWidget]:
    for child in root.children():
        if isinstance(child, QWidget) and child.isVisible():
            yield child
            if not isinstance(child, QAbstractScrollArea) and not child.inherits("QComboBox"):
                yield from shown(child)


def faults(editor: MaskEditor) -> list[str]:
    """What is cut off, stands over its parent's edge, or is too small for a finger."""
    found = []
    for widget in shown(editor):
        parent = widget.parentWidget()
        name = f"{type(widget).__name__} {widget.accessibleName()!r} {widget.geometry().getRect()}"
        if parent is None or isinstance(parent, QAbstractScrollArea) or parent.inherits("QComboBox"):
            continue
        if not parent.rect().contains(widget.geometry()):
            found.append(f"{name} stands over {parent.rect().getRect()}")
        plain = isinstance(widget, QLabel) and not isinstance(widget, Elided) and not widget.wordWrap()
        if plain and widget.width() < widget.sizeHint().width():
            found.append(f"{name} {widget.text()!r} is cut off")
        if isinstance(widget, QLabel) and widget.wordWrap() and widget.height() < widget.heightForWidth(widget.width()):
            found.append(f"{name} {widget.text()!r} is cut off")
        if isinstance(widget, QAbstractButton):
            if widget.text() and widget.width() < widget.minimumSizeHint().width():
                found.append(f"{name} {widget.text()!r} is cut off")
            if min(widget.width(), widget.height()) < current().metrics.touch - 1:
                found.append(f"{name} is too small for a finger")
    return found


@pytest.mark.parametrize(
    ("size", "touched", "theme"),
    [
        ((1280, 800), False, "dark"),
        ((1280, 800), False, "light"),
        ((1920, 1080), False, "dark"),
        ((1920, 1080), False, "light"),
        ((1280, 800), True, "light"),
        ((1192, 607), True, "dark"),
        ((936, 572), False, "light"),
    ],
)
def test_nothing_is_cut_off_on_any_screen(
    qtbot: QtBot, editor: MaskEditor, station: FakeStation, theme: str, size: tuple[int, int], touched: bool
) -> None:
    station.save_settings(theme=theme, pixels_per_mm=1280 / 217 if touched else 0.0)
    application(station)
    editor.resize(*size)
    opened(qtbot, editor, subject("a-very-long-name-" * 12 + ".png", heat=HeatMap(np.eye(6, 8, dtype=np.float32), 0.5)))
    qtbot.waitUntil(lambda: editor.regions.count() == 2)
    assert editor.tools.lying == (touched or size[1] < 600)
    for tool in Tool:
        editor.canvas.choose(tool)
        QApplication.processEvents()
        assert (editor.width(), editor.height()) == size
        assert not faults(editor), tool
    for button in (editor.types.add, editor.types.merge):
        click(qtbot, button)
        for _ in range(3):
            QApplication.processEvents()
        assert not faults(editor) and (editor.width(), editor.height()) == size
        editor.form.leave()
    corner = editor.grab().toImage().pixelColor(4, 4)
    assert corner == current().colour("ground")


def test_the_page_can_lay_the_tools_under_the_thumb(qtbot: QtBot, editor: MaskEditor) -> None:
    def below() -> bool:
        QApplication.processEvents()
        tools, canvas = editor.tools, editor.canvas
        return tools.mapTo(editor, QPoint(0, 0)).y() >= canvas.mapTo(editor, QPoint(0, canvas.height())).y()

    assert not below()
    editor.set_touch(True)
    assert below()
    editor.set_touch(None)
    assert not below()


def test_there_is_one_primary_button(editor: MaskEditor) -> None:
    primary = [one for one in shown(editor) if one.property("kind") == "primary"]
    assert primary == [editor.finish]
