"""From the heat map to places on the original picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.region import Region

_FINER, _LARGEST = 8, 2_000_000
"""The map is enlarged this many times before its outline is drawn: it is smooth, so the outline is
placed between cells instead of along them. A large map has small cells already: it is enlarged to so many at most."""

_MAX_REGIONS = 50

_KNOWN_SHARE = 0.25

_MAX_PEAKS = 30  # of one connected area

ANOMALY = "anomaly"
"""The label of a defect of no known kind."""


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Which known kind of defect each cell of a heat map looks like.

    Attributes:
        names: the kinds; "" for labelled defects nobody named.
        index: (h, w) int16 number of the kind; -1 where the cell looks like none of them.
    """

    names: tuple[str, ...]
    index: NDArray[np.int16]

    def enlarged(self, shape: tuple[int, ...]) -> NDArray[np.int16]:
        """At the size of the enlarged map (rows, columns)."""
        wide = cv2.resize(self.index, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
        return np.asarray(wide, np.int16)

    def named(self, index: NDArray[np.int16]) -> str:
        """What most of some cells are, by their numbers."""
        counts = np.bincount(index + 1, minlength=len(self.names) + 1)
        # Around a known defect lie cells that are none: they decide only where nothing else is.
        best = int(np.argmax(counts[1:])) if counts[1:].sum() >= _KNOWN_SHARE * counts.sum() else -1
        return (self.names[best] if best >= 0 else "") or ANOMALY


def enlarge(heat: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """The heat map at another size over the same area, (height, width) float32, linear between the
    middles of its cells."""
    return np.asarray(cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def find_regions(
    heat: NDArray[np.float32],
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    limit: float,
    kinds: Kinds | None = None,
) -> tuple[Region, ...]:
    """Connected areas where the map reaches `limit`, strongest first; at most 50.

    Args:
        heat: (h, w) float32.
        box: (x, y, width, height) in pixels of the picture that the map covers.
        size: (width, height) of the picture.
        kinds: of the map's cells; None: nothing is known of them, and all are called `ANOMALY`.
    """
    if float(heat.max()) < limit:
        return ()
    rows, columns = heat.shape
    finer = max(2, min(_FINER, int((_LARGEST / heat.size) ** 0.5)))
    fine = enlarge(heat, columns * finer, rows * finer)
    if float(fine.max()) < limit:  # enlarging between middles may shave the very top of a peak
        fine = np.repeat(np.repeat(heat, finer, 0), finer, 1)
    x0, y0, box_width, box_height = box
    scale = (box_width / fine.shape[1], box_height / fine.shape[0])
    regions: list[Region] = []
    for window, left, top in _components(fine >= limit):
        piece = np.s_[top : top + window.shape[0], left : left + window.shape[1]]
        index = kinds.enlarged(fine.shape)[piece] if kinds else None
        for part, dx, dy, score in _defects(np.where(window, fine[piece], -np.inf), index, limit, 2 * finer + 1):
            label = ANOMALY
            if kinds is not None and index is not None:
                label = kinds.named(index[dy : dy + part.shape[0], dx : dx + part.shape[1]][part])
            regions.append(_region(part, (left + dx, top + dy), (x0, y0), scale, size, label, score))
    regions.sort(key=lambda region: (-region.score, region.y, region.x))
    return tuple(regions[:_MAX_REGIONS])


def _defects(
    values: NDArray[np.float32], kinds: NDArray[np.int16] | None, limit: float, apart: int
) -> Iterator[tuple[NDArray[np.bool_], int, int, float]]:
    """The defects in one connected area of the map: each one's mask, its left and top, and its peak.

    The network's wide field of view smears a defect; its extent lies where the map is still half as far above the
    limit as at its peak. A lower peak is a defect of its own where that much of it hangs together with no higher
    one, or where it is of another kind than those.

    Args:
        values: (h, w), -inf outside the area; `kinds`: (h, w) numbers of the kinds of defects, where some are known.
        apart: peaks are the highest in so wide a square.
    """
    # The outermost values repeat, so that a peak at the rim is one.
    highest = cv2.dilate(values, np.ones((apart, apart), np.uint8))
    peaks = np.argwhere((values >= highest) & (values >= limit))
    order = np.argsort([-values[y, x] for y, x in peaks], kind="stable")
    taken = np.zeros(values.shape, np.bool_)
    for y, x in peaks[order[:_MAX_PEAKS]]:
        if taken[y, x]:
            continue
        peak = float(values[y, x])
        core = values >= (limit + peak) / 2
        if kinds is not None:
            core &= kinds == kinds[y, x]
        _, labels = cv2.connectedComponents(core.astype(np.uint8), connectivity=8)
        part = labels == labels[y, x]
        if not (part & taken).any():
            rows, columns = (np.flatnonzero(part.any(axis=axis)) for axis in (1, 0))
            top, left = int(rows[0]), int(columns[0])
            yield part[top : rows[-1] + 1, left : columns[-1] + 1], left, top, peak
        taken |= part


def _components(area: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], int, int]]:
    """Each connected part of `area`: its own bounding window, and the window's left and top."""
    rows, columns = (np.flatnonzero(area.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return
    first, before = int(rows[0]), int(columns[0])  # mostly little of the map is hot
    hot = np.ascontiguousarray(area[first : rows[-1] + 1, before : columns[-1] + 1]).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hot, connectivity=8)
    for index in range(1, count):
        left, top, wide, tall, _cells = (int(value) for value in stats[index])
        yield labels[top : top + tall, left : left + wide] == index, before + left, first + top


def _region(
    part: NDArray[np.bool_],
    place: tuple[int, int],
    origin: tuple[float, float],
    scale: tuple[float, float],
    size: tuple[int, int],
    label: str,
    score: float,
) -> Region:
    """One part of the enlarged map, at `place` (left, top) in it, as a region of the picture."""
    tall, wide = part.shape
    corner = (origin[0] + place[0] * scale[0], origin[1] + place[1] * scale[1])
    x, y = math.floor(corner[0]), math.floor(corner[1])
    return Region(
        x=x,
        y=y,
        width=min(size[0], math.ceil(corner[0] + wide * scale[0])) - x,
        height=min(size[1], math.ceil(corner[1] + tall * scale[1])) - y,
        area=max(1, round(int(np.count_nonzero(part)) * scale[0] * scale[1])),
        label=label,
        score=score,
        outline=_outline(part, corner, scale, size),
    )


def _outline(
    window: NDArray[np.bool_], origin: tuple[float, float], scale: tuple[float, float], size: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    """The outer border of one component, in pixels of the picture."""
    # Contours run through cell middles; twice the size with a border puts them on cell edges instead.
    doubled = np.repeat(np.repeat(window.astype(np.uint8), 2, 0), 2, 1)
    contours, _ = cv2.findContours(np.pad(doubled, 1), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(contours, key=cv2.contourArea)
    points = cv2.approxPolyDP(longest, 0.8, True).reshape(-1, 2).astype(np.float64)
    points = (points - 1 + 0.5) / 2  # back from the padded, doubled grid
    placed = points * scale + origin
    placed[:, 0] = np.clip(placed[:, 0], 0, size[0] - 1)
    placed[:, 1] = np.clip(placed[:, 1], 0, size[1] - 1)
    return tuple((x, y) for x, y in np.rint(placed).astype(np.int64).tolist())
