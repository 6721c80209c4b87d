"""Reading Lookout for Vision and Ground Truth manifests (JSON Lines) as they occur in the wild.

Every line stands for itself: a bad one is named with its number and the reason, the good ones are
used. The integer label is ignored, because samples exist with either meaning: the class name decides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.datasets.types import Dataset, Item, Label, Mask, Split
from app.domain.errors import DatasetError

MANIFEST_SUFFIXES = (".manifest", ".jsonl")

_MAX_LINE = 1 << 20


def read_manifest(path: Path) -> Dataset:
    """Reads one manifest; relative references resolve against its folder."""
    problems: list[str] = []
    items: dict[Path, Item] = {}
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"The manifest {path} is not UTF-8 text ({error.reason}). Export it again.") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = _item(line, path.parent, _split_of(path))
            if item.path in items:
                problems.append(f"{path}, line {number}: {item.name} occurs again; the later line counts")
            items[item.path] = item
        except _Bad as bad:
            problems.append(f"{path}, line {number}: {bad}")
    return Dataset(path, "Lookout for Vision manifest", tuple(items.values()), tuple(problems))


class _Bad(Exception):
    """Why one line can't be used."""


def _split_of(path: Path) -> Split | None:
    stem = path.stem.lower()
    return "train" if stem == "train" else "test" if stem == "test" else None


def _item(line: str, folder: Path, split: Split | None) -> Item:
    if len(line) > _MAX_LINE:
        raise _Bad("the line is longer than 1 MiB")
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise _Bad(f"not valid JSON ({error.msg} at column {error.colno})") from None
    if not isinstance(entry, dict):
        raise _Bad("not a JSON object")
    reference = entry.get("source-ref")
    if not isinstance(reference, str) or not reference:
        raise _Bad("it has no source-ref")
    picture = _local(reference, folder)
    if not picture.is_file():
        raise _Bad(f"the picture {picture} does not exist")
    label, kind = _label(entry)
    mask = _mask(entry, folder)
    if label == "anomaly" and mask and len({name for _, name in mask.colours}) == 1:
        kind = mask.colours[0][1]
    return Item(picture, reference, label, kind, split, mask)


def _local(reference: str, folder: Path) -> Path:
    if reference.startswith("s3://"):
        raise _Bad(f"{reference} lies in S3: download the dataset first and use relative references")
    path = (folder / reference).resolve()
    if not path.is_relative_to(folder.resolve()) and not Path(reference).is_absolute():
        raise _Bad(f"{reference} leads out of the manifest's folder")
    return path


def _label(entry: dict[str, Any]) -> tuple[Label | None, str]:
    """The label by the class name of whichever attribute is an image classification."""
    for key, value in entry.items():
        if not key.endswith("-metadata") or not isinstance(value, dict) or "mask-ref" in key:
            continue
        name = value.get("class-name")
        if isinstance(name, str):
            lowered = name.strip().lower()
            if lowered == "normal":
                return "normal", ""
            if lowered == "anomaly":
                return "anomaly", ""
    return None, ""


def _mask(entry: dict[str, Any], folder: Path) -> Mask | None:
    for key, value in entry.items():
        if not key.endswith("-ref") or key == "source-ref" or not isinstance(value, str) or not value:
            continue
        metadata = entry.get(f"{key}-metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("internal-color-map"), dict):
            raise _Bad(f"the mask {value} has no colour map ({key}-metadata, internal-color-map)")
        path = _local(value, folder)
        if not path.is_file():
            raise _Bad(f"the mask {path} does not exist")
        return Mask(path, _colours(metadata["internal-color-map"]))
    return None


def _colours(described: dict[str, Any]) -> tuple[tuple[tuple[int, int, int], str], ...]:
    colours: list[tuple[tuple[int, int, int], str]] = []
    for key, value in described.items():
        name = value.get("class-name") if isinstance(value, dict) else None
        shade = value.get("hex-color") if isinstance(value, dict) else None
        if not isinstance(name, str) or not isinstance(shade, str):
            raise _Bad(f"the colour map's entry {key} has no class-name or hex-color")
        if name.upper() == "BACKGROUND":
            continue
        digits = shade.removeprefix("#")
        try:
            red, green, blue = bytes.fromhex(digits)
        except ValueError:
            raise _Bad(f"the colour {shade} of {name} is not like #23A436") from None
        colours.append(((red, green, blue), name))
    return tuple(colours)
