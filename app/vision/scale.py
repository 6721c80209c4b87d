"""Millimetres per pixel: from a length somebody knows, or from a chessboard laid where the parts lie.

One number for the whole picture is right where the camera looks straight down. A chessboard shows whether
it does: under a tilted camera the squares of one side are smaller than those of the other (projective
geometry: Hartley & Zisserman 2004, ch. 2). Corners are found as saddle points by OpenCV's sector-based
detector (Duda & Frese 2018, "Accurate Detection and Localization of Checkerboard Corners for Calibration").
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.errors import PictureError, ScaleError
from app.domain.frame import Image

MAX_SPREAD: Final = 0.05
"""From this deviation of the squares' sides one number is no longer right for the whole picture: areas would
be wrong by a tenth."""

_LEAST_LENGTH = 20.0  # pixels: a click is right within about one, which is then 5 %
_LEAST_SIDE = 6.0  # pixels of a square: below, corners run into each other
_LEAST_CORNERS = 3  # each way; the detector knows no smaller board
_LONGEST = 1600  # the search takes seconds on more pixels; corners are refined on all of them
_LARGEST_RESIDUAL = 0.1  # of a side: found corners that fit a flat board worse are something else
_LEAST_CONTRAST = 20.0  # grey levels between dark and bright squares
_WITHIN = 0.3  # of a side from a square's middle, still well inside
_FINEST, _COARSEST = 1e-6, 1e3  # mm per pixel: a nanometre, a metre

Grid = NDArray[np.float64]
"""(rows, columns, 2): x, y of inner corners, pixels."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a pixel is where the parts lie.

    Attributes:
        mm_per_pixel: millimetres.
        spread: largest relative deviation of the squares' sides over the board (0.02: 2 %); None where a
            single length was measured, which can't show a tilted camera.
        how: what it was measured from, in words.
        place: x, y, width, height in pixels of what was measured.
    """

    mm_per_pixel: float
    spread: float | None
    how: str
    place: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        if not _FINEST <= self.mm_per_pixel <= _COARSEST:  # false for NaN too
            raise ScaleError(
                f"{self.mm_per_pixel:g} mm per pixel is not a scale a camera has: check the length and its unit (mm)."
            )

    def length_mm(self, pixels: float) -> float:
        """Millimetres of so many pixels."""
        return pixels * self.mm_per_pixel

    def area_mm2(self, pixels: float) -> float:
        """Square millimetres of an area of so many pixels."""
        return pixels * self.mm_per_pixel**2


def from_known_length(first: tuple[float, float], second: tuple[float, float], millimetres: float) -> Scale:
    """The scale from two points, x and y in pixels, that are so many millimetres apart.

    Raises:
        ScaleError: points too close to each other, or not a length.
    """
    if not (math.isfinite(millimetres) and millimetres > 0):
        raise ScaleError(f"{millimetres:g} mm is not a length between two points: enter the millimetres between them.")
    if not all(map(math.isfinite, (*first, *second))):
        raise ScaleError("The two points are not places in a picture: mark both again.")
    pixels = math.dist(first, second)
    if pixels < _LEAST_LENGTH:
        raise ScaleError(
            f"The two points are only {pixels:.1f} pixels apart, at least {_LEAST_LENGTH:.0f} are needed: "
            "mark a longer length, as long as the picture allows."
        )
    return Scale(
        mm_per_pixel=millimetres / pixels,
        spread=None,
        how=f"{millimetres:g} mm over {pixels:.1f} pixels between two marked points",
        place=(
            min(first[0], second[0]),
            min(first[1], second[1]),
            abs(first[0] - second[0]),
            abs(first[1] - second[1]),
        ),
    )


def from_chessboard(picture: Image, square_mm: float, inner_corners: tuple[int, int] | None = None) -> Scale:
    """The scale from a chessboard that lies where the parts lie.

    Args:
        picture: (H, W, 3) uint8 BGR.
        square_mm: side of one square.
        inner_corners: how many corners where four squares meet, along both sides; None takes whatever board
            is found.

    Raises:
        ScaleError: no board, squares too small, or the camera is tilted against it.
        PictureError: not such a picture.
    """
    if not (math.isfinite(square_mm) and square_mm > 0):
        raise ScaleError(f"{square_mm:g} mm is not the side of a square: measure one square of the board.")
    if inner_corners is not None and min(inner_corners) < _LEAST_CORNERS:
        raise ScaleError(
            f"A board with {inner_corners[0]} x {inner_corners[1]} inner corners is too small: "
            f"at least {_LEAST_CORNERS} are needed each way. Count the corners where four squares meet."
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < 1:
        raise PictureError(
            f"A picture of shape {picture.shape} and type {picture.dtype} can't be measured: "
            "(height, width, 3) of 8-bit B, G, R is needed."
        )
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    # Where the number is not known, the detector grows a board from a smallest one; which one it starts from
    # decides now and then whether it succeeds.
    starts = [(4, 3), (_LEAST_CORNERS, _LEAST_CORNERS), (6, 5)] if inner_corners is None else [inner_corners]
    grid = None
    for start in starts:
        found = _find(grey, start, exact=inner_corners is not None)
        grid = None if found is None else _board_in(grey, found, exact=inner_corners is not None)
        if grid is not None:
            break
    else:
        size = "" if inner_corners is None else f" with {inner_corners[0]} x {inner_corners[1]} inner corners"
        count = "" if inner_corners is None else " Check the number of corners, or leave it out."
        raise ScaleError(
            f"No chessboard{size} was found: lay it flat where the parts lie, the whole board and a white margin in "
            f"view, in focus and under even light without reflections.{count}"
        )
    across, down = (np.linalg.norm(np.diff(grid, axis=axis), axis=2) for axis in (1, 0))
    side = float((across.sum() + down.sum()) / (across.size + down.size))
    if side < _LEAST_SIDE:
        raise ScaleError(
            f"The squares of the chessboard are only {side:.1f} pixels wide, at least {_LEAST_SIDE:.0f} are needed: "
            "take a board with larger squares."
        )
    spread = max(float(np.abs(_smoothed_ends(lengths) / side - 1).max()) for lengths in (across, down))
    if spread > MAX_SPREAD:
        raise ScaleError(
            f"The squares' sides differ by {spread:.1%} from their mean over the picture, more than {MAX_SPREAD:.0%}: "
            "the camera looks at the board at an angle, or the board is bent. Lay it flat where the parts lie, set the "
            "camera straight above, and measure again."
        )
    rows, columns = grid.shape[:2]
    low, high = grid.min(axis=(0, 1)), grid.max(axis=(0, 1))
    return Scale(
        mm_per_pixel=square_mm / side,
        spread=spread,
        how=f"chessboard of {columns} x {rows} inner corners, squares of {square_mm:g} mm = {side:.2f} pixels",
        place=(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])),
    )


def _find(grey: NDArray[np.uint8], size: tuple[int, int], *, exact: bool) -> Grid | None:
    """Corners of a board with that many, or with at least that many unless `exact`."""
    reduce = max(1, math.ceil(max(grey.shape) / _LONGEST))
    height, width = grey.shape[0] // reduce, grey.shape[1] // reduce
    if min(height, width) < 4 * _LEAST_SIDE:
        return None
    small = grey[: height * reduce, : width * reduce]
    if reduce > 1:
        small = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    if not exact:
        flags |= cv2.CALIB_CB_LARGER
    found, corners, meta = cv2.findChessboardCornersSBWithMeta(small, size, flags)
    if not found:
        return None
    rows, columns = np.asarray(meta).shape[:2]
    points = (np.asarray(corners, np.float32).reshape(rows, columns, 2) + np.float32(0.5)) * reduce - np.float32(0.5)
    if reduce > 1:
        points = _refined(grey, points)
    return np.asarray(points, np.float64)


def _refined(grey: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corners on all pixels (Förstner & Gülch 1987, as in cv2.cornerSubPix), looked for within a third of a
    square."""
    sides = np.linalg.norm(np.diff(points, axis=1), axis=2)
    reach = int(np.clip(float(sides.min()) / 3, 2, 15))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 0.001)
    flat = np.ascontiguousarray(points.reshape(-1, 1, 2))
    return np.asarray(cv2.cornerSubPix(grey, flat, (reach, reach), (-1, -1), stop), np.float32).reshape(points.shape)


