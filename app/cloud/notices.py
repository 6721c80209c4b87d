"""Notices on topics of Amazon SNS: one more way to tell people, and how stations tell each other.

The subject is the one that Amazon's own samples for Lookout for Vision have; the body is JSON with their names
(CameraId, DateTime, AssemblyLineId, ImageUrl, ImageId, IsAnomalous, Confidence) and the notice's own fields. Attributes
are for subscriptions' filters; ten are the most that a queue with raw delivery takes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from app.alarms.notices.channel import SendError
from app.alarms.notices.message import Message
from app.cloud.session import CloudError, CloudSession, in_words
from app.domain.notice import Recipient
from app.domain.verdict import Verdict

MOST_BYTES = 256 * 1024
"""Of one message with its attributes; SNS counts both."""

TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
LOW_CONFIDENCE = 0.7
"""Below it a defect's subject says so, as in the samples."""

_MOST_SUBJECT = 99  # signs, ASCII, on one line
_MOST_VALUE = 256  # signs of an attribute: filters compare no longer ones
_ROOM = 2048  # bytes left for what SNS may count beside message and attributes
_FINAL = {
    "NotFound",
    "NotFoundException",
    "InvalidParameter",
    "InvalidParameterValue",
    "InvalidParameterException",
    "ValidationError",
    "AuthorizationError",
    "AuthorizationErrorException",
    "AccessDenied",
    "AccessDeniedException",
    "KMSAccessDenied",
    "KMSDisabled",
    "KMSNotFound",
    "EndpointDisabled",
    "InvalidSecurity",
}


class SnsChannel:
    """Options: topic (its ARN), site (goes along as an attribute; may be left out). There is no secret: the account is
    the station's.

    Args:
        session: the way to AWS as the settings have it now.
    """

    def __init__(self, session: Callable[[], CloudSession]) -> None:
        self._session = session

    def send(self, recipient: Recipient, secret: str, message: Message) -> str:
        """See `Channel`."""
        topic = recipient.option("topic")
        arn = TOPIC.fullmatch(topic)
        if arn is None:
            raise SendError(
                f"{recipient.name}: {topic} is no topic. Copy its ARN from the console; it begins with arn:aws:sns:.",
                final=True,
            )
        attributes = attributes_of(message, recipient.options.get("site", "").strip())
        subject = subject_of(message)
        taken = len(subject) + sum(
            len(name) + len(one["DataType"]) + len(one["StringValue"].encode()) for name, one in attributes.items()
        )
        asked: dict[str, Any] = {
            "TopicArn": topic,
            "Subject": subject,
            "Message": body_of(message, MOST_BYTES - _ROOM - taken),
            "MessageAttributes": attributes,
        }
        if arn[2]:  # first in, first out: in the order of each alarm, and the same notice once
            asked |= {
                "MessageGroupId": str(message.fields.get("alarm") or "linesight"),
                "MessageDeduplicationId": message.id,
            }
        from botocore.exceptions import BotoCoreError, ClientError

        what = f"{recipient.name}: the notice can't be sent"
        try:
            client = self._session().client("sns")
            if client.meta.region_name != arn[1]:
                words = f"the topic is in {arn[1]}, and this station uses {client.meta.region_name}"
                raise SendError(f"{what}: {words}. Choose a topic of the same region.", final=True)
            answer = client.publish(**asked)
        except SendError:
            raise
        except CloudError as error:
            raise SendError(str(error)) from error  # no credentials or no region yet: a person may be at it
        except (BotoCoreError, ClientError) as error:
            found = in_words(error, what, "sns:Publish")
            raise SendError(str(found), final=found.code in _FINAL) from error
        return f"SNS has the message as {answer['MessageId']}."


def subject_of(message: Message) -> str:
    """One line of ASCII; a defect's is that of Amazon's samples."""
    fields = message.fields
    if fields.get("verdict") == Verdict.FAIL.value and fields.get("reason") == "raised":
        start = "LOW Confidence - " if _low(fields) else ""
        station, camera = fields["station"], fields["source"]
        subject = f"{start}Defect Detection Alert - AssemblyLine: {station} Camera: {camera}"
    else:
        subject = message.subject
    signs = "".join(sign if " " <= sign <= "~" else "?" for sign in " ".join(subject.split()))
    return signs[:_MOST_SUBJECT]


def body_of(message: Message, most: int = MOST_BYTES) -> str:
    """JSON of at most `most` bytes in UTF-8: with its picture, or where that is too large without; the link stays."""
    fields = dict(message.fields)
    if fields.get("verdict"):
        fields = {
            "CameraId": fields["source"],
            "DateTime": fields["last_at"],
            "AssemblyLineId": fields["station"],
            "ImageUrl": fields["link"],
            "ImageId": fields["part"],
            "IsAnomalous": fields["verdict"] == Verdict.FAIL.value,
            "Confidence": fields["confidence"],
        } | fields
    picture = base64.b64encode(message.picture).decode("ascii")
    for more in ({"text": message.text, "picture": picture}, {"text": message.text, "picture": ""}, {"picture": ""}):
        body = json.dumps(fields | more, ensure_ascii=False)
        if len(body.encode()) <= most:
            return body
    for name in ("detail", "title", "link"):  # a detail of this length is some mistake; what happened stays
        fields[name] = str(fields.get(name, ""))[:500]
    return json.dumps(fields | {"picture": ""}, ensure_ascii=False)


def attributes_of(message: Message, site: str = "") -> Mapping[str, dict[str, str]]:
    """What subscriptions can be filtered by; what is empty is left out. The names that the stack's own notices have too
    mean the same there."""
    fields = message.fields
    types = fields.get("defect_types") or []
    values = {
        "AssemblyLine": fields.get("station"),
        "Camera": fields.get("source"),
        "Station": fields.get("station"),
        "Site": site,
        "Product": fields.get("product"),
        "Verdict": fields.get("verdict"),
        "Label": types[0] if types else "",
        "Priority": fields.get("priority"),
        "Kind": fields.get("kind") if fields.get("reason") != "acknowledged" else "acknowledgement",
        "LowConfidence": ("true" if _low(fields) else "false") if fields.get("verdict") else "",
    }
    return {
        name: {"DataType": "String", "StringValue": str(value)[:_MOST_VALUE]} for name, value in values.items() if value
    }


def _low(fields: Mapping[str, Any]) -> bool:
    confidence = fields.get("confidence")
    return confidence is not None and confidence < LOW_CONFIDENCE
