"""Where to look on the screen: drawn by finger and mouse and keys, saved as a draw ends, seen on the live picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.look import LookOutline, LookRegion
from app.station import Station
from tests.inspection.fakes import FAIL, FakeSource, picture, wait_for
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting
from tests.test_looking import Seeing
from tests.ui.conftest import click
from tests.ui.fake_station import FakeStation
from tests.ui.labeling.hands import Fingers
from tests.ui.test_layout import check
from ui.live.picture import Mode
from ui.setup.look import LookPage
from ui.setup.look_drawer import LookDrawer
from ui.setup.look_shapes import MOVE, Place, dragged, handles
from ui.shared.looked import draw_look
from ui.theme import current
from ui.window import Window

At = tuple[float, float]
LEFT = "usb:1"


@pytest.fixture
def sources() -> dict[str, FakeSource]:
    made = {CAMERA: camera(), LEFT: camera()}
    made[LEFT].address = LEFT
    return made


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: dict[str, FakeSource]) -> Iterator[Station]:
    stations = Stations(tmp_path, monkeypatch)
    stations.detector = Seeing()
    stations.sources[LEFT] = lambda: sources[LEFT]
    station = inspecting(stations, sources[CAMERA])
    station.save_settings(source=CAMERA, model=MODEL, product="Bracket")
    sources[CAMERA].push(picture(FAIL))
    wait_for(lambda: station.session_counts().total == 1)
    yield station
    stations.close()


def opened(qtbot: QtBot, window: Window) -> LookPage:
    window.go("setup")
    window.spaces.setup.open("look")
    page = window.spaces.setup.look
    qtbot.waitUntil(lambda: page.drawer.has_picture, timeout=10_000)
    QApplication.processEvents()
    return page


def on(drawer: LookDrawer, at: At) -> QPoint:
    """A place of the picture, in shares, in the widget."""
    place = drawer.place()
    return QPoint(round(place.x + at[0] * place.width), round(place.y + at[1] * place.height))


def finger(drawer: LookDrawer, *way: QPoint) -> None:
    hand = Fingers(drawer)  # type: ignore[arg-type]
    hand.press(1, way[0].x(), way[0].y())
    for at in way[1:]:
        hand.move(1, at.x(), at.y())
    hand.lift(1)


def draw(drawer: LookDrawer, begin: At, end: At) -> None:
    finger(drawer, on(drawer, begin), on(drawer, ((begin[0] + end[0]) / 2, end[1])), on(drawer, end))


def knob(drawer: LookDrawer, name: str) -> QPoint:
    x, y = drawer.handles()[name]
    return QPoint(round(x), round(y))


def kept(qtbot: QtBot, page: LookPage, station: Station) -> tuple[LookRegion, ...]:
    """What is saved, once it is what is drawn."""
    qtbot.waitUntil(lambda: station.settings.look_regions == page.drawer.regions, timeout=10_000)
    return station.settings.look_regions


def near(region: LookRegion, x: float, y: float, right: float, bottom: float, by: float = 0.02) -> bool:
    sides = (region.x - x, region.y - y, region.x + region.width - right, region.y + region.height - bottom)
    return max(map(abs, sides)) <= by


@pytest.mark.parametrize("shown", [0, 5.85], indirect=True, ids=["usual", "10 inch"])
def test_a_finger_draws_moves_resizes_and_takes_away(qtbot: QtBot, shown: Window, real: Station) -> None:
    page = opened(qtbot, shown)
    drawer = page.drawer
    assert "The whole picture is judged" in page.count.text() and "Drag over the picture" in page.hint.text()
    assert not page.delete.isEnabled() and not page.undo.isEnabled()
    check(shown, "nothing drawn")
    draw(drawer, (0.2, 0.1), (0.8, 0.9))
    (look,) = kept(qtbot, page, real)
    assert near(look, 0.2, 0.1, 0.8, 0.9) and look.kind == "look"
    assert page.count.text().startswith("1 region: 1 to look at. 4")
    assert page.count.text().endswith("% of the picture is judged.")
    click(qtbot, page.kind.button("ignore"))
    draw(drawer, (0.4, 0.4), (0.6, 0.6))  # inside the first: that is what ignoring is mostly for
    assert [each.kind for each in kept(qtbot, page, real)] == ["look", "ignore"]
    for size in ((1024, 700), (1920, 1200), (1280, 800)):
        shown.resize(*size)
        check(shown, f"two drawn, {size}")
    assert "1 to look at, 1 to ignore" in page.count.text() and "knob" in page.hint.text()

    touch = current().metrics.touch
    assert touch >= 15 * current().metrics.pixels_per_mm
    middle = knob(drawer, MOVE)
    by = QPoint(round(0.1 * drawer.place().width), 0)
    # As far from its middle as its 15 mm reach.
    grip = middle + QPoint(touch // 2 - 2, touch // 2 - 2)
    finger(drawer, grip, grip + by / 2, grip + by)
    assert near(kept(qtbot, page, real)[1], 0.5, 0.4, 0.7, 0.6)
    corner = knob(drawer, "right bottom")
    by = QPoint(round(0.1 * drawer.place().width), round(0.1 * drawer.place().height))
    finger(drawer, corner, corner + by)
    assert near(kept(qtbot, page, real)[1], 0.5, 0.4, 0.8, 0.7)
    click(qtbot, page.undo)
    assert near(kept(qtbot, page, real)[1], 0.5, 0.4, 0.7, 0.6)

    finger(drawer, on(drawer, (0.6, 0.5)), on(drawer, (0.6, 0.5)))  # a tap chooses the smallest
    assert drawer.number == 1
    click(qtbot, page.turn_over)
    assert [each.kind for each in kept(qtbot, page, real)] == ["look", "look"]
    click(qtbot, page.delete)
    assert kept(qtbot, page, real) == (look,)
    click(qtbot, page.clear)
    assert kept(qtbot, page, real) == ()
    click(qtbot, page.undo)
    assert kept(qtbot, page, real) == (look,)
    qtbot.waitUntil(lambda: page.words.text() == "Saved. It counts from the next part on.")


def test_two_fingers_and_a_slip_draw_nothing(qtbot: QtBot, shown: Window, real: Station) -> None:
    page = opened(qtbot, shown)
    drawer = page.drawer
    hand = Fingers(drawer)  # type: ignore[arg-type]
    begin, end = on(drawer, (0.2, 0.2)), on(drawer, (0.6, 0.6))
    hand.press(1, begin.x(), begin.y())
    hand.press(2, end.x(), end.y())
    hand.move(2, end.x() + 40, end.y())
    hand.lift(2)
    hand.lift(1)
    finger(drawer, begin, begin + QPoint(4, 4))
    assert drawer.regions == () and real.settings.look_regions == () and not page.undo.isEnabled()


def test_the_mouse_draws_and_keys_do_the_rest(qtbot: QtBot, shown: Window, real: Station) -> None:
    page = opened(qtbot, shown)
    drawer = page.drawer
    shown.activateWindow()
    for begin, end in (((0.1, 0.1), (0.4, 0.4)), ((0.5, 0.5), (0.9, 0.9))):
        QTest.mousePress(drawer, Qt.MouseButton.LeftButton, pos=on(drawer, begin))
        QTest.mouseMove(drawer, on(drawer, end))
        QTest.mouseRelease(drawer, Qt.MouseButton.LeftButton, pos=on(drawer, end))
    first, second = kept(qtbot, page, real)
    assert near(first, 0.1, 0.1, 0.4, 0.4) and near(second, 0.5, 0.5, 0.9, 0.9)
    drawer.setFocus()
    qtbot.keyClick(drawer, Qt.Key.Key_Escape)
    for number in (0, 1):
        qtbot.keyClick(drawer, Qt.Key.Key_Tab)
        assert drawer.number == number and drawer.hasFocus()
    qtbot.keyClick(drawer, Qt.Key.Key_Left)
    qtbot.keyClick(drawer, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert near(kept(qtbot, page, real)[1], second.x - 0.01, 0.5, 0.89, 0.89, 0.015)
    qtbot.keyClick(drawer, Qt.Key.Key_Tab)
    assert not drawer.hasFocus()  # on to the buttons
    drawer.setFocus()
    qtbot.keyClick(drawer, Qt.Key.Key_Delete)
    assert kept(qtbot, page, real) == (first,)
    qtbot.keyClick(drawer, Qt.Key.Key_Insert)
    assert len(kept(qtbot, page, real)) == 2
    qtbot.keyClick(drawer, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert kept(qtbot, page, real) == (first,)


def test_each_camera_has_its_own(qtbot: QtBot, shown: Window, real: Station, sources: dict[str, FakeSource]) -> None:
    page = opened(qtbot, shown)
    assert not page.cameras.isVisible()
    draw(page.drawer, (0.1, 0.1), (0.5, 0.5))
    first = kept(qtbot, page, real)
    real.beside.add("Left", LEFT)
    qtbot.waitUntil(page.cameras.isVisible)
    page.cameras.setCurrentIndex(1)
    page.cameras.activated.emit(1)
    qtbot.waitUntil(lambda: not page.drawer.has_picture and page.drawer.regions == ())
    sources[LEFT].push(picture(FAIL))
    wait_for(lambda: real.session_counts().total == 2)
    click(qtbot, page.newest)
    qtbot.waitUntil(lambda: page.drawer.has_picture)
    click(qtbot, page.kind.button("ignore"))
    draw(page.drawer, (0.3, 0.3), (0.7, 0.7))
    qtbot.waitUntil(lambda: real.settings.cameras[0].look_regions == page.drawer.regions, timeout=10_000)
    assert real.settings.look_regions == first and real.settings.cameras[0].look_regions[0].kind == "ignore"
    check(shown, "two cameras")
    real.beside.remove("Left")
    qtbot.waitUntil(lambda: not page.cameras.isVisible() and page.drawer.regions == first)


def test_what_can_not_be_saved_says_so_and_a_change_over_is_followed(
    qtbot: QtBot, shown: Window, real: Station
) -> None:
    page = opened(qtbot, shown)
    click(qtbot, page.kind.button("ignore"))
    draw(page.drawer, (0, 0), (1, 1))
    qtbot.waitUntil(lambda: "does not count yet" in page.words.text(), timeout=10_000)
    assert "nothing of the picture is left to judge" in page.words.text() and real.settings.look_regions == ()
    click(qtbot, page.undo)
    qtbot.waitUntil(lambda: page.words.text().startswith("Saved"))
    draw(page.drawer, (0.1, 0.1), (0.4, 0.4))
    drawn = kept(qtbot, page, real)
    real.recipes.save("Bracket")
    real.save_settings(product="Plate", look_regions=[])
    qtbot.waitUntil(lambda: page.drawer.regions == ())
    real.recipes.use("Bracket")
    qtbot.waitUntil(lambda: page.drawer.regions == drawn)


def test_a_threshold_of_ones_own_is_entered_beside_the_picture(qtbot: QtBot, shown: Window, real: Station) -> None:
    page = opened(qtbot, shown)
    assert page.threshold.text() == "0"
    page.threshold.setText("much")
    page.threshold.editingFinished.emit()
    assert "not a number" in page.words.text() and real.settings.threshold == 0
    page.threshold.setText("1.25")
    page.threshold.editingFinished.emit()
    qtbot.waitUntil(lambda: real.settings.threshold == 1.25 and page.words.text().startswith("Saved"), timeout=10_000)
    draw(page.drawer, (0.1, 0.1), (0.4, 0.4))
    kept(qtbot, page, real)
    assert real.settings.threshold == 1.25, "drawing changes nothing of it"
    check(shown, "a threshold of one's own")


def test_the_live_picture_dims_what_is_not_looked_at(
    qtbot: QtBot, shown: Window, real: Station, sources: dict[str, FakeSource]
) -> None:
    view = shown.live.picture
    view.set_mode(Mode.PICTURE)  # without the heat, but with where is looked

    def middle() -> int:
        place = view.place()
        image: QImage = view.grab().toImage()
        scale = image.width() / view.width()
        x, y = (place.x() + 0.5 * place.width()) * scale, (place.y() + 0.5 * place.height()) * scale
        return QColor(image.pixel(round(x), round(y))).lightness()

    shown.go("live")
    qtbot.waitUntil(lambda: view.painted_picture is not None)
    before = middle()
    real.save_settings(look_regions=[{"x": 0, "y": 0, "width": 0.2, "height": 1}])
    sources[CAMERA].push(picture(FAIL, noise=2))
    qtbot.waitUntil(lambda: middle() < 0.7 * before, timeout=10_000)
    real.save_settings(look_regions=[])
    sources[CAMERA].push(picture(FAIL, noise=3))
    qtbot.waitUntil(lambda: middle() > 0.9 * before, timeout=10_000)


def test_regions_are_painted_where_they_lie(qtbot: QtBot) -> None:
    image = QImage(200, 120, QImage.Format.Format_RGB32)
    image.fill(QColor(200, 200, 200))
    outlines = (
        LookOutline("look", ((20, 10), (80, 10), (80, 50), (20, 50))),
        LookOutline("ignore", ((40, 20), (60, 20), (60, 40), (40, 40))),
    )
    painter = QPainter(image)
    draw_look(painter, outlines, QRectF(0, 0, 200, 120), (100, 60))
    painter.end()
    bright = {(60, 40), (140, 90)}
    for x, y in (*bright, (10, 10), (190, 110), (100, 60)):
        assert (QColor(image.pixel(x, y)).lightness() == 200) is ((x, y) in bright), (x, y)


SHARES = st.floats(0.02, 0.98)


@given(
    x=st.floats(0, 0.98),
    y=st.floats(0, 0.98),
    wide=SHARES,
    tall=SHARES,
    touch=st.integers(56, 90),
    room=st.tuples(st.integers(300, 900), st.integers(280, 700)),
)
def test_handles_never_lie_over_each_other_nor_leave_the_picture(
    x: float, y: float, wide: float, tall: float, touch: int, room: tuple[int, int]
) -> None:
    region = LookRegion(x=x, y=y, width=min(wide, 1 - x), height=min(tall, 1 - y))
    found = list(handles(region, Place(0, 0, *room), (float(room[0]), float(room[1])), touch).values())
    for number, (left, top) in enumerate(found):
        assert touch / 2 - 1e-6 <= left <= room[0] - touch / 2 + 1e-6
        assert touch / 2 - 1e-6 <= top <= room[1] - touch / 2 + 1e-6
        for other in found[:number]:
            assert max(abs(left - other[0]), abs(top - other[1])) >= touch - 1e-6


@given(
    x=st.floats(0, 0.9),
    y=st.floats(0, 0.9),
    handle=st.sampled_from([MOVE, "left top", "right top", "left bottom", "right bottom"]),
    by=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_dragging_keeps_a_region_on_the_picture(x: float, y: float, handle: str, by: At) -> None:
    region = dragged(LookRegion(x=x, y=y, width=0.1, height=0.1), handle, by)
    assert region.x + region.width <= 1 + 1e-6 and region.y + region.height <= 1 + 1e-6
    assert region.width >= 0.004 and region.height >= 0.004
    if handle == MOVE:
        assert abs(region.width - 0.1) < 2e-4 and abs(region.height - 0.1) < 2e-4


def test_before_anything_is_inspected_a_test_picture_is_drawn_on(
    qtbot: QtBot, window: Window, station: FakeStation
) -> None:
    window.go("setup")
    window.spaces.setup.open("look")
    page = window.spaces.setup.look
    qtbot.waitUntil(lambda: "No picture yet" in page.drawer.words)
    draw(page.drawer, (0.1, 0.1), (0.5, 0.5))  # nothing to draw on
    assert page.drawer.regions == ()
    click(qtbot, page.newest)
    qtbot.waitUntil(lambda: page.drawer.has_picture, timeout=10_000)
    assert ("check_source", station.settings.source) in station.calls
    draw(page.drawer, (0.1, 0.1), (0.5, 0.5))
    qtbot.waitUntil(lambda: len(station.settings.look_regions) == 1, timeout=10_000)
    click(qtbot, page.kind.button("look"))
    assert "test picture" in page.hint.text()
