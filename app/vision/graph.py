"""The compiled graph of one view: canvas windows in; features and distances to good parts out.

Normalisation, backbone, averaging, standardisation and distance to the memory bank are nodes of one OpenVINO
graph, so that training, live inspection, review and the command line can't differ: they run the same nodes
(PatchCore: Roth et al. 2022, arXiv 2106.08265).
"""

from __future__ import annotations

import functools
import math
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
from app.vision.bank_graph import BankGraph, bank_distance
from app.vision.geometry import places
from app.vision.nearby import Nearby, find_nearby
from app.vision.runtime import compile_graph

Array = NDArray[np.float32]

_STATIC_GRAPHS = 4
_BEFORE_STATIC = 3  # pictures of one size in a row
_ROOM = 1.4  # times the usual distance: single cells of good parts lie farther off than their smoothed maps
_AT_ONCE = 8  # windows a pass: more take memory and no less time


@dataclass(frozen=True, eq=False)  # without slots: what is asked with each picture is worked out once
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

    @functools.cached_property
    def stride(self) -> int:
        return self.backbone.layer(self.layers[0]).stride

    @property
    def channels(self) -> int:
        return sum(layer.channels for layer in self.backbone.chosen(self.layers))

    @functools.cached_property
    def offset(self) -> float:
        """How far, in canvas pixels, a feature's place lies right of and below its cell's middle."""
        return float(np.mean([self.backbone.centre_offset(layer) for layer in self.layers]))


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """A graph, and of which comparisons it consists where it leaves some out.

    Attributes:
        shape: of the batches it takes, all others alike; None for any.
    """

    model: ov.CompiledModel
    shape: tuple[int, ...] | None = None
    nearby: Nearby | None = None


class _Request:
    """A thread's use of a graph. What has one shape is written where the graph reads it: handing it over anew takes
    0.3 ms each time."""

    def __init__(self, compiled: _Compiled) -> None:
        self.compiled = compiled
        self._request = compiled.model.create_infer_request()
        self._inputs: list[NDArray[Any]] = []
        if compiled.shape is not None:
            for number, port in enumerate(compiled.model.inputs):
                self._inputs.append(np.empty(tuple(port.shape), port.element_type.to_dtype()))
                self._request.set_input_tensor(number, ov.Tensor(self._inputs[-1], shared_memory=True))

    def infer(self, batch: Image, places: Array | None) -> list[NDArray[Any]]:
        """The outputs, which the next use changes; `places` where the graph takes them."""
        given: list[NDArray[Any]] = [batch] if places is None else [batch, places]
        if self._inputs:
            for mine, value in zip(self._inputs, given, strict=True):
                np.copyto(mine, value, casting="no")
            self._request.infer(share_outputs=True)
        else:
            self._request.infer([np.ascontiguousarray(each) for each in given], share_inputs=True, share_outputs=True)
        return [self._request.get_output_tensor(number).data for number in range(len(self.compiled.model.outputs))]


