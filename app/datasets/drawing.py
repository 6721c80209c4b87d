"""Shapes as people draw them, made pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.runs import area_of, unpacked
from app.datasets.types import Circle, Patch, Polygon, Runs
from app.pictures import is_truncated

Area = NDArray[np.bool_]


class Undrawable(Exception):
    """Why a shape or a mask file gives no area, as the end of a sentence that begins with its name."""


def drawn(shape: Polygon | Circle | Runs | Patch, size: tuple[int, int]) -> Area:
    """The shape's pixels, (H, W) bool; what lies outside the picture is cut off.

    A polygon or circle too small to hold the middle of any pixel is the pixels that its outline touches: a defect
    that somebody drew is never nothing.

    Args:
        size: (width, height) of the picture.

    Raises:
        Undrawable: run lengths or a patch that do not fit, or are damaged.
    """
    match shape:
        case Polygon():
            return _polygon(np.array(shape.points, np.float64), size)
        case Circle():
            return _circle(shape, size)
        case Runs():
            return _runs(shape, size)
        case Patch():
            return _patch(shape, size)


def decoded(data: bytes) -> NDArray[np.uint8]:
    """A mask from its file's bytes: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA uint8, the upper byte of 16-bit samples.

    Raises:
        Undrawable: no whole picture.
    """
    try:
        whole = bool(data) and not is_truncated(data)
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    except cv2.error:
        pixels = None
    if pixels is not None and pixels.dtype == np.uint16:
        pixels = (np.asarray(pixels, np.uint16) >> 8).astype(np.uint8)
    if pixels is None or pixels.dtype != np.uint8:
        raise Undrawable("is not a whole picture. Export it again as PNG")
    return np.asarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels, np.uint8)


def opaque(pixels: NDArray[np.uint8]) -> Area:
    """Where a mask without a colour map says defect: with alpha, alpha > 127; otherwise grey > 127."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return np.asarray(pixels[..., 3] > 127)
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return np.asarray(grey > 127)


def _polygon(points: NDArray[np.float64], size: tuple[int, int]) -> Area:
    width, height = size
    inside = np.zeros((height, width), bool)
    following = np.roll(points, -1, axis=0)
    low, high = np.minimum(points[:, 1], following[:, 1]), np.maximum(points[:, 1], following[:, 1])
    # Rows whose middle an edge crosses, its upper end included, its lower end not: each corner counts once.
    first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.int64)
    count = np.clip(np.ceil(high - 0.5), 0, height).astype(np.int64) - first
    edge = np.repeat(np.arange(len(points)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    start, end = points[edge], following[edge]
    share = (row + 0.5 - start[:, 1]) / (end[:, 1] - start[:, 1])
    across = start[:, 0] + share * (end[:, 0] - start[:, 0])
    column = np.clip(np.ceil(across - 0.5), 0, width).astype(np.int64)
    flips = np.zeros((height, width + 1), np.int32)
    np.add.at(flips, (row, column), 1)
    inside |= np.cumsum(flips, axis=1, dtype=np.int32)[:, :width] % 2 == 1
    return inside if inside.any() else _outline(points, size)


def _outline(points: NDArray[np.float64], size: tuple[int, int]) -> Area:
    width, height = size
    canvas = np.zeros((height, width), np.uint8)
    corners = np.clip(np.floor(points), -(1 << 15), 1 << 15).astype(np.int32)
    if corners[:, 0].max() < 0 or corners[:, 0].min() >= width or corners[:, 1].max() < 0:
        return canvas > 0
    if corners[:, 1].min() >= height:
        return canvas > 0
    cv2.polylines(canvas, [corners.reshape(-1, 1, 2)], True, 1)
    return np.asarray(canvas > 0)


def _circle(shape: Circle, size: tuple[int, int]) -> Area:
    width, height = size
    across = (np.arange(width) + 0.5 - shape.x) ** 2
    down = (np.arange(height) + 0.5 - shape.y) ** 2
    inside = np.asarray(down[:, None] + across[None] <= shape.radius**2)
    x, y = math.floor(shape.x), math.floor(shape.y)
    if not inside.any() and 0 <= x < width and 0 <= y < height:
        inside[y, x] = True
    return inside


def _runs(shape: Runs, size: tuple[int, int]) -> Area:
    if shape.size != size:
        width, height = shape.size
        raise Undrawable(f"has run lengths for {width} x {height} pixels, but its picture is {size[0]} x {size[1]}")
    try:
        lengths = unpacked(shape.counts) if isinstance(shape.counts, str) else list(shape.counts)
        return area_of(lengths, size)
    except (ValueError, OverflowError) as error:
        raise Undrawable(f"can't be drawn: {error}") from None


def _patch(shape: Patch, size: tuple[int, int]) -> Area:
    width, height = size
    piece = decoded(shape.data)
    # Such pieces hold 0 and 1 as well as 0 and 255: whatever is not 0 is meant.
    if piece.ndim == 3:
        piece = piece[..., 3] if piece.shape[2] == 4 else piece.max(axis=2)
    area = piece > 0
    left, top = max(shape.x, 0), max(shape.y, 0)
    right, bottom = min(shape.x + area.shape[1], width), min(shape.y + area.shape[0], height)
    whole = np.zeros((height, width), bool)
    if left < right and top < bottom:
        whole[top:bottom, left:right] = area[top - shape.y : bottom - shape.y, left - shape.x : right - shape.x]
    return whole
