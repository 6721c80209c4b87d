"""What commands print: results on standard output, progress and troubles on standard error."""

from __future__ import annotations

import io
import json
import math
import re
import sys
import time
from typing import Any


class Output:
    """Args:
    json: standard output holds only JSON.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self._last_words, self._last_time = "", 0.0
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A terminal that lacks a sign, or a file name that is no text, ends no command.
            sys.stdout.reconfigure(errors="backslashreplace")

    def result(self, value: dict[str, Any], words: str) -> None:
        """The command's one result: the object with --json, else the words."""
        if self.json:
            self.line(value)
        else:
            print(words, flush=True)

    def line(self, value: dict[str, Any]) -> None:
        """One JSON line, at once."""
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
            sys.stdout.reconfigure(encoding="utf-8")  # JSON is UTF-8 (RFC 8259), whatever the terminal's language
        print(dump(value), flush=True)

    def say(self, words: str) -> None:
        """A note for a person."""
        print(words, file=sys.stderr, flush=True)

    def failed(self, words: str) -> None:
        """Why the command failed; with --json also as the one object."""
        self.say(f"Error: {words}")
        if self.json:
            self.line({"error": words})

    def step(self, fraction: float, words: str) -> None:
        """Progress: a new line for a new stage, within one stage at most twice a second."""
        stage = words.rstrip("0123456789 ").removesuffix(" of").rstrip("0123456789 ")
        now = time.monotonic()
        if stage == self._last_words and now - self._last_time < 0.5 and fraction < 1:
            return
        self._last_words, self._last_time = stage, now
        self.say(f"{fraction:4.0%}  {words}")


def dump(value: object) -> str:
    """JSON on one line that every parser takes: no NaN, text as it is."""
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)
    # Valid inside a JSON string, but ends of lines to some readers (Python's splitlines among them).
    return _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, str):  # a file name that is not valid UTF-8 must not break the line
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
