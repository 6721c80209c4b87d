"""The tables of plans, rounds and their answers, and their rows as plain data and back."""

from __future__ import annotations

import json
import logging
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa

from app.domain.errors import PlanError
from app.domain.plan import Answer, Plan, PlanCheckpoint, PlanComponent, Tick, TickState
from app.domain.recurrence import Frequency
from app.store import rows, schema

log = logging.getLogger(__name__)

plan = sa.Table(
    "plan",
    schema.metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("made_at", sa.Integer, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.UniqueConstraint("id", "version", name="uq_plan_version"),
)

# Reference pictures, small enough for a screen: kept here they are in every backup.
plan_picture = sa.Table(
    "plan_picture",
    schema.metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("sha256", name="uq_plan_picture"),
)

inspection_round = sa.Table(
    "inspection_round",
    schema.metadata,
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
    sa.Index("ix_round_day", "day"),
)

round_answer = sa.Table(
    "round_answer",
    schema.metadata,
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
    sa.Index("ix_round_answer_round", "round"),
)

round_tick = sa.Table(
    "round_tick",
    schema.metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("round", sa.Text, nullable=False),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("point", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("id", name="uq_round_tick_id"),
    sa.Index("ix_round_tick_round", "round"),
)

round_day = sa.Table(
    "round_day",
    schema.metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Index("ix_round_day_day", "day"),
)


def content(each: Plan) -> str:
    return json.dumps(
        {
            "name": rows.text(each.name),
            "components": [
                {
                    "key": rows.text(one.key),
                    "name": rows.text(one.name),
                    "model": rows.text(one.model),
                    "checkpoints": [[rows.text(point.name), rows.text(point.of_model)] for point in one.checkpoints],
                    "reference": one.reference,
                }
                for one in each.components
            ],
            "rule": each.frequency.rule,
            "begins": each.frequency.begins.isoformat(),
            "times": [f"{at:%H:%M}" for at in each.frequency.times],
            "responsible": rows.text(each.responsible),
            "grace_minutes": each.grace_minutes,
            "active": each.active,
        },
        ensure_ascii=False,
    )


def plan_from(row: sa.Row[Any]) -> Plan | None:
    """None where the row is damaged: the other plans must go on."""
    try:
        return _plan(row, json.loads(row.content))
    except (ValueError, KeyError, TypeError, PlanError) as error:
        log.error("version %s of the plan %s can't be read: %s", row.version, row.id, error)
        return None


def _plan(row: sa.Row[Any], content: dict[str, Any]) -> Plan:
    components = tuple(
        PlanComponent(
            one["key"],
            one["name"],
            one["model"],
            tuple(PlanCheckpoint(name, of_model) for name, of_model in one["checkpoints"]),
            one["reference"],
        )
        for one in content["components"]
    )
    times = tuple(time.fromisoformat(at) for at in content["times"])
    return Plan(
        id=row.id,
        version=row.version,
        name=content["name"],
        components=components,
        frequency=Frequency(content["rule"], date.fromisoformat(content["begins"]), times),
        made_at=rows.int_to_moment(row.made_at),
        made_by=row.made_by,
        responsible=content["responsible"],
        grace_minutes=content["grace_minutes"],
        active=content["active"],
    )


def answer_row(each: Answer) -> dict[str, Any]:
    return {
        "id": each.id,
        "round": each.round_id,
        "component": rows.text(each.component),
        "taken_at": rows.moment_to_int(each.taken_at),
        "answered_at": rows.moment_to_int(each.answered_at),
        "person": rows.text(each.person),
        "image_path": each.image_path,
        "sha256": each.sha256,
        "source": rows.text(each.source),
        "reason": rows.text(each.reason),
    }


def answer_from(row: sa.Row[Any]) -> Answer:
    return Answer(
        row.id,
        row.round,
        row.component,
        rows.int_to_moment(row.taken_at),
        rows.int_to_moment(row.answered_at),
        row.person,
        row.image_path,
        row.sha256,
        row.source,
        row.reason,
    )


def tick_row(each: Tick) -> dict[str, Any]:
    return {
        "id": each.id,
        "round": each.round_id,
        "component": rows.text(each.component),
        "point": rows.text(each.point),
        "state": each.state.value,
        "person": rows.text(each.person),
        "at": rows.moment_to_int(each.at),
        "reason": rows.text(each.reason),
        "answer": each.answer,
    }


def int_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else rows.moment_to_int(moment)


def moment_or_none(number: int | None) -> datetime | None:
    return None if number is None else rows.int_to_moment(number)


def ticks_of(connection: sa.Connection, round_id: str) -> list[Tick]:
    found = connection.execute(sa.select(round_tick).where(round_tick.c.round == round_id).order_by(round_tick.c.seq))
    return [
        Tick(
            row.id,
            row.round,
            row.component,
            row.point,
            TickState(row.state),
            row.person,
            rows.int_to_moment(row.at),
            row.reason,
            row.answer,
        )
        for row in found
    ]
