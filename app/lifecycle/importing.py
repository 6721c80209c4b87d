"""Models that were made elsewhere become versions: measured here, on pictures that they have not learned from."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.datasets import Item
from app.domain.errors import ModelError
from app.domain.versions import Metrics
from app.lifecycle.evaluating import Kept, measure
from app.lifecycle.making import check_product
from app.lifecycle.shelf import folder_name
from app.lifecycle.versions import Card, Proof, Registry
from app.vision import artefact
from app.vision.detector import Detector

Step = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A model that was made elsewhere.

    Attributes:
        data: bytes of its file.
        origin: where it comes from, for people.
        fingerprint: of what it learned from; two with the same learned from the same.
        tests: pictures that it has not learned from, labelled, in files.
        proof: (name, file, score by the trainer).
        notes: what a person must know of it.
    """

    data: bytes
    origin: str
    fingerprint: str
    tests: Sequence[Item]
    proof: Sequence[tuple[str, Path, float]]
    notes: tuple[str, ...] = ()


def import_version(
    registry: Registry,
    product: str,
    made: Made,
    *,
    by: str,
    job: str = "",
    now: Callable[[], datetime],
    step: Step = lambda fraction, words: None,
) -> str:
    """Slow: NAME@VERSION of the model, which is released by a person or never. The same file becomes one version only.

    Args:
        job: the training of this station that had it made, "" for none.

    Raises:
        ModelError: it is no model that this program reads; nothing is listed.
    """
    product = check_product(product)
    digest = hashlib.sha256(made.data).hexdigest()
    known = next((each for each in registry.all(product) if each.sha256 == digest), None)
    if known is not None:
        return known.name
    begin = now()
    with tempfile.TemporaryDirectory(prefix="linesight-import-") as folder:
        file = Path(folder) / f"model{artefact.SUFFIX}"
        artefact.write(file, made.data)
        try:
            model, ref = artefact.load(file)
        except ModelError as error:
            raise ModelError(str(error).replace(str(file), made.origin)) from error
    if folder_name(ref.name) != folder_name(product):
        raise ModelError(f"The model {made.origin} is one of {ref.name}, not of {product}. Nothing was kept.")
    detector = Detector(model, ref)
    kept = [Kept(item, hashlib.sha256(item.path.read_bytes()).hexdigest()) for item in made.tests]
    metrics: Metrics | None = None
    if kept:
        metrics = measure(detector, kept, lambda fraction, words: step(0.9 * fraction, words))
        for each in kept:
            registry.keep_picture(product, each.item.path.read_bytes(), each.item.path.suffix)
    proof = tuple(
        Proof(name, registry.keep_picture(product, path.read_bytes(), path.suffix), score)
        for name, path, score in made.proof
    )
    running = registry.released(product)
    card = Card(
        product=product,
        sha256=digest,
        created_at=begin,
        by=by,
        parent=running.version if running else "",
        dataset=made.origin,
        dataset_fingerprint=made.fingerprint,
        settings=(
            ("trained", made.origin),
            ("feature extractor", model.description.backbone),
            ("made by", model.description.made_by),
        ),
        seconds=(now() - begin).total_seconds(),
        metrics=metrics,
        notes=made.notes,
        proof=proof,
        job=job,
    )
    step(0.95, "Keeping the version")
    return str(registry.add(product, made.data, card).ref)
