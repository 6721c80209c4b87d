"""The lines of a component's checklist: what the model answered, and what a person did.

Both stay. A line counts as a person said where somebody has; the model's answer is never taken away, so that it can
be read how often people and model differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.checkpoint import UNSURE
from app.domain.inspection import Inspection
from app.domain.plan import PlanCheckpoint, PlanComponent, Round, Tick, TickState
from app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands.

    Attributes:
        of_model: whether the plan has a model answer it.
        said: the model's answer, None for none.
        words: the model's words, or why it gives no answer; "" where none is asked.
        tick: what a person said; None for nobody.
    """

    name: str
    of_model: bool = False
    said: TickState | None = None
    words: str = ""
    tick: Tick | None = None

    @property
    def state(self) -> TickState | None:
        """The answer that counts, None for none yet."""
        return self.tick.state if self.tick is not None else self.said

    @property
    def overruled(self) -> bool:
        """Whether a person says otherwise than the model."""
        return self.tick is not None and self.said is not None and self.tick.state is not self.said

    @property
    def text(self) -> str:
        """The answer with its reason, for people: "not good, torn at the edge (by Susan; the model said good)"."""
        if self.tick is None:
            return f"{self.said} (by the model)" if self.said is not None else self.words
        reason = f", {self.tick.reason}" if self.tick.reason else ""
        over = f"; the model said {self.said}" if self.overruled else ""
        return f"{self.tick.state}{reason} (by {self.tick.person or 'hand'}{over})"

    def needs_reason(self, state: TickState) -> bool:
        """Whether somebody who says so has to say why."""
        if state is TickState.NOT_APPLICABLE:
            return True
        if self.said is not None:
            return state is not self.said
        return self.of_model and not self.words  # the model has not looked yet, and will


def lines_of(each: Round, component: PlanComponent, judged: Inspection | None) -> tuple[Line, ...]:
    """The checklist of one component of a round, in the plan's order.

    Args:
        judged: the inspection of its newest picture; None where it was not judged.
    """
    ticks = each.ticked(component)
    if not component.model:
        return tuple(Line(point.name, tick=ticks.get(point.name)) for point in component.checkpoints)
    found = []
    for point in component.checkpoints:
        said, words = (None, "") if judged is None else _said(component, point, judged)
        found.append(Line(point.name, True, said, words, ticks.get(point.name)))
    return tuple(found)


def _said(component: PlanComponent, point: PlanCheckpoint, judged: Inspection) -> tuple[TickState | None, str]:
    """(the model's answer to a line or None, its words)."""
    if judged.verdict is Verdict.ERROR:
        return None, judged.error or judged.reason
    if point.of_model:
        there = {one.name.casefold(): one for one in judged.checkpoints}
        answer = there.get(point.of_model.casefold())
        if answer is None:
            return None, f"the model {judged.model} has no checkpoint {point.of_model} for {point.name!r}"
        if answer.state == UNSURE:
            return None, f"{point.name}: {answer.words}"
        return (TickState.NOT_GOOD if answer.failed else TickState.GOOD), answer.words
    if judged.verdict is Verdict.RETEST:
        return None, judged.reason or "The model is not sure."
    return (TickState.NOT_GOOD if fails_as_a_whole(component, judged) else TickState.GOOD), judged.reason


def fails_as_a_whole(component: PlanComponent, judged: Inspection) -> bool:
    """Whether a picture failed for more than the checkpoints that lines of their own answer."""
    if judged.verdict is not Verdict.FAIL:
        return False
    failed = {one.name.casefold() for one in judged.checkpoints if one.failed}
    named = {point.of_model.casefold() for point in component.checkpoints if point.of_model}
    by_score = judged.score is None or judged.threshold is None or judged.score >= judged.threshold
    worn = any(each.severity >= 1 for each in judged.wear)
    return by_score or worn or not failed or bool(failed - named)


def stands_overruled(component: PlanComponent, judged: Inspection, lines: tuple[Line, ...]) -> bool:
    """Whether people have said otherwise about everything that a failed picture failed for."""
    plain = {point.name for point in component.checkpoints if not point.of_model}
    if fails_as_a_whole(component, judged) and not any(line.name in plain for line in lines):
        return False  # no line of the checklist speaks of it: that is for the review
    bad = [line for line in lines if line.said is TickState.NOT_GOOD]
    return bool(bad) and all(line.state is not TickState.NOT_GOOD for line in bad)
