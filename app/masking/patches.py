"""What an action changed on a plane, small enough to keep every one of them, so that it can be taken back."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from app.masking.rects import NOWHERE, Area, Mask, Plane, Rect, around, size_of

_TILE = 256

Values = bytes | int
"""Values of the changed pixels, row by row: compressed, or one number where all are alike."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One change of a plane. It keeps which pixels changed as compressed bits and their values before and after: a
    stroke takes some hundred bytes, so that undo needs no limit of steps.

    Attributes:
        rect: the smallest around what changed.
        size: (width, height) of the plane it belongs to.
        changed: compressed bits, row by row within `rect`.
    """

    rect: Rect
    size: tuple[int, int]
    changed: bytes
    before: Values
    after: Values

    @property
    def bytes(self) -> int:
        """Memory it takes, roughly."""
        return len(self.changed) + sum(
            len(each) if isinstance(each, bytes) else 8 for each in (self.before, self.after)
        )

    @property
    def pixels(self) -> int:
        """How many pixels it changes."""
        return int(np.count_nonzero(self.mask()))

    def apply(self, plane: Plane) -> Rect:
        """Makes the change on `plane` (again); gives the rectangle to repaint.

        Raises:
            ValueError: the plane has another size.
        """
        return self._set(plane, self.after)

    def revert(self, plane: Plane) -> Rect:
        """Takes the change on `plane` back; gives the rectangle to repaint.

        Raises:
            ValueError: the plane has another size.
        """
        return self._set(plane, self.before)

    def relabelled(self, source: int, into: int) -> Patch:
        """The same change after type `source` was merged into type `into` everywhere."""

        def moved(values: Values) -> Values:
            if isinstance(values, int):
                return into if values == source else values
            pixels = _unpacked(values)
            return _packed(np.where(pixels == source, np.uint8(into), pixels))

        return replace(self, before=moved(self.before), after=moved(self.after))

    def _set(self, plane: Plane, values: Values) -> Rect:
        if size_of(plane) != self.size:
            raise ValueError(f"this change belongs to a plane of {self.size}, not of {size_of(plane)}")
        target, changed = plane[self.rect.slices], self.mask()
        if isinstance(values, int):
            np.copyto(target, np.uint8(values), where=changed)
        else:
            target[changed] = _unpacked(values)
        return self.rect

    def mask(self) -> Mask:
        """Which pixels of `rect` change, (rect.height, rect.width)."""
        bits = np.frombuffer(zlib.decompress(self.changed), np.uint8)
        count = self.rect.width * self.rect.height
        return np.unpackbits(bits, count=count).view(bool).reshape(self.rect.height, self.rect.width)


def patch_of(size: tuple[int, int], rect: Rect, before: Plane, after: Plane) -> Patch | None:
    """The change within `rect` of a plane of `size` (width, height); `before` and `after` are (rect.height,
    rect.width). None where nothing changed."""
    changed = before != after
    inner = around(changed)
    if inner.empty:
        return None
    changed = np.ascontiguousarray(changed[inner.slices])
    place = Rect(rect.x + inner.x, rect.y + inner.y, inner.width, inner.height)
    bits = zlib.compress(np.packbits(changed).tobytes(), 1)
    return Patch(place, size, bits, _picked(before[inner.slices], changed), _picked(after[inner.slices], changed))


def fill(plane: Plane, area: Area | None, type_id: int, only: int | None = None) -> Patch | None:
    """Gives the pixels of an area to a type (0 erases) and tells what that changed.

    Args:
        only: leave pixels of other types than this one alone.

    Returns:
        None where nothing changed.
    """
    if area is None:
        return None
    rect = area.rect.clipped(size_of(plane))
    if rect.empty:
        return None
    pixels = area.pixels[
        rect.y - area.rect.y : rect.bottom - area.rect.y, rect.x - area.rect.x : rect.right - area.rect.x
    ]
    target = plane[rect.slices]
    before = target.copy()
    np.copyto(target, np.uint8(type_id), where=pixels if only is None else pixels & (before == only))
    return patch_of(size_of(plane), rect, before, target)


def relabel(plane: Plane, source: int, into: int) -> Patch | None:
    """Turns every pixel of one type into another, as merging two types does."""
    found = around(plane == source)
    if found.empty:
        return None
    return fill(plane, Area(found, plane[found.slices] == source), into)


class Recorder:
    """Remembers what a plane was like where a longer action touches it, tile by tile, and makes one patch of it."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._tiles: dict[tuple[int, int], Plane] = {}
        self.rect = NOWHERE

    def keep(self, rect: Rect) -> None:
        """To be told before pixels within `rect` change."""
        rect = rect.clipped(size_of(self._plane))
        if rect.empty:
            return
        self.rect = self.rect.united(rect)
        for row in range(rect.y // _TILE, (rect.bottom - 1) // _TILE + 1):
            for column in range(rect.x // _TILE, (rect.right - 1) // _TILE + 1):
                if (row, column) not in self._tiles:
                    self._tiles[row, column] = self._plane[self._slices(row, column)].copy()

    def patch(self) -> Patch | None:
        """What has changed since."""
        if self.rect.empty:
            return None
        return patch_of(size_of(self._plane), self.rect, self._before(), self._plane[self.rect.slices])

    def cancel(self) -> Rect:
        """Puts everything back as it was; gives the rectangle to repaint."""
        for (row, column), tile in self._tiles.items():
            self._plane[self._slices(row, column)] = tile
        self._tiles.clear()
        done, self.rect = self.rect, NOWHERE
        return done

    def _before(self) -> Plane:
        before = self._plane[self.rect.slices].copy()
        for (row, column), tile in self._tiles.items():
            top, left = row * _TILE - self.rect.y, column * _TILE - self.rect.x
            down, over = max(-top, 0), max(-left, 0)
            part = before[max(top, 0) : max(top + tile.shape[0], 0), max(left, 0) : max(left + tile.shape[1], 0)]
            part[:] = tile[down : down + part.shape[0], over : over + part.shape[1]]
        return before

    @staticmethod
    def _slices(row: int, column: int) -> tuple[slice, slice]:
        return slice(row * _TILE, (row + 1) * _TILE), slice(column * _TILE, (column + 1) * _TILE)


def _picked(values: Plane, changed: Mask) -> Values:
    """The values of the changed pixels. Picking millions out takes long, and mostly they are all alike."""
    least, most, _, _ = cv2.minMaxLoc(np.ascontiguousarray(values), changed.view(np.uint8))
    return int(least) if least == most else _packed(values[changed])


def _packed(values: NDArray[np.uint8]) -> Values:
    first = int(values[0])
    return first if bool((values == first).all()) else zlib.compress(values.tobytes(), 1)


def _unpacked(values: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.decompress(values), np.uint8)
