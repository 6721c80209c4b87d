"""Label planes as wholes: made, checked, taken over from another picture, written to a file and read again."""

from __future__ import annotations

import cv2
import numpy as np

from app.domain.errors import MaskError
from app.domain.labelling import MAX_TYPES
from app.masking.rects import Plane, size_of

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def blank(size: tuple[int, int]) -> Plane:
    """A plane of good surface for a picture of `size` (width, height)."""
    return np.zeros((size[1], size[0]), np.uint8)


def copied_to(plane: Plane, size: tuple[int, int], name: str = "the next picture") -> Plane:
    """A copy of a plane for another picture of `size` (width, height).

    Raises:
        MaskError: that picture has another size; the words name it.
    """
    if size_of(plane) != size:
        width, height = size_of(plane)
        raise MaskError(
            f"This mask is {width} x {height} pixels, but {name} is {size[0]} x {size[1]}. "
            "A mask can be copied to pictures of the same size only."
        )
    return plane.copy()


def encode_plane(plane: Plane) -> bytes:
    """A plane as PNG of 8-bit grey whose values are the ids: lossless, and the same bytes for the same plane.

    Run lengths of unfiltered rows at level 1: masks are flat, and a save must not be felt (21 to 32 ms for 12
    megapixels; with OpenCV's own choice of filters 100 to 160).

    Raises:
        MaskError: it has the value 255, which no type can have.
        ValueError: not (H, W) uint8, or empty.
    """
    if plane.ndim != 2 or plane.dtype != np.uint8 or plane.size == 0:
        raise ValueError(f"a plane is (H, W) uint8, not {plane.shape} {plane.dtype}")
    if int(plane.max()) > MAX_TYPES:
        raise MaskError(f"This mask has pixels of type {int(plane.max())}; types go from 1 to {MAX_TYPES}.")
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    options += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    return cv2.imencode(".png", plane, options)[1].tobytes()


def decode_plane(data: bytes, size: tuple[int, int] | None = None, name: str = "This mask") -> Plane:
    """Reads what `encode_plane` wrote, or any other PNG of 8-bit grey that holds ids.

    Args:
        size: (width, height) that it must have.
        name: what the words of an error call it.

    Raises:
        MaskError: damaged, cut short, of other colours or of another size.
    """
    plane = None
    if data.startswith(_SIGNATURE) and data.endswith(_END):
        try:
            plane = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            plane = None
    if plane is None:
        raise MaskError(
            f"{name} is damaged: it is not a whole PNG file. Undo to an earlier state of it, or draw it again."
        )
    if plane.ndim == 3 and plane.shape[2] == 1:
        plane = plane[..., 0]
    if plane.ndim != 2 or plane.dtype != np.uint8:
        raise MaskError(
            f"{name} holds colours, not the numbers of defect types. Import it as a picture's mask instead."
        )
    ids = np.ascontiguousarray(plane, np.uint8)
    if size is not None and size_of(ids) != size:
        width, height = size_of(ids)
        raise MaskError(f"{name} is {width} x {height} pixels, but its picture is {size[0]} x {size[1]}.")
    if int(ids.max(initial=0)) > MAX_TYPES:
        raise MaskError(f"{name} has pixels of type {int(ids.max())}; types go from 1 to {MAX_TYPES}.")
    return ids
