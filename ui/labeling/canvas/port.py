"""What the mask editor asks of whoever owns the library: plain data and intents, nothing that waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.frame import Image
from app.domain.labelling import DefectType, Label
from app.masking import HeatMap, Plane

Failed = Callable[[str], None]
"""Gets the words of what went wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A picture to be worked on.

    Attributes:
        picture: (H, W, 3) uint8 BGR; not written to.
        plane: (H, W) uint8, ids of types; None where it has no mask yet. Not written to.
        label: None while nobody has labelled it.
        position, total: the how manieth of how many, counted from 1.
        heat: what a model thought of it, None where none was asked.
    """

    name: str
    picture: Image
    plane: Plane | None = None
    label: Label | None = None
    position: int = 1
    total: int = 1
    heat: HeatMap | None = None


class MaskPort(Protocol):
    """Called on the UI thread; `done` and `failed` are called there too, now or later."""

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Failed | None = None) -> None:
        """Calls `work` on a worker, then `done(result)` or `failed(words)`: `Bridge.run`."""
        ...

    def types(self) -> Sequence[DefectType]:
        """The defect types of the library, in the order they are shown."""
        ...

    def add_type(self, name: str, done: Callable[[DefectType], None], failed: Failed) -> None:
        """A new type by a name that no type has."""
        ...

    def rename_type(self, type_id: int, name: str, done: Callable[[], None], failed: Failed) -> None:
        """Another name for a type, in every picture."""
        ...

    def merge_types(self, source: int, into: int, done: Callable[[], None], failed: Failed) -> None:
        """Every label and mask of type `source` becomes type `into`, and `source` is gone."""
        ...
