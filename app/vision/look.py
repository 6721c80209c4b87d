"""Judging by regions that were drawn at the station: what lies outside them is no evidence.

The model stays as it was trained: the whole crop goes through the network, since the memory is laid out by it; what
its cells outside say is left out of maps and scores. The network sees beyond a cell's rim, so a defect outside
shows in the cells beside it. As much as that can be is taken off the cells inside, rather than giving up a rim all
around: a defect inside counts up to the border.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.look import IGNORE, LOOK, Kind, LookOutline, LookRegion
from app.vision.alignment import Registration
from app.vision.maps import pooled_count, smooth

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

_FINER = 8  # times a cell's side that its share is counted at
_FRACTION = 4  # bits of OpenCV's corners
_REACH = 3  # cells over which the network sees what lies beside them
_FALL = 2.0  # cells over which that falls to 1 / e; measured: 0.52 beside a patch of one cell, 0.19 beyond
_BARELY = 0.05  # of a smoothing's weights


@dataclass(frozen=True, slots=True)
class Look:
    """Where to look on a part.

    Attributes:
        outlines: in shares of the part's sides.
    """

    outlines: tuple[tuple[Kind, tuple[tuple[float, float], ...]], ...]

    def cells(self, rows: int, columns: int) -> Mask:
        """(rows, columns) bool: cells that count, half of which at least is to be looked at. Where regions are smaller
        than that, those with most of one: something is always looked at. Not to be changed."""
        return _cells(self.outlines, rows, columns)

    def pixels(self, rows: int, columns: int) -> Mask:
        """(rows, columns) bool: as `cells`, of a grid so fine that their middles tell."""
        return _share(self.outlines, rows, columns)

    def shows_nothing(self, there: Mask | None) -> bool:
        """Whether nothing of the part is to be looked at where there is something, (H, W) bool."""
        looked = _share(self.outlines, _WHOLE, _WHOLE)
        if there is not None:
            looked = looked & (cv2.resize(there.astype(np.uint8), (_WHOLE, _WHOLE)) > 0)
        return not looked.any()


def outlines_of(
    regions: tuple[LookRegion, ...], size: tuple[int, int], found: Registration | None, golden: tuple[int, int] | None
) -> tuple[LookOutline, ...]:
    """Where regions lie on a picture of `size` (width, height), `golden` being that of the golden part's picture.
    Without a `found` part they lie where they were drawn."""
    if found is None or golden is None:
        return tuple(LookOutline(each.kind, _corners(each, size)) for each in regions)
    back = found.inverse
    outlines = []
    for each in regions:
        # Pixels are counted from their corners here and from their middles there.
        corners = np.array(_corners(each, golden)) - 0.5
        placed = corners @ back[:, :2].T + back[:, 2] + 0.5
        outlines.append(LookOutline(each.kind, tuple((float(x), float(y)) for x, y in placed)))
    return tuple(outlines)


def look_at(outlines: tuple[LookOutline, ...], origin: tuple[int, int], size: tuple[int, int]) -> Look | None:
    """Where to look on a part of `size` (width, height) whose corner lies at `origin`, from outlines in pixels of the
    picture that it is cut from; None for everywhere."""
    (left, top), (width, height) = origin, size
    look = Look(
        tuple(
            (each.kind, tuple(((x - left) / width, (y - top) / height) for x, y in each.corners)) for each in outlines
        )
    )
    return None if _share(look.outlines, _WHOLE, _WHOLE).all() else look


_WHOLE = 256


def _corners(region: LookRegion, size: tuple[int, int]) -> tuple[tuple[float, float], ...]:
    left, top = region.x * size[0], region.y * size[1]
    right, bottom = left + region.width * size[0], top + region.height * size[1]
    return (left, top), (right, top), (right, bottom), (left, bottom)


@functools.lru_cache(maxsize=64)
def _cells(outlines: tuple[tuple[Kind, tuple[tuple[float, float], ...]], ...], rows: int, columns: int) -> Mask:
    fine = _share(outlines, rows * _FINER, columns * _FINER)
    share = fine.reshape(rows, _FINER, columns, _FINER).mean(axis=(1, 3))
    counts = share >= min(0.5, max(float(share.max()), 1 / _FINER**2))
    counts.setflags(write=False)
    return np.asarray(counts, np.bool_)


def _share(outlines: tuple[tuple[Kind, tuple[tuple[float, float], ...]], ...], rows: int, columns: int) -> Mask:
    """(rows, columns) bool, True where it is looked at."""
    interest = any(kind == LOOK for kind, _ in outlines)
    drawn = np.full((rows, columns), not interest, np.uint8)
    for wanted, value in ((LOOK, 1), (IGNORE, 0)):
        for kind, corners in outlines:
            if kind == wanted:
                # OpenCV counts from the first pixel's middle.
                places = np.array(corners) * (columns, rows) - 0.5
                fixed = np.rint(np.clip(places, -1e4, 1e4) * (1 << _FRACTION)).astype(np.int32)
                cv2.fillConvexPoly(drawn, fixed, (value,), shift=_FRACTION)
    return drawn > 0


# -- maps
def without_smear(values: Array, counts: Mask, limit: float, mean: int = 1) -> Array:
    """Cells without what those that do not count can have told them: their excess over `limit`, falling with distance.

    Args:
        values: (rows, columns) float32.
        counts: the same shape; 0 where it is False.
        mean: cells a side that the features were averaged over.
    """
    excess = np.where(counts, np.float32(0), np.maximum(values - np.float32(limit), 0))
    if not excess.any():
        return np.asarray(np.where(counts, values, 0), np.float32)
    kernel = _kernel(mean)
    reach = kernel.shape[0] // 2
    rows, columns = values.shape
    padded, smear = np.pad(excess, reach), np.zeros_like(values)
    for down, across in itertools.product(range(2 * reach + 1), repeat=2):
        np.maximum(smear, padded[down : down + rows, across : across + columns] * kernel[down, across], out=smear)
    return np.asarray(np.where(counts, values - smear, 0), np.float32)


@functools.cache
def _kernel(mean: int) -> Array:
    wider = mean // 2
    reach = _REACH + wider
    side = range(-reach, reach + 1)
    far = np.array([[max(0.0, math.hypot(x, y) - wider) for x in side] for y in side])
    return np.exp(-far / _FALL).astype(np.float32)


def smoothed(distances: Array, counts: Mask, stride: int, offset: float, edge: float) -> Array:
    """Like `app.vision.maps.smooth`, over the cells that count: beside the border they are not thinned by the zeros
    beyond it."""
    weight = smooth(counts.astype(np.float32), stride, offset, 1.0)
    heat = smooth(np.maximum(distances, 0) * counts, stride, offset, edge)
    return np.asarray(np.where(weight > _BARELY, heat / np.maximum(weight, _BARELY), 0), np.float32)


def pooled_in(heat: Array, counts: Mask) -> float:
    """Like `app.vision.maps.pooled`, over the cells that count."""
    inside = heat[counts]
    if not inside.size:
        return 0.0
    count = min(pooled_count(heat.size), inside.size)
    return float(np.partition(inside, inside.size - count)[inside.size - count :].mean(dtype=np.float64))
