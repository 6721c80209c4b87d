"""What calls a function: messages of queues, notices of buckets and topics, and changes of tables."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from app.domain.errors import LinesightError

Event = Mapping[str, Any]

_log = logging.getLogger("linesight.serverless")

_TIME_TO_END = 10_000
"""Milliseconds before a function's end from which on no further message is begun."""


class EventError(LinesightError):
    """An event or message that can't be read; says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to do.

    Attributes:
        id: what a partial answer names it by; "" where the event has no such names.
        body: its content, without the envelopes of queue and topic.
    """

    id: str
    body: Any


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that a bucket tells of.

    Attributes:
        version: the object's version; "" in a bucket without versions.
        etag: of its content; tells versions apart where there are none.
        size: bytes.
    """

    bucket: str
    key: str
    version: str
    etag: str
    size: int

    @property
    def identity(self) -> tuple[str, str, str]:
        """What is the same only for the same version of the same object."""
        return self.bucket, self.key, self.version or self.etag

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def messages(event: Event) -> Iterator[Message]:
    """The messages of an event: of SQS, SNS, a DynamoDB stream, or of S3, EventBridge and direct calls, where the
    whole event is the one message."""
    records = event.get("Records")
    kind = _kind(records[0]) if isinstance(records, list) and records else ""
    if kind not in ("aws:sqs", "aws:sns", "aws:dynamodb"):
        yield Message("", event)
        return
    for record in event["Records"]:
        if kind == "aws:sqs":
            yield Message(record["messageId"], _opened(record["body"]))
        elif kind == "aws:sns":
            yield Message("", _opened(record["Sns"]["Message"]))
        else:
            yield Message(record["dynamodb"]["SequenceNumber"], record)


def each(event: Event, do: Callable[[Any], None], context: Any = None) -> dict[str, Any]:
    """Does every message of an event; one that fails stops no other.

    Of a stream the first failure ends the batch, since a stream goes on only in its order.

    Args:
        do: given a message's body; what it raises is a failure of that message alone.
        context: Lambda's; shortly before its time is over the rest is left for another call.

    Returns:
        The partial answer that SQS and streams understand (ReportBatchItemFailures).

    Raises:
        Exception: what `do` raised, where the event has no names for its messages: then Lambda repeats the call.
    """
    failed: list[str] = []
    for message in messages(event):
        if message.id and _almost_over(context):
            failed.append(message.id)
            continue
        try:
            do(message.body)
        except Exception as error:
            if not message.id:
                raise
            # Whatever it was: the other messages of the batch have nothing to do with it.
            _log.error("message %s: %s", message.id, error, exc_info=not isinstance(error, LinesightError))
            failed.append(message.id)
            if _is_change(message.body):
                break
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def is_test(body: Any) -> bool:
    """Whether it is the message S3 sends when notifications are set up."""
    return isinstance(body, dict) and body.get("Event") == "s3:TestEvent"


def is_of_buckets(body: Any) -> bool:
    """Whether a message's body tells of objects."""
    if not isinstance(body, dict):
        return False
    records = body.get("Records")
    return (isinstance(records, list) and all(_kind(each) == "aws:s3" for each in records)) or (
        body.get("source") == "aws.s3"
    )


def objects(body: Any) -> list[StoredObject]:
    """The objects that were made, as S3 itself or EventBridge tells of them.

    Raises:
        EventError: the message is no such notice.
    """
    if is_test(body):
        return []
    try:
        if body.get("source") == "aws.s3":
            return [_from_bridge(body["detail"])] if body["detail-type"] == "Object Created" else []
        made = [record for record in body["Records"] if record["eventName"].startswith("ObjectCreated:")]
        return [_from_bucket(record["s3"]) for record in made]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EventError(f"A message is no notice of a bucket ({type(error).__name__}: {error}).") from error


def _from_bucket(told: Mapping[str, Any]) -> StoredObject:
    # Keys in S3's own notices are encoded as in forms: a blank is a plus.
    about = told["object"]
    key = unquote_plus(about["key"])
    return StoredObject(
        told["bucket"]["name"], key, about.get("versionId") or "", about.get("eTag", ""), int(about.get("size", 0))
    )


def _from_bridge(detail: Mapping[str, Any]) -> StoredObject:
    about = detail["object"]  # here the key is written as it is
    return StoredObject(
        detail["bucket"]["name"],
        about["key"],
        about.get("version-id") or "",
        about.get("etag") or about.get("eTag") or "",
        int(about["size"]),
    )


def _opened(text: str) -> Any:
    """A message's content; one that came through a topic lies in an envelope. What is no JSON stays text."""
    try:
        body = json.loads(text)
    except ValueError:
        return text
    if isinstance(body, dict) and body.get("Type") == "Notification" and "TopicArn" in body:
        return _opened(body["Message"])
    return body


def _kind(record: Any) -> str:
    if not isinstance(record, dict):
        return ""
    return str(record.get("eventSource") or record.get("EventSource") or "")


def _is_change(body: Any) -> bool:
    return isinstance(body, dict) and _kind(body) == "aws:dynamodb"


def _almost_over(context: Any) -> bool:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return left is not None and left() < _TIME_TO_END
