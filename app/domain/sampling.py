"""Sampling inspection by attributes after ISO 2859-1:1999: tables 1 and 2-A to 2-C for single sampling, arrows
followed, the switching rules of clause 9.3, and the operating characteristic of a plan.

The master tables have one structure: along a diagonal (one AQL coarser, one code letter earlier) the acceptance number
stays the same. So they are kept as one sequence of acceptance numbers a table, and what the edges cut off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from app.domain.errors import LinesightError

AQLS = (
    0.010, 0.015, 0.025, 0.040, 0.065, 0.10, 0.15, 0.25, 0.40, 0.65, 1.0, 1.5, 2.5, 4.0, 6.5, 10.0,
    15.0, 25.0, 40.0, 65.0, 100.0, 150.0, 250.0, 400.0, 650.0, 1000.0,
)  # fmt: skip
"""Preferred acceptance quality limits: percent nonconforming up to 10, nonconformities per 100 items over all."""

PERCENT_UP_TO = 10.0

LEVELS = ("I", "II", "III", "S-1", "S-2", "S-3", "S-4")

LETTERS = "ABCDEFGHJKLMNPQR"
_WITH_S = LETTERS + "S"  # S stands in the table for tightened inspection alone

_SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150)
_REDUCED_SIZES = (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800)

_UP_TO = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)
_CODE_LETTERS = {
    "I": "AABCCDEFGHJKLMN",
    "II": "ABCDEFGHJKLMNPQ",
    "III": "BCDEFGHJKLMNPQR",
    "S-1": "AAAABBBBCCCCDDD",
    "S-2": "AAABBBCCCDDDEEE",
    "S-3": "AABBCCDDEEFFGGH",
    "S-4": "AABCCDEEFGGHJJK",
}
"""Table 1: the code letter by lot size, one for each range that ends at `_UP_TO`, and beyond."""


class Severity(StrEnum):
    """How strictly the next lot is inspected."""

    NORMAL = "normal"
    TIGHTENED = "tightened"
    REDUCED = "reduced"
    DISCONTINUED = "discontinued"


_NORMAL = {0: 0, 3: 1, 4: 2, 5: 3, 6: 5, 7: 7, 8: 10, 9: 14, 10: 21, 11: 30, 12: 44}
_TIGHTENED = {1: 0, 4: 1, 5: 2, 6: 3, 7: 5, 8: 8, 9: 12, 10: 18, 11: 27, 12: 41}
_REDUCED = {0: 0, 4: 1, 5: 2, 6: 3, 7: 5, 8: 6, 9: 8, 10: 10, 11: 14, 12: 21}
_REDUCED_B = {0: 0, 4: 1, 5: 2, 6: 3, 7: 5, 8: 7, 9: 10, 10: 14, 11: 21, 12: 30}
"""Acceptance numbers by diagonal (index of the AQL + index of the letter - 14); what is missing is an arrow. In the
table for reduced inspection A and B, whose samples are no smaller than in the others, have rows of their own."""
_LAST = 10
"""From code letter F on, the diagonal where the tables end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A single sampling plan.

    Attributes:
        letter: the code letter it stands at, arrows followed.
        size: parts to be inspected.
        accept: Ac: so many or fewer found, and the lot is acceptable.
    """

    letter: str
    size: int
    accept: int

    @property
    def reject(self) -> int:
        """Re: so many or more found, and the lot is not acceptable."""
        return self.accept + 1


def code_letter(lot_size: int, level: str) -> str:
    """The code letter of table 1.

    Raises:
        LinesightError: fewer than two parts, or no such level.
    """
    if lot_size < 2:
        raise LinesightError("A lot to be sampled has 2 parts or more. Type how many parts the lot holds.")
    if level not in _CODE_LETTERS:
        raise LinesightError(f"There is no inspection level {level}. Choose {', '.join(LEVELS)}.")
    row = sum(lot_size > limit for limit in _UP_TO)
    return _CODE_LETTERS[level][row]


@lru_cache(maxsize=2000)
def plan_for(letter: str, aql: float, severity: Severity) -> Plan:
    """The plan of the master table, arrows followed to the first plan in their direction.

    Args:
        severity: what stands in place of DISCONTINUED is tightened inspection, with which it is taken up again.

    Raises:
        LinesightError: no such letter or AQL.
    """
    if letter not in LETTERS:
        raise LinesightError(f"There is no code letter {letter}.")
    if aql not in AQLS:
        raise LinesightError(f"{aql:g} is no preferred AQL. Choose one of {', '.join(f'{each:g}' for each in AQLS)}.")
    if severity is Severity.DISCONTINUED:
        severity = Severity.TIGHTENED
    column, row = AQLS.index(aql), LETTERS.index(letter)
    rows = len(_WITH_S) if severity is Severity.TIGHTENED else len(LETTERS)
    step = -1 if _points_up(column + row - 14, severity) else 1
    for way in (step, -step):  # where nothing lies in the arrow's direction, the table's edge turns it round
        at = row
        while 0 <= at < rows:
            accept = _cell(column, at, severity)
            if accept is not None:
                return Plan(_WITH_S[at], _sizes(severity)[at], accept)
            at += way
    raise AssertionError("every column has a plan")


def _points_up(diagonal: int, severity: Severity) -> bool:
    """The arrow beside 0/1 points up in the tables for normal and reduced inspection; those behind the last
    acceptance number all do."""
    return diagonal > _LAST or (diagonal == 1 and severity is not Severity.TIGHTENED)


def _cell(column: int, row: int, severity: Severity) -> int | None:
    """The acceptance number that stands in a cell; None for an arrow."""
    diagonal = column + row - 14
    if row == len(LETTERS):  # S: one plan, for an AQL of 0.025
        return 1 if column == 2 else None
    if row >= LETTERS.index("F") and diagonal > _LAST:
        return None
    if severity is Severity.TIGHTENED:
        return _TIGHTENED.get(diagonal)
    if severity is Severity.REDUCED:
        if row == 0:  # two parts, as in normal inspection
            return _NORMAL.get(diagonal)
        return (_REDUCED_B if row == 1 else _REDUCED).get(diagonal)
    return _NORMAL.get(diagonal)


def _sizes(severity: Severity) -> tuple[int, ...]:
    return _REDUCED_SIZES if severity is Severity.REDUCED else _SIZES


# -- switching


@dataclass(frozen=True, slots=True)
class PastLot:
    """What the switching rules need of a lot that was inspected, of one class of nonconformities.

    Attributes:
        severity: it was inspected with.
        accepted: on original inspection, by the numbers alone; a concession afterwards changes nothing here.
        accept: Ac of its plan.
        stricter: whether it would have been accepted with the next smaller AQL too.
        resumed: the first one after sampling was discontinued: the supplier has acted.
    """

    severity: Severity
    accepted: bool
    accept: int = 0
    stricter: bool = False
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Switching:
    """Where the switching rules stand.

    Attributes:
        severity: for the next lot.
        score: the switching score, 0 outside normal inspection.
        words: why.
    """

    severity: Severity
    score: int
    words: str


SCORE_FOR_REDUCED = 30
_REJECTED_TO_END = 5
_ACCEPTED_TO_EASE = 5


def switching(lots: Sequence[PastLot], *, reduced_agreed: bool = False) -> Switching:
    """The severity for the next lot (clause 9.3).

    Args:
        lots: of one supplier, material and AQL, oldest first.
        reduced_agreed: production is steady and the responsible authority wants reduced inspection.
    """
    severity, words = Severity.NORMAL, "Inspection begins with normal."
    score = accepted_in_a_row = rejected = 0
    recent: list[bool] = []
    for lot in lots:
        if severity is Severity.DISCONTINUED:
            severity, rejected, accepted_in_a_row = Severity.TIGHTENED, 0, 0
            words = "Taken up again with tightened inspection."
        if severity is Severity.TIGHTENED:
            if lot.resumed:
                rejected = accepted_in_a_row = 0
            accepted_in_a_row = accepted_in_a_row + 1 if lot.accepted else 0
            rejected += not lot.accepted
            if accepted_in_a_row >= _ACCEPTED_TO_EASE:
                severity, score, recent = Severity.NORMAL, 0, []
                words = "Back to normal: 5 lots in a row were accepted under tightened inspection."
            elif rejected >= _REJECTED_TO_END:
                severity = Severity.DISCONTINUED
                words = "5 lots were not accepted under tightened inspection. The supplier has to act first."
            continue
        if severity is Severity.REDUCED:
            if not lot.accepted or lot.severity is not Severity.REDUCED:
                severity, score, recent = Severity.NORMAL, 0, []
                words = (
                    "Back to normal: a lot was not accepted under reduced inspection."
                    if not lot.accepted
                    else "Back to normal: the last lot was not inspected with reduced inspection."
                )
            continue
        recent = [*recent, lot.accepted][-5:]
        if recent.count(False) >= 2:
            severity, score, rejected, accepted_in_a_row, recent = Severity.TIGHTENED, 0, 0, 0, []
            words = "Tightened: 2 of 5 lots or fewer in a row were not accepted."
            continue
        score = _score(score, lot)
        words = f"Normal. Switching score {score} of {SCORE_FOR_REDUCED}."
        if score >= SCORE_FOR_REDUCED and reduced_agreed:
            severity = Severity.REDUCED
            words = f"Reduced: the switching score has reached {SCORE_FOR_REDUCED}."
    return Switching(severity, score if severity is Severity.NORMAL else 0, words)


def _score(score: int, lot: PastLot) -> int:
    """Clause 9.3.3.2 for single sampling."""
    if lot.accept >= 2:
        return score + 3 if lot.accepted and lot.stricter else 0
    return score + 2 if lot.accepted else 0


def stricter_accepts(letter: str, aql: float, severity: Severity, size: int, found: int) -> bool:
    """Whether so many found would be acceptable with the next smaller AQL: False where that plan needs another sample,
    since then nobody can tell."""
    index = AQLS.index(aql)
    if index == 0:
        return False
    tighter = plan_for(letter, AQLS[index - 1], severity)
    return tighter.size == size and found <= tighter.accept


# -- operating characteristic


def acceptance(plan: Plan, share: float, *, lot_size: int | None = None, per_item: bool = True) -> float:
    """The probability that a lot of this quality is accepted.

    Args:
        share: nonconforming parts (0..1), or nonconformities an item where `per_item` is False.
        lot_size: with it the exact hypergeometric probability of the nearest whole number of bad parts; else binomial.
        per_item: False counts nonconformities, which are Poisson.
    """
    n, accept = plan.size, plan.accept
    if not per_item:
        mean = n * share
        if mean == 0:
            return 1.0
        return min(1.0, math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(accept + 1)))
    share = min(max(share, 0.0), 1.0)
    if lot_size is not None:
        n, bad = min(n, lot_size), round(share * lot_size)
        ways = math.comb(lot_size, n)
        return math.fsum(
            math.comb(bad, k) * math.comb(lot_size - bad, n - k) / ways for k in range(min(accept, bad, n) + 1)
        )
    if share in (0.0, 1.0):
        return 1.0 if share == 0 or accept >= n else 0.0
    log_p, log_q = math.log(share), math.log1p(-share)
    return min(
        1.0,
        math.fsum(
            math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q)
            for k in range(min(accept, n) + 1)
        ),
    )


def quality_at(plan: Plan, probability: float, *, per_item: bool = True) -> float:
    """The share at which a lot is accepted with this probability (binomial, or Poisson for nonconformities): 0.95 gives
    what the supplier must keep to, 0.10 the limiting quality."""
    low, high = 0.0, 1.0
    while not per_item and acceptance(plan, high, per_item=False) > probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if acceptance(plan, middle, per_item=per_item) > probability else (low, middle)
    return (low + high) / 2
