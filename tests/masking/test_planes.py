"""Planes go through their file unchanged, and bad files are refused in words."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.domain.errors import MaskError
from app.domain.labelling import MAX_TYPES
from app.masking import blank, copied_to, decode_plane, encode_plane

SHAPES = st.tuples(st.integers(1, 150), st.integers(1, 70))


@given(arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 0, 0, 1, 7, MAX_TYPES])))
def test_a_plane_comes_back_as_it_was(plane: NDArray[np.uint8]) -> None:
    data = encode_plane(plane)
    height, width = plane.shape
    np.testing.assert_array_equal(decode_plane(data, (width, height)), plane)
    assert encode_plane(plane.copy()) == data
    strict = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(strict, plane)


def test_a_large_plane_with_marks_in_some_bands_comes_back() -> None:
    plane = blank((1001, 700))
    plane[64:66, 10:900] = 3
    plane[699, 1000] = 9
    data = encode_plane(plane)
    np.testing.assert_array_equal(decode_plane(data), plane)
    assert len(data) < 4000
    assert not decode_plane(encode_plane(blank((1001, 700)))).any()


def test_the_value_no_type_can_have_is_refused() -> None:
    with pytest.raises(MaskError, match="type 255"):
        encode_plane(np.full((3, 3), 255, np.uint8))
    _, data = cv2.imencode(".png", np.full((3, 3), 255, np.uint8))
    with pytest.raises(MaskError, match="type 255"):
        decode_plane(data.tobytes())


@pytest.mark.parametrize("cut", [0, 4, 40])
def test_a_file_cut_short_is_refused(cut: int) -> None:
    data = encode_plane(np.eye(80, dtype=np.uint8))
    with pytest.raises(MaskError, match=r"masks/a\.png is damaged"):
        decode_plane(data[: cut or -1], name="masks/a.png")


def test_a_damaged_middle_is_refused() -> None:
    data = bytearray(encode_plane(np.random.default_rng(0).integers(0, 5, (90, 90), np.uint8)))
    data[len(data) // 2] ^= 0x55
    with pytest.raises(MaskError, match="damaged"):
        decode_plane(bytes(data))


def test_colours_and_other_sizes_are_refused() -> None:
    _, coloured = cv2.imencode(".png", np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(MaskError, match="holds colours"):
        decode_plane(coloured.tobytes())
    with pytest.raises(MaskError, match=r"5 x 4 pixels, but its picture is 4 x 5"):
        decode_plane(encode_plane(blank((5, 4))), (4, 5))
    with pytest.raises(ValueError):
        encode_plane(np.zeros((2, 2, 3), np.uint8))


def test_a_copy_fits_or_is_refused_with_both_sizes() -> None:
    plane = np.eye(6, dtype=np.uint8)
    copy = copied_to(plane, (6, 6))
    copy[0, 0] = 5
    assert plane[0, 0] == 1
    with pytest.raises(MaskError, match=r"6 x 6 pixels, but b\.png is 7 x 6"):
        copied_to(plane, (7, 6), "b.png")
