"""The model file: everything that judges, in one file that is safe to load from a stranger.

A ZIP of one JSON description and plain NumPy arrays; no pickle, nothing executable. Description, array
names, shapes, number types and sizes are checked before anything is used. Later versions of the program
read files of this version; a file of a later version is refused with words.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator, model_validator

from app.domain.errors import ModelError
from app.domain.inspection import ModelRef
from app.domain.verdict import Limits
from app.vision import backbone
from app.vision.geometry import MULTIPLE, Target
from app.vision.graph import MemoryBank, Network
from app.vision.parts import Described, taken

FORMAT_VERSION = 1
SUFFIX = ".linesight"

_DESCRIPTION = "model.json"
_MAX_FILE = 512 << 20
_MAX_DESCRIPTION = 1 << 20
_MAX_BANK = 200_000

Array = NDArray[np.float32]


class NetworkDescription(Described):
    height: int = Field(ge=MULTIPLE, le=4096, multiple_of=MULTIPLE)
    width: int = Field(ge=MULTIPLE, le=4096, multiple_of=MULTIPLE)
    taps: tuple[int, ...] = Field(min_length=1, max_length=len(backbone.BLOCKS))

    @field_validator("taps")
    @classmethod
    def _one_grid(cls, taps: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 0 <= tap < len(backbone.BLOCKS) for tap in taps) or list(taps) != sorted(set(taps)):
            raise ValueError("not rising numbers of blocks")
        if len({backbone.BLOCKS[tap].stride for tap in taps}) != 1:
            raise ValueError("blocks of different strides")
        return taps


class BankDescription(Described):
    vectors: int = Field(ge=1, le=_MAX_BANK)
    sigma: float = Field(gt=0, le=10)
    top: float = Field(gt=0, le=1)


class LimitsDescription(Described):
    threshold: float = Field(gt=0)
    retest_from: float = Field(gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> LimitsDescription:
        if self.retest_from > self.threshold:
            raise ValueError("retest_from lies above the threshold")
        return self


class TrainingDescription(Described):
    """What the model learned from.

    Attributes:
        normals: number of pictures used.
        fingerprint: SHA-256 over the sorted SHA-256 of the decoded pictures.
        aspect_from, aspect_to: smallest and largest width / height among them.
        median_score: of held-out good pictures.
        seconds: the training took.
    """

    normals: int = Field(ge=1)
    fingerprint: str = Field(pattern="^[0-9a-f]{64}$")
    aspect_from: float = Field(gt=0)
    aspect_to: float = Field(gt=0)
    median_score: float = Field(ge=0)
    seconds: float = Field(ge=0)


class Description(Described):
    """The JSON beside the arrays."""

    format: Literal["linesight-model"] = "linesight-model"
    version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=60)
    made_by: str = Field(max_length=60)
    created_at: datetime
    backbone: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    network: NetworkDescription
    bank: BankDescription
    limits: LimitsDescription
    training: TrainingDescription
    labels: tuple[str, ...] = ("anomaly",)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained model in memory, checked, ready for `app.vision.detector.Detector`."""

    description: Description
    network: Network
    bank: MemoryBank

    @property
    def limits(self) -> Limits:
        limits = self.description.limits
        return Limits(limits.threshold, limits.retest_from)


def assemble(description: Description, arrays: Mapping[str, Array]) -> Model:
    """Puts description and arrays together; raises ModelError when they do not fit."""
    shapes = backbone.expected_shapes(max(description.network.taps))
    channels = backbone.channels(description.network.taps)
    bank_shapes: dict[str, tuple[int, ...]] = {
        "bank.vectors": (description.bank.vectors, channels),
        "bank.mean": (channels,),
        "bank.deviation": (channels,),
    }
    for name, shape in (shapes | bank_shapes).items():
        taken(arrays, name, shape, np.float32)
    if not (arrays["bank.deviation"] > 0).all():
        raise ModelError("its array 'bank.deviation' must be positive")
    return Model(
        description,
        Network(
            Target(description.network.height, description.network.width),
            description.network.taps,
            {name: arrays[name] for name in shapes},
        ),
        MemoryBank(
            arrays["bank.mean"],
            arrays["bank.deviation"],
            arrays["bank.vectors"],
            description.bank.sigma,
            description.bank.top,
        ),
    )


def to_bytes(model: Model) -> bytes:
    """The file's bytes; the same model gives the same bytes."""
    arrays: dict[str, Array] = dict(model.network.arrays)
    arrays |= {
        "bank.vectors": model.bank.vectors,
        "bank.mean": model.bank.mean,
        "bank.deviation": model.bank.deviation,
    }
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
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
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
        try:
            description = Description.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise ModelError(f"its description is wrong at {place}: {first['msg']}") from None
        names = set(backbone.expected_shapes(max(description.network.taps))) | {
            "bank.vectors",
            "bank.mean",
            "bank.deviation",
        }
        arrays = {name: _array(archive, members, name) for name in names}
    return assemble(description, arrays)


def _array(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> Array:
    info = members.get(f"{name}.npy")
    if info is None:
        raise ModelError(f"its array {name!r} is missing")
    content = io.BytesIO(archive.read(info))  # checks the CRC
    major = np.lib.format.read_magic(content)
    if major != (1, 0):
        raise ModelError(f"its array {name!r} has an unknown header")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(content)
    if dtype != np.float32 or fortran or math.prod(shape) * 4 != info.file_size - content.tell():
        raise ModelError(f"its array {name!r} is not what its header says")
    return np.frombuffer(content.read(), np.float32).reshape(shape).copy()
