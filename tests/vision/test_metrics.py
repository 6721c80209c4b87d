"""Every measure against its definition, computed the long way."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.vision.metrics import PRO_LIMIT, PixelMeasures, auroc, average_precision

scores = st.lists(st.integers(0, 6).map(float) | st.floats(0, 10, width=32), min_size=1, max_size=25).map(np.array)


@given(normal=scores, anomalous=scores)
def test_auroc_is_the_share_of_pairs_in_order(normal: NDArray[np.float64], anomalous: NDArray[np.float64]) -> None:
    pairs = [1.0 if bad > good else 0.5 if bad == good else 0.0 for good in normal for bad in anomalous]
    assert auroc(normal, anomalous) == pytest.approx(np.mean(pairs))


@given(normal=scores, anomalous=scores)
def test_average_precision_by_its_definition(normal: NDArray[np.float64], anomalous: NDArray[np.float64]) -> None:
    total, before = 0.0, 0.0
    for limit in sorted({*normal, *anomalous}, reverse=True):
        hits, false = (anomalous >= limit).sum(), (normal >= limit).sum()
        recall = hits / len(anomalous)
        total += (recall - before) * hits / (hits + false)
        before = recall
    assert average_precision(normal, anomalous) == pytest.approx(total)


def test_one_group_alone_has_no_figure() -> None:
    some, none = np.array([1.0]), np.array([])
    for measure in (auroc, average_precision):
        assert measure(some, none) is None and measure(none, some) is None


def maps(seed: int, pictures: int = 4) -> list[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Maps of whole numbers (exact in the histogram) and masks of some blobs; the last has no defect."""
    rng = np.random.default_rng(seed)
    made = []
    for index in range(pictures):
        mask = np.zeros((24, 32), np.uint8)
        for _ in range(rng.integers(1, 5) if index < pictures - 1 else 0):
            x, y = int(rng.integers(0, 28)), int(rng.integers(0, 20))
            cv2.circle(mask, (x, y), int(rng.integers(0, 5)), 1, -1)
        heat = rng.integers(0, 60, mask.shape) + 25 * mask
        made.append((heat.astype(np.float32), mask.astype(bool)))
    return made


def measured(made: list[tuple[NDArray[np.float32], NDArray[np.bool_]]], threshold: float = 50) -> PixelMeasures:
    low = min(float(heat.min()) for heat, _ in made)
    high = max(float(heat.max()) for heat, _ in made)
    measures = PixelMeasures(low, high, threshold)
    for heat, mask in made:
        measures.add(heat, {"dent": mask} if mask.any() else {})
    return measures


@given(seed=st.integers(0, 500))
@settings(max_examples=30)
def test_pixel_auroc_is_the_auroc_of_all_pixels(seed: int) -> None:
    made = maps(seed)
    heat = np.concatenate([heat.ravel() for heat, _ in made])
    truth = np.concatenate([mask.ravel() for _, mask in made])
    assert measured(made).pixel_auroc() == pytest.approx(auroc(heat[~truth], heat[truth]), abs=1e-9)


def aupro_directly(made: list[tuple[NDArray[np.float32], NDArray[np.bool_]]]) -> float:
    """Bergmann et al. 2019, threshold after threshold and region by region."""
    points = [(0.0, 0.0)]
    good = sum(int((~mask).sum()) for _, mask in made)
    for limit in sorted({float(value) for heat, _ in made for value in heat.ravel()}, reverse=True):
        false, overlaps = 0, []
        for heat, mask in made:
            predicted = heat >= limit
            false += int((predicted & ~mask).sum())
            number, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
            overlaps += [float(predicted[labels == index].mean()) for index in range(1, number)]
        points.append((false / good, float(np.mean(overlaps))))
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= PRO_LIMIT:
            break
        if x1 > PRO_LIMIT:
            y1 = y0 + (y1 - y0) * (PRO_LIMIT - x0) / (x1 - x0)
            x1 = PRO_LIMIT
        area += (x1 - x0) * (y0 + y1) / 2
    return area / PRO_LIMIT


@given(seed=st.integers(0, 500))
@settings(max_examples=30)
def test_aupro_region_by_region(seed: int) -> None:
    made = maps(seed)
    assert measured(made).aupro() == pytest.approx(aupro_directly(made), abs=1e-9)


@given(seed=st.integers(0, 500))
@settings(max_examples=30)
def test_iou_by_type_and_for_all(seed: int) -> None:
    made = maps(seed)
    threshold = 50
    found = measured(made, threshold).iou()
    both = sum(int((mask & (heat >= threshold)).sum()) for heat, mask in made)
    either = sum(int((mask | (heat >= threshold)).sum()) for heat, mask in made)
    assert found["anomaly"] == pytest.approx(both / either)
    shown = [(heat, mask) for heat, mask in made if mask.any()]
    either = sum(int((mask | (heat >= threshold)).sum()) for heat, mask in shown)
    assert found["dent"] == pytest.approx(both / either)


def test_untyped_defects_and_absent_types_are_not_counted_twice_or_at_all() -> None:
    heat = np.zeros((4, 8), np.float32)
    heat[:, 2:6] = 1
    truth = np.zeros((4, 8), bool)
    truth[:, 4:] = True
    typed, untyped = PixelMeasures(0, 1, 0.5), PixelMeasures(0, 1, 0.5)
    typed.add(heat, {"dent": truth, "stain": np.zeros_like(truth)})
    untyped.add(heat, {"anomaly": truth})
    for measures in (typed, untyped):
        measures.add(heat, {})  # a false alarm on a good part
    assert untyped.iou() == {"anomaly": pytest.approx(8 / (24 + 16))}
    assert typed.iou() == {"dent": pytest.approx(8 / 24), "anomaly": pytest.approx(8 / 40)}


def test_perfect_and_useless_maps() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:9, 5:9] = True
    perfect = PixelMeasures(0, 1, 0.5)
    perfect.add(mask.astype(np.float32), {"dent": mask})
    assert (perfect.pixel_auroc(), perfect.aupro(), perfect.iou()["dent"]) == pytest.approx((1, 1, 1))
    flat = PixelMeasures(1, 1, 2)
    flat.add(np.ones((20, 20), np.float32), {"dent": mask})
    assert flat.pixel_auroc() == pytest.approx(0.5)
    assert flat.aupro() == pytest.approx(PRO_LIMIT / 2)
    assert flat.iou() == {"dent": 0, "anomaly": 0}


def test_nothing_to_compute_from() -> None:
    measures = PixelMeasures(0, 1, 0.5)
    measures.add(np.zeros((4, 4), np.float32), {})
    assert measures.pixel_auroc() is None and measures.aupro() is None and measures.iou() == {}
    full = PixelMeasures(0, 1, 0.5)
    full.add(np.zeros((4, 4), np.float32), {"dent": np.ones((4, 4), bool)})
    assert full.pixel_auroc() is None and full.aupro() is None
