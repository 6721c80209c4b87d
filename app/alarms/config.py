"""The rules, recipients and escalation of a station: one TOML file in the data folder, checked when read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import time
from pathlib import Path
from typing import Any

import tomlkit

from app.domain.alarm import Priority
from app.domain.alarm_rule import NUMBERS, AlarmConfig, AlarmRule, RuleKind, default_rules
from app.domain.errors import LinesightError
from app.domain.notice import EscalationStep, Recipient
from app.whole_files import write_whole

_PLAIN = ("repeat_sound", "quiet_minutes", "link")


def load(path: Path) -> AlarmConfig:
    """Reads the file; the defaults where there is none, and the default rules of kinds that it does not name.

    Raises:
        LinesightError: the file can't be read or holds something wrong; names file and entry.
    """
    try:
        found = tomlkit.parse(path.read_text("utf-8-sig")).unwrap()
    except FileNotFoundError:
        return AlarmConfig()
    except (OSError, UnicodeDecodeError, tomlkit.exceptions.TOMLKitError) as error:
        raise LinesightError(
            f"The file of the alarms {path} can't be read ({error}). Correct it, or delete it for the defaults."
        ) from error
    try:
        return _config(found)
    except (LinesightError, KeyError, TypeError, ValueError, AttributeError) as error:
        why = str(error) if isinstance(error, LinesightError) else f"{type(error).__name__}: {error}"
        raise LinesightError(
            f"The file of the alarms {path} has a wrong entry: {why} Correct it, or delete the file for the defaults."
        ) from error


def save(path: Path, config: AlarmConfig) -> None:
    """Writes the file whole.

    Raises:
        LinesightError: it can't be written; what was there stays.
    """
    document = tomlkit.document()
    document.add(tomlkit.comment("Rules, recipients and escalation of the alarms. Passwords are in the keyring."))
    for name in _PLAIN:
        document[name] = getattr(config, name)
    document["shifts"] = [f"{moment:%H:%M}" for moment in config.shifts]
    document["rule"] = [_rule_table(rule) for rule in config.rules]
    document["recipient"] = [_plain(one) | {"options": dict(one.options)} for one in config.recipients]
    document["escalation"] = [
        {"minutes": step.minutes, "recipients": list(step.recipients)} for step in config.escalation
    ]
    try:
        write_whole(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise LinesightError(
            f"The alarms can't be written to {path} ({error.strerror or error}). "
            "Free some space, or give this user write access."
        ) from error


def _plain(one: Recipient) -> dict[str, Any]:
    names = [each.name for each in fields(one) if each.name != "options"]
    return {name: getattr(one, name) for name in names}


def _rule_table(rule: AlarmRule) -> dict[str, Any]:
    table: dict[str, Any] = {
        "id": rule.id,
        "kind": rule.kind.value,
        "on": rule.on,
        "priority": rule.priority.name.lower(),
    }
    for number in NUMBERS[rule.kind]:
        table[number.name] = getattr(rule, number.name)
    if rule.kind is RuleKind.TYPE_RATE:
        table["label"] = rule.label
    return table


def _config(found: Mapping[str, Any]) -> AlarmConfig:
    known = {*_PLAIN, "shifts", "rule", "recipient", "escalation"}
    if unknown := sorted(set(found) - known):
        raise LinesightError(f"there is no {unknown[0]}.")
    values: dict[str, Any] = {name: found[name] for name in _PLAIN if name in found}
    if "shifts" in found:
        values["shifts"] = tuple(time.fromisoformat(each) for each in found["shifts"])
    if "rule" in found:
        rules = [_rule(each) for each in found["rule"]]
        named = {rule.kind for rule in rules}
        values["rules"] = (*rules, *(rule for rule in default_rules() if rule.kind not in named))
    values["recipients"] = tuple(_recipient(each) for each in found.get("recipient", ()))
    values["escalation"] = tuple(
        EscalationStep(float(each["minutes"]), tuple(each.get("recipients", ())))
        for each in found.get("escalation", ())
    )
    return AlarmConfig(**values)


def _rule(table: Mapping[str, Any]) -> AlarmRule:
    values = dict(table)
    try:
        values["kind"] = RuleKind(values["kind"])
        values["priority"] = Priority[str(values.get("priority", "medium")).upper()]
    except (KeyError, ValueError) as error:
        raise LinesightError(f"rule {table.get('id', '?')} has no such kind or priority: {error}.") from error
    return AlarmRule(**values)


def _recipient(table: Mapping[str, Any]) -> Recipient:
    values = dict(table)
    values["options"] = {str(name): str(value) for name, value in values.get("options", {}).items()}
    return Recipient(**values)
