"""Restoring a backup: everything is checked before anything is touched, and what was there is set aside."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from app.domain.errors import StoreError
from app.store.backup import FORMAT, MANIFEST
from app.store.database import look
from app.store.migrations import HEAD
from app.store.room import sync_folder

_BLOCK = 1 << 20
_LONGEST_MANIFEST = 256 << 20
_TAKEN = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)

Step = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        files: how many were put in place.
        inspections: rows of the restored record.
        made_at: when the backup was made, as it says.
        set_aside: the folder with what was there before; None where nothing was.
    """

    files: int
    inspections: int
    made_at: str
    set_aside: Path | None


@dataclass(frozen=True, slots=True)
class _Listed:
    name: str
    size: int
    sha256: str


def check_backup(backup: Path) -> None:
    """Reads what a backup says it holds; what is in its files is checked when it is restored.

    Raises:
        StoreError: it is no backup, or of a newer version.
    """
    with _opened(backup) as archive:
        _listed(_manifest(archive, backup), archive, backup)


def restore(backup: Path, root: Path, database: Path, *, at: datetime, step: Step) -> Restored:
    """Puts a backup in the place of what is in the data folder `root`.

    Everything is unpacked beside its place and checked: names, sizes, hashes, the database itself. Only then is what
    was there moved into a folder `set-aside-TIME` in `root`, and the backup into its place. Pictures, when the
    backup has none, and libraries stay where they are.

    Args:
        database: where the record lies in `root`.
        at: now, for the folder's name.
        step: told how far it is; what it raises before the last stage leaves all as it was.

    Raises:
        StoreError: no backup, damaged, of a newer version, no room, or a station is running there.
    """
    with _opened(backup) as archive:
        manifest = _manifest(archive, backup)
        listed = _listed(manifest, archive, backup)
        database_name = database.relative_to(root).as_posix()
        if database_name not in {one.name for one in listed}:
            raise StoreError(f"The backup {backup} holds no record, so it can't be restored.")
        existed = root.exists()
        staging = root / f".restore-{os.getpid()}"
        try:
            with _words(root):
                root.mkdir(parents=True, exist_ok=True)
                _check_room(root, sum(one.size for one in listed))
                shutil.rmtree(staging, ignore_errors=True)
                staging.mkdir()
            for number, one in enumerate(listed):
                step(0.8 * number / len(listed), f"File {number + 1} of {len(listed)}")
                _unpack(archive, one, staging, backup, root)
            step(0.8, "Checking the record")
            inspections = _check_database(staging / database_name, backup)
            if database.exists():
                check_unused(database)
            step(0.95, "Putting it in place")
            set_aside = _exchange(staging, root, at)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            if not existed and root.is_dir() and not any(root.iterdir()):
                root.rmdir()
            raise
    step(1.0, "Done")
    return Restored(len(listed), inspections, str(manifest.get("made_at", "")), set_aside)


