"""Looking closer at pictures: with fingers, wheel and keys, and everything on them in its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.domain.frame import Frame
from app.domain.inspection import Detection, Outcome
from app.domain.region import Region
from app.domain.verdict import Verdict
from tests.ui.conftest import Inspect, Tap
from tests.ui.fake_station import FakeStation
from tests.ui.labeling.hands import Fingers
from tests.ui.test_layout import check
from tests.ui.test_records import with_picture
from ui.live.picture import Mode, PictureView
from ui.live.prepare import prepare
from ui.live.sheet import StoredPicture
from ui.live.trigger import TriggerBar
from ui.ports import Phase
from ui.shared.images import Still
from ui.shared.zoom import MOST, Zoom, ZoomView
from ui.theme import current
from ui.window import Window

ROOM = QRectF(0, 0, 800, 600)
WHOLE = QRectF(0, 75, 800, 450)


def wheel(view: QWidget, at: QPointF, notches: int) -> None:
    event = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def press(view: ZoomView, key: Qt.Key) -> bool:
    return view.press_key(QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier))


def share(view: ZoomView, at: QPointF) -> tuple[float, float]:
    """Which point of the picture lies at a point of the widget."""
    place = view.place()
    return (at.x() - place.x()) / place.width(), (at.y() - place.y()) / place.height()


def spread(view: QWidget, middle: QPointF, by: float) -> None:
    """Two fingers 80 px apart about a point, which part by a factor in steps."""
    fingers, reach = Fingers(view), 40.0
    fingers.press(1, middle.x() - reach, middle.y())
    fingers.press(2, middle.x() + reach, middle.y())
    for step in range(1, 5):
        far = reach * by ** (step / 4)
        fingers.move(1, middle.x() - far, middle.y())
        fingers.move(2, middle.x() + far, middle.y())
    fingers.lift(1)
    fingers.lift(2)


def on_screen(qtbot: QtBot, window: Window, scale: float) -> None:
    """With so many pixels a millimetre; 0 for the usual ones."""
    window.station.save_settings(pixels_per_mm=scale)
    window._settings_changed()
    assert (current().metrics.touch > 80) == (scale > 0)
    touch = current().metrics.touch
    qtbot.waitUntil(lambda: window.live.mode_button.height() >= touch)


def outcome(regions: tuple[Region, ...] = (), size: tuple[int, int] = (1280, 720)) -> Outcome:
    """A frame whose columns can be told apart one by one, with a map that is hot at its regions."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:, 1::2] = 90
    heat = np.zeros((36, 64), np.float32)
    for region in regions:
        top, left = int(region.y / size[1] * 36), int(region.x / size[0] * 64)
        bottom, right = int((region.y + region.height) / size[1] * 36), int((region.x + region.width) / size[0] * 64)
        heat[top : bottom + 1, left : right + 1] = 0.9
    detection = Detection(
        0.9, 0.6, 0.5, Verdict.FAIL, 0.9, regions, "scratch", heat, (0.0, 0.0, float(size[0]), float(size[1])), 1.0
    )
    return Outcome(Frame(image, "demo", datetime.now(UTC)), Verdict.FAIL, detection, None)


# -- numbers
def test_what_lies_under_the_fingers_stays_there() -> None:
    at = QPointF(500, 200)
    view = Zoom().zoomed(3.0, at, WHOLE, ROOM)
    place = view.place(WHOLE, ROOM)
    assert place.width() == pytest.approx(2400) and place.height() == pytest.approx(1350)
    assert (at.x() - place.x()) / place.width() == pytest.approx(500 / 800)
    assert (at.y() - place.y()) / place.height() == pytest.approx((200 - 75) / 450)


def test_zoom_stops_at_its_limits_and_nothing_is_dragged_out_of_sight() -> None:
    view = Zoom()
    for _ in range(20):
        view = view.zoomed(1.5, QPointF(10, 80), WHOLE, ROOM)
    assert view.factor == MOST
    for by in (QPointF(9e4, 9e4), QPointF(-9e4, -9e4)):
        view = view.moved(by, WHOLE, ROOM)
        assert view.place(WHOLE, ROOM).contains(ROOM)  # no edge is free
    stopped = view.place(WHOLE, ROOM)
    back = view.moved(QPointF(30, 30), WHOLE, ROOM).place(WHOLE, ROOM)
    assert back.x() == pytest.approx(stopped.x() + 30), "what the edge held back must not have been stored"
    for _ in range(20):
        view = view.zoomed(1 / 1.5, QPointF(10, 80), WHOLE, ROOM)
    assert view == Zoom() and view.place(WHOLE, ROOM) == WHOLE


