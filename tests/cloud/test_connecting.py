"""What the station needs of AWS: tried, told, and put into a policy."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from app.cli.entry import main
from app.cloud import keys
from app.cloud.checking import Works, check, identify
from app.cloud.policy import Wishes, needs, policy
from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.connecting import policy_text, wishes_of
from app.domain.notice import Recipient
from app.settings import Settings
from tests.alarms.receivers import free_port
from tests.cloud.conftest import STREAM
from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import REGION, SECRET

BUCKET = "check-fleet"
KEY_ID = "AKIDOFTHESTATION1"
WHOLE = Wishes(
    region=REGION,
    stream="line-1",
    images=True,
    clips=True,
    watched="gate-2",
    topics=(f"arn:aws:sns:{REGION}:123456789012:stations", f"arn:aws:sns:{REGION}:123456789012:people.fifo"),
    shared=True,
    queue=f"https://sqs.{REGION}.amazonaws.com/123456789012/press-1",
    outbox=BUCKET,
    station="Press 1",
    models=BUCKET,
    train_queue=f"https://sqs.{REGION}.amazonaws.com/123456789012/trainings",
    fleet_bucket=BUCKET,
    database="linesight",
    endpoint="plates",
    starts_endpoint=True,
    lookout="plate@1",
)


class Memory(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    before, made = keyring.get_keyring(), Memory()
    keyring.set_keyring(made)
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    yield made
    keyring.set_keyring(before)


def no_step(_fraction: float, _words: str) -> None:
    """Progress that nobody looks at."""


def test_nothing_is_needed_for_what_is_off() -> None:
    assert needs(Wishes()) == [] and policy([], region="", account="")["Statement"] == []
    assert wishes_of(Settings(), [Recipient("a", "A", "sns", {"topic": "x"}, on=False)]) == Wishes()


def test_the_settings_say_what_is_wanted() -> None:
    settings = Settings(source="kvs:gate-2", cloud_model="sagemaker:Plates", judge="both", sagemaker_model="m")
    told = Recipient("a", "A", "sns", {"topic": "arn:aws:sns:eu-west-1:123456789012:people"})
    wishes = wishes_of(settings, [told])
    assert wishes.watched == "gate-2" and wishes.endpoint == "Plates" and wishes.starts_endpoint and not wishes.lookout
    assert wishes.topics == ("arn:aws:sns:eu-west-1:123456789012:people",) and not wishes.shared
    assert wishes_of(Settings(cloud_model="plate@1", judge="cloud"), []).lookout == "plate@1"
    assert not wishes_of(Settings(cloud_model="plate@1"), []).lookout  # judged here alone


def test_the_policy_allows_each_action_on_the_named_things_only() -> None:
    made = json.loads(policy_text(WHOLE))
    assert made["Version"] == "2012-10-17"
    sids = [each["Sid"] for each in made["Statement"]]
    assert len(sids) == len(set(sids)) == len(needs(WHOLE)) and all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)
    for statement in made["Statement"]:
        assert statement["Effect"] == "Allow" and statement["Action"] and statement["Resource"]
        assert not any("*" in action for action in statement["Action"])
        for place in statement["Resource"]:
            assert place.startswith("arn:aws:") and place != "*" and "{" not in place
    by = {each["Sid"]: each for each in made["Statement"]}
    assert by["Send"]["Resource"] == [f"arn:aws:kinesisvideo:{REGION}:123456789012:stream/line-1/*"]
    assert by["Hear"]["Resource"] == [f"arn:aws:sqs:{REGION}:123456789012:press-1"]
    assert by["FleetRead"]["Resource"] == [f"arn:aws:s3:::{BUCKET}/inspections/*"]
    assert by["Tell"]["Action"] == ["sns:Publish"]


@pytest.fixture
def account(session: CloudSession, plane: MediaPlane) -> Iterator[Wishes]:
    """An account with all that the wishes name, as far as it can be made."""
    topic = session.client("sns").create_topic(Name="stations")["TopicArn"]
    queue = session.client("sqs").create_queue(QueueName="press-1")["QueueUrl"]
    s3 = session.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield Wishes(
        region=REGION,
        stream=STREAM,
        clips=True,
        watched=STREAM,
        topics=(topic, topic.replace("stations", "people")),
        shared=True,
        queue=queue,
        outbox=BUCKET,
        station="Press 1",
        models=BUCKET,
        fleet_bucket=BUCKET,
        database="linesight",
        endpoint="plates",
        starts_endpoint=True,
    )
    s3.delete_bucket(Bucket=BUCKET)


def test_what_works_is_tried_and_nothing_is_left_behind(
    session: CloudSession, account: Wishes, plane: MediaPlane
) -> None:
    who = identify(session)
    assert who.account == "123456789012" and who.arn.startswith("arn:aws:")
    sqs = session.client("sqs")
    sqs.send_message(QueueUrl=account.queue, MessageBody="waits")
    found = {each.need.key: each for each in check(session, account, no_step)}
    wrong = {key: each for key, each in found.items() if each.works not in (Works.YES, Works.UNTRIED)}
    assert not wrong
    untried = {key for key, each in found.items() if each.works is Works.UNTRIED}
    assert untried == {"stream-make", "tell", "judge", "athena-table", "athena-answers"}
    assert all("can't be tried" in found[key].words for key in untried)
    assert not plane.stored
    s3 = session.client("s3")
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    (waiting,) = sqs.receive_message(QueueUrl=account.queue, WaitTimeSeconds=0)["Messages"]
    assert waiting["Body"] == "waits"


@pytest.mark.parametrize(
    ("key", "operation", "service"),
    [
        ("stream", "DescribeStream", "kinesisvideo"),
        ("share", "Publish", "sns"),
        ("hear", "DeleteMessage", "sqs"),
        ("outbox", "CreateMultipartUpload", "s3"),
        ("fleet-list", "ListObjectsV2", "s3"),
        ("fleet-read", "GetObject", "s3"),
        ("athena", "StartQueryExecution", "athena"),
        ("endpoint", "DescribeEndpoint", "sagemaker"),
    ],
)
def test_a_missing_permission_is_named_with_its_place(
    session: CloudSession, account: Wishes, key: str, operation: str, service: str
) -> None:
    """AWS's refusal, as its client gets it, of just one operation."""
    client = session.client(service)

    def refuse(**_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        code = "AccessDenied" if service in ("s3", "sns", "sqs") else "AccessDeniedException"
        parsed = {
            "Error": {"Code": code, "Message": "not authorized"},
            "ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": {}},
        }
        return AWSResponse("", 403, {}, io.BytesIO(b"")), parsed

    name = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register_first(name, refuse, unique_id="refuse")
    try:
        found = {each.need.key: each for each in check(session, account, no_step)}
    finally:
        client.meta.events.unregister(name, refuse, unique_id="refuse")
    together = {  # what else needs the same operation
        "stream": ["stream", "watch"],
        "fleet-list": ["sets-list", "candidates-list", "alarms-list", "fleet-list"],
        "fleet-read": ["sets-read", "candidates-read", "alarms-read", "fleet-read"],
    }
    assert [one for one, each in found.items() if each.works is Works.MISSING] == together.get(key, [key])
    need = found[key].need
    assert all(action in found[key].words for action in need.actions) and "arn:aws:" in found[key].words


