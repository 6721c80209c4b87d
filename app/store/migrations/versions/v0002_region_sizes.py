"""Regions keep their area in square millimetres and their severity; both are unknown for what was kept before."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("region", sa.Column("area_mm2", sa.Float))
    op.add_column("region", sa.Column("severity", sa.Float))
