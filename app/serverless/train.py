"""Lambda function: learns a candidate model from a snapshot.

A function ends after 15 minutes. A snapshot of more pictures than that allows is handed over to a SageMaker training
job, which runs `python -m app.serverless.train` in the same container image. Both do the same and write the same.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.errors import DatasetError
from app.serverless import events, surroundings
from app.serverless.snapshots import Candidate, Snapshot, items_of, read

if TYPE_CHECKING:
    from app.datasets import Item
    from app.vision.detector import Detector

_log = logging.getLogger("linesight.serverless")

_LEFT_OUT_TOLD = 20
_HOURS = 6
_PROOF = 3  # pictures of either kind


@dataclass(frozen=True, slots=True)
class Job:
    """How a SageMaker training job is to run.

    Attributes:
        image: the container image.
        role: ARN, of the job.
        instance: such as ml.m5.xlarge.
        key: ARN of the KMS key for its disk.
    """

    image: str
    role: str
    instance: str
    key: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What the function works with.

    Attributes:
        most: pictures that it learns from itself.
        job: for more; None inside such a job.
    """

    s3: Any
    sagemaker: Any
    models: str
    most: int
    job: Job | None
    stack: str


def handler(event: events.Event, context: object) -> dict[str, Any]:
    """Learns from the snapshots that an event of SQS names: {"product": "plate", "snapshot": 3}."""
    return train_all(_parts(), event, context)


def train_all(parts: Parts, event: events.Event, context: object = None) -> dict[str, Any]:
    """Learns from every snapshot that is named; what fails is named in the answer and comes again."""

    def message(body: Any) -> None:
        try:
            snapshot = Snapshot(str(body["product"]), int(body["snapshot"]))
        except (TypeError, KeyError, ValueError):
            raise events.EventError(f"No snapshot is named by {str(body)[:200]}.") from None
        learn(parts, snapshot)

    return events.each(event, message, context)


def learn(parts: Parts, snapshot: Snapshot) -> None:
    """Makes the snapshot's candidate, or has it made, unless there is one.

    Raises:
        LinesightError: nothing can be learned from it; says why.
    """
    if read(parts.s3, parts.models, snapshot.key("candidate.json")) is not None:
        _log.info("%s has its candidate", snapshot)
        return
    manifest = read(parts.s3, parts.models, snapshot.key("snapshot.manifest")) or b""
    number = sum(1 for line in manifest.split(b"\n") if line.strip())
    if parts.job is not None and number > parts.most:
        _hand_over(parts, parts.job, snapshot)
        return
    with _folder() as folder:
        items, left_out, _ = items_of(parts.s3, parts.models, snapshot, folder)
        _write(parts, snapshot, items, left_out)


def _write(parts: Parts, snapshot: Snapshot, items: list[Item], left_out: list[str]) -> None:
    from app.datasets.masks import mask_reader
    from app.pictures import read_picture
    from app.serverless.snapshots import is_for_testing
    from app.vision.defects import Defect
    from app.vision.detector import Detector
    from app.vision.survey import Sample
    from app.vision.training import train

    learning = [item for item in items if not is_for_testing(item)]
    good = [
        Sample(item.name, functools.partial(read_picture, item.path)) for item in learning if item.label == "normal"
    ]
    bad = [
        Defect(
            item.name, functools.partial(read_picture, item.path), item.type, mask_reader(item) if item.mask else None
        )
        for item in learning
        if item.label == "anomaly"
    ]
    if not good:
        why = f" The first problem: {left_out[0]}." if left_out else ""
        raise DatasetError(f"The snapshot {snapshot.number} of {snapshot.product} has no usable good part.{why}")
    trained = train(good, name=snapshot.product[:60], defects=bad)
    left_out = [*left_out, *(why for _, why in trained.skipped)]
    key = snapshot.key("model.linesight")
    written = parts.s3.put_object(Bucket=parts.models, Key=key, Body=trained.data)
    candidate = Candidate(
        snapshot.product,
        snapshot.number,
        key,
        written.get("VersionId", ""),
        hashlib.sha256(trained.data).hexdigest(),
        len(trained.used) + len(trained.defects),
        tuple(left_out[:_LEFT_OUT_TOLD]),
        _proof(Detector(trained.model, trained.ref), items),
        tuple((item.name, item.label or "", item.type) for item in items if is_for_testing(item)),
    )
    # Last: it says that the model is there.
    parts.s3.put_object(Bucket=parts.models, Key=snapshot.key("candidate.json"), Body=candidate.to_json())


