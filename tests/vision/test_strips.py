"""Strips across the grain of surfaces: what they tell of broad patches, and what they must leave alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from app.domain.errors import ModelError
from app.domain.frame import Image
from app.vision import artefact
from app.vision.bank import Cells, Gathered
from app.vision.detector import Detector
from app.vision.evaluation import full_map
from app.vision.export_onnx import export
from app.vision.geometry import places
from app.vision.metrics import auroc
from app.vision.strips import learn_strips
from app.vision.survey import Sample
from app.vision.training import Trained, train
from app.vision.views import limit_of

SIDE = 176
PATCH = np.s_[120:, :]


def ground(seed: int, patch: bool = False) -> Image:
    """A surface ground from top to bottom; as a defect, its lower third was ground once more."""
    rng = np.random.default_rng(seed)

    def lines(width: float, strength: float) -> NDArray[np.float32]:
        noise = cv2.GaussianBlur(rng.normal(0, 1, (1, SIDE)).astype(np.float32), (0, 0), width)
        return np.asarray(noise * np.float32(strength) / noise.std(), np.float32)

    grey = rng.uniform(100, 130) + lines(1, 6) + lines(10, 20) + rng.normal(0, 6, (SIDE, SIDE))
    if patch:
        grey[PATCH] += lines(1, 6)
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def surface() -> Trained:
    samples = [Sample(str(seed), lambda seed=seed: ground(seed)) for seed in range(24)]
    return train(samples, name="surface", size=192)


def without_strips(trained: Trained) -> Detector:
    return Detector(replace(trained.model, strips=None), trained.ref)


def pixels(detector: Detector) -> float:
    """Pixel AUROC over good and patched surfaces not yet seen."""
    good, bad = [], []
    for seed in range(100, 110):
        for patch in (False, True):
            found = detector.detect(ground(seed, patch))
            heat = full_map(found.heat, found.heat_box, (SIDE, SIDE))
            area = np.zeros(heat.shape, bool)
            if patch:
                area[PATCH] = True
            good.append(heat[~area])
            bad.append(heat[area])
    return auroc(np.concatenate(good), np.concatenate(bad)) or 0.0


@pytest.mark.slow
def test_a_broad_weak_patch_stands_out_more_of_the_map(surface: Trained) -> None:
    assert surface.model.strips is not None and surface.model.strips.rows, "the grain runs down"
    plain, joined = pixels(without_strips(surface)), pixels(Detector(surface.model, surface.ref))
    assert joined > max(0.8, plain + 0.1)


def test_scores_and_regions_are_what_they_were(surface: Trained) -> None:
    plain, joined = without_strips(surface), Detector(surface.model, surface.ref)
    scratched = ground(200)
    cv2.line(scratched, (60, 60), (80, 70), (255, 255, 255), 1)
    for image in (ground(201), ground(202, patch=True), scratched):
        before, after = plain.detect(image), joined.detect(image)
        assert (after.score, after.verdict, after.regions) == (before.score, before.verdict, before.regions)
        assert not np.array_equal(after.heat, before.heat)
    assert after.regions, "the scratch has a region, which was compared"


def lines_of(number: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Features of a surface whose grain runs down."""
    return np.asarray(rng.normal(0, 1, (1, 14, 8)) + rng.normal(0, 0.3, (12, 14, 8)), np.float32)


@pytest.mark.parametrize(
    ("grid", "rows"),
    [
        (lines_of, True),
        (lambda number, rng: lines_of(number, rng).transpose(1, 0, 2), False),
        (lambda number, rng: rng.normal(0, 1, (12, 14, 8)).astype(np.float32), None),
        (lambda number, rng: lines_of(0, np.random.default_rng(0)) + lines_of(number, rng) * 0.3, None),
        (lambda number, rng: lines_of(number, rng)[:7], None),
    ],
    ids=["grain runs down", "grain runs across", "no grain", "a part with a shape", "too small"],
)
def test_the_grain_tells_which_strips_are_compared(
    grid: Callable[[int, np.random.Generator], NDArray[np.float32]], rows: bool | None
) -> None:
    gathered, rng = Gathered(1), np.random.default_rng(3)
    shapes = {}
    for number in range(12):
        features = grid(number, rng)
        shapes[number] = features.shape[0], features.shape[1]
        gathered.add([Cells(np.ascontiguousarray(features).reshape(-1, 8), places(*shapes[number]))])
    folds = [list(range(start, 12, 3)) for start in range(3)]
    found = learn_strips(gathered, 0, shapes, folds, limit_of, 0, lambda: None)
    assert (None if found is None else found.rows) is rows


def test_whole_parts_are_compared_without_strips(demo_model: Path) -> None:
    assert artefact.load(demo_model)[0].strips is None


def test_survives_the_model_file(surface: Trained, tmp_path: Path) -> None:
    artefact.write(tmp_path / "model", surface.data)
    image = ground(300, patch=True)
    loaded = Detector.load(tmp_path / "model").detect(image)
    np.testing.assert_allclose(loaded.heat, Detector(surface.model, surface.ref).detect(image).heat, rtol=1e-5)


@pytest.mark.parametrize(
    "spoil",
    [lambda array: array[:-1], lambda array: np.full_like(array, np.nan), lambda array: -array],
    ids=["too short", "not numbers", "negative"],
)
def test_a_spoilt_model_file_is_refused(
    surface: Trained, tmp_path: Path, spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> None:
    path, content = tmp_path / "model", io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(surface.data)) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "strips.deviation.npy":
                changed = io.BytesIO()
                np.save(changed, spoil(np.load(io.BytesIO(data))))
                data = changed.getvalue()
            new.writestr(name, data)
    path.write_bytes(content.getvalue())
    with pytest.raises(ModelError, match=r"damaged or not a Linesight model.*deviation"):
        Detector.load(path)


def test_an_exported_file_says_that_it_leaves_them_out(surface: Trained) -> None:
    told = {}
    for model in (surface.model, replace(surface.model, strips=None)):
        file = onnx.load_model_from_string(export(model, (SIDE, SIDE)))
        told[model.strips is not None] = {entry.key: entry.value for entry in file.metadata_props}["left_out"]
    assert "strips" in told[True] and "strips" not in told[False]
