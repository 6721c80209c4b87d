"""Rows of what each camera saw of a part that several look at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from app.domain.inspection import InspectedView
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.store import rows, schema


def view_rows(seq: int, views: Iterable[InspectedView], captured_at: int) -> list[dict[str, Any]]:
    """All columns, for the inspection with this number."""
    return [
        {
            "inspection": seq,
            "captured_at": captured_at,
            "name": rows.text(view.name),
            "source": rows.text(view.source),
            "part_id": rows.text(view.part_id),
            "verdict": view.verdict.value,
            "score": None if view.score is None else float(view.score),
            "threshold": None if view.threshold is None else float(view.threshold),
            "reason": rows.text(view.reason),
            "regions": rows.text(json.dumps([asdict(each) for each in view.regions], default=float)),
            "model": rows.text(view.model),
            "image_path": rows.text(view.image_path),
            "image_sha256": view.image_sha256,
            "width": int(view.width),
            "height": int(view.height),
            "error": rows.text(view.error),
        }
        for view in views
    ]


def views_of(connection: sa.Connection, seqs: Sequence[int]) -> dict[int, tuple[InspectedView, ...]]:
    """The views of these rows by their numbers, those without any left out."""
    table = schema.inspection_view
    found: dict[int, list[InspectedView]] = {}
    query = sa.select(table).where(rows.among(table.c.inspection, seqs)).order_by(table.c.inspection, table.c.seq)
    for row in connection.execute(query):
        found.setdefault(row.inspection, []).append(_view(row))
    return {seq: tuple(views) for seq, views in found.items()}


def pictures_of(connection: sa.Connection, seqs: Sequence[int]) -> dict[int, list[str]]:
    """Paths of the views' pictures of these rows by their numbers."""
    return {
        seq: [view.image_path for view in views if view.image_path] for seq, views in views_of(connection, seqs).items()
    }


def _view(row: sa.Row[Any]) -> InspectedView:
    return InspectedView(
        name=row.name,
        source=row.source,
        part_id=row.part_id,
        verdict=Verdict(row.verdict),
        score=row.score,
        threshold=row.threshold,
        reason=row.reason,
        regions=_regions(row.regions),
        model=row.model,
        image_path=row.image_path,
        image_sha256=row.image_sha256,
        width=row.width,
        height=row.height,
        error=row.error,
    )


def _regions(found: str) -> tuple[Region, ...]:
    """None where their text was damaged on the disk: the verdict is still known."""
    try:
        return tuple(
            Region(**each | {"outline": tuple((x, y) for x, y in each.get("outline", ()))})
            for each in json.loads(found)
        )
    except (ValueError, TypeError, KeyError):
        return ()
