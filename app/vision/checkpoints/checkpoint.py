"""A checkpoint that has learned: its place, its own memory of good crops, and what it can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import ModelError
from app.vision.bank import MemoryBank
from app.vision.checkpoints.naming import Naming, NamingDescription
from app.vision.checkpoints.place import LONGEST, SIDE, Place
from app.vision.geometry import Target
from app.vision.parts import Arrays, Described, taken

Array = NDArray[np.float32]
Turn = Literal["90", "180", "270", "across", "down"]

MOST = 64
"""Checkpoints of a model."""

_POOLED = 0.25  # of the place's cells: the highest quarter makes the score


class CheckpointDescription(Described):
    """Fields as in `Checkpoint`; `rows` x `columns` pixels is the canvas."""

    place: Place
    rows: int = Field(ge=8, le=2 * LONGEST)
    columns: int = Field(ge=8, le=2 * LONGEST)
    vectors: int = Field(ge=1, le=20_000)
    place_weight: float = Field(ge=0, le=1000)
    limit: float = Field(ge=1e-6, le=1e6)
    retest_from: float = Field(gt=0, le=1)
    turns: tuple[Turn, ...] = Field(default=(), max_length=5)
    others: tuple[int, ...] = Field(default=(), max_length=MOST)
    good: int = Field(ge=1)
    labelled: int = Field(default=0, ge=0)
    naming: NamingDescription | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """
    Attributes:
        canvas: size of its crops.
        bank: features of good crops.
        limit: pooled distance from which a crop is not ok: the score is 1 there.
        retest_from: score from which it is close to that.
        turns: those that good crops do not look the same in; the shortest of each that look alike.
        others: numbers of the checkpoints it can be told apart from, and they from it.
        good, labelled: numbers of crops it learned from.
    """

    place: Place
    canvas: Target
    bank: MemoryBank
    limit: float
    retest_from: float
    turns: tuple[Turn, ...]
    others: tuple[int, ...]
    good: int
    labelled: int
    naming: Naming | None = None

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def states(self) -> tuple[str, ...]:
        """Those it has learned from labels."""
        return self.naming.description.states if self.naming else ()


def pooled(distances: Array, inside: NDArray[np.bool_]) -> float:
    """The mean of the highest quarter of the distances (n,) of the cells `inside` the place."""
    own = distances[inside]
    count = max(1, round(_POOLED * len(own)))
    return float(np.partition(own, len(own) - count)[len(own) - count :].mean(dtype=np.float64))


def to_parts(checkpoints: Sequence[Checkpoint]) -> tuple[tuple[CheckpointDescription, ...], Arrays]:
    """What goes into a model file; the arrays of the n-th begin with `checkpoint{n}.`."""
    descriptions, arrays = [], {}
    for number, each in enumerate(checkpoints):
        own: Arrays = {
            "vectors": each.bank.vectors.astype(np.float16),
            "places": each.bank.places,
            "mean": each.bank.mean,
            "deviation": each.bank.deviation,
        }
        if each.naming is not None:
            own |= {f"naming.{name}": array for name, array in each.naming.to_parts()[1].items()}
        arrays.update({f"checkpoint{number}.{name}": array for name, array in own.items()})
        descriptions.append(
            CheckpointDescription(
                place=each.place,
                rows=each.canvas.height,
                columns=each.canvas.width,
                vectors=len(each.bank.vectors),
                place_weight=each.bank.place_weight,
                limit=each.limit,
                retest_from=each.retest_from,
                turns=each.turns,
                others=each.others,
                good=each.good,
                labelled=each.labelled,
                naming=each.naming.description if each.naming else None,
            )
        )
    return tuple(descriptions), arrays


def from_parts(
    descriptions: Sequence[CheckpointDescription], arrays: Mapping[str, NDArray[Any]], channels: int, multiple: int
) -> tuple[Checkpoint, ...]:
    """The checkpoints out of a model file whose network has so many channels and takes multiples of so many pixels.

    Raises:
        ModelError: the parts do not fit together.
    """
    if len({each.place.name for each in descriptions}) != len(descriptions):
        raise ModelError("it has two checkpoints of one name")
    found = []
    for number, each in enumerate(descriptions):
        large = each.rows * each.columns > 4 * max(SIDE, multiple) ** 2
        if large or each.rows % multiple or each.columns % multiple:
            raise ModelError(f"its checkpoint {each.place.name!r} has a canvas that the network does not take")
        for other in each.others:
            if not 0 <= other < len(descriptions) or other == number:
                raise ModelError(f"its checkpoint {each.place.name!r} is compared with one that is not there")
            if (descriptions[other].rows, descriptions[other].columns) != (each.rows, each.columns):
                raise ModelError(f"its checkpoint {each.place.name!r} is compared with one of another size")
        try:
            found.append(_checkpoint(each, _below(arrays, f"checkpoint{number}."), channels))
        except ModelError as error:
            raise ModelError(f"of its checkpoint {each.place.name!r}: {error}") from None
    return tuple(found)


def _checkpoint(described: CheckpointDescription, arrays: Arrays, channels: int) -> Checkpoint:
    deviation = taken(arrays, "deviation", (channels,), np.float32)
    if not (deviation > 0).all():
        raise ModelError("its array 'deviation' must be positive")
    bank = MemoryBank(
        taken(arrays, "mean", (channels,), np.float32),
        deviation,
        taken(arrays, "vectors", (described.vectors, channels), np.float16).astype(np.float32),
        taken(arrays, "places", (described.vectors, 2), np.float32),
        described.place_weight,
    )
    naming = None
    if described.naming is not None:
        naming = Naming.from_parts(described.naming, _below(arrays, "naming."), channels)
    return Checkpoint(
        place=described.place,
        canvas=Target(described.rows, described.columns),
        bank=bank,
        limit=described.limit,
        retest_from=described.retest_from,
        turns=described.turns,
        others=described.others,
        good=described.good,
        labelled=described.labelled,
        naming=naming,
    )


def _below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
