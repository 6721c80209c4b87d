"""Finding pictures that look alike among very many, without comparing each with each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.datasets.likeness import DISTANCE, SIDE, TOLERANCE, Hashes

Indices = NDArray[np.int64]

_BITS = 64
_BLOCK = 1 << 19
_CROWDED = 50_000_000
"""Candidates from which on it is quicker to compare each picture with those that are kept."""
_ROWS, _COLUMNS = 256, 4096


@dataclass(frozen=True, slots=True)
class Twin:
    """A picture that looks like an earlier one.

    Attributes:
        index: its place in the list.
        of: the earlier one's, which is itself no twin.
        distance: bits in which their hashes differ.
    """

    index: int
    of: int
    distance: int


def twins(
    hashes: Sequence[int] | Hashes,
    thumbnails: NDArray[np.uint8] | None = None,
    distance: int = DISTANCE,
    tolerance: int = TOLERANCE,
    step: Callable[[float, str], None] | None = None,
) -> list[Twin]:
    """Who looks like whom: each picture that looks like an earlier one that is kept, beside such a one (the nearest
    by hash, but among crowds of hashes that are all alike just one).

    A twin is always of one that is kept, so that a chain of small steps from picture to picture makes no single group
    of them all.

    Args:
        hashes: (N,) as `look_of` gives them.
        thumbnails: (N, 32, 32) uint8, which have to agree within `tolerance` grey levels; None: hashes decide alone.
        distance: bits in which hashes of one picture may differ.
        step: told of the progress; may raise Cancelled.
    """
    looks = _Looks(np.asarray(hashes, np.uint64), thumbnails, distance, tolerance)
    tell = step or (lambda fraction, words: None)
    tables = _Tables(looks.hashes, distance)
    if tables.candidates() > _CROWDED:
        return _by_scan(looks, tell)
    return _by_pairs(looks, tables, tell)


def pairs(hashes: Sequence[int] | Hashes, distance: int) -> Indices:
    """Every pair of hashes within `distance` bits: (P, 2) places, the smaller first, sorted.

    For hashes that are mostly different: of N that are all alike there are N * N / 2 pairs.
    """
    looks = _Looks(np.asarray(hashes, np.uint64), None, distance, 0)
    return _pairs(looks, _Tables(looks.hashes, distance), lambda fraction, words: None)


class _Looks:
    """The pictures, and the comparison of many pairs at once."""

    def __init__(self, hashes: Hashes, thumbnails: NDArray[np.uint8] | None, distance: int, tolerance: int) -> None:
        self.hashes, self._distance, self._tolerance = hashes, distance, tolerance
        self._fine = self._coarse = None
        if thumbnails is not None:
            cells = thumbnails.reshape(len(hashes), 8, SIDE // 8, 8, SIDE // 8)
            self._fine = thumbnails.reshape(len(hashes), SIDE * SIDE)
            # Means differ by no more than what they are means of: an eighth of the side settles most pairs.
            self._coarse = cells.mean(axis=(2, 4)).reshape(len(hashes), 64).astype(np.int16)

    def __len__(self) -> int:
        return len(self.hashes)

    def near(self, one: Indices, other: Indices) -> tuple[Indices, Indices]:
        """Places in both of all pairs whose hashes are near."""
        differing = self.hashes[one][:, None] ^ self.hashes[other][None]
        row, column = np.nonzero(np.bitwise_count(differing) <= self._distance)
        return row, column

    def far(self, one: Indices, other: Indices) -> NDArray[np.uint8]:
        """Bits in which pairs differ."""
        return np.asarray(np.bitwise_count(self.hashes[one] ^ self.hashes[other]), np.uint8)

    def same(self, one: Indices, other: Indices) -> tuple[Indices, Indices]:
        """Those of the pairs that look alike."""
        near = self.far(one, other) <= self._distance
        one, other = one[near], other[near]
        if self._fine is None or self._coarse is None:
            return one, other
        kept: list[tuple[Indices, Indices]] = [(one[:0], other[:0])]
        for begin in range(0, len(one), _BLOCK):
            left, right = one[begin : begin + _BLOCK], other[begin : begin + _BLOCK]
            rough = np.abs(self._coarse[left] - self._coarse[right]).max(axis=1) <= self._tolerance + 1
            left, right = left[rough], right[rough]
            for start in range(0, len(left), _BLOCK // 32):
                a, b = left[start : start + _BLOCK // 32], right[start : start + _BLOCK // 32]
                fine, other_fine = self._fine[a], self._fine[b]
                difference = np.maximum(fine, other_fine) - np.minimum(fine, other_fine)
                exact = difference.max(axis=1) <= self._tolerance
                kept.append((a[exact], b[exact]))
        return np.concatenate([a for a, _ in kept]), np.concatenate([b for _, b in kept])


class _Tables:
    """Multi-index hashing (Norouzi, Punjani and Fleet, 2012): of d + 2 bands of bits, two hashes that differ in d bits
    agree in two, so that only those have to be compared whose bits are equal in some two bands."""

    def __init__(self, hashes: Hashes, distance: int) -> None:
        count = min(max(distance, 0) + 2, _BITS)
        bands = [range(start, _BITS, count) for start in range(count)]
        self._orders: list[Indices] = []
        self._new: list[NDArray[np.bool_]] = []
        for chosen in itertools.combinations(bands, 2):
            keys = _packed(hashes, [bit for band in chosen for bit in band])
            order = np.argsort(keys, kind="stable")
            ordered = keys[order]
            self._orders.append(order)
            self._new.append(np.concatenate([ordered[:1] == ordered[:1], ordered[1:] != ordered[:-1]]))

    def candidates(self) -> int:
        """How many pairs there are to compare."""
        total = 0
        for new in self._new:
            sizes = np.diff(np.flatnonzero(np.append(new, True)))
            total += int((sizes * (sizes - 1) // 2).sum())
        return total

    def __iter__(self) -> Iterator[tuple[float, Indices, Indices]]:
        """How far it is, and pairs."""
        for number, (order, new) in enumerate(zip(self._orders, self._new, strict=True)):
            bucket = np.cumsum(new)
            places = np.arange(len(order))
            ahead = 1
            while len(places):
                places = places[places + ahead < len(order)]
                places = places[bucket[places] == bucket[places + ahead]]
                # Within a bucket the order is that of the list: the first is the earlier one.
                yield number / len(self._orders), order[places], order[places + ahead]
                ahead += 1


def _packed(hashes: Hashes, bits: Sequence[int]) -> NDArray[np.uint64]:
    """The given bits side by side."""
    found = np.zeros(len(hashes), np.uint64)
    for bit in bits:
        found = found << np.uint64(1) | (hashes >> np.uint64(bit) & np.uint64(1))
    return found


def _pairs(looks: _Looks, tables: _Tables, tell: Callable[[float, str], None]) -> Indices:
    codes = [np.zeros(0, np.int64)]
    for fraction, one, other in tables:
        tell(fraction, "Comparing pictures")
        one, other = looks.same(one, other)
        codes.append(one * len(looks) + other)
    found = np.unique(np.concatenate(codes))
    return np.stack([found // max(len(looks), 1), found % max(len(looks), 1)], axis=1)


def _by_pairs(looks: _Looks, tables: _Tables, tell: Callable[[float, str], None]) -> list[Twin]:
    found = _pairs(looks, tables, tell)
    return _told(looks, _chosen(looks, found[:, 1], found[:, 0], {}))


def _by_scan(looks: _Looks, tell: Callable[[float, str], None]) -> list[Twin]:
    """For crowds: each picture is compared with those kept so far."""
    of: dict[int, int] = {}
    kept = np.zeros(len(looks), np.int64)
    count = 0
    for begin in range(0, len(looks), _ROWS):
        tell(begin / len(looks), "Comparing pictures")
        rows = np.arange(begin, min(begin + _ROWS, len(looks)))
        later, earlier = [rows[:0]], [rows[:0]]
        for part in range(0, count, _COLUMNS):
            some = kept[part : min(part + _COLUMNS, count)]
            row, column = looks.near(rows, some)
            row, column = looks.same(rows[row], some[column])
            later.append(row)
            earlier.append(column)
        of = _chosen(looks, np.concatenate(later), np.concatenate(earlier), of)
        rest = np.array([row for row in rows.tolist() if row not in of], np.int64)
        low, high = np.triu_indices(len(rest), 1)
        one, other = looks.same(rest[low], rest[high])
        of = _chosen(looks, other, one, of)
        rest = np.array([row for row in rest.tolist() if row not in of], np.int64)
        kept[count : count + len(rest)] = rest
        count += len(rest)
    return _told(looks, of)


def _chosen(looks: _Looks, later: Indices, earlier: Indices, of: dict[int, int]) -> dict[int, int]:
    """`of` with those added that look like an earlier one that is kept, the nearest first."""
    order = np.lexsort((earlier, looks.far(later, earlier), later))
    for row, other in zip(later[order].tolist(), earlier[order].tolist(), strict=True):
        if row not in of and other not in of:
            of[row] = other
    return of


def _told(looks: _Looks, of: dict[int, int]) -> list[Twin]:
    pairs_of = sorted(of.items())
    far = looks.far(np.array([row for row, _ in pairs_of], int), np.array([one for _, one in pairs_of], int))
    return [Twin(row, one, distance) for (row, one), distance in zip(pairs_of, far.tolist(), strict=True)]
