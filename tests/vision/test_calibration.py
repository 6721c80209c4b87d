from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from app.domain.verdict import Verdict
from app.vision.calibration import (
    Calibration,
    CalibrationDescription,
    beta_quantile,
    calibrate,
    clopper_pearson,
    incomplete_beta,
)

Scores = NDArray[np.float64]
seeds = st.integers(0, 10**6)
few = st.integers(1, 60)


def drawn(seed: int, normals: int, anomalous: int, apart: float = 0.5) -> tuple[Scores, Scores]:
    """Scores of good and of defective parts, `apart` in the logarithm."""
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(0, 0.2, normals)), np.exp(rng.normal(apart, 0.4, anomalous))


def learned(normal: Scores, anomalous: Scores, prior: float | None = None) -> Calibration:
    made = calibrate(normal, anomalous, prior=prior)
    assert made is not None
    return made


def stepped(seed: int = 0) -> tuple[Scores, Scores]:
    """Many of both kinds whose probability rises in two steps, as no logistic curve does."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(1, 4, 3000)
    truth = rng.random(3000) < np.where(scores < 1.5, 0.05, np.where(scores < 3.5, 0.5, 0.95))
    return scores[~truth], scores[truth]


@given(seed=seeds, normals=few, anomalous=few, apart=st.floats(-1, 6), prior=st.none() | st.floats(0.001, 0.999))
@settings(max_examples=60, deadline=None)
def test_it_never_falls_and_claims_no_more_than_the_pictures_show(
    seed: int, normals: int, anomalous: int, apart: float, prior: float | None
) -> None:
    made = learned(*drawn(seed, normals, anomalous, apart))
    scores = np.concatenate([[0.0, 1e-9], np.geomspace(1e-4, 1e5, 300)])
    values = made.probabilities(scores)
    assert (np.diff(values) >= 0).all()
    assert values[0] >= 1 / (normals + 2) - 1e-12
    assert values[-1] <= (anomalous + 1) / (anomalous + 2) + 1e-12
    moved = made.with_prior(prior).probabilities(scores)
    assert (np.diff(moved) >= 0).all() and (moved > 0).all() and (moved < 1).all()


@given(seed=seeds, normals=few, anomalous=few, factor=st.floats(0.1, 100))
@settings(max_examples=40, deadline=None)
def test_it_knows_no_unit_and_no_order(seed: int, normals: int, anomalous: int, factor: float) -> None:
    good, bad = drawn(seed, normals, anomalous)
    scores = np.geomspace(0.1, 10, 50)
    values = learned(good, bad).probabilities(scores)
    np.testing.assert_allclose(learned(good * factor, bad * factor).probabilities(scores * factor), values, atol=1e-6)
    np.testing.assert_array_equal(learned(good[::-1], bad[::-1]).probabilities(scores), values)


def test_a_logistic_curve_is_found_again() -> None:
    rng = np.random.default_rng(3)
    logs = rng.normal(0, 1, 20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-(3 * logs - 1)))
    made = learned(np.exp(logs[~truth]), np.exp(logs[truth]))
    for at in (-1.0, 0.0, 0.5, 1.0):
        assert made.probability(math.exp(at)) == pytest.approx(1 / (1 + math.exp(1 - 3 * at)), abs=0.03)


@pytest.mark.parametrize(("normals", "anomalous"), [(40, 12), (5, 3), (80, 1)])
def test_platts_curve_is_the_best_for_his_targets(normals: int, anomalous: int) -> None:
    good, bad = drawn(1, normals, anomalous)
    made = learned(good, bad)
    assert made.method == "platt" and made.slope > 0
    x = np.log(np.concatenate([good, bad]))
    target = np.concatenate(
        [np.full(normals, 1 / (normals + 2)), np.full(anomalous, (anomalous + 1) / (anomalous + 2))]
    )

    def loss(slope: float, intercept: float) -> float:
        odds = slope * x + intercept
        return float((np.logaddexp(0, odds) - target * odds).sum())

    best = loss(made.slope, made.intercept)
    for slope, intercept in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.01, -0.01), (-0.01, 0.01)):
        assert loss(made.slope + slope, made.intercept + intercept) > best


def test_kinds_far_apart_give_a_curve_all_the_same() -> None:
    good, bad = drawn(0, 200, 150, apart=40.0)
    made = learned(good, bad)
    assert made.probability(1.0) == pytest.approx(1 / 202, abs=1e-3)
    assert made.probability(math.exp(40)) == pytest.approx(151 / 152, abs=1e-3)


def test_scores_that_say_nothing_give_the_base_rate() -> None:
    same = np.ones(30)
    backwards = learned(*reversed(drawn(0, 40, 40, apart=3)))
    assert backwards.probability(0.5) == backwards.probability(50.0) == pytest.approx(0.5)
    assert learned(same, same[:10]).probability(1.0) == pytest.approx(0.25, abs=0.03)


def test_many_pictures_of_both_kinds_may_take_any_rising_shape() -> None:
    good, bad = stepped()
    made = learned(good, bad)
    assert made.method == "isotonic"
    # The largest of the smallest means (Robertson, Wright & Dykstra 1988, eq. 1.4.2) is the isotonic regression.
    scores = np.concatenate([good, bad])
    order = np.argsort(scores)
    truth = np.concatenate([np.zeros(len(good)), np.ones(len(bad))])[order]
    total = np.concatenate([[0.0], np.cumsum(truth)])
    for place in range(0, len(truth), 97):
        starts, ends = np.arange(place + 1), np.arange(place + 1, len(truth) + 1)
        means = (total[ends][None] - total[starts][:, None]) / (ends[None] - starts[:, None])
        expected = np.clip(means.min(axis=1).max(), 1 / (len(good) + 2), (len(bad) + 1) / (len(bad) + 2))
        assert made.probability(scores[order][place]) == pytest.approx(expected, abs=1e-9)
    assert calibrate(good[:99], bad) == calibrate(good[:99][::-1], bad)
    assert learned(good[:99], bad).method == "platt"


@pytest.mark.parametrize("shape", ["logistic", "stepped"])
def test_what_is_promised_comes_true_on_unseen_pictures(shape: str) -> None:
    good, bad = drawn(1, 3000, 1000) if shape == "logistic" else stepped(1)
    new_good, new_bad = drawn(2, 3000, 1000) if shape == "logistic" else stepped(2)
    made = learned(good, bad)
    promised = made.probabilities(np.concatenate([new_good, new_bad]))
    true = np.concatenate([np.zeros(len(new_good)), np.ones(len(new_bad))])
    for low in np.arange(0, 1, 0.2):
        mine = (promised >= low) & (promised < low + 0.2)
        if mine.sum() >= 50:
            assert true[mine].mean() == pytest.approx(promised[mine].mean(), abs=0.08)


def test_without_defects_there_is_no_confidence() -> None:
    good, none = np.ones(20), np.empty(0)
    assert calibrate(good, none) is None
    assert calibrate(none, good) is None


def test_the_prior_moves_the_odds() -> None:
    made = learned(*drawn(0, 60, 20))
    same, rare = made.with_prior(0.25), made.with_prior(0.01)
    for score in (0.8, 1.2, 1.6, 3.0):
        odds = made.probability(score) / (1 - made.probability(score))
        assert same.probability(score) == pytest.approx(made.probability(score))
        moved = rare.probability(score) / (1 - rare.probability(score))
        assert moved / odds == pytest.approx((0.01 / 0.99) / (20 / 60))
    assert learned(*drawn(0, 60, 20), prior=0.01) == rare
    for wrong in (0.0, 1.0, -0.1, math.nan):
        with pytest.raises(ValueError, match="share of defective parts must lie between 0 and 1"):
            made.with_prior(wrong)
        with pytest.raises(ValueError, match="share of defective parts"):
            calibrate(np.ones(3), np.empty(0), prior=wrong)


def test_confidence_is_that_of_the_stated_class() -> None:
    made = learned(*drawn(0, 60, 40))
    high, low = 4.0, 0.8
    assert made.confidence(high, Verdict.FAIL) == made.probability(high) > 0.9
    assert made.confidence(low, Verdict.PASS) == 1 - made.probability(low) > 0.9
    for score in (high, low):
        doubtful = made.confidence(score, Verdict.RETEST)
        assert doubtful == max(made.probability(score), 1 - made.probability(score))
    assert made.confidence(high, Verdict.ERROR) is None
    assert made.confidence(math.nan, Verdict.FAIL) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="score of a good part is not a finite number"):
        calibrate(np.array([1.0, wrong]), np.ones(3))
    with pytest.raises(ValueError, match="score of a defective part is not a finite number"):
        calibrate(np.ones(3), np.array([1.0, wrong]))


@pytest.mark.parametrize("prior", [None, 0.02])
def test_the_model_file_gives_it_back(prior: float | None) -> None:
    for good, bad in (drawn(0, 30, 7), stepped()):
        made = learned(good, bad, prior)
        description, arrays = made.to_parts()
        read = CalibrationDescription.model_validate_json(description.model_dump_json())
        assert Calibration.from_parts(read, arrays) == made


WHOLE: dict[str, Any] = {"method": "isotonic", "knots": [[0.0, 0.1], [1.0, 0.9]], "normals": 5, "anomalous": 5}


@pytest.mark.parametrize(
    "change",
    [
        {"knots": []},
        {"knots": [[0.0, 0.9], [1.0, 0.1]]},
        {"knots": [[1.0, 0.1], [0.0, 0.9]]},
        {"knots": [[0.0, 0.1], [0.0, 0.9]]},
        {"knots": [[0.0, 0.1], [1.0, 1.1]]},
        {"knots": [[0.0, 0.1], [1e300, 0.9]]},
        {"knots": [[0.0, 0.1], [1.0, math.nan]]},
        {"knots": [[index, 0.5] for index in range(10_000)]},
        {"method": "platt"},
        {"method": "other"},
        {"slope": -1.0},
        {"slope": 1e300},
        {"intercept": math.inf},
        {"normals": 0},
        {"anomalous": 0},
        {"prior": 0.0},
        {"prior": 1.0},
    ],
)
def test_a_strangers_description_is_checked(change: dict[str, Any]) -> None:
    CalibrationDescription.model_validate(WHOLE)
    with pytest.raises(ValidationError):
        CalibrationDescription.model_validate(WHOLE | change)


# ------------------------------------------------------------------------------------ shares and intervals


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [  # Documenta Geigy, 7th edition, exact confidence limits for p
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (0, 1, 0.0, 0.9750),
        (10, 100, 0.0490, 0.1762),
        (50, 100, 0.3983, 0.6017),
        (0, 0, 0.0, 1.0),
    ],
)
def test_intervals_of_the_tables(count: int, of: int, low: float, high: float) -> None:
    assert clopper_pearson(count, of) == pytest.approx((low, high), abs=6e-5)


def at_least(count: int, of: int, share: float) -> float:
    """Probability of `count` or more, term by term."""
    return math.fsum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count, of + 1))


@given(of=st.integers(1, 200), data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_interval_by_its_definition(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    low, high = clopper_pearson(count, of)
    assert 0 <= low <= count / of <= high <= 1
    if count:
        assert at_least(count, of, low) == pytest.approx(0.025, rel=1e-8)
    if count < of:
        assert 1 - at_least(count + 1, of, high) == pytest.approx(0.025, rel=1e-8)
    mirrored = clopper_pearson(of - count, of)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(("of", "share"), [(12, 0.03), (30, 0.1), (30, 0.5), (200, 0.005)])
def test_intervals_hold_the_truth_as_often_as_they_say(of: int, share: float) -> None:
    seen = np.random.default_rng(5).binomial(of, share, 4000).tolist()
    held = [low <= share <= high for low, high in (clopper_pearson(count, of) for count in seen)]
    assert np.mean(held) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 4000)


def test_no_more_than_all() -> None:
    for count, of in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="is no share"):
            clopper_pearson(count, of)


@given(probability=st.floats(1e-6, 1 - 1e-6), a=st.floats(1, 1e5), b=st.floats(1, 1e5))
@settings(max_examples=150, deadline=None)
def test_the_quantile_undoes_the_beta_function(probability: float, a: float, b: float) -> None:
    value = beta_quantile(probability, a, b)
    assert 0 <= value <= 1
    # Floating point can't come closer than the distribution changes from one number to the next; 1e-8 is far below
    # what a share of some thousand parts can tell.
    around = incomplete_beta(math.nextafter(value, 0), a, b), incomplete_beta(math.nextafter(value, 1), a, b)
    assert incomplete_beta(value, a, b) == pytest.approx(probability, abs=1e-8 + around[1] - around[0])


@given(x=st.floats(0, 1), a=st.floats(1, 1e4), b=st.floats(1, 1e4))  # below 1 the rounding of 1 - x shows
def test_the_beta_function_by_what_is_known_of_it(x: float, a: float, b: float) -> None:
    assert incomplete_beta(x, 1, b) == pytest.approx(-math.expm1(b * math.log1p(-x)) if x < 1 else 1.0, abs=1e-10)
    assert incomplete_beta(x, a, 1) == pytest.approx(x**a, abs=1e-10)
    assert incomplete_beta(0.5, a, a) == pytest.approx(0.5, abs=1e-9)
    assert incomplete_beta(x, a, b) + incomplete_beta(1 - x, b, a) == pytest.approx(1, abs=1e-9)
    assert 0 <= incomplete_beta(x, a, b) <= 1
    # DLMF 8.17.20, which ties neighbours together
    step = (
        math.exp(
            a * math.log(x) + b * math.log1p(-x) - math.log(a) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        )
        if 0 < x < 1
        else 0
    )
    assert incomplete_beta(x, a, b) - incomplete_beta(x, a + 1, b) == pytest.approx(step, abs=1e-9)
