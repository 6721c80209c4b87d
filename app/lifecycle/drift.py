"""Whether parts, pictures or the station's answers move away from what a model was made for.

A figure is compared week by week with a reference: scores with the first weeks in which the camera was judged by this
model, picture quality with the training pictures, false alarms with the reviews of those first weeks.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.domain.calendar import day_bounds, day_of
from app.domain.review import CameraDrift, Level, Reviewed, Trend, WeekFigure, settled
from app.domain.verdict import Verdict
from app.store.reviewing import Figures, Scored

Floats = NDArray[np.floating[Any]]

BINS = 10
PSI_MOVING, PSI_DRIFTED = 0.1, 0.25
"""Below 0.1 nothing has changed, from 0.25 on much has (Siddiqi 2006, "Credit Risk Scorecards", chapter 9)."""

KS_LEVEL = 0.01
"""A difference between two distributions counts when chance brings a larger one less often than this."""

LEAST, REFERENCE = 50, 200
"""Parts a week needs to be compared, and parts the reference needs: it takes as many whole weeks as that takes."""

EARLY = 0.5
"""Share of the way from the training pictures' middle to where a picture is refused, at which a week's median counts
as moving; at 0.8 as drifted. Single pictures scatter about the median, so the first RETESTs come at about then."""
LATE = 0.8

WEEKS = 12
"""Weeks that are shown."""

RUN = 0.00135
"""Chance of a false signal to either side: that of three standard deviations (Shewhart 1931; ISO 7870-2)."""

Week = Callable[[datetime], date]
"""The first day of the week that a moment belongs to, in the station's days."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a figure of picture quality may lie: ratios, 1 is the typical training picture; `high` None: no end."""

    low: float
    high: float | None


def week_of(day: date) -> date:
    """The Monday of a day's week (ISO 8601)."""
    return day - timedelta(days=day.weekday())


def weeks_of(first: datetime, last: datetime, zone: tzinfo, day_starts_at: time) -> Week:
    """The weeks between two moments: which one a moment belongs to is looked up, since there are many moments."""
    monday = week_of(day_of(first, zone, day_starts_at))
    mondays = [monday]
    while mondays[-1] <= day_of(last, zone, day_starts_at):
        mondays.append(mondays[-1] + timedelta(days=7))
    starts = [day_bounds(each, each, zone, day_starts_at)[0] for each in mondays]
    return lambda moment: mondays[max(bisect_right(starts, moment) - 1, 0)]


# -- distances of distributions


def psi(reference: ArrayLike, newer: ArrayLike, bins: int = BINS) -> float:
    """Population stability index (Siddiqi 2006): sum of (q - p) ln(q / p) over bins that hold equal shares of the
    reference. Half a part is added to every bin, so that an empty one does not make it endless.

    Raises:
        ValueError: either is empty.
    """
    old, new = (np.sort(np.asarray(each, np.float64).ravel()) for each in (reference, newer))
    if not old.size or not new.size:
        raise ValueError("a distribution without values can't be compared")
    edges = np.unique(np.quantile(old, np.arange(1, bins) / bins))
    counts = [np.bincount(np.searchsorted(edges, each, side="right"), minlength=edges.size + 1) for each in (old, new)]
    p, q = ((count + 0.5) / (count.sum() + 0.5 * count.size) for count in counts)
    return float(np.sum((q - p) * np.log(q / p)))


def psi_by_chance(reference: int, newer: int, bins: int = BINS) -> float:
    """What PSI stays below in 99 of 100 weeks in which nothing has changed: it follows chi-square of bins - 1 degrees
    of freedom times (1/n + 1/m) (Yurdakul 2018, "Statistical properties of the population stability index").
    Chi-square's quantile by Wilson & Hilferty (1931)."""
    free = bins - 1
    z = 2.3263478740408408
    quantile = free * (1 - 2 / (9 * free) + z * math.sqrt(2 / (9 * free))) ** 3
    return quantile * (1 / max(reference, 1) + 1 / max(newer, 1))


