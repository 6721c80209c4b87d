"""GenICam cameras, with the driver that imitates three of them."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cameras.extras import MissingExtraError
from app.cameras.facts import camera_settings
from app.cameras.genicam import DRIVERS, GenicamCamera, genicam_cameras, split_driver
from app.cameras.genicam_worker import Camera, Drivers
from app.cameras.held import NOTHING, Held
from app.domain.addresses import source_words
from app.domain.errors import SourceError
from app.domain.frame import Frame

Make = Callable[..., GenicamCamera]


@pytest.fixture
def make(gentl_driver: str) -> Iterator[Make]:
    made: list[GenicamCamera] = []

    def camera(wanted: str = "1", **more: Any) -> GenicamCamera:
        made.append(GenicamCamera(f"{gentl_driver}#{wanted}", **more))
        return made[-1]

    yield camera
    for one in made:
        one.close()


def frame_of(camera: GenicamCamera) -> Frame:
    frame = camera.read()
    assert frame is not None
    return frame


def failure(camera: GenicamCamera) -> str:
    with pytest.raises(SourceError) as error:
        camera.open()
    return str(error.value)


def refused(driver: str, wanted: str, held: Held = NOTHING) -> str:
    """The words a camera is refused with; here without a process, which takes a second each time."""
    with pytest.raises(SourceError) as error:
        Camera("genicam:asked", Drivers([driver]), wanted, held)
    return str(error.value)


def worker_of(camera: GenicamCamera) -> int:
    """The number of the process that reads this camera."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("processes are found where Linux lists them")
    needle = camera.address.encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"genicam_worker" in words and needle in words:
            return int(folder.name)
    raise AssertionError("no process reads this camera")


@pytest.mark.parametrize(
    ("place", "driver", "camera"),
    [
        ("", "", ""),
        ("DEV_1AB2", "", "DEV_1AB2"),
        ("/opt/maker/tl.cti", "/opt/maker/tl.cti", ""),
        ("/opt/maker/tl.cti#40012345", "/opt/maker/tl.cti", "40012345"),
        (r"C:\gentl\Maker.CTI#a#b", r"C:\gentl\Maker.CTI", "a#b"),
    ],
)
def test_an_address_is_a_drivers_file_and_a_camera(place: str, driver: str, camera: str) -> None:
    assert split_driver(place) == (driver, camera)


def test_people_read_the_camera_without_its_drivers_path() -> None:
    assert source_words("genicam:/opt/maker/tl.cti#40012345?gain=2") == "GenICam camera 40012345"
    assert source_words("basler:40012345?gain=2") == "Basler camera 40012345"


def test_the_cameras_of_a_driver_are_listed(gentl_driver: str) -> None:
    found = genicam_cameras(gentl_driver)
    assert [one.address for one in found] == [f"genicam:{gentl_driver}#{number}" for number in "012"]
    assert all("Viky" in one.name for one in found)


