"""Two judges: the local model and one behind Lookout's API, on a line that waits for nobody."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import botocore.exceptions
import numpy as np
import pytest

from app.cloud.judging import Asker, SecondJudge
from app.cloud.lookout import CloudDetector, CloudModel, client, score_of
from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef
from app.domain.verdict import Verdict
from tests.alarms.receivers import free_port
from tests.cloud.conftest import until
from tests.inspection.fakes import FAIL, PASS, RETEST, FakeDetector, detection, picture, wait_for
from tests.inspection.stations import CAMERA, MODEL, WAITING_PARTS, Stations, camera, shows
from tests.serverless.house import KEY, SECRET
from tests.serverless.parts import draw

CLOUD = ModelRef("parts", 1, "", "Lookout for Vision at test")


class Cloud:
    """A judge elsewhere that says what the test wants, when it wants.

    Attributes:
        says: scores of Lookout's kind: 0.5 and more is a FAIL.
        error: raised instead.
        gate: closed, it does not answer.
    """

    ref = CLOUD

    def __init__(self, says: float = 0.1) -> None:
        self.says, self.asked = says, 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def detect(self, image: Image) -> Detection:
        self.asked += 1
        self.gate.wait(20)
        if self.error is not None:
            raise self.error
        verdict = Verdict.FAIL if self.says >= 0.5 else Verdict.PASS
        confidence = abs(self.says - 0.5) * 2
        plain = detection(self.says)
        words = "judged in the cloud"
        return replace(plain, threshold=0.5, verdict=verdict, confidence=confidence, reason=words, model=CLOUD)

    def score(self, image: Image) -> float:
        return self.says


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    yield made
    made.gate.set()


class Both:
    """The two judges, and what was told of their disagreements."""

    def __init__(self, cloud: Cloud, *, decides: bool, patience: float = 5.0) -> None:
        self.asker, self.told = Asker(cloud, patience), list[str]()
        self.judge = SecondJudge(FakeDetector(), self.asker, decides=decides, disagreed=self.told.append)


@pytest.fixture
def both(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Both]:
    made = Both(cloud, **request.param)
    yield made
    made.asker.end()


CLOUD_DECIDES = pytest.mark.parametrize("both", [{"decides": True}], indirect=True)
COMPARED = pytest.mark.parametrize("both", [{"decides": False}], indirect=True)


@CLOUD_DECIDES
def test_the_clouds_verdict_counts_and_says_whose_it_is(both: Both, cloud: Cloud) -> None:
    cloud.says = 0.95
    found = both.judge.detect(picture(PASS))
    assert (found.verdict, found.score, found.model) == (Verdict.FAIL, 0.95, CLOUD)
    assert "The local model says PASS" in found.reason
    assert len(both.told) == 1 and both.asker.compared().disagreed == 1


@COMPARED
def test_where_both_are_compared_the_local_verdict_stands(both: Both, cloud: Cloud) -> None:
    for local, says, words in ((PASS, 0.9, "FAIL instead"), (FAIL, 0.9, "FAIL too"), (RETEST, 0.1, "PASS instead")):
        cloud.says = says
        found = both.judge.detect(picture(local))
        assert found.verdict is detection(local).verdict and found.model is None
        assert words in found.reason
    seen = both.asker.compared()
    assert (seen.agreed, seen.disagreed, seen.unanswered) == (1, 1, 0)
    assert len(both.told) == 1 and "0.80 sure" in both.told[0]


@CLOUD_DECIDES
def test_a_cloud_that_is_gone_leaves_the_local_verdict_marked(both: Both, cloud: Cloud) -> None:
    cloud.error = CloudError("AWS can't be reached.")
    found = both.judge.detect(picture(FAIL))
    assert found.verdict is Verdict.FAIL and found.model is None
    assert "Local verdict: the cloud gave none in time (AWS can't be reached)" in found.reason
    cloud.error = RuntimeError("what nobody thought of")
    assert "Local verdict" in both.judge.detect(picture(PASS)).reason
    cloud.error = None
    until(lambda: both.judge.detect(picture(PASS)).model == CLOUD)


@pytest.mark.parametrize("both", [{"decides": True, "patience": 0.3}], indirect=True)
def test_a_slow_cloud_is_waited_for_once(both: Both, cloud: Cloud) -> None:
    cloud.gate.clear()
    began = time.monotonic()
    assert "takes longer than 0.3 s" in both.judge.detect(picture(PASS)).reason
    assert 0.25 < time.monotonic() - began < 2
    began = time.monotonic()
    for _ in range(20):
        assert "still busy" in both.judge.detect(picture(PASS)).reason
    assert time.monotonic() - began < 0.3 and cloud.asked == 1
    cloud.gate.set()
    until(lambda: both.judge.detect(picture(PASS)).model == CLOUD)
    assert both.asker.compared().unanswered >= 21


@CLOUD_DECIDES
def test_the_cloud_overrules_no_rule_and_no_poor_picture(both: Both, cloud: Cloud) -> None:
    for verdict in (Verdict.FAIL, Verdict.RETEST, Verdict.ERROR):
        local = replace(detection(PASS), verdict=verdict, reason="bolt 3 is missing")
        both.judge._local.detect = lambda image, local=local: local
        found = both.judge.detect(picture(PASS))
        assert found.verdict is verdict and "bolt 3 is missing" in found.reason


def test_only_parts_are_asked_about(cloud: Cloud) -> None:
    asker = Asker(cloud, 5)
    judge = SecondJudge(FakeDetector(), asker, decides=True, is_part=lambda: False)
    assert judge.detect(picture(PASS)).model is None and cloud.asked == 0
    asker.end()


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_a_score_is_at_the_limit_exactly_where_it_is_anomalous(confidence: float) -> None:
    assert score_of(True, confidence) >= 0.5 > score_of(False, confidence)


# -- a whole line
@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    stations.close()


def test_a_line_records_whose_verdict_it_is_and_raises_a_disagreement(
    stations: Stations, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.secondary.CloudDetector", lambda session, model: cloud)
    source = camera(WAITING_PARTS)
    stations.sources[CAMERA] = lambda: source
    station = stations.open()
    station.save_settings(judge="cloud", cloud_model="parts@1", cloud_patience=5)
    station.inspect_source(CAMERA, MODEL)
    wait_for(lambda: station.state().phase.name == "INSPECTING")
    cloud.says = 0.1
    source.push(picture(PASS))
    shows(station, 1)
    cloud.says = 0.9
    source.push(picture(PASS))
    shows(station, 2)
    newest, before = station.recent()[:2]
    assert (newest.verdict, newest.model, before.verdict, before.model) == (Verdict.FAIL, CLOUD, Verdict.PASS, CLOUD)
    assert before.stored_score is None and newest.threshold == 0.5
    wait_for(lambda: {one.kind for one in station.active_alarms()} == {"defect", "disagreement"})
    cloud.error = CloudError("AWS can't be reached.")
    source.push(picture(PASS))
    shows(station, 3)
    assert station.recent()[0].model == stations.detector.ref and "Local verdict" in station.recent()[0].reason
    compared = station.opinions.compared()
    assert compared is not None and (compared.agreed, compared.disagreed, compared.unanswered) == (1, 1, 1)


def test_without_the_setting_nothing_is_asked(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the cloud was asked")

    monkeypatch.setattr("app.secondary.CloudDetector", never)
    source = camera(WAITING_PARTS)
    stations.sources[CAMERA] = lambda: source
    station = stations.open()
    station.inspect_source(CAMERA, MODEL)
    source.push(picture(PASS))
    shows(station, 1)
    assert station.opinions.compared() is None and station.recent()[0].reason == "0.20"


# -- the real API
def test_boto3_knows_the_service_in_this_session_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    session = CloudSession(CloudAddress(region="eu-west-1", endpoint=f"http://127.0.0.1:{free_port()}"))
    assert client(session).meta.service_model.service_name == "lookoutvision"
    assert client(session) is client(session)
    assert "AWS_DATA_PATH" not in os.environ
    with pytest.raises(botocore.exceptions.UnknownServiceError):
        boto3.session.Session().client("lookoutvision", region_name="eu-west-1")
    with pytest.raises(CloudError, match="can't be reached"):
        CloudDetector(session, CloudModel("parts")).detect(draw(1)[0])
    with pytest.raises(PictureError, match="too small"):
        CloudDetector(session, CloudModel("parts")).detect(np.zeros((20, 20, 3), np.uint8))
