"""Whole grids are kept in half precision, few of them where pictures are large."""

from __future__ import annotations

import numpy as np
import pytest

from app.vision.bank import Cells, Gathered

CELLS, CHANNELS = 500, 16
PLACES = np.stack([np.arange(CELLS) / CELLS, np.zeros(CELLS)], axis=1).astype(np.float32)


def grid(number: int, scale: float, offset: float) -> Cells:
    rng = np.random.default_rng(number)
    return Cells((offset + scale * rng.standard_normal((CELLS, CHANNELS))).astype(np.float32), PLACES)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-5, 0.0), (3e6, 1e7), (0.5, 400.0)])
def test_kept_features_come_back_to_a_thousandth_of_what_tells_them_apart(scale: float, offset: float) -> None:
    found = Gathered(1)
    grids = [grid(number, scale, offset) for number in range(3)]
    for each in grids:
        found.add([each])
    for number, each in enumerate(grids):
        off = np.abs(found.cells(0, number).features - each.features).max()
        # Beside half precision, what single precision holds of numbers of this size.
        assert off < 2e-3 * scale + 2e-7 * abs(offset)
    assert found.held_bytes < 3 * (grids[0].features.nbytes + PLACES.nbytes) * 0.6


def test_a_channel_that_did_not_differ_at_first_may_differ_later() -> None:
    found = Gathered(1)
    still = grid(0, 1.0, 0.0)
    still.features[:, 3] = 7.0
    found.add([still])
    found.add([grid(1, 1.0, 0.0)])
    assert np.abs(found.cells(0, 1).features - grid(1, 1.0, 0.0).features).max() < 0.02


def test_of_large_pictures_some_stay_and_of_the_others_a_sample() -> None:
    one = Gathered(1)
    one.add([grid(0, 1.0, 0.0)])
    found = Gathered(1, kept_bytes=one.held_bytes)  # less than two grids
    for number in range(40):
        found.add([grid(number, 1.0, 0.0)])
    assert 5 < len(found.kept) <= 10
    bank = found.bank(0, (), 200, 0.0, np.random.default_rng(0), lambda: None)
    assert len(bank.vectors) == 200


def test_features_that_do_not_count_are_in_no_bank() -> None:
    found = Gathered(1)
    counts = np.arange(CELLS) < 300
    for number in range(5):
        whole = grid(number, 1.0, 0.0)
        whole.features[300:] += 1000.0
        found.add([Cells(whole.features, PLACES, counts)])
    bank = found.bank(0, (), 100, 0.0, np.random.default_rng(0), lambda: None)
    assert np.abs(bank.mean).max() < 1.0 and bank.places[:, 0].max() < 0.6


def test_no_view_is_larger_than_a_model_file_and_the_memory_hold() -> None:
    from app.vision.views import candidates

    sizes = [max(view.size for view in candidates(None, detail, [(30_000, 20_000)])) for detail in (None, 1.0, 8.0)]
    assert sizes == [1024, 6144, 3062]
