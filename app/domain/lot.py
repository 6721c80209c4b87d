"""A lot of raw parts: what is agreed for it, what was found, who decided what. Pure rules over what is on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.errors import LinesightError
from app.domain.inspection import Inspection
from app.domain.sampling import (
    PERCENT_UP_TO,
    PastLot,
    Plan,
    Severity,
    code_letter,
    plan_for,
    stricter_accepts,
    switching,
)
from app.domain.verdict import Verdict
from app.domain.wear import ANY, Unit, WearLimit


class Grade(StrEnum):
    """How grave a nonconformity is; each class has an AQL of its own."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


GRADES = tuple(Grade)


class Choice(StrEnum):
    """What a person decides on a part or a lot. A lot is accepted where a part is approved."""

    APPROVE = "approve"
    REJECT = "reject"
    REWORK = "rework"
    CONCESSION = "concession"
    UNDO = "undo"


BAD = frozenset({Choice.REJECT, Choice.REWORK, Choice.CONCESSION})
"""A part with one of these was nonconforming when it was inspected, whatever becomes of it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A row of the lot's table of limits.

    Attributes:
        label: the kind of defect; `ANY` for all together.
        area: all places together may cover less.
        clause: where the standard says so.
        grade: what a part over the limit counts as.
    """

    label: str
    area: float
    unit: Unit
    clause: str = ""
    grade: Grade = Grade.MAJOR

    @property
    def wear(self) -> WearLimit:
        return WearLimit(self.label, self.area, self.unit)


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """What is asked of one class.

    Attributes:
        aql: None where nothing at all is accepted (c = 0 over the whole sample).
    """

    grade: Grade
    aql: float | None
    plan: Plan

    @property
    def counts_places(self) -> bool:
        """Above an AQL of 10 the standard counts nonconformities, not nonconforming parts."""
        return self.aql is not None and self.aql > PERCENT_UP_TO


@dataclass(frozen=True, slots=True)
class LotPlan:
    """How a lot is sampled.

    Attributes:
        severity: the strictest that the switching rules ask of any class.
        why: the words of the rule.
        sample: parts to inspect: the largest sample of all classes, at most the lot.
    """

    size: int
    level: str
    severity: Severity
    why: str
    classes: tuple[ClassPlan, ...]
    sample: int

    @property
    def all_of_it(self) -> bool:
        """Whether every part is inspected."""
        return self.sample >= self.size


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody types to open a lot.

    Attributes:
        number: as on the container.
        standard: the drawing or standard that holds, e.g. "ISO 10049".
        aqls: (class, AQL or None for c = 0), gravest first; a class that is missing is not counted.
        auto_approve: the press for the next part approves a PASS.
        reduced_agreed: reduced inspection is agreed with the responsible authority.
        supplier_acted: sampling was discontinued and the supplier has acted.
    """

    number: str
    material: str
    supplier: str
    standard: str
    size: int
    level: str = "II"
    aqls: tuple[tuple[Grade, float | None], ...] = (
        (Grade.CRITICAL, None),
        (Grade.MAJOR, 1.0),
        (Grade.MINOR, 4.0),
    )
    limits: tuple[Limit, ...] = ()
    auto_approve: bool = True
    reduced_agreed: bool = False
    supplier_acted: bool = False


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot as it was opened; never changed afterwards.

    Attributes:
        id: 32 hex digits.
        opened_at: UTC. Its parts are the inspections with its number from here to its own decision.
    """

    id: str
    order: Order
    plan: LotPlan
    opened_at: datetime
    opened_by: str
    station: str
    product: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, a row that is never changed.

    Attributes:
        seq: its number in the record; 0 before it is committed.
        serial: of the part; "" for the lot itself.
        inspection_id: what was decided on; "" for the lot.
        grade: what a bad part counts as.
        places: nonconformities on the part.
        reason: in words.
    """

    at: datetime
    person: str
    choice: Choice
    serial: str = ""
    inspection_id: str = ""
    grade: Grade | None = None
    places: int = 0
    reason: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the lot.

    Attributes:
        number: in the order of inspection, from 1.
        looks: its inspections, oldest first; the last one counts, all stay on record.
        decision: that holds; None while it waits.
    """

    number: int
    serial: str
    looks: tuple[Inspection, ...]
    decision: Decision | None

    @property
    def last(self) -> Inspection:
        return self.looks[-1]

    @property
    def bad(self) -> bool:
        return self.decision is not None and self.decision.choice in BAD

    @property
    def proposed(self) -> Choice | None:
        """What the verdict proposes; None for "look again"."""
        return {Verdict.PASS: Choice.APPROVE, Verdict.FAIL: Choice.REJECT}.get(self.last.verdict)


