"""Kappa, shares and who counts, against values worked out in another way."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.records import Review
from app.domain.review import Origin, Reviewed, settled
from app.domain.verdict import Verdict
from app.lifecycle.agreement import (
    blind_agreement,
    cohen_kappa,
    escapes,
    false_alarms,
    present,
    share,
    station_agreement,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def pairs_of(table: list[list[int]]) -> list[tuple[str, str]]:
    return [
        (f"answer {row}", f"answer {column}")
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]


def kappa_by_delta(table: list[list[int]]) -> tuple[float, float]:
    """(kappa, its standard error): the delta method with a numerical gradient over the cells of a multinomial."""
    cells = np.array(table, float)
    number = cells.sum()
    shares = (cells / number).ravel()

    def kappa(p: np.ndarray) -> float:
        square = p.reshape(cells.shape) / p.sum()
        observed = np.trace(square)
        expected = float(square.sum(1) @ square.sum(0))
        return float((observed - expected) / (1 - expected))

    step = 1e-6
    gradient = np.array(
        [(kappa(shares + step * unit) - kappa(shares - step * unit)) / (2 * step) for unit in np.eye(shares.size)]
    )
    spread = (np.diag(shares) - np.outer(shares, shares)) / number
    return kappa(shares), math.sqrt(gradient @ spread @ gradient)


@pytest.mark.parametrize("table", [[[20, 5], [10, 15]], [[45, 15], [25, 15]], [[30, 2, 1], [3, 20, 4], [0, 2, 9]]])
def test_kappa_and_its_interval(table: list[list[int]]) -> None:
    found = cohen_kappa(pairs_of(table))
    kappa, error = kappa_by_delta(table)
    assert found.kappa == pytest.approx(kappa, abs=1e-9)
    assert found.low == pytest.approx(kappa - 1.959964 * error, abs=1e-4)
    assert found.high == pytest.approx(kappa + 1.959964 * error, abs=1e-4)


def test_kappa_of_a_textbook() -> None:
    # Fleiss, Levin & Paik, "Statistical Methods for Rates and Proportions", example 18.1: kappa 0.68.
    found = cohen_kappa(pairs_of([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found.kappa == pytest.approx(0.6765, abs=5e-4)


def test_kappa_that_is_not_defined_is_none() -> None:
    assert cohen_kappa([]).kappa is None
    assert cohen_kappa([("good", "good")]).kappa is None
    assert cohen_kappa([("good", "good")] * 20).kappa is None


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_share_is_where_its_score_test_does_not_reject(count: int, more: int) -> None:
    of = count + more
    found = share(count, of)
    if of == 0:
        assert found.value is None
        return
    for end in (found.low, found.high):
        if 0 < end < 1:  # |p - end| is exactly 1.96 standard errors at `end`
            assert abs(count / of - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / of), rel=1e-5)


NUMBERS = itertools.count(1)


def said(verdict: Verdict, person: str = "A", origin: Origin = Origin.REVIEW) -> Review:
    return Review("i", NOW, person, verdict, origin=origin, seq=next(NUMBERS))


def part(verdict: Verdict, *reviews: Review, sampled: bool = True) -> Reviewed:
    return Reviewed("i", NOW, "usb:0", verdict, reviews, sampled)


def test_only_parts_drawn_at_random_tell_how_often_the_station_is_wrong() -> None:
    good, bad = said(Verdict.PASS), said(Verdict.FAIL)
    parts = [
        part(Verdict.FAIL, bad),
        part(Verdict.FAIL, good),
        part(Verdict.FAIL, good, sampled=False),
        part(Verdict.PASS, good),
        part(Verdict.PASS, bad),
        part(Verdict.PASS, good),
        part(Verdict.RETEST, good),
        part(Verdict.PASS, said(Verdict.RETEST)),
    ]
    assert (false_alarms(parts).count, false_alarms(parts).of) == (1, 2)
    assert (escapes(parts).count, escapes(parts).of) == (1, 3)
    assert (station_agreement(parts).count, station_agreement(parts).of) == (3, 5)


def test_an_earlier_model_says_nothing_of_the_present_one() -> None:
    def judged(days: int, model: int, product: str = "Plate") -> Reviewed:
        when = NOW + timedelta(days=days)
        return replace(part(Verdict.FAIL, said(Verdict.PASS)), captured_at=when, model=model, product=product)

    parts = [judged(0, 1), judged(1, 2), judged(2, 2), judged(3, 7, "Bracket")]
    assert present(parts, "Plate") == parts[1:3]
    assert present(parts, "Cover") == []


def test_a_blind_second_opinion_is_held_against_the_first() -> None:
    first, second = said(Verdict.FAIL, "A"), said(Verdict.PASS, "B", Origin.SECOND)
    found = blind_agreement([part(Verdict.FAIL, first, second), part(Verdict.FAIL, first)])
    assert (found.pairs, found.same) == (1, 0)


def test_most_people_decide_and_a_tie_decides_nothing() -> None:
    bad, good = said(Verdict.FAIL, "A"), said(Verdict.PASS, "B", Origin.SECOND)
    third = said(Verdict.FAIL, "C", Origin.SECOND)
    assert settled([bad]) is bad
    assert settled([bad, good]) is None
    assert settled([bad, good, third]) is bad
    assert settled([said(Verdict.RETEST)]) is None
    assert settled([said(Verdict.FAIL, "A", Origin.OVERRIDE)]) is None


def test_what_was_taken_back_counts_no_more() -> None:
    bad = said(Verdict.FAIL)
    undo = replace(said(Verdict.FAIL, origin=Origin.UNDO), undoes=bad.seq)
    assert settled([bad, undo]) is None
    good = said(Verdict.PASS)
    assert settled([bad, undo, good]) is good
