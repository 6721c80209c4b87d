"""The API as a Lambda function: events of every kind of door, and work that is done later."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.awsrequest import AWSResponse

from app.serverless import lookout_api
from app.serverless.lookout_api import respond
from tests.serverless.house import House, _Raw, client_of
from tests.serverless.parts import draw, encoded

IAM = {"iam": {"accessKey": "ASIA", "accountId": "111122223333", "userArn": "arn:aws:iam::111122223333:user/mike"}}


def version_2(request: Any, stage: str = "$default") -> dict[str, Any]:
    """As a Function URL or an HTTP API tells of a request."""
    where = urlsplit(request.url)
    return {
        "version": "2.0",
        "rawPath": where.path if stage == "$default" else f"/{stage}{where.path}",
        "rawQueryString": where.query,
        "headers": headers_of(request),
        "requestContext": {
            "accountId": "111122223333",
            "stage": stage,
            "http": {"method": request.method, "path": where.path},
            "authorizer": IAM,
        },
        **body_of(request),
    }


def version_1(request: Any) -> dict[str, Any]:
    """As a REST API does."""
    where = urlsplit(request.url)
    return {
        "httpMethod": request.method,
        "path": where.path,
        "multiValueQueryStringParameters": parse_qs(where.query, keep_blank_values=True) or None,
        "headers": headers_of(request),
        "requestContext": {
            "accountId": "111122223333",
            "stage": "prod",
            "identity": {"userArn": "arn:aws:iam::111122223333:user/mike"},
        },
        **body_of(request),
    }


def headers_of(request: Any) -> dict[str, str]:
    return {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()}


def body_of(request: Any) -> dict[str, Any]:
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True} if body else {"body": None}


def client_through(house: House, event: Any) -> Any:
    def send(request: Any, **_: object) -> AWSResponse:
        answer = json.loads(json.dumps(respond(house.api, json.loads(json.dumps(event(request))))))
        return AWSResponse(request.url, answer["statusCode"], answer["headers"], _Raw(answer["body"].encode()))

    client = client_of("http://lookout.test")
    client.meta.events.register("before-send.lookoutvision", send)
    return client


@pytest.mark.parametrize(
    "event", [version_2, version_1, lambda request: version_2(request, "prod")], ids=["url", "rest", "stage"]
)
def test_every_door_leads_to_the_same_service(house: House, event: Any) -> None:
    client = client_through(house, event)
    project = client.create_project(ProjectName="part", ClientToken="one")["ProjectMetadata"]
    assert project["ProjectArn"].split(":")[4] == "111122223333"
    client.create_dataset(ProjectName="part", DatasetType="train")
    changes = b'{"source-ref": "s3://bucket/\xc3\xa4 b.png"}'
    client.update_dataset_entries(ProjectName="part", DatasetType="train", Changes=changes)
    house.work()
    listed = client.list_dataset_entries(ProjectName="part", DatasetType="train", SourceRefContains="ä b")
    assert listed["DatasetEntries"] == [changes.decode()]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(ResourceArn="arn:aws:lookoutvision:eu-west-1:1:model/part/7")


def test_pictures_come_through(hosted: House) -> None:
    client = client_through(hosted, version_2)
    picture = encoded(draw(5001, "spot")[0])
    answer = client.detect_anomalies(ProjectName="masked", ModelVersion="1", Body=picture, ContentType="image/png")
    assert answer["DetectAnomalyResult"]["IsAnomalous"] and answer["DetectAnomalyResult"]["AnomalyMask"]


def test_who_is_not_known_to_aws_is_refused(house: House) -> None:
    event = {
        "version": "2.0",
        "rawPath": "/2020-11-20/projects",
        "headers": {},
        "requestContext": {"http": {"method": "GET"}},
    }
    for authorizer in (None, {}, {"iam": None}, {"lambda": {"accessKey": "x"}}):
        answer = respond(house.api, {**event, "requestContext": {"http": {"method": "GET"}, "authorizer": authorizer}})
        assert answer["statusCode"] == 403 and answer["headers"]["x-amzn-ErrorType"] == "AccessDeniedException"
    first = {"httpMethod": "GET", "path": "/2020-11-20/projects", "requestContext": {"identity": {"userArn": None}}}
    assert respond(house.api, first)["statusCode"] == 403


def test_a_body_that_is_no_base64(house: House) -> None:
    event = {
        "httpMethod": "POST",
        "path": "/2020-11-20/projects",
        "body": "!",
        "isBase64Encoded": True,
        "requestContext": {"identity": {"userArn": "arn"}},
    }
    assert respond(house.api, event)["statusCode"] == 400


def test_the_function_does_what_an_earlier_call_has_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.client.create_project(ProjectName="part")
    house.client.create_dataset(ProjectName="part", DatasetType="train")
    monkeypatch.setattr(lookout_api, "_parts", lambda: (house.api, house.workshop))
    changes = b'{"source-ref": "s3://bucket/a.png"}'
    house.client.update_dataset_entries(ProjectName="part", DatasetType="train", Changes=changes)
    (job,) = house.waiting.jobs
    event = json.loads(json.dumps({"lookout-job": {"kind": job.kind, "project": job.project, "subject": job.subject}}))
    for _ in range(2):  # Lambda may call twice
        assert lookout_api.handler(event, None) == {}
    found = house.client.describe_dataset(ProjectName="part", DatasetType="train")["DatasetDescription"]
    assert found["Status"] == "UPDATE_COMPLETE" and found["ImageStats"]["Total"] == 1
