"""Events as Amazon documents them, and what is made of a batch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.serverless.events import EventError, StoredObject, each, messages, objects

OBJECT = {
    "key": "a+b/caf%C3%A9+1%2B1.png",
    "size": 1024,
    "eTag": "d41d8c",
    "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
}
MADE = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-west-1",
            "eventName": "ObjectCreated:Put",
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "pics", "arn": "arn:aws:s3:::pics"}, "object": OBJECT},
        }
    ]
}
FOUND = StoredObject("pics", "a b/café 1+1.png", "096fKKXTRTtl3on89fVO.nfljtsv6qko", "d41d8c", 1024)


def queued(*bodies: Any) -> dict[str, Any]:
    records = [
        {
            "messageId": str(number),
            "body": body if isinstance(body, str) else json.dumps(body),
            "eventSource": "aws:sqs",
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}


def through_topic(body: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": json.dumps(body)}


@pytest.mark.parametrize(
    "event",
    [
        MADE,
        queued(MADE),
        queued(through_topic(MADE)),
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(MADE)}}]},
    ],
)
def test_an_object_is_found_whichever_way_it_is_told(event: dict[str, Any]) -> None:
    assert [found for message in messages(event) for found in objects(message.body)] == [FOUND]


def test_other_happenings_are_passed_over() -> None:
    removed = {"Records": [{**MADE["Records"][0], "eventName": "ObjectRemoved:Delete"}]}
    assert objects(removed) == [] and objects({"Service": "Amazon S3", "Event": "s3:TestEvent"}) == []


@pytest.mark.parametrize(
    "body", ["text", None, 5, {}, {"Records": [{}]}, {"Records": [{"eventName": "ObjectCreated:"}]}]
)
def test_what_is_no_notice_is_named(body: Any) -> None:
    with pytest.raises(EventError, match="no notice of a bucket"):
        objects(body)


def test_a_failure_is_of_its_message_alone() -> None:
    done = []

    def do(body: Any) -> None:
        if body == "bad":
            raise ValueError("bad")
        done.append(body)

    assert each(queued("a", "bad", "c"), do) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert done == ["a", "c"]


def test_a_stream_goes_on_in_its_order() -> None:
    records = [{"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": number}} for number in ("11", "12", "13")]
    done = []

    def do(body: Any) -> None:
        if body["dynamodb"]["SequenceNumber"] == "12":
            raise ValueError("bad")
        done.append(body)

    assert each({"Records": records}, do) == {"batchItemFailures": [{"itemIdentifier": "12"}]}
    assert len(done) == 1


def test_an_event_that_has_no_partial_answer_fails_as_a_whole() -> None:
    def do(body: Any) -> None:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        each(MADE, do)
