"""The rules of the service's description, checked and told in the words that clients know."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.serverless.lookout.faults import Invalid

_SHOWN = 100  # characters of a value in a message
_TOLD = 10  # broken rules in a message

_CLASSES = {r"\p{L}": r"\w", r"\p{Z}": r"\s", r"\p{N}": r"\w"}
"""Unicode classes that Python's expressions lack, by the nearest they have."""


def check(shape: str, value: Any, shapes: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether a value, as `service.parsed` makes it, keeps all rules of its shape.

    Raises:
        Invalid: names every member that does not, and the rule.
    """
    broken = list(_broken("", shape, value, shapes))
    if broken:
        count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected: "
        raise Invalid(count + "; ".join(broken[:_TOLD]))


def _broken(place: str, name: str, value: Any, shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        for missing in shape.get("required", ()):
            if missing not in value:
                yield f"Value null at '{_below(place, missing)}' failed to satisfy constraint: Member must not be null"
        for member, part in value.items():
            yield from _broken(_below(place, member), shape["members"][member]["shape"], part, shapes)
        return
    rule = _rule(shape, value)
    if rule:
        shown = "" if isinstance(value, bytes | list) else f" '{str(value)[:_SHOWN]}'"
        yield f"Value{shown} at '{place}' failed to satisfy constraint: {rule}"
    if kind == "list":
        for number, part in enumerate(value, 1):
            yield from _broken(f"{place}.{number}.member", shape["member"]["shape"], part, shapes)


def _rule(shape: Mapping[str, Any], value: Any) -> str:
    """The first rule that a value breaks, or empty."""
    kind, low, high = shape["type"], shape.get("min"), shape.get("max")
    if kind == "integer":
        if low is not None and value < low:
            return f"Member must have value greater than or equal to {low}"
        if high is not None and value > high:
            return f"Member must have value less than or equal to {high}"
    if kind in ("string", "blob", "list"):
        if low is not None and len(value) < low:
            return f"Member must have length greater than or equal to {low}"
        if high is not None and len(value) > high:
            return f"Member must have length less than or equal to {high}"
    if "enum" in shape and value not in shape["enum"]:
        return f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"
    if "pattern" in shape and not _pattern(shape["pattern"]).fullmatch(value):
        return f"Member must satisfy regular expression pattern: {shape['pattern']}"
    return ""


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    for theirs, ours in _CLASSES.items():
        text = text.replace(theirs, ours)
    return re.compile(text)


def _below(place: str, member: str) -> str:
    small = member[:1].lower() + member[1:]
    return f"{place}.{small}" if place else small
