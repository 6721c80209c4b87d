"""The control chart against worked numbers."""

from __future__ import annotations

import math

import pytest

from app.reports.chance import chi_square_tail, fleiss_kappa
from app.reports.control import p_chart


def test_limits_follow_the_size_of_each_day() -> None:
    chart = p_chart([("a", 5, 100), ("b", 10, 100), ("c", 40, 400), ("d", 0, 0), ("e", 60, 100)], "day")
    assert chart is not None and chart.centre == pytest.approx(115 / 700)
    spread = chart.centre * (1 - chart.centre)
    assert chart.points[0].high == pytest.approx(chart.centre + 3 * math.sqrt(spread / 100))
    assert chart.points[2].high == pytest.approx(chart.centre + 3 * math.sqrt(spread / 400))
    assert chart.points[3].share is None and chart.points[3].low is None and not chart.points[3].out
    assert [point.name for point in chart.out] == ["a", "c", "e"]
    assert not chart.laney  # too few days to tell
    assert chart.words.startswith("3 of 4 days outside the limits; mean 16.43% failed.")


def test_scatter_of_chance_keeps_shewharts_limits_and_more_takes_laneys() -> None:
    calm = p_chart([(str(n), 50 + (-5, 5, 3, -3)[n % 4], 1000) for n in range(20)], "day")
    wild = p_chart([(str(n), 500 + (-80, 80, 50, -50)[n % 4], 10_000) for n in range(20)], "day")
    assert calm is not None and wild is not None
    assert not calm.laney and "Shewhart" in calm.words
    assert wild.laney and wild.sigma_z > 3 and "Laney" in wild.words
    assert not wild.out  # Shewhart's limits, +-0.0065, would call every other day an alarm
    assert wild.points[0].high == pytest.approx(0.05 + 3 * math.sqrt(0.05 * 0.95 / 10_000) * wild.sigma_z)


@pytest.mark.parametrize("failed", [0, 10])
def test_all_good_or_all_bad_has_no_scatter(failed: int) -> None:
    chart = p_chart([("a", failed, 10), ("b", failed, 10)], "hour")
    assert chart is not None and chart.centre == failed / 10 and not chart.out
    assert chart.words.startswith("All 2 hours within limits")


def test_nothing_judged_is_no_chart() -> None:
    assert p_chart([("a", 0, 0)], "hour") is None


def test_the_chi_square_tail_is_that_of_the_tables() -> None:
    for value, degrees, tail in ((18.307, 10, 0.05), (43.773, 30, 0.05), (50.892, 30, 0.01), (9.342, 10, 0.5)):
        assert chi_square_tail(value, degrees) == pytest.approx(tail, abs=0.002)


def test_fleiss_kappa_of_the_example_of_ten_subjects_and_fourteen_raters() -> None:
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    parts = [{str(word): n for word, n in enumerate(row)} for row in table]
    assert fleiss_kappa(parts) == pytest.approx(0.210, abs=0.0005)
    assert fleiss_kappa([{"PASS": 3}, {"PASS": 2}]) is None
