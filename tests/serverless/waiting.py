"""Waiting for a server's background work, as its users do: by asking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

_LONGEST = 150.0  # seconds: other work may have the processors


def until(condition: Callable[[], bool]) -> None:
    """Asks again and again."""
    pause, end = threading.Event(), time.monotonic() + _LONGEST
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        pause.wait(0.05)


def settled(client: Any, project: str, *, dataset: str = "", model: str = "", job: str = "") -> dict[str, Any]:
    """The description of a dataset, model or packaging job once nothing is under way with it."""
    found: dict[str, Any] = {}

    def look() -> bool:
        nonlocal found
        if dataset:
            found = client.describe_dataset(ProjectName=project, DatasetType=dataset)["DatasetDescription"]
        elif model:
            found = client.describe_model(ProjectName=project, ModelVersion=model)["ModelDescription"]
        else:
            answer = client.describe_model_packaging_job(ProjectName=project, JobName=job)
            found = answer["ModelPackagingDescription"]
        status: str = found["Status"]
        return not (status.endswith("_IN_PROGRESS") or status in _UNDER_WAY)

    until(look)
    return found


_UNDER_WAY = ("TRAINING", "STARTING_HOSTING", "STOPPING_HOSTING", "CREATED", "RUNNING")
