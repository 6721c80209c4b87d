"""Lots of raw parts and the decisions on them. What was kept before has no lot, and stays so."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "lot",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("material", sa.Text, nullable=False),
        sa.Column("supplier", sa.Text, nullable=False),
        sa.Column("standard", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("ordered", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Integer, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("station", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="uq_lot_id"),
    )
    op.create_index("ix_lot_supplier", "lot", ["supplier", "material"])
    op.create_table(
        "lot_decision",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("lot", sa.Integer, sa.ForeignKey("lot.seq", name="fk_lot_decision_lot"), nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("choice", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("inspection_id", sa.Text, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("places", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint(
            "choice in ('approve', 'reject', 'rework', 'concession', 'undo')", name="ck_lot_decision_choice"
        ),
    )
    op.create_index("ix_lot_decision_lot", "lot_decision", ["lot"])
    for table, words in (
        ("lot", "a lot stays as it was opened"),
        ("lot_decision", "a decision is never changed: add another"),
    ):
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )
