"""What every learned part of a model file has in common: a checked description and plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.domain.errors import ModelError

Arrays = dict[str, NDArray[Any]]
"""Arrays of a model file by name; float32 or uint8 only."""


class Described(BaseModel):
    """Base of the descriptions in a model file. Unknown keys are left alone: a later minor addition must
    not break an older station."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


def taken(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...], dtype: type[np.generic]) -> Any:
    """The array of that name, checked.

    Raises:
        ModelError: missing, of another shape or type, or holding values that are not numbers.
    """
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype != dtype:
        raise ModelError(f"its array {name!r} is missing or of another shape")
    if np.issubdtype(dtype, np.floating) and not np.isfinite(array).all():
        raise ModelError(f"its array {name!r} holds values that are not numbers")
    return array