def _proof(detector: Detector, items: list[Item]) -> tuple[tuple[str, float], ...]:
    """The trainer's scores of a few pictures of each kind, first of those that were kept for testing."""
    from app.domain.errors import PictureError
    from app.pictures import read_picture
    from app.serverless.snapshots import is_for_testing

    found: list[tuple[str, float]] = []
    for label in ("normal", "anomaly"):
        some = sorted((item for item in items if item.label == label), key=lambda item: not is_for_testing(item))
        for item in some[:_PROOF]:
            with contextlib.suppress(PictureError):  # one that can't be read proves nothing
                found.append((item.name, detector.score(read_picture(item.path))))
    return tuple(found)


def _hand_over(parts: Parts, job: Job, snapshot: Snapshot) -> None:
    name = job_name(parts.stack, snapshot)
    words = {
        "PRODUCT": snapshot.product,
        "SNAPSHOT": str(snapshot.number),
        "MODELS_BUCKET": parts.models,
        "STACK": parts.stack,
        "AWS_DEFAULT_REGION": parts.s3.meta.region_name,
    }
    try:
        parts.sagemaker.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={
                "TrainingImage": job.image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python", "-m", "app.serverless.train"],
            },
            RoleArn=job.role,
            # The job writes the model itself; SageMaker wants a place all the same.
            OutputDataConfig={"S3OutputPath": f"s3://{parts.models}/candidates/", "KmsKeyId": job.key},
            ResourceConfig={
                "InstanceType": job.instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": 30,
                "VolumeKmsKeyId": job.key,
            },
            StoppingCondition={"MaxRuntimeInSeconds": _HOURS * 3600},
            Environment=words,
            Tags=[{"Key": "linesight:stack", "Value": parts.stack}],
        )
    except parts.sagemaker.exceptions.ResourceInUse:
        _log.info("the training job %s has been begun before", name)


def job_name(stack: str, snapshot: Snapshot) -> str:
    """Of the training job: always the same one for a snapshot, so that it is begun once."""
    mark = hashlib.sha256(snapshot.product.encode()).hexdigest()[:8]
    plain = re.sub(r"[^A-Za-z0-9]+", "-", snapshot.product).strip("-")[:20] or "product"
    return f"{stack[:22]}-{plain}-{mark}-{snapshot.number:04}"


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="snapshot-") as name:
        yield Path(name)


@functools.cache
def _parts() -> Parts:
    needed = surroundings.needed
    return Parts(
        s3=surroundings.client("s3"),
        sagemaker=surroundings.client("sagemaker"),
        models=needed("MODELS_BUCKET"),
        most=int(surroundings.number("TRAIN_PICTURES", 300)),
        job=Job(needed("TRAIN_IMAGE"), needed("TRAIN_ROLE"), needed("TRAIN_INSTANCE"), needed("TRAIN_KEY")),
        stack=needed("STACK"),
    )


def main() -> None:
    """What a SageMaker training job runs: it learns itself, however long that takes."""
    models = surroundings.needed("MODELS_BUCKET")
    parts = Parts(surroundings.client("s3"), None, models, 0, None, surroundings.needed("STACK"))
    learn(parts, Snapshot(surroundings.needed("PRODUCT"), int(surroundings.needed("SNAPSHOT"))))
    _log.info(json.dumps({"done": os.environ["SNAPSHOT"]}))


if __name__ == "__main__":
    main()