# -- reading it
@contextmanager
def _opened(backup: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(backup)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise StoreError(f"{backup} is no backup, or a damaged one ({error}). Nothing was changed.") from error
    except OSError as error:
        raise StoreError(f"The backup {backup} can't be read ({error.strerror or error}).") from error
    with archive:
        yield archive


def _manifest(archive: zipfile.ZipFile, backup: Path) -> dict[str, Any]:
    try:
        if archive.getinfo(MANIFEST).file_size > _LONGEST_MANIFEST:
            raise ValueError("its manifest is too long")
        found = json.loads(archive.read(MANIFEST))
        version, schema = int(found["format"]), str(found["schema"])
    except (KeyError, ValueError, TypeError, RecursionError, *_DAMAGE) as error:
        raise StoreError(
            f"{backup} is no backup of Linesight, or a damaged one ({error}). Nothing was changed."
        ) from error
    if version > FORMAT or schema > HEAD:
        raise StoreError(
            f"The backup {backup} was made by a newer version of Linesight (format {version}, schema {schema}). "
            "Restore it with that version. Nothing was changed."
        )
    return dict(found)


_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def _listed(manifest: dict[str, Any], archive: zipfile.ZipFile, backup: Path) -> list[_Listed]:
    """The manifest's lines, which are exactly the archive's files."""
    try:
        listed = [_Listed(str(one["name"]), int(one["size"]), str(one["sha256"])) for one in manifest["files"]]
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(f"The manifest of the backup {backup} is damaged ({error}). Nothing was changed.") from error
    packed = [info for info in archive.infolist() if info.filename != MANIFEST]
    names = [info.filename for info in packed]
    for name in (*names, *(one.name for one in listed)):
        if not _safe(name):
            raise StoreError(f"The backup {backup} holds a file with the place {name!r}, which no backup has. Refused.")
    for info in packed:
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise StoreError(f"The backup {backup} holds {info.filename!r}, which is no plain file. Refused.")
    folded = [name.casefold() for name in names]
    if sorted(names) != sorted(one.name for one in listed) or len(set(folded)) != len(folded):
        raise StoreError(f"The backup {backup} does not hold what its manifest lists. Nothing was changed.")
    return listed


def _safe(name: str) -> bool:
    """Whether a name stays in the folder, on every system."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "//" in name or name.endswith("/") or len(name) > 1000:
        return False
    return (
        all(
            part not in (".", "..")
            and not any(sign in '\\:*?"<>|' or ord(sign) < 32 for sign in part)
            and part.split(".")[0].casefold() not in _TAKEN
            and not part.endswith((" ", "."))
            for part in name.split("/")
        )
        and parts[0] in _ROOTS
    )


_ROOTS = (
    *("linesight.db", "linesight.db.audit-head", "settings.toml", "alarms.toml", "challenges.json"),
    *("models", "images", "gauges", "references"),
)
"""What a backup may hold, and nothing else is ever moved."""


def _unpack(archive: zipfile.ZipFile, one: _Listed, staging: Path, backup: Path, root: Path) -> None:
    target = staging.joinpath(*one.name.split("/"))
    digest, left = hashlib.sha256(), one.size
    try:
        with archive.open(one.name) as source:
            with _words(root):
                target.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                while block := source.read(_BLOCK):
                    left -= len(block)
                    if left < 0:  # more than it says: it could fill the disk
                        break
                    digest.update(block)
                    with _words(root):
                        file.write(block)
                with _words(root):
                    file.flush()
                    os.fsync(file.fileno())
    except _DAMAGE as error:
        raise StoreError(f"{one.name} in the backup {backup} is damaged ({error}). Nothing was changed.") from error
    if left != 0 or digest.hexdigest() != one.sha256:
        raise StoreError(f"{one.name} in the backup {backup} is not what was backed up. Nothing was changed.")


def _check_database(path: Path, backup: Path) -> int:
    try:
        step = look(path, whole=True)
        with closing(sqlite3.connect(path)) as connection:
            if step is None:
                raise StoreError("it is empty")
            return int(connection.execute("SELECT count(*) FROM inspection").fetchone()[0])
    except (StoreError, sqlite3.Error) as error:
        raise StoreError(f"The record in the backup {backup} can't be used: {error} Nothing was changed.") from error


# -- putting it in place
def _check_room(root: Path, needed: int) -> None:
    free = shutil.disk_usage(root).free
    if free < needed + (16 << 20):
        raise StoreError(
            f"Restoring needs {needed / 1e6:,.0f} MB in {root}, and {free / 1e6:,.0f} MB are free. Free some space."
        )


def check_unused(database: Path) -> None:
    """Raises StoreError where another program has the record open."""
    with closing(sqlite3.connect(database, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchone()
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            if (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreError(
                    f"The record {database} is in use. Close the station, then try again. Nothing was changed."
                ) from error
            # Damaged: that is why somebody restores a backup.


def _exchange(staging: Path, root: Path, at: datetime) -> Path | None:
    """Moves what is there aside and what was unpacked into its place; when that fails, back again."""
    new = [path.name for path in staging.iterdir()]
    beside = [f"linesight.db{end}" for end in ("-wal", "-shm", ".audit-head")]
    old = [name for name in dict.fromkeys((*new, *beside)) if os.path.lexists(root / name)]
    aside = root / f"set-aside-{at:%Y-%m-%dT%H-%M-%S}"
    while aside.exists():
        aside = aside.with_name(aside.name + "-again")
    moved: list[tuple[Path, Path]] = []
    try:
        with _words(root):
            if old:
                aside.mkdir()
            for source, target in [
                *((root / name, aside / name) for name in old),
                *((staging / name, root / name) for name in new),
            ]:
                os.rename(source, target)
                moved.append((source, target))
            sync_folder(root)
    except BaseException:
        for source, target in reversed(moved):
            os.rename(target, source)
        if aside.is_dir() and not any(aside.iterdir()):
            aside.rmdir()
        raise
    staging.rmdir()
    return aside if old else None


@contextmanager
def _words(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The backup can't be restored into {root} ({error.strerror or error}). What was there is as it was; "
            "free some space, or give this user write access."
        ) from error
