"""A damaged database is set aside, and what can be read of it goes into a new one."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.store.auditing import FIRST, RECOVERY, head_file, holes_of, row_hash, write_head
from app.store.database import DamagedError, open_database, suspect_file, words_for
from app.store.restore import check_unused
from app.store.room import sync_folder
from app.store.rows import moment_to_int
from app.store.salvage import Result, salvage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of a damaged record.

    Attributes:
        set_aside: the damaged file under its new name.
        detail: what SQLite said of it.
        kept, lost: inspections taken over, and those whose number is missing; more may be lost at the end.
        unreadable: places in all tables where pages had to be passed over.
    """

    set_aside: Path
    detail: str
    kept: int
    lost: int
    unreadable: int

    @property
    def words(self) -> str:
        return (
            f"The record was damaged and is set aside as {self.set_aside.name}. {self.kept} inspections were taken "
            f"over, {self.lost} or more could not be read. Restore a backup if these matter; pictures are all there."
        )


def recover(database: Path, damage: DamagedError) -> Recovery:
    """Makes a new record of what can be read of a damaged one, which is renamed; its audit log says so.

    Raises:
        StoreError: another program has it open, or there is no room; the damaged file is as it was.
    """
    at = datetime.now(UTC)
    log.error("%s: what can be read is taken over", damage)
    with words_for(database):
        check_unused(database)
    part = database.with_name(f".{database.name}.recovered")
    aside = _free_name(database, at)
    with _removed_afterwards(part):
        open_database(part).dispose()
        with words_for(database), closing(sqlite3.connect(part, isolation_level=None)) as fresh:
            fresh.execute("PRAGMA synchronous=FULL")
            fresh.execute("BEGIN IMMEDIATE")
            result = salvage(database, fresh)
            recovery = _told(result, aside, damage.detail)
            newest = _note(fresh, recovery, result, at, head_file(database))
            fresh.execute("COMMIT")
            fresh.execute("PRAGMA journal_mode=DELETE").fetchone()
        with words_for(database):
            _exchange(database, part, aside)
            write_head(head_file(database), *newest)
            suspect_file(database).unlink(missing_ok=True)
    log.warning("%s", recovery.words)
    return recovery


def _told(result: Result, aside: Path, detail: str) -> Recovery:
    kept = result.tables["inspection"].rows
    unreadable = sum(table.unreadable for table in result.tables.values())
    return Recovery(aside, detail, kept, result.lost("inspection"), unreadable)


def _note(fresh: sqlite3.Connection, recovery: Recovery, result: Result, at: datetime, head: Path) -> tuple[int, str]:
    """Adds the row that tells of the recovery and of rows of the audit log that it could not find; its number and
    hash. Its number follows the last one that there was, so that lost ones at the end leave a gap too.

    Args:
        head: file that remembers the last row of the damaged record.
    """
    last = fresh.execute("SELECT seq, sha256 FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    seq, before = (last[0] + 1, last[1]) if last else (1, FIRST)
    holes = holes_of(fresh, head)
    if holes:
        seq = max(seq, holes[-1][1] + 1)
    told = {
        "set_aside": recovery.set_aside.name,
        "damage": recovery.detail,
        "kept": {name: table.rows for name, table in result.tables.items()},
        "lost": {name: lost for name in ("inspection", "audit") if (lost := result.lost(name))},
        "unreadable_places": recovery.unreadable,
        "audit_holes": holes,
    }
    content = (moment_to_int(at), "", RECOVERY, recovery.set_aside.name, json.dumps(told))
    sha256 = row_hash(before, seq, *content)
    columns = 'seq, at, person, action, subject, detail, "before", sha256'
    values = (seq, *content, before, sha256)
    fresh.execute(f"INSERT INTO audit ({columns}) VALUES ({', '.join('?' * len(values))})", values)
    return seq, sha256


def _free_name(database: Path, at: datetime) -> Path:
    """The name to set it aside under; its -wal beside it keeps belonging to it."""
    aside = database.with_name(f"{database.stem}.damaged-{at:%Y-%m-%dT%H-%M-%S}{database.suffix}")
    while aside.exists():
        aside = aside.with_name(f"{aside.stem}-again{aside.suffix}")
    return aside


def _exchange(database: Path, part: Path, aside: Path) -> None:
    ends = [end for end in ("", "-wal", "-shm", ".audit-head") if os.path.lexists(f"{database}{end}")]
    moved: list[str] = []
    try:
        for end in ends:
            os.rename(f"{database}{end}", f"{aside}{end}")
            moved.append(end)
        os.rename(part, database)
    except OSError:
        for end in reversed(moved):
            os.rename(f"{aside}{end}", f"{database}{end}")
        raise
    sync_folder(database.parent)


@contextmanager
def _removed_afterwards(part: Path) -> Iterator[None]:
    ends = ("", "-wal", "-shm", "-journal")
    for end in ends:
        with suppress(OSError):
            Path(f"{part}{end}").unlink(missing_ok=True)
    try:
        yield
    finally:
        for end in ends:
            with suppress(OSError):
                Path(f"{part}{end}").unlink(missing_ok=True)
