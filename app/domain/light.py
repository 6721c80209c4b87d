"""What a stack light shows, and the bytes that make it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum


class LightState(StrEnum):
    """Of the verdict that stands, else of the station."""

    PASS = "PASS"
    FAIL = "FAIL"
    RETEST = "RETEST"
    ERROR = "ERROR"
    ALARM = "ALARM"
    IDLE = "IDLE"


LIGHT_TABLE = (
    r"PASS G\r\n",
    r"FAIL R\r\n",
    r"RETEST Y\r\n",
    r"ERROR RB\r\n",
    r"ALARM YB\r\n",
    r"IDLE O\r\n",
)
"""One command of ASCII letters a state: green, red, yellow, red blinking, yellow blinking, off. Lights differ: what a
light understands stands in its manual."""

_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.?)", re.DOTALL)
_SIGNS = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def read_light_table(lines: Sequence[str]) -> dict[LightState, bytes]:
    """The bytes of each state from lines such as ``PASS \\x01G``; ValueError naming what is wrong. Every state has to
    be there: a light must not go on showing PASS since FAIL says nothing to it."""
    found: dict[LightState, bytes] = {}
    for line in lines:
        name, _, text = line.strip().partition(" ")
        if name.upper() not in LightState.__members__:
            raise ValueError(f"{line!r} begins with no state: {', '.join(LightState)}")
        state, text = LightState(name.upper()), text.strip()
        if state in found:
            raise ValueError(f"{state} is given twice")
        if not text:
            raise ValueError(f"{state} has nothing to send")
        found[state] = _bytes(text, state)
    missing = [state.value for state in LightState if state not in found]
    if missing:
        raise ValueError(f"nothing is sent for {', '.join(missing)}; give every state a line")
    return found


def _bytes(text: str, state: LightState) -> bytes:
    if not text.isascii():
        raise ValueError(f"{state} has a sign that is not ASCII; write its bytes as \\x and two hexadecimal digits")
    made, place = b"", 0
    for match in _ESCAPE.finditer(text):
        made += text[place : match.start()].encode("ascii")
        code = match.group(1)
        if len(code) == 3:
            made += bytes([int(code[1:], 16)])
        elif code in _SIGNS:
            made += _SIGNS[code]
        else:
            raise ValueError(f"{state} has {match.group(0)!r}, which is none of \\r, \\n, \\t, \\0, \\\\ and \\x01")
        place = match.end()
    return made + text[place:].encode("ascii")
