"""Pictures as fields of brightness slopes, and the edge points of a golden part."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image
from app.vision.halves import Halves

Field = NDArray[np.float32]
"""(h, w, 2) float32: slope of the brightness in x and y, grey levels a pixel."""
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
"""(2, 3) float64: an affine map of pixel coordinates."""

WORK_SIDE = 384
"""Longest side a picture is registered at, or a little more. An edge is placed to about a fifth of a pixel there, and
finer detail costs time without making the pose better."""

COARSE_SIDE = 60
"""Longest side for the search over all poses, where the part is large in the picture."""

_SMALL_PART = 20  # pixels: the coarse level does not make a part smaller than this
_COARSE_MOST = 128  # but is never larger than this: the search's time grows with its square

_SMOOTHING = 1.0  # sigma, pixels of each level: below it directions follow the noise
_FAINTEST = 2.0  # grey levels a pixel; sensor noise that is left after averaging stays below
_STRONG = 98.0  # percentile of the slopes that stands for "a clear edge of this part"
_EDGE_SHARE = 0.15  # of a clear edge: what still counts as an edge
_QUIET_SHARE = 0.15  # of the part's usual edge: slopes up to about here have no direction worth trusting
_DIRECTIONS = 8  # that edges are followed in
_RIM = 3  # pixels: smoothing keeps edges from being clear right at the border
_ENCLOSED = 0.1  # share of the clear edges that has to be left when those that run out are taken away
DEPENDABLE = 0.4
"""An edge whose mean agreement among good parts lies below this is no feature of the part."""


Sizes = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""(width, height) of the three levels a picture is looked at: coarse, middle, fine (work size)."""


def sizes_of(fine: tuple[int, int], coarsening: float) -> Sizes:
    """The levels of a picture whose work size is `fine`."""

    def shrunk(times: float) -> tuple[int, int]:
        return max(4, round(fine[0] / times)), max(4, round(fine[1] / times))

    return shrunk(coarsening), shrunk(min(2.0, coarsening)), fine


def coarsening_of(fine: tuple[int, int], part: float) -> float:
    """By how much the coarse level is smaller than work size, for a part so many pixels long there."""
    longest = max(fine)
    return max(1.0, longest / _COARSE_MOST, min(longest / COARSE_SIDE, part / _SMALL_PART))


def block_of(width: int, height: int) -> int:
    """Side of the square of pixels that becomes one pixel at work size: an even one where it is large, since halving
    is what takes least."""
    block = _any_block(width, height)
    return block - block % 2 if block > _EVEN_FROM else block


_EVEN_FROM = 4


def _any_block(width: int, height: int) -> int:
    return math.ceil(max(width, height) / WORK_SIDE)


def block_between(size: tuple[int, int], work: tuple[int, int]) -> int | None:
    """The block by which a picture of `size` became one of `work`, both (width, height); None where it is none that
    goldens are made with. Goldens were made with odd ones, too."""
    blocks = block_of(*size), _any_block(*size)
    return next((block for block in blocks if (size[0] // block, size[1] // block) == work), None)


def reduced(halves: Halves, block: int) -> Image:
    """The mean over whole blocks: no aliasing. What is less than a block, right and below, is left out."""
    height, width = (side // block for side in halves.image.shape[:2])
    times = (block & -block).bit_length() - 1  # halving is three times as fast as the general average
    block >>= times
    picture = halves.at(times)[: height * block, : width * block]
    return picture if block == 1 else _averaged(picture, block)


def _averaged(picture: Image, block: int) -> Image:
    height, width = picture.shape[:2]
    return np.asarray(cv2.resize(picture, (width // block, height // block), interpolation=cv2.INTER_AREA), np.uint8)


def scaling(x: float, y: float) -> Matrix:
    """What resizing by these factors does to coordinates of pixel middles."""
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]], np.float64)


def after(second: Matrix, first: Matrix) -> Matrix:
    """The map that applies `first`, then `second`."""
    both: Matrix = second[:, :2] @ first
    both[:, 2] += second[:, 2]
    return both


def inverted(matrix: Matrix) -> Matrix:
    """The way back."""
    (a, b, x), (c, d, y) = matrix.tolist()
    size = a * d - b * c
    back: Matrix = np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]]) / size
    return back


def contrast_axis(picture: Image) -> Floats:
    """The mix of B, G and R, (3,) float32 of length 1, in which the picture's edges stand out most: the main axis of
    the slopes' scatter (Di Zenzo 1986, "A note on the gradient of a multi-image"). Green on white is thus as clear as
    black on white."""
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), _SMOOTHING)
    slopes = np.concatenate(
        [cv2.Sobel(smooth, cv2.CV_32F, 1, 0).reshape(-1, 3), cv2.Sobel(smooth, cv2.CV_32F, 0, 1).reshape(-1, 3)]
    )
    scatter = slopes.T.astype(np.float64) @ slopes.astype(np.float64)
    _, axes = np.linalg.eigh(scatter + np.eye(3) * 1e-9 * max(1.0, float(np.trace(scatter))))
    axis = axes[:, -1]
    return np.asarray(axis if axis.sum() >= 0 else -axis, np.float32)


def plane_of(picture: Image, axis: Floats) -> Floats:
    """(h, w) float32: the picture along a colour axis; grey levels, since the axis has length 1."""
    return np.asarray(cv2.transform(picture.astype(np.float32), axis.reshape(1, 3)), np.float32)


