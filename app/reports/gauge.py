"""Gauge R&R by attributes: do inspectors, people or the model, judge parts as the reference does, and as each other.

After AIAG, "Measurement Systems Analysis", 4th edition, chapter III section C: every inspector judges every part
several times, blind. Cohen's kappa (1960) for two, Fleiss' kappa (1971) over all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final

from app.domain.errors import LinesightError
from app.reports.chance import Range, cohens_kappa, fleiss_kappa
from app.vision.calibration import clopper_pearson

# Fit from the first, perhaps good enough from the second (AIAG, table "effectiveness guidelines").
EFFECTIVE: Final = (0.90, 0.80)
MISSED: Final = (0.02, 0.05)
FALSE_ALARMS: Final = (0.05, 0.10)

MOST_TRIALS: Final = 20

_GOOD, _BAD = "good", "bad"


class Grade(StrEnum):
    """What a figure means after AIAG's limits."""

    FIT = "acceptable"
    MARGINAL = "marginal, may need improvement"
    UNFIT = "not acceptable, needs improvement"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Answer:
    """One judgement.

    Attributes:
        inspector, part: their names.
        trial: from 1.
        good: what was said.
    """

    inspector: str
    part: str
    trial: int
    good: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its exact interval.

    Attributes:
        count, of: what it is the share of.
        low, high: 95 % (Clopper & Pearson 1934); (0, 1) for none of none.
        grade: by the share itself, as AIAG does, not by its interval.
    """

    count: int
    of: int
    low: float
    high: float
    grade: Grade

    @property
    def value(self) -> float | None:
        """0..1; None for none of none."""
        return self.count / self.of if self.of else None

    @property
    def words(self) -> str:
        """Such as "84.0 % (42 of 50; 70.9 to 92.8 %): marginal, may need improvement"."""
        if self.value is None:
            return f"{self.grade}: the study has no such part."
        return f"{self.value:.1%} ({self.count} of {self.of}; {self.low:.1%} to {self.high:.1%}): {self.grade}".replace(
            "%", " %"
        )


@dataclass(frozen=True, slots=True)
class Inspector:
    """How one inspector did.

    Attributes:
        effectiveness: parts that were judged as the reference in every trial, of all parts.
        missed: judgements "good" of those on bad parts. The interval takes trials as independent, so it is too narrow
            where the same part is missed again and again.
        false_alarms: judgements "bad" of those on good parts; likewise.
        repeated: parts that got the same word in every trial, right or wrong, of all parts.
        kappa: Cohen's, of all judgements against the reference; None where both always say the same one word.
    """

    name: str
    effectiveness: Rate
    missed: Rate
    false_alarms: Rate
    repeated: Rate
    kappa: Range | None

    @property
    def grade(self) -> Grade:
        """The worst of the three that AIAG gives limits for; UNKNOWN if one was not measured and none is worse."""
        grades = {self.effectiveness.grade, self.missed.grade, self.false_alarms.grade}
        return next(each for each in (Grade.UNFIT, Grade.UNKNOWN, Grade.MARGINAL, Grade.FIT) if each in grades)


@dataclass(frozen=True, slots=True)
class Study:
    """The results.

    Attributes:
        parts, trials: how many.
        inspectors: in the order of their first answer.
        pairs: {(one, other): Cohen's kappa, each trial of one with the same trial of the other}.
        kappa: Fleiss' over all inspectors and trials; None where all said one single word.
    """

    parts: int
    trials: int
    inspectors: tuple[Inspector, ...]
    pairs: Mapping[tuple[str, str], Range | None]
    kappa: float | None


def study_of(reference: Mapping[str, bool], answers: Iterable[Answer]) -> Study:
    """The figures of a complete study.

    Args:
        reference: {part: whether it is good}.

    Raises:
        LinesightError: no part, no answer, an answer given twice or for another part, or one that is missing.
    """
    said: dict[str, dict[tuple[str, int], bool]] = {}
    for each in answers:
        if each.part not in reference:
            raise LinesightError(f"{each.inspector} judged part {each.part}, which is not in the study.")
        if not 1 <= each.trial <= MOST_TRIALS:
            raise LinesightError(f"Trial {each.trial} can't be: a study has 1 to {MOST_TRIALS}.")
        given = said.setdefault(each.inspector, {})
        if (each.part, each.trial) in given:
            raise LinesightError(f"{each.inspector} judged part {each.part} twice in trial {each.trial}.")
        given[each.part, each.trial] = each.good
    if not reference or not said:
        raise LinesightError("A study needs parts, and somebody who has judged them.")
    trials = max(trial for given in said.values() for _, trial in given)
    units = [(part, trial) for part in reference for trial in range(1, trials + 1)]
    for name, given in said.items():
        missing = next((unit for unit in units if unit not in given), None)
        if missing is not None:
            raise LinesightError(
                f"{name} has {len(units) - len(given)} of {len(units)} answers left, the first for part {missing[0]} "
                f"in trial {missing[1]}. Finish the study first."
            )
    everything = [
        Counter(_word(given[part, trial]) for given in said.values() for trial in range(1, trials + 1))
        for part in reference
    ]
    pairs = {
        (one, other): cohens_kappa(Counter((_word(said[one][unit]), _word(said[other][unit])) for unit in units))
        for one, other in combinations(said, 2)
    }
    inspectors = tuple(_inspector(name, given, reference, trials) for name, given in said.items())
    return Study(len(reference), trials, inspectors, pairs, fleiss_kappa(everything))


def _inspector(
    name: str, given: Mapping[tuple[str, int], bool], reference: Mapping[str, bool], trials: int
) -> Inspector:
    words = {part: [given[part, trial] for trial in range(1, trials + 1)] for part in reference}
    on_bad = [good for part, said in words.items() if not reference[part] for good in said]
    on_good = [good for part, said in words.items() if reference[part] for good in said]
    right = sum(all(good is reference[part] for good in said) for part, said in words.items())
    same = sum(len(set(said)) == 1 for said in words.values())
    against = Counter((_word(good), _word(reference[part])) for (part, _), good in given.items())
    return Inspector(
        name,
        _rate(right, len(words), EFFECTIVE, high_is_good=True),
        _rate(sum(on_bad), len(on_bad), MISSED),
        _rate(len(on_good) - sum(on_good), len(on_good), FALSE_ALARMS),
        _rate(same, len(words), EFFECTIVE, high_is_good=True),
        cohens_kappa(against),
    )


def _rate(count: int, of: int, limits: tuple[float, float], *, high_is_good: bool = False) -> Rate:
    if not of:
        return Rate(0, 0, 0.0, 1.0, Grade.UNKNOWN)
    low, high = clopper_pearson(count, of)
    sign = 1 if high_is_good else -1
    fit, marginal = (sign * (count / of - limit) >= 0 for limit in limits)
    return Rate(count, of, low, high, Grade.FIT if fit else Grade.MARGINAL if marginal else Grade.UNFIT)


def _word(good: bool) -> str:
    return _GOOD if good else _BAD
