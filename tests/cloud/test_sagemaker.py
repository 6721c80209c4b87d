"""An endpoint of SageMaker: asked as a detector (a made-up one on the loopback), started and deleted (moto)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.cloud.sagemaker import EndpointKeeper, EndpointPlan, EndpointState, SageMakerDetector
from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.domain.errors import LinesightError
from app.domain.person import Role
from app.domain.verdict import Verdict
from app.people import NotAllowed
from app.pictures import encode_png
from tests.alarms.clocks import Clock
from tests.cloud.conftest import REGION, until
from tests.cloud.signature import KEY, SECRET
from tests.inspection.stations import CAMERA, MODEL, WAITING_PARTS, Stations, camera
from tests.serverless.parts import draw


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


class Endpoint:
    """What stands behind InvokeEndpoint: keeps requests, answers what the test says."""

    def __init__(self) -> None:
        self.answer: Any = {"Source": {"Type": "direct"}, "IsAnomalous": False, "Confidence": 0.9}
        self.status = 200
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                said = outer.answer if isinstance(outer.answer, bytes) else json.dumps(outer.answer).encode()
                self.send_response(outer.status)
                if outer.status != 200:
                    self.send_header("x-amzn-errortype", "ValidationError")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        address = f"http://127.0.0.1:{self.server.server_port}"
        self.session = CloudSession(CloudAddress(region=REGION, endpoint=address))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def test_a_flat_answer_is_a_verdict(endpoint: Endpoint) -> None:
    used: list[bool] = []
    detector = SageMakerDetector(endpoint.session, "parts-1", used=lambda: used.append(True))
    found = detector.detect(draw(1)[0])
    assert (found.verdict, found.confidence, found.regions, used) == (Verdict.PASS, 0.9, (), [True])
    path, headers, body = endpoint.requests[0]
    assert path == "/endpoints/parts-1/invocations" and headers["content-type"] == "image/jpeg"
    assert f"{REGION}/sagemaker/aws4_request" in headers["authorization"]
    decoded = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None and decoded.shape == draw(1)[0].shape


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_mask_is_read_where_there_is_one(endpoint: Endpoint, wrapped: bool) -> None:
    mask = np.full((96, 96, 3), 255, np.uint8)
    mask[20:40, 10:40] = (0x36, 0xA4, 0x23)  # BGR
    result = {
        "IsAnomalous": True,
        "Confidence": 0.8,
        "Anomalies": [
            {"Name": "background", "PixelAnomaly": {"TotalPercentageArea": 0.93, "Color": "#FFFFFF"}},
            {"Name": "cracked", "PixelAnomaly": {"TotalPercentageArea": 0.07, "Color": "#23A436"}},
        ],
        "AnomalyMask": base64.b64encode(encode_png(mask)).decode(),
    }
    endpoint.answer = {"DetectAnomalyResult": result} if wrapped else result
    found = SageMakerDetector(endpoint.session, "parts-1").detect(draw(1)[0])
    (region,) = found.regions
    assert (region.label, region.x, region.y, region.width, region.height, region.area) == (
        "cracked", 10, 20, 30, 20, 600,
    )  # fmt: skip
    assert found.verdict is Verdict.FAIL and found.reason.startswith("cracked, ")
    assert found.heat.max() == pytest.approx(found.score) and found.heat.min() == 0


@pytest.mark.parametrize(
    "answer", [b"no json", [], {"IsAnomalous": "yes", "Confidence": 1}, {"IsAnomalous": True, "Confidence": 7}]
)
def test_an_answer_that_is_none_is_no_verdict(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answer = answer
    with pytest.raises(CloudError):
        SageMakerDetector(endpoint.session, "parts-1").detect(draw(1)[0])


def test_a_mask_that_cant_be_read_costs_the_places_alone(endpoint: Endpoint) -> None:
    endpoint.answer = {"IsAnomalous": True, "Confidence": 0.8, "Anomalies": [], "AnomalyMask": "%%%"}
    found = SageMakerDetector(endpoint.session, "parts-1").detect(draw(1)[0])
    assert (found.verdict, found.regions) == (Verdict.FAIL, ())


# -- what it costs
@pytest.fixture
def sagemaker(session: CloudSession) -> Any:
    client = session.client("sagemaker")
    role = "arn:aws:iam::123456789012:role/linesight"
    names = {each["ModelName"] for each in client.list_models()["Models"]}
    if "parts" not in names:
        client.create_model(ModelName="parts", ExecutionRoleArn=role, PrimaryContainer={"Image": "image"})
    return client


def keeper(sagemaker: Any, clock: Clock, file: Path, told: list[str], name: str = "line-1") -> EndpointKeeper:
    plan = EndpointPlan(name, "parts", "ml.c5.2xlarge", price=0.5, idle_minutes=30)
    return EndpointKeeper(lambda: sagemaker, plan, file, now=clock.now, on_stop=told.append, look_every=0.02)


def names(sagemaker: Any) -> list[str]:
    return [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]]


def test_an_endpoint_nobody_asks_is_deleted_and_its_cost_is_told(sagemaker: Any, clock: Clock, tmp_path: Path) -> None:
    told: list[str] = []
    one = keeper(sagemaker, clock, tmp_path / "endpoint.json", told)
    one.start()
    one.start()  # there is one already
    assert names(sagemaker) == ["line-1"] and one.look().status == "InService"
    clock.forward(minutes=20)
    one.used()
    clock.forward(minutes=20)
    assert one.look().status == "InService"
    clock.forward(minutes=20)
    seen = one.look()
    assert names(sagemaker) == [] and "Nobody asked for 40 minutes" in told[0]
    assert (seen.hours, seen.cost, seen.since) == (1.0, 0.5, None)
    clock.forward(hours=5)
    assert one.look().cost == 0.5
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []


def test_what_was_started_is_found_again_after_a_crash(sagemaker: Any, clock: Clock, tmp_path: Path) -> None:
    told: list[str] = []
    keeper(sagemaker, clock, tmp_path / "endpoint.json", told).start()
    clock.forward(hours=2)
    again = keeper(sagemaker, clock, tmp_path / "endpoint.json", told)
    assert again.look().hours == 2.0
    assert names(sagemaker) == [] and len(told) == 1


def test_an_endpoint_of_somebody_else_is_left_alone(sagemaker: Any, clock: Clock, tmp_path: Path) -> None:
    keeper(sagemaker, clock, tmp_path / "theirs.json", [], "theirs").start()
    here = keeper(sagemaker, clock, tmp_path / "ours.json", [], "theirs")
    here.start()
    clock.forward(hours=20)
    assert here.look().since is None and names(sagemaker) == ["theirs"]
    sagemaker.delete_endpoint(EndpointName="theirs")


def test_one_that_was_deleted_is_started_again_when_parts_come(sagemaker: Any, clock: Clock, tmp_path: Path) -> None:
    told: list[str] = []
    one = keeper(sagemaker, clock, tmp_path / "endpoint.json", told)
    one.begin()
    until(lambda: one.state().status == "InService")
    one.used()
    clock.forward(minutes=31)
    until(lambda: told and names(sagemaker) == [])
    one.want()
    until(lambda: names(sagemaker) == ["line-1"])
    clock.forward(minutes=31)  # it never answered
    until(lambda: len(told) == 2)
    one.want()
    one.end()
    assert names(sagemaker) == []
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["hours_before"] == pytest.approx(timedelta(minutes=62) / timedelta(hours=1))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_station_starts_its_endpoint_and_watches_over_it_after_its_end(
    sagemaker: Any, moto_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stations = Stations(tmp_path, monkeypatch)
    monkeypatch.setattr("app.cloud.sagemaker._LOOK", 0.05)
    try:
        stations.sources[CAMERA] = lambda: camera(WAITING_PARTS)
        station = stations.open()
        station.save_settings(
            aws_region=REGION, aws_endpoint=moto_address, judge="both", cloud_model="sagemaker:line-9"
        )
        station.save_settings(sagemaker_model="parts", sagemaker_price=1)
        station.inspect_source(CAMERA, MODEL)
        until(lambda: names(sagemaker) == ["line-9"] and (station.opinions.endpoint() or EndpointState()).status)
        assert (station.opinions.endpoint() or EndpointState()).since is not None
        station.save_settings(judge="local")
        station.close()
        file = tmp_path / "station" / "endpoints" / "line-9.json"
        kept = json.loads(file.read_text())
        file.write_text(json.dumps(kept | {"used": "2026-01-01T00:00:00+00:00"}))
        stations.open()
        until(lambda: names(sagemaker) == [])
        until(lambda: not json.loads(file.read_text())["since"])
    finally:
        stations.close()


def test_a_person_starts_and_stops_it_by_right_and_on_record(
    sagemaker: Any, moto_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stations = Stations(tmp_path, monkeypatch)
    try:
        station = stations.open()
        desk = station.opinions
        with pytest.raises(LinesightError, match="Name the endpoint"):
            desk.start_endpoint()
        with pytest.raises(LinesightError, match="has started no endpoint"):
            desk.stop_endpoint()
        station.save_settings(aws_region=REGION, aws_endpoint=moto_address, cloud_model="sagemaker:line-6")
        with pytest.raises(LinesightError, match="SageMaker model"):
            desk.start_endpoint()
        station.save_settings(sagemaker_model="no-such-model")
        with pytest.raises(CloudError, match="line-6"):
            desk.start_endpoint().result(20)
        assert (desk.endpoint() or EndpointState()).since is None, "what was not made costs nothing"
        kept = json.loads((tmp_path / "station" / "endpoints" / "line-6.json").read_text())
        assert not kept["since"] and not kept["hours_before"]
        station.save_settings(sagemaker_model="parts")
        assert desk.start_endpoint().result(20).since is not None and names(sagemaker) == ["line-6"]
        station.save_settings(cloud_model="plates@1")
        assert (desk.endpoint() or EndpointState()).since is not None, "it costs, whatever is named now"
        sagemaker.delete_endpoint(EndpointName="line-6")  # elsewhere
        assert desk.stop_endpoint().result(20).since is None
        told = [entry.detail for entry in station.store.audit_entries() if entry.subject == "endpoint line-6"]
        assert len(told) == 2 and "started" in told[0] + told[1] and "stopped" in told[0] + told[1]
        # One of somebody else is neither counted nor deleted.
        keeper(sagemaker, Clock(), tmp_path / "theirs.json", [], "theirs").start()
        station.save_settings(cloud_model="sagemaker:theirs")
        assert desk.start_endpoint().result(20).since is None
        with pytest.raises(CloudError, match="Stop it where it was started"):
            desk.stop_endpoint().result(20)
        assert names(sagemaker) == ["theirs"]
        sagemaker.delete_endpoint(EndpointName="theirs")
        station.people.add("Anna", Role.ENGINEER, pin="1234567")
        station.people.sign_out()
        for call in (desk.start_endpoint, desk.stop_endpoint):
            with pytest.raises(NotAllowed):
                call()
    finally:
        stations.close()
