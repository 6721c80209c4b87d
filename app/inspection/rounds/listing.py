"""The end-of-day list: what is missing, doubtful, defective or good, from what is on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo

from app.domain.checkpoint import UNSURE
from app.domain.inspection import Inspection
from app.domain.plan import Answer, Finding, FindingKind, PlanComponent, Round, RoundState
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
            if answer is None:
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
            words = "The plan names no model for it: look at the picture."
            return Finding(FindingKind.UNJUDGED, each, component, words, answer)
        words = troubles.get(answer.id, "Not judged yet.")
        return Finding(FindingKind.UNJUDGED, each, component, words, answer, waiting=True)
    if judged.verdict is Verdict.FAIL:
        return Finding(FindingKind.DEFECT, each, component, judged.reason, answer, judged)
    if judged.verdict is not Verdict.PASS:
        return Finding(FindingKind.DOUBTFUL, each, component, judged.error or judged.reason, answer, judged)
    doubts = _doubts(component, judged)
    if doubts:
        return Finding(FindingKind.DOUBTFUL, each, component, doubts, answer, judged)
    return Finding(FindingKind.GOOD, each, component, judged.reason, answer, judged)


def _doubts(component: PlanComponent, judged: Inspection) -> str:
    """Why a picture that passed is still to be looked at; "" for no reason."""
    said = {each.name.casefold(): each for each in judged.checkpoints}
    doubts = []
    for point in component.checkpoints:
        if not point.of_model:
            continue
        answer = said.get(point.of_model.casefold())
        if answer is None:
            doubts.append(f"the model {judged.model} has no checkpoint {point.of_model} for {point.name!r}")
        elif answer.state == UNSURE:
            doubts.append(f"{point.name}: {answer.words}")
    return "; ".join(doubts)
