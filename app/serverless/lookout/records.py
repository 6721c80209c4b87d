"""What the service knows of projects, and where it keeps it.

One document a project, small enough to be written whole; a dataset's lines and the models' files lie beside it. The
port is what another keeper would have to offer as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.errors import LinesightError
from app.whole_files import write_whole

try:  # Windows has no flock: there one process alone keeps the records
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

DatasetType = Literal["train", "test"]
Clock = Callable[[], float]

TOKEN_SECONDS = 8 * 3600
_SWEEP_EVERY = 200  # answers remembered between two sweeps


class RecordsError(LinesightError):
    """The records can't be read or written."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", validate_assignment=False)


class Object(_Document):
    """An object in a bucket."""

    bucket: str
    key: str
    version: str | None = None


class DatasetRecord(_Document):
    """A dataset.

    Attributes:
        created, updated: seconds since 1970.
        source: the manifest it comes from; None for one that began empty.
        images: how many lines it has: all, labelled, normal, anomaly.
    """

    created: float
    updated: float
    status: str
    message: str
    source: Object | None = None
    images: tuple[int, int, int, int] = (0, 0, 0, 0)


class Performance(_Document):
    """Of a model on its test pictures, 0..1 each."""

    f1: float
    recall: float
    precision: float


class ModelRecord(_Document):
    """A version of a project's model.

    Attributes:
        begun: whether its training has been begun, so that after a sudden end it is known to be lost.
        request: the CreateModel request's own words about it: description, key, where results go.
        labels: of a model that shows where defects are: each label's colour as #RRGGBB; None for one that does not.
        picture: (width, height) of the training pictures.
    """

    version: int
    arn: str
    created: float
    status: str
    message: str
    bucket: str
    prefix: str
    begun: bool = False
    description: str | None = None
    kms_key: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    performance: Performance | None = None
    evaluated: float | None = None
    min_units: int | None = None
    max_units: int | None = None
    labels: dict[str, str] | None = None
    picture: tuple[int, int] | None = None


class PackagingRecord(_Document):
    """A packaging job.

    Attributes:
        configuration: as the request gave it.
    """

    name: str
    version: int
    created: float
    updated: float
    status: str
    message: str
    configuration: dict[str, object]
    description: str | None = None
    component: str
    component_version: str
    component_arn: str | None = None


class Project(_Document):
    """A project and all that belongs to it.

    Attributes:
        next_version: versions are never used again.
    """

    name: str
    arn: str
    created: float
    next_version: int = 1
    datasets: dict[DatasetType, DatasetRecord] = Field(default_factory=dict)
    models: dict[int, ModelRecord] = Field(default_factory=dict)
    jobs: dict[str, PackagingRecord] = Field(default_factory=dict)


class Remembered(_Document):
    """The answer to a request that carried a client token."""

    at: float
    digest: str
    status: int
    body: str


class Records(Protocol):
    """Where projects are kept; any thread may call."""

    def locked(self, project: str) -> contextlib.AbstractContextManager[None]:
        """For reading, changing and writing one project without others in between; may be nested."""
        ...

    def names(self) -> list[str]:
        """Of all projects."""
        ...

    def project(self, name: str) -> Project | None:
        """As it was last saved."""
        ...

    def save(self, project: Project) -> None:
        """As a whole or not at all, and for good."""
        ...

    def remove(self, name: str) -> None:
        """With everything that belongs to it."""
        ...

    def lines(self, project: str, dataset: str) -> list[str]:
        """A dataset's JSON lines in their order; none where nothing was saved. `dataset` may name anything kept so."""
        ...

    def save_lines(self, project: str, dataset: str, lines: Sequence[str] | None) -> None:
        """None removes them."""
        ...

    def model(self, project: str, version: int) -> Path:
        """Where the version's artefact is or will be."""
        ...

    def remembered(self, token: str) -> Remembered | None:
        """The answer given to a token in the last eight hours."""
        ...

    def remember(self, token: str, answer: Remembered) -> None:
        """For eight hours."""
        ...


