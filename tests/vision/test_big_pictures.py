"""Small, weak defects on large pictures are found and placed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.domain.errors import ModelError
from app.domain.frame import Image
from app.domain.verdict import Verdict
from app.vision import artefact
from app.vision.detector import Detector, same_score
from app.vision.survey import Sample
from app.vision.training import Trained, train

WIDTH, HEIGHT = 2048, 1536
AREA, CONTRAST = WIDTH * HEIGHT // 1000, 20.0

pytestmark = pytest.mark.slow


def part(number: int, spot: tuple[int, int] | None = None) -> Image:
    """A rough plate with two holes, shifted a little and lit a little differently each time; `spot`: a soft dark one
    of `AREA` pixels and `CONTRAST` grey levels there."""
    rng = np.random.default_rng([5, number])
    plane = np.full((HEIGHT, WIDTH), 60, np.float32)
    dx, dy = rng.normal(0, 2, 2).round().astype(int)
    cv2.rectangle(plane, (80 + dx, 80 + dy), (WIDTH - 80 + dx, HEIGHT - 80 + dy), (138,), -1)
    for x in (500, 1500):
        cv2.circle(plane, (x + dx, 700 + dy), 130, (50,), -1)
    plane = cv2.GaussianBlur(plane, (0, 0), 1.3)
    plane += cv2.resize(rng.normal(0, 8, (HEIGHT // 2, WIDTH // 2)).astype(np.float32), (WIDTH, HEIGHT))
    if spot is not None:
        mark = np.zeros_like(plane)
        cv2.circle(mark, spot, round(np.sqrt(AREA / np.pi)), (1.0,), -1)
        plane -= CONTRAST * cv2.GaussianBlur(mark, (0, 0), 5)
    plane *= np.float32(rng.uniform(0.98, 1.02))
    return cv2.cvtColor(np.clip(plane + rng.normal(0, 1.5, plane.shape), 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


@pytest.fixture(scope="module")
def large() -> Trained:
    return train([Sample(str(number), lambda number=number: part(number)) for number in range(12)], name="large")


@pytest.mark.parametrize("spot", [(1000, 300), (250, 1300), (1800, 900)])
def test_a_weak_spot_of_a_thousandth_of_the_picture_is_found_where_it_is(large: Trained, spot: tuple[int, int]) -> None:
    detector = Detector(large.model, large.ref)
    result = detector.detect(part(100 + spot[0], spot))
    assert result.verdict is Verdict.FAIL, result.reason
    region = result.regions[0]
    assert abs(region.x + region.width / 2 - spot[0]) < 60 and abs(region.y + region.height / 2 - spot[1]) < 60


def test_good_ones_pass_and_the_file_judges_as_the_trainer_did(large: Trained, tmp_path: Path) -> None:
    path = tmp_path / "large.model"
    artefact.write(path, large.data)
    loaded, trainer = Detector.load(path), Detector(large.model, large.ref)
    assert loaded.model.tone is not None
    results = [loaded.detect(part(200 + number)) for number in range(5)]
    assert sum(result.verdict is Verdict.FAIL for result in results) <= 1
    bad = part(300, (600, 1200))
    assert same_score(loaded.score(bad), trainer.score(bad))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda arrays: arrays.pop("tone.mean"),
        lambda arrays: arrays.update({"tone.deviation": arrays["tone.deviation"] * 0}),
        lambda arrays: arrays.update({"tone.spectrum": arrays["tone.spectrum"][:-1]}),
        lambda arrays: arrays["tone.spectrum"].fill(np.nan),
    ],
)
def test_spoiled_brightness_in_a_file_is_refused(
    large: Trained, spoil: Callable[[dict[str, np.ndarray]], object]
) -> None:
    arrays = {name: array.copy() for name, array in artefact.arrays_of(large.model).items()}
    spoil(arrays)
    with pytest.raises(ModelError):
        artefact.assemble(large.model.description, arrays)
