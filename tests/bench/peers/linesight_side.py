"""Linesight's side of the comparison: runs in the product's own environment, so that exactly what is shipped is
measured. `linesight_client.py` starts it and talks to it: one JSON object a line, question on standard input,
answer on standard output.

All that the comparison knows about the product stands in this file. When the detector's interface changes, mend it
here: `train(samples, name=...)`, `Detector(model, ref).detect / .score`, and, for giving the peer the same backbone,
`Lite0.arrays / .build`.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import openvino as ov
from openvino import opset13 as op

from app.cameras.demo import draw_part, training_parts
from app.datasets import read_dataset
from app.domain.frame import Image
from app.pictures import read_picture
from app.vision import runtime
from app.vision.backbones import lite0
from app.vision.detector import Detector
from app.vision.survey import Sample
from app.vision.training import Trained, train

Answer = dict[str, Any]

# The demo line as tests/bench/vision.py uses it: parts to learn from, and other parts to judge.
GOOD_PARTS, GOOD_SEED = 40, 7
LIVE_PARTS, LIVE_SEED = 12, 21


class Side:
    """Answers one question after another; each public method is one question."""

    def __init__(self) -> None:
        self._pictures: dict[str, Image] = {}
        self._detector: Detector | None = None
        self._live: list[Image] = []

    def versions(self) -> Answer:
        """What runs here."""
        return {"python": platform.python_version(), "openvino": ov.__version__, "numpy": np.__version__}

    def learn_demo(self, threads: int) -> Answer:
        """Trains on the demo line; `times` then judges other parts of it (1280 x 720, BGR).

        Args:
            threads: of OpenVINO, for all that this process compiles from now on.
        """
        runtime.CONFIG["INFERENCE_NUM_THREADS"] = threads
        trained = _trained(list(training_parts(GOOD_PARTS, GOOD_SEED)), "peers")
        self._detector = Detector(trained.model, trained.ref)
        self._live = [draw_part(LIVE_SEED, index) for index in range(LIVE_PARTS)]
        height, width = self._live[0].shape[:2]
        return {"seconds": trained.seconds, "width": width, "height": height, "config": runtime.CONFIG}

    def times(self, count: int) -> Answer:
        """Seconds of `count` whole detections, one after another: frame in, verdict, regions and map out."""
        if self._detector is None:
            raise RuntimeError("Ask learn_demo before times.")
        seconds = []
        for index in range(count):
            image = self._live[index % len(self._live)]
            begin = time.perf_counter()
            self._detector.detect(image)
            seconds.append(time.perf_counter() - begin)
        return {"seconds": seconds}

    def dataset(self, path: str) -> Answer:
        """The labelled pictures of a data set, in the order the product reads them."""
        items = [item for item in read_dataset(Path(path)).items if item.label is not None]
        return {"pictures": [{"path": str(item.path), "anomalous": item.label == "anomaly"} for item in items]}

    def scores(self, train_on: list[str], test_on: list[str]) -> Answer:
        """Trains on good parts and scores other pictures; all by path."""
        trained = _trained([self._picture(path) for path in train_on], "peers")
        detector = Detector(trained.model, trained.ref)
        return {"scores": [detector.score(self._picture(path)) for path in test_on], "seconds": trained.seconds}

    def weights(self, file: str, taps: list[int], size: int) -> Answer:
        """Writes the folded backbone to an .npz, and what it answers to one random picture.

        Arrays: the kernels and biases as `lite0` names them; `probe` (1, 3, size, size) float32,
        R, G, B planes, 0..255; `answer.N` (1, C, H, W) float32 for each block N of `taps`.
        """
        backbone, layers = lite0.Lite0(), [f"block{tap}" for tap in taps]
        arrays = backbone.arrays(layers)
        pixels = op.parameter([1, 3, size, size], ov.Type.f32)
        outputs = [op.result(node) for node in backbone.build(pixels, arrays, layers)]
        compiled = runtime.compile_graph(ov.Model(outputs, [pixels]))
        probe = np.random.default_rng(0).uniform(0, 255, (1, 3, size, size)).astype(np.float32)
        found = compiled([probe])
        answers = {f"answer.{tap}": found[index] for index, tap in enumerate(taps)}
        np.savez(file, probe=probe, **answers, **arrays)  # type: ignore[arg-type]
        return {"blocks": [[block.step, block.residual] for block in lite0.BLOCKS[: max(taps) + 1]]}

    def forget(self) -> Answer:
        """Lets the pictures of the last data set go."""
        self._pictures.clear()
        return {}

    def _picture(self, path: str) -> Image:
        if path not in self._pictures:
            self._pictures[path] = read_picture(Path(path))
        return self._pictures[path]


def _trained(images: Sequence[Image], name: str) -> Trained:
    return train([Sample(str(index), lambda image=image: image) for index, image in enumerate(images)], name=name)  # type: ignore[misc]


def main() -> None:
    """Answers until standard input ends."""
    answers = _own_output()
    side = Side()
    for line in sys.stdin:
        question: dict[str, Any] = json.loads(line)
        try:
            answer = getattr(side, question.pop("ask"))(**question)
        except Exception:  # noqa: BLE001 - whatever went wrong belongs to the one who asked
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _own_output() -> TextIO:
    """Standard output for answers alone: what a library prints goes to standard error from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
