"""What a labelling session is about: pictures of a library, defect types, changes and their history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Label = Literal["normal", "anomaly"]
Split = Literal["train", "test"]

MAX_TYPES = 254
"""Defect types a library can hold: a mask's pixel is one byte, 0 is good surface, 255 is never used."""

SURE = 0.35
"""Doubt below which a model counts as certain."""

TYPE_COLOURS = (
    "#E6550D", "#3182BD", "#31A354", "#756BB1", "#D6278A", "#17BECF", "#BCBD22", "#8C564B", "#636363", "#9E9AC8",
)  # fmt: skip
"""Colours that new types get in turn; told apart by most colour-blind people in this order."""


@dataclass(frozen=True, slots=True)
class DefectType:
    """One kind of defect.

    Attributes:
        id: 1..254, the value of its pixels in masks; never given to another type.
        colour: "#RRGGBB".
    """

    id: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class LabelState:
    """What people said about one picture: all that a labelling action can change, and that undo brings back.

    Attributes:
        label: None while nobody has labelled it.
        types: names of defect types without repetition, those drawn in the mask included.
        mask: digest of its mask's file, "" without a mask.
        split: None: chosen when a snapshot is taken.
        aside: why it is left out of the set ("" where it is in), for example "duplicate of b.png".
        crops: (checkpoint, word) of each checkpoint's crop that somebody labelled, by name; the words are those of
            checkpoints: "ok", "missing", "wrong", "damaged" or the user's own.
    """

    label: Label | None = None
    types: tuple[str, ...] = ()
    mask: str = ""
    split: Split | None = None
    aside: str = ""
    crops: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LibraryPicture:
    """One picture of a library.

    Attributes:
        id: within this library.
        digest: SHA-256 of the file, the picture's name across libraries.
        name: what people call it.
        source: where it came from, in words ("folder parts/2026-11", "camera usb:0").
        revision: rises with each change of `state`; whoever changes says which one was seen.
        score, threshold: the newest opinion of a model, None before one was asked.
        doubt: 0 (sure) .. 1 (no idea); None before a model was asked.
        suspicious: why the label may be wrong, "" where nothing speaks against it.
    """

    id: int
    digest: str
    name: str
    width: int
    height: int
    source: str
    camera: str
    taken_at: datetime | None
    added_at: datetime
    state: LabelState
    revision: int
    score: float | None = None
    threshold: float | None = None
    doubt: float | None = None
    suspicious: str = ""

    @property
    def disagrees(self) -> bool:
        """Whether the model's opinion and the label contradict one another."""
        if self.score is None or self.threshold is None or self.state.label is None:
            return False
        return (self.score >= self.threshold) != (self.state.label == "anomaly")


@dataclass(frozen=True, slots=True)
class Place:
    """A checkpoint as drawn: `box` is (x, y, width, height) in pixels of the picture with this id."""

    name: str
    picture: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A picture that two sessions labelled differently, until a person has chosen. `mine` stands meanwhile.

    Attributes:
        library: where `theirs` came from.
        author, at: who said it last there, and when.
    """

    picture: int
    name: str
    library: str
    mine: LabelState
    theirs: LabelState
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a picture's history."""

    at: datetime
    who: str
    action: str
    before: LabelState
    after: LabelState


@dataclass(frozen=True, slots=True)
class Done:
    """What an action, or its undoing, did.

    Attributes:
        words: in words ("12 pictures are good"), for the screen.
        pictures: ids of the pictures it changed.
        refused: ids of pictures that somebody else changed meanwhile, which were left as they are.
    """

    words: str
    pictures: tuple[int, ...]
    refused: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """Which pictures to show, and in which order. Conditions are joined by "and"; empty ones do not count.

    Attributes:
        labels: of "normal", "anomaly", "none".
        types, sources, cameras: names.
        splits: of "train", "test", "none".
        text: part of the name, upper and lower case alike.
        since, until: bounds of when it was taken (or added), UTC in ISO 8601 with milliseconds; without `until`.
        only: "suspicious", "disagreement", "masked", "unmasked", "aside" (what was set aside is shown by this only);
            of pictures not labelled yet: "surely good", "surely defect" and "doubtful", as a model says.
        order: "name", "added", "taken", "score", "doubt".
        descending: turns the order round.
    """

    labels: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    cameras: frozenset[str] = frozenset()
    splits: frozenset[str] = frozenset()
    text: str = ""
    since: str = ""
    until: str = ""
    only: str = ""
    order: str = "name"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class LibraryCounts:
    """How many pictures there are of what, those set aside left out except in `aside`."""

    total: int
    normal: int
    anomaly: int
    unlabelled: int
    aside: int
    suspicious: int
    disagreement: int
    masked: int
    surely_good: int = 0
    surely_defect: int = 0
    doubtful: int = 0
    types: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    cameras: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
