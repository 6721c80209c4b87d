"""The improving desk: training, how good a version is, what would change, releasing it and taking it back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from app.datasets.library import snapshots
from app.domain.calendar import day_bounds, station_zone
from app.domain.errors import ModelError
from app.domain.inspection import Outcome
from app.domain.person import Action
from app.domain.training import DatasetSummary
from app.domain.verdict import Verdict
from app.domain.versions import (
    Backtest,
    Consequences,
    Gate,
    Golden,
    Judgement,
    LineFigures,
    Metrics,
    Release,
    Shadow,
    TrainingJob,
    TrainingPlan,
    Trial,
    Version,
    Where,
)
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf, gate, shadow
from app.lifecycle.backtest import Picture, replay
from app.lifecycle.choices import DatasetChoice as DatasetChoice
from app.lifecycle.choices import choices_in
from app.lifecycle.evaluating import consequences_at
from app.lifecycle.looking import Looking
from app.lifecycle.making import check_product
from app.lifecycle.queue import TrainingQueue
from app.lifecycle.shelf import folder_name
from app.lifecycle.standing import unreleased
from app.lifecycle.training import describe_dataset
from app.lifecycle.trainings import TrainingPlace, Trainings
from app.lifecycle.versions import Registry
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import Change, Phase, State
from app.store import Store
from app.store.replaying import replayable

if TYPE_CHECKING:
    from app.vision.detector import Detector

log = logging.getLogger(__name__)

_JUDGES = (Phase.INSPECTING, Phase.WAITING)
_TELL_EVERY = 1.0  # seconds between two changes told of a shadow


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

    def state(self) -> State: ...

    def inspect_source(self, source: str, model: str = "", product: str = "") -> None: ...

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


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
        now: the moment, UTC.
        released: told of what was released, its file and its name NAME@VERSION.
    """

    def __init__(
        self,
        host: Host,
        changed: Callable[[], None],
        now: Callable[[], datetime],
        released: Callable[[Path, str], None] = lambda path, name: None,
    ) -> None:
        self._host, self._changed, self._now, self._released = host, changed, now, released
        self.registry = Registry(host.shelf)
        self.looking = Looking(self.registry)
        self._trainings = Trainings(
            TrainingQueue(host.data.trainings, now),
            host.data.models,
            lambda asked: self.registry.of_job(asked.plan.product, asked.id),
            changed,
        )
        self._lock = threading.Lock()  # guards the fields below
        self._measured: dict[str, Metrics] = {}
        self._shadow: shadow.ShadowRun | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._told_at = 0.0

    def begin(self) -> None:
        """At once: goes on with trainings that wait, or that a crash cut short."""
        if self._host.data.trainings.is_dir():
            self._trainings.watch()

    # -- training
    def datasets(self) -> list[DatasetChoice]:
        """Slow: the station's libraries and their snapshots, newest snapshot first in each."""
        return choices_in(self._host.data.libraries)

    def describe(self, dataset: Path) -> DatasetSummary:
        """Slow: what a library, a snapshot, a folder or a manifest holds, with advice in words."""
        return describe_dataset(dataset.expanduser())

    def places(self) -> list[PlaceChoice]:
        """At once: where a training may run; the first is the default."""
        told = [PlaceChoice("station", "This station", "")]
        for where, place in self._trainings.places.items():
            told.append(PlaceChoice(where, place.title, place.why_not()))
        return told

    def add_place(self, where: Where, place: TrainingPlace) -> None:
        """Connects another place that trains."""
        self._trainings.places[where] = place

    def train(self, plan: TrainingPlan) -> Job[TrainingJob]:
        """Puts a training into the queue; a library as it is now is first kept as a snapshot. The job ends as soon as
        it is queued: `trainings` tells how it goes on, also after the window was closed.

        Raises:
            NotAllowed: at once; whoever is signed in may not train.
        """
        self._host.people.require(Action.TRAIN)
        check_product(plan.product)
        by = self._host.people.name

        def work(job: Job[TrainingJob]) -> TrainingJob:
            job.step(None, "Keeping the set as a snapshot")
            return self._queue(plan, by)

        return self._host.jobs.start(f"Train {plan.product}", work)

    def train_unattended(self, plan: TrainingPlan) -> TrainingJob:
        """Slow: the same by the station itself, which may train and never releases."""
        return self._queue(plan, "")

    def _queue(self, plan: TrainingPlan, by: str) -> TrainingJob:
        kept = replace(plan, dataset=snapshots.pinned(plan.dataset.expanduser().absolute()))
        asked = self._trainings.add(kept, by)
        self._host.people.note(Action.TRAIN, plan.product, f"{kept.learn}, {kept.dataset.name}")
        return asked

    def trainings(self) -> list[TrainingJob]:
        """Newest first: queued, running and ended ones."""
        return self._trainings.queue.jobs()

    def cancel(self, job_id: str) -> None:
        """At once: takes a training out of the queue, or stops it within seconds. One that has ended stays as it is."""
        self._host.people.require(Action.TRAIN)
        self._host.people.note(Action.TRAIN, job_id, "stopped")
        self.cancel_unattended(job_id)

    def cancel_unattended(self, job_id: str) -> None:
        self._trainings.cancel(job_id)

    # -- versions
    def products(self) -> list[str]:
        """Slow: products with at least one version, by name."""
        return sorted({each.product for each in self.registry.all()}, key=str.casefold)

    def versions(self, product: str = "") -> list[Version]:
        """Slow: of one product, or of all; newest first."""
        return self.registry.all(product)

    def version(self, name: str) -> Version:
        """Slow: NAME@VERSION. Raises ModelError where there is none."""
        return self.registry.find(name)

    def consequences(self, name: str, threshold: float | None, line: LineFigures) -> Consequences:
        """What a threshold (None: the version's own) does to a day of the line; quick enough to be asked while a
        slider moves. Raises ModelError where the version was not measured."""
        with self._lock:
            metrics = self._measured.get(name)
        if metrics is None:
            metrics = self.registry.find(name).metrics
            if metrics is None:
                raise ModelError(f"{name} was not measured: no picture was kept back for testing.")
            with self._lock:
                self._measured[name] = metrics
        return consequences_at(metrics, metrics.threshold if threshold is None else threshold, line)

    # -- backtest
    def backtest(self, trial: Trial, *, against: str = "", test_set_of: str = "") -> Job[Backtest]:
        """Replays a trial on a saved test set beside another version.

        Args:
            against: NAME@VERSION; "": the one released, or where none is the trial's version itself.
            test_set_of: NAME@VERSION whose test set is used; "": the trial's own.
        """

        def work(job: Job[Backtest]) -> Backtest:
            tried, running = self._both(trial, against)
            tested = self.registry.find(test_set_of) if test_set_of else tried
            if tested.metrics is None:
                raise ModelError(f"{tested.name} has no saved test set: no picture was kept back for testing.")
            pictures = gate.saved_test_set(self.registry, tested, running)
            if trial.threshold is not None or trial.regions or tested.name != tried.name:
                pictures = [replace(each, after=None) for each in pictures]
            return self._replay(trial, tried, running, pictures, f"the test set of {tested.name}", job.step)

        return self._host.jobs.start(f"Backtest {trial.version}", work)

    def backtest_on_production(self, trial: Trial, first: date, last: date, *, against: str = "") -> Job[Backtest]:
        """The same on the pictures the record keeps of the station's days `first` to `last`. Where parts were
        reviewed the review is the truth; elsewhere rows say only that the verdict differs from the first one."""

        def work(job: Job[Backtest]) -> Backtest:
            tried, running = self._both(trial, against)
            settings, store = self._host.settings, self._host.store
            start, end = day_bounds(first, last, station_zone(settings.zone), settings.day_starts_at)
            plain = trial.threshold is None and not trial.regions
            pictures = []
            for each, reviewed in replayable(store, start, end, tried.product):
                score = each.score if each.stored_score is None else each.stored_score
                told = Judgement(score, each.verdict) if score is not None else None
                made_by = each.model.sha256 if each.model else ""
                pictures.append(
                    Picture(
                        f"part {each.part_id}",
                        store.image_file(each.image_path),
                        each.id,
                        _TRUTH.get(reviewed) if reviewed else None,
                        told if made_by == running.sha256 else None,
                        told if made_by == tried.sha256 and plain else None,
                    )
                )
            if not pictures:
                raise ModelError(
                    f"The record keeps no picture of {tried.product} from {first} to {last}. Choose other days."
                )
            return self._replay(trial, tried, running, pictures, f"production from {first} to {last}", job.step)

        return self._host.jobs.start(f"Backtest {trial.version}", work)

    # -- golden samples
    def golden(self, product: str) -> list[Golden]:
        """Slow: samples every release must judge as expected."""
        return self.registry.golden(product)

    def add_golden(self, product: str, pictures: Sequence[Path], expected: Verdict) -> None:
        """Slow: keeps copies of the pictures as golden samples, expected PASS or FAIL. Raises NotAllowed, or
        LinesightError for a file that is no picture."""
        self._host.people.require(Action.RELEASE)
        self.registry.add_golden(product, pictures, expected)
        self._host.people.note(Action.RELEASE, product, f"{len(pictures)} golden samples, {expected.value}")

    def remove_golden(self, product: str, sha256: str) -> None:
        """Slow. Raises NotAllowed."""
        self._host.people.require(Action.RELEASE)
        self.registry.remove_golden(product, sha256)
        self._host.people.note(Action.RELEASE, product, f"golden sample {sha256[:12]} removed")

    # -- release
    def gate(self, name: str) -> Job[Gate]:
        """Runs the release gate and releases nothing."""
        return self._host.jobs.start(
            f"Check {name}", lambda job: gate.ask(self.registry, self.registry.find(name), job.step)
        )

    def release(self, name: str, *, why: str = "", person: str = "") -> Job[Release]:
        """Runs the gate and releases. The line uses the new version from its next start, or after `use_released`.

        Args:
            why: the reason; needed where the gate finds something that may be overridden.
            person: who says so, where nobody is signed in.

        Raises:
            NotAllowed: at once. The job raises ModelError where the gate refuses: says which check failed and what
                to do.
        """
        self._host.people.require(Action.RELEASE)
        who = self._who(person)

        def work(job: Job[Release]) -> Release:
            version = self.registry.find(name)
            if version.released:
                raise ModelError(f"{name} is released already.")
            asked = gate.ask(self.registry, version, job.step)
            if not asked.ok:
                refused = f"{name} was not released. {asked.words}"
                if not asked.may_override:
                    raise ModelError(refused)
                if not why.strip():
                    raise ModelError(f"{refused} To release it all the same, give a reason and a name.")
                if not who:
                    raise ModelError(f"{refused} To release it all the same, say who you are as well.")
            overridden = [check.words for check in asked.checks if not check.ok]

            def make() -> Release:
                return self.registry.release(
                    version, by=who or self._host.people.name, why=why.strip(), overridden=overridden, now=self._now
                )

            return self._changed_to(version.product, make)

        return self._host.jobs.start(f"Release {name}", work)

    @property
    def knows_person(self) -> bool:
        """Whether somebody is signed in, so that no name has to be given."""
        return self._host.people.current is not None

    def rollback(self, product: str, *, why: str = "", person: str = "") -> Job[Release]:
        """One tap back: releases what was released before the running version. Raises NotAllowed at once; the job
        raises ModelError where there is nothing before it, or that file is damaged."""
        self._host.people.require(Action.RELEASE)
        who = self._who(person) or self._host.people.name

        def work(_: Job[Release]) -> Release:
            return self._changed_to(
                product, lambda: self.registry.rollback(product, by=who, why=why.strip(), now=self._now)
            )

        return self._host.jobs.start(f"Roll back {product}", work)

    def history(self, product: str) -> list[Release]:
        """Slow: releases and rollbacks, newest first."""
        return self.registry.history(product)

    def unreleased(self) -> str | None:
        """Slow: the model that judges parts now though it is not what is released, as people call it; "" where all is
        well, None where that can't be told because the history of releases is damaged. See `lifecycle.standing`.

        The demo line is left out: its parts are drawn, nothing depends on its verdicts, and it trains its own model
        so that somebody can try the station; to be told to release that would teach people to overlook the alarm.
        A line that waits for its camera still judges what comes next with this model.
        """
        state = self._host.state()
        if state.phase not in _JUDGES or state.model is None or state.source.strip().lower() == "demo":
            return ""
        try:
            return unreleased(self.registry, state.product, state.model)
        except ModelError as error:
            log.error("%s", error)
            return None

    def use_released(self) -> None:
        """The line starts again with the version that is released now for the settings' product. Raises NotAllowed, or
        ModelError where nothing is."""
        self._host.people.require(Action.RUN)
        settings = self._host.settings
        if self.registry.released(settings.product) is None:
            raise ModelError(f"Nothing of {settings.product} is released. Release a version first.")
        self._host.inspect_source(settings.source, settings.product, settings.product)

    # -- shadow
    def start_shadow(self, name: str) -> Job[Shadow]:
        """A candidate judges the live frames on spare time; it reaches neither outputs nor record."""
        self._host.people.require(Action.RELEASE)

        def work(job: Job[Shadow]) -> Shadow:
            job.step(None, f"Loading {name}")
            run = shadow.ShadowRun(
                self.registry.load(self.registry.find(name)), self._shadow_file, self._now, self._compared
            )
            self.stop_shadow()
            with self._lock:
                self._shadow = run
                self._unsubscribe = self._host.subscribe(
                    lambda change: run.offer(self._host.latest()) if change is Change.OUTCOME else None
                )
            run.start()
            self._host.people.note(Action.RELEASE, name, "shadow")
            self._changed()
            return run.told()

        return self._host.jobs.start(f"Shadow {name}", work)

    def stop_shadow(self) -> None:
        """At once. What was compared stays until another shadow is started."""
        with self._lock:
            run, self._shadow = self._shadow, None
            self._unsubscribe()
            self._unsubscribe = lambda: None
        if run is not None:
            run.stop()
            self._changed()

    def shadow(self) -> Shadow | None:
        """At once: how the candidate compares so far; None where none was started."""
        with self._lock:
            run = self._shadow
        return run.told() if run is not None else shadow.read(self._shadow_file)

    def close(self) -> None:
        """Ends the shadow and the watching; a training in its own process goes on."""
        self._trainings.close()
        self.stop_shadow()

    # -- inside
    @property
    def _shadow_file(self) -> Path:
        return self._host.data.trainings / "shadow.json"

    def _compared(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = now - self._told_at >= _TELL_EVERY
            if due:
                self._told_at = now
        if due:
            self._changed()

    def _who(self, person: str) -> str:
        """The one signed in, else the name that was given, "" for neither."""
        current = self._host.people.current
        return current.name if current else person.strip()

    def _both(self, trial: Trial, against: str) -> tuple[Version, Version]:
        """The version that is tried, and the one beside it."""
        tried = self.registry.find(trial.version)
        release = self.registry.released(tried.product)
        return tried, self.registry.find(against or (release.version if release else tried.name))

    def _replay(
        self,
        trial: Trial,
        tried: Version,
        running: Version,
        pictures: Sequence[Picture],
        on: str,
        step: Callable[[float, str], None],
    ) -> Backtest:
        for x, y, width, height in trial.regions:
            if not (0 <= x < x + width <= 1.001 and 0 <= y < y + height <= 1.001):
                raise ModelError("A region must lie within the picture: left, top, width and height in shares 0 to 1.")

        def candidate() -> Detector:
            detector = self.registry.load(tried)
            return detector if trial.threshold is None else detector.with_threshold(trial.threshold)

        return replay(trial, candidate, running.name, lambda: self.registry.load(running), pictures, on, step)

    def _changed_to(self, product: str, make: Callable[[], Release]) -> Release:
        """Adds a release; settings that name another version of the product follow what is released from now on."""
        settings = self._host.settings
        pinned, sign, _ = settings.model.rpartition("@")
        follows = bool(sign) and folder_name(pinned) == folder_name(product)
        # Whichever way it is cut short, the settings name something that is there.
        if follows and self.registry.released(product) is not None:
            self._host.save_settings(model=product)
            follows = False
        release = make()
        self._released(self.registry.find(release.version).path, release.version)
        if follows:
            self._host.save_settings(model=product)
        words = "; ".join((release.why, *release.overridden)).strip("; ")
        self._host.people.note(Action.RELEASE, release.version, f"{release.kind} by {release.by}. {words}".strip())
        self._changed()
        return release


_TRUTH = {Verdict.FAIL: True, Verdict.PASS: False}
