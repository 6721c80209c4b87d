"""The golden-sample check: parts whose verdict is known are shown to the station before it may judge others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from app.domain.errors import LinesightError
from app.domain.periods import Shift, shift_periods
from app.domain.verdict import Verdict

MOST_PARTS: Final = 50
LONGEST_NAME: Final = 60


class Expect(StrEnum):
    """What a challenge part must get."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_PASS = "not PASS"
    """An empty fixture: FAIL and RETEST both keep it from counting as good. ERROR is no answer and never enough."""


@dataclass(frozen=True, slots=True)
class ChallengePart:
    """One part of the list.

    Attributes:
        name: as it is written on the part.
        defect: label that one of the regions must have; "" for any. Only with FAIL.
    """

    name: str
    expect: Expect
    defect: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the station said of a challenge part.

    Attributes:
        labels: of the regions, strongest first.
        right: it is what had to come.
    """

    part: ChallengePart
    verdict: Verdict
    labels: tuple[str, ...]
    right: bool

    @property
    def words(self) -> str:
        """Such as "Part good 1: expected PASS, got FAIL (scratch)"."""
        expected = f"{self.part.expect} ({self.part.defect})" if self.part.defect else self.part.expect.value
        got = f"{self.verdict} ({', '.join(dict.fromkeys(self.labels))})" if self.labels else self.verdict.value
        return f"Part {self.part.name}: expected {expected}, got {got}"


@dataclass(frozen=True, slots=True)
class StationRelease:
    """The station was released for a product: by its check, or by somebody who says why.

    Attributes:
        at: UTC.
        by: name; "" where nobody was signed in.
        model: SHA-256 of the model's file.
        camera: source and settings, in the station's words.
        reason: why without a check; "" with one.
        picture: how the picture compared with its reference; "" where the product has none, or without a check.
    """

    at: datetime
    by: str
    product: str
    model: str
    camera: str
    reason: str = ""
    picture: str = ""


def checked_list(parts: Sequence[ChallengePart]) -> tuple[ChallengePart, ...]:
    """The list, if it can be one.

    Raises:
        LinesightError: no good part or no bad one (a station that says one word always would pass), two of one name, a
            name too long or empty, too many parts, a defect on a part that need not FAIL.
    """
    names = [part.name.strip() for part in parts]
    if not all(name.isprintable() and 1 <= len(name) <= LONGEST_NAME for name in names):
        raise LinesightError(f"A challenge part needs a name of 1 to {LONGEST_NAME} characters.")
    if len({name.casefold() for name in names}) != len(names):
        raise LinesightError("Two challenge parts have the same name. Give each its own.")
    if len(parts) > MOST_PARTS:
        raise LinesightError(f"A check has at most {MOST_PARTS} parts.")
    if {Expect.PASS} == {part.expect for part in parts} or not any(part.expect is Expect.PASS for part in parts):
        raise LinesightError("A check needs a part that must pass and one that must not. Add the one that is missing.")
    wrong = next((part for part in parts if part.defect and part.expect is not Expect.FAIL), None)
    if wrong is not None:
        raise LinesightError(f"Part {wrong.name} names a defect, so it must be expected to FAIL.")
    return tuple(ChallengePart(name, part.expect, part.defect.strip()) for name, part in zip(names, parts, strict=True))


def shown(part: ChallengePart, verdict: Verdict, labels: Collection[str]) -> Shown:
    """Compares; a defect's label must be among the regions', upper and lower case alike."""
    if part.expect is Expect.NOT_PASS:
        right = verdict in (Verdict.FAIL, Verdict.RETEST)
    else:
        right = verdict.value == part.expect.value
    if part.defect:
        right = right and part.defect.casefold() in {label.casefold() for label in labels}
    return Shown(part, verdict, tuple(labels), right)


def why_due(
    last: StationRelease | None,
    *,
    now: datetime,
    model: str,
    camera: str,
    hours: float,
    shifts: Sequence[Shift],
    zone: tzinfo,
) -> str:
    """Why the check is due, in words; "" while the last release of this product holds.

    Args:
        last: of this product.
        hours: a release holds so long; 0 for as long as nothing else ends it.
        shifts: with any, each begins with a check.
    """
    if last is None:
        return "it was never checked for this product"
    if last.model != model:
        return "the model was changed"
    if last.camera != camera:
        return "the camera or its settings were changed"
    if last.at > now:
        return "the last check lies in the future: the clock was changed"
    if hours and now - last.at >= timedelta(hours=hours):
        return f"the last check is more than {hours:g} hours old"
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        for period in shift_periods(day, shifts, zone):
            if last.at < period.start <= now:
                return f"the shift {period.shift} has begun"
    return ""
