"""A backup: one ZIP with the database as it was at one moment, what belongs to it, and a manifest with hashes."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.domain.errors import Cancelled, StoreError
from app.store.auditing import head_file
from app.store.database import BUSY_SECONDS, words_for
from app.store.migrations import HEAD
from app.store.pictures import SMALL_SUFFIX
from app.store.room import sync_folder

FORMAT = 1
MANIFEST = "manifest.json"

_BLOCK = 1 << 20
_PAGES = 4096  # of the database that are copied between two looks at whether it was cancelled
_PACKED = {".png", ".jpg", SMALL_SUFFIX, ".linesight", ".zip"}  # deflating these again only takes time

Step = Callable[[float, str], None]


def _no_step(fraction: float, words: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class BackUp:
    """What a backup holds.

    Attributes:
        files: how many, without the manifest.
        size: bytes of the ZIP.
        inspections: rows of the record in it.
        missing: pictures or models that were there at the beginning and gone when it was their turn.
    """

    out: Path
    files: int
    size: int
    inspections: int
    missing: tuple[str, ...]


def back_up(
    root: Path,
    database: Path,
    files: Iterable[Path],
    out: Path,
    *,
    made_at: datetime,
    about: dict[str, Any],
    step: Step = _no_step,
) -> BackUp:
    """Writes the backup of a station, which may run meanwhile, to `out`: whole or not at all.

    Args:
        root: the data folder; all else lies in it, and is named relative to it.
        database: copied by SQLite's online backup from one read transaction, so that commits meanwhile neither wait
            nor are half in it; then checked.
        files: what else goes in, in this order.
        out: the ZIP, readable by this user only: settings may hold a camera's password.
        about: goes into the manifest as it is.
        step: told how far it is (0..1) and what it does; what it raises ends the work.

    Raises:
        StoreError: no record, a damaged one, no room, or no access; names the file. What was at `out` stays.
    """
    if not database.is_file():
        raise StoreError(f"There is no record {database} to back up. Name its data folder with --data-dir.")
    if out.is_dir():
        raise StoreError(f"{out} is a folder: give a file's name for the backup.")
    with _written(out) as (part, copy):
        step(0.0, "Copying the record")
        head = _read_head(database)  # before the copy: a head that is behind the rows is no damage
        inspections = _copy_database(database, copy, step)
        listed: list[dict[str, Any]] = []
        missing: list[str] = []
        # The end of the archive is written when it is closed, and may find no room either.
        with _words(out), zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            with _words(out):
                step(0.3, "Packing the record")
                listed.append(_add(archive, copy, database.relative_to(root).as_posix(), step))
                if head is not None:
                    listed.append(_add_bytes(archive, head, head_file(database).relative_to(root).as_posix()))
            found = list(files)
            for number, path in enumerate(found):
                step(0.4 + 0.55 * number / len(found), f"File {number + 1} of {len(found)}")
                name = path.relative_to(root).as_posix()
                with _words(out):
                    try:
                        listed.append(_add(archive, path, name, step))
                    except FileNotFoundError:  # retention took it meanwhile
                        missing.append(name)
            manifest = {
                "format": FORMAT,
                "schema": HEAD,
                "made_at": made_at.isoformat(),
                "inspections": inspections,
                **about,
                "files": listed,
            }
            with _words(out):
                archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
        step(1.0, "Done")
    return BackUp(out, len(listed), out.stat().st_size, inspections, tuple(missing))


@contextmanager
def _written(out: Path) -> Iterator[tuple[Path, Path]]:
    """(the ZIP to write, a place for the database's copy), both beside `out`, which is replaced when all went well."""
    part, copy = out.with_name(f".{out.name}.part"), out.with_name(f".{out.name}.db.part")
    try:
        with _words(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            for path in (part, copy):
                path.unlink(missing_ok=True)
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part, copy
        with _words(out):
            with part.open("r+b") as file:
                os.fsync(file.fileno())
            os.replace(part, out)
            sync_folder(out.parent)
    finally:
        # What SQLite leaves beside a copy that it could not finish.
        beside = [copy.with_name(copy.name + end) for end in ("-journal", "-wal", "-shm")]
        for path in (part, copy, *beside):
            with suppress(OSError):
                path.unlink(missing_ok=True)


@contextmanager
def _words(out: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(
            f"The backup {out} can't be written ({error.strerror or error}). Free some space, or choose another place."
        ) from error


def _read_head(database: Path) -> bytes | None:
    try:
        return head_file(database).read_bytes()
    except OSError:
        return None


def _copy_database(database: Path, copy: Path, step: Step) -> int:
    """Copies and checks; returns how many inspections the copy holds."""
    stopped: list[BaseException] = []

    def progress(status: int, left: int, total: int) -> None:
        try:
            step(0.3 * (1 - left / max(total, 1)), "Copying the record")
        except Cancelled as error:
            stopped.append(error)
            raise

    with words_for(database), closing(sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)) as source:
        # One transaction: without it every commit of the running station would start the copy again.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with closing(sqlite3.connect(copy, isolation_level=None)) as target:
            try:
                source.backup(target, pages=_PAGES, progress=progress)
            except sqlite3.Error as error:
                if stopped:
                    raise stopped[0] from None
                if (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                    raise StoreError(
                        f"There is no room for the backup in {copy.parent} ({error}). Choose another place."
                    ) from error
                raise
            # As one plain file: whoever restores it needs no -wal beside it.
            target.execute("PRAGMA journal_mode=DELETE").fetchone()
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise StoreError(f"The record {database} is damaged ({found}), so no backup of it was made.")
            return int(target.execute("SELECT count(*) FROM inspection").fetchone()[0])


def _add(archive: zipfile.ZipFile, path: Path, name: str, step: Step) -> dict[str, Any]:
    """Packs one file; its line of the manifest."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
        packed = path.suffix.lower() in _PACKED
        info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as target:
            while block := source.read(_BLOCK):
                digest.update(block)
                size += len(block)
                target.write(block)
    return {"name": name, "size": size, "sha256": digest.hexdigest()}


def _add_bytes(archive: zipfile.ZipFile, data: bytes, name: str) -> dict[str, Any]:
    archive.writestr(name, data)
    return {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
