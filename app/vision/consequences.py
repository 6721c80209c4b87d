"""Where the limits lie, and what follows from them: how many defects pass, how many good parts are rejected.

All from fused scores of pictures that the model had not seen. From good parts alone the limits are percentiles with
a margin; with labelled defects the threshold is where an escape and a false reject, weighed by what they cost, come
cheapest together. What a limit means is told with exact 95 % confidence intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.verdict import Limits
from app.vision.calibration import Calibration, calibrate, check_prior, checked, clopper_pearson, logarithms, sigmoid

Scores = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

EXPECTED_DEFECTS = 0.05
"""Share of defective parts on a line where nobody says better. With the default costs a share of missed defects then
weighs half as much as the same share of good parts rejected, which suits labelled sets of one defective picture to
one to three good ones: the threshold comes close to the one with the best F1."""

UNDECIDED = 4.0
"""A score is a RETEST while passing the part would still cost a quarter of what failing it would, or more."""

MOST_RETESTED = 0.05
"""Share of good parts that the RETEST band may hold: people no longer heed a station that asks more often."""

_Z_FAIL = 2.4  # about one good part in a hundred
_Z_RETEST = 1.75  # four in a hundred
_Z_FARTHEST = 3.5
_LEAST_SPREAD = 0.03

_BANDWIDTH = 1.3  # of normal data, with n^(-1/3): Azzalini 1981
_LONE_SPREAD = 2.0  # of defects over that of good parts, where one defect alone can't show it
_FINE, _FINER = 400, 41  # points of the search for the threshold, over everything and about the best
_AT_ONCE = 200_000  # values of the kernel held in memory
_LEAST_BETWEEN = 1e-9  # relative: costs closer than this are the same, whatever the rounding

_FOLDS = 5
_UNCERTAIN = 0.1  # width of an interval from which the words say that pictures are few


@dataclass(frozen=True, slots=True)
class Costs:
    """What a wrong verdict costs, in any unit; only the ratio counts.

    Attributes:
        escape: a defective part that passes.
        false_reject: a good part that fails.
    """

    escape: float = 10.0
    false_reject: float = 1.0

    def __post_init__(self) -> None:
        for name, cost in (("an escape", self.escape), ("a false reject", self.false_reject)):
            if not 0 < cost < math.inf:
                raise ValueError(f"the cost of {name} must be a number above 0: {cost:g}")


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and what that says of all parts to come.

    Attributes:
        low, high: the 95 % confidence interval of the share.
    """

    count: int
    of: int

    @property
    def share(self) -> float:
        return self.count / self.of

    @property
    def low(self) -> float:
        return clopper_pearson(self.count, self.of)[0]

    @property
    def high(self) -> float:
        return clopper_pearson(self.count, self.of)[1]

    def of_1000(self) -> str:
        """As "4 (0 to 19)"."""
        # With a decimal only where everything is small: "0.4 (0.1 to 1.2)", but "4 (0 to 19)".
        digits = 1 if 1000 * self.high < 10 else 0
        share, low, high = (f"{1000 * value:.{digits}f}" for value in (self.share, self.low, self.high))
        return f"{share} ({low} to {high})"


