"""The outbox: parcels as rows, committed with what they tell of and taken off once the bucket has their bytes.

Who composes parcels is told by `connect`; without that nothing is written here and nothing costs anything.
"""

from __future__ import annotations

import hashlib
import json
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
from app.domain.parcel import Backlog, Batch, Parcel, ParcelKind, Waiting
from app.domain.records import Review
from app.store import rows, schema
from app.store.outbox_tables import batch, noted, number, outbox

log = logging.getLogger(__name__)

T = TypeVar("T")
_CHUNK = 500


class Composer(Protocol):
    """Makes parcels. It is called within a transaction: quick, and without the store."""

    def inspection(self, row: Inspection) -> Iterable[Parcel]: ...

    def outputs(self, row: Inspection, outputs: str) -> Iterable[Parcel]:
        """`row` is without its regions."""

    def review(self, review: Review, of: Inspection) -> Iterable[Parcel]:
        """`of` is without its regions."""

    def alarms(self, change: AlarmChange) -> Iterable[Parcel]: ...


class _Write(Protocol):
    def __call__(self, work: Callable[[sa.Connection], T], /) -> T: ...


class Outbox:
    """Part of the store; errors and threads as there."""

    def __init__(self, write: _Write, read: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        self._write, self._read = write, read
        self._composer: Composer | None = None
        self.on_added: Callable[[], None] = lambda: None
        """Called when rows may have been added; quick, also before their commit."""

    # -- switching
    def connect(self, composer: Composer | None) -> None:
        """From now on what is recorded is also put here; with None no more. What waits stays."""
        self._composer = composer

    def begin(self) -> bool:
        """Notes from where on rows are put together: from now, unless that was noted before. Whether it is the first
        time since `end`."""
        if self.number("inspections") is not None:
            return False

        def work(connection: sa.Connection) -> bool:
            found = False
            for name, table in (("inspections", schema.inspection), ("reviews", schema.review)):
                newest = connection.execute(sa.select(sa.func.max(table.c.seq))).scalar() or 0
                values = {"name": name, "value": newest}
                found |= connection.execute(insert(number).values(values).on_conflict_do_nothing()).rowcount == 1
            return found

        return self._write(work)

    def end(self) -> None:
        """Forgets from where on: what is recorded from now until `begin` is not put together."""
        if self.number("inspections") is not None:
            names = number.c.name.in_(("inspections", "reviews"))
            self._write(lambda connection: _run(connection, sa.delete(number).where(names)))

    # -- with the record, in its transaction
    def inspection(self, connection: sa.Connection, row: Inspection) -> None:
        self._compose(connection, row.id, lambda composer: composer.inspection(row))

    def outputs(self, connection: sa.Connection, id: str, outputs: str) -> None:
        if self._composer is not None:
            row = _plain(connection, schema.inspection.c.id == id)
            self._compose(connection, id, lambda composer: composer.outputs(row, outputs))

    def review(self, connection: sa.Connection, seq: int, review: Review) -> None:
        if self._composer is not None:
            row = _plain(connection, schema.inspection.c.seq == seq)
            self._compose(connection, row.id, lambda composer: composer.review(review, row))

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
            words = "It could not be put into words, see the log. Send its day again after an update of the program."
            now, name = datetime.now(UTC), f"?/{part or uuid.uuid4().hex}"
            parcels = [Parcel(name, ParcelKind.RECORD, part, now, hashlib.sha256(b"").hexdigest(), 0, trouble=words)]
        _add(connection, parcels)
        self.on_added()

    # -- later than the record
    def add(self, parcels: Sequence[Parcel]) -> int:
        """Puts parcels in; how many were not there yet."""
        made = self._write(lambda connection: _add(connection, parcels)) if parcels else 0
        self.on_added()
        return made

    def note(self, names: Sequence[str], parcels: Sequence[Parcel] = ()) -> None:
        """Remembers that these files were looked at, and puts parcels in, both or neither."""

        def work(connection: sa.Connection) -> None:
            for name in names:
                connection.execute(insert(noted).values(name=rows.text(name)).on_conflict_do_nothing())
            _add(connection, parcels)

        if names or parcels:
            self._write(work)
            self.on_added()

    def noted(self) -> set[str]:
        with self._read() as connection:
            return set(connection.execute(sa.select(noted.c.name)).scalars())

    def number(self, name: str) -> int | None:
        """One of the numbers that are kept here, None where there is none."""
        with self._read() as connection:
            return connection.execute(sa.select(number.c.value).where(number.c.name == name)).scalar()

    # -- putting rows together
    def after(self, seq: int, limit: int) -> list[tuple[int, Inspection]]:
        """(number, inspection) of the first `limit` rows after a number, in the order of their commits."""
        return self._rows(schema.inspection.c.seq > seq, limit)

    def between(self, after: int, to: int) -> list[tuple[int, Inspection]]:
        return self._rows(sa.and_(schema.inspection.c.seq > after, schema.inspection.c.seq <= to), -1)

    def _rows(self, wanted: sa.ColumnElement[bool], limit: int) -> list[tuple[int, Inspection]]:
        query = rows.INSPECTIONS.where(wanted).order_by(schema.inspection.c.seq).limit(limit)
        with self._read() as connection:
            found = connection.execute(query).all()
            regions = rows.regions_of(connection, [row.seq for row in found])
        return [(row.seq, rows.inspection_from(row, regions.get(row.seq, ()))) for row in found]

    def reviews(self, after: int, to: int | None = None, limit: int = -1) -> list[tuple[Review, Inspection]]:
        """Reviews by their numbers, (after, to], with their inspections (without regions), oldest first."""
        table = schema.review
        query = sa.select(table, schema.inspection.c.id).join(schema.inspection).where(table.c.seq > after)
        if to is not None:
            query = query.where(table.c.seq <= to)
        with self._read() as connection:
            said = [
                rows.review_from(row, row.id) for row in connection.execute(query.order_by(table.c.seq).limit(limit))
            ]
            return [(each, _plain(connection, schema.inspection.c.id == each.inspection_id)) for each in said]

    def close_batch(self, made: Batch, parcels: Sequence[Parcel]) -> bool:
        """Keeps a batch and its parcels; False where another process was first."""

        def work(connection: sa.Connection) -> bool:
            known = {row.name: row.value for row in connection.execute(sa.select(number))}
            moved = {"inspections": made.inspections, "reviews": made.reviews}
            if any(known.get(name) != start for name, (start, _) in moved.items()):
                return False
            for name, (_, end) in moved.items():
                connection.execute(sa.update(number).where(number.c.name == name).values(value=end))
            values = {
                "key": made.key,
                "made_at": rows.moment_to_int(made.made_at),
                "place": rows.text(made.place),
                "inspections_after": made.inspections[0],
                "inspections_to": made.inspections[1],
                "reviews_after": made.reviews[0],
                "reviews_to": made.reviews[1],
            }
            connection.execute(insert(batch).values(values).on_conflict_do_nothing())
            _add(connection, parcels)
            return True

        done = self._write(work)
        self.on_added()
        return done

    def batches(self, start: datetime, end: datetime) -> list[Batch]:
        """Those with an inspection captured in [start, end), oldest first."""
        captured = schema.inspection.c.captured_at
        inside = sa.and_(
            captured >= rows.moment_to_int(start),
            captured < rows.moment_to_int(end),
            schema.inspection.c.seq > batch.c.inspections_after,
            schema.inspection.c.seq <= batch.c.inspections_to,
        )
        query = sa.select(batch).where(sa.exists().where(inside)).order_by(batch.c.seq)
        with self._read() as connection:
            return [
                Batch(
                    row.key,
                    rows.int_to_moment(row.made_at),
                    row.place,
                    (row.inspections_after, row.inspections_to),
                    (row.reviews_after, row.reviews_to),
                )
                for row in connection.execute(query)
            ]

    # -- sending
    def waiting(self, limit: int, *, but: Iterable[str] = (), without: Iterable[int] = ()) -> list[Waiting]:
        """What is to be sent next, the one written down first in front.

        Args:
            but: kinds that are left out.
            without: numbers that are left out, and with each all later ones of its part.
        """
        query = sa.select(outbox).where(sa.not_(outbox.c.dead)).order_by(outbox.c.seq).limit(limit)
        left_out = list(but)
        if left_out:
            query = query.where(outbox.c.kind.not_in(left_out))
        held = list(without)
        if held:
            parts = sa.select(outbox.c.part).where(outbox.c.seq.in_(held))
            query = query.where(outbox.c.part.not_in(parts))
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
                statement = insert(number).values(name=name, value=more)
                changed = {"value": number.c.value + more}
                connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))

        self._write(work)

    def refused(self, seq: int, error: str, *, dead: bool) -> None:
        """S3 will not have it: counted, and with `dead` given up."""
        values = {"attempts": outbox.c.attempts + 1, "error": rows.text(error), "dead": dead, "upload": ""}
        self._change(outbox.c.seq == seq, **values)

    def note_upload(self, seq: int, upload: str) -> None:
        """An upload in pieces was begun; "": it is over."""
        self._change(outbox.c.seq == seq, upload=upload)

    def again(self, seqs: Sequence[int] | None = None, *, replace: bool = False) -> int:
        """What was given up (None: all of it) is tried again; how many.

        Args:
            replace: it takes the place of what lies in the bucket under its name.
        """
        wanted = outbox.c.dead.is_(sa.true())
        if seqs is not None:
            wanted = sa.and_(wanted, outbox.c.seq.in_(list(seqs)))
        values: dict[str, Any] = {"dead": False, "attempts": 0} | ({"replace": True} if replace else {})
        count = self._change(wanted, **values)
        self.on_added()
        return count

    def forget(self, seqs: Sequence[int]) -> int:
        """Takes off what was given up and is not wanted any more."""
        wanted = sa.and_(outbox.c.dead.is_(sa.true()), outbox.c.seq.in_(list(seqs)))
        return self._write(lambda connection: connection.execute(sa.delete(outbox).where(wanted)).rowcount)

    def backlog(self) -> Backlog:
        live = sa.select(sa.func.count(), sa.func.sum(outbox.c.size), sa.func.min(outbox.c.made_at))
        with self._read() as connection:
            count, size, oldest = connection.execute(live.where(sa.not_(outbox.c.dead))).one()
            dead = connection.execute(sa.select(sa.func.count()).where(outbox.c.dead.is_(sa.true()))).scalar_one()
            totals = {row.name: row.value for row in connection.execute(sa.select(number))}
        moment = None if oldest is None else rows.int_to_moment(oldest)
        return Backlog(count, size or 0, moment, dead, totals.get("sent", 0), totals.get("sent_bytes", 0))

    # -- inside
    def _change(self, which: sa.ColumnElement[bool], **values: Any) -> int:
        statement = sa.update(outbox).where(which).values(values)
        return self._write(lambda connection: connection.execute(statement).rowcount)

    def _found(self, query: sa.Select[Any]) -> list[Waiting]:
        with self._read() as connection:
            return [_waiting(row) for row in connection.execute(query)]


def _run(connection: sa.Connection, statement: Any) -> None:
    connection.execute(statement)


def _plain(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Inspection:
    return rows.inspection_from(connection.execute(rows.INSPECTIONS.where(which)).one(), ())


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
            "metadata": json.dumps(dict(each.metadata)),
            "attempts": 0,
            "dead": bool(each.trouble),
            "error": rows.text(each.trouble),
            "upload": "",
            "replace": False,
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
        metadata=json.loads(row._mapping["metadata"]),
    )
    return Waiting(row.seq, parcel, row.attempts, bool(row.dead), row.error, row.upload, bool(row.replace))
