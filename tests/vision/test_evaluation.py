from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.cameras.demo import DefectKind, draw_part
from app.cameras.demo.scene import draw
from app.datasets import Item, read_dataset
from app.datasets.masks import read_mask
from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.domain.verdict import Verdict
from app.pictures import read_picture
from app.vision.detector import Detector
from app.vision.evaluation import Evaluation, TestSample, evaluate
from app.vision.overlay import draw_overlay
from app.vision.survey import Sample
from app.vision.training import train


@pytest.fixture(scope="module")
def detector(demo_model: Path) -> Detector:
    return Detector.load(demo_model)


def giver(image: Image) -> Callable[[], Image]:
    return lambda: image


def good(index: int) -> TestSample:
    return TestSample(f"good {index}", giver(draw_part(21, index)), False)


def dented(index: int) -> TestSample:
    drawn = draw(21, index, DefectKind.DENT)
    assert drawn.box is not None
    x, y, width, height = drawn.box

    def masks(size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
        area = np.zeros(size[::-1], bool)
        area[y : y + height, x : x + width] = True
        return {"dent": area}

    return TestSample(f"dent {index}", giver(drawn.image), True, masks)


def broken(words: str) -> Callable[[], Image]:
    def load() -> Image:
        raise PictureError(words)

    return load


def test_counts_are_what_the_detector_says_of_each(detector: Detector) -> None:
    samples = [good(index) for index in range(6)] + [dented(index) for index in range(6)]
    figures = evaluate(detector, samples)
    said = [(sample.anomalous, detector.detect(sample.load())) for sample in samples]
    threshold = detector.model.limits.threshold
    rejected = [(anomalous, result.score >= threshold) for anomalous, result in said]
    assert (figures.tp, figures.fn) == (rejected.count((True, True)), rejected.count((True, False)))
    assert (figures.fp, figures.tn) == (rejected.count((False, True)), rejected.count((False, False)))
    assert figures.retest == [result.verdict for _, result in said].count(Verdict.RETEST)
    assert (figures.normals, figures.anomalies, figures.threshold) == (6, 6, threshold)
    assert figures.image_auroc == 1.0 and figures.average_precision == 1.0
    assert figures.recall == figures.tp / 6
    assert figures.pixel_auroc is not None and figures.pixel_auroc > 0.95
    assert figures.aupro is not None and figures.aupro > 0.7
    assert set(figures.iou) == {"dent", "anomaly"} and 0 < figures.iou["dent"] <= 1


def test_good_parts_alone(detector: Detector) -> None:
    figures = evaluate(detector, [good(0), good(1)])
    assert figures.tn + figures.fp == 2 and figures.tp == figures.fn == 0
    for value in (figures.image_auroc, figures.average_precision, figures.recall, figures.f1, figures.pixel_auroc):
        assert value is None
    assert figures.aupro is None and figures.iou == {}


def test_defects_alone(detector: Detector) -> None:
    figures = evaluate(detector, [dented(0), dented(1)])
    assert figures.image_auroc is None and figures.average_precision is None
    assert figures.precision == figures.recall == figures.f1 == 1.0
    assert figures.pixel_auroc is not None and figures.aupro is not None


def test_defects_without_masks_are_left_out_of_the_pixel_figures(detector: Detector) -> None:
    with_mask = dented(0)
    unmasked = TestSample("no mask", dented(1).load, True)
    assert evaluate(detector, [good(0), unmasked]).pixel_auroc is None
    both = evaluate(detector, [good(0), with_mask, unmasked])
    assert both.pixel_auroc == evaluate(detector, [good(0), with_mask]).pixel_auroc
    assert both.anomalies == 2


def test_unreadable_pictures_are_named_and_the_rest_counts(detector: Detector) -> None:
    def wrong_mask(size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
        raise PictureError("line 3: the mask is of another size")

    bad = TestSample("bad", broken("bad.png is empty"), False)
    unfit = TestSample("unfit", dented(2).load, True, wrong_mask)
    figures = evaluate(detector, [good(0), bad, dented(0), unfit])
    assert figures.failed == (("bad", "bad.png is empty"), ("unfit", "line 3: the mask is of another size"))
    assert (figures.normals, figures.anomalies) == (1, 1)
    with pytest.raises(DatasetError, match=r"No picture .*bad\.png is empty"):
        evaluate(detector, [bad])


def test_a_mask_that_does_not_fit_ends_it_before_everything_was_judged(detector: Detector) -> None:
    def wrong(size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
        raise DatasetError("the mask m.png is 1 x 1 pixels")

    with pytest.raises(DatasetError, match=r"m\.png"):
        evaluate(detector, [TestSample("unfit", dented(0).load, True, wrong), TestSample("x", broken("x"), True)])


def test_an_overlay_marks_the_defect_and_leaves_the_rest(detector: Detector) -> None:
    drawn = draw(21, 3, DefectKind.STAIN)
    before = drawn.image.copy()
    result = detector.detect(drawn.image)
    overlay = draw_overlay(drawn.image, result)
    np.testing.assert_array_equal(drawn.image, before)
    assert overlay.shape == before.shape and overlay.dtype == np.uint8
    assert drawn.box is not None
    x, y, width, height = drawn.box
    changed = (overlay != before).any(axis=2)
    assert changed[y : y + height, x : x + width].mean() > 0.3
    assert changed.mean() < 0.4


# ------------------------------------------------------------------ floors on photographs


Reader = Callable[[Path], Image]


def sample_of(item: Item, read: Reader, masks: bool) -> TestSample:
    reader = (lambda size: read_mask(item, size)) if item.mask and masks else None
    return TestSample(item.name, lambda: read(item.path), item.label == "anomaly", reader)


def on_held_out(items: Sequence[Item], read: Reader, normals: int, seed: int) -> Evaluation:
    """Trains on `normals` good parts, no defect, and evaluates on all the others."""
    good_parts = [item for item in items if item.label == "normal"]
    order = np.random.default_rng(seed).permutation(len(good_parts))
    chosen = [good_parts[index] for index in order[:normals]]
    rest = [item for item in items if item not in chosen]
    made = train([Sample(item.name, lambda path=item.path: read(path)) for item in chosen], name="floor")
    return evaluate(Detector(made.model, made.ref), [sample_of(item, read, masks=seed == 0) for item in rest])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "normals"), [("aliens", 30), ("cookies/template.manifest", 24)])
def test_the_floors_of_the_sample_sets(shared_data: Path, name: str, normals: int) -> None:
    items = read_dataset(shared_data / name).items
    read = functools.cache(read_picture)  # the splits share their pictures
    figures = [on_held_out(items, read, normals, seed) for seed in range(3)]
    values = [one.image_auroc for one in figures if one.image_auroc is not None]
    print(name, values, figures[0].pixel_auroc, figures[0].aupro, figures[0].iou)
    assert len(values) == 3 and np.mean(values) >= 0.98, values
    if name.startswith("cookies"):
        assert figures[0].pixel_auroc is not None and figures[0].pixel_auroc > 0.9
        assert figures[0].aupro is not None and set(figures[0].iou) == {"anomaly", "cracked"}
