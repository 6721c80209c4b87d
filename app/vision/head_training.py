"""Learning a defect head from good parts and labelled defects.

Two questions are learned apart, since they have different good examples. "Is there a defect" (the alarm): good
cells are those of good parts, and beside the cells the pictures count, each by the mean of its highest cells, so
that the most defect-like cells of good parts weigh most (multiple-instance learning with top-k pooling: Pang et
al. 2021, "Explainable deep few-shot anomaly detection with deviation networks", arXiv 2108.00462). "Where, and
which kind": a multinomial logistic regression, in which the surroundings of masked defects are good as well.

Both are penalised in the metric of the features' own spread, the harder the fewer defects there are; the bank's
distances are hardly penalised, so that a few labels leave the bank's judgement as it is.

For calibration and fusion every picture is also judged by a head that has not seen it. These heads are further
columns of the same problem, so that they cost little.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.vision.head import (
    MAX_KINDS,
    SURROUNDINGS,
    Array,
    DefectHead,
    Evidence,
    HeadMaps,
    Labelled,
    cell_features,
    kinds_of,
    pooled,
    shown,
    top_count,
)
from app.vision.head_solve import Vector, minimised

Check = Callable[[], None]
Rows = NDArray[np.intp]

FOLDS = 4
_GOOD_CELLS, _DEFECT_CELLS, _NEAR_CELLS = 9_000, 6_000, 4_000
"""Cells learned from, at most: of good parts, of defects, and of good places on pictures with masked defects."""
_EACH_GOOD, _EACH_NEAR = 80, 60  # of one picture, at most; of few good parts all
_FEW_NORMALS = 20  # up to so many are few
_PICTURES = 600  # of either sort whose highest cells are learned from, evenly chosen
_HIGHEST = 32  # cells kept of a picture, by each head's first solution

_COVERED = 0.15  # share of a cell under the mask from which on it is an example of the defect
_BARE = 0.02  # share up to which it is an example of good
_LARGE = 0.7  # a defect of n cells weighs n ** 0.3: neither every cell nor every picture alike
_GUESSED = 0.65  # without a mask: cells with so much of the picture's highest distance are taken for the defect
_AT_MOST = 0.15  # of the picture's cells

_SHRINK = 0.1  # added to the features' spread, in shares of the mean one
_ALARM_PENALTY, _KIND_PENALTY = 0.06, 0.02  # on squared weights of features that spread by 1
_FEW = 10.0  # with so many defect pictures the penalty is twice that of very many
_PICTURE_WEIGHT = 3.0  # of the pictures' loss against the cells'
_KIND_WEIGHT, _NEAR_WEIGHT = 0.3, 0.4  # of all defect cells, and of near ones, against 1 for cells of good parts
_FIRST_STEPS, _STEPS = 15, 40
_BANK = 3
_TRUSTED = 3.0  # by so much the bank's columns are larger than others, hence less penalised


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A head and what heads that had not seen them say of its training pictures.

    Attributes:
        normals, defects: maps in the order given.
        names: type that each defect was taken for.
    """

    head: DefectHead
    normals: list[HeadMaps]
    defects: list[HeadMaps]
    names: list[str]


