"""Reading labelme's files: beside each picture a JSON file of its shapes.

A picture with shapes is an anomaly of their types, one whose file has none is normal, one without a file is unlabelled,
and so is one whose file can't be used, which is named. Flags speak for the whole picture: `normal`, `good` or `ok`
says normal, and not set says nothing; any other flag that is set is a type (`anomaly` and `defect` without a name of
their own).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.datasets.references import Unusable, json_of, local
from app.datasets.types import Circle, Dataset, Drawn, Item, Label, Patch, Polygon, Shape
from app.domain.errors import DatasetError
from app.pictures import find_pictures

_GOOD = {"normal", "good", "ok"}
_NAMELESS = {"anomaly", "anomalous", "defect", "defective"}
_ENDINGS = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"BM", ".bmp"), (b"II", ".tif"), (b"MM", ".tif"))


def is_labelme(content: object) -> bool:
    """Whether a JSON file's content is labelme's."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def read_labelme(files: Sequence[Path], root: Path, room: Path | None) -> Dataset:
    """Reads labelme's files, and the pictures of `root` beside them, where it is a folder.

    Args:
        files: JSON files; those that are not labelme's are left out.
        root: what the dataset is called by: the one file, or the folder.
        room: an existing folder for pictures that are kept inside their JSON file only; None: they are problems.
    """
    items: dict[Path, Item] = {}
    problems: list[str] = []
    folder = root if root.is_dir() else root.parent
    for path in files:
        try:
            content = json_of(path)
            if not is_labelme(content):
                continue
            item = _item(path, content, folder, room, problems)
        except (DatasetError, Unusable) as why:
            text = str(why)
            problems.append(text if text.startswith(str(path)) else f"{path}: {text}")
            continue
        if item.path in items:
            problems.append(f"{path}: {item.name} is labelled by {items[item.path].place} too; the later file counts")
        items[item.path] = item
    if root.is_dir():
        for picture in find_pictures(root):
            if picture not in items:
                items[picture] = Item(picture, picture.relative_to(root).as_posix(), None)
    return Dataset(root, "labelme", tuple(items.values()), tuple(problems))


def _item(path: Path, content: dict[str, Any], folder: Path, room: Path | None, problems: list[str]) -> Item:
    picture = _picture(path, content, folder, room)
    inside = picture.is_relative_to(folder)
    name = picture.relative_to(folder).as_posix() if inside else _last(str(content.get("imagePath")) or path.stem)
    flags = content.get("flags")
    raised = {str(flag).strip() for flag, up in flags.items() if up is True} if isinstance(flags, dict) else set()
    asked = {str(flag).strip().lower() for flag in flags} if isinstance(flags, dict) else set()
    good = {flag for flag in raised if flag.lower() in _GOOD}
    shapes: list[Shape] = []
    types: list[str] = []
    outlineless: list[str] = []
    for number, entry in enumerate(content["shapes"], 1):
        kind, found = _shape(entry, number)
        types.append(kind)
        if found is None:
            outlineless.append(f"shape {number} ({entry.get('shape_type')})")
        else:
            shapes.append(found)
    if outlineless:
        # A mask that lacks one defect would teach that it is good surface.
        shapes = []
        problems.append(
            f"{path}: {', '.join(outlineless)} has no area: the picture is used without a mask. "
            "Outline it as polygon, rectangle, circle or mask"
        )
    types += sorted(raised - good)
    if good and types:
        raise Unusable(f"its flag {min(good)} says that the part is good, but it has {types[0]}")
    label: Label | None = "anomaly" if types else "normal" if good or not asked & _GOOD else None
    named = tuple(dict.fromkeys(kind for kind in types if kind.lower() not in _NAMELESS))
    size = (content.get("imageWidth"), content.get("imageHeight"))
    known = (size[0], size[1]) if isinstance(size[0], int) and isinstance(size[1], int) else None
    mask = Drawn(path, tuple(shapes), known) if shapes else None
    return Item(picture, name, label, mask=mask, place=str(path), types=named)


def _picture(path: Path, content: dict[str, Any], folder: Path, room: Path | None) -> Path:
    reference = content.get("imagePath")
    if isinstance(reference, str) and reference:
        found = local(reference, path.parent, folder)
        if found.is_file():
            return found
    embedded = content.get("imageData")
    if not isinstance(embedded, str) or not embedded:
        raise Unusable(f"its picture {reference} does not exist, and is not inside the file either")
    if room is None:
        raise Unusable(f"its picture {reference} is only inside the file: put the picture beside it")
    try:
        data = base64.b64decode(embedded, validate=True)
    except (binascii.Error, ValueError):
        raise Unusable(f"its picture {reference} does not exist, and the one inside the file is damaged") from None
    ending = next((ending for begin, ending in _ENDINGS if data.startswith(begin)), ".png")
    # Named by its place, so that two files of one name in different folders do not meet.
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    target = room / f"{key}{ending}"
    try:
        target.write_bytes(data)
    except OSError as error:
        raise DatasetError(f"The picture inside {path} can't be written to {target} ({error.strerror}).") from error
    return target


def _shape(entry: object, number: int) -> tuple[str, Shape | None]:
    """The type and the area of one shape; None where it has none, as a line has."""
    if not isinstance(entry, dict) or not isinstance(entry.get("label"), str) or not entry["label"].strip():
        raise Unusable(f"shape {number} has no label")
    kind, form = entry["label"].strip(), entry.get("shape_type") or "polygon"
    points = _points(entry.get("points"), number)
    drawn = "" if kind.lower() in _NAMELESS else kind
    match form, len(points):
        case "rectangle", 2:
            (left, top), (right, bottom) = points
            return kind, Polygon(drawn, ((left, top), (right, top), (right, bottom), (left, bottom)))
        case "polygon" | "rectangle" | "oriented_rectangle", count if count >= 3:
            return kind, Polygon(drawn, tuple(points))
        case "circle", 2:
            (x, y), edge = points
            return kind, Circle(drawn, x, y, math.dist((x, y), edge))
        case "mask", count if count >= 1:
            try:
                data = base64.b64decode(entry.get("mask") or "", validate=True)
            except (binascii.Error, ValueError, TypeError):
                raise Unusable(f"shape {number} has a damaged mask") from None
            # Its piece begins at the whole pixel of the first corner.
            return kind, Patch(drawn, int(points[0][0]), int(points[0][1]), data)
        case "line" | "linestrip" | "point" | "points", _:
            return kind, None
    raise Unusable(f"shape {number} is a {form} of {len(points)} points, which is not read here")


def _points(value: object, number: int) -> list[tuple[float, float]]:
    entries: Iterable[object] = value if isinstance(value, list) else ()
    points: list[tuple[float, float]] = []
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2 or not all(_is_number(part) for part in entry):
            raise Unusable(f"shape {number} has a point that is not two numbers")
        points.append((float(entry[0]), float(entry[1])))
    return points


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and math.isfinite(value)


def _last(reference: str) -> str:
    return reference.replace("\\", "/").rpartition("/")[2]
