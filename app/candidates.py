"""Candidates are made, measured and released as any other version is: those that the review here proposes, and those
that were made of all stations' reviews in the account."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from app.cloud.offers import Fetched, Offer, Offers
from app.cloud.session import CloudSession
from app.datasets import Item
from app.datasets.lookout_export import ExportedProject
from app.datasets.types import Label
from app.domain.errors import Cancelled, LinesightError, ModelError
from app.domain.person import Action
from app.domain.predecessor import Predecessor
from app.domain.review import Candidate, CandidateTest
from app.domain.verdict import Verdict
from app.domain.versions import Judgement, TrainingPlan, Trial
from app.improving import ImproveDesk
from app.jobs import Job, Jobs, part_of
from app.lifecycle import ModelShelf
from app.lifecycle.importing import Made, import_version
from app.lifecycle.predecessors import keep_predecessors
from app.people import PeopleDesk
from app.settings import Settings

_LOOK_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class VersionImprover:
    """The reviewing desk's way to versions; see `app.lifecycle.retraining.Improver`."""

    desk: ImproveDesk

    def prepare(self, product: str, snapshot: Path, running: str, step: Callable[[float, str], None]) -> Candidate:
        """Slow: trains in the process for trainings, and replays the version's test pictures beside `running`."""
        job = self.desk.train_unattended(TrainingPlan(product, snapshot))
        while True:
            now = next(each for each in self.desk.trainings() if each.id == job.id)
            if now.state.ended:
                break
            try:
                step(0.8 * now.fraction, now.stage)
            except Cancelled:
                self.desk.cancel_unattended(job.id)
                raise
            time.sleep(_LOOK_EVERY)
        if not now.version:
            raise ModelError(now.error or f"The training ended without a model ({now.state.value}). Prepare it again.")
        version = self.desk.version(now.version)
        if version.metrics is None:
            untested = CandidateTest(0, 0, (None, 0), (None, 0))
            words = "No picture was held back to test it on."
            return Candidate(version.name, version.normals, version.threshold, str(snapshot), untested, (words,))
        step(0.8, "Replaying the test pictures")
        replayed = self.desk.backtest(Trial(version.name), against=running).result()
        good = [row for row in replayed.rows if row.truth is False]
        bad = [row for row in replayed.rows if row.truth]
        alone = replayed.running == version.name  # nothing is released: there is nothing to compare it with
        before = (None, None) if alone else (_failing(row.before for row in good), _passing(row.before for row in bad))
        after = (_failing(row.after for row in good), _passing(row.after for row in bad))
        test = CandidateTest(len(good), len(bad), (before[0], after[0]), (before[1], after[1]))
        report = (replayed.words, *now.notes)
        return Candidate(version.name, version.normals, version.threshold, str(snapshot), test, report)

    def release(self, model: str, product: str) -> None:
        """Slow: through the release gate; the line goes on with it."""
        self.desk.release(model).result()
        self.desk.use_released()


def _failing(judgements: Iterable[Judgement]) -> int:
    return sum(each.verdict is Verdict.FAIL for each in judgements)


def _passing(judgements: Iterable[Judgement]) -> int:
    return sum(each.verdict is not Verdict.FAIL for each in judgements)


def made_of(offer: Offer, fetched: Fetched) -> Made:
    """A fetched candidate as a model that may become a version here."""
    tests = [
        Item(fetched.pictures[each.picture], each.picture, _LABELS[each.label], each.kind)
        for each in offer.tests
        if each.picture in fetched.pictures and each.label in _LABELS
    ]
    proof = [
        (picture, fetched.pictures[picture], score) for picture, score in offer.proof if picture in fetched.pictures
    ]
    gone = len({each.picture for each in offer.tests} - fetched.pictures.keys())
    notes = (f"{gone} of its test pictures are gone from the account.",) if gone else ()
    origin = f"in the cloud, snapshot {offer.snapshot}, {offer.pictures:,} pictures"
    return Made(fetched.model, origin, offer.sha256, tests, proof, notes)


def keep_figures(shelf: ModelShelf, project: ExportedProject) -> int:
    """Slow: the figures of a Lookout for Vision project's versions, beside the models of a product of its name. Raises
    ModelError."""
    return keep_predecessors(
        shelf,
        project.name,
        [
            Predecessor(
                project.name,
                "Lookout for Vision",
                each.version,
                each.ended_at,
                each.training_images,
                each.testing_images,
                tuple(each.metrics.items()),
            )
            for each in project.versions
        ],
    )


class Host(Protocol):
    """What `CloudModels` needs of its station."""

    jobs: Jobs
    people: PeopleDesk
    improving: ImproveDesk

    @property
    def settings(self) -> Settings: ...


class CloudModels:
    """The account's candidates as versions of this station. Any thread; asks only when somebody looks.

    Args:
        session: the way to AWS as the settings have it now.
        changed: told when there is a new version.
    """

    def __init__(
        self,
        host: Host,
        session: Callable[[], CloudSession],
        changed: Callable[[], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._host, self._session, self._changed, self._now = host, session, changed, now

    @property
    def on(self) -> bool:
        """Whether there is a bucket to look into."""
        return bool(self._host.settings.cloud_models)

    def offers(self) -> Job[list[Offer]]:
        """Each product's newest candidates."""
        return self._host.jobs.start("Looking for candidates", lambda job: self._offers().all(job.step))

    def take(self, offer: Offer) -> Job[str]:
        """Fetches one and measures it here; NAME@VERSION, which a person releases or nobody. Raises NotAllowed at
        once; the job fails in words and nothing is listed."""
        self._host.people.require(Action.TRAIN)

        def work(job: Job[str]) -> str:
            with tempfile.TemporaryDirectory(prefix="linesight-offer-") as name:
                fetched = self._offers().fetch(offer, Path(name), part_of(job.step, 0.0, 0.5))
                made = made_of(offer, fetched)
                version = import_version(
                    self._host.improving.registry,
                    offer.product,
                    made,
                    by=self._host.people.name,
                    now=self._now,
                    step=part_of(job.step, 0.5, 1.0),
                )
            self._host.people.note(Action.TRAIN, version, f"fetched from the account: {offer.name}")
            self._changed()
            return version

        return self._host.jobs.start(f"Fetch {offer.name}", work)

    def _offers(self) -> Offers:
        bucket = self._host.settings.cloud_models
        if not bucket:
            raise LinesightError("No bucket of models is set. An engineer sets it under Set-up, Cloud.")
        return Offers(self._session(), bucket)


_LABELS: dict[str, Label] = {"normal": "normal", "anomaly": "anomaly"}
