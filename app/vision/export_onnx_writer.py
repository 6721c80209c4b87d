"""Collects the nodes and constants of an ONNX file; see `app.vision.export_onnx`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]

OPSET = 17
"""Of the file; that of the feature extractor where it is an ONNX model of another."""

_IR_VERSION = 8  # of ONNX files with opset 17: read by every runtime since 2022
_AXES_GIVEN = 18  # from this opset on, minima, maxima and means take their axes as an input, as sums do


class Writer:
    """Nodes and constants under names that say what they are."""

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
        """A float32 constant."""
        array = np.ascontiguousarray(value, np.float32).reshape(np.shape(value))
        return self.constant(numpy_helper.from_array(array, name))

    def ints(self, *values: int) -> str:
        """An int64 constant of one dimension: axes, sizes, bounds."""
        name = f"ints/{','.join(map(str, values))}"
        return self.constant(numpy_helper.from_array(np.array(values, np.int64), name))

    def index(self, name: str, values: NDArray[np.intp]) -> str:
        """An int64 constant: which rows are taken, and in what order."""
        return self.constant(numpy_helper.from_array(np.asarray(values, np.int64), name))

    def constant(self, tensor: onnx.TensorProto) -> str:
        """A constant, once for all views where they share its name."""
        known = self._constants.setdefault(tensor.name, tensor)
        assert known is tensor or known == tensor, f"two constants are called {tensor.name}"
        return tensor.name

    def along(self, kind: str, given: str, out: str, axes: Sequence[int], *, keep: bool = False) -> str:
        """ReduceMin, -Max, -Mean or -Sum along some axes, which stay with length 1 where they are kept."""
        if kind == "ReduceSum" or self._opset >= _AXES_GIVEN:
            return self.add(kind, [given, self.ints(*axes)], out, keepdims=int(keep))
        return self.add(kind, [given], out, axes=list(axes), keepdims=int(keep))

    def highest(self, given: str, out: str, groups: int, cells: int, count: int) -> str:
        """(groups * cells values) -> (groups,), the mean of each group's `count` highest cells."""
        flat = self.add("Reshape", [given, self.ints(groups, cells)], f"{out}/flat")
        most = self.add("TopK", [flat, self.ints(count)], f"{out}/highest", f"{out}/places", axis=1)
        total = self.along("ReduceSum", most, f"{out}/total", [1])
        return self.add("Mul", [total, self.floats(f"one_over_{count}", np.float32(1 / count))], out)

    def resized(self, given: str, out: str, down: tuple[str, Array], across: tuple[str, Array]) -> str:
        """(..., h, w) -> (..., rows, columns) by a named matrix a side: (rows, h) and (columns, w)."""
        x = self.add("MatMul", [self.floats(*down), given], f"{out}/down")
        return self.add("MatMul", [x, self.floats(f"{across[0]}_across", across[1].T)], out)

    def splice(self, nodes: Iterable[onnx.NodeProto]) -> None:
        """Nodes out of another graph, whose names are taken nowhere else."""
        self._nodes.extend(nodes)

    def model(self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, "linesight", inputs, outputs, list(self._constants.values()))
        opsets = [helper.make_opsetid("", self._opset)]
        return helper.make_model(graph, producer_name="Linesight", opset_imports=opsets, ir_version=self._ir)


def numbers(name: str, shape: Sequence[int], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """An input or output of the file."""
    return helper.make_tensor_value_info(name, kind, list(shape))
