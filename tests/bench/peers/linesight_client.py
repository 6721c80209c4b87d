"""The other end of `linesight_side.py`: the product in its own process and environment, asked through JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def product_python() -> Path:
    """Python of the environment that the product's set-up makes in the checkout."""
    folder = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return ROOT / ".venv" / folder


class Linesight:
    """A running `linesight_side.py`; use it as a context manager."""

    def __init__(self, python: Path) -> None:
        if not python.is_file():
            raise SystemExit(
                f"{python} is missing: make the product's environment first (python3 installer/bootstrap.py setup) "
                "or name its Python with --linesight-python."
            )
        # Not inherited: this environment's own packages must not reach the product.
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "VIRTUAL_ENV")}
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("linesight_side.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env=environment | {"PYTHONPATH": str(ROOT)},
        )

    def ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        """One question of `linesight_side.Side`; raises RuntimeError with the product's traceback."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"ask": what} | arguments) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(f"Linesight's process ended before {what!r}; its words stand above.") from None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"Linesight's process ended at {what!r}; its words stand above.")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"Linesight could not answer {what!r}:\n{answer['error']}")
        return answer

    def __enter__(self) -> Linesight:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()  # the end of its input ends it
        self._process.wait()
