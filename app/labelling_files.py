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
from app.datasets.library.adding import Incoming
from app.datasets.manifest import MANIFEST_SUFFIXES
from app.datasets.masks import mask_reader
from app.domain.errors import DatasetError
from app.domain.labelling import LabelState
from app.pictures import find_pictures, is_picture_name

Step = Callable[[float | None, str], None]


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
        return
    if place.is_dir() and not _is_dataset(place):
        unreadable: list[str] = []

        def tell(folder: Path, error: OSError) -> None:
            unreadable.append(f"The folder {folder} can't be listed ({error.strerror or error}).")

        pictures = list(find_pictures(place, tell))
        problems += unreadable
        if not pictures:
            raise DatasetError(f"The folder {place} holds no picture (JPEG, PNG, BMP, TIFF or WebP).")
        for path in pictures:
            yield Incoming(path.relative_to(place).as_posix(), path, source=f"folder {place.name}")
        return
    dataset = read_dataset(place)
    problems += dataset.problems
    for item in dataset.items:
        yield incoming_of(item, dataset, place)


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
    types = (item.type,) if item.type and item.label == "anomaly" else ()
    state = LabelState(item.label, types, "", item.split)
    masks = mask_reader(item) if item.mask is not None and item.label == "anomaly" else None
    return Incoming(item.name, item.path, source=f"{dataset.layout}, {place.name}", state=state, masks=masks)
