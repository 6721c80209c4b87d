from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.verdict import Limits, Verdict, decide
from app.vision.consequences import (
    MOST_RETESTED,
    Consequences,
    Costs,
    Share,
    choose,
    choose_limits,
    consequences,
    cross_checked,
    curve,
)

Scores = NDArray[np.float64]
NONE: Scores = np.empty(0)
seeds = st.integers(0, 10**6)


def drawn(
    seed: int, normals: int, anomalous: int, apart: float = 4.0, spread: float = 0.2, wide: float = 2.0
) -> tuple[Scores, Scores]:
    """Scores of good and of defective parts: `apart` and `wide` in spreads of the good ones' logarithms."""
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(0, spread, normals)), np.exp(rng.normal(apart * spread, wide * spread, anomalous))


def farthest(normal: Scores) -> float:
    """3.5 spreads of the upper half above the median, widened as for a prediction."""
    logs = np.log(normal)
    centre, number = np.median(logs), len(logs)
    spread = max(0.03, np.sqrt(np.mean((logs[logs > centre] - centre) ** 2)) if (logs > centre).any() else 0.0)
    return float(np.exp(centre + 3.5 * spread * math.sqrt(1 + 1 / number) * (1 + 1 / (number - 1))))


def f1(normal: Scores, anomalous: Scores, threshold: float) -> float:
    hits, false = int((anomalous >= threshold).sum()), int((normal >= threshold).sum())
    return 2 * hits / (hits + false + len(anomalous))


def best_f1(normal: Scores, anomalous: Scores) -> float:
    return max(
        f1(normal, anomalous, limit)
        for limit in np.quantile(np.concatenate([normal, anomalous]), np.linspace(0, 1, 1500))
    )


def counted(normal: Scores, anomalous: Scores) -> float:
    """The threshold that is cheapest by counting, default costs, middle of the gap: what smoothing has to beat."""
    values = np.unique(np.concatenate([normal, anomalous]))
    limits = np.sqrt(values[1:] * values[:-1])
    cost = [0.95 * (normal >= limit).mean() + 0.5 * (anomalous < limit).mean() for limit in limits]
    return float(limits[int(np.argmin(cost))])


# ------------------------------------------------------------------------------------ good parts alone


def test_few_scores_give_a_wider_margin_than_many() -> None:
    rng = np.random.default_rng(0)
    many = np.exp(rng.normal(0, 0.1, 1000)).astype(np.float32)
    few = np.quantile(many, [0.1, 0.3, 0.5, 0.7, 0.9]).astype(np.float32)
    threshold, retest = choose_limits(many)
    assert 1.0 < retest < threshold
    assert 0.003 < float((many >= threshold).mean()) < 0.03
    assert choose_limits(few)[0] > np.exp(0.1)
    same = np.full(10, 0.5, np.float32)
    assert choose_limits(same)[0] > 0.5 * 1.03


def test_a_low_tail_does_not_raise_the_limit() -> None:
    """Near copies of each other score very low; they say nothing about how good parts differ upwards."""
    rng = np.random.default_rng(1)
    scores = np.exp(rng.normal(0, 0.05, 60)).astype(np.float32)
    with_copies = scores.copy()
    with_copies[np.argsort(scores)[:10]] *= 0.4
    assert choose_limits(with_copies)[0] == pytest.approx(choose_limits(scores)[0])


def test_the_limits_of_models_trained_so_far_stay_what_they_were() -> None:
    rng = np.random.default_rng(2)
    for number, threshold, retest in ((8, 1.979806, 1.639394), (200, 1.624058, 1.397938)):
        scores = np.exp(rng.normal(0, 0.2, number)).astype(np.float32)
        assert choose_limits(scores) == pytest.approx((threshold, retest), rel=1e-6)


def test_one_good_part_is_not_enough() -> None:
    with pytest.raises(ValueError, match=r"1 scores of good parts.*at least 2"):
        choose_limits(np.ones(1))
    with pytest.raises(ValueError, match="0 scores of good parts"):
        choose(NONE, np.ones(3))


def test_without_labelled_defects_good_parts_decide() -> None:
    good, _ = drawn(0, 40, 0)
    limits = choose(good, NONE)
    assert (limits.threshold, limits.retest_from) == choose_limits(good)


# ------------------------------------------------------------------------------------ with labelled defects


@given(
    seed=seeds,
    normals=st.integers(2, 80),
    anomalous=st.integers(1, 60),
    apart=st.floats(-2, 30),
    spread=st.floats(0.01, 0.5),  # without any, all scores lie at one place and no band parts them
)
@settings(max_examples=40, deadline=None)
def test_the_limits_are_in_order_and_never_beyond_what_good_parts_allow(
    seed: int, normals: int, anomalous: int, apart: float, spread: float
) -> None:
    good, bad = drawn(seed, normals, anomalous, apart, spread)
    limits = choose(good, bad)
    assert 0 < limits.retest_from <= limits.threshold <= farthest(good) * (1 + 1e-9)
    in_band = (good >= limits.retest_from) & (good < limits.threshold)
    assert in_band.sum() <= MOST_RETESTED * normals


