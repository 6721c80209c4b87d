"""Any ONNX feature extractor as a backbone.

The model is cut at the named inner tensors, so that nothing behind them is stored or computed, and its
nodes are spliced into the caller's graph. `app.vision.backbones.add(OnnxBackbone.read(...))` registers one.
A model file carries the cut model as bytes and an `OnnxDescription`, and needs neither the original file nor a
registration to judge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op
from pydantic import Field, ValidationError, model_validator

from app.domain.errors import ModelError
from app.vision.backbones.base import MULTIPLE, Backbone, Layer, constant, ints, measure_offsets
from app.vision.backbones.onnx_cut import check_standard, cut
from app.vision.backbones.onnx_limits import MAX_BYTES, SPOKEN
from app.vision.parts import Arrays, Described
from app.vision.runtime import compile_graph, read_onnx

ARRAY = "onnx"
"""Name of the one array: the bytes of the cut model, (n,) uint8."""

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)
"""Of ImageNet's pictures in R, G, B, 0..255, as torchvision and timm take them away."""

_MAX_STRIDE = 64
_MAX_VALUES = 1 << 29  # of all tensors together for the small pictures that are probed: 2 GiB
_PREFERRED_STRIDE = 16  # fine enough to place a defect, coarse enough to know parts from noise
_SAME = 1e-3  # relative: whether a picture's features depend on what else is in its batch

Colours = Literal["rgb", "bgr"]
_Finite = Annotated[float, Field(ge=-1e6, le=1e6)]
_Scale = Annotated[float, Field(ge=1e-6, le=1e6)]


class OnnxLayer(Described):
    """A tensor of the model: its name there, values a cell, input pixels a cell, and how far its features
    respond from the middle of their cell (input pixels, right and down)."""

    name: str = Field(min_length=1, max_length=300)
    channels: int = Field(ge=1, le=16_384)
    stride: int = Field(ge=1, le=_MAX_STRIDE)
    offset: float = Field(ge=-8 * _MAX_STRIDE, le=8 * _MAX_STRIDE)