def field_of(plane: Floats, size: tuple[int, int]) -> Field:
    """The slopes of a plane at a size (width, height) no larger than its own."""
    if size != (plane.shape[1], plane.shape[0]):
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
    smooth = cv2.GaussianBlur(plane, (0, 0), _SMOOTHING)
    # Scharr's kernel adds up to 32 times the slope; of the small kernels it keeps directions best.
    return np.asarray(
        cv2.merge(
            [cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32), cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)]
        ),
        np.float32,
    )


def own_edges(field: Field) -> Floats:
    """(h, w) float32, 0..1: how likely each edge of a single picture belongs to the part, before other pictures tell.

    Stronger edges more than the grain of the background, and edges that run out of the picture not at all: they are
    rails, a belt's seams, the rim of a tray, and would hold the pose where the part has turned. Where nearly every
    edge runs out (a part that fills the picture), they all count.
    """
    strength: Floats = np.hypot(field[..., 0], field[..., 1])
    out = _running_out(field, strength, max(_FAINTEST, _EDGE_SHARE * float(np.percentile(strength, _STRONG))))
    whole, inner = (_share_of_strong(taken) for taken in (strength, np.where(out, np.float32(0), strength)))
    return inner if (inner >= DEPENDABLE).sum() >= _ENCLOSED * (whole >= DEPENDABLE).sum() else whole


def _share_of_strong(strength: Floats) -> Floats:
    return np.asarray(np.clip(strength / max(float(np.percentile(strength, _STRONG)), _FAINTEST), 0, 1), np.float32)


def _running_out(field: Field, strength: Floats, least: float) -> NDArray[np.bool_]:
    """Pixels of edges that reach the border without a corner on the way."""
    height, width = strength.shape
    rim = np.zeros((height, width), np.bool_)
    rim[:_RIM], rim[-_RIM:], rim[:, :_RIM], rim[:, -_RIM:] = True, True, True, True
    edge = strength >= least
    out = np.zeros((height, width), np.bool_)
    for number in range(_DIRECTIONS):
        # Each direction's neighbours are in it too, so that a gentle bend does not end an edge.
        angle = 2 * math.pi * number / _DIRECTIONS
        along = field[..., 0] * math.cos(angle) + field[..., 1] * math.sin(angle)
        same = edge & (along >= strength * math.cos(1.5 * math.pi / _DIRECTIONS))
        _, labels = cv2.connectedComponents(same.astype(np.uint8), connectivity=8)
        out |= np.isin(labels, np.unique(labels[rim & same])) & same
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Edge points of the golden part at one level.

    Attributes:
        place: (n, 2) float32, x and y in pixels of the level, on the edge to a fraction of a pixel.
        normal: (n, 2) float32, unit vectors towards the brighter side.
        weight: (n,) float32, 0..1: how dependably good parts show the edge.
        quiet: the slope, grey levels a pixel, up to which a direction is not worth trusting.
    """

    place: Floats
    normal: Floats
    weight: Floats
    quiet: float

    def __len__(self) -> int:
        return len(self.place)


def points_of(field: Field, weight: Floats, most: int) -> Points:
    """The ridges of the slopes (Canny 1986's thinning), at most `most` points, evenly thinned out.

    Args:
        field: of the golden part.
        weight: (h, w) float32, 0..1, how dependable each pixel's edge is.
    """
    strength = np.hypot(field[..., 0], field[..., 1])
    least = max(_FAINTEST, _EDGE_SHARE * float(np.percentile(strength, _STRONG)))
    inner = strength[1:-1, 1:-1]
    normals = field[1:-1, 1:-1] / np.maximum(inner, 1e-6)[..., None]
    # The neighbour the slope points at: one of eight.
    dx, dy = np.rint(normals[..., 0]).astype(int), np.rint(normals[..., 1]).astype(int)
    rows, columns = np.indices(inner.shape) + 1
    ahead, behind = strength[rows + dy, columns + dx], strength[rows - dy, columns - dx]
    ridge = (inner >= least) & (inner >= ahead) & (inner > behind) & (weight[1:-1, 1:-1] >= DEPENDABLE)
    found = np.argwhere(ridge)
    if len(found) > most:
        found = found[np.linspace(0, len(found) - 1, most).round().astype(int)]
    y, x = found[:, 0], found[:, 1]
    # The top of the parabola through the three slopes along the normal.
    bend = np.maximum(2 * inner[y, x] - ahead[y, x] - behind[y, x], 1e-6)
    offset = np.clip((ahead[y, x] - behind[y, x]) / (2 * bend), -0.5, 0.5)
    step = np.stack([dx[y, x], dy[y, x]], 1)
    usual = float(np.median(inner[y, x])) if len(found) else _FAINTEST
    return Points(
        np.asarray(np.stack([x, y], 1) + 1 + offset[:, None] * step, np.float32),
        np.asarray(normals[y, x], np.float32),
        np.asarray(weight[y + 1, x + 1], np.float32),
        max(_FAINTEST / 2, _QUIET_SHARE * usual),
    )


def weights_at(weight: Floats, field: Field, size: tuple[int, int]) -> Floats:
    """The weights of edges at a smaller size: strong edges count more, and surfaces not at all."""
    if size == (weight.shape[1], weight.shape[0]):
        return weight
    strength = np.hypot(field[..., 0], field[..., 1]) + np.float32(1e-3)
    both = cv2.resize(np.dstack([weight * strength, strength]), size, interpolation=cv2.INTER_AREA)
    return np.asarray(both[..., 0] / both[..., 1], np.float32)
