"""Several cameras that look at one part: the further ones are asked for a picture of it when the first one has it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef, Outcome
from app.domain.views import SeenView, joined
from app.inspection.triggers import Fired, Trigger

BY: Final = "part"
"""Who arms the triggers of further cameras that look at the first one's part."""

_START = 30.0
"""Seconds that a camera may take to start, its model to load: the first part of a run waits for that."""
_FRESH = 1.5
"""Seconds: an older picture of a further camera is none of what the first one shows now."""


class ViewPort(Protocol):
    """One further camera; `app.beside.CameraView` is one."""

    @property
    def name(self) -> str: ...
    @property
    def trigger(self) -> Trigger: ...
    @property
    def model(self) -> ModelRef | None: ...
    @property
    def source(self) -> str: ...

    @property
    def camera(self) -> str: ...

    def missing(self) -> str:
        """Why it can give no picture now, in words; "" where it can or soon will."""

    def starting(self) -> bool:
        """Whether it soon will."""

    def latest(self) -> Outcome | None: ...


class Asked:
    """The further cameras' answers about one part, as they come.

    Attributes:
        by: who fires; another name for each part, so that a late answer is not taken for one about the next.
    """

    def __init__(self, by: str, views: Sequence[ViewPort], patience: float, clock: Callable[[], float]) -> None:
        self.by, self._views, self._clock = by, views, clock
        self._patience = patience
        self._until = clock() + patience
        self._state = threading.Condition()
        self._seen: dict[str, SeenView] = {}

    def fire(self) -> None:
        """Wants the next picture of each."""
        for view in self._views:
            why = view.missing()
            if not why:
                fired = view.trigger.fire(self.by, bounces=False)
                if fired is Fired.BUSY:
                    why = "it is still judging the part before"
                elif fired is not Fired.TAKEN:
                    why = "it takes no pictures of parts now"
            if why:
                self._put(view, None, why)

    def hear(self, name: str, outcome: Outcome) -> None:
        """What a camera says; from a thread of its line."""
        view = next((each for each in self._views if each.name == name), None)
        if view is not None:
            self._put(view, outcome, "")

    def _put(self, view: ViewPort, outcome: Outcome | None, why: str) -> None:
        with self._state:
            self._seen.setdefault(view.name, seen(view, outcome, why))
            self._state.notify_all()

    def answers(self) -> list[SeenView]:
        """One for each camera; waits for those that are not there, at most until the patience has ended, which begins
        when all have started."""
        latest = self._until + _START
        while True:
            with self._state:
                left = max(0.0, self._until - self._clock())
                self._state.wait_for(lambda: len(self._seen) == len(self._views), left)
                there = dict(self._seen)
            now = self._clock()
            waits = any(view.starting() for view in self._views if view.name not in there)
            if len(there) == len(self._views) or (now >= self._until and (not waits or now >= latest)):
                break
            if waits:
                self._until = min(latest, now + self._patience)
        late = f"it gave no answer within {self._patience:.2g} s"
        for view in self._views:
            if view.name not in there:
                view.trigger.withdraw(self.by)
        return [there.get(view.name) or seen(view, None, late) for view in self._views]


class PartViews:
    """The cameras beside the first, while all of them look at one part.

    Args:
        views: those there are now; () while each camera has parts of its own.
        patience: seconds within which they must answer.
        failing: so many views must fail for the part to fail.
    """

    def __init__(
        self,
        views: Callable[[], Sequence[ViewPort]],
        patience: Callable[[], float],
        failing: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._views, self._patience, self._failing, self._clock = views, patience, failing, clock
        self._asked: Asked | None = None
        self._number = 0

    def heard(self, name: str, outcome: Outcome, owner: str) -> None:
        """A further camera has judged a picture that was asked for."""
        asked = self._asked
        if asked is not None and owner == asked.by:
            asked.hear(name, outcome)

    def behind(self, detector: Any, is_part: Callable[[], bool]) -> ViewsJudge:
        """The detector of the first camera, with all others."""
        return ViewsJudge(detector, self, is_part)

    def ask(self) -> Asked | None:
        """Wants a picture of the part from each; None where there are none."""
        views = self._views()
        if not views:
            return None
        self._number += 1
        self._asked = asked = Asked(f"{BY} {self._number}", views, self._patience(), self._clock)
        asked.fire()
        return asked

    def newest(self) -> list[SeenView]:
        """What each saw last, where that is of now: for what is viewed and is no part."""
        found = []
        for view in self._views():
            outcome = view.latest()
            why = view.missing()
            if not why and (outcome is None or outcome.waiting or outcome.frame.age() > _FRESH):
                outcome, why = None, "it has given no picture yet"
            found.append(seen(view, None if why else outcome, why))
        return found

    def joined(self, own: Detection, others: Sequence[SeenView]) -> Detection:
        """The part's verdict."""
        return joined(own, others, self._failing())


class ViewsJudge:
    """`DetectorPort` of the first camera whose verdict is that of all views.

    Args:
        is_part: whether what is judged now will be on record: then each camera takes a picture for it.
    """

    def __init__(self, own: Any, views: PartViews, is_part: Callable[[], bool]) -> None:
        self._own, self._views, self._is_part = own, views, is_part

    @property
    def ref(self) -> ModelRef:
        ref: ModelRef = self._own.ref
        return ref

    def score(self, image: Image) -> float:
        """The first camera's."""
        return float(self._own.score(image))

    def detect(self, image: Image) -> Detection:
        """Judges an (H, W, 3) uint8 BGR picture of the first camera and one of each other; raises what the model
        raises."""
        if not self._is_part():
            own: Detection = self._own.detect(image)
            return self._views.joined(own, self._views.newest())
        asked = self._views.ask()  # before the first is judged: they judge at the same time
        own = self._own.detect(image)
        return own if asked is None else self._views.joined(own, asked.answers())


def seen(view: ViewPort, outcome: Outcome | None, why: str) -> SeenView:
    """A camera's answer, with its own model's name; or why there is none."""
    if outcome is None or outcome.detection is None:
        error = why or (outcome.error if outcome is not None else "") or "it gave no answer"
        return SeenView(
            view.name, view.source, outcome.frame if outcome is not None else None, None, error, view.camera
        )
    detection = outcome.detection
    if detection.model is None:
        detection = replace(detection, model=view.model)
    return SeenView(view.name, view.source, outcome.frame, detection, camera=view.camera)
