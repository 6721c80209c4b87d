"""Unpacking zip archives from strangers: only what a dataset needs, only below one folder, never more than fits.

The numbers in an archive's directory may lie, so bytes are counted as they are written.
"""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.datasets.manifest import MANIFEST_SUFFIXES
from app.datasets.tables import TABLE_SUFFIXES
from app.domain.errors import DatasetError
from app.pictures import SUFFIXES

_BLOCK = 1 << 20
_KEEP_FREE = 256 << 20
_SLACK = 64 << 20
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*]')
_WANTED = frozenset({*SUFFIXES, *MANIFEST_SUFFIXES, *TABLE_SUFFIXES, ".json"})
_ENCRYPTED = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold.

    Attributes:
        entries: number of files and folders.
        total: bytes of everything unpacked.
        ratio: how many times its own size an archive may become (the first 64 MiB do not count): pictures are packed
            already, while a bomb of zeros becomes 1,000 times as large.
    """

    entries: int = 200_000
    total: int = 64 << 30
    ratio: float = 100.0


def is_zip(data: bytes) -> bool:
    """Whether a file that begins so is a zip archive."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def unpack(
    archive: Path, folder: Path, limits: Limits | None = None, step: Callable[[float, str], None] | None = None
) -> tuple[str, ...]:
    """Unpacks the pictures and lists of a zip archive.

    Entries that lead out of the folder, links, devices and names that occur twice are left out.

    Args:
        folder: where to; made where it is missing.
        step: told of the progress; may raise Cancelled.

    Returns:
        What was left out, each naming the entry and the reason.

    Raises:
        DatasetError: no whole archive, encrypted, beyond the limits, or no room for it; what was unpacked stays in
            `folder`, for whoever made it to remove.
    """
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(archive) as opened:
            return _unpacked(opened, archive, folder, limits, step or (lambda fraction, words: None))
    except (zipfile.BadZipFile, struct.error, NotImplementedError, zipfile.LargeZipFile, ValueError) as error:
        raise DatasetError(f"{archive} is damaged or no whole zip archive ({error}). Copy it again.") from None
    except OSError as error:
        raise DatasetError(f"{archive} can't be unpacked into {folder} ({error.strerror or error}).") from error


def _unpacked(
    opened: zipfile.ZipFile, archive: Path, folder: Path, limits: Limits, step: Callable[[float, str], None]
) -> tuple[str, ...]:
    entries = opened.infolist()
    if len(entries) > limits.entries:
        raise DatasetError(
            f"{archive} holds {len(entries):,} entries; {limits.entries:,} are the most that is unpacked. Split it."
        )
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise DatasetError(f"{archive} is encrypted: unpack it with its password and choose the folder.")
    folder.mkdir(parents=True, exist_ok=True)
    packed = archive.stat().st_size
    allowed = int(min(limits.total, _SLACK + limits.ratio * packed))
    if sum(entry.file_size for entry in entries) > allowed:
        raise _bomb(archive, allowed)
    budget = _Budget(archive, folder, allowed)
    problems: list[str] = []
    taken: set[str] = set()
    for number, entry in enumerate(entries, 1):
        step(number / len(entries), f"Unpacking {number} of {len(entries)}")
        if entry.is_dir():
            continue
        try:
            target = _target(entry, taken)
            if target is not None:
                _write(opened, entry, folder / target, budget)
        except _LeftOut as why:
            problems.append(f"{archive}, {entry.filename!r}: {why}")
    return tuple(problems)


class _LeftOut(Exception):
    """Why one entry is not unpacked."""


class _Budget:
    """Counts what is written."""

    def __init__(self, archive: Path, folder: Path, allowed: int) -> None:
        self._archive, self._folder, self._allowed = archive, folder, allowed
        self._written = 0
        self._free = max(shutil.disk_usage(folder).free - _KEEP_FREE, 0)

    def spend(self, count: int) -> None:
        self._written += count
        if self._written > self._allowed:
            raise _bomb(self._archive, self._allowed)
        if self._written > self._free:
            raise DatasetError(
                f"{self._archive} needs more room than is free in {self._folder}. Make room, or unpack it elsewhere "
                "and choose the folder."
            )


def _bomb(archive: Path, allowed: int) -> DatasetError:
    return DatasetError(
        f"{archive} would become larger than {allowed / (1 << 20):,.0f} MiB, far more than pictures of its size do. "
        "If you trust it, unpack it yourself and choose the folder."
    )


def _target(entry: zipfile.ZipInfo, taken: set[str]) -> Path | None:
    """Where an entry goes below the folder; None for what no dataset needs."""
    # What stood in the archive: ZipInfo cuts names at a NUL.
    name = entry.orig_filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or re.match(r"[a-zA-Z]:", name) or ".." in parts:
        raise _LeftOut("it leads out of the archive")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise _LeftOut("it is a link")
    if kind not in (0, stat.S_IFREG):
        raise _LeftOut("it is a device or a pipe")
    if not parts or any(part.startswith(".") for part in parts) or "__MACOSX" in parts:
        return None
    for part in parts:
        if part.split(".")[0].strip().lower() in _DEVICES:
            raise _LeftOut(f"{part} is the name of a device on Windows")
        if _FORBIDDEN.search(part) or part.endswith((".", " ")) or len(part.encode("utf-8", "replace")) > 255:
            raise _LeftOut("no file can have this name on every system")
    if PurePosixPath(name).suffix.lower() not in _WANTED:
        return None
    # Two names that one file system tells apart and another does not.
    key = unicodedata.normalize("NFC", "/".join(parts)).casefold()
    if key in taken:
        raise _LeftOut("the archive holds a file of this name already")
    taken.add(key)
    return Path(*parts)


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, budget: _Budget) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise _LeftOut("a file of the archive has the name of its folder") from None
    whole = False
    try:
        with target.open("xb") as out:
            for block in _blocks(opened, entry):
                budget.spend(len(block))
                out.write(block)
        whole = True
    finally:
        if not whole:
            target.unlink(missing_ok=True)


def _blocks(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with opened.open(entry) as source:
            while block := source.read(_BLOCK):
                yield block
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as error:
        raise _LeftOut(f"it is damaged ({error})") from None
