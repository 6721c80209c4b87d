"""`train`: a model file from a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from app.cli import checkpoints, extractor
from app.cli.output import Output
from app.cli.parser import Arguments
from app.datasets import Dataset, opened_dataset
from app.datasets.masks import mask_reader
from app.domain.errors import DatasetError, ModelError
from app.domain.frame import Image
from app.pictures import read_picture
from app.vision import artefact
from app.vision.consequences import Share
from app.vision.defects import Defect
from app.vision.framing import Regions, regions_of
from app.vision.survey import Sample
from app.vision.training import train


def command(options: Arguments, output: Output) -> int:
    with opened_dataset(options.dataset, step=output.step) as dataset:
        return _train(options, output, dataset)


def _train(options: Arguments, output: Output, dataset: Dataset) -> int:
    items = dataset.training_normals()
    if not items:
        raise DatasetError(f"The dataset {options.dataset} holds no picture of a good part: put some into normal/.")
    _check_place(options.out)
    for problem in dataset.problems:
        output.say(f"Left out: {problem}")
    bad = dataset.training_defects()
    paths = {item.name: item.path for item in (*items, *bad)}
    samples = [Sample(item.name, _reader(item.path)) for item in items]
    defects = [
        Defect(item.name, _reader(item.path), item.type, mask_reader(item) if item.mask else None) for item in bad
    ]
    name = (options.out.stem or options.out.name)[:60].encode("utf-8", "replace").decode("utf-8")
    trained = train(
        samples,
        name=name,
        defects=defects,
        size=options.size,
        detail=options.detail,
        regions=_regions(options, items[0].path) if options.roi or options.ignore else None,
        mm_per_pixel=options.mm_per_pixel,
        wear_limits=tuple({each.label: each for each in options.limit}.values()),
        checkpoints=checkpoints.wanted(options, dataset, items[0].path),
        backbone=extractor.chosen(options),
        step=output.step,
    )
    artefact.write(options.out, trained.data)
    for _, why in trained.skipped:
        output.say(f"Left out: {why}")
    for picture, why in trained.suspicious:
        output.say(f"Suspicious label: {picture} {why}. If it is a defect, move it there and train again.")
    limits = trained.model.limits
    output.result(
        {
            "model": str(options.out),
            "name": name,
            "normals": len(trained.used),
            "defects": len(trained.defects),
            "threshold": limits.threshold,
            "retest_from": limits.retest_from,
            "backbone": trained.model.description.backbone,
            "views": [{"size": each.view.size, "mean": each.view.mean} for each in trained.model.views],
            "bytes": len(trained.data),
            "expected": {
                "false_rejects": _share(trained.expected.false_rejects),
                "escapes": _share(trained.expected.escapes),
                "words": trained.expected.words(),
            },
            "seconds": round(trained.seconds, 3),
            "skipped": [{"path": str(paths.get(each, each)), "error": why} for each, why in trained.skipped],
            "suspicious": [{"path": str(paths[name]), "reason": why} for name, why in trained.suspicious],
            "problems": list(dataset.problems),
            "checkpoints": checkpoints.as_json(trained.model.checkpoints),
        },
        f"{options.out} learned from {len(trained.used)} good and {len(trained.defects)} defective parts "
        f"in {trained.seconds:.1f} s; "
        f"a score of {limits.threshold:.3f} or more is a FAIL. {trained.expected.words()}",
    )
    return 1 if trained.skipped or dataset.problems else 0


def _regions(options: Arguments, first: Path) -> Regions:
    height, width = read_picture(first).shape[:2]
    return regions_of(options.roi, options.ignore, (width, height))


def _share(share: Share | None) -> dict[str, float] | None:
    """A share with its 95 % confidence interval."""
    if share is None:
        return None
    return {"count": share.count, "of": share.of, "share": share.share, "low": share.low, "high": share.high}


def _check_place(out: Path) -> None:
    """Says before the training, not after it, that the model can't be written there."""
    try:
        if out.is_dir():
            raise ModelError(f"{out} is a folder: name a file, such as {out / 'part.model'}.")
        if out.exists() and not out.is_file():
            raise ModelError(f"{out} is a pipe or a device: name a file for the model.")
        folder = out.absolute().parent
        while not folder.exists():
            folder = folder.parent
        writable = folder.is_dir() and os.access(folder, os.W_OK)
    except OSError as error:
        raise ModelError(f"The model can't be written to {out} ({error.strerror or error}).") from error
    if not writable:
        why = "may not be written by this user" if folder.is_dir() else "is no folder"
        raise ModelError(f"The model can't be written to {out}: {folder} {why}. Choose another place.")


def _reader(path: Path) -> Callable[[], Image]:
    return lambda: read_picture(path)
