"""Alarms: something a person must look at. Words and states after ANSI/ISA-18.2 and IEC 62682."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum, auto

from app.domain.notice import Notice

ELSEWHERE = " at\u00a0"
"""Between a person's and a station's name where somebody answered at another station. The no-break space tells it from
a name that has the word in it."""

CLOUD_RULE = "@cloud"
"""In place of a rule's id: the alarm comes from the cloud, and every station hears of it from there."""

_STATION_RULE = "@station:"


class Priority(IntEnum):
    """How soon somebody must act; ISA-18.2 advises few of the highest."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def words(self) -> str:
        return self.name.capitalize()


class AlarmState(StrEnum):
    """Where an alarm stands; IEC 62682 names them unacknowledged, acknowledged, return-to-normal unacknowledged,
    shelved and normal."""

    UNACKNOWLEDGED = auto()
    ACKNOWLEDGED = auto()
    CLEARED = auto()  # the cause is gone, and nobody has seen it yet
    SHELVED = auto()
    NORMAL = auto()


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, grouped: repeated causes raise `count`, not new alarms, until it is over.

    Attributes:
        id: 32 hex digits.
        kind: the rule's kind ("defect", "in_a_row", "camera", "disk", "error", "round" ...).
        title: what, in a few words ("Defect: anomaly, upper left").
        detail: part, score, place, or the way out.
        source: where.
        raised_at, last_at: UTC, first and newest cause.
        count: causes so far.
        inspection_id: newest inspection that caused it, "" for none.
        image_path: picture of that inspection relative to the data folder, "" for none.
        acknowledged_at, acknowledged_by: None / "" while nobody has seen it.
        rule: id of the rule that raised it, "" where none did; `CLOUD_RULE` and `station_rule` stand for elsewhere.
        part_id: of that inspection, "" for none.
        priority: how soon somebody must act.
        lasting: its cause holds until it is cleared; False for what happens in a moment (a part that fails), which
            an acknowledgement ends.
        cleared_at: UTC, when the cause was gone; None while it holds.
        ended_at: UTC, when it was over (normal); None while it stands.
        waiting_since: UTC, from when escalation counts: raised, raised again, or off the shelf; None for `raised_at`.
        escalated: steps of the escalation taken.
        shelved_at, shelved_until, shelved_by, shelved_reason: None / "" where it is not shelved.
    """

    id: str
    kind: str
    title: str
    detail: str
    source: str
    raised_at: datetime
    last_at: datetime
    count: int = 1
    inspection_id: str = ""
    image_path: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    rule: str = ""
    part_id: str = ""
    priority: Priority = Priority.MEDIUM
    lasting: bool = False
    cleared_at: datetime | None = None
    ended_at: datetime | None = None
    waiting_since: datetime | None = None
    escalated: int = 0
    shelved_at: datetime | None = None
    shelved_until: datetime | None = None
    shelved_by: str = ""
    shelved_reason: str = ""

    @property
    def state(self) -> AlarmState:
        if self.ended_at is not None:
            return AlarmState.NORMAL
        if self.shelved_until is not None:
            return AlarmState.SHELVED
        if self.acknowledged_at is not None:
            return AlarmState.ACKNOWLEDGED
        return AlarmState.CLEARED if self.cleared_at is not None else AlarmState.UNACKNOWLEDGED

    @property
    def waits(self) -> bool:
        """Whether it still asks for somebody."""
        return self.state in (AlarmState.UNACKNOWLEDGED, AlarmState.CLEARED)

    @property
    def own(self) -> bool:
        """Whether this station raised it."""
        return not self.rule.startswith("@")

    @property
    def station(self) -> str:
        """The other station that raised it; "" for this one and for the cloud."""
        return self.rule.removeprefix(_STATION_RULE) if self.rule.startswith(_STATION_RULE) else ""

    @property
    def episode(self) -> datetime:
        """Since when it asks for somebody, by the clock of whoever raised it: an answer is one to an episode."""
        return self.waiting_since or self.raised_at


def station_rule(station: str) -> str:
    """What stands in place of a rule's id on an alarm that another station raised."""
    return _STATION_RULE + station


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """What happened to an alarm: who, when, what.

    Attributes:
        alarm_id: of the alarm.
        at: UTC.
        person: "" for the station itself.
        what: "raised", "raised again", "acknowledged", "cleared", "ended", "shelved", "unshelved", "escalated",
            "assigned", "comment", "ticket closed".
        words: reason, name or comment.
    """

    alarm_id: str
    at: datetime
    person: str
    what: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The work that an alarm makes for somebody; it may outlive the alarm.

    Attributes:
        alarm_id: one ticket an alarm at most.
        opened_at, opened_by: by the first assignment, comment or closing.
        assigned_to: a person of the station or any other name, "" for nobody yet.
        closed_at, closed_by: None / "" while it is open.
        cause, action: why it came to that, and what was done.
        number: as people call it, from 1; 0 until the record has given it one.
    """

    alarm_id: str
    opened_at: datetime
    opened_by: str
    assigned_to: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    cause: str = ""
    action: str = ""
    number: int = 0

    @property
    def open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """What is written about alarms at once, or not at all.

    Attributes:
        alarms: each as it stands now.
        events: what happened.
        tickets: as they stand now.
        notices: to be sent.
    """

    alarms: tuple[Alarm, ...] = ()
    events: tuple[AlarmEvent, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    notices: tuple[Notice, ...] = ()

    def plus(self, other: AlarmChange) -> AlarmChange:
        """Both; of an alarm that stands in both, the other's word counts."""
        newer = {alarm.id for alarm in other.alarms}
        return AlarmChange(
            tuple(alarm for alarm in self.alarms if alarm.id not in newer) + other.alarms,
            self.events + other.events,
            self.tickets + other.tickets,
            self.notices + other.notices,
        )

    def __bool__(self) -> bool:
        return bool(self.alarms or self.events or self.tickets or self.notices)


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """What to look for in the history; what is left empty is not asked for.

    Attributes:
        start, end: with a cause in [start, end), UTC.
        kind: of the alarm.
        tickets: True: those with a ticket that is still open.
    """

    start: datetime | None = None
    end: datetime | None = None
    kind: str = ""
    tickets: bool = False


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One line of the history: the alarm, and its ticket where it has one."""

    alarm: Alarm
    ticket: Ticket | None = None
