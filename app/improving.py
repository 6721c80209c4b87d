"""The improving desk: training, how good a version is, what would change, releasing it and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from app.domain.inspection import Outcome
from app.domain.verdict import Verdict
from app.domain.versions import (
    Backtest,
    Consequences,
    Gate,
    Golden,
    LineFigures,
    Release,
    Shadow,
    TrainingJob,
    TrainingPlan,
    Trial,
    Version,
    Where,
)
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.store import Store


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    shelf: ModelShelf
    store: Store
    people: PeopleDesk

    @property
    def settings(self) -> Settings: ...

    def save_settings(self, **changes: Any) -> None: ...

    def latest(self) -> Outcome | None: ...

    def inspect_source(self, source: str, model: str = "", product: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class DatasetChoice:
    """A set that can be trained on.

    Attributes:
        title: "bolts, as it is now", "bolts, snapshot 3".
        path: what `TrainingPlan.dataset` takes.
        number: of the snapshot, 0 for the library as it is now (a snapshot of it is taken when training is asked for).
        normals, anomalies: labelled pictures; test: how many of them are kept for testing.
    """

    title: str
    path: Path
    library: str
    number: int
    made_at: datetime | None
    normals: int
    anomalies: int
    test: int


@dataclass(frozen=True, slots=True)
class PlaceChoice:
    """A place that trains. `words`: why it can't be chosen, "" where it can."""

    where: Where
    title: str
    words: str


class ImproveDesk:
    """All methods may be called from any thread. Those that give a Job, and those that say so, return at once; the
    others read files (milliseconds) and belong on a worker. `changed` is told after each step of a training, a release
    and, at most once a second, while a shadow runs.

    Args:
        host: the station it stands in.
        changed: told that there is something new.
    """

    def __init__(self, host: Host, changed: Callable[[], None]) -> None:
        self._host, self._changed = host, changed

    # -- training
    def datasets(self) -> list[DatasetChoice]:
        """Slow: the station's libraries and their snapshots, newest snapshot first in each."""
        raise NotImplementedError

    def places(self) -> list[PlaceChoice]:
        """At once: where a training may run; the first is the default."""
        raise NotImplementedError

    def train(self, plan: TrainingPlan) -> Job[TrainingJob]:
        """Puts a training into the queue; a library as it is now is first kept as a snapshot. The job ends as soon as
        it is queued: `trainings` tells how it goes on, also after the window was closed.

        Raises:
            NotAllowed: at once; whoever is signed in may not train.
        """
        raise NotImplementedError

    def trainings(self) -> list[TrainingJob]:
        """Newest first: queued, running and ended ones."""
        raise NotImplementedError

    def cancel(self, job_id: str) -> None:
        """At once: takes a training out of the queue, or stops it within seconds. One that has ended stays as it is."""
        raise NotImplementedError

    # -- versions
    def products(self) -> list[str]:
        """Slow: products with at least one version, by name."""
        raise NotImplementedError

    def versions(self, product: str = "") -> list[Version]:
        """Slow: of one product, or of all; newest first."""
        raise NotImplementedError

    def version(self, name: str) -> Version:
        """Slow: NAME@VERSION. Raises ModelError where there is none."""
        raise NotImplementedError

    def consequences(self, name: str, threshold: float | None, line: LineFigures) -> Consequences:
        """What a threshold (None: the version's own) does to a day of the line; quick enough to be asked while a
        slider moves. Raises ModelError where the version was not measured."""
        raise NotImplementedError

    # -- backtest
    def backtest(self, trial: Trial, *, against: str = "", test_set_of: str = "") -> Job[Backtest]:
        """Replays a trial on a saved test set beside another version.

        Args:
            against: NAME@VERSION; "": the one released, or where none is the trial's version itself.
            test_set_of: NAME@VERSION whose test set is used; "": the trial's own.
        """
        raise NotImplementedError

    def backtest_on_production(self, trial: Trial, first: date, last: date, *, against: str = "") -> Job[Backtest]:
        """The same on the pictures the record keeps of the station's days `first` to `last`. Where parts were
        reviewed the review is the truth; elsewhere rows say only that the verdict differs from the first one."""
        raise NotImplementedError

    # -- golden samples
    def golden(self, product: str) -> list[Golden]:
        """Slow: samples every release must judge as expected."""
        raise NotImplementedError

    def add_golden(self, product: str, pictures: Sequence[Path], expected: Verdict) -> None:
        """Slow: keeps copies of the pictures as golden samples, expected PASS or FAIL. Raises NotAllowed, or
        LinesightError for a file that is no picture."""
        raise NotImplementedError

    def remove_golden(self, product: str, sha256: str) -> None:
        """Slow. Raises NotAllowed."""
        raise NotImplementedError

    # -- release
    def gate(self, name: str) -> Job[Gate]:
        """Runs the release gate and releases nothing."""
        raise NotImplementedError

    def release(self, name: str, *, why: str = "", person: str = "") -> Job[Release]:
        """Runs the gate and releases. The line uses the new version from its next start, or after `use_released`.

        Args:
            why: the reason; needed where the gate finds something that may be overridden.
            person: who says so, where nobody is signed in.

        Raises:
            NotAllowed: at once. The job raises ModelError where the gate refuses: says which check failed and what
                to do.
        """
        raise NotImplementedError

    def rollback(self, product: str, *, why: str = "", person: str = "") -> Job[Release]:
        """One tap back: releases what was released before the running version. Raises NotAllowed at once; the job
        raises ModelError where there is nothing before it, or that file is damaged."""
        raise NotImplementedError

    def history(self, product: str) -> list[Release]:
        """Slow: releases and rollbacks, newest first."""
        raise NotImplementedError

    def use_released(self) -> None:
        """At once: the line starts again with the version that is released now for the settings' product."""
        raise NotImplementedError

    # -- shadow
    def start_shadow(self, name: str) -> Job[Shadow]:
        """A candidate judges the live frames on spare time; it reaches neither outputs nor record."""
        raise NotImplementedError

    def stop_shadow(self) -> None:
        """At once. What was compared stays until another shadow is started."""
        raise NotImplementedError

    def shadow(self) -> Shadow | None:
        """At once: how the candidate compares so far; None where none was started."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the shadow and the watching; a training in its own process goes on."""
        raise NotImplementedError
