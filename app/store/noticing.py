"""Notices as rows: written with the change they tell of, sent later, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from app.domain.notice import RECEIVED, Notice, NoticeState
from app.store import rows
from app.store.alarm_tables import notice as table


class _Write(Protocol):
    def __call__(self, work: Callable[[sa.Connection], None], /) -> None: ...


class Notices:
    """What waits, what was sent, and what was given up; any thread."""

    def __init__(self, write: _Write, read: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        self._write, self._read = write, read

    def due(self, now: datetime, limit: int = 50) -> list[Notice]:
        """Those to be sent now, the one that waits longest first."""
        query = sa.select(table).where(_WAITING, table.c.due_at <= rows.moment_to_int(now))
        return self._found(query.order_by(table.c.due_at, table.c.seq).limit(limit))

    def next_due(self) -> datetime | None:
        """When the next one is to be sent, None for none."""
        with self._read() as connection:
            found = connection.execute(sa.select(sa.func.min(table.c.due_at)).where(_WAITING)).scalar()
        return None if found is None else rows.int_to_moment(found)

    def waiting(self) -> list[tuple[str, int, datetime]]:
        """(recipient, how many of its notices wait, since when the oldest)."""
        told, oldest = table.c.recipient, sa.func.min(table.c.created_at)
        query = sa.select(told, sa.func.count(), oldest).where(_WAITING).group_by(told).order_by(told)
        with self._read() as connection:
            return [(who, count, rows.int_to_moment(at)) for who, count, at in connection.execute(query)]

    def recent(self, limit: int = 100) -> list[Notice]:
        """The newest that were to be sent, newest first."""
        ours = table.c.reason != RECEIVED
        return self._found(sa.select(table).where(ours).order_by(table.c.seq.desc()).limit(limit))

    def known(self, id: str) -> bool:
        """Whether a notice of this id is on record, sent or received."""
        with self._read() as connection:
            return connection.execute(sa.select(table.c.seq).where(table.c.id == id)).first() is not None

    def dead(self) -> list[Notice]:
        """Those given up, newest first, at most 1,000."""
        dead = table.c.state == NoticeState.DEAD.value
        return self._found(sa.select(table).where(dead).order_by(table.c.seq.desc()).limit(1000))

    def sent(self, id: str, at: datetime) -> None:
        """The receiver has it."""
        self._change(
            table.c.id == id,
            state=NoticeState.SENT.value,
            sent_at=rows.moment_to_int(at),
            attempts=table.c.attempts + 1,
            error="",
        )

    def failed(self, id: str, error: str, due_at: datetime, *, dead: bool = False) -> None:
        """It could not be sent: tried again at `due_at`, or given up."""
        state = NoticeState.DEAD if dead else NoticeState.WAITING
        self._change(
            table.c.id == id,
            state=state.value,
            error=rows.text(error),
            due_at=rows.moment_to_int(due_at),
            attempts=table.c.attempts + 1,
        )

    def put_off(self, recipient: str, until: datetime) -> None:
        """All that wait for one recipient wait at least until then."""
        until_int = rows.moment_to_int(until)
        mine = sa.and_(table.c.recipient == recipient, _WAITING, table.c.due_at < until_int)
        self._change(mine, due_at=until_int)

    def again(self, id: str, at: datetime) -> None:
        """One that was given up is tried again from now on."""
        given_up = sa.and_(table.c.id == id, table.c.state == NoticeState.DEAD.value)
        now = rows.moment_to_int(at)
        # Its age counts from now: else it would be given up again at the first failure.
        self._change(given_up, state=NoticeState.WAITING.value, due_at=now, created_at=now, attempts=0)

    def _change(self, which: sa.ColumnElement[bool], **values: Any) -> None:
        statement = sa.update(table).where(which).values(values)

        def work(connection: sa.Connection) -> None:
            connection.execute(statement)

        self._write(work)

    def _found(self, query: sa.Select[Any]) -> list[Notice]:
        with self._read() as connection:
            return [_notice(row) for row in connection.execute(query)]


_WAITING = table.c.state == sa.literal_column("'waiting'")  # literal, so that the partial index is used


def add_notices(connection: sa.Connection, notices: Sequence[Notice]) -> None:
    """In the transaction of `connection`."""
    if notices:
        connection.execute(sa.insert(table), [_row(each) for each in notices])


def _row(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "alarm": notice.alarm_id,
        "recipient": notice.recipient,
        "reason": notice.reason,
        "created_at": rows.moment_to_int(notice.created_at),
        "due_at": rows.moment_to_int(notice.due_at),
        "step": notice.step,
        "attempts": notice.attempts,
        "state": notice.state.value,
        "error": rows.text(notice.error),
        "sent_at": None if notice.sent_at is None else rows.moment_to_int(notice.sent_at),
    }


def _notice(row: sa.Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        alarm_id=row.alarm,
        recipient=row.recipient,
        reason=row.reason,
        created_at=rows.int_to_moment(row.created_at),
        due_at=rows.int_to_moment(row.due_at),
        step=row.step,
        attempts=row.attempts,
        state=NoticeState(row.state),
        error=row.error,
        sent_at=None if row.sent_at is None else rows.int_to_moment(row.sent_at),
    )
