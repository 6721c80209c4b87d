"""Where a checkpoint lies, and its crop out of a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.frame import Image
from app.vision.canvas import paint
from app.vision.geometry import Target, halvings, places
from app.vision.parts import Described

SIDE = 128
"""A crop's canvas has about SIDE x SIDE pixels, in its own aspect ratio. With 96, another print on a label was taken
for the right one where parts lay a few pixels beside their place."""

LONGEST = 768
SHORTEST = 64

_MARGIN = 0.2  # of the place's sides: surroundings on each side
_FINEST = 3  # halvings of a crop; what is larger is shrunk before
_MOST_ALIKE = 1.08  # aspect ratio up to which a place counts as square, so that it may lie turned by 90 degrees

Corner = Annotated[float, Field(ge=-2, le=2)]  # a long rectangle, turned back, may stick out
Side = Annotated[float, Field(ge=1e-4, le=2)]
Matrix = NDArray[np.float64]
Size = tuple[int, int]
"""Width and height in pixels."""


class Place(Described):
    """A named rectangle of the golden part's picture, or of the picture itself where there is no golden part.

    Attributes:
        x, y, width, height: in shares of the picture's sides, before it is turned.
        angle: degrees, clockwise as seen, by which the rectangle is turned about its middle: it was drawn upright on
            a picture in which the part lay turned.
    """

    name: str = Field(min_length=1, max_length=60)
    x: Corner
    y: Corner
    width: Side
    height: Side
    angle: float = Field(default=0.0, ge=-180, le=180)

    def corners(self, frame: Size) -> Matrix:
        """(4, 2) pixels of the frame, OpenCV's coordinates."""
        wide, tall = self.width * frame[0] / 2, self.height * frame[1] / 2
        upright = np.array([[-wide, -tall], [wide, -tall], [wide, tall], [-wide, tall]])
        turned = math.radians(self.angle)
        along = np.array([[math.cos(turned), math.sin(turned)], [-math.sin(turned), math.cos(turned)]])
        return np.asarray(upright @ along + self.middle(frame), np.float64)

    def middle(self, frame: Size) -> Matrix:
        """(2,) pixels of the frame, OpenCV's coordinates."""
        return np.array([(self.x + self.width / 2) * frame[0] - 0.5, (self.y + self.height / 2) * frame[1] - 0.5])


def canvas_of(width: float, height: float, multiple: int) -> Target:
    """The canvas for a place of this size: few sizes, so that places alike share one."""
    aspect = math.sqrt(width / height)

    def rounded(side: float) -> int:
        return max(1, round(min(max(side, SHORTEST), LONGEST) / multiple)) * multiple

    return Target(rounded(SIDE / aspect), rounded(SIDE * aspect))


