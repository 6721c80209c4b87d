"""Regions drawn at the station: a defect outside is none, one inside is, and nothing is hot where nobody looks."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cameras.demo import DefectKind, draw_part, training_parts
from app.cameras.demo.scene import draw
from app.domain.errors import ModelError
from app.domain.frame import Image
from app.domain.look import IGNORE, LOOK, LookRegion, judged_share
from app.domain.verdict import Verdict
from app.vision.defects import Defect
from app.vision.detector import Detector, same_score
from app.vision.framing import regions_of
from app.vision.survey import Sample
from app.vision.training import train

WIDTH, HEIGHT = 1280, 720
SIDE = 70


@pytest.fixture(scope="module")
def detector(demo_model: Path) -> Detector:
    return Detector.load(demo_model)


@pytest.fixture(scope="module")
def good(detector: Detector) -> Image:
    return min((draw_part(12, index) for index in range(4)), key=detector.score)


def marked(part: Image, x: int, y: int, side: int = SIDE) -> Image:
    marked = part.copy()
    marked[y : y + side, x : x + side] = (20, 20, 230)
    return marked


def region(x: float, y: float, width: float, height: float, kind: str = LOOK) -> LookRegion:
    """In pixels of a demo picture."""
    return LookRegion.model_validate(
        {"x": x / WIDTH, "y": y / HEIGHT, "width": width / WIDTH, "height": height / HEIGHT, "kind": kind}
    )


def beyond(heat: np.ndarray, where: LookRegion) -> np.ndarray:
    """The cells of a map over the whole picture no part of which lies in a region."""
    rows, columns = heat.shape
    left, right = where.x * columns, (where.x + where.width) * columns
    top, bottom = where.y * rows, (where.y + where.height) * rows
    y, x = np.mgrid[0:rows, 0:columns]
    return (x + 1 <= left) | (x >= right) | (y + 1 <= top) | (y >= bottom)


@pytest.mark.parametrize("seed", range(3))
def test_a_defect_inside_is_one_and_a_defect_outside_is_none(detector: Detector, good: Image, seed: int) -> None:
    # Not drawn by hypothesis: each look takes a twentieth of a second, and shrinking takes hundreds.
    rng = np.random.default_rng(seed)
    x, y, wide, tall = (int(rng.integers(*each)) for each in ((100, 700), (80, 300), (260, 460), (220, 320)))
    across, down = rng.uniform(0, 1, 2)
    where = region(x, y, wide, tall)
    inside = marked(good, round(x + across * (wide - SIDE)), round(y + down * (tall - SIDE)))
    looking = detector.with_regions([where])
    plain, found = looking.detect(good), looking.detect(inside)
    ignoring = detector.with_regions([where.model_copy(update={"kind": IGNORE})])
    ignored = ignoring.detect(inside)
    assert found.verdict is Verdict.FAIL and found.score > plain.score * 1.1
    assert ignored.score < max(1.1 * ignoring.score(good), 0.6 * found.score)
    assert (found.heat[beyond(found.heat, where)] == 0).all()
    for corner in ((x - SIDE, y - SIDE), (x - SIDE, y), (x, y + tall), (x + wide, y + tall // 2)):
        # Right beside it: what the network sees of it from inside is no evidence either.
        beside = looking.detect(marked(good, max(0, corner[0]), max(0, corner[1])))
        assert beside.verdict is not Verdict.FAIL and beside.score < 0.75 * found.score
        for each in beside.regions:
            assert where.x * WIDTH - 30 <= each.x <= (where.x + where.width) * WIDTH + 30


@pytest.mark.parametrize(("cuts", "upright"), [([], True), ([0.5], True), ([0.123, 0.777], False)])
def test_regions_that_cover_everything_change_nothing(
    detector: Detector, good: Image, cuts: list[float], upright: bool
) -> None:
    edges = [0.0, *sorted(set(cuts)), 1.0]
    regions = [
        LookRegion(x=a, y=0, width=b - a, height=1) if upright else LookRegion(x=0, y=a, width=1, height=b - a)
        for a, b in itertools.pairwise(edges)
    ]
    image = marked(good, 600, 300)
    plain, looked = detector.detect(image), detector.with_regions(regions).detect(image)
    assert same_score(plain.score, looked.score)
    np.testing.assert_allclose(looked.heat, plain.heat, atol=1e-4)
    assert judged_share(regions) == pytest.approx(1)


def test_other_thresholds_and_limits_keep_the_regions_and_none_takes_them_away(detector: Detector, good: Image) -> None:
    outside = marked(good, 100, 100)
    looking = detector.with_regions([region(500, 200, 400, 400)])
    assert looking.detect(outside).verdict is not Verdict.FAIL
    assert looking.with_threshold(looking.model.limits.threshold * 1.01).detect(outside).verdict is not Verdict.FAIL
    assert looking.with_limits([]).detect(outside).verdict is not Verdict.FAIL
    again = looking.with_regions([])
    assert same_score(again.score(outside), detector.score(outside)) and again.detect(outside).look == ()


def test_what_is_ignored_inside_what_is_looked_at_is_ignored(detector: Detector, good: Image) -> None:
    both = detector.with_regions([region(300, 150, 700, 450), region(560, 300, 160, 120, IGNORE)])
    assert both.detect(marked(good, 605, 325)).score < 0.6 * both.detect(marked(good, 800, 450)).score
    found = both.detect(good)
    assert [each.kind for each in found.look] == [LOOK, IGNORE]
    corners = np.array(found.look[0].corners)
    assert np.abs(corners - [(300, 150), (1000, 150), (1000, 600), (300, 600)]).max() < 40  # the part may lie beside


def test_regions_that_leave_nothing_to_judge_are_refused(detector: Detector) -> None:
    with pytest.raises(ModelError, match="nothing of the picture is left"):
        detector.with_regions([region(0, 0, WIDTH, HEIGHT, IGNORE)])
    with pytest.raises(ModelError, match="region 1 lies outside"):
        detector.with_regions([LookRegion(x=0.6, y=0, width=0.6, height=1)])


@given(
    rects=st.lists(
        st.tuples(*(st.integers(0, 12) for _ in range(2)), *(st.integers(1, 8) for _ in range(2)), st.booleans()),
        max_size=6,
    )
)
def test_the_share_that_is_judged_is_counted_rightly(rects: list[tuple[int, int, int, int, bool]]) -> None:
    regions = [
        LookRegion(x=x / 20, y=y / 20, width=w / 20, height=h / 20, kind="look" if look else "ignore")
        for x, y, w, h, look in rects
    ]
    drawn = np.full((20, 20), not any(look for *_, look in rects))
    for wanted in (True, False):
        for x, y, w, h, look in rects:
            if look is wanted:
                drawn[y : y + h, x : x + w] = wanted
    assert judged_share(regions) == pytest.approx(drawn.mean())


@pytest.mark.slow
def test_a_taught_head_looks_where_it_is_told_to(demo_parts: list[Image]) -> None:
    def defect(index: int) -> Defect:
        drawn = draw(41, index, DefectKind.MISPRINT)

        def masks(size: tuple[int, int]) -> dict[str, np.ndarray]:
            area = np.zeros(size[::-1], bool)
            assert drawn.box is not None
            x, y, width, height = drawn.box
            area[y : y + height, x : x + width] = True
            return {"misprint": area}

        return Defect(str(index), lambda: drawn.image, "misprint", masks)

    samples = [Sample(str(index), lambda part=part: part) for index, part in enumerate(demo_parts)]
    made = train(samples, name="taught", defects=[defect(index) for index in range(6)])
    taught = Detector(made.model, made.ref)
    outside = inside = 0
    for index in range(10, 16):
        drawn = draw(41, index, DefectKind.MISPRINT)
        assert drawn.box is not None
        x, y, width, height = drawn.box
        margin = 30
        around = region(
            max(0, x - margin), max(0, y - margin), min(width + 2 * margin, WIDTH - x), min(height + 2 * margin, 400)
        )
        looked = taught.with_regions([around]).detect(drawn.image)
        ignored = taught.with_regions([around.model_copy(update={"kind": IGNORE})]).detect(drawn.image)
        inside += looked.verdict is Verdict.FAIL
        outside += ignored.verdict is Verdict.FAIL
        assert (looked.heat[beyond(looked.heat, around)] == 0).all()
    assert inside >= 5 and outside <= 1
    whole = taught.with_regions([LookRegion(x=0, y=0, width=1, height=1)])
    assert same_score(whole.score(demo_parts[0]), taught.score(demo_parts[0]))


@pytest.mark.slow
def test_regions_move_with_a_part_that_is_laid_onto_the_golden_part() -> None:
    def posed(image: Image, angle: float, shift: tuple[float, float] = (0, 0)) -> tuple[Image, np.ndarray]:
        matrix = cv2.getRotationMatrix2D((WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5), angle, 0.62)
        matrix[:, 2] += shift
        moved = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderValue=(96, 98, 99))
        return np.asarray(moved, np.uint8), matrix

    rng = np.random.default_rng(0)
    parts = [posed(part, rng.uniform(-180, 180), tuple(rng.uniform(-30, 30, 2)))[0] for part in training_parts(30, 7)]
    made = train([Sample(str(index), lambda part=part: part) for index, part in enumerate(parts)], name="turned")
    detector = Detector(made.model, made.ref)
    fixture = detector.model.framing.fixture
    assert fixture is not None and fixture.always
    turned, there = [], []
    for angle, shift in ((35, (10, 5)), (-120, (-20, 15)), (170, (0, 0))):
        image, matrix = posed(marked(draw_part(12, 1), 740, 300, 110), angle, shift)
        turned.append(image)
        there.append(matrix @ (795, 355, 1))
    # Drawn on one picture, around the mark ...
    laid = detector.laid(turned[0])
    red = (laid[..., 2].astype(int) - laid[..., 1] > 120).nonzero()
    x, y = float(np.median(red[1])), float(np.median(red[0]))
    width, height = fixture.golden.size
    around = LookRegion(x=(x - 70) / width, y=(y - 70) / height, width=140 / width, height=140 / height, kind="ignore")
    for image, (right, down) in zip(turned, there, strict=True):
        # ... it covers the mark on all of them, however they lie.
        result = detector.with_regions([around]).detect(image)
        middle = np.array(result.look[0].corners).mean(axis=0)
        assert np.hypot(*(middle - (right, down))) < 12
        assert result.score < 0.75 * detector.score(image)


@pytest.mark.slow
def test_a_model_that_was_cut_in_training_keeps_its_cut(demo_parts: list[Image]) -> None:
    samples = [Sample(str(index), lambda part=part: part) for index, part in enumerate(demo_parts)]
    cut = regions_of([(320, 60, 640, 600)], [(560, 300, 160, 120)], (WIDTH, HEIGHT))
    made = train(samples, name="cut", regions=cut)
    detector, good = Detector(made.model, made.ref), demo_parts[0]
    around = detector.with_regions([region(300, 40, 680, 640)])  # covers all that the model sees
    image = marked(good, 760, 480)
    assert same_score(around.score(image), detector.score(image))
    looking = detector.with_regions([region(640, 400, 300, 240)])
    found = looking.detect(image)
    assert found.verdict is Verdict.FAIL and found.heat_box == detector.detect(image).heat_box
    assert looking.score(marked(good, 400, 100)) < 0.6 * found.score
    assert looking.score(marked(good, 605, 325)) < 0.6 * found.score  # ignored in training
    nothing = detector.with_regions([region(0, 0, 200, 200)]).detect(image)
    assert nothing.verdict is Verdict.RETEST and "draw the regions anew" in nothing.reason
