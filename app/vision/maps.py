"""From distances to one heat map and one score.

Each view's distances are smoothed to a heat map with two cells per grid cell and divided by that view's own limit
from held-out good parts. So a value of about 1 is where good parts end, whatever the view, and one number decides.
The fine and the coarse view see the same and err differently: their mean is righter than either (the sum rule of
Kittler, Hatef, Duin & Matas 1998, "On combining classifiers"). The detail view sees what they can't: it counts alone.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.vision.geometry import smoothing

Array = NDArray[np.float32]

SIGMA = 1.0
"""Of the Gaussian over a grid of distances, in its cells."""

TOP = 0.01
_FEWEST, _MOST = 4, 16
"""The score is the mean of the highest hundredth of the heat map's cells, but of so many at least and at most: on
a large map a hundredth is much more than a small defect covers."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What makes a view's distances comparable.

    Attributes:
        limit: of smoothed distances, from held-out good parts.
        edge: factor for the outermost cells of the grid, at most 1: there the network sees the canvas's padding
            and cut-off surroundings, and good parts differ more.
    """

    limit: float
    edge: float = 1.0


def smooth(distances: Array, stride: int, offset: float, edge: float) -> Array:
    """(rows, columns) distances -> heat map (2 rows, 2 columns) on the same scale."""
    rows, columns = distances.shape
    if edge < 1.0 and min(rows, columns) > 2:
        distances = distances.copy()
        for border in (distances[0], distances[-1], distances[1:-1, 0], distances[1:-1, -1]):
            np.multiply(border, np.float32(edge), out=border)
    down, across = _matrix(rows, stride, offset), _matrix(columns, stride, offset)
    return np.asarray(down @ distances @ across.T, np.float32)


def fuse(maps: Sequence[Array], limits: Sequence[float], joint: int) -> Array:
    """One heat map at the size of the finest, from those of the views over their limits.

    Args:
        joint: of the first so many the mean counts, with it the largest of the rest.
    """
    rows, columns = max(maps, key=lambda heat: heat.size).shape
    over = []
    for heat, limit in zip(maps, limits, strict=True):
        if heat.shape != (rows, columns):
            heat = np.asarray(cv2.resize(heat, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
        over.append(heat * np.float32(1.0 / limit))
    fused = over[0] if joint == 1 else np.float32(1 / joint) * functools.reduce(np.add, over[:joint])
    return functools.reduce(np.maximum, over[joint:], fused)


def pooled(heat: Array) -> float:
    """The score of a heat map: the mean of its highest cells."""
    count = pooled_count(heat.size)
    flat = heat.ravel()
    return float(np.partition(flat, flat.size - count)[flat.size - count :].mean(dtype=np.float64))


def pooled_count(cells: int) -> int:
    """How many of a heat map's cells make the score."""
    return min(max(_FEWEST, round(TOP * cells)), _MOST, cells)


def edge_factor(grids: Sequence[Array]) -> float:
    """`Scale.edge` from held-out good parts' distances (rows, columns)."""
    inner, outer = [], []
    for grid in grids:
        if min(grid.shape) > 2:
            inner.append(grid[1:-1, 1:-1].ravel())
            outer.append(np.concatenate([grid[0], grid[-1], grid[1:-1, 0], grid[1:-1, -1]]))
    if not inner:
        return 1.0
    high = [float(np.quantile(np.concatenate(parts), 0.99)) for parts in (inner, outer)]
    return min(1.0, high[0] / max(high[1], 1e-6))


@functools.lru_cache(maxsize=64)
def _matrix(cells: int, stride: int, offset: float) -> Array:
    matrix = smoothing(cells, stride, SIGMA, offset)
    matrix.setflags(write=False)
    return matrix
