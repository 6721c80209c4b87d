"""Notices through SNS and SQS: a channel for people, and two whole stations that share alarms and answers (moto)."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from app.alarms.notices import Message, SendError
from app.alarms.notices.message import compose
from app.cloud.hearing import heard, opened
from app.cloud.inbox import Inbox
from app.cloud.notices import MOST_BYTES, SnsChannel, attributes_of, body_of, subject_of
from app.cloud.session import CloudAddress, CloudSession
from app.domain.alarm import Alarm
from app.domain.alarm_rule import AlarmRule, RuleKind
from app.domain.errors import StoreError
from app.domain.notice import Notice, Recipient
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.station import Station
from tests.alarms.receivers import free_port
from tests.cloud.conftest import REGION, until
from tests.cloud.signature import KEY, SECRET
from tests.store.samples import NOON, alarm, inspection

TRIES = 3
DEFECT = alarm(part_id="P-17", inspection_id="e" * 32)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


class Cloud:
    """A topic, and queues of stations that are subscribed to it."""

    def __init__(self, session: CloudSession, *, fifo: bool = False) -> None:
        self.sns, self.sqs = session.client("sns"), session.client("sqs")
        self._end, self.name = (".fifo" if fifo else ""), f"alarms-{uuid.uuid4().hex[:8]}"
        more = {"Attributes": {"FifoTopic": "true"}} if fifo else {}
        self.topic = self.sns.create_topic(Name=self.name + self._end, **more)["TopicArn"]

    def queue(self, name: str, *, raw: bool = False, tries: int = 0, policy: dict[str, Any] | None = None) -> str:
        attributes = {"FifoQueue": "true"} if self._end else {}
        if tries:
            dead = self.sqs.create_queue(QueueName=f"{self.name}-{name}-dead{self._end}", Attributes=attributes)
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": self.arn(dead["QueueUrl"]), "maxReceiveCount": tries}
            )
        url = str(self.sqs.create_queue(QueueName=f"{self.name}-{name}{self._end}", Attributes=attributes)["QueueUrl"])
        rules = {"RawMessageDelivery": str(raw).lower()} | ({"FilterPolicy": json.dumps(policy)} if policy else {})
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arn(url), Attributes=rules)
        return url

    def arn(self, url: str) -> str:
        return str(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def read(self, url: str) -> list[dict[str, Any]]:
        """What waits in a queue."""
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])
        return [opened(each["Body"]) for each in found]

    def left(self, url: str) -> int:
        """Messages that wait or are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def cloud(session: CloudSession) -> Cloud:
    return Cloud(session)


@pytest.fixture
def channel(session: CloudSession) -> SnsChannel:
    return SnsChannel(lambda: session)


def to(topic: str, **options: str) -> Recipient:
    return Recipient("engineers", "Engineers", "sns", {"topic": topic} | options)


def message(one: Alarm = DEFECT, *, confidence: float | None = None, **more: Any) -> Message:
    part = inspection(verdict=Verdict.FAIL, confidence=confidence) if one.inspection_id else None
    given: dict[str, Any] = {"station": "Line 1", "zone": UTC, "link": "https://mes/{part}", "picture": None} | more
    return compose(Notice(uuid.uuid4().hex, one.id, "engineers", "raised", NOON, NOON), one, part=part, **given)


# -- the channel
def test_a_defect_has_the_subject_body_and_attributes_of_the_samples(cloud: Cloud, channel: SnsChannel) -> None:
    queue = cloud.queue("all")
    assert "SNS has the message" in channel.send(to(cloud.topic, site="Ulm"), "", message(confidence=0.6))
    (envelope,) = cloud.sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(envelope["Body"])
    assert told["Subject"] == "LOW Confidence - Defect Detection Alert - AssemblyLine: Line 1 Camera: demo"
    body = json.loads(told["Message"])
    assert {name: body[name] for name in ("CameraId", "AssemblyLineId", "ImageUrl", "ImageId", "IsAnomalous")} == {
        "CameraId": "demo",
        "AssemblyLineId": "Line 1",
        "ImageUrl": "https://mes/P-17",
        "ImageId": "P-17",
        "IsAnomalous": True,
    }
    assert (body["Confidence"], body["DateTime"], body["defect_types"]) == (0.6, NOON.isoformat(), ["scratch"])
    assert {name: one["Value"] for name, one in told["MessageAttributes"].items()} == {
        "AssemblyLine": "Line 1",
        "Camera": "demo",
        "Station": "Line 1",
        "Site": "Ulm",
        "Product": "Plate",
        "Verdict": "FAIL",
        "Label": "scratch",
        "Priority": "medium",
        "Kind": "defect",
        "LowConfidence": "true",
    }


