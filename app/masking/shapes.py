"""Areas that a person draws by corners, and areas in a picture's colours around a place."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from app.domain.frame import Image
from app.masking.rects import Area, Rect, area_of, size_of
from app.masking.strokes import Point

_SHIFT = 4
"""Corners count in sixteenths of a pixel."""

_NEIGHBOURHOOD = 2
"""The wand takes its colour from the 5 x 5 pixels around the place."""


def polygon_area(corners: Sequence[Point], size: tuple[int, int]) -> Area | None:
    """The inside of a polygon with the pixels on its border, in a picture of `size` (width, height).

    Crossing borders leave holes (even-odd rule).

    Returns:
        None where it has fewer than three corners, or lies outside the picture.
    """
    if len(corners) < 3:
        return None
    points = np.asarray(corners, np.float64)
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    rect = Rect(int(low[0]), int(low[1]), int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1).clipped(size)
    if rect.empty:
        return None
    pixels = np.zeros((rect.height, rect.width), np.uint8)
    # Pixel (i, j) has its middle at (i + 0.5, j + 0.5); OpenCV counts from the middles.
    shifted = np.rint((points - 0.5 - (rect.x, rect.y)) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(pixels, [shifted], (1,), lineType=cv2.LINE_8, shift=_SHIFT)
    return area_of(pixels, rect.x, rect.y)


def wand_area(picture: Image, seed: tuple[int, int], tolerance: int) -> Area | None:
    """What is connected with a pixel and has its colour.

    The colour is the median of the 5 x 5 pixels around the place, so that one odd pixel does not decide; a pixel
    belongs to it if none of its channels is further away than the tolerance, and if it is joined to the place by
    such pixels (4 neighbours). The time is that of two passes over the picture, whatever its colours.

    Args:
        picture: (H, W, 3) uint8 BGR.
        seed: (x, y) of a pixel.
        tolerance: 0..255 grey levels.

    Returns:
        None outside the picture.
    """
    width, height = size_of(picture)
    x, y = seed
    if not (0 <= x < width and 0 <= y < height):
        return None
    near = picture[
        max(y - _NEIGHBOURHOOD, 0) : y + _NEIGHBOURHOOD + 1, max(x - _NEIGHBOURHOOD, 0) : x + _NEIGHBOURHOOD + 1
    ]
    colour = np.median(near.reshape(-1, 3), axis=0)
    low, high = np.maximum(colour - tolerance, 0), np.minimum(colour + tolerance, 255)
    alike = np.asarray(cv2.inRange(picture, low, high), np.uint8)
    alike[y, x] = 255
    reached = np.zeros((height + 2, width + 2), np.uint8)  # floodFill wants a border of one
    _, _, _, box = cv2.floodFill(
        alike, reached, (x, y), (0,), flags=4 | (1 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    )
    rect = Rect(*(int(each) for each in box))
    return Area(rect, reached[1:-1, 1:-1][rect.slices].astype(bool))
