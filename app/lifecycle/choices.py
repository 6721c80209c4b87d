"""What the station has to train on: its libraries, as they are now and as they were kept."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.datasets.library import Library, snapshots
from app.domain.errors import DatasetError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DatasetChoice:
    """A set that can be trained on.

    Attributes:
        title: "bolts, as it is now", "bolts, snapshot 3".
        path: what `TrainingPlan.dataset` takes.
        number: of the snapshot, 0 for the library as it is now (a snapshot of it is taken when training is asked for).
        normals, anomalies: labelled pictures; test: how many of them are kept for testing.
    """

    title: str
    path: Path
    library: str
    number: int
    made_at: datetime | None
    normals: int
    anomalies: int
    test: int


def choices_in(libraries: Path) -> list[DatasetChoice]:
    """Slow: every library in a folder with its snapshots, newest snapshot first in each. A damaged one is logged and
    left out."""
    found: list[DatasetChoice] = []
    for root in sorted(libraries.glob("*"), key=lambda path: path.name.casefold()):
        if not Library.is_library(root):
            continue
        places = [root, *(snapshots.path_of(root, number) for number in reversed(snapshots.numbers_in(root)))]
        for place in places:
            try:
                if (held := snapshots.set_of(place)) is not None:
                    found.append(_choice(root, place, held))
            except DatasetError as error:
                log.warning("%s", error)
    return found


def _choice(root: Path, place: Path, held: snapshots.Snapshot) -> DatasetChoice:
    labels = [each.state.label for each in held.pictures]
    title = f"{root.name}, snapshot {held.number}" if held.number else f"{root.name}, as it is now"
    return DatasetChoice(
        title,
        place,
        root.name,
        held.number,
        held.made_at if held.number else None,
        labels.count("normal"),
        labels.count("anomaly"),
        sum(each.state.split == "test" and each.state.label is not None for each in held.pictures),
    )
