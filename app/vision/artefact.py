"""The model file: everything that judges, in one file that is safe to load from a stranger.

A ZIP of one JSON description and plain NumPy arrays; no pickle, nothing executable. Description, array
names, shapes, number types and sizes are checked before anything is used. Later versions of the program
read files of this version; a file of a later version is refused with words.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from app.domain.errors import ModelError
from app.domain.inspection import ModelRef
from app.domain.verdict import Limits
from app.domain.wear import Unit, WearLimit
from app.vision import artefact_v1, backbones
from app.vision.alignment import Golden, GoldenDescription
from app.vision.backbones import Backbone
from app.vision.backbones.onnx import OnnxBackbone, OnnxDescription
from app.vision.bank import MemoryBank
from app.vision.calibration import Calibration, CalibrationDescription
from app.vision.checkpoints import MOST, Checkpoint, CheckpointDescription
from app.vision.checkpoints import from_parts as checkpoints_from_parts
from app.vision.checkpoints import to_parts as checkpoints_to_parts
from app.vision.framing import AREA, Fixture, Framing, Regions
from app.vision.graph import Network
from app.vision.judge import Remembered
from app.vision.known import Known, KnownDescription
from app.vision.looking import View
from app.vision.maps import Scale
from app.vision.parts import Arrays, Described, taken
from app.vision.quality import PictureQuality, QualityDescription
from app.vision.strips import Strips, StripsDescription
from app.vision.tone import Tone, ToneDescription
from app.whole_files import write_whole

FORMAT_VERSION = 2
SUFFIX = ".linesight"

_DESCRIPTION = "model.json"
_MAX_FILE = 512 << 20
_MAX_DESCRIPTION = 1 << 20
_MAX_BANK = 200_000


class ViewDescription(Described):
    """One view and its memory bank; fields as in `View`, `MemoryBank` and `Scale`."""

    size: int = Field(ge=32, le=8192)
    mean: int = Field(ge=1, le=9)
    vectors: int = Field(ge=1, le=_MAX_BANK)
    axes: int | None = Field(default=None, ge=1, le=1 << 16)
    place_weight: float = Field(ge=0, le=1000)
    limit: float = Field(gt=0, le=1e6)
    edge: float = Field(gt=0, le=1)


class LimitsDescription(Described):
    threshold: float = Field(gt=0)
    retest_from: float = Field(gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> LimitsDescription:
        if self.retest_from > self.threshold:
            raise ValueError("retest_from lies above the threshold")
        return self


class WearLimitDescription(Described):
    """Fields as in `WearLimit`."""

    label: str = Field(min_length=1, max_length=200)
    area: float = Field(gt=0, le=1e12)
    unit: Unit


class TrainingDescription(Described):
    """What the model learned from.

    Attributes:
        normals, defects: numbers of pictures used.
        fingerprint: SHA-256 over the sorted SHA-256 of the decoded pictures.
        aspect_from, aspect_to: smallest and largest width / height among them.
        median_score: of held-out good pictures.
        seconds: the training took.
    """

    normals: int = Field(ge=1)
    defects: int = Field(default=0, ge=0)
    fingerprint: str = Field(pattern="^[0-9a-f]{64}$")
    aspect_from: float = Field(gt=0)
    aspect_to: float = Field(gt=0)
    median_score: float = Field(ge=0)
    seconds: float = Field(ge=0)


class Description(Described):
    """The JSON beside the arrays."""

    format: Literal["linesight-model"] = "linesight-model"
    version: Literal[2] = 2
    name: str = Field(min_length=1, max_length=60)
    made_by: str = Field(max_length=60)
    created_at: datetime
    backbone: str = Field(min_length=1, max_length=60)
    onnx: OnnxDescription | None = None
    layers: tuple[str, ...] = Field(min_length=1, max_length=16)
    views: tuple[ViewDescription, ...] = Field(min_length=1, max_length=8)
    limits: LimitsDescription
    training: TrainingDescription
    quality: QualityDescription | None = None
    calibration: CalibrationDescription | None = None
    known: KnownDescription | None = None
    tone: ToneDescription | None = None
    strips: StripsDescription | None = None
    golden: GoldenDescription | None = None
    aligned: bool = False
    mm_per_pixel: float | None = Field(default=None, ge=1e-6, le=1e3)
    wear_limits: tuple[WearLimitDescription, ...] = Field(default=(), max_length=64)
    regions: Regions = Field(default_factory=Regions)
    checkpoints: tuple[CheckpointDescription, ...] = Field(default=(), max_length=MOST)
    labels: tuple[str, ...] = ("anomaly",)

    @model_validator(mode="after")
    def _consistent(self) -> Description:
        if self.onnx is not None and self.onnx.name != self.backbone:
            raise ValueError("the registered backbone has another name")
        if self.onnx is not None and backbones.built_in(self.backbone):
            raise ValueError("its backbone carries the name of a built-in one")
        if self.aligned and self.golden is None:
            raise ValueError("it aligns to a golden part but has none")
        if self.mm_per_pixel is None and any(limit.unit == "mm2" for limit in self.wear_limits):
            raise ValueError("a limit for wear is in mm2, but it has no scale")
        if len({limit.label for limit in self.wear_limits}) != len(self.wear_limits):
            raise ValueError("a kind of defect has two limits for wear")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained model in memory, checked, ready for `app.vision.detector.Detector`.

    Attributes:
        quality: what usual pictures are like; None in files of version 1.
        known: what labelled defects have taught; None without enough of them.
        framing: what of a picture is looked at.
        calibration: how sure a score makes; None where no defect was labelled.
        tone: what brightness good parts have; None where pictures are small.
        strips: what strips of good surfaces look like; None where they have no grain, or a head tells better.
        checkpoints: named places that answer on their own.
    """

    description: Description
    network: Network
    views: tuple[Remembered, ...]
    quality: PictureQuality | None
    calibration: Calibration | None = None
    known: Known | None = None
    framing: Framing = field(default_factory=lambda: Framing(None))
    checkpoints: tuple[Checkpoint, ...] = ()
    tone: Tone | None = None
    strips: Strips | None = None

    @property
    def limits(self) -> Limits:
        limits = self.description.limits
        return Limits(limits.threshold, limits.retest_from)

    @property
    def wear_limits(self) -> tuple[WearLimit, ...]:
        return tuple(WearLimit(each.label, each.area, each.unit) for each in self.description.wear_limits)


