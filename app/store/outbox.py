"""The outbox: parcels as rows, committed with what they tell of and taken off once the bucket has their bytes.

Who composes parcels is told by `connect`; without that nothing is written here and nothing costs anything.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.alarm import AlarmChange
from app.domain.inspection import Inspection
from app.domain.parcel import LINES, Backlog, Parcel, ParcelKind, Waiting
from app.domain.records import Review
from app.store import rows, schema
from app.store.outbox_tables import outbox, total

log = logging.getLogger(__name__)

T = TypeVar("T")
_OBJECTS = [kind.value for kind in ParcelKind if kind not in LINES]


class Composer(Protocol):
    """Makes parcels. It is called within a transaction: quick, and without the store."""

    def inspection(self, row: Inspection) -> Iterable[Parcel]: ...

    def review(self, review: Review, of: Inspection) -> Iterable[Parcel]:
        """`review` has its number, `of` is without its regions."""

    def alarms(self, change: AlarmChange) -> Iterable[Parcel]: ...


class _Write(Protocol):
    def __call__(self, work: Callable[[sa.Connection], T], /) -> T: ...


class Outbox:
    """Part of the store; errors and threads as there."""

    def __init__(self, write: _Write, read: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        self._write, self._read = write, read
        self._composer: Composer | None = None

    def connect(self, composer: Composer | None) -> None:
        """From now on what is recorded is also put here; with None no more. What waits stays."""
        self._composer = composer

    # -- with the record, in its transaction
    def inspection(self, connection: sa.Connection, row: Inspection) -> None:
        self._compose(connection, row.id, lambda composer: composer.inspection(row))

    def review(self, connection: sa.Connection, seq: int, review: Review) -> None:
        """`seq` is the inspection's."""
        if self._composer is not None:
            found = connection.execute(rows.INSPECTIONS.where(schema.inspection.c.seq == seq)).one()
            of = rows.inspection_from(found, ())
            self._compose(connection, of.id, lambda composer: composer.review(review, of))

    def alarms(self, connection: sa.Connection, change: AlarmChange) -> None:
        self._compose(connection, "", lambda composer: composer.alarms(change))

    def _compose(self, connection: sa.Connection, part: str, make: Callable[[Composer], Iterable[Parcel]]) -> None:
        composer = self._composer
        if composer is None:
            return
        try:
            parcels = list(make(composer))
        except Exception:  # sending must never stop the record
            log.exception("a parcel of %s could not be composed", part or "an alarm")
            words = "It could not be put together, see the log. The record itself is whole."
            key = f"?/{part or 'alarm'}/{uuid.uuid4().hex}"
            parcels = [Parcel.of(key, ParcelKind.ENTRY, part, datetime.now(UTC), b"", trouble=words)]
        _add(connection, parcels)

    # -- later than the record
    def add(self, parcels: Sequence[Parcel]) -> int:
        """Puts parcels in; how many were not there yet."""
        return self._write(lambda connection: _add(connection, parcels)) if parcels else 0

    # -- putting lines together
    def lines(self, kind: ParcelKind, limit: int) -> list[Waiting]:
        """The first lines of a kind, in the order of their commits."""
        return self._found(_OF.where(outbox.c.kind == kind.value).order_by(outbox.c.seq).limit(limit))

    def exchange(self, lines: Sequence[Waiting], parcels: Sequence[Parcel]) -> bool:
        """Puts parcels in place of the lines they are made of, in one commit; False where another was first."""
        seqs = [each.seq for each in lines]

        def work(connection: sa.Connection) -> bool:
            these = rows.among(outbox.c.seq, seqs)
            there = sa.select(sa.func.count()).where(these, outbox.c.kind.in_(list(LINES)))
            if connection.execute(there).scalar_one() != len(seqs):
                return False
            connection.execute(sa.delete(outbox).where(these))
            _add(connection, parcels)
            return True

        return self._write(work)

    # -- sending
    def waiting(self, limit: int, *, without: Iterable[int] = ()) -> list[Waiting]:
        """What is to be sent next, the one written down first in front; no lines.

        Args:
            without: numbers that are left out, and with each all of its part; what is of no part waits for nothing.
        """
        query = _OF.where(outbox.c.kind.in_(_OBJECTS)).order_by(outbox.c.seq).limit(limit)
        held = list(without)
        if held:
            of_a_part = sa.select(outbox.c.part).where(rows.among(outbox.c.seq, held), outbox.c.part != "")
            query = query.where(sa.not_(rows.among(outbox.c.seq, held)), outbox.c.part.not_in(of_a_part))
        return self._found(query)

    def dead(self, limit: int = 1000) -> list[Waiting]:
        """What was given up, newest first."""
        dead = outbox.c.dead.is_(sa.true())
        return self._found(sa.select(outbox).where(dead).order_by(outbox.c.seq.desc()).limit(limit))

    def sent(self, done: Sequence[Waiting]) -> None:
        """The bucket has these: they are taken off, and counted."""
        if not done:
            return

        def work(connection: sa.Connection) -> None:
            count = size = 0
            for each in done:
                gone = sa.delete(outbox).where(outbox.c.seq == each.seq, outbox.c.key == each.parcel.key)
                if connection.execute(gone).rowcount:  # else another process has told of it
                    count, size = count + 1, size + each.parcel.size
            for name, more in (("sent", count), ("sent_bytes", size)):
                statement = insert(total).values(name=name, value=more)
                changed = {"value": total.c.value + more}
                connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))

        self._write(work)

    def refused(self, seq: int, error: str, *, dead: bool) -> None:
        """S3 will not have it: counted, and with `dead` given up."""
        self._change(outbox.c.seq == seq, attempts=outbox.c.attempts + 1, error=rows.text(error), dead=dead)

    def again(self) -> int:
        """What was given up is tried again; how many."""
        can_be = sa.and_(outbox.c.dead.is_(sa.true()), sa.or_(outbox.c.file != "", outbox.c.size > 0))
        return self._change(can_be, dead=False, attempts=0)

    def backlog(self) -> Backlog:
        live = sa.select(sa.func.count(), sa.func.sum(outbox.c.size), sa.func.min(outbox.c.made_at))
        with self._read() as connection:
            count, size, oldest = connection.execute(live.where(outbox.c.dead.is_(sa.false()))).one()
            dead = connection.execute(sa.select(sa.func.count()).where(outbox.c.dead.is_(sa.true()))).scalar_one()
            totals = {row.name: row.value for row in connection.execute(sa.select(total))}
        moment = None if oldest is None else rows.int_to_moment(oldest)
        return Backlog(count, size or 0, moment, dead, totals.get("sent", 0), totals.get("sent_bytes", 0))

    # -- inside
    def _change(self, which: sa.ColumnElement[bool], **values: Any) -> int:
        statement = sa.update(outbox).where(which).values(values)
        return self._write(lambda connection: connection.execute(statement).rowcount)

    def _found(self, query: sa.Select[Any]) -> list[Waiting]:
        with self._read() as connection:
            return [_waiting(row) for row in connection.execute(query)]