def test_a_flat_picture_stays_in_the_middle_until_it_fills_the_room() -> None:
    flat = QRectF(0, 250, 800, 100)
    view = Zoom().zoomed(2.0, QPointF(100, 260), flat, ROOM).moved(QPointF(0, 500), flat, ROOM)
    assert view.place(flat, ROOM).center().y() == pytest.approx(300)
    seen = view.visible(flat, ROOM)
    assert seen.top() == 0 and seen.height() == 1 and seen.width() == pytest.approx(0.5)


def test_what_is_in_sight_is_prepared_at_the_screens_own_pixels() -> None:
    region = Region(300, 200, 64, 40, 64 * 40, "scratch", 0.9)
    shown = outcome((region, Region(1100, 600, 64, 40, 64 * 40, "scratch", 0.9)))
    assert shown.detection is not None
    shown.detection.heat[30:] *= 2  # what is hotter elsewhere must not change the colours here
    whole = prepare(shown, (640, 360))
    assert whole.near is None  # no work at the whole picture
    middle = QPointF(330 / 2, 220 / 2)
    view = Zoom().zoomed(4.0, middle, QRectF(0, 0, 640, 360), QRectF(0, 0, 640, 360))
    near = prepare(shown, (640, 360), view).near
    assert near is not None and near.heat is not None
    # Two device pixels for each of the frame: columns that the whole picture had mixed are told apart.
    assert near.picture.width() == pytest.approx(640, abs=4)
    greys = {near.picture.pixelColor(x, 50).red() for x in range(40, 80)}
    assert max(greys) - min(greys) > 40
    assert len({whole.picture.pixelColor(x, 50).red() for x in range(40, 80)}) == 1
    # The map lies where the whole one has it.
    assert whole.heat is not None
    assert near.heat_at.left() == pytest.approx(max(whole.heat_at.left(), near.at.left()), abs=0.003)
    for x, y in ((0.26, 0.3), (0.255, 0.31), (0.28, 0.33)):
        one, other = (
            image.pixelColor(
                int((x - at.x()) / at.width() * image.width()), int((y - at.y()) / at.height() * image.height())
            )
            for image, at in ((whole.heat, whole.heat_at), (near.heat, near.heat_at))
        )
        assert max(abs(one.red() - other.red()), abs(one.green() - other.green())) < 12


def test_pixels_are_squares_at_the_largest_zoom_and_nothing_grows_large() -> None:
    view = Zoom(MOST, 0.3, 0.3)
    near = prepare(outcome((Region(1000, 700, 600, 300, 600 * 300, "x", 0.9),), (4000, 3000)), (1000, 750), view).near
    assert near is not None and near.heat is not None
    assert near.picture.width() <= 1020 and near.heat.width() <= 1020
    assert {near.picture.pixelColor(x, 9).red() for x in range(200)} == {0, 90}


def test_a_still_picture_is_never_reduced_by_more_than_a_half() -> None:
    still = Still(np.zeros((1200, 1600, 3), np.uint8))
    assert still.size == (1600, 1200)
    assert [still.at(wide).width() for wide in (100, 400, 401, 801, 5000)] == [400, 400, 800, 1600, 1600]


# -- the picture of an outcome
@pytest.fixture
def view(qtbot: QtBot, window: Window) -> PictureView:
    """A picture that zooms, alone."""
    made = PictureView(zooms=True)
    qtbot.addWidget(made)
    made.resize(800, 450)
    made.show()
    qtbot.waitExposed(made)
    return made


