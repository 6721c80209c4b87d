"""Measures the detector: time against its own bare backbone, training, memory, and AUROC where the sample
data sets lie beside the project. `python main.py bench vision [--quick] [--json]`."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from openvino import opset13 as op

from app.cameras.demo import draw_part, training_parts
from app.cli.benching import Figure
from app.datasets import Item, read_dataset
from app.domain.frame import Image
from app.pictures import read_picture
from app.vision import artefact
from app.vision.detector import Detector
from app.vision.geometry import canvas_for, windows
from app.vision.metrics import auroc
from app.vision.runtime import compile_graph
from app.vision.training import Sample, Trained, train

Step = Callable[[float, str], None]

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def run(quick: bool, step: Step) -> list[Figure]:
    step(0.0, "Drawing parts")
    parts = list(training_parts(40, 7))
    lived = [draw_part(21, index) for index in range(12)]
    step(0.1, "Training")
    trained = train(_samples(parts), name="bench")
    figures = [
        Figure("training on 40 good parts of 1280 x 720", trained.seconds, "s", floor=10, aim=4),
        Figure("artefact", len(trained.data) / 1e6, "MB", floor=12, aim=6),
    ]
    step(0.25, "Timing")
    rounds = 40 if quick else 300
    figures += _timing(trained, lived, rounds, "1280 x 720 frame at 256 px")
    if not quick:
        few = _samples(parts[:12])
        figures += _timing(train(few, name="512", size=512), lived, rounds // 3, "1280 x 720 frame at 512 px")
        wide = [cv2.resize(part, (1920, 1080)) for part in (*parts[:12], *lived)]
        tiled = train(_samples(wide[:12]), name="tiled", detail=2)
        figures += _timing(tiled, wide[12:], rounds // 6, "1920 x 1080 frame in four tiles")
    figures.append(_memory(trained, lived[0]))
    for name in ("aliens", "cookies"):
        if (SHARED / name).is_dir():
            figures.append(_accuracy(name, 2 if quick else 5, step))
    return figures


def _timing(trained: Trained, images: list[Image], rounds: int, words: str) -> list[Figure]:
    """Whole detection and the bare backbone on the finest view's canvas by turns in one run, so that a busy
    machine slows both."""
    network = trained.model.network
    detector = Detector(trained.model, trained.ref)
    height, width = images[0].shape[:2]
    finest = max((each.view for each in trained.model.views), key=lambda view: view.size)
    canvas = canvas_for(width, height, finest.size, network.backbone.multiple)
    pieces = windows(canvas, network.stride, network.backbone.multiple)
    shape = [len(pieces), 3, pieces[0].height, pieces[0].width]
    pixels = op.parameter(shape, ov.Type.f32)
    outputs = [op.result(node) for node in network.backbone.build(pixels, network.arrays, network.layers)]
    bare = compile_graph(ov.Model(outputs, [pixels])).create_infer_request()
    planes = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    whole_times, bare_times = [], []
    for index in range(rounds + 6):
        image = images[index % len(images)]
        begin = time.perf_counter()
        detector.detect(image)
        middle = time.perf_counter()
        bare.infer([planes], share_inputs=True)
        end = time.perf_counter()
        if index >= 6:  # the first compile and warm up
            whole_times.append(middle - begin)
            bare_times.append(end - middle)
    whole, alone = statistics.median(whole_times) * 1000, statistics.median(bare_times) * 1000
    looks = " + ".join(f"{each.view.size} px" for each in trained.model.views)
    return [
        Figure(f"detection of a {words}, p50 (views: {looks})", whole, "ms"),
        Figure(f"the same, p95, {words}", float(np.quantile(whole_times, 0.95)) * 1000, "ms"),
        Figure(f"bare backbone pass on the finest view, p50, {words}", alone, "ms"),
        Figure(f"detection against its bare backbone, {words}", whole / alone, "x", floor=2.0, aim=1.5),
    ]


def _memory(trained: Trained, image: Image) -> Figure:
    """What a loaded model adds to the resident memory of this process."""
    gc.collect()
    before = _resident()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        artefact.write(path, trained.data)
        detector = Detector.load(path)
    for _ in range(20):
        detector.detect(image)
    return Figure("resident memory added by one more model in use", (_resident() - before) / 1e6, "MB", 300, 200)


def _resident() -> int:
    """Bytes, from the system where it tells (Linux), else 0."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


def _accuracy(name: str, splits: int, step: Step) -> Figure:
    """Mean image AUROC over random splits: three quarters of the good parts (at most 40) to train on, the
    rest and all defects to test; no defect is seen in training."""
    items = read_dataset(SHARED / name).items
    images = {item.name: read_picture(item.path) for item in items}
    normals = [item for item in items if item.label == "normal"]
    defects = [item for item in items if item.label == "anomaly"]
    values = []
    for split in range(splits):
        step(0.5 + 0.5 * split / splits, f"Accuracy on {name}, split {split + 1} of {splits}")
        order = np.random.default_rng(split).permutation(len(normals))
        count = min(40, len(normals) * 3 // 4)
        model = train(_samples([images[normals[index].name] for index in order[:count]]), name=name)
        detector = Detector(model.model, model.ref)

        def scores(chosen: list[Item], detector: Detector = detector) -> np.ndarray:
            return np.array([detector.score(images[item.name]) for item in chosen])

        value = auroc(scores([normals[index] for index in order[count:]]), scores(defects))
        assert value is not None
        values.append(value)
    return Figure(
        f"image AUROC, {name}, good parts only, mean of {splits} splits",
        statistics.mean(values),
        "",
        floor=0.98,
        aim=1.0,
        better="higher",
    )


def _samples(images: list[Image]) -> list[Sample]:
    return [Sample(str(index), lambda image=image: image) for index, image in enumerate(images)]
