"""A trained model as one ONNX file, to judge elsewhere what lies still and is looked at whole.

Everything from the canvas to the score becomes standard ONNX nodes for pictures of one size: the nodes of
`app.vision.graph`, and the matrices and factors of `app.vision.maps` as constants. What comes before (finding the
part, halving and resizing) and after (limits, regions) is told in the file's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from app.domain.errors import ModelError
from app.vision.artefact import Model
from app.vision.backbones.lite0 import NAME
from app.vision.export_onnx_lite0 import Writer, grids, net_of
from app.vision.geometry import SHAPE_TOLERANCE, Target, canvas_for, covered_box, halvings, smoothing, windows
from app.vision.graph import LEAST, Network, bank_constants
from app.vision.judge import Remembered
from app.vision.looking import places, seen_cells
from app.vision.maps import SIGMA, pooled_count

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

_PREPARATION = (
    "Pictures are 8-bit BGR, height x width x 3. {laying}Cut the picture to the rectangle 'crop' (x, y, width, height "
    "in pixels). Then, for each input in 'inputs', starting from the cut picture: halve it 'halvings' times, each new "
    "pixel the mean of 2 x 2 pixels (rounded, a half upwards; an odd last column or row is left out), that is while it "
    "is at least twice as wide and twice as high as the input; then resize it linearly to the input's width and height "
    "(OpenCV's INTER_LINEAR: half-pixel centres, edges repeated, no smoothing), rounded to whole numbers."
)
_LAYING = (
    "First lay the picture onto the golden part (shift, turn and scale it so that the part lies as in the golden "
    "picture, of 'picture_size' pixels); this file can't do that. "
)
_ANSWER = (
    "'score' is compared with 'threshold' (a defect from there on) and 'retest_from' (doubtful from there on). 'heat' "
    "is on the same scale and covers the rectangle 'heat_box' (x, y, width, height in pixels of the picture)."
)
_LEFT_OUT = (
    "Not in this file: finding the part, the check of the picture's quality, the second look at a part that seems "
    "defective where it lies, the confidence of a score, and the outlines of defects."
)


def export(model: Model, picture_size: tuple[int, int]) -> bytes:
    """One ONNX file that judges pictures of one size as they lie.

    Inputs "view0", "view1", ...: (1, h, w, 3) uint8 BGR, the picture at each view's canvas size. Outputs "heat",
    (rows, columns) float32, and "score", (1,) float32, as `app.vision.judge.Judge` gives them. The metadata say
    how a picture becomes an input, what the outputs mean, and what the file leaves out. The same model and size
    give the same bytes.

    Args:
        picture_size: (width, height) of the pictures. A model that lays every picture onto its golden part judges
            pictures of the golden's size, laid already: then the file is for that size, and its metadata
            "needs_alignment" is "yes".

    Raises:
        ModelError: a backbone that can't be written as ONNX, or pictures that would be cut into several windows or
            whose shape the model does not judge.
    """
    if model.known is not None:
        raise ModelError(
            f"The model {model.description.name} has learned kinds of defects, which can't be written as ONNX yet. "
            "Train it on a dataset of good parts only, then export that."
        )
    _check_shape(model, picture_size)
    framed = _framed(model, picture_size)
    canvases = [_canvas(model, each, framed) for each in model.views]
    writer = Writer(net_of(model.network, model.description.name))
    stride = model.network.stride
    cells = [(canvas.height // stride, canvas.width // stride) for canvas in canvases]
    rows, columns = (2 * side for side in max(cells, key=lambda grid: grid[0] * grid[1]))
    heats = [
        _view(writer, f"view{number}", each, model.network, grid, framed.there, (rows, columns))
        for number, (each, grid) in enumerate(zip(model.views, cells, strict=True))
    ]
    heat = writer.add("Max", heats, "heat")
    # As `maps.pooled`: the mean of the highest cells.
    count = pooled_count(rows * columns)
    flat = writer.add("Reshape", [heat, writer.ints("flat_shape", [-1])], "flat")
    highest = writer.add("TopK", [flat, writer.ints("count", [count])], "highest", "highest_places", axis=0)
    total = writer.add("ReduceSum", [highest, writer.ints("first_axis", [0])], "total", keepdims=1)
    writer.add("Mul", [total, writer.floats("share", np.float32(1 / count))], "score")
    inputs = [
        helper.make_tensor_value_info(f"view{number}", TensorProto.UINT8, [1, canvas.height, canvas.width, 3])
        for number, canvas in enumerate(canvases)
    ]
    outputs = [
        helper.make_tensor_value_info("heat", TensorProto.FLOAT, [rows, columns]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, [1]),
    ]
    whole = writer.model(inputs, outputs)
    helper.set_model_props(whole, _metadata(model, framed, canvases))
    try:
        onnx.checker.check_model(whole, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(
            f"The model {model.description.name} can't be written as ONNX: the nodes of its backbone "
            f"{model.network.backbone.name} do not fit ({str(error).strip().splitlines()[0][:200]}). Train it with "
            f"{NAME}, then export again."
        ) from error
    return bytes(whole.SerializeToString(deterministic=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Framed:
    """What is looked at of pictures of one size: their (width, height), the rectangle (x, y, width, height) that is
    cut out, and what counts of that, (H, W) bool or None: all."""

    picture: tuple[int, int]
    crop: tuple[int, int, int, int]
    there: Mask | None


def _framed(model: Model, picture_size: tuple[int, int]) -> _Framed:
    framing = model.framing
    laid = framing.fixture is not None and framing.fixture.always
    width, height = framing.fixture.golden.size if framing.fixture is not None and laid else picture_size
    part = framing.as_it_lies(np.zeros((height, width, 3), np.uint8))
    there = part.there
    if laid:
        there = framing.known() if there is None else there & framing.known()
    crop = (*part.origin, part.image.shape[1], part.image.shape[0])
    return _Framed((width, height), crop, None if there is None or there.all() else there)


def _check_shape(model: Model, picture_size: tuple[int, int]) -> None:
    width, height = picture_size
    training = model.description.training
    low, high = training.aspect_from / SHAPE_TOLERANCE, training.aspect_to * SHAPE_TOLERANCE
    if width < 1 or height < 1 or not low <= width / height <= high:
        raise ModelError(
            f"The model {model.description.name} does not judge pictures of {width} x {height} pixels: it was trained "
            f"on pictures with width / height {training.aspect_from:.2f} to {training.aspect_to:.2f}. Export it for "
            "the size of the pictures that it is to judge."
        )


def _canvas(model: Model, each: Remembered, framed: _Framed) -> Target:
    backbone = model.network.backbone
    canvas = canvas_for(*framed.crop[2:], each.view.size, backbone.multiple)
    if len(windows(canvas, model.network.stride, backbone.multiple)) > 1:
        raise ModelError(
            f"The model {model.description.name} looks at pictures of {framed.picture[0]} x {framed.picture[1]} pixels "
            f"in several overlapping windows (a view of {canvas.width} x {canvas.height}), which an ONNX file can't "
            "do. Train it with a smaller size and without the detail view (size 256, detail 0), then export again."
        )
    return canvas


def _view(
    writer: Writer,
    name: str,
    each: Remembered,
    network: Network,
    grid: tuple[int, int],
    there: Mask | None,
    heat: tuple[int, int],
) -> str:
    """One view from its input on: its smoothed distances over its limit, at the size of `heat` (rows, columns)."""
    features = _features(writer, name, network, each.view.mean, grid[0] * grid[1])
    distances = _distances(writer, name, each, network.channels, features, grid)
    weights = _weights(each.scale.edge, grid, there)
    if not (weights == 1).all():
        distances = writer.add("Mul", [distances, writer.floats(f"{name}/weights", weights)], f"{name}/weighted")
    down, across = (
        _side(cells, wanted, network.stride, network.offset) for cells, wanted in zip(grid, heat, strict=True)
    )
    x = writer.add("MatMul", [writer.floats(f"{name}/down", down), distances], f"{name}/smoothed_down")
    x = writer.add("MatMul", [x, writer.floats(f"{name}/across", across.T)], f"{name}/smoothed")
    share = writer.floats(f"{name}/one_over_limit", np.float32(1.0 / each.scale.limit))
    return writer.add("Mul", [x, share], f"{name}/heat")


def _features(writer: Writer, name: str, network: Network, mean: int, cells: int) -> str:
    """Raw features (cells, C) of a view's input."""
    pixels = writer.add("Cast", [name], f"{name}/pixels", to=TensorProto.FLOAT)
    planes = writer.add("Transpose", [pixels], f"{name}/planes", perm=[0, 3, 1, 2])
    layers = grids(writer, name, network, planes)
    x = layers[0] if len(layers) == 1 else writer.add("Concat", layers, f"{name}/grid", axis=1)
    if mean > 1:
        half = mean // 2
        x = writer.add(
            "AveragePool", [x], f"{name}/mean_grid", kernel_shape=[mean, mean], pads=[half] * 4, count_include_pad=0
        )
    x = writer.add("Transpose", [x], f"{name}/cells", perm=[0, 2, 3, 1])
    return writer.add("Reshape", [x, writer.ints(f"{name}/cells_shape", [cells, network.channels])], f"{name}/features")


