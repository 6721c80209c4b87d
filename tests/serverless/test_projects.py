"""Projects, lists in pages, client tokens, and what the rules say."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from app.serverless.lookout import projects
from app.serverless.lookout.http import Request
from tests.serverless.house import House, session


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_a_project_from_its_beginning_to_its_end(house: House) -> None:
    client = house.client
    made = client.create_project(ProjectName="cookies")
    metadata = made["ProjectMetadata"]
    assert metadata["ProjectArn"] == "arn:aws:lookoutvision:us-east-1:000000000000:project/cookies"
    assert abs((metadata["CreationTimestamp"] - datetime.now(UTC)).total_seconds()) < 60
    assert made["ResponseMetadata"]["RequestId"]
    described = client.describe_project(ProjectName="cookies")["ProjectDescription"]
    assert described == {**metadata, "Datasets": []}
    assert client.list_projects()["Projects"] == [metadata]
    with pytest.raises(client.exceptions.ConflictException) as conflict:
        client.create_project(ProjectName="cookies")
    assert conflict.value.response["ResourceType"] == "PROJECT"
    assert conflict.value.response["ResourceId"] == "cookies"
    assert client.delete_project(ProjectName="cookies")["ProjectArn"] == metadata["ProjectArn"]
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="cookies does not exist"):
        client.describe_project(ProjectName="cookies")
    assert client.list_projects()["Projects"] == []


def test_a_project_with_something_in_it_stays(house: House) -> None:
    client = house.client
    client.create_project(ProjectName="cookies")
    client.create_dataset(ProjectName="cookies", DatasetType="train")
    with pytest.raises(client.exceptions.ConflictException, match="the train dataset"):
        client.delete_project(ProjectName="cookies")
    assert client.describe_project(ProjectName="cookies")["ProjectDescription"]["Datasets"]


def test_names_that_differ_in_capitals_are_two_projects(house: House) -> None:
    house.client.create_project(ProjectName="Plate")
    house.client.create_project(ProjectName="plate")
    house.client.create_dataset(ProjectName="plate", DatasetType="train")
    names = [each["ProjectName"] for each in house.client.list_projects()["Projects"]]
    assert names == ["Plate", "plate"]
    assert house.client.describe_project(ProjectName="Plate")["ProjectDescription"]["Datasets"] == []


def test_a_damaged_record_takes_no_other_away(house: House) -> None:
    for name in ("a", "b"):
        house.client.create_project(ProjectName=name)
    (damaged,) = house.folder.glob("projects/a-*/project.json")
    damaged.write_text("{")
    house = house.again()
    assert [each["ProjectName"] for each in house.client.list_projects()["Projects"]] == ["b"]
    with pytest.raises(ClientError, match="is damaged") as failed:
        house.client.describe_project(ProjectName="a")
    assert code_of(failed) == "InternalServerException"
    assert damaged.read_text() == "{"  # nothing wrote over it


def test_lists_come_in_pages(house: House) -> None:
    client = house.client
    for number in range(7):
        client.create_project(ProjectName=f"part-{number}")
    first = client.list_projects(MaxResults=3)
    # What goes in between shifts nothing.
    client.delete_project(ProjectName="part-1")
    client.delete_project(ProjectName="part-3")
    second = client.list_projects(MaxResults=3, NextToken=first["NextToken"])
    assert [each["ProjectName"] for each in second["Projects"]] == ["part-4", "part-5", "part-6"]
    assert "NextToken" not in second
    pages = list(client.get_paginator("list_projects").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Projects"]) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    "token", ["nonsense", base64.b64encode(b'{"after": 3}').decode(), base64.b64encode(b"[]").decode()]
)
def test_a_page_token_of_nobody_is_refused(house: House, token: str) -> None:
    house.client.create_project(ProjectName="part")
    with pytest.raises(house.client.exceptions.ValidationException, match="pagination token"):
        house.client.list_projects(NextToken=token)


def test_there_is_an_end_to_the_number_of_projects(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "MOST_PROJECTS", 2)
    for name in ("a", "b"):
        house.client.create_project(ProjectName=name)
    with pytest.raises(house.client.exceptions.ServiceQuotaExceededException) as quota:
        house.client.create_project(ProjectName="c")
    assert quota.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert {"QuotaCode", "ServiceCode", "Message"} <= quota.value.response.keys()


def test_the_same_token_and_input_is_the_same_request(house: House) -> None:
    client = house.client
    first = client.create_project(ProjectName="part", ClientToken="token-1")
    again = client.create_project(ProjectName="part", ClientToken="token-1")
    assert first["ProjectMetadata"] == again["ProjectMetadata"]
    with pytest.raises(client.exceptions.ConflictException, match="token-1 was used before with other parameters"):
        client.create_project(ProjectName="other", ClientToken="token-1")
    assert len(client.list_projects()["Projects"]) == 1
    # Each operation has its own; and one that failed may be tried again.
    client.create_dataset(ProjectName="part", DatasetType="train", ClientToken="token-1")
    with pytest.raises(client.exceptions.ConflictException):
        client.create_project(ProjectName="part", ClientToken="token-2")
    client.create_project(ProjectName="other", ClientToken="token-2")


def test_a_token_is_known_for_eight_hours_even_after_a_new_start(house: House) -> None:
    house.client.create_project(ProjectName="part", ClientToken="token")
    house = house.again()
    house.clock.ahead = 8 * 3600 - 60
    assert house.client.create_project(ProjectName="part", ClientToken="token")["ProjectMetadata"]
    house.clock.ahead = 8 * 3600 + 60
    with pytest.raises(house.client.exceptions.ConflictException, match="exists already"):
        house.client.create_project(ProjectName="part", ClientToken="token")


def unchecked(house: House) -> Any:
    """A client that sends what its own rules would not let through."""
    client = session().client(
        "lookoutvision",
        region_name="eu-west-1",
        endpoint_url="http://lookout.test",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send.lookoutvision", house._send)
    return client


@pytest.mark.parametrize(
    ("operation", "given", "words"),
    [
        (
            "create_project",
            {"ProjectName": "-part"},
            "1 validation error detected: Value '-part' at 'projectName' failed to satisfy constraint: Member must "
            r"satisfy regular expression pattern: [a-zA-Z0-9][a-zA-Z0-9_\-]*",
        ),
        ("create_project", {"ProjectName": "a" * 256}, "Member must have length less than or equal to 255"),
        ("create_project", {"ProjectName": ""}, "Member must have length greater than or equal to 1"),
        ("create_project", {}, "Value null at 'projectName' failed to satisfy constraint: Member must not be null"),
        ("create_project", {"ProjectName": "a", "ClientToken": "a b"}, "Value 'a b' at 'clientToken'"),
        ("describe_project", {"ProjectName": "a b"}, "Value 'a b' at 'projectName'"),
        (
            "list_projects",
            {"MaxResults": 101},
            "Value '101' at 'maxResults' failed to satisfy constraint: Member must "
            "have value less than or equal to 100",
        ),
        ("list_projects", {"MaxResults": 0}, "Member must have value greater than or equal to 1"),
        ("list_projects", {"NextToken": "-"}, "Value '-' at 'nextToken'"),
        ("create_dataset", {"ProjectName": "a", "DatasetType": "all"}, "pattern: train|test"),
        ("describe_dataset", {"ProjectName": "a", "DatasetType": "all"}, "Value 'all' at 'datasetType'"),
        (
            "create_dataset",
            {
                "ProjectName": "a",
                "DatasetType": "train",
                "DatasetSource": {"GroundTruthManifest": {"S3Object": {"Bucket": "b!", "Key": "k"}}},
            },
            "Value 'b!' at 'datasetSource.groundTruthManifest.s3Object.bucket'",
        ),
        (
            "create_dataset",
            {
                "ProjectName": "a",
                "DatasetType": "train",
                "DatasetSource": {"GroundTruthManifest": {"S3Object": {"Bucket": "b"}}},
            },
            "2 validation errors detected",
        ),
        ("create_model", {"ProjectName": "a", "OutputConfig": {"S3Location": {}}}, "'outputConfig.s3Location.bucket'"),
        (
            "create_model",
            {"ProjectName": "a", "OutputConfig": {"S3Location": {"Bucket": "abc"}}, "Description": "two words"},
            "Value 'two words' at 'description'",
        ),
        (
            "create_model",
            {
                "ProjectName": "a",
                "OutputConfig": {"S3Location": {"Bucket": "abc"}},
                "Tags": [{"Key": "k", "Value": "v"}, {"Key": "!", "Value": "v"}],
            },
            "Value '!' at 'tags.2.member.key'",
        ),
        (
            "start_model",
            {"ProjectName": "a", "ModelVersion": "0", "MinInferenceUnits": 1},
            "Value '0' at 'modelVersion'",
        ),
        (
            "start_model",
            {"ProjectName": "a", "ModelVersion": "1", "MinInferenceUnits": 11},
            "Value '11' at 'minInferenceUnits' failed to satisfy constraint: Member must have value less than or equal "
            "to 10",
        ),
        (
            "start_model",
            {"ProjectName": "a", "ModelVersion": "1", "MinInferenceUnits": 0},
            "greater than or equal to 1",
        ),
        ("delete_model", {"ProjectName": "a", "ModelVersion": "latest"}, "Value 'latest' at 'modelVersion'"),
        ("list_tags_for_resource", {"ResourceArn": "arn:aws:s3:::bucket"}, "is not a model's ARN"),
        ("tag_resource", {"ResourceArn": "arn:aws:s3:::bucket", "Tags": []}, "is not a model's ARN"),
        (
            "list_dataset_entries",
            {"ProjectName": "a", "DatasetType": "train", "AnomalyClass": "odd"},
            "pattern: (normal|anomaly)",
        ),
        (
            "start_model_packaging_job",
            {
                "ProjectName": "a",
                "ModelVersion": "1",
                "Configuration": {
                    "Greengrass": {
                        "ComponentName": "c",
                        "ComponentVersion": "1.0",
                        "TargetDevice": "phone",
                        "S3OutputLocation": {"Bucket": "abc"},
                    }
                },
            },
            "Member must satisfy enum value set: [jetson_xavier]",
        ),
    ],
)
def test_a_request_that_breaks_a_rule(house: House, operation: str, given: dict[str, Any], words: str) -> None:
    client = unchecked(house)
    if operation == "list_tags_for_resource":
        client = house.client
    with pytest.raises(client.exceptions.ValidationException) as invalid:
        getattr(client, operation)(**given)
    assert words in invalid.value.response["Error"]["Message"]
    assert invalid.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_what_is_asked_for_is_there_or_named(house: House) -> None:
    client = house.client
    client.create_project(ProjectName="part")
    for ask, kind in (
        (lambda: client.describe_dataset(ProjectName="part", DatasetType="test"), "DATASET"),
        (lambda: client.describe_model(ProjectName="part", ModelVersion="latest"), "MODEL"),
        (lambda: client.describe_model(ProjectName="part", ModelVersion="3"), "MODEL"),
        (lambda: client.describe_model_packaging_job(ProjectName="part", JobName="job"), "MODEL_PACKAGE_JOB"),
        (lambda: client.list_models(ProjectName="none"), "PROJECT"),
        (lambda: client.list_tags_for_resource(ResourceArn="arn:aws:lookoutvision:a:1:model/part/1"), "MODEL"),
    ):
        with pytest.raises(client.exceptions.ResourceNotFoundException) as missing:
            ask()
        assert missing.value.response["ResourceType"] == kind
        assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "status"),
    [
        ("GET", "/", b"", "UnknownOperationException", 404),
        ("PUT", "/2020-11-20/projects", b"{}", "UnknownOperationException", 404),
        ("POST", "/2020-11-20/projects", b"{", "ValidationException", 400),
        ("POST", "/2020-11-20/projects", b"[]", "ValidationException", 400),
        ("POST", "/2020-11-20/projects", b"\xff", "ValidationException", 400),
        ("POST", "/2020-11-20/projects", b'{"ProjectName": 7}', "ValidationException", 400),
        ("POST", "/2020-11-20/projects", b"[" * 100_000, "ValidationException", 400),
        ("POST", "/2020-11-20/projects", b"", "ValidationException", 400),
        ("GET", "/2020-11-20/projects?maxResults=many", b"", "ValidationException", 400),
    ],
)
def test_a_request_that_no_client_makes(
    house: House, method: str, path: str, body: bytes, code: str, status: int
) -> None:
    where, _, query = path.partition("?")
    response = house.api.answer(Request(method, where, query, {}, body))
    assert response.status == status and response.headers["x-amzn-ErrorType"] == code
    assert b'"Message":' in response.body and response.headers["x-amzn-RequestId"]
