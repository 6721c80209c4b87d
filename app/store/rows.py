"""Between the domain's frozen data and rows, in both directions."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from app.domain.alarm import Alarm, Priority
from app.domain.checkpoint import CheckpointAnswer
from app.domain.inspection import InspectedView, Inspection, ModelRef
from app.domain.records import Review
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.domain.wear import Wear, WearLimit
from app.store import schema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

INSPECTIONS = sa.select(
    schema.inspection,
    schema.model.c.name.label("model_name"),
    schema.model.c.version.label("model_version"),
    schema.model.c.sha256.label("model_sha256"),
    schema.model.c.backbone.label("model_backbone"),
).select_from(schema.inspection.outerjoin(schema.model))


def among(column: sa.ColumnElement[Any], values: Sequence[int] | Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether a column is one of `values`: one statement for any number of them.

    A statement with a parameter each would be another one for each number of values, and every connection keeps
    its newest statements, prepared, at 30 kB for 500 values.
    """
    given = sa.func.json_each(json.dumps(values)).table_valued("value")
    return column.in_(sa.select(given.c.value))


def moment_to_int(moment: datetime) -> int:
    """Microseconds since 1970 UTC; a moment without a zone is refused, since it could be any."""
    if moment.tzinfo is None:
        raise ValueError(f"a moment of the record needs its zone: {moment}")
    return (moment - _EPOCH) // _MICROSECOND


def int_to_moment(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)


def _maybe_int(moment: datetime | None) -> int | None:
    return None if moment is None else moment_to_int(moment)


def _maybe_moment(number: int | None) -> datetime | None:
    return None if number is None else int_to_moment(number)


def text(value: str) -> str:
    """As SQLite can keep it: file names of odd systems bring lone surrogates, which are no UTF-8."""
    return value.encode("utf-8", "replace").decode("utf-8") if not value.isascii() else str(value)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)  # NumPy's 32-bit numbers would be kept as blobs


def inspection_row(inspection: Inspection) -> dict[str, Any]:
    """All columns but the model's."""
    return {
        "id": inspection.id,
        "part_id": text(inspection.part_id),
        "captured_at": moment_to_int(inspection.captured_at),
        "judged_at": moment_to_int(inspection.judged_at),
        "source": text(inspection.source),
        "station": text(inspection.station),
        "product": text(inspection.product),
        "frame_id": int(inspection.frame_id),
        "width": int(inspection.width),
        "height": int(inspection.height),
        "verdict": inspection.verdict.value,
        "score": _number(inspection.score),
        "threshold": _number(inspection.threshold),
        "retest_from": _number(inspection.retest_from),
        "confidence": _number(inspection.confidence),
        "reason": text(inspection.reason),
        "milliseconds": _number(inspection.milliseconds),
        "image_path": text(inspection.image_path),
        "image_sha256": inspection.image_sha256,
        "stored_score": _number(inspection.stored_score),
        "error": text(inspection.error),
        "serial": text(inspection.serial),
        "lot": text(inspection.lot),
        "recipe": text(inspection.recipe),
        "operator": text(inspection.operator),
        "camera": text(inspection.camera),
        "checkpoints": _as_json([asdict(answer) for answer in inspection.checkpoints]),
        "wear": _as_json([asdict(one) for one in inspection.wear]),
        "outputs": text(inspection.outputs),
        "picture_removed_at": None
        if inspection.picture_removed_at is None
        else moment_to_int(inspection.picture_removed_at),
    }


def _as_json(found: list[dict[str, Any]]) -> str:
    return text(json.dumps(found, ensure_ascii=False, separators=(",", ":"), default=float)) if found else ""


def _checkpoints(found: str) -> tuple[CheckpointAnswer, ...]:
    return tuple(CheckpointAnswer(**each) for each in json.loads(found))


def _wear(found: str) -> tuple[Wear, ...]:
    return tuple(Wear(WearLimit(**each["limit"]), each["area"], each["severity"]) for each in json.loads(found))


