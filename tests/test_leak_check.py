"""The watch in conftest.py over what tests leave running: it sees it, and blames the right test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_TESTS = """
import threading

import pytest
from PySide6.QtCore import QThread, QTimer

held = threading.Event()
kept = []


def test_tidy(qtbot):
    thread = threading.Thread(target=lambda: None)
    thread.start()
    timer = QTimer()
    timer.start(1000)
    timer.stop()
    kept.append(timer)


def test_ends_a_moment_later():
    threading.Timer(0.2, lambda: None).start()


def test_daemon():
    threading.Thread(target=held.wait, daemon=True).start()


def test_leaves_a_thread():
    threading.Thread(target=held.wait, name="forgotten").start()


def test_leaves_a_qthread(qtbot):
    thread = QThread(objectName="forgotten")
    kept.append(thread)
    thread.start()


def test_leaves_a_timer(qtbot):
    timer = QTimer(objectName="forgotten")
    kept.append(timer)
    timer.start(1000)


def test_blames_nobody_for_the_others(qtbot):
    pass


def teardown_module():
    held.set()
    kept[1].quit()
    kept[1].wait()
    kept[2].stop()
"""


def test_what_is_left_running_fails_the_test_that_left_it(tmp_path: Path, project_root: Path) -> None:
    conftest = (project_root / "tests" / "conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(conftest.replace("_GRACE = 3.0", "_GRACE = 0.5"), encoding="utf-8")
    (tmp_path / "test_leaky.py").write_text(_TESTS, encoding="utf-8")
    shutil.copy(project_root / "pyproject.toml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(project_root)},  # the conftest asks for the product first
        capture_output=True,
        text=True,
        timeout=60,
    )
    blamed = dict(re.findall(r"^ERROR test_leaky\.py::(\w+) - Failed: (.*)$", done.stdout, re.MULTILINE))
    assert blamed.keys() == {"test_leaves_a_thread", "test_leaves_a_qthread", "test_leaves_a_timer"}, done.stdout
    assert "7 passed, 3 errors" in done.stdout
    assert "left running behind this test: thread forgotten" in done.stdout
    assert "left running behind this test: QThread forgotten of nobody" in done.stdout
    assert "left running behind this test: QTimer forgotten of nobody" in done.stdout
