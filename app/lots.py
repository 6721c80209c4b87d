"""The lot desk: what the bench asks for. Opens lots, takes parts by trigger, keeps decisions, writes certificates."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from app.domain.calendar import station_zone
from app.domain.errors import LinesightError
from app.domain.inspection import Around, Inspection
from app.domain.lot import (
    Choice,
    Decision,
    Grade,
    Lot,
    LotPlan,
    LotState,
    Order,
    Part,
    check,
    grade_of,
    plan_lot,
    state_of,
)
from app.domain.pedal import Press
from app.domain.person import Action
from app.domain.sampling import Severity
from app.domain.verdict import Verdict
from app.domain.wear import WearLimit
from app.inspection.triggers import Fired, Trigger
from app.jobs import Job, Jobs
from app.lifecycle.shelf import folder_name
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import State
from app.store import Store

AGAIN = "again"
"""The step "look at this part again", beside the choices."""


class LinePort(Protocol):
    """What the desk needs of the line; `app.line.Line` is one."""

    trigger: Trigger

    @property
    def enumerated(self) -> bool: ...
    def state(self) -> State: ...
    def hold_to(self, limits: Sequence[WearLimit]) -> None: ...
    def stop(self) -> None: ...
    def resume(self) -> None: ...


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    store: Store
    people: PeopleDesk
    jobs: Jobs

    @property
    def line(self) -> LinePort: ...

    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a press of the pedal does next.

    Attributes:
        short, long: a `Choice`, `AGAIN`, "next" for the next part, "close" for the lot; "" for nothing.
        short_words, long_words: the same for people.
    """

    short: str = ""
    short_words: str = ""
    long: str = ""
    long_words: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What was typed for earlier lots, newest first, each once."""

    materials: tuple[str, ...]
    suppliers: tuple[str, ...]
    standards: tuple[str, ...]
    last: Order | None


class LotDesk:
    """Calls marked slow read or write the record; all others return at once. Any thread.

    Args:
        tell: says that the lot, its parts or its decisions have changed.
        now: the moment, UTC.
    """

    def __init__(
        self, host: Host, tell: Callable[[], None], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Goes on with the lot that was open when the station last ended."""
        self._host, self._tell, self._now = host, tell, now
        self._lock = threading.RLock()  # guards the fields below
        self._state: LotState | None = None
        self._looks: list[Inspection] = []
        self._scanned = ""  # serial for the next part
        self._serial = ""  # of the part that is being inspected
        state = host.store.lots.current()
        if state is not None:
            self._take(state)
            self._begin_taking(state.lot)

    # -- what it says
    def current(self) -> LotState | None:
        """The open lot with its parts and decisions."""
        return self._state

    @property
    def scanned(self) -> str:
        """The serial that the next part will get; "" for the running number."""
        return self._scanned

    @property
    def under_way(self) -> str:
        """The serial of the part that was taken last."""
        return self._serial

    @property
    def next_serial(self) -> str:
        """What will stand on the next part."""
        with self._lock:
            return self._scanned or self._running_number()

    def around(self, around: Around) -> Around:
        """With the lot and serial of the part that a trigger took."""
        with self._lock:
            if self._state is None or self._host.line.trigger.owner != "":
                return around
            return replace(around, lot=self._state.lot.order.number, serial=self._serial)

    def newest(self, limit: int = 12) -> list[LotState]:
        """Slow: the lots opened last, newest first."""
        return self._host.store.lots.newest(limit)

    def state(self, lot_id: str) -> LotState | None:
        """Slow: a lot with everything that is on record of it."""
        return self._host.store.lots.state(lot_id)

    def known(self) -> Known:
        """Slow: what the form offers."""
        orders = self._host.store.lots.orders()

        def once(words: Sequence[str]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(word for word in words if word))

        return Known(
            once([order.material for order in orders]),
            once([order.supplier for order in orders]),
            once([order.standard for order in orders]),
            orders[0] if orders else None,
        )

    def plan(self, order: Order) -> LotPlan:
        """Slow: how a lot would be sampled, by the switching rules over the supplier's lots of this material."""
        return plan_lot(order, self._host.store.lots.history(order.supplier.strip(), order.material.strip()))

    def step(self) -> Step:
        """What the pedal does next."""
        with self._lock:
            state = self._state
            if state is None:
                return Step()
            part, line = state.waiting, self._host.line
            if line.trigger.busy:
                return Step()
            if part is None:
                if state.proposed is not None:
                    return Step()  # the lot itself is decided by hand, not by foot
                return Step("next", f"inspects part {self.next_serial}")
            if part.last.verdict is Verdict.PASS:
                through = len(state.parts) >= state.lot.plan.sample
                if state.lot.order.auto_approve and not through:
                    following = self._scanned or self._running_number()
                    return Step(
                        "approve+next", f"approves and inspects part {following}", "reject", "rejects this part"
                    )
                return Step("approve", "approves this part", "reject", "rejects this part")
            if part.last.verdict is Verdict.FAIL:
                return Step("reject", "rejects this part", "approve", "approves it against the verdict")
            return Step(AGAIN, "looks at this part again", "reject", "rejects this part")

    # -- what it is told
    def open(self, order: Order) -> Lot:
        """Slow: opens a lot; from now on parts are taken by trigger alone.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: something typed can't be; another lot is open; sampling was discontinued; the model can't
                hold parts to the limits.
        """
        people, line = self._host.people, self._host.line
        people.require(Action.LOT)
        order = check(order)
        with self._lock:
            if self._state is not None:
                raise LinesightError(f"Lot {self._state.lot.order.number} is open. Finish it first.")
            plan = self.plan(order)
            if plan.severity is Severity.DISCONTINUED:
                if not order.supplier_acted:
                    raise LinesightError(
                        f"Sampling is discontinued for {order.material} of {order.supplier}. {plan.why} When it has, "
                        "mark that the supplier has acted: it goes on with tightened inspection."
                    )
                plan = replace(plan, severity=Severity.TIGHTENED, why="Taken up again after the supplier has acted.")
            line.hold_to([limit.wear for limit in order.limits])
            settings = self._host.settings
            lot = Lot(
                uuid.uuid4().hex, order, plan, self._now(), people.on_record(), settings.station, settings.product
            )
            try:
                self._host.store.lots.open(lot)
            except LinesightError:
                line.hold_to(())
                raise
            self._take(state_of(lot, [], []))
            self._begin_taking(lot)
        if line.enumerated and line.state().phase.value in ("stopped", "finished"):
            line.resume()
        self._tell()
        return lot

    def scan(self, serial: str) -> None:
        """The serial of the next part, as a scanner or a keyboard gives it."""
        serial = serial.strip()
        if not serial.isprintable() or len(serial) > 80:
            raise LinesightError("This code is no serial: it has more than 80 characters, or unreadable ones.")
        with self._lock:
            self._scanned = serial
        self._tell()

    def inspect(self, *, again: bool = False) -> Fired:
        """Takes the next part, or the waiting one again. Refused and counted while one has no verdict.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: no lot is open, the part before is not decided, or the lot is full.
        """
        self._host.people.require(Action.RUN)
        with self._lock:
            state = self._state
            if state is None:
                raise LinesightError("No lot is open. Open one first.")
            waiting, trigger = state.waiting, self._host.line.trigger
            if not trigger.busy:  # what a refused trigger wanted must not change the part under way
                if waiting is not None and not again:
                    raise LinesightError(f"Part {waiting.serial} is not decided yet.")
                if (
                    waiting is None
                    and len(state.parts) >= state.lot.plan.size
                    and self.next_serial not in {part.serial for part in state.parts}
                ):
                    raise LinesightError("Every part of the lot was inspected. Decide on the lot.")
                serial = waiting.serial if again and waiting is not None else self.next_serial
            fired = trigger.fire()
            if fired is Fired.TAKEN:
                self._serial = serial
                if not again:
                    self._scanned = ""
        self._tell()
        return fired

    def press(self, press: Press) -> str:
        """Slow: what `step` says; the words for what was done, "" for nothing.

        Raises:
            LinesightError: as `inspect` and `decide`.
        """
        if self._host.line.trigger.busy:
            self._host.line.trigger.refuse()
            return "The part before has no verdict yet."
        step = self.step()
        what = step.short if press is Press.SHORT else step.long
        if not what:
            return ""
        state = self._state
        part = state.waiting if state else None
        if what == "next":
            self.inspect()
        elif what == AGAIN:
            self.inspect(again=True)
        elif part is not None:
            against = press is Press.LONG and part.last.verdict in (Verdict.PASS, Verdict.FAIL)
            choice = Choice(what.partition("+")[0])
            self.decide(choice, reason="Against the verdict, by a long press of the pedal" if against else "")
            if what.endswith("+next"):
                self.inspect()
        return step.short_words if press is Press.SHORT else step.long_words

    def decide(self, choice: Choice, reason: str = "", grade: Grade | None = None, serial: str = "") -> Decision:
        """Slow: decides on the waiting part, or on another one anew; a row more, nothing is overwritten.

        Args:
            grade: what a bad part counts as; None for what the limits say.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: there is no such part; rework, a concession or what goes against the verdict needs a reason.
        """
        people = self._host.people
        people.require(Action.LOT)
        with self._lock:
            state = self._open_state()
            part = self._part(state, serial)
            reason = reason.strip()
            against = part.proposed is not None and choice is not part.proposed
            if not reason and (against or choice in (Choice.REWORK, Choice.CONCESSION)):
                raise LinesightError(f"To {choice.value} part {part.serial} needs a reason.")
            bad = choice is not Choice.APPROVE
            decision = Decision(
                self._now(),
                people.on_record(),
                choice,
                part.serial,
                part.last.id,
                (grade or self._counted(state, grade_of(state.lot.order, part.last))) if bad else None,
                len(part.last.regions) if bad else 0,
                reason,
            )
            self._commit(state, decision)
        self._tell()
        return decision

    def undo(self) -> str:
        """Slow: takes the newest decision on a part back, as a row more; the serial of the part, which waits again.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: there is none; or another part has come meanwhile and waits.
        """
        people = self._host.people
        people.require(Action.LOT)
        with self._lock:
            state = self._open_state()
            standing = [part for part in state.parts if part.decision is not None]
            if not standing:
                raise LinesightError("Nothing is decided yet.")
            if state.waiting is not None or self._host.line.trigger.busy:
                raise LinesightError("Decide on the part that waits first.")
            last = max(standing, key=lambda part: part.decision.seq if part.decision else 0)
            self._commit(state, Decision(self._now(), people.on_record(), Choice.UNDO, last.serial, last.last.id))
        self._tell()
        return last.serial

    def close(self, choice: Choice, reason: str = "") -> LotState:
        """Slow: decides on the lot and closes it.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: a part waits; the numbers do not allow it; a reason is missing.
        """
        people, line = self._host.people, self._host.line
        people.require(Action.LOT)
        with self._lock:
            state = self._open_state()
            reason = reason.strip()
            if line.trigger.busy or state.waiting is not None:
                raise LinesightError("A part is not decided yet.")
            if choice is Choice.APPROVE and state.proposed is not Choice.APPROVE:
                raise LinesightError(
                    f"The lot can't be accepted by the numbers. {state.words} Accept it by concession, with a reason."
                )
            if not reason and (choice is not state.proposed or choice in (Choice.REWORK, Choice.CONCESSION)):
                raise LinesightError("This decision needs a reason.")
            self._commit(state, Decision(self._now(), people.on_record(), choice, reason=reason))
            closed = self._state
            assert closed is not None
            self._state, self._looks, self._scanned = None, [], ""
            line.hold_to(())
            if line.enumerated:
                line.stop()  # else the rest of the folder would run through without a lot
            line.trigger.arm(False)
        self._tell()
        return closed

    def take_back(self, lot_id: str, reason: str) -> LotState:
        """Slow: takes the decision on a closed lot back; the lot is open again and wants another one. The first stays
        on record, and the next certificate tells of it.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: no reason; another lot is open; or a later lot was sampled by this decision.
        """
        people, reason = self._host.people, " ".join(reason.split())[:200]
        people.require(Action.REOPEN)
        if not reason:
            raise LinesightError("Say why the decision is taken back.")
        with self._lock:
            state = self._host.store.lots.state(lot_id)
            if state is None or state.closing is None:
                raise LinesightError("This lot is not decided.")
            undo = Decision(self._now(), people.on_record(), Choice.UNDO, reason=reason)
            self._host.store.lots.take_back(state.lot, undo)
            again = self._host.store.lots.state(lot_id)
            assert again is not None
            self._take(again)
            self._begin_taking(again.lot)
        self._tell()
        return again

    def recorded(self, look: Inspection) -> None:
        """The station has an inspection on record."""
        with self._lock:
            state = self._state
            if state is None or look.lot != state.lot.order.number or not look.serial:
                return
            self._looks.append(look)
            self._state = state_of(state.lot, self._looks, state.decisions)
        self._tell()

    def certificate(self, lot_id: str, folder: Path | None = None) -> Job[tuple[Path, Path]]:
        """Writes PDF and workbook of a closed lot, into the reports folder where none is given; their places."""

        def work(job: Job[tuple[Path, Path]]) -> tuple[Path, Path]:
            from app.reports.certifying import write_both
            from app.reports.lot_facts import facts_of

            self._host.people.require(Action.EXPORT)
            state = self._host.store.lots.state(lot_id)
            if state is None or state.closing is None:
                raise LinesightError("There is a certificate when the lot is decided.")
            job.step(0.05, "Reading the lot")
            facts = facts_of(state, station_zone(self._host.settings.zone))
            name = f"Certificate {folder_name(state.lot.order.supplier)} {folder_name(state.lot.order.number)}"
            stem = (folder or self._host.data.reports) / name
            pdf, book = write_both(facts, state, self._host.store, stem, job.step)
            self._host.people.note(Action.EXPORT, str(pdf), f"certificate {facts.sha256}")
            return pdf, book

        return self._host.jobs.start("Certificate", work)

    # -- inside
    def _take(self, state: LotState) -> None:
        self._state = state
        self._looks = sorted(
            (look for part in state.parts for look in part.looks), key=lambda look: (look.captured_at, look.frame_id)
        )

    def _begin_taking(self, lot: Lot) -> None:
        self._host.line.trigger.arm()
        self._host.line.hold_to([limit.wear for limit in lot.order.limits])

    def _open_state(self) -> LotState:
        if self._state is None:
            raise LinesightError("No lot is open. Open one first.")
        return self._state

    @staticmethod
    def _part(state: LotState, serial: str) -> Part:
        if not serial:
            if state.waiting is None:
                raise LinesightError("No part waits for a decision.")
            return state.waiting
        found = next((part for part in state.parts if part.serial == serial), None)
        if found is None:
            raise LinesightError(f"Lot {state.lot.order.number} has no part {serial}.")
        return found

    @staticmethod
    def _counted(state: LotState, grade: Grade) -> Grade:
        """The class it counts as: where this one is not counted, the next graver one, else the gravest there is."""
        counted = [each.grade for each in state.lot.plan.classes]
        if grade in counted:
            return grade
        order = list(Grade)
        graver = [each for each in counted if order.index(each) < order.index(grade)]
        return graver[-1] if graver else counted[0]

    def _commit(self, state: LotState, decision: Decision) -> None:
        self._host.store.lots.add(state.lot, decision)
        newest = max((each.seq for each in state.decisions), default=0) + 1
        self._state = state_of(state.lot, self._looks, [*state.decisions, replace(decision, seq=newest)])

    def _running_number(self) -> str:
        """The first number that no part of the lot has."""
        taken = {part.serial for part in self._state.parts} if self._state else set()
        number = len(taken) + 1
        while str(number) in taken:
            number += 1
        return str(number)
