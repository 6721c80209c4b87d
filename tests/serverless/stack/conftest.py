from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from app.vision.artefact import to_bytes
from app.vision.defects import Defect
from app.vision.survey import Sample
from app.vision.training import train
from tests.serverless.parts import draw
from tests.serverless.stack.cloud import Cloud


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An account with the stack's buckets, queues, topics and tables, for this test alone."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield Cloud()


@pytest.fixture(scope="session")
def model() -> bytes:
    """A model of the drawn parts that knows spots."""

    def part(seed: int, defect: str = "") -> Sample:
        return Sample(f"{defect}{seed}", lambda: draw(seed, defect)[0])

    spots = [part(1000 + number, "spot") for number in range(3)]
    return to_bytes(
        train(
            [part(seed) for seed in range(8)],
            name="plate",
            defects=[Defect(each.name, each.load, "spot", None) for each in spots],
        ).model
    )
