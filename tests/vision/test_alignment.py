"""A part is found however it lies, and what cannot be found is said so."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from app.domain.errors import ModelError, PictureError
from app.domain.frame import Image
from app.pictures import find_pictures, read_picture
from app.vision.alignment import Golden, GoldenDescription, Registration, edges, learn
from app.vision.halves import Halves

WIDTH, HEIGHT = 550, 380
CORNERS = np.array([[150.0, 90.0], [400.0, 90.0], [150.0, 300.0]])
STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
REAL = Path(__file__).parents[3] / "shared" / "data"

Pose = NDArray[np.float64]


def bracket(*, broken: bool = False, painted: bool = False) -> tuple[Image, NDArray[np.uint8]]:
    """An L with three holes, and where it is."""
    shape = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(shape, [np.array([[150, 90], [400, 90], [400, 155], [240, 155], [240, 300], [150, 300]])], 255)
    for hole in ((185, 122), (365, 122), (195, 265)):
        cv2.circle(shape, hole, 13, 0, -1, cv2.LINE_AA)
    if broken:
        shape[230:] = 0
    part = np.full((HEIGHT, WIDTH, 3), (150, 160, 165), np.uint8)
    if painted:
        cv2.line(part, (160, 100), (380, 140), (30, 20, 90), 18)
    return part, shape


def disc(notch: float | None, *, seed: int = 0) -> Image:
    """A washer; with a notch at that many degrees, counter-clockwise."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    cv2.circle(picture, (275, 190), 120, (190, 195, 200), -1, cv2.LINE_AA)
    cv2.circle(picture, (275, 190), 60, (70, 70, 70), -1, cv2.LINE_AA)
    if notch is not None:
        turn = math.radians(-notch)
        middle = 275 + 114 * math.cos(turn), 190 + 114 * math.sin(turn)
        box = cv2.boxPoints((middle, (24, 24), math.degrees(turn)))
        cv2.fillPoly(picture, [np.rint(box).astype(np.int32)], (70, 70, 70))
    return noisy(picture, rng)


