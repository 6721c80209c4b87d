"""What becomes of the record's rows on their way to a bucket: names of objects, lines, and lines put together.

An object's name follows from what it tells of, and under one name lie always the same bytes: sending can be repeated.
    outbox/STATION/DAY/KEY.json                                for the stack's function `ingest`
    inspections/site=S/station=T/date=D/KEY.parquet            for Athena, DuckDB and the fleet's figures
    reviews/..., alarms/site=S/station=T/date=D/KEY.jsonl      a line each
    pictures/STATION/DAY/ID.png                                of rejects and of parts that were reviewed
    models/STATION/NAME@VERSION-SHA.ext, reports/STATION/SHA/NAME
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.domain.alarm import AlarmChange
from app.domain.inspection import Inspection
from app.domain.parcel import Parcel, ParcelKind, Waiting
from app.domain.records import Review
from app.domain.review import Origin
from app.domain.verdict import Verdict

_REJECTS = (Verdict.FAIL, Verdict.RETEST, Verdict.ERROR)
_LABELS = {Verdict.PASS: "normal", Verdict.FAIL: "anomaly"}
_NOT_IN_NAMES = re.compile(r"[/\x00-\x1f\x7f]")
_PARQUET, _LINES = "application/vnd.apache.parquet", "application/x-ndjson"
_FOLDERS = {ParcelKind.REVIEW_LINE: "reviews", ParcelKind.ALARM_LINE: "alarms"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a station's objects go.

    Attributes:
        day: the station's day that a moment belongs to.
    """

    bucket: str
    site: str
    station: str
    day: Callable[[datetime], date]


class StationComposer:
    """Composes in the transaction of the record (`app.store.outbox.Composer`).

    Args:
        data: the folder that the record's paths begin in.
        now: UTC.
    """

    def __init__(self, place: Callable[[], Place], data: Path, now: Callable[[], datetime]) -> None:
        self._place, self._data, self._now = place, data, now

    def inspection(self, row: Inspection) -> Iterator[Parcel]:
        place = self._place()
        picture = self._picture(place, row) if row.verdict in _REJECTS else None
        head = _head(place, row.station, row.captured_at)
        line = head | {"row": _row(row, head["day"]), "more": _more(row, place, picture)}
        yield _line(f"line/inspection/{row.id}", ParcelKind.INSPECTION_LINE, row.id, self._now(), line)
        if picture is not None:
            yield picture

    def review(self, review: Review, of: Inspection) -> Iterator[Parcel]:
        place = self._place()
        head, said = _head(place, of.station, review.at), asdict(review)
        line = head | {"row": said | {"part_id": of.part_id, "product": of.product, "first_verdict": of.verdict}}
        key = f"{of.id}-{review.seq}"
        yield _line(f"line/review/{key}", ParcelKind.REVIEW_LINE, of.id, self._now(), line)
        label = "unlabelled" if review.origin == Origin.UNDO else _LABELS.get(review.verdict, "")
        if not label:
            return  # nothing can be learned from it
        picture = self._picture(place, of)
        if picture is None:
            return
        yield picture
        told = {
            "id": f"review-{key}",
            "inspection": of.id,
            "product": name_of(of.product),
            "picture": f"s3://{place.bucket}/{picture.key}",
            "label": label,
            "type": review.label if label == "anomaly" else "",
            "reviewer": review.person,
            "reviewed_at": review.at.isoformat(),
        }
        yield _entry(head, f"review-{key}", of.id, self._now(), reviews=[told])

    def alarms(self, change: AlarmChange) -> Iterator[Parcel]:
        own = {each.id: each for each in change.alarms if each.own}  # others tell of theirs themselves
        if not own:
            return
        place, now = self._place(), self._now()
        events = [asdict(each) for each in change.events if each.alarm_id in own]
        row = {"alarms": [asdict(each) for each in own.values()], "events": events}
        line = _head(place, place.station, now) | {"at": now, "row": row}
        digest = hashlib.sha256(_json(line)).hexdigest()
        yield _line(f"line/alarm/{digest}", ParcelKind.ALARM_LINE, "", now, line)

    def _picture(self, place: Place, row: Inspection) -> Parcel | None:
        if not row.image_path or not row.image_sha256 or row.picture_removed_at is not None:
            return None
        try:
            size = (self._data / row.image_path).stat().st_size
        except OSError:
            return None  # a bound for a folder elsewhere, or gone: the line says that there is none
        suffix = Path(row.image_path).suffix
        day = place.day(row.captured_at)
        return Parcel(
            key=f"pictures/{name_of(row.station)}/{day}/{row.id}{suffix}",
            kind=ParcelKind.PICTURE,
            part=row.id,
            made_at=self._now(),
            sha256=row.image_sha256,
            size=size,
            file=row.image_path,
            content_type="image/png" if suffix == ".png" else "image/jpeg",
        )


