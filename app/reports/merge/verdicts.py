"""Verdict words, letters and signs. What an "x" or a 1 means, the column's own heading and rows decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.reports.merge import naming, words
from app.reports.merge.grid import Value

_PLAIN_LETTERS = {("c", "PASS"), ("p", "PASS"), ("g", "PASS"), ("f", "FAIL"), ("a", "PASS")}


def word_of(value: Value) -> str:
    """PASS, FAIL, REWORK, RETEST, YES or NO of a word or a plain sign; empty where it is none."""
    if isinstance(value, bool):
        return "YES" if value else "NO"
    if not isinstance(value, str):
        return ""
    text = value.strip()
    signs = words.verdict_signs()
    if text in signs["pass"]:
        return "PASS"
    if text in signs["fail"]:
        return "FAIL"
    form = words.fold(text)
    known = words.verdict_words()
    if len(form) == 1:
        return ""  # a lone letter: the column decides
    return known.get(form) or known.get(form.replace(" ", ""), "") or _inside(form)


def _inside(form: str) -> str:
    """The verdict in "OK (reworked)" or "n.i.O. Kratzer": the longest word it begins with."""
    tokens = form.split()
    for length in range(min(len(tokens) - 1, 3), 0, -1):
        begin = " ".join(tokens[:length])
        kind = words.verdict_words().get(begin, "")
        if kind in {"PASS", "FAIL", "REWORK", "RETEST"} and len(begin) > 1:
            return kind
    return ""


def _mistyped(form: str) -> str:
    """The verdict of the only word that is one sign away, in a column of verdicts."""
    if len(form) < 5:
        return ""
    near = process.extract(form, _long_words(), scorer=OSA.distance, score_cutoff=1, limit=5)
    kinds = {words.verdict_words()[word] for word, _, _ in near} - {"YES", "NO"}
    return kinds.pop() if len(kinds) == 1 else ""


@cache
def _long_words() -> tuple[str, ...]:
    return tuple(word for word in words.verdict_words() if len(word) >= 5)


def sign_of(value: Value) -> str:
    """A lone letter, digit or mark, in small letters; empty for anything longer."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        return str(int(value)) if value in (0, 1) else ""
    if not isinstance(value, str):
        return ""
    text = value.strip().strip(".()[]").strip().casefold()
    return text if len(text) == 1 or text == "nc" else ""


def is_verdict(value: Value) -> bool:
    return bool(word_of(value) or sign_of(value))


def meanings(
    values: Sequence[Value], heading: str, failing: Sequence[bool], *, asks_for_defects: bool = False
) -> tuple[Mapping[Value, str], str]:
    """What each distinct value of a column says, and how signs were understood where that had to be decided.

    Args:
        values: the whole column.
        heading: its name; "i.O." or "NOK" turn a mark into that verdict.
        failing: whether the row names a defect, which shows what a sign means.
        asks_for_defects: the heading asks whether there is a defect, so "yes" is bad.
    """
    polarity = "FAIL" if asks_for_defects else naming.polarity(heading)
    found: dict[Value, str] = {}
    open_signs: dict[str, list[Value]] = {}
    for value in dict.fromkeys(values):
        if value is None:
            continue
        word = word_of(value)
        if word in {"YES", "NO"}:
            found[value] = _polar(word == "YES", polarity)
        elif word:
            found[value] = word
        elif isinstance(value, str) and (likely := _mistyped(words.fold(value))):
            found[value] = likely
        elif sign := sign_of(value):
            open_signs.setdefault(sign, []).append(value)
    if not open_signs:
        return found, ""
    signs, why = _signs(open_signs, polarity, values, failing, heading)
    for sign, members in open_signs.items():
        for member in members:
            if signs.get(sign):
                found[member] = signs[sign]
    return found, why


def _polar(good: bool, polarity: str) -> str:
    if polarity in {"FAIL", "REWORK"}:
        return polarity if good else "PASS"
    return "PASS" if good else "FAIL"


def _signs(
    present: Mapping[str, list[Value]], polarity: str, values: Sequence[Value], failing: Sequence[bool], heading: str
) -> tuple[dict[str, str], str]:
    marks = set(words.verdict_signs()["mark"])
    known = set(present)
    if polarity and known <= marks | {"1", "0", "y", "n", "j", "s", "o", "✓", "-"}:
        good = known & (marks | {"1", "y", "j", "s", "o"})
        return {
            **{sign: _polar(True, polarity) for sign in good},
            "0": _polar(False, polarity),
            "n": _polar(False, polarity),
        }, ""
    with_defect = {sign: _share(sign, values, failing) for sign in known}
    for good_sign, bad_sign in words.verdict_signs()["pairs"]:
        if not known <= {good_sign, bad_sign} and not known - marks <= {good_sign, bad_sign}:
            continue
        if len(known) == 2:
            if with_defect[good_sign if good_sign in known else bad_sign] > 0.8 and min(with_defect.values()) < 0.2:
                good_sign, bad_sign = bad_sign, good_sign
                return {good_sign: "PASS", bad_sign: "FAIL"}, f"{bad_sign!r} was read as FAIL: its rows name defects"
            return {good_sign: "PASS", bad_sign: "FAIL"}, f"{good_sign!r} was read as PASS, {bad_sign!r} as FAIL"
    if len(known) == 1:
        (sign,) = known
        spelt = {word_of(value) for value in values} - {""}
        if sign not in marks and spelt and (spelt <= {"FAIL", "REWORK", "NO"} or spelt <= {"PASS", "YES"}):
            kind = "FAIL" if spelt <= {"PASS", "YES"} else "PASS"
            if (with_defect[sign] > 0.5) == (kind == "FAIL") or (sign, kind) in _PLAIN_LETTERS:
                return {sign: kind}, f"{sign!r} was read as {kind}: the others say the opposite"
        if with_defect[sign] > 0.8:
            return {sign: "FAIL"}, f"{sign!r} was read as FAIL: its rows name defects"
        others = any(word_of(value) in {"PASS", "YES"} for value in values)
        if sign in marks and others:
            return {sign: "FAIL"}, f"{sign!r} was read as FAIL"
        for good_sign, bad_sign in words.verdict_signs()["pairs"]:
            if sign in {"p", "1", "0", "f", "g"} and sign in {good_sign, bad_sign}:
                kind = "PASS" if sign == good_sign else "FAIL"
                return {sign: kind}, f"{sign!r} was read as {kind}"
    return {}, f"what {', '.join(map(repr, sorted(known)))} under {heading!r} means could not be decided"


def _share(sign: str, values: Sequence[Value], failing: Sequence[bool]) -> float:
    rows = [bad for value, bad in zip(values, failing, strict=True) if sign_of(value) == sign]
    return sum(rows) / len(rows) if rows else 0.0
