"""Known kinds of defects as nodes of an ONNX graph; see `app.vision.export_onnx`.

The defect head of `app.vision.head`, its fusion with the bank's word (`app.vision.head_fusion`) and the joined map of
`app.vision.known`. Grids are planes, (1, channels, rows, columns) float32, as ONNX averages them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from app.domain.errors import ModelError
from app.vision.export_onnx_views import Seen, larger, pooled
from app.vision.export_onnx_writer import Writer
from app.vision.head import FLOOR, SURROUNDINGS, DefectHead, top_count
from app.vision.head_fusion import Fusion
from app.vision.known import HIGHEST, PER_ODDS, STEEP, Known
from app.vision.looking import View

Array = NDArray[np.float32]
Grid = tuple[int, int]

SCORE, HEAT, KINDS, KIND_MAP = "score", "heat", "kinds", "kind_map"
"""Outputs of the file; the last two only where kinds of defects were learned."""


@dataclass(frozen=True, slots=True)
class _Maps:
    """Log-odds: `alarm` and `outline` (1, 1, rows, columns), `kinds` (1, T, rows, columns)."""

    alarm: str
    kinds: str
    outline: str


def judged(
    writer: Writer, known: Known, views: Sequence[View], seen: Sequence[Seen], bank: str, heat: str, grid: Grid
) -> None:
    """Adds the outputs "score", "heat", "kinds" and "kind_map", as `Known.judge` gives them.

    Args:
        seen: the views with their features.
        bank, heat: score (1,) and heat map (rows, columns) = grid of the bank alone.

    Raises:
        ModelError: the head was trained with other views or features.
    """
    fine = seen[0]
    coarse = next((each for each, view in zip(seen, views, strict=True) if view.mean > 1), None)
    size = (fine.rows, fine.columns)
    maps = _maps(writer, known.head, fine, coarse)
    scores = [
        writer.highest(each, f"{each}/score", 1, size[0] * size[1], top_count(size[0] * size[1]))
        for each in (maps.alarm, maps.outline)
    ]
    fused = _fused(writer, known, seen, scores)
    far = writer.floats("one_over_far", np.float32(1.0 / known.far))
    writer.add("Max", [fused, writer.add("Mul", [bank, far], "bank/far_score")], SCORE)
    _joined_map(writer, maps.outline, size, writer.add("Mul", [heat, far], "bank/far_heat"), grid)
    _kinds(writer, known.head, maps, size, grid)


def check_head(known: Known, views: Sequence[View], channels: int, name: str) -> None:
    """Raises ModelError: the head was trained with other views or features than the model has."""
    coarse = channels if any(view.mean > 1 for view in views) else 0
    if (len(known.head.fine), len(known.head.coarse), len(known.fusion.centre)) != (channels, coarse, len(views) + 2):
        raise ModelError(
            f"The defect head of the model {name} was trained with other views than the model has. Train the model "
            "again, then export."
        )


def _maps(writer: Writer, head: DefectHead, fine: Seen, coarse: Seen | None) -> _Maps:
    size, count = (fine.rows, fine.columns), len(head.kinds) + 1
    around = np.split(head.surroundings, SURROUNDINGS)
    own = _plane(writer, fine, "head/fine_distances")
    near = _averaged(writer, _averaged(writer, own, "head/near_once"), "head/near_distances")
    logs = [
        _log(writer, distances, head.usual[0], out)
        for distances, out in ((own, "head/fine_log"), (near, "head/near_log"))
    ]
    parts = [
        writer.add("Add", [_odds(writer, head.fine, fine, "head/fine"), _each(writer, "bias", head.bias)], "head/own"),
        _averaged(writer, _odds(writer, around[0], fine, "head/surroundings"), "head/around"),
        *(
            writer.along(
                "ReduceMean", _odds(writer, weights, fine, f"head/{name}"), f"head/{name}_mean", [axis], keep=True
            )
            for name, weights, axis in (("row", around[1], 3), ("column", around[2], 2))
        ),
        _weighted(writer, logs[0], head.bank[0], "head/fine_bank"),
        _weighted(writer, logs[1], head.bank[1], "head/near_bank"),
    ]
    if coarse is None:
        parts.append(_weighted(writer, logs[1], head.bank[2], "head/wide_bank"))
    else:
        log = _log(writer, _plane(writer, coarse, "head/coarse_distances"), head.usual[1], "head/coarse_log")
        wide = [
            _odds(writer, head.coarse, coarse, "head/coarse"),
            _weighted(writer, log, head.bank[2], "head/coarse_bank"),
        ]
        whole = writer.add("Add", wide, "head/wide")
        parts.append(larger(writer, whole, "head/wide_enlarged", (coarse.rows, coarse.columns), size))
    odds = parts[0]
    for number, part in enumerate(parts[1:]):
        odds = writer.add("Add", [odds, part], f"head/sum{number}")
    writer.add("Split", [odds, writer.ints(1, count - 1)], "head/alarm", "head/kinds", axis=1)
    highest = writer.along("ReduceMax", "head/kinds", "head/highest", [1], keep=True)
    below = writer.add("Exp", [writer.add("Sub", ["head/kinds", highest], "head/below")], "head/shares")
    rest = writer.add("Log", [writer.along("ReduceSum", below, "head/all", [1], keep=True)], "head/rest")
    return _Maps("head/alarm", "head/kinds", writer.add("Add", [highest, rest], "head/outline"))


def _plane(writer: Writer, seen: Seen, out: str) -> str:
    """Distances as planes."""
    return writer.add("Reshape", [seen.distances, writer.ints(1, 1, seen.rows, seen.columns)], out)


def _odds(writer: Writer, weights: Array, seen: Seen, out: str) -> str:
    """What a view's features add to the log-odds, as planes."""
    assert seen.features is not None
    count = weights.shape[1]
    x = writer.add("MatMul", [seen.features, writer.floats(f"{out}/weights", weights)], f"{out}/cells")
    x = writer.add("Reshape", [x, writer.ints(1, seen.rows, seen.columns, count)], f"{out}/grid")
    return writer.add("Transpose", [x], f"{out}/odds", perm=[0, 3, 1, 2])


