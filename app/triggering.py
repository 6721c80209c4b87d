"""The desk of the triggers: who says that a part lies before the first camera, where the line's PLC does not."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from app.domain.addresses import without_credentials
from app.domain.errors import LinesightError
from app.domain.lot import LotState
from app.domain.person import Action
from app.inspection.gates import ClosedGate, CodeGate, Gate, Lesson, PresenceGate
from app.inspection.presence import EmptyPlace, Place, Presence, PresenceLimits
from app.inspection.triggers import Fired, Trigger, TriggerCounts
from app.jobs import Job, Jobs
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import Change, Phase, State

log = logging.getLogger(__name__)

_BY = "trigger"
_CAMERA_PATIENCE = 10.0
"""Seconds in which a camera must show its empty place."""
HAND_WORDS = "Press to inspect"


class LinePort(Protocol):
    """What the desk needs of the line; `app.line.Line` is one."""

    trigger: Trigger

    def state(self) -> State: ...


class LotPort(Protocol):
    def current(self) -> LotState | None: ...


class CheckPort(Protocol):
    def waiting(self) -> object | None: ...


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    people: PeopleDesk

    @property
    def line(self) -> LinePort: ...
    @property
    def lots(self) -> LotPort: ...
    @property
    def challenging(self) -> CheckPort: ...
    @property
    def settings(self) -> Settings: ...
    def expect(self, code: str) -> None: ...
    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


@dataclass(frozen=True, slots=True)
class TriggerState:
    """How parts come to the first camera.

    Attributes:
        way: `Settings.trigger`.
        words: what is waited for; "" where parts come by themselves.
        pressable: a press on the screen, the space bar or the pedal inspects a part now.
        untaught: parts are looked for, and how the empty place looks was never shown.
        counts: of the trigger; `missed` holds parts, too, that left before they stood still.
    """

    way: str
    words: str
    pressable: bool
    untaught: bool
    counts: TriggerCounts


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the settings and the line ask for."""

    way: str
    source: str
    limits: PresenceLimits
    seconds: float


