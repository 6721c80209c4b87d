"""What a notice says: the alarm as it stands when it is sent, in words, as data, and with its picture."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote

import cv2

from app.alarms.sharing import told
from app.domain.alarm import Alarm
from app.domain.frame import Image
from app.domain.inspection import Inspection
from app.domain.notice import Notice
from app.pictures import encode_jpeg

LONGEST_SIDE = 800
"""Pixels of the picture that goes with a notice."""


@dataclass(frozen=True, slots=True)
class Message:
    """Attributes:
    id: stays the same however often it is sent.
    subject: one line.
    text: all of it, in words.
    fields: the same as data, ready for JSON.
    picture: JPEG, b"" for none.
    """

    id: str
    subject: str
    text: str
    fields: dict[str, Any]
    picture: bytes = b""

    def as_json(self) -> bytes:
        """UTF-8, one object; the picture as base64 in "picture", "" for none."""
        picture = base64.b64encode(self.picture).decode("ascii")
        return json.dumps({**self.fields, "picture": picture}, ensure_ascii=False).encode()


def compose(
    notice: Notice,
    alarm: Alarm,
    *,
    station: str,
    zone: tzinfo,
    link: str,
    picture: Image | None,
    part: Inspection | None = None,
) -> Message:
    """The message of a notice.

    Args:
        part: the newest that caused it, None for none.
        link: template with {part}, {inspection}, {alarm}, {station}; "" for none.
        picture: (H, W, 3) uint8 BGR of the newest part that caused it, None for none.
    """
    lead = {
        "escalated": f"Nobody has answered (step {notice.step})",
        "cleared": "Over",
        "acknowledged": "Answered",
        "ended": "Over",
    }.get(notice.reason, "Alarm")
    # A line break of a defect type's name must not become a header.
    title = " ".join(alarm.title.split())
    times = f" ({alarm.count} times)" if alarm.count > 1 else ""
    address = _link(link, alarm, station)
    state = alarm.state.value
    lines = [
        f"{title}{times}",
        alarm.detail,
        "",
        f"Station: {station}",
        f"Where: {alarm.source}",
        *([f"Part: {alarm.part_id}"] if alarm.part_id else []),
        f"Priority: {alarm.priority.words}",
        f"Since: {_clock(alarm.raised_at, zone)}",
        *([f"Newest: {_clock(alarm.last_at, zone)}"] if alarm.count > 1 else []),
        f"State: {state}" + (f", by {alarm.acknowledged_by}" if alarm.acknowledged_by else ""),
        *(["", address] if address else []),
    ]
    fields = {
        "id": notice.id,
        "reason": notice.reason,
        "step": notice.step,
        "station": station,
        "alarm": alarm.id,
        "kind": alarm.kind,
        "title": title,
        "detail": alarm.detail,
        "source": alarm.source,
        "part": alarm.part_id,
        "inspection": alarm.inspection_id,
        "priority": alarm.priority.name.lower(),
        "state": state,
        "count": alarm.count,
        "raised_at": alarm.raised_at.astimezone(UTC).isoformat(),
        "last_at": alarm.last_at.astimezone(UTC).isoformat(),
        "link": address,
        "product": part.product if part else "",
        "verdict": part.verdict.value if part else "",
        "defect_types": list(dict.fromkeys(region.label for region in part.regions)) if part else [],
        "score": part.score if part else None,
        "confidence": part.confidence if part else None,
        **told(alarm, station),
    }
    subject = f"{lead} at {' '.join(station.split())}: {title}{times}"
    return Message(notice.id, subject, "\n".join(lines) + "\n", fields, small_jpeg(picture))


def small_jpeg(picture: Image | None) -> bytes:
    """At most `LONGEST_SIDE` pixels wide and high; b"" for none."""
    if picture is None:
        return b""
    scale = LONGEST_SIDE / max(picture.shape[:2])
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0]))
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return encode_jpeg(picture, 85)


def _link(template: str, alarm: Alarm, station: str) -> str:
    address = template
    for name, value in (
        ("part", alarm.part_id),
        ("inspection", alarm.inspection_id),
        ("alarm", alarm.id),
        ("station", station),
    ):
        address = address.replace(f"{{{name}}}", quote(value, safe=""))
    return address


def _clock(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
