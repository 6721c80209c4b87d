"""What a dataset is, whatever layout it came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Label = Literal["normal", "anomaly"]
Split = Literal["train", "test"]
Colour = tuple[int, int, int]
"""R, G, B, 0..255 each."""
NAMELESS = "anomaly"
"""What the pixels of a defect are called whose type nobody named; no type of its own."""
Masks = dict[str, NDArray[np.bool_]]
"""The defect's pixels by type, each (H, W) bool; types may overlap."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Where the defect's pixels are written down.

    Attributes:
        path: a picture of the size of its part's picture.
        colours: (R, G, B) -> defect type, where the dataset gives a colour map, which may name no defect
            at all; None where the mask only separates defect from background.
        background: the (R, G, B) that the colour map gives to good surface; None where it gives none.
    """

    path: Path
    colours: tuple[tuple[Colour, str], ...] | None = None
    background: Colour | None = None


@dataclass(frozen=True, slots=True)
class Polygon:
    """An outline. Its pixels are those whose middle lies inside (even-odd); (0, 0) is the corner of the picture.

    Attributes:
        points: (x, y) in pixels, three or more.
    """

    type: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Circle:
    """A disc, in pixels; (0, 0) is the corner of the picture."""

    type: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Runs:
    """COCO's run lengths: column by column, background first.

    Attributes:
        counts: the lengths, or COCO's compressed text of them.
        size: (width, height).
    """

    type: str
    counts: tuple[int, ...] | str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of a mask: the bytes of a picture whose top left pixel lies at (x, y)."""

    type: str
    x: int
    y: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Stencil:
    """A mask file of one type."""

    type: str
    path: Path


Shape = Polygon | Circle | Runs | Patch | Stencil


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mask of shapes; those of one type are joined, and types may overlap.

    Attributes:
        path: the file that the shapes stand in, for messages.
        size: (width, height) of the picture they were drawn on, where the file tells it.
    """

    path: Path
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One picture with its label.

    Attributes:
        name: what people call it: its path within the dataset.
        label: None where nobody has labelled it.
        type: defect type, "" for normal ones, where none is given and where there are several.
        split: None where the dataset does not say.
        place: the manifest and line it stands in, for messages; "" for pictures in folders.
        types: every defect type the dataset gives it, without repetition. Where only the pixels of a mask can tell
            (a colour map of several types), they are left out until it is read.
        labelled_at: when it was labelled, in UTC, where the dataset says so.
    """

    path: Path
    name: str
    label: Label | None
    type: str = ""
    split: Split | None = None
    mask: Mask | Drawn | None = None
    place: str = ""
    types: tuple[str, ...] = ()
    labelled_at: datetime | None = None

    def __post_init__(self) -> None:
        # One type or several: whoever gives the one need not repeat it in the other.
        given = dict.fromkeys(self.types or (self.type,))
        types = tuple(kind for kind in given if kind and kind != NAMELESS)
        object.__setattr__(self, "types", types)
        object.__setattr__(self, "type", types[0] if len(types) == 1 else "")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled picture to be written into a set, wherever it comes from.

    Attributes:
        path: the picture's file, copied as it is.
        name: what people call it; its last part names the file that is written.
        types: without repetition; types that its masks show need not be among them.
        masks: for (width, height) of the picture, upright, its defects; None where nobody drew any.
        added_at: when it was labelled or came in; None: unknown.
    """

    path: Path
    name: str
    label: Label | None
    types: tuple[str, ...] = ()
    split: Split | None = None
    masks: Callable[[tuple[int, int]], Masks] | None = None
    added_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures of one product.

    Attributes:
        root: folder or manifest it was read from.
        layout: which layout was recognised, in words.
        problems: what could not be used, each naming file or line and reason; the rest is usable.
    """

    root: Path
    layout: str
    items: tuple[Item, ...]
    problems: tuple[str, ...] = ()

    def training_normals(self) -> list[Item]:
        """Good parts for training: the train split where there is one."""
        return [item for item in self.items if item.label == "normal" and item.split != "test"]

    def training_defects(self) -> list[Item]:
        """Defective parts for training: those outside the test split."""
        return [item for item in self.items if item.label == "anomaly" and item.split != "test"]

    def test_items(self) -> list[Item]:
        """Labelled pictures for evaluation: the test split where there is one, else all."""
        labelled = [item for item in self.items if item.label is not None]
        test = [item for item in labelled if item.split == "test"]
        return test or labelled

    def counts(self) -> Counter[str]:
        """Pictures by label: "normal", "anomaly", "unlabelled"."""
        return Counter(item.label or "unlabelled" for item in self.items)

    def types(self) -> Counter[str]:
        """Defect pictures by type, once for each of its types; those without a type count as `NAMELESS`."""
        return Counter(kind for item in self.items if item.label == "anomaly" for kind in item.types or (NAMELESS,))
