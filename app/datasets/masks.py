"""Decoding masks: which pixels of a picture are defect, and of which type."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.types import Colour, Item
from app.domain.errors import DatasetError, PictureError
from app.pictures import is_truncated

_NEAR = 48.0
"""Largest distance (R, G, B, Euclidean) at which an antialiased edge pixel still counts as its colour."""

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)

Masks = dict[str, NDArray[np.bool_]]


def read_mask(item: Item, size: tuple[int, int]) -> Masks:
    """The defect's pixels by type, each (H, W) bool; several types only with a colour map.

    Without a colour map: with alpha, defect where alpha > 127; otherwise grey > 127. With one: the
    nearest colour of the map, by R, G, B only, where the pixel is not transparent. Blends between two
    colours, as at antialiased edges, are background; an area in a colour that the map does not have is
    an error.

    Args:
        item: must have a mask.
        size: (width, height) of the picture.

    Raises:
        DatasetError: not readable, of another size than its picture, or of other colours than its map;
            names both.
    """
    if item.mask is None:
        raise ValueError(f"{item.name} has no mask")
    pixels = _decoded(item)
    height, width = pixels.shape[:2]
    if (width, height) != size:
        raise _wrong(
            item,
            f"is {width} x {height} pixels, but its picture {item.path} is {size[0]} x {size[1]}. "
            "Export the mask at the picture's size",
        )
    alpha = pixels[..., 3] if pixels.ndim == 3 and pixels.shape[2] == 4 else None
    if item.mask.colours is None:
        if alpha is not None:
            area = alpha > 127
        elif pixels.ndim == 2:
            area = pixels > 127
        else:
            area = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) > 127
        return {item.type or "anomaly": area}
    coloured = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels[..., 2::-1]
    rgb = np.asarray(coloured, np.uint8)
    opaque = np.ones((height, width), bool) if alpha is None else alpha > 127
    return _by_colour(item, rgb, opaque)


def mask_reader(item: Item) -> Callable[[tuple[int, int]], dict[str, NDArray[np.bool_]]]:
    """`read_mask` for a picture that is loaded later.

    A manifest's line that is wrong is left out like a picture that can't be read; in folders a wrong mask ends the
    command, since it tells of files that were mixed up.
    """

    def read(size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
        try:
            return read_mask(item, size)
        except DatasetError as error:
            if not item.place:
                raise
            raise PictureError(str(error), item.path) from error

    return read


def _decoded(item: Item) -> NDArray[np.uint8]:
    """(H, W), (H, W, 3) BGR or (H, W, 4) BGRA."""
    assert item.mask is not None
    try:
        data = item.mask.path.read_bytes()
    except OSError as error:
        raise _wrong(item, f"can't be read ({error.strerror or error}); its picture is {item.path}") from error
    try:
        whole = bool(data) and not is_truncated(data)
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    except cv2.error:
        pixels = None
    if pixels is not None and pixels.dtype == np.uint16:
        pixels = (np.asarray(pixels, np.uint16) >> 8).astype(np.uint8)
    if pixels is None or pixels.dtype != np.uint8:
        raise _wrong(item, f"of {item.path} is not a whole picture. Export it again as PNG")
    return np.asarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels, np.uint8)


def _by_colour(item: Item, rgb: NDArray[np.uint8], opaque: NDArray[np.bool_]) -> Masks:
    assert item.mask is not None and item.mask.colours is not None
    defects = item.mask.colours
    known: list[Colour] = [colour for colour, _ in defects]
    # Where the map does not say what good surface looks like, masks have it transparent, white or black.
    grounds = [item.mask.background] if item.mask.background else [_WHITE, _BLACK]
    known += [colour for colour in grounds if colour not in known]
    wide = rgb.astype(np.uint32)
    codes = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    nearest = np.full(codes.shape, len(known), np.uint16)  # len(known): none
    for index, (red, green, blue) in reversed(list(enumerate(known))):
        nearest[codes == (red << 16 | green << 8 | blue)] = index
    rest = opaque & (nearest == len(known))
    if rest.any():
        shades, inverse, counts = np.unique(codes[rest], return_inverse=True, return_counts=True)
        parts = np.stack([shades >> 16, shades >> 8 & 255, shades & 255], axis=1).astype(np.float64)
        distance = np.linalg.norm(parts[:, None] - np.array(known, np.float64)[None], axis=2)
        index_of = np.where(distance.min(axis=1) <= _NEAR, distance.argmin(axis=1), len(known))
        nearest[rest] = index_of[inverse].astype(np.uint16)
        unknown = opaque & (nearest == len(known))
        solid = cv2.erode(unknown.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).any()
        # Blends are narrow and lie beside a defect. Anything else is a colour of its own.
        if solid or (unknown.any() and not (opaque & (nearest < len(defects))).any()):
            most = int(shades[np.argmax(counts * (index_of == len(known)))])
            raise _wrong(item, f"of {item.path} has the colour #{most:06X}, which is not in its colour map")
    found: Masks = {}
    for index, (_, name) in enumerate(defects):
        area = opaque & (nearest == index)
        found[name] = found[name] | area if name in found else area
    return found


def _wrong(item: Item, words: str) -> DatasetError:
    assert item.mask is not None
    start = f"{item.place}: the" if item.place else "The"
    return DatasetError(f"{start} mask {item.mask.path} {words}.")
