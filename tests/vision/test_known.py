"""Known kinds of defects are named and placed; a kind that nobody labelled still fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.cameras.demo import DefectKind, draw_part
from app.cameras.demo.scene import draw
from app.domain.errors import ModelError, PictureError
from app.domain.frame import Image
from app.domain.verdict import Verdict
from app.domain.wear import WearLimit
from app.vision import artefact
from app.vision.defects import Defect
from app.vision.detector import Detector, same_score
from app.vision.survey import Sample
from app.vision.training import Trained, train

TAUGHT = (DefectKind.MISPRINT, DefectKind.STAIN)


def defect(kind: DefectKind, index: int, masked: bool) -> Defect:
    drawn = draw(41, index, kind)

    def masks(size: tuple[int, int]) -> dict[str, np.ndarray]:
        area = np.zeros(size[::-1], bool)
        assert drawn.box is not None
        x, y, width, height = drawn.box
        area[y : y + height, x : x + width] = True
        return {kind.value: area}

    return Defect(f"{kind.value} {index}", lambda: drawn.image, kind.value, masks if masked else None)


def samples(parts: list[Image]) -> list[Sample]:
    return [Sample(str(index), lambda part=part: part) for index, part in enumerate(parts)]


@pytest.fixture(
    scope="module",
    params=[pytest.param(True, id="masks"), pytest.param(False, id="picture labels", marks=pytest.mark.slow)],
)
def taught(request: pytest.FixtureRequest, demo_parts: list[Image]) -> Trained:
    defects = [defect(kind, index, request.param) for kind in TAUGHT for index in range(4)]
    return train(samples(demo_parts), name="taught", defects=defects)


def test_known_defects_are_named_and_placed(taught: Trained, tmp_path: Path) -> None:
    path = tmp_path / "taught.model"
    artefact.write(path, taught.data)
    detector = Detector.load(path)
    assert set(detector.model.description.labels) == {"anomaly", *(kind.value for kind in TAUGHT)}
    right = placed = 0
    for kind in TAUGHT:
        for index in range(10, 13):
            drawn = draw(43, index, kind)
            result = detector.detect(drawn.image)
            assert result.verdict is Verdict.FAIL, (kind, index, result.reason)
            assert result.confidence is not None and result.confidence > 0.5
            assert same_score(result.score, Detector(taught.model, taught.ref).score(drawn.image))
            region = result.regions[0]
            right += region.label == kind.value
            assert drawn.box is not None
            x, y, width, height = drawn.box
            middle = region.x + region.width / 2, region.y + region.height / 2
            placed += x - 60 < middle[0] < x + width + 60 and y - 60 < middle[1] < y + height + 60
    assert right >= 5 and placed >= 5


def test_two_defects_on_one_part_have_their_own_names(taught: Trained) -> None:
    detector = Detector(taught.model, taught.ref)
    right = pairs = 0
    for index in range(30, 60):
        parts = [draw(43, index, kind) for kind in TAUGHT]
        boxes = [part.box for part in parts]
        assert boxes[0] is not None and boxes[1] is not None
        if abs(boxes[0][0] - boxes[1][0]) < 300 or pairs == 4:
            continue
        pairs += 1
        both = parts[0].image.copy()
        x, y, width, height = boxes[1]
        piece = np.s_[max(0, y - 8) : y + height + 8, max(0, x - 8) : x + width + 8]
        both[piece] = parts[1].image[piece]
        result = detector.detect(both)
        for kind, (x, y, width, height) in zip(TAUGHT, boxes, strict=True):
            names = [
                each.label
                for each in result.regions
                if x - 60 < each.x + each.width / 2 < x + width + 60
                and y - 60 < each.y + each.height / 2 < y + height + 60
            ]
            right += kind.value in names
    assert pairs == 4 and right >= 6


def test_a_kind_nobody_labelled_still_fails(taught: Trained) -> None:
    detector = Detector(taught.model, taught.ref)
    verdicts = [detector.detect(draw(44, index, DefectKind.MISSING_BOLT).image).verdict for index in range(4)]
    assert Verdict.PASS not in verdicts and verdicts.count(Verdict.FAIL) >= 3
    good = [detector.detect(draw_part(12, index)).verdict for index in range(10)]
    assert good.count(Verdict.FAIL) <= 2


def test_two_labels_calibrate_but_teach_no_kind(demo_parts: list[Image]) -> None:
    made = train(
        samples(demo_parts[:8]), name="two", defects=[defect(DefectKind.STAIN, index, True) for index in range(2)]
    )
    assert made.model.known is None and made.model.calibration is not None
    assert made.model.description.training.defects == 2


def test_an_unreadable_defect_is_named_and_left_out(demo_parts: list[Image]) -> None:
    def broken() -> Image:
        raise PictureError("gone.png is empty.")

    made = train(samples(demo_parts[:6]), name="x", defects=[Defect("gone.png", broken)])
    assert made.skipped == (("gone.png", "gone.png is empty."),)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda arrays: arrays.pop("head.fine"),
        lambda arrays: arrays.update({"fusion.weights": -arrays["fusion.weights"] - 1}),
        lambda arrays: arrays.update({"head.bias": arrays["head.bias"][:-1]}),
    ],
)
def test_a_spoiled_head_in_a_file_is_refused(taught: Trained, spoil: Callable[[dict[str, np.ndarray]], object]) -> None:
    arrays = artefact.arrays_of(taught.model)
    spoil(arrays)
    with pytest.raises(ModelError):
        artefact.assemble(taught.model.description, arrays)


@pytest.mark.slow
def test_wear_is_graded_and_too_much_of_it_fails_the_part_whatever_its_score(demo_parts: list[Image]) -> None:
    defects = [defect(kind, index, True) for kind in TAUGHT for index in range(4)]
    limit = WearLimit(DefectKind.STAIN.value, 50_000, "mm2")
    made = train(samples(demo_parts[:16]), name="worn", defects=defects, mm_per_pixel=0.5, wear_limits=[limit])
    worn = draw(43, 11, DefectKind.STAIN).image
    loaded = Detector(made.model, made.ref)
    result = loaded.detect(worn)
    stains = [region for region in result.regions if region.label == limit.label]
    assert stains and all(each.area_mm2 == each.area * 0.25 for each in stains)
    assert all(each.severity == pytest.approx(each.area * 0.25 / 50_000) for each in stains)
    assert result.wear[0].area == sum(each.area for each in stains) * 0.25
    strict = loaded.with_limits([WearLimit(limit.label, 0.5, "mm2")]).detect(worn)
    assert strict.verdict is Verdict.FAIL and "its limit is 0.5 mm2" in strict.reason
    # The rule fails a part of its own: here the score alone would only ask for a second look.
    limits = artefact.LimitsDescription(threshold=result.score * 1.01, retest_from=result.score * 0.9)
    description = made.model.description.model_copy(update={"limits": limits})
    doubtful = Detector(replace(made.model, description=description), made.ref)
    assert doubtful.detect(worn).verdict is Verdict.RETEST
    assert doubtful.with_limits([WearLimit("*", 0.5, "mm2")]).detect(worn).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("limit", "words"),
    [(WearLimit("rust", 5, "px"), "no kind of defect rust"), (WearLimit("*", 5, "mm2"), "needs a scale")],
)
def test_a_limit_that_cannot_be_graded_is_refused(taught: Trained, limit: WearLimit, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Detector(taught.model, taught.ref).with_limits([limit])
