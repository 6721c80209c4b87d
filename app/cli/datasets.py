"""`dataset check` and `dataset convert`: labelled pictures between programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from app.cli.output import Output
from app.cli.parser import Arguments
from app.datasets import Dataset, opened_dataset
from app.datasets.check import check
from app.datasets.exporting import Exported, export
from app.datasets.lookout_export import read_projects
from app.datasets.masks import labelled
from app.datasets.types import Mask
from app.domain.errors import LinesightError
from app.whole_files import write_whole


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
    colours, prefix = _colours(dataset), options.s3_prefix or ""
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
    projects, bad = read_projects(options.dataset), False
    told: list[dict[str, Any]] = []
    for project in projects:
        problems = list(project.problems)
        out = options.out / project.name
        counts = project.dataset.counts()
        if project.dataset.items:
            records = [labelled(item) for item in project.dataset.items]
            done = export(records, "lookout", out, output.step, colours=_colours(project.dataset))
            problems += done.problems
        versions = [asdict(version) for version in project.versions]
        try:
            # Beside the dataset: an export replaces its folder as a whole.
            text = json.dumps({"project": project.name, "versions": versions}, indent=2, ensure_ascii=False)
            write_whole(options.out / f"{project.name}.versions.json", text.encode())
        except OSError as error:
            raise LinesightError(
                f"The versions can't be written to {options.out} ({error.strerror or error})."
            ) from error
        for words in problems:
            output.say(words)
        bad = bad or bool(problems)
        pictures = {"pictures": len(project.dataset.items), **{name: counts[name] for name in ("normal", "anomaly")}}
        told.append({"project": project.name, "out": str(out), **pictures, "versions": versions, "problems": problems})
    lines = [
        f"{each['project']}: {each['normal']} good and {each['anomaly']} defective pictures, "
        f"{len(each['versions'])} versions, {len(each['problems'])} problems."
        for each in told
    ]
    output.result({"projects": told}, "\n".join(lines))
    return 1 if bad else 0


def _colours(dataset: Dataset) -> dict[str, str]:
    """The colours that a manifest gives its types."""
    given: dict[str, str] = {}
    for item in dataset.items:
        if isinstance(item.mask, Mask):
            for colour, kind in item.mask.colours or ():
                given.setdefault(kind, "#" + bytes(colour).hex())
    return given


def _words(done: Exported) -> str:
    lists = f" Hand on {', '.join(str(path) for path in done.lists)}." if done.lists else ""
    return f"{done.out} holds {sum(done.pictures.values())} pictures as {done.kind}.{lists}"
