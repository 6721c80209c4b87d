"""How good a model is on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.domain.verdict import Verdict
from app.vision.detector import Detector
from app.vision.metrics import PixelMeasures, auroc, average_precision
from app.vision.regions import enlarge

Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class TestSample:
    """One labelled picture.

    Attributes:
        load: gives the (H, W, 3) uint8 BGR array.
        masks: for a picture of (width, height) its defects by type, each (H, W) bool; None where the
            defect's place is not known.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    name: str
    load: Callable[[], Image]
    anomalous: bool
    masks: Callable[[tuple[int, int]], dict[str, NDArray[np.bool_]]] | None = None


@dataclass(frozen=True, slots=True)
class JudgedSample:
    """One sample's score and verdict."""

    name: str
    anomalous: bool
    score: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures over one test set; None where they can't be computed from it.

    A picture counts as anomalous iff its score reaches the threshold; `retest` counts those that the
    station would have asked to see again.

    Attributes:
        rows: every picture that could be judged, in the order of the samples.
        overlaps: what `iou` sums up, (pixels in both, pixels in either) of each picture, by type.
    """

    normals: int
    anomalies: int
    image_auroc: float | None
    average_precision: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float
    tp: int
    fp: int
    tn: int
    fn: int
    retest: int
    pixel_auroc: float | None
    aupro: float | None
    iou: dict[str, float]
    failed: tuple[tuple[str, str], ...]
    rows: tuple[JudgedSample, ...] = ()
    overlaps: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Judged:
    sample: TestSample
    score: float
    verdict: Verdict
    heat: NDArray[np.float32]
    box: tuple[float, float, float, float]
    size: tuple[int, int]


def evaluate(
    detector: Detector, samples: Sequence[TestSample], step: Callable[[float, str], None] = lambda fraction, words: None
) -> Evaluation:
    """Judges every sample and sums up; samples that raise PictureError, for the picture or for its masks,
    are named in `failed`, the rest counts.

    Raises:
        DatasetError: no sample is left, or what reading a mask raised.
    """
    judged: list[_Judged] = []
    failed: list[tuple[str, str]] = []
    for index, sample in enumerate(samples):
        step(0.7 * index / max(1, len(samples)), f"Judging picture {index + 1} of {len(samples)}")
        try:
            image = sample.load()
            size = (image.shape[1], image.shape[0])
            if sample.masks:
                sample.masks(size)  # a wrong mask is told now, not after all pictures were judged
        except PictureError as error:
            failed.append((sample.name, str(error)))
            continue
        result = detector.detect(image)
        judged.append(_Judged(sample, result.score, result.verdict, result.heat, result.heat_box, size))
    if not judged:
        raise DatasetError("No picture of the test set could be read. " + (failed[0][1] if failed else ""))
    threshold = detector.model.limits.threshold
    normal = np.array([item.score for item in judged if not item.sample.anomalous])
    anomalous = np.array([item.score for item in judged if item.sample.anomalous])
    tp, fn = int((anomalous >= threshold).sum()), int((anomalous < threshold).sum())
    fp, tn = int((normal >= threshold).sum()), int((normal < threshold).sum())
    pixels = _pixel_measures(judged, threshold, step)
    return Evaluation(
        normals=len(normal),
        anomalies=len(anomalous),
        image_auroc=auroc(normal, anomalous),
        average_precision=average_precision(normal, anomalous),
        precision=tp / (tp + fp) if tp + fp else None,
        recall=tp / (tp + fn) if tp + fn else None,
        f1=2 * tp / (2 * tp + fp + fn) if len(anomalous) else None,
        threshold=threshold,
        tp=tp,
        fp=fp,
        tn=tn,
        fn=fn,
        retest=sum(item.verdict is Verdict.RETEST for item in judged),
        pixel_auroc=pixels.pixel_auroc() if pixels else None,
        aupro=pixels.aupro() if pixels else None,
        iou=pixels.iou() if pixels else {},
        failed=tuple(failed),
        rows=tuple(JudgedSample(each.sample.name, each.sample.anomalous, each.score, each.verdict) for each in judged),
        overlaps=pixels.overlaps() if pixels else {},
    )


def _pixel_measures(
    judged: Sequence[_Judged], threshold: float, step: Callable[[float, str], None]
) -> PixelMeasures | None:
    """Measures over good parts and those anomalies whose mask is known; None without any mask."""
    if not any(item.sample.masks for item in judged):
        return None
    counted = [item for item in judged if item.sample.masks or not item.sample.anomalous]
    measures = PixelMeasures(
        min(float(item.heat.min()) for item in counted), max(float(item.heat.max()) for item in counted), threshold
    )
    for index, item in enumerate(counted):
        step(0.7 + 0.3 * index / len(counted), f"Comparing map {index + 1} of {len(counted)} with its mask")
        masks = item.sample.masks(item.size) if item.sample.masks else {}
        measures.add(full_map(item.heat, item.box, item.size), masks)
    return measures


def full_map(
    heat: NDArray[np.float32], box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[np.float32]:
    """The heat map at picture size, (H, W) float32; the few pixels beyond the network's last whole block
    repeat the border. Where the picture was cut to regions of interest, what was not judged is 0."""
    width, height = size
    x, y, wide, tall = (round(value) for value in box)
    inner = enlarge(heat, wide, tall)
    if (x, y) == (0, 0) and _BLOCK > width - wide >= 0 and _BLOCK > height - tall >= 0:
        return np.pad(inner, ((0, height - tall), (0, width - wide)), mode="edge")
    whole = np.zeros((height, width), np.float32)
    whole[y : y + tall, x : x + wide] = inner
    return whole


_BLOCK = 512  # pixels: more than any halving leaves out
