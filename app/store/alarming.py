"""Alarms as rows: a cause that repeats brings its row up to date, and nothing goes back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.alarm import Alarm
from app.store import rows, schema

_NEWEST_WINS = ("title", "detail", "inspection_id", "image_path")


def upsert_alarm(connection: sa.Connection, alarm: Alarm) -> None:
    """See `Store.upsert_alarm`; in the transaction of `connection`."""
    table = schema.alarm
    statement = insert(table).values(rows.alarm_row(alarm))
    new = statement.excluded
    newer = new.last_at >= table.c.last_at
    updates: dict[str, sa.ColumnElement[Any]] = {
        name: sa.case((newer, new[name]), else_=table.c[name]) for name in _NEWEST_WINS
    }
    updates |= {
        "raised_at": sa.func.min(table.c.raised_at, new.raised_at),
        "last_at": sa.func.max(table.c.last_at, new.last_at),
        "count": sa.func.max(table.c["count"], new["count"]),
        "acknowledged_at": sa.func.coalesce(table.c.acknowledged_at, new.acknowledged_at),
        "acknowledged_by": sa.case(
            (table.c.acknowledged_at.is_(None), new.acknowledged_by), else_=table.c.acknowledged_by
        ),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=updates))
