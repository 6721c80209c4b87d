"""Review: what people say of parts after the verdict, and what follows from it. The first verdict stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.domain.records import Review
from app.domain.verdict import Verdict

Outline = tuple[tuple[int, int], ...]
"""A polygon in pixels of the original, closed implicitly."""


class Answer(StrEnum):
    """What a person may say of a part."""

    TRUE_DEFECT = "true defect"
    FALSE_ALARM = "false alarm"
    UNSURE = "unsure"


VERDICT_OF = {Answer.TRUE_DEFECT: Verdict.FAIL, Answer.FALSE_ALARM: Verdict.PASS, Answer.UNSURE: Verdict.RETEST}
ANSWER_OF = {verdict: answer for answer, verdict in VERDICT_OF.items()}


class Origin(StrEnum):
    """Where a row of the table of reviews came from."""

    OVERRIDE = ""  # said outside the review: at the line, at the bench, on a round
    REVIEW = "review"
    SECOND = "second opinion"  # blind
    UNDO = "undo"


class Why(StrEnum):
    """Why a part is to be looked at, the most urgent first."""

    ASKED = "sent from the line"
    OVERRIDE = "operator said otherwise"
    DISAGREEMENT = "reviewers disagree"
    UNSURE = "somebody was unsure"
    SECOND = "second opinion"
    RETEST = "retest"
    DOUBT = "low confidence"
    FAIL_SAMPLE = "random fail"
    PASS_SAMPLE = "random pass"


URGENCY = {why: place for place, why in enumerate(Why)}


@dataclass(frozen=True, slots=True)
class QueueRule:
    """What comes into the queue.

    Attributes:
        pass_rate, fail_rate: shares 0..1 of all PASS and FAIL parts, drawn at random. The random ones alone tell how
            often the station is wrong: doubtful ones are wrong more often than others.
        second_rate: share of the answered parts that a second person is asked about, blind.
        confidence_below: a verdict less sure than this is looked at.
        margin: by a model without calibration, one whose score lies this share of the threshold or less from it.
        days: parts older than this many days are left alone.
    """

    pass_rate: float = 0.02
    fail_rate: float = 0.2
    second_rate: float = 0.1
    confidence_below: float = 0.8
    margin: float = 0.1
    days: int = 14


@dataclass(frozen=True, slots=True)
class Waiting:
    """A part in the queue. `seen`: number of its newest review row, 0 for none; an answer says which one was seen."""

    inspection_id: str
    why: Why
    captured_at: datetime
    seen: int = 0

    @property
    def blind(self) -> bool:
        """Whether what was said before is kept from the next person."""
        return self.why in (Why.SECOND, Why.DISAGREEMENT)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A part with all that people said of it: what figures are made from.

    Attributes:
        reviews: oldest first; those taken back are left out.
        sampled: it was drawn at random, whatever other reason there was to look at it.
        product: name of its product.
        model: number of the model that judged it, in the record.
    """

    inspection_id: str
    captured_at: datetime
    camera: str
    verdict: Verdict
    reviews: tuple[Review, ...]
    sampled: bool = False
    product: str = ""
    model: int | None = None


def standing(reviews: Sequence[Review]) -> list[Review]:
    """Without those that were taken back and the taking back itself, oldest first."""
    gone = {each.undoes for each in reviews if each.origin == Origin.UNDO}
    return [each for each in reviews if each.origin != Origin.UNDO and each.seq not in gone]


def answers(reviews: Sequence[Review]) -> list[Review]:
    """What was answered in the review, oldest first, of each person the newest."""
    newest: dict[str, Review] = {}
    for each in standing(reviews):
        if each.origin in (Origin.REVIEW, Origin.SECOND):
            newest.pop(each.person, None)
            newest[each.person] = each
    return list(newest.values())


def settled(reviews: Sequence[Review]) -> Review | None:
    """The answer that counts: that of most people who decided (the first of them who said so); None where nobody has,
    or as many say the one as the other."""
    votes = [each for each in answers(reviews) if each.verdict in (Verdict.PASS, Verdict.FAIL)]
    bad = [each for each in votes if each.verdict is Verdict.FAIL]
    good = [each for each in votes if each.verdict is Verdict.PASS]
    if len(bad) == len(good):
        return None
    return bad[0] if len(bad) > len(good) else good[0]


