"""How the alarms of a period were answered: how many a shift, how long until somebody saw them and until the cause was
mended. Few alarms an operator, and which causes make most of them, is what ISA-18.2 measures too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from statistics import fmean, median

from app.domain.alarm import AlarmRow

MOST_OFTEN = 5


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in seconds; None where it never happened.

    Attributes:
        count: how often it happened.
    """

    count: int
    mean: float | None
    median: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        return cls(len(seconds), fmean(seconds), median(seconds)) if seconds else cls(0, None, None)


@dataclass(frozen=True, slots=True)
class AlarmFigures:
    """Attributes:
    alarms: raised in the period.
    causes: parts and events that were counted on them.
    shifts: of the period, whole and begun ones.
    a_shift: alarms a shift, None without a shift.
    acknowledge: from raised to seen, of those that were seen.
    fix: from raised to the ticket's closing.
    waiting: still unseen.
    open_tickets: of these alarms.
    often: (title, alarms) of the commonest causes.
    """

    alarms: int
    causes: int
    shifts: int
    a_shift: float | None
    acknowledge: Times
    fix: Times
    waiting: int
    open_tickets: int
    often: tuple[tuple[str, int], ...]


def alarm_figures(
    rows: Sequence[AlarmRow], start: datetime, end: datetime, zone: tzinfo, shifts: Sequence[time]
) -> AlarmFigures:
    """The figures of alarms raised in [start, end).

    Args:
        end: not later than now: shifts to come are no shifts without alarms.
        shifts: when they begin, on the clock of `zone`.
    """
    seen = [
        (row.alarm.acknowledged_at - row.alarm.raised_at).total_seconds()
        for row in rows
        if row.alarm.acknowledged_at is not None
    ]
    fixed = [
        (row.ticket.closed_at - row.alarm.raised_at).total_seconds()
        for row in rows
        if row.ticket is not None and row.ticket.closed_at is not None
    ]
    number = shifts_in(start, end, zone, shifts)
    often = Counter(row.alarm.title for row in rows).most_common(MOST_OFTEN)
    return AlarmFigures(
        alarms=len(rows),
        causes=sum(row.alarm.count for row in rows),
        shifts=number,
        a_shift=len(rows) / number if number else None,
        acknowledge=Times.of(seen),
        fix=Times.of(fixed),
        waiting=sum(row.alarm.waits for row in rows),
        open_tickets=sum(row.ticket is not None and row.ticket.open for row in rows),
        often=tuple(often),
    )


def shifts_in(start: datetime, end: datetime, zone: tzinfo, shifts: Sequence[time]) -> int:
    """Shifts that have a part in [start, end)."""
    if end <= start:
        return 0
    return 1 + sum(start < moment < end for moment in _starts(start, end, zone, shifts))


def end_of_shift(now: datetime, zone: tzinfo, shifts: Sequence[time]) -> datetime:
    """When the shift under way ends: the next start of one, in the zone of `now`."""
    ahead = [moment for moment in _starts(now, now + timedelta(days=2), zone, shifts) if moment > now]
    return min(ahead)


def _starts(start: datetime, end: datetime, zone: tzinfo, shifts: Sequence[time]) -> list[datetime]:
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    found = []
    while day <= last:
        found += [datetime.combine(day, shift, tzinfo=zone).astimezone(start.tzinfo) for shift in shifts]
        day += timedelta(days=1)
    return found
