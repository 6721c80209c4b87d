"""What industrial cameras share: their packages come as extras, their pictures through a background thread."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.cameras.background import BackgroundSource, Device
from app.cameras.facts import Facts
from app.domain.errors import SourceError

OPEN_TIMEOUT, READ_TIMEOUT = 15.0, 5.0
WAIT = 0.1
"""Seconds a device waits for one picture at a time, so that `stop` is heard soon."""
FAILED_BUFFERS = 8
"""Damaged pictures in a row after which a camera counts as lost."""
HELD = ("exposure", "gain", "white_balance")
"""Settings an industrial camera's address may hold (see app/cameras/held.py)."""
_TEMPERATURE_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera that is there.

    Attributes:
        address: the SOURCE address that means it, whatever else is plugged in.
        name: as people tell it from others: model and serial number.
    """

    address: str
    name: str


class MissingExtraError(SourceError):
    """The packages for this kind of camera are not installed; the text says how to get them."""


def missing_extra(extra: str, what: str, why: Exception) -> MissingExtraError:
    """The error for packages that can't be imported.

    Args:
        extra: its name for `bootstrap.py setup --extra`.
        what: the packages, in words.
        why: what the import said.
    """
    if "libpython" in str(why):  # a Python that is linked into its program brings no shared library
        library = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        return MissingExtraError(
            f"{what.removesuffix(', and it is')}, which needs {library}'s shared library of the system. Install it "
            f"(Debian, Ubuntu: apt-get install {library}), then start the station again."
        )
    absent = isinstance(why, ModuleNotFoundError)
    state = "not installed" if absent else f"damaged, or made for another computer ({why})"
    return MissingExtraError(
        f"{what} {state}. Close the station, then install with: python3 installer/bootstrap.py setup --extra {extra}"
    )


class Counted:
    """What a camera's devices count, over all connections; written by one thread at a time.

    Attributes:
        lost: pictures the camera made that never came whole.
        temperature: of the device in degrees Celsius, None where it does not tell.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.temperature: float | None = None
        self._next = 0.0

    def take_temperature(self, read: Callable[[], float | None]) -> None:
        """Asks the device now and then: on a network camera each question costs a way there and back."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _TEMPERATURE_EVERY
            self.temperature = read()


class IndustrialCamera(BackgroundSource):
    """A camera of which `connect` makes the device."""

    def __init__(self, address: str, connect: Callable[[], Device], read_timeout: float) -> None:
        super().__init__(address, connect, open_timeout=OPEN_TIMEOUT, read_timeout=read_timeout)
        self.facts: Facts = {}
        """What the camera was set to when it was last opened."""
        self.counted = Counted()

    @property
    def dropped(self) -> int:
        """Pictures that were lost on the way, and those replaced by newer ones before they were read."""
        return super().dropped + self.counted.lost

    @property
    def temperature(self) -> float | None:
        """Of the camera, in degrees Celsius, a few seconds old at most; None where it does not tell."""
        return self.counted.temperature

    def close(self) -> None:
        super().close()
        self.counted.temperature = None
