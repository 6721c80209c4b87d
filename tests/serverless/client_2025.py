"""The whole flow as a program written against Amazon's service has it. It runs under boto3 of 2025, which still brings
the service along; nothing of this project is imported.

usage: client_2025.py '{"endpoint": URL, "key": ID, "secret": SECRET, "bucket": NAME, "manifest": KEY, "good": FILE,
    "bad": FILE, "type": "image/png"}'
"""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import Any

import boto3
import botocore
from botocore.exceptions import ClientError

PROJECT = "flow_2025"


def main(given: dict[str, Any]) -> dict[str, Any]:
    client = boto3.client(
        "lookoutvision",
        region_name="us-west-2",
        endpoint_url=given["endpoint"],
        aws_access_key_id=given["key"],
        aws_secret_access_key=given["secret"],
    )
    seen: dict[str, Any] = {"botocore": botocore.__version__}

    def follow(ask: Any, under_way: set[str]) -> dict[str, Any]:
        """Asks until it is settled; every status on the way is kept."""
        states: list[str] = []
        while True:
            found: dict[str, Any] = ask()
            if found["Status"] not in states:
                states.append(found["Status"])
            if found["Status"] not in under_way:
                return {**found, "states": states}
            time.sleep(0.1)

    made = client.create_project(ProjectName=PROJECT)
    seen["project"] = made["ProjectMetadata"]["ProjectArn"]
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": given["bucket"], "Key": given["manifest"]}}}
    first = client.create_dataset(ProjectName=PROJECT, DatasetType="train", DatasetSource=source)["DatasetMetadata"]
    dataset = follow(
        lambda: client.describe_dataset(ProjectName=PROJECT, DatasetType="train")["DatasetDescription"],
        {"CREATE_IN_PROGRESS"},
    )
    seen["dataset"] = [first["Status"], dataset["states"][-1], dataset["ImageStats"]]
    pages = client.get_paginator("list_dataset_entries").paginate(
        ProjectName=PROJECT, DatasetType="train", AnomalyClass="anomaly", PaginationConfig={"PageSize": 7}
    )
    lines = [line for page in pages for line in page["DatasetEntries"]]
    seen["anomalies"] = len({json.loads(line)["source-ref"] for line in lines})

    changes = "\n".join(lines[:2]).encode()
    client.update_dataset_entries(ProjectName=PROJECT, DatasetType="train", Changes=changes)
    dataset = follow(
        lambda: client.describe_dataset(ProjectName=PROJECT, DatasetType="train")["DatasetDescription"],
        {"UPDATE_IN_PROGRESS"},
    )
    seen["update"] = [dataset["Status"], dataset["ImageStats"]]

    def model() -> dict[str, Any]:
        described = client.describe_model(ProjectName=PROJECT, ModelVersion="1")["ModelDescription"]
        return dict(described)

    output = {"S3Location": {"Bucket": given["bucket"], "Prefix": "out/"}}
    asked = {
        "ProjectName": PROJECT,
        "OutputConfig": output,
        "Description": "first",
        "ClientToken": "once",
        "Tags": [{"Key": "line", "Value": "4"}],
    }
    arn = client.create_model(**asked)["ModelMetadata"]["ModelArn"]
    seen["idempotent"] = client.create_model(**asked)["ModelMetadata"]["ModelArn"] == arn
    try:
        client.create_model(**{**asked, "Description": "second"})
    except client.exceptions.ConflictException as conflict:
        seen["token"] = conflict.response["ResponseMetadata"]["HTTPStatusCode"]
    found = follow(model, {"TRAINING"})
    seen["model"] = {
        "states": found["states"],
        "message": found["StatusMessage"],
        "performance": found.get("Performance"),
        "manifest": found.get("EvaluationManifest"),
        "result": found.get("EvaluationResult"),
        "stamps": [str(type(found[name]).__name__) for name in ("CreationTimestamp", "EvaluationEndTimestamp")],
    }
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "shift", "Value": "late"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["line"])
    seen["tags"] = client.list_tags_for_resource(ResourceArn=arn)["Tags"]

    def detect(file: str, as_stream: bool) -> dict[str, Any]:
        with open(file, "rb") as body:
            answer = client.detect_anomalies(
                ProjectName=PROJECT,
                ModelVersion="1",
                ContentType=given["type"],
                Body=body if as_stream else body.read(),
            )
        return dict(answer["DetectAnomalyResult"])

    try:
        detect(given["bad"], True)
    except client.exceptions.ConflictException as conflict:
        seen["not_hosted"] = conflict.response["Error"]["Code"]
    seen["started"] = client.start_model(ProjectName=PROJECT, ModelVersion="1", MinInferenceUnits=1)["Status"]
    seen["hosted"] = follow(model, {"STARTING_HOSTING"})["Status"]
    good, bad = detect(given["good"], False), detect(given["bad"], True)
    seen["mask"] = base64.b64encode(bad.pop("AnomalyMask", b"")).decode()
    good.pop("AnomalyMask", None)
    seen["good"], seen["bad"] = good, bad

    greengrass = {"ComponentName": "flow", "S3OutputLocation": {"Bucket": given["bucket"], "Prefix": "packages/"}}
    greengrass["TargetPlatform"] = {"Os": "LINUX", "Arch": "X86_64"}
    job = client.start_model_packaging_job(
        ProjectName=PROJECT, ModelVersion="1", Configuration={"Greengrass": greengrass}, Description="a package"
    )["JobName"]
    packed = follow(
        lambda: client.describe_model_packaging_job(ProjectName=PROJECT, JobName=job)["ModelPackagingDescription"],
        {"CREATED", "RUNNING"},
    )
    seen["package"] = [packed["Status"], packed.get("ModelPackagingOutputDetails")]
    jobs = client.get_paginator("list_model_packaging_jobs").paginate(ProjectName=PROJECT)
    seen["jobs"] = [each["JobName"] for page in jobs for each in page["ModelPackagingJobs"]] == [job]

    seen["stopped"] = client.stop_model(ProjectName=PROJECT, ModelVersion="1")["Status"]
    seen["trained"] = follow(model, {"STOPPING_HOSTING"})["Status"]
    errors = {}
    for name, ask in {
        "delete_project": lambda: client.delete_project(ProjectName=PROJECT),
        "create_project": lambda: client.create_project(ProjectName=PROJECT),
        "describe_model": lambda: client.describe_model(ProjectName=PROJECT, ModelVersion="9"),
        "list_models": lambda: client.list_models(ProjectName="no"),
        "validation": lambda: client.list_models(ProjectName="a b"),
    }.items():
        try:
            ask()
        except ClientError as error:
            errors[name] = type(error).__name__
    seen["errors"] = errors
    client.delete_model(ProjectName=PROJECT, ModelVersion="1")
    client.delete_dataset(ProjectName=PROJECT, DatasetType="train")
    seen["deleted"] = client.delete_project(ProjectName=PROJECT)["ProjectArn"]
    seen["left"] = client.list_projects()["Projects"]
    return seen


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
