"""Decoding masks: which pixels of a picture are defect, and of which type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.drawing import Undrawable, decoded, drawn, opaque
from app.datasets.types import NAMELESS, Colour, Drawn, Item, Labelled, Mask, Masks, Stencil
from app.domain.errors import DatasetError, PictureError

_NEAR = 48.0
"""Largest distance (R, G, B, Euclidean) at which an antialiased edge pixel still counts as its colour."""

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def read_mask(item: Item, size: tuple[int, int]) -> Masks:
    """The defect's pixels by type, each (H, W) bool; several types only with a colour map, or drawn as shapes.

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
    if isinstance(item.mask, Drawn):
        return _of_shapes(item, item.mask, size)
    mask = item.mask
    pixels = _fitting(item, mask.path, size)
    if mask.colours is None:
        return {item.type or NAMELESS: opaque(pixels)}
    alpha = pixels[..., 3] if pixels.ndim == 3 and pixels.shape[2] == 4 else None
    coloured = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels[..., 2::-1]
    rgb = np.asarray(coloured, np.uint8)
    shown = np.ones(rgb.shape[:2], bool) if alpha is None else alpha > 127
    return _by_colour(item, mask, rgb, shown)


def types_of(item: Item, masks: Masks) -> tuple[str, ...]:
    """Every type of a picture: those its dataset gives it, then those that its masks show besides.

    What a mask shows without naming it (`NAMELESS`) is no type.
    """
    shown = (kind for kind, area in masks.items() if area.any() and kind != NAMELESS)
    return tuple(dict.fromkeys((*item.types, *shown)))


def labelled(item: Item) -> Labelled:
    """The picture as exports take it."""
    reader = (lambda size: read_mask(item, size)) if item.mask else None
    return Labelled(item.path, item.name, item.label, item.types, item.split, reader, item.labelled_at)


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


def _fitting(item: Item, path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of a mask file that is as large as its picture."""
    try:
        pixels = decoded(path.read_bytes())
    except OSError as error:
        raise _wrong(item, path, f"can't be read ({error.strerror or error}); its picture is {item.path}") from error
    except Undrawable as why:
        raise _wrong(item, path, f"of {item.path} {why}") from why
    height, width = pixels.shape[:2]
    if (width, height) != size:
        raise _wrong(
            item,
            path,
            f"is {width} x {height} pixels, but its picture {item.path} is {size[0]} x {size[1]}. "
            "Export the mask at the picture's size",
        )
    return pixels


def _of_shapes(item: Item, mask: Drawn, size: tuple[int, int]) -> Masks:
    if mask.size is not None and mask.size != size:
        raise _wrong(
            item,
            mask.path,
            f"was drawn on {mask.size[0]} x {mask.size[1]} pixels, but its picture {item.path} is "
            f"{size[0]} x {size[1]}. Draw it on this picture, or put the right one there",
        )
    found: Masks = {}
    for shape in mask.shapes:
        kind = shape.type or item.type or NAMELESS
        if isinstance(shape, Stencil):
            area = opaque(_fitting(item, shape.path, size))
        else:
            try:
                area = drawn(shape, size)
            except Undrawable as why:
                raise _wrong(item, mask.path, f"of {item.path}, type {kind}, {why}") from why
        found[kind] = found[kind] | area if kind in found else area
    return found


def _by_colour(item: Item, mask: Mask, rgb: NDArray[np.uint8], shown: NDArray[np.bool_]) -> Masks:
    assert mask.colours is not None
    defects = mask.colours
    known: list[Colour] = [colour for colour, _ in defects]
    # Where the map does not say what good surface looks like, masks have it transparent, white or black.
    grounds = [mask.background] if mask.background else [_WHITE, _BLACK]
    known += [colour for colour in grounds if colour not in known]
    wide = rgb.astype(np.uint32)
    codes = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    nearest = np.full(codes.shape, len(known), np.uint16)  # len(known): none
    for index, (red, green, blue) in reversed(list(enumerate(known))):
        nearest[codes == (red << 16 | green << 8 | blue)] = index
    rest = shown & (nearest == len(known))
    if rest.any():
        shades, inverse, counts = np.unique(codes[rest], return_inverse=True, return_counts=True)
        parts = np.stack([shades >> 16, shades >> 8 & 255, shades & 255], axis=1).astype(np.float64)
        distance = np.linalg.norm(parts[:, None] - np.array(known, np.float64)[None], axis=2)
        index_of = np.where(distance.min(axis=1) <= _NEAR, distance.argmin(axis=1), len(known))
        nearest[rest] = index_of[inverse].astype(np.uint16)
        unknown = shown & (nearest == len(known))
        solid = cv2.erode(unknown.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).any()
        # Blends are narrow and lie beside a defect. Anything else is a colour of its own.
        if solid or (unknown.any() and not (shown & (nearest < len(defects))).any()):
            most = int(shades[np.argmax(counts * (index_of == len(known)))])
            raise _wrong(item, mask.path, f"of {item.path} has the colour #{most:06X}, which is not in its colour map")
    found: Masks = {}
    for index, (_, name) in enumerate(defects):
        area = shown & (nearest == index)
        found[name] = found[name] | area if name in found else area
    return found


def _wrong(item: Item, path: Path, words: str) -> DatasetError:
    start = f"{item.place}: the" if item.place else "The"
    return DatasetError(f"{start} mask {path} {words}.")
