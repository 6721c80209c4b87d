"""Features of any number of pictures within a bound of memory, none of their kinds forgotten."""

from __future__ import annotations

import numpy as np

from app.vision.bank import Cells, Gathered
from app.vision.bank_graph import BankGraph

CELLS, CHANNELS = 6, 12
BOUND = 150_000  # bytes of whole grids kept
PLACES = np.stack([np.arange(CELLS) / CELLS, np.zeros(CELLS)], axis=1).astype(np.float32)


CENTRES = np.random.default_rng(2).normal(0, 3, (3, CELLS, CHANNELS))
NOISE = np.random.default_rng(1).normal(0, 0.1, (997, CELLS, CHANNELS))


def grid(number: int, look: int) -> Cells:
    """A picture's cells: all of one look, each at its own place in feature space."""
    return Cells((CENTRES[look] + NOISE[number % len(NOISE)] * (1 + number / 1e6)).astype(np.float32), PLACES)


def gathered(pictures: int, rare: frozenset[int]) -> tuple[Gathered, int]:
    """Streamed in one by one; and the most bytes of features that were held at any time."""
    found, most = Gathered(1, kept_bytes=BOUND), 0
    for number in range(pictures):
        found.add([grid(number, 1 if number in rare else 0)])
        if number % 50 == 0:
            most = max(most, found.held_bytes)
    return found, max(most, found.held_bytes)


def test_sixteen_thousand_pictures_stay_within_the_bound_and_a_rare_good_look_is_remembered() -> None:
    rare = frozenset({7001, 7003, 11_111})
    found, most = gathered(16_000, rare)
    assert len(found) == 16_000 and 16 <= len(found.kept) < 16_000
    whole = 16_000 * CELLS * (CHANNELS + 2) * 4
    # The kept grids, and at most the buffer of what was let go.
    assert most <= BOUND + 2 * 24_000 * (CHANNELS + 2) * 4 < whole
    bank = found.bank(0, (), 200, 0.0, np.random.default_rng(0), lambda: None)
    graph = BankGraph(bank)
    seen, again, never = (graph.run(grid(99_999, look).features, PLACES) for look in (0, 1, 2))
    assert again.max() < 0.3 * never.min() and seen.max() < 0.3 * never.min()


def test_the_same_pictures_give_the_same_bank() -> None:
    banks = [
        gathered(2_500, frozenset({5}))[0].bank(0, (), 100, 0.0, np.random.default_rng(0), lambda: None)
        for _ in range(2)
    ]
    assert (banks[0].vectors == banks[1].vectors).all() and (banks[0].mean == banks[1].mean).all()


def test_a_picture_left_out_is_not_in_the_bank_and_cells_that_do_not_count_neither() -> None:
    found = Gathered(1)
    for number in range(6):
        found.add([grid(number, int(number == 5))])
    without = BankGraph(found.bank(0, (5,), 500, 0.0, np.random.default_rng(0), lambda: None))
    seen = BankGraph(found.bank(0, (), 500, 0.0, np.random.default_rng(0), lambda: None))
    near, far = (each.run(grid(5, 1).features, PLACES) for each in (seen, without))
    assert near.max() < 0.3 * far.min()
    counts = np.zeros(CELLS, np.bool_)
    counts[:4] = True
    found.count_only(0, counts)
    bank = found.bank(0, (), 500, 0.0, np.random.default_rng(0), lambda: None)
    assert len(bank.vectors) == 6 * 4 and set(bank.places[:, 0]) == set(PLACES[:4, 0])