def test_filters_of_subscriptions_work(cloud: Cloud, channel: SnsChannel) -> None:
    scratches = cloud.queue("scratches", policy={"Label": ["scratch"], "Station": ["Line 1"]})
    cameras = cloud.queue("cameras", raw=True, policy={"Kind": ["camera"]})
    channel.send(to(cloud.topic), "", message())
    channel.send(to(cloud.topic), "", message(alarm(kind="camera", title="Camera lost")))
    assert [each["kind"] for each in cloud.read(scratches)] == ["defect"]
    assert [each["title"] for each in cloud.read(cameras)] == ["Camera lost"]


def test_a_picture_that_is_too_large_is_left_out_and_the_link_stays() -> None:
    small, large = replace(message(), picture=b"x" * 1000), replace(message(), picture=b"x" * MOST_BYTES)
    assert json.loads(body_of(small))["picture"]
    body = json.loads(body_of(large))
    assert (body["picture"], body["link"]) == ("", "https://mes/P-17")
    long = message(replace(DEFECT, detail="\u20ac" * MOST_BYTES))
    assert len(body_of(long, 200_000).encode()) <= 200_000 and json.loads(body_of(long))["alarm"] == DEFECT.id


def test_a_subject_is_one_line_of_ascii() -> None:
    subject = subject_of(message(alarm(kind="camera", title="Caméra\nperdue " + "x" * 200), station="Büro"))
    assert len(subject) < 100 and subject.isascii() and subject.isprintable()
    assert len(attributes_of(message(), "Ulm")) <= 10  # a queue with raw delivery takes no more


def test_a_topic_of_order_gets_each_notice_once(session: CloudSession, channel: SnsChannel) -> None:
    cloud = Cloud(session, fifo=True)
    queue, one = cloud.queue("all"), message()
    channel.send(to(cloud.topic), "", one)
    channel.send(to(cloud.topic), "", one)  # killed before it was noted as sent
    assert [each["id"] for each in cloud.read(queue)] == [one.id]


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("defects", "is no topic"),
        (f"arn:aws:sns:{REGION}:123456789012:gone", "can't be sent"),
        ("arn:aws:sns:us-east-1:123456789012:defects", "in us-east-1"),
    ],
)
def test_a_wrong_topic_is_not_tried_for_ever(channel: SnsChannel, topic: str, words: str) -> None:
    with pytest.raises(SendError, match=words) as error:
        channel.send(to(topic), "", message())
    assert error.value.final


