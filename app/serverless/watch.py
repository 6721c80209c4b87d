"""Lambda function: tells of stations that went silent, and of those that are back. A schedule calls it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.serverless import metrics, notices, surroundings

SILENT = "SilentStationCount"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the function works with.

    Attributes:
        stations: table; ingest notes signs of life there.
        topic: ARN; silent stations are told there.
        minutes: without a sign of life that make a station silent.
        clock: seconds since 1970.
    """

    dynamodb: Any
    sns: Any
    stations: str
    topic: str
    minutes: float
    stack: str
    clock: Callable[[], float] = time.time


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Looks at all stations."""
    return look(_parts())


def look(parts: Parts) -> dict[str, list[str]]:
    """Tells of every station that changed; each change once.

    Returns:
        `silent`: all that are; `told_silent`, `told_back`: those told of now.
    """
    now = parts.clock()
    silent, told, back = [], [], []
    for page in parts.dynamodb.get_paginator("scan").paginate(TableName=parts.stations, ConsistentRead=True):
        for item in page["Items"]:
            name, seen = item["Station"]["S"], float(item["LastSeen"]["N"])
            if now - seen > parts.minutes * 60:
                silent.append(name)
                if "SilentSince" not in item:
                    _change(parts, item, now, silent=True)
                    told.append(name)
            elif "SilentSince" in item:
                _change(parts, item, now, silent=False)
                back.append(name)
    figures = metrics.Metrics(parts.stack)
    figures.count(SILENT, number=len(silent))
    figures.flush()
    return {"silent": silent, "told_silent": told, "told_back": back}


def _change(parts: Parts, item: Mapping[str, Any], now: float, *, silent: bool) -> None:
    """Tells of it, then notes that it was told: after a sudden end in between it is told twice rather than never."""
    _tell(parts, item, now, silent=silent)
    parts.dynamodb.update_item(
        TableName=parts.stations,
        Key={"Station": item["Station"]},
        UpdateExpression="SET SilentSince = :seen" if silent else "REMOVE SilentSince",
        **({"ExpressionAttributeValues": {":seen": item["LastSeen"]}} if silent else {}),
    )


def _tell(parts: Parts, item: Mapping[str, Any], now: float, *, silent: bool) -> None:
    name, site = item["Station"]["S"], item.get("Site", {}).get("S", "")
    seen = float(item["LastSeen"]["N"])
    last = datetime.fromtimestamp(seen, UTC).isoformat(timespec="seconds")
    since = "" if silent else datetime.fromtimestamp(float(item["SilentSince"]["N"]), UTC).isoformat(timespec="seconds")
    words = (
        f"{name} has sent nothing for {(now - seen) / 60:.0f} minutes. Look at its power, its network and its screen."
        if silent
        else f"{name} sends again; it had been silent since {since}."
    )
    notices.publish(
        parts.sns,
        parts.topic,
        f"Station silent: {name}" if silent else f"Station back: {name}",
        {"station": name, "site": site, "state": "silent" if silent else "back", "last_seen": last, "words": words},
        {"Station": name, "Site": site, "State": "silent" if silent else "back"},
    )


@functools.cache
def _parts() -> Parts:
    return Parts(
        dynamodb=surroundings.client("dynamodb"),
        sns=surroundings.client("sns"),
        stations=surroundings.needed("STATIONS_TABLE"),
        topic=surroundings.needed("STATIONS_TOPIC"),
        minutes=surroundings.number("SILENT_MINUTES", 30),
        stack=surroundings.needed("STACK"),
    )
