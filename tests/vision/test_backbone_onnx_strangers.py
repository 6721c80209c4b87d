"""No ONNX model from a stranger harms the machine; what cannot be used is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.domain.errors import ModelError
from app.vision.backbones.onnx import OnnxBackbone
from tests.vision.onnx_nets import OPSET, PICTURE, convolution, kernel, model, one_layer, read, small_net


def test_files_that_are_no_onnx_models(tmp_path: Path) -> None:
    for data in (b"", b"no model at all", b"\x89PNG\r\n\x1a\n" + bytes(100), small_net().SerializeToString()[:-50]):
        path = tmp_path / "net.onnx"
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"The file net\.onnx is not an ONNX model"):
            OnnxBackbone.read(path, "net", ["d"])
    with pytest.raises(ModelError, match=r"gone\.onnx cannot be read"):
        OnnxBackbone.read(tmp_path / "gone.onnx", "net", ["d"])


def test_a_model_that_wants_other_files_is_refused_wherever_it_says_so(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4 * 4 * 3 * 16))

    def outside(tensor: onnx.TensorProto) -> None:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=str(secret))

    plain = one_layer(helper.make_node("Relu", ["grid"], ["wanted"]))
    outside(plain.graph.initializer[0])
    constant = one_layer(helper.make_node("Add", ["grid", "one"], ["wanted"]))
    constant.graph.node.insert(
        0, helper.make_node("Constant", [], ["one"], value=numpy_helper.from_array(np.ones((1, 4, 1, 1), np.float32)))
    )
    outside(constant.graph.node[0].attribute[0].t)
    inner = helper.make_graph(
        [helper.make_node("Add", ["grid", "inner"], ["sum"])],
        "branch",
        [],
        [onnx.ValueInfoProto(name="sum")],
        [numpy_helper.from_array(np.ones((1, 4, 1, 1), np.float32), "inner")],
    )
    outside(inner.initializer[0])
    branch = one_layer(
        helper.make_node("If", ["yes"], ["wanted"], then_branch=inner, else_branch=inner),
        numpy_helper.from_array(np.array(True), "yes"),
    )
    for net in (plain, constant, branch):
        with pytest.raises(ModelError, match="keeps its numbers in another file"):
            read(net)
    # Where the wanted layer does not need it, it is cut away.
    unneeded = small_net()
    outside(unneeded.graph.initializer[4])
    assert read(unneeded, ["d"]).layers[0].channels == 32


def test_inputs_that_are_no_colour_pictures_are_refused() -> None:
    cases = {
        "colour pictures": [(["n", 1, "h", "w"], TensorProto.FLOAT), (["n", "h", "w"], TensorProto.FLOAT)],
        "another type": [(PICTURE, TensorProto.UINT8)],
    }
    for words, inputs in cases.items():
        for picture, kind in inputs:
            net = model(
                [convolution("picture", "wanted", "weight")], [kernel("weight", 4, 3, 4, 4)], picture=picture, kind=kind
            )
            with pytest.raises(ModelError, match=words):
                read(net)
    two = one_layer(helper.make_node("Add", ["grid", "more"], ["wanted"]))
    two.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    with pytest.raises(ModelError, match=r"exactly one input.*picture, more"):
        read(two)


def test_numbers_that_are_not_numbers_are_refused() -> None:
    weights = numpy_helper.to_array(kernel("weight", 4, 3, 4, 4)).copy()
    weights[0, 0, 0, 0] = np.nan
    net = model([convolution("picture", "wanted", "weight")], [numpy_helper.from_array(weights, "weight")])
    with pytest.raises(ModelError, match="not numbers in its layer 'wanted'"):
        read(net)


def test_a_layer_that_sees_nothing_is_refused() -> None:
    net = one_layer(
        helper.make_node("Mul", ["grid", "none"], ["wanted"]), numpy_helper.from_array(np.float32(0), "none")
    )
    with pytest.raises(ModelError, match="does not react"):
        read(net)


def test_an_extractor_that_mixes_the_pictures_of_a_batch_is_refused() -> None:
    mean = helper.make_node("ReduceMean", ["grid"], ["mean"], axes=[0])
    net = one_layer(helper.make_node("Sub", ["grid", "mean"], ["wanted"]))
    net.graph.node.insert(1, mean)
    with pytest.raises(ModelError, match="several pictures come at once"):
        read(net)


def test_a_closed_size_inside_is_refused_with_the_way_out() -> None:
    closed = numpy_helper.from_array(np.array([1, 4, 112, 112]), "shape")
    with pytest.raises(ModelError, match=r"any number and size.*open axes"):
        read(one_layer(helper.make_node("Reshape", ["grid", "shape"], ["wanted"]), closed))


def test_what_is_outside_the_standard_or_need_not_end_is_refused() -> None:
    foreign = helper.make_node("FastGelu", ["grid"], ["wanted"], domain="com.microsoft")
    with pytest.raises(ModelError, match=r"com\.microsoft\.FastGelu.*standard nodes"):
        read(one_layer(foreign, domains=["com.microsoft"]))
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("again", TensorProto.BOOL, [])],
    )
    loop = helper.make_node("Loop", ["", "yes", "grid"], ["wanted"], body=body)
    with pytest.raises(ModelError, match="need not end"):
        read(one_layer(loop, numpy_helper.from_array(np.array(True), "yes")))


def test_nodes_that_do_not_fit_are_refused_before_the_runtime_sees_them() -> None:
    # Without its kernel, or with fewer numbers than promised, a convolution ends the process in the runtime.
    missing = model([helper.make_node("Conv", ["picture", ""], ["wanted"])], [])
    short = kernel("weight", 4, 3, 4, 4)
    short.raw_data = short.raw_data[:-4]
    unknown = one_layer(helper.make_node("NoSuchThing", ["grid"], ["wanted"]))
    flat = one_layer(helper.make_node("Conv", ["grid", "bias"], ["wanted"]), kernel("bias", 4, 1))
    old = model([convolution("picture", "wanted", "weight")], [kernel("weight", 4, 3, 4, 4)])
    del old.opset_import[:]
    negative = kernel("weight", 4, 3, 4, 4)
    negative.dims[0] = -1
    for net in (
        missing,
        model([convolution("picture", "wanted", "weight")], [short]),
        model([convolution("picture", "wanted", "weight")], [negative]),
        unknown,
        flat,
        old,
    ):
        with pytest.raises(ModelError, match="does not keep to the ONNX standard"):
            read(net)


# -- a few bytes that stand for gigabytes
def test_constants_of_no_more_than_their_size_are_refused() -> None:
    size = numpy_helper.from_array(np.array([1 << 31]), "size")
    ones = helper.make_node("ConstantOfShape", ["size"], ["huge"], value=numpy_helper.from_array(np.ones(1, np.int64)))
    cut = helper.make_node("Slice", ["huge", "from", "to"], ["four"])
    net = one_layer(
        helper.make_node("Expand", ["grid", "four"], ["wanted"]),
        size,
        numpy_helper.from_array(np.array([0]), "from"),
        numpy_helper.from_array(np.array([4]), "to"),
    )
    net.graph.node.insert(0, cut)
    net.graph.node.insert(0, ones)
    with pytest.raises(ModelError, match="too much memory for the tensor 'huge'"):
        read(net)


def test_tensors_out_of_proportion_to_the_picture_are_refused() -> None:
    times = numpy_helper.from_array(np.array([1, 1 << 20, 1, 1]), "times")
    net = one_layer(helper.make_node("Tile", ["grid", "times"], ["wanted"]), times)
    with pytest.raises(ModelError, match="needs too much memory"):
        read(net)


def test_sizes_that_depend_on_what_is_in_the_picture_are_refused() -> None:
    nodes = [
        convolution("picture", "grid", "weight"),
        helper.make_node("ReduceMax", ["picture"], ["brightest"], keepdims=0),
        helper.make_node("Cast", ["brightest"], ["number"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["number", "one"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["many"]),
        helper.make_node("ReduceSum", ["many"], ["sum"], keepdims=0),
        helper.make_node("Add", ["grid", "sum"], ["wanted"]),
    ]
    net = model(nodes, [kernel("weight", 4, 3, 4, 4), numpy_helper.from_array(np.array([1]), "one")])
    with pytest.raises(ModelError, match="depends on what is in the picture"):
        read(net)


def test_functions_that_double_at_every_level_are_refused_at_once() -> None:
    levels = 40
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid("own", 1)]
    functions = [helper.make_function("own", "F0", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], imports)]
    for level in range(1, levels):
        calls = [
            helper.make_node(f"F{level - 1}", ["x"], ["m"], domain="own"),
            helper.make_node(f"F{level - 1}", ["m"], ["y"], domain="own"),
        ]
        functions.append(helper.make_function("own", f"F{level}", ["x"], ["y"], calls, imports))
    call = helper.make_node(f"F{levels - 1}", ["grid"], ["wanted"], domain="own")
    with pytest.raises(ModelError, match="call each other too often"):
        read(one_layer(call, domains=["own"], functions=functions))
    functions[0].node[0].op_type, functions[0].node[0].domain = "F0", "own"
    with pytest.raises(ModelError, match="call themselves"):
        read(one_layer(call, domains=["own"], functions=functions))


def field(number: int, payload: bytes) -> bytes:
    """A field of Protocol Buffers: its number, its length, its bytes."""
    length, size = bytearray(), len(payload)
    while size > 0x7F:
        length.append((size & 0x7F) | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + payload


@pytest.mark.parametrize(
    "graph",
    [
        field(1, b"") * 600_000,  # empty nodes
        field(5, field(7, bytes(17 << 20))),  # a tensor of numbers of one byte each
    ],
    ids=["nodes", "numbers"],
)
def test_bytes_that_would_be_far_more_in_memory_are_refused(graph: bytes) -> None:
    with pytest.raises(ModelError, match="too many small parts"):  # said before anything is parsed
        OnnxBackbone.read(field(7, graph), "net", ["d"])


def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as stream:
        stream.truncate((256 << 20) + 1)  # sparse: takes no room
    with pytest.raises(ModelError, match="more than 256 MiB"):
        OnnxBackbone.read(path, "net", ["d"])
