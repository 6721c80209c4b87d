"""A picture against its reference: each way in which it can be off is found, with its name and figure."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cameras.demo import training_parts
from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.reference import (
    PictureDeviation,
    PictureLimits,
    PictureReference,
    day_of,
    deviations,
    same_words,
    told_together,
)
from app.pictures import read_picture
from app.vision.reference import Reference

DAY, LIMITS = "3 May", PictureLimits()


def noisy(picture: Image | np.ndarray, seed: int, sigma: float = 1.5) -> Image:
    """As a camera gives it: each time with other noise."""
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.asarray(np.clip(np.rint(picture + noise), 0, 255), np.uint8)


def moved(picture: Image, right: float = 0, down: float = 0, turn: float = 0, scale: float = 1) -> Image:
    """Turned counter-clockwise about the middle, in degrees."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += right, down
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


@pytest.fixture(scope="module", params=["drawn", "alien", "cookie"])
def part(request: pytest.FixtureRequest) -> Image:
    if request.param == "drawn":
        return next(iter(training_parts(1, 3)))
    shared: Path = request.getfixturevalue("shared_data")
    wanted = {"alien": "aliens/normal/*", "cookie": "cookies/training-images/normal-*"}[request.param]
    return read_picture(sorted(shared.glob(wanted))[0])


@pytest.fixture(scope="module")
def reference(part: Image) -> Reference:
    return Reference(noisy(part, 1))


def words_of(found: PictureDeviation, limits: PictureLimits = LIMITS) -> list[str]:
    return [each.words for each in deviations(found, limits, DAY)]


def told(reference: Reference, picture: Image) -> list[str]:
    return words_of(reference.compare(picture))


def test_an_unchanged_picture_passes_whatever_the_noise(reference: Reference, part: Image) -> None:
    for seed in (2, 3, 4):
        found = reference.compare(noisy(part, seed))
        assert deviations(found, PictureLimits(), DAY) == ()
        assert found.sharpness == pytest.approx(1, abs=0.03) and found.scale == pytest.approx(1, abs=0.003)
        assert found.brightness == pytest.approx(found.was, abs=0.5)
        assert found.shift is not None and max(map(abs, found.shift)) < 0.5
    assert "sharpness 100 %" in same_words(reference.compare(noisy(part, 2)), DAY)
    assert told(reference, noisy(part, 5, sigma=4)) == []  # a gain that was turned up


def test_a_blurred_picture_is_named(reference: Reference, part: Image) -> None:
    (words,) = told(reference, noisy(cv2.GaussianBlur(part, (0, 0), 3), 6))
    assert words.startswith("Less sharp than at the reference of 3 May") and "Set the focus" in words
    (words,) = told(reference, noisy(cv2.blur(part, (15, 1)), 6))  # smeared sideways alone
    assert words.startswith("Less sharp")


def test_a_dimmed_picture_is_named_with_its_share(reference: Reference, part: Image) -> None:
    (words,) = told(reference, noisy(part * 0.88, 7))
    assert words.startswith("12 % less light than at the reference of 3 May (grey level"), words
    (words,) = told(reference, noisy(part * 1.2, 7))
    assert "more light" in words or words.startswith("Overexposed"), words  # white has no room to become brighter


def test_light_of_another_colour_is_named(reference: Reference, part: Image) -> None:
    (words,) = told(reference, noisy(part * np.array([0.8, 1, 1]), 8))
    assert "another colour" in words and "% less blue" in words
    words = told(reference, noisy(part * np.array([1, 1, 0.8]), 8))[-1]  # where much is white it is darker, too
    assert "% less red" in words


@pytest.mark.parametrize(
    ("right", "down", "ways", "camera"),
    [
        (14, 0, "14 px to the right", "moved left."),
        (-14, 0, "14 px to the left", "moved right."),
        (0, 12, "12 px down", "moved up."),
        (-12, -12, "12 px to the left and 12 px up", "moved right and down."),
    ],
)
def test_a_shifted_picture_is_named_with_its_way(
    reference: Reference, part: Image, right: int, down: int, ways: str, camera: str
) -> None:
    found = reference.compare(noisy(moved(part, right, down), 9))
    assert found.shift == pytest.approx((right, down), abs=0.6)
    (words,) = words_of(found, PictureLimits(shift=0.005))
    assert f"The part lies {ways} in the picture" in words and camera in words and "Move it back" in words
    assert f"({100 * np.hypot(right, down) / part.shape[1]:.1f} % of its width)" in words