def noisy(picture: NDArray[np.generic], rng: np.random.Generator, light: float = 1.0) -> Image:
    return np.clip(picture * light + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def belt() -> Image:
    """A background that does not move with the part."""
    picture = np.full((HEIGHT, WIDTH, 3), 80, np.uint8)
    picture[:22], picture[-26:] = 35, 140
    return picture


def posed(angle: float, scale: float, shift: tuple[float, float]) -> Pose:
    """Golden to picture: counter-clockwise degrees about the part's middle."""
    matrix = np.asarray(cv2.getRotationMatrix2D((275, 195), angle, scale), np.float64)
    matrix[:, 2] += shift
    return matrix


def seen(part: tuple[Image, NDArray[np.uint8]], pose: Pose, *, seed: int = 0, light: float = 1.0) -> Image:
    """The part on the belt."""
    look, shape = (cv2.warpAffine(layer, pose, (WIDTH, HEIGHT)) for layer in part)
    cover = shape[..., None] / 255
    return noisy(belt() * (1 - cover) + look * cover, np.random.default_rng(seed), light)


def apply(matrix: Pose, places: NDArray[np.float64]) -> NDArray[np.float64]:
    return places @ matrix[:, :2].T + matrix[:, 2]


def distance(found: Registration, pose: Pose, rest: Registration) -> float:
    """Mean error of the corners in pixels of the golden, against how the unmoved part registers."""
    gap = apply(found.matrix, apply(pose, CORNERS)) - apply(rest.matrix, CORNERS)
    return float(np.hypot(*gap.T).mean())


@pytest.fixture(scope="module")
def golden() -> Golden:
    """Learned from five brackets that lie nearly alike."""
    rng = np.random.default_rng(1)
    poses = [posed(float(rng.normal(0, 0.4)), 1, tuple(rng.normal(0, 1.5, 2))) for _ in range(5)]
    found = learn([seen(bracket(), pose, seed=k, light=1 + 0.05 * (k - 2)) for k, pose in enumerate(poses)])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def rest(golden: Golden) -> Registration:
    return golden.register(seen(bracket(), STILL, seed=20))


@pytest.fixture(scope="module")
def notched() -> Golden:
    found = learn([disc(turn, seed=k) for k, turn in enumerate((0, 110, 230))])
    assert found is not None
    return found


@given(
    angle=st.floats(-180, 180),
    scale=st.floats(0.8, 1.2),
    shift=st.tuples(st.floats(-40, 40), st.floats(-15, 15)),
    light=st.floats(0.8, 1.2),
)
@example(angle=0.0, scale=0.80078125, shift=(21.0, 0.0), light=1.0)  # found from nearby, after a leap at the last pass
@example(angle=0.78, scale=0.97, shift=(29.1, -3.3), light=1.0)
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_part_in_any_pose_is_laid_onto_the_golden(
    golden: Golden, rest: Registration, angle: float, scale: float, shift: tuple[float, float], light: float
) -> None:
    pose = posed(angle, scale, shift)
    found = golden.register(seen(bracket(), pose, seed=3, light=light))
    assert found.failed == ""
    assert distance(found, pose, rest) < 0.5
    assert abs((found.angle - rest.angle - angle + 180) % 360 - 180) < 0.2
    assert found.scale / rest.scale == pytest.approx(scale, abs=0.004)
    (a, b, _), (c, d, _) = found.matrix  # turned, scaled and shifted, but never stretched
    assert (a, b) == pytest.approx((d, -c), abs=1e-6)
    np.testing.assert_allclose(apply(found.inverse, apply(found.matrix, CORNERS)), CORNERS, atol=1e-6)


@given(angle=st.floats(-1.5, 1.5), scale=st.floats(0.99, 1.01), shift=st.tuples(st.floats(-6, 6), st.floats(-6, 6)))
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_place_that_is_enough_is_roughly_the_right_one(
    golden: Golden, angle: float, scale: float, shift: tuple[float, float]
) -> None:
    picture = seen(bracket(), posed(angle, scale, shift), seed=21)
    exact, roughly = golden.register(picture), golden.roughly
    asked: list[Registration] = []

    def enough(found: Registration) -> bool:
        asked.append(found)
        return len(asked) == 1

    found = golden.register(picture, enough=enough)
    assert asked == [found]
    assert math.hypot(*np.subtract(found.shift, exact.shift)) <= roughly.shift
    assert abs(found.angle - exact.angle) <= roughly.angle
    assert abs(found.scale - exact.scale) <= roughly.scale
    np.testing.assert_array_equal(golden.register(picture, enough=enough).matrix, exact.matrix)  # not enough


def test_a_part_that_may_lie_elsewhere_is_never_enough(golden: Golden, notched: Golden) -> None:
    def enough(found: Registration) -> bool:
        raise AssertionError("asked of a place that may be another one")

    assert golden.register(seen(bracket(), posed(90, 1, (30, 10)), seed=22), enough=enough).failed == ""
    # This one looks alike in every turn but for a notch.
    assert notched.register(disc(0, seed=23), enough=enough).failed == ""


@pytest.mark.parametrize("angle", [0.0, 8.0, 131.0])
@pytest.mark.parametrize("defect", ["broken", "painted"])
def test_a_part_with_a_defect_is_aligned_all_the_same(
    golden: Golden, rest: Registration, defect: str, angle: float
) -> None:
    pose = posed(angle, 0.95, (5, -4))
    found = golden.register(seen(bracket(**{defect: True}), pose, seed=4))
    assert found.failed == ""
    assert distance(found, pose, rest) < 3
    assert found.agreement < rest.agreement - 0.05
    assert found.quality > 0.85


def test_what_is_not_the_part_is_refused_in_words(golden: Golden, notched: Golden) -> None:
    empty = golden.register(noisy(belt(), np.random.default_rng(5)))
    other = golden.register(disc(0))
    grain = notched.register(np.random.default_rng(6).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    for found in (empty, other, grain):
        assert found.failed
        assert found.quality < 0.6
    assert "not found" in grain.failed


def test_a_part_that_leaves_the_picture_is_not_judged(golden: Golden) -> None:
    pose = posed(0, 1, (-260, 0))
    found = golden.register(seen(bracket(), pose, seed=7))
    assert found.failed
    assert found.visible < 0.7


def test_parts_that_lie_still_keep_their_pixels() -> None:
    pictures = [seen(bracket(), STILL, seed=k, light=1 + 0.05 * (k - 2)) for k in range(4)]
    still = learn(pictures)
    assert still is not None
    assert still.spread.fixtured
    assert still.spread.shift == still.spread.angle == 0
    for picture in pictures:
        found = still.register(picture)
        assert np.array_equal(found.matrix, STILL)
        laid, mask = still.warp(picture, found)
        assert np.array_equal(laid, picture)
        assert mask.all()


def test_the_spread_tells_how_parts_moved(golden: Golden, notched: Golden) -> None:
    assert golden.spread.fixtured
    assert 0 < golden.spread.shift < 8
    assert golden.spread.angle < 2
    assert not notched.spread.fixtured
    assert notched.spread.angle > 60


def test_warping_lays_the_part_over_the_golden_and_marks_what_was_not_seen(golden: Golden, rest: Registration) -> None:
    still = golden.warp(seen(bracket(), STILL, seed=20), rest)[0].astype(np.float32)
    picture = seen(bracket(), posed(40, 1.1, (20, 10)), seed=8)
    laid, mask = golden.warp(picture, golden.register(picture))
    assert laid.shape == (HEIGHT, WIDTH, 3) and laid.dtype == np.uint8
    assert mask.shape == (HEIGHT, WIDTH) and mask.dtype == np.bool_
    inside = np.s_[100:150, 210:340]
    assert np.abs(laid[inside].astype(np.float32) - still[inside]).mean() < 5
    rim = np.s_[80:165, 140:410]  # outline and holes: a pixel of misplacement shows
    assert np.quantile(np.abs(laid[rim].astype(np.float32) - still[rim]), 0.95) < 30
    assert mask[rim].all()
    assert not mask[0, 0] and 0.5 < mask.mean() < 1


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_the_same_scene_with_other_pixels_is_the_same_pose(golden: Golden, times: float) -> None:
    picture = seen(bracket(), posed(20, 1, (9, 3)), seed=9)
    resized = np.asarray(cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_AREA), np.uint8)
    one, other = golden.register(picture), golden.register(resized)
    assert other.failed == ""
    assert other.scale == pytest.approx(one.scale, abs=0.01)
    # A corner of pixels, not a middle, is what both pictures share.
    moved = (CORNERS + 0.5) * times - 0.5
    assert np.abs(apply(other.matrix, moved) - apply(one.matrix, CORNERS)).max() < 1.5


@given(turn=st.floats(0, 360))
@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_notch_tells_how_a_disc_is_turned(notched: Golden, turn: float) -> None:
    base = notched.register(disc(0, seed=10))
    found = notched.register(disc(turn, seed=11))
    assert found.failed == ""
    assert abs((found.angle - base.angle - turn + 180) % 360 - 180) < 1.5


def test_a_disc_whose_notch_is_missing_is_aligned(notched: Golden) -> None:
    found = notched.register(disc(None, seed=12))
    assert found.failed == ""
    assert found.quality > 0.9


def biscuit(rng: np.random.Generator, chips: int) -> Image:
    """A disc that lies anywhere, with chips that lie anywhere on it."""
    picture = np.full((240, 320, 3), 70, np.uint8)
    x, y = 160 + int(rng.integers(-25, 26)), 120 + int(rng.integers(-25, 26))
    cv2.circle(picture, (x, y), 80, (150, 195, 220), -1, cv2.LINE_AA)
    cv2.circle(picture, (x, y), 40, (90, 130, 150), -1, cv2.LINE_AA)
    for angle, away in zip(rng.uniform(0, 2 * math.pi, chips), rng.uniform(0, 70, chips), strict=True):
        chip = round(x + away * math.cos(angle)), round(y + away * math.sin(angle))
        cv2.circle(picture, chip, 6, (50, 60, 80), -1, cv2.LINE_AA)
    return noisy(picture, rng)


@pytest.mark.parametrize("chips", [0, 8])
def test_a_part_whose_turn_says_nothing_is_shifted_and_never_turned(chips: int) -> None:
    rng = np.random.default_rng(8)
    learned = learn([biscuit(rng, chips) for _ in range(4)])
    assert learned is not None
    assert learned.round
    assert not learned.spread.fixtured
    assert learned.spread.angle == 0
    for _ in range(3):
        found = learned.register(biscuit(rng, chips))
        assert found.failed == ""
        assert found.angle == pytest.approx(0, abs=1e-9)
    # Rims come to lie on rims.
    one, other = (biscuit(np.random.default_rng(seed), 0) for seed in (1, 2))
    laid = [learned.warp(picture, learned.register(picture))[0][:, :, 1].astype(int) for picture in (one, other)]
    assert np.quantile(np.abs(laid[0] - laid[1])[80:160, 120:200], 0.98) < 25


def test_a_part_that_differs_in_its_turns_is_turned(golden: Golden, notched: Golden) -> None:
    assert not golden.round
    assert not notched.round


def test_a_square_is_turned_the_shortest_way() -> None:
    def square(turn: float, seed: int) -> Image:
        picture = np.full((240, 320, 3), 70, np.uint8)
        box = cv2.boxPoints(((160, 120), (110, 110), -turn))
        cv2.fillPoly(picture, [np.rint(box * 16).astype(np.int32)], (190, 195, 200), cv2.LINE_AA, 4)
        return noisy(picture, np.random.default_rng(seed))

    learned = learn([square(0, seed) for seed in range(4)])
    assert learned is not None
    assert not learned.round
    found = learned.register(square(70, 9))
    assert found.failed == ""
    assert found.angle == pytest.approx(-20, abs=0.5)


def grain(rng: np.random.Generator) -> Image:
    """A cast surface: spots of some pixels."""
    spots = cv2.GaussianBlur(rng.normal(0, 1, (240, 320)).astype(np.float32), (0, 0), 3)
    return noisy(np.repeat((110 + 25 * spots / spots.std())[..., None], 3, 2), rng)


def scattered(rng: np.random.Generator) -> Image:
    """Four bars that lie about."""
    picture = np.full((240, 320, 3), 210, np.uint8)
    for x, y in ((80, 60), (240, 60), (80, 180), (240, 180)):
        place = (x + float(rng.uniform(-30, 30)), y + float(rng.uniform(-20, 20)))
        box = cv2.boxPoints((place, (60, 22), float(rng.uniform(0, 360))))
        cv2.fillPoly(picture, [np.rint(box).astype(np.int32)], (60, 70, 90))
    return noisy(picture, rng)


def test_without_a_common_shape_nothing_is_aligned() -> None:
    rng = np.random.default_rng(2)
    assert learn([grain(rng) for _ in range(3)]) is None
    assert learn([scattered(rng) for _ in range(3)]) is None  # few pictures agree by chance
    assert learn([np.full((200, 200, 3), 128, np.uint8)] * 4) is None


def test_too_few_pictures_prove_nothing() -> None:
    assert learn([]) is None
    assert learn([disc(0, seed=1), disc(0, seed=2)]) is None


def test_what_a_file_holds_registers_alike(golden: Golden, notched: Golden) -> None:
    for one, picture in ((golden, seen(bracket(), posed(70, 1.1, (5, 5)))), (notched, disc(123))):
        description, arrays = one.to_parts()
        assert max(max(array.shape) for array in arrays.values()) <= 512
        again = Golden.from_parts(GoldenDescription.model_validate_json(description.model_dump_json()), dict(arrays))
        assert again.spread == one.spread
        first, second = one.register(picture), again.register(picture)
        assert np.array_equal(first.matrix, second.matrix)
        assert (first.quality, first.failed) == (second.quality, second.failed)


def test_a_file_whose_golden_part_was_shrunk_by_an_odd_factor_registers_as_it_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files written before large pictures were shrunk by even factors only."""
    large = [cv2.resize(seen(bracket(), STILL, seed=k), (1900, 1312)) for k in range(3)]
    moved = cv2.warpAffine(
        large[0], np.array([[1.0, 0, 30], [0, 1, -20]]), (1900, 1312), borderMode=cv2.BORDER_REPLICATE
    )
    even = learn(large)
    with monkeypatch.context() as older:
        older.setattr(edges, "block_of", lambda width, height: -(-max(width, height) // 384))
        odd = learn(large)
    assert even is not None
    assert odd is not None
    assert (even.block, odd.block) == (4, 5)
    description, arrays = odd.to_parts()
    again = Golden.from_parts(description, dict(arrays))
    assert again.block == 5
    for one in (even, odd, again):
        found = one.register(np.asarray(moved, np.uint8))
        assert found.failed == ""
        assert found.shift == pytest.approx((30, -20), abs=1)
        assert one.spread.reach == pytest.approx(odd.spread.reach, abs=0.002)
    assert np.array_equal(odd.register(large[1]).matrix, again.register(large[1]).matrix)


def test_a_picture_that_is_halved_already_registers_alike(golden: Golden) -> None:
    picture = seen(bracket(), posed(20, 1.1, (5, 5)), seed=9)
    halves = Halves(picture)
    halves.at(2)
    found, plain = golden.register(picture, halves), golden.register(picture)
    assert np.array_equal(found.matrix, plain.matrix)
    assert found.quality == plain.quality


def test_parts_that_do_not_fit_are_refused(golden: Golden) -> None:
    description, arrays = golden.to_parts()
    with pytest.raises(ModelError, match=r"golden\.weight"):
        Golden.from_parts(description, {"golden.picture": arrays["golden.picture"]})
    with pytest.raises(ModelError, match=r"golden\.picture"):
        Golden.from_parts(description, arrays | {"golden.picture": arrays["golden.picture"][1:]})
    with pytest.raises(ModelError, match="too few edges"):
        Golden.from_parts(description, arrays | {"golden.weight": np.zeros_like(arrays["golden.weight"])})
    with pytest.raises(ModelError, match="narrow"):
        Golden.from_parts(description.model_copy(update={"width": 30_000, "height": 100}), arrays)
    for wrong in (
        {"width": 10**9},
        {"threshold": 2},
        {"axis": (float("nan"), 0, 0)},
        {"hub": (1e9, 0)},
        {"round": True},
    ):
        with pytest.raises(ValidationError):
            GoldenDescription.model_validate(description.model_dump() | wrong)


def test_a_picture_of_another_kind_is_named(golden: Golden) -> None:
    with pytest.raises(PictureError, match="three colours"):
        golden.register(np.zeros((HEIGHT, WIDTH), np.uint8))
    with pytest.raises(PictureError, match="Cut it"):
        golden.register(np.zeros((20, 40_000, 3), np.uint8))
    with pytest.raises(PictureError, match="three colours"):
        learn([np.zeros((HEIGHT, WIDTH, 3), np.float32)])


def test_threads_find_the_same(golden: Golden, notched: Golden) -> None:
    jobs = [(golden, seen(bracket(), posed(50 * k, 0.9, (k, -k)), seed=k)) for k in range(3)]
    jobs += [(notched, disc(80 * k, seed=k)) for k in range(3)]
    alone = [one.register(picture).matrix for one, picture in jobs]
    # New ones, so that several threads are the first to look everywhere.
    fresh = {one: Golden.from_parts(*one.to_parts()) for one in (golden, notched)}
    jobs = [(fresh[one], picture) for one, picture in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: job[0].register(job[1]).matrix, jobs))
    for first, second in zip(alone, together, strict=True):
        assert np.array_equal(first, second)


def real(name: str, count: int) -> list[Image]:
    folder = REAL / name
    if not folder.is_dir():
        pytest.skip(f"no pictures in {folder}")
    return [read_picture(path) for path in list(find_pictures(folder))[:count]]


def test_real_parts_are_found_in_any_pose() -> None:
    figures = learn(real("aliens/normal", 5))
    assert figures is not None
    rng = np.random.default_rng(4)
    right = 0
    pictures = real("aliens/anomaly", 3) + real("aliens/normal", 8)[6:]
    for picture in pictures:
        pose = posed(float(rng.uniform(0, 360)), float(rng.uniform(0.8, 1)), (0, 0))
        turned = np.asarray(cv2.warpAffine(picture, pose, (WIDTH, HEIGHT), borderValue=(254, 255, 255)), np.uint8)
        found, base = figures.register(turned), figures.register(picture)
        right += not found.failed and distance(found, pose, base) < 8
    assert right >= len(pictures) - 1  # of some, less than half is left


def test_a_real_surface_has_no_shape() -> None:
    assert learn(real("magnetic-tile/normal", 3)) is None