def file_parcel(place: Place, kind: ParcelKind, path: Path, data: Path, name: str, now: datetime) -> Parcel:
    """Slow: a model or a report. Below the data folder it is sent from there; else its bytes go along.

    Raises:
        OSError: the file can't be read.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    safe = name_of(name)
    if kind is ParcelKind.MODEL:
        stem, dot, ending = safe.rpartition(".")
        key = f"models/{name_of(place.station)}/{stem or safe}-{digest[:12]}{dot}{ending if dot else ''}"
    else:
        key = f"reports/{name_of(place.station)}/{digest[:12]}/{safe}"
    if kind is ParcelKind.MODEL and path.is_relative_to(data):
        file = path.relative_to(data).as_posix()
        return Parcel(key, kind, key, now, digest, len(content), file=file, content_type="application/octet-stream")
    return Parcel.of(key, kind, key, now, content, content_type="application/octet-stream")


def put_together(lines: Sequence[Waiting], now: datetime) -> list[Parcel]:
    """The objects that lines of one kind become, one a site, station and day; those of an inspection twice, as Parquet
    and as an entry."""
    groups: dict[tuple[str, str, str], list[tuple[str, dict[str, Any]]]] = {}
    for each in lines:
        told = json.loads(each.parcel.body or b"")
        groups.setdefault((told["site"], told["station"], told["day"]), []).append((each.parcel.key, told))
    found: list[Parcel] = []
    for (site, station, day), rows in groups.items():
        key = hashlib.sha256("\n".join(name for name, _ in rows).encode()).hexdigest()[:32]
        under = f"site={site}/station={station}/date={day}/{key}"
        kind = lines[0].parcel.kind
        if kind is ParcelKind.INSPECTION_LINE:
            head = {"site": site, "station": station, "day": day}
            told = [each for _, each in rows]
            body = to_parquet(told)
            name = f"inspections/{under}.parquet"
            found.append(Parcel.of(name, ParcelKind.ROWS, "", now, body, content_type=_PARQUET))
            found.append(_entry(head, key, "", now, inspections=[each["row"] for each in told]))
        else:
            body = b"".join(_json(each) + b"\n" for _, each in rows)
            made = ParcelKind.REVIEWS if kind is ParcelKind.REVIEW_LINE else ParcelKind.ALARMS
            found.append(Parcel.of(f"{_FOLDERS[kind]}/{under}.jsonl", made, "", now, body, content_type=_LINES))
    return found


def to_parquet(lines: Sequence[dict[str, Any]]) -> bytes:
    """A Parquet file of inspections' lines: the columns of the stack's own files, then what a station knows beside.
    Times are UTC in milliseconds."""
    import polars as pl

    number, text = pl.Float64(), pl.String()
    region = pl.Struct(
        {"label": text, "score": number, "x": pl.Int32(), "y": pl.Int32(), "width": pl.Int32(), "height": pl.Int32()}
    )
    schema = {
        "id": text,
        "site": text,
        "station": text,
        "part_id": text,
        "captured_at": pl.Datetime("ms"),
        "judged_at": pl.Datetime("ms"),
        "source": text,
        "product": text,
        "verdict": text,
        "score": number,
        "threshold": number,
        "confidence": number,
        "reason": text,
        "labels": pl.List(text),
        "model": text,
        "model_version": pl.Int32(),
        "milliseconds": number,
        "serial": text,
        "lot": text,
        "recipe": text,
        "operator": text,
        "camera": text,
        "error": text,
        "width": pl.Int32(),
        "height": pl.Int32(),
        "picture": text,
        "picture_sha256": text,
        "regions": pl.List(region),
    }
    columns = [
        each["row"]
        | each["more"]
        | {
            "site": each["site"],
            "station": each["station"],
            "captured_at": datetime.fromisoformat(each["row"]["captured_at"]).replace(tzinfo=None),
            "judged_at": datetime.fromisoformat(each["row"]["judged_at"]).replace(tzinfo=None),
        }
        for each in lines
    ]
    rows = {name: [each[name] for each in columns] for name in schema}
    file = io.BytesIO()
    pl.DataFrame(rows, schema=schema).write_parquet(file, compression="zstd")
    return file.getvalue()


def sign_of_life(place: Place, version: str, now: datetime) -> Parcel:
    """An entry that tells of nothing but the station itself."""
    head = _head(place, place.station, now)
    return _entry(head, f"alive-{now:%Y%m%dT%H%M%S}", "", now, version=version)


def name_of(text: str) -> str:
    """A text as one part of a key."""
    return _NOT_IN_NAMES.sub("-", text)[:200].strip() or "-"


def _head(place: Place, station: str, at: datetime) -> dict[str, Any]:
    day = place.day(at).isoformat()
    return {"site": name_of(place.site), "station": name_of(station or place.station), "day": day}


def _row(row: Inspection, day: str) -> dict[str, Any]:
    """As `app.serverless.outbox.InspectionRow` has it."""
    strongest = sorted(row.regions, key=lambda region: -_number(region.score, 0.0))
    return {
        "id": row.id,
        "part_id": row.part_id,
        "captured_at": row.captured_at.astimezone(UTC).isoformat(),
        "judged_at": row.judged_at.astimezone(UTC).isoformat(),
        "day": day,
        "source": row.source,
        "product": row.product,
        "verdict": row.verdict.value,
        "score": _number(row.score),
        "threshold": _number(row.threshold),
        "confidence": _number(row.confidence),
        "reason": row.reason,
        "labels": [region.label for region in strongest],
        "model": row.model.name if row.model else "",
        "model_version": row.model.version if row.model else None,
        "milliseconds": _number(row.milliseconds),
    }


def _more(row: Inspection, place: Place, picture: Parcel | None) -> dict[str, Any]:
    return {
        "serial": row.serial,
        "lot": row.lot,
        "recipe": row.recipe,
        "operator": row.operator,
        "camera": row.camera,
        "error": row.error,
        "width": row.width,
        "height": row.height,
        "picture": f"s3://{place.bucket}/{picture.key}" if picture else "",
        "picture_sha256": row.image_sha256,
        "regions": [
            {
                "label": each.label,
                "score": _number(each.score),
                "x": int(each.x),
                "y": int(each.y),
                "width": int(each.width),
                "height": int(each.height),
            }
            for each in row.regions
        ],
    }


def _number(value: float | None, otherwise: float | None = None) -> Any:
    """JSON knows neither NaN nor the infinite."""
    return otherwise if value is None or value != value or abs(value) == float("inf") else float(value)


def _entry(head: dict[str, Any], key: str, part: str, now: datetime, **told: Any) -> Parcel:
    entry = {"key": key, "station": head["station"], "site": head["site"], "sent_at": now.isoformat()} | told
    return Parcel.of(f"outbox/{head['station']}/{head['day']}/{key}.json", ParcelKind.ENTRY, part, now, _json(entry))


def _line(key: str, kind: ParcelKind, part: str, now: datetime, told: dict[str, Any]) -> Parcel:
    return Parcel.of(key, kind, part, now, _json(told))


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, default=_plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
