"""The columns of the workbook's tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from app.domain.alarm import Alarm
from app.domain.inspection import Inspection
from app.domain.records import Reviewed
from app.domain.region import place_words
from app.reports.sheets import Column, Value, part_number


@dataclass(frozen=True, slots=True)
class Defect:
    """A row of the sheet Defects: the inspection, and what stands where its picture should be."""

    inspection: Inspection
    picture_words: str = ""


def local(moment: datetime, zone: tzinfo) -> datetime:
    """The clock on the station's wall: Excel knows no zones."""
    return moment.astimezone(zone).replace(tzinfo=None)


def labels(inspection: Inspection) -> str:
    """The defect types, each once, strongest first, with the place of its first region."""
    if not inspection.regions:
        return ""
    found: dict[str, str] = {}
    for region in inspection.regions:
        found.setdefault(region.label, place_words(region, (inspection.width, inspection.height)))
    return "; ".join(f"{label}, {place}" for label, place in found.items())


def _rounded(score: float | None) -> Value:
    """Infinity is no number in Excel."""
    return score if score is None or -math.inf < score < math.inf else str(score)


def inspections(zone: tzinfo) -> list[Column[Inspection]]:
    return [
        Column("Time", 19, "Moment", lambda row: local(row.captured_at, zone)),
        Column("Part", 12, "Part", lambda row: part_number(row.part_id)),
        Column("Verdict", 10, "Verdict", lambda row: row.verdict.value),
        Column("Score", 9, "Score", lambda row: _rounded(row.score)),
        Column("Retest from", 9, "Score", lambda row: _rounded(row.retest_from)),
        Column("Threshold", 11, "Score", lambda row: _rounded(row.threshold)),
        Column("Reason", 40, "Text", lambda row: row.error or row.reason),
        Column("Defects", 32, "Text", labels),
        Column("Product", 18, "Text", lambda row: row.product),
        Column("Line", 16, "Text", lambda row: row.station),
        Column("Inspector", 16, "Text", lambda row: row.operator),
        Column("Source", 24, "Text", lambda row: row.source),
        Column("Model", 18, "Text", lambda row: str(row.model) if row.model else ""),
        Column("Lot", 14, "Text", lambda row: row.lot, printed=False),
        Column("Serial", 16, "Text", lambda row: row.serial, printed=False),
        Column("Recipe", 16, "Text", lambda row: row.recipe, printed=False),
        Column("Confidence", 12, "Percent", lambda row: _rounded(row.confidence), printed=False),
        Column("Detector ms", 10, "Time", lambda row: _rounded(row.milliseconds), printed=False),
        Column("Picture", 56, "Text", lambda row: row.image_path, printed=False),
        Column("Record", 36, "Text", lambda row: row.id, printed=False),
    ]


def defects(zone: tzinfo) -> list[Column[Defect]]:
    return [
        Column("Picture", 24, "Note", lambda row: row.picture_words),
        Column("Time", 19, "Moment", lambda row: local(row.inspection.captured_at, zone)),
        Column("Part", 12, "Part link", lambda row: part_number(row.inspection.part_id)),
        Column("Score", 9, "Score", lambda row: _rounded(row.inspection.score)),
        Column("Threshold", 10, "Score", lambda row: _rounded(row.inspection.threshold)),
        Column("Defects", 30, "Long text", lambda row: labels(row.inspection)),
        Column("Reason", 38, "Long text", lambda row: row.inspection.reason),
        Column("Product", 18, "Long text", lambda row: row.inspection.product),
        Column("Line", 16, "Long text", lambda row: row.inspection.station),
        Column("Inspector", 16, "Long text", lambda row: row.inspection.operator),
        Column("Source", 22, "Long text", lambda row: row.inspection.source),
        Column("Model", 16, "Long text", lambda row: str(row.inspection.model) if row.inspection.model else ""),
    ]


def alarms(zone: tzinfo) -> list[Column[Alarm]]:
    def seen(row: Alarm) -> Value:
        return None if row.acknowledged_at is None else local(row.acknowledged_at, zone)

    return [
        Column("Raised", 19, "Moment", lambda row: local(row.raised_at, zone)),
        Column("Last cause", 19, "Moment", lambda row: local(row.last_at, zone)),
        Column("Causes", 8, "Count", lambda row: row.count),
        Column("Kind", 10, "Text", lambda row: row.kind),
        Column("Alarm", 32, "Long text", lambda row: row.title),
        Column("Detail", 46, "Long text", lambda row: row.detail),
        Column("Source", 22, "Text", lambda row: row.source),
        Column("Acknowledged", 19, "Moment", seen),
        Column("By", 16, "Text", lambda row: row.acknowledged_by),
        Column(
            "Open for",
            11,
            "Duration",
            lambda row: None if row.acknowledged_at is None else max(row.acknowledged_at - row.raised_at, timedelta(0)),
        ),
    ]


def reviews(zone: tzinfo) -> list[Column[Reviewed]]:
    return [
        Column("Reviewed", 19, "Moment", lambda row: local(row.review.at, zone)),
        Column("By", 18, "Text", lambda row: row.review.person),
        Column("Part", 12, "Part", lambda row: part_number(row.part_id)),
        Column("Inspected", 19, "Moment", lambda row: local(row.captured_at, zone)),
        Column("First verdict", 12, "Verdict", lambda row: row.verdict.value),
        Column("Review", 10, "Verdict", lambda row: row.review.verdict.value),
        Column("Type", 20, "Text", lambda row: row.review.label),
        Column("Note", 44, "Long text", lambda row: row.review.note),
        Column("Product", 18, "Text", lambda row: row.product),
        Column("Line", 16, "Text", lambda row: row.station),
        Column("Inspector", 16, "Text", lambda row: row.operator),
    ]
