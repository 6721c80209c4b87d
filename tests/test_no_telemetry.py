"""A station sends nothing anywhere unasked."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import app

# Runs in a process of its own, before anything else there is imported. Every try to reach another
# machine, from any thread and from forked children (they inherit the hook), is noted and refused.
_WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"):
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(event + " " + repr(arguments[-1]) + "\\n")
        raise PermissionError("refused by the test")

sys.addaudithook(watch)
"""
# Imports everything and judges with a compiled graph, the way the detector does.
_USE = """
import importlib, os, sys

for name in os.environ["MODULES"].split():
    importlib.import_module(name)

import numpy as np
import openvino as ov
from openvino import opset13 as ops

data = ops.parameter([1, 4], np.float32)
compiled = ov.Core().compile_model(ov.Model([ops.relu(data)], [data], "one"), "CPU")
assert compiled(np.full((1, 4), -1, np.float32))[0].max() == 0
assert sys.modules.get("openvino_telemetry") is None
print("used")
"""


def test_importing_everything_and_judging_reaches_nowhere(tmp_path: Path, project_root: Path) -> None:
    modules = sorted(one.name for one in pkgutil.walk_packages(app.__path__, "app.") if ".migrations" not in one.name)
    assert "app.vision" in modules
    done = _watched(_USE, tmp_path, project_root, MODULES=" ".join(modules))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["used"]
    assert _notes(tmp_path) == ""
    assert not (tmp_path / "home" / "intel").exists()  # where OpenVINO would keep a number for this user


def test_the_watch_sees_a_forked_child_that_calls_home(tmp_path: Path, project_root: Path) -> None:
    call = """
import os, urllib.request
child = os.fork() if hasattr(os, "fork") else 0
if child == 0:
    try:
        urllib.request.urlopen("http://127.0.0.1:9/")
    except OSError:
        os._exit(0)
os.waitpid(child, 0)
"""
    assert _watched(call, tmp_path, project_root).returncode == 0
    assert "urllib.Request" in _notes(tmp_path)


def _watched(code: str, tmp_path: Path, project_root: Path, **more: str) -> subprocess.CompletedProcess[str]:
    home = tmp_path / "home"
    home.mkdir()
    env = {**os.environ, **more, "HOME": str(home), "LOCALAPPDATA": str(home), "NOTES": str(tmp_path / "notes")}
    for name in ("CI", "TF_BUILD", "JENKINS_URL"):  # OpenVINO is quieter where it sees these
        env.pop(name, None)
    return subprocess.run(
        [sys.executable, "-c", _WATCH + code], cwd=project_root, env=env, capture_output=True, text=True, timeout=90
    )


def _notes(tmp_path: Path) -> str:
    notes = tmp_path / "notes"
    return notes.read_text(encoding="utf-8") if notes.exists() else ""
