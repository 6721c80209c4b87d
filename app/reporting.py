"""The report desk: figures of a period, reports in every format, and those that are made by themselves."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from app.domain.calendar import day_of
from app.domain.errors import Cancelled, LinesightError
from app.domain.periods import Period, Shift, days_period, read_shifts, shift_periods
from app.domain.person import Action
from app.jobs import Job, Jobs
from app.lifecycle.shelf import folder_name
from app.paths import DataFolder
from app.people import PeopleDesk
from app.reports import Figures, period_figures
from app.reports.figures import Targets
from app.reports.summary import Heading
from app.reports.workbook import heading_of, plan_of, write_period
from app.settings import Settings
from app.store import Store
from app.whole_files import write_whole

if TYPE_CHECKING:
    from app.alarms import AlarmBook
    from app.reports.plan_words import Line

log = logging.getLogger(__name__)

FORMATS = {".xlsx": "Excel workbook", ".pdf": "PDF", ".csv": "CSV", ".parquet": "Parquet"}
"""What a report's file ends in, and what a person calls it."""

_LOOK_EVERY = 20.0  # seconds
_BACK = timedelta(days=62)
"""How far back periods are made up after a time the station was off."""
_SETTLES = timedelta(minutes=2)
"""After a shift's end, so that its last part is on record."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)

Step = Callable[[float, str], None]


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    store: Store
    people: PeopleDesk
    alarms: AlarmBook

    @property
    def settings(self) -> Settings: ...
    @property
    def zone(self) -> tzinfo: ...
    def today(self) -> date: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """How it stands with the reports that are made by themselves.

    Attributes:
        last: name of the newest one's first file; "" for none yet.
        last_at: when it was made, UTC.
        next_at: when the next one is due, UTC; None while none is asked for.
        trouble: why one could not be made, in words; "" while all went well.
    """

    last: str = ""
    last_at: datetime | None = None
    next_at: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class _Due:
    key: str
    period: Period
    at: datetime


class ReportDesk:
    """All methods may be called from any thread and return at once, except those marked slow.

    Args:
        host: the station it stands in.
        now: the moment, UTC.
        made: told of each file of a report that was made by itself.
    """

    def __init__(
        self,
        host: Host,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        made: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self._host, self._now, self._made = host, now, made
        self._lock = threading.Lock()
        self._job: Job[None] | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._state: dict[str, Any] | None = None

    # -- periods
    @property
    def shifts(self) -> tuple[Shift, ...]:
        """The station's shifts by the time they begin; none by default."""
        return read_shifts(self._host.settings.shifts)

    @property
    def zone(self) -> tzinfo:
        """The station's."""
        return self._host.zone

    def days(self, first: date, last: date) -> Period:
        """The station's days `first` to `last`, both included."""
        return days_period(first, last, self._host.zone, self._host.settings.day_starts_at)

    def shifts_of(self, day: date) -> list[Period]:
        """The shifts that began on a day of the station, oldest first."""
        return shift_periods(day, self.shifts, self._host.zone, self._host.settings.day_starts_at)

    def latest_shifts(self, number: int) -> list[Period]:
        """The newest shifts that have begun, newest first; the first one may be running."""
        now, day, found = self._now(), self._host.today(), list[Period]()
        while self.shifts and len(found) < number:
            found += [each for each in reversed(self.shifts_of(day)) if each.start <= now]
            day -= timedelta(days=1)
        return found[:number]

    # -- figures and files
    def figures(self, period: Period) -> Figures:
        """Slow: the figures of a period, without its defects: a screen that keeps them shows none of them."""
        host = self._host
        return period_figures(host.store, period, host.zone, host.settings.day_starts_at, self.shifts, defects=0)

    def plan(self, figures: Figures) -> list[Line]:
        """Slow: what they mean for the plan."""
        return plan_of(figures, self.targets)

    @property
    def targets(self) -> Targets:
        settings = self._host.settings
        return Targets(settings.planned_fail_percent / 100 or None, settings.rework_minutes or None)

    def file_name(self, period: Period, ending: str) -> str:
        """What a report is called: station and period."""
        return f"{folder_name(self._host.settings.station)}-{folder_name(period.file_words)}{ending}"

    def export(self, period: Period, endings: Sequence[str] = (".xlsx",), out: Path | None = None) -> Job[list[Path]]:
        """Writes a report in each format into the reports folder, or the one format to `out`. Needs the right to
        export."""
        places = [out] if out is not None else [self._host.data.reports / self.file_name(period, e) for e in endings]

        def work(job: Job[list[Path]]) -> list[Path]:
            self._host.people.require(Action.EXPORT)
            for number, place in enumerate(places):
                self.write(period, place, _part_of(job.step, number, len(places)))
            return places

        return self._host.jobs.start("Report", work)

    def export_report(self, first: date, last: date, out: Path | None = None) -> Job[Path]:
        """The workbook of the days `first` to `last`; see `export`."""
        period = self.days(first, last)
        place = out or self._host.data.reports / self.file_name(period, ".xlsx")

        def work(job: Job[Path]) -> Path:
            self._host.people.require(Action.EXPORT)
            self.write(period, place, job.step)
            return place

        return self._host.jobs.start("Report", work)

    def write(self, period: Period, out: Path, step: Step = lambda fraction, words: None) -> Figures:
        """Slow: writes the report of a period, as its ending says, and notes it in the audit log.

        Returns:
            the figures that stand in it.

        Raises:
            LinesightError: no such format, or the file can't be written.
        """
        figures = self._write(period, out, step)
        self._host.people.note(Action.EXPORT, str(out), f"report {period.short}")
        return figures

    def _write(self, period: Period, out: Path, step: Step) -> Figures:
        heading = self._heading(period)
        ending = out.suffix.lower()
        if ending == ".xlsx":
            return write_period(self._host.store, heading, out, step)
        if ending == ".pdf":
            from app.reports.document import write_document  # brings ReportLab

            return write_document(self._host.store, heading, out, step, self.plan)
        if ending in FORMATS:
            from app.reports.flat import write_flat

            return write_flat(self._host.store, heading, out, step, self.plan)
        raise LinesightError(f"{out.name} is no report: its name must end in {', '.join(FORMATS)}.")

    def _heading(self, period: Period) -> Heading:
        settings = self._host.settings
        return heading_of(period, self._host.zone, settings.day_starts_at, settings.station, self.shifts, self.targets)

    # -- by themselves
    def begin(self) -> None:
        """Looks for due reports from now on, on a thread of its own."""
        with self._lock:
            if self._thread is not None or self._closed.is_set():
                return
            self._thread = threading.Thread(target=self._look, name="reports", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends looking; a report that is being written is the jobs' to stop."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._closed.wait(_LOOK_EVERY):
            try:
                self.tick()
            except Exception:  # tomorrow's report must come whatever happened to today's
                log.exception("due reports could not be looked for")

    def tick(self) -> Job[None] | None:
        """Begins to write what is due; None where nothing is, or where it is being done already."""
        with self._lock:
            if self._job is not None and not self._job.done:
                return None
            due = self._due()
            if not due:
                return None
            self._job = self._host.jobs.start("Scheduled report", lambda job: self._make(job, due))
            return self._job

    def schedule(self) -> Schedule:
        """How it stands with the reports that are made by themselves."""
        with self._lock:
            state = self._known()
            files = [(told["at"], told["files"][0]) for told in state["made"].values() if told["files"]]
            at, last = max(files) if files else ("", "")
            trouble = next((told["words"] for told in state["failed"].values()), "")
            ahead = [each.at for each in self._periods(self._now(), all_of_them=True)]
        upcoming = [moment for moment in ahead if moment > self._now()]
        return Schedule(
            Path(last).name, datetime.fromisoformat(at) if at else None, min(upcoming, default=None), trouble
        )

    def _due(self) -> list[_Due]:
        """What is due now, oldest first; remembers since when reports are asked for."""
        now, state = self._now(), self._known()
        since: dict[str, str] = state["since"]
        asked = self._host.settings.report_each
        state["since"] = {kind: since.get(kind, now.isoformat()) for kind in asked}
        periods = self._periods(now)
        for kind in asked:
            # What is done stays done, also when its shift gets another name or time.
            for each in periods:
                if each.key.startswith(f"{kind} "):
                    if each.key not in state["made"]:
                        break
                    state["since"][kind] = each.period.end.isoformat()
        if state["since"] != since:
            self._keep()
        found = []
        for due in periods:
            if due.at > now or due.key in state["made"]:
                continue
            failed = state["failed"].get(due.key)
            if failed is None or datetime.fromisoformat(failed["next"]) <= now:
                found.append(due)
        return found

    def _periods(self, now: datetime, *, all_of_them: bool = False) -> list[_Due]:
        """The periods that ended since reports are asked for, with the moment each is due; `all_of_them`: with those
        that are still to end."""
        zone, settings, since = self._host.zone, self._host.settings, self._known()["since"]
        found = []
        for kind in settings.report_each:
            start = max(datetime.fromisoformat(since[kind]) if kind in since else now, now - _BACK)
            day = day_of(start, zone, settings.day_starts_at) - timedelta(days=1)
            last = day_of(now, zone, settings.day_starts_at) + timedelta(days=1)
            while day <= last:
                for period in [self.days(day, day)] if kind == "day" else self.shifts_of(day):
                    if period.end > start and (all_of_them or period.end <= now):
                        at = self._time_after(period.end) if kind == "day" else period.end + _SETTLES
                        found.append(_Due(f"{kind} {day} {period.shift}".strip(), period, at))
                day += timedelta(days=1)
        return sorted(found, key=lambda due: due.period.end)

    def _time_after(self, moment: datetime) -> datetime:
        """When the station's clock next shows the time for daily reports."""
        zone, at = self._host.zone, self._host.settings.report_at
        day = moment.astimezone(zone).date()
        found = datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
        if found < moment:
            found = datetime.combine(day + timedelta(days=1), at, tzinfo=zone).astimezone(UTC)
        return found

    def _make(self, job: Job[None], due: Sequence[_Due]) -> None:
        for number, each in enumerate(due):
            step = _part_of(job.step, number, len(due))
            step(0.0, f"Report {each.period.short}")
            try:
                files = self._make_one(each.period, step)
            except Cancelled:
                raise
            except Exception as error:
                if not isinstance(error, LinesightError):
                    log.exception("the report %s failed", each.key)
                self._failed(each, str(error) or type(error).__name__)
            else:
                with self._lock:
                    state = self._known()
                    state["failed"].pop(each.key, None)
                    state["made"][each.key] = {"at": self._now().isoformat(), "files": [str(file) for file in files]}
                    self._keep()

    def _make_one(self, period: Period, step: Step) -> list[Path]:
        """The files; none for a period without an inspection."""
        if not self._host.store.counts(period.start, period.end).total:
            return []
        settings = self._host.settings
        folder = Path(settings.report_folder).expanduser() if settings.report_folder else self._host.data.reports
        files = []
        for number, form in enumerate(settings.report_formats):
            out = folder / self.file_name(period, f".{form}")
            self._write(period, out, _part_of(step, number, len(settings.report_formats)))
            # Nobody asked: the station itself did it.
            self._host.store.note(Action.EXPORT, str(out), f"scheduled report {period.short}", by="", at=self._now())
            files.append(out)
            self._made(out)
        return files

    def _failed(self, due: _Due, words: str) -> None:
        with self._lock:
            state = self._known()
            tries = state["failed"].get(due.key, {"tries": 0})["tries"]
            wait = min(_FIRST_WAIT * 2**tries, _LONGEST_WAIT)
            state["failed"][due.key] = {
                "tries": tries + 1,
                "next": (self._now() + wait).isoformat(),
                "words": words,
            }
            self._keep()
        again = f"It is tried again in {wait // timedelta(minutes=1)} minutes."
        self._host.alarms.raise_alarm(
            "error", "reports", "A scheduled report could not be written", f"{due.period.short}: {words} {again}"
        )

    @property
    def _file(self) -> Path:
        return self._host.data.root / "reports-made.json"

    def _known(self) -> dict[str, Any]:
        if self._state is None:
            self._state = {"since": {}, "made": {}, "failed": {}}
            try:
                read = json.loads(self._file.read_text("utf-8"))
                self._state = {name: dict(read[name]) for name in self._state}
            except FileNotFoundError:
                pass
            except (OSError, ValueError, KeyError, TypeError) as error:
                # Then reports are made from now on, as on a new station.
                log.warning("%s can't be read: %s", self._file, error)
        return self._state

    def _keep(self) -> None:
        state = self._known()
        oldest = str((self._now() - _BACK - timedelta(days=7)).date())
        for name in ("made", "failed"):
            state[name] = {key: told for key, told in state[name].items() if key.split()[1] >= oldest}
        try:
            write_whole(self._file, json.dumps(state, indent=1).encode())
        except OSError as error:  # it is still known until the program ends
            log.warning("%s can't be written: %s", self._file, error)


def _part_of(step: Step, number: int, count: int) -> Step:
    """Progress of one of several pieces of work, as that of the whole."""
    return lambda fraction, words: step((number + fraction) / count, words)


__all__ = ["FORMATS", "Host", "Period", "ReportDesk", "Schedule"]
