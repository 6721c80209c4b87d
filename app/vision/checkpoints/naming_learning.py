"""Learning to name what is wrong with a checkpoint from labelled crops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.vision.bank import MemoryBank
from app.vision.checkpoints.crops import Seen, bank_scores
from app.vision.checkpoints.naming import STRONGEST, Naming, NamingDescription, described
from app.vision.head_solve import Vector, minimised

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Check = Callable[[], None]

_FREQUENT = 3  # examples from which the classifier learns a state
_MOST_STATES, _MOST_EXAMPLES = 32, 400
_FOLDS = 4
_PENALTIES = (1e-2, 1e-3, 1e-4)
_STEPS = 80
_WEIGHTS = (0.0, 0.1, 0.2)
_WORTH_IT = 0.005  # of the area under the curve


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """By which the scores grow, from classifiers that had not seen the crops: (n, 1) of good ones, (m,) of others."""

    good: Floats
    bad: Floats


def learn_naming(
    seen: Seen, states: Sequence[str], bank: MemoryBank, held: Floats, check: Check
) -> tuple[Naming | None, Factors]:
    """What labelled crops teach; None without any.

    Args:
        states: of the crops that are not ok.
        held: (n,) held-out scores of the good crops.
    """
    factors = Factors(np.ones((len(seen.good), 1)), np.ones(len(seen.bad)))
    if not len(seen.bad):
        return None, factors
    counted = Counter(states).most_common(_MOST_STATES)  # the same order for the same labels
    names = [state for state, _ in counted]
    frequent = sum(count >= _FREQUENT for _, count in counted)
    used = [number for number, state in enumerate(states) if state in names][:_MOST_EXAMPLES]
    rows = [described(each[0], seen.inside, seen.where, bank) for each in seen.good]
    good = np.stack(rows)
    bad = np.stack([described(seen.bad[number], seen.inside, seen.where, bank) for number in used])
    bad = bad.astype(np.float16).astype(np.float32)
    numbers = [names.index(states[number]) for number in used]
    weights, bias, weight = np.zeros((good.shape[1], 1), np.float32), np.zeros(1, np.float32), 0.0
    if frequent:
        known = [at for at, number in enumerate(numbers) if number < frequent]
        crops = np.concatenate([good, bad[known]]).astype(np.float64)
        classes = np.array([0] * len(good) + [1 + numbers[at] for at in known])
        penalty, odds = _cross_validated(crops, classes, 1 + frequent, check)
        weights, bias = _solved(crops, classes, 1 + frequent, penalty, check)
        scores = np.concatenate([held, bank_scores(seen, bank)[[used[at] for at in known]]])
        weight = _weight(np.log(np.maximum(scores, 1e-6)), odds, classes > 0)
        factors.good[:, 0] = np.exp(weight * odds[: len(good)])
        factors.bad[[used[at] for at in known]] = np.exp(weight * odds[len(good) :])
    description = NamingDescription(states=tuple(names), frequent=frequent, examples=tuple(numbers), weight=weight)
    middle = good.mean(axis=0, dtype=np.float64).astype(np.float32)
    return Naming(description, bad, middle, weights, bias), factors


def _cross_validated(crops: Floats, classes: NDArray[np.int64], count: int, check: Check) -> tuple[float, Floats]:
    """The penalty under which unseen crops are told best, and their log-odds of not being ok, as `Naming.odds`."""
    fold = np.zeros(len(classes), int)
    for each in range(count):
        mine = np.flatnonzero(classes == each)
        fold[mine] = np.arange(len(mine)) % min(_FOLDS, len(mine))
    best: tuple[float, float, Floats] | None = None
    for penalty in _PENALTIES:
        values = np.zeros((len(classes), count))
        for each in range(fold.max() + 1):
            weights, bias = _solved(crops[fold != each], classes[fold != each], count, penalty, check)
            values[fold == each] = crops[fold == each] @ weights + bias
        values -= np.logaddexp.reduce(values, axis=1, keepdims=True)
        loss = -float(np.mean([values[classes == each, each].mean() for each in range(count)]))
        if best is None or loss < best[0]:
            odds = np.logaddexp.reduce(values[:, 1:], axis=1) - values[:, 0]
            best = loss, penalty, np.clip(odds, 0, STRONGEST)
    assert best is not None
    return best[1], best[2]


def _solved(crops: Floats, classes: NDArray[np.int64], count: int, penalty: float, check: Check) -> tuple[Array, Array]:
    """Weights (D, count) and bias (count,) of the regression; every class weighs the same."""
    wide = crops.shape[1]
    shares = np.array([1 / (count * max(1, int((classes == each).sum()))) for each in range(count)])[classes]
    target = np.eye(count)[classes]

    def loss(place: Vector) -> tuple[float, Vector]:
        weights, bias = place[: wide * count].reshape(wide, count), place[wide * count :]
        values = crops @ weights + bias
        values -= np.logaddexp.reduce(values, axis=1, keepdims=True)
        cost = -float((shares * (values * target).sum(axis=1)).sum()) + penalty / 2 * float((weights**2).sum())
        slope = (np.exp(values) - target) * shares[:, None]
        return cost, np.concatenate([(crops.T @ slope + penalty * weights).ravel(), slope.sum(axis=0)])

    place = minimised(loss, np.zeros(wide * count + count), _STEPS, check)
    return place[: wide * count].reshape(wide, count).astype(np.float32), place[wide * count :].astype(np.float32)


def _weight(logs: Floats, odds: Floats, bad: NDArray[np.bool_]) -> float:
    """The least weight of the log-odds that tells good crops from the others nearly best."""
    areas = [_area(logs + weight * odds, bad) for weight in _WEIGHTS]
    return next(weight for weight, area in zip(_WEIGHTS, areas, strict=True) if area >= max(areas) - _WORTH_IT)


def _area(values: Floats, bad: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: share of pairs that are in order."""
    gaps = values[bad][:, None] - values[~bad][None, :]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
