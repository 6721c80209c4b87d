"""From a dataset, or the demo line, to a version on the shelf."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.cameras.demo import training_parts
from app.datasets import Dataset, opened_dataset
from app.datasets.types import NAMELESS
from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.domain.training import DatasetSummary, TrainedModel
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Card, Proof, Registry
from app.pictures import encode_png
from app.vision.detector import Detector
from app.vision.survey import MIN_NORMALS, Sample
from app.vision.training import train

Step = Callable[[float, str], None]

DEMO_NORMALS = 40
_PROOF = 3  # pictures with their scores, for the release gate
_GOOD_NUMBER = 20
_FEW_OF_A_TYPE = 10
_DRAWING = 0.2  # share of the demo training that is drawing


def describe_dataset(dataset: Path) -> DatasetSummary:
    """What a folder of pictures or a manifest holds, with advice in words; decodes no picture."""
    try:
        with opened_dataset(dataset, plain_is_normal=True) as found:
            return _described(found)
    except LinesightError as error:
        return DatasetSummary(0, 0, {}, False, (), (str(error),))


def _described(found: Dataset) -> DatasetSummary:
    normals, defects = len(found.training_normals()), found.training_defects()
    anomalies = len(defects)
    tested = sum(item.split == "test" and item.label is not None for item in found.items)
    advice: list[str] = []
    problems = list(found.problems)
    if normals < MIN_NORMALS:
        problems.insert(0, f"{normals} pictures of good parts are too few: at least {MIN_NORMALS} are needed.")
    elif normals < _GOOD_NUMBER:
        advice.append(f"{normals} good parts are enough to begin. {_GOOD_NUMBER} make the limit more certain.")
    else:
        advice.append(f"{normals} good parts are enough.")
    if anomalies:
        advice.append(f"The {anomalies} defect pictures teach it their kinds, choose the limit and say how sure it is.")
    if tested:
        advice.append(f"{tested} more are kept for testing.")
    elif normals >= 2 * MIN_NORMALS:
        advice.append("The set has no test part: a fifth of each kind will be kept back for testing.")
    else:
        advice.append("Too few to keep some for testing: how good it becomes will not be known.")
    kinds = Counter(kind for item in defects for kind in item.types or (NAMELESS,))
    few = [f"{count} of {name}" for name, count in sorted(kinds.items()) if count < _FEW_OF_A_TYPE]
    if few:
        advice.append(f"Few pictures: {', '.join(few)}. From {_FEW_OF_A_TYPE} on a kind is told apart well.")
    enough = normals >= MIN_NORMALS
    return DatasetSummary(normals, anomalies, dict(kinds), enough, tuple(advice), tuple(problems))


def train_on_demo(shelf: ModelShelf, product: str, seed: int, step: Step) -> TrainedModel:
    """Makes the next version of `product` from drawn good parts."""
    parts: list[Image] = []
    for part in training_parts(DEMO_NORMALS, seed):
        parts.append(part)
        words = f"Taking pictures of good parts, {len(parts)} of {DEMO_NORMALS}"
        step(_DRAWING * len(parts) / DEMO_NORMALS, words)
    samples = [Sample(f"demo part {number}", _giver(part)) for number, part in enumerate(parts, 1)]
    rest, begin = 1 - _DRAWING, datetime.now(UTC)
    trained = train(samples, name=product, step=lambda fraction, words: step(_DRAWING + rest * fraction, words))
    described, registry, detector = trained.model.description, Registry(shelf), Detector(trained.model, trained.ref)
    proof = [
        Proof(f"demo part {number}", registry.keep_picture(product, encode_png(part), ".png"), detector.score(part))
        for number, part in enumerate(parts[:_PROOF], 1)
    ]
    card = Card(
        product=product,
        sha256=hashlib.sha256(trained.data).hexdigest(),
        created_at=begin,
        by="",
        parent="",
        dataset=f"{DEMO_NORMALS} drawn good parts of the demo line",
        dataset_fingerprint=described.training.fingerprint,
        settings=(("learned from", "good parts"), ("feature extractor", described.backbone)),
        seconds=trained.seconds,
        metrics=None,
        notes=("Made for the demo line; its drawn parts have no test set.",),
        proof=tuple(proof),
    )
    stored = registry.add(product, trained.data, card)
    limits = trained.model.limits
    return TrainedModel(stored.ref, stored.path, len(trained.used), limits.threshold, trained.seconds, ())


def _giver(image: Image) -> Callable[[], Image]:
    return lambda: image
