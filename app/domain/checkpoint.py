"""What is said of one named place of a part: a bolt that has to be there, a label the right way round."""

from __future__ import annotations

from dataclasses import dataclass

OK, UNSURE = "ok", "unsure"
MISSING, WRONG, TURNED, DAMAGED = "missing", "wrong", "turned", "damaged"
DIFFERENT = "different"
"""Not like the good ones, in a way nobody has labelled: it may be missing as well as damaged."""


@dataclass(frozen=True, slots=True)
class CheckpointAnswer:
    """What one checkpoint says.

    Attributes:
        state: "ok"; "turned" (the wrong way round); "wrong" (another kind); "different" (unlike the good ones); where
            such was labelled, "missing", "damaged" or the label's own word; "unsure" (close to the limit, or not seen).
        score: 1 is where good ones end; None where it was not seen.
        threshold: a score at or above it is not ok.
        x, y, width, height: bounding box in pixels of the EXIF-upright original; where the part was not found, where
            it should lie.
        words: for people, such as "bolt 2: turned by 180 degrees".
    """

    name: str
    state: str
    score: float | None
    threshold: float
    x: int
    y: int
    width: int
    height: int
    words: str

    @property
    def failed(self) -> bool:
        """Whether it fails the part."""
        return self.state not in (OK, UNSURE)
