"""From a picture to one heat map over it and one score: what trainer and station both do."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image
from app.domain.look import LookOutline, LookRegion
from app.vision.alignment import EXACT, Registration, Spread, Tolerance
from app.vision.bank import MemoryBank
from app.vision.framing import Fixture, Framing, Part
from app.vision.geometry import covered_box
from app.vision.graph import Network
from app.vision.halves import Halves
from app.vision.head import Evidence
from app.vision.known import Known, Looked
from app.vision.look import Look, look_at, outlines_of, pooled_in, smoothed, without_smear
from app.vision.looking import Eye, View, joint
from app.vision.maps import Scale, fuse, pooled, smooth
from app.vision.regions import Kinds
from app.vision.strips import Strips
from app.vision.tone import Tone

Array = NDArray[np.float32]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """A view, what it remembers of good parts, and the scale of its distances."""

    view: View
    bank: MemoryBank
    scale: Scale


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """
    Attributes:
        heat: (h, w) float32 on the scale of the score, placed on the picture as it came.
        box: (x, y, width, height) in pixels of the picture that `heat` covers.
        failed: why the part could not be laid onto the golden part although it has to be, or empty.
        in_place: whether there is a golden part and it was found, or nothing is amiss where it should lie. Then it
            does not matter whether the camera was moved.
        kinds: which known kind of defect the map's cells look like; None where none was labelled.
        found: where the golden part lies; None where there is none, or nobody had to look for it.
        outlines: the station's regions where they lay on the picture.
    """

    score: float
    heat: Array
    box: Box
    failed: str = ""
    in_place: bool = False
    kinds: Kinds | None = None
    found: Registration | None = None
    outlines: tuple[LookOutline, ...] = ()


class Judge:
    """The views of a model with their banks; any thread may ask."""

    def __init__(
        self,
        network: Network,
        views: Sequence[Remembered],
        framing: Framing,
        known: Known | None = None,
        tone: Tone | None = None,
        strips: Strips | None = None,
        *,
        evidence: bool = False,
        register: bool = False,
        amiss_from: float = 1.0,
    ) -> None:
        """
        Args:
            evidence: pictures can be looked at for training a defect head.
            register: the golden part is looked for in every picture.
            amiss_from: score from which a part that should lie in its place is looked for elsewhere, and regions are
                drawn.
        """
        self._register, self._amiss_from = register, amiss_from
        self._network, self._views, self._framing = network, tuple(views), framing
        self._eye = Eye(
            network,
            [each.view for each in views],
            [each.bank for each in views],
            features=evidence or known is not None or strips is not None,
            usual=[each.scale.limit for each in views],
        )
        self._known, self._tone, self._strips = known, tone, strips
        self._joint = joint([each.view for each in views])
        self._finest = max((each.view for each in views), key=lambda view: view.size)
        self._regions: tuple[LookRegion, ...] = ()

    def within(self, regions: Sequence[LookRegion]) -> Judge:
        """The same, with what lies outside these regions no evidence; () for everything."""
        changed = copy.copy(self)
        changed._regions = tuple(regions)
        return changed

    def judge(self, image: Image) -> Judged:
        """Score and heat map of an (H, W, 3) uint8 BGR picture."""
        fixture, halves = self._framing.fixture, Halves(image)
        if fixture is None:
            return self._as_it_lies(halves)
        always = fixture.always or self._register or bool(self._regions)  # regions move with the part
        found = fixture.golden.register(image, halves) if always else None
        return replace(self._against(fixture, halves, found), found=found)

    def _against(self, fixture: Fixture, halves: Halves, found: Registration | None) -> Judged:
        """Where there is a golden part; `found` where it has been looked for already."""
        if fixture.always:
            assert found is not None
            return self._as_it_lies(halves, found.failed) if found.failed else self._laid(halves, found)
        plain = self._as_it_lies(halves, found=None if found is None or found.failed else found)
        if plain.score < self._amiss_from:
            return replace(plain, in_place=True)
        golden = fixture.golden
        found = found or golden.register(
            halves.image, halves, enough=lambda there: lies_as_usual(there, golden.spread, golden.roughly)
        )
        if found.failed:
            return plain
        if lies_as_usual(found, golden.spread):
            return replace(plain, in_place=True)
        laid = self._laid(halves, found)
        return laid if laid.score < plain.score else replace(plain, in_place=True)

    def expect_one_size(self) -> None:
        """The first picture's size is that of all."""
        self._eye.expect_one_size()

    def amiss_at(self, score: float) -> Judge:
        """The same with another score from which a part that should lie in its place is looked for elsewhere."""
        changed = copy.copy(self)
        changed._amiss_from = score
        return changed

    def prepare(self, width: int, height: int) -> None:
        """Compiles for the next picture of this size now."""
        self._eye.prepare(*self._framing.size(width, height))

    def _as_it_lies(self, halves: Halves, failed: str = "", found: Registration | None = None) -> Judged:
        """`found`: where the regions lie on it."""
        image = halves.image
        part, outlines = self._framing.as_it_lies(image), self._outlines(image, found)
        part = replace(part, look=_look_at(part, outlines))
        score, heat, kinds = self._score(part, halves)
        return Judged(score, heat, self._box(part), failed or _unseen(part), kinds=kinds, outlines=outlines)

    def _outlines(self, image: Image, found: Registration | None) -> tuple[LookOutline, ...]:
        fixture = self._framing.fixture
        golden = None if fixture is None else fixture.golden.size
        return outlines_of(self._regions, (image.shape[1], image.shape[0]), found, golden)

    def look(self, image: Image) -> tuple[Looked, Part, Registration | None]:
        """What a defect head learns from: the picture, what was looked at of it, and where the part was found."""
        fixture = self._framing.fixture
        found = fixture.golden.register(image) if fixture is not None and fixture.always else None
        if found is None or found.failed:
            part, found = self._framing.as_it_lies(image), None
        else:
            part = self._framing.laid(image, found)
        return self._look(part)[0], part, found

    def _laid(self, halves: Halves, found: Registration) -> Judged:
        image, fixture = halves.image, self._framing.fixture
        part = self._framing.laid(image, found)
        assert fixture is not None
        # On the golden part's picture they lie where they were drawn.
        part = replace(part, look=_look_at(part, outlines_of(self._regions, fixture.golden.size, None, None)))
        (score, heat, kinds), box = self._score(part, halves), self._box(part)
        outlines, unseen = self._outlines(image, found), _unseen(part)
        if np.array_equal(found.matrix, _STILL):
            return Judged(score, heat, box, unseen, in_place=True, kinds=kinds, outlines=outlines)
        width, height = image.shape[1], image.shape[0]
        canvas = self._eye.canvas(self._finest, width, height)
        rows, columns = (2 * side // self._network.stride for side in (canvas.height, canvas.width))
        back = placed_back(heat, box, found.matrix, (width, height), (columns, rows))
        if kinds is not None:
            number = (kinds.index + 1).astype(np.float32)
            number = placed_back(number, box, found.matrix, (width, height), (columns, rows), cv2.INTER_NEAREST)
            kinds = replace(kinds, index=np.rint(number).astype(np.int16) - np.int16(1))
        whole = (0.0, 0.0, float(width), float(height))
        return Judged(score, back, whole, unseen, in_place=True, kinds=kinds, outlines=outlines)

    def _score(self, part: Part, halves: Halves) -> tuple[float, Array, Kinds | None]:
        """Score, heat map and the kinds of its cells."""
        looked, heat = self._look(part, halves)
        if self._known is None or looked.evidence is None:
            if self._strips is not None and looked.evidence is not None and part.there is None and part.look is None:
                heat = self._strips.joined(heat, looked.evidence.fine, self._amiss_from)
            return looked.bank, heat, None
        if part.look is None:
            return self._known.judge(looked.evidence, looked.views, looked.bank, heat)
        counts = part.look.cells(*looked.evidence.distances.shape)
        if not counts.any():
            return looked.bank, heat, None
        limit = self._views[0].scale.limit
        score, joined, kinds = self._known.judge(looked.evidence, looked.views, looked.bank, heat, counts, limit)
        return score, joined * part.look.cells(*joined.shape), kinds

    def _look(self, part: Part, halves: Halves | None = None) -> tuple[Looked, Array]:
        """What banks and brightness say. What the picture does not show is no evidence, nor is what to ignore.

        Args:
            halves: of the picture as it came, which a part that fills it can be painted from as well.
        """
        heats, grids, features = [], [], []
        whole = halves if halves is not None and part.image is halves.image else None
        for sight, each in zip(self._eye.look(part.image, whole), self._views, strict=True):
            assert sight.distances is not None
            distances = sight.distances if part.there is None else sight.distances * sight.seen(part.there)
            heats.append(self._smoothed(distances, each, part.look))
            grids.append(distances)
            features.append(None if sight.features is None else sight.features.reshape(*distances.shape, -1))
        heat = fuse(heats, [each.scale.limit for each in self._views], self._joint)
        if self._tone is not None:
            looked = None if part.look is None else part.look.pixels(*self._tone.shape)
            heat = self._tone.joined(heat, part.image, part.there, looked)
        evidence = evidence_of([each.view for each in self._views], features, grids)
        if part.look is None:
            return Looked(evidence, tuple(pooled(each) for each in heats), pooled(heat)), heat
        heat = heat * part.look.cells(*heat.shape)
        views = tuple(pooled_in(each, part.look.cells(*each.shape)) for each in heats)
        return Looked(evidence, views, pooled_in(heat, part.look.cells(*heat.shape))), heat

    def _smoothed(self, distances: Array, view: Remembered, look: Look | None) -> Array:
        """A view's heat map; where nothing is looked at it means nothing."""
        stride, offset, scale = self._network.stride, self._network.offset, view.scale
        if look is None:
            return smooth(distances, stride, offset, scale.edge)
        counts = look.cells(*distances.shape)
        distances = without_smear(distances, counts, scale.limit, view.view.mean)
        return smoothed(distances, counts, stride, offset, scale.edge)

    def _box(self, part: Part) -> Box:
        height, width = part.image.shape[:2]
        box = covered_box(width, height, self._eye.canvas(self._finest, width, height))
        return box[0] + part.origin[0], box[1] + part.origin[1], box[2], box[3]


def _look_at(part: Part, outlines: tuple[LookOutline, ...]) -> Look | None:
    return look_at(outlines, part.origin, (part.image.shape[1], part.image.shape[0])) if outlines else None


def _unseen(part: Part) -> str:
    """Why a part can't be judged by the station's regions, or empty."""
    if part.look is None or not part.look.shows_nothing(part.there):
        return ""
    return "nothing of where to look lies on what the model sees of this picture; draw the regions anew"


def evidence_of(views: Sequence[View], features: Sequence[Array | None], grids: Sequence[Array]) -> Evidence | None:
    """What a defect head looks at: the first, fine view and the coarse one; None without features."""
    fine = features[0]
    if fine is None:
        return None
    coarse = next((number for number, view in enumerate(views) if view.mean > 1), None)
    if coarse is None:
        return Evidence(fine, grids[0])
    return Evidence(fine, grids[0], features[coarse], grids[coarse])


def lies_as_usual(found: Registration, spread: Spread, off: Tolerance = EXACT) -> bool:
    """Whether a part lies where training parts lay, so that it was compared with its like as it lies: in any case,
    where it was found no more than `off` beside its place."""
    return (
        math.hypot(*found.shift) <= _USUAL * spread.shift + 2 - off.shift
        and abs(found.angle) <= _USUAL * spread.angle + 0.5 - off.angle
        and abs(found.scale - 1) <= _USUAL * spread.scale + 0.01 - off.scale
    )


_USUAL = 1.2  # of what 95 of 100 training parts moved


def placed_back(
    heat: Array,
    box: Box,
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    grid: tuple[int, int],
    between: int = cv2.INTER_LINEAR,
) -> Array:
    """A heat map over the golden part as one over the picture as it came.

    Args:
        heat: (h, w) over `box` (x, y, width, height) of the golden's picture.
        matrix: (2, 3), pixels of the picture to pixels of the golden's, (0, 0) the middle of the first pixel.
        size: (width, height) of the picture.
        grid: (columns, rows) of the answer, which covers the whole picture; what it shows beside the golden's
            picture is 0.
        between: OpenCV's way between the map's cells.
    """
    to_picture = np.diag([size[0] / grid[0], size[1] / grid[1], 1.0])
    to_picture[:2, 2] = to_picture.diagonal()[:2] / 2 - 0.5
    to_golden = np.vstack([matrix, [0.0, 0.0, 1.0]])
    to_heat = np.diag([heat.shape[1] / box[2], heat.shape[0] / box[3], 1.0])
    to_heat[:2, 2] = (0.5 - np.array(box[:2])) * to_heat.diagonal()[:2] - 0.5
    whole = (to_heat @ to_golden @ to_picture)[:2]
    flags = between | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(heat, whole, grid, flags=flags, borderValue=(0,)), np.float32)


_STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
