"""Leaving out comparisons that can't matter changes no distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.cameras.demo import DefectKind, draw_part
from app.vision import artefact
from app.vision.bank import MemoryBank
from app.vision.bank_graph import BankGraph
from app.vision.geometry import places
from app.vision.graph import ViewGraph
from app.vision.looking import Eye
from app.vision.nearby import find_nearby

CHANNELS = 8


def bank(rows: int, columns: int, count: int, weight: float, seed: int) -> MemoryBank:
    """Vectors that lay on cells of such a grid."""
    rng = np.random.default_rng(seed)
    return MemoryBank(
        mean=np.zeros(CHANNELS, np.float32),
        deviation=np.ones(CHANNELS, np.float32),
        vectors=rng.normal(0, 1, (count, CHANNELS)).astype(np.float32),
        places=places(rows, columns)[rng.integers(0, rows * columns, count)],
        place_weight=weight,
    )


def distances(bank: MemoryBank, cells: np.ndarray, where: np.ndarray, of: np.ndarray) -> np.ndarray:
    """(cells, of): root mean square a channel to the vectors with these numbers."""
    off = cells[:, None] - bank.vectors[None, of]
    apart = where[:, None] - bank.places[None, of]
    return np.asarray(np.sqrt((off**2).mean(2) + bank.place_weight**2 * (apart**2).sum(2)))


@given(
    rows=st.integers(8, 30),
    columns=st.integers(8, 30),
    weight=st.floats(0.5, 10),
    reach=st.floats(0.02, 0.3),
    seed=st.integers(0, 1000),
)
@hypothesis_settings(max_examples=15, deadline=None)
def test_what_is_left_out_is_no_nearer_than_said(
    rows: int, columns: int, weight: float, reach: float, seed: int
) -> None:
    limit = weight * reach  # so far apart, as a share of a side
    known = bank(rows, columns, 4000, weight, seed)
    where = places(rows, columns)
    found = find_nearby(known, where, rows, columns, limit)
    assume(found is not None)
    assert found is not None
    assert sorted(np.concatenate(found.cells)) == list(range(rows * columns))
    for mine, near in zip(found.cells, found.vectors, strict=True):
        out = np.setdiff1d(np.arange(len(known.vectors)), near)
        if len(out):
            least = distances(known, known.vectors[:1].repeat(len(mine), 0), where[mine], out).min(1)
            assert (least >= found.beyond[mine] - 1e-5).all()
            assert found.beyond[mine].min() >= limit - 1e-5
        else:
            assert np.isinf(found.beyond[mine]).all()


@pytest.mark.parametrize(("count", "weight", "limit"), [(4000, 0.0, 0.2), (100, 3.0, 0.2), (4000, 3.0, 5.0)])
def test_everything_is_compared_where_nothing_is_gained(count: int, weight: float, limit: float) -> None:
    """Places do not count; there is little to compare; nearly everything would be compared all the same."""
    assert find_nearby(bank(12, 22, count, weight, 0), places(12, 22), 12, 22, limit) is None


def test_distances_are_those_of_the_whole_bank(demo_model: Path) -> None:
    model, _ = artefact.load(demo_model)
    views, banks = [each.view for each in model.views], [each.bank for each in model.views]
    assert banks[0].place_weight
    usual = [each.scale.limit for each in model.views]
    # Of good parts no cell needs the whole bank, of a scratch some, of noise all.
    pictures = [draw_part(5, 1), draw_part(5, 1, DefectKind.SCRATCH)]
    pictures.append(np.random.default_rng(0).integers(0, 255, pictures[0].shape, np.uint8))
    for features in (False, True):
        every = Eye(model.network, views, banks, features=features)
        some = Eye(model.network, views, banks, features=features, usual=usual)
        every.expect_one_size()
        some.expect_one_size()
        for picture in pictures:
            for one, other in zip(every.look(picture), some.look(picture), strict=True):
                assert one.distances is not None and other.distances is not None
                np.testing.assert_allclose(one.distances, other.distances, atol=1e-5)
                if features:
                    np.testing.assert_allclose(one.features, other.features, atol=1e-4)


def test_a_piece_of_a_large_canvas_is_no_whole_one(demo_model: Path) -> None:
    """The last pass over many pieces may have a single one."""
    model, _ = artefact.load(demo_model)
    each = model.views[0]
    graph = ViewGraph(model.network, 1, each.bank, features=True, usual=each.scale.limit)
    batch = np.random.default_rng(1).integers(0, 255, (1, 192, 352, 3), np.uint8)
    where = places(192 // model.network.stride, 352 // model.network.stride)
    for place in (where, where / 2 + np.float32(0.5)):
        for _ in range(5):  # the last by a graph for just this size
            features, distances = graph.run(batch, place)
        assert features is not None and distances is not None
        np.testing.assert_allclose(distances, BankGraph(each.bank).run(features, place), atol=1e-4)
