"""How a picture of any size lies under the network's grid of features, and back.

A picture is halved (mean of 2 x 2 pixels) while it keeps at least twice the canvas's pixels, then resized
linearly to the canvas, whose sides are multiples of what the network's strides need and whose aspect ratio
is the picture's own. A large canvas is cut into overlapping windows, whose margins are thrown away. Canvas
and grid are scalings about the picture's upper left corner, so the way back is one multiplication a side.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHAPE_TOLERANCE = 1.25
"""How far a picture's aspect ratio may lie outside those of training before it is not judged."""

TILE = 512
"""A canvas of more than TILE x TILE pixels is cut into windows with sides of at most TILE."""

MARGIN = 32
"""Pixels of a window, beside a cut, whose features are not used: they see the cut's padding."""

_SHORTEST = 128  # pixels of a canvas's side: eight cells
_LONGEST = 16_384  # pixels of a canvas's side: the widest panorama is squeezed beyond it


@dataclass(frozen=True, slots=True)
class Target:
    """Size of a canvas in pixels."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the canvas that goes through the network at once, and the part of it that counts.

    Attributes:
        x, y, width, height: in canvas pixels.
        left, top, right, bottom: bounds of the part that is used, in canvas pixels; the used parts of all
            windows cover the canvas without overlap.
    """

    x: int
    y: int
    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int


def canvas_for(width: int, height: int, size: int, multiple: int) -> Target:
    """The canvas with about size x size pixels and the aspect ratio of a width x height picture.

    A very long picture gets more pixels instead of a short side with too few cells to judge.
    """
    aspect = width / height
    short = max(size / math.sqrt(max(aspect, 1 / aspect)), min(size / 2, _SHORTEST))
    long = min(short * max(aspect, 1 / aspect), _LONGEST)

    def rounded(side: float) -> int:
        return max(1, round(side / multiple)) * multiple

    sides = rounded(max(short, 2 * multiple)), rounded(max(long, 2 * multiple))
    return Target(*sides) if width >= height else Target(*sides[::-1])


@functools.lru_cache(maxsize=64)
def places(rows: int, columns: int) -> NDArray[np.float32]:
    """(rows * columns, 2) float32: middle of each cell, across and down, in shares of the canvas. Not to be changed."""
    down, across = np.mgrid[0:rows, 0:columns].astype(np.float32)
    return np.stack([(across.ravel() + 0.5) / columns, (down.ravel() + 0.5) / rows], axis=1).astype(np.float32)


def halvings(width: int, height: int, target: Target) -> int:
    """How often a picture is halved before it still has at least the canvas's pixels on both sides."""
    return max(0, min(width // target.width, height // target.height).bit_length() - 1)


def covered_box(width: int, height: int, target: Target) -> tuple[float, float, float, float]:
    """(x, y, width, height) in pixels of the picture that the canvas shows: halving leaves out less than one
    canvas pixel on the right and at the bottom."""
    times = halvings(width, height, target)
    return 0.0, 0.0, float(width >> times << times), float(height >> times << times)


def windows(target: Target, stride: int, multiple: int) -> tuple[Window, ...]:
    """The windows of a canvas, row by row, all of one size; one for a small canvas."""
    if target.width * target.height <= TILE * TILE:
        return (Window(0, 0, target.width, target.height, 0, 0, target.width, target.height),)
    across = _spans(target.width, stride, multiple)
    down = _spans(target.height, stride, multiple)
    return tuple(
        Window(x, y, wide, tall, left, top, right, bottom)
        for y, tall, top, bottom in down
        for x, wide, left, right in across
    )


def _spans(length: int, stride: int, multiple: int) -> list[tuple[int, int, int, int]]:
    """(start, length, used from, used to) of the windows along one side."""
    longest = max(TILE // multiple, 1) * multiple
    if length <= longest:
        return [(0, length, 0, length)]
    margin = -(-MARGIN // stride) * stride
    number = math.ceil((length - 2 * margin) / (longest - 2 * margin))
    side = math.ceil(((length - 2 * margin) / number + 2 * margin) / multiple) * multiple
    # The starts are whole cells, so that a window's cells are cells of the canvas.
    starts = [round(index * (length - side) / (number - 1) / stride) * stride for index in range(number)]
    cuts = [
        0,
        *((start + before + side) // 2 // stride * stride for before, start in itertools.pairwise(starts)),
        length,
    ]
    return [(start, side, cuts[index], cuts[index + 1]) for index, start in enumerate(starts)]


def smoothing(cells: int, stride: int, sigma: float, offset: float) -> NDArray[np.float32]:
    """Matrix that takes one side of the grid of distances to the heat map's side.

    The heat map has two cells per grid cell and covers the canvas exactly: Gaussian weights of `sigma`
    grid cells about each heat cell's middle, at the place where the features' receptive fields really
    are centred (`offset` canvas pixels beside their cells' middles), normalised at the borders.

    Returns:
        (2 * cells, cells) float32; every row adds up to 1.
    """
    grid = (np.arange(cells) + 0.5) * stride + offset
    heat = (np.arange(2 * cells) + 0.5) * stride / 2
    # Beside the outermost centres there is nothing to weigh: take the border's own values there.
    heat = np.clip(heat, grid[0], grid[-1])
    weights = np.exp(-0.5 * ((heat[:, None] - grid[None, :]) / (sigma * stride)) ** 2)
    normalised: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised
