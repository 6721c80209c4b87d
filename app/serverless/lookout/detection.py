"""DetectAnomalies: one picture, one answer."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.verdict import Verdict
from app.serverless.lookout.context import Caller, Context, Input, Output, model_conflict, model_of, project_of
from app.serverless.lookout.faults import Invalid
from app.serverless.lookout.images import checked_picture
from app.vision.calibration import Calibration
from app.vision.detector import Detector
from app.vision.regions import ANOMALY

BACKGROUND = "background"
WHITE = "#FFFFFF"

_PALETTE = ("#D62728", "#1F77B4", "#FF7F0E", "#9467BD", "#8C564B", "#E377C2", "#BCBD22", "#17BECF", "#2CA02C")
_TYPES = ("image/jpeg", "image/png", "image/jpg")


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is said of one picture.

    Attributes:
        score: before calibration.
        confidence: in what `anomalous` says, 0..1.
        areas: (H, W) bool of each label that was found; None of a model that does not show where.
    """

    anomalous: bool
    score: float
    confidence: float
    areas: dict[str, NDArray[np.bool_]] | None


def detect_anomalies(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    model = model_of(project, given["ModelVersion"])
    if model.status != "HOSTED":
        words = f"Version {model.version} of {project.name} is not running: its status is {model.status}, not HOSTED."
        raise model_conflict(project, model, f"{words} Start it first.")
    if given["ContentType"].split(";")[0].strip().lower() not in _TYPES:
        raise Invalid(f"The content type {given['ContentType'][:100]} is not taken: image/jpeg or image/png is.")
    try:
        image = checked_picture(given["Body"], "The image")
    except PictureError as error:
        raise Invalid(str(error)) from error
    with context.hosting.using(project.name, model.version, context.records.model(project.name, model.version)) as used:
        answer = judged(used, image, model.labels)
    height, width = image.shape[:2]
    return {"DetectAnomalyResult": _as_json(answer, with_unknown(model.labels or {}), (width, height))}


def judged(detector: Detector, image: Image, labels: Mapping[str, str] | None) -> Answer:
    """The answer for an (H, W, 3) uint8 BGR picture; `labels` are the model's, None for one without places."""
    found = detector.detect(image)
    # The score decides, or a rule; a poor picture takes nothing back.
    anomalous = found.score >= found.threshold or found.verdict is Verdict.FAIL
    size = (image.shape[1], image.shape[0])
    areas = None if labels is None else _areas(found, labels, size) if anomalous else {}
    return Answer(anomalous, found.score, confidence_in(detector.model.calibration, found.score, anomalous), areas)


def confidence_in(calibration: Calibration | None, score: float, anomalous: bool) -> float:
    """How probable it is that a part of this score is what is said of it."""
    if calibration is None:  # no labelled defect was ever seen: it can't tell
        return 0.5
    probability = calibration.probability(score)
    return probability if anomalous else 1 - probability


def _areas(found: Detection, labels: Mapping[str, str], size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    numbers = {label: number for number, label in enumerate(with_unknown(labels), 1)}
    kinds = list(labels)
    # Clients know the labels of their dataset only: what is like none of them goes with the defect beside it, or is
    # the one label there is. Alone among several it has a name of its own.
    known = [region.label for region in found.regions if region.label in kinds]
    unknown = known[0] if known else kinds[0] if len(kinds) == 1 else ANOMALY
    painted = np.zeros((size[1], size[0]), np.uint8)
    for region in reversed(found.regions):  # the strongest last: where two meet it is seen
        number = numbers[region.label if region.label in kinds else unknown]
        if len(region.outline) >= 3:
            cv2.fillPoly(painted, [np.array(region.outline, np.int32)], [number])
        else:
            painted[region.y : region.y + region.height, region.x : region.x + region.width] = number
    areas = {label: painted == number for label, number in numbers.items()}
    return {label: area for label, area in areas.items() if area.any()}


def _as_json(answer: Answer, labels: Mapping[str, str], size: tuple[int, int]) -> Output:
    result: Output = {
        "Source": {"Type": "direct"},
        "IsAnomalous": answer.anomalous,
        "Confidence": answer.confidence,
    }
    if answer.areas is None:
        return result
    pixels = size[0] * size[1]
    mask = np.full((size[1], size[0], 3), 255, np.uint8)
    shares = {label: np.count_nonzero(area) / pixels for label, area in answer.areas.items()}
    for label, area in answer.areas.items():
        mask[area] = np.frombuffer(bytes.fromhex(labels[label][1:]), np.uint8)[::-1]  # BGR
    found = [(BACKGROUND, 1 - sum(shares.values()), WHITE)]
    found += [(label, shares[label], labels[label]) for label in sorted(shares, key=lambda label: -shares[label])]
    anomalies = [
        {"Name": label, "PixelAnomaly": {"TotalPercentageArea": share, "Color": colour}}
        for label, share, colour in found
    ]
    return {**result, "Anomalies": anomalies, "AnomalyMask": base64.b64encode(_png(mask)).decode()}


def _png(mask: NDArray[np.uint8]) -> bytes:
    # Few colours in large areas: zlib's run lengths are as small as its best and much faster.
    ok, data = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not ok:
        raise PictureError("The mask can't be encoded.")
    return data.tobytes()


def colours_for(wanted: Mapping[str, str]) -> dict[str, str]:
    """A colour of its own for each label.

    Args:
        wanted: label -> #RRGGBB as its dataset has it; what is white, or another's already, gets another one.
    """
    found: dict[str, str] = {}
    for label, colour in wanted.items():
        if colour.upper() != WHITE and colour.upper() not in found.values():
            found[label] = colour.upper()
    for label in wanted:
        if label not in found:
            found[label] = _free(found)
    return {label: found[label] for label in wanted}


def with_unknown(labels: Mapping[str, str]) -> dict[str, str]:
    """A model's labels, and one more for defects that are like none of them."""
    return {ANOMALY: _free(labels), **labels}


def _free(taken: Mapping[str, str]) -> str:
    return next(colour for colour in _colours() if colour not in taken.values())


def _colours() -> list[str]:
    further = [
        f"#{red:02X}{green:02X}{blue:02X}" for red in (0, 128) for green in (64, 192) for blue in range(0, 256, 5)
    ]
    return [*_PALETTE, *further]
