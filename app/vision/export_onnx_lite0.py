"""Feature extractors as nodes of an ONNX graph, and what collects these; see `app.vision.export_onnx`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from app.domain.errors import ModelError
from app.vision.backbones.lite0 import BLOCKS, INPUT_MEAN, INPUT_SCALE, NAME, Lite0
from app.vision.backbones.onnx import ARRAY, OnnxBackbone
from app.vision.backbones.onnx_cut import cut
from app.vision.graph import Network

Array = NDArray[np.float32]

OPSET = 17
"""Of the file; that of the feature extractor where it is an ONNX model of another."""

_IR_VERSION = 8  # of ONNX files with opset 17: read by every runtime since 2022
_OLDEST_OPSET = 13  # before it, sums take their axes in another way
_AXES_GIVEN = 18  # from this opset on, minima take theirs as an input


class Writer:
    """Collects nodes and constants under names that say what they are."""

    def __init__(self, net: onnx.ModelProto | None) -> None:
        """`net`: the feature extractor where it is an ONNX model itself."""
        self.net = net
        self._opset = OPSET if net is None else max(each.version for each in net.opset_import)
        self._ir = _IR_VERSION if net is None else max(_IR_VERSION, net.ir_version)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def add(self, kind: str, given: Sequence[str], *out: str, **attributes: Any) -> str:
        """A node; returns the name of its first output."""
        self._nodes.append(helper.make_node(kind, list(given), list(out), name=out[0], **attributes))
        return out[0]

    def floats(self, name: str, value: Array | np.float32) -> str:
        return self.constant(
            numpy_helper.from_array(np.ascontiguousarray(value, np.float32).reshape(value.shape), name)
        )

    def ints(self, name: str, values: list[int]) -> str:
        return self.constant(numpy_helper.from_array(np.array(values, np.int64), name))

    def constant(self, tensor: onnx.TensorProto) -> str:
        """A constant, once for all views where they share its name."""
        self._constants.setdefault(tensor.name, tensor)
        return tensor.name

    def smallest(self, given: str, out: str) -> str:
        """(n, m) -> (n,), the smallest of each row."""
        if self._opset >= _AXES_GIVEN:
            return self.add("ReduceMin", [given, self.ints("second_axis", [1])], out, keepdims=0)
        return self.add("ReduceMin", [given], out, axes=[1], keepdims=0)

    def splice(self, graph: onnx.GraphProto) -> None:
        """The nodes and constants of a graph whose names are taken nowhere else."""
        self._nodes.extend(graph.node)
        for tensor in graph.initializer:
            self.constant(tensor)

    def model(self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, "linesight", inputs, outputs, list(self._constants.values()))
        opsets = [helper.make_opsetid("", self._opset)]
        return helper.make_model(graph, producer_name="Linesight", opset_imports=opsets, ir_version=self._ir)


def net_of(network: Network, name: str) -> onnx.ModelProto | None:
    """The feature extractor where it is an ONNX model, None for EfficientNet-Lite0.

    Raises:
        ModelError: it is none of both, or of an opset that is too old.
    """
    backbone = network.backbone
    if isinstance(backbone, Lite0):
        return None
    if not isinstance(backbone, OnnxBackbone):
        raise ModelError(
            f"The model {name} looks through {backbone.name}, which can't be written as ONNX. Train it with {NAME}, "
            "then export again."
        )
    data = cut(network.arrays[ARRAY].tobytes(), network.layers, f"The backbone {backbone.name}")
    net = onnx.load_model_from_string(data)
    opset = max((each.version for each in net.opset_import), default=1)
    if opset < _OLDEST_OPSET:
        raise ModelError(
            f"The backbone {backbone.name} of the model {name} has ONNX opset {opset}, too old to be exported. Save "
            f"the backbone with opset {_OLDEST_OPSET} or later, train again, then export."
        )
    return net


def _lite0(writer: Writer, name: str, network: Network, planes: str) -> list[str]:
    """The grids of EfficientNet-Lite0, node for node as `Lite0.build` makes them; the views share its constants."""
    x = writer.add("Gather", [planes, writer.ints("rgb", [2, 1, 0])], f"{name}/rgb", axis=1)
    x = writer.add("Sub", [x, writer.floats("input_mean", np.float32(INPUT_MEAN))], f"{name}/input_centred")
    x = writer.add("Mul", [x, writer.floats("input_scale", np.float32(INPUT_SCALE))], f"{name}/input")

    def convolve(x: str, which: str, step: int = 1, *, depthwise: bool = False, linear: bool = False) -> str:
        kernel, bias = network.arrays[f"{which}.kernel"], network.arrays[f"{which}.bias"]
        out = f"{name}/{which}"
        given = [x, writer.floats(f"{which}.kernel", kernel), writer.floats(f"{which}.bias", bias)]
        group = len(kernel) if depthwise else 1
        y = writer.add("Conv", given, f"{out}.sum", strides=[step, step], auto_pad="SAME_UPPER", group=group)
        if linear:
            return y
        bounds = [writer.floats("least_activation", np.float32(0)), writer.floats("most_activation", np.float32(6))]
        return writer.add("Clip", [y, *bounds], out)

    x = convolve(x, "stem", 2)
    found: dict[str, str] = {}
    for block in BLOCKS:
        if found.keys() >= set(network.layers):
            break
        y = convolve(x, f"{block.name}.expand") if block.expand > 1 else x
        y = convolve(y, f"{block.name}.depthwise", block.step, depthwise=True)
        y = convolve(y, f"{block.name}.project", linear=True)
        x = writer.add("Add", [y, x], f"{name}/{block.name}") if block.residual else y
        found[block.name] = x
    return [found[layer] for layer in network.layers]


def _spliced(writer: Writer, name: str, network: Network, backbone: OnnxBackbone, planes: str) -> list[str]:
    """The grids of an ONNX feature extractor: its own nodes, once a view, with one copy of its constants."""
    assert writer.net is not None
    described = backbone.description
    x = planes
    if described.colours == "rgb":
        x = writer.add("Gather", [x, writer.ints("rgb", [2, 1, 0])], f"{name}/rgb", axis=1)
    mean, scale = (np.array(each, np.float32).reshape(1, 3, 1, 1) for each in (described.mean, described.scale))
    x = writer.add("Sub", [x, writer.floats("input_mean", mean)], f"{name}/input_centred")
    x = writer.add("Div", [x, writer.floats("input_scale", scale)], f"{name}/input")
    graph = onnx.GraphProto()
    graph.CopyFrom(writer.net.graph)
    shared = {tensor.name for tensor in graph.initializer}
    _rename(graph, lambda known: f"net/{known}" if known in shared else f"{name}/net/{known}")
    writer.add("Cast", [x], graph.input[0].name, to=graph.input[0].type.tensor_type.elem_type)
    writer.splice(graph)
    return [
        writer.add("Cast", [output.name], f"{name}/layer{number}", to=TensorProto.FLOAT)
        for number, output in enumerate(graph.output)
    ]


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


def grids(writer: Writer, name: str, network: Network, planes: str) -> list[str]:
    """Adds the feature extractor for one view.

    Args:
        name: the view's; its nodes' names begin with it.
        planes: name of (1, 3, h, w) float32, B, G, R planes, 0..255.

    Returns:
        Names of the layers' grids, (1, C, rows, columns) float32 each.
    """
    if isinstance(network.backbone, OnnxBackbone):
        return _spliced(writer, name, network, network.backbone, planes)
    return _lite0(writer, name, network, planes)