def fail_coloured(image: QImage, at: QPointF, reach: int = 3) -> bool:
    wanted = QColor(current().tokens.of(Verdict.FAIL))

    def alike(x: int, y: int) -> bool:
        seen = image.pixelColor(x, y)
        return max(abs(seen.red() - wanted.red()), abs(seen.green() - wanted.green())) < 24

    x, y = round(at.x()), round(at.y())
    return any(alike(x + dx, y + dy) for dx in range(-reach, reach + 1) for dy in range(-reach, reach + 1))


def test_outlines_and_the_place_follow_the_zoom(view: PictureView) -> None:
    region = Region(640, 360, 64, 45, 64 * 45, "scratch", 0.9)
    shown = outcome((region,))
    view.set_mode(Mode.OUTLINE)
    view.show_prepared(prepare(shown, view.box()))

    def edges() -> list[QPointF]:
        place = view.place()
        scale = place.width() / 1280
        left, right = place.x() + region.x * scale, place.x() + (region.x + region.width) * scale
        low = place.y() + (region.y + region.height) * scale
        return [QPointF(left, low - 8), QPointF(right, low - 8), QPointF((left + right) / 2, low)]

    assert view.place() == QRectF(0, 0, 800, 450)
    before = edges()
    picture = view.grab().toImage()
    assert all(fail_coloured(picture, at) for at in before)
    view.zoom_by(5.0, QPointF(420, 240))
    picture = view.grab().toImage()  # painted before anything sharper is there
    after = edges()
    assert after[1].x() - after[0].x() == pytest.approx(5 * (before[1].x() - before[0].x()))
    assert all(fail_coloured(picture, at) for at in after)
    assert not any(fail_coloured(picture, at) for at in before)
    view.show_prepared(prepare(shown, view.box(), view.view))
    picture = view.grab().toImage()
    assert all(fail_coloured(picture, at) for at in after)
    place = view.place()  # means the whole picture, whatever is in sight
    assert (place.width(), place.height()) == (4000, 2250)


def test_what_is_marked_out_of_sight_is_told(view: PictureView, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(PictureView, "paint_factor", lambda _self, _painter, words="": told.append(words))
    regions = (Region(40, 40, 60, 60, 60 * 60, "scratch", 0.9), Region(900, 500, 60, 60, 60 * 60, "dent", 0.8))
    view.show_prepared(prepare(outcome(regions), view.box()))
    view.grab()
    view.zoom_by(8.0, QPointF(0, 0))
    view.grab()
    view.zoom_by(8.0, QPointF(400, 225))
    view.move_by(QPointF(-2000, 0))
    view.grab()
    assert told == ["", "1 marked place out of sight", "2 marked places out of sight"]


def test_wheel_keys_drag_and_double_click(view: PictureView) -> None:
    view.show_prepared(prepare(outcome(), view.box()))
    at = QPointF(600, 100)
    under = share(view, at)
    wheel(view, at, 3)
    assert view.view.factor == pytest.approx(1.25**3)
    assert share(view, at) == pytest.approx(under)
    assert press(view, Qt.Key.Key_Plus)
    assert view.view.factor == pytest.approx(1.25**3 * 1.5)
    assert press(view, Qt.Key.Key_Minus) and not press(view, Qt.Key.Key_A)
    assert view.view.factor == pytest.approx(1.25**3)
    # The hand takes the picture along.
    start, end = QPoint(400, 200), QPoint(430, 180)
    under = share(view, QPointF(start))
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    move(view, end)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    assert share(view, QPointF(end)) == pytest.approx(under)
    assert press(view, Qt.Key.Key_0) and view.view == Zoom()
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=start)
    assert view.view.factor == 4.0
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=start)
    assert view.view == Zoom() and not view.whole_button.isVisible()  # type: ignore[union-attr]


def move(view: QWidget, at: QPoint) -> None:
    point = QPointF(at)
    left = Qt.MouseButton.LeftButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, point, view.mapToGlobal(point), left, left, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(view, event)


