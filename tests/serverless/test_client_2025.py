"""Clients of 2025, as they are: botocore 1.40.60 and the command line, with nothing changed but the endpoint."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import platformdirs
import pytest

from app.serverless.lookout.service import DESCRIPTIONS
from tests.serverless.house import KEY, SECRET
from tests.serverless.parts import BUCKET, draw, encoded, lay_in, write_manifest
from tests.serverless.running import Running, Start
from tests.serverless.waiting import settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

WANTED = ("boto3==1.40.60", "botocore==1.40.60", "awscli==1.42.60")
_HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def python_2025() -> Path:
    """The interpreter of an environment that holds the clients of 2025; it is made once and kept in the user's cache.
    Skips where no package index answers."""
    folder = platformdirs.user_cache_path("linesight-tests", appauthor=False) / "clients-1.40.60"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=False)
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *WANTED]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            pytest.skip(f"the clients of 2025 can't be installed here ({why[:200]})")
        (folder / "ready").touch()
    return python


@pytest.fixture
def server(start: Start, tmp_path: Path) -> Running:
    (tmp_path / "secret").write_text(SECRET)
    return start("--access-key", KEY, "--secret-file", tmp_path / "secret")


def flow(python: Path, server: Running, **given: object) -> dict[str, Any]:
    asked = {"endpoint": server.url, "key": KEY, "secret": SECRET, **{name: str(part) for name, part in given.items()}}
    done = subprocess.run(
        [str(python), "-I", str(_HERE / "client_2025.py"), json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def environment(**more: str) -> dict[str, str]:
    """Without whatever settings for AWS this computer has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull} | more


def test_the_description_says_what_amazons_said(python_2025: Path) -> None:
    code = (
        "import json, botocore.session; "
        "loader = botocore.session.get_session().get_component('data_loader'); "
        "print(json.dumps(loader.load_service_model('lookoutvision', 'service-2')))"
    )
    done = subprocess.run([str(python_2025), "-I", "-c", code], capture_output=True, text=True, env=environment())
    theirs: dict[str, Any] = json.loads(done.stdout)
    file = DESCRIPTIONS / "lookoutvision" / "2020-11-20" / "service-2.json"
    ours: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert ours["operations"].keys() == theirs["operations"].keys() and len(ours["operations"]) == 22
    for name, operation in theirs["operations"].items():
        own = ours["operations"][name]
        assert own["http"] == {"responseCode": 200, **operation["http"]}
        for part in ("input", "output"):
            assert own[part]["shape"] == operation[part]["shape"]
        assert {each["shape"] for each in own["errors"]} == {each["shape"] for each in operation["errors"]}
    assert ours["shapes"].pop("InferenceUnits") == {"type": "integer", "min": 1, "max": 10}
    del theirs["shapes"]["InferenceUnits"]
    assert ours["shapes"] == without_words(theirs["shapes"])
    assert "documentation" not in file.read_text(encoding="utf-8")


def without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: without_words(part)
            for name, part in value.items()
            if not (name == "documentation" and isinstance(part, str))
        }
    return [without_words(part) for part in value] if isinstance(value, list) else value


