"""Files to pictures of a library, and a library's set to files of other programs."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from app.datasets import Dataset, Item, read_dataset
from app.datasets.exporting import Kind, export
from app.datasets.library.adding import Incoming
from app.datasets.library.files import LibraryFiles
from app.datasets.library.snapshots import Snapshot
from app.datasets.manifest import MANIFEST_SUFFIXES
from app.datasets.masks import mask_reader
from app.datasets.types import Labelled
from app.datasets.video import CHANGE, extract
from app.domain.errors import DatasetError, SourceError
from app.domain.labelling import LabelState
from app.pictures import find_pictures, is_picture_name

Step = Callable[[float | None, str], None]

VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm"})


@dataclass(slots=True)
class Found:
    """Pictures to be taken in; `total` 0 where it is not known. `problems` in words: what was left out."""

    pictures: Iterable[Incoming] = ()
    total: int = 0
    problems: list[str] = field(default_factory=list)


@contextmanager
def incoming_from(places: Sequence[Path], scratch: Path, every: float, step: Step) -> Iterator[Found]:
    """What files, folders, archives, videos and data sets hold. Archives and videos are unpacked below `scratch`, which
    is emptied afterwards.

    Args:
        every: seconds between two frames of a video; 0: a frame whenever the picture changes.

    Raises:
        DatasetError: a place holds nothing that can be used; names it.
    """
    found = Found()
    own = scratch / uuid.uuid4().hex
    try:
        parts: list[list[Incoming]] = []
        for place in places:
            try:
                parts.append(list(_of_place(place, own / str(len(parts)), every, found.problems, step)))
            except DatasetError as error:
                if len(places) == 1:
                    raise
                found.problems.append(str(error))
        found.pictures = chain.from_iterable(parts)
        found.total = sum(map(len, parts))
        yield found
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _of_place(place: Path, scratch: Path, every: float, problems: list[str], step: Step) -> Iterator[Incoming]:
    step(None, f"Looking at {place.name}")
    if is_picture_name(place) and not place.is_dir():
        yield Incoming(place.name, place, source=f"folder {place.parent.name}")
    elif place.suffix.lower() in VIDEOS and place.is_file():
        yield from _of_video(place, scratch, every, problems, step)
    elif place.is_dir() and not _is_dataset(place):
        yield from _of_folder(place, place.name, problems)
    else:
        scratch.mkdir(parents=True)
        try:
            dataset = read_dataset(place, room=scratch, step=step)
        except DatasetError:
            # An archive without any layout is a folder of pictures, packed.
            unpacked = scratch / "unpacked"
            if not unpacked.is_dir() or not any(find_pictures(unpacked)):
                raise
            yield from _of_folder(unpacked, place.name, problems)
            return
        problems += dataset.problems
        for item in dataset.items:
            yield incoming_of(item, dataset, place)


def _of_folder(folder: Path, name: str, problems: list[str]) -> Iterator[Incoming]:
    def tell(place: Path, error: OSError) -> None:
        problems.append(f"The folder {place} can't be listed ({error.strerror or error}).")

    pictures = list(find_pictures(folder, tell))
    if not pictures:
        raise DatasetError(f"The folder {folder} holds no picture (JPEG, PNG, BMP, TIFF or WebP).")
    for path in pictures:
        yield Incoming(path.relative_to(folder).as_posix(), path, source=f"folder {name}")


def _of_video(place: Path, scratch: Path, every: float, problems: list[str], step: Step) -> Iterator[Incoming]:
    try:
        taken = extract(place, scratch, every=every or None, change=None if every else CHANGE, step=step)
    except SourceError as error:
        raise DatasetError(str(error)) from error
    problems += [taken.error] if taken.error else []
    for path in taken.files:
        yield Incoming(f"{place.stem}/{path.name}", path, source=f"video {place.name}")


def _is_dataset(folder: Path) -> bool:
    """Whether a folder has a layout that says what its pictures are."""
    try:
        read_dataset(folder)
    except DatasetError:
        names = {entry.name for entry in folder.iterdir()}
        if names & {"normal", "anomaly"} or any(Path(name).suffix.lower() in MANIFEST_SUFFIXES for name in names):
            raise
        return False
    return True


def incoming_of(item: Item, dataset: Dataset, place: Path) -> Incoming:
    """A data set's picture with its label, types, mask and split."""
    types = item.types if item.label == "anomaly" else ()
    state = LabelState(item.label, types, "", item.split)
    masks = mask_reader(item) if item.mask is not None and item.label == "anomaly" else None
    return Incoming(item.name, item.path, source=f"{dataset.layout}, {place.name}", state=state, masks=masks)


def write_export(
    snapshot: Snapshot, kind: Kind, out: Path, prefix: str, step: Callable[[float, str], None]
) -> tuple[str, ...]:
    """Writes a library's set in another program's format; what the format can't carry comes back in words."""
    files = LibraryFiles(snapshot.root)
    items = snapshot.dataset(snapshot.root).items
    records = [
        Labelled(
            files.picture(each.digest, each.suffix),
            each.name,
            each.state.label,
            each.state.types,
            each.state.split,
            mask_reader(item) if item.mask is not None else None,
        )
        for each, item in zip(snapshot.pictures, items, strict=True)
    ]
    colours = {each.name: each.colour for each in snapshot.types}
    done = export(records, kind, out, step, colours=colours, s3_prefix=prefix)
    return (*done.problems, *done.notes)
