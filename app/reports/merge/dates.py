"""Dates and times as inspectors type them. What a column of ambiguous dates means is decided by evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal

from app.reports.merge import words
from app.reports.merge.grid import Value, clock
from app.reports.merge.xlsx_sheet import from_day_number

Order = Literal["day-first", "month-first"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text can mean.

    Attributes:
        sure: the date, where there is only one; the year 1 stands for a year that is not written.
        day_first, month_first: the date either way, where the order of the numbers decides.
        time: of day, where it stands with it.
    """

    sure: date | None = None
    day_first: date | None = None
    month_first: date | None = None
    time: time | None = None

    def day(self, order: Order) -> date | None:
        if self.sure is not None:
            return self.sure
        return (self.day_first or self.month_first) if order == "day-first" else (self.month_first or self.day_first)

    @property
    def any(self) -> date | None:
        return self.sure or self.day_first or self.month_first

    @property
    def order(self) -> Order | None:
        """The only order it can be read in."""
        if self.sure is None and (self.day_first is None) != (self.month_first is None):
            return "day-first" if self.day_first is not None else "month-first"
        return None

    @property
    def ambiguous(self) -> bool:
        return self.day_first is not None and self.month_first is not None and self.day_first != self.month_first


NOTHING = Reading()
NO_YEAR = 1

_TIME = re.compile(
    r"(\d{1,2})\s*(?:(?::|\.|h|H|：|时|時|시|\s*uhr\s*)\s*(\d{2})(?:\s*(?:[:.]|분|分|m|min)\s*(\d{2})?(?:[.,]\d+)?\s*s?)?|h|H|\s*uhr|(?=\s*[ap]\.?\s?m))"
    r"\s*(?:分|분|uhr|hrs?|h|klo)?\s*([ap]\.?\s?m\.?)?\s*(?:z|utc|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.年년\s]\s*(\d{1,2})\s*[-/.月월\s]\s*(\d{1,2})\s*[日일.]?")
_COMPACT = re.compile(r"(20\d{2})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?")
_NUMBERS = re.compile(r"(\d{1,2})\s*([-/. ])\s*(\d{1,2})\s*(?:[-/. ]\s*(\d{4}|\d{2}|['’]\d{2})?)?\.?")
_FILLERS = frozenset((
    "st", "nd", "rd", "th", "er", "de", "del", "di", "den", "of", "the", "le", "el", "il", "am", "vom", "on", "a", "r",
    "g", "г", "do", "da", "dne", "dnia",
))  # fmt: skip
"""What stands between day, month and year in one language or another."""
_SHORT = re.compile(r"(\d{1,2})\.(\d{1,2})")
_TOKENS = re.compile(r"[^\W\d_]+|\d+")
_SPLIT = re.compile(
    r"(?<=[\d日일.])(?:\s*[T,;]\s*|\s+(?:um|at|à|alle|ore|a las|kl\.?|om|o|klo|в|-|–|,)?\s*)"
    r"(?=\d{1,2}\s*(?:[:h.]|uhr|[ap]\.?m|时|時|시))",
    re.IGNORECASE,
)


def _date(year: int, month: int, day: int) -> date | None:
    if year != NO_YEAR and not 1980 <= year <= 2100:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        if (year, month, day) == (NO_YEAR, 2, 29):
            return None
        return None


def _year(text: str | None) -> int:
    if not text:
        return NO_YEAR
    number = int(text.lstrip("'’"))
    return number if number > 99 else 2000 + number if number < 70 else 1900 + number


