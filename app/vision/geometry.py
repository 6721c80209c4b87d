"""How a picture of any size lies under the network's fixed grid, and back.

A picture is averaged over whole blocks of `decimation` x `decimation` pixels (no aliasing: a scratch
of two pixels still leaves its trace), then resized linearly to the model's fixed `target`. Both are
scalings about the upper left corner, so the way back is one multiplication a side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.vision.backbone import centre_offset

MULTIPLE = 32
"""Sides of the network's input are multiples of this, so that every stride divides them."""

SHAPE_TOLERANCE = 1.25
"""How far a picture's aspect ratio may lie outside those of training before it is not judged."""


@dataclass(frozen=True, slots=True)
class Target:
    """The network's input size in pixels."""

    height: int
    width: int


def choose_target(sizes: Iterable[tuple[int, int]], size: int) -> Target:
    """The input size with about size x size pixels and the median aspect ratio of the training pictures.

    Args:
        sizes: (width, height) of each training picture.
        size: side of the square with the same number of pixels.
    """
    aspect = math.exp(float(np.median([math.log(width / height) for width, height in sizes])))
    # Beyond 4:1 the short side would be left with too few cells to judge.
    aspect = min(max(aspect, 0.25), 4.0)

    def rounded(side: float) -> int:
        return max(MULTIPLE * 2, round(side / MULTIPLE) * MULTIPLE)

    return Target(rounded(size / math.sqrt(aspect)), rounded(size * math.sqrt(aspect)))


def decimation(width: int, height: int, target: Target) -> int:
    """The largest whole block size that still leaves at least the target's pixels on both sides."""
    return max(1, min(width // target.width, height // target.height))


def covered_box(width: int, height: int, block: int) -> tuple[float, float, float, float]:
    """(x, y, width, height) in pixels of the picture that the network saw: whole blocks only, so less
    than one input pixel is left out on the right and at the bottom."""
    return 0.0, 0.0, float(width // block * block), float(height // block * block)


def smoothing(cells: int, stride: int, sigma: float) -> NDArray[np.float32]:
    """Matrix that takes one side of the grid of distances to the heat map's side.

    The heat map has two cells per grid cell and covers the input exactly: Gaussian weights of `sigma`
    grid cells about each heat cell's middle, at the place where the features' receptive fields really
    are centred (`app.vision.backbone.centre_offset`), normalised at the borders.

    Returns:
        (2 * cells, cells) float32; every row adds up to 1.
    """
    grid = (np.arange(cells) + 0.5) * stride + centre_offset(stride)
    heat = (np.arange(2 * cells) + 0.5) * stride / 2
    # Beside the outermost centres there is nothing to weigh: take the border's own values there.
    heat = np.clip(heat, grid[0], grid[-1])
    weights = np.exp(-0.5 * ((heat[:, None] - grid[None, :]) / (sigma * stride)) ** 2)
    normalised: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised
