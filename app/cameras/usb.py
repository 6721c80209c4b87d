"""USB cameras through OpenCV, and the list of those that are plugged in."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import cv2
import numpy as np

from app.cameras.background import BackgroundSource
from app.cameras.facts import Facts, usb_facts
from app.cameras.held import NOTHING, Held, split_held
from app.domain.errors import SourceError
from app.domain.frame import Image
from app.pictures import natural_key

_SYSFS = Path("/sys/class/video4linux")
_PROBED_INDICES = range(4)
_WIDTH, _HEIGHT = 1280, 720
_OPEN_TIMEOUT, _READ_TIMEOUT = 10.0, 5.0
_FAILED_READS = 8
_USUAL_SIZES = (
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 720),
    (1280, 960),
    (1600, 1200),
    (1920, 1080),
    (2048, 1536),
    (2560, 1440),
    (2592, 1944),
    (3840, 2160),
)
HELD = ("size", "exposure", "gain", "white_balance", "focus")
"""Settings a USB camera's address may hold (see app/cameras/held.py)."""


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


def usb_sizes(index: int, opener: Opener = cv2.VideoCapture) -> list[tuple[int, int]]:
    """(width, height) of the usual picture sizes that a camera takes, the smallest first; [] while something uses it.

    Takes a second or two: the camera is opened and asked for one after the other.
    """
    capture = opener(index, backend())
    try:
        if not capture.isOpened():
            return []
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        found = set()
        for width, height in _USUAL_SIZES:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
            # One it does not have becomes its nearest: that is another one of its sizes.
            given = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            if min(given) > 0:
                found.add(given)
        return sorted(found)
    finally:
        capture.release()


class UsbCamera(BackgroundSource):
    """Camera number `index` of this computer, asked for 1280 x 720 (it gives its nearest) unless another size is held.

    Args:
        index: from 0, as in "usb:0".
        opener: makes the capture; `cv2.VideoCapture` but in tests.
        read_timeout: seconds without a picture after which the camera counts as lost.
        held: what its address holds fast.
    """

    def __init__(
        self,
        index: int,
        opener: Opener = cv2.VideoCapture,
        *,
        read_timeout: float = _READ_TIMEOUT,
        held: Held = NOTHING,
        address: str = "",
    ) -> None:
        self._index = index
        self._held = held
        self._opener = opener
        self.facts: Facts = {}
        """What the camera was set to when it was last opened."""
        super().__init__(
            address or f"usb:{index}", self._connect, open_timeout=_OPEN_TIMEOUT, read_timeout=read_timeout
        )

    @classmethod
    def at(cls, address: str) -> Self:
        """The camera an address names, `usb:0` or `usb:0?size=1920x1080&exposure=-6`; SourceError where none."""
        place, held = split_held(address, HELD, colours=1)
        number = place.partition(":")[2]
        if not (number.isascii() and number.isdigit()):
            raise SourceError(f"{address} names no camera: write its number, usb:0 for the first.")
        return cls(int(number), held=held, address=address)

    def _connect(self) -> _UsbDevice:
        capture = self._opener(self._index, backend())
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.address} can't be opened. {self._way_out()}")
        # Compressed on the cable: uncompressed 1280 x 720 leaves 10 frames a second on USB 2.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        width, height = self._held.size or (_WIDTH, _HEIGHT)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        try:
            self._hold(capture)
        except SourceError:
            capture.release()
            raise
        self.facts = usb_facts(capture.get)
        return _UsbDevice(self.address, capture)

    def _hold(self, capture: Capture) -> None:
        """Switches automatics off and sets what is held; SourceError where the camera refuses."""
        held = self._held
        if held.size is not None:
            given = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            if given != held.size:
                raise SourceError(
                    f"{self.address} has no pictures of {held.size[0]} x {held.size[1]}; its nearest are "
                    f"{given[0]} x {given[1]}: write size={given[0]}x{given[1]}."
                )
        balance = None if held.white_balance is None else held.white_balance[0]
        refused = []
        for name, value, setting, automatic, off in (
            ("exposure", held.exposure, cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_EXPOSURE, _manual_exposure()),
            ("gain", held.gain, cv2.CAP_PROP_GAIN, None, 0.0),
            ("white balance", balance, cv2.CAP_PROP_WB_TEMPERATURE, cv2.CAP_PROP_AUTO_WB, 0.0),
            ("focus", held.focus, cv2.CAP_PROP_FOCUS, cv2.CAP_PROP_AUTOFOCUS, 0.0),
        ):
            if value is None:
                continue
            if automatic is not None:
                capture.set(automatic, off)  # a camera without the automatic refuses, and needs no switching off
            if not capture.set(setting, value):
                refused.append(f"{name} {value:g}")
        if refused:
            raise SourceError(
                f"{self.address} does not take {' nor '.join(refused)}: try another value, or leave it out of the "
                "address."
            )

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


def _manual_exposure() -> float:
    """What OpenCV's drivers call "no automatic exposure"."""
    return 1.0 if platform.system() == "Linux" else 0.25


def _as_bgr(image: Image) -> Image:
    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8)
    elif image.shape[2] == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR).astype(np.uint8)
    # A copy: some backends reuse their buffer for the next picture.
    return np.array(image, np.uint8, order="C")
