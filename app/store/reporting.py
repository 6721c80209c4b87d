"""What reports ask of the record beside its inspections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.domain.records import PassedBefore, Reviewed
from app.domain.verdict import Verdict
from app.store import rows, schema


class ReportQueries:
    """`select` runs a query and gives its rows."""

    def __init__(self, select: Callable[[sa.Select[Any]], Sequence[sa.Row[Any]]]) -> None:
        self._select = select

    def reviewed(self, start: datetime, end: datetime) -> list[Reviewed]:
        """Every review of the parts captured in [start, end), in the order they were made; of several reviews of
        a part the last one counts."""
        part, review = schema.inspection, schema.review
        query = (
            sa.select(
                review,
                part.c.id,
                part.c.part_id,
                part.c.captured_at,
                part.c.verdict.label("first_verdict"),
                part.c.product,
                part.c.station,
                part.c.operator,
            )
            .select_from(review.join(part))
            .where(part.c.captured_at >= rows.moment_to_int(start), part.c.captured_at < rows.moment_to_int(end))
            .order_by(review.c.seq)
        )
        return [
            Reviewed(
                rows.review_from(row, row.id),
                row.part_id,
                rows.int_to_moment(row.captured_at),
                Verdict(row.first_verdict),
                row.product,
                row.station,
                row.operator,
            )
            for row in self._select(query)
        ]

    def passed_before(self, start: datetime, end: datetime) -> list[PassedBefore]:
        """Of the parts with a serial that failed in [start, end): how many each other station had passed before,
        by the first defect type, most parts first."""
        late, early = schema.inspection.alias("late"), schema.inspection.alias("early")
        region = schema.region
        label = sa.func.coalesce(region.c.label, "")
        number = sa.func.count(sa.distinct(late.c.serial))
        query = (
            sa.select(
                early.c.station.label("earlier"),
                late.c.station.label("later"),
                label.label("label"),
                number.label("parts"),
            )
            .select_from(
                late.join(
                    early,
                    sa.and_(
                        early.c.serial == late.c.serial,
                        early.c.serial != "",
                        early.c.captured_at < late.c.captured_at,
                        early.c.station != late.c.station,
                        early.c.verdict == Verdict.PASS.value,
                    ),
                ).outerjoin(region, sa.and_(region.c.inspection == late.c.seq, region.c.position == 0))
            )
            .where(
                late.c.verdict == Verdict.FAIL.value,
                late.c.captured_at >= rows.moment_to_int(start),
                late.c.captured_at < rows.moment_to_int(end),
                late.c.serial != "",
            )
            .group_by(early.c.station, late.c.station, label)
            .order_by(number.desc(), early.c.station, late.c.station, label)
        )
        return [PassedBefore(row.earlier, row.later, row.label, row.parts) for row in self._select(query)]
