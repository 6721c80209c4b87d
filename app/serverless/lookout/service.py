"""The service's description: which request means which operation, and what its members must be like.

The description is a file in the form that botocore reads, so that the same file makes a client of today's boto3.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from app.serverless.lookout.faults import Invalid, Unknown
from app.serverless.lookout.http import Request
from app.serverless.lookout.rules import check

DESCRIPTIONS = Path(__file__).resolve().parents[3] / "resources" / "aws"
"""For `search_paths` of botocore's loader: a client that no longer brings the service with it gets it here."""

_FILE = DESCRIPTIONS / "lookoutvision" / "2020-11-20" / "service-2.json"

Shape = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        path: segments of its URI; a name in braces stands for any one.
        status: of an answer that is no error.
        shape: of its input.
    """

    name: str
    method: str
    path: tuple[str, ...]
    status: int
    shape: str


@functools.cache
def shapes() -> Mapping[str, Shape]:
    """Every shape by its name."""
    described: Mapping[str, Shape] = _described()["shapes"]
    return described


@functools.cache
def operations() -> tuple[Operation, ...]:
    """All operations."""
    return tuple(
        Operation(
            name,
            each["http"]["method"],
            tuple(each["http"]["requestUri"].strip("/").split("/")),
            each["http"]["responseCode"],
            each["input"]["shape"],
        )
        for name, each in _described()["operations"].items()
    )


@functools.cache
def _described() -> Mapping[str, Any]:
    described: Mapping[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return described


def find(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation that a request means, and what its URI gives.

    Raises:
        Unknown: none.
    """
    segments = path.strip("/").split("/")
    for operation in operations():
        if operation.method == method and (found := _matched(operation.path, segments)) is not None:
            return operation, found
    raise Unknown(f"There is no operation {method} {path[:200]}.")


def _matched(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if pattern[-1] == "{resourceArn}" and len(segments) > len(pattern):
        # An ARN holds a slash; gateways on the way decode it.
        segments = [*segments[: len(pattern) - 1], "/".join(segments[len(pattern) - 1 :])]
    if len(pattern) != len(segments):
        return None
    found: dict[str, str] = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            found[wanted.strip("{}")] = unquote(given)
        elif wanted != given:
            return None
    return found


def parsed(operation: Operation, uri: Mapping[str, str], request: Request) -> dict[str, Any]:
    """The operation's input, each member as Python has it: bytes for blobs, datetimes for timestamps.

    Raises:
        Invalid: something is missing or breaks a rule; names all that does.
    """
    shape = shapes()[operation.shape]
    payload = shape.get("payload")
    has_body = not payload and any("location" not in member for member in shape["members"].values())
    body = _json(request.body) if has_body and request.body.strip() else {}
    query = _query(request.query)
    found: dict[str, Any] = {}
    for name, member in shape["members"].items():
        place, key = member.get("location"), member.get("locationName", name)
        kind = shapes()[member["shape"]]
        if name == payload:
            found[name] = request.body
        elif place == "uri":
            found[name] = uri[key]
        elif place == "header":
            if (value := request.headers.get(key.lower())) is not None:
                found[name] = value
        elif place == "querystring":
            if key in query:
                found[name] = query[key] if kind["type"] == "list" else _from_text(name, kind, query[key][-1])
        elif body.get(key) is not None:
            found[name] = _from_json(name, kind, body[key])
    check(operation.shape, found, shapes())
    return found


def _query(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise Invalid("The query has too many parts.") from None


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or brackets without end
        raise Invalid("The request's body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise Invalid("The request's body is not a JSON object.")
    return value


def _from_text(name: str, shape: Shape, text: str) -> Any:
    kind = shape["type"]
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "integer" and re.fullmatch(r"[+-]?[0-9]{1,12}", text):
        return int(text)
    if kind == "string":
        return text
    if kind == "timestamp" and (moment := moment_of(text)) is not None:
        return moment
    raise _wrong(name, kind)


def _from_json(name: str, shape: Shape, value: Any) -> Any:
    kind = shape["type"]
    if kind == "structure" and isinstance(value, dict):
        members = shape["members"]
        return {
            each: _from_json(f"{name}.{_small(each)}", shapes()[members[each]["shape"]], part)
            for each, part in value.items()
            if each in members and part is not None
        }
    if kind == "list" and isinstance(value, list):
        inner = shapes()[shape["member"]["shape"]]
        return [_from_json(f"{name}.{number}.member", inner, part) for number, part in enumerate(value, 1)]
    if kind == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise _wrong(name, "blob, in Base64") from None
    expected = {"string": str, "boolean": bool, "integer": int}.get(kind)
    if expected is not None and type(value) is expected:
        return value
    raise _wrong(name, kind)


def _wrong(name: str, kind: str) -> Invalid:
    return Invalid(f"Value at '{_small(name)}' failed to satisfy constraint: Member must be a {kind}")


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


def moment_of(text: str) -> datetime | None:
    """A moment as ISO 8601 or seconds since 1970 tell it; UTC where no zone is given. None for anything else."""
    try:
        if re.fullmatch(r"[0-9]{1,11}(\.[0-9]{1,9})?", text):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
