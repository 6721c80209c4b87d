"""What people are told: notices on topics, with attributes that subscriptions can be filtered by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_MOST_SUBJECT = 100  # SNS takes fewer than that, ASCII, on one line


def defect_subject(line: str, camera: str, *, low_confidence: bool) -> str:
    """The subject of a defect's notice."""
    start = "LOW Confidence - " if low_confidence else ""
    return f"{start}Defect Detection Alert - AssemblyLine: {line} Camera: {camera}"


def publish(
    sns: Any, topic: str, subject: str, body: Mapping[str, Any], attributes: Mapping[str, str | float | None]
) -> None:
    """Sends a notice.

    Args:
        subject: what SNS does not take in it is replaced.
        attributes: for filtering; numbers can be compared, empty ones are left out.
    """
    sns.publish(
        TopicArn=topic,
        Subject=_clean(subject),
        Message=json.dumps(body, ensure_ascii=False, indent=2),
        MessageAttributes={name: _attribute(value) for name, value in attributes.items() if value not in ("", None)},
    )


def _clean(subject: str) -> str:
    signs = "".join(sign if " " <= sign <= "~" else "?" for sign in " ".join(subject.split()))
    return signs[: _MOST_SUBJECT - 1]


def _attribute(value: str | float | None) -> dict[str, str]:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "Number", "StringValue": f"{value:.9g}"}
