"""Lambda function: takes in what stations send, every entry exactly once by its key.

An entry's inspections become Parquet files whose names follow from its key, its reviews items that are written only
where there are none: after a sudden end the same is written again, not twice.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from app.serverless import events, metrics, surroundings
from app.serverless.once import Ledger, key_of

if TYPE_CHECKING:
    from app.serverless.outbox import Entry, InspectionRow, ReviewRow

_log = logging.getLogger("linesight.serverless")

TAKEN, SET_ASIDE, ROWS = "IngestedEntryCount", "SetAsideEntryCount", "IngestedInspectionCount"
_KEPT = "set-aside/"
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Parts:
    """What the function works with.

    Attributes:
        records: bucket of the Parquet files.
        stations, reviews: tables.
        clock: seconds since 1970.
    """

    s3: Any
    dynamodb: Any
    ledger: Ledger
    records: str
    stations: str
    reviews: str
    stack: str
    clock: Callable[[], float] = time.time


def handler(event: events.Event, context: object) -> dict[str, Any]:
    """Takes in the entries of an event of SQS, S3 or EventBridge."""
    return take_all(_parts(), event, context)


def take_all(parts: Parts, event: events.Event, context: object = None) -> dict[str, Any]:
    """Takes in every entry that the event's messages tell of; what fails is named in the answer and comes again."""
    figures = metrics.Metrics(parts.stack)

    def message(body: Any) -> None:
        for found in events.objects(body):
            _take(parts, found, figures)

    try:
        return events.each(event, message, context)
    finally:
        figures.flush()


def _take(parts: Parts, found: events.StoredObject, figures: metrics.Metrics) -> None:
    from app.serverless.outbox import EntryError, read_entry

    if found.key.startswith(_KEPT):
        return
    asked = {"Bucket": found.bucket, "Key": found.key} | ({"VersionId": found.version} if found.version else {})
    answer = parts.s3.get_object(**asked)
    try:
        if answer["ContentLength"] > _MOST_BYTES:
            raise EntryError(f"{found.key} has {answer['ContentLength']} bytes; at most {_MOST_BYTES} are taken.")
        entry = read_entry(answer["Body"].read(), found.key)
    except EntryError as error:
        # It would fail again and again. It is kept for a person, with the reason beside it.
        _log.error("%s", error)
        parts.s3.copy_object(Bucket=found.bucket, Key=_KEPT + found.key, CopySource=asked)
        parts.s3.put_object(Bucket=found.bucket, Key=f"{_KEPT}{found.key}.reason.txt", Body=str(error).encode())
        figures.count(SET_ASIDE)
        return
    claim = parts.ledger.claim(key_of(entry.station, entry.key))
    if claim is None:
        _log.info("the entry %s of %s was taken in before", entry.key, entry.station)
        return
    try:
        _write_inspections(parts, entry)
        for review in entry.reviews:
            _write_review(parts, entry, review)
        _seen(parts, entry)
    except BaseException:
        parts.ledger.give_back(claim)
        raise
    parts.ledger.finish(claim, {"Station": {"S": entry.station}, "Object": {"S": str(found)}})
    figures.count(TAKEN)
    figures.count(ROWS, number=len(entry.inspections))


def _write_inspections(parts: Parts, entry: Entry) -> None:
    days: dict[date, list[InspectionRow]] = {}
    for row in entry.inspections:
        days.setdefault(row.on(), []).append(row)
    if not days:
        return
    from app.serverless.tables import to_parquet

    for day, rows in days.items():
        key = f"inspections/day={day}/{entry.station}/{entry.key}.parquet"
        parts.s3.put_object(Bucket=parts.records, Key=key, Body=to_parquet(entry, rows))


def _write_review(parts: Parts, entry: Entry, review: ReviewRow) -> None:
    item = {
        "Id": {"S": review.id},
        "Station": {"S": entry.station},
        "Product": {"S": review.product},
        "Picture": {"S": review.picture},
        "Label": {"S": review.label},
        "Type": {"S": review.type},
        "Inspection": {"S": review.inspection},
        "Reviewer": {"S": review.reviewer},
        "ReviewedAt": {"S": review.reviewed_at.astimezone(UTC).isoformat(timespec="milliseconds")},
    }
    try:
        parts.dynamodb.put_item(TableName=parts.reviews, Item=item, ConditionExpression="attribute_not_exists(Id)")
    except parts.dynamodb.exceptions.ConditionalCheckFailedException:
        _log.info("the review %s was taken in before", review.id)


def _seen(parts: Parts, entry: Entry) -> None:
    """Notes the sign of life, unless a later one is known: entries come in any order."""
    from app.serverless.outbox import moment_of

    moment = moment_of(entry, datetime.fromtimestamp(parts.clock(), UTC)).timestamp()
    try:
        parts.dynamodb.update_item(
            TableName=parts.stations,
            Key={"Station": {"S": entry.station}},
            UpdateExpression="SET LastSeen = :seen, Site = :site, Version = :version",
            ConditionExpression="attribute_not_exists(LastSeen) OR LastSeen < :seen",
            ExpressionAttributeValues={
                ":seen": {"N": f"{moment:.3f}"},
                ":site": {"S": entry.site},
                ":version": {"S": entry.version},
            },
        )
    except parts.dynamodb.exceptions.ConditionalCheckFailedException:
        _log.info("%s was seen later than its entry %s", entry.station, entry.key)


@functools.cache
def _parts() -> Parts:
    dynamodb = surroundings.client("dynamodb")
    return Parts(
        s3=surroundings.client("s3"),
        dynamodb=dynamodb,
        ledger=Ledger(dynamodb, surroundings.needed("ENTRIES_TABLE"), lease=150, keep_days=90),
        records=surroundings.needed("RECORDS_BUCKET"),
        stations=surroundings.needed("STATIONS_TABLE"),
        reviews=surroundings.needed("REVIEWS_TABLE"),
        stack=surroundings.needed("STACK"),
    )
