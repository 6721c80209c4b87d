"""Training with the successor of Lookout for Vision on SageMaker, and judging whole folders of a bucket there.

Both are jobs in the account that cost while they run. Following one asks for its status again and again; who stops
following because a person said so stops the job too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from app.cloud.session import CloudError, CloudSession, in_words
from app.domain.errors import LinesightError

KINDS = ("classification", "segmentation", "classification-robust", "segmentation-robust")
LABELS = ("source-ref", "anomaly-label-metadata", "anomaly-label")
MASKS = ("anomaly-mask-ref-metadata", "anomaly-mask-ref")
"""Names in the manifest, in the order that the algorithm asks for."""

_ENDED = {"Completed", "Failed", "Stopped"}
_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\s]+")
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


class Step(Protocol):
    """Is told how far a job is (0..1) and what it does; what it raises stops the job."""

    def __call__(self, fraction: float, words: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Attributes:
    name: of the job; new in the account and region.
    algorithm: ARN of the subscription; one a region.
    role: ARN that SageMaker acts as.
    manifest: s3:// of the manifest that is learned from.
    output: s3:// under which the model is put.
    kind: of `KINDS`; segmentation learns where defects are too, and wants a mask on every line, an all-white one on
        those of good parts.
    attributes: names in the manifest; () for the usual ones of the kind.
    instance, gigabytes, hours: of the machine, its disk, and the longest that it may take.
    """

    name: str
    algorithm: str
    role: str
    manifest: str
    output: str
    kind: str = "classification"
    attributes: tuple[str, ...] = ()
    instance: str = "ml.g4dn.2xlarge"
    gigabytes: int = 20
    hours: float = 2.0

    def __post_init__(self) -> None:
        _checked(self.name, self.manifest, self.output)
        if self.kind not in KINDS:
            raise LinesightError(f"There is no kind of model {self.kind!r}. Choose one of {', '.join(KINDS)}.")
        for what, arn in (("algorithm", self.algorithm), ("role", self.role)):
            if not arn.startswith("arn:aws"):
                raise LinesightError(f"The {what} {arn!r} is no ARN. Copy it from the console; it begins with arn:aws.")

    def request(self) -> dict[str, Any]:
        """What CreateTrainingJob is given."""
        masks = MASKS if self.kind.startswith("segmentation") else ()
        names = list(self.attributes or (*LABELS, *masks))
        return {
            "TrainingJobName": self.name,
            "AlgorithmSpecification": {"AlgorithmName": self.algorithm, "TrainingInputMode": "Pipe"},
            "RoleArn": self.role,
            "HyperParameters": {
                "ModelType": self.kind,
                "TrainingInputDataAttributeNames": ",".join(names),
                "TestInputDataAttributeNames": ",".join(names),
            },
            "InputDataConfig": [
                {
                    "ChannelName": "training",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "AugmentedManifestFile",
                            "S3Uri": self.manifest,
                            "S3DataDistributionType": "ShardedByS3Key",
                            "AttributeNames": names,
                        }
                    },
                    "RecordWrapperType": "RecordIO",
                    "InputMode": "Pipe",
                }
            ],
            "OutputDataConfig": {"S3OutputPath": self.output},
            "ResourceConfig": {
                "InstanceType": self.instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": self.gigabytes,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": round(self.hours * 3600)},
            "EnableNetworkIsolation": True,
        }


@dataclass(frozen=True, slots=True)
class Trained:
    """Attributes:
    name: of the job.
    artefact: s3:// of the model.
    metrics: name -> value, as the algorithm told them.
    seconds: that are billed; None where SageMaker does not say.
    """

    name: str
    artefact: str
    metrics: dict[str, float]
    seconds: int | None


@dataclass(frozen=True, slots=True)
class TransformPlan:
    """Judging all pictures under a place.

    Attributes:
        name: of the job; new in the account and region.
        model: of SageMaker.
        pictures: s3:// that their keys begin with; JPEG.
        output: s3:// where PICTURE.out is put for each.
    """

    name: str
    model: str
    pictures: str
    output: str
    instance: str = "ml.c5.2xlarge"

    def __post_init__(self) -> None:
        _checked(self.name, self.pictures, self.output)

    def request(self) -> dict[str, Any]:
        """What CreateTransformJob is given."""
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": self.pictures}}
        return {
            "TransformJobName": self.name,
            "ModelName": self.model,
            "TransformInput": {"DataSource": source, "ContentType": "image/jpeg"},
            "TransformOutput": {"S3OutputPath": self.output, "Accept": "application/json"},
            "TransformResources": {"InstanceType": self.instance, "InstanceCount": 1},
        }


