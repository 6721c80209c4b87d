"""From a dataset's lines to a model file and its evaluation: one training, wherever it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from app.datasets import Item, Mask
from app.datasets.manifest import read_manifest
from app.datasets.masks import mask_reader
from app.datasets.types import Colour
from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.serverless.buckets import BucketError, Buckets
from app.serverless.lookout.detection import colours_for
from app.serverless.lookout.entries import MOST_LABELS, place_of
from app.serverless.lookout.evaluation import Evaluated, evaluate
from app.serverless.lookout.images import checked_picture
from app.serverless.lookout.models import too_few
from app.vision import artefact
from app.vision.calibration import calibrate
from app.vision.defects import Defect
from app.vision.detector import Detector
from app.vision.survey import Sample
from app.vision.training import Trained, train

_TEST_SHARE = 0.2
_LEFT_OUT_TOLD = 3
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train; can be handed to another process.

    Attributes:
        train, test: files of JSON lines; `test` is None where a part of `train` serves.
        model: where the artefact goes.
        bucket, manifest_key, result_key: where the evaluation goes.
        cache: a folder for copies of objects, for this training alone.
    """

    project: str
    version: int
    arn: str
    train: Path
    test: Path | None
    model: Path
    buckets: Buckets
    bucket: str
    manifest_key: str
    result_key: str
    cache: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished training.

    Attributes:
        labels: of a model that shows where defects are, each label's colour; None for one that does not.
        picture: (width, height) of the first training picture.
        left_out: what could not be used, and why.
    """

    f1: float
    recall: float
    precision: float
    evaluated: float
    labels: dict[str, str] | None
    picture: tuple[int, int]
    left_out: tuple[str, ...]

    def words(self) -> str:
        """As the model's status message."""
        text = "Training completed successfully."
        if self.left_out:
            shown = "; ".join(self.left_out[:_LEFT_OUT_TOLD])
            text += f" {len(self.left_out)} of the lines could not be used: {shown}"
        return text


def carry_out(plan: Plan) -> Outcome:
    """Trains, tests, and writes model and evaluation.

    Raises:
        LinesightError: it can't be done; says why and what to do.
    """
    plan.buckets.check_output(plan.bucket)
    learning, testing, left_out = _divided(plan)
    labels = _labels(learning, testing)
    good = [item for item in learning if item.label == "normal"]
    bad = [item for item in learning if item.label == "anomaly"]
    trained = train(
        [Sample(item.name, _reader(item)) for item in good],
        name=plan.project[:60],
        defects=[Defect(item.name, _reader(item), item.type, _masks(item)) for item in bad],
    )
    left_out += [f"{why}" for _, why in trained.skipped]
    detector = Detector(trained.model, trained.ref)
    seen = evaluate(detector, testing, _reader, labels)
    left_out += seen.left_out
    _check_enough(plan, trained, seen, len(good), len(bad))
    model = _calibrated(trained, seen)
    artefact.write(plan.model, trained.data if model is trained.model else artefact.to_bytes(model))
    moment = datetime.now(UTC)
    _write_evaluation(plan, seen, model, moment, len(trained.used) + len(trained.defects))
    first = next(item for item in good if item.name == trained.used[0])
    height, width = _reader(first)().shape[:2]
    return Outcome(
        f1=seen.f1,
        recall=seen.recall,
        precision=seen.precision,
        evaluated=round(moment.timestamp(), 3),
        labels=labels,
        picture=(width, height),
        left_out=tuple(left_out),
    )


def _divided(plan: Plan) -> tuple[list[Item], list[Item], list[str]]:
    """What to learn from, what to test with, and what can't be used."""

    def resolve(reference: str) -> Path:
        try:
            return plan.buckets.local(*place_of(reference), plan.cache)
        except ValueError as error:
            raise BucketError(str(error)) from error

    first = read_manifest(plan.train, resolve)
    left_out = [_told(each, plan.train, "train") for each in first.problems]
    items = [item for item in first.items if item.label is not None]
    if plan.test is None:
        learning, testing = split(items)
    else:
        second = read_manifest(plan.test, resolve)
        left_out += [_told(each, plan.test, "test") for each in second.problems]
        learning, testing = items, [item for item in second.items if item.label is not None]
    whole = [*learning, *testing] if plan.test is None else learning
    few = too_few(_labelled(whole), None if plan.test is None else _labelled(testing))
    if few:
        why = f" The first problem: {left_out[0]}" if left_out else ""
        raise DatasetError(f"There are too few usable images: {few}.{why}")
    return learning, testing, left_out


