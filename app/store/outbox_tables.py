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
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("dead", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("upload", sa.Text, nullable=False),
    sa.Column("replace", sa.Boolean, nullable=False),
    sa.UniqueConstraint("key", name="uq_outbox_key"),
    sa.Index("ix_outbox_dead", "seq", sqlite_where=sa.text("dead")),
    sa.Index("ix_outbox_part", "part"),
)

# Which rows of the record were put together: sent again, they make the same files.
batch = sa.Table(
    "outbox_batch",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("made_at", sa.Integer, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("inspections_after", sa.Integer, nullable=False),
    sa.Column("inspections_to", sa.Integer, nullable=False),
    sa.Column("reviews_after", sa.Integer, nullable=False),
    sa.Column("reviews_to", sa.Integer, nullable=False),
    sa.UniqueConstraint("key", name="uq_outbox_batch_key"),
    sa.Index("ix_outbox_batch_to", "inspections_to"),
)

# "inspections", "reviews": up to where rows were put together; "sent", "sent_bytes": totals.
number = sa.Table(
    "outbox_number",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)

# Files that were put into the outbox once: reports, snapshots, releases.
noted = sa.Table("outbox_noted", metadata, sa.Column("name", sa.Text, primary_key=True))
