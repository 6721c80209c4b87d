"""The handshake with a PLC as a state machine: no transport, no thread, an injected clock.

    Trigger Ready -> Trigger (rising edge) -> Busy -> Result Ready with OK, NG, Retest or Error -> Result Ack (rising
    edge) -> Trigger Ready

- Each trigger that was taken ends in exactly one answer. No answer in time is an answer: Error with a code. OK stands
  only for a PASS that is on record.
- An answer stays until it is acknowledged; until then no other trigger is taken.
- A trigger that comes too soon after another one is a bouncing contact, one while Busy or before the acknowledgement
  is refused. Both are counted and change nothing else.
- A verdict that comes after its time was told as Error: it stays on record, is counted as late and never becomes OK.
- Where parts are inspected without triggers, each result takes the place of the one before; what had not been
  acknowledged is counted as unread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode

OWNER = "line:"
"""Begins the name under which triggers of the line are fired; its number follows."""
HEARTBEAT = 1.0
"""Seconds between two changes of the heartbeat."""


@dataclass(frozen=True, slots=True)
class SignalCounts:
    """Since the start of the program.

    Attributes:
        taken: triggers that were taken, or answered with an error.
        busy: refused, since the part before was not through.
        debounced: too soon after the one before.
        missed: of the taken ones, those that led to no verdict.
        late: verdicts that came after their trigger had been answered with Error.
        unread: results without a trigger that were replaced before they were acknowledged.
    """

    taken: int = 0
    busy: int = 0
    debounced: int = 0
    missed: int = 0
    late: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one trigger, or one part without, has led to.

    Attributes:
        number: rising from 1 since the start of the program.
        verdict: ERROR where there is none.
        code: NONE unless the verdict is ERROR.
        part_id: the record's, or the one that the line gave with its trigger.
        inspection: what is on record, None for nothing.
        milliseconds: from trigger to answer; None without a trigger.
        words: of an error.
    """

    number: int
    verdict: Verdict
    code: ErrorCode = ErrorCode.NONE
    part_id: str = ""
    inspection: Inspection | None = None
    milliseconds: float | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the line sees at one moment.

    Attributes:
        code: of the answer that stands, else why no trigger can be taken.
        recipe: number of the one that runs; 0 where it has none.
        heartbeat: rises by one a second.
        answer: the newest; it is valid while `result_ready`.
        station: why it can take no trigger, whatever answer stands; NONE where it can.
    """

    trigger_ready: bool = False
    busy: bool = False
    result_ready: bool = False
    code: ErrorCode = ErrorCode.NOT_RUNNING
    recipe: int = 0
    heartbeat: int = 0
    answer: Answer | None = None
    counts: SignalCounts = field(default_factory=SignalCounts)
    station: ErrorCode = ErrorCode.NOT_RUNNING

    def _stands(self, verdict: Verdict) -> bool:
        return self.result_ready and self.answer is not None and self.answer.verdict is verdict

    @property
    def ok(self) -> bool:
        return self._stands(Verdict.PASS)

    @property
    def ng(self) -> bool:
        return self._stands(Verdict.FAIL)

    @property
    def retest(self) -> bool:
        return self._stands(Verdict.RETEST)

    @property
    def error(self) -> bool:
        """Of the answer that stands, or, without one, of the station."""
        return self.code is not ErrorCode.NONE


@dataclass(frozen=True, slots=True)
class _Pending:
    number: int
    since: float
    part_id: str


class Handshake:
    """Any thread. `fire`, `show`, `answered` and `wanted` are called with the lock held: they return at once.

    Args:
        fire: asks the inspection for the next frame as a part, under a name and with the part's id ("" for none); says
            why that can't be.
        withdraw: takes that back where no frame has come yet.
        show: receives every change.
        answered: receives every answer once.
        wanted: told of the number of a recipe that is known and does not run, when the line triggers for it.
        debounce, timeout: seconds.
    """

    def __init__(
        self,
        fire: Callable[[str, str], ErrorCode],
        withdraw: Callable[[str], object],
        show: Callable[[Signals], None],
        answered: Callable[[Answer], None] = lambda answer: None,
        *,
        wanted: Callable[[int], None] = lambda recipe: None,
        debounce: float = 0.05,
        timeout: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fire, self._withdraw, self._show, self._answered = fire, withdraw, show, answered
        self._wanted = wanted
        self._debounce, self._timeout, self._clock = debounce, timeout, clock
        self._lock = threading.RLock()
        self._signals = Signals()
        self._state = ErrorCode.NOT_RUNNING  # why the station can take no trigger
        self._recipe, self._recipes = 0, frozenset[int]()
        self._pending: _Pending | None = None
        self._last: Answer | None = None
        self._ready = False  # the last answer is not acknowledged
        self._edge: float | None = None
        self._number = 0
        self._counts = SignalCounts()
        self._heartbeat, self._next_beat = 0, clock() + HEARTBEAT

    @property
    def signals(self) -> Signals:
        return self._signals

    # -- the station's side
    def set_times(self, debounce: float, timeout: float) -> None:
        """Seconds; from the next trigger on."""
        with self._lock:
            self._debounce, self._timeout = debounce, timeout

    def condition(self, code: ErrorCode, recipe: int = 0, recipes: Mapping[int, str] | None = None) -> None:
        """What the station can do now.

        Args:
            code: why it can take no trigger; NONE where it can.
            recipe: number of the one that runs, 0 where it has none.
            recipes: names of all by number.
        """
        with self._lock:
            self._state, self._recipe, self._recipes = code, recipe, frozenset(recipes or ())
            if self._pending is not None and code is ErrorCode.NOT_RUNNING:
                self._give_up(code)
            self._tell()

    def outcome(self, owner: str, verdict: Verdict, inspection: Inspection | None, words: str = "") -> int:
        """A part is through; the number of its answer, 0 where it is none (late, or inspected by hand).

        Args:
            owner: the name its trigger was fired under, "" without one.
            inspection: as it is on record; None: it is not, so there is no verdict whatever `verdict` says.
        """
        with self._lock:
            pending = self._pending
            of_line = owner.startswith(OWNER)
            if of_line and (pending is None or owner != f"{OWNER}{pending.number}"):
                self._count("late")
                self._tell()
                return 0
            if not of_line and (owner or self._state is not ErrorCode.TRIGGER_OFF):
                return 0
            code = ErrorCode.NONE
            if inspection is None:
                verdict = Verdict.ERROR
                code = ErrorCode.NOT_ON_RECORD
            elif verdict is Verdict.ERROR:
                code = ErrorCode.NO_ANSWER
            part = inspection.part_id if inspection is not None else pending.part_id if of_line and pending else ""
            if of_line and pending is not None:
                self._pending = None
                if code is not ErrorCode.NONE:
                    self._count("missed")
                milliseconds = 1000 * (self._clock() - pending.since)
                self._answer(Answer(pending.number, verdict, code, part, inspection, milliseconds, words))
                return pending.number
            self._number += 1
            self._answer(Answer(self._number, verdict, code, part, inspection, None, words))
            return self._number

    def tick(self) -> None:
        """To be called every few hundredths of a second."""
        with self._lock:
            now = self._clock()
            pending = self._pending
            if pending is not None and now - pending.since > self._timeout:
                self._give_up(ErrorCode.TIMEOUT)
            if now >= self._next_beat:
                self._heartbeat = (self._heartbeat + 1) & 0xFFFF
                self._next_beat = max(self._next_beat + HEARTBEAT, now)
            self._tell()

    # -- the line's side
    def trigger(self, recipe: int = 0, part_id: str = "", *, bad: str = "", after: int = 0) -> int:
        """A rising edge, or a message; the number of the answer that it gets, 0 where it was refused.

        Args:
            recipe: number of the one that the line expects; 0 for whichever runs.
            part_id: "" for the station's own number.
            bad: why the message can't be read.
            after: number of an answer that counts as acknowledged by this trigger, for who has no other way to.
        """
        with self._lock:
            now = self._clock()
            if self._edge is not None and now - self._edge < self._debounce:
                self._count("debounced")
                self._tell()
                return 0
            self._edge = now
            if after and self._ready and self._last is not None and self._last.number == after:
                self._ready = False
            if self._pending is not None or (self._ready and self._state is not ErrorCode.TRIGGER_OFF):
                self._count("busy")
                self._tell()
                return 0
            self._number = number = self._number + 1
            self._count("taken")
            self._pending = _Pending(number, now, part_id)
            code = ErrorCode.BAD_REQUEST if bad else self._refusal(recipe)
            if code is ErrorCode.NONE:
                code = self._fire(f"{OWNER}{number}", part_id)
            if code is not ErrorCode.NONE:
                self._give_up(code, bad)
                if code is ErrorCode.WRONG_RECIPE:
                    self._wanted(recipe)
                return number
            self._tell()
            return number

    def acknowledge(self, number: int | None = None) -> None:
        """A rising edge of Result Ack, or a message that may name the answer it is about."""
        with self._lock:
            if self._ready and (number is None or self._last is None or number == self._last.number):
                self._ready = False
                self._tell()

    # -- inside, with the lock
    def _refusal(self, recipe: int) -> ErrorCode:
        if self._state is not ErrorCode.NONE:
            return self._state
        if recipe and recipe != self._recipe:
            return ErrorCode.WRONG_RECIPE if recipe in self._recipes else ErrorCode.UNKNOWN_RECIPE
        return ErrorCode.NONE

    def _give_up(self, code: ErrorCode, words: str = "") -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        self._withdraw(f"{OWNER}{pending.number}")
        self._count("missed")
        milliseconds = 1000 * (self._clock() - pending.since)
        said = words or code.words
        self._answer(Answer(pending.number, Verdict.ERROR, code, pending.part_id, None, milliseconds, said))

    def _answer(self, answer: Answer) -> None:
        if self._ready:
            self._count("unread")
        self._last, self._ready = answer, True
        self._answered(answer)
        self._tell()

    def _count(self, what: str) -> None:
        self._counts = replace(self._counts, **{what: getattr(self._counts, what) + 1})

    def _tell(self) -> None:
        # To work without triggers is no fault.
        state = ErrorCode.NONE if self._state is ErrorCode.TRIGGER_OFF else self._state
        answer = self._last
        now = Signals(
            trigger_ready=self._state is ErrorCode.NONE and self._pending is None and not self._ready,
            busy=self._pending is not None,
            result_ready=self._ready,
            code=answer.code if self._ready and answer is not None else state,
            recipe=self._recipe,
            heartbeat=self._heartbeat,
            answer=answer,
            counts=self._counts,
            station=self._state,
        )
        if now != self._signals:
            self._signals = now
            self._show(now)
