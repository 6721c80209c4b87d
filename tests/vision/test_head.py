"""The defect head: learns, names and outlines labelled defects; leaves the bank its say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.errors import ModelError
from app.vision.head import DefectHead, Evidence, HeadDescription, Labelled, cell_features
from app.vision.head_fusion import Fusion, FusionDescription
from app.vision.head_solve import minimised
from app.vision.head_training import Trained, train_head
from app.vision.metrics import auroc

ROWS, COLUMNS, CHANNELS = 8, 10, 12
STAIN, SCRATCH = 3, 7  # channels in which they show
Box = tuple[slice, slice]


def picture(rng: np.random.Generator, box: Box | None = None, channel: int = 0, seen: float = 0.0) -> Evidence:
    """Noise; a defect raises one channel in a box, and the bank's distance by `seen`."""
    fine = rng.standard_normal((ROWS, COLUMNS, CHANNELS)).astype(np.float32)
    distances = rng.uniform(0.8, 1.2, (ROWS, COLUMNS)).astype(np.float32)
    if box is not None:
        fine[(*box, channel)] += 4.0
        distances[box] += seen
    coarse = fine.reshape(ROWS // 2, 2, COLUMNS // 2, 2, CHANNELS).mean(axis=(1, 3))
    far = distances.reshape(ROWS // 2, 2, COLUMNS // 2, 2).mean(axis=(1, 3))
    return Evidence(fine, distances, coarse, far)


def somewhere(rng: np.random.Generator) -> Box:
    top, left = int(rng.integers(0, ROWS - 2)), int(rng.integers(0, COLUMNS - 3))
    return slice(top, top + 2), slice(left, left + 3)


def labelled(rng: np.random.Generator, kind: str, masked: bool, seen: float = 0.3) -> tuple[Labelled, Box]:
    box = somewhere(rng)
    evidence = picture(rng, box, STAIN if kind == "stain" else SCRATCH, seen)
    area = np.zeros((ROWS, COLUMNS), np.float32)
    area[box] = 1.0
    return Labelled(evidence, kind, {kind: area} if masked else {}), box


def learned(masked: bool, normals: int = 30, defects: int = 20, seen: float = 0.3, seed: int = 1) -> Trained:
    rng = np.random.default_rng(seed)
    good = [picture(rng) for _ in range(normals)]
    return train_head(good, [labelled(rng, ("stain", "scratch")[n % 2], masked, seen)[0] for n in range(defects)])


@pytest.fixture(scope="module")
def trained() -> Trained:
    return learned(masked=True)


def alarms(head: DefectHead, pictures: list[Evidence]) -> NDArray[np.float64]:
    return np.array([head.maps(each).scores()[0] for each in pictures])


def test_new_defects_are_found_named_and_outlined(trained: Trained) -> None:
    rng = np.random.default_rng(2)
    fresh = [labelled(rng, ("stain", "scratch")[number % 2], True) for number in range(20)]
    good = [picture(rng) for _ in range(20)]
    area = auroc(alarms(trained.head, good), alarms(trained.head, [each.evidence for each, _ in fresh]))
    assert area is not None and area > 0.99
    assert trained.head.kinds == ("scratch", "stain")
    for defect, box in fresh:
        maps = trained.head.maps(defect.evidence)
        assert trained.head.named(maps) == defect.kind
        outside = np.ones((ROWS, COLUMNS), bool)
        outside[box] = False
        assert maps.outline[box].min() > np.quantile(maps.outline[outside], 0.95)


def test_labels_of_whole_pictures_are_enough() -> None:
    """On the mean of a few sets: one alone is luck."""
    head_areas, bank_areas, named = [], [], []
    for seed in range(4):
        head = learned(masked=False, defects=40, seen=0.1, seed=seed).head
        rng = np.random.default_rng(100 + seed)
        good = [picture(rng) for _ in range(60)]
        fresh = [labelled(rng, ("stain", "scratch")[number % 2], False, 0.1)[0] for number in range(60)]
        head_areas.append(auroc(alarms(head, good), alarms(head, [each.evidence for each in fresh])) or 0.0)
        bank = [np.array([each.distances.max() for each in group]) for group in (good, [f.evidence for f in fresh])]
        bank_areas.append(auroc(bank[0], bank[1]) or 1.0)
        named.append(np.mean([head.named(head.maps(each.evidence)) == each.kind for each in fresh]))
    assert np.mean(head_areas) > np.mean(bank_areas) + 0.02
    assert np.mean(named) > 0.9


def test_pictures_are_judged_by_heads_that_have_not_seen_them() -> None:
    """Labels by chance: what was learned by heart must not show in the held-out scores."""
    heart, fair = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        good, bad = [picture(rng) for _ in range(30)], [picture(rng) for _ in range(30)]
        result = train_head(good, [Labelled(each) for each in bad], seed)
        held = [np.array([maps.scores()[0] for maps in group]) for group in (result.normals, result.defects)]
        heart.append(auroc(alarms(result.head, good), alarms(result.head, bad)) or 0.0)
        fair.append(auroc(held[0], held[1]) or 0.0)
    assert np.mean(heart) > 0.7 and 0.35 < np.mean(fair) < 0.62


def test_the_same_pictures_give_the_same_head(trained: Trained) -> None:
    again = learned(masked=True).head.to_parts()[1]
    for name, array in trained.head.to_parts()[1].items():
        np.testing.assert_array_equal(array, again[name])


def test_maps_are_linear_in_the_cells_features(trained: Trained) -> None:
    """Averaging and enlarging after the products gives what training computed before them."""
    head, evidence = trained.head, picture(np.random.default_rng(5))
    weights = np.concatenate([head.fine, head.surroundings, head.coarse, head.bank])
    plain = (cell_features(evidence, head.usual) @ weights + head.bias).reshape(ROWS, COLUMNS, -1)
    maps = head.maps(evidence)
    np.testing.assert_allclose(maps.alarm, plain[..., 0], atol=1e-3)
    np.testing.assert_allclose(maps.kinds, plain[..., 1:].transpose(2, 0, 1), atol=1e-3)


def test_survives_the_model_file(trained: Trained) -> None:
    description, arrays = trained.head.to_parts()
    again = DefectHead.from_parts(type(description).model_validate_json(description.model_dump_json()), arrays)
    evidence = picture(np.random.default_rng(6))
    np.testing.assert_array_equal(again.maps(evidence).kinds, trained.head.maps(evidence).kinds)


def test_an_older_file_knows_no_rows_and_columns(trained: Trained) -> None:
    description, arrays = trained.head.to_parts()
    older = description.model_dump()
    del older["surroundings"]
    near = arrays["surroundings"][:CHANNELS]
    again = DefectHead.from_parts(HeadDescription.model_validate(older), {**arrays, "surroundings": near})
    plain = dataclasses.replace(
        trained.head, surroundings=np.concatenate([near, np.zeros((2 * CHANNELS, 3), np.float32)])
    )
    evidence = picture(np.random.default_rng(6))
    np.testing.assert_array_equal(again.maps(evidence).kinds, plain.maps(evidence).kinds)


def test_what_is_only_odd_beside_the_rest_of_its_picture_is_outlined() -> None:
    """Light differs from picture to picture by more than a defect does in its own."""

    def lit(rng: np.random.Generator, box: Box | None = None) -> Evidence:
        plain = picture(rng, box, STAIN)
        light = rng.normal(0, 8, CHANNELS).astype(np.float32)
        return dataclasses.replace(plain, fine=plain.fine + light, coarse=None, coarse_distances=None)

    def stained(rng: np.random.Generator) -> tuple[Labelled, NDArray[np.bool_]]:
        box, area = somewhere(rng), np.zeros((ROWS, COLUMNS), np.float32)
        area[box] = 1.0
        return Labelled(lit(rng, box), "stain", {"stain": area}), area > 0

    rng = np.random.default_rng(1)
    good = [lit(rng) for _ in range(40)]
    head = train_head(good, [stained(rng)[0] for _ in range(40)]).head
    fresh = [stained(rng) for _ in range(20)]
    outlines = [(head.maps(each.evidence).outline, area) for each, area in fresh]
    inside, outside = (np.concatenate([odds[area == side] for odds, area in outlines]) for side in (True, False))
    found = auroc(outside, inside)
    assert found is not None and found > 0.97


@pytest.mark.parametrize("name", ["fine", "surroundings", "coarse", "bank", "bias", "usual", "naming"])
def test_a_spoilt_model_file_is_refused(trained: Trained, name: str) -> None:
    description, arrays = trained.head.to_parts()
    for bad in (arrays[name][:-1], np.full_like(arrays[name], np.nan)):
        with pytest.raises(ModelError, match=name):
            DefectHead.from_parts(description, {**arrays, name: bad})


def test_usual_distances_of_zero_are_refused(trained: Trained) -> None:
    description, arrays = trained.head.to_parts()
    with pytest.raises(ModelError, match="usual"):
        DefectHead.from_parts(description, {**arrays, "usual": np.zeros(2, np.float32)})
    with pytest.raises(ModelError, match="twice"):
        DefectHead.from_parts(description.model_copy(update={"kinds": ["a", "a"]}), arrays)


def test_without_a_coarse_view() -> None:
    rng = np.random.default_rng(7)
    bare = [dataclasses.replace(picture(rng), coarse=None, coarse_distances=None) for _ in range(10)]
    fresh = []
    for _ in range(6):
        defect, _ = labelled(rng, "stain", True)
        evidence = dataclasses.replace(defect.evidence, coarse=None, coarse_distances=None)
        fresh.append(dataclasses.replace(defect, evidence=evidence))
    head = train_head(bare, fresh).head
    assert alarms(head, [each.evidence for each in fresh]).min() > alarms(head, bare).max()
    assert DefectHead.from_parts(*head.to_parts()).maps(bare[0]).alarm.shape == (ROWS, COLUMNS)
    with pytest.raises(ValueError, match="coarse"):
        head.maps(picture(rng))


def test_grids_of_other_sizes_learn_together() -> None:
    """Pictures of another aspect ratio, some with fewer cells than are kept of each."""
    rng = np.random.default_rng(8)

    def small(evidence: Evidence) -> Evidence:
        return Evidence(evidence.fine[:3, :3], evidence.distances[:3, :3], evidence.coarse, evidence.coarse_distances)

    good = [picture(rng) if number % 2 else small(picture(rng)) for number in range(8)]
    bad = [small(picture(rng, (slice(0, 3), slice(0, 3)), STAIN, 0.5)) for _ in range(3)]
    head = train_head(good, [Labelled(each, "stain") for each in bad]).head
    assert head.maps(bad[0]).kinds.shape == (1, 3, 3)
    assert alarms(head, bad).min() > alarms(head, good).max()


def test_an_empty_mask_counts_as_none() -> None:
    rng = np.random.default_rng(9)
    good = [picture(rng) for _ in range(6)]
    bad = [labelled(rng, "stain", False, 1.0)[0] for _ in range(4)]
    empty = [dataclasses.replace(each, areas={"hole": np.zeros((ROWS, COLUMNS), np.float32)}) for each in bad]
    one, other = train_head(good, bad).head, train_head(good, empty).head
    assert other.kinds == ("stain",)
    np.testing.assert_array_equal(one.fine, other.fine)


def test_what_cannot_be_learned_from_is_refused() -> None:
    rng = np.random.default_rng(10)
    good, (defect, _) = [picture(rng)], labelled(rng, "stain", True)
    with pytest.raises(ValueError, match="2 labelled defects"):
        train_head(good, [defect])
    with pytest.raises(ValueError, match="types"):
        train_head(good, [dataclasses.replace(defect, areas={}, kind=str(number)) for number in range(65)])
    with pytest.raises(ValueError, match="mask of stain"):
        train_head(good, [defect, dataclasses.replace(defect, areas={"stain": np.ones((2, 2), np.float32)})])


def test_training_can_be_stopped() -> None:
    class Stopped(Exception):
        pass

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise Stopped

    rng = np.random.default_rng(11)
    with pytest.raises(Stopped):
        train_head([picture(rng) for _ in range(12)], [labelled(rng, "stain", True)[0] for _ in range(6)], 0, check)


def fused(head_helps: bool, defects: int, seed: int = 0) -> tuple[Fusion, float | None, float | None]:
    rng = np.random.default_rng(seed)
    spread = np.array([0.1, 0.1])

    def group(count: int, bank: float, head: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.exp(rng.normal(bank, spread, (count, 2))), rng.normal(head, 1.0, (count, 2))

    helps = 4.0 if head_helps else 0.0
    fusion = Fusion.fit(*group(100, 0.0, 0.0), *group(defects, 0.15, helps))
    good, bad = group(500, 0.0, 0.0), group(500, 0.15, helps)
    alone = auroc(good[0].max(axis=1), bad[0].max(axis=1))
    return fusion, alone, auroc(fusion.score(*good), fusion.score(*bad))


def test_fusion_uses_a_head_that_helps() -> None:
    _, alone, together = fused(True, 40)
    assert alone is not None and together is not None and together > alone + 0.05


@pytest.mark.parametrize("seed", range(3))
def test_fusion_with_few_labels_stays_near_the_bank(seed: int) -> None:
    fusion, alone, together = fused(False, 5, seed)
    assert alone is not None and together is not None and together > alone - 0.04
    assert fusion.weights[:2].sum() > 2 * fusion.weights[2:].sum()


FUSION = fused(True, 20)[0]
VALUES = st.floats(-3, 3)


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, min_size=4, max_size=4), st.integers(0, 3), st.floats(0.01, 2))
def test_fused_score_never_falls_when_a_sign_rises(values: list[float], place: int, more: float) -> None:
    low = np.array(values)
    high = low.copy()
    high[place] += more
    scores = [FUSION.score(np.exp(each[None, :2]), each[None, 2:])[0] for each in (low, high)]
    assert scores[1] >= scores[0]


def test_fusion_survives_the_model_file_and_refuses_a_spoilt_one() -> None:
    description, arrays = FUSION.to_parts()
    again = Fusion.from_parts(FusionDescription.model_validate_json(description.model_dump_json()), arrays)
    np.testing.assert_array_equal(again.weights, FUSION.weights)
    for name, bad in (("spread", np.zeros(4, np.float32)), ("weights", np.full(4, -1, np.float32))):
        with pytest.raises(ModelError, match="spread of zero or a negative weight"):
            Fusion.from_parts(description, {**arrays, name: bad})
    with pytest.raises(ModelError, match="centre"):
        Fusion.from_parts(description, {**arrays, "centre": np.zeros(9, np.float32)})
    with pytest.raises(ValueError, match="defects"):
        Fusion.fit(np.ones((3, 2)), np.ones((3, 2)), np.ones((0, 2)), np.ones((0, 2)))


def test_minimum_of_a_quadratic_is_found() -> None:
    scale = np.array([1.0, 10.0, 100.0])
    wanted = np.array([3.0, -2.0, 0.5])
    place = minimised(
        lambda x: (float((scale * (x - wanted) ** 2).sum()), 2 * scale * (x - wanted)), np.zeros(3), 60, lambda: None
    )
    np.testing.assert_allclose(place, wanted, atol=1e-2)
