"""A model that helps with labelling: learned from the labels so far, it orders the rest, points at labels that may be
wrong, and shows where it sees a defect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.library import Library
from app.datasets.library.snapshots import current
from app.datasets.masks import mask_reader
from app.domain.errors import LinesightError, ModelError
from app.domain.frame import Image
from app.domain.labelling import SURE, Query
from app.pictures import read_picture
from app.vision import artefact
from app.vision.defects import Defect
from app.vision.detector import Detector
from app.vision.survey import MIN_NORMALS, Sample
from app.vision.training import train

Step = Callable[[float | None, str], None]

FROM_LABELS = 20
"""Labels from which on a model can help."""

_FILE = "help.model"
_TRAINING = 0.3  # share of the work that is training
_HEAT_SIDE = 512
_LIKELY = 0.7  # of the map's peak, where nothing reaches the limit


@dataclass(frozen=True, slots=True)
class Helped:
    """What the model said: pictures judged, sure to be good, sure to be defects, doubtful; suspicious labels."""

    judged: int
    normal: int
    anomaly: int
    doubtful: int
    suspicious: int
    seconds: float


def can_help(library: Library) -> str:
    """Why no model can help yet; "" where one can."""
    counts = library.counts()
    labelled = counts.normal + counts.anomaly
    if labelled < FROM_LABELS:
        return f"Label {FROM_LABELS - labelled} more pictures, then a model sorts the rest for you."
    if counts.normal < MIN_NORMALS:
        return f"Label {MIN_NORMALS - counts.normal} more good parts, then a model sorts the rest for you."
    return ""


def help_out(library: Library, step: Step) -> Helped:
    """Slow: learns from the labels, then judges every picture.

    Raises:
        LinesightError: too few labels, or nothing can be learned from them; nothing is changed then.
    """
    if why := can_help(library):
        raise ModelError(why)
    snapshot = current(library)
    items = snapshot.dataset(library.root).items
    ids = {each.digest: each.id for each in library.pictures(library.find(Query()))}
    numbers = [str(ids[each.digest]) for each in snapshot.pictures]  # names may repeat, numbers do not
    normals = [
        Sample(name, _giver(item.path)) for name, item in zip(numbers, items, strict=True) if item.label == "normal"
    ]
    defects = [
        Defect(name, _giver(item.path), item.type, mask_reader(item) if item.mask else None)
        for name, item in zip(numbers, items, strict=True)
        if item.label == "anomaly"
    ]
    trained = train(
        normals, name="help", defects=defects, step=lambda fraction, words: step(_TRAINING * fraction, words)
    )
    artefact.write(library.root / _FILE, trained.data)
    detector = Detector.load(library.root / _FILE)
    opinions: dict[int, tuple[float, float, float]] = {}
    try:
        for done, (name, item) in enumerate(zip(numbers, items, strict=True), 1):
            try:
                opinions[int(name)] = _opinion(detector, read_picture(item.path))
            except LinesightError:
                continue  # a picture that is gone has no opinion; labelling says so when it is opened
            finally:
                step(_TRAINING + (1 - _TRAINING) * done / len(items), f"Sorting pictures, {done} of {len(items)}")
    finally:
        library.set_opinions(opinions)
    library.set_suspicious({int(name): why for name, why in trained.suspicious if name.isdigit()})
    unlabelled = [int(name) for name, item in zip(numbers, items, strict=True) if item.label is None]
    free = [opinions[number] for number in unlabelled if number in opinions]
    sure = [score >= threshold for score, threshold, doubt in free if doubt < SURE]
    return Helped(
        len(opinions), sure.count(False), sure.count(True), len(free) - len(sure), len(trained.suspicious),
        trained.seconds,
    )  # fmt: skip


def _opinion(detector: Detector, image: Image) -> tuple[float, float, float]:
    """(score, threshold, doubt). Doubt is 1 where the calibrated probability is a half, 0 where it is 0 or 1; without
    calibration it is high in the band where the detector itself would ask for another look, and below `SURE` outside,
    the lower the farther away."""
    found = detector.detect(image)
    if found.confidence is not None:
        doubt = 2 * (1 - found.confidence)
    elif found.score < found.retest_from:
        doubt = 0.9 * SURE * max(0.0, found.score / found.retest_from)
    elif found.score >= found.threshold:
        doubt = 0.9 * SURE * found.threshold / found.score
    else:
        doubt = 1.0
    return found.score, found.threshold, min(1.0, max(0.0, doubt))


def helper_of(root: Path) -> Detector | None:
    """Slow: the model that helped last with the library in `root`; None where none did, or its file is damaged."""
    path = root / _FILE
    try:
        return Detector.load(path) if path.is_file() else None
    except ModelError:
        return None


def heat_over(detector: Detector, image: Image) -> tuple[NDArray[np.float32], float]:
    """Slow: the anomaly map over a whole picture, and the limit from which on it means a defect.

    Returns:
        ((h, w) float32 of at most 512 a side, whose corners are the picture's; 0 where the model does not look), limit.
    """
    found = detector.detect(image)
    height, width = image.shape[:2]
    scale = min(1.0, _HEAT_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    x, y, box_width, box_height = found.heat_box
    columns, rows = found.heat.shape[1], found.heat.shape[0]
    # Cell centres: the map's corners are the corners of its box.
    across, down = columns / (box_width * scale), rows / (box_height * scale)
    matrix = np.array(
        [[across, 0, (0.5 - x * scale) * across - 0.5], [0, down, (0.5 - y * scale) * down - 0.5]], np.float64
    )
    placed = cv2.warpAffine(
        found.heat, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    inside = np.zeros(size[::-1], bool)
    left, top = max(0, round(x * scale)), max(0, round(y * scale))
    inside[top : round((y + box_height) * scale), left : round((x + box_width) * scale)] = True
    values = np.where(inside, placed, 0).astype(np.float32)
    # Joined evidence may tell a defect without one place that reaches the limit: then its likeliest places are shown.
    return values, min(found.threshold, _LIKELY * float(values.max(initial=0.0)))


def _giver(path: Path) -> Callable[[], Image]:
    return lambda: read_picture(path)
