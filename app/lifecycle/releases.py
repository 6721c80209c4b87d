"""What was released of a product, when and by whom: one file an entry, only ever added, each naming the one before by
its hash. The newest entry is what the line uses."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from app.domain.errors import ModelError
from app.domain.versions import Release
from app.lifecycle.sealed import seal, unseal
from app.whole_files import write_new

log = logging.getLogger(__name__)

_FOLDER = "releases"


@dataclass(frozen=True, slots=True)
class _Entry:
    release: Release
    previous: str  # SHA-256 of the file before, "" for the first


_ENTRIES = TypeAdapter(_Entry)


def history(folder: Path) -> list[Release]:
    """Newest first; damaged entries are logged and left out."""
    found = []
    for number in reversed(_numbers(folder)):
        try:
            found.append(_read(folder, number).release)
        except ModelError as error:
            log.error("%s", error)
    return found


def newest(folder: Path) -> Release | None:
    """What is released now; None where nothing is.

    Raises:
        ModelError: the newest entry is damaged: what is released must not be guessed.
    """
    numbers = _numbers(folder)
    if not numbers:
        return None
    try:
        return _read(folder, numbers[-1]).release
    except ModelError as error:
        raise ModelError(f"{error} Or release a version again: that adds a new entry.") from error


def append(folder: Path, make: Callable[[int], Release]) -> Release:
    """Adds an entry as a whole or not at all; `make` is given its number, and again where another process was first.

    Raises:
        ModelError: it can't be written.
    """
    for _ in range(100):
        numbers = _numbers(folder)
        number = numbers[-1] + 1 if numbers else 1
        release = make(number)
        try:
            before = _path(folder, numbers[-1]).read_bytes() if numbers else b""
            entry = _Entry(release, hashlib.sha256(before).hexdigest() if numbers else "")
            if write_new(_path(folder, number), seal(_ENTRIES, entry), read_only=True):
                return release
        except OSError as error:
            raise ModelError(
                f"The release can't be written to {folder} ({error.strerror or error}). Free some space, or give this "
                "user write access."
            ) from error
    raise ModelError(f"{folder} is being written by others all the time. Try again in a moment.")


def broken(folder: Path) -> str:
    """The first entry that does not follow the one before it, in words; "" where all do."""
    before = ""
    for place, number in enumerate(_numbers(folder), 1):
        path = _path(folder, number)
        try:
            entry, data = _read(folder, number), path.read_bytes()
        except (ModelError, OSError) as error:
            return str(error)
        if number != place or entry.previous != before:
            return f"{path} does not follow the entry before it."
        before = hashlib.sha256(data).hexdigest()
    return ""


def _read(folder: Path, number: int) -> _Entry:
    path = _path(folder, number)
    try:
        return unseal(_ENTRIES, path)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is gone. Restore it from a backup.") from error


def _path(folder: Path, number: int) -> Path:
    return folder / _FOLDER / f"{number:06d}.json"


def _numbers(folder: Path) -> list[int]:
    try:
        names = [path.stem for path in (folder / _FOLDER).glob("*.json")]
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())
