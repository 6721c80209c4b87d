"""The checkpoints that a dataset, a file or a person draws, as training takes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from app.datasets.checkpoints import FILE, DrawnCheckpoint, read_checkpoints
from app.datasets.library.snapshots import checkpoints_of, set_of
from app.datasets.types import Item
from app.pictures import read_picture
from app.vision.checkpoints import Wanted
from app.vision.survey import Sample

Box = tuple[float, float, float, float]


def wanted_checkpoints(
    dataset: Path,
    items: Sequence[Item],
    file: Path | None = None,
    drawn: Sequence[tuple[str, Box]] = (),
    drawn_on: Path | None = None,
) -> list[Wanted]:
    """What is to be learned; empty without checkpoints.

    Args:
        dataset: the folder or manifest; a `checkpoints.json` there, or what a library has drawn, is used where no
            `file` is named.
        items: the dataset's pictures, whose names their samples have.
        drawn: more of them, in pixels of the picture `drawn_on`.

    Raises:
        DatasetError: a file that can't be used; the message names it.
    """
    root = dataset if dataset.is_dir() else dataset.parent
    found: list[DrawnCheckpoint] = []
    if file is not None:
        found += read_checkpoints(file, root)
    elif (library := set_of(dataset)) is not None:
        found += checkpoints_of(library)
    elif (root / FILE).exists():
        found += read_checkpoints(root / FILE, root)
    if drawn_on is not None:
        found += [DrawnCheckpoint(name, box, drawn_on) for name, box in drawn]
    names = {os.path.normpath(item.path): item.name for item in items}

    def sample(path: Path) -> Sample:
        return Sample(names.get(os.path.normpath(path), str(path)), lambda: read_picture(path))

    return [
        Wanted(each.name, each.box, sample(each.picture), tuple((sample(path), state) for path, state in each.labels))
        for each in found
    ]
