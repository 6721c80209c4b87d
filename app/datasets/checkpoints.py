"""Checkpoints of a dataset: named places drawn on one of its pictures, and what is known of them in others.

    {"picture": "normal/001.png",
     "checkpoints": [{"name": "bolt 1", "x": 92, "y": 90, "width": 48, "height": 48}],
     "labels": {"anomaly/missing/004.png": {"bolt 1": "missing"}}}

Rectangles are in pixels of the named picture, upright after its EXIF orientation. Paths are relative to the dataset's
folder. A label is "ok", "missing", "wrong", "turned", "damaged" or a word of one's own.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.domain.checkpoint import DAMAGED, MISSING, OK, TURNED, UNSURE, WRONG
from app.domain.errors import DatasetError, PictureError
from app.pictures import read_picture

FILE = "checkpoints.json"
"""The file's name in a dataset's folder."""

_MOST = 64
_MAX_BYTES = 4 << 20
_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
_Pixels = Annotated[float, Field(ge=0, le=1e6)]
_KNOWN = (OK, MISSING, WRONG, TURNED, DAMAGED)


@dataclass(frozen=True, slots=True)
class DrawnCheckpoint:
    """A named place that somebody drew.

    Attributes:
        box: (x, y, width, height) in pixels of `picture`.
        labels: (picture, state) where somebody said what it is like.
    """

    name: str
    box: tuple[float, float, float, float]
    picture: Path
    labels: tuple[tuple[Path, str], ...] = ()


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Rectangle(_Strict):
    name: _Word
    x: _Pixels
    y: _Pixels
    width: Annotated[float, Field(ge=1, le=1e6)]
    height: Annotated[float, Field(ge=1, le=1e6)]


class _File(_Strict):
    picture: str = Field(min_length=1, max_length=4096)
    checkpoints: tuple[_Rectangle, ...] = Field(min_length=1, max_length=_MOST)
    labels: dict[str, dict[_Word, _Word]] = Field(default_factory=dict, max_length=100_000)


def read_checkpoints(file: Path, root: Path) -> tuple[DrawnCheckpoint, ...]:
    """The checkpoints of a file.

    Args:
        root: the dataset's folder, which the file's paths are relative to.

    Raises:
        DatasetError: the file can't be read or is wrong; names it, the place in it and the way out.
    """
    found = _read(file)
    picture = _there(file, root, found.picture)
    try:
        height, width = read_picture(picture).shape[:2]
    except PictureError as error:
        raise DatasetError(f"The checkpoints of {file} are drawn on a picture that can't be used: {error}") from error
    names = [each.name for each in found.checkpoints]
    for each in found.checkpoints:
        if names.count(each.name) > 1:
            raise DatasetError(f"{file} has two checkpoints called {each.name!r}: give each a name of its own.")
        if each.x + each.width > width or each.y + each.height > height:
            raise DatasetError(
                f"The checkpoint {each.name!r} of {file} lies outside {picture} of {width} x {height} pixels: give its "
                "x, y, width and height in pixels of that picture."
            )
    labels: dict[str, list[tuple[Path, str]]] = {name: [] for name in names}
    for relative, states in found.labels.items():
        path = _there(file, root, relative)
        for name, state in states.items():
            if name not in labels:
                raise DatasetError(
                    f"{file} labels {name!r} in {relative}, but has no checkpoint of that name. It has "
                    f"{', '.join(names)}."
                )
            labels[name].append((path, _state(file, relative, name, state)))
    return tuple(
        DrawnCheckpoint(each.name, (each.x, each.y, each.width, each.height), picture, tuple(labels[each.name]))
        for each in found.checkpoints
    )


def _read(file: Path) -> _File:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise DatasetError(f"{file} is larger than 4 MiB: it is no list of checkpoints.")
        raw = json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise DatasetError(f"The checkpoints' file {file} does not exist. Correct the path.") from None
    except OSError as error:
        raise DatasetError(f"The checkpoints' file {file} can't be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        detail = str(error).splitlines()[0] if isinstance(error, json.JSONDecodeError) else "it is no text"
        raise DatasetError(f"The checkpoints' file {file} is no JSON ({detail}). Correct it there.") from error
    try:
        return _File.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DatasetError(f"The checkpoints' file {file} is wrong at {place}: {first['msg']}. Correct it.") from error


def _there(file: Path, root: Path, relative: str) -> Path:
    path = Path(os.path.normpath(root / relative))
    try:
        there = path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise DatasetError(
            f"{file} names the picture {relative!r}, which is not in {root}. Add it, or correct the path, which is "
            "relative to the dataset's folder."
        )
    return path


def _state(file: Path, relative: str, name: str, state: str) -> str:
    """The label, whatever the case of a usual one."""
    usual = state.casefold()
    if usual == UNSURE:
        raise DatasetError(
            f"{file} labels {name!r} in {relative} as {state!r}, which teaches nothing: say {', '.join(_KNOWN)} or a "
            "word of your own, or leave it out."
        )
    return usual if usual in _KNOWN else state
