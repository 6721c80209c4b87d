"""deploy.py: what it says before it does anything, that it asks once, and what it costs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber
from moto import mock_aws

from tests.installer.aws.test_template import _Loader

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/linesight:1"
ID = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/plan/1"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/linesight/1"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("cloudformation", region_name="eu-west-1", **keys)


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


class Person:
    def __init__(self, answer: str = "") -> None:
        self.answer, self.asked = answer, list[str]()

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return self.answer


def run(client: Any, *arguments: str, person: Person | None = None) -> int:
    from stack_deploy.command import main

    return main(arguments, ask=person or Person(), client=client)


def stack(status: str = "CREATE_COMPLETE", **more: Any) -> dict[str, Any]:
    about = {"StackName": "linesight", "StackId": STACK, "CreationTime": NOW, "StackStatus": status}
    return {"Stacks": [about | more]}


def change(action: str, name: str, kind: str, *touched: str, replacement: str = "False") -> dict[str, Any]:
    details = [{"Target": {"Attribute": "Properties", "Name": each}} for each in touched]
    found = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Details": details}
    return {"Type": "Resource", "ResourceChange": found | ({"Replacement": replacement} if action == "Modify" else {})}


def no_stack(stub: Stubber) -> None:
    stub.add_client_error("describe_stacks", "ValidationError", "Stack with id linesight does not exist", 400)


def planned(stub: Stubber, changes: list[dict[str, Any]], more: list[dict[str, Any]] | None = None) -> None:
    stub.add_response("create_change_set", {"Id": ID, "StackId": STACK})
    first: dict[str, Any] = {"Status": "CREATE_COMPLETE", "Changes": changes}
    stub.add_response("describe_change_set", first | ({"NextToken": "n"} if more else {}))
    if more:
        stub.add_response("describe_change_set", {"Status": "CREATE_COMPLETE", "Changes": more})


def forgotten(stub: Stubber, new: bool) -> None:
    stub.add_response("delete_change_set", {}, {"ChangeSetName": ID, "StackName": "linesight"})
    if new:
        stub.add_response("delete_stack", {}, {"StackName": "linesight"})


def test_a_plan_is_shown_in_words_and_nothing_is_done(
    stub: Stubber, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.add_response("describe_stacks", stack())
    stub.add_response("describe_stacks", stack(Parameters=[{"ParameterKey": "LogDays", "ParameterValue": "7"}]))
    planned(
        stub,
        [
            change("Add", "Watch", "AWS::Lambda::Function"),
            change("Modify", "Detect", "AWS::Lambda::Function", "ImageUri", "Environment"),
        ],
        [
            change("Modify", "Pictures", "AWS::S3::Bucket", "BucketName", replacement="True"),
            change("Remove", "Old", "AWS::SQS::Queue"),
        ],
    )
    forgotten(stub, new=False)
    assert run(client, "plan", "--image", IMAGE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "The stack linesight would be changed:",
        "  - Old (SQS Queue)",
        "  ! Pictures (S3 Bucket): BucketName - is replaced: a new one is made, and the old one's content does not "
        "come along",
        "  ~ Detect (Lambda Function): Environment, ImageUri",
        "  + Watch (Lambda Function)",
        "  1 made, 1 changed, 1 replaced, 1 removed.",
    ]


@pytest.mark.parametrize("answer", ["", "n", "no", "Y "])
def test_deploy_asks_once(stub: Stubber, client: Any, answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    no_stack(stub)
    no_stack(stub)
    planned(stub, [change("Add", "Pictures", "AWS::S3::Bucket")])
    if answer == "Y ":
        stub.add_response("execute_change_set", {}, {"ChangeSetName": ID, "StackName": "linesight"})
        stub.add_response("describe_stacks", stack())
        outputs = [{"OutputKey": "PicturesBucket", "OutputValue": "linesight-pictures"}]
        stub.add_response("describe_stacks", stack(Outputs=outputs))
    else:
        forgotten(stub, new=True)
    person = Person(answer)
    assert run(client, "deploy", "--image", IMAGE, person=person) == 0
    out = capsys.readouterr().out
    assert len(person.asked) == 1
    assert ("PicturesBucket: linesight-pictures" in out) == (answer == "Y ")
    assert ("Nothing was done." in out) == (answer != "Y ")


def test_a_failure_names_its_reasons_first_things_first(
    stub: Stubber, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    no_stack(stub)
    no_stack(stub)
    planned(stub, [change("Add", "Pictures", "AWS::S3::Bucket")])
    stub.add_response("execute_change_set", {})
    stub.add_response("describe_stacks", stack("ROLLBACK_COMPLETE"))
    events = [
        ("Results", "CREATE_FAILED", "Resource creation cancelled"),
        ("Models", "CREATE_FAILED", "Access Denied"),
        ("Pictures", "CREATE_FAILED", "linesight-pictures already exists"),
    ]
    found = [
        {"StackId": STACK, "EventId": name, "StackName": "linesight", "Timestamp": NOW, "LogicalResourceId": name,
         "ResourceStatus": status, "ResourceStatusReason": reason}
        for name, status, reason in events
    ]  # fmt: skip
    stub.add_response("describe_stack_events", {"StackEvents": found})
    assert run(client, "deploy", "--yes", "--image", IMAGE) == 1
    words = "It failed (ROLLBACK_COMPLETE). Pictures: linesight-pictures already exists; Models: Access Denied."
    assert capsys.readouterr().err.strip() == words


def test_a_plan_without_changes_and_one_that_is_not_taken(
    stub: Stubber, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for reason in ("The submitted information didn't contain changes.", "Parameters: [ImageUri] must have values"):
        for _ in range(2):
            stub.add_response("describe_stacks", stack())
        stub.add_response("create_change_set", {"Id": ID, "StackId": STACK})
        stub.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": reason})
        forgotten(stub, new=False)
    assert run(client, "plan") == 0 and run(client, "plan") == 1
    said = capsys.readouterr()
    assert "Nothing would change." in said.out and "[ImageUri] must have values" in said.err


@pytest.mark.parametrize(("command", "there"), [("deploy", True), ("update", False), ("delete", False)])
def test_what_does_not_fit_the_state_is_refused(
    stub: Stubber, client: Any, command: str, there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.add_response("describe_stacks", stack()) if there else no_stack(stub)
    assert run(client, command) == 1
    assert f"The stack linesight is {'there already' if there else 'not there'}" in capsys.readouterr().err


@pytest.mark.parametrize("answer", ["", "yes", "linesight"])
def test_delete_names_what_is_kept_and_wants_the_name(
    stub: Stubber, client: Any, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.add_response("describe_stacks", stack())
    parts = [
        {"LogicalResourceId": name, "PhysicalResourceId": f"the-{name}", "ResourceType": "x",
         "LastUpdatedTimestamp": NOW, "ResourceStatus": "CREATE_COMPLETE"}
        for name in ("Pictures", "Key", "DetectQueue")
    ]  # fmt: skip
    stub.add_response("list_stack_resources", {"StackResourceSummaries": parts})
    if answer == "linesight":
        stub.add_response("describe_stacks", stack())
        stub.add_response("delete_stack", {}, {"StackName": STACK})
        stub.add_response("describe_stacks", stack("DELETE_COMPLETE"), {"StackName": STACK})
    person = Person(answer)
    assert run(client, "delete", person=person) == 0
    out = capsys.readouterr().out
    assert "  Pictures: the-Pictures\n" in out and "  Key: the-Key\n" in out and "DetectQueue" not in out
    assert len(person.asked) == 1 and out.endswith("Deleted.\n" if answer == "linesight" else "Nothing was done.\n")


def test_what_is_kept_is_what_the_template_keeps(project_root: Path) -> None:
    from stack_deploy.changes import kept_names

    text = (project_root / "installer" / "aws" / "template.yaml").read_text(encoding="utf-8")
    resources = yaml.load(text, _Loader)["Resources"]
    expected = [name for name, each in resources.items() if each.get("DeletionPolicy") == "Retain"]
    assert kept_names(text) == expected and len(expected) == 8


def test_the_template_says_the_same_without_its_comments_and_has_room(project_root: Path) -> None:
    from stack_deploy.changes import without_comments

    text = (project_root / "installer" / "aws" / "template.yaml").read_text(encoding="utf-8")
    lean = without_comments(text)
    assert yaml.load(lean, _Loader) == yaml.load(text, _Loader)
    assert len(lean.encode()) < 50_500, "CloudFormation takes 51,200 bytes of a template that lies in no bucket"


@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")  # what moto leaves out
def test_motos_cloudformation_takes_it_through_its_life(
    client: Any, project_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_aws():
        assert run(client, "deploy", "--yes", "--image", IMAGE) == 0
        assert "+ Pictures (S3 Bucket)" in capsys.readouterr().out
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-west-1"}
        assert len(boto3.client("dynamodb", **keys).list_tables()["TableNames"]) == 4
        assert len(boto3.client("sqs", **keys).list_queues()["QueueUrls"]) == 10
        assert run(client, "deploy", "--yes", "--image", IMAGE) == 1
        capsys.readouterr()
        assert run(client, "delete", person=Person("linesight")) == 0
        assert "  Pictures: linesight-pictures-123456789012-eu-west-1\n" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["n", "y"])
def test_a_candidate_is_released_when_a_person_agrees(
    client: Any, answer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from stack_deploy.command import main

    from app.serverless.released import Release, Released
    from app.serverless.snapshots import Candidate, Snapshot

    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-west-1"}
    with mock_aws(), Stubber(client) as stub:
        s3 = boto3.client("s3", **keys)
        s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        place = Snapshot("plate", 3)
        candidate = Candidate("plate", 3, place.key("model.linesight"), "v1", "0" * 64, 20)
        s3.put_object(Bucket="models", Key=place.key("candidate.json"), Body=candidate.to_json())
        s3.put_object(Bucket="models", Key=place.key("proposal.json"), Body=b'{"words": "It is better."}')
        outputs = [{"OutputKey": "ModelsBucket", "OutputValue": "models"}]
        for _ in range(4):
            stub.add_response("describe_stacks", stack(Outputs=outputs))
        asked = ["release", "--product", "plate", "--snapshot"]
        assert main([*asked, "4"], ask=Person(answer), client=client, s3=s3) == 1
        assert main([*asked, "3"], ask=Person(answer), client=client, s3=s3) == 0
        said = capsys.readouterr()
        assert "There is no candidate 4 of plate" in said.err and "It is better." in said.out
        found = Released(s3, "models", tmp_path).release("plate")
        released = Release("plate", 3, candidate.key, candidate.sha256, "v1")
        assert found == (released if answer == "y" else None)


def test_wrong_usage_is_told(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["plan", "--stack", "Line_4"], ["cost", "--stations", "many", "--pictures", "1"], []):
        with pytest.raises(SystemExit) as ended:
            run(client, *arguments)
        assert ended.value.code == 2
    assert "small letters, digits and hyphens" in capsys.readouterr().err
    assert run(client, "plan", "--set", "NoticeEmail") == 1


def test_the_estimate_grows_with_what_it_depends_on() -> None:
    from stack_deploy.command import TEMPLATE
    from stack_deploy.cost import Load, estimate, prices, tiered, total

    def dollars(*given: int, **more: float) -> float:
        return total(estimate(Load(*given, **more), prices()))

    small = dollars(10, 100_000)
    assert dollars(10, 200_000) > 1.5 * small > dollars(0, 0) > 0
    assert dollars(10, 100_000, picture_days=30) < small < dollars(500, 100_000)
    assert tiered(150, [(100, 2.0), (None, 1.0)]) == 250 and tiered(0, [(None, 1.0)]) == 0
    # By hand: 100,000 pictures a day, 30 days, 0.4 s, 3 GB, and 10 stations' entries.
    alarms = next(item for item in estimate(Load(1, 1), prices()) if item.what == "alarms")
    assert alarms.quantity == (TEMPLATE.read_text(encoding="utf-8")).count("Type: AWS::CloudWatch::Alarm")
    judging = next(item for item in estimate(Load(10, 100_000), prices()) if item.what == "judging and taking in")
    assert judging.quantity == pytest.approx(3_000_000 * 0.4 * 3 + 10 * 288 * 30 * 0.2)
    assert judging.dollars == pytest.approx(judging.quantity * 0.0000166667)


def test_the_estimate_as_json_says_what_it_stands_on(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(client, "cost", "--stations", "5", "--pictures", "5_000", "--picture-kb", "100", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["dollars_a_month"] == pytest.approx(sum(item["dollars"] for item in found["items"]), abs=0.01)
    assert found["assumptions"]["picture_kb"] == 100 and found["prices"]["region"] and found["prices"]["as_of"]
