"""Words and marks of rounds and of the day's list."""

from __future__ import annotations

from datetime import tzinfo

from app.domain.plan import DayResult, FindingKind, Plan, Round, RoundState, TickState

ORDER = (RoundState.LATE, RoundState.DUE, RoundState.COMING, RoundState.MISSED, RoundState.DONE)
"""Late ones first."""

KIND_WORDS = {
    FindingKind.DEFECT: "Defects",
    FindingKind.MISSING: "Missing",
    FindingKind.DOUBTFUL: "Doubtful",
    FindingKind.UNJUDGED: "Not judged",
    FindingKind.NOT_APPLICABLE: "Not applicable",
    FindingKind.GOOD: "Good",
}
KIND_WORD = {**KIND_WORDS, FindingKind.DEFECT: "Defect"}
"""Of one line."""

KIND_MARKS = {
    FindingKind.DEFECT: ("close-octagon", "failed"),
    FindingKind.MISSING: ("camera-off-outline", "failed"),
    FindingKind.DOUBTFUL: ("help-rhombus-outline", "retest"),
    FindingKind.UNJUDGED: ("eye-outline", "quiet"),
    FindingKind.NOT_APPLICABLE: ("minus-circle-outline", "quiet"),
    FindingKind.GOOD: ("check-circle-outline", "passed"),
}
LINE_MARKS = {
    None: ("checkbox-blank-outline", "quiet"),
    TickState.GOOD: ("check-circle-outline", "passed"),
    TickState.NOT_GOOD: ("close-octagon", "failed"),
    TickState.NOT_APPLICABLE: ("minus-circle-outline", "quiet"),
}
AGAINST = {
    TickState.GOOD: ("Only dust or light", "Looked at it myself", "Another good variant"),
    TickState.NOT_GOOD: ("Seen by eye", "Not in the picture", "Felt or heard it"),
}
"""Reasons that are offered where a person knows better than the model."""
REASONS = ("Not installed", "Covered, can't be seen", "Machine is running", "Under repair")


def state_words(each: Round, state: RoundState, zone: tzinfo) -> str:
    """Such as "Late since 09:00" or "Due at 14:00"."""
    at = f"{each.due_at.astimezone(zone):%H:%M}"
    if state is RoundState.LATE:
        return f"Late: it was to be finished by {each.late_from.astimezone(zone):%H:%M}"
    if state is RoundState.DONE:
        last = max([answer.answered_at for answer in each.answers] or [tick.at for tick in each.ticks])
        late = ", late" if each.planned and last > each.late_from else ""
        return f"Done at {last.astimezone(zone):%H:%M}{late}"
    if state is RoundState.MISSED:
        return f"Missed: it was due at {at}"
    if not each.planned:
        return f"Out of turn, begun at {at}"
    if state is RoundState.COMING:
        return f"Due at {at}"
    return f"Due since {at}, to be finished by {each.late_from.astimezone(zone):%H:%M}"


def progress_words(each: Round) -> str:
    asked = len(each.plan.components)
    words = f"{asked - len(each.open)} of {counted(asked, 'component')}"
    if each.begun_at is not None and (left := sum(len(each.unticked(one)) for one in each.to_tick)):
        words = f"{words}, {counted(left, 'line')} to tick"
    return f"{words}, {each.plan.responsible}" if each.plan.responsible else words


def action_words(each: Round, state: RoundState, *, closed: bool) -> str:
    """What the button of a round's card says."""
    if closed or state is RoundState.DONE:
        return "Look"
    return "Begin" if each.begun_at is None else "Go on"


def often_words(rule: str) -> str:
    """A rule as somebody would write it into the field; the rule itself where there is no shorter way."""
    if rule in _OFTEN:
        return _OFTEN[rule]
    head = "FREQ=WEEKLY;BYDAY="
    days = rule.removeprefix(head).split(",") if rule.startswith(head) else []
    return ", ".join(_DAYS[day] for day in days) if days and all(day in _DAYS for day in days) else rule


_DAYS = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}
_OFTEN = {
    "FREQ=DAILY": "daily",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR": "working days",
    "FREQ=WEEKLY": "weekly",
    "FREQ=MONTHLY": "monthly",
    "FREQ=HOURLY": "hourly",
}


def plan_words(plan: Plan) -> str:
    words = f"{counted(len(plan.components), 'component')}, {plan.frequency.words}"
    return f"{words}; {plan.responsible}" if plan.responsible else words


def day_words(result: DayResult, zone: tzinfo) -> str:
    """How the day stands, in one line."""
    if result.closed and result.mark is not None:
        at = result.mark.at.astimezone(zone)
        return f"Closed at {at:%H:%M} on {at.day} {at:%b} by {result.mark.person}. It takes no more answers."
    numbers = {kind: len(result.of(kind)) for kind in FindingKind}
    told = [f"{n} {(KIND_WORD if n == 1 else KIND_WORDS)[kind].casefold()}" for kind, n in numbers.items() if n]
    words = ", ".join(told) or "No pictures yet"
    if result.unticked:
        words = f"{words}; {counted(result.unticked, 'component')} with lines that nobody has ticked"
    coming = f"; {counted(result.to_come, 'round')} still in time" if result.to_come else ""
    return f"{words}{coming}."


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
