"""People of a station: who they are and what they may do. The table of rights is `RIGHTS`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is at the station."""

    OPERATOR = "operator"
    INSPECTOR = "inspector"
    MANAGER = "manager"
    ENGINEER = "engineer"


class Action(StrEnum):
    """What needs a right. The same words stand in the audit log."""

    ACKNOWLEDGE = "acknowledge"
    RUN = "run"
    REVIEW = "review"
    LABEL = "label"
    LOT = "lot"
    EXPORT = "export"
    TRAIN = "train"
    RELEASE = "release"
    SETTINGS = "settings"
    PEOPLE = "people"
    RETENTION = "retention"
    BACKUP = "backup"
    RESTORE = "restore"
    SHELVE = "shelve"
    TICKET = "ticket"
    ROUND = "round"
    PLAN = "plan"
    REOPEN = "reopen"


_LINE = {Action.ACKNOWLEDGE, Action.RUN}
_JUDGING = _LINE | {
    *(Action.REVIEW, Action.LABEL, Action.LOT, Action.EXPORT),
    *(Action.SHELVE, Action.TICKET, Action.ROUND),
}

RIGHTS: dict[Role, frozenset[Action]] = {
    Role.OPERATOR: frozenset(_LINE),
    Role.INSPECTOR: frozenset(_JUDGING),
    # Keeps the records and the people, but does not change how parts are judged.
    Role.MANAGER: frozenset(_JUDGING | {Action.PEOPLE, Action.RETENTION, Action.BACKUP, Action.PLAN, Action.REOPEN}),
    Role.ENGINEER: frozenset(Action),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in.

    Attributes:
        name: unique at the station; stands on records and in the audit log.
        active: False for somebody who left: the name stays on what they did.
        has_pin, has_badge: how they may sign in.
    """

    name: str
    role: Role
    active: bool = True
    has_pin: bool = False
    has_badge: bool = False

    def may(self, action: Action) -> bool:
        return self.active and action in RIGHTS[self.role]
