"""Making a model from pictures of good parts and, where there are any, of labelled defects."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app import __version__
from app.domain.errors import DatasetError, ModelError
from app.domain.inspection import ModelRef
from app.domain.wear import WearLimit
from app.vision import artefact, backbones, views
from app.vision.backbones.onnx import OnnxBackbone
from app.vision.calibration import calibrate
from app.vision.checkpoints import Wanted, check_wanted, learn_checkpoints, to_parts
from app.vision.consequences import Consequences, choose, consequences, cross_checked
from app.vision.defects import Defect, look_at_defects
from app.vision.detector import Detector, same_answers
from app.vision.framing import Framing, Regions
from app.vision.graph import Network
from app.vision.held_out import BANK_SIZE, held_out_test, odd_ones
from app.vision.judge import Judge, Remembered
from app.vision.known_training import FEWEST, learn_known
from app.vision.survey import Sample, Step, check_enough, extract, find_fixture, survey_pictures
from app.vision.wear import check_wear

MIN_SIZE, MAX_SIZE = 128, 1024

_CHECKED = 3

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A finished training.

    Attributes:
        expected: what the limits do to pictures they were not chosen from; escapes are None without defects.
        defects: scores of the labelled defects.
        data: the artefact's bytes; its scores were compared with the trainer's.
        held_out: scores of good pictures by banks that had not seen them.
        used: names of the pictures.
        skipped: (name, reason) of pictures left out because they can't be read.
        suspicious: (name, reason) of pictures that look like no good part. They are remembered all the same, since
            the label is the inspector's to give; the limits are chosen without them.
    """

    model: artefact.Model
    data: bytes
    ref: ModelRef
    held_out: Array
    defects: Array
    expected: Consequences
    used: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    suspicious: tuple[tuple[str, str], ...]
    seconds: float


