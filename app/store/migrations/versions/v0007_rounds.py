"""Inspection plans in versions, their reference pictures, rounds with their answers, and days that were closed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "plan",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("made_at", sa.Integer, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.UniqueConstraint("id", "version", name="uq_plan_version"),
    )
    op.create_table(
        "plan_picture",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("sha256", name="uq_plan_picture"),
    )
    op.create_table(
        "inspection_round",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Integer, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("planned", sa.Boolean, nullable=False),
        sa.Column("begun_at", sa.Integer),
        sa.Column("begun_by", sa.Text, nullable=False),
        sa.Column("alarmed_at", sa.Integer),
        sa.UniqueConstraint("id", name="uq_round_id"),
    )
    op.create_index("ix_round_day", "inspection_round", ["day"])
    op.create_table(
        "round_answer",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("round", sa.Text, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("taken_at", sa.Integer, nullable=False),
        sa.Column("answered_at", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("image_path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="uq_round_answer_id"),
    )
    op.create_index("ix_round_answer_round", "round_answer", ["round"])
    op.create_table(
        "round_day",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
    )
    op.create_index("ix_round_day_day", "round_day", ["day"])
    _only_grows("plan", "a version of a plan is never changed: make another")
    _only_grows("round_answer", "an answer is never changed: give another")
    _only_grows("round_day", "the marks of a day only grow")


def _only_grows(table: str, words: str) -> None:
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
