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
from app.domain.gauge import MOST_TRIALS
from app.reports.chance import Range, cohens_kappa, fleiss_kappa
from app.vision.calibration import clopper_pearson

# Fit from the first, perhaps good enough from the second (AIAG, table "effectiveness guidelines").
EFFECTIVE: Final = (0.90, 0.80)
MISSED: Final = (0.02, 0.05)
FALSE_ALARMS: Final = (0.05, 0.10)

# Of kappa: good agreement from the first, poor below the second (AIAG, the same section).
AGREED: Final = (0.75, 0.40)

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
        grade: by the share itself, as AIAG does, not by its interval; None where AIAG gives no limits.
    """

    count: int
    of: int
    low: float
    high: float
    grade: Grade | None

    @property
    def value(self) -> float | None:
        """0..1; None for none of none."""
        return self.count / self.of if self.of else None

    @property
    def words(self) -> str:
        """Such as "84.0 % (42 of 50; 70.9 to 92.8 %): marginal, may need improvement"."""
        if self.value is None:
            return f"{Grade.UNKNOWN}: the study has no such part."
        words = f"{self.value:.1%} ({self.count} of {self.of}; {self.low:.1%} to {self.high:.1%})".replace("%", " %")
        return f"{words}: {self.grade}" if self.grade is not None else words


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

    @property
    def meaning(self) -> str:
        """What the grade says of the inspector, and what to do, in words."""
        weak = [
            words
            for rate, words in (
                (self.missed, "lets defective parts pass"),
                (self.false_alarms, "rejects good parts"),
                (self.effectiveness, "does not judge the same part rightly each time"),
            )
            if rate.grade in (Grade.MARGINAL, Grade.UNFIT)
        ]
        if self.grade is Grade.FIT:
            return "Judges as the reference does, each time."
        if not weak:
            return "The study lacks parts of one kind, so one rate was not measured."
        told = weak[0] if len(weak) == 1 else f"{', '.join(weak[:-1])} and {weak[-1]}"
        way = "Improve" if self.grade is Grade.MARGINAL else "Do not rely on these verdicts before improving"
        return f"{told[0].upper()}{told[1:]}. {way}: look at the parts judged wrongly together, and agree on the limit."


@dataclass(frozen=True, slots=True)
class Study:
    """The results.

    Attributes:
        parts, trials: how many.
        inspectors: in the order of their first answer.
        pairs: {(one, other): Cohen's kappa, each trial of one with the same trial of the other}.
        kappa: Fleiss' over all inspectors and trials; None where all said one single word.
        agreed: parts of which all inspectors said the same in every trial, right or wrong.
        right: parts that all inspectors judged as the reference in every trial.
        disputed: parts of which somebody said once what the reference does not; most wrong answers first.
    """

    parts: int
    trials: int
    inspectors: tuple[Inspector, ...]
    pairs: Mapping[tuple[str, str], Range | None]
    kappa: float | None
    agreed: Rate
    right: Rate
    disputed: tuple[str, ...]


def kappa_words(value: float | None) -> str:
    """What a kappa means by AIAG's rule of thumb."""
    if value is None:
        return "can't be told: only one word was said"
    good, poor = AGREED
    return "good agreement" if value >= good else "poor agreement" if value < poor else "fair agreement"


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
    wrong = {
        part: sum(given[part, trial] is not good for given in said.values() for trial in range(1, trials + 1))
        for part, good in reference.items()
    }
    return Study(
        len(reference),
        trials,
        inspectors,
        pairs,
        fleiss_kappa(everything),
        _rate(sum(len(words) == 1 for words in everything), len(reference)),
        _rate(sum(not count for count in wrong.values()), len(reference)),
        tuple(sorted((part for part, count in wrong.items() if count), key=lambda part: -wrong[part])),
    )


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
        _rate(same, len(words)),
        cohens_kappa(against),
    )


def _rate(count: int, of: int, limits: tuple[float, float] | None = None, *, high_is_good: bool = False) -> Rate:
    if not of:
        return Rate(0, 0, 0.0, 1.0, Grade.UNKNOWN)
    low, high = clopper_pearson(count, of)
    if limits is None:
        return Rate(count, of, low, high, None)
    sign = 1 if high_is_good else -1
    fit, marginal = (sign * (count / of - limit) >= 0 for limit in limits)
    return Rate(count, of, low, high, Grade.FIT if fit else Grade.MARGINAL if marginal else Grade.UNFIT)


def _word(good: bool) -> str:
    return _GOOD if good else _BAD
