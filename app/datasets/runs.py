"""Run lengths as COCO writes them: column by column, background and defect in turn, background first.

The compressed text holds each length in pieces of five bits, the lowest first, one character a piece (bit 5: more
follow), as a signed number; from the fourth length on it is the difference from the length two before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def unpacked(text: str) -> list[int]:
    """The lengths of a compressed text; ValueError where it is none."""
    lengths: list[int] = []
    value, shift = 0, 0
    for sign in text:
        piece = ord(sign) - 48
        if not 0 <= piece < 64 or shift > 35:
            raise ValueError(f"{sign!r} is no part of compressed run lengths")
        value |= (piece & 31) << shift
        shift += 5
        if piece & 32:
            continue
        if piece & 16:
            value -= 1 << shift
        if len(lengths) > 2:
            value += lengths[-2]
        lengths.append(value)
        value, shift = 0, 0
    if shift:
        raise ValueError("the compressed run lengths end in the middle of a number")
    return lengths


def packed(lengths: Sequence[int]) -> str:
    """The compressed text of run lengths."""
    signs: list[str] = []
    for index, length in enumerate(lengths):
        value = length - lengths[index - 2] if index > 2 else length
        while True:
            piece = value & 31
            value >>= 5
            # Done when what is left is nothing but the sign, and the piece's highest bit tells that sign.
            last = value == (-1 if piece & 16 else 0)
            signs.append(chr(48 + (piece if last else piece | 32)))
            if last:
                break
    return "".join(signs)


def lengths_of(area: NDArray[np.bool_]) -> list[int]:
    """The run lengths of a (H, W) bool area."""
    flat = area.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    runs = np.diff(edges).tolist()
    return [0, *runs] if flat.size and flat[0] else runs


def area_of(lengths: Sequence[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The (H, W) bool area of run lengths; ValueError where they do not fill (width, height) exactly."""
    width, height = size
    counts = np.asarray(lengths, np.int64)
    if counts.ndim != 1 or (counts < 0).any() or int(counts.sum()) != width * height:
        raise ValueError(f"the run lengths do not fill {width} x {height} pixels")
    inside = np.arange(len(counts)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, counts).reshape((height, width), order="F"))
