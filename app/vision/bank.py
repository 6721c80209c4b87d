"""The memory of good parts: which features are kept, and how they are gathered from any number of pictures.

PatchCore's memory bank (Roth et al. 2022, arXiv 2106.08265): a greedy coreset of standardised features. With
many pictures the candidates are themselves reduced as they come in (merge and reduce: Har-Peled & Mazumdar
2004, "On coresets for k-means and k-median clustering"), so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.vision.coreset import greedy_coreset

Array = NDArray[np.float32]
Check = Callable[[], None]

KEPT_BYTES = 320 << 20
"""Whole feature grids kept in memory for testing on pictures not yet seen; beyond it every second is let go."""

_MORE_THAN = 10
"""As many grids may be kept however large they are: fewer pictures say nothing of pictures not yet seen."""

_CANDIDATES = 60_000
"""Features a coreset is chosen from (54 MB at 224 channels): more pictures give fewer each."""

_BUFFERED, _REDUCED = 24_000, 6_000
"""Features of pictures that were let go: so many are gathered, then reduced to so many."""


AXES = 64
"""Principal components that vectors are remembered along: with all 224 of the default network's a detection spent half
as long on the distances as on the network, and was no righter."""

_AXES_FROM = 8_000  # features


@dataclass(frozen=True, slots=True, eq=False)
class MemoryBank:
    """Features of good parts.

    Attributes:
        mean, deviation: (C,) float32, of the training features, by which every feature is standardised.
        vectors: (N, D) float32 that float16 holds exactly, standardised features of the coreset along `axes`.
        places: (N, 2) float32, where they lay on their canvas, across and down, in shares of its sides.
        place_weight: what a whole side between two places adds to their distance; 0: places do not count.
        axes: (C, D) float32, orthonormal: along which good parts differ most (principal components). What a feature
            has beside them counts in full, as if no good part had any of it. None: D = C, all of them.
    """

    mean: Array
    deviation: Array
    vectors: Array
    places: Array
    place_weight: float = 0.0
    axes: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Raw features (n, C) float32, their places (n, 2) float32, and which of them count, (n,) bool; None: all."""

    features: Array
    places: Array
    counts: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.features)

    def counted(self) -> Cells:
        """Those that count."""
        return self if self.counts is None else self.chosen(np.flatnonzero(self.counts))

    def chosen(self, rows: NDArray[np.int64]) -> Cells:
        return Cells(self.features[rows], self.places[rows])


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """A whole grid in half the memory.

    Attributes:
        halves: (n, C) float16, features about those of the first picture and over their deviation: rounding then
            moves none of them by more than a thousandth of what tells good parts apart.
        about: (2, C) float32, that mean and that deviation.
    """

    halves: NDArray[np.float16]
    about: Array
    places: Array
    counts: NDArray[np.bool_] | None

    @property
    def nbytes(self) -> int:
        return self.halves.nbytes + self.places.nbytes + (0 if self.counts is None else self.counts.nbytes)

    def rows(self) -> NDArray[np.int64]:
        """Numbers of the cells that count."""
        return np.arange(len(self.halves)) if self.counts is None else np.flatnonzero(self.counts)

    def cells(self, rows: NDArray[np.int64]) -> Cells:
        return Cells(self._features(self.halves[rows]), self.places[rows])

    def whole(self) -> Cells:
        return Cells(self._features(self.halves), self.places, self.counts)

    def _features(self, halves: NDArray[np.float16]) -> Array:
        features = halves.astype(np.float32)
        features *= self.about[1]
        features += self.about[0]
        return features


_HALF = 60_000.0  # the largest number a float16 holds is 65,504


def _spread_of(cells: Cells) -> Array:
    """(2, C) float32: mean and deviation of features; no deviation is 0, nor a thousandth of the typical one."""
    mean = cells.features.mean(axis=0, dtype=np.float64)
    deviation = cells.features.std(axis=0, dtype=np.float64)
    least = max(1e-3 * float(np.sqrt(np.mean(deviation**2))), 1e-12)
    return np.stack([mean, np.maximum(deviation, least)]).astype(np.float32)


def _packed(cells: Cells, about: Array) -> _Packed:
    halves = ((cells.features - about[0]) / about[1]).clip(-_HALF, _HALF).astype(np.float16)
    return _Packed(halves, about, cells.places, cells.counts)


