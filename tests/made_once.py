"""What takes long to make and several parts of the suite need: the first that needs it makes it for all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "LINESIGHT_TESTS_MADE"
"""Environment variable: a folder of all parts that run together; without it each makes its own."""


def made_once(name: str, own: Path, make: Callable[[Path], None], *, copied: bool = True) -> Path:
    """A folder as `make` fills it.

    Args:
        own: empty folder of this part.
        copied: this part may change it; else it has the same path for all and stays as it is.
    """
    together = os.environ.get(FOLDER)
    if not together or os.name != "posix":
        make(own)
        return own
    kept = Path(together) / name
    with _alone(Path(together) / f"{name}.lock"):
        if not kept.is_dir():
            making = Path(together) / f"{name}.making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            make(making)
            making.rename(kept)
    return Path(shutil.copytree(kept, own, dirs_exist_ok=True)) if copied else kept


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time; one that ends lets go."""
    import fcntl

    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
