"""What each camera saw of a part that several look at."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "inspection_view",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("inspection", sa.Integer, sa.ForeignKey("inspection.seq", name="fk_view_inspection"), nullable=False),
        sa.Column("captured_at", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "source", "part_id", "verdict")),
        sa.Column("score", sa.Float),
        sa.Column("threshold", sa.Float),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("reason", "regions", "model", "image_path", "image_sha256")
        ),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("ix_view_inspection", "inspection_view", ["inspection"])
    op.create_index("ix_view_source", "inspection_view", ["source", "part_id", "captured_at"])
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER view_no_{what.lower()} BEFORE {what} ON inspection_view "
            "BEGIN SELECT RAISE(ABORT, 'what a camera saw of a part is never changed'); END"
        )
