"""Background work: progress, end, cancelling, errors, and views that fail."""

from __future__ import annotations

import threading

import pytest

from app.domain.errors import Cancelled, LinesightError
from app.jobs import Job, Jobs, Progress


@pytest.fixture
def jobs() -> object:
    jobs = Jobs()
    yield jobs
    jobs.close()


def test_progress_is_told_at_each_step_and_once_at_the_end(jobs: Jobs) -> None:
    go, told = threading.Event(), []

    def work(job: Job[int]) -> int:
        go.wait(10)
        job.step(0.5, "half")
        job.step(None, "tidying up")
        return 7

    job = jobs.start("Count", work)
    assert job.progress == Progress(None, "Count")
    job.listen(lambda one: told.append((one.progress.words, one.done)))
    go.set()
    assert job.result(10) == 7
    jobs.close()
    assert told == [("half", False), ("tidying up", False), ("tidying up", True)]
    assert job.done and job.error is None


def test_who_listens_after_the_end_hears_it_once(jobs: Jobs) -> None:
    told: list[bool] = []
    job = jobs.start("Nothing", lambda job: None)
    job.result(10)
    jobs.close()
    job.listen(lambda one: told.append(one.done))
    assert told == [True]


def test_who_listens_while_it_ends_hears_the_end_exactly_once() -> None:
    for _ in range(200):
        job: Job[int] = Job("Race")
        ends: list[int] = []
        runner = threading.Thread(target=job.run, args=[lambda job: 1])
        runner.start()
        job.listen(lambda one, ends=ends: ends.append(1) if one.done else None)
        runner.join()
        assert ends == [1]


def test_cancelling_ends_the_work_at_its_next_step(jobs: Jobs) -> None:
    started, go = threading.Event(), threading.Event()

    def work(job: Job[None]) -> None:
        started.set()
        go.wait(10)
        job.step(0.1, "on")
        pytest.fail("went on after it was cancelled")

    job = jobs.start("Long work", work)
    assert started.wait(10)
    job.cancel()
    job.cancel()
    go.set()
    with pytest.raises(Cancelled, match="Long work was stopped"):
        job.result(10)
    assert job.cancelled and isinstance(job.error, Cancelled)


def test_cancelling_wakes_work_that_waits(jobs: Jobs) -> None:
    awake, started = threading.Event(), threading.Event()

    def work(job: Job[None]) -> None:
        job.when_cancelled(awake.set)
        started.set()
        assert awake.wait(10)
        job.check()

    job = jobs.start("Waiting", work)
    assert started.wait(10)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(10)
    late: list[int] = []
    job.when_cancelled(lambda: late.append(1))
    assert late == [1]


def test_an_error_reaches_whoever_asks(jobs: Jobs) -> None:
    def plain(job: Job[None]) -> None:
        raise LinesightError("The folder is empty.")

    def surprise(job: Job[None]) -> None:
        raise ZeroDivisionError("oh")

    with pytest.raises(LinesightError, match="The folder is empty"):
        jobs.start("Plain", plain).result(10)
    job = jobs.start("Surprise", surprise)
    with pytest.raises(ZeroDivisionError):
        job.result(10)
    assert isinstance(job.error, ZeroDivisionError)


def test_a_listener_that_fails_does_not_fail_the_work(jobs: Jobs) -> None:
    go, told = threading.Event(), []

    def broken(job: Job[int]) -> None:
        raise RuntimeError("a broken view")

    def work(job: Job[int]) -> int:
        go.wait(10)
        job.step(0.5, "half")
        return 1

    job = jobs.start("Work", work)
    job.listen(broken)
    job.listen(lambda one: told.append(one.done))
    go.set()
    assert job.result(10) == 1
    jobs.close()
    assert told == [False, True]
    job.listen(broken)


@pytest.mark.parametrize("way", ["write", "order"])
def test_writing_and_orders_go_in_turn(jobs: Jobs, way: str) -> None:
    done: list[int] = []
    many = [getattr(jobs, way)(f"{number}", lambda job, number=number: done.append(number)) for number in range(50)]
    for job in many:
        job.result(10)
    assert done == list(range(50))


def test_waiting_orders_keep_no_other_job_waiting(jobs: Jobs) -> None:
    gate = threading.Event()
    orders = [jobs.order("Start", lambda job: gate.wait(10)) for _ in range(5)]
    assert jobs.start("Report", lambda job: "written").result(10) == "written"
    gate.set()
    assert all(order.result(10) for order in orders)


def test_closing_stops_what_runs_and_refuses_what_comes() -> None:
    jobs, started = Jobs(), threading.Event()

    def work(job: Job[None]) -> None:
        started.set()
        stopped = threading.Event()
        job.when_cancelled(stopped.set)
        assert stopped.wait(10)
        job.check()

    running = jobs.start("Running", work)
    assert started.wait(10)
    jobs.close()
    assert isinstance(running.error, Cancelled)
    late = jobs.start("Late", lambda job: pytest.fail("was done after the close"))
    assert isinstance(late.error, Cancelled)
    jobs.close()
