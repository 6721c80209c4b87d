"""The station's days: records carry UTC, people read dates of the station's zone.

A day begins at `day_starts_at` on the wall clock and ends where the next one begins, so that a night
shift belongs to the day it began. On the days the clocks change a day has 23 or 25 hours.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from app.domain.errors import LinesightError


def day_bounds(first: date, last: date, zone: tzinfo, day_starts_at: time = time(0)) -> tuple[datetime, datetime]:
    """The moments [start, end) in UTC of the days `first` to `last`, both included.

    A start that the clocks skip (spring) begins at the same moment counted from before the change;
    one that happens twice (autumn) begins the first time.

    Raises:
        LinesightError: the period ends before it begins, or lies outside the calendar.
    """
    if last < first:
        raise LinesightError(f"The period ends ({last}) before it begins ({first}): exchange the two dates.")
    return _start_of(first, zone, day_starts_at), _start_of(_next(last), zone, day_starts_at)


def day_of(moment: datetime, zone: tzinfo, day_starts_at: time = time(0)) -> date:
    """The station's day that `moment` (with a zone of its own, as a rule UTC) belongs to.

    It agrees with `day_bounds` for every moment.
    """
    day = moment.astimezone(zone).date()
    moment = moment.astimezone(UTC)
    if moment < _start_of(day, zone, day_starts_at):
        return day - timedelta(days=1)
    if moment >= _start_of(_next(day), zone, day_starts_at):
        return _next(day)  # the clocks went back over the start of a day
    return day


def station_zone(name: str) -> tzinfo:
    """The zone with this IANA name; "" for the computer's own.

    Raises:
        LinesightError: there is no such zone.
    """
    if not name:
        return ComputerZone()
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError; OSError: a folder's name
        raise LinesightError(
            f"There is no time zone {name!r} on this computer: give a name such as Europe/Berlin, or none for "
            "the computer's own."
        ) from error


def zone_words(zone: tzinfo, moment: datetime) -> str:
    """What a person calls the zone: "Europe/Berlin (UTC+02:00)" at that moment."""
    there = moment.astimezone(zone)
    name = getattr(zone, "key", None) or there.tzname() or "local time"
    offset = f"{there:%z}"
    return "UTC" if name == "UTC" else f"{name} (UTC{offset[:3]}:{offset[3:5]})"


class ComputerZone(tzinfo):
    """The zone the computer is set to, with its changes of the clock.

    Asks the C library for each moment: the standard library has no portable way to learn the IANA name.
    """

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None  # not known apart from the offset, and not needed

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        # The default needs dst(). fromtimestamp also sets `fold` in the hour that happens twice.
        return datetime.fromtimestamp(moment.replace(tzinfo=UTC).timestamp()).replace(tzinfo=self)  # noqa: DTZ006

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComputerZone)

    def __hash__(self) -> int:
        return hash(ComputerZone)

    def __repr__(self) -> str:
        return "ComputerZone()"


def _next(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError as error:
        raise _outside(day) from error


def _start_of(day: date, zone: tzinfo, day_starts_at: time) -> datetime:
    try:
        return datetime.combine(day, day_starts_at.replace(tzinfo=None, fold=0), tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError, OSError) as error:  # the C library's range is narrower on some systems
        raise _outside(day) from error


def _outside(day: date) -> LinesightError:
    return LinesightError(f"The date {day} lies outside the calendar of this computer.")
