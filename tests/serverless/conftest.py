from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serverless.house import House
from tests.serverless.parts import BUCKET, lay_in, write_manifest
from tests.serverless.running import Running, Start

OUTPUT = {"S3Location": {"Bucket": BUCKET, "Prefix": "results/"}}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A service that knows nothing yet, over an empty folder of buckets."""
    (tmp_path / "buckets").mkdir()
    return House(tmp_path / "lookout", tmp_path / "buckets")


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records and buckets with two trained projects.

    "masked" has one dataset whose masks show two kinds; "plain" has a training dataset of good parts alone and a test
    dataset without masks.
    """
    root = tmp_path_factory.mktemp("learned")
    (root / "buckets").mkdir()
    house = House(root / "lookout", root / "buckets")
    client = house.client
    client.create_project(ProjectName="masked")
    source = write_manifest(house.root, "masked.manifest", lay_in(house.root, "masked", 20, 16))
    client.create_dataset(ProjectName="masked", DatasetType="train", DatasetSource=source)
    client.create_project(ProjectName="plain")
    good = lay_in(house.root, "good", 12, 0, first=100)
    tests = lay_in(house.root, "tests", 10, 10, masks=False, first=200)
    for kind, lines in (("train", good), ("test", tests)):
        source = write_manifest(house.root, f"{kind}.manifest", lines)
        client.create_dataset(ProjectName="plain", DatasetType=kind, DatasetSource=source)
    house.work()
    for name in ("masked", "plain"):
        client.create_model(ProjectName=name, OutputConfig=OUTPUT, Tags=[{"Key": "line", "Value": "4"}])
    house.work()
    return root


@pytest.fixture
def trained(learned: Path, tmp_path: Path) -> House:
    """A service with the projects of `learned`, for this test alone."""
    shutil.copytree(learned, tmp_path / "trained")
    return House(tmp_path / "trained" / "lookout", tmp_path / "trained" / "buckets")


@pytest.fixture(scope="module")
def hosted(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The same with both models running, for all tests of a file."""
    folder = tmp_path_factory.mktemp("hosted") / "it"
    shutil.copytree(learned, folder)
    house = House(folder / "lookout", folder / "buckets")
    for name in ("masked", "plain"):
        house.client.start_model(ProjectName=name, ModelVersion="1", MinInferenceUnits=1)
    house.work()
    return house


@pytest.fixture(scope="module")
def start(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts servers; they end with the file's last test."""
    begun: list[subprocess.Popen[str]] = []

    def run(*arguments: object, data: Path | None = None, root: Path | None = None) -> Running:
        data = data or tmp_path_factory.mktemp("data")
        root = root or tmp_path_factory.mktemp("buckets")
        command = [sys.executable, "main.py", "lookout-server", "--port", "0", "--data-dir", data, "--s3-root", root]
        process = subprocess.Popen(
            [str(each) for each in (*command, *arguments)],
            cwd=project_root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(f"{line}{process.stderr.read()}")
        return Running(process, line.removeprefix("listening on ").strip(), root, data)

    yield run
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.wait(30)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
