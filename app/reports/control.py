"""The control chart of the share of failed parts: which hours or days were out of the ordinary.

p-chart with limits that follow each subgroup's size: W. A. Shewhart, Economic Control of Quality of Manufactured
Product (1931); D. C. Montgomery, Introduction to Statistical Quality Control, section 7.2. With large subgroups the
binomial limits are too narrow whenever the true share itself moves a little; then Laney's p'-chart applies:
D. B. Laney, Improved control charts for attribute data, Quality Engineering 14 (2002) 531-537.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.reports.chance import chi_square_tail

_MOVING_RANGE = 1.128
"""d2 of two values: the mean moving range of a standard normal series."""
_ENOUGH = 10
"""Subgroups before their scatter can be told from chance."""
_LEVEL = 0.05
_FEW = 5
"""Failed parts to be expected in a subgroup below which the normal approximation of the limits is rough."""


@dataclass(frozen=True, slots=True)
class ControlPoint:
    """One subgroup.

    Attributes:
        failed, judged: its parts with FAIL, with PASS or FAIL.
        share: failed / judged; None without a judged part, as are the limits.
        low, high: the limits that hold for it.
        out: whether it lies outside of them.
    """

    name: str
    failed: int
    judged: int
    share: float | None
    low: float | None
    high: float | None
    out: bool


@dataclass(frozen=True, slots=True)
class ControlChart:
    """The share of failed parts of each subgroup.

    Attributes:
        what: "hour" or "day".
        centre: share of failed parts over all subgroups.
        sigma_z: scatter between subgroups over what chance gives, by moving ranges.
        p_value: of the scatter being chance (chi-square test of homogeneity).
        laney: the limits are Laney's, `sigma_z` times as wide: the scatter is more than chance.
    """

    what: str
    centre: float
    sigma_z: float
    p_value: float
    laney: bool
    points: tuple[ControlPoint, ...]

    @property
    def out(self) -> tuple[ControlPoint, ...]:
        return tuple(point for point in self.points if point.out)

    @property
    def words(self) -> str:
        """What it shows, and by which limits."""
        found = len(self.out)
        seen = sum(point.share is not None for point in self.points)
        text = (
            f"{found} of {seen} {self.what}s outside the limits" if found else f"All {seen} {self.what}s within limits"
        )
        text += f"; mean {self.centre:.2%} failed. "
        if self.laney:
            return text + (
                f"The {self.what}s scatter {self.sigma_z:.2f} times as much as chance alone gives (p = "
                f"{self.p_value:.3g}), so the limits are Laney's (p'-chart, 2002)."
            )
        text += "Limits: mean \u00b1 3 sqrt(p(1-p)/n) (Shewhart's p-chart)."
        expected = self.centre * sum(point.judged for point in self.points) / max(seen, 1)
        if 0 < expected < _FEW:
            text += f" They are rough: only {expected:.1f} failed parts are to be expected a {self.what}."
        return text


def p_chart(groups: Sequence[tuple[str, int, int]], what: str) -> ControlChart | None:
    """The chart of (name, failed, judged), oldest first; None where nothing was judged."""
    judged = sum(size for _, _, size in groups)
    if not judged:
        return None
    centre = sum(failed for _, failed, _ in groups) / judged
    spread = centre * (1 - centre)
    filled = [(failed, size) for _, failed, size in groups if size]
    sigma_z, p_value = 1.0, 1.0
    if spread > 0 and len(filled) > 1:
        scores = [(failed / size - centre) / math.sqrt(spread / size) for failed, size in filled]
        moves = [abs(after - before) for before, after in pairwise(scores)]
        sigma_z = sum(moves) / len(moves) / _MOVING_RANGE
        p_value = chi_square_tail(sum(score * score for score in scores), len(scores) - 1)
    laney = len(filled) >= _ENOUGH and p_value < _LEVEL and sigma_z > 1
    points = []
    for name, failed, size in groups:
        if not size:
            points.append(ControlPoint(name, failed, size, None, None, None, False))
            continue
        wide = 3 * math.sqrt(spread / size) * (sigma_z if laney else 1.0)
        low, high, share = max(0.0, centre - wide), min(1.0, centre + wide), failed / size
        points.append(ControlPoint(name, failed, size, share, low, high, not low - 1e-12 <= share <= high + 1e-12))
    return ControlChart(what, centre, sigma_z, p_value, laney, tuple(points))
