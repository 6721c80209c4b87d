"""Choosing the few features that stand for all of them.

Greedy k-centre selection (Sener & Savarese 2018, arXiv 1708.00489) as PatchCore uses it: again and
again the feature farthest from all chosen ones. Distances are taken after a random projection, which
keeps them within a few percent (Johnson & Lindenstrauss 1984) at a fraction of the cost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_PROJECTED = 24


def greedy_coreset(
    features: NDArray[np.float32],
    count: int,
    rng: np.random.Generator,
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.int64]:
    """Indices of `count` rows of `features` (N, C) that cover all rows; all of them if N <= count.

    Args:
        check: called now and then; raises to stop.
    """
    number, channels = features.shape
    if number <= count:
        return np.arange(number)
    if channels > _PROJECTED:
        projection = rng.standard_normal((channels, _PROJECTED), np.float32) / np.float32(np.sqrt(_PROJECTED))
        features = features @ projection
    squares = np.einsum("ij,ij->i", features, features)
    nearest = np.full(number, np.inf, np.float32)
    chosen = np.empty(count, np.int64)
    pick = int(rng.integers(number))
    for position in range(count):
        if position % 128 == 0:
            check()
        chosen[position] = pick
        distance = squares + squares[pick] - 2.0 * (features @ features[pick])
        np.minimum(nearest, distance, out=nearest)
        nearest[pick] = -np.inf
        pick = int(nearest.argmax())
    return chosen
