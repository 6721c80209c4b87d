"""A station without cameras, models or files: it gives the screen realistic outcomes on demand.

`inspect` makes one outcome; `run_line` lets a thread make them one after another with a detector that
takes its time. Everything the screen asks for is answered from memory.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.alarms import AlarmBook
from app.beside import BesideDesk
from app.candidates import CloudModels, VersionImprover
from app.challenging import ChallengeDesk
from app.connecting import ConnectDesk
from app.domain.alarm import Alarm
from app.domain.alarm_rule import AlarmConfig, default_rules
from app.domain.calendar import day_bounds, day_of, station_zone
from app.domain.counts import Counts
from app.domain.errors import LinesightError, SourceError
from app.domain.frame import Frame, Image
from app.domain.inspection import Detection, Inspection, ModelRef, Outcome
from app.domain.person import Action
from app.domain.region import Region, place_words
from app.domain.trend import Trend, TrendPoint
from app.domain.verdict import Limits, Verdict, decide
from app.exchange import SetExchange
from app.fleet import FleetDesk
from app.gauging import GaugeDesk
from app.improving import ImproveDesk
from app.inspection.serials import NextSerial
from app.jobs import Job, Jobs
from app.keeping import Keeper
from app.labelling import LabellingDesk
from app.lifecycle import ModelShelf
from app.linking import LinkDesk
from app.lots import LotDesk
from app.merging import MergeDesk
from app.notifying import NotifyDesk
from app.outbox import OutboxDesk
from app.paths import DataFolder
from app.people import PeopleDesk
from app.recipes import RecipeDesk
from app.reports.counting import Tally
from app.reports.figures import Figures
from app.reviewing import ReviewDesk
from app.rounds import RoundDesk
from app.searching import SearchDesk
from app.secondary import OpinionDesk
from app.settings import Settings, changed
from app.signalling import SignalDesk
from app.store import Store
from app.triggering import TriggerDesk
from app.watching import WatchDesk
from tests.ui.fake_desks import FakeLine, FakeReports
from ui.ports import Change, Health, ModelEntry, Phase, State

LIMITS = Limits(threshold=0.61, retest_from=0.55)
MODEL = ModelRef("Demo plate", 1, "0" * 64, "EfficientNet-Lite0")
DEFECT = (700, 180, 90, 70)


def draw_plate(seed: int, defect: bool) -> Image:
    """A plain part picture, (480, 854, 3) uint8 BGR; the defect lies at DEFECT of 1280 x 720."""
    rng = np.random.default_rng(seed)
    picture = np.full((480, 854, 3), 46, np.uint8)
    cv2.rectangle(picture, (120, 60), (734, 420), (150, 146, 142), -1)
    for x in (160, 694):
        for y in (100, 380):
            cv2.circle(picture, (x, y), 22, (90, 88, 86), -1)
            cv2.circle(picture, (x, y), 11, (40, 40, 40), -1)
    if defect:
        cv2.line(picture, (470, 125), (525, 165), (60, 60, 70), 4)
    noise = rng.normal(0, 4, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


class FakeStation:
    """Keeps the interface of the station."""

    def __init__(
        self,
        root: Path,
        *,
        draw: Callable[[int, bool], tuple[Image, tuple[int, int, int, int] | None]] | None = None,
        label: str = "anomaly",
    ) -> None:
        self.data = DataFolder(root).prepare()
        self._lock = threading.RLock()
        self._listeners: list[Callable[[Change], None]] = []
        self.jobs = Jobs()
        self.store = Store.open(self.data.database, self.data.images)
        self.shelf = ModelShelf(self.data.models)
        self.people = PeopleDesk(self.store, lambda: self._settings.lock_after_minutes * 60)
        self.next_serial = NextSerial()
        self.keeping = Keeper(self)
        self.searching = SearchDesk(self)
        self.fleet = FleetDesk(self)
        self.gauging = GaugeDesk(self)
        self.labelling = LabellingDesk(self, "operator", lambda: self._tell(Change.LABELS))
        self.merging = MergeDesk(self)
        self.reporting = FakeReports(self)
        self.line = FakeLine(self)
        self.lots = LotDesk(self, lambda: self._tell(Change.LOTS))
        self.alarm_config = AlarmConfig(rules=default_rules()[:1])  # a FAIL
        self.alarms = AlarmBook(self.store, lambda: self._tell(Change.ALARMS), config=self.alarm_config)
        self.watching = WatchDesk(self, self.alarm_config)
        self.rounds = RoundDesk(self, tell=lambda: self._tell(Change.ROUNDS))
        self.draw = draw
        self.label = label
        self._settings = Settings(source="demo", product="Demo plate", model="Demo plate@1", sound=False)
        self.linking = LinkDesk(self)
        self.opinions = OpinionDesk(self, self.linking.session)
        self.outbox = OutboxDesk(self, self.linking.session)
        self.notifying = NotifyDesk(self, self.linking.session)
        self.beside = BesideDesk(self, tell=lambda: self._tell(Change.CAMERAS))
        self.signalling = SignalDesk(self)
        self.connecting = ConnectDesk(self, lambda: self.alarm_config.recipients)
        self._state = State(Phase.IDLE, "Choose the demo line or your own parts.", "demo", "Demo plate", None, None)
        self._health = Health(True, "", 0.0, 0.0, None, 0, 0, 0, 0, "", 0)
        self._latest: Outcome | None = None
        self._rows: list[Inspection] = []
        self.pictures: dict[str, Image] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.callers: dict[str, str] = {}
        self.trained: list[ModelEntry] = []
        self._stop = threading.Event()
        self._line: threading.Thread | None = None
        self.slow = 0.0
        self.fail_export = ""
        self.known_models = True
        self.begin_with: Callable[[], None] | None = None
        self.closed = False
        self._index = 0
        self.improving = ImproveDesk(self, lambda: self._tell(Change.VERSIONS), lambda: datetime.now(UTC))
        self.challenging = ChallengeDesk(self, lambda: self._tell(Change.CHECK))
        self.recipes = RecipeDesk(self, lambda: self._tell(Change.STATE))
        self.triggering = TriggerDesk(self, lambda: self._tell(Change.HEALTH))
        self.exchange = SetExchange(self, self.linking.session)
        self.cloud_models = CloudModels(self, self.linking.session, lambda: self._tell(Change.VERSIONS))
        improver = VersionImprover(self.improving)
        self.reviewing = ReviewDesk(self, lambda: self._tell(Change.REVIEWS), improver=improver)

    # -- what a test does
    def inspect(
        self,
        score: float,
        *,
        when: datetime | None = None,
        alarm: bool = True,
        error: str = "",
    ) -> Outcome:
        """One part with this score goes through the station."""
        self._index += 1
        verdict = Verdict.ERROR if error else decide(score, LIMITS)
        defect = verdict is not Verdict.PASS
        if self.draw is not None:
            image, box = self.draw(self._index, defect)
        else:
            image, box = draw_plate(self._index, defect), tuple(int(v * 2 / 3) for v in DEFECT)  # type: ignore[assignment]
        when = when or datetime.now(UTC)
        frame = Frame(image, "demo", captured_at=when, part_id=f"P-2611-{self._index + 122:06d}")
        detection = None if error else self._detect(frame, score, verdict, box if defect else None)
        path = f"images/{frame.id}.png"
        self.pictures[path] = image
        row = Inspection(
            id=uuid.uuid4().hex,
            part_id=frame.part_id or "",
            captured_at=when,
            judged_at=when,
            source="demo",
            station=self._settings.station,
            product=self._settings.product,
            frame_id=frame.id,
            width=frame.size[0],
            height=frame.size[1],
            verdict=verdict,
            score=detection.score if detection else None,
            threshold=LIMITS.threshold if detection else None,
            retest_from=LIMITS.retest_from if detection else None,
            confidence=None,
            reason=detection.reason if detection else "",
            regions=detection.regions if detection else (),
            model=MODEL,
            milliseconds=9.4 if detection else None,
            image_path=path,
            error=error,
        )
        outcome = Outcome(frame, verdict, detection, row, error=error)
        with self._lock:
            self._rows.append(row)
            self._latest = outcome
            if verdict is Verdict.FAIL and alarm:
                with self.alarms.raised_by(row, (row.width, row.height)) as change:
                    if change is not None:
                        self.store.alarming.commit(change)
            if self._state.phase != Phase.INSPECTING:
                self._state = replace(self._state, phase=Phase.INSPECTING, model=MODEL, job=None, words="")
                self._tell(Change.STATE)
            self._health = replace(
                self._health,
                capture_fps=30.0,
                verdict_fps=1.2,
                frame_age=0.1,
                captured=self._health.captured + 25,
                dropped=self._health.dropped + 24,
                inspected=self._health.inspected + 1,
            )
        self._tell(Change.OUTCOME)
        return outcome

    def _detect(self, frame: Frame, score: float, verdict: Verdict, box: tuple[int, int, int, int] | None) -> Detection:
        width, height = frame.size
        rows, columns = 32, round(32 * width / height)
        heat = np.random.default_rng(frame.id).uniform(0.05, 0.3, (rows, columns)).astype(np.float32)
        regions: tuple[Region, ...] = ()
        reason = f"{score:.2f} < {LIMITS.threshold:.2f}"
        if box is not None:
            x, y, w, h = box
            yy, xx = np.mgrid[0:rows, 0:columns]
            cx, cy = (x + w / 2) / width * columns - 0.5, (y + h / 2) / height * rows - 0.5
            sx, sy = max(w / width * columns / 2, 1.2), max(h / height * rows / 2, 1.2)
            blob = score * np.exp(-(((xx - cx) / sx) ** 2 + ((yy - cy) / sy) ** 2) / 2)
            heat = np.maximum(heat, blob.astype(np.float32))
            turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            outline = tuple(
                (int(x + w / 2 + (w / 2 + 6) * np.cos(t)), int(y + h / 2 + (h / 2 + 6) * np.sin(t))) for t in turns
            )
            if verdict is Verdict.FAIL:
                regions = (Region(x, y, w, h, w * h, self.label, score, outline),)
                reason = f"{self.label}, {place_words(regions[0], frame.size)}, {score:.2f} >= {LIMITS.threshold:.2f}"
            else:
                reason = f"in the retest band, {LIMITS.retest_from:.2f} <= {score:.2f} < {LIMITS.threshold:.2f}"
        return Detection(
            score,
            LIMITS.threshold,
            LIMITS.retest_from,
            verdict,
            None,
            regions,
            reason,
            heat,
            (0.0, 0.0, float(width), float(height)),
            9.4,
        )

    def set_state(self, phase: Phase, words: str = "", job: Job[Any] | None = None) -> None:
        with self._lock:
            model = None if phase in (Phase.IDLE, Phase.TRAINING) else MODEL
            self._state = replace(self._state, phase=phase, words=words, job=job, model=model)
        self._tell(Change.STATE)

    def set_health(self, **changes: Any) -> None:
        with self._lock:
            self._health = replace(self._health, **changes)
        self._tell(Change.HEALTH)

    def run_line(self, scores: list[float], seconds_each: float) -> None:
        """A thread inspects these scores over and over; each takes `seconds_each` with the processor busy,
        as with a real detector in native code with some Python between its calls."""
        self._stop.clear()
        noise = np.random.default_rng(0).integers(0, 255, (480, 854), np.uint8)

        def work() -> None:
            index = 0
            while not self._stop.is_set():
                busy_until = time.monotonic() + seconds_each
                while time.monotonic() < busy_until and not self._stop.is_set():
                    cv2.medianBlur(noise, 7)
                    sum(range(20_000))
                self.inspect(scores[index % len(scores)])
                index += 1

        self._line = threading.Thread(target=work, name="fake-line", daemon=True)
        self._line.start()

    def end_line(self) -> None:
        """Waits for the thread of `run_line`."""
        self._stop.set()
        if self._line is not None:
            self._line.join(timeout=5)

    def _tell(self, change: Change) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(change)

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        self.callers[call[0]] = threading.current_thread().name

    # -- the station's interface
    @property
    def zone(self) -> tzinfo:
        return station_zone(self._settings.zone)

    @property
    def settings(self) -> Settings:
        return self._settings

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(listener)

        def leave() -> None:
            with self._lock:
                if listener in self._listeners:  # closing twice is allowed, as at a real station
                    self._listeners.remove(listener)

        return leave

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def expect(self, code: str) -> None:
        self.next_serial.expect(code)

    def running(self, address: str) -> Outcome | None:
        return self._latest if self._latest is not None and self._latest.frame.source == address else None

    def state(self) -> State:
        return self._state

    def health(self) -> Health:
        return self._health

    def latest(self) -> Outcome | None:
        return self._latest

    def counts_today(self) -> Counts:
        counts = Counts()
        zone = station_zone(self._settings.zone)
        start, end = day_bounds(self.today(), self.today(), zone, self._settings.day_starts_at)
        for row in list(self._rows):
            if start <= row.captured_at < end:
                counts = counts.plus(row.verdict)
        return counts

    def recent(self, limit: int = 20) -> list[Inspection]:
        return sorted(self._rows[-3 * limit :], key=lambda row: row.captured_at, reverse=True)[:limit]

    def trend(self, parts: int = 200, hours: int = 12) -> Trend:
        points = tuple(TrendPoint(row.part_id, row.verdict, row.score, row.threshold) for row in self._rows[-parts:])
        return Trend(points, ((9, self.counts_today()),) if points else ())

    def active_alarms(self) -> list[Alarm]:
        return self.alarms.active()

    def alarm_history(self, limit: int = 200) -> list[Alarm]:
        self._note("alarm_history")
        return self.store.alarm_history(limit)

    def acknowledge(self, alarm_id: str) -> None:
        self.people.require(Action.ACKNOWLEDGE)
        self._note("acknowledge", alarm_id)
        self.watching.acknowledge(alarm_id)

    def picture(self, image_path: str) -> Image | None:
        self._note("picture", image_path)
        time.sleep(self.slow)
        return self.pictures.get(image_path)

    def small_picture(self, image_path: str) -> Image | None:
        return self.picture(image_path)

    def figures(self, first: date, last: date) -> Figures:
        self._note("figures", first, last)
        zone = station_zone(self._settings.zone)
        start, end = day_bounds(first, last, zone, self._settings.day_starts_at)
        tally = Tally(start, end, zone, self._settings.day_starts_at)
        for row in sorted(self._rows, key=lambda one: one.captured_at):
            if start <= row.captured_at < end:
                tally.add(row)
        return tally.figures()

    def export_report(self, first: date, last: date, out: Path | None = None) -> Job[Path]:
        self._note("export_report", first, last)

        def work(job: Job[Path]) -> Path:
            job.step(0.5, "Writing")
            if self.fail_export:
                raise LinesightError(self.fail_export)
            file = out or self.data.reports / f"Station 1-{last}.xlsx"
            file.write_bytes(b"PK")
            return file

        return self.jobs.start("Report", work)

    def today(self) -> date:
        return day_of(datetime.now(UTC), station_zone(self._settings.zone), self._settings.day_starts_at)

    def begin(self) -> None:
        self._note("begin")
        if self.begin_with is not None:
            self.begin_with()

    def inspect_source(self, source: str, model: str = "", product: str = "") -> None:
        self._note("inspect_source", source, model, product)
        with self._lock:
            self._state = replace(self._state, source=source, phase=Phase.STARTING, words="Opening the source")
            self._latest = None
        self._tell(Change.STATE)

    def stop(self) -> None:
        self._note("stop")
        self._stop.set()
        self.set_state(Phase.STOPPED, "Nothing is inspected until you resume.")

    def resume(self) -> None:
        self._note("resume")
        self.set_state(Phase.INSPECTING)

    def models(self) -> list[ModelEntry]:
        self._note("models")
        made = datetime.now(UTC)
        if not self.known_models:
            return list(self.trained)
        return [
            *self.trained,
            ModelEntry("Demo plate", 1, self.data.models / "a", made - timedelta(days=1), 40, "EfficientNet-Lite0"),
            ModelEntry("Cover", 3, self.data.models / "b", made - timedelta(hours=3), 34, "EfficientNet-Lite0"),
        ]

    def usb_cameras(self) -> list[tuple[int, str]]:
        self._note("usb_cameras")
        return [(0, "USB camera 0: Logitech BRIO")]

    def usb_sizes(self, number: int) -> list[tuple[int, int]]:
        self._note("usb_sizes", number)
        return [(640, 480), (1280, 720), (1920, 1080)]

    def industrial_cameras(self, driver: str = "") -> tuple[list[tuple[str, str]], list[str]]:
        self._note("industrial_cameras", driver)
        missing = "GenICam cameras need harvesters, and it is not installed. Close the station, then install with: "
        missing += "python3 installer/bootstrap.py setup --extra genicam"
        if driver:
            return [(f"genicam:{driver}#7", "GenICam: Maker M7 (7)")], []
        return [
            ("basler:40012345", "Basler: acA1300-60gm (40012345)"),
            ("basler:40054321", "Basler: a2A (40054321)"),
        ], [missing]

    def save_settings(self, **changes: Any) -> None:
        self._note("save_settings", changes)
        if changes.get("station") == "":
            raise LinesightError("The station needs a name.")
        self._settings = changed(self._settings, changes)
        self._tell(Change.STATE)

    def change_settings(self, **changes: Any) -> None:
        self.save_settings(**changes)

    def check_source(self, source: str) -> Job[Image]:
        self._note("check_source", source)

        def work(job: Job[Image]) -> Image:
            if source.startswith("rtsp://"):
                raise SourceError("Nothing answers at 192.168.1.99. Check the address and that the camera has power.")
            return draw_plate(1, False)

        return self.jobs.start("Test picture", work)

    def close(self) -> None:
        self.end_line()
        self.improving.close()
        self.signalling.close()
        self.notifying.close()
        self.outbox.close()
        self.opinions.close()
        self.linking.close()
        self.jobs.close()
        self.reviewing.close()
        self.labelling.close()
        self.store.close()
        self.closed = True
