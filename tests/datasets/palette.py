"""PNGs with a palette and transparent entries, as labelling tools write masks: no library here does."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def palette_png(
    indices: NDArray[np.uint8], colours: Sequence[tuple[int, int, int]], alpha: Sequence[int] = ()
) -> bytes:
    """An 8-bit palette PNG of (H, W) indices; `colours` are R, G, B, `alpha` of the first entries."""
    height, width = indices.shape
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", b"".join(bytes(colour) for colour in colours)),
    ]
    if alpha:
        chunks.append((b"tRNS", bytes(alpha)))
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
