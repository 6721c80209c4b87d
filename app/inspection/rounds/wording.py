"""What people write into cells of a plan, as rules, times and days."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from app.domain.errors import PlanError

_DAYS = {
    "MO": ("monday", "mon", "mo", "montag"),
    "TU": ("tuesday", "tue", "tues", "tu", "dienstag", "di"),
    "WE": ("wednesday", "wed", "we", "mittwoch", "mi"),
    "TH": ("thursday", "thu", "thur", "thurs", "th", "donnerstag", "do"),
    "FR": ("friday", "fri", "fr", "freitag"),
    "SA": ("saturday", "sat", "sa", "samstag", "sonnabend"),
    "SU": ("sunday", "sun", "su", "sonntag", "so"),
}
_BY_WORD = {word: day for day, words in _DAYS.items() for word in words}
_WHOLE = {
    "daily": "FREQ=DAILY",
    "every day": "FREQ=DAILY",
    "day": "FREQ=DAILY",
    "täglich": "FREQ=DAILY",
    "jeden tag": "FREQ=DAILY",
    "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "working days": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "every working day": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "workdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "werktags": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "arbeitstage": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "arbeitstäglich": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "weekly": "FREQ=WEEKLY",
    "every week": "FREQ=WEEKLY",
    "wöchentlich": "FREQ=WEEKLY",
    "monthly": "FREQ=MONTHLY",
    "every month": "FREQ=MONTHLY",
    "monatlich": "FREQ=MONTHLY",
    "yearly": "FREQ=YEARLY",
    "every year": "FREQ=YEARLY",
    "jährlich": "FREQ=YEARLY",
    "hourly": "FREQ=HOURLY",
    "every hour": "FREQ=HOURLY",
    "stündlich": "FREQ=HOURLY",
}
_UNITS = {
    "hour": "HOURLY",
    "stunde": "HOURLY",
    "day": "DAILY",
    "tag": "DAILY",
    "week": "WEEKLY",
    "woche": "WEEKLY",
    "month": "MONTHLY",
    "monat": "MONTHLY",
}
_INTERVAL = re.compile(r"(?:every|alle)\s+([0-9]+)\s+(hour|stunde|day|tag|week|woche|month|monat)(?:s|n|e|en)?")


def rule_of(text: str) -> str:
    """The recurrence that a cell means: a rule as it is, or words such as "daily", "Mon, Thu", "every 2 weeks".

    Raises:
        PlanError: nobody can tell; says how it is written.
    """
    plain = re.sub(r"\s+", " ", text.strip().casefold())
    if "freq=" in plain.replace(" ", ""):
        return text
    if plain in _WHOLE:
        return _WHOLE[plain]
    if found := _INTERVAL.fullmatch(plain):
        return f"FREQ={_UNITS[found[2]]};INTERVAL={found[1]}"
    words = re.split(r"[\s,;/&+]+", re.sub(r"\b(every|weekly|on|and|jeden|und)\b", " ", plain).strip(" ,;"))
    singular = [word if word in _BY_WORD else word.removesuffix("s") for word in words]
    if singular and all(word in _BY_WORD for word in singular):
        days = [day for day in _DAYS if day in {_BY_WORD[word] for word in singular}]
        return f"FREQ=WEEKLY;BYDAY={','.join(days)}"
    raise PlanError(
        f"{text!r} says no recurrence. Write daily, working days, Mon, Thu, every 2 weeks, or a rule such as "
        "FREQ=MONTHLY;BYDAY=1MO."
    )


def times_of(value: Any) -> tuple[time, ...]:
    """The times of day that a cell holds: a time, several in a text, or a spreadsheet's fraction of a day.

    Raises:
        PlanError: one is no time.
    """
    if isinstance(value, datetime):
        return (value.time().replace(second=0, microsecond=0),)
    if isinstance(value, time):
        return (value.replace(second=0, microsecond=0),)
    if isinstance(value, timedelta):
        value = value / timedelta(days=1)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value < 1:
            raise PlanError(f"{value:g} is no time of day. Write it like 08:00.")
        minutes = round(value * 24 * 60)
        return (time(minutes // 60 % 24, minutes % 60),)
    found = []
    for piece in re.split(r"[;,\n]|\band\b|\bund\b|\s{1,}(?=[0-9])", str(value)):
        if not (piece := piece.strip()):
            continue
        told = re.fullmatch(r"([0-9]{1,2})(?:[:.h]([0-9]{2})?)?\s*(am|pm|uhr)?", piece.casefold())
        hour = int(told[1]) if told else 99
        if told and told[3] in ("am", "pm") and 1 <= hour <= 12:
            hour = hour % 12 + (12 if told[3] == "pm" else 0)
        minute = int(told[2] or 0) if told else 0
        if told is None or hour > 23 or minute > 59:
            raise PlanError(f"{piece!r} is no time of day. Write it like 08:00, several with a semicolon between.")
        found.append(time(hour, minute))
    return tuple(dict.fromkeys(found))


def day_of_cell(value: Any) -> date:
    """The day that a cell holds.

    Raises:
        PlanError: it is none, or day and month can't be told apart.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
        if found := re.fullmatch(r"([0-9]{1,2})\.\s*([0-9]{1,2})\.\s*([0-9]{4})", text):
            return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        raise PlanError(f"The day {text} does not exist. Write it like 2026-11-30.") from None
    raise PlanError(f"{text!r} is no day that can be told. Write it like 2026-11-30.")


def minutes_of(value: Any) -> int:
    """A whole number of minutes.

    Raises:
        PlanError: it is none.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(str(value).strip().removesuffix("min").replace(",", "."))
        if number != int(number):
            raise ValueError
    except (ValueError, OverflowError):
        raise PlanError(f"{value!r} is no whole number of minutes. Write it like 60.") from None
    return int(number)
