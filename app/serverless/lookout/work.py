"""What goes on after the answer: reading manifests, training, starting, stopping, packaging."""

from __future__ import annotations

import contextlib
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from app.domain.errors import DatasetError, LinesightError
from app.serverless.buckets import BucketError
from app.serverless.lookout import entries
from app.serverless.lookout.context import Context, Job, now
from app.serverless.lookout.datasets import MOST_IMAGES
from app.serverless.lookout.models import evaluation_key, remove
from app.serverless.lookout.packages import package
from app.serverless.lookout.records import DatasetType, ModelRecord, Object, PackagingRecord, Performance, Project
from app.serverless.lookout.training import Outcome, Plan

log = logging.getLogger(__name__)

MOST_MANIFEST = 1 << 30
_UNFORESEEN = (OSError, ValueError, RuntimeError, MemoryError)
"""What libraries raise beside the errors that were thought of. A record must not wait for ever because of one."""

_LOOKED_FOR = 300  # images of a new dataset that are looked for in their bucket

Train = Callable[[Plan], Outcome]


class Workshop:
    """Does jobs. Each brings a record from a state that waits to one that is settled; one that was done already does
    nothing, so that a job may come twice."""

    def __init__(self, context: Context, scratch: Path, train: Train) -> None:
        """
        Args:
            scratch: a folder for copies, emptied now.
            train: carries out a plan, here or in another process.
        """
        self._context, self._scratch, self._train = context, scratch, train
        shutil.rmtree(scratch, ignore_errors=True)

    def perform(self, job: Job) -> None:
        """Whatever goes wrong is told in the record's status."""
        match job.kind:
            case "import":
                self._import(job.project, _type(job.subject))
            case "update":
                self._update(job.project, _type(job.subject))
            case "train":
                self._train_model(job.project, int(job.subject))
            case "start":
                self._start(job.project, int(job.subject))
            case "stop":
                self._stop(job.project, int(job.subject))
            case "package":
                self._package(job.project, job.subject)

    def recover(self) -> None:
        """After a start: goes on with what was waiting, and tells what was lost."""
        for name in self._context.records.names():
            with self._context.records.locked(name):
                project = self._context.records.project(name)
                if project is not None:
                    self._recover(project)

    def _recover(self, project: Project) -> None:
        submit, records = self._context.jobs.submit, self._context.records
        for kind, dataset in project.datasets.items():
            if dataset.status == "CREATE_IN_PROGRESS":
                submit(Job("import", project.name, kind))
            elif dataset.status == "UPDATE_IN_PROGRESS":
                submit(Job("update", project.name, kind))
        for model in list(project.models.values()):
            version = str(model.version)
            if model.status == "TRAINING" and model.begun:
                model.status = "TRAINING_FAILED"
                model.message = "The server ended while this model was being trained. Train it again."
                records.save(project)
            elif model.status == "TRAINING":
                submit(Job("train", project.name, version))
            elif model.status in ("STARTING_HOSTING", "HOSTED"):
                submit(Job("start", project.name, version))
            elif model.status == "STOPPING_HOSTING":
                submit(Job("stop", project.name, version))
            elif model.status == "DELETING":
                remove(self._context, project, model)
        for job in project.jobs.values():
            if job.status in ("CREATED", "RUNNING"):
                submit(Job("package", project.name, job.name))

    @contextlib.contextmanager
    def _project(self, name: str) -> Iterator[Project]:
        """To change and save; nothing is done where it is gone by now."""
        with self._context.records.locked(name):
            project = self._context.records.project(name)
            if project is None:
                raise _Gone
            yield project
            self._context.records.save(project)

    def _import(self, name: str, kind: DatasetType) -> None:
        context = self._context
        with contextlib.suppress(_Gone):
            project = context.records.project(name)
            dataset = project.datasets.get(kind) if project else None
            if dataset is None or dataset.source is None or dataset.status != "CREATE_IN_PROGRESS":
                return
            source, found, trouble, missing = dataset.source, [], "", ""
            try:
                data, missing = self._manifest(source)
                found = entries.read(entries.split(data))
                self._check(found, kind)
                missing += self._missing(found)
            except LinesightError as error:
                found, trouble = [], f"The manifest s3://{source.bucket}/{source.key} can't be used: {error}"
            except _UNFORESEEN as error:
                found, trouble = [], _unforeseen(error, f"the {kind} dataset of {name}")
            with self._project(name) as project:
                dataset = project.datasets.get(kind)
                if dataset is None or dataset.status != "CREATE_IN_PROGRESS":
                    return
                context.records.save_lines(name, kind, [entry.line for entry in found])
                dataset.images, dataset.updated = entries.counts(found), now(context)
                dataset.status = "CREATE_FAILED" if trouble else "CREATE_COMPLETE"
                dataset.message = trouble or f"The dataset was created successfully.{missing}"

    def _manifest(self, source: Object) -> tuple[bytes, str]:
        """The manifest's bytes, and a note where it is not the version that was asked for: clients are known to send
        the number of a model instead, and Amazon's service took it."""
        read = self._context.buckets.read
        if source.version is not None:
            try:
                return read(source.bucket, source.key, source.version, MOST_MANIFEST), ""
            except BucketError:
                newest = read(source.bucket, source.key, None, MOST_MANIFEST)
                return newest, f" The manifest has no version {source.version}: the newest was read."
        return read(source.bucket, source.key, None, MOST_MANIFEST), ""

    def _update(self, name: str, kind: DatasetType) -> None:
        context = self._context
        # They stay as they are until this is done: nothing else is accepted before.
        changes = [entries.read_one(line) for line in context.records.lines(name, f"{kind}.changes")]
        missing = self._missing(changes)
        with contextlib.suppress(_Gone), self._project(name) as project:
            dataset = project.datasets.get(kind)
            if dataset is None or dataset.status != "UPDATE_IN_PROGRESS":
                return
            old = [entries.read_one(line) for line in context.records.lines(name, kind)]
            found = entries.merged(old, changes)
            dataset.updated = now(context)
            try:
                self._check(found, kind)
            except DatasetError as error:
                dataset.status = "UPDATE_FAILED_ROLLBACK_COMPLETE"
                dataset.message = f"The dataset is as it was before the update: {error}"
            else:
                context.records.save_lines(name, kind, [entry.line for entry in found])
                dataset.images = entries.counts(found)
                dataset.status = "UPDATE_COMPLETE"
                dataset.message = f"The dataset was updated successfully.{missing}"
        context.records.save_lines(name, f"{kind}.changes", None)

    def _check(self, found: list[entries.Entry], kind: DatasetType) -> None:
        if not found:
            raise DatasetError("It holds no JSON line.")
        if len(found) > MOST_IMAGES[kind]:
            raise DatasetError(f"{len(found)} images are too many: a {kind} dataset has at most {MOST_IMAGES[kind]}.")
        kinds = frozenset[str]().union(*(entry.kinds for entry in found))
        if len(kinds) > entries.MOST_LABELS:
            raise DatasetError(f"Its masks have {len(kinds)} labels; at most {entries.MOST_LABELS} are learned.")

    def _missing(self, found: list[entries.Entry]) -> str:
        """A note on images that are not there, so that a wrong path is known before training; not all are looked for,
        since each look may be a call to S3."""
        missing = []
        for entry in found[:: max(1, len(found) // _LOOKED_FOR)]:
            try:
                if not self._context.buckets.exists(*entries.place_of(entry.source)):
                    missing.append(entry.source)
            except (BucketError, ValueError):
                missing.append(entry.source)
            if len(missing) > 3:  # enough to say so
                break
        if not missing:
            return ""
        return f" But some of its images can't be found, such as {missing[0]}."

    def _train_model(self, name: str, version: int) -> None:
        context = self._context
        with contextlib.suppress(_Gone):
            with self._project(name) as project:
                model = project.models.get(version)
                if model is None or model.status != "TRAINING":
                    return
                model.begun = True
            folder = self._scratch / uuid.uuid4().hex
            try:
                outcome: Outcome | None = self._train(self._plan(project, model, folder))
                trouble = ""
            except LinesightError as error:
                outcome, trouble = None, str(error)
            except _UNFORESEEN as error:
                outcome, trouble = None, _unforeseen(error, f"training {name}, version {version}")
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            with self._project(name) as project:
                model = project.models.get(version)
                if model is not None:
                    _settle(model, outcome, trouble)
            for kind in ("train", "test"):
                context.records.save_lines(name, f"{version}.{kind}", None)

    def _plan(self, project: Project, model: ModelRecord, folder: Path) -> Plan:
        files: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for kind in ("train", "test"):
            lines = self._context.records.lines(project.name, f"{model.version}.{kind}")
            if lines or kind == "train":
                files[kind] = folder / f"{kind}.manifest"
                files[kind].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return Plan(
            project=project.name,
            version=model.version,
            arn=model.arn,
            train=files["train"],
            test=files.get("test"),
            model=self._context.records.model(project.name, model.version),
            buckets=self._context.buckets,
            bucket=model.bucket,
            manifest_key=evaluation_key(project, model, "Manifest"),
            result_key=evaluation_key(project, model, "Result"),
            cache=folder / "objects",
        )

    def _start(self, name: str, version: int) -> None:
        context = self._context
        project = context.records.project(name)
        model = project.models.get(version) if project else None
        if model is None or model.status not in ("STARTING_HOSTING", "HOSTED"):
            return
        trouble = ""
        try:
            with context.hosting.using(name, version, context.records.model(name, version)) as detector:
                if model.picture is not None:
                    detector.prepare(*model.picture)
        except LinesightError as error:
            trouble = str(error)
        except _UNFORESEEN as error:
            trouble = _unforeseen(error, f"starting {name}, version {version}")
        with contextlib.suppress(_Gone), self._project(name) as project:
            model = project.models.get(version)
            if model is not None and model.status in ("STARTING_HOSTING", "HOSTED"):
                model.status = "HOSTING_FAILED" if trouble else "HOSTED"
                model.message = trouble or "The model is running."

    def _stop(self, name: str, version: int) -> None:
        self._context.hosting.forget(name, version)
        with contextlib.suppress(_Gone), self._project(name) as project:
            model = project.models.get(version)
            if model is not None and model.status == "STOPPING_HOSTING":
                model.status, model.message = "TRAINED", "The model was stopped."
                model.min_units = model.max_units = None

    def _package(self, name: str, job_name: str) -> None:
        context = self._context
        with contextlib.suppress(_Gone):
            with self._project(name) as project:
                job = project.jobs.get(job_name)
                if job is None or job.status not in ("CREATED", "RUNNING"):
                    return
                model = project.models.get(job.version)
                again = job.status == "RUNNING"
                self._note(job, "RUNNING", "The model is being packaged.")
            try:
                if model is None:
                    raise DatasetError("The model was deleted.")
                package(context.buckets, context.records.model(name, job.version), model, job, again=again)
                status, words = "SUCCEEDED", "The model was packaged successfully."
            except LinesightError as error:
                status, words = "FAILED", str(error)
            except _UNFORESEEN as error:
                status, words = "FAILED", _unforeseen(error, f"the packaging job {job_name} of {name}")
            with self._project(name) as project:
                self._note(project.jobs[job_name], status, words)

    def _note(self, job: PackagingRecord, status: str, words: str) -> None:
        job.status, job.message, job.updated = status, words, now(self._context)


class _Gone(Exception):
    """The project was deleted in between."""


def _settle(model: ModelRecord, outcome: Outcome | None, trouble: str) -> None:
    if outcome is None:
        model.status, model.message = "TRAINING_FAILED", trouble
        return
    model.status, model.message = "TRAINED", outcome.words()
    model.performance = Performance(f1=outcome.f1, recall=outcome.recall, precision=outcome.precision)
    model.evaluated, model.labels, model.picture = outcome.evaluated, outcome.labels, outcome.picture


def _unforeseen(error: BaseException, doing: str) -> str:
    """Logs it with its traceback, and gives the words for the record."""
    log.error("Something unforeseen: %s", doing, exc_info=error)
    return f"Something unforeseen went wrong ({error}). The log has more."


def _type(subject: str) -> DatasetType:
    return "test" if subject == "test" else "train"
