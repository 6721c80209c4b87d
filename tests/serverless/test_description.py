"""The project's own description of the service: what is answered keeps to it, by botocore's own judgement."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber

from app.serverless.lookout.service import operations
from tests.serverless.conftest import OUTPUT
from tests.serverless.house import House, client_of
from tests.serverless.parts import BUCKET, draw, encoded


def test_a_client_of_today_has_every_operation() -> None:
    client = client_of("http://lookout.test")
    assert len(operations()) == 22
    assert set(client.meta.service_model.operation_names) == {operation.name for operation in operations()}
    for name in ("list_dataset_entries", "list_model_packaging_jobs", "list_models", "list_projects"):
        assert client.can_paginate(name)


def test_every_answer_has_its_shape(trained: House) -> None:
    client, project = trained.client, {"ProjectName": "masked"}
    version, dataset = {**project, "ModelVersion": "1"}, {**project, "DatasetType": "train"}
    arn = client.describe_model(**version)["ModelDescription"]["ModelArn"]
    line = client.list_dataset_entries(**dataset)["DatasetEntries"][0]
    picture = encoded(draw(5001, "spot")[0])
    greengrass = {"ComponentName": "part", "S3OutputLocation": {"Bucket": BUCKET}}
    packing = {**version, "JobName": "job", "Configuration": {"Greengrass": greengrass}}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_project", {"ProjectName": "new"}),
        ("create_dataset", {"ProjectName": "new", "DatasetType": "test"}),
        ("describe_project", project),
        ("list_projects", {}),
        ("describe_dataset", dataset),
        ("list_dataset_entries", {**dataset, "MaxResults": 2}),
        ("update_dataset_entries", {**dataset, "Changes": line.encode()}),
        ("create_model", {**project, "OutputConfig": OUTPUT, "Description": "d", "KmsKeyId": "key"}),
        ("describe_model", version),
        ("list_models", project),
        ("tag_resource", {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
        ("list_tags_for_resource", {"ResourceArn": arn}),
        ("untag_resource", {"ResourceArn": arn, "TagKeys": ["a"]}),
        ("start_model_packaging_job", packing),
        ("describe_model_packaging_job", {**project, "JobName": "job"}),
        ("list_model_packaging_jobs", project),
        ("start_model", {**version, "MinInferenceUnits": 1}),
        ("detect_anomalies", {**version, "Body": picture, "ContentType": "image/png"}),
        ("stop_model", version),
        ("delete_model", version),
        ("delete_dataset", {"ProjectName": "new", "DatasetType": "test"}),
        ("delete_project", {"ProjectName": "new"}),
    ]
    asked = set()
    for name, given in calls:
        if name == "create_model":
            trained.work()  # the dataset's change before it
        with pytest.MonkeyPatch.context() as patch:
            # Only what is asked now, so that no training is carried out.
            patch.setattr(trained.waiting, "jobs", type(trained.waiting.jobs)())
            answer = getattr(client, name)(**given)
            if name in ("start_model", "stop_model", "update_dataset_entries", "start_model_packaging_job"):
                trained.work()
        asked.add(client.meta.method_to_api_mapping[name])
        metadata = answer.pop("ResponseMetadata")
        assert metadata["HTTPStatusCode"] == next(
            each.status for each in operations() if each.name == client.meta.method_to_api_mapping[name]
        )
        with Stubber(client_of("http://lookout.test")) as stub:
            # Raises where a member is unknown, or of another type than described.
            stub.add_response(name, answer)
            again = getattr(stub.client, name)(**given)
        assert {key: part for key, part in again.items() if key != "ResponseMetadata"} == answer
    assert asked == {operation.name for operation in operations()}
