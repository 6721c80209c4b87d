"""A training stands still while a part is judged, comes to its end all the same, and outlives whoever halted it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.lifecycle.giving_way import SHARE, GivingWay
from tests.inspection.fakes import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
ROOT = Path(__file__).resolve().parents[2]
BUSY = "while True: pass"


def state(pid: int) -> str:
    """R, S, T (halted) ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", BUSY]) as child:
        wait_for(lambda: state(child.pid) == "R")
        yield child
        child.kill()


def test_it_stands_still_while_anybody_holds(busy: subprocess.Popen[bytes]) -> None:
    way = GivingWay(lambda: [busy])
    with way.held():
        wait_for(lambda: state(busy.pid) == "T")
        with way.held():
            assert state(busy.pid) == "T"
        assert state(busy.pid) == "T", "the other one has not ended yet"
    wait_for(lambda: state(busy.pid) != "T")
    with pytest.raises(ValueError, match="a detector that fails"), way.held():
        raise ValueError("a detector that fails")
    wait_for(lambda: state(busy.pid) != "T")


def test_holders_on_many_threads_leave_it_running(busy: subprocess.Popen[bytes]) -> None:
    way = GivingWay(lambda: [busy])

    def work() -> None:
        for _ in range(300):
            with way.held():
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    wait_for(lambda: state(busy.pid) == "R")


def test_one_that_has_ended_keeps_no_other_from_being_halted(busy: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY]) as ended:
        way = GivingWay(lambda: [ended, busy])
        with way.held():
            ended.kill()
            ended.wait(10)
        with way.held():
            wait_for(lambda: state(busy.pid) == "T")
        wait_for(lambda: state(busy.pid) != "T")


class Process:
    """Notes whether it runs."""

    runs = True

    def send_signal(self, number: int) -> None:
        self.runs = number == signal.SIGCONT


def test_a_line_that_never_rests_leaves_it_its_share() -> None:
    process, now, ran = Process(), 0.0, 0.0
    way = GivingWay(lambda: [process], lambda: now)  # type: ignore[list-item]
    for _ in range(30_000):
        with way.held():  # 20 ms a verdict, and at once the next
            now += 0.02
            ran += 0.02 * process.runs
    assert SHARE * 0.8 < ran / now < SHARE * 1.3


def test_with_rests_between_it_is_halted_at_every_verdict() -> None:
    process, now, ran = Process(), 0.0, 0.0
    way = GivingWay(lambda: [process], lambda: now)  # type: ignore[list-item]
    for _ in range(3000):
        with way.held():
            now += 0.03
            ran += 0.03 * process.runs
        now += 0.05
        assert process.runs
    assert ran == 0


def test_cameras_that_never_rest_together_leave_it_its_share() -> None:
    process, now, ran = Process(), 0.0, 0.0
    way = GivingWay(lambda: [process], lambda: now)  # type: ignore[list-item]
    verdicts = [way.held()]
    verdicts[0].__enter__()
    for _ in range(30_000):  # one camera's verdict begins before the other's has ended
        verdicts.append(way.held())
        verdicts[-1].__enter__()
        now += 0.01
        ran += 0.01 * process.runs
        verdicts.pop(0).__exit__(None, None, None)
        now += 0.01
        ran += 0.01 * process.runs
    assert SHARE * 0.8 < ran / now < SHARE * 1.3
    verdicts[0].__exit__(None, None, None)
    assert process.runs


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "from app.lifecycle.giving_way import go_on_when_orphaned\\n"
    "go_on_when_orphaned(); print('there', flush=True)\\nwhile True: pass"], stdout=subprocess.PIPE)
child.stdout.readline()
from app.lifecycle.giving_way import GivingWay
with GivingWay(lambda: [child]).held():
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_a_station_that_is_killed_at_a_verdict_leaves_no_training_halted() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            wait_for(lambda: state(child) == "T")
            parent.kill()
            parent.wait(10)
            wait_for(lambda: state(child) == "R", what="goes on")
        finally:
            os.kill(child, signal.SIGKILL)
