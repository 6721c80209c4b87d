"""The models kept at a station: one immutable file a version."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.errors import ModelError
from app.domain.inspection import ModelRef
from app.lifecycle import releases
from app.vision import artefact
from app.vision.detector import Detector

log = logging.getLogger(__name__)

_RESTING = 1
"""Models that stay compiled beside those that run: the one before."""

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
        self._resting: list[Detector] = []  # the newest last
        self._lock = threading.Lock()

    def folder(self, name: str) -> Path:
        """Where the versions of `name` lie, and what is known of them."""
        return self.root / folder_name(name)

    def add(
        self, name: str, data: bytes, before: Callable[[Path, int], None] = lambda path, version: None
    ) -> StoredModel:
        """Keeps a finished artefact as the next version of `name`. The version is there from the moment its file is
        complete; a program killed before that leaves a number that is never given again.

        Args:
            before: told (file, version) before the file appears: what lies beside it is written then.

        Raises:
            ModelError: it can't be written, or is none.
        """
        folder = self.folder(name)
        for version in range(max(self._versions(folder), default=0) + 1, 1_000_000):
            path = folder / f"{version}{artefact.SUFFIX}"
            if not _reserve(path):
                continue
            try:
                before(path, version)
                artefact.write(path, data)
                return self._stored(path, version)
            except BaseException:
                # The number is free again: what was written beside it must not be taken for another model's.
                for each in (path, path.with_suffix(".json")):
                    with contextlib.suppress(OSError):
                        each.unlink()
                raise
        raise ModelError(f"{name} has no room for another version. Remove old ones from {folder}.")

    def find(self, text: str) -> StoredModel:
        """The model that MODEL names: a file's path, NAME@VERSION, or NAME for the version that is released.

        Raises:
            ModelError: there is none, or it is damaged; says what there is.
        """
        return self._read(text)[1]

    def load(self, text: str) -> Detector:
        """The model that MODEL names, ready to judge."""
        model, stored = self._read(text)
        return Detector(model, stored.ref)

    def ready(self, text: str) -> Detector:
        """The same for a line, and for it alone: graphs that lines share take turns. One that `rest`s is given as it
        is, with its graphs compiled for the camera's pictures; its file is read again, and has to be the same."""
        with contextlib.suppress(ModelError):  # reading it says why
            path, version, released = self._place(text)
            wanted = artefact.digest(path), version
            with self._lock:
                same = [each for each in self._resting if _key(each) == wanted and released in ("", wanted[0])]
                self._resting = [each for each in self._resting if each not in same[:1]][-_RESTING:]
            if same:
                return same[0]
        detector = self.load(text)
        detector.expect_one_size()
        return detector

    def rest(self, detector: Detector) -> None:
        """A line has ended: its model stays as it is for the way back, which takes a third of the time then."""
        with self._lock:
            # One more than stays: the line is about to ask for its next one.
            self._resting = [*self._resting, detector][-_RESTING - 1 :]

    def _read(self, text: str) -> tuple[artefact.Model, StoredModel]:
        path, version, released = self._place(text)
        model, stored = _from_file(path, version)
        if released and stored.ref.sha256 != released:
            raise ModelError(
                f"The file of {stored.ref} was changed after it was released. Roll back to the version before, or "
                "restore the file from a backup."
            )
        return model, stored

    def _place(self, text: str) -> tuple[Path, int, str]:
        """(file, version, the SHA-256 that it was released with, "" where it was named otherwise); the file may be
        missing where it was named as one."""
        path = Path(text).expanduser()
        if path.is_file():
            return path, 0, ""
        found = _BY_NAME.match(text)
        if found is None and text and (release := releases.newest(self.folder(text))) is not None:
            path, version, _none = self._place(release.version)
            return path, version, release.sha256
        if path.exists():
            return path, 0, ""  # reading it says why it is no model
        if found is None:
            raise ModelError(
                f"There is no model file {text}, and it is no NAME@VERSION of this station{self._offer()}. "
                "Correct the path, or train a model."
            )
        version = int(found["version"])
        kept = self.folder(found["name"]) / f"{version}{artefact.SUFFIX}"
        if not _is_complete(kept):
            raise ModelError(f"This station has no model {text}{self._offer()}.")
        return kept, version, ""

    def all(self) -> list[StoredModel]:
        """Every readable version, newest first; damaged files are logged and left where they are."""
        found: list[StoredModel] = []
        if not self.root.is_dir():
            return found
        for folder in self.root.iterdir():
            for version in self.versions(folder):
                try:
                    found.append(self._stored(folder / f"{version}{artefact.SUFFIX}", version))
                except ModelError as error:
                    log.warning("%s", error)
        return sorted(found, key=lambda stored: stored.description.created_at, reverse=True)

    def newest(self, name: str) -> StoredModel | None:
        """The highest readable version of `name`."""
        folder = self.folder(name)
        for version in sorted(self.versions(folder), reverse=True):
            try:
                return self._stored(folder / f"{version}{artefact.SUFFIX}", version)
            except ModelError as error:
                log.warning("%s", error)
        return None

    def released(self, name: str) -> str:
        """NAME@VERSION that is released of `name`, "" for none. Raises ModelError where the history is damaged."""
        release = releases.newest(self.folder(name))
        return release.version if release else ""

    @classmethod
    def versions(cls, folder: Path) -> list[int]:
        """Numbers of the files in a folder that are complete; one that is only reserved is none."""
        return [number for number in cls._versions(folder) if _is_complete(folder / f"{number}{artefact.SUFFIX}")]

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
        return _from_file(path, version)[1]


def _from_file(path: Path, version: int) -> tuple[artefact.Model, StoredModel]:
    model, ref = artefact.load(path)
    return model, StoredModel(replace(ref, version=version), path, model.description)


def _key(detector: Detector) -> tuple[str, int]:
    return detector.ref.sha256, detector.ref.version


def _is_complete(path: Path) -> bool:
    """Whether a version is there: `add` reserves its name by an empty file first."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _reserve(path: Path) -> bool:
    """Takes the name for this process and thread alone; False where somebody was first.

    Raises:
        ModelError: nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("x").close()
    except FileExistsError:
        return False
    except OSError as error:
        raise ModelError(
            f"The model can't be written to {path} ({error.strerror or error}). Free some space, or give this user "
            "write access."
        ) from error
    return True


def folder_name(name: str) -> str:
    """A name people chose as a file name that every system takes; letters of every script stay, so that two
    products do not become one."""
    plain = unicodedata.normalize("NFC", name)
    plain = re.sub(r"[^\w.-]+", "-", plain).strip("-.").lower()[:_LONGEST].rstrip("-.") or "model"
    return f"{plain}-" if plain.split(".")[0] in _TAKEN else plain


_LONGEST = 60  # characters; a file name has room for 255 bytes
_TAKEN = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)
"""Names that Windows keeps for itself, with any ending."""
