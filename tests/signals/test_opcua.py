"""What only OPC UA has: names, subscriptions, a method, types, users and a certificate."""

from __future__ import annotations

import json
import math
import queue
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from app.domain.errors import LinesightError
from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from app.signals.handshake import Signals
from app.signals.opcua import OpcUaOutput
from app.signals.opcua_identity import Identity
from app.signals.opcua_nodes import state_names
from tests.alarms.receivers import free_port
from tests.signals.lines import Bench, inspection
from tests.signals.opcua_client import UaClient


class Server:
    def __init__(self, identity: Identity | None = None) -> None:
        self.port, self.bench = free_port(), Bench(debounce=0.0)
        self.output = OpcUaOutput(
            "127.0.0.1",
            self.port,
            lambda recipe, part, bad: self.bench.handshake.trigger(recipe, part, bad=bad),
            lambda: self.bench.handshake.acknowledge(),
            identity=identity,
        )
        self.output.start()

    def renew(self) -> None:
        self.bench = Bench(debounce=0.0)
        self.bench.handshake._show = self.output.show
        self.output.show(self.bench.signals)


@pytest.fixture(scope="module")
def module_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.output.stop()


@pytest.fixture
def server(module_server: Server) -> Server:
    module_server.renew()
    return module_server


@pytest.fixture
def client(server: Server) -> Iterator[UaClient]:
    client = UaClient(server.port)
    yield client
    client.write(("Trigger", False), ("ResultAck", False), ("RecipeId", 0), ("PartId", ""))
    client.close()


def test_one_request_is_looked_at_as_a_whole(server: Server, client: UaClient) -> None:
    client.write(("Trigger", True), ("PartId", "A-17"), ("RecipeId", 7))
    assert server.bench.fired == [("line:1", "A-17")]
    server.bench.judged()
    client.write(("Trigger", False))
    client.write(("Trigger", True), ("ResultAck", True))
    assert len(server.bench.fired) == 2 and client.read("Busy") == [True], "acknowledged before it was triggered"


def test_the_result_is_complete_when_it_is_ready(server: Server, client: UaClient) -> None:
    assert client.read("Result.Verdict", "Result.Number", "Result.Json") == ["", 0, ""]
    client.write(("Trigger", True))
    server.bench.judged(Verdict.FAIL)
    names = ("PartId", "Model", "Score", "Threshold", "Verdict", "Number", "Json", "Time")
    found = dict(zip(names, client.read(*[f"Result.{name}" for name in names]), strict=True))
    assert (found["PartId"], found["Model"], found["Verdict"], found["Number"]) == ("000001", "Bracket@3", "FAIL", 1)
    assert (found["Score"], found["Threshold"]) == (0.75, 0.5)
    assert found["Time"].replace(tzinfo=None) == inspection().judged_at.replace(tzinfo=None)
    told = json.loads(found["Json"])
    assert told["schema"] == "linesight.result/1" and told["verdict"] == "FAIL" and told["number"] == 1


def test_an_answer_without_a_part_has_no_score(server: Server, client: UaClient) -> None:
    client.write(("RecipeId", 9), ("Trigger", True))
    score, verdict, told, code = client.read("Result.Score", "Result.Verdict", "Result.Json", "ErrorCode")
    assert math.isnan(score) and verdict == "ERROR" and told == "" and code == ErrorCode.UNKNOWN_RECIPE
    assert client.read("OK") == [False]


def test_a_part_id_that_can_not_be_read_is_an_error(server: Server, client: UaClient) -> None:
    client.write(("PartId", "A\n17"), ("Trigger", True))
    assert client.read("ErrorCode", "ResultReady") == [ErrorCode.BAD_REQUEST, True] and server.bench.fired == []


