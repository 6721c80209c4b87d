"""Small pictures for the workbook: the stored picture with its defects outlined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from openpyxl.drawing.image import Image as SheetImage
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.xdr import XDRPositiveSize2D
from openpyxl.utils.units import pixels_to_EMU

from app.domain.region import Region
from app.pictures import encode_jpeg, read_picture

WIDTH, HEIGHT = 160, 120
"""What a thumbnail fits into, pixels."""

_RED = (44, 47, 198)  # BGR


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """JPEG bytes and their size in pixels."""

    data: bytes
    width: int
    height: int


def thumbnail(path: Path, regions: Sequence[Region], fit: tuple[int, int] = (WIDTH, HEIGHT)) -> Thumbnail:
    """The picture at `path`, made small enough for `fit` (width, height), with `regions` outlined.

    Raises:
        PictureError: missing, damaged, or no picture; names the file.
    """
    image = read_picture(path)
    height, width = image.shape[:2]
    scale = min(fit[0] / width, fit[1] / height, 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for region in regions:
        right, bottom = region.x + region.width, region.y + region.height
        box = ((region.x, region.y), (right, region.y), (right, bottom), (region.x, bottom))
        corners = np.array(region.outline or box, np.float64) * scale
        cv2.polylines(small, [np.round(corners).astype(np.int32)], True, _RED, 1, cv2.LINE_AA)
    return Thumbnail(encode_jpeg(np.ascontiguousarray(small, np.uint8), 80), *size)


class _Picture(SheetImage):  # type: ignore[misc]  # openpyxl has no types
    """An image from its bytes. openpyxl's own needs Pillow to learn what is known here."""

    def __init__(self, picture: Thumbnail) -> None:
        self.ref = picture.data
        self.width, self.height = picture.width, picture.height
        self.format = "jpeg"

    def _data(self) -> bytes:
        return bytes(self.ref)


def place(sheet: Any, picture: Thumbnail, row: int, column: int) -> None:
    """Puts the picture into a cell (both numbers from 1), 4 pixels off its corner."""
    image = _Picture(picture)
    gap = pixels_to_EMU(4)
    image.anchor = OneCellAnchor(
        _from=AnchorMarker(col=column - 1, colOff=gap, row=row - 1, rowOff=gap),
        ext=XDRPositiveSize2D(pixels_to_EMU(picture.width), pixels_to_EMU(picture.height)),
    )
    sheet.add_image(image)
