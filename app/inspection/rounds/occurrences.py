"""When rounds are due: wall-clock times of the plans as moments, in the station's zone and its days.

A time that the clocks skip in spring is read with the offset from before the change (RFC 5545, 3.3.5), so a round at
02:30 is due at 03:30; a time that happens twice in autumn is the first one. A round after midnight belongs to the
station's day that its moment lies in, so a night shift's round to the day the shift began.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from app.domain.calendar import day_bounds, day_of
from app.domain.plan import Plan, Round
from app.domain.recurrence import Frequency

_NAMES = uuid.UUID("6f0f3f0e-6c56-4f7a-9b57-0d6a9e1f2c55")


def moments(frequency: Frequency, start: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """The moments in [start, end), UTC, rising; two wall-clock times that the clocks make one count once."""
    margin = timedelta(days=1)
    first, last = (each.astimezone(zone).replace(tzinfo=None) for each in (start, end))
    found = {each.replace(tzinfo=zone).astimezone(UTC) for each in frequency.local(first - margin, last + margin)}
    return sorted(each for each in found if start <= each < end)


def versions(plans: Iterable[Plan]) -> dict[str, list[Plan]]:
    """{id: versions, rising}."""
    by_id: dict[str, list[Plan]] = {}
    for each in plans:
        by_id.setdefault(each.id, []).append(each)
    return {id: sorted(each, key=lambda plan: plan.version) for id, each in by_id.items()}


def newest(plans: Iterable[Plan]) -> list[Plan]:
    """The newest version of each plan that is in use, by name."""
    found = [each[-1] for each in versions(plans).values()]
    return sorted((each for each in found if each.active), key=lambda plan: plan.name.casefold())


def due(plans: Sequence[Plan], start: datetime, end: datetime, zone: tzinfo, day_starts_at: time) -> list[Round]:
    """The rounds due in [start, end), by time; each by the version that held at its moment."""
    found = []
    for each in versions(plans).values():
        for plan, until in _holding(each, end):
            if not plan.active:
                continue
            for moment in moments(plan.frequency, max(start, plan.made_at), min(end, until), zone):
                found.append(Round(round_id(plan.id, moment), plan, moment, day_of(moment, zone, day_starts_at)))
    return sorted(found, key=lambda round: (round.due_at, round.plan.name.casefold()))


def next_due(plan: Plan, now: datetime, zone: tzinfo, day_starts_at: time) -> datetime | None:
    """When the next round is due, UTC; None where none is within a year."""
    for days in (2, 40, 370):
        if found := due([plan], now, now + timedelta(days=days), zone, day_starts_at):
            return found[0].due_at
    return None


def due_on(plans: Sequence[Plan], day: date, zone: tzinfo, day_starts_at: time) -> list[Round]:
    """The rounds of one of the station's days."""
    start, end = day_bounds(day, day, zone, day_starts_at)
    return due(plans, start, end, zone, day_starts_at)


def round_id(plan_id: str, moment: datetime) -> str:
    """The same for the same plan and time, so that a round is begun once whoever begins it."""
    return uuid.uuid5(_NAMES, f"{plan_id} {moment.astimezone(UTC).isoformat()}").hex


def _holding(plans: Sequence[Plan], end: datetime) -> Iterator[tuple[Plan, datetime]]:
    for number, plan in enumerate(plans):
        yield plan, plans[number + 1].made_at if number + 1 < len(plans) else end