def _averaged(writer: Writer, planes: str, out: str) -> str:
    """As `head.averaged`: the mean over 3 x 3 cells; beyond the edge the outermost cells repeat."""
    padded = writer.add("Pad", [planes, writer.ints(0, 0, 1, 1, 0, 0, 1, 1)], f"{out}/padded", mode="edge")
    return writer.add("AveragePool", [padded], out, kernel_shape=[3, 3])


def _log(writer: Writer, distances: str, usual: np.float32, out: str) -> str:
    x = writer.add("Div", [distances, writer.floats(f"{out}/usual", np.float32(usual))], f"{out}/share")
    return writer.add("Log", [writer.add("Add", [x, writer.floats("floor", np.float32(FLOOR))], f"{out}/more")], out)


def _each(writer: Writer, name: str, values: Array) -> str:
    """One number for each of the planes."""
    return writer.floats(f"head/{name}", values.reshape(1, -1, 1, 1))


def _weighted(writer: Writer, log: str, weights: Array, out: str) -> str:
    return writer.add("Mul", [log, writer.floats(f"{out}/weights", weights.reshape(1, -1, 1, 1))], out)


def _fused(writer: Writer, known: Known, seen: Sequence[Seen], scores: Sequence[str]) -> str:
    """`Fusion.score` as the score exp(gain * (value - level)), (1,)."""
    fusion: Fusion = known.fusion
    views = len(seen)
    centre, weights = fusion.centre, fusion.weights.astype(np.float64) * known.gain
    spread = (1.0 / fusion.spread.astype(np.float64)).astype(np.float32)
    bank = [pooled(writer, each.heat, f"{each.heat}/score", (2 * each.rows, 2 * each.columns)) for each in seen]
    x = writer.add("Concat", bank, "fusion/bank", axis=0)
    x = writer.add("Max", [x, writer.floats("fusion/least", np.float32(1e-6))], "fusion/above_zero")
    logs = writer.add("Log", [x], "fusion/bank_logs")
    signs = writer.add("Concat", [logs, *scores], "fusion/values", axis=0)
    signs = writer.add("Sub", [signs, writer.floats("fusion/centre", centre)], "fusion/above")
    signs = writer.add("Mul", [signs, writer.floats("fusion/one_over_spread", spread)], "fusion/signs")
    writer.add("Split", [signs, writer.ints(views, 2)], "fusion/bank_signs", "fusion/head_signs", axis=0)
    largest = writer.along("ReduceMax", "fusion/bank_signs", "fusion/largest", [0], keep=True)
    mean = writer.along("ReduceSum", "fusion/bank_signs", "fusion/bank_sum", [0], keep=True)
    mean = writer.add("Mul", [mean, writer.floats("fusion/one_over_views", np.float32(1 / views))], "fusion/mean")
    all_signs = writer.add("Concat", [largest, mean, "fusion/head_signs"], "fusion/all_signs", axis=0)
    x = writer.add("Mul", [all_signs, writer.floats("fusion/weights", weights.astype(np.float32))], "fusion/weighted")
    x = writer.along("ReduceSum", x, "fusion/sum", [0], keep=True)
    x = writer.add("Sub", [x, writer.floats("fusion/level", np.float32(known.gain * known.level))], "fusion/value")
    return _exp(writer, x, "fusion/score")


