"""Plans, rounds and their answers as rows. Versions of plans, answers and marks of days only grow."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.errors import StoreError
from app.domain.person import Action
from app.domain.plan import Answer, DayMark, Plan, Round, Tick
from app.store import rows, schema
from app.store.auditing import AuditLog
from app.store.round_tables import (
    answer_from,
    answer_row,
    content,
    inspection_round,
    int_or_none,
    moment_or_none,
    plan,
    plan_from,
    plan_picture,
    round_answer,
    round_day,
    round_tick,
    tick_row,
    ticks_of,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoundPicture:
    """A picture that answers a component and is no inspection's. `closed`: whether its day was."""

    id: str
    taken_at: datetime
    path: str
    closed: bool


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
        return [made for row in found if (made := plan_from(row)) is not None]

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
                        content=content(each),
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
                .values(begun_at=int_or_none(made.begun_at), begun_by=rows.text(made.begun_by))
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
                connection.execute(sa.insert(round_answer).values(answer_row(each)))

        self._write(work)

    def add_tick(self, made: Round, tick: Tick, by: str, before: str) -> None:
        """Adds what a person says of a line, with a row in the audit log.

        Args:
            by: who stands in the audit log.
            before: what stood there until now, in words; "" for nothing.

        Raises:
            DayClosed: its day was closed meanwhile.
        """
        told = {"component": tick.component, "line": tick.point, "said": tick.state.value, "reason": tick.reason}
        detail = json.dumps(told | ({"before": before} if before else {}), ensure_ascii=False)
        subject = f"{made.plan.name} {rows.int_to_moment(rows.moment_to_int(made.due_at)):%Y-%m-%d %H:%M} UTC"

        def work(connection: sa.Connection) -> None:
            _check_open(connection, made.day)
            connection.execute(sa.insert(round_tick).values(tick_row(tick)))
            self._audit.append(connection, tick.at, by, Action.ROUND, subject, detail)

        self._write(work)

    def ticks(self, round_id: str) -> list[Tick]:
        """All that was said of a round's lines, oldest first, also what was said otherwise later."""
        with self._read() as connection:
            return ticks_of(connection, round_id)

    def between(self, start: datetime, end: datetime) -> list[Round]:
        """The rounds on record that were due in [start, end), by time."""
        due = inspection_round.c.due_at
        return self._rounds(
            sa.select(inspection_round).where(due >= rows.moment_to_int(start), due < rows.moment_to_int(end))
        )

    def answered_pictures(self) -> set[str]:
        """SHA-256 of every picture that answers a component."""
        query = sa.select(round_answer.c.sha256).where(round_answer.c.sha256 != "").distinct()
        with self._read() as connection:
            return {row.sha256 for row in connection.execute(query)}

    def superseded_pictures(self) -> list[tuple[str, str]]:
        """(path, that of the inspection or "") of pictures that answer nothing any more: another answer has come
        before they were judged, or their inspection has a picture of its own. What an inspection or another answer
        names is not among them."""
        old, newer, part = round_answer, round_answer.alias("newer"), schema.inspection
        same = sa.and_(newer.c.round == old.c.round, newer.c.component == old.c.component, newer.c.seq > old.c.seq)
        replaced = sa.and_(part.c.seq.is_(None), sa.exists().where(same))
        doubled = sa.and_(part.c.image_path != "", part.c.picture_removed_at.is_(None))
        query = (
            sa.select(old.c.image_path, sa.func.coalesce(part.c.image_path, "").label("own"))
            .select_from(old.outerjoin(part, part.c.id == old.c.id))
            .where(old.c.image_path != "", sa.or_(replaced, doubled))
        )
        other, row = part.alias("other"), round_answer.alias("row")
        query = query.where(
            ~sa.exists().where(other.c.image_path == old.c.image_path),
            ~sa.exists().where(row.c.image_path == old.c.image_path, row.c.seq != old.c.seq),
        )
        with self._read() as connection:
            return [(each.image_path, each.own) for each in connection.execute(query)]

    def named_pictures(self) -> set[str]:
        """Paths of all pictures that an answer names."""
        with self._read() as connection:
            query = sa.select(round_answer.c.image_path).where(round_answer.c.image_path != "")
            return {each.image_path for each in connection.execute(query)}

    def unjudged_pictures(self) -> list[RoundPicture]:
        """The pictures of answers that count and that no inspection has one of, oldest first."""
        part, made, other = schema.inspection, inspection_round, round_answer.alias("newer")
        newest = sa.select(sa.func.max(other.c.seq)).group_by(other.c.round, other.c.component)
        query = (
            sa.select(round_answer.c.id, round_answer.c.taken_at, round_answer.c.image_path, made.c.day)
            .select_from(
                round_answer.join(made, made.c.id == round_answer.c.round).outerjoin(
                    part, part.c.id == round_answer.c.id
                )
            )
            .where(round_answer.c.image_path != "", round_answer.c.seq.in_(newest))
            .where(sa.or_(part.c.seq.is_(None), part.c.image_path == ""))
            .order_by(round_answer.c.taken_at, round_answer.c.seq)
        )
        marks = sa.select(round_day.c.day, round_day.c.closed).order_by(round_day.c.seq)
        with self._read() as connection:
            closed = {each.day: each.closed for each in connection.execute(marks)}
            found = connection.execute(query).all()
        return [
            RoundPicture(row.id, rows.int_to_moment(row.taken_at), row.image_path, bool(closed.get(row.day)))
            for row in found
        ]

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
                of_plan = None if by is None else plan_from(by)
                if of_plan is None:
                    continue  # a damaged record may have lost the plan, and then nobody knows what was asked
                answers = connection.execute(
                    sa.select(round_answer).where(round_answer.c.round == row.id).order_by(round_answer.c.seq)
                )
                newest = {each.component: answer_from(each) for each in answers}
                ticks = {(each.component, each.point): each for each in ticks_of(connection, row.id)}
                made.append(
                    Round(
                        row.id,
                        of_plan,
                        rows.int_to_moment(row.due_at),
                        date.fromisoformat(row.day),
                        row.planned,
                        moment_or_none(row.begun_at),
                        row.begun_by,
                        tuple(newest.values()),
                        moment_or_none(row.alarmed_at),
                        tuple(ticks.values()),
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