def ks(reference: ArrayLike, newer: ArrayLike) -> tuple[float, float]:
    """Two-sample test of Kolmogorov and Smirnov.

    Returns:
        (largest distance of the two distribution functions, chance of one at least as large; asymptotic, with the
        correction of Stephens 1970).

    Raises:
        ValueError: either is empty.
    """
    old, new = (np.sort(np.asarray(each, np.float64).ravel()) for each in (reference, newer))
    if not old.size or not new.size:
        raise ValueError("a distribution without values can't be compared")
    both = np.concatenate([old, new])
    distance = float(
        np.abs(
            np.searchsorted(old, both, side="right") / old.size - np.searchsorted(new, both, side="right") / new.size
        ).max()
    )
    root = math.sqrt(old.size * new.size / (old.size + new.size))
    z = (root + 0.12 + 0.11 / root) * distance
    if z < 0.2:  # the sum below converges slowly, and is 1 to ten digits
        return distance, 1.0
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * k * k * z * z) for k in range(1, 101))
    return distance, min(1.0, max(0.0, math.fsum(terms)))


def binomial_limits(share: float, number: int) -> tuple[float, float]:
    """Control limits of a share (p chart): the exact binomial ones that chance leaves as seldom as three standard
    deviations, since weeks have few reviews and three deviations of a small share would reach below 0.

    Returns:
        (low, high) as shares: a share below low or above high is a signal.
    """
    if number <= 0:
        return 0.0, 1.0
    chances = [_binomial(number, count, share) for count in range(number + 1)]
    below = np.cumsum(chances)
    low = int(np.searchsorted(below, RUN, side="right"))
    above = np.cumsum(chances[::-1])[::-1]
    high = max((count for count in range(number + 1) if above[count] > RUN), default=0)
    return low / number, high / number


def _binomial(number: int, count: int, share: float) -> float:
    if share <= 0.0 or share >= 1.0:
        return float(count == (number if share >= 1.0 else 0))
    ways = math.lgamma(number + 1) - math.lgamma(count + 1) - math.lgamma(number - count + 1)
    return math.exp(ways + count * math.log(share) + (number - count) * math.log1p(-share))


# -- by camera


def cameras_drift(
    scored: Sequence[Scored],
    quality: Callable[[str], dict[int, Figures]],
    spans: Callable[[str], dict[str, Span]],
    reviewed: Sequence[Reviewed],
    week: Week,
) -> list[CameraDrift]:
    """What every camera's weeks look like, with the model that judged there last. A week that is still running counts
    as it is.

    Args:
        scored: oldest first.
        quality: {inspection's number: figures} measured against the model of this SHA-256.
        spans: where the figures may lie, by "sharpness", "brightness", "blue", "red"; {} where nobody knows.
        reviewed: of all cameras.
    """
    by_camera: dict[str, list[Scored]] = defaultdict(list)
    for each in scored:
        by_camera[each.camera].append(each)
    found = []
    for camera, rows in sorted(by_camera.items()):
        newest = rows[-1]
        mine = [each for each in rows if each.sha256 == newest.sha256]
        weeks: dict[date, list[Scored]] = defaultdict(list)
        for each in mine:
            weeks[week(each.captured_at)].append(each)
        first, parts = _reference(weeks)
        trends = [_scores(weeks, first)]
        trends += _qualities(weeks, quality(newest.sha256), spans(newest.sha256))
        trends.append(_false_alarms([each for each in reviewed if each.camera == camera], weeks, week))
        words = f"{parts} parts of the first {'week' if len(first) == 1 else f'{len(first)} weeks'} with {newest.model}"
        found.append(CameraDrift(camera, newest.model, words, tuple(trends)))
    return found


def _reference(weeks: dict[date, list[Scored]]) -> tuple[list[date], int]:
    first: list[date] = []
    parts = 0
    for each in sorted(weeks):
        if parts >= REFERENCE:
            break
        first.append(each)
        parts += len(weeks[each])
    return first, parts


def _scores(weeks: dict[date, list[Scored]], first: Sequence[date]) -> Trend:
    """Median and distribution of the scores. The limits drawn are the reference's quartiles, which the median of an
    unchanged week stays between."""
    old = np.array([each.score for name in first for each in weeks[name]])
    low, high = (float(each) for each in np.quantile(old, (0.25, 0.75)))
    figures = []
    told: dict[date, str] = {}
    for name in sorted(weeks)[-WEEKS:]:
        new = np.array([each.score for each in weeks[name]])
        if old.size < REFERENCE or (new.size < LEAST and name not in first):
            level = Level.UNKNOWN
        elif name in first:
            level, told[name] = Level.STEADY, "Later weeks are compared with this one."
        else:
            level, told[name] = _moved(old, new)
        figures.append(WeekFigure(name, new.size, float(np.median(new)), low, high, level))
    # A week that has just begun does not hide what the one before has shown.
    known = [each for each in figures[-2:] if each.level is not Level.UNKNOWN]
    if not known:
        words = f"{LEAST} parts a week and {REFERENCE} to compare them with are needed."
        return Trend("Score", "", tuple(figures), Level.UNKNOWN, words)
    return Trend("Score", "", tuple(figures), known[-1].level, told[known[-1].week])


