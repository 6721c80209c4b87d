"""The vocabulary of inspectors' spreadsheets, from the TOML files in `words/`, and how words are compared."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FIELDS = (
    "part",
    "serial",
    "product",
    "batch",
    "order",
    "date",
    "time",
    "shift",
    "inspector",
    "station",
    "checkpoint",
    "verdict",
    "defect",
    "place",
    "measure",
    "unit",
    "quantity",
    "remark",
)
"""What a column can be mapped to, in the order of the merged table."""

_FOLDER = Path(__file__).parent / "words"
_NOT_WORD = re.compile(r"[\W_]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})


@lru_cache(maxsize=200_000)
def fold(text: str) -> str:
    """For comparing: small letters without accents, everything else one space. "Prüf-Datum:" is "pruf datum"."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    if not text.isascii():
        text = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return _NOT_WORD.sub(" ", text).strip()


def spellings(text: str) -> set[str]:
    """A word folded, once more with its umlauts written out ("pruefdatum"), and both without their spaces."""
    written_out = unicodedata.normalize("NFC", text.casefold()).translate(_UMLAUTS)
    found = {fold(text), fold(written_out)}
    return {form for form in found | {each.replace(" ", "") for each in found} if form}


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a column: the field it stands for, how surely (0..1), and the language it is of."""

    field: str
    weight: float
    language: str


@cache
def aliases() -> Mapping[str, tuple[Alias, ...]]:
    """{folded name: what it can stand for}."""
    found: dict[str, list[Alias]] = {}
    for field, languages in _load("fields").items():
        for language, names in languages.items():
            for name in names:
                alias = Alias(field, 0.6 if name.endswith("?") else 1.0, language)
                for form in spellings(name.rstrip("?")):
                    known = found.setdefault(form, [])
                    if not any(each.field == field and each.language == language for each in known):
                        known.append(alias)
    return {form: tuple(known) for form, known in found.items()}


def _table(classes: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """{folded word: class}; a word of several classes belongs to the first."""
    found: dict[str, str] = {}
    for kind, words in classes.items():
        for word in words:
            for form in spellings(word) or {word.strip()}:
                found.setdefault(form, kind)
    return found


@cache
def verdict_words() -> Mapping[str, str]:
    """{folded word: PASS, FAIL, REWORK, RETEST, YES or NO}."""
    classes = {name: part["words"] for name, part in _load("verdicts").items() if name != "signs"}
    return _table(classes)


@cache
def verdict_signs() -> Mapping[str, Any]:
    """The signs of verdicts: lists `pass`, `fail`, `mark`, and `pairs` of (good, bad)."""
    signs: dict[str, Any] = _load("verdicts")["signs"]
    return signs


@cache
def defect_words() -> Mapping[str, str]:
    """{folded word: kind of defect}; the kind "none" for words that say there is none."""
    return _table({kind: part["words"] for kind, part in _load("defects").items()})


@cache
def _terms() -> dict[str, Any]:
    return _load("terms")


@cache
def place_words() -> Mapping[str, str]:
    return _table(_terms()["places"])


@cache
def characteristic_words() -> Mapping[str, str]:
    return _table(_terms()["characteristics"])


@cache
def month_words() -> Mapping[str, int]:
    """{folded name of a month: 1..12}."""
    return {
        form: number for number, names in enumerate(_terms()["months"]["names"], 1) for n in names for form in _forms(n)
    }


@cache
def weekday_words() -> frozenset[str]:
    return frozenset(form for name in _terms()["weekdays"]["names"] for form in _forms(name))


@cache
def total_words() -> frozenset[str]:
    return frozenset(form for name in _terms()["totals"]["words"] for form in spellings(name))


@cache
def ditto_words() -> frozenset[str]:
    """Signs and words for "as above", in small letters, as they are written."""
    return frozenset(word.casefold() for word in _terms()["ditto"]["words"])


def _forms(word: str) -> set[str]:
    return {fold(word), fold(word.casefold().translate(_UMLAUTS))}


def commonest_language(languages: Iterable[str]) -> str:
    """The language most names belong to; empty where none leads."""
    counts = Counter(language for language in languages if language != "all").most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return ""
    return counts[0][0]
