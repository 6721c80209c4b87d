"""Broad patches on brushed or ground surfaces: whole strips across the grain, compared with those of good parts.

A patch that is a little too bright or too coarse over a third of the picture is nowhere unlike good parts in one cell;
the mean of all cells level with it is (strip pooling: Hou, Zhang, Cheng & Feng 2020, arXiv 2003.13328). That goes for
strips across the grain, which hold many of its lines; a strip along the grain holds one, and is as odd as that line. So
it is done where surfaces are plain and have a grain, and the grain tells whether rows or columns of the grid are meant.

This says what is likelier where the views are not sure: it makes no score and moves no region. Where labelled defects
have taught a head, that one tells better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import ModelError
from app.vision.bank import Cells, Gathered, MemoryBank, make_bank
from app.vision.parts import Arrays, Described, taken

Array = NDArray[np.float32]

SIZE = 1000
"""Strips that are remembered."""

_HIGHEST = 2  # strips of a picture that its own value is the mean of
_SMOOTHED = 0.7  # cells
_SURE = np.float32(0.96)  # of the limit: from there on the views alone tell
_MOST = 200_000

_BLOCKS = 4  # a side, for `same_everywhere`
_PADDED = 2  # cells at the rim, whose features see the canvas's padding
_PLAIN = 0.25  # up to such a share a surface is plain; measured: 0.1 on plain ones, from 0.5 on parts
_GRAIN = 1.2  # from such a ratio on there is a grain; measured: 1.4 on ground metal, 1.06 on cookies


class StripsDescription(Described):
    """Fields as in `Strips`; `vectors` and `axes` as in a view."""

    rows: bool
    limit: float = Field(gt=0, le=1e6)
    vectors: int = Field(ge=1, le=_MOST)
    axes: int | None = Field(default=None, ge=1, le=1 << 16)


@dataclass(frozen=True, slots=True, eq=False)
class Strips:
    """What strips of good surfaces look like; any thread may ask.

    Attributes:
        rows: strips are rows of the grid, since the grain runs down; else columns.
        bank: of the means over strips.
        limit: of distances to it, from good parts not yet seen.
    """

    rows: bool
    bank: MemoryBank
    limit: float

    def joined(self, heat: Array, features: Array, limit: float) -> Array:
        """A heat map with what strips tell where it stays well below `limit`, from which on regions are drawn: what
        comes near that is left as it is, and nothing else gets there.

        Args:
            heat: (h, w) float32.
            features: (rows, columns, C) float32 over the same area.
        """
        sure = _SURE * np.float32(limit)
        likelier = (heat + self.over_limit(features, heat.shape)) * np.float32(0.5)
        return np.asarray(np.where(heat >= sure, heat, np.minimum(sure, likelier)), np.float32)

    def over_limit(self, features: Array, shape: tuple[int, ...]) -> Array:
        """(rows, columns) = shape float32; about 1 is where good surfaces end."""
        over = _distances(self.bank, _means(features, self.rows)) / np.float32(self.limit)
        line = np.ascontiguousarray(over[:, None] if self.rows else over[None, :])
        line = cv2.GaussianBlur(line, (0, 0), _SMOOTHED, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(line, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

    def to_parts(self) -> tuple[StripsDescription, Arrays]:
        """The description and the arrays `vectors` (float16), `mean`, `deviation` and, where it has some, `axes`."""
        bank = self.bank
        arrays: Arrays = {
            "vectors": bank.vectors.astype(np.float16),
            "mean": bank.mean,
            "deviation": bank.deviation,
        }
        if bank.axes is not None:
            arrays["axes"] = bank.axes
        axes = None if bank.axes is None else bank.axes.shape[1]
        described = StripsDescription(rows=self.rows, limit=self.limit, vectors=len(bank.vectors), axes=axes)
        return described, arrays

    @classmethod
    def from_parts(cls, description: StripsDescription, arrays: Mapping[str, NDArray[Any]], channels: int) -> Strips:
        """The reverse of `to_parts`.

        Raises:
            ModelError: something is missing or does not fit.
        """
        along = description.axes or channels
        axes = None if description.axes is None else taken(arrays, "axes", (channels, along), np.float32)
        vectors = taken(arrays, "vectors", (description.vectors, along), np.float16).astype(np.float32)
        mean, deviation = (taken(arrays, name, (channels,), np.float32) for name in ("mean", "deviation"))
        if not (deviation > 0).all():
            raise ModelError("its array 'deviation' of strips must be positive")
        return cls(description.rows, _bank(mean, deviation, vectors, axes), description.limit)


def learn_strips(
    gathered: Gathered,
    view: int,
    shapes: Mapping[int, tuple[int, int]],
    folds: Sequence[Sequence[int]],
    limit: Callable[[Sequence[float]], float],
    seed: int,
    check: Callable[[], None],
) -> Strips | None:
    """Learns from the kept pictures; None where they show no plain surface with a grain, or something of them does not
    count.

    Args:
        view: whose grids; `shapes` their (rows, columns) by the pictures' numbers.
        folds: numbers of the pictures, each of which is tested by what the others say.
        limit: the limit from the values of good parts not yet seen.
        check: called now and then; raises to stop.
    """
    rows, columns, blocks, ratios = {}, {}, [], []
    for number in gathered.kept:
        check()
        cells = gathered.cells(view, number)
        if cells.counts is not None or min(shapes[number]) < _BLOCKS + 2 * _PADDED:
            return None
        grid = cells.features.reshape(*shapes[number], -1)
        rows[number], columns[number] = _means(grid, True), _means(grid, False)
        blocks.append(_blocks(grid))
        ratios.append(grain(grid))
    ratio = float(np.exp(np.mean(np.log(ratios))))
    if same_everywhere(np.stack(blocks)) > _PLAIN or 1 / _GRAIN < ratio < _GRAIN:
        return None
    means = rows if ratio > 1 else columns

    def bank(without: Sequence[int]) -> MemoryBank:
        features = np.concatenate([each for number, each in means.items() if number not in without])
        nowhere = np.zeros((len(features), 2), np.float32)
        return make_bank(Cells(features, nowhere), SIZE, 0.0, np.random.default_rng(seed), check)

    values = []
    for fold in folds:
        others = bank(fold)
        values += [float(np.sort(_distances(others, means[number]))[-_HIGHEST:].mean()) for number in fold]
    return Strips(ratio > 1, bank(()), limit(values))


def same_everywhere(blocks: Array) -> float:
    """How much of what differs within pictures is at its place in all of them, about 0 to 1: a part has a shape, a
    plain surface has none.

    Args:
        blocks: (n, h, w, C) float32 features of n pictures, at least 2.
    """
    own = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    own = own / np.maximum(own.std(axis=(0, 1, 2)), 1e-6)
    all_of_it, shared = float(np.mean(own**2)), float(np.mean(own.mean(axis=0) ** 2))
    by_chance = all_of_it / len(own)
    return (shared - by_chance) / max(all_of_it - by_chance, 1e-9)


def grain(grid: Array) -> float:
    """By how much cells of (h, w, C) differ more from those beside them than from those above: over 1 where the grain
    runs down."""
    beside, below = float(np.mean(np.diff(grid, axis=1) ** 2)), float(np.mean(np.diff(grid, axis=0) ** 2))
    return max(beside, 1e-12) / max(below, 1e-12)


def _blocks(grid: Array) -> Array:
    """(h, w, C) -> (4, 4, C), means; without the rim."""
    inner = grid[_PADDED:-_PADDED, _PADDED:-_PADDED]
    for axis in (0, 1):
        parts = np.array_split(inner, _BLOCKS, axis=axis)
        inner = np.stack([part.mean(axis=axis) for part in parts], axis=axis)
    return inner


def _means(features: Array, rows: bool) -> Array:
    """(rows, columns, C) -> (strips, C)."""
    return np.asarray(features.mean(axis=1 if rows else 0), np.float32)


def _distances(bank: MemoryBank, features: Array) -> Array:
    """(n, C) float32 -> (n,) float32, root mean square a channel to the nearest remembered."""
    standard = (features - bank.mean) / bank.deviation
    along = standard if bank.axes is None else standard @ bank.axes
    squares = np.einsum("ij,ij->i", bank.vectors, bank.vectors)
    nearest = (squares - 2 * (along @ bank.vectors.T)).min(axis=1) + np.einsum("ij,ij->i", standard, standard)
    return np.asarray(np.sqrt(np.maximum(nearest, 0) / len(bank.mean)), np.float32)


def _bank(mean: Array, deviation: Array, vectors: Array, axes: Array | None) -> MemoryBank:
    """Of strips, which have no place."""
    return MemoryBank(mean, deviation, vectors, np.zeros((len(vectors), 2), np.float32), 0.0, axes)