def _moved(old: Floats, new: Floats) -> tuple[Level, str]:
    index = psi(old, new)
    distance, chance = ks(old, new)
    told = f"Median {np.median(old):.2f}, now {np.median(new):.2f}. PSI {index:.2f}, KS {distance:.2f}."
    if index >= max(PSI_DRIFTED, psi_by_chance(old.size, new.size)) and chance < KS_LEVEL:
        return Level.DRIFTED, told
    if index >= PSI_MOVING and chance < KS_LEVEL:
        return Level.MOVING, told
    return Level.STEADY, told


_QUALITIES = (
    ("sharpness", "Sharpness"),
    ("brightness", "Brightness"),
    ("blue", "Blue against green"),
    ("red", "Red against green"),
)


def _qualities(weeks: dict[date, list[Scored]], quality: dict[int, Figures], spans: dict[str, Span]) -> Iterable[Trend]:
    for key, name in _QUALITIES:
        span = spans.get(key)
        if span is None:
            continue
        figures = []
        for each in sorted(weeks)[-WEEKS:]:
            measured = [getattr(quality[part.seq], key) for part in weeks[each] if part.seq in quality]
            values = [value for value in measured if value is not None]
            if not values:
                continue
            middle = median(values)
            figures.append(WeekFigure(each, len(values), middle, span.low, span.high, _way(middle, span)))
        if all(each.value == 1 for each in figures):
            continue  # a camera without colours; or no picture was measured
        last = figures[-1]
        beyond = f"below {span.low:.2f}" if span.high is None else f"beyond {span.low:.2f} to {span.high:.2f}"
        words = f"{last.value:.2f} of the training pictures; RETEST {beyond}."
        yield Trend(name, "", tuple(figures), last.level, words)


def _way(value: float, span: Span) -> Level:
    """How far a week's median is on its way from 1 to where pictures are refused, in logarithms."""
    if value <= 0:
        return Level.DRIFTED
    end = span.low if value < 1 else span.high
    way = math.log(value) / math.log(end) if end is not None and end > 0 and end != 1 else 0.0
    return Level.DRIFTED if way >= LATE else Level.MOVING if way >= EARLY else Level.STEADY


def _false_alarms(reviewed: Sequence[Reviewed], weeks: dict[date, list[Scored]], week: Week) -> Trend:
    """What is compared with are the first weeks that have enough reviews together."""
    counts: dict[date, list[int]] = {name: [0, 0] for name in sorted(weeks)}
    for part in reviewed:
        said = settled(part.reviews)
        name = week(part.captured_at)
        if said is not None and part.sampled and part.verdict is Verdict.FAIL and name in counts:
            counts[name][0] += said.verdict is Verdict.PASS
            counts[name][1] += 1
    first: list[date] = []
    wrong = of = 0
    for name in sorted(counts):
        if of >= _LEAST_REVIEWS:
            break
        first.append(name)
        wrong, of = wrong + counts[name][0], of + counts[name][1]
    figures = []
    for name in sorted(weeks)[-WEEKS:]:
        bad, number = counts[name]
        if not number:
            continue
        if name in first:
            figures.append(WeekFigure(name, number, bad / number, None, None, Level.UNKNOWN))
            continue
        low, high = binomial_limits(wrong / of, number)
        level = Level.DRIFTED if bad / number > high else Level.STEADY
        figures.append(WeekFigure(name, number, bad / number, low, high, level))
    if not figures:
        return Trend("False alarms", "%", (), Level.UNKNOWN, "No FAIL part that was drawn at random is reviewed yet.")
    last = figures[-1]
    assert last.value is not None
    told = f"{100 * last.value:.0f} % of {last.parts} FAIL parts drawn at random"
    if last.high is None:
        told += f"; later weeks are compared once there are {_LEAST_REVIEWS} reviews"
    else:
        told += f", up to {100 * last.high:.0f} % are chance"
    return Trend("False alarms", "%", tuple(figures), last.level, f"{told}.")


_LEAST_REVIEWS = 10