@given(seed=seeds, normals=st.integers(5, 80), anomalous=st.integers(0, 60), factor=st.floats(0.1, 50))
@settings(max_examples=25, deadline=None)
def test_scores_times_a_factor_give_limits_times_the_factor(
    seed: int, normals: int, anomalous: int, factor: float
) -> None:
    good, bad = drawn(seed, normals, anomalous)
    limits, scaled = choose(good, bad), choose(good * factor, bad * factor)
    assert scaled.threshold == pytest.approx(limits.threshold * factor, rel=1e-6)
    assert scaled.retest_from == pytest.approx(limits.retest_from * factor, rel=1e-6)


def test_the_order_of_the_pictures_makes_no_difference() -> None:
    good, bad = drawn(3, 50, 20)
    assert choose(good, bad) == choose(good[::-1], bad[::-1])


def test_a_new_kind_of_defect_still_fails() -> None:
    good, strong = drawn(0, 100, 50, apart=40)
    limits = choose(good, strong)
    assert decide(math.exp(0.2 * 4.5), limits) is Verdict.FAIL  # 4.5 spreads: far below every labelled one
    assert decide(float(good.max()), limits) is not Verdict.FAIL


def test_one_very_strong_defect_does_not_hide_the_place_where_good_parts_end() -> None:
    good, bad = drawn(0, 200, 40, apart=8, spread=0.03)
    limits, with_it = choose(good, bad), choose(good, np.append(bad, 1e6))
    assert with_it.threshold == pytest.approx(limits.threshold, rel=0.02)


def test_scores_that_are_all_the_same_reject_no_good_part() -> None:
    limits = choose(np.full(10, 0.5), np.full(4, 0.5))
    assert decide(0.5, limits) is not Verdict.FAIL


def test_kinds_that_vary_alike_share_the_gap_between_them() -> None:
    rng = np.random.default_rng(0)
    low = np.exp(np.concatenate([rng.uniform(-0.3, 0.1, 60), [0.1]]))
    limit = choose(low, np.exp(0.6 - np.log(low)), Costs(1, 1), prior=0.5).threshold
    assert math.log(limit) == pytest.approx(0.3, abs=0.02)
    assert low.max() < limit < (np.exp(0.6) / low).min()


def test_what_an_escape_costs_moves_the_threshold() -> None:
    good, bad = drawn(1, 300, 100, apart=2)
    limits = [choose(good, bad, Costs(escape=cost)).threshold for cost in (1.0, 3.0, 10.0, 30.0, 100.0)]
    assert limits == sorted(limits, reverse=True) and limits[-1] < limits[0] * 0.9
    assert choose(good, bad, Costs(100, 10)) == choose(good, bad, Costs(10, 1))
    shares = [choose(good, bad, prior=share).threshold for share in (0.01, 0.05, 0.2)]
    assert shares == sorted(shares, reverse=True) and shares[-1] < shares[0]


@pytest.mark.parametrize(("apart", "wide"), [(8.0, 2.0), (5.0, 1.5), (3.0, 1.5), (5.0, 3.0)])
def test_f1_on_unseen_parts_comes_close_to_the_best_and_beats_counting(apart: float, wide: float) -> None:
    unseen = drawn(99, 4000, 1600, apart, wide=wide)
    best = best_f1(*unseen)
    for normals, anomalous, most in ((40, 10, 0.04), (300, 100, 0.015)):
        ours, theirs = [], []
        for seed in range(12):
            seen = drawn(seed, normals, anomalous, apart, wide=wide)
            ours.append(best - f1(*unseen, choose(*seen).threshold))
            theirs.append(best - f1(*unseen, counted(*seen)))
        assert np.mean(ours) < most
        assert np.mean(ours) < np.mean(theirs)


def test_the_band_holds_what_is_undecided() -> None:
    unseen_good, unseen_bad = drawn(50, 4000, 4000, apart=5)
    limits = choose(*drawn(0, 300, 100, apart=5))
    band = [(scores >= limits.retest_from) & (scores < limits.threshold) for scores in (unseen_good, unseen_bad)]
    assert band[0].mean() < 0.08
    # Of the defects below the threshold a good part lies in the narrow band, of the good parts hardly any.
    below = [scores < limits.threshold for scores in (unseen_good, unseen_bad)]
    assert band[1].sum() / below[1].sum() > 3 * band[0].sum() / below[0].sum()


def test_few_labelled_pictures_leave_more_undecided() -> None:
    good, bad = drawn(0, 400, 200, apart=8, wide=1.0)
    many, few = choose(good, bad), choose(good[:40], bad[:4])
    assert few.threshold / few.retest_from > many.threshold / many.retest_from > 1


@pytest.mark.parametrize("cost", [0.0, -1.0, math.inf, math.nan])
def test_costs_are_numbers_above_zero(cost: float) -> None:
    with pytest.raises(ValueError, match="cost of an escape must be a number above 0"):
        Costs(escape=cost)
    with pytest.raises(ValueError, match="cost of a false reject must be a number above 0"):
        Costs(false_reject=cost)


