"""What a part is judged to be, and the one rule that says so.

This is the line that decides PASS: `decide`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The answer for one part. ERROR is the station's word for "no answer": it is never a PASS."""

    PASS = "PASS"
    FAIL = "FAIL"
    RETEST = "RETEST"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the fused score turns into a verdict.

    Attributes:
        threshold: a score at or above it is a FAIL.
        retest_from: a score in [retest_from, threshold) is a RETEST; at most `threshold`.
    """

    threshold: float
    retest_from: float

    def __post_init__(self) -> None:
        if not self.retest_from <= self.threshold:
            raise ValueError(
                f"the retest band must end at the threshold: "
                f"retest_from {self.retest_from} > threshold {self.threshold}"
            )


def decide(score: float, limits: Limits, *, failed_rule: str = "", poor_picture: str = "") -> Verdict:
    """The verdict for one fused, uncalibrated score.

    Args:
        score: the fused score; NaN is no answer.
        limits: threshold and retest band.
        failed_rule: the words of a decision rule that failed, or empty.
        poor_picture: why the picture or the alignment can't be trusted, or empty.
    """
    if score != score:  # NaN: no answer is not a PASS
        return Verdict.ERROR
    if poor_picture:
        return Verdict.RETEST
    if score >= limits.threshold or failed_rule:
        return Verdict.FAIL
    if score >= limits.retest_from:
        return Verdict.RETEST
    return Verdict.PASS
