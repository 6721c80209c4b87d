"""Training and judging with SageMaker: its requests against boto3's own model of them, its course as told by a made-up
control plane."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.cli import main, sagemaking
from app.cloud.hosting import host
from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.cloud.training import TrainingPlan, train
from app.domain.errors import Cancelled, LinesightError
from app.paths import DataFolder
from app.settings import Settings, save
from tests.cloud.conftest import REGION
from tests.cloud.signature import KEY, SECRET

ALGORITHM = f"arn:aws:sagemaker:{REGION}:123456789012:algorithm/lookout-successor"
ROLE = "arn:aws:iam::123456789012:role/linesight"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr(sagemaking, "LOOK_EVERY", 0.0)


class ControlPlane:
    """SageMaker's, and S3 with the answers of a batch.

    Attributes:
        course: what each look at a job gives, the last one again and again.
        asked: (operation, what was given).
        objects: what lies in the bucket, by key.
    """

    def __init__(self) -> None:
        self.course: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.objects: dict[str, bytes] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].removeprefix("SageMaker.")
                outer.asked.append((operation, given))
                answer: dict[str, Any] = {}
                if operation.startswith("Create"):
                    answer = {operation.removeprefix("Create") + "Arn": "arn:aws:sagemaker:x:y:z/job"}
                elif operation.startswith("Describe"):
                    answer = outer.course.pop(0) if len(outer.course) > 1 else outer.course[0]
                self._say(json.dumps(answer).encode(), "application/x-amz-json-1.1")

            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                if "list-type=2" in query:
                    rows = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in outer.objects)
                    self._say(f"<ListBucketResult>{rows}</ListBucketResult>".encode(), "application/xml")
                else:
                    self._say(outer.objects[path.split("/", 2)[2]], "application/octet-stream")

            def _say(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.session = CloudSession(CloudAddress(region=REGION, endpoint=self.url))
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    made = ControlPlane()
    yield made
    made.close()


def plan(**changes: Any) -> TrainingPlan:
    given: dict[str, Any] = {"name": "plate-3", "algorithm": ALGORITHM, "role": ROLE}
    return TrainingPlan(
        **given | {"manifest": "s3://parts/train.manifest", "output": "s3://parts/plate/output"} | changes
    )


def looks(*rows: tuple[str, str, int]) -> list[dict[str, Any]]:
    """What DescribeTrainingJob says: (status, what it does, seconds)."""
    return [
        {
            "TrainingJobName": "plate-3",
            "TrainingJobStatus": status,
            "SecondaryStatus": doing,
            "SecondaryStatusTransitions": [{"Status": doing, "StartTime": 0, "StatusMessage": f"{doing} now"}],
            "TrainingTimeInSeconds": seconds,
        }
        for status, doing, seconds in rows
    ]


def test_a_training_is_asked_for_as_the_algorithm_wants_it(plane: ControlPlane) -> None:
    plane.course = looks(("Completed", "Completed", 10))
    train(plane.session, plan(kind="segmentation"), lambda fraction, words: None, lambda: None)
    operation, given = plane.asked[0]
    names = ["source-ref", "anomaly-label-metadata", "anomaly-label", "anomaly-mask-ref-metadata", "anomaly-mask-ref"]
    assert operation == "CreateTrainingJob" and given["HyperParameters"] == {
        "ModelType": "segmentation",
        "TrainingInputDataAttributeNames": ",".join(names),
        "TestInputDataAttributeNames": ",".join(names),
    }
    (channel,) = given["InputDataConfig"]
    assert (channel["ChannelName"], channel["RecordWrapperType"], channel["InputMode"]) == (
        "training", "RecordIO", "Pipe",
    )  # fmt: skip
    assert channel["DataSource"]["S3DataSource"] == {
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": "s3://parts/train.manifest",
        "S3DataDistributionType": "ShardedByS3Key",
        "AttributeNames": names,
    }
    assert given["EnableNetworkIsolation"] is True and given["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert (given["ResourceConfig"]["InstanceType"], given["ResourceConfig"]["VolumeSizeInGB"]) == (
        "ml.g4dn.2xlarge", 20,
    )  # fmt: skip


def test_a_training_is_followed_to_its_end(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.course = looks(
        ("InProgress", "Starting", 0), ("InProgress", "Training", 720), ("Completed", "Completed", 900)
    )
    plane.course[-1] |= {
        "ModelArtifacts": {"S3ModelArtifacts": "s3://parts/plate/output/model.tar.gz"},
        "FinalMetricDataList": [{"MetricName": "F1", "Value": 0.875, "Timestamp": 0}],
        "BillableTimeInSeconds": 850,
    }
    told: list[tuple[float, str]] = []
    found = train(plane.session, plan(), lambda fraction, words: told.append((fraction, words)), lambda: None)
    assert (found.artefact, found.metrics, found.seconds) == (
        "s3://parts/plate/output/model.tar.gz", {"F1": 0.875}, 850,
    )  # fmt: skip
    assert told[:2] == [(0.0, "Starting: Starting now"), (0.1, "Training: Training now")]
    assert "F1 0.875" in told[2][1]
    # The same as a command, with the account of the settings.
    save(DataFolder(tmp_path).prepare().settings, Settings(aws_region=REGION, aws_endpoint=plane.url))
    arguments = [
        "--algorithm",
        ALGORITHM,
        "--role",
        ROLE,
        "--manifest",
        "s3://parts/train.manifest",
        "--job",
        "plate-4",
    ]
    command = ["--data-dir", str(tmp_path), "sagemaker", "train", "--json", *arguments, "--output", "s3://parts/out"]
    assert main(command, lambda options: 3) == 0
    assert json.loads(capsys.readouterr().out) == {
        "job": "plate-4",
        "artefact": "s3://parts/plate/output/model.tar.gz",
        "metrics": {"F1": 0.875},
        "billed_seconds": 850,
    }


def test_a_training_that_fails_says_why(plane: ControlPlane) -> None:
    plane.course = [looks(("Failed", "Failed", 5))[0] | {"FailureReason": "ClientError: the manifest has no mask."}]
    with pytest.raises(CloudError, match="plate-3 has ended as Failed: ClientError: the manifest has no mask"):
        train(plane.session, plan(), lambda fraction, words: None, lambda: None)
    assert [operation for operation, _ in plane.asked] == ["CreateTrainingJob", "DescribeTrainingJob"]


def test_who_stops_following_stops_what_costs(plane: ControlPlane) -> None:
    plane.course = looks(("InProgress", "Training", 5))

    def cancelled() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        train(plane.session, plan(), lambda fraction, words: None, cancelled)
    assert plane.asked[-1] == ("StopTrainingJob", {"TrainingJobName": "plate-3"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "detection"}, "no kind of model"),
        ({"algorithm": "lookout"}, "is no ARN"),
        ({"manifest": "train.manifest"}, "no place in a bucket"),
        ({"name": "plate 3"}, "letters, digits"),
    ],
)
def test_a_wrong_plan_is_told_before_anything_costs(change: dict[str, Any], words: str) -> None:
    with pytest.raises(LinesightError, match=words):
        plan(**change)


def test_a_folder_of_a_bucket_is_judged(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.course = [{"TransformJobStatus": "InProgress"}, {"TransformJobStatus": "Completed"}]
    plane.objects = {
        "out/a.jpg.out": b'{"Source":{"Type":"direct"},"IsAnomalous":true,"Confidence":0.94}',
        "out/b.jpg.out": b'{"IsAnomalous":false,"Confidence":0.8}',
        "out/c.jpg.out": b"Internal error",
        "out/readme.txt": b"",
    }
    save(DataFolder(tmp_path).prepare().settings, Settings(aws_region=REGION, aws_endpoint=plane.url))
    arguments = ["--model-name", "plate", "--pictures", "s3://parts/new/", "--output", "s3://parts/out", "--job", "j-1"]
    assert main(["--data-dir", str(tmp_path), "sagemaker", "transform", "--json", *arguments], lambda options: 3) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == {
        "out/a.jpg": {"anomalous": True, "confidence": 0.94},
        "out/b.jpg": {"anomalous": False, "confidence": 0.8},
        "out/c.jpg": None,
    }
    assert (found["anomalous"], found["unreadable"]) == (1, 1)
    assert plane.asked[0][1]["TransformInput"]["ContentType"] == "image/jpeg"


def hosting(status: str = "Completed", **changes: Any) -> list[dict[str, Any]]:
    """What is said of the training and then of the package, look by look."""
    artefact = "s3://parts/plate/output/plate-3/output/model.tar.gz"
    training = {
        "TrainingJobName": "plate-3",
        "TrainingJobStatus": "Completed",
        "AlgorithmSpecification": {"AlgorithmName": ALGORITHM, "TrainingInputMode": "Pipe"},
        "ModelArtifacts": {"S3ModelArtifacts": artefact},
    } | changes
    package = {"ModelPackageName": "plates", "ModelPackageArn": "arn:aws:sagemaker:x:y:model-package/plates"}
    package |= {"ModelPackageDescription": artefact}
    waiting = package | {"ModelPackageStatus": "InProgress"}
    return [training, waiting, waiting, package | {"ModelPackageStatus": status}]


def test_a_model_is_made_of_a_training_by_the_command_line(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.course = hosting()
    save(DataFolder(tmp_path).settings, Settings(aws_region=REGION, aws_endpoint=plane.url))
    words = ["sagemaker", "model", "--job", "plate-3", "--name", "plates", "--role", ROLE, "--json"]
    assert main([*words, "--data-dir", str(tmp_path)], lambda options: 3) == 0
    assert json.loads(capsys.readouterr().out)["package"].endswith("model-package/plates")
    asked = dict(plane.asked)
    (source,) = asked["CreateModelPackage"]["SourceAlgorithmSpecification"]["SourceAlgorithms"]
    assert source["AlgorithmName"] == ALGORITHM and source["ModelDataUrl"].endswith("model.tar.gz")
    model = asked["CreateModel"]
    assert model["ModelName"] == "plates" and model["ExecutionRoleArn"] == ROLE
    assert model["PrimaryContainer"] == {"ModelPackageName": "arn:aws:sagemaker:x:y:model-package/plates"}
    assert [operation for operation, _ in plane.asked].count("DescribeModelPackage") == 3


@pytest.mark.parametrize(
    ("course", "words"),
    [
        (hosting("Failed"), "the model package failed"),
        (hosting(TrainingJobStatus="InProgress"), "is InProgress and has left no model"),
        (hosting(AlgorithmSpecification={"TrainingInputMode": "Pipe"}), "not trained by an algorithm"),
    ],
)
def test_what_can_not_be_hosted_says_why(plane: ControlPlane, course: list[dict[str, Any]], words: str) -> None:
    plane.course = course
    with pytest.raises(CloudError, match=words):
        host(plane.session, "plate-3", "plates", ROLE, lambda fraction, words: None, lambda: None)
    assert "CreateModel" not in [operation for operation, _ in plane.asked]
    with pytest.raises(LinesightError, match="is none"):
        host(plane.session, "plate-3", "no name", ROLE, lambda fraction, words: None, lambda: None)
