"""A small set in which everything occurs that a layout may or may not carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.datasets import Dataset, Item, Labelled
from app.datasets.masks import read_mask
from app.datasets.types import Masks
from app.pictures import read_picture
from tests.handmade import encoded, texture

SIZE = (60, 40)
WHEN = datetime(2026, 11, 2, 8, 30, 15, 250000, tzinfo=UTC)


def area(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    found = np.zeros(SIZE[::-1], bool)
    found[top:bottom, left:right] = True
    return found


def everything(folder: Path) -> list[Labelled]:
    """Pictures of 60 x 40 in two folders of which some have one name."""
    stain, crack = area(5, 5, 40, 30), area(20, 10, 23, 38)
    two_places = area(1, 1, 4, 4) | area(50, 30, 60, 40)
    return [
        _record(folder, "a/1.png", "normal", split="train", added_at=WHEN),
        _record(folder, "b/1.png", "normal", split="test"),
        _record(folder, "b/1.jpg", "normal"),
        _record(folder, "a/2.png", "anomaly", ("stain", "crack"), "train", {"stain": stain, "crack": crack}),
        _record(folder, "a/3.jpg", "anomaly", ("crack",), "test", {"crack": two_places}, WHEN),
        _record(folder, "a/4.png", "anomaly", ("dent",), "test"),
        _record(folder, "a/5.png", "anomaly", (), "train", {"anomaly": two_places}),
        _record(folder, "a/6.png", "anomaly", ("dent", "crack"), "test", {"crack": crack}),
        _record(folder, "a/7.png", "anomaly", (), "test"),
        _record(folder, "a/8.png", None),
        _record(folder, "a/Teil ü, \"9\".png", "anomaly", ("Riß; a|b\\c",), "test", {"Riß; a|b\\c": crack}),
    ]  # fmt: skip


def _record(
    folder: Path,
    name: str,
    label: str | None,
    types: tuple[str, ...] = (),
    split: str | None = None,
    masks: Masks | None = None,
    added_at: datetime | None = None,
) -> Labelled:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(path.suffix, texture(SIZE[1], SIZE[0], seed=len(list(folder.rglob("*.*"))))))
    reader = (lambda size: masks) if masks is not None else None
    return Labelled(path, name, label, types, split, reader, added_at)  # type: ignore[arg-type]


def masks_of(item: Item | Labelled) -> dict[str, np.ndarray]:
    """Its areas that are not empty."""
    height, width = read_picture(item.path).shape[:2]
    if isinstance(item, Item):
        found = read_mask(item, (width, height)) if item.mask else {}
    else:
        found = item.masks((width, height)) if item.masks else {}
    return {kind: part for kind, part in found.items() if part.any()}


def by_content(records: Sequence[Labelled] | Dataset) -> dict[bytes, Item | Labelled]:
    """The pictures by their bytes, which every layout keeps."""
    items = records.items if isinstance(records, Dataset) else records
    found = {item.path.read_bytes(): item for item in items}
    assert len(found) == len(items)
    return found


def same_masks(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert set(one) == set(other)
    for kind, part in one.items():
        np.testing.assert_array_equal(part, other[kind], err_msg=kind)