def split(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """A training and a test part of one dataset: a fifth of each kind is for testing, always the same ones."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.label or "", item.type), []).append(item)
    held: set[str] = set()
    for group in groups.values():
        order = sorted(group, key=lambda item: hashlib.sha256(item.name.encode("utf-8", "replace")).digest())
        count = max(1, round(_TEST_SHARE * len(order))) if len(order) > 1 else 0
        held |= {item.name for item in order[:count]}
    learning = [item for item in items if item.name not in held]
    return learning, [item for item in items if item.name in held]


def _labels(learning: Sequence[Item], testing: Sequence[Item]) -> dict[str, str] | None:
    """Each kind's colour where the training dataset's masks show kinds, else None."""
    if not any(_colours(item) for item in learning if item.label == "anomaly"):
        return None
    wanted: dict[str, str] = {}
    for item in (*learning, *testing):
        for colour, kind in _colours(item):
            wanted.setdefault(kind, f"#{bytes(colour).hex().upper()}")
    if len(wanted) > MOST_LABELS:
        raise DatasetError(f"The masks have {len(wanted)} labels; at most {MOST_LABELS} are learned. Join some.")
    return colours_for(wanted)


def _colours(item: Item) -> tuple[tuple[Colour, str], ...]:
    return item.mask.colours or () if isinstance(item.mask, Mask) else ()


def _check_enough(plan: Plan, trained: Trained, seen: Evaluated, good: int, bad: int) -> None:
    """Pictures may have turned out to be damaged only when they were read."""
    normal = (len(trained.used), len(trained.defects))
    if plan.test is None:
        few = too_few((normal[0] + seen.normals, normal[1] + seen.anomalies), None)
    else:
        few = too_few(normal, (seen.normals, seen.anomalies))
    if few:
        reasons = [why for _, why in trained.skipped] + seen.left_out
        raise DatasetError(f"There are too few usable images: {few}. The first problem: {reasons[0]}")


def _calibrated(trained: Trained, seen: Evaluated) -> artefact.Model:
    """The model; where it learned from good parts alone, with a confidence from the test images, which it has not
    seen either. What it decides stays as it is."""
    model = trained.model
    if model.calibration is not None:
        return model
    scores = [np.array([each.score for each in seen.images if each.anomalous == kind]) for kind in (False, True)]
    calibration = calibrate(scores[0], scores[1])
    if calibration is None:
        return model
    described = model.description.model_copy(update={"calibration": calibration.to_parts()[0]})
    return replace(model, calibration=calibration, description=described)


def _write_evaluation(plan: Plan, seen: Evaluated, model: artefact.Model, moment: datetime, trained: int) -> None:
    lines: dict[str, dict[str, Any]] = {}
    for path in (plan.train, plan.test) if plan.test else (plan.train,):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                entry = json.loads(line)
                lines[str(entry["source-ref"])] = entry
    stamp = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    written = seen.manifest(lines, model.calibration, plan.arn, plan.project, plan.version, stamp)
    plan.buckets.write(plan.bucket, plan.manifest_key, written, _JSON)
    result = {
        "Version": 1,
        "EvaluationDetails": {
            "ModelArn": plan.arn,
            "EvaluationEndTimestamp": stamp,
            "NumberOfTrainingImages": trained,
            "NumberOfTestingImages": len(seen.images),
        },
        "AggregatedEvaluationResults": {"Metrics": seen.metrics()},
    }
    plan.buckets.write(plan.bucket, plan.result_key, json.dumps(result, indent=2).encode(), _JSON)


def _told(problem: str, path: Path, kind: str) -> str:
    """A problem without the path of this training's own copy."""
    return problem.replace(str(path), f"{kind} dataset")


def _labelled(items: Sequence[Item]) -> tuple[int, int]:
    labels = [item.label for item in items]
    return labels.count("normal"), labels.count("anomaly")


def _reader(item: Item) -> Callable[[], Image]:
    def load() -> Image:
        try:
            data = item.path.read_bytes()
        except OSError as error:
            raise PictureError(f"{item.name} can't be read ({error.strerror or error}).", item.path) from error
        return checked_picture(data, item.name)

    return load


def _masks(item: Item) -> Any:
    return mask_reader(item) if item.mask else None
