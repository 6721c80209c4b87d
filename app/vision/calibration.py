"""How sure a score makes us that a part is defective, and how sure a count makes us of a share.

The probability of a defect is learned from scores of labelled pictures that the model had not seen: a logistic curve
over the score's logarithm (Platt 1999, "Probabilistic Outputs for Support Vector Machines", with his smoothed targets
and the Newton steps of Lin, Lin & Weng 2007, "A note on Platt's probabilistic outputs"); with many pictures of both
kinds also isotonic regression (pool adjacent violators; Zadrozny & Elkan 2002, "Transforming classifier scores into
accurate multiclass probability estimates"), whichever has the smaller log loss on pictures left out. It never
decides: the verdict comes from the score alone.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator, model_validator

from app.domain.verdict import Verdict
from app.vision.parts import Arrays, Described

LEAST_SCORE = 1e-3
"""Scores below are taken for it: their logarithms would run away."""

ENOUGH = 100
"""Pictures of either kind from which isotonic regression is tried: a step of it needs some dozens."""

_FOLDS = 5
_STEPS = 100  # Newton's method needs about ten
_MAX_KNOTS = 4096
_STEEPEST, _FURTHEST = 1e5, 1e8  # of slope and intercept in a file: far beyond what any fit gives

Scores = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
Method = Literal["platt", "isotonic"]
Knot = tuple[float, float]
"""Logarithm of a score, and the probability there."""


class CalibrationDescription(Described):
    """A calibration in a model file; it needs no arrays. Fields as in `Calibration`."""

    method: Method
    slope: float = Field(default=0.0, ge=0, le=_STEEPEST)
    intercept: float = Field(default=0.0, ge=-_FURTHEST, le=_FURTHEST)
    knots: tuple[Knot, ...] = Field(default=(), max_length=_MAX_KNOTS)
    normals: int = Field(ge=1, le=10**9)
    anomalous: int = Field(ge=1, le=10**9)
    prior: float | None = Field(default=None, gt=0, lt=1)

    @field_validator("knots")
    @classmethod
    def _rising(cls, knots: tuple[Knot, ...]) -> tuple[Knot, ...]:
        if any(not (abs(at) <= _FURTHEST and 0 <= probability <= 1) for at, probability in knots):
            raise ValueError("knots out of range")
        pairs = list(itertools.pairwise(knots))
        if any(not (before[0] < after[0] and before[1] <= after[1]) for before, after in pairs):
            raise ValueError("knots that do not rise")
        return knots

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.method == "isotonic") != bool(self.knots):
            raise ValueError("knots are needed by the isotonic method, and by no other")
        return self


@dataclass(frozen=True, slots=True)
class Calibration:
    """The probability of a defect as a function of the score; it never falls with a rising score.

    It holds where one part in so many is defective as among the labelled pictures, unless `prior` says otherwise.
    Training sets hold far more defects than a line makes: without a prior a line's FAILs are less often right than
    their confidence says, and its PASSes more often.

    Attributes:
        method: which curve.
        slope, intercept: of the log odds over the score's natural logarithm ("platt").
        knots: points of the curve, straight between them over the logarithm, level beyond ("isotonic").
        normals, anomalous: number of pictures of either kind it was learned from.
        prior: share of defective parts where it is used; None for that of the labelled pictures.
    """

    method: Method
    normals: int
    anomalous: int
    slope: float = 0.0
    intercept: float = 0.0
    knots: tuple[Knot, ...] = ()
    prior: float | None = None

    def __post_init__(self) -> None:
        if self.prior is not None:
            check_prior(self.prior)

    def with_prior(self, prior: float | None) -> Calibration:
        """The same evidence where this share of the parts is defective (0 to 1, both left out)."""
        return replace(self, prior=prior)

    def probabilities(self, scores: ArrayLike) -> Floats:
        """Probability of a defect for scores of any shape; NaN for NaN.

        The evidence is clipped to what so many pictures can show: after n good parts in a row the next one is
        defective with probability 1 / (n + 2) (Laplace's rule of succession). A prior then moves the log odds by
        its difference from the labelled pictures' base rate (Elkan 2001, "The foundations of cost-sensitive
        learning").
        """
        logs = logarithms(scores)
        if self.method == "platt":
            values = sigmoid(self.slope * logs + self.intercept)
        else:
            at, heights = np.array(self.knots, np.float64).T
            values = np.interp(logs, at, heights)
        values = np.clip(values, 1 / (self.normals + 2), (self.anomalous + 1) / (self.anomalous + 2))
        if self.prior is None:
            return values
        moved = math.log(self.prior / (1 - self.prior)) - math.log(self.anomalous / self.normals)
        return sigmoid(np.log(values) - np.log1p(-values) + moved)

    def probability(self, score: float) -> float:
        """Probability of a defect for one score."""
        return float(self.probabilities(score))

    def confidence(self, score: float, verdict: Verdict) -> float | None:
        """How probable the stated class is by the score: of a defect for FAIL, of a good part for PASS.

        RETEST states neither and gets the likelier one's; ERROR, and a score that is no number, get None.
        """
        if verdict is Verdict.ERROR or math.isnan(score):
            return None
        defective = self.probability(score)
        if verdict is Verdict.FAIL:
            return defective
        return 1 - defective if verdict is Verdict.PASS else max(defective, 1 - defective)

    def to_parts(self) -> tuple[CalibrationDescription, Arrays]:
        """For the model file."""
        description = CalibrationDescription(
            method=self.method,
            slope=self.slope,
            intercept=self.intercept,
            knots=self.knots,
            normals=self.normals,
            anomalous=self.anomalous,
            prior=self.prior,
        )
        return description, {}

    @classmethod
    def from_parts(cls, description: CalibrationDescription, arrays: Mapping[str, NDArray[Any]]) -> Calibration:
        """From a model file. The description has been checked by its own bounds; no array is needed."""
        return cls(
            method=description.method,
            normals=description.normals,
            anomalous=description.anomalous,
            slope=description.slope,
            intercept=description.intercept,
            knots=description.knots,
            prior=description.prior,
        )


def calibrate(normal: Scores, anomalous: Scores, *, prior: float | None = None) -> Calibration | None:
    """Learns the probability of a defect from scores of labelled pictures that the model had not seen.

    The order of the scores makes no difference.

    Args:
        normal: (n,) scores of good parts.
        anomalous: (m,) scores of defective ones.
        prior: share of defective parts where it will be used; None for m / (n + m).

    Returns:
        None where either kind is missing: such a model stays uncalibrated.

    Raises:
        ValueError: scores that are no finite numbers, or no such share.
    """
    good, bad = checked(normal, "good"), checked(anomalous, "defective")
    if prior is not None:
        check_prior(prior)
    if not len(good) or not len(bad):
        return None
    method: Method = "platt"
    if min(len(good), len(bad)) >= ENOUGH:
        method = min(("platt", "isotonic"), key=lambda each: _left_out_loss(each, good, bad))
    return replace(_fit(method, good, bad), prior=prior)


def logarithms(scores: ArrayLike) -> Floats:
    """Natural logarithms of scores, as everything here takes them."""
    return np.log(np.maximum(np.asarray(scores, np.float64), LEAST_SCORE))


def checked(scores: Scores, kind: str) -> Floats:
    """The scores in rising order as float64; raises ValueError where one is no finite number."""
    values = np.sort(np.asarray(scores, np.float64).ravel())
    if not np.isfinite(values).all():
        raise ValueError(f"a score of a {kind} part is not a finite number: score its picture again, or leave it out")
    return values


def check_prior(prior: float) -> None:
    """Raises ValueError where it is no share of defective parts."""
    if not 0 < prior < 1:
        raise ValueError(f"the share of defective parts must lie between 0 and 1, both left out: {prior:g}")


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-x)), exact also where it is very small, without overflow."""
    falling = np.exp(-np.abs(values))
    result: Floats = np.where(values >= 0, 1.0, falling) / (1 + falling)
    return result


@functools.lru_cache(maxsize=4096)
def clopper_pearson(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided confidence interval of a share of which `count` in `of` were seen: it covers the true
    share with at least this confidence, however few there are; (0, 1) for none of none (Clopper & Pearson 1934,
    "The use of confidence or fiducial limits illustrated in the case of the binomial").

    Raises:
        ValueError: more than there are.
    """
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, count, of - count + 1) if count else 0.0
    high = beta_quantile(1 - tail, count + 1, of - count) if count < of else 1.0
    return low, high


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The value that a beta(a, b) variable stays below with this probability; a, b >= 1, as counts give them.

    Newton's steps within a bracket that is halved where a step would leave it.
    """
    low, high = 0.0, 1.0
    value = a / (a + b)
    for turn in range(300):  # about ten are usual
        off = incomplete_beta(value, a, b) - probability
        if off == 0:
            break
        low, high = (low, value) if off > 0 else (value, high)
        density = math.exp((a - 1) * math.log(value) + (b - 1) * math.log1p(-value) - _log_beta(a, b))
        nearer = value - off / density if density > 0 else low
        if not low < nearer < high or turn % 8 == 7:  # halving now and then ends even the worst case
            nearer = (low + high) / 2
        if abs(nearer - value) <= 1e-14 * value:
            return nearer
        value = nearer
    return value


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), 0 <= x <= 1, a, b > 0.

    Its continued fraction (DLMF 8.17.22) by Lentz's method, on the side where it converges fast.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    tiny = 1e-300  # stands for a denominator of zero
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1), tiny)
    fraction = d
    for m in range(1, 20_000):  # about the square root of a + b is needed
        before = fraction
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + term * d, tiny)
            c = _away(1 + term / c, tiny)
            fraction *= c * d
        if abs(fraction - before) <= 1e-16 * abs(fraction):
            break
    return min(1.0, math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)) * fraction / a)


