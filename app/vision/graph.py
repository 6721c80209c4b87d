"""The one compiled graph: a BGR picture in; heat map and score out.

Resizing, normalisation, backbone, standardisation, distance to the memory bank, smoothing and the
image score are nodes of one OpenVINO graph, so that training, live inspection, review and the command
line can't differ: they run the same nodes (PatchCore: Roth et al. 2022, arXiv 2106.08265).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.domain.frame import Image
from app.vision import backbone
from app.vision.geometry import Target, decimation, smoothing
from app.vision.runtime import compile_graph

Array = NDArray[np.float32]

_STATIC_GRAPHS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Input size, layer and kernels of the feature extractor.

    Attributes:
        target: input size.
        taps: the blocks whose outputs, side by side, are the feature grid; all of one stride.
        arrays: folded kernels and biases by name (`app.vision.backbone.expected_shapes`).
    """

    target: Target
    taps: tuple[int, ...]
    arrays: Mapping[str, Array]

    @property
    def stride(self) -> int:
        return backbone.BLOCKS[self.taps[0]].stride

    @property
    def channels(self) -> int:
        return backbone.channels(self.taps)

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of the feature grid."""
        return self.target.height // self.stride, self.target.width // self.stride


@dataclass(frozen=True, slots=True, eq=False)
class MemoryBank:
    """Features of good parts, and how distances to them become a map and a score.

    Attributes:
        mean, deviation: (C,) float32, of the training features, by which every feature is standardised.
        vectors: (N, C) float32, standardised features of the coreset.
        sigma: of the Gaussian over the map of distances, in grid cells.
        top: fraction of the map's cells whose mean is the image score.
    """

    mean: Array
    deviation: Array
    vectors: Array
    sigma: float
    top: float


class PictureGraph:
    """A compiled graph over pictures of any size; safe from several threads at once.

    The first time a size is seen, a graph with open height and width runs; from the second time on, one
    compiled for just this size (a fifth faster; a fixed camera needs exactly one). Both hold the same
    nodes.
    """

    def __init__(self, network: Network, bank: MemoryBank | None) -> None:
        """With `bank` the outputs are heat map and score; without, the raw features (training)."""
        self._network, self._bank = network, bank
        self._lock = threading.Lock()
        self._open: dict[int, ov.CompiledModel] = {}
        self._static: OrderedDict[tuple[int, int], ov.CompiledModel] = OrderedDict()
        self._last_size: tuple[int, int] | None = None
        self._local = threading.local()

    def run(self, image: Image) -> list[Array]:
        """Runs the graph on an (H, W, 3) uint8 BGR picture.

        Returns:
            With a bank [heat (h, w), score (1,)]; without [features (cells, C)]. Fresh arrays.
        """
        size = (image.shape[1], image.shape[0])
        ready = self._local.__dict__.pop("ready", None)  # of this thread, from `prepare`
        compiled: ov.CompiledModel = ready[1] if ready and ready[0] == size else self._compiled(*size)
        requests: dict[int, tuple[ov.CompiledModel, ov.InferRequest]] = self._local.__dict__.setdefault("requests", {})
        entry = requests.get(id(compiled))
        if entry is None or entry[0] is not compiled:
            if len(requests) > 2 * _STATIC_GRAPHS:
                requests.clear()
            entry = requests[id(compiled)] = (compiled, compiled.create_infer_request())
        request = entry[1]
        request.infer([np.ascontiguousarray(image)[None]], share_inputs=True)
        return [request.get_output_tensor(index).data.copy() for index in range(len(compiled.outputs))]

    def prepare(self, width: int, height: int) -> None:
        """Compiles what `run` will need for the next picture of this size."""
        self._local.ready = ((width, height), self._compiled(width, height))

    def _compiled(self, width: int, height: int) -> ov.CompiledModel:
        size = (width, height)
        with self._lock:
            if size in self._static:
                self._static.move_to_end(size)
                return self._static[size]
            block = decimation(width, height, self._network.target)
            if size == self._last_size:
                self._static[size] = self._compile(block, height, width)
                while len(self._static) > _STATIC_GRAPHS:
                    self._static.popitem(last=False)
                return self._static[size]
            self._last_size = size
            if block not in self._open:
                if len(self._open) > _STATIC_GRAPHS:
                    self._open.clear()
                self._open[block] = self._compile(block, -1, -1)
            return self._open[block]

    def _compile(self, block: int, height: int, width: int) -> ov.CompiledModel:
        picture = op.parameter([1, height, width, 3], ov.Type.u8, name="picture")
        pixels = _resized(picture, block, self._network.target)
        features = _features(pixels, self._network)
        if self._bank is None:
            outputs = [features]
        else:
            outputs = _judged(features, self._bank, self._network)
        model = ov.Model([op.result(node) for node in outputs], [picture], "linesight")
        return compile_graph(model)


class FeatureGraph:
    """The same graph from the features on: scores held-out pictures without running the backbone again."""

    def __init__(self, network: Network, bank: MemoryBank) -> None:
        rows, columns = network.grid
        features = op.parameter([rows * columns, network.channels], ov.Type.f32, name="features")
        model = ov.Model([op.result(node) for node in _judged(features, bank, network)], [features], "linesight-bank")
        self._request = compile_graph(model).create_infer_request()

    def run(self, features: Array) -> tuple[Array, float]:
        """(cells, C) float32 raw features -> heat (h, w) float32, score."""
        self._request.infer([features], share_inputs=True)
        heat: Array = self._request.get_output_tensor(0).data.copy()
        return heat, float(self._request.get_output_tensor(1).data[0])


def _resized(picture: ov.Node, block: int, target: Target) -> ov.Node:
    """(1, H, W, 3) uint8 BGR -> (1, 3, h, w) float32 RGB planes, 0..255.

    The mean over whole blocks is one strided convolution over the interleaved bytes, which also takes
    the colours apart and swaps them: an antialiased resize three times as fast as pooling on planes.
    """
    shape = op.shape_of(picture)
    rows = op.gather(shape, _ints([1]), _ints(0))
    row_bytes = op.multiply(op.gather(shape, _ints([2]), _ints(0)), _ints([3]))
    flat = op.reshape(op.convert(picture, "f32"), op.concat([_ints([1, 1]), rows, row_bytes], 0), False)
    kernel = np.zeros((3, 1, block, 3 * block), np.float32)
    for channel in range(3):
        kernel[2 - channel, 0, :, channel::3] = 1.0 / (block * block)
    planes = op.convolution(flat, op.constant(kernel), [block, 3 * block], [0, 0], [0, 0], [1, 1])
    return op.interpolate(
        planes,
        _ints([target.height, target.width]),
        "linear_onnx",
        "sizes",
        axes=_ints([2, 3]),
        pads_begin=[0, 0, 0, 0],
        pads_end=[0, 0, 0, 0],
        coordinate_transformation_mode="half_pixel",
    )


def _features(pixels: ov.Node, network: Network) -> ov.Node:
    """(1, 3, h, w) -> (cells, C) raw features, cells in row order."""
    tapped = backbone.build(pixels, network.arrays, network.taps)
    rows, columns = network.grid
    by_channel = op.reshape(op.concat(tapped, 1), _ints([network.channels, rows * columns]), False)
    return op.transpose(by_channel, _ints([1, 0]))


def _judged(features: ov.Node, bank: MemoryBank, network: Network) -> list[ov.Node]:
    """(cells, C) raw features -> heat map (2 rows, 2 columns) and image score (1,)."""
    rows, columns = network.grid
    scale = np.reciprocal(bank.deviation).reshape(1, -1)
    x = op.multiply(op.subtract(features, op.constant(bank.mean[None])), op.constant(scale))
    # |x - b|^2 = |x|^2 - 2 x.b + |b|^2: one matrix product against the whole bank.
    product = op.matmul(x, op.constant(np.ascontiguousarray(-2.0 * bank.vectors.T)), False, False)
    squares = np.einsum("ij,ij->i", bank.vectors, bank.vectors, dtype=np.float64).astype(np.float32).reshape(1, -1)
    nearest = op.reduce_min(op.add(product, op.constant(squares)), _ints([1]), True)
    own = op.reduce_sum(op.multiply(x, x), _ints([1]), True)
    mean_square = op.multiply(op.relu(op.add(nearest, own)), op.constant(np.float32(1.0 / network.channels)))
    distance = op.reshape(op.sqrt(mean_square), _ints([rows, columns]), False)
    down = op.constant(smoothing(rows, network.stride, bank.sigma))
    across = op.constant(np.ascontiguousarray(smoothing(columns, network.stride, bank.sigma).T))
    heat = op.matmul(op.matmul(down, distance, False, False), across, False, False)
    cells = 4 * rows * columns
    count = max(4, round(bank.top * cells))
    highest = op.topk(op.reshape(heat, _ints([cells]), False), _ints(count), 0, "max", "value").output(0)
    return [heat, op.reduce_mean(highest, _ints([0]), True)]


def _ints(values: list[int] | int) -> ov.Node:
    return op.constant(np.array(values, np.int64))
