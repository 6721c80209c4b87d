"""Late and missed rounds: one alarm each, whatever the program was doing when they became so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Protocol

from app.domain.plan import Round, RoundState
from app.inspection.rounds.occurrences import due
from app.store.rounds import RoundRecords

LOOK_BACK = timedelta(days=7)
"""How far back rounds are looked for that nobody made while the station was off."""


class Rounds(Protocol):
    """What is asked of the desk."""

    @property
    def zone(self) -> tzinfo: ...
    @property
    def day_starts_at(self) -> time: ...
    def rounds(self, day: date | None = None) -> list[Round]: ...
    def day_over(self, day: date, now: datetime) -> bool: ...


class Lateness:
    """Args:
    raise_alarm: takes kind, source, title and detail.
    clear: takes kind and source: no round of the plan is late any more.
    """

    def __init__(
        self,
        store: RoundRecords,
        desk: Rounds,
        raise_alarm: Callable[[str, str, str, str], None],
        clear: Callable[[str, str], None],
    ) -> None:
        self._store, self._desk, self._raise, self._clear = store, desk, raise_alarm, clear
        self._late: set[str] | None = None  # names of plans with a late round; None before the first look
        self._raised: set[str] = set()  # also those that could not be noted on a full disk

    def look(self, now: datetime) -> None:
        """Slow: raises an alarm for each planned round that is late or was missed, and none a second time."""
        desk = self._desk
        recent = due(self._store.plans(), now - LOOK_BACK, now, desk.zone, desk.day_starts_at)
        over = {day: desk.day_over(day, now) for day in {each.day for each in recent}}
        late: set[str] = set()
        behind: list[tuple[Round, RoundState]] = []
        for day in sorted({each.day for each in recent if over[each.day] or now >= each.late_from}):
            for each in desk.rounds(day):
                state = each.state(now, day_over=over[day])
                if state is RoundState.LATE:
                    late.add(each.plan.name)
                if state in (RoundState.LATE, RoundState.MISSED) and each.planned and each.due_at <= now:
                    behind.append((each, state))
        before = {each.plan.name for each in recent} if self._late is None else self._late
        for name in before - late:
            self._clear("round", f"Plan {name}")
        self._late = late
        for each, state in behind:  # after that: a round that was missed is something new
            self._alarm(each, state, now)

    def _alarm(self, each: Round, state: RoundState, now: datetime) -> None:
        if each.alarmed_at is not None or each.id in self._raised:
            return
        self._raised.add(each.id)
        answered, asked = len(each.answers), len(each.plan.components)
        at = each.due_at.astimezone(self._desk.zone)
        who = f" Responsible: {each.plan.responsible}." if each.plan.responsible else ""
        what = "Make it now" if state is RoundState.LATE else "Answer what can still be answered, then close the day"
        detail = f"Due {at.day} {at:%b, %H:%M}; {answered} of {asked} components answered. {what}.{who}"
        # The alarm first: a crash between the two shows it twice rather than never.
        self._raise("round", f"Plan {each.plan.name}", f"Round {state}: {each.plan.name}", detail)
        self._store.note_alarm(each, now)
