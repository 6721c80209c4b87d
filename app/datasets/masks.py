"""Decoding masks: which pixels of a picture are defect, and of which type."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.types import Item, Mask
from app.domain.errors import DatasetError

_NEAR = 48.0
"""Largest distance (R, G, B, Euclidean) at which an antialiased edge pixel still counts as its colour."""


def read_mask(item: Item, size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """The defect's pixels by type, each (H, W) bool; several types only with a colour map.

    Without a colour map: with alpha, defect where alpha > 127; otherwise grey > 127. With one: the
    nearest colour of the map, by R, G, B only, where the pixel is not transparent.

    Args:
        item: must have a mask.
        size: (width, height) of the picture.

    Raises:
        DatasetError: not readable, or of another size than its picture; names both.
    """
    if item.mask is None:
        raise ValueError(f"{item.name} has no mask")
    path = item.mask.path
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except (OSError, cv2.error) as error:
        raise DatasetError(f"The mask {path} can't be read: {error}.") from error
    if pixels is None:
        raise DatasetError(f"The mask {path} is not a picture. Export it again as PNG.")
    if pixels.dtype == np.uint16:
        pixels = (pixels // 256).astype(np.uint8)
    height, width = pixels.shape[:2]
    if (width, height) != size:
        raise DatasetError(
            f"The mask {path} is {width} x {height} pixels, but its picture {item.path} is {size[0]} x {size[1]}. "
            "Export the mask at the picture's size."
        )
    kind = item.type or "anomaly"
    alpha = pixels[..., 3] if pixels.ndim == 3 and pixels.shape[2] == 4 else None
    if not item.mask.colours:
        if alpha is not None:
            return {kind: alpha > 127}
        grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2GRAY)
        return {kind: grey > 127}
    rgb = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels[..., 2::-1]
    nearest = np.zeros((height, width), np.uint8)
    least = np.full((height, width), np.inf, np.float32)
    for index, (colour, _) in enumerate(item.mask.colours):
        distance = np.linalg.norm(rgb.astype(np.float32) - np.array(colour, np.float32), axis=-1)
        closer = distance < least
        nearest[closer], least[closer] = index, distance[closer]
    near = least <= _NEAR
    if alpha is not None:
        near &= alpha > 127
    return _by_type(item.mask, nearest, near)


def _by_type(mask: Mask, nearest: NDArray[np.uint8], near: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    found: dict[str, NDArray[np.bool_]] = {}
    for index, (_, name) in enumerate(mask.colours):
        area = near & (nearest == index)
        found[name] = found[name] | area if name in found else area
    return found
