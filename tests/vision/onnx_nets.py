"""Small ONNX models for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.vision.backbones.onnx import OnnxBackbone

OPSET = 17
PICTURE = ["number", 3, "height", "width"]


def kernel(name: str, *shape: int, seed: int = 0) -> onnx.TensorProto:
    values = np.random.default_rng(seed).normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape)
    return numpy_helper.from_array(values.astype(np.float32), name)


def convolution(given: str, out: str, weights: str, **attributes: object) -> onnx.NodeProto:
    plain = {"strides": [2, 2], "kernel_shape": [4, 4], "pads": [1, 1, 1, 1]}
    return helper.make_node("Conv", [given, weights], [out], **(plain | attributes))


def model(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
    *,
    outputs: Sequence[str] = ("classes",),
    picture: Sequence[object] = PICTURE,
    kind: int = TensorProto.FLOAT,
    domains: Sequence[str] = (),
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("picture", kind, list(picture))],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        list(constants),
    )
    imports = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8)


def small_net(picture: Sequence[object] = PICTURE) -> onnx.ModelProto:
    """Four convolutions of stride 2 ("a" to "d", strides 2 to 16) and a classifier behind them."""
    nodes, constants = [], []
    before, channels = "picture", 3
    for seed, name in enumerate("abcd"):
        wide = 4 * 2**seed
        constants.append(kernel(f"{name}.weight", wide, channels, 4, 4, seed=seed))
        nodes += [
            convolution(before, f"{name}.sum", f"{name}.weight"),
            helper.make_node("Relu", [f"{name}.sum"], [name]),
        ]
        before, channels = name, wide
    constants.append(kernel("classifier.weight", 32, 1000, seed=9))
    nodes += [
        helper.make_node("GlobalAveragePool", ["d"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "classifier.weight"], ["classes"]),
    ]
    return model(nodes, constants, picture=picture)


def one_layer(node: onnx.NodeProto, *constants: onnx.TensorProto, **how: object) -> onnx.ModelProto:
    """A convolution to "grid" (stride 2) and one node from it to "wanted"."""
    first = convolution("picture", "grid", "weight")
    return model([first, node], [kernel("weight", 4, 3, 4, 4), *constants], outputs=["wanted"], **how)  # type: ignore[arg-type]


def read(net: onnx.ModelProto, layers: Sequence[str] = ("wanted",)) -> OnnxBackbone:
    return OnnxBackbone.read(net.SerializeToString(), "small-net", layers)
