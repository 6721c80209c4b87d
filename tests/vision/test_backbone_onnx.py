"""Any ONNX feature extractor becomes a backbone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
import openvino as ov
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from openvino import opset13 as op

from app.domain.errors import ModelError
from app.vision import backbones
from app.vision.backbones import lite0
from app.vision.backbones.base import Backbone
from app.vision.backbones.onnx import ARRAY, OnnxBackbone, OnnxDescription
from app.vision.parts import Arrays
from app.vision.runtime import compile_graph
from tests.vision.onnx_nets import OPSET, convolution, kernel, model, one_layer, read, small_net


@pytest.fixture(autouse=True)
def known_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test adds is known to that test only."""
    monkeypatch.setattr(backbones, "_added", {})
    yield


def features(backbone: Backbone, pixels: NDArray[np.float32], layers: Sequence[str]) -> list[NDArray[np.float32]]:
    """(B, 3, H, W) pixels 0..255 R, G, B -> the layers' grids."""
    return run(backbone, backbone.arrays(layers), pixels, layers)


def run(
    backbone: Backbone, arrays: Arrays, pixels: NDArray[np.float32], layers: Sequence[str]
) -> list[NDArray[np.float32]]:
    given = op.parameter([-1, 3, -1, -1], ov.Type.f32)
    nodes = backbone.build(given, arrays, layers)
    request = compile_graph(ov.Model([op.result(node) for node in nodes], [given], "test")).create_infer_request()
    request.infer([pixels])
    return [request.get_output_tensor(index).data.copy() for index in range(len(nodes))]


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)


@pytest.fixture(scope="module")
def small() -> OnnxBackbone:
    return read(small_net(), ["b", "c", "d"])


# -- what it is for
def test_a_registered_extractor_is_found_by_its_name_and_knows_its_layers() -> None:
    found = OnnxBackbone.read(small_net().SerializeToString(), "small-net", ["d", "b", "c"], title="Small net")
    backbones.add(found)
    assert backbones.get("small-net") is found
    assert found in backbones.backbones() and found.available()
    assert [(layer.name, layer.channels, layer.stride) for layer in found.layers] == [
        ("b", 8, 4),
        ("c", 16, 8),
        ("d", 32, 16),
    ]
    assert found.default_layers == ("d",)
    assert (found.title, found.multiple) == ("Small net", 32)


