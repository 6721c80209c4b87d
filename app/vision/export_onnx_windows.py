"""A large canvas in overlapping windows, as nodes of an ONNX graph; see `app.vision.export_onnx`.

As `app.vision.looking` does it: features are averaged and compared within each window, then the used parts of the
windows are put side by side. That is one `Gather` here, since a cell of the canvas is one row of all windows' cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.vision.export_onnx_writer import Writer
from app.vision.geometry import Target, Window

_AT_ONCE = 8
"""Windows that go through the network at once, as in the station: more would take memory and no less time."""

Pass = Callable[[str, str, Sequence[Window]], Sequence[str]]
"""Adds the nodes for one batch: what its names begin with, name of the batch (B, h, w, 3) uint8, its windows. Gives
names of values, one row a cell of the windows."""


def over_windows(
    writer: Writer, view: str, pieces: Sequence[Window], canvas: Target, stride: int, through: Pass
) -> list[str]:
    """What `through` gives, for the canvas: one row a cell of it.

    Args:
        view: name of the view's input, (1, canvas height, canvas width, 3) uint8.
        pieces: the windows of the canvas.
        through: gives the same number of values for every batch.
    """
    if len(pieces) == 1:
        return list(through(view, view, pieces))
    passes = []
    for number, at in enumerate(range(0, len(pieces), _AT_ONCE)):
        some = pieces[at : at + _AT_ONCE]
        name = f"{view}/windows{number}"
        passes.append(through(name, _cut(writer, name, view, some), some))
    rows = writer.index(f"{view}/used", used_cells(pieces, canvas, stride))
    stitched = []
    for number, parts in enumerate(zip(*passes, strict=True)):
        out = f"{view}/stitched{number}"
        whole = parts[0] if len(parts) == 1 else writer.add("Concat", parts, f"{out}/windows", axis=0)
        stitched.append(writer.add("Gather", [whole, rows], out, axis=0))
    return stitched


def used_cells(pieces: Sequence[Window], canvas: Target, stride: int) -> NDArray[np.intp]:
    """(rows * columns,) of the canvas's grid: which cell of all windows' cells, one window after the other."""
    across, down = pieces[0].width // stride, pieces[0].height // stride
    found = np.full((canvas.height // stride, canvas.width // stride), -1, np.intp)
    for number, each in enumerate(pieces):
        top, bottom, left, right = (side // stride for side in (each.top, each.bottom, each.left, each.right))
        row, column = np.mgrid[top:bottom, left:right]
        place = (row - each.y // stride) * across + column - each.x // stride
        found[top:bottom, left:right] = number * across * down + place
    assert found.min() >= 0, "the windows cover the canvas"
    return found.ravel()


def _cut(writer: Writer, name: str, view: str, pieces: Sequence[Window]) -> str:
    """The windows (B, h, w, 3) of a canvas (1, H, W, 3)."""
    cuts = [
        writer.add(
            "Slice",
            [
                view,
                writer.ints(each.y, each.x),
                writer.ints(each.y + each.height, each.x + each.width),
                writer.ints(1, 2),
            ],
            f"{name}/window{number}",
        )
        for number, each in enumerate(pieces)
    ]
    return cuts[0] if len(cuts) == 1 else writer.add("Concat", cuts, f"{name}/windows", axis=0)
