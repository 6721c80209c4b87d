"""What a column's heading says, by the vocabulary of the fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from rapidfuzz import fuzz, process

from app.reports.merge import words

_BRACKETS = re.compile(r"[(\[{]([^)\]}]{1,20})[)\]}]")
_IN_UNIT = re.compile(r"\s(?:in|en|w|v|i)\s+(mm|cm|m|µm|um|g|kg|°|grad|nm|%|bar|n|in|inch|zoll)\s*$", re.IGNORECASE)
_UNIT = re.compile(
    r"(mm²?|mm2|cm²?|cm2|m|µm|μm|um|nm|km|in|inch|zoll|g|kg|mg|n|nm|knm|kn|°|°c|grad|deg|%|bar|mbar|pa|mpa|kpa|s|ms|min|h|v|a|ma|ohm|ω|stk|pcs|db|ra|hrc|hv|hb)",
    re.IGNORECASE,
)


_FORMAT = re.compile(r"[dmyjtaghs]{1,4}([./:\- ]+[dmyjtaghs]{1,4}){1,5}", re.IGNORECASE)
"""How a date or time is to be written: "dd.mm.yyyy", "hh:mm"."""


@dataclass(frozen=True, slots=True)
class Match:
    """A field a heading can stand for, how surely (0..1), and the language of the name it was known by."""

    field: str
    score: float
    language: str


def unit_in(heading: str) -> str:
    """ "mm" of "Depth [mm]"; empty where no unit stands in it."""
    for found in _BRACKETS.findall(heading):
        if _UNIT.fullmatch(found.strip()):
            return str(found).strip()
    found_in = _IN_UNIT.search(heading)
    return found_in[1] if found_in else ""


def bare(heading: str) -> str:
    """The heading without units and remarks in brackets."""
    without = _IN_UNIT.sub("", _BRACKETS.sub(" ", heading)).strip()
    return without if words.fold(without) else heading


def is_unit(text: str) -> bool:
    """Whether a cell below a heading only says its unit: "[mm]", "mm", "(hh:mm)"."""
    inner = text.strip().strip("[](){}").strip()
    bracketed = text.strip()[:1] in {"[", "("}
    if _UNIT.fullmatch(inner):
        return bracketed or len(inner) > 1  # a lone "n" or "m" may be an answer
    return bracketed and bool(_FORMAT.fullmatch(inner))


@lru_cache(maxsize=50_000)
def exact(heading: str) -> tuple[Match, ...]:
    """The fields whose names are just this."""
    if heading.strip() in {"#", "№", "Nº", "N°"}:
        return (Match("counter", 0.7, "all"), Match("part", 0.5, "all"))
    for text in (heading, bare(heading)):
        form = words.fold(text)
        known = words.aliases().get(form) or words.aliases().get(form.replace(" ", ""))
        if known:
            best: dict[str, Match] = {}
            for alias in known:
                if alias.field not in best or alias.weight > best[alias.field].score:
                    best[alias.field] = Match(alias.field, alias.weight, alias.language)
            return tuple(sorted(best.values(), key=lambda match: -match.score))
    return ()


@lru_cache(maxsize=5_000)
def likely(heading: str) -> tuple[Match, ...]:
    """The fields whose names are this, are part of it ("Teile-Nr. Kunde"), or are it but for a typing error."""
    found = exact(heading)
    if found and found[0].score == 1:
        return found
    form = words.fold(bare(heading))
    if not form or len(form) > 80:
        return found
    best: dict[str, Match] = {match.field: match for match in found}

    def offer(name: str, score: float) -> None:
        for alias in words.aliases()[name]:
            worth = score * alias.weight
            if worth > 0.4 and (alias.field not in best or best[alias.field].score < worth):
                best[alias.field] = Match(alias.field, worth, alias.language)

    tokens = form.split()
    for first in range(len(tokens)):
        for last in range(first + 1, len(tokens) + 1):
            name = " ".join(tokens[first:last])
            if last - first < len(tokens) and len(name) > 2 and name in words.aliases():
                offer(name, 0.5 + 0.4 * len(name) / len(form))
    joined = form.replace(" ", "")
    if joined.isalpha():
        for length in range(5, len(joined)):
            if joined[-length:] in words.aliases():
                offer(joined[-length:], 0.55 + 0.3 * length / len(joined))
            if joined[:length] in words.aliases():
                offer(joined[:length], 0.45 + 0.3 * length / len(joined))
    if len(form) >= 5:
        for name, score, _ in process.extract(form, _long_names(), scorer=fuzz.ratio, score_cutoff=80, limit=4):
            offer(name, 0.9 * score / 100)
    return tuple(sorted(best.values(), key=lambda match: -match.score))


@cache
def _long_names() -> tuple[str, ...]:
    return tuple(name for name in words.aliases() if len(name) >= 4)


def polarity(heading: str) -> str:
    """PASS, FAIL or REWORK where a heading is itself a verdict ("i.O.", "NOK"); else empty."""
    form = words.fold(bare(heading)).strip()
    kind = words.verdict_words().get(form) or words.verdict_words().get(form.replace(" ", ""), "")
    return kind if kind in {"PASS", "FAIL", "REWORK"} else ""
