"""A folder of pictures, and those that are still to come into it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.cameras.base import SourceTraits
from app.domain.errors import PictureError, SourceError
from app.domain.frame import Frame
from app.pictures import find_pictures, read_picture

POLL = 0.25
PATIENCE = 5.0

_Signature = tuple[int, int]
"""Size in bytes and modification time in ns: changes while a file is written."""


@dataclass(slots=True)
class _Seen:
    """What is known of one file.

    Attributes:
        signature: as last looked at.
        since: on the clock, since when it has been so.
        fresh: it may still be being written: it came, or changed, under our eyes or just before.
        done: delivered, or given up, in this state.
    """

    signature: _Signature
    since: float
    fresh: bool
    done: bool = False


class FolderSource:
    """The pictures below a folder in natural order, then (with `watch`) new ones as they come.

    A file that is still being written is waited for while others go ahead. A picture that is written
    anew under an old name is a new picture. Opened again, it goes on where it was.

    Args:
        root: the folder.
        watch: keep waiting for new pictures instead of ending.
        poll: seconds between two looks.
        patience: seconds an incomplete file may stay unchanged before it counts as damaged.
        known: parts that were delivered in an earlier run, and when: their files are passed over unless
            they were written since.
        clock: seconds, rising.
        wall_clock: seconds since 1970, what modification times are compared with.
    """

    def __init__(
        self,
        root: Path,
        *,
        watch: bool = True,
        poll: float = POLL,
        patience: float = PATIENCE,
        known: Mapping[str, datetime] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._watch = watch
        self._poll = poll
        self._patience = patience
        self._known = known or {}
        self._clock = clock
        self._wall_clock = wall_clock
        self._files: dict[Path, _Seen] = {}
        self._ready: Iterator[Path] = iter(())
        self._first_look = True
        self._rest = 0.0
        self._open = False
        self._stopped = threading.Event()

    @property
    def address(self) -> str:
        return f"folder:{self._root}"

    @property
    def traits(self) -> SourceTraits:
        return SourceTraits(live=False, parts=True, endless=self._watch)

    def open(self) -> None:
        try:
            if not self._root.exists():
                raise SourceError(f"{self.address} does not exist: check the path, or plug the drive in.")
            if not self._root.is_dir():
                raise SourceError(f"{self.address} is a file: name the folder it lies in.")
            empty = not self._watch and next(find_pictures(self._root), None) is None
        except OSError as error:
            raise self._unreadable(error) from error
        if empty:
            raise SourceError(f"{self.address} holds no pictures (JPEG, PNG, BMP, TIFF or WebP).")
        self._open = True

    def read(self) -> Frame | None:
        """The next picture; PictureError for one that is damaged, after which the next read goes on."""
        while not self._stopped.is_set():
            if not self._open:
                raise SourceError(f"{self.address} is not open.")
            path = next(self._ready, None)
            if path is not None:
                frame = self._deliver(path)
                if frame is not None:
                    return frame
            elif not self._look_again():
                return None
        return None

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._open = False
        self._stopped.clear()

    def _look_again(self) -> bool:
        """Looks for files after a rest; False when there will be no more."""
        waiting = any(not file.done for file in self._files.values())
        if not (self._first_look or self._watch or waiting):
            return False
        if not self._first_look:
            self._stopped.wait(self._rest)
        began = time.monotonic()
        try:
            found = list(find_pictures(self._root))
        except OSError as error:
            if self._root.is_dir() and isinstance(error, FileNotFoundError):
                found = list(self._files)  # a folder inside went away while looking
            else:
                raise self._unreadable(error) from error
        for gone in self._files.keys() - set(found):
            # The others stay known: a drive that is plugged in again brings nothing new.
            if not self._files[gone].done:
                del self._files[gone]
        self._ready = iter([path for path in found if self._is_ready(path)])
        # A look at a large folder on a slow drive may take long: most of the time goes to other work.
        self._rest = max(self._poll, 4 * (time.monotonic() - began))
        self._first_look = False
        return True

    def _is_ready(self, path: Path) -> bool:
        """Whether the file is new and has stopped changing."""
        try:
            status = path.stat()
        except OSError:  # deleted meanwhile
            self._files.pop(path, None)
            return False
        signature = (status.st_size, status.st_mtime_ns)
        seen = self._files.get(path)
        if seen is None or seen.signature != signature:
            age = self._wall_clock() - status.st_mtime
            # What is in the folder at the start may have lain there for years.
            settled = seen is None and self._first_look and age > self._patience
            before = self._known.get(self._part_id(path)) if seen is None and self._first_look else None
            done = before is not None and status.st_mtime < before.timestamp()
            self._files[path] = _Seen(signature, self._clock(), fresh=not settled, done=done)
            return settled and not done
        return not seen.done and self._clock() - seen.since >= self._poll * 0.9

    def _deliver(self, path: Path) -> Frame | None:
        """The picture; None when it is gone, or not whole yet."""
        seen = self._files[path]
        try:
            image = read_picture(path)
        except PictureError:
            if not path.exists():
                del self._files[path]
                return None
            if seen.fresh and self._clock() - seen.since < self._patience:
                return None
            seen.done = True
            raise
        seen.done = True
        return Frame(
            image,
            self.address,
            part_id=self._part_id(path),
            path=path,
            path_in_folder=path.relative_to(self._root).as_posix(),
        )

    def _part_id(self, path: Path) -> str:
        return path.relative_to(self._root).with_suffix("").as_posix()

    def _unreadable(self, error: OSError) -> SourceError:
        if not self._root.exists():
            return SourceError(f"{self.address} is gone: plug the drive in, or check the network.")
        name = error.filename or self._root
        return SourceError(f"{self.address} can't be read: {error.strerror or error} ({name}). Check its permissions.")
