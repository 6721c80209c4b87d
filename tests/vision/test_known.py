"""Known kinds of defects are named and placed; a kind that nobody labelled still fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.cameras.demo import DefectKind, draw_part
from app.cameras.demo.scene import draw
from app.domain.errors import ModelError, PictureError
from app.domain.frame import Image
from app.domain.verdict import Verdict
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


@pytest.fixture(scope="module", params=[True, False], ids=["masks", "picture labels"])
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