@dataclass(frozen=True, slots=True)
class Tally:
    """How far one class is.

    Attributes:
        found: nonconforming parts (or places, above an AQL of 10) among its sample.
        seen: parts of its sample that are decided.
    """

    grade: Grade
    aql: float | None
    size: int
    seen: int
    found: int
    accept: int

    @property
    def reject(self) -> int:
        return self.accept + 1

    @property
    def outcome(self) -> Choice | None:
        """APPROVE or REJECT as soon as the numbers decide."""
        if self.found > self.accept:
            return Choice.REJECT
        return Choice.APPROVE if self.seen >= self.size else None


@dataclass(frozen=True, slots=True)
class LotState:
    """A lot with everything that is on record of it.

    Attributes:
        decisions: all of them, in the order of commit, undone ones too.
        closing: the decision on the lot; None while it is open, also again after it was taken back.
    """

    lot: Lot
    parts: tuple[Part, ...]
    decisions: tuple[Decision, ...]
    tallies: tuple[Tally, ...]
    closing: Decision | None

    @property
    def waiting(self) -> Part | None:
        """The part that wants a decision: there is one at most, the newest."""
        return next((part for part in reversed(self.parts) if part.decision is None), None)

    @property
    def decided(self) -> int:
        return sum(part.decision is not None for part in self.parts)

    @property
    def proposed(self) -> Choice | None:
        """What the numbers say of the lot: REJECT with the first Re reached, APPROVE when all samples are through."""
        outcomes = [tally.outcome for tally in self.tallies]
        if Choice.REJECT in outcomes:
            return Choice.REJECT
        return Choice.APPROVE if outcomes and all(outcomes) and self.waiting is None else None

    @property
    def words(self) -> str:
        """What the numbers say, in one line."""
        over = next((tally for tally in self.tallies if tally.outcome is Choice.REJECT), None)
        if over is not None:
            return f"Not acceptable: {over.found} {over.grade} found, Re is {over.reject}."
        left = self.lot.plan.sample - self.decided
        if self.proposed is Choice.APPROVE:
            return "Acceptable: the sample is through, no class has reached Re."
        return f"{left} part{'' if left == 1 else 's'} of the sample left."


def check(order: Order) -> Order:
    """The order with its words trimmed.

    Raises:
        LinesightError: something is missing or can't be; says what.
    """
    for name, words in (("number", "lot number"), ("material", "material"), ("supplier", "supplier")):
        value = getattr(order, name).strip()
        if not 1 <= len(value) <= 80 or not value.isprintable():
            raise LinesightError(f"The {words} is missing. Type 1 to 80 characters.")
    if not order.aqls:
        raise LinesightError("No class is counted. Choose an AQL for at least one.")
    labels = [limit.label for limit in order.limits]
    for limit in order.limits:
        if not limit.label.strip() or not 0 < limit.area < 1e12:
            raise LinesightError("A limit needs a kind of defect (* for all together) and an area above 0.")
        if labels.count(limit.label) > 1:
            raise LinesightError(f"There are two limits for {limit.label}. Keep one.")
    code_letter(order.size, order.level)
    return Order(
        order.number.strip(),
        order.material.strip(),
        order.supplier.strip(),
        order.standard.strip(),
        order.size,
        order.level,
        order.aqls,
        order.limits,
        order.auto_approve,
        order.reduced_agreed,
        order.supplier_acted,
    )


def plan_lot(order: Order, history: Sequence[LotState]) -> LotPlan:
    """The sampling plan by the switching rules.

    Args:
        history: closed lots of the same supplier and material, oldest first.

    Raises:
        LinesightError: the lot's size, the level or an AQL is none of the standard's.
    """
    letter = code_letter(order.size, order.level)
    asked = [
        (grade, aql, switching(past_lots(history, grade, aql, order.level), reduced_agreed=order.reduced_agreed))
        for grade, aql in order.aqls
        if aql is not None
    ]
    severity, why = Severity.NORMAL, "No class has an AQL: every one is held to c = 0."
    if asked:
        rank = (Severity.DISCONTINUED, Severity.TIGHTENED, Severity.NORMAL, Severity.REDUCED)
        grade, _, strictest = min(asked, key=lambda each: rank.index(each[2].severity))
        severity, why = strictest.severity, strictest.words
        if len(asked) > 1 and severity is not Severity.NORMAL:
            why = f"{grade.capitalize()}: {why}"
    plans = {grade: plan_for(letter, aql, severity) for grade, aql in order.aqls if aql is not None}
    sample = min(order.size, max((plan.size for plan in plans.values()), default=_zero_sample(letter, severity)))
    classes = tuple(
        ClassPlan(grade, aql, Plan(letter, sample, 0) if aql is None else _within(plans[grade], order.size))
        for grade, aql in order.aqls
    )
    return LotPlan(order.size, order.level, severity, why, classes, sample)


