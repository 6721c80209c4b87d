"""Picture files of the record: images/2026/11/22/<id>.png, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import time
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

from app.domain.errors import StoreError
from app.store.room import sync_folder

ROOT = "images"
"""First part of every stored path, whatever the folder is called on this machine."""

SMALL_SUFFIX = ".thumb"
"""Of the small JPEG beside a picture: no picture's ending, so that nobody takes it for a part."""

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SUFFIX = re.compile(r"\.[0-9a-z]{1,8}")
_STALE_SECONDS = 600.0  # a .part older than this is no longer being written, by any process


class PictureFiles:
    """The folder `images`, by day of capture in UTC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, inspection_id: str, captured_at: datetime, data: bytes, suffix: str) -> tuple[str, str]:
        """See `Store.save_image`."""
        if not _ID.fullmatch(inspection_id) or not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"not the name of a picture: {inspection_id!r} {suffix!r}")
        day = captured_at.astimezone(UTC).strftime("%Y/%m/%d")
        folder = self._day_folder(day)
        name = inspection_id + suffix
        part = folder / (name + ".part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(part, folder / name)
        except OSError:
            part.unlink(missing_ok=True)  # on a full disk half a picture is only in the way
            raise
        sync_folder(folder)
        return f"{ROOT}/{day}/{name}", hashlib.sha256(data).hexdigest()

    def save_small(self, image_path: str, data: bytes) -> None:
        """See `Store.save_small`."""
        file = self.small_path(image_path)
        part = file.with_name(file.name + ".part")
        try:
            part.write_bytes(data)
            os.replace(part, file)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def small_path(self, image_path: str) -> Path:
        """See `Store.small_file`."""
        return self.path(image_path).with_suffix(SMALL_SUFFIX)

    def path(self, image_path: str) -> Path:
        """See `Store.image_file`."""
        parts = PurePosixPath(image_path).parts
        if len(parts) < 2 or parts[0] != ROOT or ".." in parts or re.search(r"[\\:\x00]", image_path):
            raise StoreError(f"{image_path!r} is not the path of a picture in the record.")
        return self.folder.joinpath(*parts[1:])

    def sweep_parts(self, since: date | None = None) -> int:
        """Removes stale *.part files of the days from `since` on (None: all); returns how many."""
        removed = 0
        first = "" if since is None else since.strftime("%Y/%m/%d")
        limit = time.time() - _STALE_SECONDS
        for folder in self.folder.glob("[0-9]*/[0-9]*/[0-9]*"):
            if folder.relative_to(self.folder).as_posix() < first:
                continue
            for part in folder.glob("*.part"):
                if part.stat().st_mtime < limit:
                    part.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _day_folder(self, day: str) -> Path:
        folder = self.folder / day
        if not folder.is_dir():
            missing = [folder]
            while not missing[-1].parent.is_dir():
                missing.append(missing[-1].parent)
            for level in reversed(missing):
                level.mkdir(exist_ok=True)
                sync_folder(level.parent)
        return folder
