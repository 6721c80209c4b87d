"""Zoom and place, gestures and buffers: rules without a window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QColor, QImage

from app.masking import Rect, blank, stroke
from ui.labeling.canvas.layers import Layers, pyramid
from ui.labeling.canvas.view import View, around, fitted
from ui.shared.fingers import At, Fingers

VIEWS = st.builds(View, st.floats(0.05, 60), st.floats(-500, 5000), st.floats(-500, 5000))
PLACES = st.tuples(st.floats(0, 1200), st.floats(0, 800))


@settings(max_examples=40)
@given(VIEWS, PLACES, st.floats(0.2, 5))
def test_what_lies_under_the_pointer_stays_there_while_zooming(view: View, at: At, factor: float) -> None:
    before = view.to_picture(at)
    closer = view.zoomed(factor, at, 0.01)
    assert closer.to_widget(before) == pytest.approx(at, abs=1e-3)
    assert view.to_widget(before) == pytest.approx(at, abs=1e-3)


@settings(max_examples=40)
@given(VIEWS, st.tuples(st.integers(1, 9000), st.integers(1, 9000)))
def test_the_picture_can_not_be_lost(view: View, size: tuple[int, int]) -> None:
    room = (900.0, 700.0)
    x, y = view.held(size, room).to_picture((450, 350))
    assert -1e-6 <= x <= size[0] + 1e-6 and -1e-6 <= y <= size[1] + 1e-6


@settings(max_examples=40)
@given(st.tuples(st.integers(1, 9000), st.integers(1, 9000)))
def test_a_fitted_picture_is_whole_and_in_the_middle(size: tuple[int, int]) -> None:
    view = fitted(size, (900, 700))
    left, top = view.to_widget((0, 0))
    right, bottom = view.to_widget((float(size[0]), float(size[1])))
    assert left >= 11.9 and top >= 11.9 and left + right == pytest.approx(900) and top + bottom == pytest.approx(700)


def test_flying_to_a_part_shows_all_of_it() -> None:
    view = around(Rect(1000, 800, 60, 20), (4096, 3072), (900, 700))
    left, top = view.to_widget((1000, 800))
    right, bottom = view.to_widget((1060, 820))
    assert left > 0 and top > 0 and right < 900 and bottom < 700 and right - left > 300


class Hand:
    """Writes down what fingers do."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.pinched: list[tuple[float, At, At]] = []

    def press(self, at: At, erase: bool = False) -> None:
        self.did.append("press")

    def move(self, at: At) -> None:
        self.did.append("move")

    def release(self, at: At) -> None:
        self.did.append("release")

    def cancel(self) -> None:
        self.did.append("cancel")

    def pinch(self, factor: float, about: At, by: At) -> None:
        self.pinched.append((factor, about, by))


@pytest.mark.parametrize(("after", "ends"), [(0.149, "cancel"), (0.151, "release")])
def test_a_second_finger_takes_back_what_the_first_has_just_begun(after: float, ends: str) -> None:
    hand = Hand()
    fingers = Fingers(hand)
    fingers.update({1: (10, 10)}, 5.0)
    fingers.update({1: (12, 10)}, 5.0 + after / 2)
    fingers.update({1: (12, 10), 2: (112, 10)}, 5.0 + after)
    fingers.update({1: (2, 20), 2: (202, 20)}, 5.3)
    fingers.update({2: (300, 300)}, 5.4)
    fingers.update({}, 5.5)
    assert hand.did == ["press", "move", ends]
    (factor, about, by) = hand.pinched[-1]
    assert factor == pytest.approx(2.0) and about == (62, 10) and by == (40, 10)
    fingers.update({3: (1, 1)}, 6.0)
    fingers.update({}, 6.1)
    assert hand.did[-2:] == ["press", "release"]


def test_fingers_that_the_system_takes_away_leave_no_mark() -> None:
    hand = Hand()
    fingers = Fingers(hand)
    fingers.update({1: (10, 10)}, 1.0)
    fingers.lost()
    assert hand.did == ["press", "cancel"] and not fingers.down


def seen(layers: Layers) -> np.ndarray:
    """The mask's buffer, (h, w, 4)."""
    image = layers.mask.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


@settings(max_examples=40)
@given(st.floats(0.1, 20), st.floats(-40, 90), st.floats(-40, 70), st.sampled_from([1.0, 1.5, 2.0]))
def test_bringing_up_a_part_gives_what_bringing_up_all_gives(scale: float, x: float, y: float, ratio: float) -> None:
    plane = blank((100, 80))
    plane[10:30, 10:40] = 2
    layers = Layers()
    layers.set_colours({1: QColor("#E6550D"), 2: QColor("#3182BD")}, QColor("white"), 0.5, QColor("black"))
    layers.show(pyramid(np.zeros((80, 100, 3), np.uint8)), plane)
    layers.look(View(scale, x, y), 120, 90, ratio)
    layers.refresh(stroke(plane, (20, 20), (70, 50), 13, 1))
    part = seen(layers)
    layers.look(View(scale, x, y), 120, 90, ratio)
    np.testing.assert_array_equal(part, seen(layers))


def test_a_zoomed_pixel_is_a_square_of_its_colour_and_lies_over_the_picture() -> None:
    picture = np.zeros((40, 50, 3), np.uint8)
    picture[7, 9] = (10, 200, 30)
    plane = blank((50, 40))
    plane[7, 9] = 1
    layers = Layers()
    layers.set_colours({1: QColor("#FF0000")}, QColor("white"), 1.0, QColor("black"))
    layers.show(pyramid(picture), plane)
    layers.look(View(10.0, 5.0, 5.0), 200, 150, 1.0)
    lit = seen(layers)[..., 3] > 0
    assert lit[20:30, 40:50].all() and lit.sum() == 100
    assert layers.picture.pixelColor(40, 20) == layers.picture.pixelColor(49, 29) == QColor(30, 200, 10)
    assert layers.picture.pixelColor(39, 20) == layers.picture.pixelColor(50, 29) == QColor(0, 0, 0)


def test_a_picture_lies_at_the_same_place_at_every_level() -> None:
    picture = np.zeros((1111, 1777, 3), np.uint8)
    picture[400:800, 600:1200] = 255
    pictures = pyramid(picture)
    assert len(pictures.levels) > 2
    for scale in (0.9, 0.5, 0.3, 0.2):
        layers = Layers()
        layers.show(pictures, blank((1777, 1111)))
        layers.look(View(scale, 0, 0), 1600, 1000, 1.0)
        row = [layers.picture.pixelColor(x, round(600 * scale)).lightness() > 127 for x in range(round(1600 * scale))]
        assert row.index(True) == pytest.approx(600 * scale, abs=1)
        assert sum(row) == pytest.approx(600 * scale, abs=1.5)


def test_a_spot_of_three_pixels_is_seen_from_far_away() -> None:
    for start in range(9):
        plane = blank((2000, 1500))
        plane[700 + start : 703 + start, 900 + start : 903 + start] = 1
        layers = Layers()
        layers.set_colours({1: QColor("#FF0000")}, QColor("white"), 1.0, QColor("black"))
        layers.show(pyramid(np.zeros((1500, 2000, 3), np.uint8)), plane)
        layers.look(View(0.22, 0, 0), 440, 330, 1.0)
        assert 0 < (seen(layers)[..., 3] > 0).sum() <= 4
