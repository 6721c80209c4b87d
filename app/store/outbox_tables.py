"""What waits for the bucket, as the queries see it."""

from __future__ import annotations

import sqlalchemy as sa

from app.store.schema import metadata

# A row goes once the bucket has its bytes.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("part", sa.Text, nullable=False),
    sa.Column("made_at", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("dead", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.UniqueConstraint("key", name="uq_outbox_key"),
    sa.Index("ix_outbox_kind", "dead", "kind", "seq"),
    sa.Index("ix_outbox_part", "part"),
)

# "sent", "sent_bytes".
total = sa.Table(
    "outbox_total",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)
