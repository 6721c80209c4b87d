"""From reviews to a proposal, step by step, on the events that table, bucket and queue really make."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.datasets import Item
from app.domain.errors import LinesightError
from app.serverless import feedback, train
from app.serverless.released import Released
from app.serverless.snapshots import Snapshot, is_for_testing, kept_key, newest, with_reviews
from tests.serverless.parts import draw, encoded, line
from tests.serverless.stack.cloud import MODELS, PICTURES, Cloud, client

JOB = train.Job(
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/linesight:1",
    "arn:aws:iam::123456789012:role/train",
    "ml.m5.xlarge",
    "arn:aws:kms:eu-west-1:123456789012:key/1",
)


class School:
    """Both functions, with the queues between them."""

    def __init__(self, cloud: Cloud, cache: Path) -> None:
        self.cloud = cloud
        self.train_queue, self.feedback_queue = cloud.queue("train"), cloud.queue("feedback")
        self.topic, self.heard = cloud.topic("proposals")
        cloud.tells(MODELS, self.feedback_queue)
        self.train = train.Parts(cloud.s3, client("sagemaker"), MODELS, 100, JOB, "linesight")
        self.feedback = feedback.Parts(
            s3=cloud.s3,
            sqs=cloud.sqs,
            sns=cloud.sns,
            dynamodb=cloud.dynamodb,
            released=Released(cloud.s3, MODELS, cache),
            models=MODELS,
            reviews="reviews",
            queue=self.train_queue,
            topic=self.topic,
            minimum=10,
        )

    def review(self, number: int, defect: str = "", label: str = "", at: str = "2026-03-02T10:00:00.000+00:00") -> None:
        """Somebody looks at a picture; with no `label` given, rightly."""
        key = picture(number, defect)
        self.cloud.put(PICTURES, key, encoded(draw(number, defect)[0]))
        label = label or ("anomaly" if defect else "normal")
        words = {
            "Id": f"{key}-{label}-{at}",
            "Product": "plate",
            "Picture": f"s3://{PICTURES}/{key}",
            "Label": label,
            "Type": defect if label == "anomaly" else "",
            "ReviewedAt": at,
        }
        self.cloud.dynamodb.put_item(TableName="reviews", Item={name: {"S": value} for name, value in words.items()})

    def hear_reviews(self) -> dict[str, Any]:
        return feedback.take_all(self.feedback, self.cloud.changes("reviews"))

    def learn(self) -> list[str]:
        return self.cloud.deliver(self.train_queue, lambda event: train.train_all(self.train, event))

    def propose(self) -> list[str]:
        return self.cloud.deliver(self.feedback_queue, lambda event: feedback.take_all(self.feedback, event))

    def manifest(self, number: int) -> list[dict[str, Any]]:
        data = self.cloud.read(MODELS, Snapshot("plate", number).key("snapshot.manifest"))
        return [json.loads(each) for each in data.decode().splitlines()]


@pytest.fixture
def school(cloud: Cloud, tmp_path: Path) -> School:
    return School(cloud, tmp_path)


def picture(number: int, defect: str = "") -> str:
    return f"pictures/line-4/top/plate/{defect or 'good'}-{number}.png"


def kept(number: int, defect: str = "") -> str:
    """The copy that a snapshot has of it."""
    return f"s3://{MODELS}/{kept_key('plate', f's3://{PICTURES}/{picture(number, defect)}')}"


def numbers(tested: bool, many: int, first: int = 0, defect: str = "") -> list[int]:
    """The first numbers whose pictures are, or are not, kept for testing."""
    found = []
    while len(found) < many:
        item = Item(Path("x"), kept(first, defect), None)
        if is_for_testing(item) == tested:
            found.append(first)
        first += 1
    return found


def test_reviews_become_a_snapshot_a_candidate_and_a_proposal(school: School, cloud: Cloud) -> None:
    for number in (*numbers(False, 8), *numbers(True, 2)):
        school.review(number)
    for number in (*numbers(False, 2, 1000, "spot"), *numbers(True, 2, 1000, "spot")):
        school.review(number, "spot")
    assert school.hear_reviews() == {"batchItemFailures": []}
    assert len(school.manifest(1)) == 14
    assert school.hear_reviews() == {"batchItemFailures": []}  # a stream may tell twice
    assert newest(cloud.s3, MODELS, "plate") == Snapshot("plate", 1)

    assert school.learn() == []
    candidate = json.loads(cloud.read(MODELS, "candidates/plate/0001/candidate.json"))
    assert candidate["pictures"] == 10 and candidate["left_out"] == []

    assert school.propose() == []
    proposal = json.loads(cloud.read(MODELS, "candidates/plate/0001/proposal.json"))
    assert proposal["candidate"]["normals"] == proposal["candidate"]["anomalies"] == 2
    assert proposal["released"] is None and "No model is released yet" in proposal["words"]
    (notice,) = cloud.heard(school.heard)
    assert notice["Subject"] == "Model proposal - plate 1" and notice["Message"] == proposal

    # What it says is released as it stands there, and loads.
    told = proposal["to_release"]
    cloud.put(MODELS, told["key"], json.dumps(told["content"]).encode())
    detector, release = Released(cloud.s3, MODELS, Path(school.feedback.released._cache)).detector("plate")
    assert release.version == 1 and detector.detect(draw(1200, "spot")[0]).verdict == "FAIL"

    # Told again, it does nothing again.
    cloud.put(MODELS, "candidates/plate/0001/candidate.json", json.dumps(candidate).encode())
    school.propose()
    assert cloud.heard(school.heard) == []


def test_too_few_reviews_make_no_snapshot(school: School, cloud: Cloud) -> None:
    for number in range(9):
        school.review(number)
    school.hear_reviews()
    assert newest(cloud.s3, MODELS, "plate") is None and cloud.receive(school.train_queue) == []


def test_a_snapshot_builds_on_the_one_before_and_the_newest_review_counts(school: School, cloud: Cloud) -> None:
    begun = "".join(f"{line(f'old/{number}.png', 'normal', bucket=PICTURES)}\n" for number in range(3))
    cloud.put(MODELS, "candidates/plate/0000/snapshot.manifest", begun.encode())
    for number in range(9):
        school.review(number)
    school.review(3, label="anomaly", at="2026-03-05T10:00:00.000+00:00")
    school.hear_reviews()
    lines = {each["source-ref"]: each for each in school.manifest(1)}
    assert len(lines) == 12
    assert lines[kept(3)]["anomaly-label-metadata"]["class-name"] == "anomaly"
    for number in range(20, 29):
        school.review(number)
    school.hear_reviews()
    assert newest(cloud.s3, MODELS, "plate") == Snapshot("plate", 1)
    school.review(29)
    for key in cloud.keys(PICTURES):  # as they are after PictureDays
        cloud.s3.delete_object(Bucket=PICTURES, Key=key)
    school.review(30)
    school.hear_reviews()
    # What was kept before stays; what went before it was kept can't be learned from.
    assert {each["source-ref"] for each in school.manifest(2)} == {*lines, kept(30)}


def test_a_kind_of_defect_comes_back_from_a_manifest(tmp_path: Path) -> None:
    from app.datasets.manifest import read_manifest

    (tmp_path / "a.png").write_bytes(encoded(draw(1)[0]))
    words = {
        "Picture": "a.png",
        "Label": "anomaly",
        "Type": "Kratzer, tief",
        "ReviewedAt": "2026-03-02T10:00:00.000+00:00",
    }
    manifest = with_reviews(b"", [{name: {"S": value} for name, value in words.items()}])
    (tmp_path / "m.manifest").write_bytes(manifest)
    (item,) = read_manifest(tmp_path / "m.manifest").items
    assert (item.label, item.type) == ("anomaly", "Kratzer, tief")


def test_a_large_snapshot_is_handed_over_once(school: School, cloud: Cloud) -> None:
    lines = "".join(f"{line(f'{number}.png', 'normal', bucket=PICTURES)}\n" for number in range(101))
    cloud.put(MODELS, "candidates/Plätte 7/0003/snapshot.manifest", lines.encode())
    asked: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params)  # moto does not tell all of them again

    school.train.sagemaker.meta.events.register_first("provide-client-params.sagemaker.CreateTrainingJob", note)
    for _ in range(2):
        body = json.dumps({"product": "Plätte 7", "snapshot": 3})
        cloud.sqs.send_message(QueueUrl=school.train_queue, MessageBody=body)
        assert school.learn() == []
    name = train.job_name("linesight", Snapshot("Plätte 7", 3))
    school.train.sagemaker.meta.events.unregister("provide-client-params.sagemaker.CreateTrainingJob", note)
    job = school.train.sagemaker.describe_training_job(TrainingJobName=name)
    assert asked[0]["Environment"] == {
        "PRODUCT": "Plätte 7",
        "SNAPSHOT": "3",
        "MODELS_BUCKET": MODELS,
        "STACK": "linesight",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    assert job["AlgorithmSpecification"]["TrainingImage"] == JOB.image
    assert len(school.train.sagemaker.list_training_jobs()["TrainingJobSummaries"]) == 1


def test_what_can_not_be_learned_comes_again_and_says_why(
    school: School, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.put(
        MODELS, "candidates/plate/0001/snapshot.manifest", f"{line('gone.png', 'normal', bucket=PICTURES)}\n".encode()
    )
    for body in (json.dumps({"product": "plate", "snapshot": 1}), "{}", json.dumps({"product": "gear", "snapshot": 1})):
        cloud.sqs.send_message(QueueUrl=school.train_queue, MessageBody=body)
    assert len(school.learn()) == 3
    for words in ("no usable good part", "No snapshot is named", "There is no snapshot"):
        assert words in caplog.text
    with pytest.raises(LinesightError):
        train.learn(replace(school.train, job=None), Snapshot("plate", 1))


def test_the_same_model_again_is_not_recommended(school: School, cloud: Cloud, model: bytes) -> None:
    release = cloud.release("plate", model)
    folder = "candidates/plate/0001"
    tested = [(number, "") for number in numbers(True, 2)] + [
        (number, "spot") for number in numbers(True, 2, 1000, "spot")
    ]
    for number, defect in tested:
        cloud.put(MODELS, kept(number, defect).split("/", 3)[3], encoded(draw(number, defect)[0]))
    lines = [line(kept(*each).split("/", 3)[3], "anomaly" if each[1] else "normal", bucket=MODELS) for each in tested]
    cloud.put(MODELS, f"{folder}/snapshot.manifest", "\n".join(lines).encode())
    described = {"product": "plate", "snapshot": 1, "key": release.key, "version_id": release.version_id}
    cloud.put(
        MODELS, f"{folder}/candidate.json", json.dumps(described | {"sha256": release.sha256, "pictures": 11}).encode()
    )
    assert school.propose() == []
    proposal = json.loads(cloud.read(MODELS, f"{folder}/proposal.json"))
    assert proposal["candidate"] == proposal["released"] and not proposal["recommended"]
    assert "alike" in proposal["words"]