def check(seen: dict[str, Any], stats: dict[str, int], bucket: str) -> None:
    """What holds of every run of the flow."""
    assert seen["botocore"] == "1.40.60"
    assert seen["project"] == seen["deleted"] == "arn:aws:lookoutvision:us-west-2:000000000000:project/flow_2025"
    assert seen["dataset"] == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", stats]
    assert seen["anomalies"] == stats["Anomaly"]
    assert seen["update"] == ["UPDATE_COMPLETE", stats]
    assert seen["idempotent"] is True and seen["token"] == 409
    model = seen["model"]
    assert model["states"] == ["TRAINING", "TRAINED"], model["message"]
    assert set(model["performance"]) == {"F1Score", "Recall", "Precision"} and model["performance"]["F1Score"] >= 0.7
    assert model["manifest"] == {"Bucket": bucket, "Key": "out/EvaluationManifest-flow_2025-1.json"}
    assert model["result"] == {"Bucket": bucket, "Key": "out/EvaluationResult-flow_2025-1.json"}
    assert model["stamps"] == ["datetime", "datetime"]
    assert seen["tags"] == [{"Key": "shift", "Value": "late"}]
    assert seen["not_hosted"] == "ConflictException"
    assert (seen["started"], seen["hosted"]) == ("STARTING_HOSTING", "HOSTED")
    assert (seen["stopped"], seen["trained"]) == ("STOPPING_HOSTING", "TRAINED")
    assert seen["good"]["IsAnomalous"] is False and seen["bad"]["IsAnomalous"] is True
    status, details = seen["package"]
    assert status == "SUCCEEDED" and details["Greengrass"]["ComponentVersion"] == "1.0.0"
    assert seen["jobs"] is True and seen["left"] == []
    assert seen["errors"] == {
        "delete_project": "ConflictException",
        "create_project": "ConflictException",
        "describe_model": "ResourceNotFoundException",
        "list_models": "ResourceNotFoundException",
        "validation": "ValidationException",
    }


def test_the_whole_flow(python_2025: Path, server: Running, tmp_path: Path) -> None:
    lines = lay_in(server.root, "parts", 20, 12)
    write_manifest(server.root, "train.manifest", lines)
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(encoded(draw(9001)[0]))
    bad.write_bytes(encoded(draw(9002, "spot")[0]))
    seen = flow(python_2025, server, bucket=BUCKET, manifest="train.manifest", good=good, bad=bad, type="image/png")
    check(seen, {"Total": 32, "Labeled": 32, "Normal": 20, "Anomaly": 12}, BUCKET)
    names = [each["Name"] for each in seen["bad"]["Anomalies"]]
    assert names[0] == "background" and "spot" in names
    check_mask(seen, (96, 96))


def test_amazons_own_sample_set(python_2025: Path, server: Running, shared_data: Path) -> None:
    cookies = shared_data / "cookies"
    folder = server.root / "my-bucket" / "getting-started"
    for name in ("training-images", "mask-images"):
        shutil.copytree(cookies / name, folder / name)
    # As the sample's own script does: every reference gets its place in the bucket.
    text = (cookies / "template.manifest").read_text()
    for name in ("training-images", "mask-images"):
        text = text.replace(f'"{name}/', f'"s3://my-bucket/getting-started/{name}/')
    (folder / "train.manifest").write_text(text)
    images = folder / "training-images"
    seen = flow(
        python_2025,
        server,
        bucket="my-bucket",
        manifest="getting-started/train.manifest",
        good=images / "normal-3.jpg",
        bad=images / "anomaly-3.jpg",
        type="image/jpeg",
    )
    check(seen, {"Total": 63, "Labeled": 63, "Normal": 31, "Anomaly": 32}, "my-bucket")
    background, *others = seen["bad"]["Anomalies"]
    assert background["Name"] == "background" and background["PixelAnomaly"]["Color"] == "#FFFFFF"
    assert [each["Name"] for each in others] == ["cracked"] and others[0]["PixelAnomaly"]["Color"] == "#23A436"
    check_mask(seen, (768, 576))


def check_mask(seen: dict[str, Any], shape: tuple[int, int]) -> None:
    mask = cv2.imdecode(np.frombuffer(base64.b64decode(seen["mask"]), np.uint8), cv2.IMREAD_COLOR)
    assert mask is not None and mask.shape == (*shape, 3)
    for each in seen["bad"]["Anomalies"]:
        bgr = bytes.fromhex(each["PixelAnomaly"]["Color"][1:])[::-1]
        share = float((mask == np.frombuffer(bgr, np.uint8)).all(axis=2).mean())
        assert each["PixelAnomaly"]["TotalPercentageArea"] == pytest.approx(share, abs=1e-5)


