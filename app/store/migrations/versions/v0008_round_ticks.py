"""Lines of a round's checklist that people ticked."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "round_tick",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("round", sa.Text, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("point", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="uq_round_tick_id"),
    )
    op.create_index("ix_round_tick_round", "round_tick", ["round"])
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER round_tick_no_{what.lower()} BEFORE {what} ON round_tick "
            "BEGIN SELECT RAISE(ABORT, 'a tick is never changed: give another'); END"
        )
