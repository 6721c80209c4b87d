"""Trainings in a process of their own: killed at any moment the registry is whole, and what failed is never trained."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.errors import Cancelled, DatasetError, LinesightError, ModelError
from app.domain.versions import JobState, TrainingPlan
from app.lifecycle.queue import CUT_SHORT, Asked, Standing, TrainingQueue, WorkerLock
from app.lifecycle.training_process import Worker
from app.lifecycle.versions import Registry
from app.paths import DataFolder
from app.station import Station
from tests.inspection.fakes import wait_for

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

_KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from app.domain.versions import TrainingPlan
from app.lifecycle import making
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry
from app.vision import artefact

models, data, at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
end = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if at == "before the model":  # its card is there already
    artefact.write = end
def step(fraction, words):
    if at[0].isdigit() and fraction >= float(at):
        end()
plan = TrainingPlan("plate", data, size=128)
making.make_version(Registry(ModelShelf(models)), plan, job="j", by="", now=lambda: datetime.now(UTC), step=step)
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize(
    "at",
    [
        pytest.param("0.01", marks=pytest.mark.slow),
        pytest.param("0.3", marks=pytest.mark.slow),
        pytest.param("0.75", marks=pytest.mark.slow),
        pytest.param("0.99", marks=pytest.mark.slow),
        "before the model",
    ],
)
def test_killed_at_each_stage_the_registry_is_whole(at: str, small_set: Path, registry: Registry) -> None:
    models = registry.shelf.root
    done = subprocess.run([sys.executable, "-c", _KILLED, str(models), str(small_set), at], timeout=100)
    assert done.returncode == -signal.SIGKILL
    assert {each.name for each in registry.all()} == {"plate@1", "plate@2"} and registry.of_job("plate", "j") == ""
    assert not any(each.problem for each in registry.all())
    made = registry.shelf.add("plate", registry.find("plate@1").path.read_bytes())
    assert made.ref.version in (3, 4), "a number that was taken is not given twice"


@posix
@pytest.mark.parametrize("before_link", [True, False])
def test_killed_while_releasing_the_history_is_whole(before_link: bool, registry: Registry) -> None:
    script = f"""
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry
link = os.link
def killing(*a):
    if not {before_link}:
        link(*a)
    os.kill(os.getpid(), signal.SIGKILL)
