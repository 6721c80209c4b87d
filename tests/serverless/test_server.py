"""The server as it is started: another process, a socket, signals."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from app.cli import main
from app.cli.parser import Arguments
from tests.serverless.conftest import OUTPUT
from tests.serverless.house import KEY, SECRET, House
from tests.serverless.parts import draw, encoded, lay_in, write_manifest
from tests.serverless.running import Running, Start
from tests.serverless.waiting import settled, until

_UNIX = pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without a signal")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--port", "0", "--s3-root", ".", "--host", "0.0.0.0"], 2, "Give --access-key and --secret-file, or listen"),
        (["--port", "0", "--s3-root", ".", "--access-key", "AK"], 2, "belong together"),
        (["--port", "0", "--s3-root", ".", "--s3-endpoint", "http://127.0.0.1:9"], 2, "not allowed with"),
        (["--port", "0"], 2, "--s3-root"),
        (["--port", "70000", "--s3-root", "."], 2, "must be a port"),
        (["--port", "0", "--s3-endpoint", "127.0.0.1"], 2, "must be the address of a server"),
        (["--port", "0", "--s3-root", "no-such-folder"], 1, "no-such-folder does not exist"),
        (["--port", "0", "--s3-root", ".", "--access-key", "AK", "--secret-file", "no-such-file"], 1, "no-such-file"),
    ],
)
def test_what_was_asked_for_wrongly(
    arguments: list[str], code: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["lookout-server", *arguments], no_window) == code
    out, err = capfd.readouterr()
    assert words in err and out == ""


def no_window(options: Arguments) -> int:
    raise AssertionError("no command opens the window")


@_UNIX
def test_it_says_where_it_listens_and_ends_in_order(start: Start) -> None:
    server = start()
    assert server.url.startswith("http://127.0.0.1:")
    server.client(key="any", secret="thing").create_project(ProjectName="part")
    assert server.end() == 0
    assert server.process.stderr is not None and server.process.stderr.read() == ""
    # What it knew, it knows.
    assert start(data=server.data).client().list_projects()["Projects"][0]["ProjectName"] == "part"


@_UNIX
def test_with_a_key_others_are_refused(start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    server = start("--access-key", KEY, "--secret-file", tmp_path / "secret")
    server.client().create_project(ProjectName="part", ClientToken="one")
    # Encoded slashes in a path, and lists in a query, are signed as they stood on the wire.
    arn = "arn:aws:lookoutvision:eu-west-1:000000000000:model/part/1"
    for ask in ("list_tags_for_resource", "untag_resource"):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            getattr(server.client(), ask)(ResourceArn=arn, **({"TagKeys": ["a b", "c"]} if ask[0] == "u" else {}))
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        server.client(secret="wrong").list_projects()
    common = ["lookout-server", "--s3-root", str(server.root), "--data-dir"]
    assert main([*common, str(server.data), "--port", "0"], no_window) == 1
    port = urlsplit(server.url).port
    assert main([*common, str(tmp_path / "elsewhere"), "--port", str(port)], no_window) == 1
    said = capfd.readouterr().err
    assert "Another server uses" in said and f"127.0.0.1:{port} can't be listened on" in said


@pytest.fixture(scope="module")
def server(start: Start) -> Running:
    """One without keys, for tests that leave nothing behind."""
    return start()


@_UNIX
def test_bodies_have_limits_and_web_pages_no_business_here(server: Running) -> None:
    client = server.client()
    for _ in range(2):  # the connection is still good for the next request
        with pytest.raises(client.exceptions.ValidationException, match="at most 8388608 are taken"):
            client.detect_anomalies(ProjectName="p", ModelVersion="1", Body=bytes(9 << 20), ContentType="image/png")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.detect_anomalies(ProjectName="p", ModelVersion="1", Body=bytes(8 << 20), ContentType="image/png")
    host = urlsplit(server.url).netloc
    for headers, body, status in (
        ({"Origin": "http://example.com"}, b"{}", 403),
        ({}, b" " * (17 << 20), 400),
        ({"Transfer-Encoding": "chunked"}, iter([b"{", b"}"]), 400),
    ):
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("POST", "/2020-11-20/projects", body, headers)  # type: ignore[arg-type]
        assert connection.getresponse().status == status
        connection.close()
    assert client.list_projects()["Projects"] == []


@_UNIX
def test_more_pictures_than_there_is_room_for_are_throttled(server: Running) -> None:
    path = "/2020-11-20/projects/part/models/1/detect"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {8 << 20}\r\n\r\n"
    address = urlsplit(server.url)
    asking = {"ProjectName": "part", "ModelVersion": "1", "Body": b"x", "ContentType": "image/png"}

    def answer() -> str:
        with pytest.raises(ClientError) as refused:
            server.client().detect_anomalies(**asking)
        response = refused.value.response
        if response["Error"]["Code"] == "ThrottlingException":
            assert response["ResponseMetadata"]["HTTPStatusCode"] == 429 and response["QuotaCode"]
            assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
        code: str = response["Error"]["Code"]
        return code

    with contextlib.ExitStack() as open_:
        for _ in range(32):  # of 8 MB each: 256 MB
            connection = open_.enter_context(socket.create_connection((address.hostname, address.port)))
            connection.sendall(head.encode())
        until(lambda: answer() == "ThrottlingException")
        assert server.client().list_projects()["Projects"] == []  # what needs no room is answered
    until(lambda: answer() == "ResourceNotFoundException")


@_UNIX
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_training_ends_with_its_server_and_says_so_at_the_next_start(start: Start) -> None:
    server = start()
    client = server.client()
    client.create_project(ProjectName="part")
    source = write_manifest(server.root, "train.manifest", lay_in(server.root, "p", 20, 10, masks=False))
    client.create_dataset(ProjectName="part", DatasetType="train", DatasetSource=source)
    settled(client, "part", dataset="train")
    for _ in range(2):
        client.create_model(ProjectName="part", OutputConfig=OUTPUT)
    work = server.data / "lookout" / "work"
    until(lambda: any(work.glob("*/train.manifest")))
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(30)
    # No process is left that goes on writing.
    later = start(data=server.data, root=server.root)
    client = later.client()
    lost = client.describe_model(ProjectName="part", ModelVersion="1")["ModelDescription"]
    assert lost["Status"] == "TRAINING_FAILED" and "Train it again" in lost["StatusMessage"]
    # The one that waited is trained now, in a process of its own, and answers are given meanwhile.
    assert client.list_models(ProjectName="part")["Models"][1]["Status"] == "TRAINING"
    assert settled(client, "part", model="2")["Status"] == "TRAINED"
    assert later.end() == 0


@pytest.mark.slow
@_UNIX
def test_fifty_pictures_at_once(start: Start, learned: Path, tmp_path: Path) -> None:
    shutil.copytree(learned, tmp_path / "data")
    # Hosted before it starts: what was running comes back running.
    house = House(tmp_path / "data" / "lookout", tmp_path / "data" / "buckets")
    house.client.start_model(ProjectName="masked", ModelVersion="1", MinInferenceUnits=1)
    house.work()
    server = start(data=tmp_path / "data", root=tmp_path / "data" / "buckets")
    client = server.client()
    pictures = [
        (encoded(draw(7000 + number, "spot" if number % 2 else "")[0]), bool(number % 2)) for number in range(10)
    ]

    def detect(number: int) -> tuple[bool, bool] | str:
        body, expected = pictures[number % 10]
        try:
            found = client.detect_anomalies(
                ProjectName="masked", ModelVersion="latest", Body=body, ContentType="image/png"
            )
        except ClientError as error:
            code: str = error.response["Error"]["Code"]
            return code
        return found["DetectAnomalyResult"]["IsAnomalous"], expected

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(detect, range(50)))
    assert {each for each in answers if isinstance(each, str)} <= {"ThrottlingException"}
    told = [each for each in answers if not isinstance(each, str)]
    assert len(told) >= 40 and sum(said == true for said, true in told) >= 0.9 * len(told)
    assert server.end() == 0
