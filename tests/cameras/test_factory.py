"""From a SOURCE address to the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cameras import SourceTraits, make_source
from app.domain.errors import SourceError

LIVE_PARTS = SourceTraits(live=True, parts=True, endless=True)
LIVE_VIEW = SourceTraits(live=True, parts=False, endless=True)


@pytest.mark.parametrize(
    ("address", "shown", "traits"),
    [
        ("demo", "demo", LIVE_PARTS),
        ("usb:0", "usb:0", LIVE_VIEW),
        (" usb:12 ", "usb:12", LIVE_VIEW),
        ("usb:1?size=1920x1080&focus=30", "usb:1?size=1920x1080&focus=30", LIVE_VIEW),
        ("basler:40012345", "basler:40012345", LIVE_VIEW),
        ("Basler:", "basler:", LIVE_VIEW),
        ("genicam:DEV_1AB2", "genicam:DEV_1AB2", LIVE_VIEW),
        ("genicam:C:\\gentl\\maker.cti#7", "genicam:C:\\gentl\\maker.cti#7", LIVE_VIEW),
        ("rtsp://cam/1", "rtsp://cam/1", LIVE_VIEW),
        ("rtspu://a:b@cam/1", "rtspu://cam/1", LIVE_VIEW),
        ("rtsps://a:b@cam/1", "rtsps://cam/1", LIVE_VIEW),
        ("video:clip.mp4", "video:clip.mp4", SourceTraits(live=True, parts=False, endless=False)),
        ("video-fast:clip.mp4", "video-fast:clip.mp4", SourceTraits(live=False, parts=False, endless=False)),
        ("folder:parts", "folder:parts", SourceTraits(live=False, parts=True, endless=True)),
    ],
)
def test_each_kind_of_address_makes_its_source(address: str, shown: str, traits: SourceTraits) -> None:
    source = make_source(address)
    assert source.address == shown
    assert source.traits == traits


def test_an_unwatched_folder_ends() -> None:
    assert not make_source("folder:parts", watch=False).traits.endless


def test_the_home_folder_may_be_written_short() -> None:
    assert make_source("folder:~/parts").address == f"folder:{Path.home() / 'parts'}"


@pytest.mark.parametrize("address", ["", "demo:1", "webcam", "http://u:s3cret@cam/x", "/data/parts", "C:\\parts"])
def test_anything_else_is_refused_with_what_is_possible(address: str) -> None:
    possible = "demo, demo:belt, usb:N, basler:SERIAL, genicam:CAMERA, rtsp://HOST/PATH, video:FILE, folder:FOLDER or "
    with pytest.raises(SourceError, match=possible) as error:
        make_source(address)
    assert "s3cret" not in str(error.value)


def test_the_aws_link_is_named() -> None:
    with pytest.raises(SourceError, match="AWS link"):
        make_source("kvs:line-1")


@pytest.mark.parametrize("address", ["usb:", "usb:x", "usb:-1", "usb:/dev/video0", "video:", "folder: "])
def test_a_kind_without_its_name_says_what_to_write(address: str) -> None:
    with pytest.raises(SourceError, match="write"):
        make_source(address)


@pytest.mark.parametrize(
    "address", ["rtsp://", "rtsp:cam", "rtsp:///live", "rtsp://u:s3/cret@cam/x", "rtsp://cam:99999/x"]
)
def test_a_wrong_rtsp_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(SourceError, match="not an RTSP address") as error:
        make_source(address)
    assert "cret" not in str(error.value).replace("rtsp://USER:PASSWORD", "")
