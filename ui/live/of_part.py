"""A further camera that looks at the first one's part, as the grid shows it: with the picture of the part on show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.beside import FIRST, CameraView
from app.domain.inspection import Outcome
from app.domain.verdict import Verdict
from app.domain.views import SeenView
from ui.live.cameras import Watched
from ui.ports import Health, State


class OfPart:
    """What a further camera saw of the newest part; while the first one waits for a part, what it sees now.

    Without this its tile would show the next part already, beside the verdict of the one before.
    """

    def __init__(self, name: str, line: Watched, first: Watched) -> None:
        self.line = line
        self._name, self._first = name, first
        self._shown: tuple[SeenView, Outcome] | None = None

    def state(self) -> State:
        return self.line.state()

    def health(self) -> Health:
        return self.line.health()

    def latest(self) -> Outcome | None:
        part = self._first.latest()
        joint = part.detection.joint if part is not None and part.detection is not None else None
        if joint is None:
            return self.line.latest()
        seen = next((each for each in joint.others if each.name == self._name), None)
        if seen is None or seen.frame is None:
            return self.line.latest()
        if self._shown is None or self._shown[0] is not seen:
            verdict = seen.detection.verdict if seen.detection is not None else Verdict.ERROR
            self._shown = (seen, Outcome(seen.frame, verdict, seen.detection, None, seen.error))
        return self._shown[1]


def watched(
    first: Watched, views: Sequence[CameraView], before: Mapping[str, Watched], together: bool
) -> list[tuple[str, Watched]]:
    """What stands for each camera in the grid, by name; the same for the same camera, so that its tile stays.

    Args:
        before: what stood there until now.
        together: the further cameras look at the first one's part.
    """
    found: list[tuple[str, Watched]] = [(FIRST, first)]
    for view in views:
        there = before.get(view.name)
        if not together:
            found.append((view.name, view.line))
        elif isinstance(there, OfPart) and there.line is view.line:
            found.append((view.name, there))
        else:
            found.append((view.name, OfPart(view.name, view.line, first)))
    return found
