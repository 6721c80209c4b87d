"""Datasets: made from manifests, changed line by line, listed through filters."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from app.serverless.lookout import datasets
from app.serverless.lookout.datasets import MOST_IMAGES
from tests.serverless.house import House
from tests.serverless.parts import BUCKET, lay_in, line, write_manifest


def describe(house: House, kind: str = "train") -> dict[str, object]:
    found: dict[str, object] = house.client.describe_dataset(ProjectName="part", DatasetType=kind)["DatasetDescription"]
    return found


def entries(house: House, **filters: object) -> list[str]:
    pages = house.client.get_paginator("list_dataset_entries").paginate(
        ProjectName="part", DatasetType="train", **filters
    )
    return [each for page in pages for each in page["DatasetEntries"]]


@pytest.fixture
def project(house: House) -> House:
    house.client.create_project(ProjectName="part")
    return house


def test_a_dataset_from_a_manifest(project: House) -> None:
    lines = [*lay_in(project.root, "p", 3, 2), line("p/later.png", "unknown"), ""]
    source = write_manifest(project.root, "train.manifest", lines)
    made = project.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert made["DatasetMetadata"]["Status"] == "CREATE_IN_PROGRESS"
    assert describe(project)["Status"] == "CREATE_IN_PROGRESS"
    with pytest.raises(project.client.exceptions.ConflictException, match="CREATE_IN_PROGRESS"):
        project.client.delete_dataset(ProjectName="part", DatasetType="train")
    project.work()
    found = describe(project)
    assert found["Status"] == "CREATE_COMPLETE"
    assert str(found["StatusMessage"]).startswith("The dataset was created successfully. But some of its images")
    assert found["ImageStats"] == {"Total": 6, "Labeled": 5, "Normal": 3, "Anomaly": 2}
    assert entries(project) == lines[:-1]
    datasets = project.client.describe_project(ProjectName="part")["ProjectDescription"]["Datasets"]
    assert [(each["DatasetType"], each["Status"]) for each in datasets] == [("train", "CREATE_COMPLETE")]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"source-ref": "s3://line-4/a.png"'], "line 1: not valid JSON"),
        ([line("a.png", "normal"), "[]"], "line 2: not a JSON object"),
        (["{}"], "line 1: it has no source-ref"),
        (['{"source-ref": "s3://s3://line-4/a.png"}'], "has s3:// twice"),
        (['{"source-ref": "training/a.png"}'], "training/a.png is not like s3://BUCKET/KEY"),
        (['{"source-ref": "s3://line-4/a.png", "anomaly-label": 1}'], "anomaly-label has no anomaly-label-metadata"),
        ([json.dumps({"source-ref": "s3://line-4/a.png", "x": "y" * 8200})], "longer than 8192 characters"),
        ([line("a.png", "anomaly", "m.png").replace("#2CA02C", "green")], "the colour green of scratch is not like"),
        ([line("a.png", "anomaly", "m.png").replace("internal-color-map", "map")], "m.png has no colour map"),
        ([line("a.png", "anomaly", "m.png").replace("s3://line-4/m.png", "m.png")], "m.png is not like s3://BUCKET/KEY"),
        ([r'{"source-ref": "s3://line-4/\ud800.png"}'], r"s3://line-4/\ud800.png is not like"),
        ([" "], "It holds no JSON line"),
        (["{}"] * 9, "6 more are wrong"),
    ],
)  # fmt: skip
def test_a_manifest_that_cant_be_used(project: House, lines: list[str], words: str) -> None:
    source = write_manifest(project.root, "train.manifest", lines)
    project.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    project.work()
    found = describe(project)
    assert found["Status"] == "CREATE_FAILED" and words in str(found["StatusMessage"])
    assert found["ImageStats"] == {"Total": 0, "Labeled": 0, "Normal": 0, "Anomaly": 0}
    with pytest.raises(project.client.exceptions.ConflictException):
        project.client.create_dataset(ProjectName="part", DatasetType="train")
    with pytest.raises(project.client.exceptions.ConflictException, match="could not be created"):
        change(project, line("a.png", "normal"))
    project.client.delete_dataset(ProjectName="part", DatasetType="train")
    project.client.create_dataset(ProjectName="part", DatasetType="train")


def test_a_manifest_that_is_not_there_or_not_text(project: House) -> None:
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Key": "none.manifest"}}}
    project.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    source = write_manifest(project.root, "test.manifest", [])
    (project.root / BUCKET / "test.manifest").write_bytes(line("a.png", "normal").encode("utf-16"))
    project.client.create_dataset(ProjectName="part", DatasetType="test", DatasetSource=source)
    project.work()
    assert "s3://line-4/none.manifest does not exist" in str(describe(project)["StatusMessage"])
    assert "not UTF-8 text" in str(describe(project, "test")["StatusMessage"])


def test_a_version_that_is_not_there_is_not_what_a_dataset_fails_for(project: House) -> None:
    source = write_manifest(project.root, "train.manifest", lay_in(project.root, "p", 1, 0))
    source["GroundTruthManifest"]["S3Object"]["VersionId"] = "1"
    project.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    project.work()
    found = describe(project)
    assert found["Status"] == "CREATE_COMPLETE"
    assert str(found["StatusMessage"]).endswith("The manifest has no version 1: the newest was read.")


def test_lines_as_they_occur_in_the_wild(project: House) -> None:
    ground_truth = {
        "source-ref": "s3://line-4/a.png",
        "my-job": "0",
        "my-job-metadata": {"class-name": "Anomaly", "type": "groundtruth/image-classification"},
    }
    lines = [
        "\ufeff" + json.dumps(ground_truth),
        line("b\u2028c.png", "normal"),
        line("d.png", "normal"),
        line("d.png", "anomaly"),
    ]
    source = write_manifest(project.root, "train.manifest", lines)
    (project.root / BUCKET / "train.manifest").write_bytes("\r\n".join(lines).encode())
    project.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    project.work()
    assert describe(project)["ImageStats"] == {"Total": 3, "Labeled": 3, "Normal": 1, "Anomaly": 2}


def change(house: House, *lines: str, kind: str = "train") -> str:
    status: str = house.client.update_dataset_entries(
        ProjectName="part", DatasetType=kind, Changes="\n".join(lines).encode()
    )["Status"]
    return status


def test_changes_replace_whole_lines_by_their_source(project: House) -> None:
    project.client.create_dataset(ProjectName="part", DatasetType="train")
    assert describe(project)["Status"] == "CREATE_COMPLETE"
    assert change(project, line("a.png", "anomaly", "a-mask.png"), line("b.png", "normal")) == "UPDATE_IN_PROGRESS"
    assert describe(project)["Status"] == "UPDATE_IN_PROGRESS"
    with pytest.raises(project.client.exceptions.ConflictException, match="UPDATE_IN_PROGRESS"):
        change(project, line("c.png", "normal"))
    project.work()
    assert describe(project)["Status"] == "UPDATE_COMPLETE"
    change(project, line("c.png", "normal"), line("a.png", "normal"))
    project.work()
    assert entries(project) == [line("a.png", "normal"), line("b.png", "normal"), line("c.png", "normal")]
    assert describe(project)["ImageStats"] == {"Total": 3, "Labeled": 3, "Normal": 3, "Anomaly": 0}


def test_changes_that_cant_be_used_change_nothing(project: House) -> None:
    project.client.create_dataset(ProjectName="part", DatasetType="train")
    for changes in (b"{", b"\n\n", b"\xff\xfe", b"{}"):
        with pytest.raises(project.client.exceptions.ValidationException):
            project.client.update_dataset_entries(ProjectName="part", DatasetType="train", Changes=changes)
    assert describe(project)["Status"] == "CREATE_COMPLETE"


def test_too_many_changes_at_once_are_refused(project: House) -> None:
    project.client.create_dataset(ProjectName="part", DatasetType="train")
    most = 10 << 20
    given = {"ProjectName": "part", "DatasetType": "train"}
    with pytest.raises(project.client.exceptions.ValidationException, match="less than or equal to 10485760"):
        project.client.update_dataset_entries(**given, Changes=b" " * (most + 1))
    changes = line("a.png", "normal").encode()
    project.client.update_dataset_entries(**given, Changes=changes + b" " * (most - len(changes)))
    project.work()
    assert entries(project) == [line("a.png", "normal")]


def test_a_dataset_that_grows_too_large_stays_as_it_was(project: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_IMAGES == {"train": 16_000, "test": 4_000}
    monkeypatch.setitem(datasets.MOST_IMAGES, "train", 2)
    project.client.create_dataset(ProjectName="part", DatasetType="train")
    change(project, line("a.png", "normal"), line("b.png", "normal"))
    project.work()
    change(project, line("c.png", "normal"))
    project.work()
    found = describe(project)
    assert found["Status"] == "UPDATE_FAILED_ROLLBACK_COMPLETE" and "3 images are too many" in str(
        found["StatusMessage"]
    )
    assert len(entries(project)) == 2
    change(project, line("a.png", "anomaly"))
    project.work()
    assert describe(project)["Status"] == "UPDATE_COMPLETE"


def test_work_that_was_accepted_is_done_after_a_new_start(project: House) -> None:
    source = write_manifest(project.root, "train.manifest", [line("a.png", "normal")])
    project.client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    later = project.again()
    later.work()
    assert describe(later)["Status"] == "CREATE_COMPLETE"
    change(later, line("b.png", "normal"))
    latest = later.again()
    latest.work()
    assert describe(latest)["Status"] == "UPDATE_COMPLETE" and len(entries(latest)) == 2


def test_filters(project: House) -> None:
    project.client.create_dataset(ProjectName="part", DatasetType="train")
    browser = json.loads(line("day-3/e.png", "normal"))
    browser["anomaly-label-metadata"]["creation-date"] = "Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)"
    lines = [
        line("day-1/a.png", "normal", day="2026-03-01"),
        line("day-1/b.png", "anomaly", "m.png", day="2026-03-01"),
        line("day-2/c.png", "normal", day="2026-03-02"),
        line("day-2/d.png", None),
        json.dumps(browser),
    ]
    change(project, *lines)
    project.work()

    def chosen(**filters: object) -> str:
        return "".join(json.loads(each)["source-ref"][-5] for each in entries(project, **filters))

    assert chosen() == "abcde"
    assert chosen(Labeled=True) == "abce" and chosen(Labeled=False) == "d"
    assert chosen(AnomalyClass="normal") == "ace" and chosen(AnomalyClass="anomaly") == "b"
    assert chosen(SourceRefContains="day-1/") == "ab" and chosen(SourceRefContains="m.png") == ""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert chosen(BeforeCreationDate=noon) == "abe"
    # A line that does not tell its date is as old as the dataset's last change.
    assert chosen(AfterCreationDate=noon) == "cd"
    assert chosen(AfterCreationDate=noon, Labeled=True, AnomalyClass="normal") == "c"
    assert chosen(BeforeCreationDate=datetime(2022, 8, 22, 20, 52, 52, tzinfo=UTC)) == ""
    assert chosen(BeforeCreationDate=datetime(2022, 8, 22, 20, 52, 53, tzinfo=UTC)) == "e"
    assert chosen(PaginationConfig={"PageSize": 2}) == "abcde"
    assert chosen(Labeled=True, PaginationConfig={"PageSize": 2}) == "abce"
