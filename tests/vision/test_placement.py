"""Where the map says the defect is, there it is, whatever the picture's size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.vision import backbones
from app.vision.evaluation import full_map
from app.vision.geometry import MARGIN, TILE, Target, canvas_for, covered_box, halvings, smoothing, windows
from app.vision.graph import Network, ViewGraph
from app.vision.regions import find_regions

STRIDE = 16


@given(cells=st.integers(2, 40), sigma=st.floats(0.3, 3))
def test_smoothing_keeps_a_flat_map_flat(cells: int, sigma: float) -> None:
    matrix = smoothing(cells, STRIDE, sigma, 3.0)
    assert matrix.shape == (2 * cells, cells)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)


@given(width=st.integers(16, 30_000), height=st.integers(16, 30_000), size=st.integers(64, 1024))
def test_the_canvas_leaves_out_less_than_one_of_its_pixels(width: int, height: int, size: int) -> None:
    canvas = canvas_for(width, height, size, 32)
    assert canvas.width % 32 == canvas.height % 32 == 0
    x, y, wide, tall = covered_box(width, height, canvas)
    assert (x, y) == (0, 0)
    times = halvings(width, height, canvas)
    assert width - wide < 2**times and height - tall < 2**times
    assert width >> times >= canvas.width or times == 0
    assert height >> times >= canvas.height or times == 0
    # The aspect ratio is kept but for the rounding to whole strides.
    if max(canvas.width, canvas.height) < 16_384 and min(canvas.width, canvas.height) > 64:
        assert abs(np.log(canvas.width / canvas.height * height / width)) < 0.5


@given(width=st.integers(2, 130), height=st.integers(2, 130))
def test_windows_cover_the_canvas_once_and_hide_what_sees_a_cut(width: int, height: int) -> None:
    canvas = Target(32 * height, 32 * width)
    pieces = windows(canvas, STRIDE, 32)
    seen = np.zeros((canvas.height // STRIDE, canvas.width // STRIDE), int)
    for piece in pieces:
        assert (piece.width, piece.height) == (pieces[0].width, pieces[0].height)
        assert piece.width * piece.height <= TILE * TILE
        assert piece.x % STRIDE == piece.y % STRIDE == piece.left % STRIDE == piece.top % STRIDE == 0
        assert 0 <= piece.x <= piece.left < piece.right <= piece.x + piece.width <= canvas.width
        assert 0 <= piece.y <= piece.top < piece.bottom <= piece.y + piece.height <= canvas.height
        for inner, outer, end in (
            (piece.left - piece.x, piece.left, 0),
            (piece.top - piece.y, piece.top, 0),
            (piece.x + piece.width - piece.right, piece.right, canvas.width),
            (piece.y + piece.height - piece.bottom, piece.bottom, canvas.height),
        ):
            assert inner >= MARGIN - STRIDE or outer == end
        seen[piece.top // STRIDE : piece.bottom // STRIDE, piece.left // STRIDE : piece.right // STRIDE] += 1
    assert (seen == 1).all()


def test_tiles_see_what_one_look_at_the_whole_sees() -> None:
    """A canvas cut into windows gives nearly the features of the uncut one: only far surroundings differ."""
    backbone = backbones.default()
    layers = backbone.default_layers
    network = Network(backbone, layers, backbone.arrays(layers))
    picture = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    target = Target(640, 896)
    pieces = windows(target, 16, 32)
    assert len(pieces) == 4
    graph = ViewGraph(network, 1, None, features=True)
    whole, _ = graph.run(picture[None])
    cut, _ = graph.run(np.stack([picture[p.y : p.y + p.height, p.x : p.x + p.width] for p in pieces]))
    assert whole is not None and cut is not None
    by_window = cut.reshape(len(pieces), pieces[0].height // 16, pieces[0].width // 16, -1)
    uncut = whole.reshape(40, 56, -1)
    for piece, grid in zip(pieces, by_window, strict=True):
        top, left = piece.y // 16, piece.x // 16
        used = np.s_[piece.top // 16 : piece.bottom // 16, piece.left // 16 : piece.right // 16]
        mine = grid[used[0].start - top : used[0].stop - top, used[1].start - left : used[1].stop - left]
        error = np.abs(mine - uncut[used]).mean() / uncut.std()
        assert error < 0.05, error


@given(
    width=st.integers(200, 3000),
    height=st.integers(200, 3000),
    place=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
@hypothesis_settings(max_examples=40)
def test_a_peak_of_the_map_becomes_a_region_at_its_place(width: int, height: int, place: tuple[float, float]) -> None:
    rows, columns = 24, 32
    box = covered_box(width, height, Target(192, 256))
    ys, xs = np.mgrid[0:rows, 0:columns] + 0.5
    heat = np.exp(-(((xs / columns - place[0]) * columns / 2) ** 2 + ((ys / rows - place[1]) * rows / 2) ** 2))
    heat = heat.astype(np.float32)
    limit = float(heat.max()) * 0.6
    (region,) = find_regions(heat, box, (width, height), limit)
    assert abs(region.x + region.width / 2 - place[0] * box[2]) < 1.5 * box[2] / columns
    assert abs(region.y + region.height / 2 - place[1] * box[3]) < 1.5 * box[3] / rows
    assert region.score == pytest.approx(float(heat.max()), rel=0.05)
    assert 0 < region.area <= region.width * region.height
    assert region.x >= 0 and region.x + region.width <= width
    assert region.y >= 0 and region.y + region.height <= height
    xs_out, ys_out = zip(*region.outline, strict=True)
    assert min(xs_out) >= 0 and max(xs_out) < width and min(ys_out) >= 0 and max(ys_out) < height
    whole = full_map(heat, box, (width, height))
    assert whole.shape == (height, width)
    top = np.unravel_index(int(whole.argmax()), whole.shape)
    assert abs(top[1] - place[0] * box[2]) < 1.5 * box[2] / columns
    assert abs(top[0] - place[1] * box[3]) < 1.5 * box[3] / rows


def test_two_defects_are_two_regions_strongest_first() -> None:
    heat = np.zeros((20, 20), np.float32)
    heat[4:7, 4:7], heat[14:16, 12:15] = 2.0, 3.0
    regions = find_regions(heat, (0, 0, 400, 400), (400, 400), 1.0)
    assert [region.score for region in regions] == [3.0, 2.0]
    assert regions[0].x > regions[1].x
    assert find_regions(heat, (0, 0, 400, 400), (400, 400), 3.5) == ()


def test_a_single_hot_cell_is_found_although_enlarging_shaves_it() -> None:
    heat = np.zeros((10, 10), np.float32)
    heat[3, 7] = 1.0
    (region,) = find_regions(heat, (0, 0, 100, 100), (100, 100), 1.0)
    assert (region.x, region.y, region.width, region.height) == (70, 30, 10, 10)
