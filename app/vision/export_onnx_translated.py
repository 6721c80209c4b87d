"""OpenVINO nodes as ONNX nodes, one by one; see `app.vision.export_onnx`.

What goes through here are the nodes that the station itself judges with, so that the file can't hold another network
or another distance. Known are those that the built-in backbones and distances are made of, and the usual ones of
feature extractors that were written in an ONNX too old to be joined as it is; any other node is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from openvino import opset13 as op
from openvino import passes

from app.domain.errors import ModelError
from app.vision.export_onnx_writer import Writer

_SAME = {
    "Abs": "Abs",
    "Add": "Add",
    "Divide": "Div",
    "Exp": "Exp",
    "Log": "Log",
    "Maximum": "Max",
    "Minimum": "Min",
    "Multiply": "Mul",
    "Power": "Pow",
    "Relu": "Relu",
    "Sigmoid": "Sigmoid",
    "Sqrt": "Sqrt",
    "Subtract": "Sub",
    "Tanh": "Tanh",
}
"""Nodes without anything to set; both sides broadcast as NumPy does."""

_PADDING = {"explicit": "NOTSET", "same_lower": "SAME_LOWER", "same_upper": "SAME_UPPER", "valid": "VALID"}
_BETWEEN = {"linear_onnx": "linear", "nearest": "nearest"}
_ROUNDED = {"ceil": 1, "floor": 0}
_PADS = ("constant", "edge", "reflect")


def translated(
    writer: Writer, name: str, nodes: Sequence[ov.Node], given: Sequence[tuple[ov.Node, str]], what: str
) -> list[str]:
    """Adds what leads to some nodes.

    Args:
        name: begins the names of what is added.
        nodes: of a graph whose sizes are all known.
        given: its parameters, each with the name of what stands for it in the file.
        what: the words for the graph in messages.

    Returns:
        Names of what the nodes give.

    Raises:
        ModelError: a node that is not known here.
    """
    model = ov.Model([op.result(node) for node in nodes], [node for node, _ in given], "linesight-export")
    folding = passes.Manager()
    folding.register_pass(passes.ConstantFolding())  # what follows from the sizes becomes a number
    folding.run_passes(model)
    translator = _Translator(writer, name, what, {(node.get_name(), 0): known for node, known in given})
    return [translator.value(result.input_value(0)) for result in model.get_results()]


class _Translator:
    """From what is wanted back to what is given."""

    def __init__(self, writer: Writer, name: str, what: str, known: dict[tuple[str, int], str]) -> None:
        self._writer, self._name, self._what, self._known = writer, name, what, known
        self._count = 0

    def value(self, output: ov.Output) -> str:
        """The name of what a node gives, after adding whatever leads to it."""
        node = output.get_node()
        key = (node.get_name(), output.get_index())
        if key not in self._known:
            self._known[key] = self._translated(node, output.get_index())
        return self._known[key]

    def _translated(self, node: ov.Node, index: int) -> str:
        kind = node.get_type_name()
        if kind == "Constant":
            return self._constant(np.asarray(node.get_data()))
        how = _KNOWN.get(kind)
        try:
            if how is None or index:
                raise _Unknown
            return how(self, node, node.get_attributes())
        except (_Unknown, KeyError) as error:
            raise ModelError(
                f"{self._what} has a node {kind}, which can't be written as ONNX in this way. Train the model with "
                "another backbone, then export again."
            ) from error

    def _constant(self, array: NDArray[Any]) -> str:
        """Under a name made of its content, so that views and batches share it."""
        content = hashlib.sha256(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
        return self._writer.constant(numpy_helper.from_array(array, f"constant/{content.hexdigest()[:16]}"))

    def _add(self, kind: str, given: Sequence[str], **attributes: Any) -> str:
        return self._writer.add(kind, given, self._name_of(kind), **attributes)

    def _name_of(self, kind: str) -> str:
        self._count += 1
        return f"{self._name}/{self._count}.{kind}"

    def _inputs(self, node: ov.Node) -> list[str]:
        return [self.value(each) for each in node.input_values()]

    def plain(self, node: ov.Node, settings: dict[str, Any]) -> str:
        return self._add(_SAME[node.get_type_name()], self._inputs(node))

    def convolution(self, node: ov.Node, settings: dict[str, Any]) -> str:
        kernels = _fixed(node, 1)
        groups = 1
        if node.get_type_name() == "GroupConvolution":  # (groups, out, in, h, w)
            groups = kernels.shape[0]
            kernels = kernels.reshape(-1, *kernels.shape[2:])
        given = [self.value(node.input_value(0)), self._constant(kernels)]
        return self._add("Conv", given, group=groups, dilations=settings["dilations"], **_window(settings))

    def mean(self, node: ov.Node, settings: dict[str, Any]) -> str:
        return self._add(
            "AveragePool",
            self._inputs(node),
            kernel_shape=settings["kernel"],
            count_include_pad=int(not settings["exclude-pad"]),
            ceil_mode=_ROUNDED[settings["rounding_type"]],
            **_window(settings),
        )

    def highest(self, node: ov.Node, settings: dict[str, Any]) -> str:
        return self._add(
            "MaxPool",
            self._inputs(node),
            kernel_shape=settings["kernel"],
            dilations=settings["dilations"],
            ceil_mode=_ROUNDED[settings["rounding_type"]],
            **_window(settings),
        )

    def along(self, node: ov.Node, settings: dict[str, Any]) -> str:
        """One number for all along some axes."""
        kind, axes = node.get_type_name(), [int(each) for each in _fixed(node, 1).ravel()]
        out, given = self._name_of(kind), self.value(node.input_value(0))
        return self._writer.along(kind, given, out, axes, keep=settings["keep_dims"])

    def padded(self, node: ov.Node, settings: dict[str, Any]) -> str:
        if settings["pad_mode"] not in _PADS:
            raise _Unknown
        sides = [int(each) for number in (1, 2) for each in _fixed(node, number)]
        given = [self.value(node.input_value(0)), self._writer.ints(*sides)]
        if settings["pad_mode"] == "constant":
            given.append(self.value(node.input_value(3)))
        return self._add("Pad", given, mode=settings["pad_mode"])

    def joined(self, node: ov.Node, settings: dict[str, Any]) -> str:
        return self._add("Concat", self._inputs(node), axis=settings["axis"])

    def taken(self, node: ov.Node, settings: dict[str, Any]) -> str:
        if settings["batch_dims"]:
            raise _Unknown
        given = [self.value(node.input_value(number)) for number in (0, 1)]
        return self._add("Gather", given, axis=int(_fixed(node, 2).item()))

    def shaped(self, node: ov.Node, settings: dict[str, Any]) -> str:
        shape = self._writer.ints(*node.output(0).get_shape())
        return self._add("Reshape", [self.value(node.input_value(0)), shape])

    def turned(self, node: ov.Node, settings: dict[str, Any]) -> str:
        return self._add("Transpose", [self.value(node.input_value(0))], perm=[int(each) for each in _fixed(node, 1)])

    def product(self, node: ov.Node, settings: dict[str, Any]) -> str:
        given = []
        for number, side in enumerate(("transpose_a", "transpose_b")):
            x, sides = self.value(node.input_value(number)), len(node.input_value(number).get_shape())
            if settings[side]:
                x = self._add("Transpose", [x], perm=[*range(sides - 2), sides - 1, sides - 2])
            given.append(x)
        return self._add("MatMul", given)

    def between(self, node: ov.Node, settings: dict[str, Any]) -> str:
        """Resizing. The factors follow from the sizes, so they have to be just these."""
        old, new = node.input_value(0).get_shape(), node.output(0).get_shape()
        if settings["antialias"] or any(settings["pads_begin"]) or any(settings["pads_end"]):
            raise _Unknown
        if settings["shape_calculation_mode"] == "scales":
            axes = _fixed(node, 2).ravel() if node.get_input_size() > 2 else range(len(old))
            if any(factor * old[axis] != new[axis] for axis, factor in zip(axes, _fixed(node, 1).ravel(), strict=True)):
                raise _Unknown
        mode = _BETWEEN[settings["mode"]]
        how: dict[str, Any] = {"coordinate_transformation_mode": settings["coordinate_transformation_mode"]}
        if mode == "nearest":
            how["nearest_mode"] = settings["nearest_mode"]
        return self._add("Resize", [self.value(node.input_value(0)), "", "", self._writer.ints(*new)], mode=mode, **how)

    def clipped(self, node: ov.Node, settings: dict[str, Any]) -> str:
        kind = node.output(0).get_element_type().to_dtype()
        bounds = [self._constant(np.array(settings[side], kind)) for side in ("min", "max")]
        return self._add("Clip", [self.value(node.input_value(0)), *bounds])

    def cast(self, node: ov.Node, settings: dict[str, Any]) -> str:
        kind = helper.np_dtype_to_tensor_dtype(node.output(0).get_element_type().to_dtype())
        return self._add("Cast", [self.value(node.input_value(0))], to=kind)

    def shares(self, node: ov.Node, settings: dict[str, Any]) -> str:
        return self._add("Softmax", self._inputs(node), axis=settings["axis"])

    def normalised(self, node: ov.Node, settings: dict[str, Any]) -> str:
        return self._add("BatchNormalization", self._inputs(node), epsilon=settings["epsilon"])


class _Unknown(Exception):
    """A node, or a setting of it, for which there are no words."""


_KNOWN: dict[str, Callable[[_Translator, ov.Node, dict[str, Any]], str]] = {
    **dict.fromkeys(_SAME, _Translator.plain),
    "AvgPool": _Translator.mean,
    "BatchNormInference": _Translator.normalised,
    "Clamp": _Translator.clipped,
    "Concat": _Translator.joined,
    "Convert": _Translator.cast,
    "Convolution": _Translator.convolution,
    "Gather": _Translator.taken,
    "GroupConvolution": _Translator.convolution,
    "Interpolate": _Translator.between,
    "MatMul": _Translator.product,
    "MaxPool": _Translator.highest,
    "Pad": _Translator.padded,
    **dict.fromkeys(("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"), _Translator.along),
    "Reshape": _Translator.shaped,
    "Softmax": _Translator.shares,
    "Squeeze": _Translator.shaped,
    "Transpose": _Translator.turned,
    "Unsqueeze": _Translator.shaped,
}


def _fixed(node: ov.Node, number: int) -> NDArray[Any]:
    """An input that is a constant."""
    constant = node.input_value(number).get_node()
    if constant.get_type_name() != "Constant":
        raise _Unknown
    return np.asarray(constant.get_data())


def _window(settings: dict[str, Any]) -> dict[str, Any]:
    """How a window moves over the samples."""
    padding = _PADDING[settings["auto_pad"]]
    pads = {"pads": [*settings["pads_begin"], *settings["pads_end"]]} if padding == "NOTSET" else {}
    return {"strides": settings["strides"], "auto_pad": padding, **pads}
