"""The tables as the queries of this room see them.

They are made by the migrations alone (`migrations/versions`); a test compares both.
Moments are whole microseconds since 1970 in UTC: exact, sortable, and quick in an index.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

model = sa.Table(
    "model",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("backbone", sa.Text, nullable=False),
    sa.UniqueConstraint("name", "version", "sha256", "backbone", name="uq_model"),
)

inspection = sa.Table(
    "inspection",
    metadata,
    # Order of commit; rows of one moment are read in this order, and regions refer to it.
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("part_id", sa.Text, nullable=False),
    sa.Column("captured_at", sa.Integer, nullable=False),
    sa.Column("judged_at", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("station", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("frame_id", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("threshold", sa.Float),
    sa.Column("retest_from", sa.Float),
    sa.Column("confidence", sa.Float),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("model", sa.Integer, sa.ForeignKey("model.seq", name="fk_inspection_model")),
    sa.Column("milliseconds", sa.Float),
    sa.Column("image_path", sa.Text, nullable=False),
    sa.Column("image_sha256", sa.Text, nullable=False),
    sa.Column("stored_score", sa.Float),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("serial", sa.Text, nullable=False),
    sa.Column("lot", sa.Text, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("checkpoints", sa.Text, nullable=False),
    sa.Column("wear", sa.Text, nullable=False),
    sa.Column("outputs", sa.Text, nullable=False),
    sa.Column("picture_removed_at", sa.Integer),
    sa.UniqueConstraint("id", name="uq_inspection_id"),
    sa.Index("ix_inspection_captured", "captured_at", "verdict"),
    sa.Index("ix_inspection_source", "source", "captured_at"),
    # For the search, see app/store/searching.py.
    sa.Index("ix_inspection_part", "part_id", "captured_at"),
    sa.Index("ix_inspection_station", "station", "captured_at"),
    sa.Index("ix_inspection_verdict", "verdict", "captured_at", "product", "operator", "station"),
    sa.Index("ix_inspection_product", "product", "captured_at", "verdict", "operator", "station"),
    sa.Index("ix_inspection_serial", "serial", "captured_at", "part_id", sqlite_where=sa.text("serial != ''")),
    sa.Index(
        "ix_inspection_lot",
        "lot",
        "captured_at",
        "verdict",
        "product",
        "operator",
        "station",
        sqlite_where=sa.text("lot != ''"),
    ),
    sa.Index(
        "ix_inspection_operator",
        "operator",
        "captured_at",
        "verdict",
        "product",
        "station",
        sqlite_where=sa.text("operator != ''"),
    ),
)

inspection_view = sa.Table(
    "inspection_view",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("inspection", sa.Integer, sa.ForeignKey("inspection.seq", name="fk_view_inspection"), nullable=False),
    sa.Column("captured_at", sa.Integer, nullable=False),  # the part's
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("part_id", sa.Text, nullable=False),  # as the camera's own source has it
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("threshold", sa.Float),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("regions", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("image_path", sa.Text, nullable=False),
    sa.Column("image_sha256", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("ix_view_inspection", "inspection"),
    sa.Index("ix_view_source", "source", "part_id", "captured_at"),
)

region = sa.Table(
    "region",
    metadata,
    sa.Column(
        "inspection",
        sa.Integer,
        sa.ForeignKey("inspection.seq", name="fk_region_inspection", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("x", sa.Integer, nullable=False),
    sa.Column("y", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("area", sa.Integer, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("outline", sa.Text, nullable=False),
    sa.Column("area_mm2", sa.Float),
    sa.Column("severity", sa.Float),
    # The inspection's own, so that a search by type finds the newest without reading them all.
    sa.Column("captured_at", sa.Integer),
    sa.Index("ix_region_label", "label", "captured_at"),
    sqlite_with_rowid=False,
)

alarm = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("raised_at", sa.Integer, nullable=False),
    sa.Column("last_at", sa.Integer, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("inspection_id", sa.Text, nullable=False),
    sa.Column("image_path", sa.Text, nullable=False),
    sa.Column("acknowledged_at", sa.Integer),
    sa.Column("acknowledged_by", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("part_id", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("lasting", sa.Boolean, nullable=False),
    sa.Column("cleared_at", sa.Integer),
    sa.Column("ended_at", sa.Integer),
    sa.Column("waiting_since", sa.Integer),
    sa.Column("escalated", sa.Integer, nullable=False),
    sa.Column("shelved_at", sa.Integer),
    sa.Column("shelved_until", sa.Integer),
    sa.Column("shelved_by", sa.Text, nullable=False),
    sa.Column("shelved_reason", sa.Text, nullable=False),
    sa.Index("ix_alarm_last", "last_at"),
    # Few alarms stand among the many that are over.
    sa.Index("ix_alarm_standing", "last_at", sqlite_where=sa.text("ended_at IS NULL")),
)

counter = sa.Table(
    "counter",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("next", sa.Integer, nullable=False),
)

# Reviews and the audit log only grow: triggers forbid changing and deleting (migrations/versions/v0003).
review = sa.Table(
    "review",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("inspection", sa.Integer, sa.ForeignKey("inspection.seq", name="fk_review_inspection"), nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("mask", sa.Text, nullable=False),
    sa.Column("undoes", sa.Integer, nullable=False),
    sa.Index("ix_review_inspection", "inspection"),
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("pin", sa.Text, nullable=False),
    sa.Column("badge", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.UniqueConstraint("name", name="uq_person_name"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
)