os.link = killing
registry = Registry(ModelShelf(Path(sys.argv[1])))
registry.release(registry.find("plate@1"), by="", why="", overridden=(), now=lambda: datetime.now(UTC))
"""
    done = subprocess.run([sys.executable, "-c", script, str(registry.shelf.root)], timeout=100)
    assert done.returncode == -signal.SIGKILL
    release = registry.released("plate")
    assert (release is None) == before_link
    version = registry.find("plate@2")
    again = registry.release(version, by="", why="", overridden=(), now=lambda: datetime.now(UTC))
    assert again.number == (1 if before_link else 2) and registry.find("plate@2").released


@pytest.mark.slow
def test_a_training_survives_the_window(small_set: Path, tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    with closing(Station(data)) as station:
        station.improving.train(TrainingPlan("plate", small_set, size=128)).result(20)
        wait_for(lambda: station.improving.trainings()[0].state is JobState.RUNNING, 30)
    # The window is closed and the process goes on; the next window finds the version.
    with closing(Station(data)) as station:
        wait_for(lambda: station.improving.trainings()[0].state.ended, 60)
        (job,) = station.improving.trainings()
        assert (job.state, job.version, job.error, job.fraction) == (JobState.DONE, "plate@1", "", 1.0)
        assert [each.name for each in station.improving.versions()] == ["plate@1"]
        lines = (data.trainings / f"{job.id}.progress.jsonl").read_text().splitlines()
        fractions = [json.loads(line)["fraction"] for line in lines]
        assert len(fractions) > 3 and fractions == sorted(fractions)
        assert any(entry.action == "train" for entry in station.store.audit_entries())


@posix
def test_cancel_ends_it_and_nothing_is_trained(small_set: Path, tmp_path: Path) -> None:
    with closing(Station(DataFolder(tmp_path / "data"))) as station:
        first = station.improving.train(TrainingPlan("plate", small_set, size=256)).result(20)
        second = station.improving.train(TrainingPlan("plate", small_set, size=256)).result(20)
        wait_for(lambda: station.improving._trainings.queue.job(first.id).state is JobState.RUNNING, 30)  # type: ignore[union-attr]
        station.improving.cancel(second.id)
        station.improving.cancel(first.id)
        wait_for(lambda: all(job.state is JobState.CANCELLED for job in station.improving.trainings()), 30)
        assert station.improving.versions() == []
        wait_for(lambda: station.improving._trainings.queue.worker_pid() is None, 30)


class Made:
    """A queue whose trainings are done by the test."""

    def __init__(self, folder: Path) -> None:
        self.queue = TrainingQueue(folder, lambda: datetime.now(UTC))
        self.registered = ""

    def run(self, make: Callable[[Asked, Callable[[float, str], None]], tuple[str, tuple[str, ...]]]) -> None:
        Worker(self.queue, make, lambda asked: self.registered).run()


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "trainings")


PLAN = TrainingPlan("plate", Path("/nowhere"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DatasetError("3 pictures are too few."), "3 pictures are too few."),
        (MemoryError(), "ran out of memory"),
        (ValueError("oddly shaped"), "failed unexpectedly (oddly shaped)"),
    ],
)
def test_what_failed_says_why_and_the_next_one_is_trained(made: Made, error: Exception, words: str) -> None:
    first, second = made.queue.add(PLAN, "Mike"), made.queue.add(PLAN, "Mike")

    def make(asked: Asked, step: Callable[[float, str], None]) -> tuple[str, tuple[str, ...]]:
        step(0.5, "Learning")
        if asked.id == first.id:
            raise error
        return "plate@7", ("one left out",)

    made.run(make)
    newest, oldest = made.queue.jobs()
    assert (oldest.state, oldest.version) == (JobState.FAILED, "") and words in oldest.error
    assert (newest.id, newest.state, newest.version, newest.notes) == (
        second.id,
        JobState.DONE,
        "plate@7",
        ("one left out",),
    )


def test_what_a_crash_cut_short_begins_again_once(made: Made) -> None:
    job = made.queue.add(PLAN, "")
    made.queue.set_standing(job.id, Standing(JobState.RUNNING, 1, 1, datetime.now(UTC)))
    (seen,) = made.queue.jobs()
    assert seen.state is JobState.QUEUED and "begins again" in seen.stage
    made.run(lambda asked, step: ("plate@1", ()))
    assert made.queue.jobs()[0].state is JobState.DONE and made.queue.jobs()[0].attempts == 2


def test_what_was_cut_short_twice_is_reported(made: Made) -> None:
    job = made.queue.add(PLAN, "")
    made.queue.set_standing(job.id, Standing(JobState.RUNNING, 2, 1, datetime.now(UTC)))

    def never(asked: Asked, step: Callable[[float, str], None]) -> tuple[str, tuple[str, ...]]:
        raise AssertionError("it was begun a third time")

    made.run(never)
    assert (made.queue.jobs()[0].state, made.queue.jobs()[0].error) == (JobState.FAILED, CUT_SHORT)


def test_one_that_was_killed_after_its_version_was_there_is_done(made: Made) -> None:
    job = made.queue.add(PLAN, "")
    made.queue.set_standing(job.id, Standing(JobState.RUNNING, 2, 1, datetime.now(UTC)))
    made.registered = "plate@4"
    made.run(lambda asked, step: ("plate@5", ()))
    assert made.queue.jobs()[0].version == "plate@4"


def test_the_system_going_down_is_no_failure(made: Made) -> None:
    job = made.queue.add(PLAN, "")

    def make(asked: Asked, step: Callable[[float, str], None]) -> tuple[str, tuple[str, ...]]:
        raise Cancelled("stopped")

    made.run(make)
    assert replace(made.queue.standing(job.id), pid=0) == Standing(JobState.QUEUED)


def test_one_process_trains_at_a_time(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path), WorkerLock(tmp_path)
    assert first.take() and not second.take()
    first.free()
    assert second.take()
    second.free()


def test_a_place_that_is_not_connected_is_refused(small_set: Path, tmp_path: Path) -> None:
    with closing(Station(DataFolder(tmp_path / "data"))) as station:
        plan = TrainingPlan("plate", small_set, where="sagemaker")
        with pytest.raises(ModelError, match="Not connected: see Set-up, Cloud"):
            station.improving.train(plan).result(10)
        assert station.improving.trainings() == []
        here, away = station.improving.places()
        assert (here.where, here.words, away.where) == ("station", "", "sagemaker") and away.words
        with pytest.raises(LinesightError, match="no @"):
            station.improving.train(TrainingPlan("plate@3", small_set))


def test_a_library_is_trained_on_as_it_was_when_asked(
    small_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.lifecycle.training_process.start", lambda folder, models: None)
    with closing(Station(DataFolder(tmp_path / "data"))) as station:
        root = station.labelling.make("bolts")
        station.labelling.add_from([small_set]).result(30)
        (now,) = station.improving.datasets()
        assert (now.title, now.path, now.normals, now.anomalies) == ("bolts, as it is now", root, 20, 10)
        first = station.improving.train(TrainingPlan("bolts", root)).result(20)
        assert first.plan.dataset.name == "1.snapshot" and first.state is JobState.QUEUED
        again = station.improving.train(TrainingPlan("bolts", root)).result(20)
        assert again.plan.dataset == first.plan.dataset, "nothing has changed meanwhile"
        titles = [each.title for each in station.improving.datasets()]
        assert titles == ["bolts, as it is now", "bolts, snapshot 1"]
        # A process that can't be started is told, and nothing is listed as trained.
        wait_for(lambda: station.improving.trainings()[1].state is JobState.FAILED, 20)
        assert "can't be started" in station.improving.trainings()[1].error
        assert station.improving.versions() == []