def test_without_network_it_is_tried_again() -> None:
    away = CloudSession(CloudAddress(region=REGION, endpoint=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(SendError, match="can't be reached") as error:
        SnsChannel(lambda: away).send(to(f"arn:aws:sns:{REGION}:123456789012:t"), "", message())
    assert not error.value.final


# -- the queue
class Reader:
    """An inbox whose station the test plays."""

    def __init__(self, client: Callable[[], Any], queue: str, **how: Any) -> None:
        self.taken: list[Any] = []
        self.told: list[str] = []
        self.lost: list[str] = []
        self.full = threading.Event()  # the record can't be written
        how = {"wait": 1, "pause": 0.02, "chance": lambda: 0.99} | how
        self.inbox = Inbox(client, queue, self._take, unreadable=self.told.append, lost=self.lost.append, **how)
        self.inbox.start()

    def _take(self, body: Any) -> None:
        if self.full.is_set():
            raise StoreError("The disk is full.")
        heard(body)
        self.taken.append(body)


@pytest.fixture
def reading(session: CloudSession) -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def make(queue: str, client: Callable[[], Any] | None = None, **how: Any) -> Reader:
        made.append(Reader(client or (lambda: session.client("sqs")), queue, **how))
        return made[-1]

    yield make
    for reader in made:
        assert reader.inbox.stop(5)


def verdict(number: int, **more: Any) -> dict[str, Any]:
    """What the stack's function says of a defect."""
    return {
        "id": f"{number:064x}",
        "picture": f"s3://parts/{number}.jpg",
        "assembly_line": "Line 9",
        "camera": "top",
        "station": "",
        "product": "plate",
        "part": f"P-{number}",
        "captured_at": (NOON + timedelta(seconds=number)).isoformat(),
        "verdict": "FAIL",
        "reason": "scratch, 0.83 >= 0.61",
        "regions": [{"label": "scratch"}],
        "low_confidence": False,
    } | more


def test_what_can_not_be_written_waits_and_is_not_lost(cloud: Cloud, reading: Callable[..., Reader]) -> None:
    queue = cloud.queue("one", tries=2)
    reader = reading(queue, hidden=2)
    reader.full.set()
    for number in range(3):
        cloud.sns.publish(TopicArn=cloud.topic, Message=json.dumps(verdict(number)))
    until(lambda: "disk is full" in reader.inbox.state().words)
    assert reader.taken == []
    reader.full.clear()
    until(lambda: cloud.left(queue) == 0)
    assert sorted(each["id"] for each in reader.taken) == [f"{number:064x}" for number in range(3)]


def test_what_is_not_understood_goes_to_the_dead_letters_and_is_told_once(
    cloud: Cloud, reading: Callable[..., Reader]
) -> None:
    queue = cloud.queue("one", raw=True, tries=2)
    reader = reading(queue, hidden=1)
    for text in ("no json", json.dumps({"some": "thing"}), json.dumps(verdict(1))):
        cloud.sqs.send_message(QueueUrl=queue, MessageBody=text)
    until(lambda: len(reader.told) == 2)
    assert all(f"{cloud.name}-one-dead" in words for words in reader.told)
    until(lambda: cloud.left(f"{queue}-dead") == 2 and cloud.left(queue) == 0)
    assert len(reader.told) == 2 and len(reader.taken) == 1


def test_a_queue_that_is_gone_is_told_and_a_network_that_is_gone_is_not(
    cloud: Cloud, reading: Callable[..., Reader], session: CloudSession
) -> None:
    queue = cloud.queue("one")
    away = CloudSession(CloudAddress(region=REGION, endpoint=f"http://127.0.0.1:{free_port()}"))
    network = threading.Event()
    reader = reading(queue, lambda: (session if network.is_set() else away).client("sqs"))
    until(lambda: "can't be reached" in reader.inbox.state().words)
    assert reader.lost == []
    network.set()
    until(lambda: reader.inbox.state().well)
    gone = reading(queue + "-gone")
    until(lambda: gone.lost)
    assert not gone.inbox.state().well


def test_closing_does_not_wait_for_a_long_poll(cloud: Cloud, session: CloudSession) -> None:
    queue = cloud.queue("one")
    asked = threading.Event()

    class Client:
        def __getattr__(self, name: str) -> Any:
            found = getattr(session.client("sqs"), name)
            if name == "receive_message":
                asked.set()
            return found

    reader = Reader(Client, queue, wait=4)
    assert asked.wait(5)
    began = time.monotonic()
    assert not reader.inbox.stop()  # the request goes on by itself
    assert time.monotonic() - began < 2
    cloud.sns.publish(TopicArn=cloud.topic, Message=json.dumps(verdict(1)))
    reader.inbox._thread.join(10)
    assert reader.taken == []
    assert len(cloud.read(queue)) == 1  # given back, and nobody has to wait for it


# -- whole stations
@pytest.fixture
def two(cloud: Cloud, moto_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Station]]:
    monkeypatch.setattr("app.cloud.inbox.WAIT", 1)
    monkeypatch.setattr("app.cloud.inbox.HIDDEN", 1)
    made = []
    for name, raw in (("One", True), ("Two", False)):
        station = Station(DataFolder(tmp_path / name))
        queue = cloud.queue(name, raw=raw, tries=TRIES)
        station.save_settings(
            station=name, aws_region=REGION, aws_endpoint=moto_address, cloud_topic=cloud.topic, cloud_queue=queue
        )
        until(lambda station=station: station.notifying.inbox())
        made.append(station)
    yield made
    for station in made:
        station.close()


def fail(station: Station) -> Alarm:
    now = datetime.now(UTC)
    row = replace(inspection(verdict=Verdict.FAIL), captured_at=now, judged_at=now, station=station.settings.station)
    with station.alarms.raised_by(row, (640, 480)) as change:
        station.store.add_inspection(row, change)
    return next(one for one in station.alarms.active() if one.inspection_id == row.id)


@pytest.mark.slow
def test_what_waits_for_the_cloud_is_an_alarm_until_it_has_gone(
    cloud: Cloud, moto_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.watching.HEALTH_EVERY", 0.2)
    monkeypatch.setattr("app.watching.TICK", 0.1)
    station = Station(DataFolder(tmp_path / "One"))
    try:

        def waiting() -> list[Alarm]:
            return [one for one in station.alarms.active() if one.kind == "backlog" and one.cleared_at is None]

        rules = (AlarmRule("defect", RuleKind.DEFECT), AlarmRule("backlog", RuleKind.BACKLOG, n=1, minutes=60))
        station.watching.save_config(replace(station.watching.config, rules=rules))
        away = f"http://127.0.0.1:{free_port()}"
        station.save_settings(aws_region=REGION, aws_endpoint=away, cloud_topic=cloud.topic)
        numbers = itertools.count(1)

        def two_wait() -> bool:
            """Another alarm, another notice, from when the topic is known."""
            row = inspection(0, verdict=Verdict.FAIL, id=uuid.uuid4().hex, source=f"usb:{next(numbers)}")
            with station.alarms.raised_by(row, (640, 480)) as change:
                station.store.add_inspection(row, change)
            return len(station.watching.notices()) >= 2

        until(two_wait)
        (told,) = until(waiting)
        assert "results wait for the cloud" in told.title
        station.save_settings(aws_endpoint=moto_address)
        for each in station.watching.notices():
            station.watching.send_again(each.id)
        until(lambda: not waiting())
    finally:
        station.close()


def test_an_alarm_is_shown_and_answered_on_both(two: list[Station], cloud: Cloud) -> None:
    one, other = two
    cloud.sns.publish(TopicArn=cloud.topic, Message="hello")  # by a mistake
    raised = fail(one)
    (shown,) = until(lambda: [each for each in other.alarms.active() if each.kind == "defect"])
    assert (shown.id, shown.source, shown.title) == (raised.id, "One: demo", raised.title)
    other.acknowledge(shown.id)
    until(lambda: [each.kind for each in (*one.alarms.active(), *other.alarms.active())] == ["message"] * 2)
    assert "dead-letter queue" in one.alarms.active()[0].detail
    row = one.watching.row(raised.id)
    assert row is not None and row.alarm.acknowledged_by == f"{other.people.name} at\u00a0Two"
    assert [event.what for event in one.watching.events(raised.id)] == ["raised", "acknowledged"]

    # Nothing goes round in circles: one notice an alarm and one an answer.
    def sent() -> list[tuple[str, str]]:
        return sorted((each.reason, each.state.value) for station in two for each in station.watching.notices())

    until(lambda: all(cloud.left(station.settings.cloud_queue) == 0 for station in two))
    assert until(lambda: sent() == [("acknowledged", "sent"), ("raised", "sent")])


def test_verdicts_of_the_cloud_reach_both_and_one_answer_is_enough(two: list[Station], cloud: Cloud) -> None:
    for number in (1, 2, 1):  # SNS may tell twice
        cloud.sns.publish(TopicArn=cloud.topic, Message=json.dumps(verdict(number)))
    for station in two:
        until(lambda station=station: [each.count for each in station.alarms.active()] == [2])
    (shown,) = two[0].alarms.active()
    assert (shown.title, shown.source) == ("Defect: scratch", "Cloud: Line 9 / top")
    two[0].acknowledge(shown.id)
    until(lambda: not two[1].alarms.active())


@pytest.fixture
def faulty(session: CloudSession, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> dict[str, int]:
    """Many answers of the queue are lost for stations made after this: what was asked has happened all the same.
    How often each was lost."""
    lost, chance = {"receive_message": 0, "delete_message_batch": 0}, random.Random(3)

    class Client:
        def __getattr__(self, name: str) -> Any:
            found = getattr(session.client("sqs"), name)
            if name not in lost:
                return found

            def ask(**given: Any) -> Any:
                answer = found(**given)
                if not lost[name] or chance.random() < 0.4:
                    lost[name] += 1
                    raise EndpointConnectionError(endpoint_url="http://sqs")
                return answer

            return ask

    monkeypatch.setattr(request.module, "TRIES", 50)  # a lost answer is one too
    monkeypatch.setattr("app.cloud.inbox._FIRST_WAIT", 0.05)
    monkeypatch.setattr("app.notifying.NotifyDesk._client", lambda desk: Client())
    return lost


def test_with_faults_all_the_way_the_count_is_right(faulty: dict[str, int], two: list[Station], cloud: Cloud) -> None:
    for number in range(6):
        for _ in range(1 + number % 2):  # some are told twice
            cloud.sns.publish(TopicArn=cloud.topic, Message=json.dumps(verdict(number)))
    for station in two:
        until(lambda station=station: cloud.left(station.settings.cloud_queue) == 0, 40)
        assert [each.count for each in station.alarms.active()] == [6]
    assert min(faulty.values()) > 0
