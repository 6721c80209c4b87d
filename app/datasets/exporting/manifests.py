"""Lookout for Vision manifests with masks, and the variant that the service's successor trains from in SageMaker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from app.datasets.exporting.colours import BACKGROUND, Palette, flattened, hexadecimal
from app.datasets.exporting.prepare import Notes, Ready
from app.domain.errors import DatasetError
from app.pictures import encode_png

_LABEL, _MASK, _TYPES = "anomaly-label", "anomaly-mask-ref", "defect-types"
_JOB = "linesight"
_TAKEN, _LARGEST = (b"\x89PNG", b"\xff\xd8\xff"), 8_000_000


def checked_prefix(prefix: str) -> str:
    """An S3 prefix without its last "/"; DatasetError where it is none."""
    bucket, _, key = prefix.removeprefix("s3://").partition("/")
    parts = key.rstrip("/").split("/") if key else []
    if not prefix.startswith("s3://") or not bucket or bucket == "s3:" or not all(parts):
        raise DatasetError(f"{prefix!r} is no S3 prefix: write s3://BUCKET/FOLDER, with single slashes.")
    return prefix.rstrip("/")


class Manifests:
    """`datasets/{train,test}.manifest` beside `{train,test}/images` and `{train,test}/masks`.

    Where no picture has a split: `datasets/dataset.manifest` beside `images` and `masks`; pictures without one among
    others that have: `unassigned`. References are relative to the manifest, or begin with `prefix`.

    Args:
        sagemaker: for training there: only labelled pictures, and of each attribute the metadata first, which is the
            order of the channel's attribute names.
        drawn: at least one defect has a mask: for SageMaker every line then needs one, all white for normal parts,
            and anomalies without are left out; else the set is one for classification.
        splits: at least one picture has a split.
    """

    def __init__(
        self,
        folder: Path,
        notes: Notes,
        *,
        colours: Mapping[str, str],
        prefix: str,
        sagemaker: bool,
        drawn: bool,
        splits: bool,
    ) -> None:
        self._folder, self._notes, self._prefix = folder, notes, prefix
        self._sagemaker, self._splits = sagemaker, splits
        self._dummies = self.sizes = sagemaker and drawn
        self._palette = Palette(colours)
        self._now = datetime.now(UTC)
        self._lines: dict[str, list[str]] = {}

    def add(self, ready: Ready) -> bool:
        record = ready.record
        if self._sagemaker and record.label is None:
            self._notes.say("Pictures that nobody labelled can't be trained from and were left out", record.name)
            return False
        if not ready.data.startswith(_TAKEN) or len(ready.data) > _LARGEST:
            self._notes.say("The service takes PNG and JPEG of at most 8 MB: it would refuse", record.name)
        shown: list[str] = []
        mask: bytes | None = None
        if ready.masks:
            pixels, shown = flattened(ready, self._palette, self._notes)
            mask = encode_png(pixels)
        elif self._dummies and record.label == "normal":
            assert ready.size is not None
            width, height = ready.size
            mask = encode_png(np.full((height, width, 3), 255, np.uint8))
        if self._dummies and mask is None:
            self._notes.say("Anomalies without a mask can't be in a segmentation set and were left out", record.name)
            return False
        part = (record.split or "unassigned") if self._splits else ""
        entry = {"source-ref": self._written(part, "images", ready.file, ready.data)}
        date = (record.added_at or self._now).astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        if record.label:
            entry |= self._label(record.label, date)
        if mask is not None:
            entry |= self._mask(self._written(part, "masks", f"{ready.stem}.png", mask), shown, date)
        # A single type in the colour map says it all; which of several are drawn, only the pixels would tell.
        if len(ready.types) > 1 or (ready.types and list(ready.types) != shown):
            entry |= self._types(ready.types, date)
        self._lines.setdefault(part, []).append(json.dumps(entry, ensure_ascii=False) + "\n")
        return True

    def finish(self) -> list[str]:
        """Writes the manifests; their paths within the export."""
        (self._folder / "datasets").mkdir(exist_ok=True)
        names = []
        for part, lines in sorted(self._lines.items()):
            names.append(f"datasets/{part or 'dataset'}.manifest")
            (self._folder / names[-1]).write_bytes("".join(lines).encode("utf-8", "replace"))
        return names

    def _written(self, part: str, kind: str, name: str, data: bytes) -> str:
        below = f"{part}/{kind}/{name}" if part else f"{kind}/{name}"
        target = self._folder / below
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return f"{self._prefix}/{below}" if self._prefix else f"../{below}"

    def _label(self, label: str, date: str) -> dict[str, Any]:
        metadata = {
            "confidence": 1,
            "job-name": _JOB,
            "class-name": label,
            "human-annotated": "yes",
            "creation-date": date,
            "type": "groundtruth/image-classification",
        }
        return self._pair(_LABEL, 1 if label == "anomaly" else 0, metadata)

    def _mask(self, reference: str, shown: list[str], date: str) -> dict[str, Any]:
        entry = {"class-name": "BACKGROUND", "hex-color": hexadecimal(BACKGROUND), "confidence": 0.0}
        described = {"0": entry}
        for kind in shown:
            colour = hexadecimal(self._palette.colour(kind))
            described[str(self._palette.number(kind))] = {"class-name": kind, "hex-color": colour, "confidence": 0.0}
        metadata = {
            "internal-color-map": described,
            "type": "groundtruth/semantic-segmentation",
            "human-annotated": "yes",
            "creation-date": date,
            "job-name": _JOB,
        }
        return self._pair(_MASK, reference, metadata)

    def _types(self, types: tuple[str, ...], date: str) -> dict[str, Any]:
        """What the mask does not show, as Ground Truth writes several classes of one picture."""
        numbers = {self._palette.number(kind): kind for kind in types}
        metadata = {
            "class-map": {str(number): kind for number, kind in numbers.items()},
            "confidence-map": {str(number): 1.0 for number in numbers},
            "type": "groundtruth/image-classification-multilabel",
            "human-annotated": "yes",
            "creation-date": date,
            "job-name": _JOB,
        }
        return self._pair(_TYPES, list(numbers), metadata)

    def _pair(self, name: str, value: object, metadata: dict[str, Any]) -> dict[str, Any]:
        if self._sagemaker:
            return {f"{name}-metadata": metadata, name: value}
        return {name: value, f"{name}-metadata": metadata}
