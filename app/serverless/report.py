"""Lambda function: the daily report on the whole fleet. A schedule calls it; Athena counts, the workbook shows."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from app.domain.errors import LinesightError
from app.serverless import notices, surroundings

_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ReportError(LinesightError):
    """A report that could not be made; says why."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the function works with.

    Attributes:
        bucket: of the reports.
        topic: ARN; a new report is told there.
        zone: IANA name, of the day that is over and of the times in the report.
        now: UTC.
        wait: for so many seconds.
    """

    s3: Any
    sns: Any
    athena: Any
    bucket: str
    topic: str
    database: str
    workgroup: str
    zone: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    wait: Callable[[float], None] = time.sleep


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Reports on the day before, or on the one that the event names: {"day": "2026-03-01"}."""
    return report(_parts(), event)


def report(parts: Parts, event: Mapping[str, Any]) -> dict[str, str]:
    """Writes the report, tells of it, and says where it lies.

    Raises:
        ReportError: Athena did not answer, or the day is none.
    """
    from app.domain.calendar import station_zone
    from app.reports.athena import LABELS_QUERY, STATIONS_QUERY
    from app.reports.fleet import fleet_headline, write_fleet

    zone = station_zone(parts.zone)
    here = parts.now().astimezone(zone)
    day = _day(event.get("day"), here.date())
    rows = [_station(row, zone) for row in _asked(parts, STATIONS_QUERY, day)]
    labels = [_label(row) for row in _asked(parts, LABELS_QUERY, day)]
    key = f"reports/{day:%Y/%m}/fleet-{day}.xlsx"
    with tempfile.TemporaryDirectory() as folder:
        out = write_fleet(day, rows, labels, Path(folder, "fleet.xlsx"), zone=parts.zone, made_at=here)
        parts.s3.put_object(Bucket=parts.bucket, Key=key, Body=out.read_bytes(), ContentType=_WORKBOOK)
    place, words = f"s3://{parts.bucket}/{key}", fleet_headline(day, rows)
    notices.publish(
        parts.sns, parts.topic, f"Fleet report {day}", {"day": str(day), "report": place, "words": words}, {}
    )
    return {"day": str(day), "report": place}


def _day(given: object, today: date) -> date:
    if given is None:
        return today - timedelta(days=1)
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise ReportError(f"{given!r} is no day: name one such as 2026-03-01.") from None


def _asked(parts: Parts, query: str, day: date) -> list[list[str | None]]:
    """The rows of a query's answer, without its heads."""
    from app.reports.athena import AthenaError, ask

    try:
        return ask(parts.athena, query, [day], database=parts.database, workgroup=parts.workgroup, wait=parts.wait)
    except AthenaError as error:
        raise ReportError(str(error)) from error


def _station(row: list[str | None], zone: Any) -> Any:
    from app.domain.counts import Counts
    from app.reports.fleet import StationCounts

    site, station, product, passed, failed, retest, error, first, last, milliseconds = row

    def moment(text: str | None) -> datetime:
        return datetime.fromisoformat(text or "").replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)

    return StationCounts(
        site or "",
        station or "",
        product or "",
        Counts(*(int(number or 0) for number in (passed, failed, retest, error))),
        moment(first),
        moment(last),
        float(milliseconds) if milliseconds else None,
    )


def _label(row: list[str | None]) -> Any:
    from app.reports.fleet import LabelCounts

    return LabelCounts(row[0] or "", row[1] or "", int(row[2] or 0))


@functools.cache
def _parts() -> Parts:
    return Parts(
        s3=surroundings.client("s3"),
        sns=surroundings.client("sns"),
        athena=surroundings.client("athena"),
        bucket=surroundings.needed("REPORTS_BUCKET"),
        topic=surroundings.needed("REPORTS_TOPIC"),
        database=surroundings.needed("DATABASE"),
        workgroup=surroundings.needed("WORKGROUP"),
        zone=surroundings.needed("TIME_ZONE"),
    )
