"""From a dataset, or the demo line, to a version on the shelf."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.cameras.demo import training_parts
from app.datasets import Dataset, Item, opened_dataset
from app.datasets.masks import mask_reader
from app.domain.errors import LinesightError, ModelError
from app.domain.frame import Image
from app.domain.training import DatasetSummary, TrainedModel
from app.lifecycle.checkpoints import wanted_checkpoints
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Card, Proof, Registry
from app.pictures import encode_png, read_picture
from app.vision.checkpoints import Wanted
from app.vision.defects import Defect
from app.vision.detector import Detector
from app.vision.survey import MIN_NORMALS, Sample
from app.vision.training import train

Step = Callable[[float, str], None]

DEMO_NORMALS = 40
_PROOF = 3  # pictures with their scores, for the release gate
_GOOD_NUMBER = 20
_LONGEST_NAME = 60
_DRAWING = 0.2  # share of the demo training that is drawing


def describe_dataset(dataset: Path) -> DatasetSummary:
    """What a folder of pictures or a manifest holds, with advice in words; decodes no picture."""
    try:
        with opened_dataset(dataset, plain_is_normal=True) as found:
            return _described(found)
    except LinesightError as error:
        return DatasetSummary(0, 0, {}, False, (), (str(error),))


def _described(found: Dataset) -> DatasetSummary:
    normals, anomalies = len(found.training_normals()), found.counts()["anomaly"]
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
    enough = normals >= MIN_NORMALS
    return DatasetSummary(normals, anomalies, dict(found.types()), enough, tuple(advice), tuple(problems))


def train_on_dataset(shelf: ModelShelf, dataset: Path, product: str, size: int | None, step: Step) -> TrainedModel:
    """Makes the next version of `product` from the good parts of a dataset.

    Raises:
        LinesightError: as reading and training do; nothing is kept then.
    """
    product = product.strip()
    if not 1 <= len(product) <= _LONGEST_NAME:
        raise ModelError(f"A product's name has 1 to {_LONGEST_NAME} characters: give the model another name.")
    with opened_dataset(dataset, plain_is_normal=True, step=step) as found:
        normals, anomalies = found.training_normals(), found.training_defects()
        good = [_sample(item.name, item.path) for item in normals]
        bad = [_defect(item) for item in anomalies]
        checkpoints = wanted_checkpoints(found.root, [*normals, *anomalies])
        return _keep(shelf, good, product, size, step, found.problems, bad, checkpoints)


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


def _keep(
    shelf: ModelShelf,
    samples: Sequence[Sample],
    product: str,
    size: int | None,
    step: Step,
    problems: Sequence[str],
    defects: Sequence[Defect] = (),
    checkpoints: Sequence[Wanted] = (),
) -> TrainedModel:
    trained = train(samples, name=product, defects=defects, checkpoints=checkpoints, size=size, step=step)
    stored = shelf.add(product, trained.data)
    odd = (
        f"Suspicious label: {name} {why}. If it is a defect, move it there and train again."
        for name, why in trained.suspicious
    )
    notes = (*problems, *(why for _, why in trained.skipped), *odd)
    limits = trained.model.limits
    return TrainedModel(stored.ref, stored.path, len(trained.used), limits.threshold, trained.seconds, notes)


def _sample(name: str, path: Path) -> Sample:
    return Sample(name, lambda: read_picture(path))


def _defect(item: Item) -> Defect:
    masks = mask_reader(item) if item.mask else None
    return Defect(item.name, lambda: read_picture(item.path), item.type, masks)


def _giver(image: Image) -> Callable[[], Image]:
    return lambda: image
