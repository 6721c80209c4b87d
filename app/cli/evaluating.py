"""`evaluate`: a model's figures on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable

from app.cli.models import load_model
from app.cli.output import Output
from app.cli.parser import Arguments
from app.datasets import Dataset, Item, opened_dataset
from app.datasets.masks import mask_reader
from app.domain.errors import DatasetError
from app.domain.frame import Image
from app.pictures import read_picture
from app.vision.detector import Detector
from app.vision.evaluation import Evaluation, TestSample, evaluate


def command(options: Arguments, output: Output) -> int:
    detector = load_model(options)
    with opened_dataset(options.dataset, step=output.step) as dataset:
        return _evaluate(options, output, detector, dataset)


def _evaluate(options: Arguments, output: Output, detector: Detector, dataset: Dataset) -> int:
    items = dataset.test_items()
    if not items:
        raise DatasetError(f"The dataset {options.dataset} holds no labelled picture.")
    for problem in dataset.problems:
        output.say(f"Left out: {problem}")
    figures = evaluate(detector, [_sample(item) for item in items], output.step)
    for name, why in figures.failed:
        output.say(f"Left out: {name}: {why}")
    paths = {item.name: str(item.path) for item in items}
    output.result(
        {
            "model": str(detector.ref),
            "normals": figures.normals,
            "anomalies": figures.anomalies,
            "image_auroc": figures.image_auroc,
            "average_precision": figures.average_precision,
            "precision": figures.precision,
            "recall": figures.recall,
            "f1": figures.f1,
            "threshold": figures.threshold,
            "confusion": {"tp": figures.tp, "fp": figures.fp, "tn": figures.tn, "fn": figures.fn},
            "retest": figures.retest,
            "pixel_auroc": figures.pixel_auroc,
            "aupro": figures.aupro,
            "iou": figures.iou,
            "failed": [{"path": paths[name], "error": why} for name, why in figures.failed],
            "problems": list(dataset.problems),
        },
        _words(figures),
    )
    return 1 if figures.failed or dataset.problems else 0


def _sample(item: Item) -> TestSample:
    return TestSample(
        item.name,
        _reader(item),
        item.label == "anomaly",
        mask_reader(item) if item.mask else None,
    )


def _reader(item: Item) -> Callable[[], Image]:
    return lambda: read_picture(item.path)


def _words(figures: Evaluation) -> str:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    rows = [
        f"{figures.normals} good parts, {figures.anomalies} defective ones, threshold {figures.threshold:.4f}",
        f"image AUROC        {number(figures.image_auroc)}",
        f"average precision  {number(figures.average_precision)}",
        f"precision          {number(figures.precision)}",
        f"recall             {number(figures.recall)}",
        f"F1                 {number(figures.f1)}",
        f"found {figures.tp}, escaped {figures.fn}, falsely rejected {figures.fp}, rightly passed {figures.tn}; "
        f"RETEST {figures.retest}",
        f"pixel AUROC        {number(figures.pixel_auroc)}",
        f"AUPRO (FPR 0.3)    {number(figures.aupro)}",
        *(f"IoU {kind:<14} {value:.4f}" for kind, value in figures.iou.items()),
    ]
    return "\n".join(rows)
