"""Making a model from pictures of good parts."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app import __version__
from app.domain.errors import DatasetError, ModelError, PictureError
from app.domain.frame import Image
from app.domain.inspection import ModelRef
from app.vision import artefact, backbone
from app.vision.coreset import greedy_coreset
from app.vision.detector import Detector, same_score
from app.vision.geometry import choose_target
from app.vision.graph import FeatureGraph, MemoryBank, Network, PictureGraph

TAPS = (8, 10)
"""The first and the last block of the deepest stage with stride 16: deep enough to know parts from
noise, fine enough to place a defect. Finer strides follow the grain of the surface instead."""

BANK_SIZE = 2000
SIGMA = 1.0
TOP = 0.01
MIN_NORMALS = 5
MIN_SIZE, MAX_SIZE = 128, 1024

_MAX_CELLS = 60_000
"""Features kept for choosing the bank, over all pictures (27 MB): more pictures give fewer each."""

_MAX_FOLDS = 8
_CHECKED = 3

Array = NDArray[np.float32]
Step = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One training picture: what people call it, and how to get its (H, W, 3) uint8 BGR array."""

    name: str
    load: Callable[[], Image]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A finished training.

    Attributes:
        data: the artefact's bytes; its scores were compared with the trainer's.
        held_out: score of each used good picture by a bank that had not seen it, in `used`'s order.
        used: names of the pictures.
        skipped: (name, reason) of pictures left out.
    """

    model: artefact.Model
    data: bytes
    ref: ModelRef
    held_out: Array
    used: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    seconds: float


def train(
    samples: Sequence[Sample],
    *,
    name: str,
    size: int = 256,
    step: Step = lambda fraction, words: None,
    seed: int = 0,
) -> Trained:
    """Learns what good parts look like.

    The same samples in the same order give the same model. Pictures that can't be read are left out
    and named in `skipped`.

    Args:
        samples: good parts only; at least `MIN_NORMALS` readable ones.
        name: the model's name.
        size: the network sees about size x size pixels, in the pictures' own aspect ratio.
        step: told the fraction done and what is done; raises to stop.

    Raises:
        DatasetError: too few pictures, or all the same.
        ModelError: the backbone is missing, or the artefact does not score as the trainer did.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise DatasetError(f"The size {size} is out of range: choose {MIN_SIZE} to {MAX_SIZE} pixels.")
    begin = time.perf_counter()
    step(0.0, "Reading pictures")
    sizes, digests, readable, skipped = _survey(samples, step)
    if len(readable) < MIN_NORMALS:
        why = f" The first problem: {skipped[0][1]}" if skipped else ""
        raise DatasetError(
            f"{len(readable)} usable pictures of good parts are too few: at least {MIN_NORMALS} are needed, "
            f"20 or more are better.{why}"
        )
    if len(set(digests)) == 1:
        raise DatasetError(
            f"All {len(digests)} pictures of good parts are the same picture. Take each of another part, "
            "so that the model learns how good parts differ."
        )
    network = Network(choose_target(sizes, size), TAPS, backbone.pretrained(max(TAPS)))
    features = _extract([samples[index] for index in readable], network, step)
    rng = np.random.default_rng(seed)
    held_out = _held_out_scores(features, network, rng, step)
    step(0.85, "Choosing what to remember")
    bank = _bank(features, range(len(features)), BANK_SIZE, rng, lambda: step(0.9, "Choosing what to remember"))
    aspects = [width / height for width, height in sizes]
    threshold, retest_from = choose_limits(held_out)
    description = artefact.Description(
        name=name,
        made_by=f"linesight {__version__}",
        created_at=datetime.now(UTC),
        backbone="efficientnet-lite0",
        network=artefact.NetworkDescription(height=network.target.height, width=network.target.width, taps=TAPS),
        bank=artefact.BankDescription(vectors=len(bank.vectors), sigma=bank.sigma, top=bank.top),
        limits=artefact.LimitsDescription(threshold=threshold, retest_from=retest_from),
        training=artefact.TrainingDescription(
            normals=len(readable),
            fingerprint=hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
            aspect_from=min(aspects),
            aspect_to=max(aspects),
            median_score=float(np.median(held_out)),
            seconds=time.perf_counter() - begin,
        ),
    )
    model = artefact.Model(description, network, bank)
    step(0.95, "Checking the model")
    data = artefact.to_bytes(model)
    ref = _gate(model, data, [samples[index] for index in readable[:_CHECKED]])
    step(1.0, "Trained")
    return Trained(
        model=model,
        data=data,
        ref=ref,
        held_out=held_out,
        used=tuple(samples[index].name for index in readable),
        skipped=tuple(skipped),
        seconds=time.perf_counter() - begin,
    )


