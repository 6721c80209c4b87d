"""Rules that raise alarms, their numbers, and everything else a station is told about alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum, auto

from app.domain.alarm import Priority
from app.domain.errors import LinesightError
from app.domain.notice import EscalationStep, Recipient


class RuleKind(StrEnum):
    """What a rule looks at. The same word stands on its alarms."""

    DEFECT = auto()
    IN_A_ROW = auto()
    OF_LAST = auto()
    TYPE_RATE = auto()
    DRIFT = auto()
    CAMERA = auto()
    DISK_LOW = auto()
    BACKLOG = auto()
    UNRELEASED = auto()
    LINE = auto()


MOMENTARY = frozenset({RuleKind.DEFECT.value, "error", "trend", "message", "disagreement"})
"""Kinds that happen in a moment: an acknowledgement ends them. All others last until they are cleared."""

PER_PART = frozenset({RuleKind.DEFECT, RuleKind.IN_A_ROW, RuleKind.OF_LAST, RuleKind.TYPE_RATE, RuleKind.DRIFT})
"""Kinds that are looked at with each part; the others with the station's health."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a rule: its name, what it is called, its bounds, and its unit."""

    name: str
    words: str
    low: float
    high: float
    unit: str = ""
    whole: bool = True


_OF = Number("of", "in the last", 2, 1000, "parts")
NUMBERS: Mapping[RuleKind, tuple[Number, ...]] = {
    RuleKind.DEFECT: (),
    RuleKind.IN_A_ROW: (Number("n", "FAILs in a row", 2, 1000),),
    RuleKind.OF_LAST: (Number("n", "FAILs", 1, 1000), _OF),
    RuleKind.TYPE_RATE: (Number("percent", "above", 0.1, 100, "%", False), _OF),
    RuleKind.DRIFT: (
        Number("weight", "weight of the newest part", 0.01, 1, "", False),
        Number("width", "limit", 2, 10, "sigma", False),
        Number("baseline", "learned from the first", 30, 100_000, "good parts"),
    ),
    RuleKind.CAMERA: (),
    RuleKind.DISK_LOW: (Number("gigabytes", "less free than", 0.1, 100_000, "GB", False),),
    RuleKind.BACKLOG: (
        Number("n", "more waiting than", 1, 1_000_000),
        Number("minutes", "or one waits longer than", 1, 10_080, "min", False),
    ),
    RuleKind.UNRELEASED: (),
    RuleKind.LINE: (Number("minutes", "for longer than", 0.05, 10_080, "min", False),),
}

WORDS: Mapping[RuleKind, str] = {
    RuleKind.DEFECT: "A part fails",
    RuleKind.IN_A_ROW: "Several parts fail in a row",
    RuleKind.OF_LAST: "Many of the last parts fail",
    RuleKind.TYPE_RATE: "One defect type comes too often",
    RuleKind.DRIFT: "The score of good parts drifts",
    RuleKind.CAMERA: "The camera is lost",
    RuleKind.DISK_LOW: "The disk is low",
    RuleKind.BACKLOG: "Too much waits for the cloud",
    RuleKind.UNRELEASED: "The model is not released",
    RuleKind.LINE: "The line is not reached",
}

_PRIORITIES: Mapping[str, Priority] = {
    RuleKind.DEFECT: Priority.MEDIUM,
    RuleKind.IN_A_ROW: Priority.HIGH,
    RuleKind.OF_LAST: Priority.HIGH,
    RuleKind.CAMERA: Priority.HIGH,
    RuleKind.LINE: Priority.HIGH,
    RuleKind.BACKLOG: Priority.LOW,
    "disk": Priority.HIGH,
    "error": Priority.HIGH,
}