def test_input_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="share of defective parts"):
        choose(np.ones(5), NONE, prior=0.0)
    for call in (choose, cross_checked, curve):
        with pytest.raises(ValueError, match="score of a good part is not a finite number"):
            call(np.array([1.0, math.nan, 2.0]), np.ones(3))


# ------------------------------------------------------------------------------------ what follows


def test_every_part_is_counted_where_its_verdict_puts_it() -> None:
    good, bad = np.array([0.1, 0.2, 0.5, 0.9, 1.0]), np.array([0.3, 0.5, 0.99, 1.0, 7.0, 8.0])
    told = consequences(good, bad, Limits(1.0, 0.5))
    assert told == Consequences(Share(1, 5), Share(1, 6), Share(2, 5), Share(2, 6))
    for scores, passed, retested, failed in ((good, 2, 2, 1), (bad, 1, 2, 3)):
        verdicts = [decide(score, Limits(1.0, 0.5)) for score in scores.tolist()]
        assert [verdicts.count(each) for each in (Verdict.PASS, Verdict.RETEST, Verdict.FAIL)] == [
            passed,
            retested,
            failed,
        ]


def test_the_words_a_quality_engineer_reads() -> None:
    told = Consequences(Share(2, 500), Share(5, 400), Share(0, 500), Share(0, 400))
    assert told.words() == (
        "Of 1000 good parts about 4 (0 to 14) would be rejected; of 1000 defective ones about 12 (4 to 29) would pass."
    )
    banded = Consequences(Share(3, 9000), Share(0, 400), Share(90, 9000), Share(20, 400))
    assert banded.words() == (
        "Of 1000 good parts about 0.3 (0.1 to 1.0) would be rejected; "
        "of 1000 defective ones about 0.0 (0.0 to 9.2) would pass. "
        "About 10 (8 to 12) of 1000 good ones and 50 (31 to 76) of 1000 defective ones would be tested again."
    )


def test_the_words_do_not_hide_that_pictures_are_few_or_missing() -> None:
    words = consequences(np.ones(500), np.full(3, 3.0), Limits(2.0, 2.0)).words()
    assert "about 0 (0 to 708) would pass" in words
    assert words.endswith("So wide a range comes from few pictures, 3 of defective parts: label more to know better.")
    words = consequences(np.ones(500), NONE, Limits(2.0, 2.0)).words()
    assert words.endswith("how many defective ones would pass is not known: no picture of a defect is labelled.")
    assert (
        consequences(NONE, np.full(300, 3.0), Limits(2.0, 2.0))
        .words()
        .startswith(
            "How many good parts would be rejected is not known: no picture of a good part was tried; of 1000 defective"
        )
    )


def test_limits_are_judged_by_scores_they_were_not_chosen_from() -> None:
    seen_rate, told_rate, true_rate = [], [], []
    unseen = drawn(99, 5000, 5000, apart=2.5)
    for seed in range(12):
        good, bad = drawn(seed, 40, 20, apart=2.5)
        limits = choose(good, bad)
        for rates, told in (
            (seen_rate, consequences(good, bad, limits)),
            (told_rate, cross_checked(good, bad)),
            (true_rate, consequences(*unseen, limits)),
        ):
            assert told.false_rejects is not None and told.escapes is not None
            rates.append(0.95 * told.false_rejects.share + 0.5 * told.escapes.share)
    assert np.mean(told_rate) == pytest.approx(np.mean(true_rate), abs=0.015)
    assert np.mean(seen_rate) < np.mean(told_rate)


@given(seed=seeds, normals=st.integers(2, 30), anomalous=st.integers(0, 12))
@settings(max_examples=15, deadline=None)
def test_every_picture_is_tried_once(seed: int, normals: int, anomalous: int) -> None:
    told = cross_checked(*drawn(seed, normals, anomalous))
    assert told.false_rejects is not None and told.false_rejects.of == normals
    assert (told.escapes.of if told.escapes else 0) == anomalous
    assert "nan" not in told.words()


@given(seed=seeds, normals=st.integers(0, 40), anomalous=st.integers(1, 40), points=st.integers(2, 50))
@settings(max_examples=30, deadline=None)
def test_the_curve_runs_from_all_fail_to_all_pass(seed: int, normals: int, anomalous: int, points: int) -> None:
    good, bad = drawn(seed, normals, anomalous)
    drawn_curve = curve(good, bad, points)
    assert drawn_curve.thresholds.shape == (points,) and (np.diff(drawn_curve.thresholds) > 0).all()
    assert drawn_curve.escapes is not None
    assert drawn_curve.escapes[0] == 0 and drawn_curve.escapes[-1] == 1
    assert (drawn_curve.false_rejects is None) == (normals == 0)
    for at, limit in enumerate(drawn_curve.thresholds.tolist()):
        told = consequences(good, bad, Limits(limit, limit))
        assert told.escapes is not None and drawn_curve.escapes[at] == pytest.approx(told.escapes.share)
        if drawn_curve.false_rejects is not None and told.false_rejects is not None:
            assert drawn_curve.false_rejects[at] == pytest.approx(told.false_rejects.share)


def test_a_curve_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a curve needs scores"):
        curve(NONE, NONE)
