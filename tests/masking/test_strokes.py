"""The brush covers exactly what its disc sweeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.masking import blank, region_at, stroke, stroke_rect

SIZE = (60, 45)
POINTS = st.tuples(st.floats(-30, 90), st.floats(-30, 75))


def distances(start: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float64]:
    """Of every pixel's middle from a segment."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    along = np.subtract(end, start)
    square = float(along @ along)
    t = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / square, 0, 1) if square > 1e-18 else 0 * x
    return np.hypot(x - start[0] - t * along[0], y - start[1] - t * along[1])


@given(POINTS, POINTS, st.floats(2.01, 40))
def test_pixels_under_the_disc_and_no_others(
    start: tuple[float, float], end: tuple[float, float], diameter: float
) -> None:
    plane = blank(SIZE)
    rect = stroke(plane, start, end, diameter, 7)
    away = distances(start, end)
    assert (plane[away < diameter / 2 - 1e-6] == 7).all()
    assert not plane[away > diameter / 2 + 1e-6].any()
    assert rect == stroke_rect(SIZE, start, end, diameter) or rect.empty
    plane[rect.slices] = 0
    assert not plane.any()


@given(st.tuples(st.floats(0, 59.9), st.floats(0, 44.9)), st.tuples(st.floats(0, 59.9), st.floats(0, 44.9)))
def test_the_thinnest_brush_leaves_no_gap(start: tuple[float, float], end: tuple[float, float]) -> None:
    plane = blank(SIZE)
    stroke(plane, start, end, 1, 1)
    first, last = ((int(x), int(y)) for x, y in (start, end))
    assert plane[first[1], first[0]] == plane[last[1], last[0]] == 1
    line = region_at(plane, first)
    assert line is not None and line.count == plane.astype(bool).sum()


@given(st.floats(1, 30))
def test_erasing_what_was_drawn_leaves_nothing(diameter: float) -> None:
    plane = blank(SIZE)
    stroke(plane, (10, 10), (41.3, 30.7), diameter, 1)
    assert plane.any()
    stroke(plane, (10, 10), (41.3, 30.7), diameter, 0)
    assert not plane.any()


def test_erasing_one_type_leaves_the_others() -> None:
    plane = blank(SIZE)
    plane[:, :30], plane[:, 30:] = 1, 2
    stroke(plane, (0, 20), (60, 20), 9, 0, only=1)
    assert not plane[20, :30].any() and (plane[20, 30:] == 2).all() and (plane[0] > 0).all()


@pytest.mark.parametrize("start", [(-100.0, 5.0), (500.0, 5.0), (5.0, -90.0), (5.0, 900.0)])
def test_a_stroke_beside_the_picture_changes_nothing(start: tuple[float, float]) -> None:
    plane = blank(SIZE)
    assert stroke(plane, start, start, 12, 1).empty
    assert not plane.any()
