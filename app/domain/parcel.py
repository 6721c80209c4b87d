"""Parcels: what a station sends to a bucket of its own accord, one object each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum


class ParcelKind(StrEnum):
    """What a parcel tells. Lines are no objects yet: many of them are put together into one."""

    INSPECTION_LINE = "inspection line"
    REVIEW_LINE = "review line"
    ALARM_LINE = "alarm line"
    PICTURE = "picture"
    ROWS = "rows"  # inspections as Parquet
    ENTRY = "entry"  # for the stack's function `ingest`
    REVIEWS = "reviews"
    ALARMS = "alarms"
    MODEL = "model"
    REPORT = "report"


LINES = frozenset({ParcelKind.INSPECTION_LINE, ParcelKind.REVIEW_LINE, ParcelKind.ALARM_LINE})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One object that is to lie in a bucket; its name follows from what it is, so that sending it twice is harmless.

    Attributes:
        key: of the object, unique.
        part: what it belongs to; parcels of one part are sent in the order they were written down.
        made_at: UTC.
        sha256: of the bytes, lower-case hex.
        size: bytes.
        body: its bytes; None where they are those of `file`.
        file: below the data folder, with "/"; "" where the bytes stand in `body`.
        trouble: why it can't be sent, in words; "" where it can.
    """

    key: str
    kind: ParcelKind
    part: str
    made_at: datetime
    sha256: str
    size: int
    body: bytes | None = None
    file: str = ""
    content_type: str = "application/json"
    trouble: str = ""

    @classmethod
    def of(
        cls,
        key: str,
        kind: ParcelKind,
        part: str,
        made_at: datetime,
        body: bytes,
        *,
        content_type: str = "application/json",
        trouble: str = "",
    ) -> Parcel:
        """One whose bytes stand in it."""
        digest = hashlib.sha256(body).hexdigest()
        return cls(key, kind, part, made_at, digest, len(body), body, content_type=content_type, trouble=trouble)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parcel that is not in the bucket yet.

    Attributes:
        seq: order of writing down.
        attempts: how often S3 refused it.
        dead: it was given up; a person may have it sent again.
        error: of the last attempt, in words.
    """

    seq: int
    parcel: Parcel
    attempts: int = 0
    dead: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, and what was ever sent.

    Attributes:
        oldest_at: UTC, when the oldest waiting parcel was written down; None for none.
        dead: given up, not among `waiting`.
    """

    waiting: int = 0
    waiting_bytes: int = 0
    oldest_at: datetime | None = None
    dead: int = 0
    sent: int = 0
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Hours:
    """When sending is allowed, on the station's wall clock; an end before the start is on the next day."""

    start: time
    end: time

    def __contains__(self, moment: time) -> bool:
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end

    def seconds_since_start(self, moment: time) -> float:
        """How long it has been allowed at a moment within them; a changed clock (summer time) is not counted."""
        passed = _seconds(moment) - _seconds(self.start)
        return passed if passed >= 0 else passed + 24 * 3600


def _seconds(moment: time) -> float:
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6


def read_hours(text: str) -> Hours | None:
    """The hours in a text such as "22:00-06:00"; None for "", which is always.

    Raises:
        ValueError: it is none; says how one is written.
    """
    if not text.strip():
        return None
    first, dash, last = text.partition("-")
    try:
        start, end = time.fromisoformat(first.strip()), time.fromisoformat(last.strip())
    except ValueError:
        dash = ""
    if not dash or start == end or start.tzinfo or end.tzinfo:
        raise ValueError(f"{text!r} are no hours: write them as 22:00-06:00, or nothing for always")
    return Hours(start, end)
