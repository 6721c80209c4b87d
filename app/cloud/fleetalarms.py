"""The open alarms of a fleet's stations, from the lines of alarms that they send.

The files lie below `alarms/site=S/station=T/date=D/NAME.jsonl`, one change of a station's alarms a line, and are never
changed once written: each is fetched once and kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.cloud.session import CloudSession
from app.domain.fleet import FleetAlarm
from app.whole_files import write_whole

log = logging.getLogger(__name__)

Step = Callable[[float | None, str], None]
Place = tuple[str, str]
"""(site, station)."""

_AT_ONCE = 8
_FILE = re.compile(r"^alarms/site=([^/]+)/station=([^/]+)/date=(\d{4}-\d{2}-\d{2})/[^/]+\.jsonl$")


def fetch(session: CloudSession, bucket: str, days: list[date], cache: Path, step: Step) -> None:
    """Brings the lines of these days; boto3's errors and OSError as they come."""
    s3 = session.client("s3")

    def folders(prefix: str) -> list[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        return [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", ())]

    wanted: list[tuple[str, Path]] = []
    for station in [found for site in folders("alarms/site=") for found in folders(f"{site}station=")]:
        step(None, "Looking for alarms")
        for day in days:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{station}date={day}/")
            for found in (each for page in pages for each in page.get("Contents", ())):
                place = _place(cache, found["Key"], found["ETag"])
                if place is not None and not place.exists():
                    wanted.append((found["Key"], place))

    def take(one: tuple[str, Path]) -> None:
        key, place = one
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, s3.get_object(Bucket=bucket, Key=key)["Body"].read(), durable=False)

    with ThreadPoolExecutor(_AT_ONCE, "fleet") as pool:
        for number, _ in enumerate(pool.map(take, wanted)):
            step((number + 1) / len(wanted), f"Alarms, {number + 1:,} of {len(wanted):,} files")


def open_alarms(cache: Path, days: list[date]) -> dict[Place, list[FleetAlarm]]:
    """What is open at each station by what was fetched of these days, newest first. Damaged lines are passed over."""
    newest: dict[tuple[Place, str], tuple[datetime, dict[str, Any]]] = {}
    for day in days:
        for path in sorted((cache / day.isoformat()).glob("*.alarms")):
            for place, at, alarm in _lines(path):
                known = newest.get((place, str(alarm["id"])))
                if known is None or at >= known[0]:
                    newest[place, str(alarm["id"])] = at, alarm
    found: dict[Place, list[FleetAlarm]] = {}
    for (place, _), (_, alarm) in newest.items():
        if alarm.get("ended_at") is None and alarm.get("shelved_until") is None:
            found.setdefault(place, []).append(_alarm(place, alarm))
    for some in found.values():
        some.sort(key=lambda each: each.raised_at, reverse=True)
    return found


def _place(cache: Path, key: str, mark: str) -> Path | None:
    match = _FILE.match(key)
    if match is None:
        return None
    name = hashlib.sha256(f"{key}\n{mark}".encode()).hexdigest()[:40]
    return cache / match[3] / f"{name}.alarms"


def _lines(path: Path) -> Iterator[tuple[Place, datetime, dict[str, Any]]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        log.warning("%s of the fleet can't be read: %s", path.name, error)
        return
    for line in lines:
        try:
            told = json.loads(line)
            place = str(told["site"]), str(told["station"])
            at = datetime.fromisoformat(told["at"])
            some = [(place, at, dict(alarm)) for alarm in told["row"]["alarms"]]
            for _, _, alarm in some:
                _alarm(place, alarm)  # raises where it is none
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("a line of %s is no alarm: %s", path.name, error)
            continue
        yield from some


def _alarm(place: Place, told: dict[str, Any]) -> FleetAlarm:
    return FleetAlarm(
        str(told["id"]),
        *place,
        str(told["title"])[:300],
        datetime.fromisoformat(told["raised_at"]).astimezone(UTC),
        told.get("acknowledged_at") is not None,
        int(told.get("count") or 1),
    )
