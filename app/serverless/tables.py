"""Inspections as Parquet, the way the table for Athena has them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC

import polars as pl

from app.serverless.outbox import Entry, InspectionRow

SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "site": pl.String(),
        "station": pl.String(),
        "part_id": pl.String(),
        "captured_at": pl.Datetime("ms"),
        "judged_at": pl.Datetime("ms"),
        "source": pl.String(),
        "product": pl.String(),
        "verdict": pl.String(),
        "score": pl.Float64(),
        "threshold": pl.Float64(),
        "confidence": pl.Float64(),
        "reason": pl.String(),
        "labels": pl.List(pl.String()),
        "model": pl.String(),
        "model_version": pl.Int32(),
        "milliseconds": pl.Float64(),
    }
)
"""The columns, in the order of the Glue table in installer/aws/template.yaml; times are UTC."""


def to_parquet(entry: Entry, rows: Sequence[InspectionRow]) -> bytes:
    """A Parquet file of these inspections of the entry's station."""
    columns = [
        {
            **row.model_dump(exclude={"day"}),
            "site": entry.site,
            "station": entry.station,
            "captured_at": row.captured_at.astimezone(UTC).replace(tzinfo=None),
            "judged_at": row.judged_at.astimezone(UTC).replace(tzinfo=None),
        }
        for row in rows
    ]
    file = io.BytesIO()
    pl.DataFrame(columns, schema=SCHEMA).write_parquet(file, compression="zstd")
    return file.getvalue()
