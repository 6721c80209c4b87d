"""An attribute gauge study: parts of known verdict that appraisers judge several times, blind, in random order.

After AIAG, "Measurement Systems Analysis", 4th edition, chapter III section C. What the answers say is counted in
`app.reports.gauge`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.domain.errors import LinesightError

MOST_TRIALS: Final = 20
MOST_PARTS: Final = 1000
MOST_APPRAISERS: Final = 20


@dataclass(frozen=True, slots=True)
class GaugePart:
    """One part.

    Attributes:
        number: from 1, within the study.
        picture: the name of its file in the study's folder, which tells nothing of the verdict.
        origin: where the picture came from, for whoever reads the result.
        good: the reference.
    """

    number: int
    picture: str
    origin: str
    good: bool


@dataclass(frozen=True, slots=True)
class GaugeAnswer:
    """One judgement.

    Attributes:
        appraiser: as in the study.
        part: its number.
        trial: from 1.
        good: what was said.
        at: UTC.
        by: who was signed in; of the model its NAME@VERSION.
        note: what else was said, such as the model's RETEST; "" for nothing.
    """

    appraiser: str
    part: int
    trial: int
    good: bool
    at: datetime
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an appraiser is shown: neither the reference nor what anybody said.

    Attributes:
        part: its number, for the picture and the answer.
        trial: from 1.
        place, of: which one of the trial's parts, from 1.
        can_undo: whether the last answer was given in this trial.
    """

    part: int
    trial: int
    place: int
    of: int
    can_undo: bool


@dataclass(frozen=True, slots=True)
class GaugeStudy:
    """A study with all that was said so far.

    Attributes:
        id: 32 hex digits.
        model: the appraiser that is the station's released model; "" where it takes no part.
        product: whose released model that is.
        ended: whether it was ended before everybody had finished.
    """

    id: str
    name: str
    made_at: datetime
    by: str
    parts: tuple[GaugePart, ...]
    appraisers: tuple[str, ...]
    trials: int
    model: str = ""
    product: str = ""
    answers: tuple[GaugeAnswer, ...] = ()
    ended: bool = False

    @property
    def everybody(self) -> tuple[str, ...]:
        """The appraisers, the model last."""
        return (*self.appraisers, *((self.model,) if self.model else ()))

    @property
    def size(self) -> int:
        """Answers that each appraiser gives."""
        return len(self.parts) * self.trials

    def of(self, appraiser: str) -> list[GaugeAnswer]:
        """In the order they were given."""
        return [each for each in self.answers if each.appraiser == appraiser]

    def finished(self, appraiser: str) -> bool:
        return len(self.of(appraiser)) == self.size

    @property
    def complete(self) -> bool:
        """Whether the result may be seen: until then somebody still has to judge blind."""
        return self.ended or all(self.finished(each) for each in self.everybody)

    def order(self, appraiser: str, trial: int) -> list[GaugePart]:
        """The parts as this appraiser is shown them in this trial: random, and the same after a restart."""
        parts = list(self.parts)
        random.Random(f"{self.id}/{appraiser}/{trial}").shuffle(parts)
        return parts

    def turn(self, appraiser: str) -> Turn | None:
        """What an appraiser judges next; None once all is judged or the study was ended."""
        given = len(self.of(self._known(appraiser)))
        if self.ended or given >= self.size:
            return None
        trial, place = divmod(given, len(self.parts))
        part = self.order(appraiser, trial + 1)[place]
        return Turn(part.number, trial + 1, place + 1, len(self.parts), place > 0)

    def answered(self, turn: Turn, answer: GaugeAnswer) -> GaugeStudy:
        """With one more answer.

        Raises:
            LinesightError: it is not this part's turn, as after an answer from another window.
        """
        if self.turn(answer.appraiser) != turn or (answer.part, answer.trial) != (turn.part, turn.trial):
            raise LinesightError(f"{answer.appraiser} has gone on meanwhile. Open the trial again to see where it is.")
        return replace(self, answers=(*self.answers, answer))

    def undone(self, appraiser: str) -> GaugeStudy:
        """Without the appraiser's last answer of the trial under way.

        Raises:
            LinesightError: there is none: a trial that is finished stays as it is.
        """
        given = self.of(self._known(appraiser))
        if self.ended or len(given) % len(self.parts) == 0:
            raise LinesightError("There is no answer in this trial to take back.")
        return replace(self, answers=tuple(each for each in self.answers if each is not given[-1]))

    def part(self, number: int) -> GaugePart:
        found = next((each for each in self.parts if each.number == number), None)
        if found is None:
            raise LinesightError(f"{self.name} has no part {number}.")
        return found

    def _known(self, appraiser: str) -> str:
        if appraiser not in self.everybody:
            raise LinesightError(f"{appraiser} is no appraiser of {self.name}.")
        return appraiser


def checked_study(study: GaugeStudy) -> GaugeStudy:
    """The study as it is.

    Raises:
        LinesightError: it can't be one; says what to change.
    """
    if not study.name.strip():
        raise LinesightError("Give the study a name.")
    if not 1 <= len(study.parts) <= MOST_PARTS:
        raise LinesightError(f"A study has 1 to {MOST_PARTS} parts, this one has {len(study.parts)}.")
    if len({part.good for part in study.parts}) < 2:
        missing = "defective" if study.parts[0].good else "good"
        raise LinesightError(f"There is no {missing} part. A study needs good parts and defective ones.")
    if not 1 <= study.trials <= MOST_TRIALS:
        raise LinesightError(f"A study has 1 to {MOST_TRIALS} trials, not {study.trials}.")
    if not 1 <= len(study.everybody) <= MOST_APPRAISERS:
        raise LinesightError(f"Name 1 to {MOST_APPRAISERS} appraisers.")
    names = [name.casefold() for name in study.everybody]
    twice = next((each for each in study.everybody if names.count(each.casefold()) > 1), None)
    if twice is not None:
        raise LinesightError(f"{twice} stands there twice. Give each appraiser a name of their own.")
    return study


def advice(parts: Sequence[bool], appraisers: int, trials: int) -> list[str]:
    """What makes a study too small to trust, in words; after AIAG's example of 50 parts, 3 appraisers, 3 trials.

    Args:
        parts: the reference of each.
    """
    defective = sum(not good for good in parts)
    found = []
    if len(parts) < 50:
        found.append(f"{len(parts)} parts are few: 50 or more tell a marginal appraiser from a good one.")
    if parts and not 0.2 <= defective / len(parts) <= 0.8:
        found.append(
            f"{defective} of {len(parts)} parts are defective: with a fifth or more of each kind, both rates hold."
        )
    if trials < 2:
        found.append("With one trial nobody's repeatability is measured: plan 3.")
    if appraisers < 2:
        found.append("With one appraiser no agreement between appraisers is measured.")
    return found
