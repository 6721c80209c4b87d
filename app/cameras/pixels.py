"""Pixel formats of GenICam's naming convention (PFNC) as the station's pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.errors import SourceError
from app.domain.frame import Image

_COLOUR = {
    "Mono8": (1, cv2.COLOR_GRAY2BGR),
    "RGB8": (3, cv2.COLOR_RGB2BGR),
    "RGBa8": (4, cv2.COLOR_RGBA2BGR),
    "BGRa8": (4, cv2.COLOR_BGRA2BGR),
    # PFNC names the first two pixels of the first line.
    "BayerRG8": (1, cv2.COLOR_BayerRGGB2BGR),
    "BayerGR8": (1, cv2.COLOR_BayerGRBG2BGR),
    "BayerGB8": (1, cv2.COLOR_BayerGBRG2BGR),
    "BayerBG8": (1, cv2.COLOR_BayerBGGR2BGR),
}
_BITS = {
    "Mono10": 10,
    "Mono10p": 10,
    "Mono10Packed": 10,
    "Mono12": 12,
    "Mono12p": 12,
    "Mono12Packed": 12,
    "Mono14": 14,
    "Mono16": 16,
}
POSSIBLE = (*_COLOUR, "BGR8", *_BITS)
"""The formats `to_bgr` reads."""


def to_bgr(pixel_format: str, data: NDArray[Any], width: int, height: int) -> Image:
    """A picture as (height, width, 3) uint8, B, G, R.

    Args:
        pixel_format: PFNC's name.
        data: (n,) the pixels' values line by line, uint8 or, where a value has more than 8 bits, uint16 (packed formats
            already taken apart); lines may be padded at their ends. It is copied.

    Raises:
        SourceError: the format is none of these, or the data is too short for the picture.
    """
    if pixel_format not in POSSIBLE:
        raise SourceError(
            f"the pixel format {pixel_format} can't be read here. Choose another one in the camera: "
            f"{', '.join(POSSIBLE)}."
        )
    channels = 3 if pixel_format == "BGR8" else _COLOUR.get(pixel_format, (1, 0))[0]
    wanted = width * channels
    if not wanted or not height or data.size < wanted * height:
        raise SourceError(f"a picture of {width} x {height} {pixel_format} pixels came with {data.size} values only.")
    lines = data[: data.size // height * height].reshape(height, -1)[:, :wanted]
    if pixel_format in _BITS:
        grey = (lines >> (_BITS[pixel_format] - 8)).astype(np.uint8)
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    if channels > 1:
        lines = lines.reshape(height, width, channels)
    if pixel_format == "BGR8":
        return np.array(lines, np.uint8, order="C")
    made = cv2.cvtColor(np.ascontiguousarray(lines), _COLOUR[pixel_format][1])
    return made.astype(np.uint8, copy=False)
