"""Which places a person is offered. Live, alarms and help are everybody's."""

from __future__ import annotations

from app.domain.person import Action
from app.people import PeopleDesk

_NEEDED: dict[str, tuple[Action, ...]] = {
    "bench": (Action.LOT,),
    "review": (Action.REVIEW,),
    "label": (Action.LABEL,),
    "train": (Action.TRAIN,),
    "plans": (Action.ROUND, Action.PLAN),
    "reports": (Action.EXPORT,),
    "setup": (Action.SETTINGS, Action.PEOPLE, Action.RETENTION, Action.BACKUP),
}
"""Any one of these opens a place."""


def may_go(people: PeopleDesk, key: str) -> bool:
    """Whether whoever is signed in is offered a place; from memory."""
    needed = _NEEDED.get(key)
    return needed is None or any(people.may(action) for action in needed)


def check_go(people: PeopleDesk, key: str) -> None:
    """Raises NotAllowed, which says who may go there."""
    if not may_go(people, key):
        people.require(_NEEDED[key][0])
