"""The defect head: names and outlines the kinds of defects that were labelled.

Per cell of the fine grid a linear model in the network's features (the cell, its surroundings, the coarse view)
and in the logarithms of the memory bank's distances gives log-odds: one column for "a defect, whichever" and one
for each kind. Surroundings are the 3 x 3 cells, and the whole row and the whole column of the grid (strip pooling:
Hou, Zhang, Cheng & Feng 2020, arXiv 2003.13328): whether a broad patch is too bright shows only beside the rest of
the picture, and less in the patch itself than in what lies level with it. Being linear all of it costs five matrix
products, and is averaged after them, where there are few channels. How it is learned:
`app/vision/head_training.py`; how its word and the bank's are joined to one score: `app/vision/head_fusion.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import ModelError
from app.vision.parts import Arrays, Described, taken

Array = NDArray[np.float32]

MAX_KINDS = 64
_MAX_CHANNELS = 8192
_MAX_NAME = 200
SURROUNDINGS = 3
"""Of a cell: its 3 x 3 cells, its row, its column."""
_BANK_COLUMNS = 3  # log distance of the cell, of its surroundings, of the coarse view
FLOOR = 0.05
"""Added to distances over their median before the logarithm: a remembered feature has distance 0."""

TOP = 0.02
_FEWEST = 2
"""A picture's log-odds are the mean of its highest fiftieth of cells, of two at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the views saw of a picture.

    Attributes:
        fine: (h, w, C) float32 features.
        distances: (h, w) float32, of the fine features to the memory bank. For a picture the bank learned from:
            by a bank that has not seen it.
        coarse: (h2, w2, C2) float32 features of the coarse view, or None where the model has none.
        coarse_distances: (h2, w2) float32, or None.
    """

    fine: Array
    distances: Array
    coarse: Array | None = None
    coarse_distances: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A picture of a defect.

    Attributes:
        kind: the defect's type; "" where nobody named it.
        areas: type -> (h, w) float32, share of each fine cell that the mask covers, 0 to 1. Empty where only the
            picture was labelled, or the mask holds nothing.
    """

    evidence: Evidence
    kind: str = ""
    areas: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class HeadMaps:
    """What the head says of a picture, in natural log-odds (defects as frequent as good cells).

    Attributes:
        alarm: (h, w) float32, a defect of whichever kind: for the picture's score.
        kinds: (T, h, w) float32, each kind against good: for outline and name.
    """

    alarm: Array
    kinds: Array

    @property
    def outline(self) -> Array:
        """(h, w) float32: log-odds of any kind against good."""
        highest = self.kinds.max(axis=0)
        return np.asarray(highest + np.log(np.exp(self.kinds - highest).sum(axis=0)), np.float32)

    def scores(self, counts: NDArray[np.bool_] | None = None) -> tuple[float, float]:
        """The picture's log-odds by alarm and by outline: what `Fusion` takes. Of the cells (h, w) that count."""
        return pooled(self.alarm, counts), pooled(self.outline, counts)


Name = Annotated[str, Field(max_length=_MAX_NAME)]


class HeadDescription(Described):
    """The head in a model file.

    Attributes:
        surroundings: how many of them it was learned with; 1 in older files: the 3 x 3 cells only.
    """

    kinds: list[Name] = Field(min_length=1, max_length=MAX_KINDS)
    fine: int = Field(ge=1, le=_MAX_CHANNELS)
    surroundings: Literal[1, 3] = 1
    coarse: int = Field(ge=0, le=_MAX_CHANNELS)


