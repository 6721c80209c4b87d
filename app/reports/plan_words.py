"""What a line of the plan says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One statement.

    Attributes:
        value, low, high: the figure and its 95 % interval, where it has one.
        unit: of the three.
        basis: the counts it came from, and the method where there is one.
    """

    topic: str
    what: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    basis: str
