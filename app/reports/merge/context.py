"""What the rows around a table say: titles, labels with their values, headings of sections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from app.reports.merge import naming
from app.reports.merge.dates import NOTHING, dates_in, parse_text
from app.reports.merge.grid import Row, Value
from app.reports.merge.table import Note

_LABEL = re.compile(r"\s*([^:：]{2,40})[:：]\s*(\S.*)?", re.DOTALL)


def preamble(rows: Sequence[Row]) -> tuple[dict[str, Value], list[str], list[Note]]:
    context: dict[str, Value] = {}
    titles: list[str] = []
    notes = []
    for row in rows:
        own = row.own()
        learn_pairs(own, context)
        text = " | ".join(str(value) for _, value in own)
        titles.append(text)
        notes.append(Note(row.number, text))
        dates = [value for _, value in own if isinstance(value, date)]
        if dates:
            context.setdefault("date", dates[0])
    return context, titles, notes


def learn(text: str, context: dict[str, Value]) -> None:
    found = _LABEL.fullmatch(text)
    if found and found[2]:
        _learn_pair(found[1], found[2].strip(), context)


def learn_pairs(own: Sequence[tuple[int, Value]], context: dict[str, Value]) -> None:
    """Labels with their values: "Inspector: Ann" in one cell, or in two beside each other."""
    skip = False
    for position, (_, value) in enumerate(own):
        if skip or not isinstance(value, str):
            skip = False
            continue
        found = _LABEL.fullmatch(value)
        if found and found[2]:
            _learn_pair(found[1], found[2].strip(), context)
        elif position + 1 < len(own) and naming.exact(value.rstrip(":： ")):
            skip = _learn_pair(value.rstrip(":： "), own[position + 1][1], context)


def _learn_pair(label: str, value: Value, context: dict[str, Value]) -> bool:
    found = naming.exact(label)
    if not found or found[0].field in {
        "counter",
        "limits",
        "remark",
        "measure",
        "quantity",
        "unit",
        "verdict",
        "defect",
    }:
        return False
    if isinstance(value, str) and naming.exact(value.rstrip(":： ")):
        return False  # two headings beside each other, no value
    context.setdefault(found[0].field, value)
    return True


def section_of(own: Sequence[tuple[int, Value]], before: dict[str, Value]) -> dict[str, Value]:
    """What a row of words says about the rows below it."""
    learned: dict[str, Value] = {}
    learn_pairs(own, learned)
    for _, value in own:
        if isinstance(value, date):
            learned.setdefault("date", value)
        elif isinstance(value, str) and len(own) == 1 and (named := _named_section(value)):
            learned.setdefault(named, value)
        elif isinstance(value, str) and (found := dates_in(value)):
            learned.setdefault("date", value if parse_text(value) is not NOTHING else _plain_date(found[0].sure))
    return {**before, **{name: value for name, value in learned.items() if value is not None}}


def _named_section(text: str) -> str:
    """The field of a heading such as "Line 2" or "Shift: late"."""
    first, _, rest = text.partition(" ")
    found = naming.exact(first.rstrip(":")) if rest else ()
    return found[0].field if found and found[0].field in {"station", "shift", "batch", "order", "product"} else ""


def _plain_date(day: date | None) -> Value:
    return day if day is not None and day.year > 1 else None
