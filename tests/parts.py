"""Runs the whole suite in parts, as many at once as there are cores: each part is a pytest of its own.

    python -m tests.parts [ARGS ...]     ARGS go to each pytest

One process after the other leaves half of a small machine idle: a test mostly waits, for a frame, a server or a window.
Processes of their own share no Qt, no moto and no threads. A part's output is shown when the part has ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path

from tests.made_once import FOLDER

TESTS = Path(__file__).resolve().parent
SLOWEST_FIRST = ("ui", "vision", "lifecycle", "serverless", "cli", "installer", "inspection", "cloud")
"""What takes longest begins first, so that no core waits for one late part; others follow in any order."""

_APART = ("ui",)
"""Folders whose own folders are parts, too."""
_SMALL = ("alarms", "cameras", "datasets", "domain", "masking", "people")
"""Folders that are one part together: beginning a pytest takes as long as some of them."""

_NOTHING_COLLECTED = 5


def parts() -> list[tuple[str, list[str]]]:
    """(name, paths) of each part: every test file is in exactly one."""
    found: dict[str, list[str]] = {}
    for folder in sorted(path for path in TESTS.iterdir() if path.is_dir()):
        inner = [path for path in sorted(folder.iterdir()) if path.is_dir()] if folder.name in _APART else []
        for each in inner:
            found[f"{folder.name}/{each.name}"] = [str(each)] if any(each.rglob("test_*.py")) else []
        own = sorted(folder.glob("test_*.py")) if inner else [folder] if any(folder.rglob("test_*.py")) else []
        name = "the small ones" if folder.name in _SMALL else folder.name
        found.setdefault(name, []).extend(str(path) for path in own)
    found["the rest"] = [str(path) for path in sorted(TESTS.glob("test_*.py"))]
    order = {name: number for number, name in enumerate(SLOWEST_FIRST)}
    named = [(name, paths) for name, paths in found.items() if paths]
    return sorted(named, key=lambda part: order.get(part[0], 2 if part[0] == "the rest" else len(order)))


def main(arguments: list[str]) -> int:
    """0 where all passed, else 1; 130 when it was interrupted."""
    waiting, running, lock = deque(parts()), set[subprocess.Popen[bytes]](), threading.Lock()
    failed, ended, begun, stopped = [], [], time.monotonic(), threading.Event()
    environment = dict(os.environ)
    # Some hundred processes import the program, and without its bytecode each compiles all of it for two seconds.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    made = tempfile.TemporaryDirectory(prefix="linesight-made-", ignore_cleanup_errors=True)
    environment[FOLDER] = made.name

    def work() -> None:
        while not stopped.is_set():
            with lock:
                if not waiting:
                    return
                name, paths = waiting.popleft()
            with tempfile.TemporaryFile() as output:
                start = time.monotonic()
                command = [sys.executable, "-m", "pytest", "-q", *arguments, *paths]
                process = subprocess.Popen(
                    command, stdout=output, stderr=subprocess.STDOUT, cwd=TESTS.parent, env=environment
                )
                with lock:
                    running.add(process)
                code = process.wait()
                output.seek(0)
                text = output.read().decode("utf-8", "replace")
            with lock:
                running.discard(process)
                ended.append(name)
                if code not in (0, _NOTHING_COLLECTED):
                    failed.append(name)
                sys.stdout.write(f"\n== {name}: {time.monotonic() - start:.0f} s\n{text}")
                sys.stdout.flush()

    workers = [threading.Thread(target=work) for _ in range(max(1, min(len(waiting), os.cpu_count() or 1)))]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        stopped.set()
        with lock:
            for process in running:
                process.terminate()
        for worker in workers:
            worker.join()
        made.cleanup()
        return 130
    made.cleanup()
    said = f"{len(ended)} parts in {time.monotonic() - begun:.0f} s"
    sys.stdout.write(f"\n{said}; failed: {', '.join(sorted(failed))}\n" if failed else f"\n{said}, all passed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
