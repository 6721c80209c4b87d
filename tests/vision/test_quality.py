from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.typing import NDArray

from app.cameras.demo import DefectKind, draw_part
from app.domain.errors import DatasetError, ModelError, PictureError
from app.domain.frame import Image
from app.pictures import find_pictures, read_picture
from app.vision import quality as module
from app.vision.quality import MIN_PICTURES, PictureQuality, QualityDescription, learn

Change = Callable[[Image], Image]


def times(factor: float, channel: int | None = None) -> Change:
    def change(picture: Image) -> Image:
        factors = np.full(3, factor) if channel is None else np.where(np.arange(3) == channel, factor, 1.0)
        return np.clip(picture * factors, 0, 255).astype(np.uint8)

    return change


def gamma(power: float) -> Change:
    table = np.round(255 * (np.arange(256) / 255) ** power).astype(np.uint8)
    return lambda picture: np.asarray(cv2.LUT(picture, table), np.uint8)


def defocus(sigma: float, noise: float = 0.0) -> Change:
    """A lens out of focus; noise comes after it, from the sensor."""

    def change(picture: Image) -> Image:
        soft = cv2.GaussianBlur(picture, (0, 0), sigma) + np.random.default_rng(0).normal(0, noise, picture.shape)
        return np.clip(np.round(soft), 0, 255).astype(np.uint8)

    return change


def smear(pixels: int, *, down: bool) -> Change:
    kernel = np.ones((pixels, 1) if down else (1, pixels), np.float32) / pixels
    return lambda picture: np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def moved(right: float, down: float) -> Change:
    """By shares of the width."""

    def change(picture: Image) -> Image:
        height, width = picture.shape[:2]
        shift = np.array([[1, 0, right * width], [0, 1, down * width]])
        return np.asarray(cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)

    return change


def capped(picture: Image) -> Image:
    return np.random.default_rng(0).integers(0, 5, picture.shape).astype(np.uint8)


LIGHT = {
    r"too dark \(brightness 0\.[45]\d": times(0.5),
    r"too bright \(brightness 1\.[5-9]": times(1.8),
    r"too bright": gamma(0.6),
    r"too dark": gamma(1.6),
    r"changed colour \(blue 0\.7": times(0.75, 0),
    r"changed colour \(red 0\.7": times(0.75, 2),
    r"changed colour \(red 1\.[23]": times(1.3, 2),
    r"is black .*lens cap": capped,
}
LENS = {
    r"blurred \(sharpness 0\.\d\d .*check focus": defocus(2.5),
    r"blurred \(": defocus(3.0, noise=1.5),
    r"smeared sideways \(": smear(12, down=False),
    r"smeared up and down \(": smear(12, down=True),
}
PLACE = {
    r"moved .*about [45]\d px further right than": moved(0.04, 0),
    r"moved .*about [45]\d px further left than": moved(-0.04, 0),
    r"moved .*about [45]\d px lower than": moved(0, 0.04),
    r"moved .*about [67]\d px further left and [67]\d px higher than": moved(-0.05, -0.05),
}


@pytest.fixture(scope="module")
def plate(demo_parts: list[Image]) -> PictureQuality:
    return learn(demo_parts)


