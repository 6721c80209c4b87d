"""Reading COCO's instances files: pictures, categories, and annotations as polygons or run lengths.

A picture with annotations is an anomaly of their categories, those marked `iscrowd` too; one without is normal. Where
Linesight wrote the file, the pictures' own entries `label`, `types` and `labelled_at` say it exactly.
"""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.datasets.references import Unusable, date_of, json_of, local
from app.datasets.types import NAMELESS, Dataset, Drawn, Item, Label, Polygon, Runs, Shape, Split
from app.domain.errors import DatasetError

ANNOTATIONS = "annotations"
"""The folder beside the pictures in which COCO keeps its files."""


def is_coco(content: object) -> bool:
    """Whether a JSON file's content is an instances file."""
    return isinstance(content, dict) and isinstance(content.get("images"), list)


def read_coco(paths: Sequence[Path], root: Path) -> Dataset:
    """Reads instances files; names with `train`, `val` or `test` in them are splits (`val` counts as test).

    Args:
        root: what the dataset is called by: the one file, or the folder.
    """
    items: dict[Path, Item] = {}
    problems: list[str] = []
    for path in paths:
        for item in _File(path, problems).items():
            if item.path in items:
                problems.append(f"{item.place}: {item.name} occurs again; the later entry counts")
            items[item.path] = item
    return Dataset(root, "COCO", tuple(items.values()), tuple(problems))


@dataclass
class _Drawn:
    """What the annotations of one picture say; `whole` is False where one of them has no usable outline."""

    types: list[str] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    whole: bool = True


class _File:
    def __init__(self, path: Path, problems: list[str]) -> None:
        self._path, self._problems = path, problems
        content = json_of(path)
        if not is_coco(content):
            raise DatasetError(f"{path} is no instances file of COCO's: it has no list of images.")
        self._images: list[Any] = content["images"]
        self._annotations: list[Any] = self._list(content, "annotations")
        self._names: dict[object, str] = {}
        for entry in self._list(content, "categories"):
            number, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
            if not isinstance(number, int) or not isinstance(name, str) or not name.strip():
                self._say("a category", "has no id or no name")
            elif number in self._names:
                self._say(f"category {number}", f"occurs again, as {name}; {self._names[number]} counts")
            else:
                self._names[number] = name.strip()
        self._folders = _folders(path)
        self._split = _split_of(path)

    def items(self) -> Iterator[Item]:
        """The pictures that are there."""
        known = {entry.get("id"): entry for entry in self._images if isinstance(entry, dict) and _hashable(entry)}
        drawn = self._drawn(known)
        seen: set[object] = set()
        for entry in self._images:
            if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str) or not _hashable(entry):
                self._say("an image", "has no file_name or no id")
                continue
            number, name = entry["id"], entry["file_name"]
            if number in seen:
                self._say(f"image {number} ({name})", "has the id of another: only that one is used")
                continue
            seen.add(number)
            place = f"{self._path}, image {number}"
            try:
                yield self._item(entry, drawn[number], place)
            except Unusable as why:
                self._problems.append(f"{place}: {why}")

    def _item(self, entry: dict[str, Any], drawn: _Drawn, place: str) -> Item:
        name = entry["file_name"]
        picture = self._file(name)
        if "label" in entry and entry["label"] in ("normal", "anomaly", None):
            label: Label | None = entry["label"]
        else:
            label = "anomaly" if drawn.types else "normal"
        own = entry.get("types")
        listed = [kind for kind in own if isinstance(kind, str)] if isinstance(own, list) else []
        types = tuple(dict.fromkeys(listed or drawn.types)) if label != "normal" else ()
        width, height = entry.get("width"), entry.get("height")
        size = (width, height) if isinstance(width, int) and isinstance(height, int) else None
        mask = Drawn(self._path, tuple(drawn.shapes), size) if drawn.shapes and drawn.whole else None
        return Item(
            picture,
            name,
            label,
            split=self._split,
            mask=mask,
            place=place,
            types=types,
            labelled_at=date_of(entry.get("labelled_at")),
        )

    def _file(self, name: str) -> Path:
        """Where the picture lies: COCO's files tell only its name."""
        here = self._path.parent
        within = here.parent if here.name == ANNOTATIONS else here
        refused: Unusable | None = None
        for folder in self._folders:
            try:
                found = local(name, folder, within)
            except Unusable as why:
                refused = refused or why
                continue
            if found.is_file():
                # Most pictures lie where the last one did.
                self._folders = [folder, *(each for each in self._folders if each != folder)]
                return found
        looked = ", ".join(str(folder) for folder in self._folders)
        raise refused or Unusable(f"the picture {name} is in none of the folders {looked}")

    def _drawn(self, images: dict[Any, dict[str, Any]]) -> defaultdict[object, _Drawn]:
        found: defaultdict[object, _Drawn] = defaultdict(_Drawn)
        boxes: list[str] = []
        for entry in self._annotations:
            if not isinstance(entry, dict):
                self._say("an annotation", "is no object")
                continue
            what, image = f"annotation {entry.get('id')}", entry.get("image_id")
            if not isinstance(image, int | str) or image not in images:
                self._say(what, f"belongs to image {image}, which is not in the list of images")
                continue
            of = found[image]
            kind = self._names.get(entry.get("category_id")) if isinstance(entry.get("category_id"), int) else None
            if kind is None:
                self._say(what, f"of image {image} has category {entry.get('category_id')}, which the file lacks")
                of.whole = False
                of.types.append(NAMELESS)
                continue
            of.types.append(kind)
            try:
                shapes = _shapes(entry.get("segmentation"), kind)
            except Unusable as why:
                self._say(what, f"of image {image} {why}: its picture is used without a mask")
                of.whole = False
                continue
            if not shapes:
                boxes.append(f"{what} of image {image}")
                of.whole = False
            of.shapes += shapes
        if boxes:
            self._say(
                f"{len(boxes)} annotations, the first {boxes[0]}," if len(boxes) > 1 else boxes[0],
                "have only a box: their pictures are used without masks"
                if len(boxes) > 1
                else "has only a box: its picture is used without a mask",
            )
        return found

    def _list(self, content: dict[str, Any], name: str) -> list[Any]:
        value = content.get(name, [])
        if not isinstance(value, list):
            raise DatasetError(f"{self._path} is no instances file of COCO's: its {name} is no list.")
        return value

    def _say(self, what: str, why: str) -> None:
        self._problems.append(f"{self._path}: {what} {why}")


