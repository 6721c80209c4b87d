"""95 % confidence intervals of a detector's figures, each by a method that still holds where all answers are right."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from app.domain.versions import Measure

Z = 1.959964
"""Of the normal distribution, two-sided 95 %."""

UNKNOWN = Measure(None)
_RESAMPLES = 1000


def share(count: int, of: int) -> Measure:
    """`count` of `of`, by Wilson's score interval (Wilson 1927, "Probable inference, the law of succession, and
    statistical inference"); unknown for none of none."""
    return UNKNOWN if of == 0 else Measure(count / of, *wilson(count / of, of))


def wilson(value: float, of: float) -> tuple[float, float]:
    """Wilson's interval of a share `value` seen among `of`."""
    middle = (value + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * math.sqrt(value * (1 - value) / of + Z * Z / (4 * of * of))
    return max(0.0, min(value, middle - half)), min(1.0, max(value, middle + half))


def f1(tp: int, fp: int, fn: int) -> Measure:
    """F1 = 2 J / (1 + J) rises with J = tp / (tp + fp + fn), a share of the pictures that are or are called defects:
    the ends of J's Wilson interval, through the same formula."""
    among = tp + fp + fn
    if tp + fn == 0:
        return UNKNOWN
    low, high = wilson(tp / among, among)
    return Measure(2 * tp / (2 * tp + fp + fn), 2 * low / (1 + low), 2 * high / (1 + high))


def auroc(value: float | None, normals: int, anomalies: int) -> Measure:
    """By Newcombe's method 5, which turns Hanley and McNeil's variance into a score interval (Newcombe 2006,
    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2")."""
    if value is None:
        return UNKNOWN
    star = (normals + anomalies) / 2 - 1

    def off(at: float) -> float:
        variance = at * (1 - at) * (1 + star * (1 - at) / (2 - at) + star * at / (1 + at)) / (normals * anomalies)
        return abs(value - at) - Z * math.sqrt(max(0.0, variance))

    def end(outer: float) -> float:
        inside, outside = value, outer
        if off(outside) <= 0:
            return outside
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if off(middle) <= 0 else (inside, middle)
        return inside

    return Measure(value, end(0.0), end(1.0))


def average_precision(value: float | None, anomalies: int) -> Measure:
    """The binomial interval over the defects (Boyd, Eng & Page 2013, "Area under the precision-recall curve: point
    estimates and confidence intervals"), in Wilson's form, which does not collapse at 1."""
    return UNKNOWN if value is None or not anomalies else Measure(value, *wilson(value, anomalies))


def overlap(pictures: Sequence[tuple[int, int]]) -> Measure:
    """Intersection over union summed over pictures of (pixels in both, pixels in either), by the percentile bootstrap
    over pictures (Efron 1979), always from the same random numbers."""
    counts = np.array(pictures, np.float64).reshape(-1, 2)
    if not len(counts) or not counts[:, 1].sum():
        return UNKNOWN
    value = counts[:, 0].sum() / counts[:, 1].sum()
    if len(counts) == 1:
        return Measure(float(value))
    drawn = np.random.default_rng(0).integers(0, len(counts), (_RESAMPLES, len(counts)))
    sums = counts[drawn].sum(axis=1)
    found = sums[:, 0] / np.maximum(sums[:, 1], 1)
    low, high = np.quantile(found, [0.025, 0.975])
    return Measure(float(value), float(min(value, low)), float(max(value, high)))
