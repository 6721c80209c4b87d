"""What was changed can be taken back, whatever it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.masking import Area, Patch, Recorder, Rect, blank, fill, patch_of, relabel, stroke, stroke_rect

PLANES = arrays(np.uint8, (24, 31), elements=st.integers(0, 4))
POINTS = st.tuples(st.floats(-20, 50), st.floats(-20, 40))
Planes = NDArray[np.uint8]


@settings(max_examples=40)
@given(PLANES, PLANES)
def test_applying_and_reverting_are_inverse(before: Planes, after: Planes) -> None:
    patch = patch_of((31, 24), Rect(0, 0, 31, 24), before, after)
    if patch is None:
        assert (before == after).all()
        return
    plane = before.copy()
    assert patch.apply(plane) == patch.rect
    np.testing.assert_array_equal(plane, after)
    patch.revert(plane)
    np.testing.assert_array_equal(plane, before)
    assert patch.pixels == (before != after).sum()
    outside = np.ones(before.shape, bool)
    outside[patch.rect.slices] = False
    assert not (before != after)[outside].any()


@settings(max_examples=40)
@given(PLANES, st.integers(-10, 35), st.integers(-10, 30), arrays(bool, (9, 13)), st.integers(0, 4), st.booleans())
def test_filling_changes_the_areas_pixels_only(
    before: Planes, x: int, y: int, pixels: NDArray[np.bool_], type_id: int, only: bool
) -> None:
    plane = before.copy()
    patch = fill(plane, Area(Rect(x, y, 13, 9), pixels), type_id, only=2 if only else None)
    wanted = before.copy()
    for row, column in zip(*np.nonzero(pixels), strict=True):
        at = row + y, column + x
        if 0 <= at[0] < 24 and 0 <= at[1] < 31 and (not only or before[at] == 2):
            wanted[at] = type_id
    np.testing.assert_array_equal(plane, wanted)
    if patch is None:
        assert (before == wanted).all()
    else:
        patch.revert(plane)
        np.testing.assert_array_equal(plane, before)


@settings(max_examples=40)
@given(PLANES, st.lists(st.tuples(POINTS, st.floats(0.5, 20), st.integers(0, 3)), min_size=1, max_size=5))
def test_a_recorder_knows_what_a_stroke_covered(
    before: Planes, segments: list[tuple[tuple[float, float], float, int]]
) -> None:
    plane = before.copy()
    recorder = Recorder(plane)
    at = segments[0][0]
    for end, diameter, type_id in segments:
        recorder.keep(stroke_rect((31, 24), at, end, diameter))
        stroke(plane, at, end, diameter, type_id)
        at = end
    after = plane.copy()
    patch = recorder.patch()
    if patch is not None:
        patch.revert(plane)
        np.testing.assert_array_equal(plane, before)
        patch.apply(plane)
    np.testing.assert_array_equal(plane, after)
    recorder.cancel()
    np.testing.assert_array_equal(plane, before)


def test_a_recorder_over_many_tiles() -> None:
    plane = np.random.default_rng(3).integers(0, 3, (700, 900), np.uint8)
    before = plane.copy()
    recorder = Recorder(plane)
    for at, end in (((300.0, 100.0), (500.0, 600.0)), ((500.0, 600.0), (890.0, 690.0))):
        recorder.keep(stroke_rect((900, 700), at, end, 60))
        stroke(plane, at, end, 60, 9)
    patch = recorder.patch()
    assert patch is not None
    patch.revert(plane)
    np.testing.assert_array_equal(plane, before)


def test_a_stroke_takes_little_memory() -> None:
    plane = blank((4096, 3072))
    recorder = Recorder(plane)
    recorder.keep(Rect(0, 0, 4096, 3072))
    stroke(plane, (100, 100), (4000, 3000), 80, 1)
    patch = recorder.patch()
    assert patch is not None and patch.bytes < 60_000


def test_a_change_fits_its_plane_only() -> None:
    patch = fill(blank((5, 5)), Area(Rect(1, 1, 2, 2), np.ones((2, 2), bool)), 1)
    assert isinstance(patch, Patch)
    with pytest.raises(ValueError, match="belongs"):
        patch.apply(blank((6, 5)))


@settings(max_examples=40)
@given(PLANES, PLANES)
def test_merging_types_reaches_what_undo_brings_back(before: Planes, after: Planes) -> None:
    patch = patch_of((31, 24), Rect(0, 0, 31, 24), before, after)
    if patch is None:
        return
    plane = after.copy()
    merged = relabel(plane, 3, 1)
    np.testing.assert_array_equal(plane, np.where(after == 3, 1, after))
    assert (merged is None) == (not (after == 3).any())
    patch.relabelled(3, 1).revert(plane)
    np.testing.assert_array_equal(plane, np.where(before == 3, 1, before))
