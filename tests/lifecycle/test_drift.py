"""Distances of distributions against plain implementations, and weeks that move."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from app.domain.calendar import day_of
from app.domain.records import Review
from app.domain.review import Level, Origin, Reviewed
from app.domain.verdict import Verdict
from app.lifecycle.drift import Span, binomial_limits, cameras_drift, ks, psi, psi_by_chance, week_of
from app.lifecycle.drift import weeks_of as weeks_of_days
from app.store.reviewing import Figures, Scored

MONDAY = datetime(2026, 9, 7, 8, tzinfo=UTC)


def plain_psi(reference: list[float], newer: list[float]) -> float:
    """Bin by bin, with edges by sorting and interpolation."""
    ordered = sorted(reference)
    edges = []
    for tenth in range(1, 10):
        place = tenth / 10 * (len(ordered) - 1)
        low = math.floor(place)
        edges.append(ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]))
    total = 0.0
    for index in range(10):
        inside = [
            sum((index == 0 or value >= edges[index - 1]) and (index == 9 or value < edges[index]) for value in values)
            for values in (reference, newer)
        ]
        p = (inside[0] + 0.5) / (len(reference) + 5)
        q = (inside[1] + 0.5) / (len(newer) + 5)
        total += (q - p) * math.log(q / p)
    return total


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.5])
def test_psi(shift: float) -> None:
    rng = np.random.default_rng(3)
    old, new = rng.normal(0, 1, 431), rng.normal(shift, 1.1, 187)
    assert psi(old, new) == pytest.approx(plain_psi(list(old), list(new)), rel=1e-9)


def test_psi_that_chance_brings_about() -> None:
    rng = np.random.default_rng(4)
    seen = [psi(rng.normal(size=400), rng.normal(size=150)) for _ in range(2000)]
    assert 0.97 < np.mean(np.array(seen) < psi_by_chance(400, 150)) <= 1.0
    assert np.quantile(seen, 0.99) == pytest.approx(psi_by_chance(400, 150), rel=0.25)


def test_ks_distance_by_looking_everywhere() -> None:
    rng = np.random.default_rng(5)
    old, new = rng.normal(0, 1, 60), np.round(rng.normal(0.4, 1, 45), 1)
    everywhere = np.concatenate([old, new])
    widest = max(abs(np.mean(old <= x) - np.mean(new <= x)) for x in everywhere)
    assert ks(old, new)[0] == pytest.approx(widest, abs=1e-12)


def test_ks_chance_by_shuffling() -> None:
    rng = np.random.default_rng(6)
    old, new = rng.normal(0, 1, 150), rng.normal(0.28, 1, 120)
    distance, chance = ks(old, new)
    both = np.concatenate([old, new])
    larger = 0
    for _ in range(3000):
        rng.shuffle(both)
        larger += ks(both[:150], both[150:])[0] >= distance - 1e-12
    assert chance == pytest.approx(larger / 3000, abs=0.02)


def test_what_is_the_same_has_not_moved() -> None:
    values = np.linspace(0, 1, 100)
    assert ks(values, values) == (0.0, 1.0)
    assert psi(values, values) == 0.0
    assert psi(np.ones(50), np.ones(50)) == 0.0  # scores that never differ have no edges between bins
    with pytest.raises(ValueError, match="without values"):
        ks([], values)


@pytest.mark.parametrize(("share", "number"), [(0.1, 30), (0.5, 12), (0.03, 200), (0.0, 10), (1.0, 5)])
def test_control_limits_of_a_share_by_counting(share: float, number: int) -> None:
    chances = [math.comb(number, k) * share**k * (1 - share) ** (number - k) for k in range(number + 1)]
    low, high = binomial_limits(share, number)
    assert sum(chances[k] for k in range(number + 1) if k / number < low) <= 0.00135
    assert sum(chances[k] for k in range(number + 1) if k / number > high) <= 0.00135 + 1e-12
    # and the limits are no wider than that takes
    assert sum(chances[k] for k in range(number + 1) if k / number >= high) > 0.00135
    assert sum(chances[k] for k in range(number + 1) if k / number <= low) > 0.00135


def week(moment: datetime) -> date:
    return week_of(moment.date())


def weeks_of(shifts: list[float], parts: int = 220, camera: str = "usb:0") -> list[Scored]:
    rng = np.random.default_rng(8)
    return [
        Scored(
            1000 * number + index,
            MONDAY + timedelta(weeks=number, minutes=index),
            camera,
            "plate@1",
            "ab" * 32,
            float(rng.normal(0.4 + shift, 0.08)),
        )
        for number, shift in enumerate(shifts)
        for index in range(parts)
    ]


def drift_of(scored: list[Scored], **changes):  # type: ignore[no-untyped-def]
    given = {"quality": lambda sha: {}, "spans": lambda sha: {}, "reviewed": []} | changes
    return cameras_drift(scored, given["quality"], given["spans"], given["reviewed"], week)


def test_scores_that_stay_are_steady_and_scores_that_move_are_told() -> None:
    (camera,) = drift_of(weeks_of([0, 0, 0.03, 0.2]))
    score = camera.trends[0]
    assert [each.level for each in score.weeks] == [Level.STEADY, Level.STEADY, Level.MOVING, Level.DRIFTED]
    assert camera.level is Level.DRIFTED and "PSI" in score.words
    assert camera.reference == "220 parts of the first week with plate@1"


def test_a_week_that_has_just_begun_hides_nothing() -> None:
    scored = weeks_of([0, 0.3, 0.3])
    (camera,) = drift_of([each for each in scored if each.seq < 2020])  # 20 parts of the newest week
    assert [each.level for each in camera.trends[0].weeks] == [Level.STEADY, Level.DRIFTED, Level.UNKNOWN]
    assert camera.level is Level.DRIFTED and "PSI" in camera.trends[0].words


def test_weeks_are_those_of_the_stations_days() -> None:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    found = weeks_of_days(MONDAY - timedelta(weeks=30), MONDAY + timedelta(weeks=4), zone, time(6))
    for hours in range(0, 24 * 240, 7):
        moment = MONDAY - timedelta(weeks=30) + timedelta(hours=hours)
        assert found(moment) == week_of(day_of(moment, zone, time(6)))


def test_too_few_parts_are_no_verdict() -> None:
    (camera,) = drift_of(weeks_of([0, 0.5], parts=30))
    assert camera.trends[0].level is Level.UNKNOWN


def test_another_model_begins_anew() -> None:
    old = weeks_of([0.0, 0.0])
    new = [
        Scored(
            each.seq + 9000, each.captured_at + timedelta(weeks=2), each.camera, "plate@2", "cd" * 32, each.score + 1
        )
        for each in old
    ]
    (camera,) = drift_of(old + new)
    assert camera.model == "plate@2" and camera.level is Level.STEADY
    assert len(camera.trends[0].weeks) == 2


def test_each_camera_has_its_own() -> None:
    found = drift_of(sorted(weeks_of([0, 0]) + weeks_of([0, 0.4], camera="usb:1"), key=lambda each: each.captured_at))
    assert {each.camera: each.level for each in found} == {"usb:0": Level.STEADY, "usb:1": Level.DRIFTED}


def test_pictures_are_warned_of_before_they_are_refused() -> None:
    scored = weeks_of([0, 0, 0, 0])
    ratio = {0: 1.0, 1: 0.85, 2: 0.68, 3: 0.58}  # refused below 0.5: half of the way is at 0.71, four fifths at 0.57
    figures = {each.seq: Figures(ratio[(each.captured_at - MONDAY).days // 7], 1.0, 1.0, 1.0) for each in scored}
    (camera,) = drift_of(scored, quality=lambda sha: figures, spans=lambda sha: {"sharpness": Span(0.5, None)})
    sharpness = next(each for each in camera.trends if each.name == "Sharpness")
    assert [each.level for each in sharpness.weeks] == [Level.STEADY, Level.STEADY, Level.MOVING, Level.MOVING]
    assert "0.50" in sharpness.words


def test_false_alarms_beyond_chance() -> None:
    scored = weeks_of([0, 0])

    def part(number: int, days: float, wrong: bool) -> Reviewed:
        review = Review(str(number), MONDAY, "A", Verdict.PASS if wrong else Verdict.FAIL, origin=Origin.REVIEW, seq=1)
        return Reviewed(str(number), MONDAY + timedelta(days=days), "usb:0", Verdict.FAIL, (review,), True)

    reviewed = [part(each, 0, each < 2) for each in range(20)] + [part(50 + each, 7, each < 9) for each in range(15)]
    (camera,) = drift_of(scored, reviewed=reviewed)
    alarms = camera.trends[-1]
    assert [each.value for each in alarms.weeks] == [0.1, 0.6]
    assert alarms.level is Level.DRIFTED
