"""`inspect`: judges picture files, one JSON line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.cli.models import load_model
from app.cli.output import Output
from app.cli.parser import Arguments
from app.domain.errors import LinesightError, PictureError
from app.domain.inspection import Detection
from app.domain.region import Region
from app.pictures import encode_png, find_pictures, read_picture
from app.vision.overlay import draw_overlay


def command(options: Arguments, output: Output) -> int:
    detector = load_model(options)
    if options.overlay is not None:
        _make_folder(options.overlay)
    failed = False
    taken: set[Path] = set()
    for path, relative in _pictures(options.paths):
        try:
            if relative is None:
                raise PictureError(f"{path} holds no picture.")
            image = read_picture(path)
            detector.prepare(image.shape[1], image.shape[0])  # compiling is not part of judging
            result = detector.detect(image)
            if options.overlay is not None:
                _write(_free_name(options.overlay / relative, taken), encode_png(draw_overlay(image, result)))
        except LinesightError as error:
            failed = True
            output.line({"path": str(path), "error": str(error)})
            continue
        output.line({"path": str(path), **as_json(result)})
    return 1 if failed else 0


def as_json(result: Detection) -> dict[str, Any]:
    """The keys that stay stable for scripts."""
    return {
        "verdict": str(result.verdict),
        "score": result.score,
        "threshold": result.threshold,
        "confidence": result.confidence,
        "regions": [_region(region) for region in result.regions],
        "reason": result.reason,
        "milliseconds": round(result.milliseconds, 3),
    }


def _region(region: Region) -> dict[str, Any]:
    names = ("x", "y", "width", "height", "area", "label", "score")
    return {name: getattr(region, name) for name in names}


def _pictures(paths: list[Path]) -> Iterator[tuple[Path, Path | None]]:
    """Each picture and its name below the overlay folder; None for a folder without any."""
    for path in paths:
        if not path.is_dir():
            yield path, Path(path.name)
            continue
        found = False
        for picture in find_pictures(path):
            found = True
            yield picture, picture.relative_to(path)
        if not found:
            yield path, None


def _free_name(wanted: Path, taken: set[Path]) -> Path:
    """`wanted` as .png, numbered where another picture of this call has the name already."""
    place, number = wanted.with_suffix(".png"), 2
    while place in taken:
        place = wanted.with_name(f"{wanted.stem}-{number}.png")
        number += 1
    taken.add(place)
    return place


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LinesightError(f"The folder {folder} can't be made ({error.strerror or error}).") from error


def _write(place: Path, data: bytes) -> None:
    _make_folder(place.parent)
    try:
        place.write_bytes(data)
    except OSError as error:
        raise LinesightError(f"The overlay {place} can't be written ({error.strerror or error}).") from error
