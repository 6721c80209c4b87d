"""The rules of the golden-sample check."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.challenge import ChallengePart, Expect, StationRelease, checked_list, shown, why_due
from app.domain.errors import LinesightError
from app.domain.periods import read_shifts
from app.domain.verdict import Verdict

GOOD, BAD = ChallengePart("good", Expect.PASS), ChallengePart("bad", Expect.FAIL, "scratch")
EMPTY = ChallengePart("empty", Expect.NOT_PASS)
RELEASE = StationRelease(datetime(2026, 3, 4, 6, 5, tzinfo=UTC), "Ann", "plate", "ab", "usb:0")


@pytest.mark.parametrize(
    ("part", "verdict", "labels", "right"),
    [
        (GOOD, Verdict.PASS, (), True),
        (GOOD, Verdict.RETEST, (), False),
        (BAD, Verdict.FAIL, ("dent", "Scratch"), True),
        (BAD, Verdict.FAIL, ("dent",), False),
        (EMPTY, Verdict.FAIL, (), True),
        (EMPTY, Verdict.RETEST, (), True),
        (EMPTY, Verdict.PASS, (), False),
        (EMPTY, Verdict.ERROR, (), False),
        (BAD, Verdict.ERROR, ("scratch",), False),
    ],
)
def test_what_is_right(part: ChallengePart, verdict: Verdict, labels: tuple[str, ...], right: bool) -> None:
    assert shown(part, verdict, labels).right is right


def test_the_words_say_what_came() -> None:
    assert shown(BAD, Verdict.FAIL, ("dent", "dent")).words == "Part bad: expected FAIL (scratch), got FAIL (dent)"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([GOOD], "one that must not"),
        ([BAD, EMPTY], "must pass"),
        ([GOOD, BAD, replace(BAD, name=" Good ")], "same name"),
        ([GOOD, replace(BAD, name=" ")], "needs a name"),
        ([GOOD, replace(EMPTY, defect="dent")], "FAIL"),
        ([GOOD, *(replace(EMPTY, name=str(number)) for number in range(50))], "at most 50"),
    ],
)
def test_lists_that_prove_nothing(parts: list[ChallengePart], words: str) -> None:
    with pytest.raises(LinesightError, match=words):
        checked_list(parts)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"last": None}, "never"),
        ({"model": "cd"}, "model"),
        ({"camera": "usb:1"}, "camera"),
        ({"now": RELEASE.at - timedelta(hours=1)}, "clock"),
        ({"hours": 2}, ""),
        ({"hours": 1}, "more than 1 hours"),
        ({"now": RELEASE.at + timedelta(hours=7, minutes=55)}, "shift Late has begun"),
        ({"now": RELEASE.at + timedelta(hours=7, minutes=54)}, ""),
        ({"now": RELEASE.at + timedelta(hours=24)}, "has begun"),
        ({"now": RELEASE.at + timedelta(hours=24), "shifts": ()}, ""),
    ],
)
def test_when_it_is_due(changes: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {
        "last": RELEASE,
        "now": RELEASE.at + timedelta(hours=1),
        "model": "ab",
        "camera": "usb:0",
        "hours": 0,
        "shifts": read_shifts(["06:00 Early", "14:00 Late", "22:00 Night"]),
        "zone": UTC,
    }
    found = why_due(**usual | changes)
    assert words in found and bool(words) is bool(found)
