"""GenICam cameras of any maker through `harvesters`, an optional extra, and the maker's driver (a GenTL producer).

Addresses: `genicam:CAMERA` with a driver that is registered in GENICAM_GENTL64_PATH, as makers' installers do, or
`genicam:DRIVER.cti#CAMERA` with the driver's file. CAMERA is the serial number, the driver's own name for it, or its
place in the list from 0; empty for the only one. Each camera is read by a process of its own, see genicam_worker.py.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from app.cameras.extras import HELD, READ_TIMEOUT, Counted, FoundCamera, IndustrialCamera, missing_extra
from app.cameras.genicam_worker import HEAD
from app.cameras.held import Held, split_held
from app.domain.errors import SourceError
from app.domain.frame import Image

DRIVERS = "GENICAM_GENTL64_PATH"
_ROOT = Path(__file__).resolve().parent.parent.parent
_LIST_TIMEOUT = 20.0
_END_WITHIN = 2.0


def genicam_cameras(driver: str = "") -> list[FoundCamera]:
    """The cameras that drivers see. Takes a second or two.

    Args:
        driver: a .cti file; "" for those that are registered at this computer.

    Raises:
        MissingExtraError: harvesters is not installed.
        SourceError: there is no driver, or none can be loaded.
    """
    _check_installed()
    request = {"what": "list", "drivers": _drivers("GenICam cameras", driver)}
    try:
        done = subprocess.run(
            _command(request), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=_environment(), creationflags=_FLAGS, timeout=_LIST_TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise SourceError(f"The drivers of GenICam cameras do not answer within {_LIST_TIMEOUT:g} s.") from None
    if len(done.stdout) < HEAD.size:
        raise SourceError(f"A driver of GenICam cameras has failed ({_end_words(done.returncode)}).")
    length, _ = HEAD.unpack_from(done.stdout)
    message = json.loads(done.stdout[HEAD.size : HEAD.size + length])
    if message["kind"] == "error":
        _refused("GenICam cameras", message)
    prefix = f"{driver}#" if driver else ""
    return [FoundCamera(f"genicam:{prefix}{key}", name) for _, key, name in message["cameras"]]


if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0


class GenicamCamera(IndustrialCamera):
    """One camera behind a GenTL driver.

    Args:
        wanted: what stands behind `genicam:`. What its address holds fast may follow: `?exposure=5000&gain=2`.
        read_timeout: seconds without a picture after which the camera counts as lost.

    Raises:
        SourceError: what is held fast is no setting.
    """

    def __init__(self, wanted: str = "", *, read_timeout: float = READ_TIMEOUT) -> None:
        address = f"genicam:{wanted}"
        place, self._held = split_held(address, HELD, colours=3)
        self._driver, self._wanted = split_driver(place.removeprefix("genicam:").strip())
        self._worker: _Worker | None = None
        super().__init__(address, self._connect, read_timeout)

    def close(self) -> None:
        super().close()
        # A driver that hangs never comes back to hear that it is to end.
        if self._worker is not None:
            self._worker.end_if_stuck()

    def _connect(self) -> _Worker:
        if self._worker is not None:
            self._worker.release()  # it may still be letting go of this camera
        _check_installed()
        worker = self._worker = _Worker(
            self.address, _drivers(self.address, self._driver), self._wanted, self._held, self.counted
        )
        try:
            self.facts = worker.start()
        except BaseException:
            worker.release()
            raise
        return worker


def split_driver(place: str) -> tuple[str, str]:
    """(driver's file or "", camera or "") of what stands behind `genicam:`."""
    found = re.match(r"(?i)(.+?\.cti)(?:#(.*))?$", place)
    if found is None:
        return "", place
    return found[1].strip(), (found[2] or "").strip()


class _Worker:
    """The process that reads a camera; see `app.cameras.background.Device`."""

    def __init__(self, address: str, drivers: list[str], wanted: str, held: Held, counted: Counted) -> None:
        self._address, self._counted = address, counted
        given = {name: value for name, value in asdict(held).items() if value is not None}
        request = {"what": "open", "address": address, "drivers": drivers, "wanted": wanted, "held": given}
        self._lost = 0
        self._releasing = False
        try:
            self._process = subprocess.Popen(
                _command(request),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl+C is the station's to hear; it then ends the process in order
                creationflags=_FLAGS,
            )
        except OSError as error:
            raise SourceError(f"{address}: its reader can't be started ({error.strerror or error}).") from None

    def start(self) -> dict[str, str | int | float]:
        """What the camera is set to, once it is open."""
        message, _ = self._message()
        facts: dict[str, str | int | float] = message["facts"]
        return facts

    def grab(self) -> Image | None:
        message, data = self._message()
        self._counted.temperature = message["temperature"]
        self._counted.lost += message["lost"] - self._lost
        self._lost = message["lost"]
        if message["kind"] != "frame":
            return None
        width, height = message["size"]
        made: Image = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        return made

    def _message(self) -> tuple[dict[str, Any], bytearray]:
        said, following = HEAD.unpack(self._exactly(HEAD.size))
        message: dict[str, Any] = json.loads(self._exactly(said))
        data = self._exactly(following)
        if message["kind"] == "error":
            _refused(self._address, message)
        return message, data

    def _exactly(self, count: int) -> bytearray:
        data = bytearray(count)
        view, stream = memoryview(data), self._process.stdout
        assert stream is not None
        while view:
            read = stream.readinto(view)  # type: ignore[attr-defined]
            if not read:
                code = self._process.wait()
                raise SourceError(
                    f"{self._address}: the driver has failed ({_end_words(code)}). It is started again by itself."
                )
            view = view[read:]
        return data

    def release(self) -> None:
        self._releasing = True
        process = self._process
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            try:
                stream.close()
            except OSError:  # it ended first
                continue
        try:
            process.wait(_END_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def end_if_stuck(self) -> None:
        """Ends a process that nobody is letting go of: its reader waits for it."""
        if not self._releasing and self._process.poll() is None:
            self._process.kill()


def _check_installed() -> None:
    for name in ("harvesters", "genicam"):
        if importlib.util.find_spec(name) is None:
            raise missing_extra("genicam", f"GenICam cameras need {name}, and it is", ModuleNotFoundError(name))


def _drivers(address: str, driver: str) -> list[str]:
    """The GenTL producers to look into."""
    if driver:
        file = Path(driver).expanduser()
        if not file.is_file():
            raise SourceError(f"{address}: the driver {file} does not exist. Write the whole path of the .cti file.")
        return [str(file)]
    found: list[str] = []
    for place in filter(None, os.environ.get(DRIVERS, "").split(os.pathsep)):
        path = Path(place)
        files = [path] if path.suffix.lower() == ".cti" else sorted(path.glob("*.[cC][tT][iI]"))
        found += [str(one) for one in files if str(one) not in found]
    if not found:
        raise SourceError(
            f"{address}: no driver for GenICam cameras is registered at this computer ({DRIVERS} names none). Install "
            "the one of the camera's maker, or write its file: genicam:/path/to/driver.cti#CAMERA"
        )
    return found


def _command(request: dict[str, Any]) -> list[str]:
    return [sys.executable, "-m", "app.cameras.genicam_worker", json.dumps(request)]


def _environment() -> dict[str, str]:
    """This process's, with the program's folder where Python looks for it."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}


def _end_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _refused(what: str, message: dict[str, Any]) -> NoReturn:
    if message.get("missing"):
        raise missing_extra("genicam", "GenICam cameras need harvesters, and it is", ImportError(message["words"]))
    words = str(message["words"])
    raise SourceError(words if words.startswith(what) else f"{what}: {words}")