def grain(seed: int, light: float = 120.0, height: int = 240, width: int = 320) -> Image:
    """A coloured surface without a place of its own: fine grain, another in every picture."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 40, (height, width, 1)).astype(np.float32), (0, 0), 0.8)
    return np.clip((light + noise[..., None]) * np.array([0.7, 0.9, 1.0]), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def surface() -> PictureQuality:
    return learn(grain(seed, light) for seed, light in enumerate(np.linspace(110, 130, 20)))


@pytest.mark.parametrize(("words", "change"), (LIGHT | LENS | PLACE).items())
def test_a_poor_picture_is_told_with_its_figure_and_the_way_out(
    plate: PictureQuality, words: str, change: Change
) -> None:
    for index in range(2):
        told = plate.check(change(draw_part(12, index)))
        assert told.startswith(("picture is ", "light has ", "camera has ")) and "\n" not in told
        assert re.search(words, told), told


def test_good_parts_are_let_through(plate: PictureQuality) -> None:
    assert [plate.check(draw_part(12, index)) for index in range(12)] == [""] * 12


@pytest.mark.parametrize("kind", list(DefectKind))
def test_a_defect_is_not_explained_away(plate: PictureQuality, kind: DefectKind) -> None:
    assert [plate.check(draw_part(11, index, kind)) for index in range(3)] == [""] * 3


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 60, 220)])
def test_a_large_patch_is_a_defect_and_not_light(plate: PictureQuality, colour: tuple[int, int, int]) -> None:
    """A quarter of the picture: a foreign part, paint, a torn off half."""
    for top, left in ((0, 0), (200, 400), (360, 640)):
        picture = draw_part(12, 0).copy()
        picture[top : top + 360, left : left + 640] = colour
        assert plate.check(picture) == ""


def test_a_missing_label_is_not_blur(plate: PictureQuality) -> None:
    """It carries most of the fine structure of the plate."""
    picture = draw_part(12, 0).copy()
    picture[260:480, 570:1010] = (200, 200, 200)
    assert plate.check(picture) == ""


def test_an_empty_view_is_told(plate: PictureQuality) -> None:
    assert "empty: one colour" in plate.check(np.full((720, 1280, 3), 120, np.uint8))
    assert "white all over" in plate.check(np.full((720, 1280, 3), 255, np.uint8))


def on_white(index: int, size: float = 1.0) -> Image:
    """A small dark green part on an overexposed ground, lying a little differently each time."""
    rng = np.random.default_rng(index)
    picture = np.full((380, 550, 3), (246, 254, 254), np.uint8)
    centre = (275 + int(rng.integers(-12, 13)), 190 + int(rng.integers(-12, 13)))
    axes, turn = (int(120 * size), int(60 * size)), float(rng.integers(-20, 20))
    cv2.ellipse(picture, centre, axes, turn, 0, 360, (60, 140, 70), -1)
    cv2.circle(picture, centre, int(25 * size), (30, 60, 120), -1)
    return defocus(0.7)(picture)


def test_on_a_white_ground_overexposure_is_told_and_a_smaller_part_is_not() -> None:
    quality = learn(on_white(index) for index in range(20))
    assert "overexposed" in quality.check(times(1.8)(on_white(30)))
    assert "too dark" in quality.check(times(0.5)(on_white(30)))
    assert quality.check(on_white(31)) == ""
    assert quality.check(on_white(31, size=0.7)) == ""
    assert quality.check(on_white(31, size=0.4)) == ""


def test_a_surface_has_no_place(surface: PictureQuality) -> None:
    assert surface.description.static == (False, False)
    assert surface.measure(grain(50)).match is None
    for words, change in {"too dark": times(0.5), "blurred": defocus(2.5), "colour": times(0.75, 0)}.items():
        assert words in surface.check(change(grain(50)))
    for change in (moved(0.1, 0.0), moved(0.0, -0.1)):
        assert surface.check(change(grain(50, height=600, width=800))) == ""


def test_what_the_training_pictures_differ_in_is_not_told() -> None:
    quality = learn(grain(seed, light) for seed, light in enumerate(np.linspace(60, 200, 25)))
    assert quality.check(grain(60, 75)) == ""
    assert quality.check(grain(61, 190)) == ""
    assert "too dark" in quality.check(grain(62, 12))


def test_few_pictures_give_wider_limits_than_many(demo_parts: list[Image], plate: PictureQuality) -> None:
    few = learn(demo_parts[:MIN_PICTURES])
    assert few.check(times(0.5)(draw_part(12, 0))) and few.check(defocus(2.5)(draw_part(12, 0)))
    narrower = [
        name
        for name, span in few.description.spans.items()
        if span.high - span.low < 0.9 * (plate.description.spans[name].high - plate.description.spans[name].low)
    ]
    assert not narrower, narrower


def test_the_figures_of_a_usual_and_of_a_dimmed_picture(plate: PictureQuality) -> None:
    usual = plate.measure(draw_part(12, 1))
    for ratio in (usual.sharpness_across, usual.sharpness_down, usual.brightness, usual.blue, usual.red):
        assert ratio == pytest.approx(1.0, abs=0.15)
    assert usual.match is not None and usual.match > 0.8
    assert usual.shift_right == pytest.approx(0, abs=15) and usual.shift_down == pytest.approx(0, abs=15)
    dimmed = plate.measure(times(0.6)(draw_part(12, 1)))
    assert dimmed.brightness == pytest.approx(0.6 * usual.brightness, rel=0.06)
    assert dimmed.sharpness_across == pytest.approx(usual.sharpness_across, rel=0.03)
    assert dimmed.brightest < usual.brightest
    assert plate.measure(times(1.8)(draw_part(12, 1))).saturated > 0.2 > usual.saturated


def test_other_sizes_of_the_same_scene_are_not_poor_pictures(plate: PictureQuality) -> None:
    part = draw_part(12, 2)
    for factor in (0.25, 0.5, 1.2, 2.0, 4.0):
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(part, None, fx=factor, fy=factor, interpolation=way), np.uint8)
        assert plate.check(picture) == "", factor
    larger = np.asarray(cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    assert "blurred" in plate.check(defocus(6)(larger))
    assert plate.measure(np.tile(part, (1, 24, 1))).sharpness_across is None  # a panorama of 30,720 pixels


def test_of_very_many_pictures_few_are_kept(monkeypatch: pytest.MonkeyPatch, surface: PictureQuality) -> None:
    monkeypatch.setattr(module, "_KEPT", 8)
    alive: list[int] = []

    def pictures() -> Iterator[Image]:
        for seed, light in enumerate(np.linspace(110, 130, 100)):
            alive.append(seed)
            yield grain(seed, light)

    quality = learn(pictures())
    assert quality.description.pictures == 100 == len(alive)
    assert quality.check(grain(500)) == ""
    assert "too dark" in quality.check(times(0.5)(grain(500)))


def test_order_and_threads_change_nothing(demo_parts: list[Image], plate: PictureQuality) -> None:
    again = learn(iter(demo_parts))
    assert again.description == plate.description
    pictures = [change(draw_part(12, 3)) for change in (times(0.5), defocus(3), moved(0.04, 0), times(1.0))]
    alone = [(plate.check(picture), plate.measure(picture)) for picture in pictures]
    together: dict[int, list[object]] = {}

    def work(number: int) -> None:
        together[number] = [(plate.check(picture), plate.measure(picture)) for picture in pictures]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(4)] == [alone] * 4


def test_parts_come_back_whole(plate: PictureQuality) -> None:
    description, arrays = plate.to_parts()
    text = json.dumps(description.model_dump(mode="json"))
    loaded = PictureQuality.from_parts(QualityDescription.model_validate_json(text), arrays)
    assert all(array.dtype == np.float32 for array in arrays.values())
    for change in (times(1.0), times(0.5), defocus(3), moved(0.04, 0)):
        picture = change(draw_part(12, 4))
        assert loaded.measure(picture) == plate.measure(picture)
        assert loaded.check(picture) == plate.check(picture)


def test_parts_that_do_not_fit_are_refused(plate: PictureQuality) -> None:
    description, arrays = plate.to_parts()

    def without(name: str) -> dict[str, NDArray[np.generic]]:
        return {key: array for key, array in arrays.items() if key != name}

    for name in arrays:
        with pytest.raises(ModelError, match=name):
            PictureQuality.from_parts(description, without(name))
        with pytest.raises(ModelError, match=name):
            PictureQuality.from_parts(description, {**arrays, name: arrays[name][:-1]})
        with pytest.raises(ModelError, match=name):
            PictureQuality.from_parts(description, {**arrays, name: arrays[name] * np.float32(np.nan)})
        with pytest.raises(ModelError, match="levels no picture has"):
            PictureQuality.from_parts(description, {**arrays, name: arrays[name] + np.float32(1000)})
    spans = {name: span for name, span in description.spans.items() if name != "light"}
    with pytest.raises(ModelError, match="'light'"):
        PictureQuality.from_parts(description.model_copy(update={"spans": spans}), arrays)


def test_too_few_pictures_and_what_is_no_picture() -> None:
    with pytest.raises(DatasetError, match=r"4 pictures of good parts are too few.*at least 5"):
        learn(grain(seed) for seed in range(4))
    with pytest.raises(PictureError, match="8-bit"):
        learn([np.zeros((100, 100), np.uint8)] * 5)


def test_identical_and_empty_training_pictures_are_no_trouble() -> None:
    same = learn([grain(1)] * 6)
    assert same.check(grain(1)) == "" and "too dark" in same.check(times(0.5)(grain(1)))
    blank = learn([np.full((100, 120, 3), 90, np.uint8)] * 6)
    assert blank.check(np.full((100, 120, 3), 92, np.uint8)) == ""
    assert blank.check(defocus(3)(np.full((100, 120, 3), 90, np.uint8))) == ""


@settings(max_examples=50)
@given(
    arrays_of.arrays(np.uint8, st.tuples(st.integers(16, 40), st.integers(16, 90), st.just(3))),
    st.sampled_from(["plate", "surface"]),
)
def test_any_picture_gets_finite_figures(
    plate: PictureQuality, surface: PictureQuality, picture: Image, which: str
) -> None:
    quality = plate if which == "plate" else surface
    measures = quality.measure(picture)
    for name in measures.__slots__:
        value = getattr(measures, name)
        assert value is None or np.isfinite(value), name
    assert "\n" not in quality.check(picture)


@pytest.mark.parametrize("shape", [(50, 50), (50, 50, 4), (8, 50, 3)])
def test_what_is_not_a_bgr_picture_is_refused(plate: PictureQuality, shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match="can't be judged"):
        plate.check(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("name", ["aliens", "cookies", "magnetic-tile"])
def test_on_photographs(shared_data: Path, name: str) -> None:
    """No defect is explained away, good parts are let through, and what lens and lamp do is told."""
    folder = shared_data / name
    paths = [path for path in find_pictures(folder) if "mask" not in str(path.relative_to(folder))]
    of_good = [path for path in paths if "normal" in str(path.relative_to(folder))]
    of_bad = [path for path in paths if "anomaly" in str(path.relative_to(folder))]
    # Neighbours in a folder are often alike: a sample has to go through all of it.
    good = [read_picture(path) for path in of_good[:: max(1, len(of_good) // 60)]]
    bad = [read_picture(path) for path in of_bad[:: max(1, len(of_bad) // 20)]]
    quality = learn(good[::2])
    held_out = good[1::2]
    told = [quality.check(picture) for picture in held_out]
    assert sum(map(bool, told)) <= 1, told
    assert [quality.check(picture) for picture in bad] == [""] * len(bad)
    for change in (defocus(2.5), smear(12, down=False), times(0.75, 0), capped):
        caught = [bool(quality.check(change(picture))) for picture in held_out[:8]]
        assert sum(caught) >= 7, change
