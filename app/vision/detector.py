"""Judging one picture with one model: the same call live, in review, in batch and in training."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.domain.checkpoint import UNSURE, CheckpointAnswer
from app.domain.errors import ModelError
from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef
from app.domain.look import LookRegion, checked
from app.domain.region import place_words
from app.domain.verdict import Limits, Verdict, decide
from app.domain.wear import WearLimit, grade
from app.vision import artefact
from app.vision.checkpoints import CheckpointJudge, Found
from app.vision.geometry import SHAPE_TOLERANCE
from app.vision.judge import Judge, Judged
from app.vision.regions import find_regions
from app.vision.wear import check_wear


class Detector:
    """A model ready to judge; several threads may call it at once."""

    def __init__(self, model: artefact.Model, ref: ModelRef) -> None:
        self.model, self.ref = model, ref
        self.wear_limits = model.wear_limits
        self.regions: tuple[LookRegion, ...] = ()
        self._judge = Judge(
            model.network,
            model.views,
            model.framing,
            model.known,
            model.tone,
            model.strips,
            register=bool(model.checkpoints),
            amiss_from=model.limits.retest_from,
        )
        self._checkpoints: CheckpointJudge | None = None
        if model.checkpoints:
            fixture = model.framing.fixture
            self._checkpoints = CheckpointJudge(
                model.network, model.checkpoints, fixture.golden.size if fixture else None
            )

    @classmethod
    def load(cls, path: Path) -> Detector:
        """Raises ModelError as `app.vision.artefact.load` does."""
        return cls(*artefact.load(path))

    def with_limits(self, limits: Sequence[WearLimit]) -> Detector:
        """The same with other limits for wear, in place of the model's own for the same labels.

        Raises:
            ModelError: a limit in mm2 for a model without a scale, or for a kind of defect it has never seen.
        """
        own = {limit.label: limit for limit in self.wear_limits} | {limit.label: limit for limit in limits}
        changed = copy.copy(self)
        changed.wear_limits = check_wear(tuple(own.values()), self.model.description)
        return changed

    def with_regions(self, regions: Sequence[LookRegion]) -> Detector:
        """The same, judging by these regions alone; () for everything that the model judges.

        What lies outside the regions to look at, or inside one to ignore, is no evidence: not in the score, not in
        the heat map, which is 0 there, and no defect. Checkpoints keep their own places, and the check of the
        picture's quality still sees all of it. The picture is cut as it was in training, whatever the regions.

        With a golden part regions are in shares of its picture (see `laid`) and move with the part; else, and
        where a part that may lie as it likes is not found, they are fixed in the picture as it comes. What the model
        was told to ignore in training stays ignored. A picture that shows nothing of where to look is a RETEST.

        Raises:
            ModelError: they leave nothing to judge, or one leaves the picture.
        """
        try:
            regions = checked(regions)
        except ValueError as error:
            raise ModelError(f"The regions to look at can't be used: {error}.") from error
        changed = copy.copy(self)
        changed.regions, changed._judge = regions, self._judge.within(regions)
        return changed

    @property
    def finds_parts(self) -> bool:
        """Whether regions move with the part: there is a golden part that is looked for."""
        return self.model.framing.fixture is not None

    def laid(self, image: Image) -> Image:
        """An (H, W, 3) uint8 BGR picture as regions are drawn on it: laid onto the golden part where the model has one
        and finds it, else as it is."""
        fixture = self.model.framing.fixture
        if fixture is None:
            return image
        found = fixture.golden.register(image)
        return image if found.failed else fixture.golden.warp(image, found)[0]

    def with_threshold(self, threshold: float) -> Detector:
        """The same with another threshold, whose RETEST band keeps its share: for trying it out.

        Raises:
            ModelError: a threshold that is none.
        """
        if not 0 < threshold < math.inf:
            raise ModelError(f"The threshold {threshold:g} must be a number above 0.")
        description = self.model.description
        band = description.limits.retest_from / description.limits.threshold
        limits = artefact.LimitsDescription(threshold=threshold, retest_from=threshold * band)
        changed = copy.copy(self)  # what is compiled stays
        changed.model = replace(self.model, description=description.model_copy(update={"limits": limits}))
        changed._judge = self._judge.amiss_at(limits.retest_from)
        return changed

    def expect_one_size(self) -> None:
        """Its pictures come from a fixed camera: what is compiled for the first one's size is what all need."""
        self._judge.expect_one_size()

    def prepare(self, width: int, height: int) -> None:
        """Compiles for pictures of this size now, so that the first one need not wait for it."""
        self._judge.prepare(width, height)
        if self._checkpoints is not None:
            self._checkpoints.prepare()

    def score(self, image: Image) -> float:
        """The fused, uncalibrated score of an (H, W, 3) uint8 BGR picture."""
        return self._judge.judge(image).score

    def detect(self, image: Image) -> Detection:
        """Score, verdict, heat map and regions of an (H, W, 3) uint8 BGR picture of any size."""
        begin = time.perf_counter()
        judged = self._judge.judge(image)
        score, heat, box = judged.score, judged.heat, judged.box
        height, width = image.shape[:2]
        limits, calibration = self.model.limits, self.model.calibration
        poor = self._poor_picture(image, judged.in_place) or judged.failed
        # A doubtful part shows what made it doubtful, so its regions start at the band's lower end.
        limit = limits.threshold if score >= limits.threshold else limits.retest_from
        # Joined evidence may tell a defective part without one place that is sure: then its likeliest place is shown.
        limit = min(limit, float(heat.max()) * _LIKELIEST)
        doubtful = score >= limits.retest_from
        regions = find_regions(heat, box, (width, height), limit, judged.kinds) if doubtful else ()
        scale = self.model.description.mm_per_pixel
        if scale is not None:
            regions = tuple(replace(region, area_mm2=region.area * scale**2) for region in regions)
        regions, wear = grade(regions, self.wear_limits)
        worn = ", ".join(each.words for each in wear if each.grade == "over")
        checkpoints = self._checked(image, judged)
        failed, unsure = (_listed(checkpoints, each) for each in (False, True))
        verdict = decide(score, limits, failed_rule=worn or failed, poor_picture=poor)
        ruled = bool(failed) and score < limits.threshold and not worn
        if verdict is Verdict.PASS and unsure:
            verdict, ruled = Verdict.RETEST, True
        subject = f"{regions[0].label}, {place_words(regions[0], (width, height))}, " if regions else ""
        if worn:
            subject += f"{worn}, "
        reason = subject + _compared(score, limits, verdict)
        if failed or unsure:
            reason = f"{failed or unsure}; {reason}" if doubtful or worn else failed or unsure
        return Detection(
            score=score,
            threshold=limits.threshold,
            retest_from=limits.retest_from,
            verdict=verdict,
            # The score has no say in what a checkpoint decided.
            confidence=calibration.confidence(score, verdict) if calibration and not poor and not ruled else None,
            regions=regions,
            reason=poor or reason,
            heat=heat,
            heat_box=box,
            milliseconds=(time.perf_counter() - begin) * 1000,
            wear=wear,
            checkpoints=checkpoints,
            look=judged.outlines,
        )

    def _checked(self, image: Image, judged: Judged) -> tuple[CheckpointAnswer, ...]:
        """What the checkpoints say."""
        if self._checkpoints is None:
            return ()
        frame, found = self._checkpoints.frame, judged.found
        if frame is None or found is None or found.failed:
            return self._checkpoints.judge(image, Found.as_it_lies(image, frame, found.failed if found else ""))
        return self._checkpoints.judge(image, Found(found.matrix, frame))

    def _poor_picture(self, image: Image, in_place: bool) -> str:
        """Why the picture can't be judged, or empty."""
        shape = self._poor_shape(image.shape[1], image.shape[0])
        if shape or self.model.quality is None:
            return shape
        return self.model.quality.check(image, moves=in_place)

    def _poor_shape(self, width: int, height: int) -> str:
        """Why a picture of this shape can't be judged, or empty."""
        training = self.model.description.training
        aspect = width / height
        if training.aspect_from / SHAPE_TOLERANCE <= aspect <= training.aspect_to * SHAPE_TOLERANCE:
            return ""
        return (
            f"picture is {width} x {height}, its shape differs from the training pictures "
            f"(width / height {aspect:.2f}, trained on {training.aspect_from:.2f} to {training.aspect_to:.2f})"
        )


