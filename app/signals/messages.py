"""What MQTT and HTTP bring from the line: a trigger or an acknowledgement as a JSON object, or as nothing at all."""

from __future__ import annotations

import json
from typing import Any


def trigger_of(payload: bytes) -> tuple[int, str, str]:
    """(recipe expected, 0 for whichever runs; the part's id, "" for the station's own number; why it can't be read)."""
    fields, bad = _fields(payload)
    recipe, part = fields.get("recipe_id", 0), fields.get("part_id", "")
    if not bad and not (_whole(recipe) and isinstance(part, str) and part.isprintable()):
        bad = "recipe_id is a whole number and part_id a text."
    return (0, "", bad) if bad else (recipe, part.strip(), "")


def number_of(payload: bytes) -> tuple[int | None, str]:
    """(number of the answer that is acknowledged, None for whichever stands; why it can't be read)."""
    fields, bad = _fields(payload)
    number = fields.get("number")
    if not bad and number is not None and not _whole(number):
        return None, "number is a whole number."
    return number, bad


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fields(payload: bytes) -> tuple[dict[str, Any], str]:
    if not payload.strip():
        return {}, ""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}, "The message is no JSON."
    return (found, "") if isinstance(found, dict) else ({}, "The message is no JSON object.")
