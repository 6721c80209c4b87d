"""The checkpoints that `train` was told of, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.cli.parser import Arguments
from app.datasets.types import Dataset
from app.lifecycle.checkpoints import wanted_checkpoints
from app.vision.checkpoints import Checkpoint, Wanted


def wanted(options: Arguments, dataset: Dataset, first: Path) -> list[Wanted]:
    """In the dataset, in a file, or on the command line, there in pixels of the `first` training picture.

    Raises:
        DatasetError: a file that can't be used; the message names it.
    """
    return wanted_checkpoints(dataset.root, dataset.items, options.checkpoints, options.checkpoint, first)


def as_json(checkpoints: Sequence[Checkpoint]) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "good": each.good, "labelled": each.labelled, "states": list(each.states)}
        for each in checkpoints
    ]
