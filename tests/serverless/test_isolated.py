"""Work in a process of its own: what comes back, and what is said when nothing does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.domain.errors import LinesightError
from app.serverless.lookout.isolated import Isolated
from tests.serverless import chores
from tests.serverless.waiting import until


def test_results_and_errors_come_back() -> None:
    assert Isolated(chores.add)((2, 3)) == 5
    with pytest.raises(LinesightError, match="no part on the picture"):
        Isolated(chores.refuse)("no part on the picture")


def test_what_nobody_thought_of_comes_back_too(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LinesightError, match="ZeroDivisionError: division by zero"):
        Isolated(chores.stumble)(0)
    assert "Traceback" in capfd.readouterr().err


def test_a_process_that_vanishes_is_told() -> None:
    with pytest.raises(LinesightError, match=r"ended by itself \(exit code 7\)"):
        Isolated(chores.vanish)(7)


def test_work_ends_with_whoever_began_it(tmp_path: Path) -> None:
    work = Isolated(chores.linger)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, tmp_path / "begun")
        until((tmp_path / "begun").exists)
        begin = time.monotonic()
        work.end()
        with pytest.raises(LinesightError, match="The server ended"):
            done.result(30)
        assert time.monotonic() - begin < 30
    with pytest.raises(LinesightError, match="The server ended"):
        work(tmp_path / "again")
