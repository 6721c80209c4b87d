"""A picture against the reference of its station: sharpness, light and place, by the figures that live pictures are
held to as well (`quality_figures`) and the registration that parts are laid down by (`alignment`)."""

from __future__ import annotations

import math

import numpy as np

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.reference import PictureDeviation, PictureFigures
from app.vision.alignment import of_one
from app.vision.quality_figures import LUMA, Seen, compared, see

_RIM = 0.05  # of the part's size: beside its outermost edges, where they blur
_LEAST = 64  # pixels: a smaller area says little about sharpness

Area = tuple[int, int, int, int]
"""x, y, width, height, pixels."""


class Reference:
    """A reference picture made ready. Comparing changes nothing in it: any thread may.

    Args:
        picture: (H, W, 3) uint8 BGR of the part in its place.

    Raises:
        PictureError: not such a picture.
    """

    def __init__(self, picture: Image) -> None:
        self._picture = picture
        self._golden = of_one(picture)
        height, width = picture.shape[:2]
        self.area: Area = (0, 0, width, height)
        if self._golden is not None:
            block = self._golden.block
            places = self._golden.points[2].place.astype(np.float64) * block
            low, high = places.min(0), places.max(0) + block
            rim = _RIM * float((high - low).max())
            left, top = (max(0, math.floor(value - rim)) for value in low)
            right, bottom = (
                min(side, math.ceil(value + rim)) for side, value in zip((width, height), high, strict=True)
            )
            if min(right - left, bottom - top) >= _LEAST:
                self.area = (left, top, right - left, bottom - top)

    @property
    def figures(self) -> PictureFigures:
        """What it looks like."""
        height, width = self._picture.shape[:2]
        seen = see(_cut(self._picture, self.area), None)
        grey, blue, red = _light(seen)
        sharp = min(seen.detail["across"], seen.detail["down"])
        return PictureFigures(
            width, height, self.area, self._golden is not None, round(math.exp(sharp / 2), 4), round(grey, 2),
            round(blue, 4), round(red, 4),
        )  # fmt: skip

    def compare(self, picture: Image) -> PictureDeviation:
        """How a picture differs from this one.

        Args:
            picture: (H, W, 3) uint8 BGR of the same size.

        Raises:
            PictureError: not such a picture, or of another size.
        """
        if picture.shape != self._picture.shape:
            wanted, got = (f"{each.shape[1]} x {each.shape[0]}" for each in (self._picture, picture))
            raise PictureError(f"The picture has {got} pixels, the reference {wanted}. Take the reference anew.")
        height, width = picture.shape[:2]
        found = self._golden.register(picture) if self._golden is not None else None
        lost = found.failed if found is not None else ""
        move = (round(found.shift[0]), round(found.shift[1])) if found is not None and not lost else (0, 0)
        mine, theirs = _common(self.area, move, (width, height))
        if min(mine[2:]) < _LEAST:
            mine = theirs = (0, 0, width, height)
        # The same piece of the part, wherever it lies: beside it the background would be compared.
        before = see(_cut(self._picture, mine), None)
        now = see(_cut(picture, theirs), None)
        values = compared(now, before.levels, before.places)
        placed = found is not None and not lost
        return PictureDeviation(
            width=width,
            sharpness=None if lost else _sharpness(now, before),
            brightness=_light(now)[0],
            was=_light(before)[0],
            saturated=float(now.saturated),
            was_saturated=float(before.saturated),
            blue=math.exp(values["blue"]),
            red=math.exp(values["red"]),
            shift=found.shift if placed and found is not None else None,
            angle=found.angle if placed and found is not None else None,
            scale=found.scale if placed and found is not None else None,
            lost=lost,
        )


def _sharpness(now: Seen, before: Seen) -> float:
    """Amplitude of the fine differences, of the direction that lost more. It needs no second witness, as
    `PictureQuality` does: the part in both pictures is the same one."""
    return math.exp(min(now.detail[way] - before.detail[way] for way in ("across", "down")) / 2)


def _light(seen: Seen) -> tuple[float, float, float]:
    """Mean grey level; blue and red against green."""
    blue, green, red = seen.levels.mean(axis=0)
    return float(seen.levels.mean(axis=0) @ LUMA), float((blue + 1) / (green + 1)), float((red + 1) / (green + 1))


def _common(area: Area, move: tuple[int, int], size: tuple[int, int]) -> tuple[Area, Area]:
    """What of the area is in both pictures, where it lies in the reference and where in the other."""
    x, y, width, height = area
    left, top = max(x, -move[0], 0), max(y, -move[1], 0)
    right, bottom = min(x + width, size[0] - move[0]), min(y + height, size[1] - move[1])
    wide, high = max(0, right - left), max(0, bottom - top)
    return (left, top, wide, high), (left + move[0], top + move[1], wide, high)


def _cut(picture: Image, area: Area) -> Image:
    x, y, width, height = area
    return picture[y : y + height, x : x + width]