class FolderRecords:
    """Records in a folder: a folder a project; every file is replaced as a whole."""

    def __init__(self, root: Path, clock: Clock = time.time) -> None:
        self._root, self._clock = root, clock
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()
        self._held = threading.local()
        self._since_sweep = _SWEEP_EVERY
        with _told(root):
            (root / "projects").mkdir(parents=True, exist_ok=True)
            (root / "tokens").mkdir(exist_ok=True)
            (root / "locks").mkdir(exist_ok=True)

    @contextlib.contextmanager
    def locked(self, project: str) -> Iterator[None]:
        name = _folder(project)
        with self._guard:
            lock = self._locks.setdefault(name, threading.RLock())
        with lock:
            held: set[str] = self._held.__dict__.setdefault("names", set())
            if name in held or fcntl is None:
                yield
                return
            # Several processes may keep the same records, as functions on one file system do.
            with (self._root / "locks" / name).open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                held.add(name)
                try:
                    yield
                finally:
                    held.discard(name)

    def names(self) -> list[str]:
        found = []
        with _told(self._root):
            for path in sorted((self._root / "projects").glob("*/project.json")):
                try:
                    project = self._read(path)
                except RecordsError as error:  # one that is damaged must not take all others away
                    log.warning("%s", error)
                    continue
                if project is not None:
                    found.append(project.name)
        return sorted(found)

    def project(self, name: str) -> Project | None:
        return self._read(self._home(name) / "project.json")

    def save(self, project: Project) -> None:
        self._write(self._home(project.name) / "project.json", project.model_dump_json(indent=1).encode())

    def remove(self, name: str) -> None:
        home = self._home(name)
        with _told(home):
            # First what makes it a project: a folder that is half gone is none.
            (home / "project.json").unlink(missing_ok=True)
            shutil.rmtree(home, ignore_errors=True)

    def lines(self, project: str, dataset: str) -> list[str]:
        path = self._home(project) / f"{dataset}.jsonl"
        with _told(path):
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return []
        return [line for line in text.split("\n") if line]

    def save_lines(self, project: str, dataset: str, lines: Sequence[str] | None) -> None:
        path = self._home(project) / f"{dataset}.jsonl"
        if lines is None:
            with _told(path):
                path.unlink(missing_ok=True)
        else:
            self._write(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))

    def model(self, project: str, version: int) -> Path:
        return self._home(project) / "models" / f"{version}.linesight"

    def remembered(self, token: str) -> Remembered | None:
        path = self._token(token)
        try:
            answer = Remembered.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return answer if self._clock() - answer.at < TOKEN_SECONDS else None

    def remember(self, token: str, answer: Remembered) -> None:
        with self._guard:
            self._since_sweep += 1
            sweep = self._since_sweep > _SWEEP_EVERY
            if sweep:
                self._since_sweep = 0
        if sweep:
            for path in (self._root / "tokens").iterdir():
                with contextlib.suppress(OSError):
                    if self._clock() - path.stat().st_mtime > TOKEN_SECONDS:
                        path.unlink()
        self._write(self._token(token), answer.model_dump_json().encode())

    def _home(self, project: str) -> Path:
        return self._root / "projects" / _folder(project)

    def _token(self, token: str) -> Path:
        return self._root / "tokens" / hashlib.sha256(token.encode()).hexdigest()

    def _read(self, path: Path) -> Project | None:
        with _told(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            return Project.model_validate_json(data)
        except ValidationError as error:
            raise RecordsError(
                f"{path} is damaged ({error.errors()[0]['msg']}). Bring it back from a backup, or move its folder away."
            ) from error

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        with _told(path):
            write_whole(path, data)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordsError(f"{path} can't be read or written ({error.strerror or error}).") from error


def _folder(project: str) -> str:
    # Some file systems take ABC and abc for the same name.
    return f"{project.lower()[:40]}-{hashlib.sha256(project.encode()).hexdigest()[:12]}"
