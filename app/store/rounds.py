"""Plans, rounds and their answers as rows. Versions of plans, answers and marks of days only grow."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.errors import PlanError, StoreError
from app.domain.person import Action
from app.domain.plan import Answer, DayMark, Plan, PlanCheckpoint, PlanComponent, Round
from app.domain.recurrence import Frequency
from app.store import rows, schema
from app.store.auditing import AuditLog

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


class DayClosed(StoreError):
    """The day of a round takes no more answers."""


class RoundRecords:
    """Any thread; each change is one commit, with its row in the audit log where a person decided something."""

    def __init__(
        self,
        write: Callable[[Callable[[sa.Connection], Any]], Any],
        read: Callable[[], AbstractContextManager[sa.Connection]],
        audit: AuditLog,
    ) -> None:
        self._write, self._read, self._audit = write, read, audit

    # -- plans
    def plans(self) -> list[Plan]:
        """All versions of all plans, in the order they were made."""
        with self._read() as connection:
            found = connection.execute(sa.select(plan).order_by(plan.c.seq)).all()
        return [made for row in found if (made := _plan_from(row)) is not None]

    def add_plans(self, plans: Iterable[Plan], pictures: Iterable[tuple[str, bytes]] = ()) -> None:
        """Adds versions of plans with their reference pictures, (SHA-256, bytes): all or none.

        Raises:
            StoreError: somebody has made the same version meanwhile.
        """
        made, kept = list(plans), list(pictures)

        def work(connection: sa.Connection) -> None:
            for sha256, data in kept:
                connection.execute(
                    insert(plan_picture).on_conflict_do_nothing(index_elements=["sha256"]),
                    {"sha256": sha256, "data": data},
                )
            for each in made:
                if connection.execute(
                    sa.select(plan.c.seq).where(plan.c.id == each.id, plan.c.version == each.version)
                ).first():
                    raise StoreError(f"Somebody has changed the plan {each.name} meanwhile. Open it again.")
                connection.execute(
                    sa.insert(plan).values(
                        id=each.id,
                        version=each.version,
                        content=_content(each),
                        made_at=rows.moment_to_int(each.made_at),
                        made_by=rows.text(each.made_by),
                    )
                )
                told = json.dumps({"version": each.version, "active": each.active})
                self._audit.append(connection, each.made_at, each.made_by, Action.PLAN, each.name, told)

        self._write(work)

    def picture(self, sha256: str) -> bytes | None:
        """A reference picture's bytes."""
        with self._read() as connection:
            data = connection.execute(sa.select(plan_picture.c.data).where(plan_picture.c.sha256 == sha256)).scalar()
        return None if data is None else bytes(data)

    # -- rounds
    def rounds(self, day: date) -> list[Round]:
        """The rounds of a day that were begun or found late, by time."""
        return self._rounds(sa.select(inspection_round).where(inspection_round.c.day == day.isoformat()))

    def round(self, id: str) -> Round | None:
        found = self._rounds(sa.select(inspection_round).where(inspection_round.c.id == id))
        return found[0] if found else None

    def begin(self, made: Round) -> None:
        """Puts a round on record as begun; one that was begun already stays as it is.

        Raises:
            DayClosed: its day was closed.
        """

        def work(connection: sa.Connection) -> None:
            _check_open(connection, made.day)
            _add(connection, made)
            table = inspection_round
            connection.execute(
                sa.update(table)
                .where(table.c.id == made.id, table.c.begun_at.is_(None))
                .values(begun_at=_int(made.begun_at), begun_by=rows.text(made.begun_by))
            )

        self._write(work)

    def note_alarm(self, made: Round, at: datetime) -> bool:
        """Notes that a round was found late; False where that was noted before."""

        def work(connection: sa.Connection) -> bool:
            _add(connection, made)
            table = inspection_round
            change = sa.update(table).where(table.c.id == made.id, table.c.alarmed_at.is_(None))
            return connection.execute(change.values(alarmed_at=rows.moment_to_int(at))).rowcount == 1

        return bool(self._write(work))

    def add_answers(self, made: Round, answers: Iterable[Answer]) -> None:
        """Adds answers to a round, all or none.

        Raises:
            DayClosed: its day was closed meanwhile.
        """
        given = list(answers)

        def work(connection: sa.Connection) -> None:
            _check_open(connection, made.day)
            for each in given:
                connection.execute(sa.insert(round_answer).values(_answer_row(each)))

        self._write(work)

    def answered_pictures(self) -> set[str]:
        """SHA-256 of every picture that answers a component."""
        query = sa.select(round_answer.c.sha256).where(round_answer.c.sha256 != "").distinct()
        with self._read() as connection:
            return {row.sha256 for row in connection.execute(query)}

    # -- days
    def mark(self, day: date) -> DayMark | None:
        """The newest mark of a day."""
        with self._read() as connection:
            return _mark(connection, day)

    def add_mark(self, mark: DayMark, detail: str = "") -> None:
        """Closes a day or opens it again, with a row in the audit log.

        Raises:
            StoreError: it is so already; says since when.
        """

        def work(connection: sa.Connection) -> None:
            before = _mark(connection, mark.day)
            if (before is not None and before.closed) == mark.closed:
                word = "closed already" if mark.closed else "open"
                raise StoreError(f"The day {mark.day} is {word}.")
            connection.execute(
                sa.insert(round_day).values(
                    day=mark.day.isoformat(),
                    closed=mark.closed,
                    at=rows.moment_to_int(mark.at),
                    person=rows.text(mark.person),
                )
            )
            action = Action.ROUND if mark.closed else Action.REOPEN
            words = f"{'closed' if mark.closed else 'opened again'} {detail}".strip()
            self._audit.append(connection, mark.at, mark.person, action, f"day {mark.day}", words)

        self._write(work)

    # -- inside
    def _rounds(self, query: sa.Select[Any]) -> list[Round]:
        with self._read() as connection:
            found = connection.execute(query.order_by(inspection_round.c.due_at, inspection_round.c.seq)).all()
            made = []
            for row in found:
                same = sa.and_(plan.c.id == row.plan, plan.c.version == row.version)
                by = connection.execute(sa.select(plan).where(same)).first()
                of_plan = None if by is None else _plan_from(by)
                if of_plan is None:
                    continue  # a damaged record may have lost the plan, and then nobody knows what was asked
                answers = connection.execute(
                    sa.select(round_answer).where(round_answer.c.round == row.id).order_by(round_answer.c.seq)
                )
                newest = {each.component: _answer_from(each) for each in answers}
                made.append(
                    Round(
                        row.id,
                        of_plan,
                        rows.int_to_moment(row.due_at),
                        date.fromisoformat(row.day),
                        row.planned,
                        _moment(row.begun_at),
                        row.begun_by,
                        tuple(newest.values()),
                        _moment(row.alarmed_at),
                    )
                )
        return made


