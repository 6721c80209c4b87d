"""USB cameras through OpenCV, and the list of those that are plugged in."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from app.cameras.background import BackgroundCapture
from app.cameras.base import SourceTraits
from app.cameras.facts import Facts, usb_facts
from app.domain.errors import SourceError
from app.domain.frame import Frame, Image
from app.pictures import natural_key

_SYSFS = Path("/sys/class/video4linux")
_PROBED_INDICES = range(4)
_WIDTH, _HEIGHT = 1280, 720
_OPEN_TIMEOUT, _READ_TIMEOUT = 10.0, 5.0
_FAILED_READS = 8


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`; tests bring their own."""

    def isOpened(self) -> bool: ...

    def read(self) -> tuple[bool, Any]: ...

    def set(self, propId: int, value: float) -> bool: ...

    def get(self, propId: int) -> float: ...

    def release(self) -> None: ...


Opener = Callable[[int, int], Capture]
"""(camera number, OpenCV backend) -> capture."""


def backend() -> int:
    """OpenCV's way to cameras on this platform (the first in its own order may be a file reader)."""
    return {
        "Linux": cv2.CAP_V4L2,
        "Windows": cv2.CAP_DSHOW,  # opens in a fraction of a second, Media Foundation takes many
        "Darwin": cv2.CAP_AVFOUNDATION,
    }.get(platform.system(), cv2.CAP_ANY)


def usb_cameras(sysfs: Path = _SYSFS, opener: Opener = cv2.VideoCapture) -> list[tuple[int, str]]:
    """(number, name) of the cameras plugged in, by number.

    Linux says so itself; elsewhere numbers 0 to 3 are opened in turn, which may take seconds and
    blink their lights.
    """
    if platform.system() == "Linux":
        return _listed_cameras(sysfs)
    found = []
    for index in _PROBED_INDICES:
        capture = opener(index, backend())
        if capture.isOpened():
            found.append((index, f"Camera {index}"))
        capture.release()
    return found


def _listed_cameras(sysfs: Path) -> list[tuple[int, str]]:
    found = []
    for node in sorted(sysfs.glob("video*"), key=lambda path: natural_key(path.name)):
        number = node.name.removeprefix("video")
        try:
            # A camera has further nodes, index 1 and up, for metadata: no pictures come from those.
            if number.isdigit() and _text(node / "index", "0") == "0":
                found.append((int(number), _text(node / "name", f"Camera {number}")))
        except OSError:  # unplugged while looking
            continue
    return found


def _text(file: Path, default: str) -> str:
    return file.read_text("utf-8", "replace").strip() if file.exists() else default


class UsbCamera:
    """Camera number `index` of this computer, asked for 1280 x 720 (it gives its nearest).

    Args:
        index: from 0, as in "usb:0".
        opener: makes the capture; `cv2.VideoCapture` but in tests.
        read_timeout: seconds without a picture after which the camera counts as lost.
    """

    def __init__(self, index: int, opener: Opener = cv2.VideoCapture, *, read_timeout: float = _READ_TIMEOUT) -> None:
        self._index = index
        self._opener = opener
        self.facts: Facts = {}
        """What the camera was set to when it was last opened."""
        self._capture = BackgroundCapture(
            self.address, self._connect, open_timeout=_OPEN_TIMEOUT, read_timeout=read_timeout
        )

    @property
    def address(self) -> str:
        return f"usb:{self._index}"

    @property
    def traits(self) -> SourceTraits:
        return SourceTraits(live=True, parts=False, endless=True)

    @property
    def dropped(self) -> int:
        """Pictures replaced by newer ones before they were read."""
        return self._capture.dropped

    def open(self) -> None:
        self._capture.open()

    def read(self) -> Frame | None:
        return self._capture.read()

    def stop(self) -> None:
        self._capture.stop()

    def close(self) -> None:
        self._capture.close()

    def _connect(self) -> _UsbDevice:
        capture = self._opener(self._index, backend())
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.address} can't be opened. {self._way_out()}")
        # Compressed on the cable: uncompressed 1280 x 720 leaves 10 frames a second on USB 2.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, _WIDTH)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, _HEIGHT)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.facts = usb_facts(capture.get)
        return _UsbDevice(self.address, capture)

    def _way_out(self) -> str:
        if platform.system() != "Linux":
            return "Check its plug, that no other program uses it, and that the privacy settings allow cameras."
        cameras = _listed_cameras(_SYSFS)
        if any(index == self._index for index, _ in cameras):
            return "It is plugged in: close other programs that use it, and make sure this user is in the group video."
        if not cameras:
            return "No camera is plugged into this computer: check its plug."
        others = ", ".join(f"usb:{index} ({name})" for index, name in cameras)
        return f"There is no camera of this number: check its plug, or choose one of {others}."


class _UsbDevice:
    """An opened capture; see `app.cameras.background.Device`."""

    def __init__(self, address: str, capture: Capture) -> None:
        self._address = address
        self._capture = capture

    def grab(self) -> Image:
        # One picture may arrive damaged; a camera that fails in a row is gone.
        for _ in range(_FAILED_READS):
            try:
                ok, image = self._capture.read()
            except cv2.error:
                ok, image = False, None
            if ok and image is not None and image.size:
                return _as_bgr(image)
            time.sleep(0.05)
        raise SourceError(
            f"{self._address} gives no pictures any more: it looks unplugged. "
            "Check its plug; it is tried again by itself."
        )

    def release(self) -> None:
        self._capture.release()


def _as_bgr(image: Image) -> Image:
    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8)
    elif image.shape[2] == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR).astype(np.uint8)
    # A copy: some backends reuse their buffer for the next picture.
    return np.array(image, np.uint8, order="C")
