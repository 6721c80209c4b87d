"""The checkpoints that `train` was told of: in the dataset, in a file, or on the command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.cli.parser import Arguments
from app.datasets.checkpoints import FILE, DrawnCheckpoint, read_checkpoints
from app.datasets.types import Item
from app.pictures import read_picture
from app.vision.checkpoints import Checkpoint, Wanted
from app.vision.survey import Sample


def wanted(options: Arguments, items: Sequence[Item], first: Path) -> list[Wanted]:
    """What is to be learned; empty without checkpoints.

    Args:
        items: the dataset's pictures, whose names their samples have.
        first: the first training picture, on which those of the command line are drawn.

    Raises:
        DatasetError: a file that can't be used; the message names it.
    """
    root = options.dataset if options.dataset.is_dir() else options.dataset.parent
    drawn: list[DrawnCheckpoint] = []
    if options.checkpoints is not None:
        drawn += read_checkpoints(options.checkpoints, root)
    elif (root / FILE).exists():
        drawn += read_checkpoints(root / FILE, root)
    drawn += [DrawnCheckpoint(name, box, first) for name, box in options.checkpoint]
    names = {os.path.normpath(item.path): item.name for item in items}

    def sample(path: Path) -> Sample:
        return Sample(names.get(os.path.normpath(path), str(path)), lambda: read_picture(path))

    return [
        Wanted(each.name, each.box, sample(each.picture), tuple((sample(path), state) for path, state in each.labels))
        for each in drawn
    ]


def as_json(checkpoints: Sequence[Checkpoint]) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "good": each.good, "labelled": each.labelled, "states": list(each.states)}
        for each in checkpoints
    ]