def test_what_is_not_there_is_not_taken_for_forbidden(session: CloudSession, account: Wishes) -> None:
    lacking = Wishes(region=REGION, stream="no-such", fleet_bucket="no-such-bucket-at-all", queue=account.queue + "x")
    found = {each.need.key: each.works for each in check(session, lacking, no_step)}
    assert found["stream"] is Works.ABSENT and found["fleet-list"] is Works.ABSENT and found["hear"] is Works.ABSENT


def test_without_a_network_everything_is_out_of_reach() -> None:
    away = CloudSession(CloudAddress(region=REGION, endpoint=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(CloudError, match="can't be reached"):
        identify(away)
    (found,) = check(away, Wishes(region=REGION, queue="http://127.0.0.1:9/123456789012/q"), no_step)
    assert found.works is Works.AWAY


# -- keys, roles, and secrets that go nowhere


def test_the_key_in_the_keyring_signs_and_a_role_is_assumed(moto_address: str, ring: Memory) -> None:
    keys.keep(KEY_ID, SECRET)
    role = "arn:aws:iam::123456789012:role/station"
    address = CloudAddress(REGION, "", moto_address, KEY_ID)
    assert identify(CloudSession(address)).account == "123456789012"
    as_role = identify(CloudSession(CloudAddress(REGION, "", moto_address, KEY_ID, role, "of-the-plant")))
    assert as_role.arn == "arn:aws:sts::123456789012:assumed-role/station/linesight"
    assert keys.forget(KEY_ID) and not keys.forget(KEY_ID)
    with pytest.raises(Exception, match="not in this computer's keyring"):
        identify(CloudSession(address))


def test_the_command_line_checks_prints_and_keeps(
    moto_address: str,
    ring: Memory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    window: Callable[..., int],
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    text = f'aws_region = "{REGION}"\naws_endpoint = "{moto_address}"\naws_key_id = "{KEY_ID}"\n'
    (data / "settings.toml").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(SECRET + "\n"))
    assert main(["cloud", "key", "set", "--data-dir", str(data)], window) == 0
    assert ring.kept == {(keys.SERVICE, KEY_ID): SECRET}
    assert main(["cloud", "check", "--data-dir", str(data)], window) == 0
    assert "Nothing that needs AWS is switched on" in capsys.readouterr().out
    (data / "settings.toml").write_text(text + 'fleet_bucket = "nothing-here"\n', "utf-8")
    assert main(["cloud", "check", "--json", "--data-dir", str(data)], window) == 1
    told = json.loads(capsys.readouterr().out)
    assert [each["state"] for each in told["needs"]] == ["not there", "not there"]
    assert main(["cloud", "policy", "--account", "210987654321", "--data-dir", str(data)], window) == 0
    assert json.loads(capsys.readouterr().out)["Statement"][0]["Action"] == ["s3:ListBucket"]
    assert main(["cloud", "key", "forget", "--data-dir", str(data)], window) == 0 and not ring.kept
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    assert main(["cloud", "key", "set", "--data-dir", str(data)], window) == 1


@pytest.fixture
def window() -> Callable[..., int]:
    def never(_options: object) -> int:
        raise AssertionError("no window was asked for")

    return never


def test_the_secret_is_in_no_file_log_or_error(
    moto_address: str, ring: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from app.paths import DataFolder
    from app.station import Station

    secret = "Zq7-secret-of-this-test-only-9f"
    keys.keep(KEY_ID, secret)
    caplog.set_level(logging.INFO)
    station = Station(DataFolder(tmp_path / "data"))
    try:
        station.save_settings(
            aws_region=REGION, aws_endpoint=moto_address, aws_key_id=KEY_ID, fleet_bucket="nothing-here"
        )
        found = station.connecting.check().future.result(60)
        assert not found.ok
        assert secret not in repr(found) and secret not in station.connecting.policy()
        address = station.settings.account()
        assert secret not in repr(address) + repr(CloudSession(address)) + station.settings.model_dump_json()
    finally:
        station.close()
    assert secret not in caplog.text
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files and not [path for path in files if secret.encode() in path.read_bytes()]
