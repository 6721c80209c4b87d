"""Reading the training pictures: which can be used, what all of them show, and their features in all views."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.vision.alignment import learn as learn_golden
from app.vision.bank import Gathered
from app.vision.framing import AREA, Fixture, Framing
from app.vision.graph import Network
from app.vision.looking import Eye, View, joint, seen_cells
from app.vision.quality import PictureQuality
from app.vision.quality import learn as learn_quality
from app.vision.tone import Plane, reduced, shape_for

MIN_NORMALS = 5
SMALLEST_SIDE = 16  # pixels

_GOLDEN_FROM = 16  # pictures
_LOST_SHARE = 0.2
_TURNED, _SCALED, _MOVED = 10.0, 0.08, 0.15  # degrees, share of the size, share of the picture's diagonal
_KNOWN_SHARE = 0.5  # of the pictures that must show a place

Step = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One training picture: what people call it, and how to get its (H, W, 3) uint8 BGR array."""

    name: str
    load: Callable[[], Image]


@dataclass(slots=True)
class Survey:
    """What reading the pictures gave."""

    sizes: list[tuple[int, int]]
    digests: list[str]
    readable: list[int]
    skipped: list[tuple[str, str]]

    def keep(self, numbers: Sequence[int]) -> None:
        """Of the readable pictures these only, by their number among them."""
        self.sizes, self.digests, self.readable = (
            [self.sizes[number] for number in numbers],
            [self.digests[number] for number in numbers],
            [self.readable[number] for number in numbers],
        )


def survey_pictures(samples: Sequence[Sample], step: Step) -> Survey:
    """Sizes and digests of the readable pictures, their indices, and what was wrong with the others."""
    found = Survey([], [], [], [])
    for index, sample in enumerate(samples):
        step(0.2 * index / max(1, len(samples)), f"Reading picture {index + 1} of {len(samples)}")
        try:
            image = sample.load()
        except PictureError as error:
            found.skipped.append((sample.name, str(error)))
            continue
        if min(image.shape[:2]) < SMALLEST_SIDE:
            size = f"{image.shape[1]} x {image.shape[0]} pixels"
            words = f"{sample.name} has only {size}: no side may be below {SMALLEST_SIDE}."
            found.skipped.append((sample.name, words))
            continue
        found.sizes.append((image.shape[1], image.shape[0]))
        found.digests.append(hashlib.sha256(np.ascontiguousarray(image).data).hexdigest())
        found.readable.append(index)
    return found


def check_enough(survey: Survey) -> None:
    if len(survey.readable) < MIN_NORMALS:
        why = f" The first problem: {survey.skipped[0][1]}" if survey.skipped else ""
        raise DatasetError(
            f"{len(survey.readable)} usable pictures of good parts are too few: at least {MIN_NORMALS} are needed, "
            f"20 or more are better.{why}"
        )
    if len(set(survey.digests)) == 1:
        raise DatasetError(
            f"All {len(survey.digests)} pictures of good parts are the same picture. Take each of another part, "
            "so that the model learns how good parts differ."
        )


def find_fixture(samples: Sequence[Sample], step: Step) -> Fixture | None:
    """The golden part, where the pictures show one that can be found again."""
    step(0.2, "Looking for what all parts have in common")
    every = max(1, len(samples) // _GOLDEN_FROM)
    try:
        golden = learn_golden([sample.load() for sample in samples[::every][:_GOLDEN_FROM]])
    except PictureError:  # too large or too narrow to be laid onto anything
        return None
    if golden is None:
        return None
    # The network shrugs at small moves; laying every picture down would only blur it and cost time.
    moves = golden.spread.angle > _TURNED or golden.spread.scale > _SCALED or golden.spread.reach > _MOVED
    return Fixture(golden, always=moves)


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """What looking at the pictures gave.

    Attributes:
        shapes: of each view, the (rows, columns) of the pictures by their number in `gathered`.
        lost: why the part was not found, by the picture's number.
        planes: brightness of the pictures whose features are kept, by the same number; empty where it is not looked at.
    """

    gathered: Gathered
    shapes: tuple[dict[int, tuple[int, int]], ...]
    quality: PictureQuality
    framing: Framing
    lost: dict[int, str]
    planes: dict[int, Plane]


def extract(
    samples: Sequence[Sample], network: Network, looks: Sequence[View], framing: Framing, step: Step
) -> Extracted | None:
    """Features of each picture in all views, the shapes of their grids, and what the pictures' quality is; None if
    the golden part is not found in too many of them."""
    eye, fixture = Eye(network, looks, [None] * len(looks), features=True), framing.fixture
    gathered = Gathered(len(looks))
    shapes: tuple[dict[int, tuple[int, int]], ...] = tuple({} for _ in looks)
    lost: dict[int, str] = {}
    shown = np.zeros((AREA, AREA), np.float64)
    planes: dict[int, Plane] = {}
    most = min(_LOST_SHARE * len(samples), len(samples) - MIN_NORMALS)

    def pictures() -> Iterator[Image]:
        for number, sample in enumerate(samples):
            step(0.25 + 0.3 * number / len(samples), f"Looking at picture {number + 1} of {len(samples)}")
            image = sample.load()
            if fixture is not None and fixture.always:
                found = fixture.golden.register(image)
                if found.failed:
                    lost[number] = f"{sample.name}: {found.failed}"
                    if len(lost) > most:
                        return
                    continue
                there = fixture.golden.warp(image, found)[1]
                shown[:] += cv2.resize(there.astype(np.float32), (AREA, AREA), interpolation=cv2.INTER_AREA)
                part = framing.laid(image, found)
            else:
                part = framing.as_it_lies(image)
            sights = eye.look(part.image)
            for view, sight in enumerate(sights):
                shapes[view][len(gathered)] = (sight.rows, sight.columns)
            if looks_at_tone(looks):
                height, width = part.image.shape[:2]
                planes[len(gathered)] = reduced(part.image, part.there, shape_for(width, height))
            gathered.add([sight.cells(part.there) for sight in sights])
            if len(planes) > 2 * len(gathered.kept):
                for gone in planes.keys() - set(gathered.kept):
                    del planes[gone]
            yield image

    try:
        quality = learn_quality(pictures())
    except DatasetError:  # fewer than it needs: the parts were lost
        return None
    if len(lost) > most:
        return None
    if fixture is not None and fixture.always:
        area = (shown >= _KNOWN_SHARE * len(gathered)).astype(np.uint8)
        framing = replace(framing, fixture=replace(fixture, area=area))
        known = framing.known()
        for view, sizes in enumerate(shapes):
            gathered.count_only(view, seen_cells(known, *sizes[0]).ravel())
    return Extracted(gathered, shapes, quality, framing, lost, planes)


def looks_at_tone(looks: Sequence[View]) -> bool:
    """Whether brightness is looked at beside these views: where one shows large pictures in detail."""
    return len(looks) > joint(looks)
