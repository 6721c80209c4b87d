"""Feature extractors as nodes of an ONNX graph; see `app.vision.export_onnx`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import openvino as ov
from onnx import TensorProto, helper, numpy_helper, version_converter
from openvino import opset13 as op

from app.domain.errors import ModelError
from app.vision.backbones.onnx import ARRAY, OnnxBackbone, OnnxDescription
from app.vision.backbones.onnx_cut import cut
from app.vision.export_onnx_translated import translated
from app.vision.export_onnx_writer import Writer, numbers
from app.vision.graph import Network
from app.vision.runtime import compile_graph, read_onnx

_OLDEST_OPSET = 13  # before it, sums take their axes in another way
_SAME = 1e-4  # relative: how far features may move when the nodes are rewritten for a later opset


def net_of(network: Network) -> onnx.ModelProto | None:
    """The feature extractor where it is an ONNX model whose nodes can be taken over; None where they are made here.

    All its constants are initializers, and only their names begin with "net/".

    Raises:
        ModelError: it is of an old opset and has nodes that can't be written in a later one.
    """
    backbone = network.backbone
    if not isinstance(backbone, OnnxBackbone):
        return None
    data = cut(network.arrays[ARRAY].tobytes(), network.layers, f"The backbone {backbone.name}")
    net = onnx.load_model_from_string(data)
    if max((each.version for each in net.opset_import), default=1) < _OLDEST_OPSET:
        side = 2 * backbone.multiple
        later = _later(net, side)
        if later is None:
            _check_translated(network, side)
            return None
        net = later
    _hoist(net.graph)
    constants = {tensor.name for tensor in net.graph.initializer}
    _rename(net.graph, lambda known: f"{'net' if known in constants else 'made'}/{known}")
    return net


def grids(writer: Writer, name: str, network: Network, planes: str, shape: Sequence[int]) -> list[str]:
    """Adds the feature extractor for one batch of pictures.

    Args:
        name: the batch's; its nodes' names begin with it.
        planes: name of the pictures, `shape` = (B, 3, h, w) float32, B, G, R planes, 0..255.

    Returns:
        Names of the layers' grids, (B, C, rows, columns) float32 each.
    """
    backbone = network.backbone
    pixels = writer.add("Gather", [planes, writer.ints(2, 1, 0)], f"{name}/rgb", axis=1)
    if writer.net is None:
        return _built(writer, name, network, pixels, shape)
    assert isinstance(backbone, OnnxBackbone)
    seen = planes if backbone.description.colours == "bgr" else pixels
    return _spliced(writer, name, writer.net.graph, backbone.description, seen)


def _built(writer: Writer, name: str, network: Network, pixels: str, shape: Sequence[int]) -> list[str]:
    """The grids of a backbone, out of the nodes that it makes for the station."""
    given = op.parameter(list(shape), ov.Type.f32)
    nodes = network.backbone.build(given, network.arrays, network.layers)
    return translated(writer, f"{name}/net", nodes, [(given, pixels)], f"The backbone {network.backbone.name}")


def _spliced(writer: Writer, name: str, net: onnx.GraphProto, described: OnnxDescription, pixels: str) -> list[str]:
    """The grids of an ONNX feature extractor: its own nodes, once a batch, with one copy of its constants."""
    mean, scale = (np.array(each, np.float32).reshape(1, 3, 1, 1) for each in (described.mean, described.scale))
    x = writer.add("Sub", [pixels, writer.floats("input_mean", mean)], f"{name}/input_centred")
    x = writer.add("Div", [x, writer.floats("input_scale", scale)], f"{name}/input")
    shared = {writer.constant(tensor) for tensor in net.initializer}
    graph = onnx.GraphProto(node=net.node, input=net.input, output=net.output)
    _rename(graph, lambda known: known if known in shared else f"{name}/{known}")
    writer.add("Cast", [x], graph.input[0].name, to=graph.input[0].type.tensor_type.elem_type)
    writer.splice(graph.node)
    return [
        writer.add("Cast", [output.name], f"{name}/layer{number}", to=TensorProto.FLOAT)
        for number, output in enumerate(graph.output)
    ]


def _later(net: onnx.ModelProto, side: int) -> onnx.ModelProto | None:
    """The same network in the nodes of a later opset; None where it can't be, or does not see the same in a picture
    of side x side pixels."""
    old = onnx.ModelProto()
    old.CopyFrom(net)
    # Before version 4, the format wants constants among the inputs, from where they could be replaced.
    old.ir_version = max(old.ir_version, 4)
    kind = helper.tensor_dtype_to_np_dtype(net.graph.input[0].type.tensor_type.elem_type)
    try:
        later = version_converter.convert_version(old, _OLDEST_OPSET)
        onnx.checker.check_model(later, full_check=True)
        models = [read_onnx(each.SerializeToString()) for each in (net, later)]
        return later if _see_the_same(models, (1, 3, side, side), kind) else None
    except (
        version_converter.ConvertError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        RuntimeError,
        ValueError,
    ):
        return None  # there are no later words for some of its nodes


def _check_translated(network: Network, side: int) -> None:
    """That a feature extractor from a stranger still sees the same after its nodes were translated."""
    shape = (1, 3, side, side)
    writer = Writer(None)
    layers = _built(writer, "probe", network, "pixels", shape)
    sides = [(layer.channels, side // layer.stride) for layer in network.backbone.chosen(network.layers)]
    outputs = [numbers(name, (1, each[0], each[1], each[1])) for name, each in zip(layers, sides, strict=True)]
    file = writer.model([numbers("pixels", shape)], outputs)
    given = op.parameter(list(shape), ov.Type.f32)
    nodes = network.backbone.build(given, network.arrays, network.layers)
    own = ov.Model([op.result(node) for node in nodes], [given], "linesight-probe")
    try:
        same = _see_the_same([own, read_onnx(file.SerializeToString())], shape, np.dtype(np.float32))
    except RuntimeError:
        same = False
    if not same:
        raise ModelError(
            f"The backbone {network.backbone.name} is in an ONNX opset that is too old to be exported. Save it with "
            f"opset {_OLDEST_OPSET} or later, train again, then export."
        )


def _see_the_same(models: Sequence[ov.Model], shape: tuple[int, ...], kind: np.dtype[Any]) -> bool:
    """Whether two networks give the same grids for a picture of noise."""
    picture = np.random.default_rng(0).normal(0, 1, shape).astype(kind)
    before, after = (compile_graph(model)([picture]) for model in models)
    for number in range(len(before)):
        first, second = (np.asarray(each[number], np.float32) for each in (before, after))
        if first.shape != second.shape or np.abs(first - second).max() > _SAME * max(1e-6, np.abs(first).max()):
            return False
    return True


def _hoist(graph: onnx.GraphProto) -> None:
    """Makes initializers of the constants that are nodes, so that all views can share them."""
    kept = []
    for node in graph.node:
        tensor = _constant(node)
        if tensor is None:
            kept.append(node)
        else:
            graph.initializer.append(tensor)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(kept)


def _constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    if node.op_type != "Constant" or len(node.attribute) != 1:
        return None
    value = helper.get_attribute_value(node.attribute[0])
    kind = _CONSTANTS.get(node.attribute[0].name)
    if node.attribute[0].name == "value":
        tensor = onnx.TensorProto()
        tensor.CopyFrom(value)
        tensor.name = node.output[0]
        return tensor
    return None if kind is None else numpy_helper.from_array(np.array(value, kind), node.output[0])


_CONSTANTS: dict[str, type[np.generic]] = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


def _rename(graph: onnx.GraphProto, to: Callable[[str], str]) -> None:
    """Gives every tensor of a graph, and of the branches in it, another name."""
    for node in graph.node:
        node.name = ""  # need not be there, but has to be the only one of its kind
        # An input that is left out is an empty name.
        node.input[:] = [to(known) if known else "" for known in node.input]
        node.output[:] = [to(known) if known else "" for known in node.output]
        for attribute in node.attribute:
            for body in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                _rename(body, to)
    for named in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        named.name = to(named.name)
