"""The end-of-day list: what is missing, doubtful, defective or good, from what is on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo

from app.domain.checklist import Line, lines_of, stands_overruled
from app.domain.inspection import Inspection
from app.domain.plan import Answer, Finding, FindingKind, PlanComponent, Round, RoundState, TickState
from app.domain.verdict import Verdict

_ORDER = {kind: number for number, kind in enumerate(FindingKind)}


def findings(
    rounds: Sequence[Round],
    state: Callable[[Round], RoundState],
    inspection: Callable[[str], Inspection | None],
    troubles: Mapping[str, str],
    zone: tzinfo,
) -> tuple[Finding, ...]:
    """One line a component and round, most urgent first; what is still in its time is not listed as missing.

    Args:
        inspection: by the answer's id; None where it was not judged.
        troubles: {answer's id: why the last run could not judge it}.
    """
    found: list[Finding] = []
    for each in rounds:
        now = state(each)
        # Within its time an answer is not missing yet; a round out of turn has no such time.
        in_time = now is RoundState.COMING or (now is RoundState.DUE and each.planned)
        for component in each.plan.components:
            answer = each.answer(component.key)
            judged = inspection(answer.id) if answer is not None and answer.is_picture else None
            lines = lines_of(each, component, judged)
            if answer is not None and not answer.is_picture:
                found.append(Finding(FindingKind.NOT_APPLICABLE, each, component, answer.reason, answer))
            elif answer is not None and component.model:
                found.append(_of_picture(each, component, answer, judged, troubles, lines))
            elif answer is not None or any(line.tick is not None for line in lines):
                found.append(_by_hand(each, component, answer, lines))
            elif not in_time:
                found.append(Finding(FindingKind.MISSING, each, component, _missing(each, zone), lines=lines))
    return tuple(sorted(found, key=lambda one: _ORDER[one.kind]))


def _missing(each: Round, zone: tzinfo) -> str:
    at = f"{each.due_at.astimezone(zone):%H:%M}"
    if each.begun_at is None:
        return f"The round of {at} was not begun."
    by = f" by {each.begun_by}" if each.begun_by else ""
    return f"The round of {at} was begun{by} and not finished."


def _of_picture(
    each: Round,
    component: PlanComponent,
    answer: Answer,
    judged: Inspection | None,
    troubles: Mapping[str, str],
    lines: tuple[Line, ...],
) -> Finding:
    """Of a picture that a model judges, with what people said beside it."""

    def finding(kind: FindingKind, words: str, *, waiting: bool = False) -> Finding:
        return Finding(kind, each, component, words, answer, judged, waiting, lines)

    bad = _named(lines, TickState.NOT_GOOD, people_only=True)
    if judged is None:
        words = troubles.get(answer.id, "Not judged yet.")
        return finding(FindingKind.DEFECT if bad else FindingKind.UNJUDGED, bad or words, waiting=True)
    if judged.verdict is Verdict.FAIL and not stands_overruled(component, judged, lines):
        return finding(FindingKind.DEFECT, "; ".join(part for part in (judged.reason, bad) if part))
    if bad:
        return finding(FindingKind.DEFECT, bad)
    said = "; ".join(f"{line.name}: {line.text}" for line in lines if line.tick is not None)
    if judged.verdict is Verdict.FAIL:
        return finding(FindingKind.GOOD, said)
    by_people = bool(lines) and all(line.tick is not None for line in lines)
    if judged.verdict is not Verdict.PASS and not by_people:
        return finding(FindingKind.DOUBTFUL, judged.error or judged.reason)
    doubts = "; ".join(line.words for line in lines if line.state is None)
    if doubts:
        return finding(FindingKind.DOUBTFUL, doubts)
    return finding(FindingKind.GOOD, "; ".join(part for part in (judged.reason, said) if part))


def _by_hand(each: Round, component: PlanComponent, answer: Answer | None, lines: tuple[Line, ...]) -> Finding:
    """Of a component that no model judges."""

    def finding(kind: FindingKind, words: str) -> Finding:
        return Finding(kind, each, component, words, answer, lines=lines)

    bad = _named(lines, TickState.NOT_GOOD)
    left = [line.name for line in lines if line.state is None]
    open_words = f"Nobody has answered: {', '.join(left)}." if left else ""
    if bad:
        return finding(FindingKind.DEFECT, f"{bad}. {open_words}".strip() if left else bad)
    if not lines:
        return finding(FindingKind.UNJUDGED, "The plan names no model for it: look at the picture.")
    if left:
        return finding(FindingKind.UNJUDGED, f"The plan names no model for it. {open_words}")
    if all(line.state is TickState.NOT_APPLICABLE for line in lines):
        return finding(FindingKind.NOT_APPLICABLE, _named(lines, TickState.NOT_APPLICABLE))
    who = sorted({line.tick.person for line in lines if line.tick is not None and line.tick.person})
    words = f"Looked at by {' and '.join(who)}." if who else "Looked at."
    apart = [f"{line.name}: {line.text}" for line in lines if line.tick is not None and line.tick.reason]
    return finding(FindingKind.GOOD, " ".join((words, "; ".join(apart))).strip())


def _named(lines: tuple[Line, ...], state: TickState, *, people_only: bool = False) -> str:
    """The lines of one state with their words, "" for none."""
    found = [line for line in lines if line.state is state and (line.tick is not None or not people_only)]
    return "; ".join(f"{line.name}: {line.text}" for line in found)
