"""Which part comes when: serials, random streams and the truth of every part of the demo line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

LINE, TRAINING = 0, 1
"""Seed spaces: what the line shows and what the first model is trained on never share a part."""

_LOT = "2611"
_FIRST_GOOD = 2
_FORCED_FROM, _FORCED_TO = 3, 7


class DefectKind(StrEnum):
    """What can be wrong with a demo part."""

    MISSING_BOLT = "missing bolt"
    WRONG_BOLT = "wrong bolt"
    SCRATCH = "scratch"
    DENT = "dent"
    STAIN = "stain"
    MISPRINT = "misprint"


@dataclass(frozen=True, slots=True)
class PartTruth:
    """What the program drew, for tests and evaluation; the station's verdict never sees it.

    Attributes:
        serial: the number printed on the label and coded in the barcode.
        defect: None for a good part.
    """

    serial: str
    defect: DefectKind | None


def stream(seed: int, space: int, index: int, purpose: int) -> np.random.Generator:
    """Independent random numbers for one purpose of one part, the same on every machine."""
    return np.random.default_rng((seed & 0xFFFF_FFFF_FFFF, space, index, purpose))


def serial_of(seed: int, index: int, space: int = LINE) -> str:
    """The part's number, "P-2611-000123": rising by one along the line from a start the seed gives.

    Numbers from 900000 belong to training parts.
    """
    start = (seed * 7919 + 122) % 800_000
    number = (start + index) % 900_000 if space == LINE else 900_000 + (start + index) % 100_000
    return f"P-{_LOT}-{number:06d}"


def truth_of(seed: int, index: int, defect_rate: float = 0.15) -> PartTruth:
    """The truth of part `index` (from 0) of the line.

    The first two parts are good; one of parts 4 to 7 is always defective (unless the rate is 0), so
    that whoever watches the first ten sees both.
    """
    rng = stream(seed, LINE, index, 0)
    chance = float(rng.random())
    kind = list(DefectKind)[int(rng.integers(len(DefectKind)))]
    forced = int(stream(seed, LINE, 0, 1).integers(_FORCED_FROM, _FORCED_TO))
    bad = index >= _FIRST_GOOD and (chance < defect_rate or index == forced)
    return PartTruth(serial_of(seed, index), kind if bad and defect_rate > 0 else None)
