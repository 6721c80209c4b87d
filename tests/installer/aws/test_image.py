"""What the functions' image holds: enough, at the stations' versions, and quick to begin."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HANDLERS = ("detect", "ingest", "watch", "report", "train", "feedback")

_IMPORT = """
import sys, time
begun = time.perf_counter()
import app.serverless.{name}
print(time.perf_counter() - begun)
assert not set(sys.modules) & {{"openvino", "cv2", "polars", "openpyxl", "boto3"}}
"""

# What the handlers import when they are first called.
_WORK = """
import importlib, sys
for name in ("app.vision.training", "app.vision.evaluation", "app.vision.detector", "app.vision.overlay",
             "app.serverless.masks", "app.serverless.tables", "app.serverless.outbox", "app.serverless.lookout.images",
             "app.serverless.lookout.entries", "app.datasets.manifest", "app.datasets.masks", "app.reports.fleet"):
    importlib.import_module(name)
from app.domain.calendar import station_zone
from app.serverless.surroundings import client
for service in ("s3", "sns", "sqs", "dynamodb", "athena", "sagemaker"):
    client(service)
station_zone("Europe/Berlin")
assert not {name.partition(".")[0] for name in sys.modules} & {"sqlalchemy", "PySide6", "av", "aiohttp"}
assert not [name for name in sys.modules if name.startswith("app.store")]
"""


def versions(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_versions_are_those_of_the_stations(project_root: Path) -> None:
    ours = versions(project_root / "installer" / "aws" / "requirements-lambda.txt")
    stations = versions(project_root / "installer" / "requirements" / "runtime.txt")
    assert ours and ours == {name: stations[name] for name in ours}
    assert not set(ours) & {"sqlalchemy", "pyside6-essentials", "openvino-telemetry"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fresh_environment_begins_every_function_within_three_seconds(
    project_root: Path, tmp_path: Path, environment: Callable[..., Path]
) -> None:
    lock = project_root / "installer" / "aws" / "requirements-lambda.txt"
    python = environment("--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock) / "python"
    around = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_DEFAULT_REGION": "eu-west-1"}

    def run(code: str) -> str:
        command = [python, "-W", "ignore", "-c", code]
        found = subprocess.run(command, capture_output=True, text=True, cwd=project_root, env=around)
        assert found.returncode == 0, found.stderr
        return found.stdout

    for name in HANDLERS:
        # The quickest of three: the machine may be busy with something else.
        seconds = min(float(run(_IMPORT.format(name=name))) for _ in range(3))
        assert seconds <= 3, name
    run(_WORK)