def test_two_fingers_zoom_about_their_middle_and_one_moves(view: PictureView) -> None:
    view.show_prepared(prepare(outcome(), view.box()))
    middle = QPointF(300, 200)
    under = share(view, middle)
    spread(view, middle, 3.0)
    assert view.view.factor == pytest.approx(3.0, rel=0.03)  # fingers are told in whole pixels
    assert share(view, middle) == pytest.approx(under, abs=0.003)
    one = Fingers(view)
    under = share(view, QPointF(300, 200))
    one.press(1, 300, 200)
    one.move(1, 250, 240)
    one.lift(1)
    assert share(view, QPointF(250, 240)) == pytest.approx(under)
    for _ in range(2):  # a double tap
        one.press(1, 400, 200)
        one.lift(1)
    assert view.view == Zoom()
    one.press(1, 400, 200)
    one.move(1, 200, 200)
    one.lift(1)
    assert view.place() == QRectF(0, 0, 800, 450)  # there is nothing to move
    spread(view, QPointF(300, 200), 3.0)
    spread(view, QPointF(300, 200), 1.03 / view.view.factor)
    assert view.view == Zoom()  # nearly all of it is all of it


# -- the places it is used in
@pytest.mark.parametrize("scale", [0, 5.9], ids=["usual", "ten_inch"])
def test_on_live_the_place_that_is_watched_stays_from_part_to_part(
    qtbot: QtBot, window: Window, inspect: Inspect, tap: Tap, scale: float
) -> None:
    on_screen(qtbot, window, scale)
    live = window.live
    inspect(0.9)
    spread(live.picture, QPointF(live.picture.width() * 0.6, live.picture.height() * 0.3), 3.0)
    factor, place = live.picture.view.factor, live.picture.place()
    assert factor > 2.8
    qtbot.waitUntil(lambda: live.prepared is not None and live.prepared.near is not None)
    for score, verdict in ((0.3, Verdict.PASS), (0.9, Verdict.FAIL)):
        frame = inspect(score)
        prepared = live.prepared
        assert prepared is not None and prepared.near is not None and prepared.frame_id == frame
        assert live.shown.picture == live.shown.heat == live.shown.verdict == frame
        assert live.tile.painted_verdict is verdict
        assert live.picture.place() == place
    button = live.picture.whole_button
    assert button is not None and button.isVisible() and min(button.width(), button.height()) >= current().metrics.touch
    check(window, "zoomed")
    tap(button)
    assert live.picture.view == Zoom() and not button.isVisible()
    qtbot.waitUntil(lambda: live.prepared is not None and live.prepared.near is None)


def test_on_live_keys_zoom_and_the_trigger_keeps_its_own(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    inspect(0.3)
    live = window.live
    live.setFocus()
    for key, factor in ((Qt.Key.Key_Plus, 1.5), (Qt.Key.Key_Plus, 2.25), (Qt.Key.Key_0, 1.0)):
        qtbot.keyClick(live, key)
        qtbot.waitUntil(lambda factor=factor: live.picture.view.factor == pytest.approx(factor))
    station.set_state(Phase.STOPPED, "Stopped.")
    qtbot.waitUntil(live.panel.isVisible)
    plus = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Plus, Qt.KeyboardModifier.NoModifier)
    assert not live.take_key(plus)  # what is not on show is not zoomed
    assert live.picture.view == Zoom()


