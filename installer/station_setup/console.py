"""What the set-up says. Always on standard error: standard output belongs to the program it starts."""

from __future__ import annotations

import subprocess
import sys


class SetupError(Exception):
    """The set-up can't go on; the text says why and what to type."""


def say(text: str) -> None:
    """One line (or more) for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def say_in_place(text: str) -> None:
    """A line that the next one overwrites; only where somebody watches a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + text)
        sys.stderr.flush()


def run_quietly(command: list[str], env: dict[str, str] | None = None) -> tuple[int, str]:
    """Runs a command without input; returns its exit code and everything it printed."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
            check=False,
        )
    except OSError as error:
        return 127, f"{command[0]}: {error.strerror or error}"
    return done.returncode, done.stdout


def last_lines(text: str, count: int = 15) -> str:
    """The end of a tool's output, indented, for an error text."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join("    " + line for line in lines[-count:])
