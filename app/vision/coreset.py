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
    beside: NDArray[np.float32] | None = None,
) -> NDArray[np.int64]:
    """Indices of `count` rows of `features` (N, C) that cover all rows; all of them if N <= count.

    Args:
        check: called now and then; raises to stop.
        beside: (N, k) more coordinates, which are not projected.
    """
    number, channels = features.shape
    if number <= count:
        return np.arange(number)
    if channels > _PROJECTED:
        projection = rng.standard_normal((channels, _PROJECTED), np.float32) / np.float32(np.sqrt(_PROJECTED))
        features = features @ projection
    if beside is not None:
        features = np.concatenate([features, beside], axis=1)
    squares = np.einsum("ij,ij->i", features, features)
    nearest = np.full(number, np.inf, np.float32)
    columns = np.ascontiguousarray(features.T)
    chosen = np.empty(count, np.int64)
    picks, done = np.array([rng.integers(number)]), 0
    while True:
        check()
        chosen[done : done + len(picks)] = picks
        done += len(picks)
        if done == count:
            return chosen
        _bring_up_to_date(nearest, columns, squares, features[picks])
        nearest[picks] = -np.inf
        picks = _next_picks(features, squares, nearest, count - done)


def _next_picks(
    features: NDArray[np.float32], squares: NDArray[np.float32], nearest: NDArray[np.float32], most: int
) -> NDArray[np.int64]:
    """As many of the next greedy picks as a look at the farthest few settles.

    Distances only shrink. So while the best of the few is farther than all others were, it is the best of all:
    the picks are those of the plain algorithm, but all distances are brought up to date for many at once.
    """
    few = min(_LOOKED_AT, len(nearest) - 1)
    order = np.argpartition(nearest, len(nearest) - few - 1)
    bound = nearest[order[len(nearest) - few - 1]]
    # By number: equal distances must not be told apart by where the partition left them.
    rows = np.sort(order[len(nearest) - few :])
    own = nearest[rows].copy()
    near = features[rows]
    apart = squares[rows][:, None] + squares[rows] - 2.0 * (near @ near.T)
    picks: list[int] = []
    while len(picks) < most:
        best = int(own.argmax())
        if picks and own[best] <= bound:
            break
        picks.append(best)
        np.minimum(own, apart[best], out=own)
        own[best] = -np.inf
    return rows[picks]


def _bring_up_to_date(
    nearest: NDArray[np.float32], columns: NDArray[np.float32], squares: NDArray[np.float32], new: NDArray[np.float32]
) -> None:
    """Lowers `nearest` (N,) to the squared distances from `columns` (C, N) to the rows of `new`, in place.

    In pieces that stay in the processor's cache, where the product of all would have to come from memory.
    """
    own = np.einsum("ij,ij->i", new, new)[:, None]
    scaled = -2.0 * new
    for start in range(0, len(nearest), _PIECE):
        piece = slice(start, start + _PIECE)
        distances = scaled @ columns[:, piece]
        distances += own
        np.minimum(nearest[piece], distances.min(axis=0) + squares[piece], out=nearest[piece])


_LOOKED_AT = 192
_PIECE = 2048
