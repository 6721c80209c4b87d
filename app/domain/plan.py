"""Inspection plans, and the rounds made by them.

A plan says which components are looked at, how often and by whom. It has versions: a round keeps the one it was begun
with. A round asks for one answer a component: a picture, or why there is none. Pictures are judged later, all of a day
together; a day that was closed takes no more answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from app.domain.errors import PlanError
from app.domain.inspection import Inspection
from app.domain.recurrence import Frequency

if TYPE_CHECKING:
    from app.domain.checklist import Line

MOST_COMPONENTS = 500
MOST_CHECKPOINTS = 50
LONGEST_GRACE = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class PlanCheckpoint:
    """One line of a component's checklist.

    Attributes:
        name: what is looked at: "bolt 2 present", "belt not torn".
        of_model: the model's checkpoint that answers it; "" where the verdict of the whole picture does.
    """

    name: str
    of_model: str = ""


@dataclass(frozen=True, slots=True)
class PlanComponent:
    """One thing that is looked at: one picture of a round.

    Attributes:
        key: short and unique in its plan; stands in file names and codes ("M12-left").
        model: NAME@VERSION, a model file, or a product's name for its released version (the newest where none ever
            was released); "" where a person judges.
        reference: SHA-256 of the picture that shows how it should look; "" for none.
    """

    key: str
    name: str
    model: str = ""
    checkpoints: tuple[PlanCheckpoint, ...] = ()
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan.

    Attributes:
        id: the same in all versions, 32 hex digits.
        version: rising from 1.
        responsible: who makes the rounds, "" for whoever is there.
        grace_minutes: how long after its time a round may still be finished before it is late.
        made_at, made_by: of this version, UTC; it holds for rounds due from then on.
        active: False once the plan was put away.

    Raises:
        PlanError: what can't be used, in words.
    """

    id: str
    version: int
    name: str
    components: tuple[PlanComponent, ...]
    frequency: Frequency
    made_at: datetime
    made_by: str = ""
    responsible: str = ""
    grace_minutes: int = 60
    active: bool = True

    def __post_init__(self) -> None:
        check_name(self.name, "A plan")
        if not self.components:
            raise PlanError(f"The plan {self.name} has no component. Add at least one.")
        if len(self.components) > MOST_COMPONENTS:
            raise PlanError(
                f"The plan {self.name} has more than {MOST_COMPONENTS} components. Make several plans of it."
            )
        if not 0 <= self.grace_minutes <= LONGEST_GRACE:
            raise PlanError(f"{self.grace_minutes} minutes of grace: give 0 to {LONGEST_GRACE} (a week).")
        seen: set[str] = set()
        for each in self.components:
            check_component(each)
            if each.key.casefold() in seen:
                raise PlanError(f"The component {each.key} comes twice in the plan {self.name}. Give one another name.")
            seen.add(each.key.casefold())

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    def component(self, key: str) -> PlanComponent | None:
        return next((each for each in self.components if each.key == key), None)

    def same_content(self, other: Plan) -> bool:
        """Whether only number, time and person of the version differ."""
        return replace(self, version=other.version, made_at=other.made_at, made_by=other.made_by) == other


def check_name(text: str, what: str, longest: int = 60) -> None:
    """Raises PlanError for a name that is empty, too long or not to be printed."""
    if not 1 <= len(text.strip()) <= longest or not text.isprintable():
        raise PlanError(f"{what} needs a name of 1 to {longest} characters.")


def check_component(each: PlanComponent) -> None:
    """Raises PlanError for a component that can't be used."""
    check_name(each.key, "A component's short name", 40)
    check_name(each.name, f"The component {each.key}", 80)
    if len(each.checkpoints) > MOST_CHECKPOINTS:
        raise PlanError(f"{each.key} has more than {MOST_CHECKPOINTS} checkpoints. Make two components of it.")
    for point in each.checkpoints:
        check_name(point.name, f"A checkpoint of {each.key}", 120)
    if len({point.name.casefold() for point in each.checkpoints}) < len(each.checkpoints):
        raise PlanError(f"Two checkpoints of {each.key} have the same name. Give one another name.")


