"""The models kept at a station: one immutable file a version."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.errors import ModelError
from app.domain.inspection import ModelRef
from app.vision import artefact
from app.vision.detector import Detector

log = logging.getLogger(__name__)

_BY_NAME = re.compile(r"^(?P<name>.+)@(?P<version>[1-9][0-9]*)$")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A version on the shelf, as its file describes itself."""

    ref: ModelRef
    path: Path
    description: artefact.Description


class ModelShelf:
    """The folder of models: `NAME/VERSION.linesight`, versions rising from 1, never overwritten."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, name: str, data: bytes) -> StoredModel:
        """Keeps a finished artefact as the next version of `name`.

        Raises:
            ModelError: it can't be written, or is none.
        """
        folder = self.root / folder_name(name)
        for version in range(max(self._versions(folder), default=0) + 1, 1_000_000):
            path = folder / f"{version}{artefact.SUFFIX}"
            if not path.exists():
                artefact.write(path, data)
                return self._stored(path, version)
        raise ModelError(f"{name} has no room for another version. Remove old ones from {folder}.")

    def find(self, text: str) -> StoredModel:
        """The model that MODEL names: a file's path, or NAME@VERSION.

        Raises:
            ModelError: there is none, or it is damaged; says what there is.
        """
        path = Path(text).expanduser()
        if path.exists():
            return self._stored(path, 0)
        found = _BY_NAME.match(text)
        if found is None:
            raise ModelError(
                f"There is no model file {text}, and it is no NAME@VERSION of this station{self._offer()}. "
                "Correct the path, or train a model."
            )
        version = int(found["version"])
        kept = self.root / folder_name(found["name"]) / f"{version}{artefact.SUFFIX}"
        if not kept.is_file():
            raise ModelError(f"This station has no model {text}{self._offer()}.")
        return self._stored(kept, version)

    def load(self, text: str) -> Detector:
        """The model that MODEL names, ready to judge."""
        stored = self.find(text)
        model, _ = artefact.load(stored.path)
        return Detector(model, stored.ref)

    def all(self) -> list[StoredModel]:
        """Every readable version, newest first; damaged files are logged and left where they are."""
        found: list[StoredModel] = []
        if not self.root.is_dir():
            return found
        for folder in self.root.iterdir():
            for version in self._versions(folder):
                try:
                    found.append(self._stored(folder / f"{version}{artefact.SUFFIX}", version))
                except ModelError as error:
                    log.warning("%s", error)
        return sorted(found, key=lambda stored: stored.description.created_at, reverse=True)

    def newest(self, name: str) -> StoredModel | None:
        """The highest readable version of `name`."""
        folder = self.root / folder_name(name)
        for version in sorted(self._versions(folder), reverse=True):
            try:
                return self._stored(folder / f"{version}{artefact.SUFFIX}", version)
            except ModelError as error:
                log.warning("%s", error)
        return None

    def _offer(self) -> str:
        kept = [str(stored.ref) for stored in self.all()[:5]]
        return f" (it has {', '.join(kept)})" if kept else " (it has none)"

    @staticmethod
    def _versions(folder: Path) -> list[int]:
        if not folder.is_dir():
            return []
        names = (path.stem for path in folder.iterdir() if path.suffix == artefact.SUFFIX)
        return [int(name) for name in names if name.isascii() and name.isdigit()]

    @staticmethod
    def _stored(path: Path, version: int) -> StoredModel:
        model, ref = artefact.load(path)
        return StoredModel(replace(ref, version=version), path, model.description)


def folder_name(name: str) -> str:
    """A name people chose as a file name that every system takes."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.").lower() or "model"
