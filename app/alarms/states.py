"""The state machine of an alarm (ANSI/ISA-18.2-2016, IEC 62682:2014, figure of alarm states): each step gives the
alarm as it stands after it, and changes nothing where the step does not apply.

    normal -> unacknowledged -> acknowledged -> normal        the cause goes after it was seen
              unacknowledged -> cleared -> normal             it goes before, and somebody sees it then
              any of them    -> shelved -> as the cause stands

What happens in a moment (`Alarm.lasting` False, a part that fails) has no cause that could go: it is latched, and
the acknowledgement ends it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from app.domain.alarm import Alarm


def again(alarm: Alarm, title: str, detail: str, at: datetime) -> Alarm:
    """The cause came once more. One that had gone makes the alarm unacknowledged again."""
    raised = replace(alarm, title=title, detail=detail, count=alarm.count + 1, last_at=max(at, alarm.last_at))
    if alarm.cleared_at is not None:
        raised = replace(raised, cleared_at=None, waiting_since=at, escalated=0)
    return raised


def acknowledge(alarm: Alarm, by: str, at: datetime) -> Alarm:
    if alarm.ended_at is not None or alarm.acknowledged_at is not None:
        return alarm
    over = not alarm.lasting or alarm.cleared_at is not None
    return replace(alarm, acknowledged_at=at, acknowledged_by=by, ended_at=at if over else None)


def clear(alarm: Alarm, at: datetime) -> Alarm:
    """The cause is gone. On the shelf it stays there, since it may come again at once."""
    if alarm.ended_at is not None or not alarm.lasting or alarm.cleared_at is not None:
        return alarm
    over = alarm.acknowledged_at is not None and alarm.shelved_until is None
    return replace(alarm, cleared_at=at, ended_at=at if over else None)


def shelve(alarm: Alarm, by: str, reason: str, until: datetime, at: datetime) -> Alarm:
    if alarm.ended_at is not None:
        return alarm
    return replace(alarm, shelved_at=at, shelved_until=until, shelved_by=by, shelved_reason=reason)


def unshelve(alarm: Alarm, at: datetime) -> Alarm:
    """Off the shelf: over where its cause has gone meanwhile, else as it stood, and escalation counts from now."""
    if alarm.ended_at is not None or alarm.shelved_until is None:
        return alarm
    off = replace(alarm, shelved_at=None, shelved_until=None, shelved_by="", shelved_reason="")
    if alarm.cleared_at is not None:
        return replace(off, ended_at=at)
    return replace(off, waiting_since=at, escalated=0)


def end(alarm: Alarm, at: datetime) -> Alarm:
    """Over, whatever stood: the rule it came from was taken away."""
    return alarm if alarm.ended_at is not None else replace(alarm, ended_at=at)
