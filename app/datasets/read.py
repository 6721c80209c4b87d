"""Recognising a dataset's layout and reading its labels: no picture is decoded here."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from app.datasets.archive import is_zip, unpack
from app.datasets.coco import ANNOTATIONS, is_coco, read_coco
from app.datasets.folders import read_mvtec, read_normal_anomaly, read_plain
from app.datasets.labelme import is_labelme, read_labelme
from app.datasets.library.snapshots import set_of
from app.datasets.manifest import MANIFEST_SUFFIXES, read_manifest
from app.datasets.references import json_of
from app.datasets.tables import TABLE_SUFFIXES, is_table, read_table
from app.datasets.types import Dataset, Drawn, Item, Mask, Stencil
from app.domain.errors import DatasetError
from app.pictures import is_picture_name

_Step = Callable[[float, str], None]
_Kind = Literal["zip", "manifest", "coco", "labelme", "table"]
_HEAD = 1 << 16

LAYOUTS = (
    "a folder with normal/ and, if there are any, anomaly/ (or anomaly/TYPE/) and masks/; "
    "a folder in MVTec AD's layout (train/good, test/..., ground_truth/...); "
    "a Lookout for Vision or Ground Truth manifest (.manifest or .jsonl); a CSV list (picture,normal|anomaly); "
    "COCO's instances file; a folder of pictures with labelme's JSON files; a zip archive of one of these; "
    "or a library of the labelling workspace, or its snapshot"
)


def read_dataset(
    path: Path, *, plain_is_normal: bool = False, room: Path | None = None, step: _Step | None = None
) -> Dataset:
    """Reads labelled pictures in any layout that `LAYOUTS` names, recognised by content.

    Args:
        plain_is_normal: takes a folder of pictures without any such layout for pictures of good parts,
            where a person was asked for just that.
        room: an existing, empty folder for what has to be unpacked (archives, pictures inside labelme's files), which
            has to stay while the items are used; `opened_dataset` has one of its own.
        step: told of the progress of unpacking; may raise Cancelled.

    Raises:
        DatasetError: nothing usable there, or masks without pictures; names files and the way out.
    """
    try:
        if (found := set_of(path)) is not None:
            dataset = found.dataset(path)
        elif path.is_file():
            dataset = _read_file(path, plain_is_normal, room, step)
        elif path.is_dir():
            dataset = _read_folder(path, plain_is_normal, room)
        else:
            raise DatasetError(f"The dataset {path} does not exist. Correct the path.")
    except OSError as error:
        where = error.filename or path
        raise DatasetError(f"The dataset {path} can't be read ({where}: {error.strerror or error}).") from error
    if not dataset.items:
        first = f" The first problem: {dataset.problems[0]}" if dataset.problems else ""
        raise DatasetError(f"The dataset {path} holds no usable picture.{first}")
    return dataset


@contextmanager
def opened_dataset(path: Path, *, plain_is_normal: bool = False, step: _Step | None = None) -> Iterator[Dataset]:
    """`read_dataset` with a temporary folder for what has to be unpacked, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="linesight-", ignore_cleanup_errors=True) as room:
        yield read_dataset(path, plain_is_normal=plain_is_normal, room=Path(room), step=step)


def _read_file(path: Path, plain_is_normal: bool, room: Path | None, step: _Step | None) -> Dataset:
    match _kind_of(path):
        case "manifest":
            return read_manifest(path)
        case "table":
            return read_table(path)
        case "coco":
            return read_coco([path], path)
        case "labelme":
            return read_labelme([path], path, room)
        case "zip":
            return _read_zip(path, plain_is_normal, room, step)
    raise DatasetError(f"{path} is a file that is no manifest and no other list of pictures. A dataset is {LAYOUTS}.")


