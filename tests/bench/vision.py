"""Measures the detector: time against its own bare backbone, training, memory, and AUROC where the sample
data sets lie beside the project. `python main.py bench vision [--quick] [--json]`."""

from __future__ import annotations

import gc
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.cameras.demo import draw_part, training_parts
from app.cli.benching import Figure
from app.datasets import Item, read_dataset
from app.datasets.masks import mask_reader
from app.domain.frame import Image
from app.pictures import read_picture
from app.vision import artefact
from app.vision.defects import Defect
from app.vision.detector import Detector
from app.vision.evaluation import Evaluation, TestSample, evaluate
from app.vision.geometry import canvas_for, windows
from app.vision.runtime import compile_graph
from app.vision.survey import Sample
from app.vision.training import Trained, train
from tests.bench import vision_big

Step = Callable[[float, str], None]

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def run(quick: bool, step: Step, splits: int = 1) -> list[Figure]:
    """`splits`: into five folds each; where pictures are few, which of them are together in one moves the figures."""
    step(0.0, "Drawing parts")
    parts = list(training_parts(100, 7))
    lived = [draw_part(21, index) for index in range(12)]
    step(0.1, "Training")
    trained = train(_samples(parts), name="bench")
    figures = [
        Figure("training on 100 good parts of 1280 x 720", trained.seconds, "s", floor=8, aim=4),
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
    for name in ("aliens", "cookies") if quick else _FLOORS:
        if (SHARED / name).is_dir():
            figures += _accuracy(name, 1 if quick else _FOLDS, False, step, splits)
            if not quick:
                figures += _accuracy(name, _FOLDS, True, step, splits)
    return figures + vision_big.figures(quick, step)


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
    bare = compile_graph(ov.Model(outputs, [pixels]), network.backbone.kernels).create_infer_request()
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


_FLOORS = {  # (floor, aim) of image AUROC; pixel AUROC, AUPRO where masks are; good parts only, then with labels
    "aliens": {"good": ((0.99, 1.0), None), "labels": ((None, None), None, None)},
    "cookies": {"good": ((0.99, 1.0), None), "labels": ((0.995, 1.0), None, None)},
    "magnetic-tile": {
        "good": ((0.94, 0.96), (0.85, 0.93)),
        "labels": ((0.97, 0.99), (0.99, 0.995), (0.85, 0.92)),
    },
}
_FOLDS = 5


def _accuracy(name: str, folds: int, labels: bool, step: Step, splits: int = 1) -> list[Figure]:
    """Means over five folds (the first `folds` of them) of each split, each with a model that has seen neither its good
    parts nor its defects; F1 at the threshold that the training chose."""
    items = [item for item in read_dataset(SHARED / name).items if item.label is not None]
    normals, defects = ([item for item in items if item.label == label] for label in ("normal", "anomaly"))
    found: list[Evaluation] = []
    for split, fold in itertools.product(range(splits), range(folds)):
        orders = [
            np.random.default_rng(2 * split + number).permutation(len(group))
            for number, group in enumerate((normals, defects))
        ]
        done, whole = split * folds + fold, splits * folds
        step(0.4 + 0.6 * done / whole, f"Accuracy on {name}, fold {done + 1} of {whole}")
        held = [set(order[fold::_FOLDS].tolist()) for order in orders]
        shown = [item for index, item in enumerate(normals) if index not in held[0]]
        taught = [item for index, item in enumerate(defects) if index not in held[1]] if labels else []
        made = train(
            [Sample(item.name, _reader(item)) for item in shown],
            name=name,
            defects=[Defect(item.name, _reader(item), item.type, _masks(item)) for item in taught],
        )
        test = [item for index, item in enumerate(normals) if index in held[0]]
        test += [item for index, item in enumerate(defects) if index in held[1]] if labels else defects
        samples = [TestSample(item.name, _reader(item), item.label == "anomaly", _masks(item)) for item in test]
        found.append(evaluate(Detector(made.model, made.ref), samples))
    words = "with labels" if labels else "good parts only"
    floors = _FLOORS[name]["labels" if labels else "good"]
    values = [
        ("image AUROC", [each.image_auroc for each in found], floors[0]),
        ("pixel AUROC", [each.pixel_auroc for each in found], floors[1]),
        ("AUPRO", [each.aupro for each in found], floors[2] if labels else None),
        ("F1 at the chosen threshold", [each.f1 for each in found], (0.93, 0.98) if labels else None),
    ]
    figures = []
    for measure, each, limits in values:
        known = [value for value in each if value is not None]
        if known:
            floor, aim = limits or (None, None)
            title = f"{measure}, {name}, {words}, mean of {len(known)} of {splits * _FOLDS} folds"
            figures.append(Figure(title, statistics.mean(known), "", floor=floor, aim=aim, better="higher"))
    return figures


def _reader(item: Item) -> Callable[[], Image]:
    return lambda: read_picture(item.path)


def _masks(item: Item) -> Callable[[tuple[int, int]], dict[str, NDArray[np.bool_]]] | None:
    return mask_reader(item) if item.mask else None


def _samples(images: list[Image]) -> list[Sample]:
    return [Sample(str(index), lambda image=image: image) for index, image in enumerate(images)]
