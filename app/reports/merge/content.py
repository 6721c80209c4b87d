"""How well the values of a column fit a field, whatever its heading says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from itertools import pairwise

from app.reports.merge import words
from app.reports.merge.dates import parse_text, read_date, read_time
from app.reports.merge.grid import Fault, Value
from app.reports.merge.numbers import read_number
from app.reports.merge.verdicts import is_verdict, sign_of, word_of

_CODE = re.compile(r"(?=.*\d)[\w.\-/#+: ]{1,40}", re.UNICODE)
SAMPLE = 240


def sample(values: Sequence[Value]) -> list[Value]:
    """Values spread over the column, without gaps and faults."""
    there: list[Value] = [value for value in values if value is not None and not isinstance(value, Fault)]
    there = [value for value in there if not (isinstance(value, str) and value.casefold() in words.ditto_words())]
    if len(there) <= SAMPLE:
        return there
    pace = len(there) / SAMPLE
    return [there[int(index * pace)] for index in range(SAMPLE)]


def fit(name: str, values: Sequence[Value]) -> float:
    """0..1, from a `sample`; 0.5 where the column is empty."""
    if not values:
        return 0.5
    return _FITS[name](values)


def _share(values: Sequence[Value], test: Callable[[Value], bool]) -> float:
    return sum(map(test, values)) / len(values)


def is_date(value: Value) -> bool:
    return read_date(value).any is not None


def _is_time(value: Value) -> bool:
    if isinstance(value, int) and not isinstance(value, bool) and value < 100:
        return False
    return read_time(value) is not None


def _number(value: Value) -> bool:
    return read_number(value, True) is not None


def _plain(value: Value) -> bool:
    return isinstance(value, str) and not any(sign.isdecimal() for sign in value)


def _dated(values: Sequence[Value]) -> float:
    """Dates and times that are typed or written as such; a bare day number may be any number."""
    return _share(
        values,
        lambda value: isinstance(value, date | time) or (isinstance(value, str) and parse_text(value).any is not None),
    )


def clearly(name: str, values: Sequence[Value]) -> float:
    """How well values fit a field that no heading names: what could be a plain number is none of its."""
    if name == "date":
        return _share(
            values, lambda value: isinstance(value, date) or (isinstance(value, str) and _written_date(value))
        )
    if name == "time":
        return _share(
            values, lambda value: isinstance(value, time) or (isinstance(value, str) and _written_time(value))
        )
    return fit(name, values)


def _written_date(text: str) -> bool:
    return not text.isdecimal() and parse_text(text).any is not None


def _written_time(text: str) -> bool:
    return ":" in text and read_time(text) is not None and parse_text(text).any is None


def is_counter(values: Sequence[Value]) -> bool:
    """1, 2, 3 ... down the column."""
    numbers = [read_number(value, True) for value in values]
    whole = [number.value for number in numbers if number and number.value.is_integer()]
    if len(whole) < 0.9 * len(values) or len(whole) < 3 or not 0 <= whole[0] <= 1:
        return False
    return all(later > earlier for earlier, later in pairwise(whole)) and whole[-1] < 1_000_000


def _part(values: Sequence[Value]) -> float:
    dated = _dated(values)
    coded = _share(
        values, lambda value: isinstance(value, str) and bool(_CODE.fullmatch(value)) and not is_verdict(value)
    )
    whole = _share(values, lambda value: isinstance(value, int) and not isinstance(value, bool))
    integral = _share(values, lambda value: isinstance(value, float) and value.is_integer())
    words_only = _share(values, lambda value: _plain(value) and not word_of(value))
    points = coded + 0.85 * (whole + integral) + 0.4 * words_only
    return max(0.0, (points - dated) * (0.3 if is_counter(values) else 1))


def _date(values: Sequence[Value]) -> float:
    return _share(values, is_date)


def fits_short_dates(values: Sequence[Value]) -> float:
    """For a column that is headed as one of dates: "04.03" counts as well."""
    return _share(values, lambda value: read_date(value, short=True).any is not None) if values else 0.5


def is_typed(values: Sequence[Value]) -> bool:
    """Dates and times as such, not as text: one of them says enough."""
    return bool(values) and all(isinstance(value, date | time) for value in values)


def _time(values: Sequence[Value]) -> float:
    return _share(values, _is_time)


def _verdict(values: Sequence[Value]) -> float:
    known = _share(
        values, lambda value: (bool(word_of(value)) and not isinstance(value, int | float)) or isinstance(value, bool)
    )
    signs = _share(values, lambda value: bool(sign_of(value)))
    text = _share(values, _plain)
    return min(1.0, known + 0.8 * signs + 0.3 * max(0.0, text - known - signs))


def _defect(values: Sequence[Value]) -> float:
    known = _share(values, lambda value: isinstance(value, str) and _knows_defect(value))
    verdicts = _share(values, lambda value: bool(word_of(value)))
    text = _share(values, _plain)
    return max(0.05, min(1.0, known + 0.5 * max(0.0, text - known)) - 0.7 * max(0.0, verdicts - known / 2))


def _knows_defect(text: str) -> bool:
    kind = words.defect_words().get(words.fold(text))
    return kind is not None and kind != "none"


def _whole(value: Value) -> bool:
    number = read_number(value, True)
    return number is not None and number.value.is_integer() and 0 <= number.value < 1_000_000


def _measure(values: Sequence[Value]) -> float:
    return max(0.0, _share(values, _number) - _dated(values)) * (0.3 if is_counter(values) else 1)


def _text(most: float, number: float, dated: float = 0.0) -> Callable[[Sequence[Value]], float]:
    def points(values: Sequence[Value]) -> float:
        dates = _dated(values)
        numbers = _share(values, lambda value: not isinstance(value, str) and _number(value))
        return max(0.0, most * (1 - dates - numbers) + number * numbers + dated * dates)

    return points


def _person(values: Sequence[Value]) -> float:
    names = _share(values, lambda value: _plain(value) and len(str(value)) <= 40 and not word_of(value))
    numbers = _share(values, lambda value: isinstance(value, int | str) and not _plain(value) and not is_date(value))
    return names + 0.5 * numbers


def _unit(values: Sequence[Value]) -> float:
    return max(0.05, _share(values, lambda value: isinstance(value, str) and len(value) <= 8 and not value.isdecimal()))


_FITS: dict[str, Callable[[Sequence[Value]], float]] = {
    "part": _part,
    "serial": _text(0.95, 0.9),
    "product": _text(0.9, 0.4),
    "batch": _text(0.95, 0.8),
    "order": _text(0.95, 0.9),
    "date": _date,
    "time": _time,
    "shift": _text(0.9, 0.9, 0.1),
    "inspector": _person,
    "station": _text(0.9, 0.9),
    "checkpoint": _text(0.9, 0.4),
    "verdict": _verdict,
    "defect": _defect,
    "place": _text(0.9, 0.5),
    "measure": _measure,
    "unit": _unit,
    "quantity": lambda values: _share(values, _whole) * (0.3 if is_counter(values) else 1),
    "remark": _text(0.95, 0.5, 0.2),
    "counter": lambda values: 1.0 if is_counter(values) else 0.1,
    "limits": lambda values: 0.95,
}


def spans(values: Sequence[Value]) -> bool:
    """Durations rather than times of day."""
    return any(isinstance(value, timedelta) for value in values)
