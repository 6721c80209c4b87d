"""The station: puts the rooms together from the settings. The one place that knows all of them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from app import settings as settings_file
from app.alarms import AlarmBook
from app.cameras import FrameSource, make_source, usb_cameras
from app.domain.addresses import without_credentials
from app.domain.alarm import Alarm
from app.domain.calendar import day_bounds, day_of, station_zone
from app.domain.counts import Counts
from app.domain.errors import Cancelled, LinesightError, ModelError, PictureError, SourceError
from app.domain.frame import Image
from app.domain.inspection import Inspection, ModelRef, Outcome
from app.domain.training import DatasetSummary, TrainedModel
from app.inspection.capture import CaptureState
from app.inspection.pipeline import Pipeline
from app.inspection.recorder import Recorder
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf
from app.lifecycle.shelf import folder_name
from app.lifecycle.training import describe_dataset, train_on_dataset, train_on_demo
from app.paths import DataFolder
from app.pictures import read_picture
from app.reports import Figures, day_figures, write_workbook
from app.settings import Settings
from app.status import Change, Health, ModelEntry, Phase, State
from app.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

DEMO = "demo"
DEMO_PRODUCT = "Demo plate"
RECENT = 20
DEMO_TRAINING_SEED = 7
OPERATOR = "operator"


class Station:
    """One inspection station. All methods may be called from any thread and return at once, except
    those marked slow. Listeners are called on worker threads and must return quickly.

    Args:
        data: where everything is kept.
        demo_seed: makes the demo line's parts the same each time; None for new ones.
        source, model: what `begin` starts with instead of what the settings say.
    """

    def __init__(
        self, data: DataFolder, *, demo_seed: int | None = None, source: str | None = None, model: str | None = None
    ) -> None:
        """Raises LinesightError when settings or record can't be used; names the file."""
        self.data = data.prepare()
        self._settings = settings_file.load(data.settings)
        self._demo_seed = demo_seed
        self._given = (source, model)
        self.store = Store.open(data.database, data.images)
        self.shelf = ModelShelf(data.models)
        self.jobs = Jobs()
        self.alarms = AlarmBook(self.store, lambda: self._tell(Change.ALARMS))
        self._listeners: list[Callable[[Change], None]] = []
        self._lock = threading.Lock()  # guards the fields below; held for moments only
        self._line = threading.Lock()  # held while a line is started or stopped
        self._order = 0  # the newest order to start or stop wins
        self._closed = False
        self._pipeline: Pipeline | None = None
        self._phase, self._words, self._job = Phase.IDLE, "Nothing is inspected yet.", None
        self._source, self._product = without_credentials(self._settings.source), self._settings.product
        self._model: ModelRef | None = None
        self._latest: Outcome | None = None
        self._recent: deque[Inspection] = deque(self.store.recent(RECENT), maxlen=RECENT)
        self._day = self.today()
        self._counts = self._stored_counts(self._day)
        self._pictures_lost, self._disk_words = 0, ""
        self._lost = False
        self._bad_pictures: deque[tuple[Path | None, str]] = deque(maxlen=1000)
        self._session, self._unrecorded = Counts(), 0

    _job: Job[Any] | None

    # -- what it says
    @property
    def settings(self) -> Settings:
        return self._settings

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Calls `listener` at each change; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def state(self) -> State:
        with self._lock:
            return State(self._phase, self._words, self._source, self._product, self._model, self._job)

    def health(self) -> Health:
        with self._lock:
            pipeline, latest = self._pipeline, self._latest
            lost, disk = self._pictures_lost, self._disk_words
        age = latest.frame.age() if latest else None
        if pipeline is None:
            return Health(False, "No source is running.", 0.0, 0.0, age, 0, 0, 0, 0, disk, lost)
        capture = pipeline.capture.state
        return Health(
            connected=capture.connected,
            words=capture.words,
            capture_fps=pipeline.capture.meter.rate(),
            verdict_fps=pipeline.verdicts.rate(),
            frame_age=age,
            captured=capture.captured,
            # What a camera's own reading thread had to let go never reached the slot: both are drops.
            dropped=pipeline.slot.dropped + int(getattr(pipeline.source, "dropped", 0)),
            inspected=pipeline.inspected,
            reconnects=capture.reconnects,
            disk_words=disk,
            pictures_lost=lost,
        )

    def latest(self) -> Outcome | None:
        """The newest outcome: a mailbox of one."""
        return self._latest

    def counts_today(self) -> Counts:
        """Inspections of the station's day so far, kept in memory."""
        today = self.today()
        with self._lock:
            return self._counts if self._day == today else Counts()

    def recent(self, limit: int = RECENT) -> list[Inspection]:
        """The newest inspections, at most 20, newest first; kept in memory."""
        with self._lock:
            return list(self._recent)[:limit]

    def session_counts(self) -> Counts:
        """What was recorded since this station was made."""
        with self._lock:
            return self._session

    def unrecorded(self) -> int:
        """Parts that got no verdict because they could not be put on record."""
        with self._lock:
            return self._unrecorded

    def bad_pictures(self) -> list[tuple[Path | None, str]]:
        """(file, words) of each picture of an enumerated source that could not be read, the newest 1,000."""
        with self._lock:
            return list(self._bad_pictures)

    def active_alarms(self) -> list[Alarm]:
        return self.alarms.active()

    def alarm_history(self, limit: int = 200) -> list[Alarm]:
        """Slow."""
        return self.store.alarm_history(limit)

    def picture(self, image_path: str) -> Image | None:
        """Slow: a stored picture, (H, W, 3) uint8 BGR; None where it is gone."""
        try:
            return read_picture(self.store.image_file(image_path))
        except (PictureError, LinesightError) as error:
            log.info("%s", error)
            return None

    def figures(self, first: date, last: date) -> Figures:
        """Slow: the figures of the station's days `first` to `last`."""
        start, end = day_bounds(first, last, self.zone, self._settings.day_starts_at)
        return day_figures(self.store, start, end, self.zone, self._settings.day_starts_at)

    def models(self) -> list[ModelEntry]:
        """Slow: the models kept here, newest first."""
        return [
            ModelEntry(
                stored.ref.name,
                stored.ref.version,
                stored.path,
                stored.description.created_at,
                stored.description.training.normals,
                stored.description.backbone,
            )
            for stored in self.shelf.all()
        ]

    def usb_cameras(self) -> list[tuple[int, str]]:
        """Slow: (index, name) of the cameras this computer sees."""
        return usb_cameras()

    @property
    def zone(self) -> tzinfo:
        return station_zone(self._settings.zone)

    def today(self) -> date:
        """The station's day now."""
        return day_of(datetime.now(UTC), self.zone, self._settings.day_starts_at)

    # -- what it is told
    def acknowledge(self, alarm_id: str) -> None:
        self.jobs.write("Acknowledge", lambda job: self.alarms.acknowledge(alarm_id, OPERATOR))

    def export_report(self, first: date, last: date, out: Path | None = None) -> Job[Path]:
        """Writes the workbook of the days `first` to `last`; without `out` into the reports folder."""
        span = f"{first}" if first == last else f"{first}-to-{last}"
        place = out or self.data.reports / f"{folder_name(self._settings.station)}-{span}.xlsx"
        return self.jobs.start("Report", lambda job: self.write_report(first, last, place, job.step))

    def write_report(
        self, first: date, last: date, out: Path, step: Callable[[float, str], None] = lambda fraction, words: None
    ) -> Path:
        """Slow: the workbook itself."""
        return write_workbook(
            self.store,
            first,
            last,
            out,
            zone=self.zone,
            day_starts_at=self._settings.day_starts_at,
            station=self._settings.station,
            step=step,
        )

    def save_settings(self, **changes: Any) -> None:
        """Slow: checks and writes the settings; raises LinesightError in words when one is wrong."""
        try:
            changed = Settings.model_validate(self._settings.model_dump() | changes)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            raise LinesightError(f"{name}: {first['msg']}.") from error
        try:
            settings_file.save(self.data.settings, changed)
        except OSError as error:
            raise LinesightError(f"The settings can't be written to {self.data.settings}: {error.strerror}.") from error
        self._settings = changed
        day = self.today()
        counts = self._stored_counts(day)
        with self._lock:
            self._day, self._counts = day, counts
        self._tell(Change.STATE)

    def check_source(self, source: str) -> Job[Image]:
        """Takes one test picture from a source and closes it again."""

        def work(job: Job[Image]) -> Image:
            with self._lock:
                pipeline, latest = self._pipeline, self._latest
            camera = make_source(source, watch=False, seed=self._demo_seed)
            if pipeline is not None and latest is not None and pipeline.source.address == camera.address:
                return latest.frame.image  # most cameras can be opened only once
            job.step(None, f"Connecting to {camera.address}")
            try:
                camera.open()
                frame = camera.read()
            finally:
                camera.close()
            if frame is None:
                raise SourceError(f"{camera.address} gave no picture.")
            return frame.image

        return self.jobs.start("Test picture", work)

    def describe_dataset(self, dataset: Path) -> DatasetSummary:
        """Slow: what a folder of pictures or a manifest holds, and advice in words."""
        return describe_dataset(dataset)

    def train(self, dataset: Path, product: str, size: int = 256) -> Job[TrainedModel]:
        """Makes the next version of `product` from the good parts of a dataset; it is not put to use."""
        return self.jobs.start(
            f"Train {product}", lambda job: train_on_dataset(self.shelf, dataset, product, size, job.step)
        )

    def begin(self) -> None:
        """Goes on with the source and the model of the settings; the demo line trains its own first."""
        settings = self._settings
        source, model = self._given
        if source or model:
            self.inspect_source(source or settings.source, model or "", settings.product, remember=False)
        elif settings.model or settings.source == DEMO:
            self.inspect_source(settings.source, settings.model, settings.product)
        else:
            self._set(Phase.IDLE, "There is no model yet. Train one on pictures of good parts, or start the demo line.")

    def inspect_source(self, source: str, model: str = "", product: str = "", *, remember: bool = True) -> None:
        """Changes to a source and a model. Without `model` the demo line uses its own, which is made when
        first needed, and any other source goes on with the one of the settings. What went before is ended first."""

        order = self._newest_order()
        self.jobs.start(
            f"Start {without_credentials(source)}",
            lambda job: self._inspect(order, source, model, product, remember),
        )

    def stop(self) -> None:
        """Ends inspecting until `resume`."""

        order = self._newest_order()

        def work(_: Job[None]) -> None:
            with self._line:
                self._end_line()
                if order == self._order:
                    self._set(Phase.STOPPED, "Stopped. Parts that pass now are not inspected.")

        self.jobs.start("Stop", work)

    def resume(self) -> None:
        self.begin()

    def wait_finished(self, timeout: float | None = None) -> bool:
        """Slow: waits until a finite source has ended and all of it is on record."""
        pipeline = self._pipeline
        return pipeline is not None and pipeline.join(timeout)

    def close(self) -> None:
        """Slow: ends line, jobs and record in this order; nothing committed is lost."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._newest_order()
        with self._line:
            self._end_line()
        self.jobs.close()
        with self._line:
            self._end_line()
        self.store.close()

    # -- the line
    def _inspect(self, order: int, source: str, model: str, product: str, remember: bool) -> None:
        with self._line:
            if order != self._order or self._closed:
                return  # a newer order has come meanwhile
            self._end_line()
            of_the_demo = source == DEMO and not model
            product = DEMO_PRODUCT if of_the_demo else product or self._settings.product
            with self._lock:
                self._source, self._product, self._latest = without_credentials(source), product, None
            try:
                if of_the_demo:
                    kept = self.shelf.newest(DEMO_PRODUCT)
                    model = str(kept.ref) if kept else self._demo_model()
                model = model or self._settings.model
                if not model:
                    raise ModelError("There is no model yet. Train one on pictures of good parts first.")
                self._set(Phase.STARTING, "Loading the model")
                detector = self.shelf.load(model)
                camera = make_source(source, seed=self._demo_seed if source == DEMO else None)
            except Cancelled:
                self._set(Phase.IDLE, "Training was stopped. Start the demo line again, or connect a camera.")
                return
            except LinesightError as error:
                self._set(Phase.FAULT, str(error))
                return
            except Exception as error:
                log.exception("the line could not be started")
                self._set(Phase.FAULT, f"The line could not be started: {error}. The log has the details.")
                return
            if order != self._order:
                return
            if remember:
                self._remember(source, model, product)
            self._start_line(camera, detector, product)

    def _remember(self, source: str, model: str, product: str) -> None:
        try:
            self.save_settings(source=source, model=model, product=product)
        except LinesightError as error:
            log.error("the choice will be forgotten at the end: %s", error)

    def _start_line(self, camera: FrameSource, detector: Any, product: str) -> None:
        recorder = Recorder(self.store, self.alarms, detector, station=self._settings.station, product=product)
        pipeline = Pipeline(
            camera,
            detector,
            recorder,
            self._publish,
            on_source=self._source_changed,
            on_bad_picture=self._bad_picture,
            on_finished=self._finished,
            record_every=self._settings.record_every_seconds,
        )
        with self._lock:
            self._pipeline, self._model, self._lost = pipeline, detector.ref, False
        self._set(Phase.STARTING, f"Connecting to {camera.address}")
        pipeline.start()

    def _end_line(self) -> None:
        with self._lock:
            pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None and not pipeline.stop():
            log.warning("%s did not end in time", pipeline.source.address)

    def _demo_model(self) -> str:
        """Trains on drawn good parts; NAME@VERSION of the result."""

        job: Job[TrainedModel] = Job("Learning what a good part looks like")
        job.listen(lambda _: self._tell(Change.STATE))
        with self._lock:
            self._job = job
        self._set(Phase.TRAINING, "Learning what a good part looks like")
        try:
            job.run(lambda running: train_on_demo(self.shelf, DEMO_PRODUCT, DEMO_TRAINING_SEED, running.step))
            return str(job.result().ref)
        finally:
            with self._lock:
                self._job = None

    # -- called by the pipeline's threads
    def _publish(self, outcome: Outcome) -> None:
        day = self.today()
        fresh = self._stored_counts(day) if outcome.inspection and day != self._day else None
        with self._lock:
            self._latest = outcome
            if outcome.pictures_lost:
                self._pictures_lost += 1
                self._disk_words = outcome.pictures_lost
            elif outcome.inspection is not None:
                self._disk_words = ""
            if outcome.inspection is not None:
                self._recent.appendleft(outcome.inspection)
                if fresh is not None:
                    self._day, self._counts = day, fresh
                else:
                    self._counts = self._counts.plus(outcome.verdict)
                self._session = self._session.plus(outcome.verdict)
            elif outcome.error:
                self._unrecorded += 1
        if outcome.pictures_lost:
            self.alarms.raise_alarm("disk", self._source, "Pictures are not kept", outcome.pictures_lost)
        if outcome.error and outcome.inspection is None:
            self.alarms.raise_alarm("error", outcome.frame.source, "Not on record", outcome.error)
        self._tell(Change.OUTCOME)

    def _source_changed(self, capture: CaptureState) -> None:
        with self._lock:
            first_loss = not capture.connected and not self._lost
            self._lost = not capture.connected
        if capture.ended:
            return
        if capture.connected:
            self._set(Phase.INSPECTING, "Inspecting")
        else:
            self._set(Phase.WAITING, capture.words)
            if first_loss:
                self.alarms.raise_alarm("camera", self._source, "Camera lost", capture.words)
        self._tell(Change.HEALTH)

    def _bad_picture(self, error: PictureError) -> None:
        with self._lock:
            self._bad_pictures.append((error.path, str(error)))
        self.alarms.raise_alarm("error", self._source, "Picture can't be read", str(error))

    def _finished(self) -> None:
        self._set(Phase.FINISHED, "All of this source is inspected. Choose another source, or start it again.")

    # -- inside
    def _newest_order(self) -> int:
        """A number for an order to the line; whatever the line is still training for is given up."""
        with self._lock:
            self._order += 1
            job = self._job
            order = self._order
        if job is not None:
            job.cancel()
        return order

    def _stored_counts(self, day: date) -> Counts:
        return self.store.counts(*day_bounds(day, day, self.zone, self._settings.day_starts_at))

    def _set(self, phase: Phase, words: str) -> None:
        with self._lock:
            self._phase, self._words = phase, words
        self._tell(Change.STATE)

    def _tell(self, change: Change) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(change)
            except Exception:  # a broken view must not stop the line
                log.exception("a listener failed")
