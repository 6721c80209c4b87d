"""A signal after models came and went must end the program in order, not with a segmentation fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# The model is made on the main thread and let go of on another, as the garbage collector may do.
_SCRIPT = """
import os, signal, sys, threading
from pathlib import Path
import numpy as np
from app.vision.detector import Detector

ended = []
signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
held = [Detector.load(Path(sys.argv[1]))]
held[0].score(np.zeros((90, 160, 3), np.uint8))
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
for _ in range(3):
    os.kill(os.getpid(), signal.SIGTERM)
assert ended == [signal.SIGTERM] * 3, ended
print("in order")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are delivered otherwise there")
def test_a_signal_after_a_model_was_let_go_of(demo_model: Path, project_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _SCRIPT, str(demo_model)],
        cwd=project_root,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.split("\n")[0]) == (0, "in order"), done.stderr
