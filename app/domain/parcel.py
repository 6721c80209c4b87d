"""Parcels: what a station sends to a bucket of its own accord, one object each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ParcelKind(StrEnum):
    """What a parcel tells."""

    RECORD = "record"  # one part, all that is known of it
    PICTURE = "picture"
    OUTPUTS = "outputs"  # what was sent to the line for a part
    REVIEW = "review"
    ALARM = "alarm"
    ROWS = "rows"  # a closed hour of inspections as Parquet
    ENTRY = "entry"  # the same and its reviews, for the stack's ingest function
    MODEL = "model"
    LABELS = "labels"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One object that is to lie in a bucket; its name follows from what it is, so that sending it twice is harmless.

    Attributes:
        key: of the object, unique.
        part: what it belongs to; parcels of one part are sent in the order they were written down.
        made_at: UTC.
        body: its bytes; None where they are those of `file`.
        file: below the data folder; "" where the bytes stand in `body`.
        sha256: of the bytes, lower-case hex.
        size: bytes.
        metadata: of the object, ASCII.
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
    metadata: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parcel that is not in the bucket yet.

    Attributes:
        seq: order of writing down.
        attempts: how often S3 refused it.
        dead: it was given up; a person may have it sent again.
        error: of the last attempt, in words.
        upload: id of an upload in pieces that was begun.
        replace: a person said that it takes the place of what lies there.
    """

    seq: int
    parcel: Parcel
    attempts: int = 0
    dead: bool = False
    error: str = ""
    upload: str = ""
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, and what was sent since sending was switched on.

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
class Batch:
    """Inspections and reviews that were put together, by their numbers in the record: (after, to] each.

    Attributes:
        key: 32 hex digits, from what is in it.
        made_at: UTC.
        place: station, site and calendar it was made under, as JSON text.
    """

    key: str
    made_at: datetime
    place: str
    inspections: tuple[int, int]
    reviews: tuple[int, int]