def test_a_subscriber_hears_every_state_in_its_order(server: Server, client: UaClient) -> None:
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()

    class Handler:
        def datachange_notification(self, node: Any, value: Any, _data: Any) -> None:
            heard.put((node.nodeid.Identifier, value))

    subscription = client.client.create_subscription(10, Handler())
    subscription.subscribe_data_change([client.node(name) for name in ("Busy", "OK", "ResultReady")], queuesize=10)
    first = {heard.get(timeout=5) for _ in range(3)}
    assert first == {("Signals.Busy", False), ("Signals.OK", False), ("Signals.ResultReady", False)}
    client.write(("Trigger", True))
    assert heard.get(timeout=5) == ("Signals.Busy", True)
    server.bench.judged()
    found = [heard.get(timeout=5) for _ in range(3)]
    assert set(found) == {("Signals.Busy", False), ("Signals.OK", True), ("Signals.ResultReady", True)}
    client.write(("ResultAck", True))
    assert {heard.get(timeout=5) for _ in range(2)} == {("Signals.OK", False), ("Signals.ResultReady", False)}
    subscription.delete()


def test_what_may_not_be_written_or_has_the_wrong_type_is_refused(server: Server, client: UaClient) -> None:
    for name, value in (("OK", True), ("TriggerReady", True), ("ResultReady", True), ("Heartbeat", True)):
        with pytest.raises(ua.UaError):
            client.write((name, value))
    with pytest.raises(ua.uaerrors.BadTypeMismatch):
        client.node("Trigger").write_value(ua.DataValue(ua.Variant(1, ua.VariantType.Int32)))
    assert client.read("OK", "TriggerReady") == [False, True] and server.bench.fired == []


def test_a_single_job_is_a_trigger(server: Server, client: UaClient) -> None:
    assert client.job("B-1", 7) == [1, 0]
    assert server.bench.fired == [("line:1", "B-1")]
    assert client.job("B-2") == [0, ErrorCode.STILL_BUSY] and server.bench.signals.counts.busy == 1
    server.bench.judged()
    client.write(("ResultAck", True))
    assert client.job("", 8) == [2, ErrorCode.WRONG_RECIPE]


def test_states_have_the_names_of_the_companion_specification(server: Server, client: UaClient) -> None:
    machine = "VisionSystem.VisionStateMachine.CurrentState"
    automatic = "VisionSystem.VisionStateMachine.AutomaticModeStateMachine.CurrentState"
    assert [one.Text for one in client.read(machine, automatic)] == ["Operational", "Ready"]
    client.write(("Trigger", True))
    assert client.read(automatic)[0].Text == "SingleExecution"
    assert state_names(Signals()) == ("Halted", "")
    assert state_names(Signals(station=ErrorCode.NO_CAMERA)) == ("Error", "")
    assert state_names(Signals(station=ErrorCode.TRIGGER_OFF)) == ("Operational", "ContinuousExecution")
    assert state_names(Signals(station=ErrorCode.NOT_RELEASED)) == ("Operational", "Initialized")


@pytest.mark.parametrize(
    ("host", "words"), [("192.0.2.7", "does not have the address"), ("nowhere.invalid", "does not know the address")]
)
def test_a_wrong_address_is_named(host: str, words: str) -> None:
    output = OpcUaOutput(host, 4840, lambda recipe, part, bad: 0, lambda: None)
    with pytest.raises(LinesightError, match=words):
        output.start()
    assert not output.alive


def test_with_a_user_only_the_password_lets_in_and_all_is_encrypted(tmp_path: Path) -> None:
    identity = Identity("plc", "a secret word", tmp_path / "opcua")
    server = Server(identity)
    server.renew()
    mine = Identity("client", "", tmp_path / "client")
    mine._make("urn:client")  # a client needs a certificate of its own
    try:
        assert (tmp_path / "opcua" / "key.pem").stat().st_mode & 0o777 == 0o600
        policy = f"Basic256Sha256,SignAndEncrypt,{mine.certificate},{tmp_path / 'client' / 'key.pem'}"
        with pytest.raises(Exception, match=r"(?i)polic|endpoint|identity|token"):
            UaClient(server.port)
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            UaClient(server.port, set_security_string=[policy], set_user=["plc"], set_password=["wrong"])
        client = UaClient(server.port, set_security_string=[policy], set_user=["plc"], set_password=["a secret word"])
        try:
            client.write(("Trigger", True))
            assert client.read("Busy") == [True]
        finally:
            client.close()
        before = identity.certificate.read_bytes()
        identity._make(f"urn:{socket.gethostname()}:linesight")
        assert identity.certificate.read_bytes() == before, "clients trust the one they know"
    finally:
        server.output.stop()
