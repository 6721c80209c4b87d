"""The service: one request in, one answer out, whatever carries them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from app.domain.errors import LinesightError
from app.serverless.lookout import datasets, detection, models, packaging, projects, service
from app.serverless.lookout.context import Caller, Context, Input, Output
from app.serverless.lookout.faults import Conflict, Fault, Invalid
from app.serverless.lookout.http import Request, Response, answered, failed, json_bytes
from app.serverless.lookout.records import Remembered
from app.serverless.lookout.sigv4 import Verifier

log = logging.getLogger(__name__)

Handler = Callable[[Context, Caller, Input], Output]

DETECT = "DetectAnomalies"

MOST_BODY = 16 << 20
"""Bytes of any request: 10 MiB of changes in Base64, with room for their frame."""

_HANDLERS: Mapping[str, Handler] = {
    "CreateDataset": datasets.create_dataset,
    "CreateModel": models.create_model,
    "CreateProject": projects.create_project,
    "DeleteDataset": datasets.delete_dataset,
    "DeleteModel": models.delete_model,
    "DeleteProject": projects.delete_project,
    "DescribeDataset": datasets.describe_dataset,
    "DescribeModel": models.describe_model,
    "DescribeModelPackagingJob": packaging.describe_model_packaging_job,
    "DescribeProject": projects.describe_project,
    DETECT: detection.detect_anomalies,
    "ListDatasetEntries": datasets.list_dataset_entries,
    "ListModelPackagingJobs": packaging.list_model_packaging_jobs,
    "ListModels": models.list_models,
    "ListProjects": projects.list_projects,
    "ListTagsForResource": projects.list_tags_for_resource,
    "StartModel": models.start_model,
    "StartModelPackagingJob": packaging.start_model_packaging_job,
    "StopModel": models.stop_model,
    "TagResource": projects.tag_resource,
    "UntagResource": projects.untag_resource,
    "UpdateDatasetEntries": datasets.update_dataset_entries,
}

_READING = ("Describe", "List", "Detect")


class Lookout:
    """Answers requests; any thread may ask."""

    def __init__(self, context: Context, verifier: Verifier | None = None) -> None:
        """
        Args:
            verifier: None where whoever brings the requests has checked who sent them.
        """
        self._context, self._verifier = context, verifier

    def answer(self, request: Request) -> Response:
        """Never raises: what goes wrong is an answer too."""
        try:
            if self._verifier is not None:
                self._verifier.check(request)
            operation, uri = service.find(request.method, request.path)
            given = service.parsed(operation, uri, request)
            return self._answer(operation, given, Caller(request.region, request.account))
        except Fault as fault:
            return failed(fault)
        except LinesightError as error:
            log.error("%s %s: %s", request.method, request.path, error)
            return failed(Fault(str(error)))
        except Exception:  # a client must get an answer, and the log the reason
            log.exception("%s %s", request.method, request.path)
            return failed(Fault("Something unforeseen went wrong. The server's log has more."))

    def _answer(self, operation: service.Operation, given: Input, caller: Caller) -> Response:
        handler = _HANDLERS[operation.name]
        if operation.name.startswith(_READING):
            return answered(operation.status, json_bytes(handler(self._context, caller, given)))
        token = given.pop("ClientToken", None)
        with self._locked(given):
            key = f"{operation.name} {token}"
            digest = _digest(given)
            before = self._context.records.remembered(key) if token else None
            if before is not None and before.digest != digest:
                words = f"The client token {token} was used before with other parameters. Use a new one."
                raise Conflict(words, "PROJECT", _project(given))
            if before is not None:
                return answered(before.status, before.body.encode())
            body = json_bytes(handler(self._context, caller, given))
            if token:
                answer = Remembered(
                    at=self._context.clock(), digest=digest, status=operation.status, body=body.decode()
                )
                self._context.records.remember(key, answer)
            return answered(operation.status, body)

    def _locked(self, given: Input) -> contextlib.AbstractContextManager[None]:
        name = _project(given)
        if not name:  # only a wrong ARN names no project
            raise Invalid(f"{given['ResourceArn'][:200]} is not a model's ARN: tags are kept of models.")
        return self._context.records.locked(name)


def operation_name(method: str, path: str) -> str | None:
    """Which operation a request means; None for one that means none."""
    try:
        return service.find(method, path)[0].name
    except Fault:
        return None


def too_large(given: int, most: int) -> Response:
    """The answer to a body that is not even read."""
    return failed(Invalid(f"The request's body has {given} bytes; at most {most} are taken."))


def _project(given: Input) -> str:
    name: str = given.get("ProjectName") or projects.project_in(given.get("ResourceArn", ""))
    return name


def _digest(given: Input) -> str:
    return hashlib.sha256(json.dumps(given, sort_keys=True, default=_as_text).encode()).hexdigest()


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
