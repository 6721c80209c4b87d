"""Small drawn parts in a folder of buckets, with masks and manifests as the service's users have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

BUCKET = "line-4"
SIDE = 96
COLOURS = {"spot": "#1f77b4", "scratch": "#2CA02C"}


def draw(seed: int, defect: str = "", size: tuple[int, int] = (SIDE, SIDE)) -> tuple[Image, Image]:
    """A part of (width, height), (H, W, 3) uint8 BGR, and its mask: white, the defect in its colour."""
    rng = np.random.default_rng(seed)
    width, height = size
    grain = rng.normal(0, 4, (height, width)).astype(np.float32)
    grey = 150 + cv2.GaussianBlur(grain, (0, 0), 1.5) * 3
    cv2.rectangle(grey, (width // 6, height // 6), (width * 5 // 6, height * 5 // 6), 110, 3)
    cv2.circle(grey, (width // 2, height // 2), height // 8, 80, -1)
    picture = cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    mask = np.full((height, width, 3), 255, np.uint8)
    x, y = (int(value) for value in rng.integers(height // 4, height * 3 // 4, 2))
    if defect:
        bgr = tuple(bytes.fromhex(COLOURS[defect][1:])[::-1])
        for canvas, colour in ((picture, (15, 15, 15) if defect == "spot" else (245, 245, 245)), (mask, bgr)):
            if defect == "spot":
                cv2.circle(canvas, (x, y), 6, colour, -1)
            else:
                cv2.line(canvas, (x - 14, y - 9), (x + 14, y + 9), colour, 3)
    return np.asarray(picture, np.uint8), mask


def encoded(picture: Image, ending: str = ".png") -> bytes:
    ok, data = cv2.imencode(ending, picture)
    assert ok
    return data.tobytes()


def line(key: str, label: str | None, mask: str | None = None, day: str = "2026-03-01", bucket: str = BUCKET) -> str:
    """A manifest's line for a picture."""
    entry: dict[str, Any] = {"source-ref": f"s3://{bucket}/{key}"}
    if label is not None:
        entry["anomaly-label"] = 1 if label == "anomaly" else 0
        entry["anomaly-label-metadata"] = {
            "confidence": 1,
            "job-name": "labelling",
            "class-name": label,
            "human-annotated": "yes",
            "creation-date": f"{day}T10:00:00.000",
            "type": "groundtruth/image-classification",
        }
    if mask is not None:
        colours = {"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0}}
        for number, (kind, colour) in enumerate(COLOURS.items(), 1):
            colours[str(number)] = {"class-name": kind, "hex-color": colour, "confidence": 0.0}
        entry["anomaly-mask-ref"] = f"s3://{bucket}/{mask}"
        entry["anomaly-mask-ref-metadata"] = {
            "internal-color-map": colours,
            "type": "groundtruth/semantic-segmentation",
            "human-annotated": "yes",
            "creation-date": f"{day}T10:00:00.000",
            "job-name": "labelling",
        }
    return json.dumps(entry)


def lay_in(
    root: Path,
    folder: str,
    normals: int,
    anomalies: int,
    *,
    masks: bool = True,
    first: int = 0,
    defects: Sequence[str] = ("spot", "scratch"),
    size: tuple[int, int] = (SIDE, SIDE),
) -> list[str]:
    """Draws parts into the bucket below `root` and gives their manifest's lines."""
    lines = []
    for number in range(normals):
        key = f"{folder}/normal-{number}.png"
        _write(root, key, encoded(draw(first + number, size=size)[0]))
        lines.append(line(key, "normal"))
    for number in range(anomalies):
        picture, mask = draw(first + 1000 + number, defects[number % len(defects)], size)
        key, mask_key = f"{folder}/anomaly-{number}.png", f"{folder}/masks/anomaly-{number}.png"
        _write(root, key, encoded(picture))
        if masks:
            _write(root, mask_key, encoded(mask))
        lines.append(line(key, "anomaly", mask_key if masks else None))
    return lines


def write_manifest(root: Path, key: str, lines: Sequence[str]) -> dict[str, Any]:
    """Writes it, and gives it as CreateDataset's DatasetSource."""
    _write(root, key, "".join(f"{each}\n" for each in lines).encode())
    return {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Key": key}}}


def _write(root: Path, key: str, data: bytes) -> None:
    path = root / BUCKET / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
