"""What a packaging job makes: the station's artefact and an ONNX file, side by side in a bucket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.domain.errors import LinesightError, ModelError
from app.serverless.buckets import Buckets
from app.serverless.lookout.records import ModelRecord, PackagingRecord
from app.vision import artefact
from app.vision.export_onnx import export


def package(buckets: Buckets, path: Path, model: ModelRecord, job: PackagingRecord, *, again: bool) -> None:
    """Writes `COMPONENT/VERSION/` below the job's place: model.linesight, model.onnx and component.json.

    Args:
        path: the version's artefact.
        again: the job was begun before and is done once more: what it left may be replaced.

    Raises:
        LinesightError: the component is there already, or something can't be written.
    """
    place = _greengrass(job)["S3OutputLocation"]
    bucket, prefix = place["Bucket"], place.get("Prefix", "").rstrip("/")
    folder = f"{prefix}/" if prefix else ""
    folder += f"{job.component}/{job.component_version}/"
    if not again and buckets.exists(bucket, f"{folder}component.json"):
        words = f"The component {job.component} {job.component_version} is in s3://{bucket}/{folder} already."
        raise LinesightError(f"{words} Choose another version.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model {path} can't be read ({error.strerror or error}).") from error
    if model.picture is None:
        raise ModelError(f"The model {model.arn} does not tell the size of its pictures. Train it again.")
    onnx = export(artefact.load(path)[0], model.picture)
    buckets.write(bucket, f"{folder}model.linesight", data)
    buckets.write(bucket, f"{folder}model.onnx", onnx)
    # The last one written tells that the others are whole.
    described = json.dumps(_component(model, job), indent=2).encode()
    buckets.write(bucket, f"{folder}component.json", described, "application/json")


def _component(model: ModelRecord, job: PackagingRecord) -> dict[str, Any]:
    wanted = _greengrass(job)
    return {
        "ComponentName": job.component,
        "ComponentVersion": job.component_version,
        "ComponentVersionArn": job.component_arn,
        "ComponentDescription": wanted.get("ComponentDescription"),
        "Tags": wanted.get("Tags", []),
        "ModelArn": model.arn,
        "Artifacts": {"Station": "model.linesight", "ONNX": "model.onnx"},
        "PictureSize": model.picture,
        "Labels": model.labels,
    }


def _greengrass(job: PackagingRecord) -> dict[str, Any]:
    found = job.configuration["Greengrass"]
    assert isinstance(found, dict)  # checked when it was asked for
    return found
