"""What answers "why was this part passed": serial, lot, recipe, operator, camera, checkpoints, wear, outputs; reviews,
people and the audit log; indexes for the search. What was kept before has none of it, and says so by being empty."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("serial", "lot", "recipe", "operator", "camera", "checkpoints", "wear", "outputs"):
        op.add_column("inspection", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("inspection", sa.Column("picture_removed_at", sa.Integer))
    op.execute("DROP TRIGGER inspection_keeps_its_verdict")
    # Outputs follow the commit, and retention takes pictures away: these two alone are written later.
    op.execute(
        "CREATE TRIGGER inspection_keeps_its_verdict BEFORE UPDATE OF id, part_id, captured_at, judged_at, source, "
        "station, product, verdict, score, threshold, retest_from, confidence, reason, model, image_path, "
        "image_sha256, error, serial, lot, recipe, operator, camera, checkpoints, wear ON inspection "
        "BEGIN SELECT RAISE(ABORT, 'the verdict of an inspection is never changed'); END"
    )
    op.execute(
        "CREATE TRIGGER inspection_stays BEFORE DELETE ON inspection "
        "BEGIN SELECT RAISE(ABORT, 'a row of the record is never deleted'); END"
    )
    _indexes()
    _reviews()
    _people()
    _audit()


def _indexes() -> None:
    op.add_column("region", sa.Column("captured_at", sa.Integer))
    op.execute("UPDATE region SET captured_at = (SELECT captured_at FROM inspection WHERE seq = region.inspection)")
    op.drop_index("ix_region_label", "region")
    op.create_index("ix_region_label", "region", ["label", "captured_at"])
    # What follows the moment lets a search with several conditions pass over rows without reading them.
    rest = ["verdict", "product", "operator", "station"]
    op.create_index("ix_inspection_part", "inspection", ["part_id", "captured_at"])
    op.create_index("ix_inspection_station", "inspection", ["station", "captured_at"])
    for name in ("verdict", "product"):
        others = [other for other in rest if other != name]
        op.create_index(f"ix_inspection_{name}", "inspection", [name, "captured_at", *others])
    for name, others in (
        ("serial", ["part_id"]),
        ("lot", rest),
        ("operator", [other for other in rest if other != "operator"]),
    ):
        # Most stations have no serials or lots: an index of empty words would be paid for nothing.
        op.create_index(
            f"ix_inspection_{name}", "inspection", [name, "captured_at", *others], sqlite_where=sa.text(f"{name} != ''")
        )


def _reviews() -> None:
    op.create_table(
        "review",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column(
            "inspection", sa.Integer, sa.ForeignKey("inspection.seq", name="fk_review_inspection"), nullable=False
        ),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.CheckConstraint("verdict in ('PASS', 'FAIL', 'RETEST')", name="ck_review_verdict"),
    )
    op.create_index("ix_review_inspection", "review", ["inspection"])
    _only_grows("review", "a review is never changed: add another")


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("pin", sa.Text, nullable=False),
        sa.Column("badge", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.UniqueConstraint("name", name="uq_person_name"),
        sa.CheckConstraint("role in ('operator', 'inspector', 'manager', 'engineer')", name="ck_person_role"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
    )
    _only_grows("audit", "the audit log only grows")


def _only_grows(table: str, words: str) -> None:
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