def test_a_pedals_key_triggers_and_does_not_zoom(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect(0.3)
    live, pressed = window.live, []
    live.picture.zoom_by(2.0, QPointF(100, 100))
    station.save_settings(pedal_key="0")
    monkeypatch.setattr(TriggerBar, "pressable", property(lambda _self: True))
    monkeypatch.setattr(TriggerBar, "press", lambda _self: pressed.append(1))
    QTest.mouseClick(live.picture, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    qtbot.keyClick(QApplication.focusWidget() or live, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: bool(pressed))
    qtbot.mouseClick(live.strip.tiles[0], Qt.MouseButton.LeftButton)  # also while a part's sheet is open
    live.sheet.picture.set_view(Zoom(2.0))
    qtbot.keyClick(live.sheet.close_button, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: len(pressed) == 2)
    assert live.picture.view.near


def test_an_old_view_lies_at_its_place_until_the_sharp_one_comes(view: PictureView) -> None:
    """Painted between a movement and its picture: everything of the same frame, nowhere bare."""
    shown = outcome()
    view.zoom_by(4.0, QPointF(400, 225))
    view.show_prepared(prepare(replace(shown, detection=None), view.box(), Zoom(4.0)))
    view.zoom_by(4.0, QPointF(400, 225))
    view.move_by(QPointF(300, 120))
    picture = view.grab().toImage()
    ground = current().colour("surface")
    corners = [(5, 5), (794, 5), (5, 330), (400, 225), (794, 330)]
    assert all(picture.pixelColor(*at) != ground for at in corners)
    assert view.painted_picture == shown.frame.id


@pytest.mark.parametrize("scale", [0, 5.9], ids=["usual", "ten_inch"])
def test_the_parts_sheet_is_looked_at_closer(qtbot: QtBot, window: Window, inspect: Inspect, scale: float) -> None:
    on_screen(qtbot, window, scale)
    inspect(0.9)
    inspect(0.3)
    qtbot.mouseClick(window.live.strip.tiles[1], Qt.MouseButton.LeftButton)
    sheet = window.live.sheet
    qtbot.waitUntil(lambda: sheet.picture.has_picture)
    before = sheet.picture.grab().toImage()
    spread(sheet.picture, QPointF(sheet.picture.rect().center()), 4.0)
    assert sheet.picture.view.factor > 3.8 and sheet.picture.grab().toImage() != before
    assert window.live.picture.view == Zoom()  # the one behind it is another
    check(window, "sheet zoomed")
    qtbot.keyClick(sheet, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: sheet.picture.view == Zoom())  # keys are held back: a scanner's might follow
    wheel(sheet.picture, QPointF(100, 100), 2)
    assert sheet.picture.view.near
    qtbot.mouseClick(window.live.strip.tiles[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: sheet.picture.has_picture)
    assert sheet.picture.view == Zoom()  # another part is shown whole


def test_everything_about_a_part_is_looked_at_closer(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    part = with_picture(station, 1, Verdict.FAIL)
    window.show_part(part.id)
    page = window.spaces.part
    qtbot.waitUntil(lambda: page.picture.painted_picture is not None)
    spread(page.picture, QPointF(page.picture.rect().center()), 4.0)
    assert page.picture.view.factor > 3.8
    shown = page.picture
    wanted = shown.view.visible(shown.whole_place(), shown.room())

    def sharp() -> bool:  # what is prepared last is what is in sight, however fast the fingers were
        near = shown._prepared.near if shown._prepared is not None else None
        return near is not None and near.at.adjusted(-1e-6, -1e-6, 2e-6, 2e-6).contains(wanted)

    qtbot.waitUntil(sharp)
    check(window, "part zoomed")
    qtbot.keyClick(page, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: shown.view == Zoom())


def test_an_alarms_picture_is_opened_large(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect, tap: Tap
) -> None:
    inspect(0.9)
    window.go("alarms")
    qtbot.waitUntil(lambda: len(window.spaces.alarms.cards) > 0)
    qtbot.mouseClick(window.spaces.alarms.cards[0], Qt.MouseButton.LeftButton)
    detail = window.spaces.alarms.detail
    qtbot.waitUntil(detail.look.isVisible)
    check(window, "alarm")
    tap(detail.look)
    qtbot.waitUntil(lambda: detail.large.has_picture)
    spread(detail.large, QPointF(detail.large.rect().center()), 3.0)
    assert detail.large.view.factor > 2.8
    check(window, "alarm zoomed")
    qtbot.keyClick(window.spaces.alarms, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: detail.large.view == Zoom())
    detail._leave()
    assert detail.stack.currentWidget() is detail.view and not detail.large.has_picture


def test_where_the_picture_is_narrow_the_button_is_its_icon(window: Window) -> None:
    stored = StoredPicture(zooms=True)
    stored.setParent(window)
    stored.show_picture(Still(np.zeros((300, 400, 3), np.uint8)))
    for width, words in ((400, "Whole picture"), (120, "")):
        stored.setMinimumSize(width, 100)
        stored.resize(width, 100)
        stored.show()
        stored.zoom_by(2.0, QPointF(60, 50))
        button = stored.whole_button
        assert button is not None and button.isVisible() and button.text() == words
        assert stored.rect().contains(button.geometry()) and button.height() >= current().metrics.touch
        assert button.accessibleName() == "Whole picture"
