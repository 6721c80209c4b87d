"""Shapes made pixels, and run lengths, against independent ways of computing the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.datasets.drawing import Undrawable, drawn
from app.datasets.runs import area_of, lengths_of, packed, unpacked
from app.datasets.types import Circle, Patch, Polygon, Runs
from tests.handmade import encoded

SIZE = (30, 20)


def inside(points: list[tuple[float, float]], x: float, y: float) -> bool:
    """Even-odd by a ray to the left, one point at a time."""
    odd = False
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
        if (y0 >= y) != (y1 >= y) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x:
            odd = not odd
    return odd


def by_points(points: list[tuple[float, float]]) -> NDArray[np.bool_]:
    return np.array([[inside(points, x + 0.5, y + 0.5) for x in range(SIZE[0])] for y in range(SIZE[1])])


# Quarters, so that the middle of a pixel may lie exactly on a corner and no rounding decides.
_AT = st.integers(-20, 140).map(lambda value: value / 4)


@settings(max_examples=30)
@given(st.lists(st.tuples(_AT, _AT), min_size=3, max_size=9))
def test_a_polygon_is_the_pixels_whose_middle_is_inside(points: list[tuple[float, float]]) -> None:
    expected = by_points(points)
    found = drawn(Polygon("", tuple(points)), SIZE)
    # On slanted edges, the two ways may round a middle that lies on the edge differently.
    on_edge = np.zeros_like(expected)
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
        ys, xs = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] + 0.5
        on_edge |= np.abs((x1 - x0) * (ys - y0) - (y1 - y0) * (xs - x0)) < 1e-9
    if expected.any():
        np.testing.assert_array_equal(found & ~on_edge, expected & ~on_edge)


def test_a_rectangle_of_whole_pixels_is_exactly_those() -> None:
    found = drawn(Polygon("", ((3, 4), (10, 4), (10, 9), (3, 9))), SIZE)
    expected = np.zeros((20, 30), bool)
    expected[4:9, 3:10] = True
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "shape", [Polygon("", ((5.6, 7.6), (5.9, 7.6), (5.9, 7.9))), Circle("", 5.9, 7.9, 0.2)], ids=["polygon", "circle"]
)
def test_a_defect_smaller_than_a_pixel_is_that_pixel(shape: Polygon | Circle) -> None:
    assert [tuple(place) for place in np.argwhere(drawn(shape, SIZE))] == [(7, 5)]


def test_what_lies_outside_the_picture_is_cut_off() -> None:
    assert drawn(Polygon("", ((-50, -50), (500, -50), (500, 500), (-50, 500))), SIZE).all()
    assert not drawn(Polygon("", ((40, 4), (60, 4), (60, 9))), SIZE).any()
    assert not drawn(Polygon("", ((4, 40), (6, 60), (9, 60))), SIZE).any()
    assert not drawn(Circle("", 400, 4, 3), SIZE).any()
    piece = encoded(".png", np.ones((10, 10), np.uint8))
    assert drawn(Patch("", 25, -5, piece), SIZE).sum() == 25
    assert not drawn(Patch("", 300, 0, piece), SIZE).any()


def test_a_circle() -> None:
    found = drawn(Circle("", 15, 10, 5), SIZE)
    ys, xs = np.mgrid[0:20, 0:30] + 0.5
    np.testing.assert_array_equal(found, np.hypot(xs - 15, ys - 10) <= 5)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_run_lengths_come_back_as_they_were(width: int, height: int, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
    area = np.array(bits).reshape(height, width)
    lengths = lengths_of(area)
    assert unpacked(packed(lengths)) == lengths
    np.testing.assert_array_equal(area_of(lengths, (width, height)), area)
    for counts in (tuple(lengths), packed(lengths)):
        np.testing.assert_array_equal(drawn(Runs("", counts, (width, height)), (width, height)), area)


@given(st.lists(st.integers(0, 1 << 28), max_size=40))
def test_any_lengths_come_back(lengths: list[int]) -> None:
    assert unpacked(packed(lengths)) == lengths


@pytest.mark.parametrize(
    ("lengths", "text"),
    [
        # By hand: 5 and 3 are their own signs; 40 = 8 + 1 * 32; 2 - 3 = -1; 41 - 40 = 1.
        ([5, 3, 40, 2, 41], "53X1O1"),
        # What COCO's own tools write.
        ([0, 6, 1, 3], "061M"),
        ([0, 6, 1, 6], "0610"),
        ([1, 2, 2, 1], "122O"),
        ([42, 1], "Z11"),
        ([0, 1024], "0PP1"),
        ([0, 1, 1, 2, 1, 3, 1, 4, 1], "011101010"),
    ],
)
def test_compressed_lengths(lengths: list[int], text: str) -> None:
    assert packed(lengths) == text and unpacked(text) == lengths


@pytest.mark.parametrize(
    ("counts", "size", "words"),
    [
        ((600,), (20, 30), "for 20 x 30 pixels, but its picture is 30 x 20"),
        ((599,), SIZE, "do not fill 30 x 20"),
        ((700, -100), SIZE, "do not fill"),
        ((), SIZE, "do not fill"),
        ("\x00", SIZE, "no part of compressed"),
        ("é", SIZE, "no part of compressed"),
        ("X", SIZE, "end in the middle"),
        ("oooooooooooooo1", SIZE, "no part of compressed"),
    ],
)
def test_run_lengths_that_do_not_fit(counts: tuple[int, ...] | str, size: tuple[int, int], words: str) -> None:
    with pytest.raises(Undrawable, match=words):
        drawn(Runs("", counts, size), SIZE)


def test_a_damaged_patch() -> None:
    with pytest.raises(Undrawable, match="not a whole picture"):
        drawn(Patch("", 0, 0, b"nothing"), SIZE)
