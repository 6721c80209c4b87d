"""What the golden-sample check keeps, in one JSON file: lists of challenge parts, releases, references, limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from app.domain.challenge import ChallengePart, Expect, StationRelease
from app.domain.errors import LinesightError
from app.domain.reference import PictureFigures, PictureLimits, PictureReference
from app.whole_files import write_whole


@dataclass(frozen=True, slots=True)
class Kept:
    """All of it; by product, but for the releases, which are in order, the oldest first."""

    lists: Mapping[str, tuple[ChallengePart, ...]] = field(default_factory=dict)
    releases: tuple[StationRelease, ...] = ()
    references: Mapping[str, PictureReference] = field(default_factory=dict)
    limits: Mapping[str, PictureLimits] = field(default_factory=dict)


def read_kept(path: Path) -> Kept:
    """What the file holds; nothing where there is none yet.

    Raises:
        OSError, ValueError, KeyError, TypeError, AttributeError: it can't be read.
    """
    try:
        kept = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Kept()
    return Kept(
        lists={
            product: tuple(ChallengePart(each["name"], Expect(each["expect"]), each["defect"]) for each in parts)
            for product, parts in kept["lists"].items()
        },
        releases=tuple(
            StationRelease(**each | {"at": datetime.fromisoformat(each["at"])}) for each in kept["releases"]
        ),
        # Files from before there were references hold neither.
        references={product: _reference(each) for product, each in kept.get("references", {}).items()},
        limits={product: PictureLimits(**each) for product, each in kept.get("limits", {}).items()},
    )


def write_kept(path: Path, kept: Kept) -> None:
    """Writes the file whole.

    Raises:
        LinesightError: it can't be written.
    """
    text = {
        "lists": {product: [asdict(part) for part in parts] for product, parts in kept.lists.items()},
        "releases": [_dated(each) for each in kept.releases],
        "references": {product: _dated(each) for product, each in kept.references.items()},
        "limits": {product: asdict(each) for product, each in kept.limits.items()},
    }
    try:
        write_whole(path, json.dumps(text, ensure_ascii=False, indent=1).encode())
    except OSError as error:
        raise LinesightError(f"{path} can't be written ({error.strerror or error}). Free some space.") from error


def _dated(one: StationRelease | PictureReference) -> dict[str, Any]:
    return asdict(one) | {"at": one.at.isoformat()}


def _reference(kept: dict[str, Any]) -> PictureReference:
    left, top, width, height = kept["figures"]["area"]
    figures = PictureFigures(**kept["figures"] | {"area": (left, top, width, height)})
    if Path(kept["file"]).name != kept["file"]:
        raise ValueError(f"{kept['file']!r} is no name of a file")
    return PictureReference(**kept | {"at": datetime.fromisoformat(kept["at"]), "figures": figures})