def _away(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _fit(method: Method, good: Floats, bad: Floats) -> Calibration:
    if method == "isotonic":
        return Calibration("isotonic", len(good), len(bad), knots=_isotonic(logarithms(good), logarithms(bad)))
    slope, intercept = _platt(logarithms(good), logarithms(bad))
    return Calibration("platt", len(good), len(bad), slope=slope, intercept=intercept)


def _left_out_loss(method: Method, good: Floats, bad: Floats) -> float:
    """Sum of the log losses of scores left out of the fit; every fifth in rising order is one fold, so that each
    fold holds the same mixture whatever order the pictures came in."""
    loss = 0.0
    for fold in range(_FOLDS):
        mine = [np.arange(len(scores)) % _FOLDS == fold for scores in (good, bad)]
        fitted = _fit(method, good[~mine[0]], bad[~mine[1]])
        loss -= float(np.log1p(-fitted.probabilities(good[mine[0]])).sum())
        loss -= float(np.log(fitted.probabilities(bad[mine[1]])).sum())
    return loss


def _platt(good: Floats, bad: Floats) -> tuple[float, float]:
    """Slope and intercept of the log odds over logarithms of scores.

    Minimises the cross entropy with the smoothed targets 1 / (n + 2) and (m + 1) / (m + 2) by Newton's method with
    halved steps. A slope below zero would call higher scores less defective: then the best that does not fall is
    level.
    """
    logs = np.concatenate([good, bad])
    target = np.concatenate(
        [np.full(len(good), 1 / (len(good) + 2)), np.full(len(bad), (len(bad) + 1) / (len(bad) + 2))]
    )
    level = float(target.mean())
    level = math.log(level / (1 - level))
    # Counted from the middle in spreads, one step suits every scale of scores.
    middle, spread = float(logs.mean()), float(logs.std())
    if spread < 1e-12:
        return 0.0, level
    x = (logs - middle) / spread
    design = np.stack([x, np.ones_like(x)])

    def loss(weights: Floats) -> float:
        odds = weights @ design
        return float((np.logaddexp(0.0, odds) - target * odds).sum())

    weights = np.array([0.0, level])
    now = loss(weights)
    for _ in range(_STEPS):
        value = sigmoid(weights @ design)
        gradient = design @ (value - target)
        if np.abs(gradient).max() < 1e-9 * len(x):
            break
        hessian = (design * (value * (1 - value))) @ design.T + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        while length > 1e-10 and loss(weights - length * step) > now - 1e-4 * length * float(gradient @ step):
            length /= 2
        if length <= 1e-10:
            break  # as low as floating point can tell
        weights = weights - length * step
        now = loss(weights)
    if weights[0] <= 0:
        return 0.0, level
    slope = min(float(weights[0]) / spread, _STEEPEST)
    return slope, float(weights[1]) - slope * middle


def _isotonic(good: Floats, bad: Floats) -> tuple[Knot, ...]:
    """Pools neighbours until the share of defects rises from pool to pool; level over each pool."""
    values, places = np.unique(np.concatenate([good, bad]), return_inverse=True)
    truth = np.concatenate([np.zeros(len(good)), np.ones(len(bad))])
    counts, defects = np.bincount(places), np.bincount(places, weights=truth)
    pools: list[tuple[int, float, float, float]] = []  # pictures, defects among them, lowest and highest logarithm
    for pictures, found, lowest in zip(counts.tolist(), defects.tolist(), values.tolist(), strict=True):
        highest = lowest
        while pools and pools[-1][1] * pictures >= found * pools[-1][0]:
            before = pools.pop()
            pictures, found, lowest = before[0] + pictures, before[1] + found, before[2]
        pools.append((pictures, found, lowest, highest))
    knots = [(at, found / pictures) for pictures, found, lowest, highest in pools for at in (lowest, highest)]
    return tuple(dict.fromkeys(knots))  # a pool of one score has one knot
