"""A model of SageMaker from what an algorithm of AWS Marketplace has trained: what an endpoint or a batch is made of.

An algorithm's container is not one's own, so the model is made in two steps: a model package of algorithm and artefact,
and a model of the package, as SageMaker's own SDK does it for such algorithms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.cloud.session import CloudError, CloudSession, worded
from app.domain.errors import LinesightError

Step = Callable[[float, str], None]

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@dataclass(frozen=True, slots=True)
class Hosted:
    """Attributes:
    name: of the model: what `sagemaker_model` and a batch are given.
    package: ARN of the model package.
    artefact: s3:// of what was trained.
    """

    name: str
    package: str
    artefact: str


def host(session: CloudSession, job: str, name: str, role: str, step: Step, wait: Callable[[], None]) -> Hosted:
    """Slow, some minutes: makes a model of a training that has ended. What exists already under the name is used.

    Args:
        job: name of the training job.
        role: ARN that SageMaker acts as.
        wait: between two looks.

    Raises:
        CloudError: the training has no model, or SageMaker refuses; says why.
        LinesightError: a name is none.
    """
    if not _NAME.fullmatch(name):
        raise LinesightError(f"A model's name has letters, digits and '-', 63 at most; {name!r} is none.")
    client, what = session.client("sagemaker"), f"The model {name} can't be made"
    step(0.0, f"Looking at {job}")
    with worded(f"The training {job} can't be looked at", "sagemaker:DescribeTrainingJob"):
        told = client.describe_training_job(TrainingJobName=job)
    artefact = str((told.get("ModelArtifacts") or {}).get("S3ModelArtifacts") or "")
    algorithm = str((told.get("AlgorithmSpecification") or {}).get("AlgorithmName") or "")
    if told.get("TrainingJobStatus") != "Completed" or not artefact:
        raise CloudError(f"{what}: the training {job} is {told.get('TrainingJobStatus')} and has left no model.")
    if not algorithm:
        raise CloudError(f"{what}: {job} was not trained by an algorithm of AWS Marketplace.")
    package = _package(client, name, algorithm, artefact, what, step, wait)
    with worded(what, "sagemaker:CreateModel and iam:PassRole"):
        step(0.9, "Making the model")
        _unless_there(
            client.create_model,
            ModelName=name,
            ExecutionRoleArn=role,
            PrimaryContainer={"ModelPackageName": package},
            EnableNetworkIsolation=True,
        )
    return Hosted(name, package, artefact)


def _package(
    client: Any, name: str, algorithm: str, artefact: str, what: str, step: Step, wait: Callable[[], None]
) -> str:
    with worded(what, "sagemaker:CreateModelPackage and sagemaker:DescribeModelPackage"):
        step(0.1, "Making the model package")
        _unless_there(
            client.create_model_package,
            ModelPackageName=name,
            ModelPackageDescription=artefact,
            SourceAlgorithmSpecification={"SourceAlgorithms": [{"AlgorithmName": algorithm, "ModelDataUrl": artefact}]},
        )
        while True:
            found = client.describe_model_package(ModelPackageName=name)
            status = str(found["ModelPackageStatus"])
            if status in ("Completed", "Failed"):
                break
            step(0.2, f"The model package is {status}")
            wait()
    if status == "Failed":
        details = (found.get("ModelPackageStatusDetails") or {}).get("ValidationStatuses") or []
        why = "; ".join(str(each.get("FailureReason")) for each in details if each.get("FailureReason"))
        raise CloudError(f"{what}: the model package failed ({why or 'no reason is given'}).")
    used = str(found.get("ModelPackageDescription") or "")
    if used and used != artefact:
        raise CloudError(f"{what}: a model package of this name is of {used}. Choose another name.")
    return str(found["ModelPackageArn"])


def _unless_there(call: Callable[..., Any], **given: Any) -> None:
    """One that was made before, also by a try whose answer was lost, is used."""
    from botocore.exceptions import ClientError

    try:
        call(**given)
    except ClientError as error:
        told = error.response.get("Error", {})
        words = str(told.get("Message", "")).lower()
        if told.get("Code") not in ("ConflictException", "ValidationException", "ResourceInUse") or not (
            "already exist" in words or told.get("Code") == "ConflictException"
        ):
            raise
