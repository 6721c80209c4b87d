"""A request and its answer, whatever brought it here: a socket, a Function URL, an API Gateway."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.serverless.lookout.faults import Fault


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came.

    Attributes:
        path, query: as they stood on the wire, percent-encoded; the query without "?".
        headers: names in small letters.
        region, account: where the caller is, for the ARNs of what is made.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    region: str = "us-east-1"
    account: str = "000000000000"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; the body is JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def answered(status: int, body: bytes, **more: str) -> Response:
    """An answer with the headers every client looks for."""
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, body, headers | {name.replace("_", "-"): value for name, value in more.items()})


def failed(fault: Fault) -> Response:
    """A fault as rest-json tells it: its name in a header, what it says in the body."""
    more = {"x-amzn-ErrorType": fault.name}
    if fault.retry_after is not None:
        more["Retry-After"] = str(fault.retry_after)
    response = answered(fault.status, json_bytes({"Message": str(fault), **fault.members}))
    return Response(response.status, response.body, {**response.headers, **more})


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Compact JSON in UTF-8; members that are None are left out, at every depth."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, str):  # half of a pair of surrogates is no UTF-8
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
