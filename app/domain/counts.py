"""How many parts got which verdict, and the yield that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Counts:
    """Inspections by verdict.

    Attributes:
        passed, failed, retest, error: number of inspections with that verdict.
    """

    passed: int = 0
    failed: int = 0
    retest: int = 0
    error: int = 0

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.retest + self.error

    @property
    def judged(self) -> int:
        """Parts that got a final verdict: passed and failed."""
        return self.passed + self.failed

    @property
    def yield_(self) -> float | None:
        """Passed of all parts that got a final verdict, 0..1; None while there is none.

        RETEST and ERROR are left out: such a part is looked at again and counts then.
        """
        return self.passed / self.judged if self.judged else None

    def of(self, verdict: Verdict) -> int:
        """The number of inspections with this verdict."""
        return int(getattr(self, _FIELD[verdict]))

    def plus(self, verdict: Verdict, number: int = 1) -> Counts:
        """The counts after `number` more inspections with this verdict."""
        return replace(self, **{_FIELD[verdict]: self.of(verdict) + number})

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.retest + other.retest,
            self.error + other.error,
        )


_FIELD = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.RETEST: "retest",
    Verdict.ERROR: "error",
}
