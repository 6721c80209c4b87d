"""The library's file: opening it, its tables, and SQLite's errors in words.

SQLite with a rollback journal rather than a write-ahead log: libraries also lie on shared folders, where the latter's
shared memory does not work. `synchronous=FULL`: what was labelled survives a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.domain.errors import DatasetError

DATABASE = "library.linesight"
VERSION = 1
_BUSY_SECONDS = 5.0

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE types (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 254),
    name TEXT NOT NULL,
    colour TEXT NOT NULL,
    merged_into INTEGER REFERENCES types (id),  -- its pixels in masks count as that type's
    removed INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE pictures (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    suffix TEXT NOT NULL,
    likeness INTEGER,            -- 64-bit perceptual hash, as a signed number
    coarse BLOB,                 -- 4 x 4 grey levels
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,      -- sorts by numbers' value
    folded TEXT NOT NULL,        -- the name for searching, upper and lower case alike
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    source TEXT NOT NULL,
    camera TEXT NOT NULL,
    taken_at TEXT,
    added_at TEXT NOT NULL,
    sharpness REAL,
    -- what people said (LabelState); types as ",3,7,"
    label TEXT,
    types TEXT NOT NULL DEFAULT '',
    mask TEXT NOT NULL DEFAULT '',
    split TEXT,
    aside TEXT NOT NULL DEFAULT '',
    crops TEXT NOT NULL DEFAULT '',
    revision INTEGER NOT NULL DEFAULT 0,
    -- what a model said
    score REAL,
    threshold REAL,
    doubt REAL,
    suspicious TEXT NOT NULL DEFAULT ''
);
-- One for each order the gallery knows, read without touching the table where nothing else is asked for.
CREATE INDEX pictures_by_name ON pictures (aside, name_key, id);
CREATE INDEX pictures_by_added ON pictures (aside, added_at, id);
CREATE INDEX pictures_by_score ON pictures (aside, score, id);
CREATE INDEX pictures_by_doubt ON pictures (aside, doubt, id);
-- Everything a filter can ask for, so that the filters read this alone: a fifth of the time of the table's rows.
CREATE INDEX pictures_facets ON pictures (
    aside, label, split, types, source, camera, suspicious, mask, score, threshold, doubt, taken_at, added_at, name_key,
    folded
);
CREATE INDEX pictures_by_likeness ON pictures (likeness);

-- One row an action of a person, however many pictures it changed.
CREATE TABLE actions (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    session TEXT NOT NULL,       -- one window: what it did itself, it has seen
    words TEXT NOT NULL,
    status TEXT NOT NULL,        -- done, undone, gone (undone, and something else was done since), undo (an undoing)
    renamed TEXT NOT NULL DEFAULT ''  -- JSON of what happened to a type
);
CREATE INDEX actions_by_author ON actions (author, status, id);

-- The history: never changed, only added to.
CREATE TABLE events (
    action INTEGER NOT NULL REFERENCES actions (id),
    picture INTEGER NOT NULL REFERENCES pictures (id),
    before TEXT NOT NULL,        -- JSON
    after TEXT NOT NULL,
    PRIMARY KEY (picture, action)
) WITHOUT ROWID;
CREATE INDEX events_by_action ON events (action);

-- What another session said about a picture that was also changed here, until a person has chosen.
CREATE TABLE conflicts (
    picture INTEGER NOT NULL REFERENCES pictures (id),
    library TEXT NOT NULL,
    theirs TEXT NOT NULL,        -- JSON
    author TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (picture, library)
) WITHOUT ROWID;

CREATE TABLE looks (
    picture INTEGER PRIMARY KEY REFERENCES pictures (id),
    thumbnail BLOB NOT NULL      -- 32 x 32 grey levels, to tell duplicates
);

CREATE TABLE places (
    name TEXT PRIMARY KEY,
    picture INTEGER NOT NULL REFERENCES pictures (id),
    x INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL
) WITHOUT ROWID;
"""


def open_file(folder: Path, *, make: bool) -> sqlite3.Connection:
    """The connection to the library in `folder`, made there if `make` and there is none.

    Raises:
        DatasetError: no access, damaged, no library, or of a newer program; names the file.
    """
    path = folder / DATABASE
    with words_for(path):
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        elif not path.is_file():
            raise DatasetError(
                f"{folder} is no library: it has no {DATABASE}. Choose another folder, or make one here."
            )
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with words_for(path):
            _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(folder: Path) -> sqlite3.Connection:
    """The connection to a library that is only read; also where nothing may be written.

    Raises:
        DatasetError: as `open_file`.
    """
    path = folder / DATABASE
    with words_for(path):
        if not path.is_file():
            raise DatasetError(f"{folder} is no library: it has no {DATABASE}.")
        uri = f"{path.resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        with words_for(path):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            words = "was made by a newer Linesight" if version > VERSION else "is no library of Linesight's"
            raise DatasetError(f"The library {path} {words}. Open it with the version that made it.")
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise DatasetError(f"The library {path} was made by a newer Linesight. Install that version to open it.")
        if version == 0:
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise DatasetError(f"{path} is a database, but not a library of Linesight's. Choose another folder.")
            for statement in _statements(_TABLES):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """`executescript` would commit what stands before it."""
    without_comments = "\n".join(line.split("--")[0] for line in script.splitlines())
    return [statement for statement in without_comments.split(";") if statement.strip()]


@contextmanager
def words_for(path: Path) -> Iterator[None]:
    """Turns errors of SQLite and the file system into DatasetError, naming `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise DatasetError(_in_words(path, error)) from error
    except OSError as error:
        where = error.filename or path
        raise DatasetError(f"The library {path.parent} can't be used ({where}: {error.strerror or error}).") from error


def _in_words(path: Path, error: sqlite3.Error) -> str:
    kind = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if kind in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return f"There is no room to write the library {path} ({error}). Nothing was changed: free space on this disk."
    if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"The library's file {path} is damaged ({error}). Put back a copy of it; the pictures are untouched."
    if kind in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return f"The library {path} may not be written here ({error}). Check the folder's permissions."
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"Another program is writing the library {path} for a long time. Try again in a moment."
    return f"The library {path} can't be used: {error}."
