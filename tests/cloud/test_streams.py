"""Streams of the account: moto where it knows the operation, botocore's own stub (which checks against the service's
description) where it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.stub import Stubber

from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.cloud.video.streams import ImageGeneration, Streams
from tests.cloud.conftest import STREAM

IMAGES = ImageGeneration("parts", "line 1", "eu-central-1", 2000, "JPEG", 640, 480)


@pytest.fixture
def stub(control_plane: str, session: CloudSession) -> Iterator[Stubber]:
    with Stubber(session.client("kinesisvideo")) as stubber:
        yield stubber


def info(**changes: Any) -> dict[str, Any]:
    told = {
        "StreamName": STREAM,
        "StreamARN": "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/line-1/1520510457267",
    }
    return {"StreamInfo": told | {"Status": "ACTIVE", "Version": "v3", "DataRetentionInHours": 24} | changes}


def test_a_stream_is_made_once(streams: Streams) -> None:
    made = streams.make("press-2", retention_hours=48)
    assert (made.name, made.retention_hours, made.status) == ("press-2", 48, "ACTIVE")
    assert streams.make("press-2", retention_hours=1) == made
    assert "press-2" in streams.all()


def test_making_waits_until_it_is_there(session: CloudSession, stub: Stubber) -> None:
    waited: list[float] = []
    streams = Streams(session, clock=lambda: sum(waited), wait=waited.append)
    stub.add_client_error("describe_stream", "ResourceNotFoundException")
    stub.add_response(
        "create_stream", {}, {"StreamName": STREAM, "MediaType": "video/h264", "DataRetentionInHours": 24}
    )
    stub.add_response("describe_stream", info(Status="CREATING"))
    stub.add_response("describe_stream", info())
    assert streams.make(STREAM).status == "ACTIVE"
    assert waited == [1.0]
    stub.add_client_error("describe_stream", "ResourceNotFoundException")
    stub.add_response("create_stream", {})
    for _ in range(70):
        stub.add_response("describe_stream", info(Status="CREATING"))
    with pytest.raises(CloudError, match="still being made"):
        streams.make(STREAM)


@pytest.mark.parametrize(
    ("hours", "operation", "change"), [(72, "INCREASE_DATA_RETENTION", 48), (2, "DECREASE_DATA_RETENTION", 22)]
)
def test_how_long_it_keeps(streams: Streams, stub: Stubber, hours: int, operation: str, change: int) -> None:
    stub.add_response("describe_stream", info())
    expected = {
        "StreamName": STREAM,
        "CurrentVersion": "v3",
        "Operation": operation,
        "DataRetentionChangeInHours": change,
    }
    stub.add_response("update_data_retention", {}, expected)
    streams.keep_for(STREAM, hours)
    stub.assert_no_pending_responses()
    stub.add_response("describe_stream", info(DataRetentionInHours=hours))
    streams.keep_for(STREAM, hours)


def test_pictures_of_fragments(streams: Streams, stub: Stubber) -> None:
    written = {
        "Status": "ENABLED",
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "DestinationConfig": {"Uri": "s3://parts/line 1", "DestinationRegion": "eu-central-1"},
        "SamplingInterval": 2000,
        "Format": "JPEG",
        "FormatConfig": {"JPEGQuality": "90"},
        "WidthPixels": 640,
        "HeightPixels": 480,
    }
    asked = {"StreamName": STREAM, "ImageGenerationConfiguration": written}
    stub.add_response("update_image_generation_configuration", {}, asked)
    streams.generate_images(STREAM, IMAGES)
    stub.add_response("describe_image_generation_configuration", {"ImageGenerationConfiguration": written})
    assert streams.image_generation(STREAM) == IMAGES
    stub.add_response("describe_image_generation_configuration", {"ImageGenerationConfiguration": written})
    off = {"StreamName": STREAM, "ImageGenerationConfiguration": written | {"Status": "DISABLED"}}
    stub.add_response("update_image_generation_configuration", {}, off)
    streams.generate_images(STREAM, None)
    stub.add_response("describe_image_generation_configuration", {})
    assert streams.image_generation(STREAM) is None
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (lambda streams: streams.all(), "list_streams"),
        (lambda streams: streams.describe(STREAM), "describe_stream"),
        (lambda streams: streams.make(STREAM), "describe_stream"),
        (lambda streams: streams.image_generation(STREAM), "describe_image_generation_configuration"),
        (lambda streams: streams.generate_images(STREAM, IMAGES), "update_image_generation_configuration"),
        (lambda streams: streams.endpoint(STREAM, "PUT_MEDIA"), "get_data_endpoint"),
    ],
)
def test_a_missing_permission_is_named(
    streams: Streams, stub: Stubber, call: Callable[[Streams], Any], operation: str
) -> None:
    stub.add_client_error(operation, "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized")
    with pytest.raises(CloudError) as error:
        call(streams)
    action = "".join(word.capitalize() for word in operation.split("_"))
    assert f"permission kinesisvideo:{action}" in str(error.value)
    assert "arn:aws" not in str(error.value)


def test_an_endpoint_is_kept_for_an_hour(session: CloudSession, stub: Stubber) -> None:
    now = 0.0
    streams = Streams(session, clock=lambda: now)
    for number in range(3):
        stub.add_response("get_data_endpoint", {"DataEndpoint": f"https://s-{number}"})
    assert [streams.endpoint(STREAM, "GET_MEDIA") for _ in range(2)] == ["https://s-0"] * 2
    now = 3601.0
    assert streams.endpoint(STREAM, "GET_MEDIA") == "https://s-1"
    assert streams.endpoint(STREAM, "GET_MEDIA", renew=True) == "https://s-2"


def test_from_many_threads(streams: Streams) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert {one.name for one in pool.map(lambda _: streams.describe(STREAM), range(40))} == {STREAM}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (CloudAddress(profile="nobody"), "no AWS profile"),
        (CloudAddress(), "no AWS region"),
        (CloudAddress("eu-central-1", "", "http://127.0.0.1:1"), "can't be reached"),
        (CloudAddress("not a region"), "region"),
    ],
)
def test_what_is_wrong_with_the_account_is_told(
    address: CloudAddress, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(CloudError, match=words):
        Streams(CloudSession(address)).describe(STREAM)


def test_nothing_is_imported_for_a_session_that_is_not_used() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from app.cloud.session import *; import app.cloud.video.watcher, app.cloud.video.sender;"
        "import app.linking; CloudSession(CloudAddress());"
        "print(sorted({'boto3', 'botocore', 'aiohttp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