def train(
    samples: Sequence[Sample],
    *,
    name: str,
    defects: Sequence[Defect] = (),
    size: int | None = None,
    detail: float | None = None,
    regions: Regions | None = None,
    mm_per_pixel: float | None = None,
    wear_limits: Sequence[WearLimit] = (),
    checkpoints: Sequence[Wanted] = (),
    backbone: backbones.Backbone | None = None,
    step: Step = lambda fraction, words: None,
    seed: int = 0,
) -> Trained:
    """Learns what good parts look like.

    The same samples in the same order give the same model. Pictures that can't be read are left out
    and named in `skipped`; those that look like no good part are named in `suspicious`.

    Args:
        samples: good parts only; at least `MIN_NORMALS` readable ones.
        name: the model's name.
        defects: labelled defects: a head learns their kinds beside the memory, which does not know them; they choose
            the limits with the good parts and calibrate the confidence.
        size: the finest usual view has about size x size pixels, in the pictures' own aspect ratio; None: 256,
            and large pictures are looked at a second time in more detail.
        detail: pixels of the picture a pixel of the detail view (1: native resolution); 0: no such view.
        regions: where to look; None: everywhere.
        mm_per_pixel: size of a pixel of the pictures where the parts lie; None: not measured, no mm2.
        wear_limits: how much of a kind of defect a part may show; at most one a kind.
        checkpoints: named places of the part, each of which learns from its own crops and answers on its own.
        backbone: the feature extractor; None: the default one.
        step: told the fraction done and what is done; raises to stop.

    Raises:
        DatasetError: too few pictures, or all the same, or a checkpoint that can't be learned.
        ModelError: the backbone is missing, or the artefact does not score as the trainer did.
    """
    if size is not None and not MIN_SIZE <= size <= MAX_SIZE:
        raise DatasetError(f"The size {size} is out of range: choose {MIN_SIZE} to {MAX_SIZE} pixels.")
    check_wanted(checkpoints)
    begin = time.perf_counter()
    extractor = backbone or backbones.default()
    network = Network(extractor, extractor.default_layers, extractor.arrays(extractor.default_layers))
    step(0.0, "Reading pictures")
    survey = survey_pictures(samples, step)
    check_enough(survey)
    chosen = [samples[index] for index in survey.readable]
    cuts = (regions or Regions()).crop
    looks = views.candidates(size, detail, [cuts(*sides)[2:] for sides in survey.sizes])
    framing = Framing(find_fixture(chosen, step), regions or Regions())
    seen = extract(chosen, network, looks, framing, step)
    if seen is None:
        # What can't be found again is no golden part.
        seen = extract(chosen, network, looks, Framing(None, framing.regions), step)
        assert seen is not None
    framing = seen.framing
    fixture = framing.fixture
    survey.skipped += [(chosen[index].name, why) for index, why in seen.lost.items()]
    survey.keep([index for index in range(len(chosen)) if index not in seen.lost])
    chosen = [samples[index] for index in survey.readable]
    gathered, shapes, quality = seen.gathered, seen.shapes, seen.quality
    tested = held_out_test(gathered, shapes, seen.planes, network, looks, seed, step)
    odd = odd_ones(tested.scores)
    suspicious = [
        (chosen[number].name, f"looks unlike the other good parts: its score {tested.scores[number]:.2f}, {why}")
        for number, why in odd.items()
    ]
    held_out = np.array([score for number, score in tested.scores.items() if number not in odd], np.float32)
    step(0.85, "Choosing what to remember")
    remembered = []
    for view, look in enumerate(looks):
        if look in tested.looks:
            rng = np.random.default_rng(seed)
            bank = gathered.bank(
                view, (), BANK_SIZE, tested.place_weight, rng, lambda: step(0.9, "Choosing what to remember")
            )
            remembered.append(Remembered(look, bank, tested.scales[view]))
    network_views = tuple(remembered)
    judge = Judge(network, network_views, framing, tone=tested.tone, evidence=bool(defects))
    labelled = look_at_defects(defects, judge, framing, survey.skipped, step)
    learned = learn_known(
        [] if len(labelled.seen) < FEWEST else tested.looked(gathered, odd),
        labelled.seen,
        labelled.kinds,
        labelled.areas,
        seed,
        lambda: step(0.93, "Learning the kinds of defects"),
    )
    bad = np.array([each.bank for each in labelled.seen], np.float32)
    if learned is not None:
        held_out, bad = learned.good.astype(np.float32), learned.bad.astype(np.float32)
    known = learned.known if learned else None
    strips = None if known else tested.strips
    certain = [sample for number, sample in enumerate(chosen) if number not in odd]
    placed = learn_checkpoints(checkpoints, certain, fixture, network, seed, step)
    survey.skipped += [each for each in placed.skipped if each not in survey.skipped]
    suspicious += placed.suspicious
    limits, calibration = choose(held_out, bad), calibrate(held_out, bad)
    expected = cross_checked(held_out, bad) if len(bad) else consequences(held_out, bad, limits)
    used = range(len(chosen))
    aspects = [width / height for width, height in survey.sizes]
    description = artefact.Description(
        name=name,
        made_by=f"linesight {__version__}",
        created_at=datetime.now(UTC),
        backbone=extractor.name,
        onnx=extractor.to_parts(network.layers)[0] if isinstance(extractor, OnnxBackbone) else None,
        layers=network.layers,
        views=tuple(artefact.describe(each) for each in remembered),
        limits=artefact.LimitsDescription(threshold=limits.threshold, retest_from=limits.retest_from),
        calibration=calibration.to_parts()[0] if calibration else None,
        training=artefact.TrainingDescription(
            normals=len(used),
            defects=len(bad),
            fingerprint=hashlib.sha256("".join(sorted(survey.digests)).encode()).hexdigest(),
            aspect_from=min(aspects),
            aspect_to=max(aspects),
            median_score=float(np.median(held_out)),
            seconds=time.perf_counter() - begin,
        ),
        quality=quality.to_parts()[0],
        golden=fixture.golden.to_parts()[0] if fixture else None,
        aligned=fixture is not None and fixture.always,
        regions=framing.regions,
        known=known.to_parts()[0] if known else None,
        tone=tested.tone.to_parts()[0] if tested.tone else None,
        strips=strips.to_parts()[0] if strips else None,
        labels=tuple(dict.fromkeys(["anomaly", *(known.head.kinds if known else ())])),
        mm_per_pixel=mm_per_pixel,
        wear_limits=tuple(
            artefact.WearLimitDescription(label=each.label, area=each.area, unit=each.unit) for each in wear_limits
        ),
        checkpoints=to_parts(placed.checkpoints)[0],
    )
    check_wear(tuple(wear_limits), description)
    model = artefact.Model(
        description,
        network,
        network_views,
        quality,
        calibration,
        known,
        framing,
        placed.checkpoints,
        tested.tone,
        strips,
    )
    step(0.95, "Checking the model")
    data = artefact.to_bytes(model)
    ref = _gate(model, data, [chosen[number] for number in used[:_CHECKED]])
    step(1.0, "Trained")
    return Trained(
        model=model,
        data=data,
        ref=ref,
        held_out=held_out,
        defects=bad,
        expected=expected,
        used=tuple(chosen[number].name for number in used),
        skipped=tuple(survey.skipped),
        suspicious=tuple(suspicious),
        seconds=time.perf_counter() - begin,
    )


def _gate(model: artefact.Model, data: bytes, samples: Sequence[Sample]) -> ModelRef:
    """Loads the bytes as a station would and compares its scores with the trainer's."""
    with tempfile.TemporaryDirectory(prefix="linesight-") as folder:
        path = Path(folder) / "model"
        path.write_bytes(data)
        loaded, ref = artefact.load(path)
    trainer, runtime = Detector(model, ref), Detector(loaded, ref)
    for sample in samples:
        image = sample.load()
        first, second = trainer.detect(image), runtime.detect(image)
        if not same_answers(first, second):
            raise ModelError(
                f"The finished model scores {sample.name} as {second.score:.6f} instead of {first.score:.6f}, or one "
                "of its checkpoints otherwise; it was not written. "
                "Train again; if it happens again, report it with the log."
            )
    return ref