def _board_in(grey: NDArray[np.uint8], grid: Grid, *, exact: bool) -> Grid | None:
    """The board among the corners found. Where their number is not known the detector now and then goes on
    beyond the board's rim: then without the outermost corners on one or more sides."""
    rows, columns = grid.shape[:2]
    cuts = [(0, 0, 0, 0)] if exact else sorted(itertools.product((0, 1), repeat=4), key=sum)
    for top, bottom, left, right in cuts:
        part = grid[top : rows - bottom, left : columns - right]
        if min(part.shape[:2]) >= _LEAST_CORNERS and _is_board(grey, part):
            return part
    return None


def _is_board(grey: NDArray[np.uint8], grid: Grid) -> bool:
    """Whether these corners are a flat board's and dark and bright squares alternate between them: noise and
    grilles have points that the detector takes for corners."""
    rows, columns = grid.shape[:2]
    places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=2).astype(np.float64)
    homography, _ = cv2.findHomography(places.reshape(-1, 2), grid.reshape(-1, 2), 0)
    if homography is None:
        return False
    expected = np.asarray(cv2.perspectiveTransform(places.reshape(-1, 1, 2), homography), np.float64)
    sides = np.concatenate([np.linalg.norm(np.diff(grid, axis=axis), axis=2).ravel() for axis in (0, 1)])
    offs = np.linalg.norm(expected.reshape(grid.shape) - grid, axis=2)
    if not np.isfinite(offs).all() or float(offs.max()) > _LARGEST_RESIDUAL * float(sides.mean()):
        return False
    # All squares that meet in these corners, so one beyond them each way.
    v, u = np.mgrid[-1:rows, -1:columns].astype(np.float64)
    smooth = cv2.blur(grey, (3, 3))
    dark = np.where((u + v) % 2 == 0, 1.0, -1.0)

    def levels(off_u: float, off_v: float) -> NDArray[np.float64]:
        spots = np.stack([u + 0.5 + off_u, v + 0.5 + off_v], axis=2).reshape(-1, 1, 2)
        at = np.asarray(cv2.perspectiveTransform(spots, homography), np.float32).reshape(*u.shape, 2)
        read = cv2.remap(smooth, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(read, np.float64)

    # Neighbours are compared, not the whole board: light may fall off over the picture. Towards its corners a
    # square is what its middle is; the holes of a grille are not.
    around = _neighbours(levels(0, 0))
    spots = [(0.0, 0.0), *itertools.product((-_WITHIN, _WITHIN), repeat=2)]
    signs = np.stack([dark * (levels(*spot) - around) for spot in spots])
    return bool((signs > _LEAST_CONTRAST).all() or (signs < -_LEAST_CONTRAST).all())


def _neighbours(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the squares beside, above and below each."""
    framed = np.pad(levels, 1, constant_values=np.nan)
    around = np.stack([framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]])
    return np.asarray(np.nanmean(around, axis=0), np.float64)


def _smoothed_ends(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths at the board's four corners after a plane fitted through all: tilt without the corners' noise."""
    rows, columns = lengths.shape
    v, u = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    design = np.column_stack([np.ones(lengths.size), u.ravel(), v.ravel()])
    plane = np.linalg.lstsq(design, lengths.ravel(), rcond=None)[0]
    return np.asarray([plane @ (1.0, x, y) for x in (-1, 1) for y in (-1, 1)], np.float64)
