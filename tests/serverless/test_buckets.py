"""Buckets: one suite over every kind of them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.serverless.buckets import BucketError, Buckets, FolderBuckets, S3Buckets


@pytest.fixture(scope="module")
def s3(monkeypatch_module: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket="parts")
    yield url
    server.stop()


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield patch


@pytest.fixture(params=["folder", "s3"])
def buckets(request: pytest.FixtureRequest, tmp_path: Path) -> Buckets:
    if request.param == "s3":
        return S3Buckets(request.getfixturevalue("s3"))
    (tmp_path / "root" / "parts").mkdir(parents=True)
    return FolderBuckets(tmp_path / "root")


def test_what_was_written_is_read(buckets: Buckets) -> None:
    buckets.write("parts", "day 1/ä+b%20.json", b"first", "application/json")
    assert buckets.read("parts", "day 1/ä+b%20.json") == b"first"
    buckets.write("parts", "day 1/ä+b%20.json", b"second")
    assert buckets.read("parts", "day 1/ä+b%20.json") == b"second"
    assert buckets.exists("parts", "day 1/ä+b%20.json")
    assert not buckets.exists("parts", "day 1")


def test_what_is_missing_is_named(buckets: Buckets) -> None:
    with pytest.raises(BucketError, match=r"s3://parts/none\.png does not exist"):
        buckets.read("parts", "none.png")
    with pytest.raises(BucketError, match=r"s3://elsewhere/a\.png does not exist"):
        buckets.read("elsewhere", "a.png")
    with pytest.raises(BucketError):
        buckets.read("parts", "none.png", version="7")
    assert not buckets.exists("parts", "none.png")


def test_an_object_larger_than_allowed_is_not_read(buckets: Buckets) -> None:
    buckets.write("parts", "large", bytes(11))
    assert buckets.read("parts", "large", most=11) == bytes(11)
    with pytest.raises(BucketError, match="larger than 10 bytes"):
        buckets.read("parts", "large", most=10)


def test_a_local_file_has_the_bytes_and_the_ending(buckets: Buckets, tmp_path: Path) -> None:
    buckets.write("parts", "a/b/picture.png", b"pixels")
    path = buckets.local("parts", "a/b/picture.png", tmp_path / "cache")
    assert path.read_bytes() == b"pixels" and path.suffix == ".png"
    assert buckets.local("parts", "a/b/picture.png", tmp_path / "cache") == path
    with pytest.raises(BucketError, match="does not exist"):
        buckets.local("parts", "a/b/none.png", tmp_path / "cache")


def test_they_can_be_handed_to_another_process(buckets: Buckets) -> None:
    buckets.write("parts", "x", b"1")
    other: Buckets = pickle.loads(pickle.dumps(buckets))
    assert other.read("parts", "x") == b"1"


def test_a_place_for_results_is_checked_first(buckets: Buckets, tmp_path: Path) -> None:
    buckets.check_output("parts")
    if isinstance(buckets, S3Buckets):
        with pytest.raises(BucketError, match="The bucket elsewhere does not exist"):
            buckets.check_output("elsewhere")
    else:
        buckets.check_output("elsewhere")  # a folder is made when it is needed


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        ("parts", "../secret"),
        ("parts", "a/../../secret"),
        ("..", "secret"),
        (".", "secret"),
        ("", "secret"),
        ("parts/..", "secret"),
        ("parts", "a\0b"),
        ("parts", "folder/"),
        ("parts", ""),
    ],
)
def test_no_key_leads_out_of_the_folder(tmp_path: Path, bucket: str, key: str) -> None:
    (tmp_path / "root" / "parts").mkdir(parents=True)
    (tmp_path / "root" / "secret").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    buckets = FolderBuckets(tmp_path / "root")
    with pytest.raises(BucketError, match="can't be the name of a file"):
        buckets.read(bucket, key)
    with pytest.raises(BucketError, match="can't be the name of a file"):
        buckets.write(bucket, key, b"")
    assert (tmp_path / "secret").read_text() == "secret"


def test_double_slashes_of_manifests_in_the_wild_are_taken_for_one(tmp_path: Path) -> None:
    buckets = FolderBuckets(tmp_path)
    buckets.write("parts", "a/b.png", b"1")
    assert buckets.read("parts", "a//b.png") == b"1"
    assert buckets.read("parts", "/a/b.png") == b"1"


def test_a_folder_that_cant_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "parts").write_text("a file, not a folder")
    buckets = FolderBuckets(tmp_path)
    with pytest.raises(BucketError, match=r"s3://parts/x can't be written"):
        buckets.write("parts", "x", b"")
    with pytest.raises(BucketError, match="The bucket parts can't be written"):
        buckets.check_output("parts")
