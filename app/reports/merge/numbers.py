"""Numbers as inspectors type them: decimal commas, thousands, units in the cell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.reports.merge.grid import Value

_NUMBER = re.compile(
    r"([+\-−–]?)\s*(\d[\d.,'’\u00a0 ]*|[.,]\d+)(?:[eE]([+-]?\d{1,3}))?\s*"
    r"([^\d\s.,+\-<>=][^\d]{0,11}|[^\W\d]{1,4}[²³23]?)?"
)
_GROUPED = re.compile(r"\d{1,3}(?:([.,'’\u00a0 ])\d{3})+")
_UNITS = {
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0, "cm": 10.0, "m": 1000.0, "dm": 100.0,
    "µm": 0.001, "μm": 0.001, "um": 0.001, "mkm": 0.001, "in": 25.4, "inch": 25.4, '"': 25.4, "zoll": 25.4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """A value and its unit; `doubtful` where a lone "1,234" could be thousands as well as decimals."""

    value: float
    unit: str = ""
    doubtful: bool = False


def parse_number(text: str, comma: bool) -> Number | None:
    """A number with or without a unit; None for what is none.

    Args:
        comma: a lone comma with three digits after it is a decimal one, and a lone dot groups thousands.
    """
    found = _NUMBER.fullmatch(text.strip())
    if not found:
        return None
    digits = found[2].strip()
    unit = (found[4] or "").strip()
    if unit and not re.match(r"[^\W\d_]|[°%µμ\"'”″Ø/]", unit):
        return None
    plain, doubtful = _plain(digits, comma)
    if plain is None:
        return None
    value = float(f"{plain}e{found[3] or 0}")
    if not math.isfinite(value):
        return None
    return Number(-value if found[1] and found[1] != "+" else value, unit, doubtful)


def _plain(digits: str, comma: bool) -> tuple[str | None, bool]:
    digits = re.sub(r"[\u00a0 '’](?=\d{3}(?!\d))", "", digits)
    if re.search(r"[\s'’]", digits):
        return None, False
    dots, commas = digits.count("."), digits.count(",")
    if dots and commas:
        last = max(digits.rfind("."), digits.rfind(","))
        decimal = digits[last]
        if digits.count(decimal) > 1:
            return None, False
        return digits.replace("," if decimal == "." else ".", "").replace(",", "."), False
    if dots + commas == 0:
        return digits, False
    sign = "." if dots else ","
    if dots + commas > 1:
        return (digits.replace(sign, ""), False) if _GROUPED.fullmatch(digits) else (None, False)
    whole, _, rest = digits.partition(sign)
    if len(rest) == 3 and 1 <= len(whole) <= 3 and whole != "0":
        decimal_here = (sign == ",") == comma
        return (f"{whole}.{rest}" if decimal_here else whole + rest), True
    return f"{whole or '0'}.{rest or '0'}", False


def decimal_comma(texts: Iterable[str], language: str, delimiter: str) -> tuple[bool, bool]:
    """Whether a column's doubtful numbers have decimal commas, and whether anything shows it."""
    commas = dots = 0
    for text in texts:
        found = _NUMBER.fullmatch(text.strip())
        if not found:
            continue
        digits = found[2].strip()
        if re.search(r",\d{1,2}$|,\d{4,}$|\.\d{3},\d|^0,\d+$", digits):
            commas += 1
        elif re.search(r"\.\d{1,2}$|\.\d{4,}$|,\d{3}\.\d|^0\.\d+$", digits):
            dots += 1
    if commas != dots:
        return commas > dots, True
    if language:
        return language not in {"en", "zh", "ja", "ko"}, True
    return delimiter == ";", False


def read_number(value: Value, comma: bool) -> Number | None:
    """A cell of a column of numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Number(float(value)) if abs(value) < 1e300 else None
    return parse_number(value, comma) if isinstance(value, str) else None


def comparable(value: float, unit: str) -> tuple[float, str]:
    """Lengths in millimetres, so that "1.2 cm" and "12 mm" are the same; others as they are."""
    factor = _UNITS.get(unit.casefold().strip())
    return (value * factor, "mm") if factor else (value, unit.casefold().strip())
