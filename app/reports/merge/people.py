"""Inspectors' names in their different spellings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz

from app.reports.merge.keys import name_key

_MOST = 400


def spelled_alike(names: Sequence[str | None]) -> Mapping[str, str]:
    """{name as written: the fullest spelling of the same person}; a name that fits two persons stays as it is."""
    counts = Counter(name for name in names if name)
    keys: dict[str, list[str]] = {}
    for name in counts:
        keys.setdefault(name_key(name), []).append(name)
    best = {key: max(forms, key=lambda name: (counts[name], len(name), name)) for key, forms in keys.items() if key}
    if len(best) > _MOST:
        return {name: best[key] for key, forms in keys.items() if key for name in forms}
    ordered = sorted(best, key=lambda key: (-len(key.split()), -len(key), key))
    home: dict[str, str] = {}
    for key in ordered:
        fuller = [other for other in ordered if other != key and home.get(other) == other and _same(key, other)]
        home[key] = fuller[0] if len(fuller) == 1 else key
    return {name: best[home[key]] for key, forms in keys.items() if key for name in forms}


def _same(short: str, full: str) -> bool:
    """Every part of the shorter name stands in the fuller one, as it is, mistyped or as an initial."""
    left = full.split()
    whole = 0
    for token in short.split():
        for other in left:
            if token == other or (min(len(token), len(other)) >= 5 and fuzz.ratio(token, other) >= 83):
                whole += len(token) >= 3
                break
            if (len(token) == 1 and other.startswith(token)) or (len(other) == 1 and token.startswith(other)):
                break
        else:
            return False
        left.remove(other)
    return whole > 0
