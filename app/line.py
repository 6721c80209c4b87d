"""The line: what is inspected now, with which model, and what becomes of each outcome."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.cameras import FrameSource, make_source
from app.cameras.facts import camera_settings
from app.domain.addresses import without_credentials
from app.domain.errors import Cancelled, LinesightError, ModelError, PictureError
from app.domain.frame import Image
from app.domain.inspection import Inspection, ModelRef, Outcome
from app.domain.look import noted
from app.domain.training import TrainedModel
from app.domain.wear import WearLimit
from app.inspection.adjusting import Adjusted
from app.inspection.capture import CaptureState, one_picture
from app.inspection.gates import Gate
from app.inspection.pipeline import Pipeline
from app.inspection.recorder import Recorder
from app.inspection.serials import read_code
from app.inspection.triggers import Trigger
from app.inspection.turns import TakingTurns, turns_for
from app.jobs import Job
from app.lifecycle.training import train_on_demo
from app.lifecycle.training_process import GIVING_WAY
from app.status import Change, Health, LineHost, Phase, State, health_of
from app.vision.detector import Detector
from app.vision.runtime import THREADS, leave_room

log = logging.getLogger(__name__)

DEMO = "demo"
DEMO_PRODUCT = "Demo plate"
DEMO_TRAINING_SEED = 7
_QUIET = 120.0  # seconds
TURNS = turns_for(THREADS)  # of all lines of this process


class Line:
    """All methods may be called from any thread and return at once, except `close`.

    Args:
        host: the station it belongs to.
        demo_seed: makes the demo line's parts the same each time; None for new ones.
        given: (source, model) that `begin` starts with instead of what the settings say.
        tell: says what has changed.
        recorded: receives each inspection after its commit.
        judged: receives each part, on record or refused, and who fired its trigger ("" without one).
        gate: what looks for parts in the frames; None while parts are not looked for.
        tap: puts what else sees the frames between source and line.
        keeps: whether its parts are put on record; False for one view of a part that is kept with another line's.
        joined: puts further cameras that look at the same part behind it: given what judges, and what says whether the
            frame that is judged now is a part.
        behind: puts what else judges beside the model: given the detector, the source's address, and what says
            whether the frame that is judged now is a part.
    """

    def __init__(
        self,
        host: LineHost,
        *,
        demo_seed: int | None,
        given: tuple[str | None, str | None],
        tell: Callable[[Change], None],
        recorded: Callable[[Inspection], None],
        judged: Callable[[Outcome, str], None] = lambda outcome, owner: None,
        gate: Callable[[], Gate | None] = lambda: None,
        keeps: bool = True,
        tap: Callable[[FrameSource], FrameSource] = lambda source: source,
        joined: Callable[[Any, Callable[[], bool]], Any] = lambda detector, is_part: detector,
        behind: Callable[[Any, str, Callable[[], bool]], Any] = lambda detector, address, is_part: detector,
    ) -> None:
        self._gate, self._keeps, self._tap, self._behind, self._joined = gate, keeps, tap, behind, joined
        self._host, self._demo_seed, self._given = host, demo_seed, given
        self._tell, self._recorded, self._judged = tell, recorded, judged
        self._lock = threading.Lock()  # guards the fields below; held for moments only
        self._line = threading.Lock()  # held while a line is started or stopped
        self._order = 0  # the newest order to start or stop wins
        self._closed = False
        self._pipeline: Pipeline | None = None  # the running line
        self._held: Detector | None = None  # its model, which rests when it has ended
        self._shown: Pipeline | None = None  # the line whose outcomes are shown; a stopped one stays
        self._asked: tuple[str, str, str, bool] | None = None  # what `inspect_source` was last asked for
        self._paused: FrameSource | None = None  # stopped, to go on where it was
        self._phase, self._words = Phase.IDLE, "Nothing is inspected yet."
        self._job: Job[Any] | None = None
        self._source, self._product = without_credentials(host.settings.source), host.settings.product
        self._model: ModelRef | None = None
        self._latest: Outcome | None = None
        self._pictures_lost, self._unrecorded, self._disk_words, self._lost = 0, 0, "", False
        self._disk_known = False  # an alarm of the run before may stand until the first part is kept
        self._refused_frame = 0  # id of the newest one that could not be put on record
        self._bad_pictures: deque[tuple[Path | None, str]] = deque(maxlen=1000)
        self.trigger = Trigger(changed=lambda: tell(Change.STATE))
        self._limits: tuple[WearLimit, ...] = ()
        self._standing: tuple[WearLimit, ...] = ()
        self._judging: Adjusted | None = None  # what the running line judges with
        self._part: Outcome | None = None  # of the newest trigger

    # -- what it says
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

    def part(self) -> Outcome | None:
        """The outcome of the newest triggered part; None before the first one of this line."""
        return self._part

    @property
    def enumerated(self) -> bool:
        """Whether the line goes through pictures that are there, rather than watching a camera."""
        with self._lock:
            return self._source.startswith("folder:")

    def gives_parts(self) -> bool:
        """Whether it is said of each frame if it is a part: by a trigger, or by a source that gives parts alone."""
        pipeline = self._pipeline
        return self.trigger.armed or (pipeline is not None and pipeline.source.traits.parts)

    def running(self, address: str) -> Outcome | None:
        """The newest outcome of the line where it watches this address: most cameras can be opened only once."""
        with self._lock:
            pipeline, latest = self._pipeline, self._latest
        return latest if pipeline is not None and latest is not None and pipeline.source.address == address else None

    def quiet(self) -> bool:
        """Whether no part has come for two minutes."""
        age = self.health().frame_age
        return age is None or age > _QUIET

    def camera(self) -> str:
        """The running source's settings as JSON text, and where is looked; "" where none runs."""
        with self._lock:
            pipeline, judging = self._pipeline or self._shown, self._judging
        if pipeline is None:
            return ""
        regions, threshold = (judging.regions, judging.threshold) if judging is not None else ((), 0.0)
        return noted(camera_settings(pipeline.source), regions, threshold)

    def unrecorded(self) -> int:
        """Parts that got no verdict because they could not be put on record."""
        with self._lock:
            return self._unrecorded

    def bad_pictures(self) -> list[tuple[Path | None, str]]:
        """(file, words) of each picture of an enumerated source that could not be read, the newest 1,000."""
        with self._lock:
            return list(self._bad_pictures)

    # -- what it is told
    def begin(self) -> None:
        """Goes on with the settings' source and model where the last run ended; the demo line trains its own first."""
        settings = self._host.settings
        source, model = self._given
        if source or model:
            self.inspect_source(source or settings.source, model or "", settings.product, remember=False)
        elif settings.model or settings.source == DEMO or self._released(settings.product):
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

        self._host.jobs.order("Stop", work)

    def resume(self) -> None:
        """Goes on with what was last inspected; a folder and the demo line go on with the next part."""
        with self._lock:
            asked = self._asked
            order = self._newest_order() if asked else 0
        if asked is None:
            self.begin()
        else:
            self._start(order, *asked, again=True)

    def hold_to(self, limits: Sequence[WearLimit]) -> None:
        """Judges by these limits for wear beside the model's own, from the next frame on; () for the model's alone.

        Raises:
            ModelError: the running model can't: it has no scale, or does not know the kind of defect.
        """
        with self._lock:
            if self._pipeline is not None and self._judging is not None:
                self._judging.hold_to(tuple(limits) or self._standing)
            self._limits = tuple(limits)

    def stand_by(self, limits: Sequence[WearLimit]) -> None:
        """Judges by these limits whenever `hold_to` names none: from the next start of the line on. What the model
        can't judge by is a fault of that start."""
        with self._lock:
            self._standing = tuple(limits)

    def look_again(self) -> None:
        """Judges by the regions of the settings from the next frame on; where these ask for something else that has
        not started yet, with its start."""
        with self._lock:
            if self._judging is not None:
                self._judging.follow(self._host.settings)

    def to_draw_on(self) -> tuple[Image, bool] | None:
        """Slow: the newest picture as regions are drawn on it, and whether they move with the part; None before it."""
        with self._lock:
            judging, latest = self._judging, self._latest
        return None if judging is None or latest is None else judging.to_draw_on(latest.frame.image)

    def check_source(self, source: str) -> Job[Image]:
        """Takes one test picture from a source and closes it again."""

        def work(job: Job[Image]) -> Image:
            camera = make_source(source, watch=False, seed=self._demo_seed)
            if (shown := self.running(camera.address)) is not None:
                return shown.frame.image
            job.step(None, f"Connecting to {camera.address}")
            job.when_cancelled(camera.stop)  # it may be waiting for a camera that does not answer
            try:
                return one_picture(camera)
            finally:
                job.check()

        return self._host.jobs.start("Test picture", work)

    def close(self) -> bool:
        """Slow: ends the line; False where that was done before."""
        with self._lock:
            if self._closed:
                return False
            self._closed = True
            self._newest_order()
        with self._line:
            self._end_line()
        return True

    # -- the line
    def _start(self, order: int, source: str, model: str, product: str, remember: bool, *, again: bool) -> None:
        self._host.jobs.order(
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
            product = DEMO_PRODUCT if of_the_demo else product or self._host.settings.product
            with self._lock:
                self._source, self._product, self._model = without_credentials(source), product, None
                self._latest = self._shown = None
            try:
                if of_the_demo:
                    kept = self._host.shelf.newest(DEMO_PRODUCT)
                    model = self._released(DEMO_PRODUCT) or (str(kept.ref) if kept else self._demo_model(order))
                model = model or self._host.settings.model or self._released(product)
                if not model:
                    raise ModelError("There is no model yet. Train one on pictures of good parts first.")
                self._set(Phase.STARTING, "Loading the model")
                leave_room()
                self._held = self._host.shelf.ready(model)
                loaded = TakingTurns(self._held, TURNS)
                # Going on with a folder, after a pause or a restart, records none of its parts a second time.
                known = self._host.store.last_seen(self._source) if again and source.startswith("folder:") else None
                camera = self._tap(make_source(source, seed=self._demo_seed if is_demo else None, known=known))
                if again and paused is not None and paused.address == camera.address:
                    camera = paused
                plain = self._behind(loaded, camera.address, lambda: self._is_part(camera))
                detector = Adjusted(plain, self._limits or self._standing)
                if order != self._order:
                    return
                if remember:
                    self._remember(source, model, product)
                with self._lock:
                    detector.begin(self._host.settings)  # what the model can't be adjusted to is a fault of this start
                    self._judging = detector
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
            self._start_line(camera, self._joined(detector, lambda: self._is_part(camera)), product)

    def _is_part(self, camera: FrameSource) -> bool:
        """Whether the frame that is judged now will be on record for sure."""
        return self.trigger.owned is not None if self.trigger.armed else camera.traits.parts

    def _released(self, product: str) -> str:
        """The product's name where a version of it is released: it stands for whichever is; else ""."""
        try:
            return product if self._host.shelf.released(product) else ""
        except ModelError as error:
            log.error("%s", error)
            return product  # loading it says what is wrong

    def _remember(self, source: str, model: str, product: str) -> None:
        settings = self._host.settings
        changes: dict[str, Any] = {"source": source, "model": model, "product": product}
        if (model, product) != (settings.model, settings.product):
            changes["threshold"] = 0.0  # it was meant for another model's scores; a change-over has brought its own
        try:
            self._host.save_settings(**changes)
        except LinesightError as error:
            log.error("the choice will be forgotten at the end: %s", error)

    def _start_line(self, camera: FrameSource, detector: Any, product: str) -> None:
        station = self._host.settings.station
        store, alarms, around = self._host.store, self._host.alarms, self._host.around
        recorder = Recorder(
            store,
            alarms,
            detector,
            station=station,
            product=product,
            around=around,
            read_code=lambda image: read_code(image) if self._host.settings.read_codes else "",
        )
        pipeline = Pipeline(
            camera,
            detector,
            recorder,
            lambda outcome: self._publish(pipeline, outcome),
            on_refused=self._refused,
            on_source=lambda capture: self._source_changed(pipeline, capture),
            on_bad_picture=self._bad_picture,
            on_finished=lambda: self._finished(pipeline),
            trigger=self.trigger,
            gate=self._gate,
            expect=self._host.expect,
            first=GIVING_WAY.held,
            keeps=self._keeps,
            record_every=self._host.settings.record_every_seconds,
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
            self._part = None
        if pipeline is None:
            return None
        ended = pipeline.stop()
        self._host.alarms.clear("camera", pipeline.source.address)  # nobody misses one that is no longer watched
        if not ended:
            log.warning("%s did not end in time", pipeline.source.address)
            return None
        if self._held is not None:
            self._host.shelf.rest(self._held)
            self._held = None
        goes_on = pipeline.source.traits.parts and not pipeline.capture.state.ended
        if self.trigger.armed and not pipeline.source.traits.live:
            goes_on = False  # the picture that waited for its trigger is no part yet: the folder gives it again
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
            job.run(lambda running: train_on_demo(self._host.shelf, DEMO_PRODUCT, DEMO_TRAINING_SEED, running.step))
            return str(job.result().ref)
        finally:
            with self._lock:
                self._job = None

    # -- called by the pipeline's threads
    def _publish(self, pipeline: Pipeline, outcome: Outcome) -> None:
        if outcome.inspection is not None:
            self._recorded(outcome.inspection)
        with self._lock:
            had_lost = bool(self._disk_words) or not self._disk_known
            self._disk_known = self._disk_known or outcome.inspection is not None
            if pipeline is self._shown:
                self._latest = outcome
                if outcome.inspection is not None or outcome.frame.id == self.trigger.owned:
                    self._part = outcome
            if outcome.pictures_lost:
                self._pictures_lost += 1
            if outcome.inspection is not None:
                self._disk_words = outcome.pictures_lost
        if outcome.pictures_lost:
            self._host.alarms.raise_alarm("disk", outcome.frame.source, "Pictures are not kept", outcome.pictures_lost)
        elif outcome.inspection is not None and had_lost:
            self._host.alarms.clear("disk")
        mine = outcome.frame.id == self.trigger.owned
        if mine or outcome.inspection is not None or outcome.frame.id == self._refused_frame:
            owner = (self.trigger.owner or "") if mine else ""
            if owner:
                self.trigger.release(outcome.frame.id)  # whoever hears of the answer may trigger at once
            self._judged(outcome, owner)
        self._tell(Change.OUTCOME)

    def _refused(self, outcome: Outcome) -> None:
        with self._lock:
            self._unrecorded += 1
            self._refused_frame = outcome.frame.id
            self._disk_words = outcome.error
        self._host.alarms.raise_alarm("error", outcome.frame.source, "Not on record", outcome.error)

    def _source_changed(self, pipeline: Pipeline, capture: CaptureState) -> None:
        with self._lock:
            if pipeline is not self._pipeline:
                return  # a line that was ended speaks no more
            first_loss = not capture.connected and not self._lost
            back = capture.connected and self._lost
            self._lost = not capture.connected
            if not capture.ended:
                self._phase = Phase.INSPECTING if capture.connected else Phase.WAITING
                self._words = "Inspecting" if capture.connected else capture.words
        if first_loss:
            self._host.alarms.raise_alarm("camera", pipeline.source.address, "Camera lost", capture.words)
        elif back:
            self._host.alarms.clear("camera", pipeline.source.address)
        self._tell(Change.STATE)
        self._tell(Change.HEALTH)

    def _bad_picture(self, error: PictureError) -> None:
        with self._lock:
            self._bad_pictures.append((error.path, str(error)))
        self._host.alarms.raise_alarm("error", self._source, "Picture can't be read", str(error))

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
