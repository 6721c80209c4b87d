"""What stations send: one entry of an outbox is one object, `outbox/STATION/.../KEY.json`, never changed afterwards."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from app.domain.errors import LinesightError

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\x00-\x1f]+$")]
"""A name that can be a part of a key."""

Identity = Annotated[str, Field(min_length=8, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


class EntryError(LinesightError):
    """An entry that is none; says what is wrong with it."""


class _Part(BaseModel):
    # What later stations add is passed over: a fleet is never updated at one moment.
    model_config = ConfigDict(frozen=True, extra="ignore")


class InspectionRow(_Part):
    """One inspection, as the station's record has it.

    Attributes:
        day: the station's own, so that a night shift belongs to the day it began; None: the date in UTC.
        labels: of the regions, strongest first.
    """

    id: Identity
    part_id: str = ""
    captured_at: AwareDatetime
    judged_at: AwareDatetime
    day: date | None = None
    source: str = ""
    product: str = ""
    verdict: Literal["PASS", "FAIL", "RETEST", "ERROR"]
    score: float | None = None
    threshold: float | None = None
    confidence: float | None = None
    reason: str = ""
    labels: tuple[str, ...] = ()
    model: str = ""
    model_version: int | None = None
    milliseconds: float | None = None

    def on(self) -> date:
        """The day it belongs to."""
        return self.day or self.captured_at.astimezone(UTC).date()


class ReviewRow(_Part):
    """What a person said of an inspection's picture.

    Attributes:
        picture: `s3://BUCKET/KEY`.
        label: "unlabelled" where what was said before was taken back.
        type: of the defect; "" for a normal part or an unnamed one.
    """

    id: Identity
    inspection: Identity
    product: Name
    picture: Annotated[str, Field(pattern=r"^s3://[^/]+/.+$", max_length=1200)]
    label: Literal["normal", "anomaly", "unlabelled"]
    type: str = ""
    reviewer: str = ""
    reviewed_at: AwareDatetime


class Entry(_Part):
    """One entry of an outbox.

    Attributes:
        key: made by the station, once; an entry that is sent again has the same.
        sent_at: by the station's clock.
        version: of its program.
        inspections, reviews: what it tells of; without any it is a sign of life.
    """

    key: Identity
    station: Name
    site: Name
    sent_at: AwareDatetime
    version: str = ""
    inspections: Annotated[tuple[InspectionRow, ...], Field(max_length=20_000)] = ()
    reviews: Annotated[tuple[ReviewRow, ...], Field(max_length=2_000)] = ()


def read_entry(data: bytes, key: str) -> Entry:
    """The entry in an object's bytes.

    Args:
        key: of the object; a station may write below its own name only, and an entry of another is refused.

    Raises:
        EntryError: it is none.
    """
    try:
        entry = Entry.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"]) or "the whole"
        raise EntryError(f"{key} is no entry of an outbox: {where}: {first['msg']}.") from error
    parts = key.split("/")
    if parts[0] != "outbox" or len(parts) < 3 or parts[1] != entry.station:
        raise EntryError(f"{key} says that it is of the station {entry.station}, whose entries lie elsewhere.")
    return entry


def moment_of(entry: Entry, now: datetime) -> datetime:
    """When the station was alive: a clock that is ahead must not keep it alive in the future."""
    return min(entry.sent_at.astimezone(UTC), now)
