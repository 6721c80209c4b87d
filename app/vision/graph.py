"""The compiled graph of one view: canvas windows in; features and distances to good parts out.

Normalisation, backbone, averaging, standardisation and distance to the memory bank are nodes of one OpenVINO
graph, so that training, live inspection, review and the command line can't differ: they run the same nodes
(PatchCore: Roth et al. 2022, arXiv 2106.08265).
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.domain.frame import Image
from app.vision.backbones import Backbone
from app.vision.backbones.base import ints
from app.vision.bank import MemoryBank
from app.vision.runtime import compile_graph

Array = NDArray[np.float32]

_STATIC_GRAPHS = 4
_BEFORE_STATIC = 3  # pictures of one size in a row
_AT_ONCE = 8  # windows a pass: more take memory and no less time


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The feature extractor of all views.

    Attributes:
        backbone: which one.
        layers: names of the outputs that are, side by side, the feature grid; all of one stride.
        arrays: the constants it is built from.
    """

    backbone: Backbone
    layers: tuple[str, ...]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def stride(self) -> int:
        return self.backbone.layer(self.layers[0]).stride

    @property
    def channels(self) -> int:
        return sum(layer.channels for layer in self.backbone.chosen(self.layers))

    @property
    def offset(self) -> float:
        """How far, in canvas pixels, a feature's place lies right of and below its cell's middle."""
        return float(np.mean([self.backbone.centre_offset(layer) for layer in self.layers]))


