"""How a new model does on its test images, and the two files that tell it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.datasets import Item
from app.datasets.masks import read_mask
from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.serverless.lookout.detection import confidence_in, judged, with_unknown
from app.vision.calibration import Calibration
from app.vision.detector import Detector
from app.vision.metrics import auroc, average_precision

_DETECTED = "anomaly-label-detected"


@dataclass(frozen=True, slots=True)
class TestImage:
    """One test image: what it is by its label, and what the model says."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    source: str
    anomalous: bool
    said: bool
    score: float


@dataclass(slots=True)
class Pixels:
    """Of one label, over all test images whose masks are known."""

    both: int = 0
    said: int = 0
    true: int = 0
    overlaps: list[float] = field(default_factory=list)

    def add(self, said: NDArray[np.bool_] | None, true: NDArray[np.bool_] | None) -> None:
        """One image; None where there is nothing of the label."""
        first = 0 if said is None else int(np.count_nonzero(said))
        second = 0 if true is None else int(np.count_nonzero(true))
        both = 0 if said is None or true is None else int(np.count_nonzero(said & true))
        if first or second:
            self.both, self.said, self.true = self.both + both, self.said + first, self.true + second
            self.overlaps.append(both / (first + second - both))


@dataclass(slots=True)
class Evaluated:
    """What the test has shown."""

    images: list[TestImage] = field(default_factory=list)
    pixels: dict[str, Pixels] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def normals(self) -> int:
        return sum(not each.anomalous for each in self.images)

    @property
    def anomalies(self) -> int:
        return sum(each.anomalous for each in self.images)

    @property
    def precision(self) -> float:
        return _share(self._hits, sum(each.said for each in self.images))

    @property
    def recall(self) -> float:
        return _share(self._hits, self.anomalies)

    @property
    def f1(self) -> float:
        return _share(2 * self._hits, sum(each.said for each in self.images) + self.anomalies)

    @property
    def _hits(self) -> int:
        return sum(each.said and each.anomalous for each in self.images)

    def metrics(self) -> dict[str, Any]:
        """As the evaluation result has them."""
        normal = np.array([each.score for each in self.images if not each.anomalous])
        anomalous = np.array([each.score for each in self.images if each.anomalous])
        found: dict[str, Any] = {
            "ROCAUC": auroc(normal, anomalous),
            "AveragePrecision": average_precision(normal, anomalous),
            "Precision": self.precision,
            "Recall": self.recall,
            "F1Score": self.f1,
        }
        if self.pixels:
            found["PixelAnomalyClassMetrics"] = [
                {
                    "Precision": _share(each.both, each.said),
                    "Recall": _share(each.both, each.true),
                    "F1Score": _share(2 * each.both, each.said + each.true),
                    "AIOU": float(np.mean(each.overlaps)) if each.overlaps else 0.0,
                    "ClassName": label,
                }
                for label, each in self.pixels.items()
            ]
        return found

    def manifest(
        self,
        lines: Mapping[str, Mapping[str, Any]],
        calibration: Calibration | None,
        arn: str,
        project: str,
        version: int,
        stamp: str,
    ) -> bytes:
        """JSON lines: each test image's own, by its source-ref in `lines`, with what was detected."""
        written = []
        for each in self.images:
            detected = {
                "class-name": "anomaly" if each.said else "normal",
                "confidence": confidence_in(calibration, each.score, each.said),
                "type": "groundtruth/image-classification",
                "human-annotated": "no",
                "creation-date": stamp,
                "job-name": "training-job/anomaly-detection",
                "model-arn": arn,
                "project-name": project,
                "model-version": str(version),
            }
            line = {**lines[each.source], _DETECTED: int(each.said), f"{_DETECTED}-metadata": detected}
            written.append(json.dumps(line, ensure_ascii=False) + "\n")
        return "".join(written).encode("utf-8", "replace")


def evaluate(
    detector: Detector,
    items: Sequence[Item],
    reader: Callable[[Item], Callable[[], Image]],
    labels: Mapping[str, str] | None,
) -> Evaluated:
    """Judges labelled test images; those that can't be read are left out and named.

    Args:
        labels: of a model that shows where defects are: their colours; else None.
    """
    found = Evaluated()
    for item in items:
        try:
            image = reader(item)()
            masks = read_mask(item, (image.shape[1], image.shape[0])) if item.mask and labels is not None else None
        except (PictureError, DatasetError) as error:
            found.left_out.append(str(error))
            continue
        answer = judged(detector, image, labels)
        found.images.append(TestImage(item.name, item.label == "anomaly", answer.anomalous, answer.score))
        # Where an anomaly has no mask, nobody knows which pixels it has.
        if answer.areas is not None and (masks is not None or item.label == "normal"):
            true = {kind: area for kind, area in (masks or {}).items() if item.label == "anomaly"}
            for label in with_unknown(labels or {}):
                found.pixels.setdefault(label, Pixels()).add(answer.areas.get(label), true.get(label))
    # Nothing was to be found of these, and nothing was.
    found.pixels = {label: each for label, each in found.pixels.items() if each.said or each.true}
    return found


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
