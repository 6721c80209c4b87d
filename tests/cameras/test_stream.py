"""RTSP cameras: wrong addresses on loopback, and a real GStreamer server where there is one."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.cameras.stream import RtspCamera
from app.domain.errors import SourceError


def failure(url: str, timeout: float = 2.0) -> str:
    """The words opening fails with."""
    camera = RtspCamera(url, timeout=timeout)
    try:
        with pytest.raises(SourceError) as error:
            camera.open()
    finally:
        camera.close()
    return str(error.value)


@pytest.fixture
def mute_server() -> Iterator[int]:
    """Takes connections and never says a word; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def web_server() -> Iterator[int]:
    """Answers everything as a web server that knows no RTSP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()
        server.settimeout(0.1)

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    try:
                        connection.recv(4096)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        ended.set()
        thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_closed_port_is_said_so() -> None:
    port = closed_port()
    words = failure(f"rtsp://127.0.0.1:{port}/cam")
    assert words.startswith(f"rtsp://127.0.0.1:{port}/cam refuses the connection")


def test_an_unknown_host_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real resolver may be slow, or answer everything.
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert "can't be found: nothing is called cam-7.example" in failure("rtsp://cam-7.example/1")


def test_no_way_to_the_host_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError(113, "No route to host")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    assert "can't be reached (No route to host)" in failure("rtsp://192.0.2.9/1")


def test_a_host_that_swallows_everything_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def swallow(address: object, timeout: float) -> None:
        threading.Event().wait(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", swallow)
    assert "does not answer within 0.2 s" in failure("rtsp://192.0.2.9/1", timeout=0.2)


def test_a_server_that_never_answers_is_given_up_in_time(mute_server: int) -> None:
    began = time.monotonic()
    words = failure(f"rtsp://127.0.0.1:{mute_server}/cam", timeout=0.6)
    assert "does not answer within" in words
    assert time.monotonic() - began < 2


def test_stop_does_not_wait_for_a_server_that_never_answers(mute_server: int) -> None:
    camera = RtspCamera(f"rtsp://127.0.0.1:{mute_server}/cam", timeout=3)
    ended = threading.Event()

    def use() -> None:
        camera.open()
        assert camera.read() is None
        ended.set()

    user = threading.Thread(target=use)
    user.start()
    assert not ended.wait(0.3)
    camera.stop()
    assert ended.wait(0.5)
    user.join()
    camera.close()


def test_something_that_speaks_no_rtsp_is_said_so(web_server: int) -> None:
    words = failure(f"rtsp://127.0.0.1:{web_server}/cam")
    assert "refuses the stream" in words or "answers, but" in words


def test_no_error_and_no_log_holds_the_password(
    web_server: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for port in (closed_port(), web_server):
        camera = RtspCamera(f"rtsp://operator:s3cret-word@127.0.0.1:{port}/cam", timeout=2)
        with pytest.raises(SourceError) as error:
            camera.open()
        logging.getLogger("test").error("failed", exc_info=error.value)
        camera.close()
        assert "s3cret" not in camera.address
    seen = caplog.text + "".join(capfd.readouterr())
    assert "failed" in seen
    assert "s3cret" not in seen


def test_a_wrong_path_is_404(rtsp_server: Any) -> None:
    words = failure(rtsp_server.url + "/nothing")
    assert "has no such stream (404)" in words


@pytest.mark.parametrize("credentials", ["", "operator:wrong-word@"])
def test_a_missing_or_wrong_password_is_401(rtsp_server: Any, credentials: str) -> None:
    words = failure(rtsp_server.locked(credentials))
    assert "(401)" in words
    assert "wrong-word" not in words


def test_the_right_password_opens_and_is_not_kept_in_the_frame(rtsp_server: Any) -> None:
    camera = RtspCamera(rtsp_server.locked("operator:s3cret-word@"))
    camera.open()
    frame = camera.read()
    camera.close()
    assert frame is not None
    assert frame.source == rtsp_server.locked()
    assert frame.size == (320, 240)


@pytest.mark.parametrize("scheme", ["rtsp", "rtspu"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_both_codecs_come_over_tcp_and_udp(rtsp_server: Any, scheme: str, codec: str) -> None:
    if codec == "hevc" and not rtsp_server.h265:
        pytest.skip("GStreamer here has no x265enc or rtph265pay: apt-get install gstreamer1.0-plugins-bad")
    url = rtsp_server.url.replace("rtsp:", f"{scheme}:", 1) + ("265" if codec == "hevc" else "")
    camera = RtspCamera(url)
    camera.open()
    frames = [camera.read() for _ in range(3)]
    facts = camera.facts
    camera.close()
    assert facts["codec"] == codec
    for frame in frames:
        assert frame is not None
        assert frame.source == url
        assert frame.size == (320, 240)
        assert frame.image.max() > 200 > frame.image.mean()  # the white ball on black


def test_a_frozen_camera_is_given_up_and_comes_back(own_rtsp_server: Callable[..., Any]) -> None:
    server = own_rtsp_server()
    camera = RtspCamera(server.url, timeout=1.5)
    camera.open()
    assert camera.read() is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"has sent no picture for 1\.5 s"):
        while True:
            camera.read()
    assert time.monotonic() - began < 3.5
    camera.close()
    os.kill(server.process.pid, signal.SIGCONT)
    camera.open()
    assert camera.read() is not None
    camera.close()


def test_a_camera_that_goes_away_is_lost_at_once_and_found_again(own_rtsp_server: Callable[..., Any]) -> None:
    server = own_rtsp_server()
    camera = RtspCamera(server.url, timeout=3)
    camera.open()
    assert camera.read() is not None
    server.process.kill()
    server.process.wait()
    with pytest.raises(SourceError, match=r"has ended the stream|has stopped sending"):
        while True:
            camera.read()
    camera.close()
    with pytest.raises(SourceError, match="refuses the connection"):
        camera.open()
    camera.close()
    own_rtsp_server(server.port)
    camera.open()
    assert camera.read() is not None
    camera.close()
