"""Lines of a checklist that people answer, beside or against a model."""

from __future__ import annotations

import uuid
from datetime import datetime

from app.domain.errors import PlanError
from app.domain.plan import Round, Tick, TickState

LONGEST = 200


def ticked(
    each: Round, component: str, point: str, state: TickState, reason: str, by: str, now: datetime
) -> tuple[Tick, bool]:
    """A tick, and whether it overrules a model.

    Args:
        by: who says it; "" for nobody signed in.
        now: UTC.

    Raises:
        PlanError: the round has no such line, or a reason is missing.
    """
    asked = each.plan.component(component)
    found = None if asked is None else next((one for one in asked.checkpoints if one.name == point), None)
    if asked is None or found is None:
        raise PlanError(f"The plan {each.plan} has no line {point} of {component}. Open the round again.")
    reason = " ".join(reason.split())[:LONGEST]
    overrules = bool(asked.model and found.of_model)
    if not reason and state is TickState.NOT_APPLICABLE:
        raise PlanError(f"Say why {point} can't be looked at.")
    if not reason and overrules:
        raise PlanError(f"Say why the model is wrong about {point}.")
    return Tick(uuid.uuid4().hex, each.id, component, point, state, by, now, reason), overrules
