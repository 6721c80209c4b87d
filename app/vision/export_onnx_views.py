"""One view of a model as nodes of an ONNX graph: from its canvas to distances and heat; see `app.vision.export_onnx`.

The nodes of `app.vision.graph` and `app.vision.bank_graph`, and the matrices and factors of `app.vision.maps` as
constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from onnx import TensorProto
from openvino import opset13 as op

from app.vision.bank import MemoryBank
from app.vision.bank_graph import bank_constants, nearest_distance
from app.vision.export_onnx_backbones import grids
from app.vision.export_onnx_translated import translated
from app.vision.export_onnx_windows import over_windows
from app.vision.export_onnx_writer import Writer
from app.vision.geometry import Target, Window, places, smoothing, windows
from app.vision.graph import Network
from app.vision.judge import Remembered
from app.vision.looking import seen_cells
from app.vision.maps import SIGMA, pooled_count

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one view sees.

    Attributes:
        rows, columns: of the grid over the canvas.
        features: name of (rows * columns, C) float32; None where they were not asked for.
        distances: name of (rows, columns) float32, 0 where nothing is judged.
        heat: name of (2 rows, 2 columns) float32, the smoothed distances.
    """

    rows: int
    columns: int
    features: str | None
    distances: str
    heat: str


def see(
    writer: Writer,
    name: str,
    each: Remembered,
    network: Network,
    canvas: Target,
    there: Mask | None,
    *,
    features: bool,
) -> Seen:
    """Adds a view from its input on.

    Args:
        name: of the input, (1, canvas height, canvas width, 3) uint8 BGR.
        there: (H, W) bool, what counts of the picture; None: all.
        features: whether they are wanted.
    """
    stride = network.stride
    rows, columns = canvas.height // stride, canvas.width // stride
    where = places(rows, columns).reshape(rows, columns, 2)

    def through(batch: str, pictures: str, pieces: Sequence[Window]) -> list[str]:
        found = _features(writer, batch, network, each.view.mean, pictures, pieces)
        cells = [where[_cells(piece, stride)].reshape(-1, 2) for piece in pieces]
        distances = _distances(writer, batch, each.bank, found, network.channels, np.concatenate(cells))
        return [distances, found] if features else [distances]

    pieces = windows(canvas, stride, network.backbone.multiple)
    flat, *found = over_windows(writer, name, pieces, canvas, stride, through)
    distances = writer.add("Reshape", [flat, writer.ints(rows, columns)], f"{name}/distances")
    if there is not None:
        seen = seen_cells(there, rows, columns).astype(np.float32)
        distances = writer.add("Mul", [distances, writer.floats(f"{name}/seen", seen)], f"{name}/seen_distances")
    heat = _heat(writer, name, each.scale.edge, network, distances, (rows, columns))
    return Seen(rows, columns, found[0] if found else None, distances, heat)


def fused(writer: Writer, seen: Sequence[tuple[Seen, float]], joint: int, grid: tuple[int, int], out: str) -> str:
    """As `maps.fuse`: one heat map from those of the views over their limits, (rows, columns) = grid."""
    heats = []
    for each, limit in seen:
        share = writer.floats(f"one_over_limit_{limit!r}", np.float32(1.0 / limit))
        heat = larger(writer, each.heat, f"{each.heat}/resized", (2 * each.rows, 2 * each.columns), grid)
        heats.append(writer.add("Mul", [heat, share], f"{each.heat}/over_limit"))
    return writer.add("Max", [writer.add("Mean", heats[:joint], f"{out}/joint"), *heats[joint:]], out)


def pooled(writer: Writer, heat: str, out: str, grid: tuple[int, int]) -> str:
    """As `maps.pooled`: the score of a heat map (rows, columns) = grid, (1,)."""
    cells = grid[0] * grid[1]
    return writer.highest(heat, out, 1, cells, pooled_count(cells))


def larger(writer: Writer, given: str, out: str, old: tuple[int, int], new: tuple[int, int]) -> str:
    """(..., rows, columns) of size old -> new, linear between the cells' middles."""
    if old == new:
        return given
    down, across = (
        (f"between_{cells}_and_{wanted}", between(cells, wanted)) for cells, wanted in zip(old, new, strict=True)
    )
    return writer.resized(given, out, down, across)


def between(old: int, new: int) -> Array:
    """(new, old) float32: one side of OpenCV's linear resizing."""
    eye = np.eye(old, dtype=np.float32)
    return np.asarray(cv2.resize(eye, (old, new), interpolation=cv2.INTER_LINEAR), np.float32).reshape(new, old)


def _cells(window: Window, stride: int) -> tuple[slice, slice]:
    """The window's cells in the canvas's grid."""
    top, left = window.y // stride, window.x // stride
    return slice(top, top + window.height // stride), slice(left, left + window.width // stride)


def _features(writer: Writer, batch: str, network: Network, mean: int, pictures: str, pieces: Sequence[Window]) -> str:
    """Raw features (cells, C) of pictures (B, h, w, 3) uint8 BGR."""
    height, width = pieces[0].height, pieces[0].width
    pixels = writer.add("Cast", [pictures], f"{batch}/pixels", to=TensorProto.FLOAT)
    planes = writer.add("Transpose", [pixels], f"{batch}/planes", perm=[0, 3, 1, 2])
    layers = grids(writer, batch, network, planes, (len(pieces), 3, height, width))
    x = layers[0] if len(layers) == 1 else writer.add("Concat", layers, f"{batch}/grid", axis=1)
    if mean > 1:
        half = mean // 2
        x = writer.add(
            "AveragePool", [x], f"{batch}/mean_grid", kernel_shape=[mean, mean], pads=[half] * 4, count_include_pad=0
        )
    x = writer.add("Transpose", [x], f"{batch}/cells", perm=[0, 2, 3, 1])
    cells = len(pieces) * (height // network.stride) * (width // network.stride)
    return writer.add("Reshape", [x, writer.ints(cells, network.channels)], f"{batch}/features")


def _distances(writer: Writer, batch: str, bank: MemoryBank, features: str, channels: int, where: Array) -> str:
    """The distance of `app.vision.bank_graph`, node for node, (cells,) float32; a view's batches share its bank."""
    given = [(op.parameter([len(where), channels], ov.Type.f32), features)]
    place = None
    if bank.place_weight:
        place = op.parameter(list(where.shape), ov.Type.f32)
        given.append((place, writer.floats(f"{batch}/places", where)))
    *standard, weight, vectors, squares = (op.constant(value) for value in bank_constants(bank))
    inputs = [given[0][0], *standard, vectors, squares, weight, place]
    return translated(writer, f"{batch}/distance", [nearest_distance(*inputs)], given, "The memory of good parts")[0]


def _heat(writer: Writer, name: str, edge: float, network: Network, distances: str, grid: tuple[int, int]) -> str:
    """As `maps.smooth`: (rows, columns) = grid -> (2 rows, 2 columns)."""
    if edge < 1.0 and min(grid) > 2:
        weights = np.full(grid, edge, np.float32)
        weights[1:-1, 1:-1] = 1
        distances = writer.add("Mul", [distances, writer.floats(f"{name}/edge", weights)], f"{name}/weighted")
    down, across = ((f"smoothing_{cells}", smoothing(cells, network.stride, SIGMA, network.offset)) for cells in grid)
    return writer.resized(distances, f"{name}/heat", down, across)