def _distances(writer: Writer, name: str, each: Remembered, channels: int, features: str, grid: tuple[int, int]) -> str:
    """The distance of `app.vision.graph`, as (rows, columns)."""
    mean, scale, weight, vectors, squares = bank_constants(each.bank)
    x = writer.add("Sub", [features, writer.floats(f"{name}/mean", mean)], f"{name}/centred")
    x = writer.add("Mul", [x, writer.floats(f"{name}/scale", scale)], f"{name}/standard")
    if each.bank.place_weight:
        x = writer.add("Concat", [x, writer.floats(f"{name}/places", places(*grid) * weight)], f"{name}/placed", axis=1)
    product = writer.add("MatMul", [x, writer.floats(f"{name}/bank", vectors)], f"{name}/product")
    to_each = writer.add("Add", [product, writer.floats(f"{name}/bank_squares", squares)], f"{name}/to_each")
    nearest = writer.smallest(to_each, f"{name}/nearest")
    own = writer.add("Mul", [x, x], f"{name}/squares")
    own = writer.add("ReduceSum", [own, writer.ints("second_axis", [1])], f"{name}/own", keepdims=0)
    x = writer.add("Relu", [writer.add("Add", [nearest, own], f"{name}/sum")], f"{name}/square")
    x = writer.add("Div", [x, writer.floats("channels", np.float32(channels))], f"{name}/mean_square")
    x = writer.add(
        "Sqrt", [writer.add("Add", [x, writer.floats("least", np.float32(LEAST))], f"{name}/more")], f"{name}/root"
    )
    return writer.add("Reshape", [x, writer.ints(f"{name}/grid_shape", list(grid))], f"{name}/distances")


