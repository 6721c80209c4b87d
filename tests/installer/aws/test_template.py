"""The stack's template: what the linters say, and what they can't know."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.serverless.tables import SCHEMA

Properties = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref X` becomes {"Ref": "X"}, `!Sub X` {"Fn::Sub": "X"}."""


def _short(loader: Any, name: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _short)


@pytest.fixture(scope="module")
def path(project_root: Path) -> Path:
    return project_root / "installer" / "aws" / "template.yaml"


@pytest.fixture(scope="module")
def template(path: Path) -> Properties:
    return dict(yaml.load(path.read_text(encoding="utf-8"), _Loader))


def of_type(template: Properties, kind: str) -> Iterator[tuple[str, Properties]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def lint(path: Path) -> str:
    command = [sys.executable, "-m", "cfnlint", "--region", "eu-west-1", "--", str(path)]
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_cfn_lint_finds_nothing(path: Path) -> None:
    assert lint(path) == ""


def test_a_function_has_every_setting_that_it_asks_for(template: Properties) -> None:
    common = template["Globals"]["Function"]["Environment"]["Variables"]
    names = set()
    for name, function in of_type(template, "AWS::Serverless::Function"):
        (command,) = function["ImageConfig"]["Command"]
        module = importlib.import_module(command.removesuffix(".handler"))
        assert callable(module.handler)
        given = {*common, *function["Environment"]["Variables"]}
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        asked = {
            call.args[0].value
            for call in ast.walk(next(each for each in tree.body if getattr(each, "name", "") == "_parts"))
            if isinstance(call, ast.Call)
            and call.args
            and isinstance(call.args[0], ast.Constant)
            and re.fullmatch(r"[A-Z_]{4,}", str(call.args[0].value))
        }
        assert asked and asked <= given, name
        assert given - asked - {"OMP_NUM_THREADS", "STACK"} == set(), name
        names.add(module.__name__.rsplit(".", 1)[-1])
    assert names == {"detect", "ingest", "watch", "report", "train", "feedback"}


def test_buckets_are_closed_encrypted_kept_and_tidied(template: Properties) -> None:
    buckets = dict(of_type(template, "AWS::S3::Bucket"))
    assert len(buckets) == 5
    policies = {each["Bucket"]["Ref"]: each for _, each in of_type(template, "AWS::S3::BucketPolicy")}
    for name, bucket in buckets.items():
        assert template["Resources"][name]["DeletionPolicy"] == "Retain"
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms" and rule["BucketKeyEnabled"]
        assert bucket["VersioningConfiguration"]["Status"] == "Enabled" and bucket["LifecycleConfiguration"]["Rules"]
        (statement,) = policies[name]["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_queue_that_is_worked_on_has_one_for_what_fails_and_an_alarm_on_that(template: Properties) -> None:
    queues = dict(of_type(template, "AWS::SQS::Queue"))
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].split(".")[0]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    worked = {
        event["Properties"]["Queue"]["Fn::GetAtt"].split(".")[0]
        for _, function in of_type(template, "AWS::Serverless::Function")
        for event in function["Events"].values()
        if event["Type"] == "SQS"
    }
    assert worked == {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    watched = {
        each["Value"]["Fn::GetAtt"].split(".")[0]
        for _, alarm in of_type(template, "AWS::CloudWatch::Alarm")
        for each in alarm["Dimensions"]
        if each["Name"] == "QueueName"
    }
    assert dead < set(queues) - worked <= watched
    for name, function in of_type(template, "AWS::Serverless::Function"):
        for event in function["Events"].values():
            if event["Type"] in ("SQS", "DynamoDB"):
                assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
            if event["Type"] == "SQS":
                queue = queues[event["Properties"]["Queue"]["Fn::GetAtt"].split(".")[0]]
                assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], name


def test_functions_may_do_named_things_with_named_resources(template: Properties) -> None:
    for name, function in of_type(template, "AWS::Serverless::Function"):
        for policy in function["Policies"]:
            for statement in policy["Statement"]:
                actions = statement["Action"]
                assert not any("*" in each for each in ([actions] if isinstance(actions, str) else actions)), name
                resources = statement["Resource"]
                assert "*" not in (resources if isinstance(resources, list) else [resources]), name


def test_topics_tables_and_logs_are_encrypted_and_logs_end(template: Properties) -> None:
    assert all("KmsMasterKeyId" in topic for _, topic in of_type(template, "AWS::SNS::Topic"))
    assert all(table["SSESpecification"]["SSEEnabled"] for _, table in of_type(template, "AWS::DynamoDB::Table"))
    functions = len(list(of_type(template, "AWS::Serverless::Function")))
    logs = [group for _, group in of_type(template, "AWS::Logs::LogGroup")]
    assert len(logs) == functions and all("RetentionInDays" in group and "KmsKeyId" in group for group in logs)


def test_only_the_image_has_to_be_named(template: Properties) -> None:
    assert [name for name, each in template["Parameters"].items() if "Default" not in each] == ["ImageUri"]


def test_athenas_columns_are_those_that_ingest_writes(template: Properties) -> None:
    kinds = {"String": "string", "Float64": "double", "Int32": "int", "List(String)": "array<string>"}
    written = [(name, kinds.get(str(kind), "timestamp")) for name, kind in SCHEMA.items()]
    ((_, table),) = of_type(template, "AWS::Glue::Table")
    columns = table["TableInput"]["StorageDescriptor"]["Columns"]
    assert [(each["Name"], each["Type"]) for each in columns] == written


def test_the_dashboard_is_json_with_the_names_users_know(template: Properties) -> None:
    ((_, dashboard),) = of_type(template, "AWS::CloudWatch::Dashboard")
    text = json.dumps(json.loads(dashboard["DashboardBody"]["Fn::Sub"]))
    for name in ("DetectedAnomalyCount", "ProcessedImageCount", "InvalidImageCount", "Time"):
        assert f'"{name}"' in text


_TRANSFORM = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
class Policies:
    def load(self):
        names = ("AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole", "AWSLambdaDynamoDBExecutionRole")
        return {name: "arn:aws:iam::aws:policy/service-role/" + name for name in names}
made = transform(yaml_parse(open(sys.argv[1]).read()), {"ImageUri": "image"}, Policies())
json.dump(made, open(sys.argv[2], "w"))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sam_takes_it_and_what_sam_makes_of_it_is_clean(
    path: Path, tmp_path: Path, environment: Callable[..., Path]
) -> None:
    # An environment of its own: what it pins does not go together with the project's.
    bin = environment("aws-sam-cli==1.170.0")
    around = os.environ | {
        "SAM_CLI_TELEMETRY": "0",
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    sam = [bin / "sam", "validate", "--template", path, "--region", "eu-west-1"]
    found = subprocess.run(sam, capture_output=True, text=True, env=around)
    assert found.returncode == 0, found.stderr
    made = tmp_path / "transformed.json"
    subprocess.run([bin / "python", "-c", _TRANSFORM, path, made], check=True, env=around)
    assert lint(made) == ""