_OF = sa.select(outbox).where(outbox.c.dead.is_(sa.false()))


def _add(connection: sa.Connection, parcels: Iterable[Parcel]) -> int:
    """One that waits already stays as it is: what has the same name has the same bytes."""
    made = 0
    for each in parcels:
        values = {
            "key": rows.text(each.key),
            "kind": each.kind.value,
            "part": rows.text(each.part),
            "made_at": rows.moment_to_int(each.made_at),
            "body": each.body,
            "file": rows.text(each.file),
            "sha256": each.sha256,
            "size": each.size,
            "content_type": each.content_type,
            "attempts": 0,
            "dead": bool(each.trouble),
            "error": rows.text(each.trouble),
        }
        statement = insert(outbox).values(values).on_conflict_do_nothing(index_elements=["key"])
        made += connection.execute(statement).rowcount
    return made


def _waiting(row: sa.Row[Any]) -> Waiting:
    parcel = Parcel(
        key=row.key,
        kind=ParcelKind(row.kind),
        part=row.part,
        made_at=rows.int_to_moment(row.made_at),
        sha256=row.sha256,
        size=row.size,
        body=row.body,
        file=row.file,
        content_type=row.content_type,
    )
    return Waiting(row.seq, parcel, row.attempts, bool(row.dead), row.error)