def train_head(
    normals: Sequence[Evidence], defects: Sequence[Labelled], seed: int = 0, check: Check = lambda: None
) -> Trained:
    """Learns a head. The same input and seed give the same head.

    Args:
        normals: good parts, with distances by banks that have not seen them.
        defects: at least two pictures.
        check: called now and then; may raise to stop.

    Raises:
        ValueError: too few pictures, too many types, or a mask that does not fit its picture's grid.
    """
    if not normals or len(defects) < 2:
        raise ValueError(
            f"A defect head learns from at least 1 good part and 2 labelled defects; here are {len(normals)} and "
            f"{len(defects)}. Label more pictures."
        )
    for defect in defects:
        for kind, area in defect.areas.items():
            if area.shape != defect.evidence.distances.shape:
                raise ValueError(
                    f"The mask of {kind or 'a defect'} has {area.shape} cells, its picture "
                    f"{defect.evidence.distances.shape}. Give both at the size of the fine view's grid."
                )
    kinds = kinds_of(defects)
    if len(kinds) > MAX_KINDS:
        raise ValueError(f"The labels name {len(kinds)} types, at most {MAX_KINDS} can be learned. Join some.")
    rng = np.random.default_rng(seed)
    folds = min(FOLDS, len(defects))
    fold_of = [np.argsort(rng.permutation(len(group))) % folds for group in (normals, defects)]
    usual = _usual(normals)
    examples = _gather(normals, defects, kinds, fold_of, usual, rng, check)
    basis = _Basis(examples.cells[examples.sort == _GOOD])
    turned = basis.turned(examples.cells)

    penalty = 1.0 + _FEW / len(defects)
    columns = [*range(folds), -1]  # fold left out; -1: none, the head itself
    kept = examples.fold[:, None] != np.asarray(columns)[None, :]
    alarm_weights = _weights(examples, kept, near=0.0)
    alarm = _Problem(turned, np.minimum(examples.kind, 1), alarm_weights, 1, _ALARM_PENALTY * penalty)
    first = alarm.solve(_FIRST_STEPS, check)
    alarm.pictures = _highest(normals, defects, fold_of, usual, basis, first[:, :, 0], columns, check)
    solved = alarm.solve(_STEPS, check, first)
    places = _Problem(
        turned, examples.kind, _weights(examples, kept, _NEAR_WEIGHT), len(kinds), _KIND_PENALTY * penalty
    )
    joined = np.concatenate([solved, places.solve(_STEPS, check)], axis=2)

    shapes = normals[0].fine.shape[2], 0 if normals[0].coarse is None else normals[0].coarse.shape[2]
    heads = [_head(kinds, basis.back(joined[:, column]), shapes, usual) for column in range(len(columns))]
    held_normals = [heads[fold].maps(each) for fold, each in zip(fold_of[0], normals, strict=True)]
    held_defects = [heads[fold].maps(each.evidence) for fold, each in zip(fold_of[1], defects, strict=True)]
    head = replace(heads[-1], naming=_naming(held_defects, [kinds.index(_main(each)) for each in defects]))
    return Trained(head, held_normals, held_defects, [head.named(maps) for maps in held_defects])


_GOOD, _NEAR, _DEFECT = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    """Cells: (R, D) float32 features; (R,) what sort, which kind (0 good, 1.. kinds), fold and weight in its sort."""

    cells: Array
    sort: NDArray[np.int64]
    kind: NDArray[np.int64]
    fold: NDArray[np.int64]
    weight: Array


