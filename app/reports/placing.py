"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.domain.errors import LinesightError


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """The file to write to; it takes the place of `out` when all went well, and is gone otherwise.

    Raises:
        LinesightError: the place can't be written, the file is open elsewhere.
    """
    part = out.with_name(f".{out.name}.part")
    try:
        if out.is_dir():
            raise LinesightError(f"{out} is a folder: give a file's name for the report.")
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.exists():
            out.open("r+b").close()  # open in Excel, or write-protected: say so before the work
        part.write_bytes(b"")
        yield part
        os.replace(part, out)
    except PermissionError as error:
        raise LinesightError(
            f"The report {out} can't be written: it may be open in another program, or this user may not write "
            "there. Close it, or choose another name or folder."
        ) from error
    except OSError as error:
        raise LinesightError(
            f"The report {out} can't be written ({error.strerror or error}). Choose another name or folder, "
            "or free space on the disk."
        ) from error
    finally:
        with suppress(OSError):  # its folder is no folder, or not ours: then there is no such file either
            part.unlink(missing_ok=True)