def test_it_gives_what_the_whole_model_gives_inside() -> None:
    # The same numbers as the runtime's own reading of the whole model, given prepared pictures.
    net = small_net()
    net.graph.output.extend([onnx.ValueInfoProto(name="b"), onnx.ValueInfoProto(name="d")])
    pixels = noise(2, 3, 64, 96)
    mean, scale = np.array([10, 20, 30], np.float32), np.array([50, 60, 70], np.float32)
    for colours in ("rgb", "bgr"):
        found = OnnxBackbone.read(
            net.SerializeToString(), "small-net", ["b", "d"], mean=mean, scale=scale, colours=colours
        )
        seen = pixels[:, ::-1] if colours == "bgr" else pixels
        prepared = (seen - mean[:, None, None]) / scale[:, None, None]
        whole = ov.Core().compile_model(
            ov.Core().read_model(net.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        expected = whole(prepared)
        for ours, name in zip(features(found, pixels, ["b", "d"]), ("b", "d"), strict=True):
            np.testing.assert_allclose(ours, expected[name], rtol=1e-4, atol=1e-4)


def test_pictures_of_any_number_and_size_each_on_its_own() -> None:
    found = read(small_net(["number", 3, 224, 224]), ["d"])  # exported with closed sides, opened here
    pixels = noise(3, 3, 96, 64)
    (together,) = features(found, pixels, ["d"])
    assert together.shape == (3, 32, 6, 4)
    for index in range(3):
        (alone,) = features(found, pixels[index : index + 1], ["d"])
        np.testing.assert_allclose(together[index], alone[0], rtol=1e-5, atol=1e-5)


def test_lite0_exported_to_onnx_is_lite0() -> None:
    ours = backbones.get(lite0.NAME)
    if not ours.available():
        pytest.skip("the weights' package is not installed")
    layers = ["block2", "block8"]
    exported = OnnxBackbone.read(
        exported_lite0(ours.arrays(layers), ours.expected_shapes(layers)),
        "lite0-onnx",
        layers,
        mean=[lite0.INPUT_MEAN] * 3,
        scale=[1 / lite0.INPUT_SCALE] * 3,
    )
    pixels = noise(1, 3, 96, 128)
    for mine, theirs in zip(features(ours, pixels, layers), features(exported, pixels, layers), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
    for name in layers:
        assert abs(exported.centre_offset(name) - ours.centre_offset(name)) < 1.0


def exported_lite0(arrays: Arrays, shapes: dict[str, tuple[int, ...]]) -> bytes:
    """The network as ONNX, told by the names and shapes of its kernels alone."""
    nodes: list[onnx.NodeProto] = []
    names = [name.removesuffix(".kernel") for name in shapes if name.endswith(".kernel")]
    strides = {"stem": 2, "block1.depthwise": 2, "block3.depthwise": 2, "block5.depthwise": 2}
    before = block_input = "picture"
    for name in names:
        block, _, part = name.partition(".")
        if part == "expand" or name == "block0.depthwise":
            block_input = before
        shape, out = shapes[f"{name}.kernel"], f"{name}.out"
        attributes = {
            "strides": [strides.get(name, 1)] * 2,
            "kernel_shape": list(shape[2:]),
            "auto_pad": "SAME_UPPER",
            "group": shape[0] if part == "depthwise" else 1,
        }
        nodes.append(helper.make_node("Conv", [before, f"{name}.kernel", f"{name}.bias"], [out], **attributes))
        if part != "project":
            nodes.append(helper.make_node("Clip", [out, "zero", "six"], [f"{name}.act"]))
            before = f"{name}.act"
            continue
        residual = block in ("block2", "block4", "block6", "block7", "block9", "block10")
        nodes.append(
            helper.make_node("Add", [out, block_input], [block])
            if residual
            else helper.make_node("Identity", [out], [block])
        )
        before = block
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    constants += [numpy_helper.from_array(np.float32(value), name) for name, value in (("zero", 0), ("six", 6))]
    return bytes(model(nodes, constants, outputs=[before]).SerializeToString())


def test_half_precision_and_local_functions_are_taken() -> None:
    weight = numpy_helper.from_array(numpy_helper.to_array(kernel("weight", 4, 3, 4, 4)).astype(np.float16), "weight")
    half = model([convolution("picture", "wanted", "weight")], [weight], kind=TensorProto.FLOAT16)
    assert features(read(half), noise(1, 3, 64, 64), ["wanted"])[0].dtype == np.float32

    act = helper.make_function(
        "own", "Act", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [helper.make_opsetid("", OPSET)]
    )
    call = helper.make_node("Act", ["grid"], ["wanted"], domain="own")
    assert read(one_layer(call, domains=["own"], functions=[act])).layers[0].stride == 2


# -- the model file's part
def test_a_model_file_brings_it_back_with_only_the_wanted_layers(small: OnnxBackbone) -> None:
    description, arrays = small.to_parts(["d"])
    assert set(arrays) == {ARRAY} and arrays[ARRAY].dtype == np.uint8
    assert len(arrays[ARRAY]) < len(small_net().SerializeToString()) - 4 * 32 * 1000  # no classifier
    again = OnnxBackbone.from_parts(OnnxDescription.model_validate_json(description.model_dump_json()), arrays)
    assert [layer.name for layer in again.layers] == ["d"] and again.default_layers == ("d",)
    assert again.centre_offset("d") == small.centre_offset("d")
    pixels = noise(1, 3, 64, 64)
    np.testing.assert_array_equal(features(again, pixels, ["d"])[0], features(small, pixels, ["d"])[0])
    # A file that holds more layers than are wanted now.
    np.testing.assert_array_equal(
        run(small, small.arrays(["b", "d"]), pixels, ["d"])[0], features(small, pixels, ["d"])[0]
    )


def test_a_model_file_that_does_not_fit_its_description_is_refused(small: OnnxBackbone) -> None:
    description, arrays = small.to_parts()
    for wrong in (
        {},
        {ARRAY: arrays[ARRAY].astype(np.float32)},
        {ARRAY: arrays[ARRAY][:-100]},
        {ARRAY: np.zeros(0, np.uint8)},
        {ARRAY: arrays[ARRAY][None]},
    ):
        with pytest.raises(ModelError):
            OnnxBackbone.from_parts(description, wrong)
    layers = (description.layers[0].model_copy(update={"channels": 9}), *description.layers[1:])
    with pytest.raises(ModelError, match="does not give what its description says"):
        OnnxBackbone.from_parts(description.model_copy(update={"layers": layers}), arrays)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Small Net"},
        {"name": ""},
        {"layers": []},
        {"default_layers": ["z"]},
        {"default_layers": ["d", "d"]},
        {"default_layers": ["c", "d"]},
        {"multiple": 40},
        {"multiple": 10**9},
        {"mean": [float("nan"), 0, 0]},
        {"scale": [0, 1, 1]},
        {"colours": "grey"},
    ],
)
def test_a_description_has_bounds(small: OnnxBackbone, wrong: dict[str, object]) -> None:
    raw = small.description.model_dump()
    OnnxDescription.model_validate(raw)
    with pytest.raises(ValueError, match=next(iter(wrong)) if "default" not in str(wrong) else "default"):
        OnnxDescription.model_validate(raw | wrong)


# -- what is refused, in words
def test_wrong_layers_are_named_with_likely_ones() -> None:
    with pytest.raises(ModelError, match=r"has no layer 'c\.summ'.*c\.sum"):
        read(small_net(), ["c.summ"])
    for layers in ([], ["c", "c"]):
        with pytest.raises(ModelError, match="at least one, and each named once"):
            read(small_net(), layers)
    with pytest.raises(ModelError, match=r"'pooled'.*not a grid over the picture"):
        read(small_net(), ["pooled"])
    with pytest.raises(ModelError, match=r"'flat'.*not a grid over the picture"):
        read(small_net(), ["flat"])


def test_names_of_built_in_backbones_are_taken() -> None:
    own = OnnxBackbone.read(small_net().SerializeToString(), lite0.NAME, ["d"])
    with pytest.raises(ModelError, match="belongs to a built-in backbone"):
        backbones.add(own)
    with pytest.raises(ModelError, match=r"cannot be registered: name"):
        OnnxBackbone.read(small_net().SerializeToString(), "../up", ["d"])
    with pytest.raises(ModelError, match=r"no backbone 'none'.*oriented-filters"):
        backbones.get("none")
