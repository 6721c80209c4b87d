"""What belongs to alarms beside their own rows: what happened to them, tickets, notices, what the rules learned."""

from __future__ import annotations

import sqlalchemy as sa

from app.store.schema import metadata

# Only grows: triggers forbid changing and deleting.
alarm_event = sa.Table(
    "alarm_event",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("alarm", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Index("ix_alarm_event_alarm", "alarm"),
)

ticket = sa.Table(
    "ticket",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("alarm", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Integer, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("assigned_to", sa.Text, nullable=False),
    sa.Column("closed_at", sa.Integer),
    sa.Column("closed_by", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.UniqueConstraint("alarm", name="uq_ticket_alarm"),
    sa.Index("ix_ticket_open", "opened_at", sqlite_where=sa.text("closed_at IS NULL")),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("alarm", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("due_at", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("sent_at", sa.Integer),
    sa.UniqueConstraint("id", name="uq_notice_id"),
    sa.Index("ix_notice_alarm", "alarm"),
    sa.Index("ix_notice_waiting", "due_at", sqlite_where=sa.text("state = 'waiting'")),
)

baseline = sa.Table(
    "baseline",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("mean", sa.Float, nullable=False),
    sa.Column("squares", sa.Float, nullable=False),
    sa.UniqueConstraint("rule", "source", "product", "model", "count", name="uq_baseline"),
)
