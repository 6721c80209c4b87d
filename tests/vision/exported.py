"""What tests of the export share: running a file, and models made up for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import onnx

from app.domain.frame import Image
from app.vision.artefact import Model
from app.vision.backbones import Backbone
from app.vision.bank import MemoryBank
from app.vision.export_onnx import export
from app.vision.graph import Network
from app.vision.judge import Judge, Judged, Remembered
from app.vision.looking import View
from app.vision.maps import Scale
from app.vision.runtime import compile_graph, read_onnx

SIZE = (1280, 720)
NOISY = ((View(160), 3.0, 1.5, 0.7), (View(96, 3), 0.0, 1.2, 1.0))
"""Views of `with_backbone`: weight of places, limit, edge."""


class Exported:
    """An exported model, made ready once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.told = {entry.key: entry.value for entry in onnx.load_model_from_string(data).metadata_props}
        compiled = compile_graph(read_onnx(data))
        self._names = [output.get_any_name() for output in compiled.outputs]
        self._request = compiled.create_infer_request()

    def prepared(self, image: Image) -> list[np.ndarray]:
        """The inputs, made as the metadata say and with nothing of the program."""
        x, y, width, height = json.loads(self.told["crop"])
        inputs = []
        for each in json.loads(self.told["inputs"]):
            small = image[y : y + height, x : x + width].astype(np.uint16)
            for _ in range(each["halvings"]):
                small = small[: small.shape[0] // 2 * 2, : small.shape[1] // 2 * 2]
                small = (small[::2, ::2] + small[1::2, ::2] + small[::2, 1::2] + small[1::2, 1::2] + 2) // 4
            size = (each["width"], each["height"])
            inputs.append(cv2.resize(small.astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)[None])
        return inputs

    def run(self, image: Image) -> dict[str, np.ndarray]:
        self._request.infer({f"view{number}": value for number, value in enumerate(self.prepared(image))})
        return {name: self._request.get_tensor(name).data.copy() for name in self._names}


def judge(model: Model, image: Image) -> Judged:
    return Judge(model.network, model.views, model.framing, model.known).judge(image)


def agrees(file: Exported, image: Image, judged: Judged) -> dict[str, np.ndarray]:
    """Compares score and heat with the station's; all outputs."""
    found = file.run(image)
    assert found["score"].shape == (1,) and found["score"].dtype == found["heat"].dtype == np.float32
    assert found["heat"].shape == judged.heat.shape
    assert abs(float(found["score"][0]) - judged.score) <= 1e-4 * max(1.0, abs(judged.score))
    tolerance = 1e-4 * max(1.0, float(np.abs(judged.heat).max()))
    np.testing.assert_allclose(found["heat"], judged.heat, rtol=0, atol=tolerance)
    return found


def same(model: Model, image: Image) -> dict[str, np.ndarray]:
    """Exports for pictures of this size, and compares score and heat with the station's; all outputs."""
    return agrees(Exported(export(model, (image.shape[1], image.shape[0]))), image, judge(model, image))


def with_backbone(
    plain: Model,
    backbone: Backbone,
    layers: Sequence[str],
    looks: Sequence[tuple[View, float, float, float]] = NOISY,
) -> Model:
    """A model of another backbone with banks of noise, which is as good for comparing."""
    network = Network(backbone, tuple(layers), backbone.arrays(layers))
    channels, rng = network.channels, np.random.default_rng(0)
    views = tuple(
        Remembered(
            view,
            MemoryBank(
                rng.normal(0, 1, channels).astype(np.float32),
                rng.uniform(0.5, 2, channels).astype(np.float32),
                rng.normal(0, 1, (50, channels)).astype(np.float32),
                rng.uniform(0, 1, (50, 2)).astype(np.float32),
                weight,
            ),
            Scale(limit, edge),
        )
        for view, weight, limit, edge in looks
    )
    return replace(plain, network=network, views=views)