def _within(plan: Plan, size: int) -> Plan:
    """Where the sample is the lot or more, all of it is inspected."""
    return plan if plan.size <= size else Plan(plan.letter, size, plan.accept)


def _zero_sample(letter: str, severity: Severity) -> int:
    """The sample of a code letter itself."""
    for aql in (0.65, 1.0, 1.5, 2.5, 4.0, 6.5, 10.0, 0.40, 0.25, 0.15, 0.10, 0.065, 0.040, 0.025, 0.010):
        plan = plan_for(letter, aql, severity)
        if plan.letter == letter:
            return plan.size
    raise AssertionError("every letter has a plan")


def past_lots(history: Sequence[LotState], grade: Grade, aql: float | None, level: str) -> list[PastLot]:
    """What the switching rules need of the lots that were held to the same AQL at the same level."""
    found = []
    for state in history:
        plan = state.lot.plan
        tally = next((each for each in state.tallies if each.grade is grade and each.aql == aql), None)
        asked = next((each for each in plan.classes if each.grade is grade), None)
        if tally is None or asked is None or plan.level != level or state.closing is None or aql is None:
            continue
        if tally.outcome is None and state.closing.choice is Choice.APPROVE:
            continue  # closed before its sample was through: it says nothing
        accepted = tally.outcome is Choice.APPROVE
        stricter = stricter_accepts(
            code_letter(plan.size, plan.level), aql, plan.severity, asked.plan.size, tally.found
        )
        found.append(
            PastLot(plan.severity, accepted, asked.plan.accept, stricter, resumed=state.lot.order.supplier_acted)
        )
    return found


def grade_of(order: Order, part: Inspection) -> Grade:
    """The gravest class that the limits give to what was found; major where they say nothing."""
    by_label = {limit.label: limit.grade for limit in order.limits}
    over = [by_label[wear.limit.label] for wear in part.wear if wear.severity >= 1 and wear.limit.label in by_label]
    seen = [by_label[region.label] for region in part.regions if region.label in by_label]
    return min(over or seen or [by_label.get(ANY, Grade.MAJOR)], key=GRADES.index)


def state_of(lot: Lot, looks: Sequence[Inspection], decisions: Sequence[Decision]) -> LotState:
    """Everything that follows from what is on record.

    Args:
        looks: the inspections of the lot, in the order of commit.
        decisions: on it and its parts, in the order of commit.
    """
    by_serial: dict[str, list[Inspection]] = {}
    for look in looks:
        by_serial.setdefault(look.serial, []).append(look)
    standing: dict[str, list[Decision]] = {}
    closing: Decision | None = None
    for decision in decisions:
        if decision.choice is Choice.UNDO and not decision.serial:
            closing = None
        elif decision.choice is Choice.UNDO:
            if standing.get(decision.serial):
                standing[decision.serial].pop()
        elif decision.serial:
            standing.setdefault(decision.serial, []).append(decision)
        else:
            closing = decision
    parts = []
    for number, (serial, found) in enumerate(by_serial.items(), 1):
        kept = standing.get(serial)
        last = kept[-1] if kept else None
        if last is not None and last.inspection_id != found[-1].id:
            last = None  # looked at again since: it waits for another decision
        parts.append(Part(number, serial, tuple(found), last))
    tallies = tuple(_tally(each, parts) for each in lot.plan.classes)
    return LotState(lot, tuple(parts), tuple(decisions), tallies, closing)


def _tally(asked: ClassPlan, parts: Sequence[Part]) -> Tally:
    sample = [part for part in parts if part.decision is not None][: asked.plan.size]
    bad = [part.decision for part in sample if part.bad and part.decision and part.decision.grade is asked.grade]
    found = sum(max(1, decision.places) for decision in bad) if asked.counts_places else len(bad)
    return Tally(asked.grade, asked.aql, asked.plan.size, len(sample), found, asked.plan.accept)
