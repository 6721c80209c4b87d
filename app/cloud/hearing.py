"""What comes through a station's queue: alarms and answers of other stations, verdicts of the stack in AWS, stations
that went silent, and better models. Envelopes of SNS are opened; with raw delivery there are none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.alarms.sharing import FORMAT, Heard, UnreadableError, read
from app.domain.alarm import CLOUD_RULE, Alarm, Priority
from app.domain.verdict import Verdict

_LONGEST = 300


def opened(text: str) -> Any:
    """A message's content, without the envelope of a topic.

    Raises:
        UnreadableError: it is no JSON.
    """
    for _ in range(3):  # a topic's envelope lies in the queue's; deeper ones are somebody's joke
        try:
            body = json.loads(text)
        except ValueError as error:
            raise UnreadableError(f"A message is no JSON: {text[:60]!r}.") from error
        if not (isinstance(body, dict) and body.get("Type") == "Notification" and "TopicArn" in body):
            return body
        text = str(body.get("Message", ""))
    raise UnreadableError("A message lies in more envelopes than SNS makes.")


def heard(body: Any) -> Heard | None:
    """What a message says of an alarm; None where it asks for nobody (a test, a part that passed).

    Raises:
        UnreadableError: it is none of what is understood, or broken; says why.
    """
    if not isinstance(body, dict):
        raise UnreadableError("A message is no object.")
    if body.get("kind") == "test":
        return None
    try:
        if body.get("format") == FORMAT:
            return read(body)
        if {"verdict", "assembly_line", "camera", "id"} <= body.keys():
            return _verdict(body)
        if {"station", "state", "last_seen"} <= body.keys():
            return _station(body)
        if {"product", "snapshot", "recommended", "to_release"} <= body.keys():
            return _proposal(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableError(f"A message is broken ({type(error).__name__}: {error}).") from error
    names = ", ".join(sorted(map(str, body))[:5]) or "nothing"
    raise UnreadableError(f"A message is none that a station understands; it has {names}.")


def _verdict(body: Mapping[str, Any]) -> Heard | None:
    """The notice of the function that judges pictures in a bucket."""
    if Verdict(body["verdict"]) is not Verdict.FAIL:
        return None
    where = f"Cloud: {body['assembly_line']} / {body['camera']}"[:_LONGEST]
    labels = [str(each.get("label") or "anomaly") for each in body.get("regions") or []]
    title = f"Defect: {labels[0] if labels else 'anomaly'}"
    unsure = " The cloud is not sure." if body.get("low_confidence") else ""
    detail = f"Part {body.get('part') or '?'}: {body.get('reason') or 'FAIL'}. {body.get('picture') or ''}{unsure}"
    at = _moment(body["captured_at"])
    once = _id("verdict", body["id"])
    alarm = Alarm(
        once,
        "defect",
        title[:_LONGEST],
        detail[:2000],
        where,
        at,
        at,
        rule=CLOUD_RULE,
        part_id=str(body.get("part") or "")[:_LONGEST],
    )
    return Heard(alarm, "", once)


def _station(body: Mapping[str, Any]) -> Heard:
    """The notice of the function that looks for silent stations."""
    name, silent = str(body["station"])[:60], str(body["state"]) == "silent"
    if not silent and body["state"] != "back":
        raise UnreadableError(f"A message says that {name} is {body['state']}: that is no state of a station.")
    at = _moment(body["last_seen"])
    words = str(body.get("words") or "")[:2000]
    once = _id("station", name, body["state"], body["last_seen"])
    alarm = Alarm(
        once,
        "station",
        f"{name} is silent",
        words,
        name,
        at,
        at,
        rule=CLOUD_RULE,
        priority=Priority.HIGH,
        lasting=True,
        cleared_at=None if silent else at,
    )
    return Heard(alarm, "", once)


def _proposal(body: Mapping[str, Any]) -> Heard | None:
    """The notice of the function that makes candidates of reviews; one that is no better asks for nobody."""
    if body["recommended"] is not True:
        return None
    product, snapshot = str(body["product"])[:60], int(body["snapshot"])
    at = datetime.now(UTC)
    once = _id("proposal", product, snapshot)
    words = f"{str(body.get('words') or '')[:1500]} Train, From the cloud, fetches it; a person releases it."
    title = f"A better model of {product} waits in the cloud"
    alarm = Alarm(once, "proposal", title, words, "cloud", at, at, rule=CLOUD_RULE, priority=Priority.LOW)
    return Heard(alarm, "", once)


def _id(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]


def _moment(text: object) -> datetime:
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment.astimezone(UTC)
