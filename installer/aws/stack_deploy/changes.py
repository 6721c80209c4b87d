"""What a change set would do, in words, and which parts a deletion leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "+", "Dynamic": "?"}
_KEPT = re.compile(r"^  (?P<name>\w+):\n(?:^    .*\n|^\s*#.*\n|^\n)*?^    DeletionPolicy: Retain$", re.MULTILINE)


def in_words(changes: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a change and one that sums them up; what is replaced or removed comes first.

    Args:
        changes: the `ResourceChange`s of a change set.
    """
    if not changes:
        return ["Nothing would change."]
    rank = {"Remove": 0, "Modify": 2, "Dynamic": 2, "Import": 3, "Add": 3}
    order = sorted(
        changes,
        key=lambda each: (1 if _replaced(each) else rank.get(each["Action"], 2), str(each["LogicalResourceId"])),
    )
    lines = [_line(each) for each in order]
    counts = {
        "made": sum(each["Action"] in ("Add", "Import") for each in changes),
        "changed": sum(each["Action"] in ("Modify", "Dynamic") and not _replaced(each) for each in changes),
        "replaced": sum(_replaced(each) for each in changes),
        "removed": sum(each["Action"] == "Remove" for each in changes),
    }
    return [*lines, ", ".join(f"{number} {word}" for word, number in counts.items() if number) + "."]


def _replaced(change: Mapping[str, Any]) -> bool:
    return change["Action"] == "Modify" and change.get("Replacement") in ("True", "Conditional")


def _line(change: Mapping[str, Any]) -> str:
    kind = str(change["ResourceType"]).removeprefix("AWS::").replace("::", " ")
    text = f"{'!' if _replaced(change) else _SIGNS.get(change['Action'], '~')} {change['LogicalResourceId']} ({kind})"
    touched = sorted(
        {
            str(each["Target"].get("Name") or each["Target"]["Attribute"])
            for each in change.get("Details", [])
            if "Target" in each
        }
    )
    if touched:
        text += f": {', '.join(touched)}"
    if _replaced(change):
        sure = "is" if change["Replacement"] == "True" else "may be"
        text += f" - {sure} replaced: a new one is made, and the old one's content does not come along"
    return text


def without_comments(template: str) -> str:
    """A template whose lines of comment are left out: CloudFormation counts their bytes."""
    return "".join(line for line in template.splitlines(keepends=True) if not line.lstrip().startswith("#"))


def kept_names(template: str) -> list[str]:
    """The parts of a template, as text, that a deletion of the stack leaves in the account."""
    return [found["name"] for found in _KEPT.finditer(template)]


def failures(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why a stack could not be made or changed: its failed parts, the first failure first.

    Args:
        events: of the stack, newest first, as CloudFormation gives them.
    """
    lines = [
        f"{each['LogicalResourceId']}: {each['ResourceStatusReason']}"
        for each in events
        if each["ResourceStatus"].endswith("_FAILED")
        and each.get("ResourceStatusReason")
        # What was stopped because something else failed explains nothing.
        and "cancelled" not in each["ResourceStatusReason"]
    ]
    return list(dict.fromkeys(reversed(lines)))
