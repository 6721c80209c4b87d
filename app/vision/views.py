"""Choosing how to look: which views, and whether places count, by testing on good parts not yet seen.

Nothing here sees a defect. A view is worth having where good parts not yet seen differ little in it: its limit
then lies close above them. Deep features of a small picture, averaged over neighbours, tell textures apart that a
fine view loses in the grain; on parts with small drawn detail they lose the detail, and good parts scatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.vision.bank import Cells, Check, Gathered
from app.vision.bank_graph import BankGraph
from app.vision.graph import Network
from app.vision.looking import View
from app.vision.maps import Scale, edge_factor, pooled, smooth

Array = NDArray[np.float32]

COARSE_MEAN = 3
_COARSE = 0.5  # of the fine view's size
_NO_WIDER = 1.25  # a coarse view may scatter so much more than the fine one
PLACE_WEIGHT = 3.0  # a shift by a tenth of the side then counts like a typical difference between good parts
_AT_HOME = 1.1  # places count where they lengthen the distances of good parts by no more than this

_LARGEST = 6144
"""Pixels, side of the square with as many as any detail view's canvas. A picture's grid is then 66 MB; ten of them and
what is made of them stay within a gigabyte. Still larger pictures are shrunk to it."""

_MAX_DETAIL = 1024  # pixels, side of the square with as many as the detail view's canvas
_SHRUNK = 4  # pixels of the picture a canvas pixel, from which small defects get lost
_WORTH_IT = 1.5

_FOLDS = ((16, 8), (40, 5))  # below so many pictures, so many folds
_FEWEST_FOLDS = 4


def candidates(size: int | None, detail: float | None, picture_sides: Sequence[tuple[int, int]]) -> list[View]:
    """The views to try: fine, coarse and, for large pictures, one that shrinks them less.

    Args:
        size: of the fine view; None for the usual 256 with a detail view where pictures are large.
        detail: pixels of the picture a canvas pixel in the detail view (1: native resolution, up to 38 megapixels);
            None to decide by the pictures' size, 0 for no detail view.
        picture_sides: (width, height) of the training pictures.
    """
    fine = size or DEFAULT_SIZE
    views = [View(fine), View(max(64, round(fine * _COARSE)), COARSE_MEAN)]
    side = float(np.median([np.sqrt(width * height) for width, height in picture_sides]))
    if detail is None and size is None:
        wanted = min(side / _SHRUNK, _MAX_DETAIL)
        if wanted > _WORTH_IT * fine:
            views.append(View(round(wanted)))
    elif detail:
        views.append(View(max(fine, min(round(side / detail), _LARGEST))))
    return views


DEFAULT_SIZE = 256


def folds_of(numbers: Sequence[int], rng: np.random.Generator) -> list[list[int]]:
    """Splits pictures for testing: many have been learned from when a few are judged."""
    count = next((folds for below, folds in _FOLDS if len(numbers) < below), _FEWEST_FOLDS)
    count = min(count, len(numbers))
    order = [int(numbers[index]) for index in rng.permutation(len(numbers))]
    return [order[fold::count] for fold in range(count)]


def held_out_grids(
    gathered: Gathered,
    view: int,
    shapes: dict[int, tuple[int, int]],
    folds: Sequence[Sequence[int]],
    size: int,
    place_weight: float,
    seed: int,
    check: Check,
) -> dict[int, Array]:
    """Distances of each kept picture by the bank of the pictures outside its fold."""
    grids: dict[int, Array] = {}
    for mine in folds:
        check()
        rng = np.random.default_rng(seed)
        graph = BankGraph(gathered.bank(view, mine, size, place_weight, rng, check))
        for number in mine:
            cells = gathered.cells(view, number)
            distances = _distances(graph, cells, check)
            if cells.counts is not None:
                distances *= cells.counts
            grids[number] = distances.reshape(shapes[number])
    return grids


def _distances(graph: BankGraph, cells: Cells, check: Check) -> Array:
    """(cells,) float32, some at once: of a large picture at native resolution all take most of a gigabyte."""
    found = []
    for start in range(0, len(cells), _AT_ONCE):
        check()
        piece = slice(start, start + _AT_ONCE)
        found.append(graph.run(cells.features[piece], cells.places[piece]))
    return found[0] if len(found) == 1 else np.concatenate(found)


_AT_ONCE = 8192  # cells


def spread_of(scores: Sequence[float]) -> tuple[float, float]:
    """(median, spread) of the scores' logarithms; the spread by the half above the median."""
    logs = np.log(np.maximum(np.asarray(scores, np.float64), 1e-6))
    centre = float(np.median(logs))
    above = logs[logs > centre]
    return centre, float(np.sqrt(np.mean((above - centre) ** 2))) if len(above) else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What banks that have not seen them say of good parts in one view.

    Attributes:
        grids: picture's number -> distances (rows, columns) float32.
        heats: picture's number -> smoothed heat map (float32), not yet divided by the limit.
        scale: of the view.
        spread: of the logarithms of the maps' scores above their median.
    """

    grids: dict[int, Array]
    heats: dict[int, Array]
    scale: Scale
    spread: float


def held_out(grids: dict[int, Array], network: Network) -> HeldOut:
    """Sums up one view's distances of good parts not yet seen."""
    edge = edge_factor(list(grids.values()))
    heats = {number: smooth(grid, network.stride, network.offset, edge) for number, grid in grids.items()}
    scores = [pooled(heat) for heat in heats.values()]
    return HeldOut(grids, heats, Scale(limit_of(scores), edge), spread_of(scores)[1])


def limit_of(scores: Sequence[float]) -> float:
    """Where the scores of good parts end."""
    centre, spread = spread_of(scores)
    return float(np.exp(centre + _LIMIT_AT * spread))


_LIMIT_AT = 2.4  # spreads above the median: about one good part in a hundred lies beyond


def keeps_coarse(fine: HeldOut, coarse: HeldOut) -> bool:
    """Whether good parts scatter hardly more in the coarse view than in the fine one."""
    return coarse.spread <= _NO_WIDER * fine.spread


def place_weight(free: dict[int, Array], bound: dict[int, Array]) -> float:
    """What places weigh, from distances of the same good parts without and with `PLACE_WEIGHT`: parts in a
    fixture find their like at their own place, so that it costs them nothing."""
    means = [float(np.mean([grid.mean() for grid in grids.values()])) for grids in (free, bound)]
    return PLACE_WEIGHT if means[1] <= _AT_HOME * means[0] else 0.0
