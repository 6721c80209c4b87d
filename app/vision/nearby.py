"""Where places count, a cell's nearest remembered feature lies near its own place: only those are compared.

A feature's distance grows with how far apart the two places are. So once something is found nearer than everything
that was left out can be, nothing that was left out is nearer: the answer is that of the whole bank (the bound of
Fukunaga & Narendra 1975, "A branch and bound algorithm for computing k-nearest neighbors"). The cells for which it is
not, which look like nothing in their neighbourhood, are compared with the whole bank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.vision.bank import MemoryBank

Array = NDArray[np.float32]

_BLOCK = 7  # cells a side, about: smaller ones leave out little more, and each has to be compiled
_FEWEST = 200_000  # comparisons: fewer take no time worth saving
_WORTH = 0.7  # of all comparisons: above it the whole bank takes no longer


@dataclass(frozen=True, slots=True, eq=False)
class Nearby:
    """Blocks of a grid's cells, each with what of the bank lies near it.

    Attributes:
        cells: numbers of each block's cells, in row order over the grid.
        vectors: numbers of the bank's vectors that each block is compared with.
        beyond: (cells,) float32: whatever was left out is at least so far from each cell, as the root of the mean
            square a channel; infinite where nothing was.
    """

    cells: tuple[NDArray[np.int64], ...]
    vectors: tuple[NDArray[np.int64], ...]
    beyond: Array


def find_nearby(bank: MemoryBank, places: Array, rows: int, columns: int, limit: float) -> Nearby | None:
    """What to compare where; None where places do not count, or so little could be left out that it is not worth it.

    Args:
        places: (rows * columns, 2) float32, of the cells, in shares of the canvas's sides.
        limit: distances up to this one, as the bank gives them, shall rarely need the whole bank.
    """
    if not bank.place_weight or rows * columns * len(bank.vectors) < _FEWEST:
        return None
    reach = limit / bank.place_weight
    grid = np.arange(rows * columns).reshape(rows, columns)
    cells, vectors, beyond = [], [], np.full(rows * columns, np.inf)
    for band in np.array_split(grid, max(1, round(rows / _BLOCK)), axis=0):
        for block in np.array_split(band, max(1, round(columns / _BLOCK)), axis=1):
            mine = block.ravel()
            low, high = places[mine].min(0), places[mine].max(0)
            beside = np.maximum(np.maximum(low - bank.places, bank.places - high), 0)
            near = (beside**2).sum(1) <= reach**2
            if not near.any():
                return None  # a grid on which nothing was ever remembered
            apart = bank.places[~near]
            if len(apart):
                across, down = (places[mine, axis][:, None] - apart[:, axis] for axis in (0, 1))
                beyond[mine] = bank.place_weight * np.sqrt((across**2 + down**2).min(1))
            cells.append(mine)
            vectors.append(np.flatnonzero(near))
    compared = sum(len(mine) * len(near) for mine, near in zip(cells, vectors, strict=True))
    if compared > _WORTH * rows * columns * len(bank.vectors):
        return None
    return Nearby(tuple(cells), tuple(vectors), beyond.astype(np.float32))
