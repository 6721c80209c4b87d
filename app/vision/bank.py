"""The memory of good parts: which features are kept, and how they are gathered from any number of pictures.

PatchCore's memory bank (Roth et al. 2022, arXiv 2106.08265): a greedy coreset of standardised features. With
many pictures the candidates are themselves reduced as they come in (merge and reduce: Har-Peled & Mazumdar
2004, "On coresets for k-means and k-median clustering"), so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.vision.coreset import greedy_coreset

Array = NDArray[np.float32]
Check = Callable[[], None]

KEPT_BYTES = 320 << 20
"""Whole feature grids kept in memory for testing on pictures not yet seen; beyond it every second is let go."""

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


class Gathered:
    """Features of all training pictures in all views, within a bound of memory.

    Whole grids of an evenly spaced part of the pictures are kept, so that these can be judged by banks that have
    not seen them; of the others a coreset stays. The same pictures in the same order give the same.
    """

    def __init__(self, views: int, kept_bytes: int = KEPT_BYTES, seed: int = 0) -> None:
        self._bytes, self._rng = kept_bytes, np.random.default_rng(seed)
        self._every, self._size, self._count = 1, 0, 0
        self._kept: dict[int, tuple[Cells, ...]] = {}
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
        self._kept[number] = tuple(views)
        self._size += sum(each.features.nbytes + each.places.nbytes for each in views)
        while self._size > self._bytes and len(self._kept) > 16:
            self._every *= 2
            for old in [key for key in self._kept if key % self._every]:
                gone = self._kept.pop(old)
                self._size -= sum(each.features.nbytes + each.places.nbytes for each in gone)
                self._let_go(gone)

    def cells(self, view: int, number: int) -> Cells:
        """The whole grid of a kept picture."""
        return self._kept[number][view]

    def count_only(self, view: int, cells: NDArray[np.bool_]) -> None:
        """Leaves out, in all kept pictures, whose grids are alike, the cells that are False in (rows * columns,)."""
        for number, grids in self._kept.items():
            own = grids[view]
            counts = cells if own.counts is None else own.counts & cells
            self._kept[number] = (*grids[:view], Cells(own.features, own.places, counts), *grids[view + 1 :])

    def bank(
        self, view: int, without: Iterable[int], size: int, place_weight: float, rng: np.random.Generator, check: Check
    ) -> MemoryBank:
        """The memory bank of all pictures but the kept ones in `without`."""
        left_out = set(without)
        parts = [cells[view].counted() for number, cells in self._kept.items() if number not in left_out]
        each = max(1, _CANDIDATES // max(1, len(parts)))
        parts = [
            part if len(part) <= each else part.chosen(rng.choice(len(part), each, replace=False)) for part in parts
        ]
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
