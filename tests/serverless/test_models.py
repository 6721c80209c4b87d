"""Models: trained, tested, started, stopped, packaged, deleted."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import onnx
import pytest

from app.domain.errors import DatasetError
from app.serverless.lookout import models
from app.serverless.lookout.training import Outcome, Plan
from app.vision import artefact
from tests.serverless.conftest import OUTPUT
from tests.serverless.house import House
from tests.serverless.parts import BUCKET, lay_in, line, write_manifest


def model(house: House, project: str = "masked", version: str = "1") -> dict[str, Any]:
    found: dict[str, Any] = house.client.describe_model(ProjectName=project, ModelVersion=version)["ModelDescription"]
    return found


def written(house: House, place: dict[str, str]) -> str:
    return (house.root / place["Bucket"] / place["Key"]).read_text()


def test_a_trained_model_describes_itself(trained: House) -> None:
    found = model(trained)
    assert found["ModelArn"] == "arn:aws:lookoutvision:us-east-1:000000000000:model/masked/1"
    assert found["Status"] == "TRAINED" and found["StatusMessage"] == "Training completed successfully."
    # Dark spots and bright scratches on a grey part: whoever misses some of these is broken.
    assert all(found["Performance"][name] >= 0.8 for name in ("F1Score", "Recall", "Precision"))
    assert found["OutputConfig"] == OUTPUT
    assert found["EvaluationManifest"]["Key"] == "results/EvaluationManifest-masked-1.json"
    assert found["EvaluationResult"]["Key"] == "results/EvaluationResult-masked-1.json"
    assert found["CreationTimestamp"] < found["EvaluationEndTimestamp"] < datetime.now(UTC)
    assert "MinInferenceUnits" not in found and "KmsKeyId" not in found
    assert model(trained, version="latest") == found
    (listed,) = trained.client.list_models(ProjectName="masked")["Models"]
    assert listed.items() <= found.items() and listed["Performance"]


def test_the_evaluation_tells_each_test_image(trained: House) -> None:
    found = model(trained)
    result = json.loads(written(trained, found["EvaluationResult"]))
    assert result["Version"] == 1
    details = result["EvaluationDetails"]
    assert details["ModelArn"] == found["ModelArn"]
    # A fifth of the 20 good parts and of the 16 others.
    assert details["NumberOfTestingImages"] == 4 + 3 and details["NumberOfTrainingImages"] == 16 + 13
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", details["EvaluationEndTimestamp"])
    metrics = result["AggregatedEvaluationResults"]["Metrics"]
    performance = {name: metrics[name] for name in ("F1Score", "Recall", "Precision")}
    assert performance == pytest.approx(found["Performance"])
    assert 0.9 <= metrics["ROCAUC"] <= 1 and 0.9 <= metrics["AveragePrecision"] <= 1
    pixels = {each["ClassName"]: each for each in metrics["PixelAnomalyClassMetrics"]}
    assert {"spot", "scratch"} <= pixels.keys()
    for each in pixels.values():
        assert each.keys() == {"Precision", "Recall", "F1Score", "AIOU", "ClassName"}
    assert pixels["spot"]["AIOU"] > 0.1 and pixels["scratch"]["AIOU"] > 0.1

    given = {json.loads(each)["source-ref"]: json.loads(each) for each in lines_of(trained, "masked")}
    told = [json.loads(each) for each in written(trained, found["EvaluationManifest"]).splitlines()]
    assert len(told) == 7
    for each in told:
        metadata = each["anomaly-label-detected-metadata"]
        assert given[each["source-ref"]].items() <= each.items()
        assert each["anomaly-label-detected"] == int(metadata["class-name"] == "anomaly")
        assert metadata["human-annotated"] == "no" and metadata["model-arn"] == found["ModelArn"]
        assert metadata["model-version"] == "1" and metadata["project-name"] == "masked"
        assert 0 <= metadata["confidence"] <= 1


def lines_of(house: House, project: str) -> list[str]:
    found: list[str] = house.client.list_dataset_entries(ProjectName=project, DatasetType="train")["DatasetEntries"]
    return found


def test_a_test_dataset_is_what_is_tested_with(trained: House) -> None:
    found = model(trained, "plain")
    result = json.loads(written(trained, found["EvaluationResult"]))
    assert result["EvaluationDetails"]["NumberOfTrainingImages"] == 12
    assert result["EvaluationDetails"]["NumberOfTestingImages"] == 20
    assert "PixelAnomalyClassMetrics" not in result["AggregatedEvaluationResults"]["Metrics"]
    told = [json.loads(each) for each in written(trained, found["EvaluationManifest"]).splitlines()]
    assert {each["source-ref"].split("/")[3] for each in told} == {"tests"}
    # It learned from good parts alone; how sure it is was learned from the test images.
    confidences = {each["anomaly-label-detected-metadata"]["confidence"] for each in told}
    assert 0.5 not in confidences and max(confidences) > 0.8


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        ((19, 10), None, "19 normal images, at least 20 are needed"),
        ((20, 9), None, "9 images with an anomaly, at least 10 are needed"),
        ((9, 0), (10, 10), "9 normal images in the training dataset, at least 10"),
        ((10, 0), (9, 10), "9 normal images in the test dataset, at least 10"),
        ((10, 0), (10, 9), "9 images with an anomaly in the test dataset, at least 10"),
    ],
)
def test_too_few_images_are_told_before_training(
    house: House, train: tuple[int, int], test: tuple[int, int] | None, words: str
) -> None:
    house.client.create_project(ProjectName="part")
    for kind, wanted in (("train", train), ("test", test)):
        if wanted is not None:
            lines = [line(f"{kind}-{number}.png", "normal") for number in range(wanted[0])]
            lines += [line(f"{kind}-bad-{number}.png", "anomaly") for number in range(wanted[1])]
            source = write_manifest(house.root, f"{kind}.manifest", lines)
            house.client.create_dataset(ProjectName="part", DatasetType=kind, DatasetSource=source)
    house.work()
    with pytest.raises(house.client.exceptions.ValidationException, match=words):
        house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)
    assert house.client.list_models(ProjectName="part")["Models"] == []


def test_without_a_dataset_that_is_ready_nothing_is_trained(house: House) -> None:
    house.client.create_project(ProjectName="part")
    with pytest.raises(house.client.exceptions.ResourceNotFoundException, match="no training dataset"):
        house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)
    source = write_manifest(house.root, "train.manifest", [])
    house.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    with pytest.raises(house.client.exceptions.ConflictException, match="CREATE_IN_PROGRESS"):
        house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)


def prepared(house: House, normals: int = 20, anomalies: int = 10) -> House:
    """With a project whose dataset is large enough, by its lines."""
    house.client.create_project(ProjectName="part")
    source = write_manifest(house.root, "train.manifest", lay_in(house.root, "p", normals, anomalies, masks=False))
    house.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    house.work()
    return house


def test_images_that_turn_out_unusable_are_left_out_or_end_the_training(house: House) -> None:
    prepared(house)
    (house.root / BUCKET / "p" / "normal-3.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf a picture")
    (house.root / BUCKET / "p" / "normal-4.png").unlink()
    house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)
    house.work()
    found = model(house, "part")
    assert found["Status"] == "TRAINING_FAILED"
    assert "19 normal images, at least 20 are needed" in found["StatusMessage"]
    assert "normal-4.png does not exist" in found["StatusMessage"]
    assert "Performance" not in found and "EvaluationResult" not in found
    # A version that failed is deleted like any other; its number is not used again.
    house.client.delete_model(ProjectName="part", ModelVersion="1")
    again = house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)
    assert again["ModelMetadata"]["ModelVersion"] == "2"


def test_a_place_that_cant_be_written_ends_the_training_at_once(house: House) -> None:
    prepared(house)
    (house.root / "elsewhere").write_text("no folder")
    house.client.create_model(ProjectName="part", OutputConfig={"S3Location": {"Bucket": "elsewhere"}})
    house.work()
    assert "The bucket elsewhere can't be written" in model(house, "part")["StatusMessage"]


def test_while_a_model_is_trained(house: House) -> None:
    prepared(house)
    client = house.client
    made = client.create_model(
        ProjectName="part", OutputConfig=OUTPUT, Description="first", KmsKeyId="key-1", ClientToken="one"
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert made["ModelMetadata"]["Status"] == "TRAINING" and made["ModelMetadata"]["Description"] == "first"
    again = client.create_model(
        ProjectName="part", OutputConfig=OUTPUT, Description="first", KmsKeyId="key-1", ClientToken="one"
    )
    assert again["ModelMetadata"] == made["ModelMetadata"]
    found = model(house, "part")
    assert found["Status"] == "TRAINING" and found["KmsKeyId"] == "key-1"
    for refused in (
        lambda: client.delete_model(ProjectName="part", ModelVersion="1"),
        lambda: client.start_model(ProjectName="part", ModelVersion="1", MinInferenceUnits=1),
        lambda: client.stop_model(ProjectName="part", ModelVersion="1"),
        lambda: client.delete_dataset(ProjectName="part", DatasetType="train"),
        lambda: client.delete_project(ProjectName="part"),
        lambda: package(house, "part"),
        lambda: client.detect_anomalies(ProjectName="part", ModelVersion="1", Body=b"x", ContentType="image/png"),
    ):
        with pytest.raises(client.exceptions.ConflictException):
            refused()


def test_no_more_trainings_wait_than_there_may(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(house)
    monkeypatch.setattr(models, "MOST_TRAININGS", 2)
    for _ in range(2):
        house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)
    with pytest.raises(house.client.exceptions.ServiceQuotaExceededException):
        house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)


def test_a_training_that_a_sudden_end_interrupts_is_lost_and_one_that_waits_is_not(house: House) -> None:
    class Ended(BaseException):
        """The process ends here."""

    seen: list[Plan] = []

    def train(plan: Plan) -> Outcome:
        seen.append(plan)
        if len(seen) == 1:
            raise Ended
        raise DatasetError("tried")

    house = prepared(House(house.folder, house.root, train=train))
    for _ in range(2):
        house.client.create_model(ProjectName="part", OutputConfig=OUTPUT)
    with pytest.raises(Ended):
        house.work()
    later = House(house.folder, house.root, train=train)
    later.workshop.recover()
    lost = model(later, "part", "1")
    assert lost["Status"] == "TRAINING_FAILED" and "The server ended" in lost["StatusMessage"]
    assert model(later, "part", "2")["Status"] == "TRAINING"
    later.work()
    assert model(later, "part", "2")["StatusMessage"] == "tried"
    assert [plan.version for plan in seen] == [1, 2]


def test_starting_and_stopping(trained: House) -> None:
    client = trained.client
    given = {"ProjectName": "masked", "ModelVersion": "1"}
    with pytest.raises(client.exceptions.ValidationException, match="must not be less than"):
        client.start_model(**given, MinInferenceUnits=3, MaxInferenceUnits=2)
    with pytest.raises(client.exceptions.ConflictException, match="not HOSTED"):
        client.stop_model(**given)
    started = client.start_model(**given, MinInferenceUnits=2, MaxInferenceUnits=4)
    assert started["Status"] == "STARTING_HOSTING" and started["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert model(trained)["Status"] == "STARTING_HOSTING"
    trained.work()
    found = model(trained)
    assert (found["Status"], found["MinInferenceUnits"], found["MaxInferenceUnits"]) == ("HOSTED", 2, 4)
    with pytest.raises(client.exceptions.ConflictException, match="can't be started"):
        client.start_model(**given, MinInferenceUnits=1)
    with pytest.raises(client.exceptions.ConflictException, match="Stop it first"):
        client.delete_model(**given)
    # A model that was running runs after a new start.
    trained = trained.again()
    trained.work()
    assert model(trained)["Status"] == "HOSTED"
    assert trained.client.stop_model(**given)["Status"] == "STOPPING_HOSTING"
    assert model(trained)["Status"] == "STOPPING_HOSTING"
    trained.work()
    found = model(trained)
    assert found["Status"] == "TRAINED" and "MinInferenceUnits" not in found
    assert trained.client.delete_model(**given)["ModelArn"] == found["ModelArn"]
    assert trained.client.list_models(ProjectName="masked")["Models"] == []


def test_a_damaged_model_can_t_be_hosted_and_says_why(trained: House) -> None:
    trained.records.model("masked", 1).write_bytes(b"PK\x03\x04 no model")
    given = {"ProjectName": "masked", "ModelVersion": "latest"}
    trained.client.start_model(**given, MinInferenceUnits=1)
    trained.work()
    found = model(trained)
    assert found["Status"] == "HOSTING_FAILED" and found["StatusMessage"]
    trained.client.delete_model(ProjectName="masked", ModelVersion="1")


def test_tags(trained: House) -> None:
    client, arn = trained.client, model(trained)["ModelArn"]
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "line", "Value": "4"}]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "line", "Value": ""}, {"Key": "Größe/a b", "Value": "1+1=2"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["line", "none"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "Größe/a b", "Value": "1+1=2"}]
    with pytest.raises(client.exceptions.ValidationException, match="only once"):
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(ResourceArn=arn.replace("us-east-1", "eu-west-1"))


def package(house: House, project: str = "masked", job: str | None = None, **more: object) -> str:
    greengrass = {
        "ComponentName": "com.example.plate",
        "S3OutputLocation": {"Bucket": BUCKET, "Prefix": "packages"},
        "Tags": [{"Key": "a", "Value": "b"}],
        **more,
    }
    given = {"ProjectName": project, "ModelVersion": "1", "Configuration": {"Greengrass": greengrass}}
    name: str = house.client.start_model_packaging_job(**given, **({"JobName": job} if job else {}))["JobName"]
    return name


def job_of(house: House, name: str) -> dict[str, Any]:
    found: dict[str, Any] = house.client.describe_model_packaging_job(ProjectName="masked", JobName=name)
    described: dict[str, Any] = found["ModelPackagingDescription"]
    return described


def test_a_package_holds_the_stations_model_and_an_onnx_file(trained: House) -> None:
    name = package(trained, TargetDevice="jetson_xavier")
    assert job_of(trained, name)["Status"] == "CREATED" and "ModelPackagingOutputDetails" not in job_of(trained, name)
    with pytest.raises(trained.client.exceptions.ConflictException, match="packages it"):
        trained.client.delete_model(ProjectName="masked", ModelVersion="1")
    trained.work()
    found = job_of(trained, name)
    assert found["Status"] == "SUCCEEDED", found["StatusMessage"]
    assert found["ModelPackagingMethod"] == "Greengrass" and found["LastUpdatedTimestamp"] > found["CreationTimestamp"]
    assert found["ModelPackagingConfiguration"]["Greengrass"]["TargetDevice"] == "jetson_xavier"
    assert found["ModelPackagingOutputDetails"]["Greengrass"] == {
        "ComponentVersionArn": "arn:aws:greengrass:us-east-1:000000000000:components:com.example.plate:versions:1.0.0",
        "ComponentName": "com.example.plate",
        "ComponentVersion": "1.0.0",
    }
    folder = trained.root / BUCKET / "packages" / "com.example.plate" / "1.0.0"
    assert (folder / "model.linesight").read_bytes() == trained.records.model("masked", 1).read_bytes()
    assert artefact.load(folder / "model.linesight")[0].description.name == "masked"
    file = onnx.load(str(folder / "model.onnx"))
    assert {"score", "heat"} <= {output.name for output in file.graph.output}
    assert json.loads((folder / "component.json").read_text())["PictureSize"] == [96, 96]
    # What is there is not replaced.
    second = package(trained, job="again")
    trained.work()
    assert job_of(trained, second)["Status"] == "FAILED"
    assert (
        "1.0.0 is in s3://line-4/packages/com.example.plate/1.0.0/ already" in job_of(trained, second)["StatusMessage"]
    )
    listed = trained.client.get_paginator("list_model_packaging_jobs").paginate(
        ProjectName="masked", PaginationConfig={"PageSize": 1}
    )
    assert {job["JobName"] for page in listed for job in page["ModelPackagingJobs"]} == {name, "again"}


def test_packaging_jobs_that_are_refused(trained: House) -> None:
    platform = {"Os": "LINUX", "Arch": "X86_64"}
    with pytest.raises(trained.client.exceptions.ValidationException, match="not both"):
        package(trained, TargetDevice="jetson_xavier", TargetPlatform=platform)
    with pytest.raises(trained.client.exceptions.ValidationException, match="CompilerOptions"):
        package(trained, TargetDevice="jetson_xavier", CompilerOptions="{ }")
    package(trained, job="once", TargetPlatform=platform, CompilerOptions="{'gpu-code': 'sm_75'}")
    with pytest.raises(trained.client.exceptions.ConflictException) as conflict:
        package(trained, job="once")
    assert conflict.value.response["ResourceType"] == "MODEL_PACKAGE_JOB"


def test_a_packaging_job_goes_on_after_a_new_start(trained: House) -> None:
    package(trained, job="job", ComponentVersion="2.3.4")
    later = trained.again()
    later.work()
    found = job_of(later, "job")
    assert found["Status"] == "SUCCEEDED"
    assert found["ModelPackagingOutputDetails"]["Greengrass"]["ComponentVersion"] == "2.3.4"
