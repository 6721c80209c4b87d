"""`inspect`: judges picture files, one JSON line each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.cli.models import load_model
from app.cli.output import Output
from app.cli.parser import Arguments
from app.domain.errors import LinesightError, PictureError
from app.domain.inspection import Detection
from app.domain.look import IGNORE, LOOK, Kind, LookRegion
from app.domain.region import Region
from app.domain.wear import Wear
from app.pictures import encode_png, find_pictures, read_picture
from app.vision.detector import Detector
from app.vision.framing import Rect, regions_of
from app.vision.overlay import draw_overlay


def command(options: Arguments, output: Output) -> int:
    detector = load_model(options).with_limits(options.limit)
    found = list(_pictures(options.paths, options.overlay))
    if options.overlay is not None:
        _check_overlay(options.overlay, found)
    failed = False
    taken: set[Path] = set()
    for path, relative in found:
        try:
            if isinstance(relative, LinesightError):
                raise relative
            image = read_picture(path)
            detector.prepare(image.shape[1], image.shape[0])  # compiling is not part of judging
            result = _looking(detector, options, (image.shape[1], image.shape[0])).detect(image)
            if options.overlay is not None:
                _write(_free_name(options.overlay / relative, taken), encode_png(draw_overlay(image, result)))
        except (LinesightError, MemoryError) as error:
            failed = True
            words = str(error) or f"{path} is too large for the memory of this machine."
            output.line({"path": str(path), "error": words})
            continue
        output.line({"path": str(path), **as_json(result)})
    return 1 if failed else 0


def _looking(detector: Detector, options: Arguments, size: tuple[int, int]) -> Detector:
    """Judging by the regions asked for, in pixels of a picture of this size; LinesightError where they leave it."""
    if not options.roi and not options.ignore:
        return detector
    drawn = regions_of(options.roi, options.ignore, size)
    kinds: tuple[tuple[Kind, tuple[Rect, ...]], ...] = ((LOOK, drawn.interest), (IGNORE, drawn.ignored))
    return detector.with_regions(
        [LookRegion(x=x, y=y, width=w, height=h, kind=kind) for kind, rects in kinds for x, y, w, h in rects]
    )


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
        "wear": [_wear(each) for each in result.wear],
        "checkpoints": [asdict(each) for each in result.checkpoints],
    }


def _region(region: Region) -> dict[str, Any]:
    names = ("x", "y", "width", "height", "area", "area_mm2", "label", "score", "severity")
    return {name: getattr(region, name) for name in names}


def _wear(wear: Wear) -> dict[str, Any]:
    limit = wear.limit
    names = {"label": limit.label, "area": wear.area, "limit": limit.area, "unit": limit.unit}
    return {**names, "severity": wear.severity, "grade": wear.grade}


def _pictures(paths: list[Path], overlay: Path | None) -> Iterator[tuple[Path, Path | LinesightError]]:
    """Each picture and its name below the overlay folder; or what can't be looked at, and why.

    Overlays of an earlier run that lie inside an inspected folder are not inspected.
    """
    drawn = overlay.resolve() if overlay else None
    for path in paths:
        try:
            is_folder = path.is_dir()
        except OSError:  # reading it says why
            is_folder = False
        if not is_folder:
            yield path, Path(path.name)
            continue
        troubles: list[tuple[Path, LinesightError]] = []

        def unreadable(folder: Path, error: OSError, troubles: list[tuple[Path, LinesightError]] = troubles) -> None:
            words = f"The folder {folder} can't be read ({error.strerror or error}). Check its permissions."
            troubles.append((folder, PictureError(words, folder)))

        keep_out = drawn if drawn and drawn != path.resolve() else None
        empty = True
        for picture in find_pictures(path, unreadable):
            if keep_out is None or not picture.resolve().is_relative_to(keep_out):
                empty = False
                yield picture, picture.relative_to(path)
        yield from troubles
        if empty and not troubles:
            yield path, PictureError(f"{path} holds no picture (JPEG, PNG, BMP, TIFF or WebP).", path)


def _check_overlay(folder: Path, found: list[tuple[Path, Path | LinesightError]]) -> None:
    """Before anything is judged: the folder can be written, and no overlay lands on a picture."""
    for path, relative in found:
        if isinstance(relative, Path) and (folder / relative).parent.resolve() == path.parent.resolve():
            raise LinesightError(
                f"The overlays can't go to {folder}: they would replace pictures such as {path}. Choose another folder."
            )
    _make_folder(folder)
    probe = folder / ".write-test"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise LinesightError(f"The folder {folder} can't be written ({error.strerror or error}).") from error


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
