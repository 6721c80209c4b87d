"""Inspections with their regions and models, alarms, and the running number of parts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "model",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("backbone", sa.Text, nullable=False),
        sa.UniqueConstraint("name", "version", "sha256", "backbone", name="uq_model"),
    )
    op.create_table(
        "inspection",
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
        sa.UniqueConstraint("id", name="uq_inspection_id"),
        sa.CheckConstraint("verdict in ('PASS', 'FAIL', 'RETEST', 'ERROR')", name="ck_inspection_verdict"),
    )
    op.create_index("ix_inspection_captured", "inspection", ["captured_at", "verdict"])
    op.create_index("ix_inspection_source", "inspection", ["source", "captured_at"])
    # The first verdict is never overwritten: reviews and overrides are rows of their own.
    op.execute(
        "CREATE TRIGGER inspection_keeps_its_verdict BEFORE UPDATE OF id, captured_at, verdict, score, threshold, "
        "retest_from, image_sha256 ON inspection "
        "BEGIN SELECT RAISE(ABORT, 'the verdict of an inspection is never changed'); END"
    )
    op.create_table(
        "region",
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
        sqlite_with_rowid=False,
    )
    op.create_index("ix_region_label", "region", ["label"])
    op.create_table(
        "alarm",
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
    )
    op.create_index("ix_alarm_last", "alarm", ["last_at"])
    op.create_table(
        "counter",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("next", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO counter (name, next) VALUES ('part', 1)")


def downgrade() -> None:
    for table in ("counter", "alarm", "region", "inspection", "model"):
        op.drop_table(table)
