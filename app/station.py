"""The station: puts the rooms together from the settings. The one place that knows all of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, TypeVar

from app import settings as settings_file
from app.alarms import AlarmBook
from app.alarms.health import together
from app.away import AccountTraining
from app.beside import BesideDesk
from app.cameras import usb_cameras
from app.cameras.industrial import industrial_cameras
from app.cameras.usb import usb_sizes
from app.candidates import CloudModels, VersionImprover
from app.challenging import ChallengeDesk
from app.connecting import ConnectDesk
from app.domain.alarm import Alarm
from app.domain.alarm_rule import RuleKind
from app.domain.calendar import station_zone
from app.domain.counts import Counts
from app.domain.errors import LinesightError, PictureError
from app.domain.frame import Image
from app.domain.inspection import Around, Inspection, Outcome
from app.domain.person import Action
from app.domain.trend import Trend
from app.exchange import SetExchange
from app.fleet import FleetDesk
from app.gauging import GaugeDesk
from app.improving import ImproveDesk
from app.inspection.serials import NextSerial
from app.inspection.tally import Tally
from app.jobs import Job, Jobs
from app.keeping import Daily, Keeper
from app.labelling import LabellingDesk
from app.lifecycle import ModelShelf
from app.line import Line
from app.linking import LinkDesk
from app.lots import LotDesk
from app.merging import MergeDesk
from app.notifying import NotifyDesk
from app.outbox import OutboxDesk
from app.paths import DataFolder
from app.people import PeopleDesk
from app.pictures import read_picture
from app.recipes import RecipeDesk
from app.reporting import ReportDesk
from app.reports import Figures
from app.reviewing import ReviewDesk
from app.rounds import RoundDesk
from app.searching import SearchDesk
from app.secondary import OpinionDesk
from app.settings import Settings
from app.signalling import SignalDesk
from app.status import Change, Health, ModelEntry, State
from app.store import Store
from app.triggering import TriggerDesk
from app.watching import WatchDesk, load_config

log = logging.getLogger(__name__)

T = TypeVar("T")

RECENT = 20
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
        self.shelf = ModelShelf(data.models)
        self._listeners: list[Callable[[Change], None]] = []
        self._lock = threading.Lock()  # guards the fields below; held for moments only
        self.jobs = Jobs()
        self.store = Store.open(data.database, data.images)
        try:
            self.people = PeopleDesk(self.store, lambda: self._settings.lock_after_minutes * 60, now=now)
            watched = load_config(data)
            self.alarms = AlarmBook(self.store, lambda: self._tell(Change.ALARMS), now=now, config=watched)
            if self.store.recovery:
                self.alarms.raise_alarm("error", "record", "The record was damaged", self.store.recovery.words)
            self._tally = Tally(self.store, self.zone, self._settings.day_starts_at, newest=RECENT, now=now)
        except BaseException:
            self.store.close()
            raise
        self._saving = threading.Lock()  # held while the settings are changed
        self.linking = LinkDesk(self)
        self.opinions = OpinionDesk(self, self.linking.session)
        self.line = Line(
            self,
            demo_seed=demo_seed,
            given=(source, model),
            tell=self._tell,
            recorded=self._recorded,
            judged=lambda outcome, owner: self.signalling.judged(outcome, owner),
            gate=lambda: self.triggering.gate(),
            tap=self.linking.tap,
            joined=lambda detector, is_part: self.beside.part_views.behind(detector, is_part),
            behind=self.opinions.behind,
        )
        self.beside = BesideDesk(
            self,
            tell=lambda: self._tell(Change.CAMERAS),
            recorded=self._tally.add,
            parts=self.line.gives_parts,
            demo_seed=demo_seed,
        )
        self.lots = LotDesk(self, lambda: self._tell(Change.LOTS), now=now)
        self.next_serial = NextSerial()
        self.recipes = RecipeDesk(self, lambda: self._tell(Change.STATE), now=now)
        self.challenging = ChallengeDesk(self, lambda: self._tell(Change.CHECK), now=now)
        self.triggering = TriggerDesk(self, lambda: self._tell(Change.HEALTH))
        self.signalling = SignalDesk(
            self,
            withheld=self.challenging.withheld,
            alarmed=lambda: bool(self.watching.active()),
            failing=lambda: self.watching.waits(RuleKind.IN_A_ROW),
            triggers=self.triggering.code,
            recipes=self.recipes.numbers,
            wanted=self.recipes.line_wants,
        )
        self.keeping = Keeper(self)
        self.searching = SearchDesk(self)
        self._daily = Daily(lambda: self.keeping.tidy_if_due(quiet=self.line.quiet()))
        self.labelling = LabellingDesk(self, OPERATOR, lambda: self._tell(Change.LABELS))
        self.exchange = SetExchange(self, self.linking.session)
        self.merging = MergeDesk(self)
        self.outbox = OutboxDesk(self, self.linking.session, now)
        self.improving = ImproveDesk(self, lambda: self._tell(Change.VERSIONS), now, self.outbox.model)
        self.cloud_models = CloudModels(self, self.linking.session, lambda: self._tell(Change.VERSIONS), now)
        self.away = AccountTraining(self, self.linking.session, lambda: self._tell(Change.VERSIONS), now)
        self.improving.add_place("sagemaker", self.away)
        improver = VersionImprover(self.improving)
        self.reviewing = ReviewDesk(self, lambda: self._tell(Change.REVIEWS), improver=improver, now=now)
        self.reporting = ReportDesk(self, now, self.outbox.report)
        self.fleet = FleetDesk(self, now)
        self.gauging = GaugeDesk(self, now)
        self.watching = WatchDesk(self, watched, now=now)
        self.notifying = NotifyDesk(self, self.linking.session, lambda: self.watching.config.recipients)
        self.watching.connect(
            channels=self.notifying.channels,
            unreleased=self.improving.unreleased,
            line=self.signalling.lost,
            backlog=lambda: together([self.notifying.backlog(now()), self.linking.backlog(), self.outbox.backlog()]),
        )
        self.subscribe(self.watching.heard)
        self.watching.heard(Change.STATE)
        self.watching.start()
        self.connecting = ConnectDesk(self, lambda: self.watching.config.recipients)
        self.rounds = RoundDesk(self, now=now, recorded=self._tally.add, tell=lambda: self._tell(Change.ROUNDS))

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
        return self.line.state()

    def health(self) -> Health:
        return self.line.health()

    def latest(self) -> Outcome | None:
        """The newest outcome: a mailbox of one."""
        return self.line.latest()

    def counts_today(self) -> Counts:
        """Inspections of the station's day so far, kept in memory."""
        return self._tally.counts_today()

    def recent(self, limit: int = RECENT) -> list[Inspection]:
        """The newest inspections, at most 20, newest first; kept in memory."""
        return self._tally.recent(limit)

    def trend(self, parts: int = 200, hours: int = 12) -> Trend:
        """Slow: scores of the newest parts, and counts of the day's newest hours that have any."""
        return self._tally.trend(parts, hours)

    def session_counts(self) -> Counts:
        """What was recorded since this station was made."""
        return self._tally.session()

    def unrecorded(self) -> int:
        """Parts that got no verdict because they could not be put on record."""
        return self.line.unrecorded()

    def bad_pictures(self) -> list[tuple[Path | None, str]]:
        """(file, words) of each picture of an enumerated source that could not be read, the newest 1,000."""
        return self.line.bad_pictures()

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

    def small_picture(self, image_path: str) -> Image | None:
        """Slow: like `picture`, for showing it small. Of a part that did not pass it fits into `app.pictures.SMALL`,
        unless its small picture is lost."""
        try:
            return read_picture(self.store.small_file(image_path))
        except LinesightError:  # there is none, or a damaged one
            return self.picture(image_path)

    def figures(self, first: date, last: date) -> Figures:
        """Slow: the figures of the station's days `first` to `last`."""
        return self.reporting.figures(self.reporting.days(first, last))

    def models(self) -> list[ModelEntry]:
        """Slow: the models kept here, newest first."""
        return [ModelEntry.of(stored) for stored in self.shelf.all()]

    def usb_cameras(self) -> list[tuple[int, str]]:
        """Slow: (index, name) of the cameras this computer sees."""
        return usb_cameras()

    def usb_sizes(self, number: int) -> list[tuple[int, int]]:
        """Slow: (width, height) of the pictures a USB camera gives; [] while something uses it."""
        return usb_sizes(number)

    def industrial_cameras(self, driver: str = "") -> tuple[list[tuple[str, str]], list[str]]:
        """Slow: see `app.cameras.industrial`."""
        return industrial_cameras(driver)

    @property
    def zone(self) -> tzinfo:
        return station_zone(self._settings.zone)

    def today(self) -> date:
        """The station's day now."""
        return self._tally.today()

    # -- what it is told
    def acknowledge(self, alarm_id: str) -> None:
        """See `WatchDesk.acknowledge`."""
        self.watching.acknowledge(alarm_id)

    def export_report(self, first: date, last: date, out: Path | None = None) -> Job[Path]:
        """Writes the workbook of the days `first` to `last`; without `out` into the reports folder."""
        return self.reporting.export_report(first, last, out)

    def save_settings(self, **changes: Any) -> None:
        """Slow: checks and writes the settings; raises LinesightError in words when one is wrong."""
        if settings_file.changed(self._settings, changes) != self._settings:
            self.people.require(Action.SETTINGS)
        self.change_settings(**changes)

    def change_settings(self, **changes: Any) -> None:
        """Slow: the same for a desk that has asked for another right."""
        with self._saving:
            before = self._settings
            changed = settings_file.changed(before, changes)
            settings_file.save(self.data.settings, changed)
            self._settings = changed
            self.people.note_settings(before.model_dump(), changed.model_dump())
            if (changed.zone, changed.day_starts_at) != (before.zone, before.day_starts_at):
                self._tally.change_days(self.zone, changed.day_starts_at)
        self.line.look_again()
        self._tell(Change.STATE)

    def running(self, address: str) -> Outcome | None:
        """The newest outcome of the line where it watches this source now."""
        return self.line.running(address)

    def check_source(self, source: str) -> Job[Image]:
        """Takes one test picture from a source and closes it again."""
        return self.line.check_source(source)

    def begin(self) -> None:
        """Goes on with the settings' source and model where the last run ended; the demo line trains its own first."""
        self._daily.start()
        self.reporting.begin()
        self.rounds.begin()
        self.alarms.clear("camera")  # of the run before
        self.signalling.begin()
        self.triggering.begin()
        self.line.begin()
        self.beside.begin()
        self.improving.begin()
        self.away.resume()
        self.outbox.begin()
        self.reviewing.begin()

    def inspect_source(
        self, source: str, model: str = "", product: str = "", *, remember: bool = True, again: bool = False
    ) -> None:
        """Changes to a source and a model, see `Line.inspect_source`."""
        if remember:
            self.people.require(Action.SETTINGS)
        self.line.inspect_source(source, model, product, remember=remember, again=again)
        self.beside.begin()

    def stop(self) -> None:
        """Ends inspecting until `resume`."""
        self.people.require(Action.RUN)
        self.line.stop()
        self.beside.stop()

    def resume(self) -> None:
        """Goes on with what was last inspected; a folder and the demo line go on with the next part."""
        self.people.require(Action.RUN)
        self.line.resume()
        self.beside.begin()

    def close(self) -> None:
        """Slow: ends line, jobs and record in this order; nothing committed is lost."""
        if not self.line.close():
            return
        self.beside.close()
        self.recipes.close()
        self.triggering.close()
        self.signalling.close()
        self.away.close()
        self.improving.close()
        self._daily.stop()
        self.reporting.close()
        self.outbox.close()
        self.opinions.close()
        self.notifying.close()
        self.watching.close()
        self.rounds.close()
        self.linking.close()
        self.jobs.close()
        self.reviewing.close()
        self.labelling.close()
        self.store.close()

    # -- inside
    def expect(self, code: str) -> None:
        """The part that is inspected next has this serial."""
        self.next_serial.expect(code)

    def around(self) -> Around:
        """What is known of the part that is inspected now, beside its picture."""
        serial, camera = self.next_serial.take(), self.line.camera()
        running, person = self.recipes.running(), self.people.on_record()
        recipe = running.ref if running is not None else ""
        return self.lots.around(Around(serial=serial, recipe=recipe, operator=person, camera=camera))

    def _recorded(self, row: Inspection) -> None:
        self._tally.add(row)
        self.lots.recorded(row)
        self.linking.recorded(row)

    def _tell(self, change: Change) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(change)
            except Exception:  # a broken view must not stop the line
                log.exception("a listener failed")