class ViewGraph:
    """Compiled graphs of one view for windows of any size; safe from several threads at once.

    The first three times a size is seen, a graph with open sides runs; from then on, or once it was `fix`ed, one
    compiled for just this size (a fifth faster; a fixed camera needs exactly one). Both hold the same nodes.
    """

    def __init__(self, network: Network, mean: int, bank: MemoryBank | None, *, features: bool) -> None:
        """
        Args:
            mean: features are averaged over mean x mean cells (odd; 1: not at all).
            bank: without one there are no distances.
            features: whether features are wanted at all; they need not be copied otherwise.
        """
        self._network, self._mean, self._bank, self._wanted = network, mean, bank, features
        self._lock = threading.Lock()
        self._open: ov.CompiledModel | None = None
        self._static: OrderedDict[tuple[int, ...], ov.CompiledModel] = OrderedDict()
        self._seen: tuple[tuple[int, ...], int] = ((), 0)
        self._local = threading.local()

    def run(self, batch: Image, places: Array | None = None) -> tuple[Array | None, Array | None]:
        """
        Args:
            batch: (B, h, w, 3) uint8 BGR.
            places: (B * cells, 2) float32, where each cell lies on the canvas in shares of its sides; only
                needed for a bank that knows places.

        Returns:
            Features (B * cells, C) float32 or None, distances (B * cells,) float32 or None; fresh arrays, cells
            of a window in row order.
        """
        step = _AT_ONCE
        if len(batch) <= step:
            return self._pass(batch, places)
        cells = (batch.shape[1] // self._network.stride) * (batch.shape[2] // self._network.stride)
        passes = [
            self._pass(batch[at : at + step], None if places is None else places[at * cells : (at + step) * cells])
            for at in range(0, len(batch), step)
        ]
        features, distances = zip(*passes, strict=True)
        return (
            np.concatenate(features) if self._wanted else None,
            np.concatenate(distances) if self._bank is not None else None,
        )

    def prepare(self, shape: tuple[int, int, int, int]) -> None:
        """Compiles what `run` will need for the next batch of this shape."""
        self._local.ready = (shape, self._compiled(shape))

    def fix(self, shape: tuple[int, int, int, int]) -> None:
        """Compiles for just this shape now: the pictures to come have it."""
        with self._lock:
            self._seen = (shape, _BEFORE_STATIC)
        self._compiled(shape)

    def _pass(self, batch: Image, places: Array | None) -> tuple[Array | None, Array | None]:
        ready = self._local.__dict__.pop("ready", None)  # of this thread, from `prepare`
        compiled: ov.CompiledModel = ready[1] if ready and ready[0] == batch.shape else self._compiled(batch.shape)
        requests: dict[int, tuple[ov.CompiledModel, ov.InferRequest]] = self._local.__dict__.setdefault("requests", {})
        entry = requests.get(id(compiled))
        if entry is None or entry[0] is not compiled:
            if len(requests) > 2 * _STATIC_GRAPHS:
                requests.clear()
            entry = requests[id(compiled)] = (compiled, compiled.create_infer_request())
        request = entry[1]
        inputs: list[NDArray[Any]] = [np.ascontiguousarray(batch)]
        if len(compiled.inputs) == 2:
            assert places is not None
            inputs.append(places)
        request.infer(inputs, share_inputs=True)
        found = [request.get_output_tensor(index).data.copy() for index in range(len(compiled.outputs))]
        return (found[0] if self._wanted else None), (found[-1] if self._bank is not None else None)

    def _compiled(self, shape: tuple[int, ...]) -> ov.CompiledModel:
        with self._lock:
            if shape in self._static:
                self._static.move_to_end(shape)
                return self._static[shape]
            times = self._seen[1] + 1 if self._seen[0] == shape else 1
            self._seen = (shape, times)
            if times > _BEFORE_STATIC:
                self._static[shape] = self._compile(shape)
                while len(self._static) > _STATIC_GRAPHS:
                    self._static.popitem(last=False)
                return self._static[shape]
            if self._open is None:
                self._open = self._compile((-1, -1, -1, 3))
            return self._open

    def _compile(self, shape: tuple[int, ...]) -> ov.CompiledModel:
        network = self._network
        picture = op.parameter(list(shape), ov.Type.u8, name="picture")
        planes = op.transpose(op.convert(picture, "f32"), ints([0, 3, 1, 2]))
        pixels = op.gather(planes, ints([2, 1, 0]), ints(1))  # B, G, R -> R, G, B
        grids = network.backbone.build(pixels, network.arrays, network.layers)
        grid = grids[0] if len(grids) == 1 else op.concat(grids, 1)
        if self._mean > 1:
            half = self._mean // 2
            grid = op.avg_pool(grid, [1, 1], [half, half], [half, half], [self._mean, self._mean], True)
        features = op.reshape(op.transpose(grid, ints([0, 2, 3, 1])), ints([-1, network.channels]), False)
        outputs, inputs = ([features] if self._wanted else []), [picture]
        if self._bank is not None:
            if self._bank.place_weight:
                inputs.append(op.parameter([-1, 2], ov.Type.f32, name="places"))
            mean, scale, axes, weight, vectors, squares = (op.constant(value) for value in bank_constants(self._bank))
            place = inputs[1] if len(inputs) == 2 else None
            outputs.append(nearest_distance(features, mean, scale, axes, vectors, squares, weight, place))
        model = ov.Model([op.result(node) for node in outputs], inputs, "linesight")
        return compile_graph(model, network.backbone.kernels)


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
    weight, places = inputs[6:] if with_places else (None, None)
    distance = nearest_distance(features, mean, scale, axes, vectors, squares, weight, places)
    return compile_graph(ov.Model([op.result(distance)], inputs, "linesight-bank"))


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
    standard = op.multiply(op.subtract(features, mean), scale)
    channels = op.convert(op.gather(op.shape_of(features), ints([1]), ints(0)), "f32")
    x = op.matmul(standard, axes, False, False)
    own = op.reduce_sum(op.multiply(standard, standard), ints([1]), False)
    if places is not None:
        placed = op.multiply(places, weight)
        own = op.add(own, op.reduce_sum(op.multiply(placed, placed), ints([1]), False))
        x = op.concat([x, placed], 1)
    # |x - b|^2 = |x|^2 - 2 x.b + |b|^2: one matrix product against the whole bank.
    product = op.matmul(x, vectors, False, False)
    nearest = op.reduce_min(op.add(product, squares), ints([1]), False)
    mean_square = op.divide(op.relu(op.add(nearest, own)), channels)
    # The difference of large numbers is rounded; next to zero the root would blow that up.
    return op.sqrt(op.add(mean_square, op.constant(np.float32(LEAST))))


LEAST = 1e-4
