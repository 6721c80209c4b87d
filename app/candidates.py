"""Candidates that the review proposes are made, measured and released as any other version is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import Cancelled, ModelError
from app.domain.review import Candidate, CandidateTest
from app.domain.verdict import Verdict
from app.domain.versions import Judgement, TrainingPlan, Trial
from app.improving import ImproveDesk

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
