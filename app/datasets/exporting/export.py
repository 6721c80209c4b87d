"""One door for all layouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol, get_args

from app.datasets.exporting.coco import Coco
from app.datasets.exporting.folders import MvtecAd, NormalAnomaly
from app.datasets.exporting.manifests import Manifests, checked_prefix
from app.datasets.exporting.prepare import Notes, Preparing, Ready
from app.datasets.exporting.staging import mark, staged
from app.datasets.exporting.tables import Table
from app.datasets.types import Labelled
from app.domain.errors import DatasetError

Kind = Literal["lookout", "sagemaker", "mvtec", "coco", "csv", "folders"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        lists: manifests and the like that other programs are given.
        pictures: how many by label: "normal", "anomaly", "unlabelled".
        notes: what the layout can't carry, in sentences.
        problems: pictures and masks that could not be used, each with the reason.
    """

    out: Path
    kind: Kind
    lists: tuple[Path, ...]
    pictures: Mapping[str, int]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


class _Writer(Protocol):
    sizes: bool

    def add(self, ready: Ready) -> bool:
        """Whether it has a place in this layout."""

    def finish(self) -> list[str]: ...


def export(
    records: Sequence[Labelled],
    kind: Kind,
    out: Path,
    step: Callable[[float, str], None] | None = None,
    *,
    colours: Mapping[str, str] | None = None,
    s3_prefix: str = "",
) -> Exported:
    """Writes labelled pictures into a new folder; picture files are copied byte for byte.

    The folder appears when it is whole. An earlier export in its place is then replaced; whatever goes wrong before
    leaves it as it was.

    Args:
        step: told of the progress; may raise Cancelled, which leaves nothing behind.
        colours: "#RRGGBB" by type, for masks in colour.
        s3_prefix: for `lookout` and `sagemaker`: what references begin with, such as s3://BUCKET/FOLDER, to which the
            export is then copied; else they are relative.

    Raises:
        DatasetError: nothing to export, a folder that may not be replaced, no room.
    """
    if not records:
        raise DatasetError("There is nothing to export: no picture was chosen.")
    prefix = checked_prefix(s3_prefix) if s3_prefix else ""
    if prefix and kind not in ("lookout", "sagemaker"):
        raise DatasetError(f"Only manifests have references to S3: export {kind} without a prefix.")
    _check_sources(records, out)
    notes = Notes()
    with staged(out) as folder:
        writer = _writer(kind, folder, notes, records, colours or {}, prefix)
        preparing = Preparing(records, notes, sizes=writer.sizes)
        written: Counter[str] = Counter()
        for number, ready in enumerate(preparing, 1):
            if ready is not None and writer.add(ready):
                written[ready.record.label or "unlabelled"] += 1
            if step:
                step(number / len(records), f"Writing {number} of {len(records)}")
        if not written:
            first = (*preparing.problems, *notes.told())[0]
            raise DatasetError(f"None of the pictures could be exported to {out}. The first reason: {first}")
        lists = writer.finish()
        mark(
            folder,
            {
                "kind": kind,
                "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "pictures": dict(written),
                "lists": lists,
                "notes": notes.told(),
                "problems": preparing.problems,
            },
        )
    paths = tuple(out / name for name in lists)
    return Exported(out, kind, paths, dict(written), notes.told(), tuple(preparing.problems))


def _writer(
    kind: Kind, folder: Path, notes: Notes, records: Sequence[Labelled], colours: Mapping[str, str], prefix: str
) -> _Writer:
    splits = any(record.split for record in records)
    match kind:
        case "lookout" | "sagemaker":
            drawn = any(record.masks and record.label == "anomaly" for record in records)
            trains = kind == "sagemaker"
            return Manifests(
                folder, notes, colours=colours, prefix=prefix, sagemaker=trains, drawn=drawn, splits=splits
            )
        case "mvtec":
            return MvtecAd(folder, notes)
        case "coco":
            return Coco(folder, notes, splits=splits)
        case "csv":
            return Table(folder, notes)
        case "folders":
            return NormalAnomaly(folder, notes)


def _check_sources(records: Sequence[Labelled], out: Path) -> None:
    """An export that replaces the folder its pictures come from would lose what it leaves out."""
    place = out.absolute()
    inside = next((record.path for record in records if record.path.absolute().is_relative_to(place)), None)
    if inside is not None:
        raise DatasetError(f"{out} holds pictures that are to be exported ({inside}): choose another folder.")
