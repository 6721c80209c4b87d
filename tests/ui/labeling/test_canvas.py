"""The canvas under real mouse, key, touch and tablet events."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.errors import MaskError
from app.masking import HeatMap, blank
from tests.ui.labeling.conftest import SIZE, Clock, Owner, drawn_picture
from tests.ui.labeling.hands import LEFT, MIDDLE, RIGHT, Fingers, Stylus, drag, move, place, tap
from ui.labeling.canvas.canvas import MaskCanvas
from ui.labeling.canvas.layers import pyramid
from ui.labeling.canvas.tools import Tool

MIDDLE_AT = (400.0, 300.0)


class Heard:
    """What a canvas told its owner."""

    def __init__(self, canvas: MaskCanvas) -> None:
        self.planes: list[np.ndarray] = []
        self.words: list[str] = []
        self.told: list[str] = []
        self.beyond = 0
        canvas.changed.connect(self._changed)
        canvas.told.connect(self.told.append)
        canvas.undo_beyond.connect(self._beyond)

    def _changed(self, plane: np.ndarray, words: str) -> None:
        self.planes.append(plane)
        self.words.append(words)

    def _beyond(self) -> None:
        self.beyond += 1


@pytest.fixture
def heard(canvas: MaskCanvas) -> Heard:
    return Heard(canvas)


def plane(canvas: MaskCanvas) -> np.ndarray:
    assert canvas.work is not None
    return canvas.work.plane


def key(canvas: MaskCanvas, which: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(canvas, which, modifier)


CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


# -- mouse
def test_the_left_button_paints_and_tells_once(canvas: MaskCanvas, heard: Heard) -> None:
    canvas.set_diameter(20)
    drag(canvas, (100, 100), (200, 100), (200, 200))
    drawn = plane(canvas)
    assert drawn[100, 150] == drawn[150, 200] == 1 and drawn[91:109, 150].all() and not drawn[85, 150]
    assert heard.words == ["brush"]
    np.testing.assert_array_equal(heard.planes[0], drawn)
    with pytest.raises(ValueError):
        heard.planes[0][0, 0] = 1


def test_the_right_button_erases_with_any_tool(canvas: MaskCanvas, heard: Heard) -> None:
    canvas.set_diameter(30)
    drag(canvas, (100, 100), (300, 100))
    for tool in (Tool.BRUSH, Tool.WAND, Tool.POLYGON):
        canvas.choose(tool)
        drag(canvas, (150, 100), (160, 100), button=RIGHT)
    assert plane(canvas)[100, 155] == 0 and plane(canvas)[100, 250] == 1
    assert heard.words == ["brush", "eraser"]


def test_the_eraser_can_leave_other_types_alone(canvas: MaskCanvas) -> None:
    canvas.set_diameter(20)
    drag(canvas, (100, 100), (150, 100))
    key(canvas, Qt.Key.Key_2)
    drag(canvas, (200, 100), (250, 100))
    key(canvas, Qt.Key.Key_E)
    canvas.erase_current_only = True
    drag(canvas, (100, 100), (250, 100))
    assert plane(canvas)[100, 110] == 1 and plane(canvas)[100, 220] == 0


def test_the_middle_button_and_the_space_bar_move_the_picture_and_paint_nothing(
    canvas: MaskCanvas, heard: Heard
) -> None:
    before = canvas.view
    drag(canvas, (300, 300), (340, 320), button=MIDDLE)
    assert (before.x - canvas.view.x, before.y - canvas.view.y) == (40, 20)
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    drag(canvas, (300, 300), (280, 300))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert before.x - canvas.view.x == 20
    assert heard.words == [] and not plane(canvas).any()


def test_the_wheel_zooms_at_the_pointer(canvas: MaskCanvas) -> None:
    at = QPointF(place(canvas, (200, 150)))
    for _ in range(12):
        wheel = QWheelEvent(
            at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(canvas, wheel)
    assert canvas.view.scale == pytest.approx(1.25**12)
    assert canvas.view.to_picture((at.x(), at.y())) == pytest.approx((200, 150), abs=0.01)


def test_painting_goes_on_outside_and_comes_back(canvas: MaskCanvas, heard: Heard) -> None:
    canvas.set_diameter(10)
    drag(canvas, (10, 300), (-300, 300), (-300, 400), (10, 400))
    assert plane(canvas)[300, 5] == plane(canvas)[400, 5] == 1 and plane(canvas)[350, 5] == 0
    assert heard.words == ["brush"]


def test_the_brush_keeps_up_on_12_megapixels(canvas: MaskCanvas) -> None:
    """Processor time of a movement, from its event to the end of its paint: a frame has 16 ms."""
    canvas.open(pyramid(np.zeros((3072, 4096, 3), np.uint8)), blank((4096, 3072)))
    for zoom in (1.0, 20.0):
        canvas.fit()
        canvas.zoom(zoom)
        canvas.set_diameter(120)
        middle = canvas.view.to_picture((412, 312))
        QTest.mousePress(canvas, LEFT, pos=place(canvas, middle))
        took = []
        for index in range(60):
            reach = 150 * index / 60 / canvas.view.scale
            at = middle[0] + reach * np.cos(index / 3), middle[1] + reach * np.sin(index / 3)
            start = time.thread_time()
            move(canvas, at, LEFT)
            QApplication.processEvents()
            took.append(time.thread_time() - start)
        QTest.mouseRelease(canvas, LEFT, pos=place(canvas, middle))
        assert sorted(took)[56] < 0.016


# -- keys
def test_keys_choose_tools_types_and_sizes(canvas: MaskCanvas) -> None:
    for letter, tool in zip("EPWGB", (Tool.ERASER, Tool.POLYGON, Tool.WAND, Tool.BOX, Tool.BRUSH), strict=True):
        QTest.keyClick(canvas, letter)
        assert canvas.tool is tool
    key(canvas, Qt.Key.Key_2)
    assert canvas.type_id == 2
    key(canvas, Qt.Key.Key_9)
    assert canvas.type_id == 2
    before = canvas.diameter
    key(canvas, Qt.Key.Key_BracketRight)
    assert canvas.diameter > before
    for _ in range(40):
        key(canvas, Qt.Key.Key_BracketLeft)
    assert canvas.diameter == 1


def test_undo_and_redo_go_all_the_way_and_beyond(canvas: MaskCanvas, heard: Heard) -> None:
    states = [plane(canvas).copy()]
    for index in range(12):
        drag(canvas, (50 + 40 * index, 100), (70 + 40 * index, 160))
        states.append(plane(canvas).copy())
    for state in reversed(states[:-1]):
        key(canvas, Qt.Key.Key_Z, CTRL)
        np.testing.assert_array_equal(plane(canvas), state)
    assert heard.beyond == 0
    key(canvas, Qt.Key.Key_Z, CTRL)
    assert heard.beyond == 1
    for state in states[1:]:
        key(canvas, Qt.Key.Key_Z, CTRL | SHIFT)
        np.testing.assert_array_equal(plane(canvas), state)
    key(canvas, Qt.Key.Key_Z, CTRL | SHIFT)
    assert heard.words[12:14] == ["undo brush"] * 2 and heard.words[-1] == "redo brush"
    np.testing.assert_array_equal(heard.planes[-1], states[-1])


def test_forty_strokes_on_12_megapixels_take_little_memory(canvas: MaskCanvas) -> None:
    canvas.open(pyramid(np.zeros((3072, 4096, 3), np.uint8)), blank((4096, 3072)))
    for index in range(40):
        drag(canvas, (100 + 30 * index, 100), (300 + 30 * index, 2900))
    assert canvas.work is not None and len(canvas.work.history) == 40
    assert canvas.work.history.bytes < 1_200_000
    for _ in range(40):
        key(canvas, Qt.Key.Key_Z, CTRL)
    assert not plane(canvas).any()


def test_undo_in_the_middle_of_a_stroke_takes_the_stroke_back(canvas: MaskCanvas, heard: Heard) -> None:
    QTest.mousePress(canvas, LEFT, pos=place(canvas, (100, 100)))
    move(canvas, (200, 100), LEFT)
    assert plane(canvas).any()
    key(canvas, Qt.Key.Key_Escape)
    move(canvas, (300, 100), LEFT)
    QTest.mouseRelease(canvas, LEFT, pos=place(canvas, (300, 100)))
    assert not plane(canvas).any() and heard.words == []


def test_zoom_keys_and_fit(canvas: MaskCanvas) -> None:
    key(canvas, Qt.Key.Key_Plus)
    assert canvas.view.scale == pytest.approx(1.5)
    key(canvas, Qt.Key.Key_Minus)
    key(canvas, Qt.Key.Key_Minus)
    assert canvas.view.scale == pytest.approx(1 / 1.5)
    key(canvas, Qt.Key.Key_F)
    assert canvas.view.scale == 1.0


def test_next_and_previous_are_left_to_the_page(qtbot: QtBot, canvas: MaskCanvas) -> None:
    with qtbot.waitSignal(canvas.next_wanted, timeout=1000):
        key(canvas, Qt.Key.Key_N)
    with qtbot.waitSignal(canvas.previous_wanted, timeout=1000):
        key(canvas, Qt.Key.Key_M)


# -- polygon
def test_a_polygon_is_closed_at_its_first_corner_or_by_enter(canvas: MaskCanvas, heard: Heard) -> None:
    key(canvas, Qt.Key.Key_P)
    for corner in ((100, 100), (200, 100), (200, 200), (104, 96)):
        tap(canvas, corner)
    assert plane(canvas)[110, 190] == 1 and plane(canvas)[190, 110] == 0 and heard.words == ["polygon"]
    for corner in ((300, 100), (400, 100), (400, 200), (700, 500)):
        tap(canvas, corner)
    key(canvas, Qt.Key.Key_Backspace)
    key(canvas, Qt.Key.Key_Return)
    assert plane(canvas)[110, 390] == 1 and plane(canvas)[400, 600] == 0 and heard.words == ["polygon"] * 2


def test_escape_and_undo_end_a_polygon_without_a_mark(canvas: MaskCanvas, heard: Heard) -> None:
    key(canvas, Qt.Key.Key_P)
    for corner in ((100, 100), (200, 100), (200, 200)):
        tap(canvas, corner)
    key(canvas, Qt.Key.Key_Z, CTRL)
    key(canvas, Qt.Key.Key_Return)  # two corners are no polygon
    key(canvas, Qt.Key.Key_Escape)
    key(canvas, Qt.Key.Key_Return)
    assert not plane(canvas).any() and heard.words == [] and heard.beyond == 0


# -- slow tools
def test_the_wand_takes_the_disc_and_follows_its_tolerance(qtbot: QtBot, canvas: MaskCanvas, heard: Heard) -> None:
    key(canvas, Qt.Key.Key_W)
    tap(canvas, MIDDLE_AT)
    qtbot.waitUntil(lambda: heard.words == ["wand"])
    disc = int(plane(canvas).sum())
    assert disc == pytest.approx(np.pi * 60**2, rel=0.03)
    canvas.set_tolerance(255)
    qtbot.waitUntil(lambda: len(heard.words) == 2)
    assert plane(canvas).all() and canvas.work is not None and len(canvas.work.history) == 1
    key(canvas, Qt.Key.Key_Z, CTRL)
    assert not plane(canvas).any()


def test_a_box_becomes_the_disc_in_it(qtbot: QtBot, canvas: MaskCanvas, heard: Heard) -> None:
    key(canvas, Qt.Key.Key_G)
    drag(canvas, (320, 220), (400, 300), (480, 380))
    qtbot.waitUntil(lambda: heard.words == ["box"], timeout=20_000)
    assert int(plane(canvas).sum()) == pytest.approx(np.pi * 60**2, rel=0.06)
    drag(canvas, (50, 50), (51, 51))
    assert "larger" in heard.told[-1]


@pytest.mark.parametrize("tool", [Tool.BRUSH, Tool.POLYGON])
def test_what_is_drawn_roughly_snaps_to_the_edge(qtbot: QtBot, canvas: MaskCanvas, heard: Heard, tool: Tool) -> None:
    canvas.snap = True
    canvas.choose(tool)
    if tool is Tool.BRUSH:
        canvas.set_diameter(130)
        tap(canvas, MIDDLE_AT)
    else:
        for turn in range(12):
            angle = turn * np.pi / 6
            tap(canvas, (400 + 66 * np.cos(angle), 300 + 66 * np.sin(angle)))
        key(canvas, Qt.Key.Key_Return)
    disc = np.hypot(*(np.mgrid[: SIZE[1], : SIZE[0]] + 0.5 - np.array([300, 400])[:, None, None])) <= 60
    qtbot.waitUntil(lambda: 0 < (plane(canvas).astype(bool) ^ disc).sum() < 700)
    assert canvas.work is not None and len(canvas.work.history) == 1
    assert set(heard.words) == {tool.value}


def test_the_heat_map_is_shown_before_it_is_taken(qtbot: QtBot, canvas: MaskCanvas, heard: Heard) -> None:
    key(canvas, Qt.Key.Key_H)
    assert canvas.tool is Tool.BRUSH and "no heat map" in heard.told[-1]
    values = np.zeros((6, 8), np.float32)
    values[3, 4] = 1.0
    canvas.open(pyramid(drawn_picture()), blank(SIZE), HeatMap(values, 0.5))
    drag(canvas, (430, 350), (440, 350))
    key(canvas, Qt.Key.Key_2)
    key(canvas, Qt.Key.Key_H)
    shown = place(canvas, (450, 350))
    bare = canvas.grab().toImage().pixelColor(shown)

    def changed() -> bool:
        return canvas.grab().toImage().pixelColor(shown) != bare

    qtbot.waitUntil(changed)
    assert plane(canvas)[350, 480] == 0
    key(canvas, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: heard.words == ["brush", "heat map"])
    assert plane(canvas)[350, 460] == 2 and plane(canvas)[350, 435] == 1
    assert canvas.tool is Tool.BRUSH


def test_a_result_for_a_picture_that_is_gone_is_dropped(
    qtbot: QtBot, canvas: MaskCanvas, owner: Owner, heard: Heard
) -> None:
    owner.hold = True
    key(canvas, Qt.Key.Key_W)
    tap(canvas, MIDDLE_AT)
    assert canvas.slow.working
    with qtbot.waitSignal(canvas.slow.busy, timeout=3000, check_params_cb=bool):
        pass  # told after 300 ms that it takes long
    canvas.open(pyramid(drawn_picture()), blank(SIZE))
    assert not canvas.slow.working
    ended: list[int] = []
    owner.run(lambda: 1, ended.append)
    owner.let_go()
    qtbot.waitUntil(lambda: ended == [1])
    tap(canvas, MIDDLE_AT)
    qtbot.waitUntil(lambda: heard.words == ["wand"])
    assert canvas.work is not None and len(canvas.work.history) == 1


# -- fingers
def test_one_finger_draws(canvas: MaskCanvas, heard: Heard) -> None:
    fingers = Fingers(canvas)
    fingers.press(0, 112, 112)
    fingers.move(0, 212, 112)
    fingers.lift(0)
    assert plane(canvas)[100, 150] == 1 and heard.words == ["brush"]


def test_two_fingers_zoom_and_leave_no_paint(canvas: MaskCanvas, heard: Heard, clock: Clock) -> None:
    fingers = Fingers(canvas)
    fingers.press(0, 300, 300)
    fingers.move(0, 304, 300)
    assert plane(canvas).any()
    clock.now += 0.1
    fingers.press(1, 404, 300)
    assert not plane(canvas).any()
    middle = canvas.view.to_picture((354, 300))
    fingers.move(1, 504, 300)
    assert canvas.view.scale == pytest.approx(2.0)
    assert canvas.view.to_widget(middle) == pytest.approx((404, 300))
    fingers.lift(1)
    fingers.move(0, 500, 500)
    fingers.lift(0)
    assert not plane(canvas).any() and heard.words == []


def test_a_late_second_finger_keeps_the_stroke(canvas: MaskCanvas, heard: Heard, clock: Clock) -> None:
    fingers = Fingers(canvas)
    fingers.press(0, 112, 112)
    fingers.move(0, 212, 112)
    clock.now += 0.2
    fingers.press(1, 412, 312)
    fingers.lift(1)
    fingers.lift(0)
    assert plane(canvas)[100, 150] == 1 and heard.words == ["brush"]


def test_a_pinch_leaves_no_corner_and_starts_no_wand(canvas: MaskCanvas, heard: Heard) -> None:
    fingers = Fingers(canvas)
    for tool in (Tool.POLYGON, Tool.WAND, Tool.BOX):
        canvas.choose(tool)
        fingers.press(0, 300, 300)
        fingers.press(1, 400, 300)
        fingers.lift(0)
        fingers.lift(1)
        assert not canvas.slow.working
    canvas.choose(Tool.POLYGON)
    for x, y in ((100, 100), (300, 100), (300, 300)):
        fingers.press(0, x, y)
        fingers.lift(0)
    fingers.press(0, 300, 300)  # corners that are set stay through a pinch
    fingers.press(1, 400, 300)
    fingers.lift(0)
    fingers.lift(1)
    key(canvas, Qt.Key.Key_Return)
    assert heard.words == ["polygon"] and plane(canvas)[100, 270] == 1


# -- stylus
@pytest.mark.parametrize("pressure", [0.0, 0.01, 1.0])
def test_a_stylus_draws_alike_however_hard_it_is_pressed(canvas: MaskCanvas, heard: Heard, pressure: float) -> None:
    Stylus(canvas).draw((100, 100), (200, 100), (250, 180), pressure=pressure)
    by_stylus = plane(canvas).copy()
    key(canvas, Qt.Key.Key_Z, CTRL)
    drag(canvas, (100, 100), (200, 100), (250, 180))
    np.testing.assert_array_equal(plane(canvas), by_stylus)
    assert heard.words == ["brush", "undo brush", "brush"]


def test_the_eraser_end_erases(canvas: MaskCanvas, heard: Heard) -> None:
    drag(canvas, (100, 100), (300, 100))
    Stylus(canvas, eraser=True).draw((150, 100), (160, 100))
    assert plane(canvas)[100, 155] == 0 and plane(canvas)[100, 250] == 1 and heard.words == ["brush", "eraser"]


def test_stylus_events_are_taken_so_that_no_mouse_event_follows(canvas: MaskCanvas, heard: Heard) -> None:
    stylus = Stylus(canvas)
    assert stylus.send(QEvent.Type.TabletMove, (50, 50), 0.0, down=False)
    assert not plane(canvas).any()
    assert stylus.send(QEvent.Type.TabletPress, (100, 100))
    # What a driver makes of the stylus, and the hand beside it, while it is down.
    drag(canvas, (500, 500), (600, 500))
    Fingers(canvas).press(0, 300, 500)
    assert stylus.send(QEvent.Type.TabletMove, (150, 100))
    assert stylus.send(QEvent.Type.TabletRelease, (150, 100), 0.0, down=False)
    assert plane(canvas)[100, 120] == 1 and not plane(canvas)[400:].any() and heard.words == ["brush"]


# -- types, copies, nothing open
def test_without_a_type_nothing_is_drawn_and_the_way_out_is_said(canvas: MaskCanvas, heard: Heard) -> None:
    canvas.set_types(())
    drag(canvas, (100, 100), (200, 100))
    assert not plane(canvas).any() and "Add a defect type" in heard.told[-1]


def test_merged_types_stay_merged_through_undo(canvas: MaskCanvas) -> None:
    key(canvas, Qt.Key.Key_2)
    drag(canvas, (100, 100), (200, 100))
    key(canvas, Qt.Key.Key_E)
    drag(canvas, (100, 100), (200, 100))
    assert not plane(canvas).any()
    canvas.relabel(2, 1)
    key(canvas, Qt.Key.Key_Z, CTRL)
    assert set(np.unique(plane(canvas)).tolist()) == {0, 1}


def test_a_result_under_way_does_not_bring_a_merged_type_back(
    qtbot: QtBot, canvas: MaskCanvas, owner: Owner, heard: Heard
) -> None:
    owner.hold = True
    key(canvas, Qt.Key.Key_2)
    key(canvas, Qt.Key.Key_W)
    tap(canvas, MIDDLE_AT)
    canvas.relabel(2, 1)
    ended: list[int] = []
    owner.run(lambda: 1, ended.append)
    owner.let_go()
    qtbot.waitUntil(lambda: ended == [1])
    assert not plane(canvas).any() and canvas.type_id == 1
    tap(canvas, MIDDLE_AT)
    qtbot.waitUntil(lambda: heard.words == ["wand"])
    assert plane(canvas)[300, 400] == 1


def test_escape_puts_the_heat_map_away(qtbot: QtBot, canvas: MaskCanvas) -> None:
    canvas.open(pyramid(drawn_picture()), blank(SIZE), HeatMap(np.ones((6, 8), np.float32), 0.5))
    bare = canvas.grab().toImage()
    key(canvas, Qt.Key.Key_H)
    qtbot.waitUntil(lambda: canvas.grab().toImage() != bare)
    key(canvas, Qt.Key.Key_Escape)
    assert canvas.tool is Tool.BRUSH and canvas.grab().toImage() == bare and not plane(canvas).any()


def test_a_mask_is_copied_over_what_is_there_and_can_be_taken_back(canvas: MaskCanvas, heard: Heard) -> None:
    drag(canvas, (100, 100), (200, 100))
    other = blank(SIZE)
    other[300:320, 300:320] = 2
    assert canvas.paste(other)
    assert plane(canvas)[310, 310] == 2 and plane(canvas)[100, 150] == 1
    key(canvas, Qt.Key.Key_Z, CTRL)
    assert plane(canvas)[310, 310] == 0 and heard.words[-1] == "undo copied mask"
    with pytest.raises(MaskError, match=r"800 x 600"):
        canvas.paste(blank((10, 10)))


def test_nothing_happens_while_no_picture_is_open(canvas: MaskCanvas, heard: Heard) -> None:
    canvas.shut()
    drag(canvas, (10, 10), (50, 50))
    drag(canvas, (10, 10), (50, 50), button=MIDDLE)
    for which in (Qt.Key.Key_Z, Qt.Key.Key_F, Qt.Key.Key_Plus, Qt.Key.Key_Return, Qt.Key.Key_W):
        key(canvas, which)
    key(canvas, Qt.Key.Key_Z, CTRL)
    assert heard.words == [] and canvas.grab().width() == 824


# -- what is painted
def test_the_screen_shows_picture_mask_and_size_of_the_brush(canvas: MaskCanvas) -> None:
    """Within one grey level for 99.5 % of the pixels of what is computed here by the rules."""
    picture = drawn_picture()
    canvas.set_opacity(0.5)
    mask = blank(SIZE)
    mask[200:260, 500:600] = 1
    mask[400:450, 100:160] = 2
    canvas.open(pyramid(picture), mask)
    shot = canvas.grab().toImage()
    left, top = (round(each) for each in canvas.view.to_widget((0, 0)))
    seen = np.array(
        [[shot.pixelColor(left + x, top + y).getRgb()[:3] for x in range(0, 800, 4)] for y in range(0, 600, 4)], float
    )
    wanted = picture[..., ::-1].astype(float)
    for value, colour in ((1, (0xE6, 0x55, 0x0D)), (2, (0x31, 0x82, 0xBD))):
        covered = mask == value
        wanted[covered] = wanted[covered] * (1 - 128 / 255) + np.array(colour) * 128 / 255
    off = np.abs(seen - wanted[::4, ::4]).max(axis=2) > 1
    assert off.mean() < 0.005
    before = canvas.grab().toImage()
    canvas.set_diameter(100)
    move(canvas, (300, 300))
    after = canvas.grab().toImage()
    x, y = place(canvas, (300, 300)).toTuple()
    ring = [after.pixelColor(x + 50, y), after.pixelColor(x, y - 50)]
    assert [before.pixelColor(x + 50, y), before.pixelColor(x, y - 50)] != ring
    assert after.pixelColor(x + 40, y) == before.pixelColor(x + 40, y)


def test_a_grid_parts_the_pixels_from_eight_times_on(canvas: MaskCanvas) -> None:
    canvas.zoom(7.9)
    flat = canvas.grab().copy(200, 400, 100, 100).toImage()
    assert len({flat.pixelColor(x, y).rgb() for x in range(100) for y in range(100)}) == 1
    canvas.zoom(10 / 7.9)
    lined = canvas.grab().copy(200, 400, 100, 100).toImage()
    plain = flat.pixelColor(0, 0).rgb()
    line = np.array([[lined.pixelColor(x, y).rgb() != plain for x in range(100)] for y in range(100)])
    for axis in (0, 1):
        lines = np.flatnonzero(line.mean(axis=axis) > 0.9)
        assert len(lines) == 10 and (np.diff(lines) == 10).all()
    assert line.mean() == pytest.approx(0.19)
