"""Basler cameras, with those that pylon imitates."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from app.cameras.basler import BaslerCamera, basler_cameras
from app.cameras.extras import FoundCamera, MissingExtraError
from app.cameras.facts import camera_settings
from app.domain.errors import SourceError
from app.domain.frame import Frame
from app.inspection.capture import CaptureState, CaptureThread, slot_for

Make = Callable[..., BaslerCamera]


@pytest.fixture
def make(pylon_emulator: tuple[str, str]) -> Iterator[Make]:
    made: list[BaslerCamera] = []

    def camera(wanted: str = pylon_emulator[0], **more: Any) -> BaslerCamera:
        made.append(BaslerCamera(wanted, **more))
        return made[-1]

    yield camera
    for one in made:
        one.close()


def node(camera: Any, name: str, value: object) -> None:
    camera.GetNodeMap().GetNode(name).SetValue(value)


def small(camera: Any) -> None:
    node(camera, "Width", 64)
    node(camera, "Height", 48)


def frame_of(camera: BaslerCamera) -> Frame:
    frame = camera.read()
    assert frame is not None
    return frame


def failure(camera: BaslerCamera) -> str:
    with pytest.raises(SourceError) as error:
        camera.open()
    return str(error.value)


def test_the_cameras_are_listed_by_model_and_serial(pylon_emulator: tuple[str, str]) -> None:
    found = [FoundCamera(f"basler:{serial}", f"Emulation ({serial})") for serial in pylon_emulator]
    assert basler_cameras() == found


def test_the_picture_is_the_one_before_the_lens(make: Make, tmp_path: Path) -> None:
    seen = np.zeros((48, 64, 3), np.uint8)
    seen[:, :32] = (200, 40, 10)
    seen[:, 32:] = (10, 90, 220)
    cv2.imwrite(str(tmp_path / "part.png"), seen)

    def show(camera: Any) -> None:
        small(camera)
        node(camera, "PixelFormat", "BGR8Packed")
        node(camera, "TestImageSelector", "Off")
        node(camera, "ImageFilename", str(tmp_path))
        node(camera, "ImageFileMode", "On")

    camera = make(prepare=show)
    camera.open()
    assert np.array_equal(frame_of(camera).image, seen)


@pytest.mark.parametrize("pixel_format", ["Mono12", "BayerGB12", "RGB8Packed", "BGRA8Packed"])
def test_every_pixel_format_becomes_bgr(make: Make, pixel_format: str) -> None:
    def choose(camera: Any) -> None:
        small(camera)
        node(camera, "PixelFormat", pixel_format)

    camera = make(prepare=choose)
    camera.open()
    frame = frame_of(camera)
    assert (frame.image.shape, frame.image.dtype) == ((48, 64, 3), np.uint8)
    assert frame.image.max() > 60  # the emulation's slope, not the low byte of a wider number
    assert camera.facts["pixel_format"] == pixel_format


def test_two_cameras_run_side_by_side(make: Make, pylon_emulator: tuple[str, str]) -> None:
    first, second = (make(serial, prepare=small) for serial in pylon_emulator)
    first.open()
    second.open()
    assert {frame_of(first).source, frame_of(second).source} == {f"basler:{serial}" for serial in pylon_emulator}
    first.close()
    assert frame_of(second).image.any()


def test_a_camera_may_be_named_by_its_place_in_the_list(make: Make, pylon_emulator: tuple[str, str]) -> None:
    camera = make("1", prepare=small)
    camera.open()
    assert camera.facts["serial"] == pylon_emulator[1]
    assert frame_of(camera).source == "basler:1"


def test_a_wrong_serial_names_the_cameras_that_are_there(make: Make, pylon_emulator: tuple[str, str]) -> None:
    words = failure(make("40012345"))
    assert words.startswith("basler:40012345 is not there.")
    for serial in pylon_emulator:
        assert f"basler:{serial} (Emulation)" in words


def test_no_name_is_enough_for_the_only_camera_alone(make: Make) -> None:
    assert "could be any of 2 Basler cameras" in failure(make(""))


def test_a_damaged_picture_is_counted_and_passed_over(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    opened: list[Any] = []

    def prepare(camera: Any) -> None:
        small(camera)
        opened.append(camera)

    camera = make(prepare=prepare)
    camera.open()
    frame_of(camera)
    with caplog.at_level(logging.WARNING):
        node(opened[0], "ForceFailedBufferCount", 3)
        opened[0].GetNodeMap().GetNode("ForceFailedBuffer").Execute()
        until = time.monotonic() + 5
        while camera.counted.lost < 3 and time.monotonic() < until:
            frame_of(camera)
    assert camera.counted.lost >= 3 and camera.dropped >= 3
    assert caplog.text.count("a picture is lost: The buffer was incompletely grabbed.") == 3
    assert frame_of(camera).image.any()


def test_only_damaged_pictures_end_it_and_it_comes_back_by_itself(make: Make) -> None:
    """As the line uses it: the capture thread closes, waits and opens again."""
    opened: list[Any] = []

    def prepare(camera: Any) -> None:
        small(camera)
        opened.append(camera)

    camera = make(prepare=prepare)
    states: list[CaptureState] = []
    back = threading.Event()

    def changed(state: CaptureState) -> None:
        states.append(state)
        if state.reconnects:
            back.set()

    waits: list[float] = []
    slot = slot_for(camera)
    thread = CaptureThread(camera, slot, on_change=changed, wait=lambda seconds: bool(waits.append(seconds)))
    thread.start()
    try:
        assert slot.take(10) is not None
        node(opened[0], "ForceFailedBufferCount", 1000)
        opened[0].GetNodeMap().GetNode("ForceFailedBuffer").Execute()
        assert back.wait(10)
    finally:
        thread.stop()
    lost = [state.words for state in states if not state.connected]
    assert "sends only damaged pictures (The buffer was incompletely grabbed.)" in lost[0]
    assert waits[0] == 0.5


def test_a_camera_that_goes_away_is_lost_and_found_again(make: Make) -> None:
    opened: list[Any] = []

    def prepare(camera: Any) -> None:
        small(camera)
        opened.append(camera)

    camera = make(prepare=prepare)
    camera.open()
    frame_of(camera)
    opened[0].Close()
    with pytest.raises(SourceError, match=r"gives no pictures any more"):
        while True:
            camera.read()
    camera.close()
    camera.open()
    assert frame_of(camera).image.any()


def test_a_camera_that_waits_for_a_trigger_is_said_to_be_silent_and_stops_at_once(make: Make) -> None:
    def triggered(camera: Any) -> None:
        small(camera)
        node(camera, "TriggerMode", "On")

    camera = make(prepare=triggered, read_timeout=0.3)
    camera.open()
    with pytest.raises(SourceError, match=r"has sent no picture for 0\.3 s"):
        camera.read()
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 0.5


def test_what_the_driver_overwrites_is_counted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow computer: pictures that never came here are told by the gap in their numbers."""

    def slow(camera: Any) -> None:
        small(camera)
        retrieve = type(camera).RetrieveResult

        def retrieve_late(*arguments: Any) -> Any:
            threading.Event().wait(0.09)  # nine pictures at the emulation's 100 a second
            return retrieve(*arguments)

        monkeypatch.setattr(type(camera), "RetrieveResult", retrieve_late)

    camera = make(prepare=slow)
    camera.open()
    for _ in range(4):
        frame_of(camera)
    assert camera.counted.lost >= 10


