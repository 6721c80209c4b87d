"""One GenICam camera in a process of its own: `python -m app.cameras.genicam_worker`.

Why a process: GenICam's Python binding keeps the interpreter's lock while it looks for cameras and while it waits for a
picture, which would stop the screen, and the maker's driver is foreign code that must not be able to end the station.

The request is the first argument, JSON: `{"what": "list" | "open", "address": str, "drivers": [str], "wanted": str,
"held": {...}}`. Messages go to standard output, each as two unsigned 32-bit numbers (lengths, network order), JSON and
bytes:

- `{"kind": "cameras", "cameras": [[driver, key, name], ...]}`: the answer to list.
- `{"kind": "open", "facts": {...}}`, then for ever `{"kind": "frame", "size": [width, height], "lost": int,
  "temperature": float | null}` with the picture's bytes (B, G, R), or `{"kind": "waiting", ...}` ten times a second
  while there is none.
- `{"kind": "error", "words": str, "missing": bool}`: the last one.

It ends when standard input ends.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import sys
import threading
import time
from typing import Any, BinaryIO

from app.cameras.extras import FAILED_BUFFERS, WAIT, Counted
from app.cameras.held import Held
from app.cameras.nodes import GenApiNodes, said
from app.cameras.pixels import POSSIBLE, to_bgr
from app.domain.errors import SourceError

HEAD = struct.Struct("!II")
_PAUSE = 0.003
_GLANCE = 0.0005


class _Out:
    """Where the messages go. What drivers print goes elsewhere."""

    def __init__(self) -> None:
        self._stream: BinaryIO = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def send(self, kind: str, data: Any = b"", **more: object) -> None:
        said = json.dumps({"kind": kind, **more}).encode()
        self._stream.write(HEAD.pack(len(said), len(data)))
        self._stream.write(said)
        self._stream.write(data)
        self._stream.flush()


class Drivers:
    """GenTL producers, loaded one by one as they are needed."""

    def __init__(self, files: list[str]) -> None:
        from genicam.genapi import GenericException as GenApiProblem
        from genicam.gentl import GenericException as GenTlProblem
        from harvesters.core import Harvester

        logging.getLogger("harvesters").addHandler(logging.NullHandler())
        self.problem: tuple[type[Exception], ...] = (GenApiProblem, GenTlProblem)
        self._make = Harvester
        self._files = files

    def load(self, file: str) -> Any:
        """A `Harvester` of one driver; SourceError where the file is none."""
        harvester = self._make()
        try:
            harvester.add_file(file, check_validity=True)
        except OSError as error:
            raise SourceError(f"the driver {file} can't be loaded: {error}") from None
        harvester.update()
        return harvester

    def each(self) -> Any:
        """(file, Harvester) of those that can be loaded; the caller resets each. SourceError where none can."""
        problems = []
        loaded = 0
        for file in self._files:
            try:
                harvester = self.load(file)
            except SourceError as error:
                problems.append(str(error))
                continue
            loaded += 1
            yield file, harvester
        if problems and not loaded:
            raise SourceError(" ".join(problems))


def _told(info: Any, name: str, problem: tuple[type[Exception], ...]) -> str:
    """One of a device's names; "" where its driver does not tell it."""
    try:
        return str(getattr(info, name) or "")
    except problem:
        return ""


def _keys(info: Any, problem: tuple[type[Exception], ...]) -> list[str]:
    """The names a camera goes by, the plainest first."""
    found = (_told(info, name, problem) for name in ("serial_number", "id_", "user_defined_name"))
    return [one for one in found if one]


def _name(info: Any, problem: tuple[type[Exception], ...]) -> str:
    model = " ".join(filter(None, (_told(info, one, problem) for one in ("vendor", "model"))))
    return f"{model or 'Camera'} ({(_keys(info, problem) or ['without a name'])[0]})"


def list_cameras(drivers: Drivers) -> list[tuple[str, str, str]]:
    """(driver's file, what to call the camera by, its name for people) of the cameras there are."""
    found = []
    for file, harvester in drivers.each():
        infos = list(harvester.device_info_list)
        serials = [_told(info, "serial_number", drivers.problem) for info in infos]
        for info, serial in zip(infos, serials, strict=True):
            key = serial if serial and serials.count(serial) == 1 else _told(info, "id_", drivers.problem)
            found.append((file, key, _name(info, drivers.problem)))
        harvester.reset()
    return found


