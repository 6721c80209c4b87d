"""Rectangles of pixels and areas within them: what a tool has touched, and where."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
"""A label plane: (H, W) uint8, each pixel the id of a `DefectType`, 0 is good surface."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rect:
    """Pixels from (x, y) on, `width` x `height` of them; empty where one of these is 0."""

    x: int
    y: int
    width: int
    height: int

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    @property
    def right(self) -> int:
        """First column behind it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.y + self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """(rows, columns), to index an array (H, W, ...)."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def united(self, other: Rect) -> Rect:
        """The smallest one around both."""
        if self.empty:
            return other
        if other.empty:
            return self
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Rect(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def clipped(self, size: tuple[int, int]) -> Rect:
        """What of it lies in a picture of `size` (width, height)."""
        x, y = min(max(self.x, 0), size[0]), min(max(self.y, 0), size[1])
        right, bottom = min(max(self.right, x), size[0]), min(max(self.bottom, y), size[1])
        return Rect(x, y, right - x, bottom - y)

    def grown(self, pixels: int) -> Rect:
        """With a border of so many pixels on each side."""
        return Rect(self.x - pixels, self.y - pixels, self.width + 2 * pixels, self.height + 2 * pixels)


NOWHERE = Rect(0, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """Some pixels of a picture.

    Attributes:
        rect: where `pixels` lies.
        pixels: (rect.height, rect.width) bool.
    """

    rect: Rect
    pixels: Mask

    @property
    def count(self) -> int:
        """How many pixels it has."""
        return int(np.count_nonzero(self.pixels))


def around(pixels: NDArray[np.generic]) -> Rect:
    """The smallest rectangle with every pixel of (H, W) bool or uint8 that is not 0."""
    if pixels.size == 0:
        return NOWHERE
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(pixels).view(np.uint8))
    return Rect(x, y, width, height)


def area_of(pixels: NDArray[np.generic], x: int = 0, y: int = 0) -> Area | None:
    """What is not 0 in (H, W) bool or uint8, whose corner lies at (x, y) of the picture; None where nothing is."""
    rect = around(pixels)
    if rect.empty:
        return None
    return Area(
        Rect(rect.x + x, rect.y + y, rect.width, rect.height), np.ascontiguousarray(pixels[rect.slices]).astype(bool)
    )


def size_of(array: NDArray[np.generic]) -> tuple[int, int]:
    """(width, height) of an array (H, W, ...)."""
    return array.shape[1], array.shape[0]
