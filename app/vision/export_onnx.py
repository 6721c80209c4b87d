"""A trained model as one ONNX file, to judge elsewhere what lies still.

Everything from the canvas to the score becomes standard ONNX nodes for pictures of one size: windows and their
backbone, distances to good parts and heat (`app.vision.export_onnx_views`), and the known kinds of defects joined to
them (`app.vision.export_onnx_head`). What comes before (finding the part, halving and resizing) and after (limits,
regions) is told in the file's metadata.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from app.domain.errors import ModelError
from app.vision.artefact import Model
from app.vision.backbones.lite0 import NAME
from app.vision.export_onnx_backbones import net_of
from app.vision.export_onnx_head import HEAT, KIND_MAP, KINDS, SCORE, check_head, judged
from app.vision.export_onnx_views import Seen, fused, pooled, see
from app.vision.export_onnx_writer import Writer, numbers
from app.vision.geometry import SHAPE_TOLERANCE, Target, canvas_for, covered_box, halvings
from app.vision.looking import joint

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
_KINDS_ANSWER = (
    " The entry 'kinds' names the kinds of defects that were learned; an empty name stands for those that nobody "
    "named. The output 'kind_map' covers the same rectangle as 'heat' and holds, for each of its cells, the place in "
    "that list (from 0) of the kind that the cell shows, or -1 for none of them: a defect where 'heat' is high and "
    "'kind_map' is -1 is of a kind nobody has labelled. For one name for the whole picture take the highest number of "
    "the output 'kinds', which has one number for each name, a log-odds; but where 'kind_map' is -1 throughout, the "
    "defect is an unknown one, whatever 'kinds' says. A part whose 'score' says that it is good has no kind."
)
_LEFT_OUT = (
    "Not in this file: finding the part, the check of the picture's quality, the second look at a part that seems "
    "defective where it lies, the confidence of a score, the outlines of defects, comparing their areas with "
    "'wear_limits', and the places named in 'checkpoints', which answer on their own."
)
_TONE = (
    " Nor the comparison of brightness with good parts, which this model makes for weak spots on large pictures: where "
    "it tells most, the station's score is higher than the one of this file."
)


_STRIPS = (
    " Nor the comparison of whole strips across the grain of a surface with good ones, which tells where below "
    "'retest_from' a broad patch is likelier: there the station's map is another; its score and the outlines of "
    "defects are the same."
)


def export(model: Model, picture_size: tuple[int, int]) -> bytes:
    """One ONNX file that judges pictures of one size as they lie.

    Inputs "view0", "view1", ...: (1, h, w, 3) uint8 BGR, the picture at each view's canvas size. Outputs "heat",
    (rows, columns) float32, and "score", (1,) float32, as `app.vision.judge.Judge` gives them. Where T kinds of
    defects were learned also "kind_map", (rows, columns) int32: the kind of each cell of the heat map, -1 for none
    of them; and "kinds", (T,) float32: by the highest of these `app.vision.head.DefectHead` names the whole picture.
    The metadata say how a picture becomes an input, what the outputs mean, and what the file leaves out. The same
    model and size give the same bytes.

    Args:
        picture_size: (width, height) of the pictures. A model that lays every picture onto its golden part judges
            pictures of the golden's size, laid already: then the file is for that size, and its metadata
            "needs_alignment" is "yes".

    Raises:
        ModelError: pictures whose shape the model does not judge, or a registered backbone that can't be joined to
            the file's own nodes.
    """
    name = model.description.name
    _check_shape(model, picture_size)
    if model.known is not None:
        check_head(model.known, [each.view for each in model.views], model.network.channels, name)
    framed = _framed(model, picture_size)
    canvases = [canvas_for(*framed.crop[2:], each.view.size, model.network.backbone.multiple) for each in model.views]
    writer = Writer(net_of(model.network))
    seen = [
        see(writer, f"view{number}", each, model.network, canvas, framed.there, features=model.known is not None)
        for number, (each, canvas) in enumerate(zip(model.views, canvases, strict=True))
    ]
    outputs = _outputs(writer, model, seen)
    inputs = [
        numbers(f"view{number}", (1, canvas.height, canvas.width, 3), TensorProto.UINT8)
        for number, canvas in enumerate(canvases)
    ]
    whole = writer.model(inputs, outputs)
    helper.set_model_props(whole, _metadata(model, framed, canvases))
    try:
        onnx.checker.check_model(whole, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(
            f"The model {name} can't be written as ONNX: the nodes of its backbone {model.network.backbone.name} do "
            f"not fit ({str(error).strip().splitlines()[0][:200]}). Train it with {NAME}, then export again."
        ) from error
    return bytes(whole.SerializeToString(deterministic=True))


def _outputs(writer: Writer, model: Model, seen: Sequence[Seen]) -> list[onnx.ValueInfoProto]:
    """Adds everything behind the views."""
    known = model.known
    rows, columns = grid = max(((2 * each.rows, 2 * each.columns) for each in seen), key=math.prod)
    limits = [each.scale.limit for each in model.views]
    heat = fused(
        writer,
        list(zip(seen, limits, strict=True)),
        joint([each.view for each in model.views]),
        grid,
        HEAT if known is None else "bank/heat",
    )
    score = pooled(writer, heat, SCORE if known is None else "bank/score", grid)
    outputs = [numbers(HEAT, grid), numbers(SCORE, (1,))]
    if known is not None:
        judged(writer, known, [each.view for each in model.views], seen, score, heat, grid)
        outputs += [numbers(KINDS, (len(known.head.kinds),)), numbers(KIND_MAP, (rows, columns), TensorProto.INT32)]
    return outputs


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
    # A picture of this size that takes no memory: what it shows does not matter.
    part = framing.as_it_lies(np.broadcast_to(np.uint8(0), (height, width, 3)))
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


def _metadata(model: Model, framed: _Framed, canvases: Sequence[Target]) -> dict[str, str]:
    described, known, fixture = model.description, model.known, model.framing.fixture
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
        "kinds": json.dumps(() if known is None else known.head.kinds),
        "wear_limits": json.dumps([each.model_dump() for each in described.wear_limits]),
        "threshold": repr(described.limits.threshold),
        "retest_from": repr(described.limits.retest_from),
        "checkpoints": json.dumps([each.place.name for each in described.checkpoints]),
        "needs_alignment": "yes" if laid else "no",
        "picture_size": json.dumps(framed.picture),
        "crop": json.dumps(framed.crop),
        "inputs": json.dumps(inputs),
        "heat_box": json.dumps([box[0] + framed.crop[0], box[1] + framed.crop[1], box[2], box[3]]),
        "preparation": _PREPARATION.format(laying=_LAYING if laid else ""),
        "answer": _ANSWER if known is None else _ANSWER + _KINDS_ANSWER,
        "left_out": _LEFT_OUT
        + (_TONE if model.tone is not None else "")
        + (_STRIPS if model.strips is not None else ""),
    }
