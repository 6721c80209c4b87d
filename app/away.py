"""Trainings in the account: a set goes to the stack's bucket of models, its functions learn from it, and what they made
comes back as a version. Small sets are learned from by a Lambda function, large ones by a SageMaker training job.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from app.candidates import made_of
from app.cloud.offers import Offer, Offers
from app.cloud.parcels import name_of
from app.cloud.session import CloudError, CloudSession, worded
from app.cloud.transfers import upload
from app.datasets import opened_dataset
from app.datasets.exporting import export
from app.datasets.lookout_export import colours_of
from app.datasets.masks import labelled
from app.domain.errors import Cancelled, LinesightError, ModelError
from app.domain.versions import JobState, TrainingJob
from app.improving import ImproveDesk
from app.jobs import Step, part_of
from app.lifecycle.importing import import_version
from app.lifecycle.queue import Standing, TrainingQueue
from app.paths import DataFolder
from app.settings import Settings

log = logging.getLogger(__name__)

LONGEST = timedelta(hours=8)
"""A SageMaker training job of the stack ends after six."""

_LOOK = 10.0  # seconds between two looks
_SENT, _LEARNED = 0.3, 0.8  # fractions of the whole


class Host(Protocol):
    """What it needs of its station."""

    data: DataFolder
    improving: ImproveDesk

    @property
    def settings(self) -> Settings: ...


class AccountTraining:
    """A `TrainingPlace`. Everything of a training follows from its plan, so that one that a crash cut short is begun
    again and finds in the bucket what it had done.

    Args:
        session: the way to AWS as the settings have it now.
        changed: told when there is a new version.
    """

    title = "The account (AWS)"

    def __init__(
        self,
        host: Host,
        session: Callable[[], CloudSession],
        changed: Callable[[], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._host, self._session, self._changed, self._now = host, session, changed, now
        self._queue = TrainingQueue(host.data.trainings, now)
        self._lock = threading.Lock()
        self._running: dict[str, threading.Event] = {}  # trainings, and what stops each
        self._closed = False

    def why_not(self) -> str:
        settings = self._host.settings
        if settings.cloud_models and settings.cloud_train_queue:
            return ""
        return "Not connected: see Set-up, Cloud."

    def begin(self, job: TrainingJob) -> None:
        with self._lock:
            if self._closed or job.id in self._running:
                return
            stop = self._running[job.id] = threading.Event()
        threading.Thread(target=self._run, args=(job, stop), name="training-away", daemon=True).start()

    def cancel(self, job: TrainingJob) -> None:
        """Nobody waits for it any more; what the account has begun, it ends by itself."""
        with self._lock:
            stop = self._running.get(job.id)
        if stop is not None:
            stop.set()
        else:
            self._queue.ended(job.id, replace(self._queue.standing(job.id), state=JobState.CANCELLED))

    def resume(self) -> None:
        """Goes on with what the last run left."""
        if not self._queue.folder.is_dir():
            return
        for job in self._queue.jobs():
            if job.plan.where == "sagemaker" and not job.state.ended:
                self.begin(job)

    def close(self) -> None:
        """At once; trainings go on there, and are looked after again at the next start."""
        with self._lock:
            self._closed = True
            for stop in self._running.values():
                stop.set()

    # -- the thread of a training
    def _run(self, job: TrainingJob, stop: threading.Event) -> None:
        standing = replace(self._queue.standing(job.id), state=JobState.RUNNING, started_at=self._now())
        try:
            self._queue.set_standing(job.id, standing)
            version, notes = self._train(job, stop)
            self._queue.ended(job.id, replace(standing, state=JobState.DONE, version=version, notes=notes))
            self._changed()
        except Cancelled:
            if not self._closed:
                self._ended(job, replace(standing, state=JobState.CANCELLED))
        except LinesightError as error:
            self._ended(job, replace(standing, state=JobState.FAILED, error=str(error)))
        except Exception as error:  # it must be said of the training, not of a thread that nobody sees
            log.exception("the training %s in the account failed", job.id)
            self._ended(job, replace(standing, state=JobState.FAILED, error=f"{type(error).__name__}, see the log."))
        finally:
            with self._lock:
                self._running.pop(job.id, None)

    def _ended(self, job: TrainingJob, standing: Standing) -> None:
        try:
            self._queue.ended(job.id, standing)
        except ModelError:
            log.exception("the end of the training %s can't be written down", job.id)

    def _train(self, job: TrainingJob, stop: threading.Event) -> tuple[str, tuple[str, ...]]:
        settings, product = self._host.settings, name_of(job.plan.product)
        bucket, queue = settings.cloud_models, settings.cloud_train_queue
        if not bucket or not queue:
            words = "Name the stack's bucket of models and its queue of trainings: Set-up, Cloud. Then train again."
            raise LinesightError(f"The account is not connected any more. {words}")
        session, number = self._session(), int(job.asked_at.timestamp())
        offers = Offers(session, bucket)

        def step(fraction: float, words: str) -> None:
            if stop.is_set():
                raise Cancelled("stopped")
            line = json.dumps({"fraction": fraction, "words": words}) + "\n"
            with self._queue.progress_file(job.id).open("a", encoding="utf-8") as file:
                file.write(line)

        if offers.one(product, number) is None:
            self._send(session, job, bucket, product, number, step)
            with worded("The training can't be asked for", "sqs:SendMessage"):
                body = json.dumps({"product": product, "snapshot": number})
                session.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
        offer = self._wait(offers, product, number, job, stop, step)
        with tempfile.TemporaryDirectory(prefix="linesight-offer-") as name:
            fetched = offers.fetch(offer, Path(name), part_of(step, _LEARNED, 0.9))
            made = made_of(offer, fetched)
            version = import_version(
                self._host.improving.registry,
                job.plan.product,
                made,
                by=job.by,
                job=job.id,
                now=self._now,
                step=part_of(step, 0.9, 1.0),
            )
        left_out = ("The size was chosen there.",) if job.plan.size else ()
        return version, (*made.notes, *left_out)

    def _send(
        self,
        session: CloudSession,
        job: TrainingJob,
        bucket: str,
        product: str,
        number: int,
        step: Step,
    ) -> None:
        place = f"s3://{bucket}/training/{product}/{number}"
        learns = job.plan.learn == "good parts and defects"
        with (
            tempfile.TemporaryDirectory(prefix="linesight-set-") as folder,
            opened_dataset(job.plan.dataset, plain_is_normal=True, step=lambda part, words: step(0.0, words)) as found,
        ):
            records = [labelled(item) for item in found.items if item.label and (learns or item.label == "normal")]
            out = Path(folder) / "set"
            done = export(
                records, "lookout", out, part_of(step, 0.0, 0.1),
                colours=colours_of(found), s3_prefix=place,
            )  # fmt: skip
            upload(session, out, place, part_of(step, 0.1, _SENT))
            manifest = b"".join(path.read_bytes().rstrip(b"\n") + b"\n" for path in done.lists)
        with worded("The set can't be sent", "s3:PutObject"):
            # Last: it says that the pictures are there.
            key = f"candidates/{product}/{number:04}/snapshot.manifest"
            session.client("s3").put_object(Bucket=bucket, Key=key, Body=manifest)

    def _wait(
        self,
        offers: Offers,
        product: str,
        number: int,
        job: TrainingJob,
        stop: threading.Event,
        step: Step,
    ) -> Offer:
        begin = self._now()
        while self._now() - begin < LONGEST:
            try:
                found = offers.one(product, number)
                words = "The account learns"
            except CloudError as error:
                found, words = None, str(error)  # it goes on there without a network here
            if found is not None:
                return found
            share = min(1.0, (self._now() - begin) / LONGEST)
            step(_SENT + (_LEARNED - _SENT) * share, words)
            stop.wait(_LOOK)
        raise LinesightError(
            f"The account has made nothing of it in {LONGEST.total_seconds() / 3600:.0f} hours. The dead-letter queue "
            "of the stack's trainings and the log of its function train say why."
        )