class ViewGraph:
    """Compiled graphs of one view for windows of any size; safe from several threads at once.

    The first three times a size is seen, a graph with open sides runs; from then on, or once it was `fix`ed, one
    compiled for just this size (a fifth faster; a fixed camera needs exactly one). Both hold the same nodes; where
    places count, that of a whole canvas leaves out comparisons that can't matter (`app.vision.nearby`).
    """

    def __init__(
        self, network: Network, mean: int, bank: MemoryBank | None, *, features: bool, usual: float | None = None
    ) -> None:
        """
        Args:
            mean: features are averaged over mean x mean cells (odd; 1: not at all).
            bank: without one there are no distances.
            features: whether features are wanted at all; they need not be copied otherwise.
            usual: where the distances of good parts end; None where that is not known.
        """
        self._network, self._mean, self._bank, self._wanted = network, mean, bank, features
        self._usual = usual
        self._lock = threading.Lock()
        self._open: _Compiled | None = None
        self._static: OrderedDict[tuple[tuple[int, ...], bool], _Compiled] = OrderedDict()
        self._seen: tuple[tuple[int, ...], int] = ((), 0)
        self._local = threading.local()

    def run(self, batch: Image, places: Array | None = None) -> tuple[Array | None, Array | None]:
        """
        Args:
            batch: (B, h, w, 3) uint8 BGR.
            places: (B * cells, 2) float32, where each cell lies on the canvas in shares of its sides, for a bank that
                knows places; None: the one window is the whole canvas.

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
        """Compiles what `run` will need for the next batch of this shape; one window is the whole canvas."""
        self._local.ready = (shape, self._compiled(shape, whole=shape[0] == 1))

    def fix(self, shape: tuple[int, int, int, int]) -> None:
        """Compiles for just this shape now: the pictures to come have it; one window is the whole canvas."""
        for windows in {min(_AT_ONCE, shape[0] - at) for at in range(0, shape[0], _AT_ONCE)}:
            self._compiled((windows, *shape[1:]), whole=shape[0] == 1, now=True)

    def _pass(self, batch: Image, places: Array | None) -> tuple[Array | None, Array | None]:
        ready = self._local.__dict__.pop("ready", None)  # of this thread, from `prepare`
        whole = places is None and len(batch) == 1
        compiled: _Compiled = (
            ready[1] if ready and ready[0] == batch.shape else self._compiled(batch.shape, whole=whole)
        )
        if len(compiled.model.inputs) == 1:
            places = None
        elif places is None:
            places = self._places(batch.shape)
        found = self._request(compiled).infer(batch, places)
        distances = found[-1].copy() if self._bank is not None else None
        if compiled.nearby is not None and distances is not None:
            self._compare_all(found[0], distances, compiled.nearby, batch.shape)
        return (found[0].copy() if self._wanted else None), distances

    def _request(self, compiled: _Compiled) -> _Request:
        """This thread's own."""
        requests: dict[int, _Request] = self._local.__dict__.setdefault("requests", {})
        found = requests.get(id(compiled))
        if found is None or found.compiled is not compiled:
            if len(requests) > 2 * _STATIC_GRAPHS:
                requests.clear()
            found = requests[id(compiled)] = _Request(compiled)
        return found

    def _compare_all(self, features: Array, distances: Array, nearby: Nearby, shape: tuple[int, ...]) -> None:
        """Compares with the whole bank the cells to which something that was left out may be nearer."""
        left = np.flatnonzero(distances > nearby.beyond)
        if not len(left):
            return
        assert self._bank is not None
        graph: BankGraph | None = self._local.__dict__.get("everything")  # of this thread
        if graph is None:
            graph = self._local.everything = BankGraph(self._bank)
        distances[left] = graph.run(features[left], self._places(shape)[left])

    def _places(self, shape: tuple[int, ...]) -> Array:
        """Of the cells where one window is the whole canvas."""
        return places(*self._grid(shape))

    def _grid(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(rows, columns) of a window."""
        return shape[1] // self._network.stride, shape[2] // self._network.stride

    def _compiled(self, shape: tuple[int, ...], *, whole: bool, now: bool = False) -> _Compiled:
        """`now`: for just this shape, however seldom it was seen."""
        key = shape, whole
        with self._lock:
            if key in self._static:
                self._static.move_to_end(key)
                return self._static[key]
            times = self._seen[1] + 1 if self._seen[0] == shape else 1
            self._seen = (shape, times)
            if now or times > _BEFORE_STATIC:
                self._static[key] = self._compile(shape, self._nearby(shape) if whole else None)
                while len(self._static) > _STATIC_GRAPHS:
                    self._static.popitem(last=False)
                return self._static[key]
            if self._open is None:
                self._open = self._compile((-1, -1, -1, 3), None)
            return self._open

    def _nearby(self, shape: tuple[int, ...]) -> Nearby | None:
        if self._bank is None or self._usual is None:
            return None
        return find_nearby(self._bank, self._places(shape), *self._grid(shape), _ROOM * self._usual)

    def _compile(self, shape: tuple[int, ...], nearby: Nearby | None) -> _Compiled:
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
        outputs, inputs = ([features] if self._wanted or nearby else []), [picture]
        if self._bank is not None:
            if self._bank.place_weight:
                cells = -1 if shape[0] < 0 else shape[0] * math.prod(self._grid(shape))
                inputs.append(op.parameter([cells, 2], ov.Type.f32, name="places"))
            place = inputs[1] if len(inputs) == 2 else None
            outputs.append(bank_distance(features, self._bank, place, nearby))
        model = ov.Model([op.result(node) for node in outputs], inputs, "linesight")
        given = None if shape[0] < 0 else shape
        return _Compiled(compile_graph(model, network.backbone.kernels), given, nearby)
