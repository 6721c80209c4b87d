"""Labelled sets to a bucket and back: nothing is lost, nothing is sent twice, and a stop is gone on with."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from app.cloud.session import CloudError, CloudSession
from app.cloud.transfers import download, upload
from app.datasets import read_dataset
from app.domain.errors import Cancelled, DatasetError
from tests.cli.conftest import Ended, command
from tests.cloud.signature import REGION
from tests.serverless.parts import draw, encoded

__all__ = ["command"]


@pytest.fixture
def bucket(session: CloudSession) -> str:
    name = f"sets-{uuid.uuid4().hex[:12]}"
    session.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def quiet(_fraction: float, _words: str) -> None:
    pass


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    """A set of good parts and spots, with masks, as folders."""
    root = tmp_path / "plates"
    for kind, defect, numbers in (("normal", "", range(4)), ("anomaly/spot", "spot", range(10, 13))):
        (root / kind).mkdir(parents=True)
        for number in numbers:
            picture, _ = draw(number, defect)
            (root / kind / f"{number}.png").write_bytes(encoded(picture))
    return root


def test_a_set_goes_to_the_bucket_and_comes_back_by_the_command_line(
    plates: Path, bucket: str, session: CloudSession, tmp_path: Path, moto_address: str, command: Callable[..., Ended]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.toml").write_text(f'aws_region = "{REGION}"\naws_endpoint = "{moto_address}"\n', "utf-8")
    place = f"s3://{bucket}/sets/plates"
    sent = command("cloud", "upload", plates, place, "--json", "--data-dir", data)
    assert sent.code == 0 and sent.json["known"] == 0 and sent.json["files"] >= 8 and sent.json["problems"] == []
    again = command("cloud", "upload", plates, place, "--json", "--data-dir", data).json
    assert again["files"] <= 2 and again["known"] >= 7, "only what tells when it was written is sent again"

    root, out = tmp_path / "root", tmp_path / "out"
    got = command("cloud", "download", place, "--out", root, "--json", "--data-dir", data)
    assert got.code == 0 and got.json["files"] >= 8 and got.json["problems"] == []
    assert command("cloud", "download", place, "--out", root, "--json", "--data-dir", data).json["files"] == 0
    (project,) = command("dataset", "lookout", root, "--out", out, "--json").json["projects"]
    assert (project["normal"], project["anomaly"]) == (4, 3)
    back = read_dataset(Path(project["out"]))
    here = sorted(cv2.imread(str(path)).tobytes() for path in plates.rglob("*.png"))
    assert sorted(cv2.imread(str(item.path)).tobytes() for item in back.items) == here

    wrong = command("cloud", "upload", plates, "plates", "--data-dir", data)
    assert wrong.code == 1 and "write s3://BUCKET/FOLDER" in wrong.err


def test_what_a_manifest_names_elsewhere_is_fetched_too(bucket: str, session: CloudSession, tmp_path: Path) -> None:
    """As consoles of the old service laid it: manifests in one folder, pictures in others and other buckets."""
    s3, other = session.client("s3"), f"{bucket}-pictures"
    s3.create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": REGION})
    lines = []
    for number in range(3):
        s3.put_object(Bucket=other, Key=f"raw/{number}.png", Body=encoded(draw(number)[0]))
        told = {"class-name": "normal", "type": "groundtruth/image-classification"}
        entry = {"anomaly-label": 0, "anomaly-label-metadata": told}
        lines.append({"source-ref": f"s3://{other}/raw/{number}.png", **entry})
    lines.append(lines[0] | {"source-ref": f"s3://{other}/raw/gone.png"})
    lines.append(lines[0] | {"source-ref": f"s3://{other}/../../etc/passwd"})
    body = "\n".join(json.dumps(each) for each in lines).encode()
    s3.put_object(Bucket=bucket, Key="projects/gear/manifests/train/output.manifest", Body=body)
    moved = download(session, f"s3://{bucket}/projects/gear", tmp_path / "root", quiet)
    assert moved.files == 4 and moved.problems == (f"s3://{other}/raw/gone.png is not there.",)
    assert sorted(path.name for path in (tmp_path / "root" / other / "raw").iterdir()) == ["0.png", "1.png", "2.png"]
    assert not (tmp_path / "etc").exists()


def test_a_stop_leaves_whole_files_and_is_gone_on_with(bucket: str, session: CloudSession, tmp_path: Path) -> None:
    for number in range(6):
        session.client("s3").put_object(Bucket=bucket, Key=f"a/{number}.png", Body=bytes(100_000))

    def stop(fraction: float, _words: str) -> None:
        if fraction > 0.1:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        download(session, f"s3://{bucket}/a", tmp_path, stop)
    here = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert here and all(path.stat().st_size == 100_000 for path in here)
    moved = download(session, f"s3://{bucket}/a", tmp_path, quiet)
    assert moved.files + moved.known == 6 and moved.known == len(here)


def test_what_is_not_there_is_said_in_words(bucket: str, session: CloudSession, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="There is nothing in"):
        download(session, f"s3://{bucket}/nowhere", tmp_path, quiet)
    with pytest.raises(CloudError, match="no such bucket"):
        download(session, "s3://no-such-bucket-of-ours/x", tmp_path, quiet)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.txt").write_text("x")
    with pytest.raises(CloudError, match="no such bucket"):
        upload(session, tmp_path / "set", "s3://no-such-bucket-of-ours/x", quiet)
    with pytest.raises(DatasetError, match="s3://BUCKET/FOLDER"):
        download(session, "bucket/x", tmp_path, quiet)