@dataclass(frozen=True, slots=True)
class Consequences:
    """What limits do to parts like those of the labelled pictures.

    Attributes:
        false_rejects: good parts that fail; None without pictures of good parts.
        escapes: defective parts that pass: scores below the RETEST band; None without pictures of defects.
        good_retests, defective_retests: of either kind, parts in the RETEST band.
    """

    false_rejects: Share | None
    escapes: Share | None
    good_retests: Share | None
    defective_retests: Share | None

    def words(self) -> str:
        """For a quality engineer, in sentences."""
        good, bad = self.false_rejects, self.escapes
        first = (
            f"Of 1000 good parts about {good.of_1000()} would be rejected"
            if good
            else "How many good parts would be rejected is not known: no picture of a good part was tried"
        )
        second = (
            f"of 1000 defective ones about {bad.of_1000()} would pass."
            if bad
            else "how many defective ones would pass is not known: no picture of a defect is labelled."
        )
        text = f"{first}; {second}"
        again = [
            f"{share.of_1000()} of 1000 {kind} ones"
            for share, kind in ((self.good_retests, "good"), (self.defective_retests, "defective"))
            if share and share.count
        ]
        if again:
            text += f" About {' and '.join(again)} would be tested again."
        few = [
            f"{share.of} of {kind} parts"
            for share, kind in ((good, "good"), (bad, "defective"))
            if share and share.high - share.low > _UNCERTAIN
        ]
        if few:
            text += f" So wide a range comes from few pictures, {' and '.join(few)}: label more to know better."
        return text


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Consequences over thresholds, for a chart.

    Attributes:
        thresholds: (k,) rising, evenly spaced in the logarithm.
        false_rejects: (k,) share of good parts at or above each; None without any.
        escapes: (k,) share of defective parts below each; None without any.
    """

    thresholds: Floats
    false_rejects: Floats | None
    escapes: Floats | None


def choose_limits(held_out: Scores) -> tuple[float, float]:
    """Threshold and lower end of the RETEST band from scores of held-out good parts.

    Above their median the scores' logarithms are nearly normal (below it, pictures that resemble each
    other give a long tail that says nothing about defects), so the spread is taken from the upper half.
    The limits are one-sided prediction bounds for the next good part (Hahn & Meeker 1991, ch. 4): few
    pictures give a wider margin than many. A floor under the spread keeps pictures that are almost alike
    from giving a limit that noise crosses.

    Returns:
        (threshold, retest_from).

    Raises:
        ValueError: fewer than two scores, or some that are no finite numbers.
    """
    good = _Good.of(held_out)
    # The tail may be thicker than that: of the good parts seen so far no more than one in a hundred is a
    # FAIL, unless it lies so far out that it may be no good part at all.
    seen = float(np.quantile(held_out, 0.99, method="higher")) * 1.01
    threshold = max(good.at(_Z_FAIL), min(seen, good.at(_Z_FARTHEST)))
    return threshold, good.at(_Z_RETEST)


def choose(normal: Scores, anomalous: Scores, costs: Costs | None = None, *, prior: float = EXPECTED_DEFECTS) -> Limits:
    """The limits with the smallest expected cost.

    The share of either kind beyond a threshold is smoothed over the score's logarithm with a bandwidth that shrinks
    with the number of pictures (Azzalini 1981, "A note on the estimation of a distribution function and quantiles by
    a kernel method"): with counted shares the cheapest threshold hangs on two or three pictures. Where the kinds are
    apart, the threshold lies in the gap, nearer to the kind that varies less.

    It never lies above the farthest that good parts alone would allow (z = 3.5): labelled defects say where *they*
    score, and a threshold just below them would pass the first weaker defect of a new kind. So far out no good part
    is expected any more, and nothing is gained by going farther.

    Below the threshold, scores are a RETEST while the calibrated odds of a defect are at least a quarter of those at
    the threshold (after Chow 1970, "On optimum recognition error and reject tradeoff"), but never more than one
    good part in twenty. Few labelled pictures give a flatter calibration and so a wider band.

    The order of the scores makes no difference; scores times a factor give limits times that factor.

    Args:
        normal: (n,) scores of held-out good parts, n >= 2.
        anomalous: (m,) scores of held-out defective parts; none gives `choose_limits`.
        costs: None for `Costs()`.
        prior: share of defective parts on the line.

    Raises:
        ValueError: too few good parts, scores that are no finite numbers, or no such share.
    """
    costs = costs or Costs()
    check_prior(prior)
    good, bad = checked(normal, "good"), checked(anomalous, "defective")
    if not len(bad):
        return Limits(*choose_limits(normal))
    spread = _Good.of(good)
    farthest = math.log(spread.at(_Z_FARTHEST))
    weights = costs.false_reject * (1 - prior), costs.escape * prior
    threshold = _cheapest(logarithms(good), logarithms(bad), spread.spread, *weights, farthest)
    calibration = calibrate(good, bad)
    assert calibration is not None  # both kinds are there
    doubt = max(_doubtful_from(calibration, threshold, good[0]), _retested_from(logarithms(good), threshold))
    limit = math.exp(threshold)
    return Limits(limit, min(limit, math.exp(doubt)))


def consequences(normal: Scores, anomalous: Scores, limits: Limits) -> Consequences:
    """What these limits do, counted; `Limits(t, t)` for a threshold without a RETEST band.

    For limits chosen from the same scores this is a little too good: `cross_checked` is not.

    Args:
        normal: (n,) scores of good parts; may be empty.
        anomalous: (m,) scores of defective ones; may be empty.

    Raises:
        ValueError: scores that are no finite numbers.
    """
    return _told(_counted(checked(normal, "good"), limits), _counted(checked(anomalous, "defective"), limits))


def cross_checked(
    normal: Scores, anomalous: Scores, costs: Costs | None = None, *, prior: float = EXPECTED_DEFECTS
) -> Consequences:
    """What limits chosen in this way do to scores they were not chosen from: five times, `choose` on four fifths
    and counting in the last.

    With fewer than five good parts there is nothing to choose from; then it counts at the limits of all.

    Raises:
        ValueError: as `choose` does.
    """
    good, bad = checked(normal, "good"), checked(anomalous, "defective")
    if len(good) < _FOLDS:
        return consequences(good, bad, choose(good, bad, costs, prior=prior))
    folds = [np.arange(len(scores)) % _FOLDS for scores in (good, bad)]
    counts = np.zeros((2, 3), np.int64)
    for fold in range(_FOLDS):
        mine = [numbers == fold for numbers in folds]
        limits = choose(good[~mine[0]], bad[~mine[1]], costs, prior=prior)
        counts += [_counted(good[mine[0]], limits), _counted(bad[mine[1]], limits)]
    return _told(*counts.tolist())


def curve(normal: Scores, anomalous: Scores, points: int = 200) -> Curve:
    """Escapes and false rejects over all thresholds that make a difference.

    Raises:
        ValueError: no scores, or some that are no finite numbers.
    """
    good, bad = checked(normal, "good"), checked(anomalous, "defective")
    if not len(good) + len(bad):
        raise ValueError("a curve needs scores: try the model on labelled pictures first")
    logs = logarithms(np.concatenate([good, bad]))
    # A little beyond both ends, where everything fails and everything passes.
    thresholds = np.exp(np.linspace(logs.min() - _LEAST_SPREAD, logs.max() + _LEAST_SPREAD, points))
    return Curve(
        thresholds,
        1 - np.searchsorted(good, thresholds) / len(good) if len(good) else None,
        np.searchsorted(bad, thresholds) / len(bad) if len(bad) else None,
    )


@dataclass(frozen=True, slots=True)
class _Good:
    """How good parts' scores spread upwards: centre and spread of their logarithms, and what few pictures add."""

    centre: float
    spread: float
    widen: float

    @classmethod
    def of(cls, scores: Scores) -> _Good:
        logs = logarithms(checked(scores, "good"))
        number = len(logs)
        if number < 2:
            raise ValueError(f"{number} scores of good parts can't show how good parts differ: at least 2 are needed")
        centre = float(np.median(logs))
        above = logs[logs > centre]
        spread = max(float(np.sqrt(np.mean((above - centre) ** 2))) if len(above) else 0.0, _LEAST_SPREAD)
        return cls(centre, spread, float(np.sqrt(1 + 1 / number) * (1 + 1.0 / (number - 1))))

    def at(self, z: float) -> float:
        """The score so many spreads above the centre."""
        return float(np.exp(self.centre + z * self.spread * self.widen))


def _cheapest(good: Floats, bad: Floats, spread: float, false_reject: float, escape: float, farthest: float) -> float:
    """Logarithm of the threshold up to `farthest` with the smallest smoothed cost.

    Args:
        good, bad: sorted logarithms of scores.
        spread: of the good ones.
        false_reject, escape: what all good parts would cost if they failed, and all defective ones if they passed.
    """
    low, high = min(good[0], bad[0]), max(good[-1], bad[-1])
    if low == high:  # nothing tells them apart, and where the good parts lie is no place for a threshold
        return farthest
    high = min(high, farthest)
    scale = math.pi / math.sqrt(3)  # of the logistic kernel with a standard deviation of 1
    narrow = scale / (_BANDWIDTH * spread * len(good) ** (-1 / 3))
    wide = scale / (_BANDWIDTH * max(_spread_of(bad), spread) * len(bad) ** (-1 / 3))
    if len(bad) == 1:
        wide = scale / (_BANDWIDTH * _LONE_SPREAD * spread)

    def best(points: Floats) -> int:
        # Some points at once: all of them with thousands of pictures would take hundreds of megabytes.
        pieces = np.array_split(points[:, None], 1 + len(points) * (len(good) + len(bad)) // _AT_ONCE)
        cost = np.concatenate(
            [
                false_reject * sigmoid((good - at) * narrow).mean(axis=1)
                + escape * sigmoid((at - bad) * wide).mean(axis=1)
                for at in pieces
            ]
        )
        equal = cost <= cost.min() * (1 + _LEAST_BETWEEN)
        first = int(np.argmax(equal))
        run = equal[first:]
        last = first + (len(run) if run.all() else int(np.argmin(run))) - 1
        return (first + last) // 2  # the middle of a level stretch

    points = np.linspace(low, high, _FINE)
    near = best(points)
    points = np.linspace(points[max(near - 1, 0)], points[min(near + 1, _FINE - 1)], _FINER)
    return float(points[best(points)])


def _spread_of(logs: Floats) -> float:
    """Standard deviation, or that of a normal distribution with the same quartiles, whichever is smaller: some
    very strong defects must not smooth away the weak ones (Silverman 1986, eq. 3.30)."""
    if len(logs) < 2:
        return 0.0
    first, third = np.quantile(logs, [0.25, 0.75])
    return min(float(logs.std(ddof=1)), float(third - first) / 1.349)


def _doubtful_from(calibration: Calibration, threshold: float, lowest: float) -> float:
    """Logarithm of the score from which the odds of a defect are at least 1 / UNDECIDED of the threshold's."""
    at = calibration.probability(math.exp(threshold))
    odds = at / (1 - at) / UNDECIDED
    wanted = odds / (1 + odds)
    below, above = min(float(logarithms(lowest)), threshold), threshold
    if calibration.probability(math.exp(below)) >= wanted:
        return below
    for _ in range(50):  # halving: to 1e-15 of the distance
        middle = (below + above) / 2
        if calibration.probability(math.exp(middle)) >= wanted:
            above = middle
        else:
            below = middle
    return above


def _retested_from(good: Floats, threshold: float) -> float:
    """Logarithm of the lowest start of a band below the threshold that holds no more good parts than it may."""
    passing = good[good < threshold]
    held = int(MOST_RETESTED * len(good))
    if len(passing) <= held:
        return -math.inf
    # Halfway from the first score that no longer fits in, with all its equals, to the next.
    outside = float(passing[-held - 1])
    above = passing[passing > outside]
    return (outside + (float(above[0]) if len(above) else threshold)) / 2


def _counted(scores: Floats, limits: Limits) -> list[int]:
    """[how many, of these FAIL, of these RETEST]."""
    fails = int((scores >= limits.threshold).sum())
    return [len(scores), fails, int((scores >= limits.retest_from).sum()) - fails]


def _told(good: list[int], bad: list[int]) -> Consequences:
    return Consequences(
        false_rejects=Share(good[1], good[0]) if good[0] else None,
        escapes=Share(bad[0] - bad[1] - bad[2], bad[0]) if bad[0] else None,
        good_retests=Share(good[2], good[0]) if good[0] else None,
        defective_retests=Share(bad[2], bad[0]) if bad[0] else None,
    )
