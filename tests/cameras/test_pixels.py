"""Pixel formats of industrial cameras as the station's pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.cameras.pixels import POSSIBLE, to_bgr
from app.domain.errors import SourceError

WIDTH, HEIGHT = 8, 6
COLOUR = (30, 120, 210)  # blue, green, red


def flat(channels: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.tile(np.array(channels, np.uint8), WIDTH * HEIGHT)


def mosaic(first: str) -> NDArray[np.uint8]:
    """An evenly coloured part under a colour filter whose first line begins with these two colours."""
    value = dict(zip("BGR", COLOUR, strict=True))
    second = {"RG": "GB", "BG": "GR", "GR": "BG", "GB": "RG"}[first]
    lines = [[value[pair[column % 2]] for column in range(WIDTH)] for pair in (first, second)] * (HEIGHT // 2)
    return np.array(lines, np.uint8).ravel()


@pytest.mark.parametrize(
    ("pixel_format", "data"),
    [
        ("BGR8", flat(COLOUR)),
        ("RGB8", flat(COLOUR[::-1])),
        ("BGRa8", flat((*COLOUR, 255))),
        ("RGBa8", flat((*COLOUR[::-1], 0))),
        *((f"Bayer{first}8", mosaic(first)) for first in ("RG", "GR", "GB", "BG")),
    ],
)
def test_colours_come_out_as_they_were(pixel_format: str, data: NDArray[np.uint8]) -> None:
    made = to_bgr(pixel_format, data, WIDTH, HEIGHT)
    assert (made.shape, made.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    assert made.flags.c_contiguous
    assert (made == COLOUR).all()
    assert not np.shares_memory(made, data)  # the camera fills its buffer again


@pytest.mark.parametrize(
    ("pixel_format", "value", "grey"),
    [
        ("Mono8", 200, 200),
        ("Mono10", 801, 200),
        ("Mono10p", 801, 200),
        ("Mono12Packed", 3215, 200),
        ("Mono16", 51456, 201),
    ],
)
def test_grey_keeps_its_upper_eight_bits(pixel_format: str, value: int, grey: int) -> None:
    kind = np.uint8 if value < 256 else np.uint16
    made = to_bgr(pixel_format, np.full(WIDTH * HEIGHT, value, kind), WIDTH, HEIGHT)
    assert (made.shape, made.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    assert (made == grey).all()


def test_what_pads_a_line_is_left_out() -> None:
    lines = np.full((HEIGHT, WIDTH * 3 + 4), 255, np.uint8)
    lines[:, : WIDTH * 3] = flat(COLOUR).reshape(HEIGHT, -1)
    assert (to_bgr("BGR8", lines.ravel(), WIDTH, HEIGHT) == COLOUR).all()


def test_another_format_is_named_with_those_that_can_be_read() -> None:
    with pytest.raises(SourceError, match=r"YUV422_8 can't be read here.*BayerRG8") as error:
        to_bgr("YUV422_8", np.zeros(WIDTH * HEIGHT * 2, np.uint8), WIDTH, HEIGHT)
    assert all(one in str(error.value) for one in POSSIBLE)


def test_a_picture_cut_short_is_refused() -> None:
    with pytest.raises(SourceError, match="8 x 6 Mono8 pixels came with 47 values only"):
        to_bgr("Mono8", np.zeros(WIDTH * HEIGHT - 1, np.uint8), WIDTH, HEIGHT)
