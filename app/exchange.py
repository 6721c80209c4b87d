"""Sets between the open library and a bucket of the account."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from app.candidates import keep_figures
from app.cloud.parcels import name_of
from app.cloud.session import CloudSession
from app.cloud.transfers import Moved, download, upload
from app.datasets.lookout_export import take_over
from app.domain.errors import Cancelled, DatasetError, LinesightError
from app.domain.person import Action
from app.jobs import Job, Jobs, part_of
from app.labelling import LabellingDesk
from app.lifecycle import ModelShelf
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings

T = TypeVar("T")


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    people: PeopleDesk
    labelling: LabellingDesk
    shelf: ModelShelf

    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came from a bucket.

    Attributes:
        pictures: that the library took in now; it knew the others.
        projects: name and number of pictures of each project that was found.
        problems: what was left out, in words.
    """

    pictures: int
    projects: tuple[tuple[str, int], ...]
    problems: tuple[str, ...]


class SetExchange:
    """Any thread; each is a Job that can be stopped, and goes on where it was when it is begun again.

    Args:
        session: the way to AWS as the settings have it now.
    """

    def __init__(self, host: Host, session: Callable[[], CloudSession]) -> None:
        self._host, self._session = host, session

    @property
    def place(self) -> str:
        """s3://BUCKET/datasets/LIBRARY of the open library; "" where no bucket is set or no library is open."""
        bucket, library = self._host.settings.cloud_bucket, self._host.labelling.place
        return f"s3://{bucket}/datasets/{name_of(library.name)}" if bucket and library else ""

    def send(self) -> Job[Moved]:
        """The open library's set, as a Lookout for Vision manifest with its pictures and masks, to `place`."""
        self._host.people.require(Action.EXPORT)
        place = self._known()

        def work(job: Job[Moved]) -> Moved:
            with tempfile.TemporaryDirectory(prefix="linesight-set-", dir=self._room()) as folder:
                out = Path(folder) / "set"
                _wait(self._host.labelling.export("lookout", out, place), job, 0.0, 0.3)
                moved = upload(self._session(), out, place, part_of(job.step, 0.3, 1.0))
            self._host.people.note(Action.EXPORT, place, f"{moved.files:,} files, {moved.known:,} were there")
            return moved

        return self._host.jobs.start("Send the set", work)

    def fetch(self, place: str = "") -> Job[Fetched]:
        """What lies below s3://BUCKET/FOLDER into the open library; without `place` the library's own. Pictures come
        with their labels and masks; what is known here keeps what was said here."""
        self._host.people.require(Action.LABEL)
        place = place or self._known()

        def work(job: Job[Fetched]) -> Fetched:
            # Of its own for each place; what a stop leaves there is gone on with.
            root = self._room() / hashlib.sha256(place.encode()).hexdigest()[:16]
            moved = download(self._session(), place, root, part_of(job.step, 0.0, 0.6))
            with tempfile.TemporaryDirectory(prefix="linesight-set-", dir=self._room()) as folder:
                taken = take_over(root, Path(folder), part_of(job.step, 0.6, 0.8))
                for each in taken:
                    keep_figures(self._host.shelf, each.project)
                outs = [each.out for each in taken if each.out.is_dir()]
                if not outs:
                    raise DatasetError(f"There is no labelled picture in {place}: no manifest names one that is there.")
                added = _wait(self._host.labelling.add_from(outs), job, 0.8, 1.0)
            problems = (*moved.problems, *(words for each in taken for words in each.problems), *added.refused)
            shutil.rmtree(root, ignore_errors=True)  # the library has its own copies
            self._host.people.note(Action.LABEL, place, f"{len(added.new):,} pictures fetched")
            projects = tuple((each.project.name, len(each.project.dataset.items)) for each in taken)
            return Fetched(len(added.new), projects, problems)

        return self._host.jobs.start("Fetch the set", work)

    # -- inside
    def _known(self) -> str:
        if not self.place:
            raise LinesightError("No bucket is set, or no library is open. An engineer names one under Set-up, Cloud.")
        return self.place

    def _room(self) -> Path:
        room = self._host.data.cache / "sets"
        room.mkdir(parents=True, exist_ok=True)
        return room


def _wait(inner: Job[T], outer: Job[Any], begin: float, end: float) -> T:
    """Follows a job within another; stopping the one stops the other."""
    while not futures.wait([inner.future], 0.1).done:
        try:
            outer.step(begin + (end - begin) * (inner.progress.fraction or 0.0), inner.progress.words)
        except Cancelled:
            inner.cancel()
            raise
    return inner.result()
