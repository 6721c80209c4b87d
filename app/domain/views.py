"""Several views of one part: what each camera says, and the one rule that makes a verdict of them.

This is the line that lets a part of several views pass: `join`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.domain.frame import Frame
from app.domain.inspection import Detection
from app.domain.verdict import Verdict

FIRST: Final = "Camera 1"
"""What the station's own source is called where there are several."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenView:
    """What one further camera saw of a part.

    Attributes:
        name: the camera's.
        source: its SOURCE address without credentials.
        frame, detection: of one picture; both None where it gave no answer.
        error: why it gave none, in words; else "".
        camera: its settings, as in `Inspection`.
    """

    name: str
    source: str
    frame: Frame | None
    detection: Detection | None
    error: str = ""
    camera: str = ""

    @property
    def verdict(self) -> Verdict:
        return self.detection.verdict if self.detection is not None else Verdict.ERROR

    @property
    def words(self) -> str:
        told = self.error or (self.detection.reason if self.detection is not None else "no answer")
        return f"{self.name}: {told}"


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """What all views of a part said.

    Attributes:
        own: of the first camera, alone.
        others: in the order of the settings.
        decider: the further view whose answer the verdict is, None where the first camera's is.
    """

    own: Detection
    others: tuple[SeenView, ...]
    decider: SeenView | None

    @property
    def decider_picture(self) -> SeenView | None:
        """The further view whose picture stands for the part; None where the first camera's does."""
        return self.decider if self.decider is not None and self.decider.frame is not None else None


def join(verdicts: Sequence[Verdict], failing: int) -> Verdict:
    """The part's verdict from those of its views.

    So many failing views make a FAIL. Else a view without an answer makes an ERROR, since no answer is never a PASS.
    Else doubtful views make a RETEST where the part would fail if all of them failed.

    Args:
        failing: 1: any view; at most the number of views counts.
    """
    needed = max(1, min(failing, len(verdicts)))
    failed, doubtful = verdicts.count(Verdict.FAIL), verdicts.count(Verdict.RETEST)
    if failed >= needed:
        return Verdict.FAIL
    if Verdict.ERROR in verdicts:
        return Verdict.ERROR
    return Verdict.RETEST if failed + doubtful >= needed else Verdict.PASS


def joined(own: Detection, others: Sequence[SeenView], failing: int) -> Detection:
    """The first camera's answer with the part's verdict, and the words of those views that speak against it."""
    if not others:
        return own
    verdicts = [own.verdict, *(each.verdict for each in others)]
    verdict = join(verdicts, failing)
    decider = None
    if own.verdict is not verdict or verdict is Verdict.PASS:
        decider = next((each for each in others if each.verdict is verdict and verdict is not Verdict.PASS), None)
    against = [f"{FIRST}: {own.reason}"] if own.verdict is not Verdict.PASS else []
    against += [each.words for each in others if each.verdict is not Verdict.PASS]
    failed = verdicts.count(Verdict.FAIL)
    words = "; ".join(against) or f"all {len(verdicts)} views pass, {FIRST}: {own.reason}"
    if failed and verdict is not Verdict.FAIL:
        words = f"{failed} of {len(verdicts)} views fail, {failing} would fail the part; {words}"
    sure = own.confidence if decider is None and verdict is own.verdict and len(against) <= 1 else None
    milliseconds = max([own.milliseconds, *(each.detection.milliseconds for each in others if each.detection)])
    return replace(
        own,
        verdict=verdict,
        reason=words,
        confidence=sure,
        milliseconds=milliseconds,
        joint=Joint(own, tuple(others), decider),
    )
