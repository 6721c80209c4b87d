"""The reference pictures of the products, one each, as files of the data folder."""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from app.domain.errors import LinesightError, PictureError
from app.domain.frame import Image
from app.domain.reference import PictureReference
from app.pictures import decode_picture, encode_png
from app.vision.reference import Reference
from app.whole_files import write_whole

log = logging.getLogger(__name__)


class ReferencePictures:
    """The files, and the newest one made ready. Any thread; all calls are slow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._ready: tuple[str, Reference] | None = None  # by the file's hash

    def keep(self, picture: Image, *, at: datetime, by: str, camera: str) -> PictureReference:
        """Writes a picture that becomes a reference once whoever asks has noted it.

        Raises:
            LinesightError: it can't be one, or can't be written.
        """
        reference = Reference(picture)
        data = encode_png(picture)
        file, digest = f"{uuid.uuid4().hex}.png", hashlib.sha256(data).hexdigest()
        try:
            write_whole(self._folder / file, data)
        except OSError as error:
            raise LinesightError(
                f"{self._folder / file} can't be written ({error.strerror or error}). Free some space."
            ) from error
        with self._lock:
            self._ready = digest, reference
        return PictureReference(at, by, camera, file, digest, reference.figures)

    def picture(self, reference: PictureReference) -> Image:
        """
        Raises:
            LinesightError: the file is gone, was changed or can't be read.
        """
        path, out = self._folder / reference.file, "Put it back from a backup, or take the reference anew."
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LinesightError(f"{path} can't be read ({error.strerror or error}). {out}") from error
        if hashlib.sha256(data).hexdigest() != reference.sha256:
            raise LinesightError(f"{path} was changed after it was taken. {out}")
        try:
            return decode_picture(data, str(path))
        except PictureError as error:
            raise LinesightError(f"{error} {out}") from error

    def ready(self, reference: PictureReference) -> Reference:
        """Made ready for comparing (0.1 to 0.5 s, the first time).

        Raises:
            LinesightError: as for `picture`.
        """
        with self._lock:
            if self._ready is None or self._ready[0] != reference.sha256:
                self._ready = reference.sha256, Reference(self.picture(reference))
            return self._ready[1]

    def tidy(self, wanted: Collection[PictureReference]) -> None:
        """Takes away the files of no reference."""
        names = {each.file for each in wanted}
        for path in self._folder.glob("*.png"):
            if path.name not in names:
                try:
                    path.unlink()
                except OSError as error:
                    log.warning("%s can't be removed (%s)", path, error)
