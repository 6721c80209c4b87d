"""The audit log: rows that only grow, each with the hash of the row before, and a file that remembers the newest.

Changing, removing or inserting a row breaks the chain from there on. Cutting rows off the end leaves a chain that
fits, so the newest row's number and hash also stand in a head file beside the database, written after each commit.
A crash between the two leaves the head a row behind, which is no damage; a head that is ahead of the rows is.
Whoever may write both files and knows how could forge both: the log shows tampering, it does not prevent it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from app.domain.errors import StoreError
from app.domain.records import AuditCheck, AuditEntry, AuditHole
from app.store import rows, schema
from app.store.database import words_for
from app.store.room import sync_folder

log = logging.getLogger(__name__)

FIRST = "0" * 64
"""What stands for the row before the first."""

RECOVERY = "recovery"
"""The action of the row that tells of a recovery."""


class AuditLog:
    """Appends within a transaction of the store, and keeps the head."""

    def __init__(self, database: Path) -> None:
        self.head = head_file(database)
        self._newest: tuple[int, str] | None = None

    def append(
        self, connection: sa.Connection, at: datetime, person: str, action: str, subject: str = "", detail: str = ""
    ) -> None:
        """Adds a row to the transaction of `connection`: it is committed with what it tells of, or not at all."""
        table = schema.audit
        last = connection.execute(sa.select(table.c.seq, table.c.sha256).order_by(table.c.seq.desc()).limit(1)).first()
        seq, before = (last.seq + 1, last.sha256) if last else (1, FIRST)
        content = (rows.moment_to_int(at), rows.text(person), rows.text(action), rows.text(subject), rows.text(detail))
        sha256 = row_hash(before, seq, *content)
        values = dict(zip(("at", "person", "action", "subject", "detail"), content, strict=True))
        connection.execute(sa.insert(table).values(seq=seq, **values, before=before, sha256=sha256))
        self._newest = (seq, sha256)

    def settle(self, *, committed: bool) -> None:
        """After the end of a transaction: remembers its newest row, or forgets it."""
        newest, self._newest = self._newest, None
        if newest is None or not committed:
            return
        try:
            write_head(self.head, *newest)
        except OSError as error:  # the row is committed; the next one brings the head up to date
            log.warning("the head of the audit log %s could not be written: %s", self.head, error)


def head_file(database: Path) -> Path:
    return database.with_name(database.name + ".audit-head")


def row_hash(before: str, seq: int, at: int, person: str, action: str, subject: str, detail: str) -> str:
    """SHA-256 of the hash before and of a row's content as one line of JSON."""
    content = json.dumps([seq, at, person, action, subject, detail], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{content}".encode()).hexdigest()


def write_head(path: Path, seq: int, sha256: str) -> None:
    """Durably and whole; OSError as the system says it."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="ascii") as file:
        file.write(json.dumps({"seq": seq, "sha256": sha256}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)


def entry_from(row: sa.Row[tuple[object, ...]]) -> AuditEntry:
    at = rows.int_to_moment(row.at)
    return AuditEntry(row.seq, at, row.person, row.action, row.subject, row.detail, row.sha256)


def verify(database: Path) -> AuditCheck:
    """Walks the audit log of a database, which may be in use, and changes nothing.

    Raises:
        StoreError: there is no such record, it can't be read, or it is older than the audit log.
    """
    if not database.is_file():
        raise StoreError(f"There is no record {database}. Name its data folder with --data-dir.")
    with words_for(database), closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as opened:
        # Read before the rows: rows that are added meanwhile only make the chain longer than the head says.
        head = _head(head_file(database))
        if not opened.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'audit'").fetchone():
            raise StoreError(f"The record {database} is older than the audit log. Start the station once with it.")
        return _walk(opened, head)


def _head(path: Path) -> tuple[int, str] | None:
    """None where it is missing or no head."""
    try:
        found = json.loads(path.read_text("ascii"))
        return int(found["seq"]), str(found["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass
class _Gap:
    """Rows in a row that are missing or no longer what was written; `words` says it of the first."""

    first: int
    last: int
    words: str


def _walk(opened: sqlite3.Connection, head: tuple[int, str] | None) -> AuditCheck:
    count = int(opened.execute("SELECT count(*) FROM audit").fetchone()[0])
    before: str | None = FIRST  # None behind a gap: what a row there says of the one before can't be checked
    last = 0
    gaps: list[_Gap] = []
    noted: dict[tuple[int, int], AuditHole] = {}

    def miss(first: int, to: int, words: str) -> None:
        if gaps and gaps[-1].last == first - 1:
            gaps[-1].last = to
        else:
            gaps.append(_Gap(first, to, words))

    statement = 'SELECT seq, at, person, action, subject, detail, "before", sha256 FROM audit ORDER BY seq'
    for seq, at, person, action, subject, detail, said_before, sha256 in opened.execute(statement):
        if seq != last + 1:
            miss(last + 1, seq - 1, f"row {last + 1} is missing")
            before = None
        last = seq
        if before is not None and said_before != before:
            miss(seq, seq, f"row {seq} does not follow the row before it")
        elif row_hash(said_before, seq, at, person, action, subject, detail) != sha256:
            miss(seq, seq, f"row {seq} was changed after it was written")
        elif head is not None and head[0] == seq and head[1] != sha256:
            miss(seq, seq, f"row {seq} is not the one that the head file remembers")
        else:
            if action == RECOVERY:
                moment = rows.int_to_moment(at)
                noted |= {(first, to): AuditHole(first, to, seq, moment) for first, to in _holes(detail)}
            before = sha256
            continue
        before = None
    if head is None and count:
        miss(last, last, "the head file is missing or damaged, so the last rows can't be confirmed")
    if head is not None and head[0] > last:
        miss(last + 1, head[0], f"row {last + 1} to {head[0]} were cut off the end")
    holes: list[AuditHole] = []
    for gap in gaps:
        hole = noted.get((gap.first, gap.last))
        if hole is None or hole.noted_in <= gap.last:
            return AuditCheck(count, gap.first, gap.words, tuple(holes))
        holes.append(hole)
    return AuditCheck(count, None, "; ".join(hole.words for hole in holes), tuple(holes))


def _holes(detail: str) -> list[tuple[int, int]]:
    """The rows that a recovery notes as lost, [first, last] each."""
    try:
        return [(int(first), int(last)) for first, last in json.loads(detail).get("audit_holes", ())]
    except (ValueError, TypeError, AttributeError):
        return []


def holes_of(opened: sqlite3.Connection, head: Path) -> list[list[int]]:
    """[first, last] of the rows that a recovery could not take over as they were written, up to the last one that the
    head file remembers."""
    found: list[list[int]] = []
    last = 0

    def miss(first: int, to: int) -> None:
        if found and found[-1][1] == first - 1:
            found[-1][1] = to
        else:
            found.append([first, to])

    statement = 'SELECT seq, at, person, action, subject, detail, "before", sha256 FROM audit ORDER BY seq'
    for seq, at, person, action, subject, detail, said_before, sha256 in opened.execute(statement):
        if seq > last + 1:
            miss(last + 1, seq - 1)
        if row_hash(said_before, seq, at, person, action, subject, detail) != sha256:
            miss(seq, seq)
        last = seq
    remembered = _head(head)
    if remembered is not None and remembered[0] > last:
        miss(last + 1, remembered[0])
    return found
