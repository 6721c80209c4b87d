"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

_LONGEST = 100  # characters of the name that the part's has: file systems allow some 255 bytes


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Writes a file beside its place and puts it there when it is complete; what was there before is replaced.

    Two writers never share a half-written file, and none is left behind by an error.

    Args:
        durable: it survives a power cut once this returns; False for what can be made again.

    Raises:
        OSError: as the system says it.
    """
    part = path.with_name(f".{path.name[:_LONGEST]}.{uuid.uuid4().hex[:12]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_new(path: Path, data: bytes, *, read_only: bool = False) -> bool:
    """Writes a file that nobody has written yet; it appears whole or not at all and survives a power cut.

    Returns:
        False where there is one already, also where another process was first; that one stays.

    Raises:
        OSError: as the system says it.
    """
    part = path.with_name(f".{path.name[:_LONGEST]}.{uuid.uuid4().hex[:12]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if read_only:
            part.chmod(0o444)
        try:
            os.link(part, path)  # fails where there is one, unlike renaming
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            if path.exists():
                return False
            part.replace(path)
        return True
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
