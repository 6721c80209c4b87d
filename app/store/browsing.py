"""Looking around in the record: which words it holds, how many a search would find, and all that is known of a part."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import sqlalchemy as sa

from app.domain.alarm import Alarm
from app.domain.inspection import Inspection
from app.domain.person import Action
from app.domain.records import AuditEntry, Offered, RecordQuery
from app.store import rows, schema, searching
from app.store.auditing import entry_from

_MOST = 200  # words of a kind that are offered


class Browsing:
    """Reads only; each call is one read transaction."""

    def __init__(self, read: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        self._read = read

    def offered(self) -> Offered:
        """The words that the record holds. Each takes one step along an index, however many rows have it."""
        with self._read() as connection:
            return Offered(
                products=_words(connection, "inspection", "product"),
                labels=_words(connection, "region", "label"),
                operators=_words(connection, "inspection", "operator", "operator != ''"),
                lots=_words(connection, "inspection", "lot", "lot != ''", last_first=True),
            )

    def count(self, query: RecordQuery, most: int) -> int:
        """How many inspections a search finds, counted up to `most`."""
        with self._read() as connection:
            return len(searching.find(connection, query, most, None))

    def of_serial(self, serial: str, limit: int) -> list[str]:
        """Ids of the newest inspections of exactly this serial, newest first."""
        table = schema.inspection
        query = (
            sa.select(table.c.id)
            .where(table.c.serial != "", table.c.serial == rows.text(serial))
            .order_by(table.c.captured_at.desc())
            .limit(limit)
        )
        with self._read() as connection:
            return [str(row.id) for row in connection.execute(query)]

    def alarms_about(self, inspection: Inspection) -> list[Alarm]:
        """Alarms whose newest cause is this part, and those of its source that went on while it passed."""
        table, moment = schema.alarm, rows.moment_to_int(inspection.captured_at)
        during = sa.and_(
            table.c.source == rows.text(inspection.source), table.c.raised_at <= moment, table.c.last_at >= moment
        )
        about = sa.or_(table.c.inspection_id == inspection.id, during)
        query = sa.select(table).where(about).order_by(table.c.raised_at)
        with self._read() as connection:
            return [rows.alarm_from(row) for row in connection.execute(query)]

    def audit_about(self, subjects: list[str]) -> list[AuditEntry]:
        """Rows of the audit log whose subject is one of these, oldest first."""
        table = schema.audit
        query = sa.select(table).where(rows.among(table.c.subject, subjects)).order_by(table.c.seq)
        with self._read() as connection:
            return [entry_from(row) for row in connection.execute(query)]

    def newest_audit(self, action: str, subject: str = "") -> AuditEntry | None:
        """The newest row of the audit log about an action, and about a subject where one is given."""
        table = schema.audit
        query = sa.select(table).where(table.c.action == action).order_by(table.c.seq.desc()).limit(1)
        if subject:
            query = query.where(table.c.subject == rows.text(subject))
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        return entry_from(row) if row is not None else None

    def removal_of(self, inspection: Inspection) -> AuditEntry | None:
        """The row of the audit log of the clearing that took this part's picture away: a clearing is noted when it
        ends, so it is the first one after the removal."""
        if inspection.picture_removed_at is None:
            return None
        table = schema.audit
        query = (
            sa.select(table)
            .where(table.c.action == Action.RETENTION, table.c.at >= rows.moment_to_int(inspection.picture_removed_at))
            .order_by(table.c.seq)
        )
        with self._read() as connection:
            for row in connection.execute(query):
                if "pictures" in _told(row.detail):
                    return entry_from(row)
        return None


def _told(detail: str) -> dict[str, object]:
    try:
        found = json.loads(detail)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(
    connection: sa.Connection, table: str, column: str, only: str = "", *, last_first: bool = False
) -> tuple[str, ...]:
    """A loose index scan: the smallest word, then the smallest that is larger, and so on, each by one look-up.

    `last_first`: from the largest down, for words that are counted on: of many, the newest are offered.
    """
    condition = f" AND {only}" if only else ""
    pick, beyond = ("max", "<") if last_first else ("min", ">")
    statement = sa.text(
        f"WITH RECURSIVE found(word) AS ("
        f"SELECT (SELECT {pick}({column}) FROM {table} WHERE {column} > ''{condition}) "
        f"UNION ALL SELECT (SELECT {pick}({column}) FROM {table} WHERE {column} {beyond} found.word{condition} "
        f"AND {column} > '') "
        f"FROM found WHERE found.word IS NOT NULL) "
        f"SELECT word FROM found WHERE word IS NOT NULL LIMIT {_MOST:d}"
    )
    return tuple(str(row[0]) for row in connection.execute(statement))
