"""One name for each kind of defect, whatever language and spelling it was typed in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from app.reports.merge import words

_SPLIT = re.compile(r"\s*(?:[,;/+&|\n]|\b(?:und|and|et|y|e|og|och|en|oraz|ja)\b)\s*", re.IGNORECASE)
_NEGATIONS = frozenset(
    [
        "kein",
        "keine",
        "keinen",
        "ohne",
        "no",
        "not",
        "without",
        "sans",
        "aucun",
        "aucune",
        "sin",
        "ningun",
        "ninguna",
        "senza",
        "nessun",
        "nessuna",
        "geen",
        "zonder",
        "bez",
        "sem",
        "nenhum",
        "nenhuma",
        "ingen",
        "inga",
        "utan",
        "uden",
        "uten",
        "ei",
        "fara",
        "niciun",
        "nincs",
        "без",
        "нет",
    ]
)
_LIKE = 84.0


@lru_cache(maxsize=100_000)
def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds of defects a cell names: known ones by their English name, others as they were written.

    "Kratzer, Delle" is ("scratch", "dent"); "keine" and "-" are ().
    """
    whole = _kind(text)
    if whole:
        return () if whole == "none" else (whole,)
    parts = [part for part in _SPLIT.split(text) if part and part.strip()]
    found: list[str] = []
    for part in parts if len(parts) > 1 else [text]:
        kind = _kind(part) or _word_inside(part)
        if kind != "none":
            found.append(kind or " ".join(part.split()))
    if len(parts) > 1 and not any(kind in _known() for kind in found):
        return (" ".join(text.split()),)  # "e" and "y" stand in names as well
    return tuple(dict.fromkeys(found))


@cache
def _known() -> frozenset[str]:
    return frozenset(words.defect_words().values())


def _kind(text: str) -> str:
    """Of a word that is known, or is it but for a typing error; empty for another."""
    stripped = text.strip()
    known = words.defect_words()
    form = words.fold(stripped)
    if not form:
        return "none" if known.get(stripped) == "none" or not any(map(str.isalnum, stripped)) else ""
    exact = known.get(form) or known.get(form.replace(" ", ""))
    if exact:
        return exact
    tokens = form.split()
    if tokens[0] in _NEGATIONS:
        return "none"
    return _mistyped(form)


@lru_cache(maxsize=50_000)
def _mistyped(form: str) -> str:
    if len(form) < 4 or any(sign.isdecimal() for sign in form):
        return ""
    found = process.extract(form, _long_words(), scorer=fuzz.ratio, score_cutoff=_LIKE, limit=5)
    kinds = {words.defect_words()[name] for name, score, _ in found if score >= found[0][1] - 2}
    if len(kinds) != 1:
        return ""
    best = found[0][0]
    allowed = 1 if len(form) < 8 else 2
    return kinds.pop() if OSA.distance(form, best) <= allowed else ""


@cache
def _long_words() -> tuple[str, ...]:
    return tuple(word for word, kind in words.defect_words().items() if len(word) >= 5 and kind != "none")


def _word_inside(text: str) -> str:
    """The one kind that words of a longer text name: "tiefer Kratzer links"."""
    known = words.defect_words()
    tokens = words.fold(text).split()
    kinds = []
    for token in tokens:
        if len(token) < 4:
            continue
        kind = known.get(token) or _ending(token) or _mistyped(token)
        if kind and kind != "none":
            kinds.append(kind)
    distinct = list(dict.fromkeys(kinds))
    return distinct[0] if len(distinct) == 1 else ""


def _ending(token: str) -> str:
    """Of a compound such as "Lackkratzer": what its last part says."""
    for length in range(len(token) - 2, 4, -1):
        kind = words.defect_words().get(token[-length:])
        if kind:
            return kind
    return ""


def joined(kinds: Iterable[str]) -> str | None:
    return "; ".join(kinds) or None