def _exp(writer: Writer, x: str, out: str) -> str:
    bounds = [writer.floats("least_log", np.float32(-HIGHEST)), writer.floats("most_log", np.float32(HIGHEST))]
    return writer.add("Exp", [writer.add("Clip", [x, *bounds], f"{out}/log")], out)


def _joined_map(writer: Writer, outline: str, size: Grid, far: str, grid: Grid) -> None:
    """As `Known.judge`: the larger of what outline and bank say of each cell, at the size of the bank's map."""
    enlarged = larger(writer, outline, "map/outline", size, grid)
    plane = writer.add("Reshape", [enlarged, writer.ints(*grid)], "map/outline_plane")
    odds = writer.add("Mul", [plane, writer.floats("map/per_odds", np.float32(PER_ODDS))], "map/odds")
    steep = writer.add("Pow", [far, writer.floats("map/steep", np.float32(STEEP))], "map/bank")
    writer.add("Max", [_exp(writer, odds, "map/known"), steep], HEAT)


def _kinds(writer: Writer, head: DefectHead, maps: _Maps, size: Grid, grid: Grid) -> None:
    """As `DefectHead.named` weighs the kinds in the whole picture, and as `Known.judge` tells them in each cell."""
    cells, count = size[0] * size[1], len(head.kinds)
    scores = writer.highest(maps.kinds, "kinds/scores", count, cells, top_count(cells))
    writer.add("Add", [scores, writer.floats("kinds/naming", head.naming)], KINDS)
    each = writer.add("Add", [maps.kinds, _each(writer, "naming", head.naming)], "kinds/each")
    likeliest = writer.add("ArgMax", [each], "kinds/likeliest", axis=1, keepdims=1)
    number = writer.add("Cast", [likeliest], "kinds/number", to=TensorProto.INT32)
    shown = writer.add("Greater", [maps.outline, writer.floats("zero", np.float32(0))], "kinds/shown")
    none = writer.constant(numpy_helper.from_array(np.array(-1, np.int32), "kinds/none"))
    found = writer.add("Where", [shown, number, none], "kinds/shown_number")
    found = writer.add("Reshape", [found, writer.ints(*size)], "kinds/map")
    for axis, (old, new, out) in enumerate(zip(size, grid, ("kinds/rows", KIND_MAP), strict=True)):
        nearest = cv2.resize(np.arange(old, dtype=np.float32)[:, None], (1, new), interpolation=cv2.INTER_NEAREST)
        rows = writer.index(f"nearest_{new}_of_{old}", nearest.ravel().astype(np.intp))
        found = writer.add("Gather", [found, rows], out, axis=axis)
