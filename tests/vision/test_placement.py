"""Where the map says the defect is, there it is, whatever the picture's size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.vision import backbone
from app.vision.evaluation import full_map
from app.vision.geometry import Target, choose_target, covered_box, decimation, smoothing
from app.vision.graph import Network, PictureGraph
from app.vision.regions import find_regions

STRIDE = 16


def test_features_respond_where_the_offset_says() -> None:
    """The centroid of the change that a small square makes lies at the cell's middle plus the offset."""
    network = Network(Target(256, 256), (8, 10), backbone.pretrained(10))
    graph = PictureGraph(network, None)
    rng = np.random.default_rng(0)
    offsets = []
    for _ in range(40):
        plain = np.clip(rng.normal(127, 25, (256, 256, 3)), 0, 255).astype(np.uint8)
        x, y = rng.integers(70, 180, 2)
        marked = plain.copy()
        marked[y : y + 8, x : x + 8] = rng.integers(0, 255, 3)
        change = ((graph.run(marked)[0] - graph.run(plain)[0]) ** 2).sum(axis=1).reshape(16, 16)
        change[change < change.max() * 0.1] = 0
        middles = (np.arange(16) + 0.5) * STRIDE
        centre = np.array([(change.sum(axis) * middles).sum() / change.sum() for axis in (0, 1)])
        offsets.append(np.array([x + 4, y + 4]) - centre)
    error = np.mean(offsets, axis=0) - backbone.centre_offset(STRIDE)
    assert np.abs(error).max() < 1.0, error


@given(cells=st.integers(2, 40), sigma=st.floats(0.3, 3))
def test_smoothing_keeps_a_flat_map_flat(cells: int, sigma: float) -> None:
    matrix = smoothing(cells, STRIDE, sigma)
    assert matrix.shape == (2 * cells, cells)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)


@given(
    width=st.integers(64, 5000),
    height=st.integers(64, 5000),
    target=st.tuples(st.integers(2, 16), st.integers(2, 16)),
)
def test_what_the_network_saw_leaves_out_less_than_one_of_its_pixels(
    width: int, height: int, target: tuple[int, int]
) -> None:
    wanted = Target(32 * target[0], 32 * target[1])
    block = decimation(width, height, wanted)
    x, y, wide, tall = covered_box(width, height, block)
    assert (x, y) == (0, 0)
    assert width - wide < max(1, block) and height - tall < max(1, block)
    if block > 1:
        assert wide / block >= wanted.width and tall / block >= wanted.height


@given(
    width=st.integers(200, 3000),
    height=st.integers(200, 3000),
    place=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
@hypothesis_settings(max_examples=40)
def test_a_peak_of_the_map_becomes_a_region_at_its_place(width: int, height: int, place: tuple[float, float]) -> None:
    rows, columns = 24, 32
    box = covered_box(width, height, decimation(width, height, Target(192, 256)))
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


@given(sizes=st.lists(st.tuples(st.integers(64, 8000), st.integers(64, 8000)), min_size=1, max_size=9))
def test_the_target_keeps_size_and_aspect(sizes: list[tuple[int, int]]) -> None:
    target = choose_target(sizes, 256)
    assert target.height % 32 == target.width % 32 == 0
    assert 0.5 < target.height * target.width / 256**2 < 2
    aspects = sorted(width / height for width, height in sizes)
    assert target.width / target.height <= max(4.0, aspects[-1]) * 1.4
    assert target.width / target.height >= min(0.25, aspects[0]) / 1.4