def _kind_of(path: Path) -> _Kind | None:
    """What a file is, by its content; manifests by their ending too."""
    if path.suffix.lower() in MANIFEST_SUFFIXES:
        return "manifest"
    data = _head(path)
    if is_zip(data):
        return "zip"
    begin = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith(b"{"):
        if _is_json_line(begin):
            return "manifest"
        content = json_of(path)
        return "coco" if is_coco(content) else "labelme" if is_labelme(content) else None
    return "table" if path.suffix.lower() in TABLE_SUFFIXES or is_table(data) else None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _is_json_line(data: bytes) -> bool:
    try:
        entry = json.loads(data.splitlines()[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(entry, dict) and "source-ref" in entry


def _read_zip(path: Path, plain_is_normal: bool, room: Path | None, step: _Step | None) -> Dataset:
    if room is None:
        raise DatasetError(f"{path} is a zip archive: unpack it and choose the folder.")
    unpacked = room / "unpacked"
    problems = unpack(path, unpacked, step=step)
    root = unpacked
    # Archives often hold the one folder that was packed.
    while len(inside := list(root.iterdir())) == 1 and inside[0].is_dir() and inside[0].name not in _LAYOUT_FOLDERS:
        root = inside[0]
    try:
        found = _read_folder(root, plain_is_normal, room)
    except DatasetError as error:
        inside_words = str(error).replace(f"{unpacked}{os.sep}", "").replace(str(unpacked), "in it")
        first = f" Left out: {problems[0]}." if problems else ""
        raise DatasetError(f"The archive {path} can't be used. {inside_words}{first}") from error
    # A list in an archive may name files of this computer. Only what came with it is its own.
    items = [item for item in found.items if _is_inside(item, room)]
    away = [
        f"{item.place or item.name}: {item.name} leads out of the archive"
        for item in found.items
        if not _is_inside(item, room)
    ]
    told = (text.replace(f"{unpacked}{os.sep}", f"{path.name}/") for text in (*found.problems, *away))
    shorter = (
        replace(item, place=item.place.replace(f"{unpacked}{os.sep}", f"{path.name}/")) if item.place else item
        for item in items
    )
    return Dataset(root, f"{found.layout}, zipped", tuple(shorter), (*problems, *told))


_LAYOUT_FOLDERS = {"normal", "anomaly", "train", "test", "datasets", ANNOTATIONS}


def _is_inside(item: Item, room: Path) -> bool:
    paths = [item.path]
    if isinstance(item.mask, Mask):
        paths.append(item.mask.path)
    elif isinstance(item.mask, Drawn):
        paths += [shape.path for shape in item.mask.shapes if isinstance(shape, Stencil)]
    return all(path.is_relative_to(room) for path in paths)


def _read_folder(root: Path, plain_is_normal: bool, room: Path | None) -> Dataset:
    if (root / "normal").is_dir() or (root / "anomaly").is_dir():
        return read_normal_anomaly(root)
    if (root / "train" / "good").is_dir() or (root / "test" / "good").is_dir():
        return read_mvtec(root)
    entries = sorted(root.iterdir())
    manifests = [entry for entry in entries if entry.suffix.lower() in MANIFEST_SUFFIXES]
    if not manifests and (root / "datasets").is_dir():
        exported = [each for each in sorted((root / "datasets").iterdir()) if each.suffix.lower() in MANIFEST_SUFFIXES]
        if exported:
            return _joined(root, [read_manifest(each) for each in exported])
    if len(manifests) == 1:
        return read_manifest(manifests[0])
    if len(manifests) > 1:
        names = ", ".join(entry.name for entry in manifests)
        raise DatasetError(f"The folder {root} holds several manifests ({names}): name one of them.")
    listed = _listed(root, entries, room)
    if listed is not None:
        return listed
    if plain_is_normal:
        return read_plain(root)
    hint = ""
    if any(is_picture_name(entry) for entry in entries):
        hint = f" If these pictures are all good parts, move them into {root / 'normal'}."
    raise DatasetError(f"The folder {root} is no dataset: it has no folder normal/. A dataset is {LAYOUTS}.{hint}")


def _listed(root: Path, entries: list[Path], room: Path | None) -> Dataset | None:
    """A folder whose pictures are described by JSON files or by one table; None where it is no such folder."""
    annotations = root / ANNOTATIONS
    beside = sorted(annotations.iterdir()) if annotations.is_dir() else []
    files = [entry for entry in (*beside, *entries) if entry.suffix.lower() == ".json" and entry.is_file()]
    first = _first_recognised(files) or _first_recognised(each for each in _json_below(root) if each not in files)
    if first == "coco":
        return read_coco([each for each in files if _content_is(each, is_coco)], root)
    if first == "labelme":
        return read_labelme(list(_json_below(root)), root, room)
    tables = [
        each for each in entries if each.suffix.lower() in TABLE_SUFFIXES and each.is_file() and is_table(_head(each))
    ]
    if len(tables) > 1:
        names = ", ".join(entry.name for entry in tables)
        raise DatasetError(f"The folder {root} holds several lists ({names}): name one of them.")
    return read_table(tables[0]) if tables else None


def _json_below(root: Path) -> Iterator[Path]:
    """JSON files of a folder and its subfolders, each entered once, whatever links there are."""
    seen: set[tuple[int, int]] = set()
    for here, folders, files in os.walk(root, followlinks=True):
        status = os.stat(here)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(files) if name.lower().endswith(".json"))


def _first_recognised(files: Iterator[Path] | list[Path]) -> Literal["coco", "labelme"] | None:
    """What the first of a few JSON files that is known at all is: thousands need not be looked at for that."""
    for count, path in enumerate(files):
        if count >= 20:
            break
        if _content_is(path, is_coco):
            return "coco"
        if _content_is(path, is_labelme):
            return "labelme"
    return None


def _content_is(path: Path, known: Callable[[object], bool]) -> bool:
    try:
        return known(json_of(path))
    except DatasetError:
        return False


def _joined(root: Path, parts: list[Dataset]) -> Dataset:
    """The manifests of an export as one dataset."""
    items: dict[Path, Item] = {}
    problems = [problem for part in parts for problem in part.problems]
    for item in (item for part in parts for item in part.items):
        if item.path in items:
            problems.append(f"{item.place}: {item.name} stands in {items[item.path].place} too; the later line counts")
        items[item.path] = item
    return Dataset(root, parts[0].layout, tuple(items.values()), tuple(problems))
