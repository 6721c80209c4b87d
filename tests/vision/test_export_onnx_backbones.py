"""A model is exported whatever it looks through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from app.cameras.demo import DefectKind, draw_part
from app.domain.errors import ModelError
from app.vision import artefact
from app.vision.artefact import Model
from app.vision.backbones.filters import Filters
from app.vision.backbones.onnx import OnnxBackbone
from app.vision.export_onnx import export
from app.vision.framing import Framing
from app.vision.geometry import canvas_for, windows
from app.vision.looking import View
from tests.vision.exported import NOISY, same, with_backbone
from tests.vision.onnx_nets import small_net

IMAGE = cv2.resize(draw_part(6, 1, DefectKind.SCRATCH), (640, 360), interpolation=cv2.INTER_AREA)
SIZE = (640, 360)


@pytest.fixture(scope="module")
def plain(demo_model: Path) -> Model:
    return replace(artefact.load(demo_model)[0], framing=Framing(None))


def of(opset: int, *nodes: onnx.NodeProto, **constants: np.ndarray) -> onnx.ModelProto:
    """The small net in an opset, with more nodes behind its layer "d"."""
    net = small_net()
    net.opset_import[0].version = opset
    net.graph.node.extend(nodes)
    net.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return net


def registered(net: onnx.ModelProto, layer: str, **how: Any) -> OnnxBackbone:
    return OnnxBackbone.read(net.SerializeToString(), "small-net", [layer], **how)


def test_the_filters_come_along(plain: Model) -> None:
    same(with_backbone(plain, Filters(), ["cells8"]), IMAGE)


@pytest.mark.parametrize(("colours", "opset"), [("rgb", 13), ("bgr", 18)])
def test_an_onnx_backbone_comes_along(plain: Model, colours: Any, opset: int) -> None:
    model = with_backbone(plain, registered(of(opset), "d", colours=colours), ["d"])
    same(model, IMAGE)
    file = onnx.load_model_from_string(export(model, SIZE))
    weights = [each.name for each in file.graph.initializer if "weight" in each.name]
    assert sorted(name for name in weights if name.startswith("net/")) == [f"net/{each}.weight" for each in "abcd"]


def with_nodes_for_constants() -> onnx.ModelProto:
    net = of(17)
    kept = [tensor for tensor in net.graph.initializer if tensor.name != "d.weight"]
    (moved,) = (tensor for tensor in net.graph.initializer if tensor.name == "d.weight")
    net.graph.node.insert(0, helper.make_node("Constant", [], ["d.weight"], value=moved))
    del net.graph.initializer[:]
    net.graph.initializer.extend(kept)
    return net


def test_views_share_constants_that_are_nodes_of_the_backbone(plain: Model) -> None:
    model = with_backbone(plain, registered(with_nodes_for_constants(), "d"), ["d"])
    same(model, IMAGE)
    nodes = onnx.load_model_from_string(export(model, SIZE)).graph.node
    assert not any(node.op_type == "Constant" for node in nodes)


TWICE = np.array([1, 1, 2, 2], np.float32)


@pytest.mark.parametrize(
    "net",
    [
        # Its nodes are rewritten for a later opset: sums and cuts used to have their axes set.
        lambda: of(
            9,
            helper.make_node("ReduceSum", ["d"], ["sum"], axes=[1], keepdims=1),
            helper.make_node("Slice", ["sum"], ["cut"], axes=[1], starts=[0], ends=[1]),
            helper.make_node("Add", ["cut", "d"], ["wanted"]),
        ),
        # These have no later words; what the station runs is translated instead.
        lambda: of(9, helper.make_node("Upsample", ["d", "twice"], ["wanted"], mode="linear"), twice=TWICE),
        lambda: of(
            11,
            helper.make_node("GlobalAveragePool", ["d"], ["whole"]),
            helper.make_node("Sigmoid", ["whole"], ["gate"]),
            helper.make_node("Mul", ["d", "gate"], ["gated"]),
            helper.make_node("Softmax", ["gated"], ["wanted"], axis=1),
        ),
    ],
    ids=["sums and cuts", "linear enlarging", "softmax"],
)
def test_a_backbone_of_an_old_opset_comes_along(plain: Model, net: Callable[[], onnx.ModelProto]) -> None:
    same(with_backbone(plain, registered(net(), "wanted"), ["wanted"]), IMAGE)


def test_an_old_backbone_that_cannot_be_joined_is_refused_with_the_way_out(plain: Model) -> None:
    net = of(
        9,
        helper.make_node("Upsample", ["d", "twice"], ["larger"], mode="linear"),
        helper.make_node("LRN", ["larger"], ["wanted"], size=3),
        twice=TWICE,
    )
    with pytest.raises(ModelError, match=r"small-net has a node LRN, .* with another backbone, then export"):
        export(with_backbone(plain, registered(net, "wanted"), ["wanted"]), SIZE)


def test_large_views_are_looked_at_in_windows(plain: Model) -> None:
    # Averages reach no farther than their window, and places are those on the whole canvas.
    model = with_backbone(plain, registered(of(17), "d"), ["d"], [(View(1400, 3), 3.0, 1.4, 0.8), NOISY[0]])
    assert len(windows(canvas_for(*SIZE, 1400, 32), 16, 32)) > 8, "as many go through the network at once"
    same(model, IMAGE)


def test_the_filters_look_at_several_windows(plain: Model) -> None:
    same(with_backbone(plain, Filters(), ["cells16"], [(View(620), 0.0, 1.4, 0.8)]), IMAGE)