def model_row(model: ModelRef) -> dict[str, Any]:
    return {
        "name": text(model.name),
        "version": int(model.version),
        "sha256": model.sha256,
        "backbone": text(model.backbone),
    }


def region_rows(seq: int, regions: Iterable[Region], captured_at: int) -> list[dict[str, Any]]:
    return [
        {
            "inspection": seq,
            "captured_at": captured_at,
            "position": position,
            "x": int(region.x),
            "y": int(region.y),
            "width": int(region.width),
            "height": int(region.height),
            "area": int(region.area),
            "label": text(region.label),
            "score": float(region.score),
            "outline": json.dumps([[int(x), int(y)] for x, y in region.outline], separators=(",", ":")),
            "area_mm2": None if region.area_mm2 is None else float(region.area_mm2),
            "severity": None if region.severity is None else float(region.severity),
        }
        for position, region in enumerate(regions)
    ]


def region_from(row: sa.Row[Any]) -> Region:
    return Region(
        x=row.x,
        y=row.y,
        width=row.width,
        height=row.height,
        area=row.area,
        label=row.label,
        score=row.score if row.score is not None else float("nan"),  # SQLite keeps NaN as NULL
        outline=_outline(row.outline),
        area_mm2=row.area_mm2,
        severity=row.severity,
    )


def regions_of(connection: sa.Connection, seqs: Sequence[int]) -> dict[int, tuple[Region, ...]]:
    """The regions of these rows by their numbers, those without any left out."""
    table = schema.region
    found: dict[int, list[Region]] = {}
    query = sa.select(table).where(among(table.c.inspection, seqs)).order_by(table.c.inspection, table.c.position)
    for row in connection.execute(query):
        found.setdefault(row.inspection, []).append(region_from(row))
    return {seq: tuple(regions) for seq, regions in found.items()}


@functools.lru_cache(maxsize=64)
def _model(name: str, version: int, sha256: str, backbone: str) -> ModelRef:
    return ModelRef(name, version, sha256, backbone)  # the same few stand on all rows


def _outline(found: str) -> tuple[tuple[int, int], ...]:
    """None where its text was damaged on the disk: the box is still known."""
    try:
        return tuple((x, y) for x, y in json.loads(found))
    except (ValueError, TypeError):
        return ()


_VERDICTS = {verdict.value: verdict for verdict in Verdict}

_PLACES = {column.key: number for number, column in enumerate(INSPECTIONS.selected_columns)}
# All at once, by their places: by their names, one after the other, is four times as slow, which long reports feel.
_COLUMNS = itemgetter(
    *(
        _PLACES[name]
        for name in (
            *("model", "model_name", "model_version", "model_sha256", "model_backbone"),
            *("captured_at", "judged_at", "verdict", "checkpoints", "wear", "picture_removed_at"),
            *("id", "part_id", "source", "station", "product", "frame_id", "width", "height"),
            *("score", "threshold", "retest_from", "confidence", "reason", "milliseconds"),
            *("image_path", "image_sha256", "stored_score", "error"),
            *("serial", "lot", "recipe", "operator", "camera", "outputs"),
        )
    )
)


KEY = itemgetter(_PLACES["captured_at"], _PLACES["seq"])
"""(captured_at, seq) of a row of `INSPECTIONS`."""


