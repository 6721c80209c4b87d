"""Projects of Lookout for Vision as they were saved before the service ended: buckets copied into a folder, with their
manifests and what trainings had written (evaluation results and evaluation manifests).

`ROOT/BUCKET/KEY` is s3://BUCKET/KEY. A manifest belongs to the project that its path names; to the only one there is;
else it makes one of its own by its folder's name.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from app.datasets.exporting import export
from app.datasets.manifest import MANIFEST_SUFFIXES, read_manifest
from app.datasets.masks import labelled
from app.datasets.types import Dataset, Item, Mask
from app.domain.errors import DatasetError
from app.whole_files import write_whole

_RESULT = re.compile(r"EvaluationResult-(?P<project>[a-zA-Z0-9][a-zA-Z0-9_-]*)-(?P<version>[0-9]{1,10})\.json$")
_TESTED = re.compile(r"EvaluationManifest-(?P<project>[a-zA-Z0-9][a-zA-Z0-9_-]*)-(?P<version>[0-9]{1,10})\.json$")
_MOST_RESULT = 16 << 20  # bytes
_METRICS = ("ROCAUC", "AveragePrecision", "Precision", "Recall", "F1Score")


@dataclass(frozen=True, slots=True)
class ExportedVersion:
    """What is left of a model: its figures. The model itself stayed with the service.

    Attributes:
        arn, ended_at: as the service wrote them, "" where it did not.
        training_images, testing_images: None where it did not say.
        metrics: by Amazon's names, those that are finite numbers.
        labels: the same by defect type.
    """

    version: int
    arn: str
    ended_at: str
    training_images: int | None
    testing_images: int | None
    metrics: dict[str, float]
    labels: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class ExportedProject:
    """Attributes:
    dataset: of all its manifests; a picture that stands in several has the word of the newest training manifest.
    versions: lowest first.
    problems: what could not be read, and where.
    """

    name: str
    dataset: Dataset
    versions: tuple[ExportedVersion, ...]
    problems: tuple[str, ...]


def read_projects(root: Path) -> list[ExportedProject]:
    """All projects below a folder, by name.

    Raises:
        DatasetError: there is no such folder, or nothing of a project in it.
    """
    if not root.is_dir():
        raise DatasetError(f"The folder {root} does not exist. Copy the buckets into one: aws s3 sync s3://B {root}/B")
    files = list(_files(root))
    versions: dict[str, dict[int, ExportedVersion]] = {}
    problems: dict[str, list[str]] = {}
    for path in files:
        if (named := _RESULT.search(path.name)) is None:
            continue
        name = named["project"]
        versions.setdefault(name, {})
        try:
            found = _version(path, int(named["version"]))
            versions[name][found.version] = found
        except DatasetError as error:
            problems.setdefault(name, []).append(str(error))
    manifests: dict[str, list[Path]] = {name: [] for name in versions}
    tested: dict[str, list[Path]] = {}
    for path in files:
        if (named := _TESTED.search(path.name)) is not None:
            tested.setdefault(named["project"], []).append(path)
        elif path.suffix.lower() in MANIFEST_SUFFIXES:
            manifests.setdefault(_project_of(path, root, list(versions)), []).append(path)
    names = sorted({*manifests, *tested})
    if not names:
        raise DatasetError(f"There is nothing of Lookout for Vision in {root}: no manifest and no evaluation result.")
    return [
        _project(
            name, root, tested.get(name, []), manifests.get(name, []), versions.get(name, {}), problems.get(name, [])
        )
        for name in names
    ]


@dataclass(frozen=True, slots=True)
class Taken:
    """A project that was taken over.

    Attributes:
        out: folder of its dataset in Lookout's own layout; nothing is there where it has no picture.
        problems: of reading and of writing.
    """

    project: ExportedProject
    out: Path
    problems: tuple[str, ...]


def take_over(root: Path, out: Path, step: Callable[[float, str], None]) -> list[Taken]:
    """Slow: writes every project below a folder as a dataset `out`/NAME, and beside it, as NAME.versions.json, the
    figures of its versions; the models themselves stayed with the service.

    Raises:
        DatasetError: there is nothing to take over, or it can't be written.
    """
    found = []
    for project in read_projects(root):
        place, problems = out / project.name, project.problems
        if project.dataset.items:
            records = [labelled(item) for item in project.dataset.items]
            problems += export(records, "lookout", place, step, colours=colours_of(project.dataset)).problems
        told = {"project": project.name, "versions": [asdict(version) for version in project.versions]}
        try:
            # Beside the dataset: an export replaces its folder as a whole.
            write_whole(out / f"{project.name}.versions.json", json.dumps(told, indent=2, ensure_ascii=False).encode())
        except OSError as error:
            raise DatasetError(f"The versions can't be written to {out} ({error.strerror or error}).") from error
        found.append(Taken(project, place, problems))
    return found


def colours_of(dataset: Dataset) -> dict[str, str]:
    """The colours that a manifest gives its types, as "#rrggbb"."""
    given: dict[str, str] = {}
    for item in dataset.items:
        if isinstance(item.mask, Mask):
            for colour, kind in item.mask.colours or ():
                given.setdefault(kind, "#" + bytes(colour).hex())
    return given


def _project(
    name: str,
    root: Path,
    tested: list[Path],
    manifests: list[Path],
    versions: dict[int, ExportedVersion],
    problems: list[str],
) -> ExportedProject:
    items: dict[Path, Item] = {}
    problems = list(problems)
    # What people labelled last stands in the datasets' own manifests: they have the last word.
    for path in (*tested, *sorted(manifests, key=lambda each: each.stat().st_mtime)):
        try:
            part = read_manifest(path, lambda reference: file_of(reference, root))
        except (DatasetError, OSError) as error:
            problems.append(str(error))
            continue
        problems += part.problems
        for item in part.items:
            items[item.path] = replace(item, split="test") if path in tested else item
    dataset = Dataset(root, "Lookout for Vision project", tuple(items.values()), tuple(problems))
    return ExportedProject(name, dataset, tuple(versions[each] for each in sorted(versions)), tuple(problems))


def _project_of(path: Path, root: Path, known: list[str]) -> str:
    parts = path.relative_to(root).parts
    for name in sorted(known, key=len, reverse=True):
        if name in parts or path.stem == name:
            return name
    if len(known) == 1:
        return known[0]
    folder = path.parent.parent if path.parent.name in ("datasets", "manifests") else path.parent
    return folder.name if folder != root else path.stem


def file_of(reference: str, root: Path) -> Path:
    """The file of an s3:// reference, whether it is there or not. Raises DatasetError for a way out of the folder."""
    parts = PurePosixPath(reference[len("s3://") :]).parts  # double slashes are one
    if not parts or any(part in ("..", "/") or "\\" in part or "\0" in part for part in parts):
        raise DatasetError(f"{reference} is no place in a bucket")
    return root.joinpath(*parts)


def _version(path: Path, number: int) -> ExportedVersion:
    try:
        if path.stat().st_size > _MOST_RESULT:
            raise DatasetError(f"{path} is larger than any evaluation result.")
        found = json.loads(path.read_text("utf-8-sig"))
        details, metrics = found["EvaluationDetails"], found["AggregatedEvaluationResults"]["Metrics"]
        labels = {
            str(each["ClassName"]): _numbers(each, ("Precision", "Recall", "F1Score", "AIOU"))
            for each in metrics.get("PixelAnomalyClassMetrics") or []
        }
        return ExportedVersion(
            number,
            str(details.get("ModelArn") or ""),
            str(details.get("EvaluationEndTimestamp") or ""),
            _count(details.get("NumberOfTrainingImages")),
            _count(details.get("NumberOfTestingImages")),
            _numbers(metrics, _METRICS),
            labels,
        )
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{path} is no evaluation result ({type(error).__name__}: {error}).") from error


def _numbers(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    told = {name: found.get(name) for name in names}
    return {
        name: float(value)
        for name, value in told.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _files(root: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(files))
