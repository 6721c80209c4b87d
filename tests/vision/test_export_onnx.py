"""A model as ONNX: what another runtime makes of the file is what the station shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

from app.cameras.demo import DefectKind, draw_part
from app.domain.errors import ModelError
from app.domain.frame import Image
from app.domain.inspection import ModelRef
from app.vision import artefact
from app.vision.artefact import Model
from app.vision.backbones import Backbone
from app.vision.backbones.filters import Filters
from app.vision.backbones.onnx import OnnxBackbone
from app.vision.bank import MemoryBank
from app.vision.detector import Detector, same_score
from app.vision.export_onnx import export
from app.vision.framing import Fixture, Framing, Regions
from app.vision.graph import Network
from app.vision.judge import Judge, Remembered
from app.vision.looking import View
from app.vision.maps import Scale
from app.vision.runtime import compile_graph, read_onnx
from tests.vision.onnx_nets import small_net

SIZE = (1280, 720)


@pytest.fixture(scope="module")
def loaded(demo_model: Path) -> tuple[Model, ModelRef]:
    return artefact.load(demo_model)


@pytest.fixture(scope="module")
def plain(loaded: tuple[Model, ModelRef]) -> Model:
    """It judges every picture as it lies."""
    return replace(loaded[0], framing=Framing(None))


def told(data: bytes) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load_model_from_string(data).metadata_props}


def prepared(image: Image, metadata: dict[str, str]) -> list[np.ndarray]:
    """The inputs, made as the metadata say and with nothing of the program."""
    x, y, width, height = json.loads(metadata["crop"])
    inputs = []
    for each in json.loads(metadata["inputs"]):
        small = image[y : y + height, x : x + width].astype(np.uint16)
        for _ in range(each["halvings"]):
            small = small[: small.shape[0] // 2 * 2, : small.shape[1] // 2 * 2]
            small = (small[::2, ::2] + small[1::2, ::2] + small[::2, 1::2] + small[1::2, 1::2] + 2) // 4
        size = (each["width"], each["height"])
        inputs.append(cv2.resize(small.astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)[None])
    return inputs


def run(data: bytes, inputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    request = compile_graph(read_onnx(data)).create_infer_request()
    request.infer({f"view{number}": value for number, value in enumerate(inputs)})
    return request.get_tensor("heat").data.copy(), request.get_tensor("score").data.copy()


def agrees(data: bytes, image: Image, heat: np.ndarray, score: float) -> None:
    found_heat, found_score = run(data, prepared(image, told(data)))
    assert found_score.shape == (1,) and found_score.dtype == found_heat.dtype == np.float32
    assert found_heat.shape == heat.shape
    tolerance = 1e-4 * max(1.0, abs(score))
    assert abs(float(found_score[0]) - score) <= tolerance
    np.testing.assert_allclose(found_heat, heat, rtol=0, atol=1e-4 * max(1.0, float(np.abs(heat).max())))


def test_the_file_gives_the_detectors_own_heat_and_score(plain: Model, loaded: tuple[Model, ModelRef]) -> None:
    data, detector = export(plain, SIZE), Detector(plain, loaded[1])
    unlike = np.full((720, 1280, 3), (10, 90, 200), np.uint8)
    scores = []
    for image in (draw_part(5, 1), draw_part(6, 1, DefectKind.SCRATCH), unlike):
        found = detector.detect(image)
        agrees(data, image, found.heat, found.score)
        box = json.loads(told(data)["heat_box"])
        assert box == list(found.heat_box)
        scores.append(found.score)
    assert max(scores) > 2 * min(scores), "pictures that all score alike would show nothing"


def test_pictures_of_odd_sides_are_told_how_to_be_prepared(plain: Model) -> None:
    image = cv2.resize(draw_part(7, 1, DefectKind.SCRATCH), (1003, 601), interpolation=cv2.INTER_AREA)
    judged = Judge(plain.network, plain.views, plain.framing).judge(image)
    agrees(export(plain, (1003, 601)), image, judged.heat, judged.score)


def test_only_the_regions_of_interest_count(plain: Model) -> None:
    regions = Regions(interest=((0.1, 0.05, 0.7, 0.8),), ignored=((0.3, 0.3, 0.2, 0.3),))
    model = replace(plain, framing=Framing(None, regions))
    data, image = export(model, SIZE), draw_part(6, 1, DefectKind.SCRATCH)
    judged = Judge(model.network, model.views, model.framing).judge(image)
    agrees(data, image, judged.heat, judged.score)
    assert json.loads(told(data)["heat_box"]) == list(judged.box)


def test_the_metadata_say_what_a_stranger_needs(plain: Model) -> None:
    data = export(plain, SIZE)
    metadata, described = told(data), plain.description
    assert float(metadata["threshold"]) == plain.limits.threshold
    assert float(metadata["retest_from"]) == plain.limits.retest_from
    assert metadata["name"] == described.name
    assert metadata["fingerprint"] == described.training.fingerprint
    assert json.loads(metadata["labels"]) == list(described.labels)
    assert metadata["needs_alignment"] == "no"
    assert "2 x 2" in metadata["preparation"] and "golden" not in metadata["preparation"]


def test_standard_nodes_only_and_always_the_same_bytes(plain: Model) -> None:
    data = export(plain, SIZE)
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert [each.domain for each in model.opset_import] == [""]
    assert not any(node.domain for node in model.graph.node)
    assert export(plain, SIZE) == data


def test_views_share_the_networks_constants(plain: Model) -> None:
    one = len(export(replace(plain, views=plain.views[:1]), SIZE))
    both = len(export(replace(plain, views=plain.views[:1] * 2), SIZE))
    network = sum(array.nbytes for array in plain.network.arrays.values())
    assert both - one < one - network / 2


def test_a_part_that_moves_has_to_be_laid_first(loaded: tuple[Model, ModelRef]) -> None:
    model = loaded[0]
    fixture = model.framing.fixture
    assert fixture is not None, "the drawn parts show a part that can be found"
    # A corner that most training pictures did not show.
    area = np.ones_like(fixture.area)
    area[:20, :20] = 0
    moving = replace(model, framing=Framing(Fixture(fixture.golden, True, area)))
    data = export(moving, (640, 360))
    metadata = told(data)
    assert metadata["needs_alignment"] == "yes"
    assert json.loads(metadata["picture_size"]) == list(fixture.golden.size)
    assert "golden" in metadata["preparation"]
    image = draw_part(6, 1, DefectKind.SCRATCH)
    found = fixture.golden.register(image)
    assert not found.failed
    laid, _ = fixture.golden.warp(image, found)
    score = Judge(moving.network, moving.views, moving.framing).judge(laid).score
    heat, own = run(data, prepared(laid, metadata))
    assert same_score(score, float(own[0]))
    corner = heat[: heat.shape[0] // 5, : heat.shape[1] // 5]
    assert corner.max() < 0.05 * heat.max(), "the corner was not to be judged"


def with_backbone(plain: Model, backbone: Backbone, layers: tuple[str, ...]) -> Model:
    """A model of another backbone with banks of noise, which is as good for comparing."""
    network = Network(backbone, layers, backbone.arrays(layers))
    channels, rng = network.channels, np.random.default_rng(0)
    views = tuple(
        Remembered(
            View(size, mean),
            MemoryBank(
                rng.normal(0, 1, channels).astype(np.float32),
                rng.uniform(0.5, 2, channels).astype(np.float32),
                rng.normal(0, 1, (50, channels)).astype(np.float32),
                rng.uniform(0, 1, (50, 2)).astype(np.float32),
                weight,
            ),
            Scale(limit, edge),
        )
        for size, mean, weight, limit, edge in ((160, 1, 3.0, 1.5, 0.7), (96, 3, 0.0, 1.2, 1.0))
    )
    return replace(plain, network=network, views=views)


@pytest.mark.parametrize(("colours", "opset"), [("rgb", 13), ("bgr", 18)])
def test_an_onnx_backbone_comes_along(plain: Model, colours: Any, opset: int) -> None:
    net = small_net()
    net.opset_import[0].version = opset
    backbone = OnnxBackbone.read(net.SerializeToString(), "small-net", ["c", "d"], colours=colours)
    model = with_backbone(plain, backbone, ("d",))
    image = draw_part(6, 1, DefectKind.SCRATCH)
    judged = Judge(model.network, model.views, model.framing).judge(image)
    data = export(model, SIZE)
    agrees(data, image, judged.heat, judged.score)
    weights = [each.name for each in onnx.load_model_from_string(data).graph.initializer if "weight" in each.name]
    assert sorted(name for name in weights if name.startswith("net/")) == [f"net/{each}.weight" for each in "abcd"]


def test_what_cannot_be_exported_is_refused_with_the_way_out(plain: Model) -> None:
    filters = Filters()
    with pytest.raises(
        ModelError, match=r"oriented-filters, which can't be written.* Train it with efficientnet-lite0"
    ):
        export(with_backbone(plain, filters, filters.default_layers), SIZE)
    old = small_net()
    old.opset_import[0].version = 11
    backbone = OnnxBackbone.read(old.SerializeToString(), "small-net", ["d"])
    with pytest.raises(
        ModelError, match=r"small-net .* has ONNX opset 11, .* Save the backbone with opset 13 or later"
    ):
        export(with_backbone(plain, backbone, ("d",)), SIZE)
    wide = replace(plain, views=(replace(plain.views[0], view=View(768)),))
    with pytest.raises(ModelError, match=r"1280 x 720 pixels in several overlapping windows .*size 256, detail 0"):
        export(wide, SIZE)
    for size in ((720, 1280), (0, 10), (10, -1)):
        with pytest.raises(ModelError, match=rf"not judge pictures of {size[0]} x {size[1]} pixels: it was"):
            export(plain, size)
