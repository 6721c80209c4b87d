"""Distances to the good parts that are remembered, as nodes of a graph: those that live inspection runs on a view's
features, and the same by themselves for features that were kept."""

from __future__ import annotations

import functools

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.vision.backbones.base import ints
from app.vision.bank import MemoryBank
from app.vision.nearby import Nearby
from app.vision.runtime import compile_graph

Array = NDArray[np.float32]


class BankGraph:
    """The same graph from the features on: judges held-out pictures without running the backbone again.

    The bank is an input of it, so that one compiled graph serves the banks of all folds.
    """

    def __init__(self, bank: MemoryBank) -> None:
        self._request = _bank_graph(bool(bank.place_weight)).create_infer_request()
        mean, scale, axes, weight, vectors, squares = bank_constants(bank)
        self._bank = [mean, scale, axes, vectors, squares, *([weight] if bank.place_weight else [])]

    def run(self, features: Array, places: Array) -> Array:
        """(cells, C) float32 raw features and (cells, 2) places -> distances (cells,) float32."""
        with_places = [places] if len(self._bank) == 6 else []
        self._request.infer([features, *self._bank, *with_places], share_inputs=True)
        distances: Array = self._request.get_output_tensor(0).data.copy()
        return distances


@functools.lru_cache(maxsize=2)
def _bank_graph(with_places: bool) -> ov.CompiledModel:
    shapes = [[-1, -1], [1, -1], [1, -1], [-1, -1], [-1, -1], [1, -1], *([[1, 1], [-1, 2]] if with_places else [])]
    inputs = [op.parameter(shape, ov.Type.f32) for shape in shapes]
    features, mean, scale, axes, vectors, squares = inputs[:6]
    weight, place = inputs[6:] if with_places else (None, None)
    found = nearest_distance(features, mean, scale, axes, vectors, squares, weight, place)
    return compile_graph(ov.Model([op.result(found)], inputs, "linesight-bank"))


def bank_constants(bank: MemoryBank) -> tuple[Array, Array, Array, Array, Array, Array]:
    """mean (1, C), scale (1, C), axes (C, D), place weight (1, 1), -2 x vectors (D [+ 2], N), their squares (1, N)."""
    weight = np.float32(bank.place_weight * np.sqrt(len(bank.mean)))
    vectors = bank.vectors
    if bank.place_weight:
        vectors = np.concatenate([vectors, bank.places * weight], axis=1)
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64).astype(np.float32).reshape(1, -1)
    return (
        bank.mean.reshape(1, -1),
        np.reciprocal(bank.deviation).reshape(1, -1),
        np.eye(len(bank.mean), dtype=np.float32) if bank.axes is None else bank.axes,
        weight.reshape(1, 1),
        np.ascontiguousarray(-2.0 * vectors.T),
        squares,
    )


def bank_distance(features: ov.Node, bank: MemoryBank, place: ov.Node | None, nearby: Nearby | None) -> ov.Node:
    """(cells,): `nearest_distance` of raw features (cells, C) to a bank's vectors; with `nearby` those alone that it
    names for each cell."""
    *about, vectors, squares = bank_constants(bank)
    mean, scale, axes, weight = (op.constant(value) for value in about)
    if nearby is None:
        return nearest_distance(features, mean, scale, axes, op.constant(vectors), op.constant(squares), weight, place)
    x, own = _compared(features, mean, scale, axes, weight, place)
    return _distance(_least_nearby(x, vectors, squares, nearby), own, features)


def nearest_distance(
    features: ov.Node,
    mean: ov.Node,
    scale: ov.Node,
    axes: ov.Node,
    vectors: ov.Node,
    squares: ov.Node,
    weight: ov.Node | None,
    places: ov.Node | None,
) -> ov.Node:
    """(cells, C) raw features -> (cells,) root mean square distance a channel to the nearest vector."""
    x, own = _compared(features, mean, scale, axes, weight, places)
    return _distance(_least(x, vectors, squares), own, features)


def _compared(
    features: ov.Node, mean: ov.Node, scale: ov.Node, axes: ov.Node, weight: ov.Node | None, places: ov.Node | None
) -> tuple[ov.Node, ov.Node]:
    """(cells, C) raw features -> what of them is compared with the bank's vectors, (cells, D [+ 2]), and the square of
    their own length, (cells,)."""
    standard = op.multiply(op.subtract(features, mean), scale)
    x = op.matmul(standard, axes, False, False)
    own = op.reduce_sum(op.multiply(standard, standard), ints([1]), False)
    if places is not None:
        placed = op.multiply(places, weight)
        own = op.add(own, op.reduce_sum(op.multiply(placed, placed), ints([1]), False))
        x = op.concat([x, placed], 1)
    return x, own


def _least(x: ov.Node, vectors: ov.Node, squares: ov.Node) -> ov.Node:
    """(cells,): the least |x - b|^2 of any vector b, but for |x|^2.

    |x - b|^2 = |x|^2 - 2 x.b + |b|^2: one matrix product against all of them.
    """
    return op.reduce_min(op.add(op.matmul(x, vectors, False, False), squares), ints([1]), False)


def _least_nearby(x: ov.Node, vectors: Array, squares: Array, nearby: Nearby) -> ov.Node:
    """As `_least`, each block of cells against what lies near it."""
    found = [
        _least(
            op.gather(x, op.constant(mine), ints(0)),
            op.constant(np.ascontiguousarray(vectors[:, near])),
            op.constant(np.ascontiguousarray(squares[:, near])),
        )
        for mine, near in zip(nearby.cells, nearby.vectors, strict=True)
    ]
    back = np.argsort(np.concatenate(nearby.cells)).astype(np.int64)
    return op.gather(op.concat(found, 0), op.constant(back), ints(0))


def _distance(nearest: ov.Node, own: ov.Node, features: ov.Node) -> ov.Node:
    """(cells,): root mean square distance a channel to the nearest vector."""
    channels = op.convert(op.gather(op.shape_of(features), ints([1]), ints(0)), "f32")
    mean_square = op.divide(op.relu(op.add(nearest, own)), channels)
    # The difference of large numbers is rounded; next to zero the root would blow that up.
    return op.sqrt(op.add(mean_square, op.constant(np.float32(LEAST))))


LEAST = 1e-4
"""Of the mean square a channel: what every distance has at least."""
