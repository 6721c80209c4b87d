"""How scores and yield go on over a station's day."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.counts import Counts
from app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One part.

    Attributes:
        score, threshold: None where there was no answer.
    """

    part_id: str
    verdict: Verdict
    score: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Trend:
    """
    Attributes:
        points: of the newest parts, oldest first.
        hours: (hour of the clock, counts) of the newest hours of the station's day in which there were parts.
    """

    points: tuple[TrendPoint, ...]
    hours: tuple[tuple[int, Counts], ...]
