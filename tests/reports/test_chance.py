"""The figures of textbooks, and forecasts that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from app.reports.chance import (
    binomial_test,
    cohens_kappa,
    fleiss_kappa,
    mann_kendall,
    next_count,
    share,
)


def test_a_shares_interval() -> None:
    found = share(5, 50)
    assert (round(found.value, 3), round(found.low, 4), round(found.high, 4)) == (0.1, 0.0435, 0.2136)
    assert share(0, 20).low == 0 and round(share(20, 20).high, 9) == 1
    with pytest.raises(ValueError, match="whole"):
        share(0, 0)


@pytest.mark.parametrize(
    ("count", "of", "expected", "p"),
    [(7, 10, 0.5, 0.34375), (0, 10, 0.5, 2 / 1024), (5, 10, 0.5, 1.0), (3, 4, 0.25, 13 / 256)],
)
def test_the_exact_binomial_test(count: int, of: int, expected: float, p: float) -> None:
    assert binomial_test(count, of, expected) == pytest.approx(p)


def test_trends() -> None:
    score, p = mann_kendall([1, 2, 3, 4, 5, 6, 7, 8])
    assert score == 28 and p == pytest.approx(0.00083, abs=2e-5)
    assert mann_kendall([3, 3, 3, 3]) == (0, 1.0)
    assert mann_kendall([8, 7, 6, 5, 4, 3, 2, 1])[0] == -28
    assert mann_kendall([2, 5, 3, 4, 3])[1] > 0.5


def test_agreement_beyond_chance() -> None:
    found = cohens_kappa({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15})
    assert found is not None and found.value == pytest.approx(0.4)
    assert found.low == pytest.approx(0.146, abs=1e-3) and found.high == pytest.approx(0.654, abs=1e-3)
    assert cohens_kappa({}) is None and cohens_kappa({("good", "good"): 9}) is None


# Fleiss, "Measuring nominal scale agreement among many raters", 1971, table 1: 30 patients, six psychiatrists; who said
# depression, personality disorder, schizophrenia, neurosis, other.
FLEISS_1971 = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 "
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)


def test_agreement_of_many_judges_as_published() -> None:
    patients = [dict(zip("dpsno", map(int, row), strict=True)) for row in FLEISS_1971.split()]
    assert [sum(each[word] for each in patients) for word in "dpsno"] == [26, 26, 30, 55, 43]
    found = fleiss_kappa(patients)
    assert found is not None and round(found, 3) == 0.430
    assert fleiss_kappa([{"good": 3}, {"good": 3}]) is None


@pytest.mark.parametrize(
    ("rate", "days", "scatter"), [(4.0, 5, 0.0), (40.0, 10, 0.0), (0.5, 7, 0.0), (3000.0, 6, 0.0), (30.0, 12, 5.0)]
)
def test_forecasts_hold_as_often_as_they_say(rate: float, days: int, scatter: float) -> None:
    pick = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        rates = pick.gamma(rate / scatter, scatter, days + 1) if scatter else np.full(days + 1, rate)
        counts = pick.poisson(rates)
        found = next_count([int(count) for count in counts[:-1]])
        held += found.low <= counts[-1] <= found.high
    assert 0.9 <= held / 400 <= 1.0


def test_a_forecast_needs_a_day() -> None:
    with pytest.raises(ValueError, match="period"):
        next_count([])
