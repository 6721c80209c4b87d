"""The crops of one checkpoint while it learns: its memory bank, and where good ones end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.checkpoint import OK
from app.domain.frame import Image
from app.vision.bank import MemoryBank
from app.vision.bank_graph import BankGraph
from app.vision.checkpoints.checkpoint import pooled
from app.vision.checkpoints.judging import Eyes
from app.vision.checkpoints.place import Cutter
from app.vision.consequences import choose
from app.vision.coreset import greedy_coreset
from app.vision.views import PLACE_WEIGHT, place_weight, spread_of

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Check = Callable[[], None]

_JITTER = 0.05
JITTERS = ((0.0, 0.0), *((across * _JITTER, down * _JITTER) for across in (-1, 1) for down in (-1, 1)))
"""Good crops are learned shifted as well, in shares of the place's shorter side: the network's cells are coarse, and a
place is not found again to the pixel. The first is the crop itself."""

_BANK = 256  # features of a checkpoint's memory
_FOLDS = 5

_FAIL, _RETEST = 4.0, 3.2  # spreads above the median of good crops
_LEAST_SPREAD = 0.045  # of the logarithms: pictures taken one after the other are more alike than those of a year
_ABOVE = 1.02  # of the highest good crop's: the limit lies no lower
_ODD, _ODD_SHARE = 6.0, 0.1  # spreads above the median of the others: no good crop; at most such a share
_ODD_KEPT = 6  # good crops that are left at least


@dataclass(slots=True)
class Crops:
    """Crops by what is known of them.

    Attributes:
        names, good: pictures' names, and of each its crop shifted by `JITTERS`.
        states, bad: of labelled ones that are not ok.
    """

    names: list[str] = field(default_factory=list)
    good: list[list[Image]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    bad: list[Image] = field(default_factory=list)

    def add(self, name: str, state: str, crops: list[Image]) -> None:
        if state == OK:
            self.names.append(name)
            self.good.append(crops)
        else:
            self.states.append(state)
            self.bad.append(crops[0])

    def keep(self, numbers: Sequence[int]) -> None:
        """Of the good ones only these."""
        self.names = [self.names[number] for number in numbers]
        self.good = [self.good[number] for number in numbers]

    def looked_at(self, eyes: Eyes, cutter: Cutter) -> Seen:
        looked = np.stack(eyes.look([crop for shifted in self.good for crop in shifted]))
        good = looked.reshape(len(self.good), -1, *looked.shape[1:])
        bad = np.stack(eyes.look(self.bad)) if self.bad else np.zeros((0, *good.shape[2:]), np.float32)
        return Seen(good, bad, *cutter.cells(eyes.network.stride))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Features of a checkpoint's crops.

    Attributes:
        good: (n, shifts, cells, C) float32; `bad`: (m, cells, C).
        inside, where: of the cells, as `Cutter.cells` gives them.
    """

    good: Array
    bad: Array
    inside: NDArray[np.bool_]
    where: Array

    def keep(self, numbers: Sequence[int]) -> Seen:
        return replace(self, good=self.good[list(numbers)])


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Good crops judged by banks that have not seen their pictures.

    Attributes:
        scores: (n, shifts) pooled distances.
    """

    scores: Floats
    place_weight: float

    def keep(self, numbers: Sequence[int]) -> Held:
        return replace(self, scores=self.scores[list(numbers)])


def bank_of(seen: Seen, numbers: Collection[int], weight: float, seed: int, check: Check) -> MemoryBank:
    """The memory of these good crops: a coreset of the cells in the place, whole features."""
    own = seen.where[seen.inside]
    features = seen.good[list(numbers)][:, :, seen.inside].reshape(-1, seen.good.shape[-1])
    where = np.tile(own, (len(features) // len(own), 1))
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = np.maximum(features.std(axis=0, dtype=np.float64), 1e-3).astype(np.float32)
    standard = (features - mean) / deviation
    beside = where * np.float32(weight * np.sqrt(standard.shape[1])) if weight else None
    rows = greedy_coreset(standard, _BANK, np.random.default_rng(seed), check, beside)
    vectors = standard[rows].clip(-60_000, 60_000).astype(np.float16).astype(np.float32)
    return MemoryBank(mean, deviation, np.ascontiguousarray(vectors), where[rows], weight)


def bank_scores(seen: Seen, bank: MemoryBank) -> Floats:
    """(m,) pooled distances of the crops that are not ok."""
    return np.array([pooled(each, seen.inside) for each in _distances(BankGraph(bank), seen.bad, seen.where)])


def _distances(graph: BankGraph, crops: Array, where: Array) -> Array:
    """(n, cells) of crops (n, cells, C)."""
    if not len(crops):
        return np.zeros(crops.shape[:2], np.float32)
    found = graph.run(crops.reshape(-1, crops.shape[-1]), np.tile(where, (len(crops), 1)))
    return found.reshape(crops.shape[:2])


def held_out(seen: Seen, seed: int, check: Check) -> Held:
    """Judges every good crop by the others; places count where that costs good crops nothing (`views`)."""
    order = np.random.default_rng(seed).permutation(len(seen.good))
    folds = [order[fold::_FOLDS] for fold in range(min(_FOLDS, len(order)))]
    grids: list[dict[int, Array]] = []
    scores: list[Floats] = []
    for weight in (0.0, PLACE_WEIGHT):
        found: dict[int, Array] = {}
        values = np.zeros(seen.good.shape[:2])
        for mine in folds:
            others = np.setdiff1d(order, mine).tolist()
            graph = BankGraph(bank_of(seen, others, weight, seed, check))
            crops = seen.good[mine]
            distances = _distances(graph, crops.reshape(-1, *crops.shape[2:]), seen.where)
            distances = distances.reshape(*crops.shape[:2], -1)
            for number, shifted in zip(mine.tolist(), distances, strict=True):
                values[number] = [pooled(each, seen.inside) for each in shifted]
                found[number] = shifted[0][seen.inside]
        grids.append(found)
        scores.append(values)
    weight = place_weight(*grids)
    return Held(scores[1] if weight else scores[0], weight)


def odd_ones(scores: Floats) -> set[int]:
    """Numbers of good crops that are probably none, from their held-out scores (n,): the highest few are compared
    with the others, whose spread they must not widen themselves (deletion test: Rosner 1983, with a fixed limit)."""
    order = np.argsort(-scores)
    most = min(max(1, int(_ODD_SHARE * len(order))), len(order) - _ODD_KEPT)
    for count in range(most, 0, -1):
        centre, spread = spread_of(scores[order[count:]].tolist())
        limit = centre + _ODD * max(spread, _LEAST_SPREAD) * (1 + 2 / (len(order) - count))
        if np.log(max(float(scores[order[count - 1]]), 1e-6)) > limit:
            return {int(number) for number in order[:count]}
    return set()


def limits_of(good: Floats, bad: Floats) -> tuple[float, float]:
    """Where good crops end, and from which share of that on it is close.

    A part with many checkpoints is rejected by any of them, so each limit lies farther out than the whole picture's.
    Labelled crops that lie below it bring it down (`consequences.choose`), to the middle of the gap at most where
    there is one.

    Args:
        good: (n, shifts) held-out scores; `bad`: (m,) of labelled crops that are not ok.
    """
    centre, spread = spread_of(good.ravel().tolist())
    wide = max(spread, _LEAST_SPREAD) * (1 + 2 / len(good))
    limit = max(float(np.exp(centre + _FAIL * wide)), _ABOVE * float(good.max()))
    retest = min(float(np.exp(centre + _RETEST * wide)), limit)
    if len(bad) and bad.min() <= limit:
        chosen = choose(good.ravel(), bad)
        threshold, highest = chosen.threshold, float(good.max())
        if bad.min() > highest:
            threshold = max(threshold, float(np.sqrt(bad.min() * highest)))
        if threshold < limit:
            limit, retest = threshold, min(retest, chosen.retest_from)
    return limit, retest / limit
