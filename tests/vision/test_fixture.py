"""Parts that move: laid onto the golden part, judged there, and shown where they lie."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.cameras.demo import DefectKind, draw_part, training_parts
from app.cameras.demo.scene import draw
from app.domain.frame import Image
from app.domain.verdict import Verdict
from app.vision import artefact
from app.vision.detector import Detector
from app.vision.judge import placed_back
from app.vision.looking import seen_cells
from app.vision.survey import Sample
from app.vision.training import Trained, train

BACKGROUND = (96, 98, 99)


def posed(
    image: Image, angle: float, scale: float = 1.0, shift: tuple[float, float] = (0, 0)
) -> tuple[Image, np.ndarray]:
    """The part smaller, turned and shifted on an empty table; and the matrix (2, 3) that did it."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), angle, 0.62 * scale)
    matrix[:, 2] += shift
    size = (width, height)
    moved = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=BACKGROUND)
    return np.asarray(moved, np.uint8), matrix


def poses(seed: int) -> Iterator[tuple[float, float, tuple[float, float]]]:
    rng = np.random.default_rng(seed)
    while True:
        yield rng.uniform(-180, 180), rng.uniform(0.9, 1.1), tuple(rng.uniform(-30, 30, 2))


@pytest.fixture(scope="module")
def turned() -> Trained:
    parts = [posed(part, *pose)[0] for part, pose in zip(training_parts(30, 7), poses(0), strict=False)]
    return train([Sample(str(index), lambda part=part: part) for index, part in enumerate(parts)], name="turned")


@pytest.mark.slow
def test_parts_in_any_pose_are_laid_onto_the_golden_part(turned: Trained, tmp_path: Path) -> None:
    path = tmp_path / "turned.model"
    artefact.write(path, turned.data)
    detector = Detector.load(path)
    assert detector.model.framing.fixture is not None and detector.model.framing.fixture.always
    good = [
        detector.detect(posed(draw_part(12, index), *pose)[0]) for index, pose in zip(range(8), poses(1), strict=False)
    ]
    assert sum(result.verdict is Verdict.FAIL for result in good) <= 1
    found = 0
    for index, pose in zip(range(6), poses(2), strict=False):
        drawn = draw(11, index, DefectKind.MISPRINT)
        image, matrix = posed(drawn.image, *pose)
        result = detector.detect(image)
        assert drawn.box is not None
        x, y, width, height = drawn.box
        place = matrix @ (x + width / 2, y + height / 2, 1)
        found += any(
            math.dist(place, (region.x + region.width / 2, region.y + region.height / 2)) < 70
            for region in result.regions
            if result.verdict is Verdict.FAIL
        )
    assert found >= 5


def test_a_picture_without_the_part_is_a_retest(turned: Trained) -> None:
    detector = Detector(turned.model, turned.ref)
    rng = np.random.default_rng(0)
    table = np.clip(rng.normal(BACKGROUND, 2, (720, 1280, 3)), 0, 255).astype(np.uint8)
    result = detector.detect(table)
    assert result.verdict is Verdict.RETEST
    assert result.reason


def test_a_part_that_slipped_in_its_fixture_is_no_defect(demo_model: Path) -> None:
    detector = Detector.load(demo_model)
    fixture = detector.model.framing.fixture
    assert fixture is not None and not fixture.always
    slipped = np.float64([[1, 0, 26], [0, 1, -18]])
    moved = [
        cv2.warpAffine(draw_part(12, index), slipped, (1280, 720), borderMode=cv2.BORDER_REPLICATE)
        for index in range(6)
    ]
    verdicts = [detector.detect(np.asarray(good, np.uint8)).verdict for good in moved]
    assert verdicts.count(Verdict.FAIL) <= 2  # sixteen pictures leave the limit uncertain
    drawn = draw(11, 1, DefectKind.MISSING_BOLT)
    bad = np.asarray(cv2.warpAffine(drawn.image, slipped, (1280, 720), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    assert detector.detect(bad).verdict is Verdict.FAIL


@given(
    angle=st.floats(-180, 180),
    scale=st.floats(0.8, 1.2),
    shift=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    size=st.tuples(st.integers(300, 900), st.integers(300, 900)),
    place=st.tuples(st.floats(0.35, 0.65), st.floats(0.35, 0.65)),
)
@hypothesis_settings(max_examples=60)
def test_a_peak_on_the_golden_part_comes_back_to_its_place_in_the_picture(
    angle: float, scale: float, shift: tuple[float, float], size: tuple[int, int], place: tuple[float, float]
) -> None:
    golden, grid = (640, 512), (40, 32)
    box = (0.0, 0.0, *map(float, golden))
    peak = np.array([place[0] * golden[0], place[1] * golden[1]])  # corners' coordinates
    ys, xs = np.mgrid[0 : grid[1], 0 : grid[0]] + 0.5
    heat = np.exp(-((xs * 16 - peak[0]) ** 2 + (ys * 16 - peak[1]) ** 2) / (2 * 30**2)).astype(np.float32)
    middle = (size[0] / 2 - 0.5, size[1] / 2 - 0.5)
    matrix = cv2.getRotationMatrix2D(middle, angle, scale)
    matrix[:, 2] += np.array(golden) / 2 - np.array(size) / 2 + shift  # picture -> golden
    back = placed_back(heat, box, matrix, size, (60, 48))
    inverse = cv2.invertAffineTransform(matrix)
    wanted = inverse @ (*(peak - 0.5), 1) + 0.5
    if not (30 < wanted[0] < size[0] - 30 and 30 < wanted[1] < size[1] - 30):
        return
    weights = np.where(back > 0.6 * back.max(), back, 0).astype(np.float64)
    ys, xs = np.mgrid[0:48, 0:60] + 0.5
    found = np.array([(weights * xs).sum() * size[0] / 60, (weights * ys).sum() * size[1] / 48]) / weights.sum()
    assert np.abs(found - wanted).max() < 5, (found, wanted)


@pytest.mark.slow
def test_turned_parts_train_at_the_smallest_size_as_well() -> None:
    parts = [posed(part, *pose)[0] for part, pose in zip(training_parts(18, 7), poses(0), strict=False)]
    made = train(
        [Sample(str(index), lambda part=part: part) for index, part in enumerate(parts)], name="small", size=128
    )
    assert made.model.framing.fixture is not None and made.model.framing.fixture.always
    detector = Detector(made.model, made.ref)
    results = [
        detector.detect(posed(draw_part(12, index), *pose)[0]) for index, pose in zip(range(4), poses(1), strict=False)
    ]
    assert sum(result.verdict is Verdict.FAIL for result in results) <= 1


def test_on_a_grid_too_coarse_for_a_whole_cell_the_most_covered_ones_are_looked_at() -> None:
    there = np.zeros((64, 64), np.bool_)
    there[20:44, 20:44] = True
    seen = seen_cells(there, 4, 4)
    assert seen.sum() == 4 and seen[1:3, 1:3].all()
    assert seen_cells(np.ones((64, 64), np.bool_), 4, 4)[1:3, 1:3].all()
