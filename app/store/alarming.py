"""Alarms as rows: a cause that repeats brings its row up to date, and nothing goes back. What people do to an alarm
is committed with its row in the audit log, and notices with the change they tell of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.alarm import Alarm, AlarmChange, AlarmEvent, AlarmQuery, AlarmRow, Ticket
from app.domain.person import Action
from app.store import alarm_tables as tables
from app.store import rows, schema
from app.store.auditing import AuditLog
from app.store.noticing import Notices, add_notices
from app.store.outbox import Outbox

_NEWEST_WINS = ("title", "detail", "inspection_id", "image_path", "part_id")
_AS_IT_STANDS = (
    *("rule", "priority", "lasting", "cleared_at", "waiting_since", "escalated"),
    *("shelved_at", "shelved_until", "shelved_by", "shelved_reason"),
)
_AUDITED = {
    "acknowledged": Action.ACKNOWLEDGE,
    "shelved": Action.SHELVE,
    "unshelved": Action.SHELVE,
    "assigned": Action.TICKET,
    "comment": Action.TICKET,
    "ticket closed": Action.TICKET,
}


_EVERYTHING = AlarmQuery()


class _Write(Protocol):
    def __call__(self, work: Callable[[sa.Connection], None], /) -> None: ...


class AlarmRecords:
    """Writes changes of alarms and answers questions about them; any thread."""

    def __init__(
        self, write: _Write, read: Callable[[], AbstractContextManager[sa.Connection]], audit: AuditLog, outbox: Outbox
    ) -> None:
        self._write, self._read, self._audit, self._outbox = write, read, audit, outbox
        self.notices = Notices(write, read)

    def commit(self, change: AlarmChange) -> None:
        """All of it, or nothing. The count and the newest time never go back; the first time, an acknowledgement and
        an end stay."""
        self._write(lambda connection: self.add(connection, change))

    def add(self, connection: sa.Connection, change: AlarmChange) -> None:
        """The same in the transaction of `connection`."""
        for alarm in change.alarms:
            _upsert(connection, alarm)
        for ticket in change.tickets:
            _upsert_ticket(connection, ticket)
        if change.events:
            connection.execute(sa.insert(tables.alarm_event), [_event_row(event) for event in change.events])
        add_notices(connection, change.notices)
        self._outbox.alarms(connection, change)
        titles = {alarm.id: alarm.title for alarm in change.alarms}
        for event in change.events:
            if event.what in _AUDITED and event.person:
                words = event.words or titles.get(event.alarm_id, "")
                said = words if event.what == "acknowledged" else f"{event.what}: {words}"
                self._audit.append(connection, event.at, event.person, _AUDITED[event.what], event.alarm_id, said)

    def standing(self) -> list[Alarm]:
        """Those that are not over, shelved ones too, newest cause first."""
        return [row.alarm for row in self._rows(sa.select(schema.alarm).where(schema.alarm.c.ended_at.is_(None)))]

    def history(self, query: AlarmQuery = _EVERYTHING, limit: int = 200) -> list[AlarmRow]:
        """The newest alarms that `query` asks for, newest cause first, with their tickets."""
        table = schema.alarm
        wanted = sa.select(table)
        if query.end is not None:
            wanted = wanted.where(table.c.raised_at < rows.moment_to_int(query.end))
        if query.start is not None:
            wanted = wanted.where(table.c.last_at >= rows.moment_to_int(query.start))
        if query.kind:
            wanted = wanted.where(table.c.kind == rows.text(query.kind))
        if query.tickets:
            still = sa.select(tables.ticket.c.alarm).where(tables.ticket.c.closed_at.is_(None))
            wanted = wanted.where(table.c.id.in_(still))
        return self._rows(wanted.limit(limit))

    def alarm(self, id: str) -> AlarmRow | None:
        found = self._rows(sa.select(schema.alarm).where(schema.alarm.c.id == id))
        return found[0] if found else None

    def raised(self, start: datetime, end: datetime) -> list[AlarmRow]:
        """All that were raised in [start, end), for figures."""
        first = schema.alarm.c.raised_at
        period = sa.and_(first >= rows.moment_to_int(start), first < rows.moment_to_int(end))
        return self._rows(sa.select(schema.alarm).where(period))

    def kinds(self) -> list[str]:
        """Kinds that stand in the history, by name."""
        with self._read() as connection:
            return sorted(connection.execute(sa.select(schema.alarm.c.kind).distinct()).scalars())

    def open_tickets(self) -> list[Ticket]:
        with self._read() as connection:
            query = sa.select(tables.ticket).where(tables.ticket.c.closed_at.is_(None)).order_by(tables.ticket.c.seq)
            return [_ticket(row) for row in connection.execute(query)]

    def ticket(self, alarm_id: str) -> Ticket | None:
        with self._read() as connection:
            row = connection.execute(sa.select(tables.ticket).where(tables.ticket.c.alarm == alarm_id)).one_or_none()
        return None if row is None else _ticket(row)

    def events(self, alarm_id: str) -> list[AlarmEvent]:
        """What happened to an alarm, oldest first."""
        table = tables.alarm_event
        with self._read() as connection:
            found = connection.execute(sa.select(table).where(table.c.alarm == alarm_id).order_by(table.c.seq)).all()
        return [AlarmEvent(row.alarm, rows.int_to_moment(row.at), row.person, row.what, row.words) for row in found]

    # -- what the rules learned
    def add_baseline(self, key: tuple[str, str, str, str], count: int, mean: float, squares: float) -> None:
        """Keeps what a drift rule learned: (rule, source, product, model). The first one stays."""
        names = ("rule", "source", "product", "model")
        values: dict[str, Any] = {name: rows.text(each) for name, each in zip(names, key, strict=True)}
        values |= {"count": count, "mean": mean, "squares": squares}
        statement = insert(tables.baseline).values(values).on_conflict_do_nothing()
        self._write(lambda connection: _run(connection, statement))

    def baselines(self) -> list[tuple[tuple[str, str, str, str], int, float, float]]:
        """The newest 1,000."""
        query = sa.select(tables.baseline).order_by(tables.baseline.c.seq.desc()).limit(1000)
        with self._read() as connection:
            return [
                ((row.rule, row.source, row.product, row.model), row._mapping["count"], row.mean, row.squares)
                for row in connection.execute(query)
            ]

    # -- inside
    def _rows(self, query: sa.Select[Any]) -> list[AlarmRow]:
        table = schema.alarm
        ordered = query.order_by(table.c.last_at.desc(), table.c.raised_at.desc(), table.c.id)
        with self._read() as connection:
            alarms = [rows.alarm_from(row) for row in connection.execute(ordered)]
            tickets = _tickets(connection, [alarm.id for alarm in alarms])
        return [AlarmRow(alarm, tickets.get(alarm.id)) for alarm in alarms]


def _run(connection: sa.Connection, statement: Any) -> None:
    connection.execute(statement)


def _upsert(connection: sa.Connection, alarm: Alarm) -> None:
    table = schema.alarm
    statement = insert(table).values(rows.alarm_row(alarm))
    new = statement.excluded
    # Where an alarm asks anew, what was answered and ended before is over; else the first answer by time stays,
    # wherever it was given.
    anew = new.waiting_since > sa.func.coalesce(table.c.waiting_since, table.c.raised_at)
    first = sa.or_(anew, table.c.acknowledged_at.is_(None), new.acknowledged_at < table.c.acknowledged_at)
    newer = new.last_at >= table.c.last_at
    updates: dict[str, sa.ColumnElement[Any]] = {
        name: sa.case((newer, new[name]), else_=table.c[name]) for name in _NEWEST_WINS
    }
    updates |= {name: new[name] for name in _AS_IT_STANDS}
    updates |= {
        "raised_at": sa.func.min(table.c.raised_at, new.raised_at),
        "last_at": sa.func.max(table.c.last_at, new.last_at),
        "count": sa.func.max(table.c["count"], new["count"]),
        "acknowledged_at": sa.case((first, new.acknowledged_at), else_=table.c.acknowledged_at),
        "acknowledged_by": sa.case((first, new.acknowledged_by), else_=table.c.acknowledged_by),
        "ended_at": sa.case((anew, new.ended_at), else_=sa.func.coalesce(table.c.ended_at, new.ended_at)),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=updates))


def _upsert_ticket(connection: sa.Connection, ticket: Ticket) -> None:
    values = {name: value for name, value in asdict(ticket).items() if name not in ("alarm_id", "number")}
    for name in ("opened_at", "closed_at"):
        values[name] = None if values[name] is None else rows.moment_to_int(values[name])
    for name in ("opened_by", "assigned_to", "closed_by", "cause", "action"):
        values[name] = rows.text(values[name])
    statement = insert(tables.ticket).values(alarm=ticket.alarm_id, **values)
    kept = {name: value for name, value in values.items() if not name.startswith("opened")}
    connection.execute(statement.on_conflict_do_update(index_elements=["alarm"], set_=kept))


def _event_row(event: AlarmEvent) -> dict[str, Any]:
    return {
        "alarm": event.alarm_id,
        "at": rows.moment_to_int(event.at),
        "person": rows.text(event.person),
        "what": event.what,
        "words": rows.text(event.words),
    }


def _tickets(connection: sa.Connection, alarm_ids: Sequence[str]) -> dict[str, Ticket]:
    query = sa.select(tables.ticket).where(rows.among(tables.ticket.c.alarm, alarm_ids))
    return {row.alarm: _ticket(row) for row in connection.execute(query)}


def _ticket(row: sa.Row[Any]) -> Ticket:
    closed = None if row.closed_at is None else rows.int_to_moment(row.closed_at)
    return Ticket(
        alarm_id=row.alarm,
        opened_at=rows.int_to_moment(row.opened_at),
        opened_by=row.opened_by,
        assigned_to=row.assigned_to,
        closed_at=closed,
        closed_by=row.closed_by,
        cause=row.cause,
        action=row.action,
        number=row.seq,
    )
