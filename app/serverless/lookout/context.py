"""What every operation works with."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeVar

from app.serverless.buckets import Buckets
from app.serverless.lookout.faults import Conflict, Invalid, NotFound
from app.serverless.lookout.hosting import Hosting
from app.serverless.lookout.records import Clock, DatasetRecord, ModelRecord, Project, Records

Input = dict[str, Any]
Output = dict[str, Any]
Key = TypeVar("Key", int, float, str)
Item = TypeVar("Item")

JobKind = Literal["import", "update", "train", "start", "stop", "package"]

PAGE = 100


@dataclass(frozen=True, slots=True)
class Job:
    """Work that goes on after the answer.

    Attributes:
        subject: dataset type, model version or job name.
    """

    kind: JobKind
    project: str
    subject: str


class Jobs(Protocol):
    """Takes work to be done in the background."""

    def submit(self, job: Job) -> None:
        """Returns at once."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """The service's parts."""

    records: Records
    buckets: Buckets
    jobs: Jobs
    hosting: Hosting
    clock: Clock = field(default=time.time)


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, for the names of what it makes."""

    region: str
    account: str

    def arn(self, kind: str, name: str, service: str = "lookoutvision") -> str:
        separator = ":" if service == "greengrass" else "/"
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}{separator}{name}"


def project_of(context: Context, name: str) -> Project:
    """Raises NotFound."""
    project = context.records.project(name)
    if project is None:
        raise NotFound(f"The project {name} does not exist.", "PROJECT", name)
    return project


def dataset_of(project: Project, kind: str) -> DatasetRecord:
    """Raises NotFound."""
    for name, dataset in project.datasets.items():
        if name == kind:
            return dataset
    raise NotFound(f"The project {project.name} has no {kind} dataset.", "DATASET", f"{project.name}/{kind}")


def model_of(project: Project, version: str) -> ModelRecord:
    """The version, or the newest for "latest". Raises NotFound."""
    if version == "latest":
        found = project.models.get(max(project.models, default=0))
    else:
        found = project.models.get(int(version))
    if found is None:
        words = "has no model yet" if version == "latest" else f"has no model of version {version}"
        raise NotFound(f"The project {project.name} {words}.", "MODEL", f"{project.name}/{version}")
    return found


def model_conflict(project: Project, model: ModelRecord, words: str) -> Conflict:
    """`words` say what can't be done and why."""
    return Conflict(words, "MODEL", f"{project.name}/{model.version}")


def page(items: Sequence[tuple[Key, Item]], given: Input) -> tuple[list[Item], str | None]:
    """One page of items and the token for the next.

    The token holds the key of the last item given, so that what comes and goes in between shifts nothing.

    Args:
        items: with rising keys.
    """
    after = after_key(given, type(items[0][0]) if items else None)
    rest = [item for item in items if after is None or item[0] > after]
    most = given.get("MaxResults") or PAGE
    token = None
    if len(rest) > most:
        token = base64.b64encode(json.dumps({"after": rest[most - 1][0]}).encode()).decode()
    return [item for _, item in rest[:most]], token


def after_key(given: Input, kind: type[Key] | None) -> Key | None:
    """The key that a page's token holds; None without a token.

    Args:
        kind: of the list's keys; None where the list is empty.

    Raises:
        Invalid: the token was not given out here, or for another list.
    """
    if not given.get("NextToken"):
        return None
    try:
        after = json.loads(base64.b64decode(given["NextToken"], validate=True))["after"]
    except (ValueError, KeyError, TypeError):
        raise Invalid("The pagination token is not one that was given out here.") from None
    if kind is not None and type(after) is not kind:
        raise Invalid("The pagination token is of another list.")
    return after  # type: ignore[no-any-return]


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def now(context: Context) -> float:
    """Seconds since 1970, whole milliseconds as clients see them."""
    return round(context.clock(), 3)
