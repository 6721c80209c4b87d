"""The reserve: a file that is given up when the disk is full, so that rows can still be committed."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path

log = logging.getLogger(__name__)


class Reserve:
    """`size` bytes really allocated at `path` (0: none is kept).

    While the reserve is missing for want of room, the room left belongs to rows alone
    (`keeps_for_rows`): pictures would eat in seconds what rows can live on for hours.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._given_up = False

    @property
    def ok(self) -> bool:
        """Whether the reserve is there, whole."""
        if self.size == 0:
            return True
        try:
            return self.path.stat().st_size >= self.size
        except OSError:
            return False

    @property
    def keeps_for_rows(self) -> bool:
        """Whether pictures must not be written now."""
        return not self.ok and (self._given_up or self._free_bytes() < 2 * self.size)

    def make(self) -> bool:
        """Allocates the reserve where as much again stays free; whether it is there afterwards."""
        if self.ok:
            self._given_up = False
            return True
        if self._free_bytes() < 2 * self.size:
            return False
        part = self.path.with_name(self.path.name + ".part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                _allocate(descriptor, self.size)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(part, self.path)
        except OSError as error:
            log.warning("the reserve %s could not be made: %s", self.path, error)
            part.unlink(missing_ok=True)
            return False
        self._given_up = False
        return True

    def give_up(self) -> bool:
        """Frees the reserve; whether there was one."""
        self._given_up = True
        try:
            os.truncate(self.path, 0)  # frees the room even where another process has the file open
            self.path.unlink()
            sync_folder(self.path.parent)  # some file systems give the room back only now
        except FileNotFoundError:
            return False
        except OSError as error:
            log.warning("the reserve %s could not be freed: %s", self.path, error)
            return False
        log.warning("the disk is full: the reserve %s was freed for rows", self.path)
        return True

    def _free_bytes(self) -> int:
        try:
            return shutil.disk_usage(self.path.parent).free
        except OSError:
            return 0


def sync_folder(folder: Path) -> None:
    """Makes names in `folder` durable (a no-op on Windows, which has no such call)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
    block = os.urandom(1 << 16)  # not zeros: some file systems keep no room for those
    left = size
    while left:
        left -= os.write(descriptor, block[: min(left, len(block))])
