"""What a dataset is, whatever layout it came in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Label = Literal["normal", "anomaly"]
Split = Literal["train", "test"]
Colour = tuple[int, int, int]
"""R, G, B, 0..255 each."""


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
class Item:
    """One picture with its label.

    Attributes:
        name: what people call it: its path within the dataset.
        label: None where nobody has labelled it.
        type: defect type, "" for normal ones and where none is given.
        split: None where the dataset does not say.
        place: the manifest and line it stands in, for messages; "" for pictures in folders.
    """

    path: Path
    name: str
    label: Label | None
    type: str = ""
    split: Split | None = None
    mask: Mask | None = None
    place: str = ""


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
        """Defect pictures by type; those without a type count as "anomaly"."""
        return Counter(item.type or "anomaly" for item in self.items if item.label == "anomaly")