def describe(each: Remembered) -> ViewDescription:
    """A view as it stands in the file."""
    return ViewDescription(
        size=each.view.size,
        mean=each.view.mean,
        vectors=len(each.bank.vectors),
        axes=None if each.bank.axes is None else each.bank.axes.shape[1],
        place_weight=each.bank.place_weight,
        limit=each.scale.limit,
        edge=each.scale.edge,
    )


def assemble(description: Description, arrays: Mapping[str, NDArray[Any]]) -> Model:
    """Puts description and arrays together; raises ModelError when they do not fit."""
    network = _network(description, _below(arrays, _BACKBONE))
    views = tuple(
        _remembered(each, _below(arrays, f"view{number}."), network.channels)
        for number, each in enumerate(description.views)
    )
    quality = None
    if description.quality is not None:
        quality = PictureQuality.from_parts(description.quality, _below(arrays, _QUALITY))
    calibration = Calibration.from_parts(description.calibration, {}) if description.calibration else None
    known = None
    if description.known is not None:
        known = Known.from_parts(description.known, _below(arrays, "head."), _below(arrays, "fusion."))
        if description.known.fusion.views != len(views):
            raise ModelError("its defect head was trained with other views")
    tone = Tone.from_parts(description.tone, _below(arrays, _TONE)) if description.tone else None
    strips = None
    if description.strips is not None:
        strips = Strips.from_parts(description.strips, _below(arrays, _STRIPS), network.channels)
    fixture = None
    if description.golden is not None:
        area = taken(arrays, _AREA, (AREA, AREA), np.uint8)
        fixture = Fixture(Golden.from_parts(description.golden, arrays), description.aligned, area)
    places = checkpoints_from_parts(description.checkpoints, arrays, network.channels, network.backbone.multiple)
    framing = Framing(fixture, description.regions)
    return Model(description, network, views, quality, calibration, known, framing, places, tone, strips)


def _network(description: Description, arrays: Arrays) -> Network:
    if description.onnx is not None:
        backbone: Backbone = OnnxBackbone.from_parts(description.onnx, arrays)
    else:
        backbone = backbones.get(description.backbone)
    strides = {layer.stride for layer in backbone.chosen(description.layers)}
    if len(strides) != 1 or len(set(description.layers)) != len(description.layers):
        raise ModelError("its layers are of different strides or named twice")
    backbone.check(arrays, description.layers)
    return Network(backbone, description.layers, arrays)


def _remembered(described: ViewDescription, arrays: Arrays, channels: int) -> Remembered:
    axes = None if described.axes is None else taken(arrays, "axes", (channels, described.axes), np.float32)
    along = described.axes or channels
    vectors = taken(arrays, "vectors", (described.vectors, along), np.float16).astype(np.float32)
    mean = taken(arrays, "mean", (channels,), np.float32)
    deviation = taken(arrays, "deviation", (channels,), np.float32)
    if not (deviation > 0).all():
        raise ModelError("its array 'deviation' must be positive")
    places = taken(arrays, "places", (described.vectors, 2), np.float32)
    return Remembered(
        View(described.size, described.mean),
        MemoryBank(mean, deviation, vectors, places, described.place_weight, axes),
        Scale(described.limit, described.edge),
    )


def _below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


_BACKBONE, _QUALITY, _TONE, _STRIPS, _AREA = "backbone.", "quality.", "tone.", "strips.", "golden.area"