@dataclass(frozen=True, slots=True, eq=False)
class DefectHead:
    """Learned from labelled defects; any thread may ask.

    Attributes:
        kinds: types in the order of the maps; "" stands for defects nobody named.
        fine: (C, 1 + T) float32 weights of a cell's features.
        surroundings: (3 C, 1 + T) float32 of their means over 3 x 3 cells, over the row and over the column.
        coarse: (C2, 1 + T) float32; C2 is 0 without a coarse view.
        bank: (3, 1 + T) float32 weights of log distances.
        bias: (1 + T,) float32.
        usual: (2,) float32, median distances of good parts, fine and coarse.
        naming: (T,) float32, added to the kinds' log-odds for the name only: large defects must not outvote small.
    """

    kinds: tuple[str, ...]
    fine: Array
    surroundings: Array
    coarse: Array
    bank: Array
    bias: Array
    usual: Array
    naming: Array

    def maps(self, evidence: Evidence, counts: NDArray[np.bool_] | None = None) -> HeadMaps:
        """The head's log-odds at the fine grid.

        Args:
            counts: (h, w), True for the cells that means over surroundings, row and column are taken of; None: all.

        Raises:
            ValueError: the evidence has other channels or views than the head was trained with.
        """
        self._check(evidence)
        rows, columns, channels = evidence.fine.shape
        count = len(self.kinds) + 1
        fine = evidence.fine.reshape(-1, channels)
        near, row, column = np.split(self.surroundings, SURROUNDINGS)
        log_fine, log_near, log_coarse = bank_logs(evidence, self.usual)
        odds = (fine @ self.fine).reshape(rows, columns, count) + self.bias
        odds += averaged_of((fine @ near).reshape(rows, columns, count), counts)
        for weights, mean in zip((row, column), strips(evidence.fine, counts), strict=True):
            odds += mean @ weights
        odds += log_fine[..., None] * self.bank[0] + log_near[..., None] * self.bank[1]
        if evidence.coarse is None:
            odds += log_near[..., None] * self.bank[2]
        else:
            wide = evidence.coarse @ self.coarse + log_coarse[..., None] * self.bank[2]
            odds += enlarged(wide, rows, columns)
        odds = np.ascontiguousarray(odds.transpose(2, 0, 1), np.float32)
        return HeadMaps(odds[0], odds[1:])

    def named(self, maps: HeadMaps) -> str:
        """The type that the picture shows most of."""
        return self.kinds[int(np.argmax([pooled(each) for each in maps.kinds] + self.naming))]

    def _check(self, evidence: Evidence) -> None:
        coarse = 0 if evidence.coarse is None else evidence.coarse.shape[2]
        if evidence.fine.shape[2] != len(self.fine) or coarse != len(self.coarse):
            raise ValueError(
                f"The defect head was trained on {len(self.fine)} fine and {len(self.coarse)} coarse features, this "
                f"picture has {evidence.fine.shape[2]} and {coarse}. Train the model again with these views."
            )

    def to_parts(self) -> tuple[HeadDescription, Arrays]:
        description = HeadDescription(
            kinds=list(self.kinds), fine=len(self.fine), surroundings=SURROUNDINGS, coarse=len(self.coarse)
        )
        arrays: Arrays = {
            "fine": self.fine,
            "surroundings": self.surroundings,
            "bank": self.bank,
            "bias": self.bias,
            "usual": self.usual,
            "naming": self.naming,
        }
        if len(self.coarse):
            arrays["coarse"] = self.coarse
        return description, arrays

    @classmethod
    def from_parts(cls, description: HeadDescription, arrays: Arrays) -> DefectHead:
        """Raises ModelError: an array is missing, of another shape, or a number cannot be."""
        if len(set(description.kinds)) != len(description.kinds):
            raise ModelError("its defect head names a type twice")
        count = len(description.kinds) + 1

        def take(name: str, *shape: int) -> Array:
            array: Array = taken(arrays, name, shape, np.float32)
            return array

        usual = take("usual", 2)
        if not (usual > 0).all():
            raise ModelError("its defect head's usual distances are not above zero")
        coarse = take("coarse", description.coarse, count) if description.coarse else np.zeros((0, count), np.float32)
        surroundings = take("surroundings", description.surroundings * description.fine, count)
        missing = (SURROUNDINGS - description.surroundings) * description.fine
        return cls(
            kinds=tuple(description.kinds),
            fine=take("fine", description.fine, count),
            surroundings=np.concatenate([surroundings, np.zeros((missing, count), np.float32)]),
            coarse=coarse,
            bank=take("bank", _BANK_COLUMNS, count),
            bias=take("bias", count),
            usual=usual,
            naming=take("naming", count - 1),
        )


def cell_features(evidence: Evidence, usual: Array) -> Array:
    """(h * w, D) float32: what a cell's log-odds are linear in, in the order fine, surroundings, coarse, bank."""
    rows, columns = evidence.fine.shape[:2]
    row, column = (np.broadcast_to(mean, evidence.fine.shape) for mean in strips(evidence.fine))
    parts = [evidence.fine, averaged(evidence.fine), row, column]
    if evidence.coarse is not None:
        parts.append(enlarged(evidence.coarse, rows, columns))
    parts.append(bank_columns(evidence, usual))
    return np.concatenate(parts, axis=2, dtype=np.float32).reshape(rows * columns, -1)