# -- figures


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two people agree, by chance corrected.

    Attributes:
        pairs: parts that both have answered.
        same: of them answered alike.
        kappa: Cohen's; None where it is not defined (fewer than two pairs, or everybody always says the same).
        low, high: 95 % interval of it.
        table: {(first answer, second answer): parts}.
    """

    pairs: int
    same: int
    kappa: float | None = None
    low: float | None = None
    high: float | None = None
    table: tuple[tuple[tuple[str, str], int], ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval (Wilson 1927); `value` None for none of none."""

    count: int
    of: int
    value: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stats:
    """What the reviews say.

    Attributes:
        waiting: {reason: parts} for whoever is signed in.
        reviewed: parts with an answer; labels: of them in a library; troubles: why others are not.
        agreement: of people, blind.
        station, false_alarms, escapes: of people with the station, on parts drawn at random.
    """

    waiting: dict[str, int]
    reviewed: int
    labels: int
    troubles: tuple[str, ...]
    agreement: Agreement
    agreement_words: str
    station: Share
    false_alarms: Share
    escapes: Share


class Level(StrEnum):
    """How far something has moved."""

    UNKNOWN = "too few"
    STEADY = "steady"
    MOVING = "moving"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class WeekFigure:
    """One figure of one week. `low`, `high`: its limits; None where there is none."""

    week: date
    parts: int
    value: float | None
    low: float | None
    high: float | None
    level: Level


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure over the weeks, oldest first. `words`: what it says now."""

    name: str
    unit: str
    weeks: tuple[WeekFigure, ...]
    level: Level
    words: str


@dataclass(frozen=True, slots=True)
class CameraDrift:
    """What one camera's weeks look like with the model that judged last.

    Attributes:
        camera: SOURCE address.
        model: NAME@VERSION.
        reference: what is compared with, in words.
        trends: score, picture quality, false alarms.
    """

    camera: str
    model: str
    reference: str
    trends: tuple[Trend, ...]

    @property
    def level(self) -> Level:
        """The worst of all."""
        return max((each.level for each in self.trends), key=list(Level).index, default=Level.UNKNOWN)


@dataclass(frozen=True, slots=True)
class RetrainRule:
    """When a retraining is proposed.

    Attributes:
        labels: so many new ones are reason enough.
        least: so many it takes whatever the reason: without new labels a training learns nothing new.
        agreement: share of random parts in which the model and people agree; proposed once it is surely lower.
    """

    labels: int = 30
    least: int = 5
    agreement: float = 0.9


@dataclass(frozen=True, slots=True)
class CandidateTest:
    """The present model and the candidate on the same labelled pictures. The candidate learned from none of them; the
    present model may have, which favours it.

    Attributes:
        good, bad: pictures.
        false_alarms, escapes: (present model, candidate); None for a model that is not there.
    """

    good: int
    bad: int
    false_alarms: tuple[int | None, int]
    escapes: tuple[int | None, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that waits for a person. `report` says more than the four numbers, in words."""

    model: str
    pictures: int
    threshold: float
    snapshot: str
    backtest: CandidateTest
    report: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """The case for and against retraining.

    Attributes:
        product: whose model.
        new_labels, new_good, new_bad: since the last snapshot that was trained on.
        pictures, good, bad: what the library's snapshot would hold.
        reasons: why now; empty: not due.
        against: what speaks against it, in words.
        blocked: why it can't be done; "" where it can.
        candidate: what was prepared from the newest snapshot, if it was.
        state: "", "preparing", "ready", "released", "failed", "set aside".
        words: of the state.
    """

    product: str
    new_labels: int
    new_good: int
    new_bad: int
    pictures: int
    good: int
    bad: int
    reasons: tuple[str, ...]
    against: tuple[str, ...]
    blocked: str = ""
    candidate: Candidate | None = None
    state: str = ""
    words: str = ""