def arrays_of(model: Model) -> Arrays:
    """Every array of the file by its name there."""
    found: Arrays = {_BACKBONE + name: array for name, array in model.network.arrays.items()}
    for number, each in enumerate(model.views):
        found |= {
            f"view{number}.vectors": each.bank.vectors.astype(np.float16),
            f"view{number}.mean": each.bank.mean,
            f"view{number}.deviation": each.bank.deviation,
            f"view{number}.places": each.bank.places,
        }
        if each.bank.axes is not None:
            found[f"view{number}.axes"] = each.bank.axes
    if model.framing.fixture is not None:
        found |= model.framing.fixture.golden.to_parts()[1] | {_AREA: model.framing.fixture.area}
    if model.known is not None:
        found |= model.known.to_parts()[1]
    found |= checkpoints_to_parts(model.checkpoints)[1]
    if model.tone is not None:
        found |= {_TONE + name: array for name, array in model.tone.to_parts()[1].items()}
    if model.strips is not None:
        found |= {_STRIPS + name: array for name, array in model.strips.to_parts()[1].items()}
    if model.quality is not None:
        found |= {_QUALITY + name: array for name, array in model.quality.to_parts()[1].items()}
    return found


def to_bytes(model: Model) -> bytes:
    """The file's bytes; the same model gives the same bytes."""
    arrays = arrays_of(model)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(_DESCRIPTION), model.description.model_dump_json(indent=1))
        for name in sorted(arrays):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(_entry(f"{name}.npy"), content.getvalue())
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def write(path: Path, data: bytes) -> None:
    """Writes the file as a whole or not at all.

    Raises:
        ModelError: the place can't be written; names it.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise ModelError(
            f"The model can't be written to {path} ({error.strerror or error}). "
            "Choose another place or free some space."
        ) from error


def load(path: Path) -> tuple[Model, ModelRef]:
    """Reads and checks a model file.

    Raises:
        ModelError: missing, unreadable, not a model, damaged, of a later version; names the file and
            the way out.
    """
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder, not a model file.")
        if path.stat().st_size > _MAX_FILE:
            raise ModelError(f"{path} is larger than any model of this program: it is not one.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"The model file {path} does not exist. Train one, or correct the path.") from None
    except OSError as error:
        raise ModelError(f"The model file {path} can't be read ({error.strerror or error}).") from error
    try:
        model = _parse(data)
    except _LaterVersion as error:
        raise ModelError(
            f"The model file {path} has format version {error}, this program reads up to {FORMAT_VERSION}. "
            "Update Linesight, or train the model again here."
        ) from None
    except ModelError as error:
        raise ModelError(
            f"The model file {path} is damaged or not a Linesight model: {error}. Copy it again, or train again."
        ) from None
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        detail = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"The model file {path} is damaged or not a Linesight model ({detail}). Copy it again, or train again."
        ) from None
    digest = hashlib.sha256(data).hexdigest()
    return model, ModelRef(model.description.name, 0, digest, model.description.backbone)


def digest(path: Path) -> str:
    """SHA-256 of a model file, as it stands in its `ModelRef`; "" where it can't be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.stat().st_size <= _MAX_FILE else ""
    except OSError:
        return ""


class _LaterVersion(Exception):
    pass


def _parse(data: bytes) -> Model:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: info for info in archive.infolist()}
        # Stored sizes are claims of the file: nothing is unpacked that claims, or turns out, to be huge.
        if sum(info.file_size for info in members.values()) > _MAX_FILE:
            raise ModelError("it claims to unpack to more than 512 MiB")
        if _DESCRIPTION not in members:
            raise ModelError("it has no description")
        if members[_DESCRIPTION].file_size > _MAX_DESCRIPTION:
            raise ModelError("its description is too long")
        raw = json.loads(archive.read(_DESCRIPTION))
        version = raw.get("version") if isinstance(raw, dict) else None
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise _LaterVersion(version)
        arrays = {
            name.removesuffix(".npy"): _array(archive, info) for name, info in members.items() if name.endswith(".npy")
        }
        if version == 1:
            raw, arrays = artefact_v1.upgraded(raw, arrays)
        try:
            description = Description.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise ModelError(f"its description is wrong at {place}: {first['msg']}") from None
    return assemble(description, arrays)


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    name = info.filename.removesuffix(".npy")
    content = io.BytesIO(archive.read(info))  # checks the CRC
    major = np.lib.format.read_magic(content)
    if major != (1, 0):
        raise ModelError(f"its array {name!r} has an unknown header")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(content)
    if dtype not in _TYPES or fortran or math.prod(shape) * dtype.itemsize != info.file_size - content.tell():
        raise ModelError(f"its array {name!r} is not what its header says")
    return np.frombuffer(content.read(), dtype).reshape(shape).copy()


_TYPES = (np.dtype(np.float32), np.dtype(np.float16), np.dtype(np.uint8))
