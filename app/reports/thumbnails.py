"""Small pictures for the reports: the stored picture with its defects outlined."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import cv2
import numpy as np
from openpyxl.drawing.image import Image as SheetImage
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.xdr import XDRPositiveSize2D
from openpyxl.utils.units import pixels_to_EMU

from app.domain.errors import PictureError, StoreError
from app.domain.frame import Image
from app.domain.inspection import Inspection
from app.domain.periods import Period
from app.domain.records import RecordQuery
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.pictures import SMALL, encode_jpeg, encode_small, read_picture, shrink, size_within
from app.reports.figures import Records

log = logging.getLogger(__name__)

_THREADS = 2

_RED = (44, 47, 198)  # BGR


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """JPEG bytes and their size in pixels."""

    data: bytes
    width: int
    height: int


class Pictures(Protocol):
    """Where the stored pictures lie; `app.store.Store` is one."""

    def image_file(self, image_path: str) -> Path:
        """The file of a stored picture; it may be missing."""

    def small_file(self, image_path: str) -> Path:
        """The small JPEG beside it; often missing."""

    def save_small(self, image_path: str, data: bytes) -> None:
        """Puts one there; OSError where there is no room."""


def thumbnail(path: Path, regions: Sequence[Region], fit: tuple[int, int] = SMALL) -> Thumbnail:
    """The picture at `path`, made small enough for `fit` (width, height), with `regions` outlined.

    Raises:
        PictureError: missing, damaged, or no picture; names the file.
    """
    image = read_picture(path)
    return _outlined(shrink(image, fit), regions, image.shape[1])


def part_thumbnail(pictures: Pictures, inspection: Inspection, fit: tuple[int, int] = SMALL) -> Thumbnail:
    """Like `thumbnail`, of a part that did not pass: from the small picture beside the stored one where that is enough,
    since decoding a whole one takes up to a second. Where there is none, it is put there for the next time.

    Raises:
        PictureError: as `thumbnail`.
        StoreError: its path is none.
    """
    size = inspection.width, inspection.height
    small: Image | None
    if fit[0] <= SMALL[0] and fit[1] <= SMALL[1]:
        try:
            small = read_picture(pictures.small_file(inspection.image_path))
        except PictureError:
            small = None  # an older record has none, and a damaged one is no loss: the picture itself is there
        if small is None or (small.shape[1], small.shape[0]) != size_within(size, SMALL):
            image = read_picture(pictures.image_file(inspection.image_path))
            small = shrink(image)
            if inspection.verdict is not Verdict.PASS and (image.shape[1], image.shape[0]) == size:
                _keep_small(pictures, inspection.image_path, image)
            size = image.shape[1], image.shape[0]
        return _outlined(shrink(small, fit), inspection.regions, size[0])
    return thumbnail(pictures.image_file(inspection.image_path), inspection.regions, fit)


def _keep_small(pictures: Pictures, image_path: str, image: Image) -> None:
    try:
        pictures.save_small(image_path, encode_small(image))
        if not pictures.image_file(image_path).exists():  # retention was there meanwhile
            pictures.small_file(image_path).unlink(missing_ok=True)
    except OSError as error:  # no room, or no right to write: the report has what it needs
        log.info("the small picture of %s could not be kept: %s", image_path, error)


def _outlined(small: Image, regions: Sequence[Region], width: int) -> Thumbnail:
    """`small` with `regions`, which are in pixels of the picture that was `width` wide."""
    scale = small.shape[1] / width
    line = max(1, round(max(small.shape[:2]) / 500))  # seen on paper too
    for region in regions:
        right, bottom = region.x + region.width, region.y + region.height
        box = ((region.x, region.y), (right, region.y), (right, bottom), (region.x, bottom))
        corners = np.array(region.outline or box, np.float64) * scale
        cv2.polylines(small, [np.round(corners).astype(np.int32)], True, _RED, line, cv2.LINE_AA)
    return Thumbnail(encode_jpeg(small, 80), small.shape[1], small.shape[0])


class Thumbnails:
    """The small pictures of the newest failed parts of a period, made on other threads from when this is entered:
    decoding lets go of the interpreter, and meanwhile the rows are written.

    Args:
        records: the store.
        period: of the record.
        number: how many are made ahead; others are made when asked for.
    """

    def __init__(self, records: Records, period: Period, number: int) -> None:
        self._records, self._period, self._number = records, period, number
        # Two at a time, so that at most two whole pictures are in memory.
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="thumbnail")
        self._made: dict[str, Future[Thumbnail | str]] = {}

    def __enter__(self) -> Self:
        query = RecordQuery(verdict=Verdict.FAIL, start=self._period.start, end=self._period.end)
        try:
            for inspection in self._records.search(query, self._number):
                self._made[inspection.id] = self._pool.submit(self._make, inspection)
        except BaseException:
            self._pool.shutdown(cancel_futures=True)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def of(self, inspection: Inspection) -> Thumbnail | str:
        """The picture, or in words why there is none."""
        made = self._made.pop(inspection.id, None)
        return self._make(inspection) if made is None else made.result()

    def _make(self, inspection: Inspection) -> Thumbnail | str:
        if not inspection.image_path:
            return "The picture was not kept: the disk was full."
        if inspection.picture_removed_at is not None:
            return "The picture was removed when its time was over."
        try:
            return part_thumbnail(self._records, inspection)
        except (PictureError, StoreError):
            return "The picture is missing or damaged."


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