def test_the_command_line_of_2025(python_2025: Path, server: Running, tmp_path: Path) -> None:
    def aws(*arguments: object) -> Any:
        done = subprocess.run(
            [str(python_2025), "-m", "awscli", "--endpoint-url", server.url, "lookoutvision", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=environment(
                AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_DEFAULT_REGION="us-east-1", AWS_PAGER=""
            ),
        )
        if done.returncode:
            return done.stderr.strip()
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def status(*arguments: object) -> str:
        (described,) = aws(*arguments).values()
        found: str = described["Status"]
        return found

    # Waiting is left to a client that takes less of the processor than a command each time.
    client = server.client()
    project = ("--project-name", "plates")
    assert aws("create-project", *project)["ProjectMetadata"]["ProjectName"] == "plates"
    assert "ConflictException" in aws("create-project", *project)
    source = json.dumps(write_manifest(server.root, "train.manifest", lay_in(server.root, "parts", 20, 10)))
    aws("create-dataset", *project, "--dataset-type", "train", "--dataset-source", source)
    settled(client, "plates", dataset="train")
    assert status("describe-dataset", *project, "--dataset-type", "train") == "CREATE_COMPLETE"
    entries = aws("list-dataset-entries", *project, "--dataset-type", "train", "--anomaly-class", "normal",
                  "--page-size", 8, "--after-creation-date", "2020-06-23T00:00:00")  # fmt: skip
    assert len(entries["DatasetEntries"]) == 20
    (tmp_path / "changes.jsonl").write_text(entries["DatasetEntries"][0])
    change = ("update-dataset-entries", *project, "--dataset-type", "train")
    assert aws(*change, "--changes", "fileb://changes.jsonl") == {"Status": "UPDATE_IN_PROGRESS"}
    assert settled(client, "plates", dataset="train")["Status"] == "UPDATE_COMPLETE"
    output = json.dumps({"S3Location": {"Bucket": BUCKET, "Prefix": "out/"}})
    tags = json.dumps([{"Key": "line", "Value": "4"}])
    arn = aws("create-model", *project, "--output-config", output, "--tags", tags)["ModelMetadata"]["ModelArn"]
    version = (*project, "--model-version", "1")
    settled(client, "plates", model="1")
    assert status("describe-model", *version) == "TRAINED"
    assert aws("list-tags-for-resource", "--resource-arn", arn)["Tags"] == [{"Key": "line", "Value": "4"}]
    aws("untag-resource", "--resource-arn", arn, "--tag-keys", "line")
    assert aws("list-tags-for-resource", "--resource-arn", arn)["Tags"] == []
    assert aws("start-model", *version, "--min-inference-units", "1") == {"Status": "STARTING_HOSTING"}
    assert settled(client, "plates", model="1")["Status"] == "HOSTED"
    (tmp_path / "bad.png").write_bytes(encoded(draw(9002, "spot")[0]))
    found = aws("detect-anomalies", *version, "--content-type", "image/png", "--body", "bad.png")
    assert found["DetectAnomalyResult"]["IsAnomalous"] is True
    mask = base64.b64decode(found["DetectAnomalyResult"]["AnomalyMask"])
    assert mask.startswith(b"\x89PNG")
    place = f"S3OutputLocation={{Bucket={BUCKET},Prefix=packages}}"
    wanted = f"Greengrass={{TargetDevice=jetson_xavier,{place},ComponentName=plates}}"
    job = aws("start-model-packaging-job", *version, "--configuration", wanted)["JobName"]
    settled(client, "plates", job=job)
    assert status("describe-model-packaging-job", *project, "--job-name", job) == "SUCCEEDED"
    assert len(aws("list-model-packaging-jobs", *project)["ModelPackagingJobs"]) == 1
    assert aws("stop-model", *version) == {"Status": "STOPPING_HOSTING"}
    assert settled(client, "plates", model="1")["Status"] == "TRAINED"
    assert len(aws("list-models", *project)["Models"]) == 1
    assert aws("delete-model", *version)["ModelArn"] == arn
    aws("delete-dataset", *project, "--dataset-type", "train")
    assert aws("describe-project", *project)["ProjectDescription"]["Datasets"] == []
    aws("delete-project", *project)
    assert aws("list-projects") == {"Projects": []}
