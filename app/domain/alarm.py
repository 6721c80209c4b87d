"""Alarms: something a person must look at (states after ISA-18.2, those this station uses)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, grouped: repeated causes raise `count`, not new alarms, until acknowledged.

    Attributes:
        id: 32 hex digits.
        kind: "defect", "camera", "disk", "error", "round".
        title: what, in a few words ("Defect: anomaly, upper left").
        detail: part, score, place, or the way out.
        source: where.
        raised_at, last_at: UTC, first and newest cause.
        count: causes so far.
        inspection_id: newest inspection that caused it, "" for none.
        image_path: picture of that inspection relative to the data folder, "" for none.
        acknowledged_at, acknowledged_by: None / "" while unacknowledged.
    """

    id: str
    kind: str
    title: str
    detail: str
    source: str
    raised_at: datetime
    last_at: datetime
    count: int = 1
    inspection_id: str = ""
    image_path: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""

    @property
    def active(self) -> bool:
        return self.acknowledged_at is None
