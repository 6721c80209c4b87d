"""Reading Lookout for Vision and Ground Truth manifests (JSON Lines) as they occur in the wild.

Every line stands for itself: a bad one is named with its number and the reason, the good ones are
used. The integer label is ignored, because samples exist with either meaning: the class name decides.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from app.datasets.references import Resolve, Unusable, date_of, local, local_mask
from app.datasets.types import Colour, Dataset, Item, Label, Mask, Split
from app.domain.errors import DatasetError

MANIFEST_SUFFIXES = (".manifest", ".jsonl")

_MAX_LINE = 1 << 20
_BOM, _UTF16_BOMS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_MULTI_LABEL = "groundtruth/image-classification-multilabel"


def read_manifest(path: Path, resolve: Resolve | None = None) -> Dataset:
    """Reads one manifest; relative references resolve against its folder, s3:// ones by `resolve` where it is given.

    In a folder called `datasets`, as exports have it, they may lead to the folders beside it.
    """
    within = path.parent.parent if path.parent.name == "datasets" else path.parent
    problems: list[str] = []
    items: dict[Path, Item] = {}
    data = path.read_bytes()
    if data.startswith(_UTF16_BOMS):
        raise DatasetError(f"The manifest {path} is UTF-16 text. Save it as UTF-8.")
    # Not str.splitlines: that also parts lines at characters that may stand inside a JSON string.
    for number, line in enumerate(re.split(rb"\r\n|\n|\r", data.removeprefix(_BOM)), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            item = _item(line, path.parent, within, _split_of(path), place, resolve)
        except Unusable as bad:
            problems.append(f"{place}: {bad}")
            continue
        if item.path in items:
            problems.append(f"{place}: {item.name} occurs again; the later line counts")
        items[item.path] = item
    return Dataset(path, "Lookout for Vision manifest", tuple(items.values()), tuple(problems))


def _split_of(path: Path) -> Split | None:
    stem = path.stem.lower()
    return "train" if stem == "train" else "test" if stem == "test" else None


def _item(line: bytes, folder: Path, within: Path, split: Split | None, place: str, resolve: Resolve | None) -> Item:
    entry = _parsed(line)
    reference = entry.get("source-ref")
    if not isinstance(reference, str) or not reference:
        raise Unusable("it has no source-ref")
    picture = local(reference, folder, within, resolve)
    if not picture.is_file():
        raise Unusable(f"the picture {picture} does not exist")
    label, labelled_at = _label(entry)
    mask = _mask(entry, folder, within, resolve)
    types = _types(entry)
    if not types and mask:
        shown = tuple(dict.fromkeys(name for _, name in mask.colours or ()))
        # Ground Truth's maps name every class it was asked for: which of several are drawn, only the pixels tell.
        types = shown if len(shown) == 1 else ()
    return Item(
        picture,
        reference,
        label,
        split=split,
        mask=mask,
        place=place,
        types=types if label != "normal" else (),
        labelled_at=labelled_at,
    )


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) > _MAX_LINE:
        raise Unusable("the line is longer than 1 MiB")
    try:
        entry = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unusable(f"not UTF-8 text ({error.reason} at byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise Unusable(f"not valid JSON ({error.msg} at column {error.colno})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        raise Unusable("not valid JSON for a manifest (too deep, or a number too long)") from None
    if not isinstance(entry, dict):
        raise Unusable("not a JSON object")
    return entry


def label_of(entry: dict[str, Any]) -> Label | None:
    """The label of one parsed line. Raises ValueError, with words, where a label lacks its metadata."""
    return _label(entry)[0]


def _label(entry: dict[str, Any]) -> tuple[Label | None, datetime | None]:
    """The label by the class name of whichever attribute is an image classification, and its date.

    None where there is no such attribute, or another class than normal and anomaly. What a model
    detected (`X-detected`, in evaluation and edge manifests) is no label.
    """
    for key, value in entry.items():
        if not key.endswith("-metadata") or key.endswith(("-ref-metadata", "-detected-metadata")):
            continue
        name = value.get("class-name") if isinstance(value, dict) else None
        lowered = name.strip().lower() if isinstance(name, str) else ""
        if lowered == "normal":
            return "normal", date_of(value.get("creation-date"))
        if lowered == "anomaly":
            return "anomaly", date_of(value.get("creation-date"))
    for key in entry:
        if not key.endswith("label"):
            continue
        metadata = entry.get(f"{key}-metadata")
        if metadata is None:
            raise Unusable(f"its {key} has no {key}-metadata, whose class-name is the label")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("class-name"), str):
            raise Unusable(f"its {key}-metadata has no class-name")
    return None, None


def _types(entry: dict[str, Any]) -> tuple[str, ...]:
    """The defect types of whichever attribute is Ground Truth's multi-label classification."""
    for key, metadata in entry.items():
        if not key.endswith("-metadata") or not isinstance(metadata, dict) or metadata.get("type") != _MULTI_LABEL:
            continue
        chosen, names = entry.get(key.removesuffix("-metadata")), metadata.get("class-map")
        if not isinstance(chosen, list) or not isinstance(names, dict):
            raise Unusable(f"its {key.removesuffix('-metadata')} is no list, or has no class-map")
        found = [names.get(str(number)) for number in chosen]
        if not all(isinstance(name, str) and name for name in found):
            raise Unusable(f"its {key.removesuffix('-metadata')} has a class that is not in its class-map")
        return tuple(dict.fromkeys(str(name) for name in found))
    return ()


def _mask(entry: dict[str, Any], folder: Path, within: Path, resolve: Resolve | None) -> Mask | None:
    for key, value in entry.items():
        if not key.endswith("-ref") or key == "source-ref" or not isinstance(value, str) or not value:
            continue
        metadata = entry.get(f"{key}-metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("internal-color-map"), dict):
            raise Unusable(f"the mask {value} has no colour map ({key}-metadata, internal-color-map)")
        path = local_mask(value, folder, within, resolve)
        return Mask(path, *colours_of(metadata["internal-color-map"]))
    return None


def colours_of(described: dict[str, Any]) -> tuple[tuple[tuple[Colour, str], ...], Colour | None]:
    """The defects' colours and the background's of an `internal-color-map`. Raises ValueError, with words."""
    colours: list[tuple[Colour, str]] = []
    background: Colour | None = None
    for key, value in described.items():
        name = value.get("class-name") if isinstance(value, dict) else None
        shade = value.get("hex-color") if isinstance(value, dict) else None
        if not isinstance(name, str) or not name or not isinstance(shade, str):
            raise Unusable(f"the colour map's entry {key} has no class-name or hex-color")
        try:
            red, green, blue = bytes.fromhex(shade.removeprefix("#"))
        except ValueError:
            raise Unusable(f"the colour {shade} of {name} is not like #23A436") from None
        taken = next((other for colour, other in colours if colour == (red, green, blue) and other != name), None)
        if taken or (background == (red, green, blue) and name.upper() != "BACKGROUND"):
            raise Unusable(f"the colour {shade} stands for {taken or 'BACKGROUND'} and for {name}")
        if name.upper() == "BACKGROUND":
            background = (red, green, blue)
        else:
            colours.append(((red, green, blue), name))
    return tuple(colours), background