class RoundState(StrEnum):
    """Of a round, at a moment."""

    COMING = "coming"
    DUE = "due"
    LATE = "late"
    MISSED = "missed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered for one component. Answers are never changed: of several the newest counts.

    Attributes:
        id: 32 hex digits; of a picture also the id of its inspection, so that it is judged once.
        image_path: the picture as it was taken, relative to the data folder; "" for "not applicable".
        source: where the picture comes from: a camera's address, or a file's name.
        taken_at: UTC, when the picture was taken; of "not applicable", when it was said.
        person: who; "" for nobody signed in.
        reason: why the component is not applicable; "" for a picture.
    """

    id: str
    round_id: str
    component: str
    taken_at: datetime
    answered_at: datetime
    person: str
    image_path: str = ""
    sha256: str = ""
    source: str = ""
    reason: str = ""

    @property
    def is_picture(self) -> bool:
        return bool(self.image_path)


class TickState(StrEnum):
    """What is said of one line of a checklist."""

    GOOD = "good"
    NOT_GOOD = "not good"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of a checklist that a person answered. Ticks are never changed: of several the newest counts.

    Attributes:
        point: name of the checkpoint.
        reason: why; needed for "not applicable" and against a model, else it may be "".
        answer: id of the component's answer (its picture) then, "" for none: what was said of one picture does not
            overrule a model's answer about the next.
        at: UTC.
    """

    id: str
    round_id: str
    component: str
    point: str
    state: TickState
    person: str
    at: datetime
    reason: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: due at a time, or begun out of turn.

    Attributes:
        id: 32 hex digits, following from plan and time, so that a round is begun once.
        day: the station's day it belongs to.
        planned: False for one that was begun out of turn; such a round is never late.
        begun_at: None while nobody has begun it.
        answers: the newest of each component.
        alarmed_at: when it was found late; None while it was not.
        ticks: the newest of each line of each component.
    """

    id: str
    plan: Plan
    due_at: datetime
    day: date
    planned: bool = True
    begun_at: datetime | None = None
    begun_by: str = ""
    answers: tuple[Answer, ...] = ()
    alarmed_at: datetime | None = None
    ticks: tuple[Tick, ...] = ()

    def answer(self, component: str) -> Answer | None:
        return next((each for each in self.answers if each.component == component), None)

    def ticked(self, component: PlanComponent) -> dict[str, Tick]:
        """The ticks of a component that count, by line."""
        answer = self.answer(component.key)
        now = "" if answer is None else answer.id
        return {
            each.point: each
            for each in self.ticks
            if each.component == component.key and (not component.model or each.answer in ("", now))
        }

    def unticked(self, component: PlanComponent) -> tuple[PlanCheckpoint, ...]:
        """The lines that only a person answers, and nobody has yet; of a component that is not applicable none."""
        answer = self.answer(component.key)
        if component.model or (answer is not None and not answer.is_picture):
            return ()
        said = self.ticked(component)
        return tuple(each for each in component.checkpoints if each.name not in said)

    def answered(self, component: PlanComponent) -> bool:
        """Whether it has its picture, or why there is none. Where no model judges, the lines alone will do: a picture
        is what somebody may look at, and who has answered each line has looked."""
        if self.answer(component.key) is not None:
            return True
        return bool(component.checkpoints) and not component.model and not self.unticked(component)

    @property
    def open(self) -> tuple[PlanComponent, ...]:
        """The components without an answer, in the plan's order."""
        return tuple(each for each in self.plan.components if not self.answered(each))

    @property
    def to_tick(self) -> tuple[PlanComponent, ...]:
        """The components with a line that only a person answers and nobody has, in the plan's order."""
        return tuple(each for each in self.plan.components if self.unticked(each))

    @property
    def done(self) -> bool:
        return not self.open

    @property
    def late_from(self) -> datetime:
        return self.due_at + timedelta(minutes=self.plan.grace_minutes)

    def state(self, now: datetime, *, day_over: bool) -> RoundState:
        """Args:
        day_over: whether its day has ended or was closed.
        """
        if self.done:
            return RoundState.DONE
        if day_over:
            return RoundState.MISSED
        if now < self.due_at:
            return RoundState.COMING
        return RoundState.LATE if self.planned and now >= self.late_from else RoundState.DUE


@dataclass(frozen=True, slots=True)
class DayMark:
    """That a day was closed or opened again: the newest mark of a day holds."""

    day: date
    closed: bool
    at: datetime
    person: str


class FindingKind(StrEnum):
    """What the end-of-day list says of one component of one round, most urgent first."""

    DEFECT = "defect"
    MISSING = "missing"
    DOUBTFUL = "doubtful"
    UNJUDGED = "not judged"
    NOT_APPLICABLE = "not applicable"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the end-of-day list.

    Attributes:
        words: why, for people.
        waiting: a picture that a run could judge, and has not yet.
        lines: its checklist, in the plan's order: `app.domain.checklist.Line` each.
    """

    kind: FindingKind
    round: Round
    component: PlanComponent
    words: str
    answer: Answer | None = None
    inspection: Inspection | None = None
    waiting: bool = False
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class DayResult:
    """The end-of-day list.

    Attributes:
        findings: by kind, then by round and component.
        mark: the newest closing or reopening, None for a day that was never closed.
        to_come: planned rounds of the day that are open and still in their time.
    """

    day: date
    findings: tuple[Finding, ...]
    mark: DayMark | None = None
    to_come: int = 0

    @property
    def closed(self) -> bool:
        return self.mark is not None and self.mark.closed

    def of(self, kind: FindingKind) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.kind is kind)

    @property
    def unticked(self) -> int:
        """Components that were looked at, with a line that only a person answers and nobody has."""
        begun = (each for each in self.findings if each.kind is not FindingKind.MISSING)
        return sum(any(line.state is None and not line.of_model for line in each.lines) for each in begun)

    @property
    def waiting(self) -> int:
        """Pictures that are still to be judged."""
        return sum(each.waiting for each in self.findings)
