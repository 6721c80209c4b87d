"""One training from plan to version: learn, measure on what was kept back, keep the proof, register.

The training process runs this; `step` is where it reports and may be stopped. Nothing is listed before the end.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.datasets import Dataset, Item, opened_dataset
from app.datasets.library.snapshots import TEST_SHARE, set_of
from app.datasets.masks import mask_reader
from app.domain.errors import DatasetError, ModelError, PictureError
from app.domain.frame import Image
from app.domain.versions import Metrics, TrainingPlan
from app.lifecycle.checkpoints import wanted_checkpoints
from app.lifecycle.evaluating import Kept, measure
from app.lifecycle.versions import Card, Proof, Registry
from app.pictures import read_picture
from app.vision.defects import Defect
from app.vision.detector import Detector
from app.vision.survey import MIN_NORMALS, Sample
from app.vision.training import Trained, train

Step = Callable[[float, str], None]

_READING, _LEARNING, _MEASURING = 0.05, 0.70, 0.95
"""Where each stage ends, of the whole."""

_PROOF = 3  # pictures of either kind
_LONGEST_NAME = 60
_FEWEST_FOR_TEST = 2 * MIN_NORMALS
"""Good parts from which on some are kept back where the set has no split: with fewer, every one is needed to learn."""


@dataclass(frozen=True, slots=True)
class Made:
    """The version that came out: NAME@VERSION, and what was left out, in words."""

    version: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parted:
    """A dataset's labelled pictures, parted for good: nothing of `test` is ever learned from."""

    train: tuple[Item, ...]
    test: tuple[Kept, ...]
    fingerprint: str
    notes: tuple[str, ...]


def make_version(
    registry: Registry, plan: TrainingPlan, *, job: str, by: str, now: Callable[[], datetime], step: Step
) -> Made:
    """Slow: trains, measures and registers.

    Raises:
        LinesightError: nothing can be learned; says why, and nothing is listed.
    """
    product = check_product(plan.product)
    begin = now()
    with opened_dataset(plan.dataset, plain_is_normal=True, step=lambda part, words: step(part * 0.02, words)) as found:
        parted = part(found, _snapshot_fingerprint(plan.dataset), lambda at, words: step(at * _READING, words))
        trained, suspicious = _learn(found, parted, plan, _within(step, _READING, _LEARNING))
        detector = Detector(trained.model, trained.ref)
        metrics: Metrics | None = None
        if parted.test:
            metrics = measure(detector, parted.test, _within(step, _LEARNING, _MEASURING))
            _keep_test_pictures(registry, product, parted.test)
        step(_MEASURING, "Keeping pictures that prove the scores")
        proof = _proof(registry, product, detector, parted, trained, step)
    running = registry.released(product)
    notes = (*parted.notes, *(why for _, why in trained.skipped), *suspicious)
    card = Card(
        product=product,
        sha256=hashlib.sha256(trained.data).hexdigest(),
        created_at=begin,
        by=by,
        parent=running.version if running else "",
        dataset=_title(plan.dataset),
        dataset_fingerprint=parted.fingerprint,
        settings=_settings(plan, trained),
        seconds=(now() - begin).total_seconds(),
        metrics=metrics,
        notes=notes,
        proof=proof,
        job=job,
    )
    step(0.99, "Keeping the version")
    return Made(str(registry.add(product, trained.data, card).ref), notes)


def check_product(product: str) -> str:
    """The name without spaces around it. Raises ModelError for one that is too short or too long, or has an @."""
    product = product.strip()
    if not 1 <= len(product) <= _LONGEST_NAME or "@" in product:
        raise ModelError(f"A product's name has 1 to {_LONGEST_NAME} characters and no @: give it another name.")
    return product


def part(dataset: Dataset, fingerprint: str, step: Step = lambda fraction, words: None) -> Parted:
    """Parts what is labelled into train and test.

    The set's own split holds. Where it has none, of good parts and of each defect type a fifth is kept back; which
    ones follows from their content, so the same set is always parted alike. A picture that is in both parts (a copy
    under another name) counts for testing only.

    Args:
        fingerprint: of the set, where it has one already; "": made from content, labels and split.
    """
    labelled = [item for item in dataset.items if item.label is not None]
    digests, notes, readable = {}, list(dataset.problems), []
    for number, item in enumerate(labelled, 1):
        step(number / len(labelled), f"Reading the set, picture {number} of {len(labelled)}")
        try:
            with item.path.open("rb") as file:
                digests[item.name] = hashlib.file_digest(file, "sha256").hexdigest()
            readable.append(item)
        except OSError as error:
            notes.append(f"{item.path} can't be read ({error.strerror or error}).")
    tested = {digests[item.name] for item in readable if item.split == "test"}
    if not any(item.split for item in readable):
        tested = _kept_back(readable, digests)
        if tested:
            notes.append("The set has no split: a fifth of each kind was kept back for testing.")
        else:
            notes.append(f"No picture was kept back for testing: there are fewer than {_FEWEST_FOR_TEST} good parts.")
    test = {digests[item.name]: Kept(item, digests[item.name]) for item in readable if digests[item.name] in tested}
    train_items = [item for item in readable if digests[item.name] not in tested]
    copies = sum(item.split == "train" for item in readable if digests[item.name] in tested)
    if copies:
        notes.append(f"{copies} pictures for training are also in the test set: they were not learned from.")
    if not fingerprint:
        rows = sorted([digests[i.name], i.label, sorted(i.types), i.split or ""] for i in readable)
        fingerprint = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return Parted(tuple(train_items), tuple(test.values()), fingerprint, tuple(notes))


