"""`train`: a model file from a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from app.cli.output import Output
from app.cli.parser import Arguments
from app.datasets import read_dataset
from app.domain.errors import DatasetError, ModelError
from app.domain.frame import Image
from app.pictures import read_picture
from app.vision import artefact
from app.vision.training import Sample, train


def command(options: Arguments, output: Output) -> int:
    dataset = read_dataset(options.dataset)
    items = dataset.training_normals()
    if not items:
        raise DatasetError(f"The dataset {options.dataset} holds no picture of a good part: put some into normal/.")
    _check_place(options.out)
    for problem in dataset.problems:
        output.say(f"Left out: {problem}")
    paths = {item.name: item.path for item in items}
    samples = [Sample(item.name, _reader(item.path)) for item in items]
    name = (options.out.stem or options.out.name)[:60].encode("utf-8", "replace").decode("utf-8")
    trained = train(samples, name=name, size=options.size, step=output.step)
    artefact.write(options.out, trained.data)
    for _, why in trained.skipped:
        output.say(f"Left out: {why}")
    limits = trained.model.limits
    output.result(
        {
            "model": str(options.out),
            "name": name,
            "normals": len(trained.used),
            "threshold": limits.threshold,
            "retest_from": limits.retest_from,
            "backbone": trained.model.description.backbone,
            "size": [trained.model.network.target.width, trained.model.network.target.height],
            "bytes": len(trained.data),
            "seconds": round(trained.seconds, 3),
            "skipped": [{"path": str(paths[name]), "error": why} for name, why in trained.skipped],
            "problems": list(dataset.problems),
        },
        f"{options.out} learned from {len(trained.used)} good parts in {trained.seconds:.1f} s; "
        f"a score of {limits.threshold:.3f} or more is a FAIL.",
    )
    return 1 if trained.skipped or dataset.problems else 0


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