def test_a_picture_moved_far_is_still_found(reference: Reference, part: Image) -> None:
    found = reference.compare(noisy(moved(part, 0.15 * part.shape[1]), 10))
    assert not found.lost and found.shift is not None
    assert found.shift[0] == pytest.approx(0.15 * part.shape[1], abs=2)


@pytest.mark.parametrize(("turn", "way"), [(2.5, "2.5\u00b0 counter-clockwise"), (-2.5, "2.5\u00b0 clockwise")])
def test_a_turned_picture_is_named_with_its_angle(reference: Reference, part: Image, turn: float, way: str) -> None:
    found = reference.compare(noisy(moved(part, turn=turn), 11))
    assert found.angle == pytest.approx(turn, abs=0.1)
    assert any(f"turned by {way}" in words for words in words_of(found))


def test_another_size_of_the_part_is_named(reference: Reference, part: Image) -> None:
    words = told(reference, noisy(moved(part, scale=0.95), 12))
    assert any("5.0 % smaller" in each and "moved away" in each for each in words), words


def test_nothing_in_its_place_is_named_alone(reference: Reference, part: Image) -> None:
    (words,) = told(reference, noisy(np.full_like(part, 128), 13))
    assert "is not to be seen" in words and "Put it in its place" in words
    (words,) = told(reference, noisy(np.zeros_like(part), 13))
    assert "nearly black" in words and "lens cap" in words


def test_everything_that_is_off_is_told_at_once(reference: Reference, part: Image) -> None:
    picture = cv2.GaussianBlur(moved(part, 30, turn=3), (0, 0), 3)
    words = told(reference, noisy(picture * 0.7, 14))
    for sign in ("to the right", "turned by 3", "Less sharp", "less light"):
        assert sum(sign in each for each in words) == 1, (sign, words)
    together = told_together(deviations(reference.compare(noisy(picture * 0.7, 14)), PictureLimits(), DAY))
    assert "% less light: check lamp" in together and "turned by 3" in together and len(together) < 330, together


def test_a_surface_without_a_shape_is_compared_without_its_place() -> None:
    surface = noisy(np.full((400, 600, 3), 140.0), 15, sigma=6)
    reference = Reference(surface)
    assert not reference.figures.placed and reference.area == (0, 0, 600, 400)
    found = reference.compare(noisy(np.full((400, 600, 3), 140.0), 16, sigma=6))
    assert found.shift is None and not found.lost and deviations(found, PictureLimits(), DAY) == ()
    dark = reference.compare(noisy(np.full((400, 600, 3), 110.0), 17, sigma=6))
    assert "21 % less light" in words_of(dark)[0]


def test_the_area_is_that_of_the_part() -> None:
    picture = np.full((600, 800, 3), 60, np.uint8)
    cv2.rectangle(picture, (300, 200), (520, 380), (190, 190, 190), -1)
    cv2.circle(picture, (360, 260), 20, (40, 40, 40), -1)
    x, y, width, height = Reference(noisy(picture, 18)).area
    assert 270 <= x <= 300 and 170 <= y <= 200 and 520 <= x + width <= 550 and 380 <= y + height <= 410


def test_another_size_of_the_picture_is_refused_with_the_way_out() -> None:
    picture = next(iter(training_parts(1, 3)))
    reference = Reference(picture)
    with pytest.raises(PictureError, match=r"640 x 360 pixels, the reference 1280 x 720\. Take the reference anew"):
        reference.compare(np.ascontiguousarray(picture[::2, ::2]))


def test_the_day_carries_its_year_only_where_it_is_another() -> None:
    figures = Reference(next(iter(training_parts(1, 3)))).figures
    taken = PictureReference(datetime(2026, 5, 3, 12, tzinfo=UTC), "", "usb:0", "a.png", "", figures)
    assert day_of(taken, UTC, datetime(2026, 11, 1, tzinfo=UTC)) == "3 May"
    assert day_of(taken, UTC, datetime(2027, 1, 1, tzinfo=UTC)) == "3 May 2026"