def _weights(edge: float, grid: tuple[int, int], there: Mask | None) -> Array:
    """(rows, columns): what `maps.smooth` takes the outermost cells by, and 0 where nothing is judged."""
    weights = np.full(grid, edge, np.float32)
    if min(grid) > 2:
        weights[1:-1, 1:-1] = 1
    else:
        weights[:] = 1
    return weights if there is None else weights * seen_cells(there, *grid)


def _side(cells: int, wanted: int, stride: int, offset: float) -> Array:
    """(wanted, cells) float32: one side of smoothing and, for a coarser view, of the resizing to the finest one.

    Linear resizing is a matrix a side, too, so resizing the smoothing matrix does both in one product.
    """
    matrix = smoothing(cells, stride, SIGMA, offset)
    if len(matrix) == wanted:
        return matrix
    return np.asarray(cv2.resize(matrix, (cells, wanted), interpolation=cv2.INTER_LINEAR), np.float32)


def _metadata(model: Model, framed: _Framed, canvases: Sequence[Target]) -> dict[str, str]:
    described, fixture = model.description, model.framing.fixture
    laid = fixture is not None and fixture.always
    width, height = framed.crop[2:]
    finest = max(zip(model.views, canvases, strict=True), key=lambda pair: pair[0].view.size)[1]
    box = covered_box(width, height, finest)
    inputs = [
        {
            "name": f"view{number}",
            "width": canvas.width,
            "height": canvas.height,
            "halvings": halvings(width, height, canvas),
        }
        for number, canvas in enumerate(canvases)
    ]
    return {
        "name": described.name,
        "made_by": described.made_by,
        "created_at": described.created_at.isoformat(),
        "backbone": described.backbone,
        "fingerprint": described.training.fingerprint,
        "labels": json.dumps(described.labels),
        "threshold": repr(described.limits.threshold),
        "retest_from": repr(described.limits.retest_from),
        "needs_alignment": "yes" if laid else "no",
        "picture_size": json.dumps(framed.picture),
        "crop": json.dumps(framed.crop),
        "inputs": json.dumps(inputs),
        "heat_box": json.dumps([box[0] + framed.crop[0], box[1] + framed.crop[1], box[2], box[3]]),
        "preparation": _PREPARATION.format(laying=_LAYING if laid else ""),
        "answer": _ANSWER,
        "left_out": _LEFT_OUT,
    }
