"""Looking at a picture through all views of a model: the same for training and judging."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image
from app.vision.bank import Cells, MemoryBank
from app.vision.canvas import Easel, cut
from app.vision.geometry import Target, Window, canvas_for, places, windows
from app.vision.graph import Network, ViewGraph
from app.vision.halves import Halves

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """One way of looking at the whole picture.

    Attributes:
        size: the canvas has about size x size pixels, in the picture's own aspect ratio.
        mean: features are averaged over mean x mean cells: 1 for small defects, 3 to tell textures apart.
    """

    size: int
    mean: int = 1


def joint(views: Sequence[View]) -> int:
    """How many of a model's views, from the first on, see the same in two ways: the fine one, and the coarse one."""
    return 2 if len(views) > 1 and views[1].mean > 1 else 1


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What one view saw of a picture.

    Attributes:
        rows, columns: of the grid over the canvas.
        features: (rows * columns, C) float32, or None where they were not asked for.
        distances: (rows, columns) float32 to the nearest remembered feature, or None without a bank.
    """

    rows: int
    columns: int
    features: Array | None
    distances: Array | None

    def cells(self, there: NDArray[np.bool_] | None = None) -> Cells:
        """For training; where `there` (H, W) is False the picture shows nothing, and cells do not count."""
        assert self.features is not None
        counts = None if there is None or there.all() else self.seen(there).ravel()
        return Cells(self.features, places(self.rows, self.columns), counts)

    def seen(self, there: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """`seen_cells` of this grid."""
        return seen_cells(there, self.rows, self.columns)


class Eye:
    """The compiled graphs of a model's views; any thread may look."""

    def __init__(
        self,
        network: Network,
        views: Sequence[View],
        banks: Sequence[MemoryBank | None],
        *,
        features: bool,
        usual: Sequence[float] | None = None,
    ) -> None:
        """`usual`: see `ViewGraph`, of each view."""
        self._network = network
        self._steady = False  # whether the first picture's size is that of all
        self._fixing = threading.Lock()
        self._views = list(zip(views, banks, strict=True))
        ends: Sequence[float | None] = usual or [None] * len(views)
        self._graphs = [
            ViewGraph(network, view.mean, bank, features=features, usual=end)
            for (view, bank), end in zip(self._views, ends, strict=True)
        ]

    def look(self, image: Image, halves: Halves | None = None) -> list[Sight]:
        """What each view sees of an (H, W, 3) uint8 BGR picture; `halves`: of it, where they are there already."""
        easel, size = Easel(halves or Halves(image)), (image.shape[1], image.shape[0])
        if self._steady:
            self._fix(*size)
        return [
            self._see(graph, view, bank, easel, size)
            for graph, (view, bank) in zip(self._graphs, self._views, strict=True)
        ]

    def prepare(self, width: int, height: int) -> None:
        """Compiles for the next picture of this size now."""
        for graph, (view, _) in zip(self._graphs, self._views, strict=True):
            pieces = self._windows(self.canvas(view, width, height))
            graph.prepare((len(pieces), pieces[0].height, pieces[0].width, 3))

    def expect_one_size(self) -> None:
        """The first picture looked at tells what is compiled for: a fixed camera sends no other."""
        self._steady = True

    def _fix(self, width: int, height: int) -> None:
        """Compiles for just this size of pictures, once, all views at a time: that takes three quarters as long."""

        def compile_one(number: int) -> None:
            graph, (view, _) = self._graphs[number], self._views[number]
            pieces = self._windows(self.canvas(view, width, height))
            graph.fix((len(pieces), pieces[0].height, pieces[0].width, 3))

        with self._fixing:
            if not self._steady:
                return  # another thread has
            with ThreadPoolExecutor(len(self._graphs), "compiling") as pool:
                list(pool.map(compile_one, range(len(self._graphs))))  # raises what compiling raises
            self._steady = False

    def canvas(self, view: View, width: int, height: int) -> Target:
        return canvas_for(width, height, view.size, self._network.backbone.multiple)

    def _windows(self, canvas: Target) -> tuple[Window, ...]:
        return windows(canvas, self._network.stride, self._network.backbone.multiple)

    def _see(self, graph: ViewGraph, view: View, bank: MemoryBank | None, easel: Easel, size: tuple[int, int]) -> Sight:
        canvas = self.canvas(view, *size)
        pieces, stride = self._windows(canvas), self._network.stride
        rows, columns = canvas.height // stride, canvas.width // stride
        batch = cut(easel.paint(canvas), pieces)
        if len(pieces) == 1:
            features, distances = graph.run(batch)
            return Sight(rows, columns, features, None if distances is None else distances.reshape(rows, columns))
        where = None
        if bank is not None and bank.place_weight:
            grid = places(rows, columns).reshape(rows, columns, 2)
            where = np.concatenate([grid[_cells(each, stride)].reshape(-1, 2) for each in pieces])
        features, distances = graph.run(batch, where)
        return Sight(
            rows,
            columns,
            None
            if features is None
            else _stitched(features, pieces, stride, rows, columns).reshape(rows * columns, -1),
            None if distances is None else _stitched(distances[:, None], pieces, stride, rows, columns)[..., 0],
        )


def seen_cells(there: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """(rows, columns) bool: cells that, like their neighbours, lie where `there` (H, W) is True all over.

    On a grid so coarse that no cell does, those that lie there most: something is always looked at.
    """
    share = cv2.resize(there.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    whole = (share > 0.999).astype(np.uint8)
    inner = np.asarray(cv2.erode(whole, np.ones((3, 3), np.uint8)), np.uint8) > 0
    if inner.any():
        return inner
    return np.asarray(share >= min(float(share.max()), 0.999), np.bool_)


def _cells(window: Window, stride: int) -> tuple[slice, slice]:
    """The window's cells in the canvas's grid."""
    top, left = window.y // stride, window.x // stride
    return slice(top, top + window.height // stride), slice(left, left + window.width // stride)


def _stitched(values: Array, pieces: Sequence[Window], stride: int, rows: int, columns: int) -> Array:
    """(B * cells, C) of overlapping windows -> (rows, columns, C) of the canvas: the used parts only."""
    channels = values.shape[1]
    whole = np.empty((rows, columns, channels), np.float32)
    by_window = values.reshape(len(pieces), pieces[0].height // stride, pieces[0].width // stride, channels)
    for piece, grid in zip(pieces, by_window, strict=True):
        top, left = piece.y // stride, piece.x // stride
        used = slice(piece.top // stride, piece.bottom // stride), slice(piece.left // stride, piece.right // stride)
        whole[used] = grid[used[0].start - top : used[0].stop - top, used[1].start - left : used[1].stop - left]
    return whole
