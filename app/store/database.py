"""Opening the database: checks before the first write, migrations, and SQLite's errors in words."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.domain.errors import StoreError, StoreFullError
from app.store.migrations import HEAD

BUSY_SECONDS = 5.0
_CHECKED_BYTES = 64 << 20  # files up to this size are checked whole at each start (about 0.1 s)
_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_WRITER = "linesight_writer"  # execution option of the one connection that writes
_READERS = 15  # connections at once; who wants one more waits
_KEPT = 2  # of them stay open

# A file that may not grow (quota, file-size limit) comes as an I/O error from SQLite, not as "full".
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_FSYNC}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_CLOSED_DOOR = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class DamagedError(StoreError):
    """The database is damaged; `detail` is what SQLite says of it."""

    def __init__(self, words: str, detail: str) -> None:
        super().__init__(words)
        self.detail = detail


def open_database(path: Path) -> sa.Engine:
    """The engine of the database at `path`, made or brought to this program's schema.

    An existing file is looked at read-only first, so that one this program can't use stays as it is.

    Raises:
        DamagedError: it is damaged.
        StoreError: no access, not a record, or of a newer program; names the file.
    """
    with words_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise StoreError(f"{path} is a folder; the record must be a file there. Choose another data folder.")
        present = path.exists() and path.stat().st_size > 0
        if present and suspect_file(path).exists():
            raise _damaged(path, "damage was met while it was in use")
        current = look(path) if present else None
    engine = _engine(path)
    try:
        if current != HEAD:
            with words_for(path), writer(engine) as connection, connection.begin():
                if current is None:
                    _begin_record(connection)
                else:
                    _migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def writer(engine: sa.Engine) -> sa.Connection:
    """A connection whose transactions take the write lock at their begin, and so never fail half-way
    for another writer."""
    return engine.connect().execution_options(**{_WRITER: True})


@contextmanager
def words_for(path: Path) -> Iterator[None]:
    """Turns errors of SQLite and the file system into StoreError (StoreFullError: no room) naming `path`."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _in_words(path, error.orig if error.orig is not None else error) from error
    except (sqlite3.Error, OSError) as error:
        raise _in_words(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's own message about damage, with the damaged bytes in it
        raise _damaged(path, "what it says of itself is no text") from error


def _in_words(path: Path, error: BaseException) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None) or 0
    kind = code & 0xFF
    if code in _FULL or kind == sqlite3.SQLITE_FULL:
        return StoreFullError(f"There is no room to write the record {path} ({error}). Free space on this disk.")
    if kind in _DAMAGED or isinstance(error, UnicodeDecodeError) or "Could not decode to UTF-8" in str(error):
        with suppress(OSError):
            suspect_file(path).touch()
        return _damaged(path, str(error))
    if kind in _CLOSED_DOOR or isinstance(error, OSError):
        cause = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return StoreError(
            f"The record {path} can't be opened for writing ({cause}). "
            "Give this user write access to it and its folder, or choose another data folder."
        )
    if kind in _BUSY:
        return StoreError(f"The record {path} is held by another program. Close that program, then try again.")
    return StoreError(f"The record {path} can't be used ({error}).")


def _damaged(path: Path, detail: str) -> DamagedError:
    return DamagedError(
        f"The record {path} is damaged ({detail}). Nothing was changed or deleted. Start the station again: it "
        "sets the file aside and takes over what can be read. Or restore a backup.",
        detail,
    )


def suspect_file(path: Path) -> Path:
    """Stands beside a database in which damage was met, which a look at the next start need not find: large files are
    not looked at whole, and a text that is none is no fault of a page."""
    return path.with_name(path.name + ".suspect")


def look(path: Path, *, whole: bool = False) -> str | None:
    """The schema step of an existing file, None for an empty database; writes nothing.

    Args:
        whole: looks at every page, also of a large file.

    Raises:
        StoreError: damaged, another program's or a newer version's.
    """
    if not os.access(path, os.R_OK | os.W_OK):
        # SQLite would open it for reading and fail at the first part. It is asked of the system and not tried
        # by opening the file: closing it would take away the locks of a store this process has open already.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as connection:
        if whole or path.stat().st_size <= _CHECKED_BYTES:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise _damaged(path, str(found).splitlines()[-1])
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise StoreError(
                f"{path} is a database of another program: move it away, or choose another data folder. "
                "Nothing was changed."
            )
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    step = str(row[0]) if row else None
    if step is not None and step > HEAD:  # steps are numbered with leading zeros
        raise StoreError(
            f"The record {path} was written by a newer version of Linesight (schema {step}; this one knows {HEAD}). "
            "Start the newer version, or choose another data folder. Nothing was changed."
        )
    return step


def _engine(path: Path) -> sa.Engine:
    address = sa.URL.create("sqlite", database=str(path))
    # Each connection keeps pages of its own in memory: the one used last is used next, and what many readers at once
    # needed is closed behind them.
    engine = sa.create_engine(
        address,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=_KEPT,
        max_overflow=_READERS - _KEPT,
        pool_use_lifo=True,
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # this room begins its transactions itself, see below
        for pragma in (
            f"busy_timeout={int(BUSY_SECONDS * 1000)}",
            "journal_mode=WAL",
            "synchronous=FULL",  # a commit is on the disk when it returns: the verdict follows it
            "foreign_keys=ON",
            "temp_store=MEMORY",  # sorting must not need room on a full disk
            f"journal_size_limit={16 << 20}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITER)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def recycle_log(connection: sa.Connection) -> bool:
    """Moves what the write-ahead log holds into the database, so that the log's room is used again from
    its start; whether that worked. The connection must not be in a transaction."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    cursor = raw.cursor()
    try:
        cursor.execute("PRAGMA wal_checkpoint(RESTART)")
        row = cursor.fetchone()
    except sqlite3.Error:  # no room for the database to grow either
        return False
    finally:
        cursor.close()
    return row is not None and row[0] == 0  # the first of its three numbers: whether a reader was in the way


def _begin_record(connection: sa.Connection) -> None:
    """Gives an empty database the newest schema, in the connection's transaction."""
    for statement in _newest_schema():
        connection.exec_driver_sql(statement)


@lru_cache(maxsize=1)
def _newest_schema() -> tuple[str, ...]:
    """What the steps one after the other make of an empty database, as SQL. They are run in memory, once a process:
    a fortieth of a second instead of a third for each further record (a merge's, a backup's, a test's)."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    try:
        with engine.connect() as connection:
            _migrate(connection)
            connection.commit()
            raw = connection.connection.dbapi_connection
            assert raw is not None
            return tuple(line for line in raw.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;"))
    finally:
        engine.dispose()


def _migrate(connection: sa.Connection) -> None:
    """Runs the missing steps in the connection's transaction: all of them, or none."""
    from alembic import command  # only when there is something to do: the import takes about 0.2 s
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
