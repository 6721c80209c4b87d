"""From a SOURCE address to the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from app.cameras.base import FrameSource
from app.cameras.basler import BaslerCamera
from app.cameras.demo.belt import DemoBelt
from app.cameras.demo.source import PART_INTERVAL, DemoLine
from app.cameras.folder import FolderSource
from app.cameras.genicam import GenicamCamera
from app.cameras.stream import RtspCamera
from app.cameras.usb import UsbCamera
from app.cameras.video import FAST, VideoFile
from app.domain.addresses import without_credentials
from app.domain.errors import SourceError

POSSIBLE = (
    "demo, demo:belt, usb:N, basler:SERIAL, genicam:CAMERA, rtsp://HOST/PATH, video:FILE, folder:FOLDER or kvs:STREAM"
)

_others: dict[str, Callable[[str], FrameSource]] = {}


def register_source(kind: str, make: Callable[[str], FrameSource]) -> Callable[[], None]:
    """Lets `make_source` make sources of a room that cameras do not know: `make` gets what stands behind `kind:`,
    and may raise SourceError. The newest registration counts; returns what ends this one."""
    _others[kind] = make

    def end() -> None:
        if _others.get(kind) is make:
            del _others[kind]

    return end


def make_source(
    address: str,
    *,
    seed: int | None = None,
    part_interval: float = PART_INTERVAL,
    watch: bool = True,
    known: Mapping[str, datetime] | None = None,
) -> FrameSource:
    """The source an address names, not opened yet.

    Args:
        address: `demo | demo:belt | usb:N | basler:SERIAL | genicam:CAMERA | rtsp://... | rtsps://... | video:PATH |
            folder:PATH`, and what was registered. `rtspu://...` is RTSP with its pictures over UDP, `video-fast:PATH`
            a video whose pictures are all judged, as fast as that goes.
        seed, part_interval: of the demo line; None takes another seed each time; seconds.
        watch: whether a folder is watched for new pictures after the existing ones.
        known: parts of a folder that an earlier run delivered, and when: passed over unless written since.

    Raises:
        SourceError: no such kind of source; the text lists what is possible.
    """
    address = address.strip()
    kind, _, rest = address.partition(":")
    kind = kind.lower()
    if kind == "demo" and not rest:
        return DemoLine(seed, part_interval)
    if kind == "demo" and rest.strip().lower() == "belt":
        return DemoBelt(seed)
    if kind == "usb":
        return UsbCamera.at(f"usb:{rest}")
    if kind == "basler":
        return BaslerCamera(rest)
    if kind == "genicam":
        return GenicamCamera(rest)
    if kind in ("rtsp", "rtsps", "rtspu"):
        return RtspCamera(address)
    if kind in ("video", FAST, "folder") and not rest.strip():
        raise SourceError(f"{address} names no {'folder' if kind == 'folder' else 'file'}: write {kind}:PATH.")
    if kind in ("video", FAST):
        return VideoFile(Path(rest).expanduser(), fast=kind == FAST)
    if kind == "folder":
        return FolderSource(Path(rest).expanduser(), watch=watch, known=known)
    if kind in _others:
        return _others[kind](rest)
    if kind == "kvs":
        raise SourceError(f"{address} is watched through a station's AWS link, and none is open here.")
    shown = without_credentials(address)
    raise SourceError(f"{shown!r} is not a source this station knows. Possible are {POSSIBLE}.")
