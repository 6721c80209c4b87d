"""Regions of interest and ignored ones: what lies outside does not count, what lies inside is placed rightly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import DatasetError
from app.domain.frame import Image
from app.domain.verdict import Verdict
from app.vision.detector import Detector
from app.vision.evaluation import full_map
from app.vision.framing import Framing, Regions, regions_of
from app.vision.survey import Sample
from app.vision.training import Trained, train

SIZE = (1280, 720)


def samples(parts: list[Image]) -> list[Sample]:
    return [Sample(str(index), lambda part=part: part) for index, part in enumerate(parts)]


@pytest.fixture(scope="module")
def framed(demo_parts: list[Image]) -> Trained:
    regions = regions_of([(320, 60, 640, 600)], [(560, 300, 160, 120)], SIZE)
    return train(samples(demo_parts), name="framed", regions=regions)


def marked(part: Image, x: int, y: int, side: int = 70) -> Image:
    marked = part.copy()
    marked[y : y + side, x : x + side] = (20, 20, 230)
    return marked


def test_only_the_region_of_interest_is_judged(framed: Trained, demo_parts: list[Image]) -> None:
    detector = Detector(framed.model, framed.ref)
    good = demo_parts[0]
    inside, outside = detector.detect(marked(good, 700, 480)), detector.detect(marked(good, 60, 600))
    ignored = detector.detect(marked(good, 600, 325))
    assert inside.verdict is Verdict.FAIL
    assert outside.score == pytest.approx(detector.score(good), abs=0.02)
    # The network sees a little beyond the ignored region's border, but no defect lies there.
    assert ignored.score < inside.score / 1.5
    found = inside.regions[0]
    assert abs(found.x + found.width / 2 - 735) < 40 and abs(found.y + found.height / 2 - 515) < 40
    x, y, wide, tall = inside.heat_box
    assert x >= 319 and y >= 59 and x + wide <= 961 and y + tall <= 661
    whole = full_map(inside.heat, inside.heat_box, SIZE)
    assert whole.shape == (720, 1280) and whole[:50].max() == 0
    row, column = np.unravel_index(int(whole.argmax()), whole.shape)
    assert abs(column - 735) < 60 and abs(row - 515) < 60


def test_a_region_outside_the_picture_is_refused() -> None:
    with pytest.raises(DatasetError, match="1200,0,100,50 lies outside the pictures of 1280 x 720"):
        regions_of([(1200, 0, 100, 50)], [], SIZE)


rects = st.tuples(st.integers(0, 900), st.integers(0, 500), st.integers(1, 300), st.integers(1, 200))


@pytest.mark.slow
@given(interest=st.lists(rects, max_size=3), ignored=st.lists(rects, max_size=3), factor=st.floats(0.3, 3))
def test_what_counts_is_what_was_marked_whatever_the_pictures_size(
    interest: list[tuple[int, int, int, int]], ignored: list[tuple[int, int, int, int]], factor: float
) -> None:
    regions = regions_of(interest, ignored, SIZE)
    width, height = round(SIZE[0] * factor), round(SIZE[1] * factor)
    part = Framing(None, regions).as_it_lies(np.zeros((height, width, 3), np.uint8))
    counts = np.zeros((height, width), bool)
    tall, wide = part.image.shape[:2]
    x, y = part.origin
    counts[y : y + tall, x : x + wide] = True if part.there is None else part.there
    ys, xs = np.mgrid[0:height, 0:width]
    wanted, edge = np.full((height, width), not interest), np.zeros((height, width), bool)
    for group, value in ((interest, True), (ignored, False)):
        for left, top, w, h in group:
            sides = left * width / 1280, (left + w) * width / 1280, top * height / 720, (top + h) * height / 720
            wanted[(xs + 0.5 > sides[0]) & (xs + 0.5 < sides[1]) & (ys + 0.5 > sides[2]) & (ys + 0.5 < sides[3])] = (
                value
            )
            for axis, side in ((xs, sides[0]), (xs, sides[1]), (ys, sides[2]), (ys, sides[3])):
                edge |= np.abs(axis + 0.5 - side) <= 1.5  # rounding to whole pixels
    assert (counts == wanted)[~edge].all()
    assert Framing(None, regions).size(width, height) == (wide, tall)


def test_regions_in_a_file_are_checked() -> None:
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Regions.model_validate({"interest": [[0, 0, 2, 1]]})
