from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def installer_of_the_stack() -> Iterator[None]:
    """What deploy.py and scale.py import lies beside them."""
    place = str(Path(__file__).resolve().parents[3] / "installer" / "aws")
    sys.path.insert(0, place)
    yield
    sys.path.remove(place)


@pytest.fixture
def environment(tmp_path: Path) -> Callable[..., Path]:
    """Makes an environment of its own with what pip is told to install, and gives its folder of programs.

    Skips where no package index answers, or not within four minutes.
    """
    # The guard against hangs inside Qt would end the whole run after 150 seconds; these tests have a time-out of their
    # own, and wait for other programs alone.
    faulthandler.cancel_dump_traceback_later()

    def make(*arguments: object) -> Path:
        venv.create(tmp_path / "environment", with_pip=True)
        bin = tmp_path / "environment" / ("Scripts" if os.name == "nt" else "bin")
        pip = [bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
        try:
            done = subprocess.run(pip, capture_output=True, text=True, timeout=240)
        except subprocess.TimeoutExpired:
            pytest.skip("the package index did not give everything within four minutes")
        if done.returncode and "hash" not in done.stderr.lower():
            pytest.skip(f"no package index answers: {done.stderr.strip().splitlines()[-1:]}")
        assert done.returncode == 0, done.stderr
        return bin

    return make
