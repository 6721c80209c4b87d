"""Train, From the cloud: candidates of the account, what was found out about each, and fetching one."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from pytestqt.qtbot import QtBot

from app.vision.survey import Sample
from app.vision.training import train
from tests.cloud.signature import KEY, REGION, SECRET
from tests.serverless.parts import draw, encoded
from tests.ui.fake_station import FakeStation
from tests.ui.test_cloud import account
from tests.ui.test_layout import check
from tests.ui.training.test_page import click, page, prepared
from ui.training.page import TrainPage
from ui.window import Window

__all__ = ["account", "page", "prepared"]


@pytest.fixture
def models(account: str, prepared: FakeStation) -> tuple[Any, str]:
    """A client, and a bucket of models that the station looks into."""
    s3 = boto3.client("s3", REGION, endpoint_url=account, aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    bucket = f"models-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    prepared.save_settings(aws_endpoint=account, aws_region=REGION, cloud_models=bucket)
    return s3, bucket


@pytest.fixture(scope="module")
def gear() -> bytes:
    """A model of another product than those that are here."""
    return train([Sample(str(seed), lambda seed=seed: draw(seed)[0]) for seed in range(8)], name="gear").data


def offer(s3: Any, bucket: str, model: bytes, *, words: str = "", sha256: str = "") -> None:
    """A candidate as the stack's functions leave it."""
    folder, pictures = "candidates/gear/0003", []
    for number in range(4):
        key = f"training/gear/{number}.png"
        s3.put_object(Bucket=bucket, Key=key, Body=encoded(draw(number, "spot" if number > 1 else "")[0]))
        pictures.append(f"s3://{bucket}/{key}")
    s3.put_object(Bucket=bucket, Key=f"{folder}/model.linesight", Body=model)
    described = {
        "product": "gear",
        "snapshot": 3,
        "key": f"{folder}/model.linesight",
        "version_id": "",
        "sha256": sha256 or hashlib.sha256(model).hexdigest(),
        "pictures": 64,
        "tests": [[each, "anomaly" if place > 1 else "normal", ""] for place, each in enumerate(pictures)]
        + [[f"s3://{bucket}/training/gear/gone.png", "normal", ""]],
        "of_a_later_version": True,
    }
    s3.put_object(Bucket=bucket, Key=f"{folder}/candidate.json", Body=json.dumps(described).encode())
    if words:
        told = {"recommended": True, "words": words}
        s3.put_object(Bucket=bucket, Key=f"{folder}/proposal.json", Body=json.dumps(told).encode())


def test_a_candidate_is_looked_at_and_fetched(
    qtbot: QtBot, models: tuple[Any, str], page: TrainPage, window: Window, gear: bytes, station: FakeStation
) -> None:
    offer(*models, gear, words="On 9 good parts it misses nothing.")
    click(qtbot, page.versions.cloud)
    qtbot.waitUntil(lambda: len(page.offers.fetch) == 1 and page.offers.fetch[0].isVisible(), timeout=20_000)
    assert page.offers.fetch[0].accessibleName() == "Fetch gear, snapshot 3"
    check(window, "offers")
    click(qtbot, page.offers.fetch[0])

    qtbot.waitUntil(lambda: page.results.version is not None and page.results.version.name == "gear@1", timeout=30_000)
    version = page.results.version
    assert version is not None and version.metrics is not None
    assert (version.metrics.normals, version.metrics.anomalies, version.released) == (2, 2, False)
    assert version.notes == ("1 of its test pictures are gone from the account.",)
    assert page.offers.isHidden() and "gear@1 is here" in page.said.text()
    assert station.improving.registry.released("gear") is None, "nobody but a person releases"


def test_a_file_that_is_not_the_described_one_is_refused(
    qtbot: QtBot, models: tuple[Any, str], page: TrainPage, gear: bytes, station: FakeStation
) -> None:
    offer(*models, gear, sha256="ab" * 32)
    click(qtbot, page.versions.cloud)
    qtbot.waitUntil(lambda: len(page.offers.fetch) == 1 and page.offers.fetch[0].isVisible(), timeout=20_000)
    click(qtbot, page.offers.fetch[0])
    qtbot.waitUntil(lambda: page.offers.said.kind == "bad", timeout=20_000)
    assert "not the one its description names" in page.offers.said.text()
    assert page.offers.fetch[0].isEnabled() and station.improving.registry.all("gear") == []


def test_a_model_of_another_product_is_refused(
    qtbot: QtBot, models: tuple[Any, str], page: TrainPage, trained: Path, station: FakeStation
) -> None:
    offer(*models, next(trained.glob("plate/2.linesight")).read_bytes())
    click(qtbot, page.versions.cloud)
    qtbot.waitUntil(lambda: len(page.offers.fetch) == 1 and page.offers.fetch[0].isVisible(), timeout=20_000)
    click(qtbot, page.offers.fetch[0])
    qtbot.waitUntil(lambda: "is one of plate, not of gear" in page.offers.said.text(), timeout=20_000)
    assert station.improving.registry.all("gear") == []


def test_none_yet_says_what_makes_one(qtbot: QtBot, models: tuple[Any, str], page: TrainPage) -> None:
    click(qtbot, page.versions.cloud)
    qtbot.waitUntil(lambda: "There is none yet" in page.offers.said.text(), timeout=20_000)
    click(qtbot, page.offers.close_button)
    assert page.offers.isHidden()


def test_without_a_bucket_it_is_not_offered(page: TrainPage) -> None:
    assert page.versions.cloud.isHidden()
