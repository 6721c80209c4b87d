"""The end-of-day list: what is missing, doubtful, defective or good, from what is on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo

from app.domain.checkpoint import OK, UNSURE
from app.domain.inspection import Inspection
from app.domain.plan import Answer, Finding, FindingKind, PlanComponent, Round, RoundState, Tick, TickState
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
            if answer is None and each.ticked_whole(component):
                found.append(_of_ticks(each, component, None))
            elif answer is None:
                if not in_time:
                    found.append(Finding(FindingKind.MISSING, each, component, _missing(each, zone)))
            elif not answer.is_picture:
                found.append(Finding(FindingKind.NOT_APPLICABLE, each, component, answer.reason, answer))
            else:
                found.append(_of_picture(each, component, answer, inspection(answer.id), troubles))
    return tuple(sorted(found, key=lambda one: _ORDER[one.kind]))


def _missing(each: Round, zone: tzinfo) -> str:
    at = f"{each.due_at.astimezone(zone):%H:%M}"
    if each.begun_at is None:
        return f"The round of {at} was not begun."
    by = f" by {each.begun_by}" if each.begun_by else ""
    return f"The round of {at} was begun{by} and not finished."


def _of_picture(
    each: Round, component: PlanComponent, answer: Answer, judged: Inspection | None, troubles: Mapping[str, str]
) -> Finding:
    if judged is None:
        if not component.model:
            if each.ticked_whole(component):
                return _of_ticks(each, component, answer)
            words = "The plan names no model for it: look at the picture, and answer its lines."
            return Finding(FindingKind.UNJUDGED, each, component, words, answer)
        words = troubles.get(answer.id, "Not judged yet.")
        return Finding(FindingKind.UNJUDGED, each, component, words, answer, waiting=True)
    ticks = each.ticked(component.key)
    bad = _bad(component, ticks)
    if judged.verdict is Verdict.FAIL and not _overruled(component, judged, ticks):
        words = "; ".join(part for part in (judged.reason, bad) if part)
        return Finding(FindingKind.DEFECT, each, component, words, answer, judged)
    if bad:
        return Finding(FindingKind.DEFECT, each, component, bad, answer, judged)
    if judged.verdict not in (Verdict.PASS, Verdict.FAIL):
        return Finding(FindingKind.DOUBTFUL, each, component, judged.error or judged.reason, answer, judged)
    doubts = _doubts(component, judged, ticks)
    if doubts:
        return Finding(FindingKind.DOUBTFUL, each, component, doubts, answer, judged)
    words = "; ".join(part for part in (judged.reason, _said(component, ticks)) if part)
    return Finding(FindingKind.GOOD, each, component, words, answer, judged)


def _of_ticks(each: Round, component: PlanComponent, answer: Answer | None) -> Finding:
    """Of a component that only people judge."""
    ticks = each.ticked(component.key)
    if bad := _bad(component, ticks):
        return Finding(FindingKind.DEFECT, each, component, bad, answer)
    if all(ticks[point.name].state is TickState.NOT_APPLICABLE for point in component.checkpoints):
        return Finding(FindingKind.NOT_APPLICABLE, each, component, _said(component, ticks), answer)
    by = {ticks[point.name].person for point in component.checkpoints} - {""}
    words = f"Looked at by {' and '.join(sorted(by))}" if by else "Looked at"
    said = _said(component, ticks)
    return Finding(FindingKind.GOOD, each, component, f"{words}; {said}" if said else f"{words}.", answer)


def _bad(component: PlanComponent, ticks: Mapping[str, Tick]) -> str:
    """The lines that a person found not good, in words; "" for none."""
    found = []
    for point in component.checkpoints:
        tick = ticks.get(point.name)
        if tick is not None and tick.state is TickState.NOT_GOOD:
            found.append(f"{point.name}: not good" + (f", {tick.reason}" if tick.reason else ""))
    return "; ".join(found)


def _said(component: PlanComponent, ticks: Mapping[str, Tick]) -> str:
    """The lines whose answer has a reason, in words; "" for none."""
    found = (ticks[point.name] for point in component.checkpoints if point.name in ticks)
    return "; ".join(f"{tick.point}: {tick.state.value}, {tick.reason}" for tick in found if tick.reason)


def _overruled(component: PlanComponent, judged: Inspection, ticks: Mapping[str, Tick]) -> bool:
    """Whether a picture failed for its checkpoints alone, and a person found each of these good."""
    if judged.score is None or judged.threshold is None or judged.score >= judged.threshold:
        return False
    by_model = {point.of_model.casefold(): point.name for point in component.checkpoints if point.of_model}
    failed = [one for one in judged.checkpoints if one.state not in (OK, UNSURE)]
    said = [ticks.get(by_model.get(one.name.casefold(), "")) for one in failed]
    return bool(failed) and all(tick is not None and tick.state is not TickState.NOT_GOOD for tick in said)


def _doubts(component: PlanComponent, judged: Inspection, ticks: Mapping[str, Tick]) -> str:
    """Why a picture that passed is still to be looked at; "" for no reason."""
    said = {each.name.casefold(): each for each in judged.checkpoints}
    doubts = []
    for point in component.checkpoints:
        if not point.of_model or point.name in ticks:  # the picture's verdict answers it, or a person has looked
            continue
        answer = said.get(point.of_model.casefold())
        if answer is None:
            doubts.append(f"the model {judged.model} has no checkpoint {point.of_model} for {point.name!r}")
        elif answer.state == UNSURE:
            doubts.append(f"{point.name}: {answer.words}")
    return "; ".join(doubts)