def inspection_from(row: sa.Row[Any], regions: tuple[Region, ...], views: tuple[InspectedView, ...] = ()) -> Inspection:
    """From a row of `INSPECTIONS`."""
    # fmt: off
    (
        model, model_name, model_version, model_sha256, model_backbone,
        captured_at, judged_at, verdict, checkpoints, wear, picture_removed_at,
        id, part_id, source, station, product, frame_id, width, height,
        score, threshold, retest_from, confidence, reason, milliseconds,
        image_path, image_sha256, stored_score, error,
        serial, lot, recipe, operator, camera, outputs,
    ) = _COLUMNS(row)
    # fmt: on
    return Inspection(
        id=id,
        part_id=part_id,
        captured_at=int_to_moment(captured_at),
        judged_at=int_to_moment(judged_at),
        source=source,
        station=station,
        product=product,
        frame_id=frame_id,
        width=width,
        height=height,
        verdict=_VERDICTS.get(verdict) or Verdict(verdict),
        score=score,
        threshold=threshold,
        retest_from=retest_from,
        confidence=confidence,
        reason=reason,
        regions=regions,
        model=None if model is None else _model(model_name, model_version, model_sha256, model_backbone),
        milliseconds=milliseconds,
        image_path=image_path,
        image_sha256=image_sha256,
        stored_score=stored_score,
        error=error,
        serial=serial,
        lot=lot,
        recipe=recipe,
        operator=operator,
        camera=camera,
        checkpoints=_checkpoints(checkpoints) if checkpoints else (),
        wear=_wear(wear) if wear else (),
        outputs=outputs,
        picture_removed_at=_maybe_moment(picture_removed_at),
        views=views,
    )


def review_row(review: Review) -> dict[str, Any]:
    """All columns but the inspection's."""
    return {
        "at": moment_to_int(review.at),
        "person": text(review.person),
        "verdict": review.verdict.value,
        "label": text(review.label),
        "note": text(review.note),
        "origin": text(review.origin),
        "why": text(review.why),
        "mask": review.mask,
        "undoes": review.undoes,
    }


def review_from(row: sa.Row[Any], inspection_id: str) -> Review:
    return Review(
        inspection_id,
        int_to_moment(row.at),
        row.person,
        Verdict(row.verdict),
        row.label,
        row.note,
        row.origin,
        row.why,
        row.mask,
        row.undoes,
        row.seq,
    )


def alarm_row(alarm: Alarm) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "kind": text(alarm.kind),
        "title": text(alarm.title),
        "detail": text(alarm.detail),
        "source": text(alarm.source),
        "raised_at": moment_to_int(alarm.raised_at),
        "last_at": moment_to_int(alarm.last_at),
        "count": int(alarm.count),
        "inspection_id": alarm.inspection_id,
        "image_path": text(alarm.image_path),
        "acknowledged_at": _maybe_int(alarm.acknowledged_at),
        "acknowledged_by": text(alarm.acknowledged_by),
        "rule": text(alarm.rule),
        "part_id": text(alarm.part_id),
        "priority": int(alarm.priority),
        "lasting": alarm.lasting,
        "cleared_at": _maybe_int(alarm.cleared_at),
        "ended_at": _maybe_int(alarm.ended_at),
        "waiting_since": _maybe_int(alarm.waiting_since),
        "escalated": int(alarm.escalated),
        "shelved_at": _maybe_int(alarm.shelved_at),
        "shelved_until": _maybe_int(alarm.shelved_until),
        "shelved_by": text(alarm.shelved_by),
        "shelved_reason": text(alarm.shelved_reason),
    }


def alarm_from(row: sa.Row[Any]) -> Alarm:
    return Alarm(
        id=row.id,
        kind=row.kind,
        title=row.title,
        detail=row.detail,
        source=row.source,
        raised_at=int_to_moment(row.raised_at),
        last_at=int_to_moment(row.last_at),
        # sa.Row is a tuple: its method `count` hides the column of that name.
        count=row._mapping["count"],
        inspection_id=row.inspection_id,
        image_path=row.image_path,
        acknowledged_at=_maybe_moment(row.acknowledged_at),
        acknowledged_by=row.acknowledged_by,
        rule=row.rule,
        part_id=row.part_id,
        priority=Priority(row.priority),
        lasting=bool(row.lasting),
        cleared_at=_maybe_moment(row.cleared_at),
        ended_at=_maybe_moment(row.ended_at),
        waiting_since=_maybe_moment(row.waiting_since),
        escalated=row.escalated,
        shelved_at=_maybe_moment(row.shelved_at),
        shelved_until=_maybe_moment(row.shelved_until),
        shelved_by=row.shelved_by,
        shelved_reason=row.shelved_reason,
    )
