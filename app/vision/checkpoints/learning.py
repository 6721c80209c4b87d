"""Training checkpoints: from rectangles that a person drew to what each has learned from its own crops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.checkpoint import OK
from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.vision.checkpoints.checkpoint import MOST, Checkpoint, Turn
from app.vision.checkpoints.crops import JITTERS, Crops, bank_of, bank_scores, held_out, limits_of, odd_ones
from app.vision.checkpoints.judging import CheckpointJudge, Eyes, Found
from app.vision.checkpoints.naming_learning import learn_naming
from app.vision.checkpoints.place import Cutter, Place, Size, canvas_of
from app.vision.framing import Fixture
from app.vision.graph import Network
from app.vision.survey import Sample, Step

Array = NDArray[np.float32]

FEWEST = 5
"""Good crops that a checkpoint learns from at least."""

_PICTURES = 40  # good pictures that are looked at: more teach a single place nothing new
_NARROWEST = 40
_APART = 1.25  # median score of crops that are not alike
_TRIED = 8  # good crops that are tried turned, or compared with another checkpoint's
_TURNS: tuple[Turn, ...] = ("90", "180", "270", "across", "down")


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A checkpoint to learn.

    Attributes:
        box: (x, y, width, height) in pixels of `picture`, on which it was drawn.
        labels: pictures in which someone said what its state is ("ok", "missing", ...). A good picture needs none.
    """

    name: str
    box: tuple[float, float, float, float]
    picture: Sample
    labels: tuple[tuple[Sample, str], ...] = ()


@dataclass(slots=True)
class LearnedCheckpoints:
    """
    Attributes:
        frame: size of the golden's picture; None where places are shares of the picture itself.
        skipped: (name, reason) of labelled pictures that can't be used.
        suspicious: (name, reason) of good pictures in which a checkpoint looks like no good one; it did not learn
            from them.
    """

    frame: Size | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    skipped: list[tuple[str, str]] = field(default_factory=list)
    suspicious: list[tuple[str, str]] = field(default_factory=list)


def learn_checkpoints(
    wanted: Sequence[Wanted], good: Sequence[Sample], fixture: Fixture | None, network: Network, seed: int, step: Step
) -> LearnedCheckpoints:
    """Each checkpoint from its own crops; without any wanted, none.

    Args:
        wanted: that passed `check_wanted`.
        good: readable pictures of good parts.
        fixture: the golden part that pictures are laid onto; None where there is none.

    Raises:
        DatasetError: the part is not found on the picture that a checkpoint was drawn on, or too few good crops.
    """
    golden = fixture.golden if fixture else None
    learned = LearnedCheckpoints(golden.size if golden else None)
    if not wanted:
        return learned
    step(0.935, "Placing the checkpoints")
    pictures: dict[str, Image] = {}
    places, frames = [], []
    for each in wanted:
        image = pictures.setdefault(each.picture.name, each.picture.load())
        places.append(_placed(each, image, fixture))
        frames.append(learned.frame or (image.shape[1], image.shape[0]))
    canvases = [
        canvas_of(place.width * frame[0], place.height * frame[1], network.backbone.multiple)
        for place, frame in zip(places, frames, strict=True)
    ]
    eyes, taken = Eyes(network), [Crops() for _ in wanted]
    for number, (sample, states) in enumerate(_pictures(wanted, good)):
        step(0.935 + 0.003 * min(number, 5) / 5, f"Cutting the checkpoints out of picture {number + 1}")
        try:
            image = sample.load()
            found = _found(image, fixture)
        except PictureError as error:
            learned.skipped.append((sample.name, str(error)))
            continue
        if found.failed:
            if any(state is not None for state in states):
                learned.skipped.append((sample.name, f"{sample.name}: {found.failed}"))
            continue
        for own, place, canvas, state in zip(taken, places, canvases, states, strict=True):
            cutter = Cutter.of(place, canvas, found.frame)
            if state is None or cutter.seen((image.shape[1], image.shape[0]), found.matrix) < 0.9:
                continue
            shifts = JITTERS if state == OK else JITTERS[:1]
            own.add(sample.name, state, [cutter.cut(image, found.matrix, shift) for shift in shifts])
    cutters = [Cutter.of(*each) for each in zip(places, canvases, frames, strict=True)]
    for own, cutter in zip(taken, cutters, strict=True):
        step(0.94, f"Learning {cutter.place.name}")
        learned.checkpoints += (_learned(own, cutter, eyes, seed, learned.suspicious, lambda: step(0.94, "Learning")),)
    learned.checkpoints = _told_apart(learned.checkpoints, taken, cutters, eyes)
    return learned


