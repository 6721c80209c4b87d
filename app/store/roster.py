"""The people of a station as rows: names stay, since they stand on what people did."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from app.domain.errors import StoreError
from app.domain.person import Person, Role
from app.store import rows, schema
from app.store.auditing import AuditLog


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a person's PIN and badge are held against, never the PIN or badge itself; "" for none."""

    pin: str
    badge: str


class _Write(Protocol):
    def __call__(self, work: Callable[[sa.Connection], None], /) -> None: ...


class Roster:
    """Adds, changes and lists people; each change is one commit with its row in the audit log."""

    def __init__(
        self, write: _Write, read: Callable[[], AbstractContextManager[sa.Connection]], audit: AuditLog
    ) -> None:
        self._write, self._read, self._audit = write, read, audit

    def all(self) -> list[tuple[Person, Secrets]]:
        """Everybody, also who left, by name."""
        with self._read() as connection:
            found = connection.execute(sa.select(schema.person).order_by(schema.person.c.name)).all()
        return [(_person(row), Secrets(row.pin, row.badge)) for row in found]

    def add(self, person: Person, secrets: Secrets, *, by: str, at: datetime) -> None:
        """Raises StoreError where the name is taken."""
        name = rows.text(person.name)

        def work(connection: sa.Connection) -> None:
            table = schema.person
            if connection.execute(sa.select(table.c.seq).where(table.c.name == name)).first():
                raise StoreError(f"There is somebody called {name} already. Give this person another name.")
            connection.execute(
                sa.insert(table).values(
                    name=name, role=person.role.value, pin=secrets.pin, badge=secrets.badge, active=person.active
                )
            )
            self._audit.append(connection, at, by, "people", name, f'{{"added":"{person.role}"}}')

        self._write(work)

    def change(self, name: str, what: str, *, by: str, at: datetime, **values: Any) -> None:
        """Changes role, pin, badge or active of somebody; `what` in words for the audit log, without secrets.

        Raises:
            StoreError: there is nobody of that name.
        """

        def work(connection: sa.Connection) -> None:
            table = schema.person
            if connection.execute(sa.update(table).where(table.c.name == rows.text(name)).values(values)).rowcount != 1:
                raise StoreError(f"There is nobody called {name} at this station.")
            self._audit.append(connection, at, by, "people", name, f'{{"changed":"{what}"}}')

        self._write(work)


def _person(row: sa.Row[Any]) -> Person:
    return Person(row.name, Role(row.role), row.active, bool(row.pin), bool(row.badge))
