"""A folder that is there whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.domain.errors import DatasetError

MARKER = "linesight-export.json"
"""Lies in every export: only a folder that has it may be replaced by another export."""


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """An empty folder beside `out` that takes its place when the block ends well, and is gone when it does not.

    Raises:
        DatasetError: `out` is something else than a free name, an empty folder or an earlier export; or there is no
            room, and then what was there before is as it was.
    """
    _check(out)
    part = out.parent / f".{out.name}.{secrets.token_hex(4)}.part"
    try:
        part.mkdir(parents=True)
        try:
            yield part
            _put(part, out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise DatasetError(
            f"The export to {out} can't be written ({error.strerror or error}). What was there before is unchanged. "
            "Make room, or choose another place."
        ) from error


def _check(out: Path) -> None:
    try:
        if out.is_dir():
            if any(out.iterdir()) and not (out / MARKER).is_file():
                raise DatasetError(f"{out} is not empty and no export of this program: choose a new folder.")
        elif os.path.lexists(out):
            raise DatasetError(f"{out} is a file: choose a new folder.")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(f"{str(out)!r} can't be a folder for an export ({why}).") from error


def _put(part: Path, out: Path) -> None:
    if not out.exists():
        part.rename(out)
        return
    old = out.parent / f".{out.name}.{secrets.token_hex(4)}.old"
    out.rename(old)
    try:
        part.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def mark(folder: Path, content: dict[str, object]) -> None:
    """Writes the marker, which also tells what the export holds."""
    (folder / MARKER).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