def _kept_back(items: Sequence[Item], digests: dict[str, str]) -> set[str]:
    strata: dict[str, set[str]] = defaultdict(set)
    for item in items:
        strata["normal" if item.label == "normal" else f"anomaly {min(item.types, default='')}"].add(digests[item.name])
    if len(strata["normal"]) < _FEWEST_FOR_TEST:
        return set()
    chosen: set[str] = set()
    for members in strata.values():
        # As a library chooses: by content alone.
        order = sorted(members, key=lambda digest: hashlib.sha256(f"split {digest}".encode()).digest())
        chosen |= set(order[: round(TEST_SHARE * len(order))])
    return chosen


def _learn(found: Dataset, parted: Parted, plan: TrainingPlan, step: Step) -> tuple[Trained, list[str]]:
    good = [item for item in parted.train if item.label == "normal"]
    bad = [item for item in parted.train if item.label == "anomaly"] if plan.learn == "good parts and defects" else []
    if len(good) < MIN_NORMALS:
        raise DatasetError(
            f"{len(good)} pictures of good parts are left to learn from, at least {MIN_NORMALS} are needed: label more."
        )
    trained = train(
        [Sample(item.name, _reader(item)) for item in good],
        name=plan.product.strip(),
        defects=[Defect(item.name, _reader(item), item.type, mask_reader(item) if item.mask else None) for item in bad],
        checkpoints=wanted_checkpoints(found.root, [*good, *bad]),
        size=plan.size,
        step=step,
    )
    odd = [
        f"Suspicious label: {name} {why}. If it is a defect, move it there and train again."
        for name, why in trained.suspicious
    ]
    return trained, odd


def _proof(
    registry: Registry, product: str, detector: Detector, parted: Parted, trained: Trained, step: Step
) -> tuple[Proof, ...]:
    """The trainer's scores of a few stored pictures, for the release gate."""
    found: list[Proof] = []
    pool = [*(each.item for each in parted.test), *parted.train]
    for label in ("normal", "anomaly"):
        kept = 0
        for item in pool:
            if item.label != label or kept == _PROOF:
                continue
            step(_MEASURING, "Keeping pictures that prove the scores")
            try:
                score = detector.score(read_picture(item.path))
                file = registry.keep_picture(product, item.path.read_bytes(), item.path.suffix)
            except (PictureError, OSError):
                continue
            found.append(Proof(item.name, file, score))
            kept += 1
    return tuple(found)


def _keep_test_pictures(registry: Registry, product: str, test: Sequence[Kept]) -> None:
    """Copies of those that were unpacked for this training and are gone after it."""
    room = Path(tempfile.gettempdir()).resolve()
    for each in test:
        path = each.item.path.resolve()
        if path.is_relative_to(room) and path.relative_to(room).parts[0].startswith("linesight-"):
            registry.keep_picture(product, path.read_bytes(), path.suffix)


def _settings(plan: TrainingPlan, trained: Trained) -> tuple[tuple[str, str], ...]:
    described = trained.model.description
    views = ", ".join(
        f"{each.size} px" + (f", mean of {each.mean}" if each.mean > 1 else "") for each in described.views
    )
    return (
        ("learned from", plan.learn),
        ("size", f"{plan.size} px" if plan.size else "256 px"),
        ("views", views),
        ("feature extractor", described.backbone),
        ("checkpoints", str(len(described.checkpoints))),
        ("trained", "at this station" if plan.where == "station" else plan.where),
        ("made by", described.made_by),
    )


def _title(dataset: Path) -> str:
    """As people call it: no path of this machine."""
    snapshot = set_of(dataset)
    if snapshot is None:
        return dataset.name
    return f"{snapshot.root.name}, snapshot {snapshot.number}" if snapshot.number else snapshot.root.name


def _snapshot_fingerprint(dataset: Path) -> str:
    snapshot = set_of(dataset)
    return snapshot.fingerprint if snapshot else ""


def _within(step: Step, begin: float, end: float) -> Step:
    return lambda fraction, words: step(begin + (end - begin) * fraction, words)


def _reader(item: Item) -> Callable[[], Image]:
    return lambda: read_picture(item.path)