class TriggerDesk:
    """Any thread. Follows the settings and the line by itself. While a lot is open or a check runs, those say which
    frames are parts.

    Args:
        changed: says that what is waited for has changed.
        clock: seconds, rising, for the timer.
    """

    def __init__(
        self,
        host: Host,
        changed: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._changed, self._clock = host, changed, clock
        self._lock = threading.RLock()  # held while the gate is changed; arming is heard of at once, by this desk too
        self._gate: Gate | None = None
        self._wanted: _Wanted | None = None
        self._fault = ""  # why the empty place can't be read
        self._due = 0.0
        self._wake, self._closed = threading.Event(), threading.Event()
        self._beating = threading.Thread(target=self._beat, name="timer", daemon=True)
        self._no_more_changes: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Follows from now on; returns at once."""
        if self._beating.ident is None and not self._closed.is_set():
            self._no_more_changes = self._host.subscribe(self._heard)
            self._follow()
            self._beating.start()

    def close(self) -> None:
        self._no_more_changes()
        self._closed.set()
        self._wake.set()
        if self._beating.ident is not None:
            self._beating.join(5)
        with self._lock:
            self._wanted, self._gate = None, None
            self._host.line.trigger.arm(False, by=_BY)

    # -- what it says
    def gate(self) -> Gate | None:
        """What looks for parts now; None where it is not this desk that says what a part is."""
        if self._gate is None or self._others():
            return None
        return self._gate

    def state(self) -> TriggerState:
        """From memory."""
        gate, wanted, counts = self._gate, self._wanted, self._host.line.trigger.counts
        way = wanted.way if wanted is not None else "source"
        if wanted is None or gate is None or self._others():
            return TriggerState("source", "", False, False, counts)
        untaught, words = False, self._fault or gate.words
        if isinstance(gate, PresenceGate):
            presence = gate.presence
            untaught = not presence.taught or presence.place is Place.UNKNOWN
            counts = replace(counts, missed=counts.missed + presence.passed_by)
        return TriggerState(way, words, way == "hand", untaught, counts)

    def _waits(self) -> str:
        wanted = self._wanted
        if wanted is not None and wanted.way == "timer":
            return f"Next part in {max(0.0, self._due - self._clock()):.0f} s"
        return HAND_WORDS

    # -- what it is told
    def press(self) -> None:
        """The button, the space bar or the pedal: the next frame is a part. A bouncing contact is counted, no more.

        Raises:
            LinesightError: nothing is inspected now, parts don't come by hand, or one is still being judged.
        """
        if not self.state().pressable:
            raise LinesightError("Parts are not triggered by hand now. Set-up, Line says how they come.")
        if self._host.line.state().phase is not Phase.INSPECTING:
            raise LinesightError("Nothing is inspected now. Start the line first.")
        if self._host.line.trigger.fire("") is Fired.BUSY:
            raise LinesightError("The part before has no verdict yet. Press again when it has.")

    def code(self, code: str) -> bool:
        """A scanner has read a code: it names the next part, and inspects it at once where codes are the trigger;
        whether it did."""
        self._host.expect(code)
        wanted = self._wanted
        if wanted is None or wanted.way != "code" or self.gate() is None:
            return False
        return self._host.line.trigger.fire("", bounces=False) is Fired.TAKEN

    def teach(self) -> Job[float]:
        """Learns from the running camera how the place looks empty; the result is the camera's noise in grey levels.

        The job fails with LinesightError where parts are not looked for, no picture comes, or something moves.

        Raises:
            NotAllowed: whoever is signed in may not.
        """
        self._host.people.require(Action.SETTINGS)

        def work(job: Job[float]) -> float:
            with self._lock:
                gate, wanted = self._gate, self._wanted
            if not isinstance(gate, PresenceGate) or wanted is None:
                raise LinesightError("Parts are not looked for in the picture. Choose so in Set-up, Line, first.")
            if self._host.line.state().phase is not Phase.INSPECTING:
                raise LinesightError("The camera is not running. Start the line, clear the place, and teach it again.")
            job.step(None, "Looking at the empty place")
            lesson = Lesson()
            gate.teach(lesson)
            try:
                until = time.monotonic() + _CAMERA_PATIENCE
                while not lesson.wait(0.1):
                    job.check()
                    if time.monotonic() > until:
                        raise LinesightError(
                            "No pictures of an empty place came. A folder and the demo line show parts one by one and "
                            "need none; a camera must be running."
                        )
                empty = lesson.learned()
            finally:
                gate.teach(None)
            empty.save(self._file(wanted.source))
            self._fault = ""
            gate.presence.teach(empty)
            self._changed()
            return float(empty.noise.mean())

        return self._host.jobs.start("Teach the empty place", work)

    # -- inside
    def _others(self) -> bool:
        """Whether a lot or a check says now which frames are parts."""
        return self._host.lots.current() is not None or self._host.challenging.waiting() is not None

    def _heard(self, change: Change) -> None:
        if change in (Change.STATE, Change.LOTS, Change.CHECK):
            try:
                self._follow()
            except Exception:  # the line goes on as it was
                log.exception("the trigger could not be changed")

    def _follow(self) -> None:
        settings = self._host.settings
        source = self._host.line.state().source or without_credentials(settings.source)
        limits = PresenceLimits(smallest=settings.presence_percent / 100, settle=settings.presence_still)
        wanted = _Wanted(settings.trigger, source, limits, settings.trigger_seconds)
        with self._lock:
            if wanted == self._wanted or self._closed.is_set():
                return
            before, self._wanted = self._wanted, wanted
            if before is None or (before.way, before.source) != (wanted.way, wanted.source):
                self._begin_way(wanted)
            elif isinstance(self._gate, PresenceGate):
                self._gate.presence.limits = limits
            self._due = self._clock() + wanted.seconds
        self._wake.set()
        self._changed()

    def _begin_way(self, wanted: _Wanted) -> None:
        trigger = self._host.line.trigger
        self._fault = ""
        if wanted.way == "source":
            self._gate = None
            trigger.arm(False, by=_BY)
            return
        trigger.arm(by=_BY)  # first: a frame that the gate finds must be taken
        if wanted.way == "presence":
            self._gate = PresenceGate(Presence(self._known(wanted.source), wanted.limits))
        elif wanted.way == "code":
            self._gate = CodeGate()
        else:
            self._gate = ClosedGate(self._waits)

    def _known(self, source: str) -> EmptyPlace | None:
        try:
            return EmptyPlace.load(self._file(source))
        except LinesightError as error:
            log.error("%s", error)
            self._fault = str(error)
            return None

    def _file(self, source: str) -> Path:
        return self._host.data.places / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.npz"

    def _beat(self) -> None:
        """The timer: one trigger each so many seconds, without catching up on what a pause has swallowed."""
        while not self._closed.is_set():
            wanted = self._wanted
            if wanted is None or wanted.way != "timer":
                self._wake.wait()
                self._wake.clear()
                continue
            rest = self._due - self._clock()
            if rest > 0:
                self._wake.wait(min(rest, 0.5))
                self._wake.clear()
                continue
            self._due = max(self._due + wanted.seconds, self._clock() + wanted.seconds / 2)
            if self.gate() is not None and self._host.line.state().phase is Phase.INSPECTING:
                self._host.line.trigger.fire("", bounces=False)