_LIKELIEST = 0.97


def _compared(score: float, limits: Limits, verdict: Verdict) -> str:
    """The comparison that decided, with as many digits as it takes to be true when read."""
    sign = "≥" if score >= limits.threshold else "<"
    for digits in (2, 3, 4, 6):
        if f"{score:.{digits}f}" != f"{limits.threshold:.{digits}f}":
            break
    text = f"{score:.{digits}f} {sign} {limits.threshold:.{digits}f}"
    return f"close to the limit, {text}" if verdict is Verdict.RETEST else text


def _listed(answers: Sequence[CheckpointAnswer], unsure: bool) -> str:
    """The words of the checkpoints that failed, or of those that are unsure; the first few, or empty."""
    words = [each.words for each in answers if (each.state == UNSURE if unsure else each.failed)]
    more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return ", ".join(words[:_LISTED]) + more


_LISTED = 4


def same_answers(first: Detection, second: Detection) -> bool:
    """Whether two results of one picture agree in the score and in those of all checkpoints."""
    one, other = ([result.score, *(each.score for each in result.checkpoints)] for result in (first, second))
    return len(one) == len(other) and all(
        a == b if a is None or b is None else same_score(a, b) for a, b in zip(one, other, strict=True)
    )


def same_score(first: float, second: float) -> bool:
    """Whether two scores of one picture agree as every path and machine must: 1e-4 * max(1, |score|)."""
    return bool(np.abs(first - second) <= 1e-4 * max(1.0, abs(first)))