def choose_limits(held_out: Array) -> tuple[float, float]:
    """Threshold and lower end of the RETEST band from scores of held-out good parts.

    Above their median the scores' logarithms are nearly normal (below it, pictures that resemble each
    other give a long tail that says nothing about defects), so the spread is taken from the upper half.
    The limits are one-sided prediction bounds for the next good part (Hahn & Meeker 1991, ch. 4): few
    pictures give a wider margin than many. A floor under the spread keeps pictures that are almost alike
    from giving a limit that noise crosses.

    Returns:
        (threshold, retest_from).
    """
    logs = np.log(np.maximum(held_out.astype(np.float64), 1e-3))
    number = len(logs)
    centre = float(np.median(logs))
    above = logs[logs > centre]
    spread = max(float(np.sqrt(np.mean((above - centre) ** 2))) if len(above) else 0.0, _LEAST_SPREAD)
    widen = np.sqrt(1 + 1 / number) * (1 + 1.0 / (number - 1))

    def at(z: float) -> float:
        return float(np.exp(centre + z * spread * widen))

    # The tail may be thicker than that: of the good parts seen so far no more than one in a hundred is a
    # FAIL, unless it lies so far out that it may be no good part at all.
    seen = float(np.quantile(held_out, 0.99, method="higher")) * 1.01
    threshold = max(at(_Z_FAIL), min(seen, at(_Z_FARTHEST)))
    return threshold, at(_Z_RETEST)


_Z_FAIL = 2.4  # about one good part in a hundred
_Z_RETEST = 1.75  # four in a hundred
_Z_FARTHEST = 3.5
_LEAST_SPREAD = 0.03


def _survey(
    samples: Sequence[Sample], step: Step
) -> tuple[list[tuple[int, int]], list[str], list[int], list[tuple[str, str]]]:
    """Sizes and digests of the readable pictures, their indices, and what was wrong with the others."""
    sizes: list[tuple[int, int]] = []
    digests: list[str] = []
    readable: list[int] = []
    skipped: list[tuple[str, str]] = []
    for index, sample in enumerate(samples):
        step(0.25 * index / max(1, len(samples)), f"Reading picture {index + 1} of {len(samples)}")
        try:
            image = sample.load()
        except PictureError as error:
            skipped.append((sample.name, str(error)))
            continue
        sizes.append((image.shape[1], image.shape[0]))
        digests.append(hashlib.sha256(np.ascontiguousarray(image).data).hexdigest())
        readable.append(index)
    return sizes, digests, readable, skipped


def _extract(samples: Sequence[Sample], network: Network, step: Step) -> list[Array]:
    """Raw features (cells, C) of each picture."""
    graph = PictureGraph(network, None)
    features: list[Array] = []
    for index, sample in enumerate(samples):
        step(0.25 + 0.35 * index / len(samples), f"Looking at picture {index + 1} of {len(samples)}")
        features.append(graph.run(sample.load())[0])
    return features


def _bank(
    features: Sequence[Array],
    chosen: Sequence[int] | range,
    size: int,
    rng: np.random.Generator,
    check: Callable[[], None],
) -> MemoryBank:
    """The memory bank of the pictures `chosen`."""
    each = max(1, _MAX_CELLS // len(chosen))
    parts = []
    for index in chosen:
        cells = features[index]
        parts.append(cells if len(cells) <= each else cells[rng.choice(len(cells), each, replace=False)])
    stacked = np.concatenate(parts)
    mean = stacked.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = np.maximum(stacked.std(axis=0, dtype=np.float64), 1e-3).astype(np.float32)
    standard = (stacked - mean) / deviation
    vectors = np.ascontiguousarray(standard[greedy_coreset(standard, size, rng, check)])
    return MemoryBank(mean, deviation, vectors, SIGMA, TOP)


def _held_out_scores(features: Sequence[Array], network: Network, rng: np.random.Generator, step: Step) -> Array:
    """Score of each picture by the bank of the pictures outside its fold."""
    folds = min(_MAX_FOLDS, len(features))
    order = rng.permutation(len(features))
    scores = np.empty(len(features), np.float32)
    for fold in range(folds):
        fraction = 0.6 + 0.25 * fold / folds
        words = f"Testing on good parts not yet seen, {fold + 1} of {folds}"
        step(fraction, words)
        mine = order[fold::folds]
        others = [int(index) for index in order if index not in set(mine.tolist())]
        bank = _bank(features, others, BANK_SIZE, rng, lambda at=fraction, say=words: step(at, say))  # type: ignore[misc]
        graph = FeatureGraph(network, bank)
        for index in mine:
            scores[index] = graph.run(features[index])[1]
    return scores


def _gate(model: artefact.Model, data: bytes, samples: Sequence[Sample]) -> ModelRef:
    """Loads the bytes as a station would and compares its scores with the trainer's."""
    with tempfile.TemporaryDirectory(prefix="linesight-") as folder:
        path = Path(folder) / "model"
        path.write_bytes(data)
        loaded, ref = artefact.load(path)
    trainer, runtime = Detector(model, ref), Detector(loaded, ref)
    for sample in samples:
        image = sample.load()
        first, second = trainer.score(image), runtime.score(image)
        if not same_score(first, second):
            raise ModelError(
                f"The finished model scores {sample.name} as {second:.6f} instead of {first:.6f}; it was not written. "
                "Train again; if it happens again, report it with the log."
            )
    return ref
