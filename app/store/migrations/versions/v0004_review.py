"""Reviews as a queue: why a part was looked at and what was taken back, who is at it now, which label followed,
figures of picture quality, warnings of drift, and what became of proposals to retrain."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("origin", "why", "mask"):
        op.add_column("review", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("review", sa.Column("undoes", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "review_ask",
        _inspection("review_ask"),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
    )
    op.create_table(
        "review_claim",
        _inspection("review_claim"),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
    )
    op.create_table(
        "review_label",
        _inspection("review_label"),
        sa.Column("review", sa.Integer, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("library", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("labelled_at", sa.Integer),
        sa.Column("trouble", sa.Text, nullable=False),
    )
    op.create_table(
        "picture_quality",
        _inspection("picture_quality"),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("sharpness", sa.Float),
        sa.Column("brightness", sa.Float),
        sa.Column("blue", sa.Float),
        sa.Column("red", sa.Float),
    )
    op.create_table(
        "drift_warning",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.Integer, nullable=False),
    )
    op.create_table(
        "retraining",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER retraining_no_{what.lower()} BEFORE {what} ON retraining "
            "BEGIN SELECT RAISE(ABORT, 'what became of a retraining is never changed: add another row'); END"
        )


def _inspection(table: str) -> sa.Column[int]:
    return sa.Column(
        "inspection",
        sa.Integer,
        sa.ForeignKey("inspection.seq", name=f"fk_{table}_inspection"),
        primary_key=True,
        autoincrement=False,
    )
