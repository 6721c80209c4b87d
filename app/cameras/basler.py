"""Basler cameras (USB3 Vision, GigE Vision) through Basler's pylon, an optional extra.

pylon is loaded when the first such camera is opened or looked for, and not before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from app.cameras.extras import (
    FAILED_BUFFERS,
    HELD,
    READ_TIMEOUT,
    WAIT,
    Counted,
    FoundCamera,
    IndustrialCamera,
    missing_extra,
)
from app.cameras.held import split_held
from app.cameras.nodes import PylonNodes, said
from app.domain.errors import SourceError
from app.domain.frame import Image

log = logging.getLogger(__name__)

_NONE_FOUND = (
    "No Basler camera is found: check its power and cable. A GigE camera needs an address of this computer's network."
)
_PAUSE = 0.002
_UNKNOWN_BLOCK = 2**64 - 1


def basler_cameras() -> list[FoundCamera]:
    """The cameras pylon sees, by serial number. Takes a second or two where network cameras are looked for.

    Raises:
        MissingExtraError: pylon is not installed.
        SourceError: pylon can't look for cameras.
    """
    pylon, problem = _pylon()
    try:
        devices = pylon.TlFactory.GetInstance().EnumerateDevices()
    except problem as error:
        raise SourceError(f"pylon can't look for Basler cameras: {said(error)}") from None
    found = [FoundCamera(f"basler:{one.GetSerialNumber()}", _name(one)) for one in devices]
    return sorted(found, key=lambda one: one.address)


class BaslerCamera(IndustrialCamera):
    """One Basler camera.

    Args:
        wanted: its serial number, the name given to it in pylon, or its place in the list of cameras, from 0; "" for
            the only one. What its address holds fast may follow: `?exposure=5000&gain=2`.
        prepare: gets pylon's opened `InstantCamera` before pictures are asked for.
        read_timeout: seconds without a picture after which the camera counts as lost.

    Raises:
        SourceError: what is held fast is no setting.
    """

    def __init__(
        self, wanted: str = "", *, prepare: Callable[[Any], None] | None = None, read_timeout: float = READ_TIMEOUT
    ) -> None:
        address = f"basler:{wanted}"
        place, self._held = split_held(address, HELD, colours=3)
        self._wanted = place.removeprefix("basler:").strip()
        self._prepare = prepare
        super().__init__(address, self._connect, read_timeout)

    # From here on in the background thread.

    def _connect(self) -> _BaslerDevice:
        pylon, problem = _pylon()
        factory = pylon.TlFactory.GetInstance()
        try:
            info = self._chosen(factory.EnumerateDevices())
            camera = pylon.InstantCamera(factory.CreateDevice(info))
        except problem as error:
            raise SourceError(f"{self.address} can't be reached: {said(error)}") from None
        try:
            camera.Open()
            PylonNodes(self.address, camera.GetNodeMap(), (problem,)).run_freely()
            if self._prepare is not None:
                self._prepare(camera)
            nodes = PylonNodes(self.address, camera.GetNodeMap(), (problem,))
            nodes.hold(self._held)
            device = _BaslerDevice(self.address, pylon, problem, camera, nodes, self.counted)
            self.facts = {"model": info.GetModelName(), "serial": info.GetSerialNumber(), **nodes.facts()}
            # Only the newest picture waits: the rest are overwritten in the driver and counted by their block ids.
            camera.StartGrabbing(pylon.GrabStrategy_LatestImageOnly)
        except BaseException as error:
            _let_go(camera, problem)
            if not isinstance(error, problem):
                raise
            raise SourceError(
                f"{self.address} ({_name(info)}) can't be opened: {said(error)} "
                "Close other programs that use it, such as pylon Viewer."
            ) from None
        return device

    def _chosen(self, devices: Sequence[Any]) -> Any:
        if not devices:
            raise SourceError(f"{self.address}: {_NONE_FOUND}")
        there = ", ".join(f"basler:{one.GetSerialNumber()} ({one.GetModelName()})" for one in devices)
        if not self._wanted:
            if len(devices) == 1:
                return devices[0]
            raise SourceError(f"{self.address} could be any of {len(devices)} Basler cameras. Write one of {there}.")
        for one in devices:
            if self._wanted in (one.GetSerialNumber(), one.GetUserDefinedName()):
                return one
        # A serial number has eight digits: a number this small is a place in the list.
        if self._wanted.isascii() and self._wanted.isdigit() and int(self._wanted) < len(devices):
            return sorted(devices, key=lambda one: str(one.GetSerialNumber()))[int(self._wanted)]
        raise SourceError(
            f"{self.address} is not there. Check its power and cable, or choose one that is there: {there}."
        )


class _BaslerDevice:
    """An opened camera that grabs; see `app.cameras.background.Device`."""

    def __init__(
        self, address: str, pylon: Any, problem: type[Exception], camera: Any, nodes: PylonNodes, counted: Counted
    ) -> None:
        self._address = address
        self._pylon, self._problem, self._camera, self._nodes = pylon, problem, camera, nodes
        self._counted = counted
        self._block: int | None = None
        self._failed = 0
        self._converter = pylon.ImageFormatConverter()
        self._converter.OutputPixelFormat = pylon.PixelType_BGR8packed
        self._converter.OutputBitAlignment.Value = "MsbAligned"

    def grab(self) -> Image | None:
        self._counted.take_temperature(self._nodes.temperature)
        until = time.monotonic() + WAIT
        try:
            while time.monotonic() < until:
                # Asked without waiting: on Linux pylon wakes its own waits by SIGALRM, which belongs to the whole
                # process, and waits for ever once anyone else handles that signal.
                with self._camera.RetrieveResult(0, self._pylon.TimeoutHandling_Return) as result:
                    if result.IsValid():
                        return self._taken(result)
                time.sleep(_PAUSE)
            removed, grabbing = self._camera.IsCameraDeviceRemoved(), self._camera.IsGrabbing()
        except self._problem as error:
            self._lost(f"gives no pictures any more ({said(error)})")
        if removed or not grabbing:
            self._lost("gives no pictures any more: it " + ("was unplugged" if removed else "has stopped"))
        return None

    def _taken(self, result: Any) -> Image | None:
        self._count(int(result.GetBlockID()))
        if not result.GrabSucceeded():
            self._counted.lost += 1
            self._failed += 1
            why = str(result.GetErrorDescription()).strip() or "no reason given"
            log.warning("%s: a picture is lost: %s", self._address, why)
            if self._failed >= FAILED_BUFFERS:
                self._lost(f"sends only damaged pictures ({why})")
            return None
        self._failed = 0
        if not self._converter.IsSupportedInputFormat(result.GetPixelType()):
            raise SourceError(
                f"{self._address} sends pictures of the format {self._nodes.get('PixelFormat')}, which can't be made "
                "into a colour picture. Choose Mono8 or BayerRG8 in pylon Viewer and save it as the camera's start-up "
                "setting."
            )
        made: Image = np.ascontiguousarray(self._converter.Convert(result).GetArray(), np.uint8)
        return made

    def _count(self, block: int) -> None:
        """Counts what was made between the last picture and this one and never came here."""
        if block == _UNKNOWN_BLOCK:
            return
        if self._block is not None and block > self._block:  # smaller: the counter began anew
            self._counted.lost += block - self._block - 1
        self._block = block

    def _lost(self, what: str) -> None:
        raise SourceError(f"{self._address} {what}. Check its power and cable; it is tried again by itself.") from None

    def release(self) -> None:
        _let_go(self._camera, self._problem)


def _pylon() -> tuple[Any, type[Exception]]:
    """pylon's module and the exception of all it may raise."""
    try:
        from pypylon import genicam, pylon
    except ImportError as error:
        raise missing_extra("basler", "Basler cameras need pypylon, and it is", error) from None
    return pylon, genicam.GenericException


def _let_go(camera: Any, problem: type[Exception]) -> None:
    for step in (camera.StopGrabbing, camera.Close, camera.DestroyDevice):
        try:
            step()
        except problem as error:  # of a camera that is gone; the next step still counts
            log.debug("letting go of a Basler camera: %s", said(error))


def _name(info: Any) -> str:
    given = info.GetUserDefinedName()
    model = f"{given}, {info.GetModelName()}" if given else info.GetModelName()
    return f"{model} ({info.GetSerialNumber()})"
