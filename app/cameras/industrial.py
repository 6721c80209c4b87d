"""The industrial cameras there are, of all kinds."""

from __future__ import annotations

from collections.abc import Callable

from app.cameras.basler import basler_cameras
from app.cameras.extras import FoundCamera
from app.cameras.genicam import genicam_cameras
from app.domain.errors import SourceError


def industrial_cameras(driver: str = "") -> tuple[list[tuple[str, str]], list[str]]:
    """Those that are there, and why others may be missing. Takes a few seconds.

    Args:
        driver: the .cti file of a GenICam driver; "" for those that are registered at this computer.

    Returns:
        (SOURCE address, name) of each; and what stands in the way, in words: an extra that is not installed, no driver.
    """
    found: list[tuple[str, str]] = []
    words: list[str] = []
    looks: tuple[tuple[str, Callable[[], list[FoundCamera]]], ...] = (
        ("Basler", basler_cameras),
        ("GenICam", lambda: genicam_cameras(driver)),
    )
    for kind, look in looks:
        try:
            found += [(one.address, f"{kind}: {one.name}") for one in look()]
        except SourceError as error:
            words.append(str(error))
    return found, words
