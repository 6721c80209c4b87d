"""What a person says of a line of a checklist, checked before it is kept."""

from __future__ import annotations

import uuid
from datetime import datetime

from app.domain.checklist import Line, lines_of
from app.domain.errors import PlanError
from app.domain.inspection import Inspection
from app.domain.plan import Round, Tick, TickState

LONGEST = 200


def ticked(
    each: Round, component: str, point: str, state: TickState, reason: str, *, judged: Inspection | None, by: str,
    now: datetime,
) -> tuple[Tick, Line]:  # fmt: skip
    """The tick, and the line as it stood before.

    Args:
        judged: the inspection of the component's newest picture; None where it was not judged.
        by: who says it, "" for nobody signed in.
        now: UTC.

    Raises:
        PlanError: the round has no such line, or a reason is missing.
    """
    asked, answer = each.plan.component(component), each.answer(component)
    lines = lines_of(each, asked, judged) if asked is not None else ()
    line = next((one for one in lines if one.name == point), None)
    if line is None:
        raise PlanError(f"The plan {each.plan} has no line {point!r} of {component}. Open the round again.")
    if answer is not None and not answer.is_picture:
        raise PlanError(f"{component} is not applicable ({answer.reason}). Take a picture of it first.")
    reason = " ".join(reason.split())[:LONGEST]
    if not reason and line.needs_reason(state):
        why = "can't be looked at" if state is TickState.NOT_APPLICABLE else f"is {state}, whatever the model says"
        raise PlanError(f"Say why {point!r} {why}.")
    made = Tick(
        uuid.uuid4().hex, each.id, component, point, state, by, now, reason, "" if answer is None else answer.id
    )
    return made, line
