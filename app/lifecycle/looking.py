"""What a version sees in one picture, for the screen: its map, its regions and its verdict."""

from __future__ import annotations

import threading
from pathlib import Path

from app.domain.frame import Frame, Image
from app.domain.inspection import Outcome
from app.lifecycle.versions import Registry
from app.pictures import read_picture
from app.vision.detector import Detector


class Looking:
    """Keeps the version it was asked for last, since pictures of one version are looked at one after another."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._last: tuple[str, Detector] | None = None  # SHA-256 of the model, and it

    def picture(self, name: str, path: Path, sha256: str = "") -> Image:
        """Slow: (H, W, 3) uint8 BGR of a picture that NAME@VERSION was asked about: the copy of these bytes that is
        kept with the models, else the file itself. Raises PictureError where neither can be read."""
        return read_picture(self.place(name, path, sha256))

    def place(self, name: str, path: Path, sha256: str) -> Path:
        copy = self._registry.picture(name.rpartition("@")[0], sha256 + path.suffix.lower())
        return copy if sha256 and copy.is_file() else path

    def at(self, name: str, path: Path, sha256: str = "", threshold: float | None = None) -> Outcome:
        """Slow: the same picture judged by NAME@VERSION; one at a time.

        Args:
            threshold: in place of the version's own.

        Raises:
            LinesightError: the version can't be used, or its picture is gone; says which.
        """
        version = self._registry.find(name)
        place = self.place(name, path, sha256)
        image = read_picture(place)
        with self._lock:
            if self._last is None or self._last[0] != version.sha256:
                self._last = (version.sha256, self._registry.load(version))
            detector = self._last[1]
            if threshold is not None:
                detector = detector.with_threshold(threshold)
            detection = detector.detect(image)
        return Outcome(Frame(image, place.name, path=place), detection.verdict, detection, None)