class OnnxDescription(Described):
    """A registration as it is kept in a model file or a settings file; the model's bytes go beside it.

    Attributes:
        name: small letters, digits, dots, dashes.
        title: for people.
        layers: the wanted tensors, from fine to coarse.
        default_layers: names of those a training takes unless told otherwise.
        mean, scale: the model sees (pixel - mean) / scale, pixel 0..255, for each of its channels in their
            order.
        colours: the order of its channels.
        multiple: both sides of the input are multiples of this.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")
    title: str = Field(min_length=1, max_length=80)
    layers: tuple[OnnxLayer, ...] = Field(min_length=1, max_length=16)
    default_layers: tuple[str, ...] = Field(min_length=1, max_length=16)
    mean: tuple[_Finite, _Finite, _Finite] = IMAGENET_MEAN
    scale: tuple[_Scale, _Scale, _Scale] = IMAGENET_DEVIATION
    colours: Colours = "rgb"
    multiple: int = Field(default=MULTIPLE, ge=MULTIPLE, le=16 * MULTIPLE)

    @model_validator(mode="after")
    def _fits(self) -> OnnxDescription:
        strides = {layer.name: layer.stride for layer in self.layers}
        if len(strides) != len(self.layers):
            raise ValueError("a layer is named twice")
        if len(set(self.default_layers)) != len(self.default_layers) or not set(self.default_layers) <= set(strides):
            raise ValueError("the default layers are not among the layers")
        if len({strides[name] for name in self.default_layers}) != 1:
            raise ValueError("the default layers have different strides")
        if any(self.multiple % stride for stride in strides.values()):
            raise ValueError("the strides do not divide the multiple")
        return self


class OnnxBackbone(Backbone):
    """A feature extractor out of an ONNX model."""

    def __init__(self, description: OnnxDescription, data: bytes) -> None:
        """`data` is taken as it is: `read` and `from_parts` check it."""
        self.description = description
        self.name, self.title, self.multiple = description.name, description.title, description.multiple
        self.layers = tuple(Layer(layer.name, layer.channels, layer.stride) for layer in description.layers)
        self.default_layers = description.default_layers
        self._data = data
        self._what = f"The backbone {self.name}"

    @classmethod
    def read(
        cls,
        source: bytes | Path,
        name: str,
        layers: Sequence[str],
        *,
        title: str = "",
        mean: Sequence[float] = IMAGENET_MEAN,
        scale: Sequence[float] = IMAGENET_DEVIATION,
        colours: Colours = "rgb",
    ) -> OnnxBackbone:
        """Reads a feature extractor and finds out about it by running it.

        Args:
            source: the ONNX model or its file, at most 256 MiB, everything in one file.
            name: in model files and on the screen; small letters, digits, dots, dashes.
            layers: names of the wanted tensors inside it, of shape (number, channels, height, width).
            title: for people; the name by default.
            mean, scale: it sees (pixel - mean) / scale, pixel 0..255, for each of its channels in their order.
            colours: the order of its channels.

        Raises:
            ModelError: not a model that can be used in this way; the message says why.
        """
        if isinstance(source, Path):
            what, data = f"The file {source.name}", _file(source)
        else:
            what, data = f"The ONNX model for {name}", source
        wanted = tuple(layers)
        small = cut(data, wanted, what)
        check_standard(small, what)
        found = _shapes(small, wanted, what, MULTIPLE)
        found.sort(key=lambda layer: layer.stride)
        nearest = min((layer.stride for layer in found), key=lambda stride: abs(math.log2(stride / _PREFERRED_STRIDE)))
        raw: dict[str, Any] = {
            "name": name,
            "title": title or name,
            "layers": [
                {"name": each.name, "channels": each.channels, "stride": each.stride, "offset": 0.0} for each in found
            ],
            "default_layers": [layer.name for layer in found if layer.stride == nearest],
            "mean": tuple(mean),
            "scale": tuple(scale),
            "colours": colours,
            "multiple": math.lcm(MULTIPLE, *(layer.stride for layer in found)),
        }
        probed = cls(_described(raw, what), small)
        probed._check_alone()
        offsets = measure_offsets(probed, [layer.name for layer in found])
        for layer, offset in zip(raw["layers"], offsets, strict=True):
            layer["offset"] = round(offset, 3)
        return cls(_described(raw, what), small)

    def to_parts(self, layers: Sequence[str] | None = None) -> tuple[OnnxDescription, Arrays]:
        """What a model file keeps of it: as much as these layers need; all of them by default."""
        names = [layer.name for layer in self.layers] if layers is None else list(layers)
        strides = [layer.stride for layer in self.chosen(names)]
        kept = [layer for layer in self.description.layers if layer.name in names]
        defaults = [name for name in self.default_layers if name in names]
        defaults = defaults or [layer.name for layer in kept if layer.stride == min(strides)]
        described = self.description.model_copy(update={"layers": tuple(kept), "default_layers": tuple(defaults)})
        return described, self.arrays(names)

    @classmethod
    def from_parts(cls, description: OnnxDescription, arrays: Mapping[str, NDArray[Any]]) -> OnnxBackbone:
        """Back from a model file, which may come from a stranger.

        Raises:
            ModelError: the bytes are missing, too many, no ONNX model, refer to other files, or do not fit the
                description.
        """
        data = _bytes(arrays)
        self = cls(description, data)
        self.check(arrays, [layer.name for layer in self.layers])
        return self

    def centre_offset(self, layer: str) -> float:
        self.layer(layer)
        return next(each.offset for each in self.description.layers if each.name == layer)

    def arrays(self, layers: Sequence[str]) -> Arrays:
        self.chosen(layers)
        return {ARRAY: np.frombuffer(cut(self._data, tuple(layers), self._what), np.uint8).copy()}

    def expected_shapes(self, layers: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """None: there are no float32 arrays, and how many bytes the model has is its own affair."""
        self.chosen(layers)
        return {}

    def check(self, arrays: Mapping[str, NDArray[Any]], layers: Sequence[str]) -> None:
        wanted = self.chosen(layers)
        small = cut(_bytes(arrays), tuple(layers), self._what)
        check_standard(small, self._what)
        if _shapes(small, tuple(layers), self._what, self.multiple) != list(wanted):
            raise ModelError(f"{self._what} does not give what its description says.")

    def build(self, pixels: ov.Node, arrays: Mapping[str, NDArray[Any]], layers: Sequence[str]) -> list[ov.Node]:
        self.chosen(layers)
        model = _opened(cut(_bytes(arrays), tuple(layers), self._what), self._what)
        # Its nodes are not asked for their shapes again when they get another input.
        try:
            model.reshape(pixels.get_output_partial_shape(0))
        except RuntimeError as error:
            raise _not_open(self._what, error) from error
        parameter = model.get_parameters()[0]
        x = op.gather(pixels, ints([2, 1, 0]), ints(1)) if self.description.colours == "bgr" else pixels
        mean, scale = (
            np.array(values, np.float32).reshape(1, 3, 1, 1)
            for values in (self.description.mean, self.description.scale)
        )
        x = op.divide(op.subtract(x, constant(mean)), constant(scale))
        x = op.convert(x, parameter.get_output_element_type(0))
        for target in parameter.output(0).get_target_inputs():
            target.replace_source_output(x.output(0))
        # A conversion also where there is nothing to convert: a layer may be one of several outputs of a node.
        return [op.convert(result.input_value(0), "f32") for result in model.get_results()]

    def _check_alone(self) -> None:
        """That it runs for pictures of any number and size, and that a picture's features do not depend on the
        other pictures of its batch."""
        names = [layer.name for layer in self.layers]
        side = 2 * self.multiple
        pixels = op.parameter([-1, 3, -1, -1], ov.Type.f32, name="pixels")
        nodes = self.build(pixels, self.arrays(names), names)
        compiled = _compiled(ov.Model([op.result(node) for node in nodes], [pixels], "linesight-probe"), self._what)
        pictures = np.random.default_rng(0).uniform(0, 255, (2, 3, side, side)).astype(np.float32)
        request = compiled.create_infer_request()
        answers = []
        for batch in (pictures, pictures[:1]):
            request.infer([batch])
            answers.append([request.get_output_tensor(index).data.copy() for index in range(len(names))])
        for name, both, alone in zip(names, *answers, strict=True):
            if not np.isfinite(both).all():
                raise ModelError(f"{self._what} gives values that are not numbers in its layer {name!r}.")
            if np.abs(both[:1] - alone).max() > _SAME * max(1e-6, float(np.abs(alone).max())):
                raise ModelError(
                    f"{self._what} answers otherwise when several pictures come at once. Export it for "
                    "inference, not for training."
                )


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)  # one more shows that it is too large
    except OSError as error:
        raise ModelError(f"The file {path} cannot be read: {error.strerror or error}.") from error
    return data


def _bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    array = arrays.get(ARRAY)
    if array is None or array.dtype != np.uint8 or array.ndim != 1 or not 0 < array.size <= MAX_BYTES:
        raise ModelError(f"its array {ARRAY!r} is missing or of another shape")
    return array.tobytes()


def _described(raw: dict[str, Any], what: str) -> OnnxDescription:
    try:
        return OnnxDescription.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its layers"
        words = re.sub(r"^Value error, ", "", first["msg"])
        raise ModelError(f"{what} cannot be registered: {where}: {words}.") from error


def _opened(small: bytes, what: str) -> ov.Model:
    try:
        return read_onnx(small)
    except RuntimeError as error:
        raise ModelError(f"{what} cannot be read: {_reason(error)}.") from error


def _not_open(what: str, error: Exception) -> ModelError:
    return ModelError(
        f"{what} does not take pictures of any number and size ({_reason(error)}). Export it with open axes for "
        "number, height and width."
    )


def _compiled(model: ov.Model, what: str) -> ov.CompiledModel:
    try:
        return compile_graph(model)
    except RuntimeError as error:
        raise ModelError(f"{what} cannot be run: {_reason(error)}.") from error


def _shapes(small: bytes, names: Sequence[str], what: str, multiple: int) -> list[Layer]:
    """Channels and stride of each output, by inferring the shapes for two sizes and numbers of pictures.

    Raises:
        ModelError: it does not take pictures of any number and size, or an output is not a grid over them.
    """
    layers: list[Layer] = []
    for number, height, width in ((1, 2, 3), (2, 4, 2)):
        sides = (_MAX_STRIDE // MULTIPLE * multiple * height, _MAX_STRIDE // MULTIPLE * multiple * width)
        model = _opened(small, what)
        try:
            model.reshape([number, 3, *sides])
        except RuntimeError as error:
            raise _not_open(what, error) from error
        _check_sizes(model, what)
        found = [
            _layer(name, output.get_partial_shape(), number, sides, what)
            for name, output in zip(names, model.outputs, strict=True)
        ]
        if layers and found != layers:
            raise ModelError(f"{what} has layers whose stride or channels depend on the size of the picture.")
        layers = found
    return layers


def _layer(name: str, shape: ov.PartialShape, number: int, sides: tuple[int, int], what: str) -> Layer:
    size = tuple(shape.to_shape())  # `_check_sizes` has seen that it is known
    strides = {side // size[axis] for axis, side in ((2, sides[0]), (3, sides[1]))} if _grid(size, number) else set()
    if len(strides) == 1:
        (stride,) = strides
        if 1 <= stride <= _MAX_STRIDE and (size[2] * stride, size[3] * stride) == sides:
            return Layer(name, size[1], stride)
    raise ModelError(
        f"The layer {name!r} of {what} is not a grid over the picture, (number, channels, height / stride, "
        f"width / stride) with one whole stride up to {_MAX_STRIDE}: for {number} pictures of {sides[0]} x {sides[1]} "
        f"it is {size}. Choose a layer of convolutions."
    )


def _grid(size: tuple[int, ...], number: int) -> bool:
    return len(size) == 4 and size[0] == number and min(size) > 0


def _check_sizes(model: ov.Model, what: str) -> None:
    """That its tensors are not out of all proportion, before anything is run."""
    total = 0
    for node in model.get_ops():
        for output in node.outputs():
            shape = output.get_partial_shape()
            if shape.is_dynamic:
                raise ModelError(
                    f"{what} makes a tensor whose size depends on what is in the picture (node "
                    f"{node.get_friendly_name()[:SPOKEN]!r}), so that its need of memory cannot be known."
                )
            total += math.prod(shape.to_shape())
    if total > _MAX_VALUES:
        raise ModelError(f"{what} needs too much memory: {total / 1e9:.1f} thousand million numbers a small picture.")


def _reason(error: Exception) -> str:
    """The telling line of what the runtime says, without its own source files."""
    lines = [line.strip(" -") for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check '", "Summary"))]
    return (telling or ["no reason given"])[0].rstrip(".:")[:200]
