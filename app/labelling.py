"""The labelling desk: the library that is open, and everything the labelling workspace asks for.

Edits go through one worker in the order they were made; reading, imports and the helping model run beside it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.datasets.exporting import Kind
from app.datasets.library import Library, joining, snapshots
from app.datasets.library.adding import Incoming
from app.datasets.library.intake import Added, take_in
from app.datasets.library.joining import Joined
from app.datasets.library.report import SetReport, set_report
from app.datasets.library.snapshots import Difference, Snapshot
from app.domain.calendar import day_bounds, station_zone
from app.domain.errors import DatasetError
from app.domain.frame import Image
from app.domain.inspection import Outcome
from app.domain.labelling import (
    Change,
    Conflict,
    DefectType,
    Done,
    Label,
    LibraryCounts,
    LibraryPicture,
    Place,
    Query,
    Split,
)
from app.domain.person import Action
from app.domain.verdict import Verdict
from app.jobs import Job, Jobs
from app.labelling_files import incoming_from, write_export
from app.lifecycle.assist import Helped, can_help, heat_over, help_out, helper_of
from app.lifecycle.crops import CropCutter, PlaceCrop
from app.paths import DataFolder
from app.people import PeopleDesk
from app.pictures import encode_png, read_picture
from app.settings import Settings
from app.store import Store
from app.vision.detector import Detector

log = logging.getLogger(__name__)

T = TypeVar("T")

Plane = NDArray[np.uint8]

_FRESH = 10.0  # seconds after which a frame no longer shows what lies under the camera

EXPORTS = (
    ("lookout", "Lookout for Vision manifest"),
    ("sagemaker", "SageMaker manifest (good parts with empty masks)"),
    ("mvtec", "MVTec AD folders"),
    ("coco", "COCO"),
    ("csv", "CSV list"),
    ("folders", "Folders normal, anomaly, masks"),
)
"""Formats a set can be written in, with their names for people."""


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """A library that can be opened."""

    name: str
    path: Path
    open: bool


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    store: Store
    people: PeopleDesk

    @property
    def settings(self) -> Settings: ...
    def latest(self) -> Outcome | None: ...


class LabellingDesk:
    """All methods may be called from any thread. Those that return a Job return at once; the others are slow, or read
    memory only where they say so.

    Args:
        host: the station it stands in.
        person: who labels here where nobody is signed in.
        changed: told after every change of a library.
    """

    def __init__(self, host: Host, person: str, changed: Callable[[], None]) -> None:
        self._host, self._person, self._changed = host, person, changed
        self._root = host.data.libraries
        self._hand = Jobs(workers=2)
        self._lock = threading.Lock()
        self._opened: dict[Path, Library] = {}
        self._library: Library | None = None
        self._helper: tuple[Path, Detector] | None = None
        self._seen: dict[int, int] = {}
        self._cutter: tuple[Library, CropCutter] | None = None

    # -- libraries
    def libraries(self) -> list[LibraryEntry]:
        """Those in the station's own folder and the one that is open, by name."""
        with self._lock:
            now = self._library.root if self._library else None
        found = {path.resolve() for path in self._root.glob("*") if Library.is_library(path)}
        found |= {now.resolve()} if now else set()
        return [
            LibraryEntry(path.name, path, now is not None and path == now.resolve())
            for path in sorted(found, key=lambda path: path.name.casefold())
        ]

    def open(self, path: Path, *, make: bool = False) -> None:
        """Makes another library the open one. Raises DatasetError, and the one before stays open then."""
        place = path.expanduser().absolute()
        with self._lock:
            known = self._opened.get(place)
        library = known or Library.open(place, self._author, make=make)
        with self._lock:
            # Imports into the one before may still be running: it is closed at the end.
            self._opened[place] = self._library = library
            self._helper = None
            self._seen.clear()
        self._changed()

    def _author(self) -> str:
        return f"{self._host.people.on_record() or self._person}, {self._host.settings.station}"

    def make(self, name: str) -> Path:
        """Makes a new library in the station's folder and opens it."""
        name = " ".join(name.split())
        if not name or name.startswith(".") or any(letter in '/\\:*?"<>|' for letter in name) or len(name) > 60:
            raise DatasetError("A library's name has 1 to 60 characters and none of / \\ : * ? \" < > |.")
        path = self._root / name
        if path.exists():
            raise DatasetError(f"There is a library called {name} already: open it, or choose another name.")
        self.open(path, make=True)
        return path

    @property
    def place(self) -> Path | None:
        """The open library's folder; from memory."""
        with self._lock:
            return self._library.root if self._library else None

    def close(self) -> None:
        """Slow: waits for the edit in hand; jobs beside it are asked to stop."""
        self._hand.close()
        with self._lock:
            opened, self._library = list(self._opened.values()), None
            self._opened.clear()
        for library in opened:
            library.close()

    def _open(self) -> Library:
        with self._lock:
            if self._library is None:
                raise DatasetError("No library is open. Open one, or make a new one.")
            return self._library

    # -- looking
    def find(self, query: Query) -> list[int]:
        return self._open().find(query)

    def holding(self, sha256: str) -> tuple[Path, int] | None:
        """(library's folder, id) of the picture with these bytes: in the open library, else in one of the station's
        own; None where no library has it."""
        with self._lock:
            now = self._library.root if self._library else None
        for entry in sorted(self.libraries(), key=lambda each: each.path != now):
            try:
                with closing(Library.open(entry.path, self._person)) as library:
                    if (number := library.numbered(sha256)) is not None:
                        return entry.path, number
            except DatasetError as error:
                log.warning("%s", error)
        return None

    def days(self, first: date, last: date) -> tuple[str, str]:
        """`Query.since` and `until` of the station's days `first` to `last`; from memory."""
        settings = self._host.settings
        start, end = day_bounds(first, last, station_zone(settings.zone), settings.day_starts_at)
        return _moment(start), _moment(end)

    def counts(self) -> LibraryCounts:
        return self._open().counts()

    def pictures(self, ids: Sequence[int]) -> list[LibraryPicture]:
        return self._open().pictures(ids)

    def thumbnail(self, number: int) -> Image:
        """With its defects outlined."""
        return self._open().outlined_thumbnail(number)

    def image(self, number: int) -> Image:
        """(H, W, 3) uint8 BGR. Raises PictureError where its file is gone."""
        return read_picture(self._open().path(number))

    def mask(self, number: int) -> Plane | None:
        return self._open().mask(number)

    def history(self, number: int) -> list[Change]:
        return self._open().history(number)

    def types(self) -> tuple[DefectType, ...]:
        return self._open().defect_types()

    def undoable(self) -> tuple[str, str]:
        return self._open().undoable()

    def report(self) -> SetReport:
        return set_report(self._open())

    # -- labelling, in order
    def _act(self, name: str, work: Callable[[Library], T]) -> Job[T]:
        self._host.people.require(Action.LABEL)
        library = self._open()

        def run(_: Job[T]) -> T:
            try:
                return work(library)
            finally:
                self._changed()

        return self._hand.write(name, run)

    def classify(
        self, ids: Collection[int], label: Label | None, kind: str = "", seen: Mapping[int, int] | None = None
    ) -> Job[Done]:
        return self._act("Label", lambda library: library.classify(ids, label, kind, seen))

    def begin_drawing(self, number: int) -> tuple[LibraryPicture, Image, Plane | None]:
        """A picture to draw on, as it is now: what others change from here on is not overwritten."""
        library = self._open()
        found = library.picture(number)
        image = read_picture(library.path(number))
        plane = library.mask(number)
        with self._lock:
            self._seen[number] = found.revision
        return found, image, plane

    def draw(self, number: int, plane: Plane, words: str, *, over: bool = False) -> Job[Done]:
        """Keeps the mask after a step of drawing. `words` are the step's; "undo ..." and "redo ..." take back and do
        again. Refused where somebody else changed the picture since `begin_drawing`, unless `over` says to go on."""
        turn, _, what = words.partition(" ")
        turn = turn if turn in ("undo", "redo") else ""

        def work(library: Library) -> Done:
            with self._lock:
                seen = None if over else self._seen.get(number)
            done = library.set_mask(number, plane, what if turn else words, seen, turn)
            if over:
                self.looked_at(library.picture(number))
            return done

        return self._act("Draw", work)

    def looked_at(self, picture: LibraryPicture) -> None:
        """The person has seen this state of a picture; from memory."""
        with self._lock:
            self._seen[picture.id] = picture.revision

    def set_split(self, ids: Collection[int], split: Split | None) -> Job[Done]:
        return self._act("Split", lambda library: library.set_split(ids, split))

    def set_aside(self, ids: Collection[int], why: str) -> Job[Done]:
        return self._act("Leave out", lambda library: library.set_aside(ids, why))

    def split(self) -> Job[Done]:
        return self._act("Split", snapshots.split)

    def undo(self) -> Job[Done | None]:
        return self._act("Undo", lambda library: library.undo())

    def redo(self) -> Job[Done | None]:
        return self._act("Redo", lambda library: library.redo())

    def add_type(self, name: str) -> Job[DefectType]:
        return self._act("Defect type", lambda library: library.types.ensure(name))

    def rename_type(self, old: str, new: str) -> Job[Done]:
        return self._act("Rename", lambda library: library.types.rename(old, new))

    def merge_types(self, name: str, into: str) -> Job[Done]:
        return self._act("Merge", lambda library: library.types.merge(name, into))

    def remove_type(self, name: str) -> Job[Done]:
        return self._act("Remove", lambda library: library.types.remove(name))

    # -- getting pictures in
    def add_from(self, places: Sequence[Path], every: float = 0.0) -> Job[Added]:
        """Takes in pictures, folders, archives, videos (a frame `every` so many seconds, 0: when it changes), manifests
        and data sets of every layout that is read."""
        self._host.people.require(Action.LABEL)
        library = self._open()

        def work(job: Job[Added]) -> Added:
            added = Added()
            try:
                with incoming_from(places, library.root / ".incoming", every, job.step) as found:
                    added = take_in(library, found.pictures, job.step, total=found.total)
                    added.refused[:0] = found.problems
                return added
            finally:
                self._changed()

        return self._hand.start("Take in pictures", work)

    def capture(self) -> Job[Added]:
        """Takes in the newest picture of the running line."""
        self._host.people.require(Action.LABEL)
        outcome = self._host.latest()
        if outcome is None or outcome.frame.age() > _FRESH:
            raise DatasetError("No camera gives pictures now. Start one in Set-up, or show it the part again.")
        frame = outcome.frame
        now = datetime.now().astimezone()
        camera = frame.source
        each = Incoming(
            f"{now:%Y-%m-%d %H-%M-%S.%f}.png",
            data=encode_png(frame.image),
            source="camera",
            camera=camera,
            taken_at=now,
        )
        return self._act("Take a picture", lambda library: take_in(library, [each]))

    def add_inspected(self, start: datetime, end: datetime, verdicts: Collection[Verdict]) -> Job[Added]:
        """Takes in pictures of inspections: what the station saw and said becomes training material."""
        self._host.people.require(Action.LABEL)
        library = self._open()

        def chosen() -> Iterator[Incoming]:
            for inspection in self._host.store.inspections(start, end):
                if inspection.verdict in verdicts and inspection.image_path:
                    path = self._host.store.image_file(inspection.image_path)
                    local = inspection.captured_at.astimezone()
                    yield Incoming(
                        f"part {inspection.part_id} {local:%Y-%m-%d %H-%M-%S}{path.suffix}",
                        path,
                        source=f"inspections, {inspection.verdict.value}",
                        taken_at=inspection.captured_at,
                    )

        def work(job: Job[Added]) -> Added:
            try:
                return take_in(library, chosen(), job.step)
            finally:
                self._changed()

        return self._hand.start("Take in inspections", work)

    # -- the helping model
    def help_words(self) -> str:
        """Why no model can help yet; "" where one can."""
        return can_help(self._open())

    def help(self) -> Job[Helped]:
        self._host.people.require(Action.LABEL)
        library = self._open()

        def work(job: Job[Helped]) -> Helped:
            try:
                return help_out(library, job.step)
            finally:
                with self._lock:
                    self._helper = None
                self._changed()

        return self._hand.start("Sort with a model", work)

    def heat(self, number: int) -> tuple[NDArray[np.float32], float] | None:
        """The helping model's map over a whole picture and its limit; None where no model helped yet."""
        library = self._open()
        with self._lock:
            kept = self._helper
        if kept is None or kept[0] != library.root:
            detector = helper_of(library.root)
            if detector is None:
                return None
            kept = (library.root, detector)
            with self._lock:
                self._helper = kept
        return heat_over(kept[1], read_picture(library.path(number)))

    # -- sets, sessions, exports
    def snapshot(self) -> Job[Snapshot]:
        library = self._open()
        return self._hand.start("Snapshot", lambda job: snapshots.take(library))

    def snapshots(self) -> list[Snapshot]:
        """Newest first. A damaged one is left out and logged."""
        root = self._open().root
        found = []
        for number in reversed(snapshots.numbers_in(root)):
            try:
                found.append(snapshots.read_snapshot(snapshots.path_of(root, number)))
            except DatasetError as error:
                log.warning("%s", error)
        return found

    def difference(self, number: int) -> Difference:
        """What was changed since a snapshot."""
        library = self._open()
        before = snapshots.read_snapshot(snapshots.path_of(library.root, number))
        return snapshots.difference(before, snapshots.current(library))

    def export(self, kind: Kind, out: Path, prefix: str = "") -> Job[tuple[str, ...]]:
        """Writes the set in another program's format into the folder `out`; returns what the format could not carry.
        `prefix`: for manifests, what references begin with (s3://BUCKET/FOLDER)."""
        self._host.people.require(Action.EXPORT)
        library = self._open()
        return self._hand.start(
            "Export", lambda job: write_export(snapshots.current(library), kind, out, prefix, job.step)
        )

    def copy_for_session(self, folder: Path) -> Job[None]:
        library = self._open()
        return self._hand.start("Copy", lambda job: joining.copy_for_session(library, folder))

    def join(self, other: Path) -> Job[Joined]:
        self._host.people.require(Action.LABEL)
        library = self._open()

        def work(job: Job[Joined]) -> Joined:
            try:
                return joining.join(library, other, job.step)
            finally:
                self._changed()

        return self._hand.start("Join", work)

    def conflicts(self) -> list[Conflict]:
        return joining.conflicts(self._open())

    def resolve(self, chosen: Collection[Conflict], take: str) -> Job[Done]:
        return self._act("Choose", lambda library: joining.resolve(library, chosen, take))

    # -- checkpoints
    def places(self) -> list[Place]:
        return self._open().places()

    def draw_place(self, place: Place, instead_of: str = "") -> Job[None]:
        return self._act("Checkpoint", lambda library: library.draw_place(place, instead_of))

    def remove_place(self, name: str) -> Job[None]:
        return self._act("Checkpoint", lambda library: library.remove_place(name))

    def crops(self, name: str, ids: Sequence[int]) -> list[PlaceCrop]:
        """The checkpoint's crop of each picture, cut where the part lies."""
        library = self._open()
        with self._lock:
            if self._cutter is None or self._cutter[0] is not library:
                self._cutter = (library, CropCutter(library))
            cutter = self._cutter[1]
        return cutter.cut(name, ids)

    def label_crops(self, ids: Collection[int], name: str, word: str) -> Job[Done]:
        return self._act("Checkpoint", lambda library: library.label_crops(ids, name, word))


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds")


__all__ = [
    "EXPORTS",
    "Added",
    "Difference",
    "Helped",
    "Joined",
    "LabellingDesk",
    "LibraryEntry",
    "PlaceCrop",
    "SetReport",
    "Snapshot",
]
