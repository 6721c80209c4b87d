"""Outlines drawn by hand, moved onto the strong edges near them.

An active contour whose best place is found by dynamic programming (Amini, Weymouth, Jain 1990, "Using dynamic
programming for solving variational problems in vision"): each point may move along its normal; wanted are strong
edges across the way, small steps from point to point, and little movement where there is no edge. The optimum is
exact within the band and takes a bounded time.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image
from app.masking.rects import Area, Rect, area_of, size_of

Outline = NDArray[np.float64]
"""(N, 2) x, y in pixels; closed: the last point is joined to the first."""

_MOST_POINTS = 1200
_STEPS = 12
"""Places on each side of the outline that a point can move to."""
_BEND = 0.35
"""Price of one step to the side between neighbours, in edge strengths."""
_STAY = 0.15
"""Price of moving to the end of the band."""
_FAINT = 12.0
"""Grey levels (Sobel, per pixel) below which an edge counts less than fully."""


def snap_outline(picture: Image, outline: Outline, reach: float) -> Outline:
    """Moves a closed outline onto edges at most `reach` pixels away.

    Args:
        picture: (H, W, 3) uint8 BGR.
        outline: (N, 2), N >= 3.
        reach: in pixels, > 0.

    Returns:
        (M, 2), in steps of about a pixel, at most 1,200 points; within the picture.
    """
    points = _evenly(outline)
    width, height = size_of(picture)
    margin = math.ceil(reach) + 4
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    rect = Rect(int(low[0]), int(low[1]), int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)
    rect = rect.grown(margin).clipped((width, height))
    if rect.empty:
        return points
    across_x, across_y = _gradients(picture[rect.slices])
    normals = _normals(points)
    offsets = np.linspace(-reach, reach, 2 * _STEPS + 1)
    places = points[:, None, :] + offsets[None, :, None] * normals[:, None, :]
    at = (places - 0.5 - (rect.x, rect.y)).astype(np.float32)
    slope_x, slope_y = (
        np.asarray(
            cv2.remap(each, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float64
        )
        for each in (across_x, across_y)
    )
    strength = np.abs(slope_x * normals[:, None, 0] + slope_y * normals[:, None, 1])
    strength /= max(float(np.quantile(strength.max(axis=1), 0.9)), _FAINT)
    price = _STAY * np.abs(offsets) / reach - np.minimum(strength, 1.0)
    chosen = _cheapest_round(price)
    moved = points + offsets[chosen][:, None] * normals
    smooth = (np.roll(moved, 1, axis=0) + 2 * moved + np.roll(moved, -1, axis=0)) / 4
    return np.clip(smooth, 0, (width, height))


def snap_area(picture: Image, area: Area, reach: float) -> Area:
    """An area whose outer outlines are moved onto edges at most `reach` pixels away; holes are kept as they are."""
    padded = np.pad(area.pixels.view(np.uint8), 1)
    found, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    size = size_of(picture)
    border = math.ceil(reach) + 2
    rect = area.rect.grown(border).clipped(size)
    drawn = np.zeros((rect.height, rect.width), np.uint8)
    for contour in found:
        outline = np.add(contour[:, 0, :], (area.rect.x - 0.5, area.rect.y - 0.5))
        moved = snap_outline(picture, outline, reach) if len(outline) >= 8 else outline
        cv2.fillPoly(drawn, [np.rint((moved - 0.5 - (rect.x, rect.y)) * 16).astype(np.int32)], (1,), shift=4)
    outside = padded.copy()
    cv2.floodFill(outside, None, (0, 0), (1,), flags=4)
    holes = outside[1:-1, 1:-1] == 0
    if holes.any():
        top, left = area.rect.y - rect.y, area.rect.x - rect.x
        drawn[top : top + area.rect.height, left : left + area.rect.width][holes] = 0
    return area_of(drawn, rect.x, rect.y) or area


def _evenly(outline: Outline) -> Outline:
    """Points at equal distances along the closed outline, about one a pixel."""
    closed = np.vstack([outline, outline[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    count = int(min(max(along[-1], 8), _MOST_POINTS))
    at = np.linspace(0.0, along[-1], count, endpoint=False)
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def _normals(points: Outline) -> Outline:
    """Unit vectors across the outline, which is smoothed for this: a hand's tremble must not turn them."""
    smooth = points
    for _ in range(4):
        smooth = (np.roll(smooth, 1, axis=0) + 2 * smooth + np.roll(smooth, -1, axis=0)) / 4
    along = np.roll(smooth, -2, axis=0) - np.roll(smooth, 2, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    return np.stack([-along[:, 1] / length, along[:, 0] / length], axis=1)


def _gradients(part: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Slopes along x and y in grey levels a pixel, from the channel that is steepest at each pixel."""
    soft = cv2.GaussianBlur(part, (0, 0), 1.2)
    x, y = (
        np.asarray(cv2.Sobel(soft, cv2.CV_32F, *order, ksize=3, scale=1 / 8), np.float32) for order in ((1, 0), (0, 1))
    )
    steepest = np.argmax(x * x + y * y, axis=2)[..., None]
    return (
        np.ascontiguousarray(np.take_along_axis(x, steepest, 2)[..., 0]),
        np.ascontiguousarray(np.take_along_axis(y, steepest, 2)[..., 0]),
    )


def _cheapest_round(price: NDArray[np.float64]) -> NDArray[np.intp]:
    """For (N, K) prices, which column to take at each point, neighbours at most one column apart.

    The way is laid twice round and its middle taken, so that it closes without fixing where it begins.
    """
    count, places = price.shape
    order = np.arange(2 * count) % count
    total = price[order[0]].copy()
    came = np.empty((2 * count, places), np.int8)
    padded = np.full(places + 2, np.inf)
    for step in range(1, 2 * count):
        padded[1:-1] = total
        ways = np.stack([padded[:-2] + _BEND, padded[1:-1], padded[2:] + _BEND])
        best = np.argmin(ways, axis=0)
        came[step] = best - 1
        total = np.take_along_axis(ways, best[None], 0)[0] + price[order[step]]
    way = np.empty(2 * count, np.intp)
    way[-1] = int(np.argmin(total))
    for step in range(2 * count - 1, 0, -1):
        way[step - 1] = way[step] + came[step, way[step]]
    half = count // 2
    return np.roll(way[half : half + count], half)
