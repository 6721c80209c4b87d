"""USB cameras, with a capture of the tests' own in place of OpenCV's."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.cameras.usb import UsbCamera, usb_cameras, usb_sizes
from app.domain.errors import SourceError

MakeCapture = Callable[..., Any]


def test_a_missing_camera_is_named_with_the_way_out(make_capture: MakeCapture) -> None:
    capture = make_capture(opens=False)
    camera = UsbCamera(7, lambda index, backend: capture)
    with pytest.raises(SourceError, match=r"^usb:7 can't be opened\. .*(plug|program)"):
        camera.open()
    assert capture.released.is_set()


def test_the_real_opencv_reports_a_missing_camera() -> None:
    camera = UsbCamera(63)
    with pytest.raises(SourceError, match=r"^usb:63 can't be opened"):
        camera.open()
    camera.close()


def test_the_camera_number_and_the_platforms_backend_are_asked_for(make_capture: MakeCapture) -> None:
    asked: list[tuple[int, int]] = []

    def opener(index: int, backend: int) -> Any:
        asked.append((index, backend))
        return make_capture()

    camera = UsbCamera(2, opener)
    camera.open()
    camera.close()
    assert asked[0][0] == 2
    if platform.system() == "Linux":
        assert asked[0][1] == cv2.CAP_V4L2


def test_an_unplugged_camera_is_said_so_and_let_go(make_capture: MakeCapture) -> None:
    capture = make_capture()
    camera = UsbCamera(0, lambda index, backend: capture)
    camera.open()
    assert camera.read() is not None
    capture.plugged = False
    with pytest.raises(SourceError, match=r"usb:0 .*unplugged"):
        while True:
            camera.read()
    assert capture.released.wait(2)
    camera.close()


def test_one_lost_picture_is_no_lost_camera(make_capture: MakeCapture) -> None:
    capture = make_capture()
    answers = iter([(False, None)])
    whole = capture.read
    capture.read = lambda: next(answers, None) or whole()  # type: ignore[method-assign]
    camera = UsbCamera(0, lambda index, backend: capture)
    camera.open()
    assert camera.read() is not None
    camera.close()


def test_a_camera_that_returns_is_opened_again(make_capture: MakeCapture) -> None:
    captures = [make_capture(), make_capture(opens=False), make_capture()]
    first = captures[0]
    camera = UsbCamera(0, lambda index, backend: captures.pop(0))
    camera.open()
    first.plugged = False
    with pytest.raises(SourceError):
        while True:
            camera.read()
    camera.close()
    with pytest.raises(SourceError):
        camera.open()
    camera.close()
    camera.open()
    assert camera.read() is not None
    camera.close()


def test_a_stuck_driver_is_given_up_and_stop_does_not_wait_for_it(make_capture: MakeCapture) -> None:
    capture = make_capture()
    camera = UsbCamera(0, lambda index, backend: capture, read_timeout=0.3)
    camera.open()
    capture.hang()
    with pytest.raises(SourceError, match=r"usb:0 has sent no picture for 0\.3 s"):
        while True:
            camera.read()
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 1.5
    assert not capture.released.is_set()
    # The driver's thread lets go of the camera as soon as it can.
    capture.come_back()
    assert capture.released.wait(2)


def test_stop_reaches_a_read_that_is_stuck(make_capture: MakeCapture) -> None:
    capture = make_capture()
    camera = UsbCamera(0, lambda index, backend: capture)
    camera.open()
    capture.hang()
    ended = threading.Event()

    def read_on() -> None:
        while camera.read() is not None:
            pass
        ended.set()

    reader = threading.Thread(target=read_on)
    reader.start()
    camera.stop()
    assert ended.wait(0.5)
    reader.join()
    capture.come_back()
    camera.close()


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1), (48, 64, 4)])
def test_grey_and_alpha_become_bgr(make_capture: MakeCapture, shape: tuple[int, ...]) -> None:
    capture = make_capture(image=np.full(shape, 77, np.uint8))
    camera = UsbCamera(0, lambda index, backend: capture)
    camera.open()
    frame = camera.read()
    camera.close()
    assert frame is not None
    assert frame.image.shape == (48, 64, 3)
    assert (frame.image == 77).all()


def test_a_frame_is_not_overwritten_by_the_next(make_capture: MakeCapture) -> None:
    capture = make_capture()
    camera = UsbCamera(0, lambda index, backend: capture)
    camera.open()
    frame = camera.read()
    assert frame is not None
    before = frame.image.copy()
    capture.image[:] = 1  # as a driver that fills the same buffer again
    assert camera.read() is not None
    camera.close()
    assert (frame.image == before).all()


@pytest.mark.skipif(platform.system() != "Linux", reason="the list comes from sysfs")
def test_cameras_are_listed_by_their_names(tmp_path: Path) -> None:
    nodes = (("video10", "Line camera", "0"), ("video2", "HD Webcam", "0"), ("video3", "HD Webcam", "1"))
    for node, name, index in nodes:
        (tmp_path / node).mkdir()
        (tmp_path / node / "name").write_text(name + "\n")
        (tmp_path / node / "index").write_text(index + "\n")
    assert usb_cameras(tmp_path) == [(2, "HD Webcam"), (10, "Line camera")]
    assert usb_cameras(tmp_path / "none") == []


def test_elsewhere_cameras_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch, make_capture: MakeCapture) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    captures = {index: make_capture(opens=index == 1) for index in range(4)}
    assert usb_cameras(opener=lambda index, backend: captures[index]) == [(1, "Camera 1")]
    assert all(capture.released.is_set() for capture in captures.values())


class Adjustable:
    """Stands for a camera of two sizes whose focus does not move; remembers what was set, in order."""

    def __init__(self) -> None:
        self.sets: list[tuple[int, float]] = []
        self.size = [640.0, 480.0]
        self.released = False

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        return True, np.full((48, 64, 3), 9, np.uint8)

    def set(self, propId: int, value: float) -> bool:
        self.sets.append((propId, value))
        if propId == cv2.CAP_PROP_FRAME_WIDTH:
            self.size = [1920.0, 1080.0] if value > 1000 else [640.0, 480.0]
        return propId != cv2.CAP_PROP_FOCUS

    def get(self, propId: int) -> float:
        sizes = dict(zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), self.size, strict=True))
        return sizes.get(propId, dict(self.sets).get(propId, 0.0))

    def release(self) -> None:
        self.released = True


def opened(monkeypatch: pytest.MonkeyPatch, address: str) -> tuple[UsbCamera, Adjustable]:
    """The camera an address makes, with a stand-in of its own; not opened yet."""
    capture = Adjustable()
    camera = UsbCamera.at(address)
    monkeypatch.setattr(camera, "_opener", lambda index, backend: capture)
    return camera, capture


def test_what_the_address_holds_is_set_with_its_automatic_off(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, capture = opened(monkeypatch, "usb:0?size=1920x1080&exposure=-6&gain=12&white_balance=4600")
    camera.open()
    camera.close()
    order = [one for one, _ in capture.sets]
    for automatic, setting, value in (
        (cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE, -6),
        (cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_WB_TEMPERATURE, 4600),
    ):
        assert order.index(automatic) < order.index(setting)
        assert dict(capture.sets)[setting] == value
    said = camera.facts
    assert (said["width"], said["height"], said["exposure"], said["gain"]) == (1920, 1080, -6, 12)
    assert said["white_balance"] == 4600


def test_what_is_not_held_is_left_to_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, capture = opened(monkeypatch, "usb:0")
    camera.open()
    camera.close()
    touched = {one for one, _ in capture.sets}
    assert not touched & {cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_FOCUS}


@pytest.mark.parametrize(
    ("held", "words"),
    [("focus=30&gain=3", "does not take focus 30"), ("size=800x600", "its nearest are 640 x 480: write size=640x480")],
)
def test_what_the_camera_refuses_is_said_and_it_is_let_go(
    monkeypatch: pytest.MonkeyPatch, held: str, words: str
) -> None:
    camera, capture = opened(monkeypatch, f"usb:0?{held}")
    with pytest.raises(SourceError, match=words):
        camera.open()
    camera.close()
    assert capture.released


def test_the_sizes_a_camera_takes_are_found(make_capture: MakeCapture) -> None:
    capture = Adjustable()
    assert usb_sizes(0, lambda index, backend: capture) == [(640, 480), (1920, 1080)]
    assert capture.released
    assert usb_sizes(0, lambda index, backend: make_capture(opens=False)) == []