def _add(connection: sa.Connection, made: Round) -> None:
    connection.execute(
        insert(inspection_round).on_conflict_do_nothing(index_elements=["id"]),
        {
            "id": made.id,
            "plan": made.plan.id,
            "version": made.plan.version,
            "due_at": rows.moment_to_int(made.due_at),
            "day": made.day.isoformat(),
            "planned": made.planned,
            "begun_at": None,
            "begun_by": "",
            "alarmed_at": None,
        },
    )


def _check_open(connection: sa.Connection, day: date) -> None:
    mark = _mark(connection, day)
    if mark is not None and mark.closed:
        by = f" by {mark.person}" if mark.person else ""
        raise DayClosed(f"The day {day} was closed{by} and takes no more answers. Ask a manager to open it again.")


def _mark(connection: sa.Connection, day: date) -> DayMark | None:
    query = sa.select(round_day).where(round_day.c.day == day.isoformat()).order_by(round_day.c.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else DayMark(day, row.closed, rows.int_to_moment(row.at), row.person)


def _content(each: Plan) -> str:
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


def _plan_from(row: sa.Row[Any]) -> Plan | None:
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


def _answer_row(each: Answer) -> dict[str, Any]:
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


def _answer_from(row: sa.Row[Any]) -> Answer:
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


def _int(moment: datetime | None) -> int | None:
    return None if moment is None else rows.moment_to_int(moment)


def _moment(number: int | None) -> datetime | None:
    return None if number is None else rows.int_to_moment(number)
