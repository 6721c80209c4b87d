"""How often a round is due: a recurrence rule (RFC 5545, RRULE), checked, and told in words.

Times are those of the wall clock at the station; `app.inspection.rounds.occurrences` makes moments of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Protocol, cast

from dateutil.rrule import rrulestr

from app.domain.errors import PlanError

MOST_TIMES = 24
"""Rounds of one plan a day by times; who needs more writes FREQ=HOURLY."""

_KEYS = frozenset(
    (
        *("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH"),
        *("BYSETPOS", "BYWEEKNO", "BYYEARDAY", "BYHOUR", "BYMINUTE", "WKST"),
    )
)
_UNITS = {"HOURLY": "hour", "DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_DAYS = dict(
    zip(
        ("MO", "TU", "WE", "TH", "FR", "SA", "SU"),
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PLACES = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "second last"}
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6})?")
_BYDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_CYCLE = 400  # years after which the Gregorian calendar repeats itself, 20,871 whole weeks
_YEARS = 9  # 29 February comes after eight years at the latest


class _Rule(Protocol):
    """What is used of dateutil's rrule; moments have no zone."""

    def between(self, after: datetime, before: datetime, inc: bool = False) -> list[datetime]: ...


@dataclass(frozen=True, slots=True)
class Frequency:
    """When rounds of a plan are due, on the station's wall clock.

    Attributes:
        rule: RRULE without its name, such as "FREQ=WEEKLY;BYDAY=MO,TH".
        begins: the first day.
        times: of the day, rising; empty where the rule itself says hours.

    Raises:
        PlanError: the rule is none, says what it may not, or never comes true.
    """

    rule: str
    begins: date
    times: tuple[time, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule", normal_rule(self.rule))
        object.__setattr__(self, "times", tuple(sorted({each.replace(second=0, microsecond=0) for each in self.times})))
        parts = rule_parts(self.rule)
        own_hours = parts["FREQ"] == "HOURLY" or "BYHOUR" in parts or "BYMINUTE" in parts
        if own_hours and self.times:
            raise PlanError(
                f"The rule {self.rule} says hours itself: leave the times empty, or take the hours out of it."
            )
        if not own_hours and not self.times:
            raise PlanError(f"{self.rule} needs a time of day, such as 08:00.")
        if len(self.times) > MOST_TIMES:
            raise PlanError(f"{len(self.times)} times a day are too many: give at most {MOST_TIMES}, or FREQ=HOURLY.")
        if not _comes_true(self.rule, self.begins):
            raise PlanError(f"The rule {self.rule} never comes true from {self.begins} on. Correct it.")

    def local(self, first: datetime, last: datetime) -> list[datetime]:
        """Wall-clock times from `first` to `last`, both included and without a zone, rising."""
        found: set[datetime] = set()
        for at in self.times or (time(0),):
            found.update(_rule(self.rule, datetime.combine(self.begins, at)).between(first, last, inc=True))
        return sorted(found)

    @property
    def words(self) -> str:
        """Such as "every Monday and Thursday at 08:00 and 14:00"."""
        told = rule_words(self.rule)
        return f"{told} at {_listed([f'{each:%H:%M}' for each in self.times])}" if self.times else told


@functools.lru_cache(maxsize=256)
def _rule(rule: str, begins: datetime) -> _Rule:
    """Compiled; what it has counted out once is kept."""
    full = re.sub(r"UNTIL=([0-9]{8})(?!T)", r"UNTIL=\1T235959", rule)  # a day is meant with its evening
    return cast(_Rule, rrulestr(full, dtstart=begins, cache=True))


@functools.lru_cache(maxsize=1024)
def _comes_true(rule: str, begins: date) -> bool:
    """Whether it ever does. dateutil looks for 30 February until the year 9999, so it begins near there: the
    calendar repeats itself, with its days of the week, every 400 years."""
    parts = rule_parts(rule)
    until = parts.pop("UNTIL", "")[:8]
    parts.pop("COUNT", None)
    if parts["FREQ"] == "HOURLY" and "BYHOUR" not in parts:
        parts = {key: value for key, value in parts.items() if key != "INTERVAL"} | {"FREQ": "DAILY"}
    later = (9999 - _YEARS - begins.year) // _CYCLE * _CYCLE
    if later < 0:
        return False
    first = datetime.combine(begins.replace(year=begins.year + later), time(0))
    bare = ";".join(f"{key}={value}" for key, value in parts.items())
    found = next(iter(rrulestr(bare, dtstart=first)), None)
    return found is not None and (not until or f"{found.year - later:04d}{found:%m%d}" <= until)


def normal_rule(text: str) -> str:
    """The rule in capitals, without "RRULE:" and spaces.

    Raises:
        PlanError: says which part is wrong, and how it is written.
    """
    rule = re.sub(r"\s+", "", text).upper().removeprefix("RRULE:").rstrip(";")
    parts = rule_parts(rule)
    if parts.get("FREQ") not in _UNITS:
        raise PlanError(f"{text!r} is no recurrence: FREQ must be one of {', '.join(_UNITS)}, as in FREQ=DAILY.")
    for key in parts:
        if key not in _KEYS:
            raise PlanError(f"{key} is not used here ({text!r}). Known are {', '.join(sorted(_KEYS))}.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise PlanError(f"{text!r} has both COUNT and UNTIL: keep one of them.")
    if "UNTIL" in parts and not _UNTIL.fullmatch(parts["UNTIL"]):
        raise PlanError(f"UNTIL={parts['UNTIL']} must be a day of the station, such as UNTIL=20271231.")
    for key in ("INTERVAL", "COUNT"):
        if key in parts and not re.fullmatch(r"[1-9][0-9]{0,3}", parts[key]):
            raise PlanError(f"{key}={parts[key]} must be a whole number from 1 to 9999.")
    for day in parts.get("BYDAY", "MO").split(","):
        if not _BYDAY.fullmatch(day):
            raise PlanError(f"BYDAY={parts['BYDAY']} must name days as MO, TU, WE, TH, FR, SA, SU.")
        if day not in _DAYS and parts["FREQ"] not in ("MONTHLY", "YEARLY"):
            raise PlanError(f"BYDAY={day} counts days of a month or year, and FREQ is {parts['FREQ']}.")
    try:
        if "UNTIL" in parts:
            datetime.strptime(parts["UNTIL"][:8], "%Y%m%d")  # noqa: DTZ007 - wall clock
        _rule(rule, datetime(2026, 1, 1))  # noqa: DTZ001 - wall clock
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise PlanError(
            f"{text!r} is no recurrence after RFC 5545 ({error}). Write it like FREQ=WEEKLY;BYDAY=MO."
        ) from None
    return rule


def rule_parts(rule: str) -> dict[str, str]:
    """{key: value} of a rule in capitals.

    Raises:
        PlanError: a part is not KEY=VALUE, or comes twice.
    """
    parts: dict[str, str] = {}
    for piece in rule.split(";"):
        key, equals, value = piece.partition("=")
        if not equals or not value:
            raise PlanError(f"{piece!r} is no part of a recurrence. Write it like FREQ=DAILY;INTERVAL=2.")
        if key in parts:
            raise PlanError(f"{key} comes twice in {rule!r}: keep one of them.")
        parts[key] = value
    return parts


def rule_words(rule: str) -> str:
    """The rule for people; what there are no words for stands as it is written."""
    parts = rule_parts(rule)
    freq, interval = parts.pop("FREQ"), int(parts.pop("INTERVAL", "1"))
    unit = _UNITS[freq]
    days = parts.pop("BYDAY", "")
    parts.pop("WKST", None)
    end = ""
    if until := parts.pop("UNTIL", ""):
        end = f", until {until[:4]}-{until[4:6]}-{until[6:8]}"
    elif count := parts.pop("COUNT", ""):
        end = f", {count} times"
    every = f"every {unit}" if interval == 1 else f"every {interval} {unit}s"
    if days == "MO,TU,WE,TH,FR" and interval == 1 and freq in ("DAILY", "WEEKLY"):
        every = "every working day"
    elif days and interval == 1 and freq in ("DAILY", "WEEKLY"):
        every = f"every {_listed([_DAYS[day] for day in days.split(',')])}"
    elif days:
        place = parts.pop("BYSETPOS", "")
        every += f" on {_which(days, place)}"
    if on := parts.pop("BYMONTHDAY", ""):
        every += f" on {_listed([_of_month(int(each)) for each in on.split(',')])}"
    if months := parts.pop("BYMONTH", ""):
        every += f" in {_listed([_MONTHS[int(each) - 1] for each in months.split(',')])}"
    if hours := parts.pop("BYHOUR", ""):
        minutes = parts.pop("BYMINUTE", "0").split(",")
        every += (
            f" at {_listed([f'{int(hour):02d}:{int(minute):02d}' for hour in hours.split(',') for minute in minutes])}"
        )
    elif freq == "HOURLY" and (minutes_past := parts.pop("BYMINUTE", "")):
        every += f", {_listed(minutes_past.split(','))} minutes past"
    left = "".join(f", {key}={value}" for key, value in parts.items())
    return every + left + end


def _which(days: str, place: str) -> str:
    found = []
    for day in days.split(","):
        match = _BYDAY.fullmatch(day)
        number = match[1] if match else None
        name = _DAYS[day[-2:]]
        found.append(f"the {_PLACES.get(int(number), number)} {name}" if number else name)
    listed = _listed(found)
    return (
        f"the {' and '.join(_PLACES.get(int(each), each) for each in place.split(','))} of {listed}"
        if place
        else listed
    )


def _of_month(number: int) -> str:
    return "the last day" if number == -1 else f"day {number}" if number > 0 else f"the {-number}. day from the end"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
