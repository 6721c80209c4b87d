"""`dataset check` and `dataset convert`: labelled pictures between programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.cli.output import Output
from app.cli.parser import Arguments
from app.datasets import Dataset, opened_dataset
from app.datasets.check import check
from app.datasets.exporting import Exported, export
from app.datasets.lookout_export import colours_of, take_over
from app.datasets.masks import labelled


def command(options: Arguments, output: Output) -> int:
    if options.action == "lookout":
        return _lookout(options, output)
    with opened_dataset(options.dataset, step=output.step) as dataset:
        if options.action == "check":
            return _check(options, output, dataset)
        return _convert(options, output, dataset)


def _check(options: Arguments, output: Output, dataset: Dataset) -> int:
    found = check(dataset, output.step)
    for problem in found.problems:
        output.say(problem)
    counts = dataset.counts()
    sizes = [{"width": width, "height": height, "pictures": count} for (width, height), count in found.sizes.items()]
    output.result(
        {
            "dataset": str(options.dataset),
            "layout": dataset.layout,
            "pictures": len(dataset.items),
            "normal": counts["normal"],
            "anomaly": counts["anomaly"],
            "unlabelled": counts["unlabelled"],
            "masks": found.masks,
            "types": dict(found.types),
            "sizes": sizes,
            "problems": list(found.problems),
        },
        f"{options.dataset} ({dataset.layout}): {counts['normal']} good, {counts['anomaly']} defective and "
        f"{counts['unlabelled']} unlabelled pictures, {found.masks} masks; "
        + (f"{len(found.problems)} problems." if found.problems else "no problem."),
    )
    return 1 if found.problems else 0


def _convert(options: Arguments, output: Output, dataset: Dataset) -> int:
    records = [labelled(item) for item in dataset.items]
    colours, prefix = colours_of(dataset), options.s3_prefix or ""
    done = export(records, options.kind, options.out, output.step, colours=colours, s3_prefix=prefix)
    problems = (*dataset.problems, *done.problems)
    for words in (*problems, *done.notes):
        output.say(words)
    output.result(
        {
            "dataset": str(options.dataset),
            "layout": dataset.layout,
            "kind": options.kind,
            "out": str(done.out),
            "lists": [str(path) for path in done.lists],
            "pictures": sum(done.pictures.values()),
            **{label: done.pictures.get(label, 0) for label in ("normal", "anomaly", "unlabelled")},
            "notes": list(done.notes),
            "problems": list(problems),
        },
        _words(done),
    )
    return 1 if problems else 0


def _lookout(options: Arguments, output: Output) -> int:
    from app.candidates import keep_figures
    from app.lifecycle import ModelShelf
    from app.paths import data_folder

    told: list[dict[str, Any]] = []
    shelf = ModelShelf(data_folder(options.data_dir).models)
    for taken in take_over(options.dataset, options.out, output.step):
        project = taken.project
        keep_figures(shelf, project)
        for words in taken.problems:
            output.say(words)
        counts = project.dataset.counts()
        told.append(
            {
                "project": project.name,
                "out": str(taken.out),
                "pictures": len(project.dataset.items),
                "normal": counts["normal"],
                "anomaly": counts["anomaly"],
                "versions": [asdict(version) for version in project.versions],
                "problems": list(taken.problems),
            }
        )
    lines = [
        f"{each['project']}: {each['normal']} good and {each['anomaly']} defective pictures, "
        f"{len(each['versions'])} versions (`models list` has their figures), {len(each['problems'])} problems."
        for each in told
    ]
    output.result({"projects": told}, "\n".join(lines))
    return 1 if any(each["problems"] for each in told) else 0


def _words(done: Exported) -> str:
    lists = f" Hand on {', '.join(str(path) for path in done.lists)}." if done.lists else ""
    return f"{done.out} holds {sum(done.pictures.values())} pictures as {done.kind}.{lists}"