def _gather(
    normals: Sequence[Evidence],
    defects: Sequence[Labelled],
    kinds: Sequence[str],
    fold_of: list[NDArray[np.int64]],
    usual: Array,
    rng: np.random.Generator,
    check: Check,
) -> _Examples:
    parts: list[tuple[Array, int, int, int, Array]] = []
    each_good = max(
        1, min(_EACH_GOOD, _GOOD_CELLS // len(normals)) if len(normals) > 20 else _GOOD_CELLS // len(normals)
    )
    step = max(1, len(normals) // _GOOD_CELLS)
    for number in range(0, len(normals), step):
        check()
        cells = cell_features(normals[number], usual)
        cells = cells[_some(np.arange(len(cells)), each_good, rng)]
        parts.append((cells, _GOOD, 0, int(fold_of[0][number]), np.ones(len(cells), np.float32)))
    good_bank = np.concatenate([part[0][:, -_BANK:] for part in parts])
    centre, spread = good_bank.mean(axis=0), good_bank.std(axis=0) + 1e-3
    for number, defect in enumerate(defects):
        check()
        cells, fold = cell_features(defect.evidence, usual), int(fold_of[1][number])
        areas = shown(defect)
        masked = bool(areas)
        if not masked:
            areas = {defect.kind: _guessed(cells[:, -_BANK:], centre, spread)}
        for kind, area in areas.items():
            # A defect that covers no cell so far is learned from where it covers most.
            rows = np.flatnonzero(area >= min(_COVERED, 0.7 * float(area.max())))
            rows = _some(rows, max(4, _DEFECT_CELLS // len(defects)), rng)
            weight = area[rows] / area[rows].sum() ** _LARGE
            parts.append((cells[rows], _DEFECT, kinds.index(kind) + 1, fold, weight))
        if masked:
            bare = np.flatnonzero(np.max(list(areas.values()), axis=0) <= _BARE)
            rows = _some(bare, max(1, min(_EACH_NEAR, _NEAR_CELLS // len(defects))), rng)
            parts.append((cells[rows], _NEAR, 0, fold, np.ones(len(rows), np.float32)))
    lengths = [len(part[0]) for part in parts]
    sort, kind_of, fold_at = (np.repeat([part[place] for part in parts], lengths) for place in (1, 2, 3))
    return _Examples(
        np.concatenate([part[0] for part in parts]), sort, kind_of, fold_at, np.concatenate([part[4] for part in parts])
    )


def _guessed(bank: Array, centre: Array, spread: Array) -> Array:
    """Where the defect of a picture without a mask probably is, (cells,) 0 to 1: where the distances stand out."""
    excess = ((bank - centre) / spread)[:, 1:].max(axis=1)
    highest = float(excess.max())
    floor = max(_GUESSED * highest if highest > 0 else highest, float(np.quantile(excess, 1 - _AT_MOST)))
    return np.asarray(np.where(excess >= floor, 1.0, 0.0), np.float32)


def _some(rows: Rows, count: int, rng: np.random.Generator) -> Rows:
    return rows if len(rows) <= count else np.sort(rng.choice(rows, count, replace=False))


def _usual(normals: Sequence[Evidence]) -> Array:
    fine = float(np.median([np.median(each.distances) for each in normals]))
    coarse = [float(np.median(each.coarse_distances)) for each in normals if each.coarse_distances is not None]
    return np.maximum(np.array([fine, np.median(coarse) if coarse else 1.0], np.float32), np.float32(1e-6))


def _weights(examples: _Examples, kept: NDArray[np.bool_], near: float) -> Array:
    """(R, F) float32: each sort's share of the loss, spread over the cells that a column learns from."""
    total = {_GOOD: 1.0, _NEAR: near, _DEFECT: _KIND_WEIGHT if near else 1.0}
    weights = examples.weight[:, None] * kept
    for sort, share in total.items():
        rows = examples.sort == sort
        weights[rows] *= share / np.maximum(weights[rows].sum(axis=0), 1e-9)
    return np.asarray(weights, np.float32)


class _Basis:
    """Features turned and scaled so that good cells spread alike in all directions, the bank's columns beside."""

    def __init__(self, good: Array) -> None:
        self._mean = good.mean(axis=0, dtype=np.float64)
        self._deviation = good.std(axis=0, dtype=np.float64) + 1e-3
        standard = ((good - self._mean) / self._deviation).astype(np.float32)
        spread, turn = np.linalg.eigh((standard.T @ standard / len(standard)).astype(np.float64))
        whiten = turn / np.sqrt(np.maximum(spread, 0) + _SHRINK)
        own = np.zeros((len(turn), _BANK))
        own[-_BANK:] = np.eye(_BANK) * _TRUSTED
        self._matrix = np.concatenate([whiten, own], axis=1) / self._deviation[:, None]
        self._turn, self._centre = self._matrix.astype(np.float32), self._mean.astype(np.float32)

    def turned(self, cells: Array) -> Array:
        """(n, D) -> (n, D + 4), the last column 1."""
        turned = (cells - self._centre) @ self._turn
        return np.concatenate([turned, np.ones((len(turned), 1), np.float32)], axis=1)

    def back(self, weights: Vector) -> tuple[Vector, Vector]:
        """(D + 4, n) weights of turned features -> (D, n) weights and (n,) bias of plain ones."""
        plain = self._matrix @ weights[:-1]
        return plain, weights[-1] - self._mean @ plain


class _Problem:
    """Multinomial logistic regression for several selections of the same cells at once.

    Args:
        cells: (R, D) float32. kind: (R,) 0 good, 1..T. weights: (R, F).
    """

    def __init__(self, cells: Array, kind: NDArray[np.int64], weights: Array, kinds: int, penalty: float) -> None:
        self._cells, self._weights = cells, weights
        self._truth = (kind[:, None] == np.arange(1, kinds + 1)).astype(np.float32)[:, None, :]
        self._shape = cells.shape[1], weights.shape[1], kinds
        self._penalty = np.full((cells.shape[1], 1), penalty)
        self._penalty[-1] = 0.0
        self.pictures: _Pictures | None = None

    def solve(self, steps: int, check: Check, start: Vector | None = None) -> Vector:
        """(D, F, T) weights."""
        begin = np.zeros(self._shape) if start is None else start
        return minimised(self._value, begin.ravel(), steps, check).reshape(self._shape)

    def _value(self, flat: Vector) -> tuple[float, Vector]:
        depth, columns, kinds = self._shape
        matrix = flat.reshape(depth, columns * kinds)
        plain = matrix.astype(np.float32)
        odds = (self._cells @ plain).reshape(-1, columns, kinds)
        highest = np.maximum(odds.max(axis=2, keepdims=True), 0)
        powers = np.exp(odds - highest)
        total = powers.sum(axis=2, keepdims=True) + np.exp(-highest)
        losses = (highest + np.log(total))[..., 0] - (odds * self._truth).sum(axis=2)
        value = float((self._weights * losses).sum(dtype=np.float64))
        error = (powers / total - self._truth) * self._weights[..., None]
        slope = (self._cells.T @ error.reshape(-1, columns * kinds)).astype(np.float64)
        if self.pictures is not None:
            more, steeper = self.pictures.value(plain)
            value, slope = value + more, slope + steeper
        value += 0.5 * float((self._penalty * matrix * matrix).sum())
        return value, (slope + self._penalty * matrix).ravel()


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """The loss over pictures: (P, n, D) highest cells, (P,) 1 for defects, (P,) cells that count, (P, F) weights."""

    cells: Array
    truth: Array
    counts: NDArray[np.int64]
    weights: Array

    def value(self, matrix: Array) -> tuple[float, Vector]:
        pictures, number, depth = self.cells.shape
        flat = self.cells.reshape(-1, depth)
        odds = (flat @ matrix).reshape(pictures, number, -1)
        order = np.argsort(np.argsort(-odds, axis=1, kind="stable"), axis=1, kind="stable")
        share = (order < self.counts[:, None, None]) / self.counts[:, None, None].astype(np.float32)
        means = (odds * share).sum(axis=1)
        losses = np.logaddexp(0, means) - means * self.truth[:, None]
        error = (1 / (1 + np.exp(-means)) - self.truth[:, None]) * self.weights
        spread = (error[:, None, :] * share).reshape(pictures * number, -1).astype(np.float32)
        return float((losses * self.weights).sum(dtype=np.float64)), (flat.T @ spread).astype(np.float64)


def _highest(
    normals: Sequence[Evidence],
    defects: Sequence[Labelled],
    fold_of: list[NDArray[np.int64]],
    usual: Array,
    basis: _Basis,
    first: Vector,
    columns: Sequence[int],
    check: Check,
) -> _Pictures:
    """The cells that a first solution (D, F) holds for defects, of good parts and defects alike."""
    groups: list[tuple[Sequence[Evidence], float]] = [(normals, 0.0), ([each.evidence for each in defects], 1.0)]
    plain, bias = basis.back(first)
    plain, bias = plain.astype(np.float32), bias.astype(np.float32)
    cells, truth, counts, folds = [], [], [], []
    for (group, label), fold in zip(groups, fold_of, strict=True):
        for number in np.unique(np.linspace(0, len(group) - 1, min(_PICTURES, len(group))).round().astype(int)):
            check()
            features = cell_features(group[number], usual)
            odds = features @ plain + bias
            rank = np.argsort(np.argsort(-odds, axis=0, kind="stable"), axis=0).min(axis=1)
            rows = np.argsort(rank, kind="stable")[:_HIGHEST]
            chosen = basis.turned(features[rows])
            cells.append(chosen)
            truth.append(label)
            counts.append(min(top_count(len(odds)), len(rows), _HIGHEST // 2))
            folds.append(int(fold[number]))
    most = max(map(len, cells))
    for number, few in enumerate(cells):  # small grids: their lowest cell again, which can only count as itself
        cells[number] = np.concatenate([few, np.repeat(few[-1:], most - len(few), axis=0)])
    truths = np.asarray(truth, np.float32)
    weights = (np.asarray(folds)[:, None] != np.asarray(columns)[None, :]).astype(np.float32)
    for label in (0.0, 1.0):
        rows = truths == label
        weights[rows] *= 0.5 * _PICTURE_WEIGHT / np.maximum(weights[rows].sum(axis=0), 1e-9)
    return _Pictures(np.stack(cells), truths, np.asarray(counts, np.int64), weights)


def _head(kinds: tuple[str, ...], solution: tuple[Vector, Vector], shapes: tuple[int, int], usual: Array) -> DefectHead:
    weights, bias = solution[0].astype(np.float32), solution[1].astype(np.float32)
    ends = np.cumsum([0, shapes[0], SURROUNDINGS * shapes[0], shapes[1], _BANK])
    fine, near, coarse, bank = (np.ascontiguousarray(weights[a:b]) for a, b in itertools.pairwise(ends))
    return DefectHead(kinds, fine, near, coarse, bank, bias, usual, np.zeros(len(kinds), np.float32))


def _main(defect: Labelled) -> str:
    """The type that covers most of the picture."""
    areas = shown(defect)
    return max(areas, key=lambda kind: float(areas[kind].sum())) if areas else defect.kind


def _naming(maps: Sequence[HeadMaps], truth: Sequence[int]) -> Array:
    """What makes the kinds' log-odds fair among each other, from pictures their head had not seen: a multinomial
    logistic regression with offsets only."""
    odds = np.array([[pooled(kind) for kind in each.kinds] for each in maps])
    wanted = np.eye(odds.shape[1])[list(truth)]

    def loss(offsets: Vector) -> tuple[float, Vector]:
        sums = odds + offsets
        highest = sums.max(axis=1, keepdims=True)
        powers = np.exp(sums - highest)
        total = powers.sum(axis=1, keepdims=True)
        value = float((highest + np.log(total)).sum() - (sums * wanted).sum() + 0.5 * offsets @ offsets)
        return value, (powers / total - wanted).sum(axis=0) + offsets

    return np.asarray(minimised(loss, np.zeros(odds.shape[1]), _STEPS, lambda: None), np.float32)