def test_drivers_that_are_registered_are_found(gentl_driver: str, monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    monkeypatch.setenv(DRIVERS, os.pathsep.join(["/nowhere", str(Path(gentl_driver).parent)]))
    assert [one.address for one in genicam_cameras()] == ["genicam:0", "genicam:1", "genicam:2"]
    camera = GenicamCamera("VikyTL_DEV_blue")
    try:
        camera.open()
        assert frame_of(camera).source == "genicam:VikyTL_DEV_blue"
        assert camera.facts["serial"] == "2"
    finally:
        camera.close()


def test_each_camera_gives_its_own_colour(make: Make) -> None:
    """Three cameras look at a white field with a line and a ball of their own colour."""
    red, green = make("0"), make("1")
    red.open()
    green.open()
    for camera, full in ((red, 2), (green, 1)):
        image = frame_of(camera).image
        assert image.shape == (400, 400, 3)
        means = image.mean((0, 1))
        others = [value for channel, value in enumerate(means) if channel != full]
        assert means[full] == 255 and max(others) < 255


def test_what_it_is_set_to_is_on_record(make: Make) -> None:
    camera = make()
    camera.open()
    said = json.loads(camera_settings(camera))
    assert said["kind"] == "genicam" and said["model"] == "Viky" and said["serial"] == "1"
    assert (said["width"], said["height"], said["pixel_format"], said["fps"]) == (400, 400, "RGBa8", 20)


def test_what_the_camera_can_not_hold_is_said(gentl_driver: str) -> None:
    words = refused(gentl_driver, "1", Held(exposure=5000, gain=2))
    assert "has no exposure and no gain that can be set" in words


def test_a_wrong_name_tells_the_cameras_that_are_there(gentl_driver: str) -> None:
    words = refused(gentl_driver, "40012345")
    assert "genicam:asked is not there." in words
    assert all(f"Viky ({number})" in words for number in "012")


def test_no_name_is_enough_for_the_only_camera_alone(gentl_driver: str) -> None:
    assert "could be any of 3 cameras" in refused(gentl_driver, "")


def test_the_place_in_the_list_names_a_camera_without_a_serial_number(
    gentl_driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cameras.genicam_worker._keys", lambda info, problem: [])
    camera = Camera("genicam:asked", Drivers([gentl_driver]), "2", NOTHING)
    camera.close()
    assert camera.facts["serial"] == "2"


def test_a_driver_that_is_missing_or_no_driver_is_named(gentl_driver: str, tmp_path: Path) -> None:
    missing, broken = tmp_path / "gone.cti", tmp_path / "broken.cti"
    broken.write_text("no driver")
    for file, words in ((missing, "does not exist"), (broken, "can't be loaded")):
        camera = GenicamCamera(f"{file}#1")
        told = failure(camera)
        camera.close()
        assert str(file) in told and words in told
    with pytest.raises(SourceError, match="does not exist"):
        genicam_cameras(str(missing))


def test_no_driver_at_all_says_what_to_install(gentl_driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DRIVERS, raising=False)
    with pytest.raises(SourceError, match=rf"no driver for GenICam cameras.*{DRIVERS}.*genicam:/path"):
        genicam_cameras()


def test_a_driver_that_crashes_ends_no_station_and_is_started_again(make: Make) -> None:
    camera = make()
    camera.open()
    frame_of(camera)
    os.kill(worker_of(camera), signal.SIGKILL)
    with pytest.raises(SourceError, match="the driver has failed"):
        while True:
            camera.read()
    camera.close()
    camera.open()
    assert frame_of(camera).image.any()


def test_a_driver_that_hangs_is_given_up_and_ended(make: Make) -> None:
    camera = make(read_timeout=0.4)
    camera.open()
    frame_of(camera)
    process = worker_of(camera)
    os.kill(process, signal.SIGSTOP)
    with pytest.raises(SourceError, match=r"has sent no picture for 0\.4 s"):
        while True:
            camera.read()
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 1
    camera.open()
    assert worker_of(camera) != process
    assert frame_of(camera).image.any()


def test_a_station_that_is_gone_leaves_no_process(make: Make, gentl_driver: str) -> None:
    """The reader hears the end of its input, however its station ended."""
    request = {"what": "open", "address": "genicam:x", "drivers": [gentl_driver], "wanted": "2", "held": {}}
    command = [sys.executable, "-m", "app.cameras.genicam_worker", json.dumps(request)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.read(8)
        process.stdin.close()
        process.stdout.read()
        assert process.wait(10) == 0


def test_without_the_packages_the_way_to_get_them_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "harvesters" else found(name))
    with pytest.raises(MissingExtraError, match=r"harvesters.*installer/bootstrap\.py setup --extra genicam"):
        genicam_cameras()
    camera = GenicamCamera("40012345")
    assert "need harvesters" in failure(camera)
    camera.close()


def test_nothing_of_the_extras_is_loaded_until_it_is_needed(project_root: Path) -> None:
    code = """
import sys
import app.cameras.genicam_worker, app.cameras.industrial
print([name for name in ("harvesters", "genicam", "pypylon") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=project_root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
