"""Reading Lookout for Vision and Ground Truth manifests (JSON Lines) as they occur in the wild.

Every line stands for itself: a bad one is named with its number and the reason, the good ones are
used. The integer label is ignored, because samples exist with either meaning: the class name decides.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.datasets.types import Colour, Dataset, Item, Label, Mask, Split
from app.domain.errors import DatasetError, LinesightError

Resolve = Callable[[str], Path]
"""Gives the file of an s3:// reference; raises LinesightError where there is none."""

MANIFEST_SUFFIXES = (".manifest", ".jsonl")

_MAX_LINE = 1 << 20
_BOM, _UTF16_BOMS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_PNG = b"\x89PNG\r\n\x1a\n"


def read_manifest(path: Path, resolve: Resolve | None = None) -> Dataset:
    """Reads one manifest; relative references resolve against its folder, s3:// ones by `resolve` where it is given."""
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
            item = _item(line, path.parent, _split_of(path), place, resolve)
        except _Bad as bad:
            problems.append(f"{place}: {bad}")
            continue
        if item.path in items:
            problems.append(f"{place}: {item.name} occurs again; the later line counts")
        items[item.path] = item
    return Dataset(path, "Lookout for Vision manifest", tuple(items.values()), tuple(problems))


class _Bad(ValueError):
    """Why one line can't be used."""


def _split_of(path: Path) -> Split | None:
    stem = path.stem.lower()
    return "train" if stem == "train" else "test" if stem == "test" else None


def _item(line: bytes, folder: Path, split: Split | None, place: str, resolve: Resolve | None) -> Item:
    entry = _parsed(line)
    reference = entry.get("source-ref")
    if not isinstance(reference, str) or not reference:
        raise _Bad("it has no source-ref")
    picture = _local(reference, folder, resolve)
    if not picture.is_file():
        raise _Bad(f"the picture {picture} does not exist")
    label = label_of(entry)
    mask = _mask(entry, folder, resolve)
    kinds = {name for _, name in mask.colours or ()} if mask else set()
    kind = kinds.pop() if label == "anomaly" and len(kinds) == 1 else ""
    return Item(picture, reference, label, kind, split, mask, place)


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) > _MAX_LINE:
        raise _Bad("the line is longer than 1 MiB")
    try:
        entry = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _Bad(f"not UTF-8 text ({error.reason} at byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise _Bad(f"not valid JSON ({error.msg} at column {error.colno})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        raise _Bad("not valid JSON for a manifest (too deep, or a number too long)") from None
    if not isinstance(entry, dict):
        raise _Bad("not a JSON object")
    return entry


def _local(reference: str, folder: Path, resolve: Resolve | None) -> Path:
    """The file that a reference means: absolute, or below the manifest's folder."""
    lowered = reference.lower()
    if lowered.startswith("s3://s3://"):
        raise _Bad(f"{reference} has s3:// twice")
    if lowered.startswith("s3://") and resolve is not None:
        try:
            return resolve(reference)
        except LinesightError as error:
            raise _Bad(str(error)) from error
    if lowered.startswith("s3://"):
        raise _Bad(f"{reference} lies in S3: download the dataset first and use relative references")
    if re.match(r"[a-z][a-z0-9+.-]+://", lowered):
        raise _Bad(f"{reference} is no file: download the dataset first and use relative references")
    # By the words of the path, not by where links lead: data folders often consist of links.
    path = Path(os.path.normpath(folder / reference))
    if not Path(reference).is_absolute() and not path.is_relative_to(os.path.normpath(folder)):
        raise _Bad(f"{reference} leads out of the manifest's folder")
    try:
        path.stat()
    except FileNotFoundError:
        pass  # the caller says what is missing
    except OSError as error:
        raise _Bad(f"{reference} can't be read ({error.strerror or error})") from None
    except ValueError:  # a NUL, or half of a pair of surrogates
        raise _Bad(f"{reference!r} can't be the name of a file") from None
    return path


def label_of(entry: dict[str, Any]) -> Label | None:
    """The label of one parsed line, by the class name of whichever attribute is an image classification.

    None where there is no such attribute, or another class than normal and anomaly. What a model
    detected (`X-detected`, in evaluation and edge manifests) is no label. Raises ValueError, with words,
    where a label lacks its metadata.
    """
    for key, value in entry.items():
        if not key.endswith("-metadata") or key.endswith(("-ref-metadata", "-detected-metadata")):
            continue
        name = value.get("class-name") if isinstance(value, dict) else None
        lowered = name.strip().lower() if isinstance(name, str) else ""
        if lowered == "normal":
            return "normal"
        if lowered == "anomaly":
            return "anomaly"
    for key in entry:
        if not key.endswith("label"):
            continue
        metadata = entry.get(f"{key}-metadata")
        if metadata is None:
            raise _Bad(f"its {key} has no {key}-metadata, whose class-name is the label")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("class-name"), str):
            raise _Bad(f"its {key}-metadata has no class-name")
    return None


def _mask(entry: dict[str, Any], folder: Path, resolve: Resolve | None) -> Mask | None:
    for key, value in entry.items():
        if not key.endswith("-ref") or key == "source-ref" or not isinstance(value, str) or not value:
            continue
        metadata = entry.get(f"{key}-metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("internal-color-map"), dict):
            raise _Bad(f"the mask {value} has no colour map ({key}-metadata, internal-color-map)")
        path = _local(value, folder, resolve)
        if not path.is_file():
            raise _Bad(f"the mask {path} does not exist")
        try:
            with path.open("rb") as file:
                is_png = file.read(len(_PNG)) == _PNG
        except OSError as error:
            raise _Bad(f"the mask {path} can't be read ({error.strerror or error})") from None
        if not is_png:
            raise _Bad(f"the mask {path} is not a PNG")
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
            raise _Bad(f"the colour map's entry {key} has no class-name or hex-color")
        try:
            red, green, blue = bytes.fromhex(shade.removeprefix("#"))
        except ValueError:
            raise _Bad(f"the colour {shade} of {name} is not like #23A436") from None
        if name.upper() == "BACKGROUND":
            background = (red, green, blue)
        else:
            colours.append(((red, green, blue), name))
    return tuple(colours), background