def bank_columns(evidence: Evidence, usual: Array) -> Array:
    """(h, w, 3) float32 log distances: the cell's, its surroundings', the coarse view's."""
    fine, near, coarse = bank_logs(evidence, usual)
    if evidence.coarse is not None:
        coarse = enlarged(coarse[..., None], *fine.shape)[..., 0]
    return np.stack([fine, near, coarse], axis=2)


def bank_logs(evidence: Evidence, usual: Array) -> tuple[Array, Array, Array]:
    """Logarithms of distances over the usual ones, float32: fine (h, w), averaged over surroundings (h, w) and
    coarse (h2, w2), for which the second stands in without a coarse view."""
    near = averaged(averaged(evidence.distances[..., None]))[..., 0]
    logs = [np.log(each / usual[0] + np.float32(FLOOR)) for each in (evidence.distances, near)]
    if evidence.coarse_distances is None:
        return logs[0], logs[1], logs[1]
    return logs[0], logs[1], np.log(evidence.coarse_distances / usual[1] + np.float32(FLOOR))


def pooled(odds: Array, counts: NDArray[np.bool_] | None = None) -> float:
    """A picture's log-odds from its cells', or from those that count."""
    flat = odds.ravel() if counts is None else odds[counts]
    count = min(top_count(odds.size), flat.size)
    return float(np.partition(flat, flat.size - count)[flat.size - count :].mean(dtype=np.float64))


def top_count(cells: int) -> int:
    """How many cells a picture's log-odds are the mean of."""
    return min(cells, max(_FEWEST, round(TOP * cells)))


def averaged(grid: Array) -> Array:
    """(h, w, C) float32 -> mean over 3 x 3 cells; beyond the edge the outermost cells repeat."""
    rows, columns = grid.shape[:2]
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = padded[:rows] + padded[1 : rows + 1] + padded[2:]
    across = down[:, :columns] + down[:, 1 : columns + 1] + down[:, 2:]
    return np.asarray(across * np.float32(1 / 9), np.float32)


def averaged_of(grid: Array, counts: NDArray[np.bool_] | None) -> Array:
    """Like `averaged`, of the cells that count; where none around does, of all."""
    if counts is None or counts.all():
        return averaged(grid)
    weights = averaged(counts.astype(np.float32)[..., None])
    of_some = averaged(grid * counts[..., None]) / np.maximum(weights, np.float32(1e-6))
    return np.asarray(np.where(weights > 0, of_some, averaged(grid)), np.float32)


def strips(grid: Array, counts: NDArray[np.bool_] | None = None) -> tuple[Array, Array]:
    """(h, w, C) float32 -> means over each row, (h, 1, C), and over each column, (1, w, C); of the cells that count,
    where any does."""
    row, column = grid.mean(axis=1, keepdims=True), grid.mean(axis=0, keepdims=True)
    if counts is None or counts.all():
        return row, column
    weights = counts.astype(np.float32)[..., None]
    found = []
    for axis, mean in ((1, row), (0, column)):
        total = weights.sum(axis=axis, keepdims=True)
        found.append(np.where(total > 0, (grid * weights).sum(axis=axis, keepdims=True) / np.maximum(total, 1), mean))
    return np.asarray(found[0], np.float32), np.asarray(found[1], np.float32)


def enlarged(grid: Array, rows: int, columns: int) -> Array:
    """(h2, w2, C) float32 -> (rows, columns, C), linear between the cells' middles."""
    high, wide, depth = grid.shape
    tall = (_between(rows, high) @ grid.reshape(high, -1)).reshape(rows, wide, depth)
    return np.asarray(np.matmul(_between(columns, wide), tall), np.float32)


@functools.lru_cache(maxsize=64)
def _between(new: int, old: int) -> Array:
    """(new, old) float32 matrix of linear interpolation along one side."""
    matrix = cv2.resize(np.eye(old, dtype=np.float32), (old, new), interpolation=cv2.INTER_LINEAR)
    matrix = np.asarray(matrix, np.float32).reshape(new, old)
    matrix.setflags(write=False)
    return matrix


def kinds_of(defects: Sequence[Labelled]) -> tuple[str, ...]:
    """All types in the labels, sorted; "" where a defect has no type."""
    found = {kind for each in defects for kind in (shown(each) or [each.kind])}
    return tuple(sorted(found))


def shown(defect: Labelled) -> dict[str, Array]:
    """The masks that hold anything: type -> (h * w,) float32."""
    return {kind: np.asarray(area, np.float32).ravel() for kind, area in defect.areas.items() if np.any(area > 0)}
