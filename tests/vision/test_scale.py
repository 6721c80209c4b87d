from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import PictureError, ScaleError
from app.domain.frame import Image
from app.vision.scale import MAX_SPREAD, Scale, from_chessboard, from_known_length

SQUARE = 40


def board(columns: int, rows: int) -> Image:
    """A printed board with so many inner corners, squares of 40 pixels, one and a half squares of white round it."""
    margin = SQUARE * 3 // 2
    height, width = (rows + 1) * SQUARE, (columns + 1) * SQUARE
    y, x = np.mgrid[:height, :width] // SQUARE
    squares = np.where((x + y) % 2 == 0, 25, 235).astype(np.uint8)
    return np.asarray(cv2.cvtColor(np.pad(squares, margin, constant_values=235), cv2.COLOR_GRAY2BGR), np.uint8)


def photograph(
    print_: Image, *, turn: float = 0.0, zoom: float = 0.7, tilt: float = 0.0, size: tuple[int, int] = (640, 480)
) -> Image:
    """The print on grey, turned by degrees, seen under perspective, a little blurred, with noise."""
    height, width = print_.shape[:2]
    cosine, sine = math.cos(math.radians(turn)) * zoom, math.sin(math.radians(turn)) * zoom
    to_middle = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    seen = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    lean = np.array([[1, 0, 0], [0, 1, 0], [tilt, 0, 1]])
    back = np.array([[1, 0, size[0] / 2], [0, 1, size[1] / 2], [0, 0, 1]])
    picture = cv2.warpPerspective(print_, back @ lean @ seen @ to_middle, size, borderValue=(160, 160, 160))
    noise = np.random.default_rng(0).normal(0, 4, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("corners", "turn"), [((9, 6), 17.0), ((7, 7), 45.0), ((4, 3), -100.0)])
def test_a_turned_and_noisy_board_gives_the_scale(corners: tuple[int, int], turn: float) -> None:
    picture = photograph(board(*corners), turn=turn)
    scale = from_chessboard(picture, square_mm=7.0)
    assert scale.mm_per_pixel == pytest.approx(7.0 / (0.7 * SQUARE), rel=0.003)
    assert scale.spread is not None and scale.spread < 0.01
    x, y, width, height = scale.place
    assert 0 < x < x + width < 640 and 0 < y < y + height < 480
    assert "7 mm" in scale.how
    known = from_chessboard(picture, 7.0, corners)
    assert known.mm_per_pixel == pytest.approx(scale.mm_per_pixel, rel=0.002)


def test_a_slight_tilt_is_told_and_a_strong_one_refused() -> None:
    slight = from_chessboard(photograph(board(9, 6), tilt=2e-4), 5.0, (9, 6))
    assert slight.spread is not None and 0.02 < slight.spread <= MAX_SPREAD
    assert slight.mm_per_pixel == pytest.approx(5.0 / 28, rel=0.01)
    with pytest.raises(ScaleError, match=r"differ by 1\d\.\d%.*straight above"):
        from_chessboard(photograph(board(9, 6), tilt=6e-4), 5.0, (9, 6))


def test_a_stretched_picture_is_refused() -> None:
    """Pixels that are not square have no one scale."""
    picture = cv2.resize(photograph(board(7, 5)), None, fx=1.2, fy=1.0, interpolation=cv2.INTER_AREA)
    with pytest.raises(ScaleError, match="differ"):
        from_chessboard(np.asarray(picture, np.uint8), 5.0, (7, 5))


def test_a_large_picture_is_measured_on_all_its_pixels() -> None:
    picture = photograph(board(8, 6), zoom=2.6, turn=8, size=(1800, 1400))
    scale = from_chessboard(picture, 10.0, (8, 6))
    assert scale.mm_per_pixel == pytest.approx(10.0 / (2.6 * SQUARE), rel=0.001)


def test_light_that_falls_off_is_no_hindrance() -> None:
    picture = photograph(board(8, 6))
    ramp = np.linspace(1.0, 0.35, picture.shape[1])[None, :, None]
    scale = from_chessboard((picture * ramp).astype(np.uint8), 5.0)
    assert scale.mm_per_pixel == pytest.approx(5.0 / 28, rel=0.005)


def noise() -> Image:
    return np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)


def grille() -> Image:
    """Dark holes on white: corners everywhere, but no squares that alternate."""
    picture = np.full((300, 400, 3), 230, np.uint8)
    for y in range(20, 300, 40):
        for x in range(20, 400, 40):
            picture[y : y + 20, x : x + 20] = 30
    return picture


@pytest.mark.parametrize("picture", [noise(), grille(), np.full((200, 200, 3), 128, np.uint8), np.zeros((16, 16, 3))])
def test_what_is_no_board_is_not_taken_for_one(picture: Image) -> None:
    with pytest.raises(ScaleError, match=r"No chessboard was found.*whole board"):
        from_chessboard(picture.astype(np.uint8), 5.0)


def test_another_number_of_corners_says_so() -> None:
    with pytest.raises(ScaleError, match=r"11 x 8 inner corners was found.*number of corners"):
        from_chessboard(photograph(board(6, 4)), 5.0, (11, 8))


def test_what_cannot_be_a_board_is_refused_with_words() -> None:
    picture = photograph(board(6, 4))
    for side in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ScaleError, match="side of a square"):
            from_chessboard(picture, side)
    with pytest.raises(ScaleError, match=r"2 x 5 inner corners is too small"):
        from_chessboard(picture, 5.0, (2, 5))
    with pytest.raises(PictureError, match="8-bit"):
        from_chessboard(np.zeros((40, 40), np.uint8), 5.0)


coordinate = st.floats(-20_000, 20_000)


@given(coordinate, coordinate, st.floats(0, 2 * math.pi), st.floats(20.5, 30_000), st.floats(0.1, 10_000))
def test_a_known_length_is_measured_back(x: float, y: float, angle: float, pixels: float, millimetres: float) -> None:
    other = (x + pixels * math.cos(angle), y + pixels * math.sin(angle))
    scale = from_known_length((x, y), other, millimetres)
    assert scale.length_mm(pixels) == pytest.approx(millimetres, rel=1e-6)
    assert scale.area_mm2(pixels**2) == pytest.approx(millimetres**2, rel=1e-6)
    assert scale == from_known_length((x, y), other, millimetres)
    assert from_known_length(other, (x, y), millimetres).mm_per_pixel == pytest.approx(scale.mm_per_pixel)
    assert scale.spread is None


@pytest.mark.parametrize(
    ("second", "millimetres", "words"),
    [
        ((12.0, 10.0), 5.0, r"only 2\.0 pixels apart"),
        ((10.0, 10.0), 5.0, r"only 0\.0 pixels apart"),
        ((110.0, 10.0), 0.0, "not a length"),
        ((110.0, 10.0), math.nan, "not a length"),
        ((math.nan, 10.0), 5.0, "mark both again"),
        ((110.0, 10.0), 1e9, "check the length and its unit"),
    ],
)
def test_a_length_that_cannot_be_used_says_why(second: tuple[float, float], millimetres: float, words: str) -> None:
    with pytest.raises(ScaleError, match=words):
        from_known_length((10.0, 10.0), second, millimetres)


def test_areas_go_with_the_square() -> None:
    assert Scale(0.5, None, "", (0, 0, 1, 1)).area_mm2(100) == 25.0
