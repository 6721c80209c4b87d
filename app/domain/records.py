"""Asking the record: what to look for, and what people said of a part later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """What to search the record for; what is left empty is not asked for, everything given must hold.

    Attributes:
        code: the beginning of a serial or a part number, as a barcode scanner types it.
        lot, product, label, operator, station: exactly so; `label` is a defect type that a region has.
        start, end: captured in [start, end), UTC.
    """

    code: str = ""
    lot: str = ""
    start: datetime | None = None
    end: datetime | None = None
    product: str = ""
    verdict: Verdict | None = None
    label: str = ""
    operator: str = ""
    station: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said of a part afterwards. The first verdict stays; of several reviews the last one counts.

    Attributes:
        inspection_id: of the inspection.
        at: UTC.
        person: who.
        verdict: PASS, FAIL or RETEST.
        label: the defect type, "" for none.
        note: in words.
    """

    inspection_id: str
    at: datetime
    person: str
    verdict: Verdict
    label: str = ""
    note: str = ""