def train(session: CloudSession, plan: TrainingPlan, step: Step, wait: Callable[[], None]) -> Trained:
    """Slow, up to hours: trains and follows.

    Args:
        wait: between two looks.

    Raises:
        CloudError: it can't be begun, or failed; says why.
    """
    client = session.client("sagemaker")
    _ask(client, "create_training_job", "The training can't be begun", **plan.request())
    most = plan.hours * 3600

    def look() -> tuple[str, dict[str, Any]]:
        found = _ask(client, "describe_training_job", "The training can't be looked at", TrainingJobName=plan.name)
        doing = str(found.get("SecondaryStatus") or "")
        told = [str(each.get("StatusMessage") or "") for each in found.get("SecondaryStatusTransitions") or []]
        metrics = ", ".join(f"{name} {value:.3f}" for name, value in _metrics(found).items())
        seconds = float(found.get("TrainingTimeInSeconds") or 0)
        words = ": ".join(part for part in (doing, told[-1] if told else "", metrics) if part)
        step(min(0.99, seconds / most), words or "Waiting for a machine")
        return str(found["TrainingJobStatus"]), found

    stop = {"TrainingJobName": plan.name}
    found = _followed(plan.name, look, wait, lambda: _ask(client, "stop_training_job", "It can't be stopped", **stop))
    billed = found.get("BillableTimeInSeconds")
    artefact = str((found.get("ModelArtifacts") or {}).get("S3ModelArtifacts") or "")
    return Trained(plan.name, artefact, _metrics(found), None if billed is None else int(billed))


def transform(session: CloudSession, plan: TransformPlan, step: Step, wait: Callable[[], None]) -> dict[str, Any]:
    """Slow: judges all pictures under a place; what was said of each, by its key, None where it can't be read.

    Raises:
        CloudError: as `train`.
    """
    client = session.client("sagemaker")
    _ask(client, "create_transform_job", "The job can't be begun", **plan.request())

    def look() -> tuple[str, dict[str, Any]]:
        found = _ask(client, "describe_transform_job", "The job can't be looked at", TransformJobName=plan.name)
        status = str(found["TransformJobStatus"])
        step(0.0, status)
        return status, found

    stop = {"TransformJobName": plan.name}
    _followed(plan.name, look, wait, lambda: _ask(client, "stop_transform_job", "It can't be stopped", **stop))
    return _answers(session, plan.output)


def _answers(session: CloudSession, place: str) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    s3 = session.client("s3")
    found: dict[str, Any] = {}
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                key = str(each["Key"])
                if key.endswith(".out"):
                    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                    found[key.removesuffix(".out")] = _answer(body)
    except (BotoCoreError, ClientError) as error:
        raise in_words(error, f"The answers in {place} can't be read", "s3:GetObject") from error
    return found


def _answer(body: bytes) -> dict[str, Any] | None:
    try:
        result = json.loads(body)
        return {"anomalous": bool(result["IsAnomalous"]), "confidence": float(result["Confidence"])}
    except (ValueError, KeyError, TypeError):
        return None


def _followed(
    name: str,
    look: Callable[[], tuple[str, dict[str, Any]]],
    wait: Callable[[], None],
    stop: Callable[[], object],
) -> dict[str, Any]:
    """Looks until the job has ended; a job that nobody follows any more because a person said so is stopped."""
    try:
        while True:
            status, found = look()
            if status in _ENDED:
                break
            wait()
    except CloudError:
        raise  # it goes on there; nobody wanted its end
    except BaseException:
        stop()
        raise
    if status != "Completed":
        why = str(found.get("FailureReason") or "no reason is given").rstrip(".")
        raise CloudError(f"{name} has ended as {status}: {why}.", status)
    return found


def _metrics(found: dict[str, Any]) -> dict[str, float]:
    return {str(each["MetricName"]): float(each["Value"]) for each in found.get("FinalMetricDataList") or []}


def _ask(client: Any, operation: str, what: str, **given: Any) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    name = "".join(part.capitalize() for part in operation.split("_"))
    try:
        answer: dict[str, Any] = getattr(client, operation)(**given)
    except (BotoCoreError, ClientError) as error:
        raise in_words(error, what, f"sagemaker:{name}") from error
    return answer


def _checked(name: str, *places: str) -> None:
    if not _NAME.fullmatch(name):
        raise LinesightError(f"A job's name has letters, digits and '-', 63 at most; {name!r} is none.")
    for place in places:
        if not _PLACE.fullmatch(place):
            raise LinesightError(f"{place!r} is no place in a bucket, such as s3://BUCKET/KEY.")
