"""Alarms after ISA-18.2: states, the shelf, escalation; what happened to each, tickets, notices, and what the rules
learned. An alarm of an older record was over when it was acknowledged."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name, kind, usual in (
        ("rule", sa.Text, ""),
        ("part_id", sa.Text, ""),
        ("priority", sa.Integer, "2"),
        ("lasting", sa.Boolean, "0"),
        ("escalated", sa.Integer, "0"),
        ("shelved_by", sa.Text, ""),
        ("shelved_reason", sa.Text, ""),
    ):
        op.add_column("alarm", sa.Column(name, kind, nullable=False, server_default=usual))
    for name in ("cleared_at", "ended_at", "waiting_since", "shelved_at", "shelved_until"):
        op.add_column("alarm", sa.Column(name, sa.Integer))
    op.execute("UPDATE alarm SET ended_at = acknowledged_at")
    op.create_index("ix_alarm_standing", "alarm", ["last_at"], sqlite_where=sa.text("ended_at IS NULL"))
    _events()
    _tickets()
    _notices()
    op.create_table(
        "baseline",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("mean", sa.Float, nullable=False),
        sa.Column("squares", sa.Float, nullable=False),
        sa.UniqueConstraint("rule", "source", "product", "model", "count", name="uq_baseline"),
    )


def _events() -> None:
    op.create_table(
        "alarm_event",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("alarm", sa.Text, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_index("ix_alarm_event_alarm", "alarm_event", ["alarm"])
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER alarm_event_no_{what.lower()} BEFORE {what} ON alarm_event "
            "BEGIN SELECT RAISE(ABORT, 'what happened to an alarm is never changed'); END"
        )


def _tickets() -> None:
    op.create_table(
        "ticket",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("alarm", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Integer, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("assigned_to", sa.Text, nullable=False),
        sa.Column("closed_at", sa.Integer),
        sa.Column("closed_by", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.UniqueConstraint("alarm", name="uq_ticket_alarm"),
    )
    op.create_index("ix_ticket_open", "ticket", ["opened_at"], sqlite_where=sa.text("closed_at IS NULL"))


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("alarm", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Integer, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("sent_at", sa.Integer),
        sa.UniqueConstraint("id", name="uq_notice_id"),
        sa.CheckConstraint("state in ('waiting', 'sent', 'dead')", name="ck_notice_state"),
    )
    op.create_index("ix_notice_alarm", "notice", ["alarm"])
    op.create_index("ix_notice_waiting", "notice", ["due_at"], sqlite_where=sa.text("state = 'waiting'"))
