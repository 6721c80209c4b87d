"""Which stored pictures can be judged again, and what people said of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.store import rows, schema

if TYPE_CHECKING:
    from app.store.store import Store


def replayable(
    store: Store, start: datetime, end: datetime, product: str = ""
) -> Iterator[tuple[Inspection, Verdict | None]]:
    """Inspections captured in [start, end) that still have their picture, oldest first, with the verdict of their
    last review (None where nobody reviewed them).

    Args:
        product: only of this one; "": of all.
    """
    reviewed = _reviewed(store, start, end)
    for each in store.inspections(start, end):
        there = each.image_path and each.picture_removed_at is None and each.score is not None
        if there and (not product or each.product == product):
            yield each, reviewed.get(each.id)


def _reviewed(store: Store, start: datetime, end: datetime) -> dict[str, Verdict]:
    """The last review's verdict by inspection id."""
    inspection, review = schema.inspection, schema.review
    query = (
        sa.select(inspection.c.id, review.c.verdict)
        .join(inspection, review.c.inspection == inspection.c.seq)
        .where(
            inspection.c.captured_at >= rows.moment_to_int(start), inspection.c.captured_at < rows.moment_to_int(end)
        )
        .order_by(review.c.seq)
    )
    return {row.id: Verdict(row.verdict) for row in store.select(query)}
