"""What MQTT and webhooks send of a part: one JSON object. Keys are only ever added; `schema` rises when one changes."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from app.domain.inspection import Inspection
from app.domain.region import Region
from app.signals.handshake import Answer, Signals

SCHEMA = "linesight.result/1"
SIGNALS_SCHEMA = "linesight.signals/1"


def result_json(row: Inspection, number: int | None = None, recipe_id: int = 0) -> bytes:
    """A part that is on record, UTF-8.

    Args:
        number: of the handshake's answer; None where it is not known any more.
        recipe_id: the line's number of the product, 0 for none.
    """
    model = row.model
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "id": row.id,
        "number": number,
        "station": row.station,
        "source": row.source,
        "part_id": row.part_id,
        "serial": row.serial,
        "lot": row.lot,
        "product": row.product,
        "recipe": row.recipe,
        "recipe_id": recipe_id,
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256} if model else None,
        "verdict": row.verdict.value,
        "reason": row.reason,
        "error": row.error,
        "score": row.score,
        "threshold": row.threshold,
        "confidence": row.confidence,
        "regions": [_region(each) for each in row.regions],
        "views": [
            {
                "name": each.name,
                "source": each.source,
                "verdict": each.verdict.value,
                "reason": each.reason,
                "error": each.error,
                "score": each.score,
                "threshold": each.threshold,
                "regions": [_region(one) for one in each.regions],
                "image": {
                    "path": each.image_path,
                    "sha256": each.image_sha256,
                    "width": each.width,
                    "height": each.height,
                },
            }
            for each in row.views
        ],
        "image": {"path": row.image_path, "sha256": row.image_sha256, "width": row.width, "height": row.height},
        "captured_at": row.captured_at.astimezone(UTC).isoformat(),
        "judged_at": row.judged_at.astimezone(UTC).isoformat(),
        "milliseconds": row.milliseconds,
    }
    return json.dumps(fields, ensure_ascii=False).encode()


def answer_json(now: Signals) -> bytes:
    """The answer that stands, UTF-8: the part as it is on record, else the error."""
    answer = now.answer
    if answer is None or not now.result_ready:
        raise ValueError("no answer stands")
    if answer.inspection is not None:
        return result_json(answer.inspection, answer.number, now.recipe)
    fields = {
        "schema": SCHEMA,
        "number": answer.number,
        "part_id": answer.part_id,
        "verdict": answer.verdict.value,
        "error": answer.words,
        "error_code": int(answer.code),
    }
    return json.dumps(fields, ensure_ascii=False).encode()


def _region(region: Region) -> dict[str, Any]:
    return {
        "x": region.x,
        "y": region.y,
        "width": region.width,
        "height": region.height,
        "area": region.area,
        "area_mm2": region.area_mm2,
        "label": region.label,
        "score": region.score,
        "severity": region.severity,
    }


def signals_json(now: Signals) -> bytes:
    """What the line sees, UTF-8; the answer only while it is valid."""
    counts = now.counts
    fields: dict[str, Any] = {
        "schema": SIGNALS_SCHEMA,
        "trigger_ready": now.trigger_ready,
        "busy": now.busy,
        "result_ready": now.result_ready,
        "ok": now.ok,
        "ng": now.ng,
        "retest": now.retest,
        "error": now.error,
        "error_code": int(now.code),
        "recipe_id": now.recipe,
        "heartbeat": now.heartbeat,
        "answer": _answer(now.answer) if now.result_ready and now.answer is not None else None,
        "counts": {
            "taken": counts.taken,
            "busy": counts.busy,
            "debounced": counts.debounced,
            "missed": counts.missed,
            "late": counts.late,
            "unread": counts.unread,
        },
    }
    return json.dumps(fields, ensure_ascii=False).encode()


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "number": answer.number,
        "verdict": answer.verdict.value,
        "part_id": answer.part_id,
        "inspection": answer.inspection.id if answer.inspection is not None else "",
        "milliseconds": answer.milliseconds,
        "words": answer.words,
    }