def parse_time(text: str) -> time | None:
    """ "8:05", "08.05 Uhr", "8h05", "8:05 PM", "8 Uhr"; None for what is no time of day."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        return None
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    half = (found[4] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    try:
        return time(hour % 24 if (hour, minute, second) == (24, 0, 0) else hour, minute, second)
    except ValueError:
        return None


@lru_cache(maxsize=100_000)
def parse_text(text: str) -> Reading:
    """A date, with a time of day beside it or without; `NOTHING` for what is neither."""
    text = text.strip().strip("()[]").strip()
    if not text or len(text) > 60:
        return NOTHING
    alone = _date_alone(text)
    if alone is not NOTHING:
        return alone
    for found in _SPLIT.finditer(text):
        clock = parse_time(text[found.end() :])
        day = _date_alone(text[: found.start()].rstrip(", "))
        if clock is not None and day is not NOTHING:
            return Reading(day.sure, day.day_first, day.month_first, clock)
    return NOTHING


def _date_alone(text: str) -> Reading:
    if found := _YEAR_FIRST.fullmatch(text):
        return _sure(_date(int(found[1]), int(found[2]), int(found[3])))
    if found := _COMPACT.fullmatch(text):
        day = _date(int(found[1]), int(found[2]), int(found[3]))
        if day is None or found[4] is None:
            return _sure(day)
        try:
            return Reading(day, time=time(int(found[4]), int(found[5]), int(found[6] or 0)))
        except ValueError:
            return NOTHING
    if found := _NUMBERS.fullmatch(text):
        return _numbers(found)
    tokens = _TOKENS.findall(text)
    numbers = [token for token in tokens if token.isdecimal()]
    if tokens and len(numbers) < len(tokens):
        return _named(text, tokens)
    return NOTHING


def _sure(day: date | None) -> Reading:
    return Reading(day) if day else NOTHING


def _numbers(found: re.Match[str]) -> Reading:
    first, sign, second, year = int(found[1]), found[2], int(found[3]), found[4]
    if not year and sign != "." and sign != "/":
        return NOTHING  # "3-4" is a range sooner than a day
    if not year and not found[0].rstrip().endswith(".") and sign == ".":
        return NOTHING  # "3.4" is a number
    day_first, month_first = _date(_year(year), second, first), _date(_year(year), first, second)
    if sign == "." and day_first:
        return Reading(day_first)  # with dots the day comes first everywhere
    if day_first is None and month_first is None:
        return NOTHING
    if day_first == month_first:
        return _sure(day_first)
    return Reading(None, day_first, month_first)


def _named(text: str, tokens: list[str]) -> Reading:
    """With the month, or only the day of the week, in words."""
    months, days = words.month_words(), words.weekday_words()
    month, rest = 0, []
    folded = [token if token.isdecimal() else words.fold(token) for token in tokens]
    named = [form for form in folded if form in months]
    for form in folded:
        if form.isdecimal():
            rest.append(form)
        elif form in months and not month and (len(named) == 1 or form not in days):
            month = months[form]
        elif form in days or form in _FILLERS:
            continue
        else:
            return NOTHING
    if not month:
        if len(named) == 0 and rest and any(form in days for form in folded):
            # "Mi 04.03.2026": what is left without the day of the week
            left = re.sub(r"^[^\W\d_]+[.,]*\s*|\s*[^\W\d_]+[.,]*$", "", text).strip()
            return _date_alone(left) if left and left != text else NOTHING
        return NOTHING
    if len(rest) == 2:
        first, second = rest
        if len(first) == 4 or (len(first) == 2 and int(first) > 31):
            return _sure(_date(_year(first), month, int(second)))
        return _sure(_date(_year(second), month, int(first))) if len(second) in {2, 4} else NOTHING
    if len(rest) == 1 and len(rest[0]) <= 2:
        return _sure(_date(NO_YEAR, month, int(rest[0])))
    return NOTHING


def read_date(value: Value, epoch_1904: bool = False, *, short: bool = False) -> Reading:
    """A cell of a column of dates.

    Args:
        short: "04.03" and "3/4" are days, as in a column that is headed so.
    """
    if short and isinstance(value, str) and (shortened := _SHORT.fullmatch(value.strip())):
        return parse_text(f"{shortened[1]}.{shortened[2]}.")
    if isinstance(value, datetime):
        return Reading(value.date(), time=value.time().replace(microsecond=0) if value.time() != time(0) else None)
    if isinstance(value, date):
        return Reading(value)
    if isinstance(value, str):
        if re.fullmatch(r"\d{5}([.,]\d+)?", value):
            return read_date(float(value.replace(",", ".")), epoch_1904)
        return parse_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOTHING
    if 20_000 < value < 80_000:
        found = from_day_number(float(value), "date", epoch_1904)
        return read_date(found) if isinstance(found, date) else NOTHING
    if isinstance(value, int) and 19_800_101 <= value <= 21_001_231:
        return parse_text(str(value))
    return NOTHING


def read_time(value: Value) -> time | None:
    """A cell of a column of times, to the second."""
    if isinstance(value, time):
        return value.replace(microsecond=0, tzinfo=None)
    if isinstance(value, datetime):
        return value.time().replace(microsecond=0)
    if isinstance(value, timedelta):
        return clock(value) if timedelta(0) <= value < timedelta(days=1) else None
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[012]\d[0-5]\d", text):
            text = f"{text[:2]}:{text[2:]}"
        elif re.fullmatch(r"0?[.,]\d{3,}", text):
            return read_time(float(text.replace(",", ".")))
        return parse_time(text) or parse_text(text).time
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and 100 <= value < 2400 and value % 100 < 60:
        return time(value // 100, value % 100)
    if 0 <= value < 1:
        found = from_day_number(float(value), "time", False)
        return found if isinstance(found, time) else None
    if isinstance(value, int) and 1 <= value < 24:
        return time(value)
    if 0 < value < 24 and abs(value * 100 - round(value * 100)) < 1e-6 and round(value * 100) % 100 < 60:
        return time(round(value * 100) // 100, round(value * 100) % 100)  # 8.15 for a quarter past eight
    if 20_000 < value < 80_000:
        return read_date(value).time
    return None


_INSIDE = re.compile(
    r"(?<!\d)(?:\d{4}[-_./]\d{1,2}[-_./]\d{1,2}|20\d{6}|\d{1,2}[-_./ ]\d{1,2}[-_./ ](?:20)?\d{2}"
    r"|\d{1,2}\.\d{1,2}\.)(?!\d)"
)


def dates_in(text: str) -> list[Reading]:
    """The dates that a sheet's name, a file's name or a title speaks of."""
    found = []
    for part in _INSIDE.findall(text):
        reading = parse_text(part.replace("_", "-"))
        if reading is not NOTHING:
            found.append(reading)
    if found:
        return found
    tokens = [token for token in _TOKENS.findall(text.replace("_", " ")) if words.fold(token) not in _FILLERS]
    for index, token in enumerate(tokens):
        if words.fold(token) not in words.month_words():
            continue
        for first, last in ((index - 1, index + 2), (index - 1, index + 1), (index, index + 3), (index, index + 2)):
            if first < 0 or last > len(tokens):
                continue
            reading = parse_text(" ".join(tokens[first:last]))
            if reading is not NOTHING and any(part.isdecimal() for part in tokens[first:last]):
                return [reading]
    return []