def check_wanted(wanted: Sequence[Wanted]) -> None:
    """Says before a training, not at its end, what can't be learned.

    Raises:
        DatasetError: a name twice, a rectangle outside its picture or far too narrow, or a picture that can't be read.
    """
    names = [each.name for each in wanted]
    if len(names) > MOST:
        raise DatasetError(f"{len(names)} checkpoints are too many: a model has {MOST} at most.")
    sizes: dict[str, Size] = {}
    for each in wanted:
        if not 0 < len(each.name) <= 60:
            raise DatasetError(f"The checkpoint's name {each.name!r} must have 1 to 60 letters.")
        if names.count(each.name) > 1:
            raise DatasetError(f"Two checkpoints are called {each.name!r}: give each a name of its own.")
        if each.picture.name not in sizes:
            try:
                image = each.picture.load()
            except PictureError as error:
                raise DatasetError(
                    f"The checkpoint {each.name!r} is drawn on a picture that can't be used: {error}"
                ) from error
            sizes[each.picture.name] = image.shape[1], image.shape[0]
        (width, height), (x, y, wide, tall) = sizes[each.picture.name], each.box
        if wide < 1 or tall < 1 or x < 0 or y < 0 or x + wide > width or y + tall > height:
            raise DatasetError(
                f"The checkpoint {each.name!r} lies outside {each.picture.name} of {width} x {height} pixels: give its "
                "left, top, width and height in pixels of that picture."
            )
        if max(wide, tall) > _NARROWEST * min(wide, tall):
            raise DatasetError(
                f"The checkpoint {each.name!r} is too narrow: draw it at most {_NARROWEST} times as long as wide."
            )


def _placed(wanted: Wanted, image: Image, fixture: Fixture | None) -> Place:
    """The rectangle in shares of the frame, from pixels of the picture it was drawn on."""
    height, width = image.shape[:2]
    x, y, wide, tall = wanted.box
    if fixture is None:
        return Place(name=wanted.name, x=x / width, y=y / height, width=wide / width, height=tall / height)
    found = fixture.golden.register(image)
    if found.failed:
        raise DatasetError(
            f"The checkpoint {wanted.name!r} was drawn on {wanted.picture.name}, on which the part is not found "
            f"({found.failed}). Draw it on a picture of a good part."
        )
    frame, matrix = fixture.golden.size, found.matrix
    scale = math.hypot(*matrix[:, 0]) / frame[0], math.hypot(*matrix[:, 0]) / frame[1]
    middle = matrix @ (x + wide / 2 - 0.5, y + tall / 2 - 0.5, 1.0) + 0.5
    share = wide * scale[0], tall * scale[1]
    return Place(
        name=wanted.name,
        x=middle[0] / frame[0] - share[0] / 2,
        y=middle[1] / frame[1] - share[1] / 2,
        width=share[0],
        height=share[1],
        angle=math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])),
    )


def _found(image: Image, fixture: Fixture | None) -> Found:
    if fixture is None:
        return Found.as_it_lies(image)
    found = fixture.golden.register(image)
    return Found(found.matrix, fixture.golden.size, found.failed)


