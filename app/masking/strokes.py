"""Round brush strokes: every pixel whose middle lies under the moving disc, exactly, without gaps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from app.masking.rects import NOWHERE, Plane, Rect, size_of

Point = tuple[float, float]
"""(x, y) in pixels; pixel (i, j) covers i..i+1, j..j+1, so its middle is at i + 0.5, j + 0.5."""

_THIN = 2.0
"""Discs up to this diameter can slip between the middles of pixels; the pixels on their way are added."""


def stroke_rect(size: tuple[int, int], start: Point, end: Point, diameter: float) -> Rect:
    """The part of a picture of `size` (width, height) that a segment can touch."""
    reach = max(diameter / 2, 0.5)
    x, y = math.floor(min(start[0], end[0]) - reach), math.floor(min(start[1], end[1]) - reach)
    right, bottom = math.ceil(max(start[0], end[0]) + reach), math.ceil(max(start[1], end[1]) + reach)
    return Rect(x, y, right - x + 1, bottom - y + 1).clipped(size)


def stroke(plane: Plane, start: Point, end: Point, diameter: float, type_id: int, only: int | None = None) -> Rect:
    """Draws one segment of a stroke on `plane`; a tap is a segment from a point to itself.

    Args:
        diameter: of the brush, in pixels of the picture, > 0.
        type_id: what the pixels become; 0 erases.
        only: leave pixels of other types than this one alone.

    Returns:
        The rectangle to repaint; empty outside the picture.
    """
    rect = stroke_rect(size_of(plane), start, end, diameter)
    if rect.empty:
        return NOWHERE
    left, right = _spans(rect, start, end, diameter / 2)
    columns = np.arange(rect.x, rect.right) + 0.5
    pixels = (columns >= left[:, None]) & (columns <= right[:, None])
    if diameter <= _THIN:
        _add_way(pixels, rect, start, end)
    target = plane[rect.slices]
    if only is not None:
        pixels &= target == only
    np.copyto(target, np.uint8(type_id), where=pixels)
    return rect


def _spans(rect: Rect, start: Point, end: Point, radius: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From where to where the swept disc reaches at the middle of each row; an empty row runs from inf to -inf.

    The swept disc is convex, so one span a row is enough: that of the two discs and of the rectangle between them.
    """
    rows = np.arange(rect.y, rect.bottom) + 0.5
    left, right = np.full(rows.shape, np.inf), np.full(rows.shape, -np.inf)
    for x, y in (start, end):
        square = radius * radius - (rows - y) ** 2
        half = np.sqrt(np.maximum(square, 0))
        inside = square >= 0
        left = np.where(inside, np.minimum(left, x - half), left)
        right = np.where(inside, np.maximum(right, x + half), right)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    if length > 0:
        across = (-dy / length * radius, dx / length * radius)
        corners = [
            (start[0] + across[0], start[1] + across[1]),
            (end[0] + across[0], end[1] + across[1]),
            (end[0] - across[0], end[1] - across[1]),
            (start[0] - across[0], start[1] - across[1]),
        ]
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            if ay == by:
                continue
            inside = (rows >= min(ay, by)) & (rows <= max(ay, by))
            x_at = ax + (rows - ay) * ((bx - ax) / (by - ay))
            left = np.where(inside, np.minimum(left, x_at), left)
            right = np.where(inside, np.maximum(right, x_at), right)
    return left, right


def _add_way(pixels: NDArray[np.bool_], rect: Rect, start: Point, end: Point) -> None:
    """Adds the pixels that the middle of the brush passes, in steps of less than half a pixel."""
    count = int(2.5 * max(abs(end[0] - start[0]), abs(end[1] - start[1]))) + 2
    x = np.floor(np.linspace(start[0], end[0], count)).astype(np.intp) - rect.x
    y = np.floor(np.linspace(start[1], end[1], count)).astype(np.intp) - rect.y
    inside = (x >= 0) & (y >= 0) & (x < rect.width) & (y < rect.height)
    pixels[y[inside], x[inside]] = True