def test_what_the_address_holds_is_set_and_on_record(make: Make) -> None:
    camera = make("0815-0000?exposure=5000&gain=2", prepare=small)
    camera.open()
    said = json.loads(camera_settings(camera))
    assert said["kind"] == "basler" and said["model"] == "Emulation" and said["serial"] == "0815-0000"
    assert (said["width"], said["height"], said["exposure"]) == (64, 48, 5000)
    assert said["gain"] == pytest.approx(2, abs=0.1)
    assert frame_of(camera).source == "basler:0815-0000?exposure=5000&gain=2"


def test_an_automatic_is_told_as_such_and_switched_off_by_what_is_held(make: Make) -> None:
    def automatic(camera: Any) -> None:
        small(camera)
        node(camera, "ExposureAuto", "Continuous")

    free = make(prepare=automatic)
    free.open()
    assert free.facts["exposure"] == "auto"
    free.close()
    held = make("0815-0000?exposure=5000", prepare=automatic)
    held.open()
    assert held.facts["exposure"] == 5000


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ("exposure=1e12", r"can't set ExposureTime to 1e\+12\. It takes [\d.e+-]+ to [\d.e+-]+\."),
        ("white_balance=1,1,1", "has no white balance that can be set"),
    ],
)
def test_what_can_not_be_held_is_said(make: Make, held: str, words: str) -> None:
    camera = make(f"0815-0000?{held}")
    with pytest.raises(SourceError, match=words):
        camera.open()


@pytest.mark.parametrize("held", ["focus=3", "exposure=long", "white_balance=4600", "exposure", "gain=nan"])
def test_a_setting_that_is_none_is_refused_with_an_example(held: str) -> None:
    with pytest.raises(SourceError, match=r"(exposure|gain|white_balance)=\d"):
        BaslerCamera(f"40012345?{held}")


def test_the_temperature_is_told_while_it_runs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = make(prepare=small)
    plain.open()
    frame_of(plain)
    assert plain.temperature is None  # the emulation has no thermometer
    plain.close()

    class Warm:
        """The camera's own features and a thermometer."""

        def __init__(self, nodemap: Any) -> None:
            self._nodemap = nodemap

        def GetNode(self, name: str) -> Any:
            return (
                SimpleNamespace(GetValue=lambda: 47.5) if name == "DeviceTemperature" else self._nodemap.GetNode(name)
            )

    def warm(camera: Any) -> None:
        small(camera)
        whole = type(camera).GetNodeMap
        monkeypatch.setattr(type(camera), "GetNodeMap", lambda self: Warm(whole(self)))

    camera = make(prepare=warm)
    assert camera.temperature is None
    camera.open()
    frame_of(camera)
    assert camera.temperature == 47.5
    camera.close()
    assert camera.temperature is None


def test_opening_and_closing_leaves_no_thread(make: Make) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("threads are counted where Linux lists them")
    camera = make(prepare=small)

    def once() -> None:
        camera.open()
        frame_of(camera)
        camera.close()

    once()  # pylon's own start
    before = len(os.listdir("/proc/self/task"))
    for _ in range(3):
        once()
    until = time.monotonic() + 5
    while len(os.listdir("/proc/self/task")) > before and time.monotonic() < until:
        threading.Event().wait(0.01)  # the last one's end is seen a moment after it is joined
    assert len(os.listdir("/proc/self/task")) <= before


def test_without_pylon_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypylon", None)
    with pytest.raises(MissingExtraError, match=r"installer/bootstrap\.py setup --extra basler") as error:
        basler_cameras()
    assert "not installed" in str(error.value)
    camera = BaslerCamera("40012345")
    assert "need pypylon" in failure(camera)
    camera.close()
