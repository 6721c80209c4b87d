"""The station: puts the rooms together from the settings. The one place that knows all of them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, TypeVar

from app import settings as settings_file
from app.alarms import AlarmBook
from app.cameras import FrameSource, make_source, usb_cameras
from app.domain.addresses import without_credentials
from app.domain.alarm import Alarm
from app.domain.calendar import day_bounds, station_zone
from app.domain.counts import Counts
from app.domain.errors import Cancelled, LinesightError, ModelError, PictureError
from app.domain.frame import Image
from app.domain.inspection import Inspection, ModelRef, Outcome
from app.domain.person import Action
from app.domain.training import DatasetSummary, TrainedModel
from app.inspection.capture import CaptureState, one_picture
from app.inspection.pipeline import Pipeline
from app.inspection.recorder import Recorder
from app.inspection.tally import Tally
from app.jobs import Job, Jobs
from app.keeping import Keeper
from app.labelling import LabellingDesk
from app.lifecycle import ModelShelf
from app.lifecycle.shelf import folder_name
from app.lifecycle.training import describe_dataset, train_on_dataset, train_on_demo
from app.merging import MergeDesk
from app.paths import DataFolder
from app.people import PeopleDesk
from app.pictures import read_picture
from app.reports import Figures, day_figures, write_workbook
from app.settings import Settings
from app.status import Change, Health, ModelEntry, Phase, State, health_of
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
        now: the moment, UTC, that decides which day it is.
    """

    def __init__(
        self,
        data: DataFolder,
        *,
        demo_seed: int | None = None,
        source: str | None = None,
        model: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises LinesightError when settings or record can't be used; names the file."""
        self.data = data.prepare()
        self._settings = settings_file.load(data.settings)
        self._demo_seed = demo_seed
        self._given = (source, model)
        self.shelf = ModelShelf(data.models)
        self._listeners: list[Callable[[Change], None]] = []
        self._lock = threading.Lock()  # guards the fields below; held for moments only
        self.jobs = Jobs()
        self.store = Store.open(data.database, data.images)
        try:
            self.people = PeopleDesk(self.store, lambda: self._settings.lock_after_minutes * 60, now=now)
            self.alarms = AlarmBook(self.store, lambda: self._tell(Change.ALARMS))
            if self.store.recovery:
                self.alarms.raise_alarm("error", "record", "The record was damaged", self.store.recovery.words)
            self._tally = Tally(self.store, self.zone, self._settings.day_starts_at, newest=RECENT, now=now)
        except BaseException:
            self.store.close()
            raise
        self._line = threading.Lock()  # held while a line is started or stopped
        self._saving = threading.Lock()  # held while the settings are changed
        self._order = 0  # the newest order to start or stop wins
        self._closed = False
        self._pipeline: Pipeline | None = None  # the running line
        self._shown: Pipeline | None = None  # the line whose outcomes are shown; a stopped one stays
        self._asked: tuple[str, str, str, bool] | None = None  # what `inspect_source` was last asked for
        self._paused: FrameSource | None = None  # stopped, to go on where it was
        self._phase, self._words, self._job = Phase.IDLE, "Nothing is inspected yet.", None
        self._source, self._product = without_credentials(self._settings.source), self._settings.product
        self._model: ModelRef | None = None
        self._latest: Outcome | None = None
        self._pictures_lost, self._unrecorded, self._disk_words, self._lost = 0, 0, "", False
        self._bad_pictures: deque[tuple[Path | None, str]] = deque(maxlen=1000)
        self.keeping = Keeper(self)
        self.labelling = LabellingDesk(self, OPERATOR, lambda: self._tell(Change.LABELS))
        self.merging = MergeDesk(self)

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
        return health_of(pipeline, latest.frame.age() if latest else None, disk, lost)

    def latest(self) -> Outcome | None:
        """The newest outcome: a mailbox of one."""
        return self._latest

    def counts_today(self) -> Counts:
        """Inspections of the station's day so far, kept in memory."""
        return self._tally.counts_today()

    def recent(self, limit: int = RECENT) -> list[Inspection]:
        """The newest inspections, at most 20, newest first; kept in memory."""
        return self._tally.recent(limit)

    def session_counts(self) -> Counts:
        """What was recorded since this station was made."""
        return self._tally.session()

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
        return [ModelEntry.of(stored) for stored in self.shelf.all()]

    def usb_cameras(self) -> list[tuple[int, str]]:
        """Slow: (index, name) of the cameras this computer sees."""
        return usb_cameras()

    @property
    def zone(self) -> tzinfo:
        return station_zone(self._settings.zone)

    def today(self) -> date:
        """The station's day now."""
        return self._tally.today()

    # -- what it is told
    def acknowledge(self, alarm_id: str) -> None:
        """Whoever is signed in has seen the alarm; raises NotAllowed when that is nobody at a station with people."""
        self.people.require(Action.ACKNOWLEDGE)
        by = self.people.name
        self.jobs.write("Acknowledge", lambda job: self.alarms.acknowledge(alarm_id, by))

    def export_report(self, first: date, last: date, out: Path | None = None) -> Job[Path]:
        """Writes the workbook of the days `first` to `last`; without `out` into the reports folder."""
        span = f"{first}" if first == last else f"{first}-to-{last}"
        place = out or self.data.reports / f"{folder_name(self._settings.station)}-{span}.xlsx"
        return self.jobs.start("Report", lambda job: self.write_report(first, last, place, job.step))

    def write_report(
        self, first: date, last: date, out: Path, step: Callable[[float, str], None] = lambda fraction, words: None
    ) -> Path:
        """Slow: the workbook itself."""
        starts, station = self._settings.day_starts_at, self._settings.station
        write_workbook(self.store, first, last, out, zone=self.zone, day_starts_at=starts, station=station, step=step)
        self.people.note(Action.EXPORT, str(out), f"report {first} to {last}")
        return out

    def save_settings(self, **changes: Any) -> None:
        """Slow: checks and writes the settings; raises LinesightError in words when one is wrong."""
        with self._saving:
            before = self._settings
            changed = settings_file.changed(before, changes)
            if changed != before:
                self.people.require(Action.SETTINGS)
            settings_file.save(self.data.settings, changed)
            self._settings = changed
            self.people.note_settings(before.model_dump(), changed.model_dump())
            if (changed.zone, changed.day_starts_at) != (before.zone, before.day_starts_at):
                self._tally.change_days(self.zone, changed.day_starts_at)
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
            job.when_cancelled(camera.stop)  # it may be waiting for a camera that does not answer
            try:
                return one_picture(camera)
            finally:
                job.check()

        return self.jobs.start("Test picture", work)

    def describe_dataset(self, dataset: Path) -> DatasetSummary:
        """Slow: what a folder of pictures or a manifest holds, and advice in words."""
        return describe_dataset(dataset)

    def train(self, dataset: Path, product: str, size: int | None = None) -> Job[TrainedModel]:
        """Makes the next version of `product` from the good parts of a dataset; it is not put to use."""
        return self.jobs.start(
            f"Train {product}", lambda job: train_on_dataset(self.shelf, dataset, product, size, job.step)
        )

    def begin(self) -> None:
        """Goes on with the settings' source and model where the last run ended; the demo line trains its own first."""
        settings = self._settings
        source, model = self._given
        if source or model:
            self.inspect_source(source or settings.source, model or "", settings.product, remember=False)
        elif settings.model or settings.source == DEMO:
            self.inspect_source(settings.source, settings.model, settings.product, again=True)
        else:
            self._set(Phase.IDLE, "There is no model yet. Train one on pictures of good parts, or start the demo line.")

    def inspect_source(
        self, source: str, model: str = "", product: str = "", *, remember: bool = True, again: bool = False
    ) -> None:
        """Changes to a source and a model. Without `model` the demo line uses its own, which is made when
        first needed, and any other source goes on with the one of the settings. What went before is ended first.
        `again`: pictures of a folder that are on record already are passed over."""
        with self._lock:
            self._asked = (source, model, product, remember)
            order = self._newest_order()
        self._start(order, source, model, product, remember, again=again)

    def stop(self) -> None:
        """Ends inspecting until `resume`."""
        with self._lock:
            order = self._newest_order()

        def work(_: Job[None]) -> None:
            with self._line:
                if order != self._order:
                    return  # a newer order has come meanwhile; it ends what runs by itself
                self._paused = self._end_line() or self._paused
                self._set(Phase.STOPPED, "Stopped. Parts that pass now are not inspected.")

        self.jobs.order("Stop", work)

    def resume(self) -> None:
        """Goes on with what was last inspected; a folder and the demo line go on with the next part."""
        with self._lock:
            asked = self._asked
            order = self._newest_order() if asked else 0
        if asked is None:
            self.begin()
        else:
            self._start(order, *asked, again=True)

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
        self.labelling.close()
        self.store.close()

    # -- the line
    def _start(self, order: int, source: str, model: str, product: str, remember: bool, *, again: bool) -> None:
        self.jobs.order(
            f"Start {without_credentials(source)}",
            lambda job: self._inspect(order, source, model, product, remember, again),
        )

    def _inspect(self, order: int, source: str, model: str, product: str, remember: bool, again: bool) -> None:
        with self._line:
            if order != self._order or self._closed:
                return  # a newer order has come meanwhile
            paused, self._paused = self._end_line() or self._paused, None
            is_demo = source.strip().lower() == DEMO
            of_the_demo = is_demo and not model
            product = DEMO_PRODUCT if of_the_demo else product or self._settings.product
            with self._lock:
                self._source, self._product, self._model = without_credentials(source), product, None
                self._latest = self._shown = None
            try:
                if of_the_demo:
                    kept = self.shelf.newest(DEMO_PRODUCT)
                    model = str(kept.ref) if kept else self._demo_model(order)
                model = model or self._settings.model
                if not model:
                    raise ModelError("There is no model yet. Train one on pictures of good parts first.")
                self._set(Phase.STARTING, "Loading the model")
                detector = self.shelf.load(model)
                # Going on with a folder, after a pause or a restart, records none of its parts a second time.
                known = self.store.last_seen(self._source) if again and source.startswith("folder:") else None
                camera = make_source(source, seed=self._demo_seed if is_demo else None, known=known)
                if again and paused is not None and paused.address == camera.address:
                    camera = paused
            except Cancelled:
                if order == self._order:
                    self._set(Phase.IDLE, "Training was stopped. Start the demo line again, or connect a camera.")
                return
            except LinesightError as error:
                self._set(Phase.FAULT, str(error))
                return
            except Exception as error:
                log.exception("the line could not be started")
                cause = without_credentials(str(error)) or type(error).__name__
                self._set(Phase.FAULT, f"The line could not be started ({cause}). The log has the details.")
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
        station = self._settings.station
        who = self.people.on_record
        recorder = Recorder(self.store, self.alarms, detector, station=station, product=product, operator=who)
        pipeline = Pipeline(
            camera,
            detector,
            recorder,
            lambda outcome: self._publish(pipeline, outcome),
            on_refused=self._refused,
            on_source=lambda capture: self._source_changed(pipeline, capture),
            on_bad_picture=self._bad_picture,
            on_finished=lambda: self._finished(pipeline),
            record_every=self._settings.record_every_seconds,
        )
        with self._lock:
            self._pipeline = self._shown = pipeline
            self._model, self._lost = detector.ref, False
        self._set(Phase.STARTING, f"Connecting to {camera.address}")
        pipeline.start()

    def _end_line(self) -> FrameSource | None:
        """The source of the line that was ended, where it can go on later with what comes next."""
        with self._lock:
            pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return None
        if not pipeline.stop():
            log.warning("%s did not end in time", pipeline.source.address)
            return None
        goes_on = pipeline.source.traits.parts and not pipeline.capture.state.ended
        return pipeline.source if goes_on else None

    def _demo_model(self, order: int) -> str:
        """Trains on drawn good parts; NAME@VERSION of the result."""
        job: Job[TrainedModel] = Job("Learning what a good part looks like")
        job.listen(lambda _: self._tell(Change.STATE))
        with self._lock:
            self._job = job
            if order != self._order:
                job.cancel()
        self._set(Phase.TRAINING, "Learning what a good part looks like")
        try:
            job.run(lambda running: train_on_demo(self.shelf, DEMO_PRODUCT, DEMO_TRAINING_SEED, running.step))
            return str(job.result().ref)
        finally:
            with self._lock:
                self._job = None

    # -- called by the pipeline's threads
    def _publish(self, pipeline: Pipeline, outcome: Outcome) -> None:
        if outcome.inspection is not None:
            self._tally.add(outcome.inspection)
        with self._lock:
            if pipeline is self._shown:
                self._latest = outcome
            if outcome.pictures_lost:
                self._pictures_lost += 1
            if outcome.inspection is not None:
                self._disk_words = outcome.pictures_lost
        if outcome.pictures_lost:
            self.alarms.raise_alarm("disk", outcome.frame.source, "Pictures are not kept", outcome.pictures_lost)
        self._tell(Change.OUTCOME)

    def _refused(self, outcome: Outcome) -> None:
        with self._lock:
            self._unrecorded += 1
            self._disk_words = outcome.error
        self.alarms.raise_alarm("error", outcome.frame.source, "Not on record", outcome.error)

    def _source_changed(self, pipeline: Pipeline, capture: CaptureState) -> None:
        with self._lock:
            if pipeline is not self._pipeline:
                return  # a line that was ended speaks no more
            first_loss = not capture.connected and not self._lost
            self._lost = not capture.connected
            if not capture.ended:
                self._phase = Phase.INSPECTING if capture.connected else Phase.WAITING
                self._words = "Inspecting" if capture.connected else capture.words
        if first_loss:
            self.alarms.raise_alarm("camera", pipeline.source.address, "Camera lost", capture.words)
        self._tell(Change.STATE)
        self._tell(Change.HEALTH)

    def _bad_picture(self, error: PictureError) -> None:
        with self._lock:
            self._bad_pictures.append((error.path, str(error)))
        self.alarms.raise_alarm("error", self._source, "Picture can't be read", str(error))

    def _finished(self, pipeline: Pipeline) -> None:
        with self._lock:
            if pipeline is not self._pipeline:
                return
            self._phase = Phase.FINISHED
            self._words = "All of this source is inspected. Choose another source, or start it again."
        self._tell(Change.STATE)

    # -- inside
    def _newest_order(self) -> int:
        """A number for an order to the line; whatever the line is still training for is given up. Needs the lock."""
        self._order += 1
        if self._job is not None:
            self._job.cancel()
        return self._order

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
