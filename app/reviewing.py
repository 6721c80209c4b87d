"""The reviewing desk: parts that people look at again, what their answers become, and when to train anew."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Protocol

from app.alarms import AlarmBook
from app.domain.calendar import day_of
from app.domain.errors import LinesightError, PictureError
from app.domain.frame import Image
from app.domain.look import noted_in
from app.domain.person import Action
from app.domain.records import Review
from app.domain.review import (
    VERDICT_OF,
    Answer,
    CameraDrift,
    Candidate,
    Case,
    Level,
    Origin,
    Outline,
    QueueRule,
    RetrainRule,
    Reviewed,
    Stats,
    Waiting,
    answers,
    standing,
)
from app.domain.verdict import Verdict
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf, agreement, retraining
from app.lifecycle.comparing import Comparing, Look
from app.lifecycle.drift import WEEKS, cameras_drift, weeks_of
from app.lifecycle.feedback import Feedback, Told, author_of, outlines_text, proposed_outlines
from app.lifecycle.queueing import candidates, queue, said_before, sampled
from app.lifecycle.retraining import Improver, Retraining
from app.paths import DataFolder
from app.people import PeopleDesk
from app.pictures import read_picture
from app.settings import Settings
from app.status import Phase, State
from app.store import Store
from app.store.reviewing import AnsweredMeanwhile

log = logging.getLogger(__name__)

CLAIM = timedelta(minutes=5)
"""A part that somebody looks at is kept from others for so long."""

_FRESH = 120.0  # seconds for which the queue is remembered: made anew in the background, so that nobody waits for it
_ROUND = 30.0  # seconds between two rounds of what is done in the background
_DRIFT_EVERY = 3600.0
_BUSY = (Phase.INSPECTING, Phase.WAITING, Phase.STARTING, Phase.TRAINING)


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    store: Store
    jobs: Jobs
    shelf: ModelShelf
    people: PeopleDesk
    alarms: AlarmBook

    @property
    def settings(self) -> Settings: ...
    @property
    def zone(self) -> tzinfo: ...
    def state(self) -> State: ...
    def inspect_source(self, source: str, model: str = "", product: str = "") -> None: ...


class ReviewDesk:
    """All methods may be called from any thread; those that give a Job return at once, the others are slow.

    Args:
        host: the station it stands in.
        changed: told when queue, figures or the case for retraining have changed.
        improver: what trains and releases.
        now: UTC.
        clock: seconds, rising.
    """

    def __init__(
        self,
        host: Host,
        changed: Callable[[], None],
        *,
        improver: Improver,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._changed, self._now, self._clock = host, changed, now, clock
        self.improver = improver
        self._id = uuid.uuid4().hex
        self._rows = host.store.reviewing
        self._comparing = Comparing(host.store, host.shelf, host.data.libraries)
        self._feedback = Feedback(host.store, host.data.libraries, author_of(host.settings.station), now)
        self._lock = threading.Lock()  # guards the fields below; held for moments only
        self._queue: tuple[float, str, list[Waiting]] | None = None
        self._looked_at_drift: float | None = None
        self._drift: list[CameraDrift] | None = None
        self._preparing: Job[Candidate] | None = None
        self._retraining = Retraining(host.store, host.data.libraries, author_of(host.settings.station), now)
        self._following = threading.Lock()  # held while labels follow
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def rule(self) -> QueueRule:
        s = self._host.settings
        return QueueRule(
            s.review_pass_rate, s.review_fail_rate, s.review_second_rate, s.review_confidence_below, days=s.review_days
        )

    @property
    def retrain_rule(self) -> RetrainRule:
        s = self._host.settings
        return RetrainRule(labels=s.retrain_after_labels, agreement=s.retrain_below_agreement)

    # -- the queue
    def waiting(self) -> list[Waiting]:
        """The parts that wait for whoever is signed in, the most urgent first."""
        person = self._host.people.name
        with self._lock:
            kept = self._queue
        if kept is not None and kept[1] == person and self._clock() - kept[0] < _FRESH:
            return list(kept[2])
        return list(self._make_queue(person))

    def _make_queue(self, person: str) -> list[Waiting]:
        since = self._now() - timedelta(days=self.rule.days)
        said = {part.id: rows for part, rows in self._rows.reviewed(since)}
        found = queue(candidates(self._rows, since, self.rule), said, self._rows.asked(), self.rule, person)
        with self._lock:
            self._queue = (self._clock(), person, found)
        return found

    def next(self) -> Look | None:
        """The next part, kept from others while it is looked at; None where nothing waits, or others look at the rest.

        Raises:
            NotAllowed: whoever is signed in may not review.
        """
        self._host.people.require(Action.REVIEW)
        for _ in range(2):
            found = self.waiting()
            now = self._now()
            taken = self._rows.claim([each.inspection_id for each in found], self._holder(), now, now + CLAIM)
            chosen = next((each for each in found if each.inspection_id == taken), None)
            if chosen is None:
                return None
            if max((row.seq for row in self._rows.rows(chosen.inspection_id)), default=0) == chosen.seen:
                return self._look(chosen, len(found))
            self.forget()  # somebody has answered it since the queue was made
        return None

    def look(self, inspection_id: str) -> Look:
        """One part of the queue, or one that was just answered and taken back.

        Raises:
            LinesightError: it does not wait for this person.
        """
        self._host.people.require(Action.REVIEW)
        found = self.waiting()
        chosen = next((each for each in found if each.inspection_id == inspection_id), None)
        if chosen is None:
            raise LinesightError(f"The inspection {inspection_id} does not wait for you.")
        now = self._now()
        if self._rows.claim([inspection_id], self._holder(), now, now + CLAIM) is None:
            raise LinesightError("Somebody else is looking at this part now. Take the next one.")
        return self._look(chosen, len(found))

    def _look(self, chosen: Waiting, waiting: int) -> Look:
        inspection = self._host.store.inspection(chosen.inspection_id)
        assert inspection is not None  # rows of the record are never deleted
        picture: Image | None = None
        try:
            picture = read_picture(self._host.store.image_file(inspection.image_path))
        except (PictureError, LinesightError) as error:
            log.info("%s", error)
        detection = None
        if picture is not None and inspection.model is not None:
            detector = self._comparing.detector(inspection.model)
            regions = noted_in(inspection.camera)
            detector = detector.with_regions(regions) if detector is not None and regions else detector
            detection = detector.detect(picture) if detector is not None else None
        kinds = self._comparing.types(inspection)
        proposed = next((region.label for region in inspection.regions if region.label != "anomaly"), "")
        types = tuple(dict.fromkeys(([proposed] if proposed else []) + kinds))
        rows, sent_by = self._rows.rows(chosen.inspection_id), self._rows.asked_by(chosen.inspection_id)
        done = self._answered_today()
        return Look(
            chosen,
            inspection,
            picture,
            self._comparing.golden(inspection, picture),
            detection.heat if detection is not None else None,
            detection.heat_box if detection is not None else (0.0, 0.0, 0.0, 0.0),
            detection.threshold if detection is not None else 0.0,
            proposed_outlines(inspection, detection),
            types,
            proposed,
            () if chosen.blind else said_before(rows, sent_by),
            (done + 1, done + waiting),
        )

    def _answered_today(self) -> int:
        settings, person, now = self._host.settings, self._host.people.name, self._now()
        today = day_of(now, self._host.zone, settings.day_starts_at)
        return sum(
            day_of(each.at, self._host.zone, settings.day_starts_at) == today
            for _, rows in self._rows.reviewed(now - timedelta(days=self.rule.days))
            for each in answers(rows)
            if each.person == person
        )

    # -- answering
    def answer(
        self,
        waiting: Waiting,
        said: Answer,
        *,
        kind: str = "",
        outlines: Sequence[Outline] = (),
        note: str = "",
    ) -> None:
        """Keeps an answer; its label follows in the background.

        Args:
            kind: the defect type, for a true defect; "" where it has no name.
            outlines: the mask that the person accepted.

        Raises:
            NotAllowed: whoever is signed in may not review.
            AnsweredMeanwhile: somebody else was first; nothing was kept.
        """
        self._host.people.require(Action.REVIEW)
        defect = said is Answer.TRUE_DEFECT
        review = Review(
            waiting.inspection_id,
            self._now(),
            self._host.people.name,
            VERDICT_OF[said],
            " ".join(kind.split())[:60] if defect else "",
            note,
            Origin.SECOND if waiting.blind else Origin.REVIEW,
            waiting.why.value,
            outlines_text(outlines) if defect else "",
        )
        try:
            self._rows.add(review, waiting.seen)
        except AnsweredMeanwhile:
            self.forget()
            raise
        with self._lock:
            if self._queue is not None:
                at, person, found = self._queue
                left = [each for each in found if each.inspection_id != waiting.inspection_id]
                self._queue = (at, person, left)
        self._wake.set()
        self._changed()

    def undo(self) -> str:
        """Takes back this person's last answer, as a new row; the part waits again. Returns its inspection's id, ""
        where there is nothing to take back.

        Raises:
            AnsweredMeanwhile: somebody has said something of that part since.
        """
        self._host.people.require(Action.REVIEW)
        person, now = self._host.people.name, self._now()
        mine = [
            each
            for _, rows in self._rows.reviewed(now - timedelta(days=self.rule.days))
            for each in answers(rows)
            if each.person == person
        ]
        if not mine:
            return ""
        last = max(mine, key=lambda each: each.seq)
        taken_back = replace(last, at=now, origin=Origin.UNDO, undoes=last.seq, note="", mask="", seq=0)
        self._rows.add(taken_back, last.seq)
        self.forget()
        self._wake.set()
        self._changed()
        return last.inspection_id

    def ask(self, inspection_id: str) -> bool:
        """Sends a part from the line to the review; anybody may. False where that was done before.

        Raises:
            LinesightError: there is nothing to look at.
        """
        part = self._host.store.inspection(inspection_id)
        if part is not None and (part.verdict is Verdict.ERROR or not part.image_path or part.picture_removed_at):
            raise LinesightError(f"Part {part.part_id} can't be reviewed: it has no verdict, or its picture is gone.")
        made = self._rows.ask(inspection_id, self._host.people.name, self._now())
        self.forget()
        self._changed()
        return made

    def give_back(self) -> None:
        """Nobody looks here any more: others get the part."""
        self._rows.give_back(self._holder())

    def forget(self) -> None:
        """At once: the queue is made anew when it is next asked for."""
        with self._lock:
            self._queue = None

    def _holder(self) -> str:
        return f"{self._id} {self._host.people.name}"

    # -- figures
    def _reviewed(self) -> list[Reviewed]:
        rule = self.rule
        return [
            Reviewed(
                part.id, part.captured_at, part.camera, part.verdict, tuple(standing(rows)),
                sampled(part.id, part.verdict, rule), part.product, part.model,
            )
            for part, rows in self._rows.reviewed()
        ]  # fmt: skip

    def stats(self) -> Stats:
        return agreement.stats_of(self._reviewed(), self.product, self._rows.labels(), self.waiting())

    def drift(self, at_most_old: float = 0.0) -> list[CameraDrift]:
        """Every camera's weeks; measures pictures that were not measured yet. What was found in the last `at_most_old`
        seconds may be told again."""
        with self._lock:
            kept, looked = self._drift, self._looked_at_drift
        if kept is not None and looked is not None and self._clock() - looked < at_most_old:
            return kept
        now = self._now()
        since = now - timedelta(weeks=4 * WEEKS)
        week = weeks_of(since, now, self._host.zone, self._host.settings.day_starts_at)
        scored = self._rows.scores(since)
        self._comparing.measure(scored, week)
        found = cameras_drift(scored, self._rows.quality, self._comparing.spans, self._reviewed(), week)
        with self._lock:
            self._drift, self._looked_at_drift = found, self._clock()
        return found

    def warn(self, found: Sequence[CameraDrift]) -> None:
        """Raises an alarm for what has moved, once for each figure, week and level."""
        for camera in found:
            for trend in camera.trends:
                moved = [each.week for each in trend.weeks if each.level is trend.level]
                if trend.level not in (Level.MOVING, Level.DRIFTED) or not moved:
                    continue
                name = f"{camera.camera} {camera.model} {trend.name} {moved[-1]} {trend.level}"
                if self._rows.warn_once(name, self._now()):
                    how = "has drifted" if trend.level is Level.DRIFTED else "is moving"
                    detail = f"{trend.words} See Review, Figures."
                    self._host.alarms.raise_alarm("trend", camera.camera, f"{trend.name} {how}", detail)

    # -- retraining
    @property
    def product(self) -> str:
        state = self._host.state()
        return state.product if state.model is not None else self._host.settings.product

    def case(self) -> Case:
        """The case for and against retraining the product that is inspected now."""
        with self._lock:
            drift, preparing = self._drift or [], self._preparing
        station = agreement.station_agreement(agreement.present(self._reviewed(), self.product))
        learned = self._comparing.learned(self._running())
        found = self._retraining.case(self.product, self.retrain_rule, station, drift, learned)
        if preparing is not None and not preparing.done:
            return replace(found, state="preparing", words=preparing.progress.words)
        return found

    def prepare(self) -> Job[Candidate]:
        """Takes a snapshot, trains a candidate on it and tests it beside the present model. Releases nothing.

        Raises:
            NotAllowed: whoever is signed in may not train.
        """
        self._host.people.require(Action.TRAIN)
        return self._prepare(self._host.people.name)

    def _prepare(self, by: str) -> Job[Candidate]:
        product, running = self.product, self._running()

        def work(job: Job[Candidate]) -> Candidate:
            self.follow()
            return self._retraining.make(self.improver, product, running, by, job.step)

        with self._lock:
            if self._preparing is not None and not self._preparing.done:
                return self._preparing
            self._preparing = job = self._host.jobs.start(f"Candidate for {product}", work)
        self._changed()
        job.listen(lambda ended: self._changed() if ended.done else None)
        return job

    def release(self) -> str:
        """Puts the candidate to use, through the release gate: a person says so. Returns its name.

        Raises:
            NotAllowed: whoever is signed in may not release.
            ModelError: there is no candidate.
        """
        self._host.people.require(Action.RELEASE)
        name = self._retraining.decide(self.improver, self.product, retraining.RELEASED, self._host.people.name)
        self._changed()
        return name

    def set_aside(self) -> str:
        """The candidate is not used; more labels bring another. Rights and errors as for `release`."""
        self._host.people.require(Action.RELEASE)
        name = self._retraining.decide(self.improver, self.product, retraining.SET_ASIDE, self._host.people.name)
        self._changed()
        return name

    def _running(self) -> str:
        state = self._host.state()
        name = str(state.model) if state.model is not None else self._host.settings.model
        return name if name and (Path(name).exists() or "@" in name) else ""

    # -- in the background
    def begin(self) -> None:
        """Starts the rounds in the background."""
        with self._lock:
            if self._thread is not None or self._closed:
                return
            self._thread = threading.Thread(target=self._rounds, name="reviewing", daemon=True)
        self._thread.start()

    def _rounds(self) -> None:
        whole: float | None = None
        while not self._closed:
            try:
                if whole is None or self._clock() - whole >= _ROUND:
                    whole = self._clock()
                    self.look_after()
                else:
                    self.follow()  # somebody has answered
            except Exception:  # a round that fails must not be the last
                log.exception("a round of the review failed")
            self._wake.wait(_ROUND)
            self._wake.clear()

    def follow(self) -> Told:
        """Labels follow the reviews."""
        with self._following:
            told = self._feedback.follow()
        if told.labelled:
            self._changed()
        return told

    def look_after(self) -> None:
        """One round: labels follow, drift is looked at now and then, and where retraining is due and the line stands
        still, a candidate is prepared."""
        self.follow()
        with self._lock:
            looked, used = self._looked_at_drift, self._queue
        if used is not None and bool(self._make_queue(self._host.people.name)) != bool(used[2]):
            self._changed()
        if looked is None or self._clock() - looked >= _DRIFT_EVERY:
            self.warn(self.drift())
            self._changed()
        found = self.case()
        idle = self._host.state().phase not in _BUSY
        if found.reasons and not found.blocked and found.state not in ("preparing", "ready") and idle:
            self._prepare("")

    def close(self) -> None:
        """Ends the rounds and gives back what is being looked at."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
        try:
            self.give_back()
        except LinesightError as error:
            log.warning("%s", error)


__all__ = ["Answer", "AnsweredMeanwhile", "Look", "ReviewDesk"]