class Camera:
    """An opened camera that delivers.

    Args:
        address: for error texts.
        wanted: its serial number, its driver's name for it or the name given to it; its place in the list; "" for the
            only one.
    """

    def __init__(self, address: str, drivers: Drivers, wanted: str, held: Held) -> None:
        self._address, self._problem = address, drivers.problem
        self.counted = Counted()
        self._frame: int | None = None
        self._failed = 0
        self._harvester, info = self._found(drivers, wanted)
        self.name = _name(info, self._problem)
        try:
            self._acquirer = self._harvester.create(info)
            self.nodes = GenApiNodes(address, self._acquirer.remote_device.node_map, self._problem)
            self.nodes.run_freely()
            self._choose_format()
            self.nodes.hold(held)
            stream = GenApiNodes(address, self._acquirer.data_streams[0].node_map, self._problem)
            stream.choose("StreamBufferHandlingMode", "NewestOnly")
            # Asked without waiting: see _PAUSE.
            self._acquirer.timeout_period_on_update_event_data_call = 0
            self._acquirer.add_callback(self._acquirer.Events.INCOMPLETE_BUFFER, _Incomplete(self._incomplete))
            self._acquirer.start()
        except self._problem as error:
            self._harvester.reset()
            raise SourceError(
                f"{address} ({self.name}) can't be opened: {said(error)} Close other programs that use it."
            ) from None
        except SourceError:
            self._harvester.reset()
            raise
        self.facts = {"model": _told(info, "model", self._problem), **self.nodes.facts()}
        if serial := _told(info, "serial_number", self._problem):
            self.facts["serial"] = serial

    def _found(self, drivers: Drivers, wanted: str) -> tuple[Any, Any]:
        there: list[str] = []
        for _, harvester in drivers.each():
            infos = list(harvester.device_info_list)
            for info in infos:
                if wanted in _keys(info, self._problem):
                    return harvester, info
            if wanted.isascii() and wanted.isdigit() and int(wanted) < len(infos):
                return harvester, infos[int(wanted)]
            if not wanted and len(infos) == 1:
                return harvester, infos[0]
            there += [_name(info, self._problem) for info in infos]
            harvester.reset()
        if not there:
            raise SourceError(
                f"{self._address}: no GenICam camera is found. Check its power, its cable and its driver."
            )
        listed = ", ".join(there)
        if not wanted:
            raise SourceError(f"{self._address} could be any of {len(there)} cameras. Write which one: {listed}.")
        raise SourceError(
            f"{self._address} is not there. Check its power and cable, or choose one that is there: {listed}."
        )

    def _choose_format(self) -> None:
        now = str(self.nodes.get("PixelFormat") or "")
        if now in POSSIBLE or not now:
            return
        # The camera's own choice can't be read: take the first that can, colour before grey.
        for one in ("BGR8", "RGB8", "BayerRG8", "BayerGR8", "BayerGB8", "BayerBG8", "Mono8"):
            if self.nodes.choose("PixelFormat", one):
                return
        raise SourceError(
            f"{self._address} sends pictures in the format {now}, which can't be read here, and takes none of those "
            f"that can: {', '.join(POSSIBLE)}."
        )

    def _incomplete(self) -> None:
        self.counted.lost += 1
        self._failed += 1

    def grab(self) -> Any:
        """The next picture, (H, W, 3) uint8 BGR; None after a tenth of a second without one."""
        self.counted.take_temperature(self.nodes.temperature)
        until = time.monotonic() + WAIT
        try:
            while time.monotonic() < until:
                buffer = self._acquirer.try_fetch(timeout=_GLANCE)
                if self._failed >= FAILED_BUFFERS:
                    raise SourceError(f"{self._address} sends only damaged pictures. Check its cable and network.")
                if buffer is not None:
                    with buffer:
                        return self._picture(buffer)
                time.sleep(_PAUSE)
        except self._problem as error:
            raise SourceError(
                f"{self._address} gives no pictures any more ({said(error)}). Check its power and cable; it is tried "
                "again by itself."
            ) from None
        return None

    def _picture(self, buffer: Any) -> Any:
        self._failed = 0
        try:
            frame = int(buffer.frame_id)
        except self._problem:
            frame = 0
        if self._frame is not None and frame > self._frame:  # smaller: the counter began anew
            self.counted.lost += frame - self._frame - 1
        self._frame = frame
        parts = [one for one in buffer.payload.components if one is not None and one.data is not None]
        if not parts:
            raise SourceError(
                f"{self._address} sends no picture that can be read here, but {self.nodes.get('PixelFormat')}. Choose "
                f"another pixel format in the camera: {', '.join(POSSIBLE)}."
            )
        part = parts[0]
        try:
            return to_bgr(str(part.data_format), part.data, int(part.width), int(part.height))
        except SourceError as error:
            raise SourceError(f"{self._address}: {error}") from None

    def close(self) -> None:
        try:
            self._acquirer.destroy()
            self._harvester.reset()
        except self._problem:  # it is gone; the process ends anyway
            return


class _Incomplete:
    """What harvesters calls for a picture that came only in part."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell

    def emit(self, context: object = None) -> None:
        self._tell()


def main(request: dict[str, Any], out: _Out) -> None:
    """Answers one request."""
    try:
        drivers = Drivers(list(request["drivers"]))
        if request["what"] == "list":
            out.send("cameras", cameras=list_cameras(drivers))
            return
        held: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in request["held"].items()
        }
        camera = Camera(str(request["address"]), drivers, str(request["wanted"]), Held(**held))
    except ImportError as error:
        out.send("error", words=str(error), missing=True)
        return
    except SourceError as error:
        out.send("error", words=str(error), missing=False)
        return
    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    try:
        out.send("open", facts=camera.facts)
        while not ended.is_set():
            picture = camera.grab()
            health = {"lost": camera.counted.lost, "temperature": camera.counted.temperature}
            if picture is None:
                out.send("waiting", **health)
            else:
                size = (picture.shape[1], picture.shape[0])
                out.send("frame", memoryview(picture).cast("B"), size=size, **health)
    except SourceError as error:
        out.send("error", words=str(error), missing=False)
    except BrokenPipeError:  # the station is gone
        return
    finally:
        camera.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), _Out())