@dataclass(frozen=True, slots=True, eq=False)
class Cutter:
    """Cuts one place out of pictures.

    Attributes:
        frame: size of the golden's picture, or of the picture itself.
        width, height: of the crop with its surroundings, pixels of the frame.
        share: part of the crop's width and height that the place has.
    """

    place: Place
    canvas: Target
    frame: Size
    width: float
    height: float
    share: tuple[float, float]

    @classmethod
    def of(cls, place: Place, canvas: Target, frame: Size) -> Cutter:
        wide, tall = place.width * frame[0], place.height * frame[1]
        width, height = wide * (1 + 2 * _MARGIN), tall * (1 + 2 * _MARGIN)
        # More surroundings on two sides, but nothing is squeezed.
        width = max(width, height * canvas.width / canvas.height)
        height = width * canvas.height / canvas.width
        return cls(place, canvas, frame, width, height, (wide / width, tall / height))

    def cut(self, picture: Image, matrix: Matrix, shift: tuple[float, float] = (0.0, 0.0)) -> Image:
        """The crop, (canvas height, canvas width, 3) uint8 BGR; beside the picture its border goes on.

        Args:
            matrix: (2, 3), pixels of the picture to pixels of the frame.
            shift: by which the crop lies beside its place, in shares of the place's shorter side.
        """
        finer = 1 / math.sqrt(max(abs(float(np.linalg.det(matrix[:, :2]))), 1e-12))
        times = halvings(int(self.width * finer), int(self.height * finer), self.canvas)
        whole = _after(self._to_crop(shift, min(times, _FINEST)), matrix)
        picture, whole = _around(picture, whole, self._size(min(times, _FINEST)), 1 << max(0, times - _FINEST))
        size = self._size(min(times, _FINEST))
        crop = cv2.warpAffine(picture, whole, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return paint(np.asarray(crop, np.uint8), self.canvas)

    def _size(self, times: int) -> Size:
        return self.canvas.width << times, self.canvas.height << times

    def _to_crop(self, shift: tuple[float, float], times: int) -> Matrix:
        """(2, 3), pixels of the frame to those of a crop that is then halved `times` times."""
        size, turned = self._size(times), math.radians(self.place.angle)
        scale = size[0] / self.width
        along = np.array([[math.cos(turned), math.sin(turned)], [-math.sin(turned), math.cos(turned)]]) * scale
        short = min(self.share[0] * self.width, self.share[1] * self.height) * scale
        middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2]) - np.array(shift) * short
        return np.column_stack([along, middle - along @ self.place.middle(self.frame)])

    def seen(self, picture: Size, matrix: Matrix) -> float:
        """Share of the place that the picture shows."""
        corners = self._on_picture(matrix).astype(np.float32)
        width, height = picture
        edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
        whole = cv2.contourArea(corners)
        shown = float(cv2.intersectConvexConvex(corners, edge)[0])
        return shown / whole if whole > 0 else 0.0

    def box(self, picture: Size, matrix: Matrix) -> tuple[int, int, int, int]:
        """(x, y, width, height): bounding box of the place in pixels of the picture, cut off at its borders."""
        corners = self._on_picture(matrix) + 0.5
        low = np.clip(np.floor(corners.min(0) + 1e-3), 0, np.array(picture) - 1).astype(int)
        high = np.clip(np.ceil(corners.max(0) - 1e-3), low + 1, picture).astype(int)
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])

    def _on_picture(self, matrix: Matrix) -> Matrix:
        back = cv2.invertAffineTransform(matrix)
        return np.asarray(self.place.corners(self.frame) @ back[:, :2].T + back[:, 2], np.float64)

    def cells(self, stride: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Which cells of the canvas lie in the place, (n,) bool, and where all of them lie, (n, 2) float32 shares."""
        rows, columns = self.canvas.height // stride, self.canvas.width // stride
        where = places(rows, columns)
        # However narrow it is, the cells in its middle count.
        reach = [max(share / 2, 0.5 / count) + 1e-6 for share, count in zip(self.share, (columns, rows), strict=True)]
        return np.asarray((np.abs(where - 0.5) <= np.array(reach, np.float32)).all(axis=1), np.bool_), where

    @property
    def square(self) -> bool:
        """Whether what belongs there could lie turned by 90 degrees."""
        wide, tall = self.share[0] * self.width, self.share[1] * self.height
        return max(wide, tall) <= _MOST_ALIKE * min(wide, tall)

    def turned(self, crop: Image, turn: str) -> Image:
        """The crop with what lies in the place turned by "90", "180", "270" degrees anticlockwise or mirrored
        "across" or "down"; its surroundings stay."""
        height, width = crop.shape[:2]
        wide, tall = round(width * self.share[0]), round(height * self.share[1])
        if turn in ("90", "270"):
            wide = tall = min(wide, tall)
        x, y = (width - wide) // 2, (height - tall) // 2
        inner = crop[y : y + tall, x : x + wide]
        changed = crop.copy()
        changed[y : y + tall, x : x + wide] = _TURNS[turn](inner)
        return changed


_TURNS = {
    "90": lambda inner: np.rot90(inner),
    "180": lambda inner: inner[::-1, ::-1],
    "270": lambda inner: np.rot90(inner, 3),
    "across": lambda inner: inner[:, ::-1],
    "down": lambda inner: inner[::-1],
}

UPRIGHT: Matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Where there is no golden part, the picture is its own frame."""


def _after(second: Matrix, first: Matrix) -> Matrix:
    whole: Matrix = (np.vstack([second, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]]))[:2]
    return whole


def _around(picture: Image, matrix: Matrix, size: Size, shrink: int) -> tuple[Image, Matrix]:
    """The part of the picture that a crop of this size (matrix: picture to crop) shows, `shrink` times smaller, and
    the matrix for it: OpenCV warps nothing longer than 32,767 pixels."""
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[-1, -1], [size[0], -1], [size[0], size[1]], [-1, size[1]]], np.float64)
    shown = corners @ back[:, :2].T + back[:, 2]
    sides: Sequence[int] = (picture.shape[1], picture.shape[0])
    spans = []
    for axis, side in enumerate(sides):
        low = min(max(math.floor(float(shown[:, axis].min())) - 2 * shrink, 0), side - 1)
        high = max(min(math.ceil(float(shown[:, axis].max())) + 2 * shrink, side), low + 1)
        spans.append((low, high))
    (left, right), (top, bottom) = spans
    piece = picture[top:bottom, left:right]
    smaller = max(1, round((right - left) / shrink)), max(1, round((bottom - top) / shrink))
    if shrink > 1:
        piece = np.asarray(cv2.resize(piece, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    across, down = (right - left) / piece.shape[1], (bottom - top) / piece.shape[0]
    to_picture = np.array([[across, 0, left + (across - 1) / 2], [0, down, top + (down - 1) / 2]], np.float64)
    return np.ascontiguousarray(piece), _after(matrix, to_picture)