class Gathered:
    """Features of all training pictures in all views, within a bound of memory.

    Whole grids of an evenly spaced part of the pictures are kept, so that these can be judged by banks that have
    not seen them; of the others a coreset stays. The same pictures in the same order give the same.
    """

    def __init__(self, views: int, kept_bytes: int = KEPT_BYTES, seed: int = 0) -> None:
        self._bytes, self._rng = kept_bytes, np.random.default_rng(seed)
        self._every, self._size, self._count = 1, 0, 0
        self._kept: dict[int, tuple[_Packed, ...]] = {}
        self._about: tuple[Array, ...] = ()
        self._rest: list[list[Cells]] = [[] for _ in range(views)]
        self._in_rest = [0] * views

    @property
    def kept(self) -> tuple[int, ...]:
        """Numbers of the pictures whose whole grids are there."""
        return tuple(self._kept)

    def __len__(self) -> int:
        return self._count

    @property
    def held_bytes(self) -> int:
        """Of all features and places held now."""
        rest = sum(part.features.nbytes + part.places.nbytes for view in self._rest for part in view)
        return self._size + rest

    def add(self, views: Sequence[Cells]) -> None:
        """The next picture: its cells in each view."""
        number, self._count = self._count, self._count + 1
        if number % self._every:
            self._let_go(views)
            return
        self._about = self._about or tuple(map(_spread_of, views))
        packed = tuple(map(_packed, views, self._about))
        self._kept[number] = packed
        self._size += sum(each.nbytes for each in packed)
        while self._size > self._bytes and len(self._kept) > _MORE_THAN:
            self._every *= 2
            for old in [key for key in self._kept if key % self._every]:
                gone = self._kept.pop(old)
                self._size -= sum(each.nbytes for each in gone)
                self._let_go([each.whole() for each in gone])

    def cells(self, view: int, number: int) -> Cells:
        """The whole grid of a kept picture."""
        return self._kept[number][view].whole()

    def count_only(self, view: int, cells: NDArray[np.bool_]) -> None:
        """Leaves out, in all kept pictures, whose grids are alike, the cells that are False in (rows * columns,)."""
        for number, grids in self._kept.items():
            own = grids[view]
            counts = cells if own.counts is None else own.counts & cells
            self._kept[number] = (*grids[:view], replace(own, counts=counts), *grids[view + 1 :])

    def bank(
        self, view: int, without: Iterable[int], size: int, place_weight: float, rng: np.random.Generator, check: Check
    ) -> MemoryBank:
        """The memory bank of all pictures but the kept ones in `without`."""
        left_out = set(without)
        grids = [grids[view] for number, grids in self._kept.items() if number not in left_out]
        each = max(1, _CANDIDATES // max(1, len(grids)))
        parts = []
        for grid in grids:
            rows = grid.rows()
            if len(rows) > each:
                rows = rows[rng.choice(len(rows), each, replace=False)]
            parts.append(grid.cells(rows))
        return make_bank(_joined([*parts, *self._rest[view]]), size, place_weight, rng, check)

    def _let_go(self, views: Sequence[Cells]) -> None:
        for place, whole in enumerate(views):
            cells = whole.counted()
            # More than the buffer holds never comes from one picture, however large.
            cells = (
                cells
                if len(cells) <= _BUFFERED // 2
                else cells.chosen(self._rng.choice(len(cells), _BUFFERED // 2, replace=False))
            )
            rest = self._rest[place]
            rest.append(cells)
            self._in_rest[place] += len(cells)
            if self._in_rest[place] > _BUFFERED:
                pool = _joined(rest)
                deviation = np.maximum(pool.features.std(axis=0, dtype=np.float64), 1e-3).astype(np.float32)
                rest[:] = [pool.chosen(greedy_coreset(pool.features / deviation, _REDUCED, self._rng))]
                self._in_rest[place] = len(rest[0])


def make_bank(cells: Cells, size: int, place_weight: float, rng: np.random.Generator, check: Check) -> MemoryBank:
    """A bank of at most `size` features that stand for all `cells`."""
    mean = cells.features.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = np.maximum(cells.features.std(axis=0, dtype=np.float64), 1e-3).astype(np.float32)
    standard = (cells.features - mean) / deviation
    beside = cells.places * np.float32(place_weight * np.sqrt(standard.shape[1])) if place_weight else None
    axes = _axes(standard)
    rows = greedy_coreset(standard, size, rng, check, beside)
    # Half precision halves the model file; the rounded numbers are what trainer and station both judge with.
    chosen = standard[rows] if axes is None else standard[rows] @ axes
    vectors = chosen.clip(-60_000, 60_000).astype(np.float16).astype(np.float32)
    return MemoryBank(mean, deviation, np.ascontiguousarray(vectors), cells.places[rows], place_weight, axes)


def _axes(standard: Array) -> Array | None:
    """(C, D) float32: the principal components of (n, C) standardised features; None where they are few anyway."""
    if standard.shape[1] <= AXES:
        return None
    # Not every n-th: that would take the same cells of every picture.
    some = np.random.default_rng(0).choice(len(standard), min(len(standard), _AXES_FROM), replace=False)
    used = standard[np.sort(some)]
    _, components = np.linalg.eigh((used.T @ used).astype(np.float64))  # in rising order of their share
    return np.ascontiguousarray(components[:, : -AXES - 1 : -1].astype(np.float32))


def _joined(parts: Sequence[Cells]) -> Cells:
    return Cells(np.concatenate([part.features for part in parts]), np.concatenate([part.places for part in parts]))