def _hashable(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("id"), int | str)


def _folders(path: Path) -> list[Path]:
    """Where pictures of an instances file usually lie."""
    here = path.parent
    bases = [here, here.parent] if here.name == ANNOTATIONS else [here]
    part = re.sub(r"^(instances|annotations)?_+|[._]coco$", "", path.stem)
    folders = [base / name if name else base for base in bases for name in ("", "images", part, f"images/{part}")]
    return [folder for folder in dict.fromkeys(map(Path, map(os.path.normpath, folders))) if folder.is_dir()]


def _split_of(path: Path) -> Split | None:
    words = re.findall(r"train|val|test", path.stem.lower())
    return None if not words else "train" if words[-1] == "train" else "test"


def _shapes(segmentation: object, kind: str) -> list[Shape]:
    """Polygons or run lengths; empty where there are none."""
    if isinstance(segmentation, dict):
        return [_runs(segmentation, kind)]
    if not segmentation:
        return []
    if not isinstance(segmentation, list):
        raise Unusable("has a segmentation that is neither polygons nor run lengths")
    shapes: list[Shape] = []
    for ring in segmentation:
        if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2 or not all(map(_is_number, ring)):
            raise Unusable("has a polygon that is no list of three or more points x, y")
        shapes.append(Polygon(kind, tuple(zip(map(float, ring[::2]), map(float, ring[1::2]), strict=True))))
    return shapes


def _runs(segmentation: dict[str, Any], kind: str) -> Runs:
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) for side in size):
        raise Unusable("has run lengths without the size [height, width]")
    if isinstance(counts, list) and all(isinstance(count, int) for count in counts):
        return Runs(kind, tuple(counts), (size[1], size[0]))
    if isinstance(counts, str):
        return Runs(kind, counts, (size[1], size[0]))
    raise Unusable("has run lengths that are neither numbers nor text")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and math.isfinite(value)
