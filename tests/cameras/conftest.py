"""What the tests of cameras share: pictures and clips made on the spot, a camera that is none, an RTSP server."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.domain.frame import Image
from app.pictures import encode_png

# A stream watched as a camera keeps the contract of cameras.
from tests.cloud.conftest import control_plane, make_watched, moto_address, plane, session  # noqa: F401

SYSTEM_PYTHON = "/usr/bin/python3"


def picture(value: int = 90, size: tuple[int, int] = (64, 48)) -> Image:
    """A grey picture with a bright upper left corner; size is (width, height)."""
    image = np.full((size[1], size[0], 3), value, np.uint8)
    image[: size[1] // 4, : size[0] // 4] = 250
    return image


@dataclass(frozen=True)
class Kit:
    """Makers of files for a test's folder."""

    def picture(self, path: Path, value: int = 90) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.png(value))
        return path

    def png(self, value: int = 90) -> bytes:
        return encode_png(picture(value))

    def clip(self, path: Path, frames: int = 10, fps: int = 25, size: tuple[int, int] = (160, 120)) -> Path:
        """An MPEG-4 clip; frame i is grey of value 40 + 4 i (200 at most) with a bright upper left corner."""
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=fps)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.bit_rate = 800_000
            for index in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(min(40 + 4 * index, 200), size), format="bgr24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path


@pytest.fixture
def kit() -> Kit:
    return Kit()


class FakeCapture:
    """Stands for `cv2.VideoCapture`: gives pictures until told otherwise.

    Attributes:
        plugged: while False it gives nothing, as a camera whose cable was pulled.
        hangs: while set, `read` does not come back, as a driver that is stuck.
    """

    def __init__(self, opens: bool = True, image: Image | None = None) -> None:
        self.opens = opens
        self.image = picture() if image is None else image
        self.plugged = True
        self.released = threading.Event()
        self.settings: dict[int, float] = {}
        self._free = threading.Event()
        self._free.set()
        self._pace = threading.Event()

    def isOpened(self) -> bool:
        return self.opens

    def get(self, propId: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 1280.0, cv2.CAP_PROP_EXPOSURE: -6.5}.get(propId, 0.0)

    def set(self, propId: int, value: float) -> bool:
        self.settings[propId] = value
        return True

    def read(self) -> tuple[bool, Image | None]:
        self._free.wait()
        self._pace.wait(0.01)
        return (True, self.image) if self.plugged else (False, None)

    def release(self) -> None:
        self.released.set()

    def hang(self) -> None:
        self._free.clear()

    def come_back(self) -> None:
        self._free.set()


@pytest.fixture
def make_capture() -> Iterator[Callable[..., FakeCapture]]:
    made: list[FakeCapture] = []

    def make(*args: object, **kwargs: object) -> FakeCapture:
        made.append(FakeCapture(*args, **kwargs))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for capture in made:
        capture.come_back()


@pytest.fixture(scope="session")
def pylon_emulator() -> tuple[str, str]:
    """Two cameras that Basler's pylon imitates; their serial numbers."""
    # pylon reads it when it is first loaded.
    os.environ["PYLON_CAMEMU"] = "2"
    pytest.importorskip("pypylon.pylon", reason="pypylon is not installed: bootstrap.py setup --extra basler")
    return "0815-0000", "0815-0001"


@pytest.fixture(scope="session")
def gentl_driver() -> str:
    """The simulated driver that comes with the package genicam: three cameras of the serial numbers 0, 1, 2."""
    missing = "GenICam's packages can't be loaded: bootstrap.py setup --extra genicam"  # or Python's shared library
    pytest.importorskip("harvesters.core", reason=missing, exc_type=ImportError)
    genicam = pytest.importorskip("genicam", exc_type=ImportError)
    driver = next(Path(genicam.__file__).parent.rglob("*.cti"), None)
    if driver is None:
        pytest.skip("this build of the package genicam brings no simulated driver")
    return str(driver)


@dataclass(frozen=True)
class RtspServer:
    """A running server; `url` serves anyone, `locked` needs operator and s3cret-word."""

    process: subprocess.Popen[str]
    port: int
    locked_port: int
    h265: bool = False

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/cam"

    def locked(self, credentials: str = "") -> str:
        return f"rtsp://{credentials}127.0.0.1:{self.locked_port}/cam"


def start_rtsp_server(port: int = 0) -> RtspServer:
    if not Path(SYSTEM_PYTHON).exists() or shutil.which(SYSTEM_PYTHON) is None:
        pytest.skip(f"{SYSTEM_PYTHON} is not here: no GStreamer RTSP server")
    script = Path(__file__).with_name("rtsp_server.py")
    process = subprocess.Popen(
        [SYSTEM_PYTHON, str(script), str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    ready, _, _ = select.select([process.stdout], [], [], 20)
    words = process.stdout.readline().split() if ready else []
    if words[:1] != ["PORTS"]:
        process.kill()
        reason = (process.communicate()[1].strip().splitlines() or ["it says nothing"])[-1]
        pytest.skip(f"no GStreamer RTSP server ({reason}): apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 ...")
    return RtspServer(process, int(words[1]), int(words[2]), "h265" in words)


def end_rtsp_server(server: RtspServer) -> None:
    server.process.kill()
    server.process.communicate()


@pytest.fixture(scope="session")
def rtsp_server() -> Iterator[RtspServer]:
    """One server for all tests that leave it as it is."""
    server = start_rtsp_server()
    yield server
    end_rtsp_server(server)


@pytest.fixture
def own_rtsp_server() -> Iterator[Callable[..., RtspServer]]:
    """Starts servers a test may freeze or end."""
    servers: list[RtspServer] = []

    def start(port: int = 0) -> RtspServer:
        servers.append(start_rtsp_server(port))
        return servers[-1]

    yield start
    for server in servers:
        end_rtsp_server(server)
