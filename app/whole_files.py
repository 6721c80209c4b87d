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
