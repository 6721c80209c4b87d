"""Which picture a line of a round's checklist was answered about."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("round_tick", sa.Column("answer", sa.Text, nullable=False, server_default=""))
