"""Alarms among stations: what one says of an alarm, and what the others make of it.

A message carries the whole alarm as it stands, so messages may come late, twice, in any order or not at all: taking one
joins two states, and the same states join to the same whatever the order. The alarm's id is the same everywhere. Who
raised it says how often, since when and whether its cause holds; an answer may come from any station, the first by time
stays, and one to an earlier episode (`Alarm.episode`) is none to a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.domain.alarm import CLOUD_RULE, ELSEWHERE, Alarm, Priority, station_rule
from app.domain.errors import LinesightError

FORMAT = "linesight-alarm"
_LONGEST = {"title": 200, "detail": 2000, "source": 300, "kind": 60, "part": 300, "station": 60}
_HEX = frozenset("0123456789abcdef")


class UnreadableError(LinesightError):
    """A message that is none of those that are understood, or a broken one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of an alarm elsewhere.

    Attributes:
        alarm: as it stands there.
        by: the station that says so; "" for the cloud.
        once: id of what was told, where taking it twice would count it twice; "" where it would not.
    """

    alarm: Alarm
    by: str
    once: str = ""


def told(alarm: Alarm, station: str) -> dict[str, Any]:
    """What other stations need of an alarm beside what a notice says anyway.

    Args:
        station: this one's name.
    """
    by = alarm.acknowledged_by
    return {
        "format": FORMAT,
        "origin": station if alarm.own else alarm.station or CLOUD_RULE,
        "origin_source": alarm.source.removeprefix(f"{alarm.station}: ") if alarm.station else alarm.source,
        "lasting": alarm.lasting,
        "waiting_since": _text(alarm.waiting_since),
        "cleared_at": _text(alarm.cleared_at),
        "ended_at": _text(alarm.ended_at),
        "acknowledged_at": _text(alarm.acknowledged_at),
        "acknowledged_by": by if not by or ELSEWHERE in by else f"{by}{ELSEWHERE}{station}",
    }


def read(fields: Mapping[str, Any]) -> Heard:
    """What a station says of an alarm.

    Raises:
        UnreadableError: it says something else, or not all of it.
    """
    try:
        id = str(fields["alarm"])
        if len(id) != 32 or not set(id) <= _HEX:
            raise UnreadableError("A message names no alarm: its id is not 32 hex digits.")
        origin, sender = _short(fields, "origin", "station"), _short(fields, "station", "station")
        source = _short(fields, "origin_source", "source")
        cloud = origin == CLOUD_RULE
        raised_at, last_at = _moment(fields["raised_at"]), _moment(fields["last_at"])
        if not sender or not origin or raised_at is None or last_at is None:
            raise UnreadableError("A message does not say which station it is from, or since when its alarm stands.")
        alarm = Alarm(
            id=id,
            kind=_short(fields, "kind", "kind"),
            title=_short(fields, "title", "title"),
            detail=_short(fields, "detail", "detail"),
            source=source if cloud else f"{origin}: {source}",
            raised_at=raised_at,
            last_at=last_at,
            count=max(1, int(fields["count"])),
            acknowledged_at=_moment(fields.get("acknowledged_at")),
            acknowledged_by=_short(fields, "acknowledged_by", "station", longest=130),
            rule=CLOUD_RULE if cloud else station_rule(origin),
            part_id=_short(fields, "part", "part"),
            priority=Priority[str(fields["priority"]).upper()],
            lasting=bool(fields["lasting"]),
            cleared_at=_moment(fields.get("cleared_at")),
            ended_at=_moment(fields.get("ended_at")),
            waiting_since=_moment(fields.get("waiting_since")),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableError(f"A message of an alarm is broken ({type(error).__name__}: {error}).") from error
    return Heard(alarm, sender)


def joined(known: Alarm | None, heard: Heard) -> Alarm:
    """The alarm after what was heard of it; the known one itself where nothing is new."""
    said = heard.alarm
    if known is None:
        return said
    if known.own:
        return _answered(known, said)
    if known.id != said.id:  # from the cloud, of which each station has its own count: seen there, was it this one?
        return (
            _answered(known, replace(said, waiting_since=known.episode)) if said.last_at >= known.raised_at else known
        )
    if said.episode < known.episode:
        return known  # of a time that is over
    if said.episode > known.episode:
        shelf = {name: getattr(known, name) for name in ("shelved_at", "shelved_until", "shelved_by", "shelved_reason")}
        return replace(
            said, raised_at=min(said.raised_at, known.raised_at), count=max(said.count, known.count), **shelf
        )
    raiser = heard.by == known.station
    newest = said if said.last_at > known.last_at else known
    found = replace(
        newest if raiser else known,
        count=max(said.count, known.count),
        last_at=newest.last_at,
        cleared_at=known.cleared_at or (said.cleared_at if raiser else None),
        acknowledged_at=known.acknowledged_at,
        acknowledged_by=known.acknowledged_by,
        ended_at=known.ended_at or (said.ended_at if raiser else None),
        shelved_at=known.shelved_at,
        shelved_until=known.shelved_until,
        shelved_by=known.shelved_by,
        shelved_reason=known.shelved_reason,
    )
    found = _over(_answered(found, said))
    return known if found == known else found


def _answered(known: Alarm, said: Alarm) -> Alarm:
    """The known alarm with the answer of the other, where that is the first one to this episode."""
    if said.acknowledged_at is None or said.episode < known.episode:
        return known
    first = known.acknowledged_at
    if first is not None and first <= said.acknowledged_at:
        answered = known
    else:
        answered = replace(known, acknowledged_at=said.acknowledged_at, acknowledged_by=said.acknowledged_by)
    return _over(answered)


def _over(alarm: Alarm) -> Alarm:
    """What was answered and has no cause any more is over."""
    seen = alarm.acknowledged_at
    if seen is None or alarm.ended_at is not None or (alarm.lasting and alarm.cleared_at is None):
        return alarm
    return replace(alarm, ended_at=max(seen, alarm.cleared_at or seen))


def _short(fields: Mapping[str, Any], name: str, kind: str, *, longest: int | None = None) -> str:
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise UnreadableError(f"A message of an alarm is broken: its {name} is no text.")
    return value[: longest or _LONGEST[kind]]


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return moment.astimezone(UTC)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
