"""The rounds desk: plans, rounds made by them, and judging a day's pictures together."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Protocol

from app.alarms import AlarmBook
from app.domain.calendar import day_bounds
from app.domain.checklist import Line, lines_of
from app.domain.errors import PlanError
from app.domain.frame import Image
from app.domain.inspection import Inspection
from app.domain.person import Action
from app.domain.plan import Answer, DayMark, DayResult, Plan, Round, RoundState, TickState
from app.domain.recurrence import Frequency
from app.inspection.recorder import DetectorPort
from app.inspection.rounds import judging
from app.inspection.rounds.lateness import Lateness
from app.inspection.rounds.leftovers import picture_of, sweep
from app.inspection.rounds.listing import findings
from app.inspection.rounds.occurrences import due_on, newest, next_due, round_id
from app.inspection.rounds.photographs import Matched, Photograph, look_at
from app.inspection.rounds.references import Reference, reference_of
from app.inspection.rounds.sheets import PlanImport, Proposed, Trouble, read_plans
from app.inspection.rounds.taking import SourceHost, Taken, Taker
from app.inspection.rounds.ticking import ticked
from app.inspection.rounds.wording import rule_of, times_of
from app.inspection.rounds.workbooks import write_plans, write_template
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf
from app.lifecycle.standing import standing_for, unknown
from app.paths import DataFolder
from app.people import PeopleDesk
from app.pictures import read_picture
from app.settings import Settings
from app.store import Store
from app.store.rounds import RoundRecords

log = logging.getLogger(__name__)

_EVERY = 20.0  # seconds between two looks for late rounds
_TIDY_EVERY = timedelta(hours=6)


class Host(SourceHost, Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    store: Store
    jobs: Jobs
    people: PeopleDesk
    alarms: AlarmBook
    shelf: ModelShelf

    @property
    def settings(self) -> Settings: ...
    @property
    def zone(self) -> tzinfo: ...
    def today(self) -> date: ...


class RoundDesk:
    """All methods may be called from any thread; those marked slow ask the record, the others return at once.

    Args:
        host: the station it stands in.
        recorded: receives each inspection after its commit.
        tell: says that plans, rounds or days have changed.
        now: the moment, UTC.
    """

    def __init__(
        self,
        host: Host,
        *,
        recorded: Callable[[Inspection], None] = lambda inspection: None,
        tell: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._host, self._recorded, self._tell, self._now = host, recorded, tell, now
        self._taker = Taker(host, host.store, now)
        self._lock = threading.Lock()
        self._run: Job[DayResult] | None = None
        self._troubles: dict[str, str] = {}
        self._lateness = Lateness(host.store.rounds, self, host.alarms.raise_alarm, host.alarms.clear)
        self._states: tuple[tuple[str, str], ...] = ()
        self._tidied: datetime | None = None
        self._ending = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def zone(self) -> tzinfo:
        """The station's."""
        return self._host.zone

    @property
    def day_starts_at(self) -> time:
        return self._host.settings.day_starts_at

    # -- the clock
    def begin(self) -> None:
        """Looks for late rounds from now on."""
        with self._lock:
            if self._watch is None:
                self._watch = threading.Thread(target=self._watching, name="rounds", daemon=True)
                self._watch.start()

    def close(self) -> None:
        """Ends looking for late rounds; jobs belong to the station."""
        self._ending.set()
        if self._watch is not None:
            self._watch.join(5)

    def _watching(self) -> None:
        while not self._ending.is_set():
            try:
                self.tick()
                self._tidy_if_due()
            except Exception:  # the clock must go on whatever one look finds
                log.exception("looking for late rounds failed")
            self._ending.wait(_EVERY)

    def tick(self) -> None:
        """Slow: raises an alarm for each round that is late or was missed, and tells where a round stands otherwise
        than at the look before."""
        self._lateness.look(self._now())
        states = tuple((each.id, self.state(each).value) for each in self.rounds(self._host.today()))
        if states != self._states:
            self._states = states
            self._tell()

    def tidy(self) -> int:
        """Slow: removes photographs that were taken again before they were judged, and such as never became an
        answer; returns how many. Not while a day is judged."""
        return 0 if self.judging is not None else sweep(self._host.store, self._now())

    def _tidy_if_due(self) -> None:
        now = self._now()
        if self._tidied is None or now - self._tidied >= _TIDY_EVERY:
            self._tidied = now
            self.tidy()

    # -- plans
    @property
    def _store(self) -> RoundRecords:
        return self._host.store.rounds

    def plans(self) -> list[Plan]:
        """Slow: the newest version of each plan in use, by name."""
        return newest(self._store.plans())

    def next_due(self, plan: Plan) -> datetime | None:
        """Slow: when the next round is due, UTC; None where none is within a year."""
        return next_due(plan, self._now(), self._host.zone, self.day_starts_at)

    def save_plan(self, plan: Plan, pictures: Sequence[Reference] = ()) -> Plan:
        """Slow: keeps a plan as a new version; one with an empty id is a new plan. Unchanged, nothing is kept.

        Raises:
            NotAllowed, PlanError: somebody else has a plan of this name.
            StoreError: somebody changed it meanwhile.
        """
        self._host.people.require(Action.PLAN)
        present = self.plans()
        if any(each.id != plan.id and each.name.casefold() == plan.name.casefold() for each in present):
            raise PlanError(f"There is a plan called {plan.name} already. Choose another name.")
        old = next((each for each in present if each.id == plan.id), None)
        made = replace(
            plan,
            id=plan.id or uuid.uuid4().hex,
            version=plan.version + 1,
            made_at=self._now(),
            made_by=self._host.people.name,
        )
        if old is not None and made.same_content(old):
            return old
        self._store.add_plans([made], [(each.sha256, each.data) for each in pictures])
        self._tell()
        return made

    def put_away(self, plan: Plan) -> None:
        """Slow: ends a plan; what was made by it stays."""
        self.save_plan(replace(plan, active=False))

    def reference(self, picture: Path | Image) -> Reference:
        """Slow: a reference picture for `save_plan`, from a file or a picture just taken."""
        return Reference.of(read_picture(picture) if isinstance(picture, Path) else picture)

    def reference_picture(self, sha256: str) -> Image | None:
        """Slow: (H, W, 3) uint8 BGR; None where there is none."""
        return reference_of(self._store.picture(sha256) if sha256 else None)

    def frequency(self, often: str, times: str, begins: date) -> Frequency:
        """What somebody wrote into the fields of a plan.

        Raises:
            PlanError: says what is wrong.
        """
        return Frequency(rule_of(often), begins, times_of(times))

    # -- plans as workbooks
    def read_workbook(self, path: Path) -> Job[PlanImport]:
        """What a workbook would make; nothing is made of it yet."""

        def work(job: Job[PlanImport]) -> PlanImport:
            job.step(None, f"Reading {path.name}")
            found = read_plans(
                path,
                today=self._host.today(),
                now=self._now(),
                by=self._host.people.on_record(),
                existing=self.plans(),
            )
            return replace(found, notes=self._notes(found))

        return self._host.jobs.start("Read the plans", work)

    def _notes(self, found: PlanImport) -> tuple[str, ...]:
        models = (component.model for each in found.proposed for component in each.plan.components if component.model)
        return tuple(
            f"There is no model {model} here yet. Its pictures wait until there is one."
            for model in unknown(self._host.shelf, models)
        )

    def import_plans(self, found: PlanImport) -> int:
        """Slow: makes all that a workbook proposes, or nothing; returns how many versions of plans.

        Raises:
            PlanError: it has troubles.
            NotAllowed, StoreError: as in `save_plan`.
        """
        self._host.people.require(Action.PLAN)
        if found.troubles:
            raise PlanError(f"{found.path.name} has {len(found.troubles)} errors. Correct them, then import it again.")
        by, now = self._host.people.name, self._now()
        made = [replace(each, made_at=now, made_by=by) for each in found.makes]
        self._store.add_plans(made, [(each.sha256, each.data) for each in found.pictures])
        self._tell()
        return len(made)

    def write_template(self, out: Path) -> Job[Path]:
        """The workbook to start from."""
        return self._host.jobs.start("Template", lambda job: write_template(_xlsx(out)))

    def export_plans(self, out: Path) -> Job[Path]:
        """All plans in use as a workbook; importing it again changes nothing."""

        def work(job: Job[Path]) -> Path:
            made = write_plans(self.plans(), _xlsx(out), self._store.picture)
            self._host.people.note(Action.EXPORT, str(made), "plans")
            return made

        return self._host.jobs.start("Plans", work)

    # -- rounds
    def rounds(self, day: date | None = None) -> list[Round]:
        """Slow: the rounds of one of the station's days, today without one, by time."""
        day = day or self._host.today()
        known = {each.id: each for each in self._store.rounds(day)}
        planned = due_on(self._store.plans(), day, self._host.zone, self.day_starts_at)
        found = {each.id: each for each in planned} | known
        return sorted(found.values(), key=lambda each: (each.due_at, each.plan.name.casefold()))

    def state(self, each: Round) -> RoundState:
        """Slow: how a round stands now."""
        now = self._now()
        return each.state(now, day_over=self.day_over(each.day, now))

    def begin_round(self, each: Round) -> Round:
        """Slow: begins a round, or goes on with one that was begun.

        Raises:
            NotAllowed, StoreError: its day was closed.
        """
        self._host.people.require(Action.ROUND)
        self._store.begin(replace(each, begun_at=self._now(), begun_by=self._host.people.on_record()))
        self._tell()
        return self._again(each)

    def _begun(self, each: Round, by: str) -> Round:
        made = self._again(each)
        if made.begun_at is None:
            self._store.begin(replace(made, begun_at=self._now(), begun_by=by))
        return made

    def begin_now(self, plan: Plan) -> Round:
        """Slow: begins a round out of turn; such a round is never late."""
        now = self._now()
        return self.begin_round(Round(round_id(plan.id, now), plan, now, self._host.today(), planned=False))

    def take(self, each: Round, component: str, source: str = "") -> Job[Round]:
        """Answers a component with a picture: of the running camera, or of another source, which is opened for it."""
        return self._answer("Take the picture", each, lambda job: [(component, self._taker.from_camera(job, source))])

    def take_file(self, each: Round, component: str, path: Path) -> Job[Round]:
        """Answers a component with a photograph that lies in a file."""
        return self._answer("Take the picture", each, lambda job: [(component, self._taker.from_file(path))])

    def look_at_folder(self, each: Round, folder: Path) -> Job[Matched]:
        """Proposes which photograph of a folder belongs to which open step; nothing is answered yet."""
        self._host.people.require(Action.ROUND)

        def work(job: Job[Matched]) -> Matched:
            made = self._again(each)
            steps = [one for one in made.plan.components if made.answer(one.key) is None]
            used = self._store.answered_pictures()
            return look_at(folder, steps, zone=self._host.zone, now=self._now(), used=used, step=job.step)

        return self._host.jobs.start("Look at the photographs", work)

    def take_photographs(self, each: Round, chosen: Mapping[str, Photograph]) -> Job[Round]:
        """Answers {component: photograph}: all of them, or none."""

        def work(job: Job[Round]) -> list[tuple[str, Taken]]:
            taken = []
            for number, (component, photograph) in enumerate(chosen.items()):
                job.step(number / len(chosen), f"Photograph {number + 1} of {len(chosen)}")
                taken.append((component, self._taker.from_file(photograph.path, photograph.taken_at, photograph.name)))
            return taken

        return self._answer("Take the photographs", each, work)

    def not_applicable(self, each: Round, component: str, reason: str) -> Round:
        """Slow: answers a component without a picture.

        Raises:
            PlanError: no reason.
        """
        self._host.people.require(Action.ROUND)
        reason = " ".join(reason.split())[:200]
        if not reason:
            raise PlanError("Say why the component can't be looked at.")
        by = self._host.people.on_record()
        self._taker.keep(self._begun(each, by), [(component, None)], by, reason)
        self._tell()
        return self._again(each)

    def lines(self, each: Round, component: str) -> tuple[Line, ...]:
        """Slow: the checklist of a component: the model's answers where it was judged, and what people said."""
        asked = each.plan.component(component)
        return () if asked is None else lines_of(each, asked, self._judged(each, component))

    def answer_line(self, each: Round, component: str, line: str, state: TickState, reason: str = "") -> Round:
        """Slow: says of one line of the checklist how it is, by hand or against a model. The newest word counts; what
        was said before stays on record, and each stands in the audit log.

        Raises:
            PlanError: no such line; no reason, where it is not applicable or a model answers it otherwise.
            NotAllowed, StoreError: its day was closed.
        """
        self._host.people.require(Action.ROUND)
        by = self._host.people.on_record()
        made = self._begun(each, by)
        judged = self._judged(made, component)
        tick, before = ticked(made, component, line, state, reason, judged=judged, by=by, now=self._now())
        self._store.add_tick(made, tick, self._host.people.name, before.text)
        self._tell()
        return self._again(each)

    def _judged(self, each: Round, component: str) -> Inspection | None:
        answer = each.answer(component)
        return self._host.store.inspection(answer.id) if answer is not None and answer.is_picture else None

    def _answer(self, name: str, each: Round, take: Callable[[Job[Round]], list[tuple[str, Taken]]]) -> Job[Round]:
        self._host.people.require(Action.ROUND)
        by = self._host.people.on_record()

        def work(job: Job[Round]) -> Round:
            self._taker.keep(self._begun(each, by), take(job), by)
            self._tell()
            return self._again(each)

        return self._host.jobs.start(name, work)

    def _again(self, each: Round) -> Round:
        return self._store.round(each.id) or each

    def picture(self, answer: Answer) -> Image | None:
        """Slow: the picture of an answer, (H, W, 3) uint8 BGR; None where it is gone. Once it is judged it is that
        of its inspection."""
        return picture_of(self._host.store, answer)

    # -- the end of a day
    @property
    def judging(self) -> Job[DayResult] | None:
        """The run under way, None for none."""
        with self._lock:
            return None if self._run is None or self._run.done else self._run

    def judge(self, day: date | None = None) -> Job[DayResult]:
        """Judges every picture of a day that has no verdict yet. Stopped or killed, the next run goes on from there.

        Raises:
            PlanError: a run is under way.
        """
        self._host.people.require(Action.ROUND)
        wanted = day or self._host.today()
        with self._lock:
            if self._run is not None and not self._run.done:
                raise PlanError("The day is being judged. Wait for it, or stop it.")
            self._run = self._host.jobs.start("Judge the day", lambda job: self._judge(job, wanted))
            return self._run

    def _judge(self, job: Job[DayResult], day: date) -> DayResult:
        host = self._host
        todo = judging.waiting(self.rounds(day), host.store)
        try:
            run = judging.judge_all(
                todo,
                host.store,
                host.alarms,
                self._load,
                station=host.settings.station,
                zone=host.zone,
                recorded=self._recorded,
                now=self._now,
                step=job.step,
            )
        finally:
            self._tell()
        with self._lock:
            self._troubles = {each.answer.id: words for each, words in run.troubles}
        host.people.note(
            Action.ROUND, f"day {day}", json.dumps({"judged": run.judged, "not judged": len(run.troubles)})
        )
        return self.result(day)

    def _load(self, model: str) -> DetectorPort:
        """Its `ref` stands on each inspection: which version judged it, by hash."""
        return self._host.shelf.load(standing_for(self._host.shelf, model))

    def result(self, day: date | None = None) -> DayResult:
        """Slow: the list of a day as it stands."""
        day, now = day or self._host.today(), self._now()
        rounds, mark = self.rounds(day), self._store.mark(day)
        over = self.day_over(day, now, mark)
        states = {each.id: each.state(now, day_over=over) for each in rounds}
        with self._lock:
            troubles = dict(self._troubles)
        found = findings(rounds, lambda each: states[each.id], self._host.store.inspection, troubles, self._host.zone)
        coming = sum(
            each.planned and states[each.id] in (RoundState.COMING, RoundState.DUE) and not each.done for each in rounds
        )
        return DayResult(day, found, mark, coming)

    def close_day(self, day: date | None = None) -> DayResult:
        """Slow: the day takes no more answers.

        Raises:
            PlanError: pictures wait that a run could judge.
            StoreError: it is closed already.
        """
        self._host.people.require(Action.ROUND)
        day = day or self._host.today()
        result = self.result(day)
        untried = [each for each in result.findings if each.waiting and each.answer and not self._tried(each.answer.id)]
        if untried or self.judging is not None:
            raise PlanError(f"{len(untried) or 'Some'} pictures of {day} are not judged yet. Judge the day first.")
        counts = {kind.value: len(result.of(kind)) for kind in {each.kind for each in result.findings}}
        mark = DayMark(day, True, self._now(), self._host.people.name)
        self._store.add_mark(mark, json.dumps(dict(sorted(counts.items()))))
        self.tidy()
        self._tell()
        return replace(result, mark=mark)

    def reopen_day(self, day: date) -> DayResult:
        """Slow: the day takes answers again. Needs the right to, and stands in the audit log."""
        self._host.people.require(Action.REOPEN)
        self._store.add_mark(DayMark(day, False, self._now(), self._host.people.name))
        self._tell()
        return self.result(day)

    def _tried(self, answer: str) -> bool:
        with self._lock:
            return answer in self._troubles

    def day_over(self, day: date, now: datetime, mark: DayMark | None = None) -> bool:
        """Slow: whether a day has ended or was closed."""
        end = day_bounds(day, day, self._host.zone, self.day_starts_at)[1]
        mark = mark or self._store.mark(day)
        return now >= end or (mark is not None and mark.closed)


def _xlsx(out: Path) -> Path:
    return out if out.suffix.lower() == ".xlsx" else out.with_name(f"{out.name}.xlsx")


__all__ = ["Host", "Matched", "Photograph", "PlanImport", "Proposed", "Reference", "RoundDesk", "Trouble"]