def _pictures(wanted: Sequence[Wanted], good: Sequence[Sample]) -> list[tuple[Sample, list[str | None]]]:
    """The pictures to look at, each once, with every checkpoint's state in it; None: nobody knows."""
    every = max(1, -(-len(good) // _PICTURES))
    labelled = {sample.name for each in wanted for sample, _ in each.labels}
    usual: dict[str, list[str | None]] = {}
    samples: dict[str, Sample] = {}
    for number, sample in enumerate(good):
        if number % every == 0 or sample.name in labelled:
            samples[sample.name] = sample
            usual[sample.name] = [OK] * len(wanted)
    for place, each in enumerate(wanted):
        for sample, state in each.labels:
            samples.setdefault(sample.name, sample)
            usual.setdefault(sample.name, [None] * len(wanted))[place] = state
    return [(samples[name], states) for name, states in usual.items()]


def _learned(
    crops: Crops, cutter: Cutter, eyes: Eyes, seed: int, suspicious: list[tuple[str, str]], check: Callable[[], None]
) -> Checkpoint:
    """One checkpoint; which turns and others it is told apart from is found out later."""
    name = cutter.place.name
    if len(crops.good) < FEWEST:
        raise DatasetError(
            f"The checkpoint {name!r} is seen on {len(crops.good)} pictures of good parts only: it needs {FEWEST}. "
            "Take more pictures, or draw it where every picture shows it."
        )
    seen = crops.looked_at(eyes, cutter)
    held = held_out(seen, seed, check)
    odd = odd_ones(held.scores[:, 0])
    if odd:
        why = f"shows {name} unlike the other good parts"
        suspicious += [(crops.names[number], why) for number in sorted(odd)]
        kept = [number for number in range(len(crops.good)) if number not in odd]
        crops.keep(kept)
        seen, held = seen.keep(kept), held.keep(kept)
    bank = bank_of(seen, range(len(seen.good)), held.place_weight, seed, check)
    naming, factors = learn_naming(seen, crops.states, bank, held.scores[:, 0], check)
    good, bad = held.scores * factors.good, bank_scores(seen, bank) * factors.bad
    limit, retest_from = limits_of(good, bad)
    return Checkpoint(
        place=cutter.place,
        canvas=cutter.canvas,
        bank=bank,
        limit=limit,
        retest_from=retest_from,
        turns=(),
        others=(),
        good=len(crops.good),
        labelled=len(crops.bad),
        naming=naming,
    )


def _told_apart(
    checkpoints: Sequence[Checkpoint], taken: Sequence[Crops], cutters: Sequence[Cutter], eyes: Eyes
) -> tuple[Checkpoint, ...]:
    """The checkpoints with the turns and the others that good crops are told apart from."""
    judge = CheckpointJudge(eyes.network, checkpoints, None)

    def unlike(number: int, features: Sequence[Array]) -> bool:
        return float(np.median(judge.scores(number, cutters[number], features, number))) >= _APART

    tried = [[shifted[0] for shifted in crops.good[:_TRIED]] for crops in taken]
    features = [eyes.look(crops) for crops in tried]
    found = []
    for number, (own, cutter) in enumerate(zip(checkpoints, cutters, strict=True)):
        turns = []
        for turn in _TURNS:
            possible = cutter.square or turn not in ("90", "270")
            if possible and unlike(number, eyes.look([cutter.turned(crop, turn) for crop in tried[number]])):
                turns.append(turn)
        if "180" not in turns:
            # Half a turn changes nothing, so these would say the same twice.
            turns = [turn for turn in turns if turn not in ("270", "down")]
        others = tuple(
            other
            for other, each in enumerate(checkpoints)
            if other != number
            and each.canvas == own.canvas
            and unlike(number, features[other])
            and unlike(other, features[number])
        )
        found.append(replace(own, turns=tuple(turns), others=others))
    return tuple(found)
