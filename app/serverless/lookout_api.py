"""The Lookout-compatible API as an AWS Lambda function, behind a Function URL or an API Gateway with IAM.

AWS has verified who calls before this code runs. Records lie on a file system that all instances of the function
mount (LINESIGHT_DATA_DIR); background work is an asynchronous call of the same function.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app.serverless.buckets import S3Buckets
from app.serverless.lookout.api import Lookout
from app.serverless.lookout.context import Context, Job
from app.serverless.lookout.faults import Denied, Invalid
from app.serverless.lookout.hosting import Hosting
from app.serverless.lookout.http import Request, Response, failed
from app.serverless.lookout.records import FolderRecords
from app.serverless.lookout.training import carry_out
from app.serverless.lookout.work import Workshop

_JOB = "lookout-job"


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answers an event of a Function URL, an HTTP API (both of payload format 2.0) or a REST API (1.0), or does the
    job that an earlier one has left."""
    api, workshop = _parts()
    if _JOB in event:
        workshop.perform(Job(**event[_JOB]))
        return {}
    return respond(api, event)


def respond(api: Lookout, event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to an event, as AWS expects it. Callers that AWS has not identified are refused."""
    try:
        request = request_of(event)
    except (Denied, Invalid) as fault:
        return _as_event(failed(fault))
    return _as_event(api.answer(request))


def request_of(event: Mapping[str, Any]) -> Request:
    """The request that an event tells of.

    Raises:
        Denied: nobody was identified: the function's URL or gateway is not set to IAM.
        Invalid: its body can't be read.
    """
    around: Mapping[str, Any] = event.get("requestContext") or {}
    if "http" in around:
        method, path, query = around["http"]["method"], event["rawPath"], event.get("rawQueryString", "")
        stage = around.get("stage", "$default")
        if stage != "$default":
            path = path.removeprefix(f"/{stage}") or "/"
        caller = (around.get("authorizer") or {}).get("iam") or {}
        identified = bool(caller.get("accessKey") or caller.get("userArn"))
    else:
        method, path = event["httpMethod"], event["path"]
        query = urlencode(event.get("multiValueQueryStringParameters") or {}, doseq=True)
        caller = around.get("identity") or {}
        identified = bool(caller.get("userArn"))
    if not identified:
        raise Denied("The caller is not known. Set the function's URL, or its gateway, to authorize with IAM.")
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return Request(
        method,
        path,
        query,
        headers,
        _body(event),
        region=os.environ.get("AWS_REGION", "us-east-1"),
        account=str(around.get("accountId") or caller.get("accountId") or "000000000000"),
    )


class Invocations:
    """Background work as asynchronous calls of this very function."""

    def __init__(self, function: str) -> None:
        self._function = function

    def submit(self, job: Job) -> None:
        import boto3

        payload = json.dumps({_JOB: asdict(job)}).encode()
        boto3.client("lambda").invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)


@functools.cache
def _parts() -> tuple[Lookout, Workshop]:
    folder = Path(os.environ["LINESIGHT_DATA_DIR"]) / "lookout"
    jobs = Invocations(os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    context = Context(FolderRecords(folder), S3Buckets(), jobs, Hosting())
    return Lookout(context), Workshop(context, Path(tempfile.gettempdir()) / "lookout", carry_out)


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return bytes(text.encode())
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The request's body can't be read.") from None


def _as_event(response: Response) -> dict[str, Any]:
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body.decode(),
        "isBase64Encoded": False,
    }
