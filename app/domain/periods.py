"""What a report is about: days or a shift of the station, as moments in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from app.domain.calendar import day_bounds, day_of
from app.domain.errors import LinesightError


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift of every day: it lasts until the next one begins.

    Attributes:
        name: unique at the station.
        starts_at: on the station's wall clock.
    """

    name: str
    starts_at: time


@dataclass(frozen=True, slots=True)
class Period:
    """A piece of the record.

    Attributes:
        first, last: the station's days, both included; the same for a shift, which belongs to the day it began.
        start, end: [start, end) in UTC.
        shift: its name; "" for whole days.
    """

    first: date
    last: date
    start: datetime
    end: datetime
    shift: str = ""

    @property
    def words(self) -> str:
        """For a person: "Monday 2026-11-23", "2026-11-16 to 2026-11-22 (7 days)", "Monday 2026-11-23, Night"."""
        if self.first != self.last:
            return f"{self.first} to {self.last} ({(self.last - self.first).days + 1} days)"
        return f"{self.first:%A} {self.first}" + (f", {self.shift}" if self.shift else "")

    @property
    def short(self) -> str:
        """For the foot of a page."""
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"{days}, {self.shift}" if self.shift else days

    @property
    def file_words(self) -> str:
        """For a file's name; the shift's name is made harmless by whoever makes the name."""
        days = str(self.first) if self.first == self.last else f"{self.first}-to-{self.last}"
        return f"{days}-{self.shift}" if self.shift else days


def days_period(first: date, last: date, zone: tzinfo, day_starts_at: time = time(0)) -> Period:
    """The station's days `first` to `last`, both included; LinesightError as `day_bounds`."""
    return Period(first, last, *day_bounds(first, last, zone, day_starts_at))


def shift_periods(day: date, shifts: Sequence[Shift], zone: tzinfo, day_starts_at: time = time(0)) -> list[Period]:
    """The shifts that began on the station's day `day`, oldest first."""
    begins = _begins(day, shifts, zone)
    return [
        Period(day, day, start, end, shift.name)
        for (start, shift), (end, _) in pairwise(begins)
        if end > start and day_of(start, zone, day_starts_at) == day
    ]


def shift_at(moment: datetime, shifts: Sequence[Shift], zone: tzinfo) -> str:
    """The name of the shift that runs at `moment`; "" at a station without shifts."""
    if not shifts:
        return ""
    moment = moment.astimezone(UTC)
    begun = [shift for start, shift in _begins(moment.astimezone(zone).date(), shifts, zone) if start <= moment]
    return begun[-1].name


def _begins(day: date, shifts: Sequence[Shift], zone: tzinfo) -> list[tuple[datetime, Shift]]:
    """When the shifts of the days around `day` begin, UTC, oldest first. A time that the clocks skip begins at the
    same moment counted from before the change, as the station's days do."""
    found = []
    for number in range(-2, 4):
        try:
            that = day + timedelta(days=number)
            for shift in shifts:
                start = datetime.combine(that, shift.starts_at, tzinfo=zone).astimezone(UTC)
                found.append((start, shift))
        except (OverflowError, ValueError):  # the calendar ends here
            continue
    return sorted(found, key=lambda each: each[0])


def read_shift(text: str) -> Shift:
    """From a line of the settings such as "06:00 Early".

    Raises:
        LinesightError: it is none; says how one looks.
    """
    found = re.fullmatch(r"\s*([01]?\d|2[0-3]):([0-5]\d)\s+(\S.{0,39}?)\s*", text)
    if found is None:
        raise LinesightError(f'{text!r} is no shift: write when it begins and its name, such as "06:00 Early".')
    return Shift(found[3], time(int(found[1]), int(found[2])))


def read_shifts(texts: Sequence[str]) -> tuple[Shift, ...]:
    """The shifts of the settings, by the time they begin; LinesightError where two share a name or a time."""
    found = sorted((read_shift(text) for text in texts), key=lambda shift: shift.starts_at)
    for one, what in ((len({shift.name for shift in found}), "name"), (len({s.starts_at for s in found}), "time")):
        if one != len(found):
            raise LinesightError(f"Two shifts have the same {what}. Give each its own.")
    return tuple(found)
