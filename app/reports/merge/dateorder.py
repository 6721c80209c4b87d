"""Whether day or month comes first in a column of ambiguous dates: decided by evidence, and said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from app.reports.merge.dates import NO_YEAR, Order, Reading


@dataclass(frozen=True, slots=True)
class Decision:
    """How a column's ambiguous dates are read, and why; `why` is empty where nothing had to be decided."""

    order: Order
    why: str = ""
    certain: bool = True


def decide(
    readings: Iterable[Reading],
    *,
    told: Order | None = None,
    hint: Order | None = None,
    file_order: Order | None = None,
    near: Iterable[date] = (),
    language: str = "",
) -> Decision:
    """Whether day or month comes first in a column.

    Args:
        readings: of its distinct values.
        told: what the mapping says. hint: what its header says ("DD/MM/YYYY").
        file_order: how other columns of the file are certainly read.
        near: certain dates of this file, its name, and the other files.
        language: of the table's headers.
    """
    found = list(readings)
    if told:
        return Decision(told)
    orders = [reading.order for reading in found if reading.order]
    ambiguous = [reading for reading in found if reading.ambiguous]
    if not ambiguous:
        return Decision(orders[0] if orders else "day-first")
    if hint:
        return Decision(hint, "its heading says so")
    if orders:
        order: Order = "day-first" if 2 * orders.count("day-first") >= len(orders) else "month-first"
        mixed = len(set(orders)) > 1
        why = "most of its certain dates are" if mixed else "a number above 12 shows it"
        return Decision(order, why, certain=not mixed)
    if file_order:
        return Decision(file_order, "other dates of the file are")
    days = [day for day in near if day.year != NO_YEAR]
    if days and (nearer := _nearer(ambiguous, min(days), max(days))):
        return Decision(nearer, "only so do they lie near the other dates")
    if language and language != "en":
        return Decision("day-first", f"its headings are in the language {language!r}")
    if closer := _closer(ambiguous):
        return Decision(closer, "so they lie within a few days of each other", certain=False)
    return Decision("day-first", "nothing shows which comes first", certain=False)


def _nearer(readings: list[Reading], first: date, last: date) -> Order | None:
    def fits(days: Iterable[date | None]) -> float:
        known = [day for day in days if day and day.year != NO_YEAR]
        near = [day for day in known if first - timedelta(days=10) <= day <= last + timedelta(days=10)]
        return len(near) / len(known) if known else 0.0

    one, other = fits(each.day_first for each in readings), fits(each.month_first for each in readings)
    if one >= 0.9 and other <= 0.2:
        return "day-first"
    return "month-first" if other >= 0.9 and one <= 0.2 else None


def _closer(readings: list[Reading]) -> Order | None:
    if len(readings) < 2:
        return None
    spans = []
    for days in ([each.day_first for each in readings], [each.month_first for each in readings]):
        known = [day for day in days if day]
        spans.append((max(known) - min(known)).days)
    if spans[0] * 3 < spans[1]:
        return "day-first"
    return "month-first" if spans[1] * 3 < spans[0] else None


_ORDER_WORDS = re.compile(r"\b(d{1,2}|t{1,2}|j{1,2}|g{1,2})[./\s-]+(m{1,2})[./\s-]+([yja]{2,4})\b", re.IGNORECASE)
_MONTH_FIRST = re.compile(r"\bm{1,2}[./\s-]+d{1,2}[./\s-]+y{2,4}\b", re.IGNORECASE)


def order_in(header: str) -> Order | None:
    """What a heading such as "Date (DD/MM/YYYY)" says."""
    if _MONTH_FIRST.search(header):
        return "month-first"
    return "day-first" if _ORDER_WORDS.search(header) else None