def usual_priority(kind: str) -> Priority:
    return _PRIORITIES.get(kind, Priority.MEDIUM)


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One rule. Which numbers count stands in `NUMBERS`; the others are ignored.

    Attributes:
        id: stands on its alarms; two rules of one kind have two.
        n, of: FAILs, among so many of the last parts.
        label: the defect type of TYPE_RATE.
        percent: share of parts that have it.
        weight, width, baseline: of the EWMA chart of DRIFT, see `app.alarms.rules`.
    """

    id: str
    kind: RuleKind
    on: bool = True
    priority: Priority = Priority.MEDIUM
    n: int = 3
    of: int = 50
    label: str = ""
    percent: float = 5.0
    weight: float = 0.05
    width: float = 4.0
    baseline: int = 500
    gigabytes: float = 2.0
    minutes: float = 60.0

    def __post_init__(self) -> None:
        for number in NUMBERS[self.kind]:
            value = getattr(self, number.name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise LinesightError(f"Rule {self.id}: {number.name} must be a number, not {value!r}.")
            if not number.low <= value <= number.high:
                raise LinesightError(
                    f"Rule {self.id}: {number.name} must lie between {number.low:g} and {number.high:g}, not {value:g}."
                )
            if number.whole and value != int(value):
                raise LinesightError(f"Rule {self.id}: {number.name} must be a whole number, not {value:g}.")
        if self.kind is RuleKind.OF_LAST and self.n > self.of:
            raise LinesightError(f"Rule {self.id}: {self.n} FAILs can't lie among the last {self.of} parts.")
        if self.kind is RuleKind.TYPE_RATE and self.on and not self.label:
            raise LinesightError(f"Rule {self.id}: name the defect type it counts, or switch the rule off.")


def default_rules() -> tuple[AlarmRule, ...]:
    """A FAIL; 3 in a row; 5 of the last 50; camera lost; disk low. The others are there, switched off, but for
    those that need another room to tell them something."""
    kinds = RuleKind
    return (
        AlarmRule("defect", kinds.DEFECT, True, Priority.MEDIUM),
        AlarmRule("in-a-row", kinds.IN_A_ROW, True, Priority.HIGH, n=3),
        AlarmRule("of-last", kinds.OF_LAST, True, Priority.HIGH, n=5, of=50),
        AlarmRule("type-rate", kinds.TYPE_RATE, False, Priority.MEDIUM, of=200),
        AlarmRule("drift", kinds.DRIFT, False, Priority.MEDIUM),
        AlarmRule("camera", kinds.CAMERA, True, Priority.HIGH),
        AlarmRule("disk-low", kinds.DISK_LOW, True, Priority.MEDIUM),
        AlarmRule("backlog", kinds.BACKLOG, True, Priority.LOW, n=1000),
        AlarmRule("unreleased", kinds.UNRELEASED, True, Priority.MEDIUM),
        AlarmRule("line", kinds.LINE, True, Priority.HIGH, minutes=0.5),
    )


@dataclass(frozen=True, slots=True)
class AlarmConfig:
    """Everything a station is told about alarms.

    Attributes:
        rules: each with an id of its own.
        recipients: who is told.
        escalation: steps by rising minutes.
        repeat_sound: the sound comes again until somebody acknowledges.
        quiet_minutes: a recipient is told of the same cause at the same place at most once in this time.
        link: address of a part in another system, with {part}, {inspection}, {alarm} and {station}; "" for none.
        shifts: when shifts begin, station's time.
    """

    rules: tuple[AlarmRule, ...] = field(default_factory=default_rules)
    recipients: tuple[Recipient, ...] = ()
    escalation: tuple[EscalationStep, ...] = ()
    repeat_sound: bool = False
    quiet_minutes: float = 5.0
    link: str = ""
    shifts: tuple[time, ...] = (time(6), time(14), time(22))

    def __post_init__(self) -> None:
        for words, ids in (
            ("rules", [rule.id for rule in self.rules]),
            ("recipients", [one.id for one in self.recipients]),
        ):
            if len(set(ids)) != len(ids):
                raise LinesightError(f"Two {words} have the same id. Give each one of its own.")
        known = {one.id for one in self.recipients}
        minutes = [step.minutes for step in self.escalation]
        if minutes != sorted(minutes) or len(set(minutes)) != len(minutes):
            raise LinesightError("The steps of the escalation must come one after the other.")
        for step in self.escalation:
            for each in step.recipients:
                if each not in known:
                    raise LinesightError(f"A step of the escalation tells {each}, who is no recipient.")
        if not 0 <= self.quiet_minutes <= 24 * 60:
            raise LinesightError(f"The quiet time is 0 to 1440 minutes, not {self.quiet_minutes:g}.")
        if not self.shifts or list(self.shifts) != sorted(set(self.shifts)):
            raise LinesightError("Shifts need rising times of the day, such as 06:00, 14:00, 22:00.")

    def rule(self, id: str) -> AlarmRule | None:
        return next((rule for rule in self.rules if rule.id == id), None)

    def rules_of(self, kind: str) -> list[AlarmRule]:
        """Those of a kind that are switched on."""
        return [rule for rule in self.rules if rule.kind == kind and rule.on]


def with_row(chosen: AlarmConfig, number: int) -> AlarmConfig:
    """The same with so many FAILs in a row raising an alarm, switched on; 0 changes nothing."""
    if not number:
        return chosen
    kind = RuleKind.IN_A_ROW
    rules = tuple(replace(rule, n=number, on=True) if rule.kind is kind else rule for rule in chosen.rules)
    if not any(rule.kind is kind for rule in rules):
        rules += (AlarmRule("in-a-row", kind, True, usual_priority(kind), n=number),)
    return replace(chosen, rules=rules)
